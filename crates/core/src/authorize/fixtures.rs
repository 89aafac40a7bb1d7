//! Requests, sessions and interactions that tests of authorization start from.

use std::time::Duration;

use crate::{
    authorize::{AuthorizationRequest, Prompts, ResponseMode},
    client::{ApplicationType, Client},
    fixtures as fx,
    id::{InteractionId, SessionId, UserId},
    interaction::{Facts, issue::Issuing, pending::Pending},
    policy::Policy,
    secret::{Digest, Secret},
    store::{Authentication, Interaction, Session, SessionRecord, User},
};

/// The transaction cookie of the browser that started [`pending`].
pub(crate) const COOKIE: Secret = Secret::from_bytes([7; 32]);
/// The redirect URI of [`native_client`], as a request has it.
pub(crate) const LOOPBACK: &str = "http://127.0.0.1:49152/cb";

/// A checked request of the client `web`.
pub(crate) fn request() -> AuthorizationRequest {
    AuthorizationRequest {
        client_id: "web".into(),
        redirect_uri: fx::REDIRECT.to_owned(),
        redirect_uri_sent: true,
        response_mode: ResponseMode::Query,
        state: Some("s-1".to_owned()),
        nonce: Some("n-1".to_owned()),
        permissions: fx::permissions(&[("", "openid"), (fx::API, "notes:read")]),
        code_challenge: Some(fx::CHALLENGE.to_owned()),
        prompts: Prompts::default(),
        max_age: None,
        acr_values: Vec::new(),
        login_hint: None,
        hinted_user: None,
        ui_locales: Vec::new(),
        requested_at: fx::NOW,
    }
}

/// The public native client `nat`.
pub(crate) fn native_client() -> Client {
    Client {
        client_id: "nat".into(),
        application_type: ApplicationType::Native,
        redirect_uris: vec!["http://127.0.0.1/cb".to_owned(), "com.example.app:/cb".to_owned()],
        ..fx::public_client()
    }
}

pub(crate) const fn user_id(n: u8) -> UserId {
    UserId::from_bytes([n; 16])
}

pub(crate) const fn session_id(n: u8) -> SessionId {
    SessionId::from_bytes([n; 16])
}

/// A person of their own for every number; 2 is Ada.
pub(crate) fn person(n: u8) -> User {
    User { id: user_id(n), ..fx::user() }
}

/// How the person of [`session`] signed in, a minute ago.
pub(crate) fn authentication() -> Authentication {
    fx::authentication()
}

/// The live session `n` of person `n`.
pub(crate) fn session(n: u8) -> SessionRecord {
    let authentication = authentication();
    let session = Session {
        id: session_id(n),
        digest: Digest([n; 32]),
        user_id: user_id(n),
        user_agent: "Browser/1".to_owned(),
        address: "192.0.2.1".to_owned(),
        epoch: fx::EPOCH,
        created_at: authentication.at,
        last_seen_at: authentication.at,
        expires_at: authentication.at + fx::policy().lifetimes.session_absolute,
        authentication,
        ended_at: None,
    };
    SessionRecord { session, user: person(n), epoch: fx::EPOCH }
}

/// The session `n` of Ada, who signed in to it just now.
pub(crate) fn fresh(n: u8) -> (SessionRecord, Facts) {
    let mut record = session(2);
    record.session.id = session_id(n);
    record.session.authentication.at = fx::NOW - Duration::from_secs(1);
    let facts = Facts {
        signed_in: Some((record.user.id, record.session.authentication.clone())),
        session_id: Some(record.session.id),
        selected: true,
        ..Facts::default()
    };
    (record, facts)
}

/// A stored interaction of [`COOKIE`]'s browser.
pub(crate) fn pending(request: AuthorizationRequest, facts: Facts) -> Pending {
    let interaction = Interaction {
        id: InteractionId::from_bytes([6; 16]),
        browser: COOKIE.digest(),
        request,
        facts,
        version: 3,
        created_at: fx::NOW,
        expires_at: fx::NOW + fx::policy().lifetimes.interaction,
    };
    Pending { interaction, stored: true }
}

pub(crate) fn issuing<'a>(client: &'a Client, policy: &'a Policy) -> Issuing<'a> {
    static ENTROPY: fx::Seeded = fx::Seeded::new(3);
    Issuing {
        client,
        consent: None,
        epoch: fx::EPOCH,
        keys: &fx::keyring().keys,
        policy,
        now: fx::NOW,
        entropy: &ENTROPY,
        trace_id: "trace",
    }
}
