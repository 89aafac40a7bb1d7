//! The steps of the authorization code flow and what goes with it (RFC 6749 §4.1, §6; RFC 7009; RFC 7662), as a client and a
//! person's browser take them. They fit every server: endpoints come from discovery, pages are filled in where
//! there are any.

use std::{borrow::Cow, collections::BTreeMap};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::http::{Call, Fault, HttpConnection, Reply, form};

/// Where every code goes.
pub(crate) const REDIRECT_URI: &str = "https://rp.example/cb";
/// RFC 7636 Appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const SECRET: &str = "a client secret of more than thirty-two characters";
pub(crate) const PASSWORD: &str = "correct horse battery staple";
/// Most pages and redirects between a request and its code.
const MOST_STEPS: usize = 10;

/// Endpoints, as paths.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    authorize: String,
    token: String,
    introspect: String,
    revoke: String,
    userinfo: String,
    pub(crate) jwks: String,
}

pub(crate) const DISCOVERY: &str = "/.well-known/openid-configuration";

impl Paths {
    /// Asks for them.
    pub(crate) async fn discover(connection: &mut HttpConnection) -> Result<Self, Fault> {
        let document = connection.send(Call::get(DISCOVERY)).await?.expect(200)?.json();
        let path = |name: &str| {
            let url = document.get(name).and_then(Value::as_str);
            let missing = || Fault::Unexpected(format!("discovery has no {name}"));
            url.map(|url| path_of(url).to_owned()).ok_or_else(missing)
        };
        Ok(Self {
            authorize: path("authorization_endpoint")?,
            token: path("token_endpoint")?,
            introspect: path("introspection_endpoint")?,
            revoke: path("revocation_endpoint")?,
            userinfo: path("userinfo_endpoint")?,
            jwks: path("jwks_uri")?,
        })
    }
}

/// The path and query of an URL.
pub(crate) fn path_of(url: &str) -> &str {
    if url.starts_with('/') {
        return url;
    }
    let after = url.split_once("://").map_or(url, |(_, after)| after);
    after.find('/').and_then(|at| after.get(at..)).unwrap_or("/")
}

/// A client and what it asks for.
#[derive(Clone, Debug)]
pub(crate) struct BenchClient {
    pub(crate) paths: Paths,
    pub(crate) id: Cow<'static, str>,
    pub(crate) scope: &'static str,
    pub(crate) resource: Option<&'static str>,
}

