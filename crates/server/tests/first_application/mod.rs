//! Follows the guide "Add an application". The configuration, the state file, the commands and the requests are read from the guide itself;
//! only the port and the format of the log are set here.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::Stdio,
    time::{Duration, Instant},
};

use url::{Url, form_urlencoded};

use super::Place;

/// RFC 7636, Appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// What stands for `…` in the state file of the page, in this order: as `openssl rand -hex 32` makes them, and a password.
const WEB: &str = "5f1d8a27c0b94e63a17f2c85d90e4b36718f5a2dc3e94b07a6d1f8c25b3e9074";
const NIGHTLY: &str = "c81e728d9d4c2f636f067f89cc14862c4b5e0a7d93f1c6285ad0e97b34f26c18";
const PASSWORD: &str = "correct horse battery staple";

/// The page, and what its blocks say.
struct Guide(String);

impl Guide {
    fn read() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/how-to/add-an-application.md");
        Self(fs::read_to_string(path).unwrap())
    }

    /// The blocks of one language, in their order.
    fn blocks(&self, language: &str) -> Vec<&str> {
        let marker = format!("```{language}\n");
        self.0.split(&marker).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
    }

    /// The commands of the page that begin so, each on one line.
    fn commands(&self, program: &str) -> Vec<String> {
        let text = self.blocks("sh").concat().replace("\\\n", " ");
        text.lines().filter(|line| line.starts_with(program)).map(str::to_owned).collect()
    }

    /// The one request of `curl` with this in it, with the placeholders filled in.
    fn request(&self, about: &str, placeholders: &[(&str, &str)]) -> HttpRequest {
        let commands = self.commands("curl ");
        let mut found = commands.iter().filter(|command| command.contains(about));
        let (command, more) = (found.next().unwrap(), found.next());
        assert_eq!(more, None, "{about}");
        HttpRequest::of_curl(&filled(command, placeholders))
    }
}

fn filled(text: &str, placeholders: &[(&str, &str)]) -> String {
    placeholders.iter().fold(text.to_owned(), |text, (name, value)| {
        assert!(text.contains(name), "{text} has no {name}");
        text.replace(name, value)
    })
}

fn encoded(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// A request, as far as `curl` says it.
#[derive(Debug, Default)]
struct HttpRequest {
    target: String,
    headers: Vec<String>,
    body: Option<String>,
}

impl HttpRequest {
    /// What `curl` would send (its manual: `-d` as it stands, `--data-urlencode` encoded behind the first `=`, `-u` as Basic).
    fn of_curl(command: &str) -> Self {
        let mut request = Self::default();
        let mut fields = Vec::new();
        let mut words = words(command).into_iter().skip(1);
        while let Some(word) = words.next() {
            match word.as_str() {
                "-d" => fields.push(words.next().unwrap()),
                "--data-urlencode" => {
                    let field = words.next().unwrap();
                    let (name, value) = field.split_once('=').unwrap();
                    fields.push(encoded(&[(name, value)]));
                }
                "-u" => request.headers.push(basic(&words.next().unwrap())),
                "-H" => request.headers.push(words.next().unwrap()),
                url => request.target = target_of(url),
            }
        }
        request.body = (!fields.is_empty()).then(|| fields.join("&"));
        request
    }

    fn with_field(mut self, name: &str, value: &str) -> Self {
        let body = self.body.get_or_insert_default();
        body.push('&');
        body.push_str(&encoded(&[(name, value)]));
        self
    }
}

/// The words of a command: blanks divide them, but in double quotes.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in command.chars() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn basic(credential: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    format!("Authorization: Basic {}", STANDARD.encode(credential))
}

/// The path and query of an address of the page's server.
fn target_of(url: &str) -> String {
    let rest =
        url.strip_prefix("http://localhost:8080").unwrap_or_else(|| panic!("not of the server: {url}"));
    rest.to_owned()
}

/// A response.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    #[track_caller]
    fn json(&self) -> serde_json::Value {
        assert_eq!(self.status, 200, "{self:#?}");
        serde_json::from_str(&self.body).unwrap()
    }

    #[track_caller]
    fn location(&self) -> &str {
        let found = self.headers.iter().find(|(name, _)| name == "location");
        found.map_or_else(|| panic!("no Location: {self:#?}"), |(_, value)| value)
    }
}

fn send(address: &str, request: &HttpRequest) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let method = if request.body.is_some() { "POST" } else { "GET" };
    write!(stream, "{method} {} HTTP/1.1\r\nHost: localhost:8080\r\nConnection: close\r\n", request.target)
        .unwrap();
    for header in &request.headers {
        write!(stream, "{header}\r\n").unwrap();
    }
    if let Some(body) = &request.body {
        let (form, length) = ("application/x-www-form-urlencoded", body.len());
        write!(stream, "Content-Type: {form}\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
    } else {
        write!(stream, "\r\n").unwrap();
    }
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    Answer { status, headers: headers.collect(), body: body.to_owned() }
}

