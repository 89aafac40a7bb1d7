//! The program as a person at a terminal meets it: every way it can be started wrongly ends with one clear sentence and an exit
//! code, and nothing changed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

mod db;
mod first_application;
#[cfg(feature = "postgres-tests")]
mod postgres;

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

/// A folder with a configuration, and what runs in it; gone at the end.
struct Place {
    folder: PathBuf,
    children: Vec<Child>,
}

impl Drop for Place {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

const CONFIG: &str = r#"
issuer   = "http://localhost:8080"
listen   = "127.0.0.1:0"
database = "sqlite:data/grantwell.db"
[keys]
master = "grantwell.key"
[log]
format = "json"
"#;

const STATE: &str = r#"
[[resource]]
identifier = "https://api.example.test/"
name = "Notes"
[resource.scopes]
"notes:read" = "Read your notes"

[[client]]
client_id = "web"
client_name = "Example web application"
client_secret = "a client secret of more than thirty-two characters"
token_endpoint_auth_method = "client_secret_basic"
redirect_uris = ["https://rp.example/cb"]
grant_types = ["authorization_code", "refresh_token"]
scope = "openid notes:read"

[[user]]
username = "ada"
password = "correct horse battery staple"
email = "ada@example.test"
"#;

impl Place {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let folder = std::env::temp_dir().join(format!("grantwell-cli-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let place = Self { folder, children: Vec::new() };
        place.write("grantwell.toml", CONFIG);
        place.write("state.toml", STATE);
        place
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        let _ = fs::remove_file(&path);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_grantwell"));
        command.args(arguments).current_dir(&self.folder).env_clear().stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs what must fail; answers what it said.
    #[track_caller]
    fn fails(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
        assert!(!said.contains("panicked"), "{said}");
        said
    }

    #[track_caller]
    fn apply(&self, more: &[&str]) -> String {
        let output = self.run(&[&["apply", "--config", "grantwell.toml", "state.toml"], more].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Starts the server; answers the address of its ready line.
    fn serve(&mut self) -> String {
        let child =
            self.command(&["serve", "--config", "grantwell.toml"]).stderr(Stdio::piped()).spawn().unwrap();
        self.children.push(child);
        let stderr = self.children.last_mut().unwrap().stderr.take().unwrap();
        let mut lines = BufReader::new(stderr).lines();
        let ready = lines.by_ref().map(Result::unwrap).find(|line| line.contains("ready on")).unwrap();
        std::thread::spawn(move || lines.for_each(drop));
        ready.split("\"address\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    }
}

fn get(address: &str, target: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(stream, "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

fn sql(database: &Path, statement: &str) {
    rusqlite::Connection::open(database).unwrap().execute_batch(statement).unwrap();
}

#[test]
fn who_reads_may_leave_before_the_end() {
    let place = Place::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = place.command(&["config", "reference"]).stdout(writer).output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(0), ""));
}

#[test]
fn apply_twice_changes_nothing() {
    let place = Place::new();
    let files = || fs::read_dir(&place.folder).unwrap().count();
    let before = files();
    assert!(place.apply(&["--dry-run"]).contains("3 created"), "a dry run says what it would do");
    assert_eq!(files(), before, "and makes neither database nor master key");
    assert!(place.apply(&[]).contains("3 created, 0 changed, 0 left, 0 removed"));
    assert!(place.apply(&[]).contains("0 created, 0 changed, 3 left, 0 removed"));
    let json: serde_json::Value = serde_json::from_str(&place.apply(&["--json"])).unwrap();
    let changes = json["changes"].as_array().unwrap();
    assert!(changes.iter().all(|change| change["action"] == "leave"), "{json}");
    // What the file declares no longer stays, until it is asked to go.
    place.write("state.toml", STATE.split("[[user]]").next().unwrap());
    assert!(place.apply(&[]).contains("0 removed"));
    assert!(place.apply(&["--prune"]).contains("1 removed"));
    assert!(place.apply(&["--prune"]).contains("0 created, 0 changed, 2 left, 0 removed"));
}

#[test]
fn what_was_probably_not_meant_is_a_warning() {
    let place = Place::new();
    place.write("state.toml", &STATE.replace("openid notes:read", "openid notes:raed offline,access"));
    for more in [&["--dry-run"][..], &[]] {
        let output = place.run(&[&["apply", "--config", "grantwell.toml", "state.toml"], more].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            (output.status.code(), said.matches("warning: state.toml:15:").count()),
            (Some(0), 2),
            "{said}"
        );
        assert!(said.contains("did you mean \"notes:read\"?") && said.contains("with spaces"), "{said}");
    }
    let json: serde_json::Value = serde_json::from_str(&place.apply(&["--json"])).unwrap();
    assert_eq!(json["warnings"].as_array().map(Vec::len), Some(2), "{json}");
    assert_eq!(json["warnings"][0]["nearest"], "notes:read", "{json}");
}

#[test]
fn five_mistakes_are_five_errors_with_their_places_and_nothing_changes() {
    let place = Place::new();
    place.apply(&[]);
    let wrong = STATE
        .replace("client_name", "client_nam")
        .replace("https://rp.example/cb", "http://rp.example/cb")
        .replace("\"authorization_code\"", "\"authorisation_code\"")
        .replace("ada@example.test", "ada")
        .replace("a client secret of more than thirty-two characters", "short");
    place.write("state.toml", &wrong);
    let said = place.fails(&["apply", "--config", "grantwell.toml", "state.toml"]);
    let places = said.lines().filter(|line| line.contains("state.toml:")).count();
    assert_eq!(places, 5, "{said}");
    assert!(said.contains("did you mean \"client_name\"?"), "{said}");
    assert!(said.contains("did you mean \"authorization_code\"?"), "{said}");
    assert!(!said.contains("correct horse"), "{said}");
    for more in [&[][..], &["--dry-run"]] {
        let output =
            place.run(&[&["apply", "--config", "grantwell.toml", "state.toml", "--json"], more].concat());
        assert_eq!((output.status.code(), output.stderr.is_empty()), (Some(1), true));
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let errors = json["errors"].as_array().unwrap();
        assert_eq!(errors.len(), 5, "{json}");
        assert!(errors.iter().all(|error| error["file"] == "state.toml" && error["line"].as_u64() > Some(1)));
        assert_eq!(errors[0]["nearest"], "client_name", "{json}");
    }
    let output = place.run(&["apply", "--config", "nowhere.toml", "state.toml", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(json["errors"][0]["message"].as_str().unwrap().contains("nowhere.toml"), "{json}");
    place.write("state.toml", STATE);
    assert!(
        place.apply(&[]).contains("0 created, 0 changed, 3 left"),
        "nothing was changed by the wrong file"
    );
}

#[test]
fn a_running_server_honours_apply_within_a_second_and_ends_on_sigterm() {
    let mut place = Place::new();
    let address = place.serve();
    let target = "/authorize?client_id=web&response_type=code&redirect_uri=https%3A%2F%2Frp.example%2Fcb&scope=openid\
                  &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    assert!(get(&address, target).contains("data-error=\"unknown_client\""));
    let honours = |state: &str, shown: &str| {
        place.write("state.toml", state);
        place.apply(&[]);
        let applied = Instant::now();
        while !get(&address, target).contains(shown) {
            assert!(applied.elapsed() < Duration::from_secs(1), "a change is honoured within one second");
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    honours(STATE, "data-page=\"sign-in\"");
    let disabled = STATE.replace("scope = \"openid notes:read\"", "scope = \"openid\"\ndisabled = true");
    honours(&disabled, "data-error=\"unknown_client\"");
    let child = place.children.last_mut().unwrap();
    let ended = Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(ended.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn ft_13_a_server_that_ends_says_so_before_it_takes_no_more() {
    let mut place = Place::new();
    place.write("grantwell.toml", &format!("{CONFIG}[limits]\nshutdown_notice = \"2s\"\n"));
    let address = place.serve();
    assert!(get(&address, "/readyz").starts_with("HTTP/1.1 200"));
    let child = place.children.last_mut().unwrap();
    let (asked, kill) = (Instant::now(), Command::new("kill").arg(child.id().to_string()).status());
    assert!(kill.unwrap().success());
    let told = Instant::now();
    while !get(&address, "/readyz").starts_with("HTTP/1.1 503") {
        assert!(told.elapsed() < Duration::from_secs(1), "it says so at once");
    }
    assert!(get(&address, "/jwks").starts_with("HTTP/1.1 200"), "whoever comes is still served");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(asked.elapsed() >= Duration::from_secs(2));
}

#[test]
fn what_was_counted_is_written_when_the_server_ends() {
    let mut place = Place::new();
    place.write(
        "state.toml",
        &STATE.replace("[\"authorization_code\",", "[\"client_credentials\", \"authorization_code\","),
    );
    place.apply(&[]);
    let address = place.serve();
    let body = "grant_type=client_credentials&scope=notes%3Aread";
    let credential = "d2ViOmEgY2xpZW50IHNlY3JldCBvZiBtb3JlIHRoYW4gdGhpcnR5LXR3byBjaGFyYWN0ZXJz";
    for _ in 0..2 {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        write!(
            stream,
            "POST /token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Basic {credential}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    }
    let child = place.children.last_mut().unwrap();
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let database = rusqlite::Connection::open(place.path("data/grantwell.db")).unwrap();
    let count: i64 = database.query_row("SELECT sum(count) FROM issued", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 2);
}

#[test]
fn a_wrong_configuration_tells_every_mistake_with_its_place() {
    let place = Place::new();
    place.write(
        "grantwell.toml",
        &format!("isuer = \"x\"\nlisten = 7\n{CONFIG}\n[polcy]\nprofile = \"oauth2.1\"\n"),
    );
    for command in
        [&["config", "check", "--config", "grantwell.toml"][..], &["serve", "--config", "grantwell.toml"]]
    {
        let said = place.fails(command);
        assert!(said.contains("grantwell.toml:1:1: ") && said.contains("did you mean \"issuer\"?"), "{said}");
    }
    place.write("grantwell.toml", &CONFIG.replace("localhost:8080", "id.example.test"));
    let said = place.fails(&["config", "check", "--config", "grantwell.toml"]);
    assert!(said.contains("https"), "plain http is for loopback: {said}");
    place.write(
        "grantwell.toml",
        &CONFIG.replace("sqlite:data/grantwell.db", "postgres://u:secret@h/db?sslmode=maybe"),
    );
    let said = place.fails(&["serve", "--config", "grantwell.toml"]);
    assert!(said.contains("grantwell.toml:4:") && !said.contains("secret"), "{said}");
    assert!(place.fails(&["serve", "--config", "nowhere.toml"]).contains("nowhere.toml"));
    place.write("grantwell.toml", CONFIG);
    assert_eq!(place.run(&["config", "check", "--config", "grantwell.toml"]).status.code(), Some(0));
}

#[test]
fn a_wrong_command_line_is_exit_code_2() {
    let place = Place::new();
    for arguments in [&["sevre"][..], &[], &["apply"], &["serve", "--port", "1"], &["dev", "--port", "70000"]]
    {
        let output = place.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
    assert_eq!(place.run(&["--help"]).status.code(), Some(0));
}

#[test]
fn a_taken_port_is_one_sentence() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    place.write("grantwell.toml", &CONFIG.replace("127.0.0.1:0", &address));
    let said = place.fails(&["serve", "--config", "grantwell.toml"]);
    assert!(said.contains(&format!("{address} is taken")), "{said}");
    assert!(!place.path("data/grantwell.db").exists(), "nothing was made");
}

#[test]
fn a_database_of_another_issuer_is_refused() {
    let place = Place::new();
    place.apply(&[]);
    place.write("grantwell.toml", &CONFIG.replace("localhost:8080", "localhost:9999"));
    let said = place.fails(&["serve", "--config", "grantwell.toml"]);
    assert!(said.contains("http://localhost:8080") && said.contains("http://localhost:9999"), "{said}");
}

#[test]
fn a_database_from_the_future_or_of_another_program_is_refused() {
    let place = Place::new();
    place.apply(&[]);
    sql(&place.path("data/grantwell.db"), "PRAGMA user_version = 999");
    let said = place.fails(&["serve", "--config", "grantwell.toml"]);
    assert!(said.contains("newer") || said.contains("future"), "{said}");
    let place = Place::new();
    fs::create_dir_all(place.path("data")).unwrap();
    sql(&place.path("data/grantwell.db"), "CREATE TABLE recipes (name TEXT)");
    let said = place.fails(&["serve", "--config", "grantwell.toml"]);
    assert!(said.contains("Grantwell"), "{said}");
}

#[test]
fn q_02_q_04_a_missing_wrong_or_readable_master_key_is_refused() {
    let place = Place::new();
    place.apply(&[]);
    let key = place.path("grantwell.key");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o400);
    let good = fs::read_to_string(&key).unwrap();

    fs::set_permissions(&key, fs::Permissions::from_mode(0o404)).unwrap();
    let said = place.fails(&["serve", "--config", "grantwell.toml"]);
    assert!(said.contains("grantwell.key") && said.contains("chmod 400"), "{said}");

    fs::remove_file(&key).unwrap();
    let said = place.fails(&["serve", "--config", "grantwell.toml"]);
    assert!(said.contains("grantwell.key") && said.contains("missing"), "{said}");
    assert!(!key.exists(), "a new one could read nothing, so none is made");

    let first = if good.starts_with('A') { 'B' } else { 'A' };
    place.write("grantwell.key", &format!("{first}{}", good.get(1..).unwrap()));
    let said = place.fails(&["serve", "--config", "grantwell.toml"]);
    assert!(said.contains("not the one that this database was created with"), "{said}");

    place.write("grantwell.key", "not a key");
    assert!(place.fails(&["serve", "--config", "grantwell.toml"]).contains("not a master key"));
}

#[test]
fn a_successor_of_every_key_is_published_at_once() {
    let mut place = Place::new();
    let address = place.serve();
    let count = |text: &str| text.matches("\"kid\"").count();
    // The RSA keys of a first start follow in the background.
    let mut before = count(&get(&address, "/jwks"));
    for _ in 0..200 {
        if before == 5 {
            break;
        }
        std::thread::park_timeout(Duration::from_millis(50));
        before = count(&get(&address, "/jwks"));
    }
    assert_eq!(before, 5);
    let output = place.run(&["key", "rotate", "--config", "grantwell.toml"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8(place.run(&["key", "ls", "--config", "grantwell.toml"]).stdout).unwrap();
    assert_eq!(listed.lines().filter(|line| line.contains(" next ")).count(), 5, "{listed}");
    let mut after = 0;
    for _ in 0..40 {
        after = count(&get(&address, "/jwks"));
        if after == 10 {
            break;
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
    assert_eq!(after, 10, "published within a second or two");
}