/// What a token answer holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct TokenReply {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl BenchClient {
    /// The confidential web application.
    pub(crate) fn web(paths: Paths) -> Self {
        Self {
            paths,
            id: "web".into(),
            scope: "openid notes:read",
            resource: Some("https://api.example.test/"),
        }
    }

    fn credential(&self) -> String {
        format!("Basic {}", STANDARD.encode(form_credential(&self.id, SECRET)))
    }

    /// The request that a browser carries to the authorization endpoint.
    pub(crate) fn request(&self) -> String {
        let mut fields = vec![
            ("response_type", "code"),
            ("client_id", self.id.as_ref()),
            ("redirect_uri", REDIRECT_URI),
            ("scope", self.scope),
            ("state", "af0ifjsldkj"),
            ("nonce", "n-0S6_WzA2Mj"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        fields.extend(self.resource.map(|resource| ("resource", resource)));
        format!("{}?{}", self.paths.authorize, form(&fields))
    }

    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Call {
        Call::post(path, fields).with("authorization", &self.credential())
    }

    /// A browser with a session and a consent: no page is shown.
    pub(crate) async fn authorize(
        &self,
        connection: &mut HttpConnection,
        cookies: &str,
    ) -> Result<String, Fault> {
        let reply = connection.send(Call::get(&self.request()).with("cookie", cookies)).await?;
        reply.parameter("code").ok_or_else(|| reply.unexpected())
    }

    /// The request that redeems a code.
    pub(crate) fn redemption(&self, code: &str) -> Call {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
        ];
        self.post(&self.paths.token, &fields)
    }

    /// The request that uses a refresh token.
    pub(crate) fn use_of(&self, token: &str) -> Call {
        self.post(&self.paths.token, &[("grant_type", "refresh_token"), ("refresh_token", token)])
    }

    /// The request for a token of the client's own.
    pub(crate) fn machine_request(&self) -> Call {
        let mut fields = vec![("grant_type", "client_credentials"), ("scope", self.scope)];
        fields.extend(self.resource.map(|resource| ("resource", resource)));
        self.post(&self.paths.token, &fields)
    }

    /// The request that revokes a token.
    pub(crate) fn revocation(&self, token: &str) -> Call {
        self.post(&self.paths.revoke, &[("token", token)])
    }

    /// The code is redeemed; the answer whatever it is.
    pub(crate) async fn redeem(&self, connection: &mut HttpConnection, code: &str) -> Result<Reply, Fault> {
        connection.send(self.redemption(code)).await
    }

    /// A refresh token is used; the answer whatever it is.
    pub(crate) async fn refresh(&self, connection: &mut HttpConnection, token: &str) -> Result<Reply, Fault> {
        connection.send(self.use_of(token)).await
    }

    /// A token of the client's own, for itself.
    pub(crate) async fn client_credentials(&self, connection: &mut HttpConnection) -> Result<Reply, Fault> {
        connection.send(self.machine_request()).await?.expect(200)
    }

    pub(crate) async fn revoke(&self, connection: &mut HttpConnection, token: &str) -> Result<Reply, Fault> {
        connection.send(self.revocation(token)).await
    }

    /// Whether a token is alive.
    pub(crate) async fn is_active(
        &self,
        connection: &mut HttpConnection,
        token: &str,
    ) -> Result<bool, Fault> {
        let reply =
            connection.send(self.post(&self.paths.introspect, &[("token", token)])).await?.expect(200)?;
        match (reply.holds(b"\"active\":true"), reply.holds(b"\"active\":false")) {
            (true, false) => Ok(true),
            (false, true) => Ok(false),
            _ => Err(reply.unexpected()),
        }
    }

    pub(crate) async fn user_info(
        &self,
        connection: &mut HttpConnection,
        token: &str,
    ) -> Result<Reply, Fault> {
        let call = Call::get(&self.paths.userinfo).with("authorization", &format!("Bearer {token}"));
        connection.send(call).await?.expect(200)
    }
}

/// RFC 6749 §2.3.1: both halves are form-encoded before they meet.
fn form_credential(id: &str, secret: &str) -> String {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("{}:{}", encoded(id), encoded(secret))
}

/// The tokens of an answer.
pub(crate) fn tokens(reply: &Reply) -> Result<TokenReply, Fault> {
    let answer = reply.json();
    let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
    match (reply.status, text("access_token"), text("refresh_token")) {
        (200, Some(access), Some(refresh)) => Ok(TokenReply { access, refresh }),
        _ => Err(reply.unexpected()),
    }
}

/// A person's browser: keeps cookies, fills in forms.
#[derive(Clone, Debug, Default)]
pub(crate) struct FormBrowser {
    cookies: BTreeMap<String, String>,
}

impl FormBrowser {
    /// The `Cookie` header.
    pub(crate) fn cookies(&self) -> String {
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }

    pub(crate) async fn send(&mut self, connection: &mut HttpConnection, call: Call) -> Result<Reply, Fault> {
        let call = if self.cookies.is_empty() { call } else { call.with("cookie", &self.cookies()) };
        let reply = connection.send(call).await?;
        for cookie in &reply.cookies {
            let pair = cookie.split(';').next().and_then(|pair| pair.split_once('='));
            if let Some((name, value)) = pair {
                if value.is_empty() {
                    self.cookies.remove(name);
                } else {
                    self.cookies.insert(name.to_owned(), value.to_owned());
                }
            }
        }
        Ok(reply)
    }