/// A browser without scripts: keeps cookies, follows redirects to the server, sends forms.
struct Browser<'a> {
    address: &'a str,
    cookies: BTreeMap<String, String>,
}

impl Browser<'_> {
    fn send(&mut self, target: &str, form: Option<String>) -> Answer {
        let cookies = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
        let mut headers = vec![format!("Cookie: {}", cookies.collect::<Vec<_>>().join("; "))];
        headers.push("Accept: text/html".to_owned());
        if form.is_some() {
            headers.push("Origin: http://localhost:8080".to_owned());
        }
        let request = HttpRequest { target: target.to_owned(), headers, body: form };
        let answer = send(self.address, &request);
        for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }

    /// Opens an address, or sends a form, and goes where the server sends it until a page comes, or the browser leaves the server.
    fn follow(&mut self, target: &str, form: Option<String>) -> Answer {
        let mut answer = self.send(target, form);
        while answer.status == 303 && answer.location().starts_with("http://localhost:8080/") {
            answer = self.send(&target_of(answer.location()), None);
        }
        answer
    }

    /// Fills in the form of a page that has this field, and sends it.
    fn submit(&mut self, page: &Answer, fields: &[(&str, &str)]) -> Answer {
        let has = format!("name=\"{}\"", fields[0].0);
        let form = page.body.split("<form ").skip(1).map(|rest| rest.split("</form>").next().unwrap());
        let form = form.into_iter().find(|form| form.contains(&has)).unwrap_or_else(|| panic!("{page:#?}"));
        let hidden = form.split("<input ").skip(1).filter(|input| input.contains("type=\"hidden\""));
        let mut sent: Vec<_> =
            hidden.map(|input| (attribute(input, "name"), attribute(input, "value"))).collect();
        sent.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(sent).finish();
        self.follow(&attribute(form, "action"), Some(body))
    }

    /// Signs in as `ada` and allows what is asked; the parameters that arrive at the redirect URI.
    fn code(&mut self, target: &str) -> BTreeMap<String, String> {
        let mut answer = self.follow(target, None);
        if answer.body.contains("data-page=\"sign-in\"") {
            answer = self.submit(&answer, &[("username", "ada"), ("password", PASSWORD)]);
        }
        if answer.body.contains("data-page=\"consent\"") {
            answer = self.submit(&answer, &[("decision", "allow")]);
        }
        let arrived = Url::parse(answer.location()).unwrap();
        assert!(arrived.as_str().starts_with("https://rp.example/cb?"), "{arrived}");
        arrived.query_pairs().into_owned().collect()
    }
}

fn attribute(tag: &str, name: &str) -> String {
    let value = tag.split(&format!("{name}=\"")).nth(1).unwrap().split('"').next().unwrap();
    value.replace("&quot;", "\"").replace("&#x27;", "'").replace("&#x2f;", "/").replace("&amp;", "&")
}

/// The state file of the page, with secrets.
fn state(guide: &Guide) -> String {
    let mut secrets = [WEB, NIGHTLY, PASSWORD].into_iter();
    let mut pieces = guide.blocks("toml")[1].split("\"…\"");
    let first = pieces.next().unwrap().to_owned();
    let text = pieces.fold(first, |text, piece| format!("{text}\"{}\"{piece}", secrets.next().unwrap()));
    assert_eq!(secrets.next(), None, "{text}");
    text
}

/// Runs a command of the page; answers what it printed. It has nothing to warn of.
#[track_caller]
fn run(place: &Place, command: &str) -> String {
    let arguments: Vec<_> = command.split(' ').skip(1).collect();
    let output = place.run(&arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), said.contains("warning")), (Some(0), false), "{command}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Starts the server as the page does; answers the address of its ready line.
