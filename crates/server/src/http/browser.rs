//! What a browser brings: sessions, the transaction, the known device. And where a form came from.
//!
//! Cookies of an https issuer have the `__Host-` prefix, so that no subdomain and no plain connection can plant one; two of one
//! name count as none (catalogue L-03, L-04). `sid` holds up to five sessions, the one used last first: several accounts in
//! one browser.

use axum::http::{HeaderMap, HeaderValue, header};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use grantwell_core::{
    id::SessionId,
    interaction::{session_is_live, sign_in::Device},
    secret::{Bearer, Digest, Secret},
    store::{Read, SessionRecord, Share, Store, Write},
};

use crate::{app::App, http::context::Context};

const MOST_SESSIONS: usize = 5;
const SESSION: &str = "sid";
const TRANSACTION: &str = "tx";
const DEVICE: &str = "device";
/// Between two notes of a session's last use, seconds.
const TOUCH_EVERY: u64 = 60;

/// A browser, as far as its cookies tell.
pub(crate) struct Browser {
    /// Live sessions, the one used last first.
    pub(crate) sessions: Vec<SessionRecord>,
    tokens: Vec<(SessionId, String)>,
    /// The secret that ties interactions to this browser.
    pub(crate) transaction: Option<Secret>,
    /// The accounts that signed in here before.
    pub(crate) device: Option<Device>,
    set: Vec<HeaderValue>,
}

impl Browser {
    /// Reads the cookies and loads the sessions.
    pub(crate) async fn load(app: &App, context: &Context, headers: &HeaderMap) -> Read<Self> {
        let cookie = |name: &str| only_cookie(headers, &cookie_name(app, name));
        let transaction = cookie(TRANSACTION).and_then(|text| decode32(&text)).map(Secret::from_bytes);
        let device = cookie(DEVICE).and_then(|text| {
            let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
            Device::read(&sealed, &app.current().keyring.keys, &app.policy, context.now)
        });
        let mut browser =
            Self { sessions: Vec::new(), tokens: Vec::new(), transaction, device, set: Vec::new() };
        for token in cookie(SESSION).unwrap_or_default().split('.').take(MOST_SESSIONS) {
            browser.load_session(app, context, token).await?;
        }
        Ok(browser)
    }

    async fn load_session(&mut self, app: &App, context: &Context, token: &str) -> Read<()> {
        let Some((id, secret)) = read_session_token(token) else { return Ok(()) };
        let Some(record) = app.store.session(app.realm, id).await? else { return Ok(()) };
        let genuine = record.session.digest == secret.digest();
        if !genuine || !session_is_live(&record, &app.policy.lifetimes, context.now) {
            return Ok(());
        }
        if context.now.since(record.session.last_seen_at).as_secs() >= TOUCH_EVERY {
            // A missed note costs nothing but a minute of the idle time.
            let touch = vec![Write::TouchSession { id, at: context.now }];
            if let Err(error) = app.store.commit(app.realm, Share::Rest, touch).await {
                tracing::warn!(%error, "the last use of a session was not noted");
            }
        }
        self.sessions.push(record);
        self.tokens.push((id, token.to_owned()));
        Ok(())
    }

    /// The digest that interactions of this browser carry; makes the cookie when there is none.
    pub(crate) fn transaction_digest(&mut self, app: &App) -> Digest {
        if let Some(secret) = &self.transaction {
            return secret.digest();
        }
        let secret = Secret::random(app.entropy.as_ref());
        let value = URL_SAFE_NO_PAD.encode(secret.expose());
        self.set_cookie(app, TRANSACTION, &value, Some(app.policy.lifetimes.session_absolute.as_secs()));
        let digest = secret.digest();
        self.transaction = Some(secret);
        digest
    }

    /// A session begins: its cookie comes first, in place of one of the same person.
    pub(crate) fn begin_session(
        &mut self,
        app: &App,
        id: SessionId,
        secret: &Secret,
        replaced: Option<SessionId>,
    ) {
        let payload = [id.as_bytes().as_slice(), secret.expose().as_slice()].concat();
        self.tokens.retain(|(known, _)| Some(*known) != replaced);
        self.tokens.insert(0, (id, Bearer::Session.encode(&payload)));
        self.tokens.truncate(MOST_SESSIONS);
        self.write_sessions(app);
    }

    /// A session was chosen: it comes first from now on.
    pub(crate) fn prefer_session(&mut self, app: &App, id: SessionId) {
        self.tokens.sort_by_key(|(known, _)| *known != id);
        self.write_sessions(app);
    }

    /// Sessions ended: their cookies go.
    pub(crate) fn forget_sessions(&mut self, app: &App, ended: &[SessionId]) {
        let before = self.tokens.len();
        self.tokens.retain(|(id, _)| !ended.contains(id));
        // Another site's POST comes without the cookie; an answer that removes it would sign the person out (catalogue
        // O-01).
        if self.tokens.len() < before {
            self.write_sessions(app);
        }
    }

    /// The device remembers who signed in.
    pub(crate) fn remember_device(&mut self, app: &App, device: &Device) {
        let sealed = device.seal(&app.current().keyring.keys, app.entropy.as_ref());
        let age = app.policy.lifetimes.device.as_secs();
        self.set_cookie(app, DEVICE, &URL_SAFE_NO_PAD.encode(sealed), Some(age));
    }

    /// The `Set-Cookie` headers of the answer.
    pub(crate) fn into_cookies(self) -> Vec<HeaderValue> {
        self.set
    }

    fn write_sessions(&mut self, app: &App) {
        let value = self.tokens.iter().map(|(_, token)| token.as_str()).collect::<Vec<_>>().join(".");
        let age = if value.is_empty() { Some(0) } else { None };
        self.set_cookie(app, SESSION, &value, age);
    }

    fn set_cookie(&mut self, app: &App, name: &str, value: &str, max_age: Option<u64>) {
        let name = cookie_name(app, name);
        let secure = if app.is_https() { "; Secure" } else { "" };
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
fn cookie_name(app: &App, name: &str) -> String {
    if app.is_https() { format!("__Host-{name}") } else { name.to_owned() }
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

/// Whether a form was sent by a page of our own: `Sec-Fetch-Site`, then `Origin` (catalogue L-01, L-02). The anti-forgery field
/// is checked beside it, for browsers that send neither.
pub(crate) fn is_same_origin(app: &App, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = text("sec-fetch-site")
        && site != "same-origin"
    {
        return false;
    }
    text("origin").is_none_or(|origin| origin == origin_of_issuer(app))
}

fn origin_of_issuer(app: &App) -> String {
    url::Url::parse(&app.policy.issuer).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
}
