//! What a browser brings: sessions, the transaction, the known device. And where a form came from.
//!
//! Cookies of an https issuer have the `__Host-` prefix, so that no subdomain and no plain connection can plant one; two of one
//! name count as none (catalogue L-03, L-04). `sid` holds up to five sessions, the one used last first: several accounts in
//! one browser. Which of them are live, the steps say.

use axum::http::{HeaderMap, HeaderValue, header};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use grantwell_core::{
    id::SessionId,
    interaction::{
        browser::{BrowserCookies, ClaimedSession, Device},
        form::SentFrom,
        session::SignedIn,
    },
    secret::{Bearer, Digest, Secret},
};

use crate::{app::ServedRealm, http::exchange::Exchange};

const MOST_SESSIONS: usize = 5;
const SESSION: &str = "sid";
const TRANSACTION: &str = "tx";
const DEVICE: &str = "device";

/// A browser, as far as its headers tell, and the cookies that it is given.
#[derive(Clone)]
pub(crate) struct Browser {
    /// What its cookies say.
    pub(crate) cookies: BrowserCookies,
    /// `User-Agent`; empty when there is none.
    pub(crate) user_agent: String,
    tokens: Vec<(SessionId, String)>,
    set: Vec<HeaderValue>,
}

impl Browser {
    /// Reads the headers.
    pub(crate) fn read(x: &Exchange, headers: &HeaderMap) -> Self {
        let cookie = |name: &str| only_cookie(headers, &cookie_name(&x.realm, name));
        let transaction = cookie(TRANSACTION).and_then(|text| decode32(&text)).map(Secret::from_bytes);
        let device = cookie(DEVICE).and_then(|text| {
            let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
            Device::read(&sealed, &x.realm.current().keyring.keys, &x.realm.policy, x.now)
        });
        let (mut sessions, mut tokens) = (Vec::new(), Vec::new());
        for token in cookie(SESSION).unwrap_or_default().split('.').take(MOST_SESSIONS) {
            if let Some((id, secret)) = read_session_token(token) {
                sessions.push(ClaimedSession { id, digest: secret.digest() });
                tokens.push((id, token.to_owned()));
            }
        }
        let transaction = transaction.map(|secret| secret.digest());
        let user_agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        Self {
            cookies: BrowserCookies { sessions, transaction, device },
            user_agent: user_agent.unwrap_or_default().to_owned(),
            tokens,
            set: Vec::new(),
        }
    }

    /// The digest that interactions of this browser carry; makes the cookie when there is none.
    pub(crate) fn transaction_digest(&mut self, x: &Exchange) -> Digest {
        if let Some(digest) = self.cookies.transaction {
            return digest;
        }
        let secret = Secret::random(x.app.entropy.as_ref());
        let value = URL_SAFE_NO_PAD.encode(secret.expose());
        let age = x.realm.policy.lifetimes.session_absolute.as_secs();
        self.set_cookie(&x.realm, TRANSACTION, &value, Some(age));
        let digest = secret.digest();
        self.cookies.transaction = Some(digest);
        digest
    }

    /// A session begins: its cookie comes first, in place of one of the same person and of dead ones; and the device remembers who
    /// signed in.
    pub(crate) fn begin_session(&mut self, x: &Exchange, signed_in: &SignedIn) {
        let SignedIn { session_id: id, secret, beside, device } = signed_in;
        let payload = [id.as_bytes().as_slice(), secret.expose().as_slice()].concat();
        self.tokens.retain(|(known, _)| beside.contains(known));
        self.tokens.insert(0, (*id, Bearer::Session.encode(&payload)));
        self.tokens.truncate(MOST_SESSIONS);
        self.cookies.sessions.retain(|known| beside.contains(&known.id));
        self.cookies.sessions.insert(0, ClaimedSession { id: *id, digest: secret.digest() });
        self.write_sessions(x);
        let sealed = device.seal(&x.realm.current().keyring.keys, x.app.entropy.as_ref());
        let age = x.realm.policy.lifetimes.device.as_secs();
        self.set_cookie(&x.realm, DEVICE, &URL_SAFE_NO_PAD.encode(sealed), Some(age));
    }

    /// A session was chosen: it comes first from now on.
    pub(crate) fn prefer_session(&mut self, x: &Exchange, id: SessionId) {
        self.tokens.sort_by_key(|(known, _)| *known != id);
        self.write_sessions(x);
    }

    /// Sessions ended: their cookies go.
    pub(crate) fn forget_sessions(&mut self, x: &Exchange, ended: &[SessionId]) {
        let before = self.tokens.len();
        self.tokens.retain(|(id, _)| !ended.contains(id));
        // Another site's POST comes without the cookie; a response that removes it would sign the person out (catalogue O-01).
        if self.tokens.len() < before {
            self.write_sessions(x);
        }
    }

    /// The `Set-Cookie` headers of the response.
    pub(crate) fn into_cookies(self) -> Vec<HeaderValue> {
        self.set
    }

    fn write_sessions(&mut self, x: &Exchange) {
        let value = self.tokens.iter().map(|(_, token)| token.as_str()).collect::<Vec<_>>().join(".");
        let age = if value.is_empty() { Some(0) } else { None };
        self.set_cookie(&x.realm, SESSION, &value, age);
    }

    fn set_cookie(&mut self, realm: &ServedRealm, name: &str, value: &str, max_age: Option<u64>) {
        let name = cookie_name(realm, name);
        let secure = if realm.is_https() { "; Secure" } else { "" };
        let age = max_age.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
        let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}");
        self.set.retain(|known| !known.as_bytes().starts_with(format!("{name}=").as_bytes()));
        if let Ok(mut cookie) = HeaderValue::from_str(&cookie) {
            cookie.set_sensitive(true);
            self.set.push(cookie);
        }
    }
}

/// `__Host-` where the browser understands it: it wants https (RFC 6265bis §4.1.3.2).
fn cookie_name(realm: &ServedRealm, name: &str) -> String {
    // Cookies ignore ports: over http an application on the same host must not use the same name by chance.
    if realm.is_https() { format!("__Host-{name}") } else { format!("grantwell_{name}") }
}

/// The value of the cookie of that name, unless there are two.
fn only_cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(known, _)| *known == name)
        .map(|(_, value)| value.to_owned());
    let value = found.next()?;
    found.next().is_none().then_some(value)
}

fn decode32(text: &str) -> Option<[u8; 32]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

fn read_session_token(token: &str) -> Option<(SessionId, Secret)> {
    let payload = Bearer::Session.decode(token)?;
    let (id, secret) = payload.split_first_chunk::<16>()?;
    Some((SessionId::from_bytes(*id), Secret::from_bytes(secret.try_into().ok()?)))
}

/// Where a form was sent from: `Sec-Fetch-Site`, then `Origin` (catalogue L-01, L-02). The anti-forgery field is checked beside
/// it, for browsers that send neither.
pub(crate) fn sent_from(realm: &ServedRealm, headers: &HeaderMap) -> SentFrom {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let other_site = text("sec-fetch-site").is_some_and(|site| site != "same-origin");
    let other_origin = text("origin").is_some_and(|origin| origin != origin_of_issuer(realm));
    if other_site || other_origin { SentFrom::Elsewhere } else { SentFrom::OurPage }
}

fn origin_of_issuer(realm: &ServedRealm) -> String {
    url::Url::parse(&realm.policy.issuer).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
}
