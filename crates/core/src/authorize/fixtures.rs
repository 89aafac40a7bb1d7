//! Requests, sessions and interactions that tests of authorization start from.

use std::time::Duration;

use crate::{
    authorize::{AuthorizationRequest, Redirect, ResponseMode, ResponseRoute},
    client::{ApplicationType, Client},
    fixtures as fx,
    id::{InteractionId, SessionId, UserId},
    interaction::{
        browser::{BrowserCookies, ClaimedSession},
        form::{AntiForgery, FORM, InteractionForm, SentFrom},
        pending::{self, Handle, Pending},
    },
    secret::{Digest, Secret},
    store::{Authentication, Consent, Facts, Interaction, Purpose, Session, SessionRecord, User},
    time::Timestamp,
};

/// The transaction cookie of the browser that started [`pending`].
pub(crate) const COOKIE: Secret = Secret::from_bytes([7; 32]);
/// The redirect URI of [`native_client`], as a request has it.
pub(crate) const LOOPBACK: &str = "http://127.0.0.1:49152/cb";

/// A checked request of the client `web`.
pub(crate) fn request() -> AuthorizationRequest {
    let route = ResponseRoute::Redirect(Redirect {
        uri: fx::REDIRECT.to_owned(),
        sent: true,
        mode: ResponseMode::Query,
        state: Some("s-1".to_owned()),
    });
    AuthorizationRequest {
        nonce: Some("n-1".to_owned()),
        permissions: fx::permissions(&[("", "openid"), (fx::API, "notes:read")]),
        code_challenge: Some(fx::CHALLENGE.to_owned()),
        ..AuthorizationRequest::new("web".into(), route, fx::NOW)
    }
}

/// Where the response to a request goes.
pub(crate) const fn redirect(request: &AuthorizationRequest) -> &Redirect {
    let ResponseRoute::Redirect(redirect) = &request.route;
    redirect
}

/// Changes where the response goes.
pub(crate) fn reroute(request: &mut AuthorizationRequest, change: impl FnOnce(&mut Redirect)) {
    let ResponseRoute::Redirect(redirect) = &mut request.route;
    change(redirect);
}

/// [`request`], with another destination or response mode.
pub(crate) fn request_to(change: impl FnOnce(&mut Redirect)) -> AuthorizationRequest {
    let mut request = request();
    reroute(&mut request, change);
    request
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

/// A live consent of Ada for `web`, of version 5.
pub(crate) fn consent(pairs: &[(&str, &str)]) -> Consent {
    Consent {
        id: crate::id::ConsentId::from_bytes([4; 16]),
        user_id: user_id(2),
        client_id: "web".into(),
        permissions: fx::permissions(pairs),
        version: 5,
        created_at: Timestamp::default(),
        updated_at: Timestamp::default(),
        withdrawn_at: None,
    }
}

/// A row of version 3, of [`COOKIE`]'s browser.
pub(crate) fn interaction(request: AuthorizationRequest, facts: Facts) -> Interaction {
    Interaction {
        id: InteractionId::from_bytes([6; 16]),
        browser: COOKIE.digest(),
        purpose: Purpose::Authorization(Box::new(request)),
        facts,
        version: 3,
        created_at: fx::NOW,
        expires_at: fx::NOW + fx::policy().lifetimes.interaction,
    }
}

/// The same for the account page.
pub(crate) fn account_interaction(facts: Facts) -> Interaction {
    Interaction { purpose: Purpose::Account, ..interaction(request(), facts) }
}

/// The request of an interaction.
pub(crate) fn request_of(interaction: &Interaction) -> &AuthorizationRequest {
    match &interaction.purpose {
        Purpose::Authorization(request) => request,
        Purpose::Account => panic!("no request"),
    }
}

/// An interaction as it was read from its row.
pub(crate) const fn stored(interaction: &Interaction) -> Pending<'_> {
    Pending { interaction, stored: true }
}

/// [`COOKIE`]'s browser with the sessions of these numbers, the one used last first.
pub(crate) fn browser(sessions: &[u8]) -> BrowserCookies {
    let claimed = |n: &u8| ClaimedSession { id: session_id(*n), digest: Digest([*n; 32]) };
    BrowserCookies {
        sessions: sessions.iter().map(claimed).collect(),
        transaction: Some(COOKIE.digest()),
        device: None,
    }
}

/// A right anti-forgery value of [`COOKIE`]'s browser, on a form of ours.
pub(crate) fn anti_forgery((purpose, about): (&str, &str)) -> AntiForgery {
    let keys = &fx::keyring().keys;
    AntiForgery {
        received: pending::anti_forgery(keys, &COOKIE.digest(), purpose, about),
        sent_from: SentFrom::OurPage,
    }
}

/// A form of our page for a stored interaction, from [`browser`].
pub(crate) fn form(interaction: &Interaction, sessions: &[u8]) -> InteractionForm {
    InteractionForm {
        handle: Some(Handle::Row(interaction.id)),
        anti_forgery: anti_forgery((FORM, &interaction.id.to_string())),
        browser: browser(sessions),
    }
}
