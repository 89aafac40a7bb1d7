//! A session begins, or its person signs in again in it: then it stays the same session, with a new secret, and what was granted in it
//! stays.

use serde_json::json;

use super::{browser::Device, pending::Pending};
use crate::{
    id::SessionId,
    secret::Secret,
    step::{Context, Decision},
    store::{Authentication, Facts, Purpose, Session, SessionRecord, User, Write},
};

/// `User-Agent` that is kept, characters.
const LONGEST_USER_AGENT: usize = 256;

/// The browser that signs in.
#[derive(Clone, Copy, Debug)]
pub struct SigningIn<'a> {
    /// Its `User-Agent`.
    pub user_agent: &'a str,
    /// Its device cookie.
    pub device: Option<&'a Device>,
    /// Its live sessions.
    pub sessions: &'a [&'a SessionRecord],
}

/// A person who signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// The session.
    pub session_id: SessionId,
    /// Its new secret, for the cookie.
    pub secret: Secret,
    /// The live sessions of other people in this browser; what else its cookie names is dead.
    pub beside: Vec<SessionId>,
    /// What the device cookie says from now on.
    pub device: Device,
}

/// Starts a session for a person who proved who they are, here or at an external login UI; or goes on in the one that they have in this
/// browser.
pub fn start(
    user: &User,
    authentication: &Authentication,
    pending: &Pending<'_>,
    browser: SigningIn<'_>,
    context: &Context<'_>,
) -> Decision<SignedIn> {
    let secret = Secret::random(context.entropy);
    let mut writes = Vec::with_capacity(4);
    let (own, beside): (Vec<&SessionRecord>, Vec<_>) =
        browser.sessions.iter().partition(|record| record.user.id == user.id);
    let (same, replaced) = own.split_first().unzip();
    for record in replaced.unwrap_or_default() {
        writes.extend(end(&record.session, SessionEnd::Replaced, context));
    }
    let session_id =
        same.map_or_else(|| SessionId::new(context.now, context.entropy), |record| record.session.id);
    let session = Box::new(Session {
        id: session_id,
        digest: secret.digest(),
        user_id: user.id,
        authentication: authentication.clone(),
        user_agent: browser.user_agent.chars().take(LONGEST_USER_AGENT).collect(),
        address: context.origin.address_text().unwrap_or_default(),
        epoch: context.epoch,
        created_at: same.map_or(context.now, |record| record.session.created_at),
        last_seen_at: context.now,
        expires_at: context.now + context.policy.lifetimes.session_absolute,
        ended_at: None,
    });
    match same {
        None => writes.push(Write::InsertSession(session)),
        Some(record) => {
            writes.push(Write::Reauthenticate { session, from: record.session.digest });
            let detail = json!({ "session": session_id, "amr": authentication.amr });
            writes.push(context.audit("session.reauthenticated", Some(user.id), None, detail));
        }
    }
    match pending.interaction.purpose {
        Purpose::Authorization(_) => {
            writes.push(pending.keep(facts(user, authentication, pending, session_id)));
        }
        // Nothing waits for the fact.
        Purpose::Account => {}
    }
    let detail = json!({ "amr": authentication.amr });
    writes.push(context.audit("sign_in.succeeded", Some(user.id), None, detail));
    let device = Device::remembering(browser.device, user.id, context);
    let beside = beside.iter().map(|record| record.session.id).collect();
    Decision { writes, outcome: SignedIn { session_id, secret, beside, device } }
}

/// What an external login UI reported of this person before the browser came back still holds; what another person agreed to
/// does not.
fn facts(
    user: &User,
    authentication: &Authentication,
    pending: &Pending<'_>,
    session_id: SessionId,
) -> Facts {
    let before = &pending.interaction.facts;
    let reported =
        before.session_id.is_none() && before.signed_in.as_ref().is_some_and(|(id, _)| *id == user.id);
    Facts {
        signed_in: Some((user.id, authentication.clone())),
        session_id: Some(session_id),
        selected: true,
        agreed: before.agreed.clone().filter(|_| reported),
        denied: before.denied && reported,
    }
}

/// Why a session ends, for the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionEnd {
    /// Signed out on the account page.
    AccountPage,
    /// Signed out at `/end_session`, asked for by an application or not.
    EndSession,
    /// The person signed in again in a browser that had two sessions of theirs: one is kept.
    Replaced,
}

impl SessionEnd {
    const fn as_str(self) -> &'static str {
        match self {
            Self::AccountPage => "account_page",
            Self::EndSession => "end_session",
            Self::Replaced => "replaced",
        }
    }
}

/// Ends a session, on record.
pub(crate) fn end(session: &Session, reason: SessionEnd, context: &Context<'_>) -> [Write; 2] {
    let end = Write::EndSession { id: session.id, user_id: session.user_id, at: context.now };
    [end, ended(session, reason, context)]
}

/// The event of an end.
pub(crate) fn ended(session: &Session, reason: SessionEnd, context: &Context<'_>) -> Write {
    let detail = json!({ "session": session.id, "reason": reason.as_str() });
    context.audit("session.ended", Some(session.user_id), None, detail)
}