    /// The sign-in page of a request, filled in and sent.
    pub(crate) async fn sign_in(
        &mut self,
        connection: &mut HttpConnection,
        client: &BenchClient,
        username: &str,
    ) -> Result<Reply, Fault> {
        let page = self.send(connection, Call::get(&client.request())).await?.expect(200)?;
        self.send(connection, filled_in(&page, &[("username", username), ("password", PASSWORD)])?).await
    }

    /// Through sign-in and consent, as far as they are asked, to the code.
    pub(crate) async fn authorize(
        &mut self,
        connection: &mut HttpConnection,
        client: &BenchClient,
        username: &str,
    ) -> Result<String, Fault> {
        self.walk(&mut [connection], &client.request(), username).await
    }

    /// The same from any request on, each step by way of the next connection.
    pub(crate) async fn walk(
        &mut self,
        connections: &mut [&mut HttpConnection],
        request: &str,
        username: &str,
    ) -> Result<String, Fault> {
        let count = connections.len().max(1);
        let mut next = Call::get(request);
        for step in 0..MOST_STEPS {
            let connection = connections.get_mut(step % count);
            let connection = connection.ok_or_else(|| Fault::Unexpected("no server".to_owned()))?;
            let reply = self.send(connection, next).await?;
            if let Some(location) = reply.location.clone() {
                if location.starts_with(REDIRECT_URI) {
                    return reply.parameter("code").ok_or_else(|| reply.unexpected());
                }
                next = Call::get(path_of(&location));
                continue;
            }
            let text = reply.text();
            let fields: &[(&str, &str)] = match attribute(&text, "data-page") {
                Some("sign-in") => &[("username", username), ("password", PASSWORD)],
                Some("consent") => &[("decision", "allow")],
                _ => return Err(reply.unexpected()),
            };
            next = filled_in(&reply, fields)?;
        }
        Err(Fault::Unexpected(format!("{MOST_STEPS} steps and no code")))
    }
}

/// A page's form with these fields.
pub(crate) fn filled_in(page: &Reply, fields: &[(&str, &str)]) -> Result<Call, Fault> {
    let (action, hidden) = only_form(&page.text()).ok_or_else(|| page.unexpected())?;
    let hidden = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let fields: Vec<(&str, &str)> = hidden.chain(fields.iter().copied()).collect();
    Ok(Call::post(&action, &fields))
}

/// The target and the hidden fields of the page's one form.
fn only_form(page: &str) -> Option<(String, Vec<(String, String)>)> {
    let (_, rest) = page.split_once("<form")?;
    let (form, _) = rest.split_once("</form>")?;
    let action = unescape(attribute(form, "action")?);
    let inputs = form.split("<input ").skip(1).filter(|input| input.contains("type=\"hidden\""));
    let hidden = inputs.filter_map(|input| {
        Some((unescape(attribute(input, "name")?), unescape(attribute(input, "value").unwrap_or_default())))
    });
    Some((path_of(&action).to_owned(), hidden.collect()))
}

fn attribute<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split_once(&format!("{name}=\""))?.1.split('"').next()
}

fn unescape(text: &str) -> String {
    let named =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&#39;", "'"), ("&#x2f;", "/")];
    let text = named.iter().fold(text.to_owned(), |text, (entity, plain)| text.replace(entity, plain));
    text.replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_url_is_cut_to_its_path() {
        assert_eq!(path_of("http://localhost:8080/token"), "/token");
        assert_eq!(path_of("http://localhost:8080"), "/");
        assert_eq!(path_of("/a?b=http://c/d"), "/a?b=http://c/d");
    }

    #[test]
    fn the_form_of_a_page_is_found() {
        let page = "<p><form method=\"post\" action=\"/sign-in\"><input type=\"hidden\" name=\"a\" value=\"1&amp;2\">\
                    <input name=\"username\"></form>";
        let fields = vec![("a".to_owned(), "1&2".to_owned())];
        assert_eq!(only_form(page), Some(("/sign-in".to_owned(), fields)));
        assert_eq!(only_form("<p>"), None);
    }
}