fn serve(place: &mut Place, command: &str) -> String {
    let arguments: Vec<_> = command.split(' ').skip(1).collect();
    let mut command = place.command(&arguments);
    command.env("GRANTWELL_LISTEN", "127.0.0.1:0").env("GRANTWELL_LOG__FORMAT", "json");
    place.children.push(command.stderr(Stdio::piped()).spawn().unwrap());
    let stderr = place.children.last_mut().unwrap().stderr.take().unwrap();
    let mut lines = BufReader::new(stderr).lines();
    let ready = lines.by_ref().map(Result::unwrap).find(|line| line.contains("ready on")).unwrap();
    std::thread::spawn(move || lines.for_each(drop));
    ready.split("\"address\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[test]
fn a_new_user_connects_an_application_with_what_the_guide_says_and_no_more() {
    let guide = Guide::read();
    let mut place = Place::new();
    place.write("grantwell.toml", guide.blocks("toml")[0]);
    place.write("state.toml", &state(&guide));
    let [start, dry_run, apply] = &guide.commands("grantwell ")[..] else { panic!("other commands") };
    let address = serve(&mut place, start);
    assert!(run(&place, dry_run).contains("6 created"));
    let said = run(&place, apply);
    let promised = guide.blocks("text")[0].lines().last().unwrap();
    assert!(promised.starts_with("6 created") && said.contains(promised), "{said}");

    // The browser, from the address of the page to the redirect URI.
    let open = guide.blocks("text")[1].trim();
    let open =
        target_of(&filled(open, &[("STATE", "the state"), ("CHALLENGE", CHALLENGE)]).replace(' ', "%20"));
    let mut browser = Browser { address: &address, cookies: BTreeMap::new() };
    // "It uses the new state within a second."
    let applied = Instant::now();
    while browser.follow(&open, None).body.contains("unknown_client") {
        assert!(applied.elapsed() < Duration::from_secs(2), "the client is not known");
        std::thread::sleep(Duration::from_millis(10));
    }
    let arrived = browser.code(&open);
    assert_eq!((&*arrived["state"], &*arrived["iss"]), ("the state", "http://localhost:8080"));

    // The requests of the page.
    let redeem = |code: &str| {
        let placeholders = [("SECRET", WEB), ("=CODE", &*format!("={code}")), ("VERIFIER", VERIFIER)];
        guide.request("authorization_code", &placeholders)
    };
    let tokens = send(&address, &redeem(&arrived["code"])).json();
    assert_eq!((&tokens["token_type"], &tokens["scope"]), (&"Bearer".into(), &"email openid profile".into()));
    assert!(tokens["id_token"].is_string() && tokens["refresh_token"].is_string(), "{tokens}");
    let access_token = tokens["access_token"].as_str().unwrap();
    let claims = send(&address, &guide.request("/userinfo", &[("ACCESS_TOKEN", access_token)])).json();
    assert_eq!((&claims["name"], &claims["email"]), (&"Ada Example".into(), &"ada@example.test".into()));
    let machine = send(&address, &guide.request("nightly", &[("SECRET", NIGHTLY)])).json();
    assert_eq!((&machine["scope"], machine.get("refresh_token")), (&"notes:read".into(), None));

    // "In place of -u": the secret in the body.
    let in_body = format!("-d client_id=web -d client_secret={WEB}");
    assert!(guide.0.contains("`-d client_id=web -d client_secret=SECRET` in place of `-u web:SECRET`"));
    let command =
        guide.commands("curl ").into_iter().find(|command| command.contains("-u web:SECRET")).unwrap();
    let code = browser.code(&open)["code"].clone();
    let command = filled(
        &command,
        &[("-u web:SECRET", &in_body), ("=CODE", &format!("={code}")), ("VERIFIER", VERIFIER)],
    );
    assert!(send(&address, &HttpRequest::of_curl(&command)).json()["id_token"].is_string());

    // The page says that the verifier is needed; and it is.
    let code = browser.code(&open)["code"].clone();
    let mut without = redeem(&code);
    without.body = without.body.map(|body| body.replace(&format!("&code_verifier={VERIFIER}"), ""));
    let refused = send(&address, &without);
    assert!(refused.status == 400 && refused.body.contains("code_verifier is missing"), "{refused:#?}");
    assert!(send(&address, &redeem(&code)).json()["id_token"].is_string(), "the code is good still");
}

#[test]
fn the_request_of_rfc_6749_works_for_a_client_that_cannot_do_pkce() {
    let guide = Guide::read();
    let waiver = "require_pkce = false";
    assert!(guide.0.contains(&format!("a confidential client that cannot do it may have\n`{waiver}`")));
    let mut place = Place::new();
    place.write("grantwell.toml", guide.blocks("toml")[0]);
    place.write(
        "state.toml",
        &filled(&state(&guide), &[("client_id     = \"web\"", &format!("client_id = \"web\"\n{waiver}"))]),
    );
    let commands = guide.commands("grantwell ");
    run(&place, commands.last().unwrap());
    let address = serve(&mut place, commands.first().unwrap());
    let open = guide.blocks("text")[1].trim();
    let open = filled(open, &[("&code_challenge=CHALLENGE&code_challenge_method=S256", "")]);
    let mut browser = Browser { address: &address, cookies: BTreeMap::new() };
    // §4.1.3, with the secret as §2.3.1 has it: in the header, or in the body.
    for in_header in [true, false] {
        let code = &browser.code(&target_of(&open))["code"];
        let body =
            format!("grant_type=authorization_code&code={code}&redirect_uri=https%3A%2F%2Frp%2Eexample%2Fcb");
        let headers = if in_header { vec![basic(&format!("web:{WEB}"))] } else { Vec::new() };
        let mut request = HttpRequest { target: "/token".to_owned(), headers, body: Some(body) };
        if !in_header {
            request = request.with_field("client_id", "web").with_field("client_secret", WEB);
        }
        let tokens = send(&address, &request).json();
        assert!(tokens["access_token"].is_string() && tokens["id_token"].is_string(), "{tokens}");
    }
}
