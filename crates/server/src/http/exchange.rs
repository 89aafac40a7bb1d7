//! One request: which realm it is for, where it comes from, when it came, and what became of it.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use grantwell_core::{
    client::GrantType,
    id::ClientId,
    step::{Context, Origin},
    time::{Entropy, Timestamp},
};

use crate::{
    app::{App, Current, ServedRealm},
    http::forwarded,
    pages::{self, Locale},
    step_event::{StepEvent, Unavailable},
    turns::Turn,
};

/// A request, as far as it is known before it is read. Cheap to clone; all clones note in one place.
#[derive(Clone)]
pub(crate) struct Exchange {
    /// The process.
    pub(crate) app: Arc<App>,
    /// The realm that the request is for.
    pub(crate) realm: Arc<ServedRealm>,
    /// The browser or client, behind proxies that are trusted by address; and the trace id.
    pub(crate) origin: Origin,
    /// When it came.
    pub(crate) now: Timestamp,
    notes: Arc<Mutex<Notes>>,
}

/// What the log line of a request says beside what every log line says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes {
    /// The steps that ran, in order.
    pub(crate) steps: Vec<StepEvent>,
    /// Why it was refused.
    pub(crate) reason: Option<String>,
    /// The parameter that was wrong.
    pub(crate) parameter: Option<&'static str>,
    /// The client concerned.
    pub(crate) client_id: Option<ClientId>,
    /// The grant.
    pub(crate) grant: Option<GrantType>,
}

/// The address of the peer of the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

impl Exchange {
    fn new(app: &Arc<App>, peer: SocketAddr, headers: &HeaderMap) -> Self {
        let now = app.now();
        let caller = forwarded::caller(peer.ip(), headers, &app.proxies);
        if let Some(unreadable) = &caller.unreadable {
            app.unreadable_proxies.say(unreadable, now);
        }
        Self {
            app: Arc::clone(app),
            realm: Arc::clone(&app.realm),
            origin: Origin { address: Some(caller.address), trace_id: trace_id(app.entropy.as_ref()) },
            now,
            notes: Arc::default(),
        }
    }

    /// What a decision is made in, with the keys and the epoch as they are now.
    pub(crate) fn context<'a>(&'a self, current: &'a Current) -> Context<'a> {
        Context {
            policy: &self.realm.policy,
            keyring: &current.keyring,
            epoch: current.record.epoch,
            now: self.now,
            entropy: self.app.entropy.as_ref(),
            origin: &self.origin,
        }
    }

    /// Waits until a request of the client at this address may be worked on.
    pub(crate) async fn turn(&self, client: &ClientId) -> Result<Turn<'_>, Unavailable> {
        self.app.turns.take(client, self.origin.address).await
    }

    /// Notes something for the log line.
    pub(crate) fn note(&self, note: impl FnOnce(&mut Notes)) {
        note(&mut self.notes.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// What was noted.
    pub(crate) fn notes(&self) -> Notes {
        std::mem::take(&mut self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl FromRequestParts<Arc<App>> for Exchange {
    type Rejection = std::convert::Infallible;
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        if let Some(exchange) = parts.extensions.get::<Self>() {
            return Ok(exchange.clone());
        }
        let unknown = Peer(SocketAddr::from(([0, 0, 0, 0], 0)));
        let peer = parts.extensions.get::<Peer>().copied().unwrap_or(unknown);
        Ok(Self::new(app, peer.0, &parts.headers))
    }
}

/// Sixty random bits in letters that are hard to mistake for each other (Crockford).
fn trace_id(entropy: &dyn Entropy) -> Arc<str> {
    const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut random = [0; 12];
    entropy.fill(&mut random);
    random
        .iter()
        .filter_map(|byte| LETTERS.get(usize::from(byte % 32)).copied())
        .map(char::from)
        .collect::<String>()
        .into()
}

/// The language of a page.
pub(crate) fn locale(headers: &HeaderMap, ui_locales: &[String]) -> Locale {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    pages::negotiate(ui_locales, None, accepted)
}
