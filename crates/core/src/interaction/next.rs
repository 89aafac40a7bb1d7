//! What must happen next: the first true row of a table, derived from facts (OpenID Connect Core 1.0 §3.1.2.3, §3.1.2.4).

use std::time::Duration;

use crate::{
    authorize::AuthorizationRequest,
    client::Client,
    error::{ErrorCode, OAuthError, Refusal},
    interaction::Facts,
    scope::Permissions,
    store::{Consent, SessionRecord},
    time::Timestamp,
};

/// All that the next step is derived from.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The checked request.
    pub request: &'a AuthorizationRequest,
    /// What has happened.
    pub facts: &'a Facts,
    /// The live sessions of this browser, the one used last first.
    pub sessions: &'a [SessionRecord],
    /// The live consent of [`subject`] for the client.
    pub consent: Option<&'a Consent>,
    /// Who asks.
    pub client: &'a Client,
    /// The present.
    pub now: Timestamp,
}

/// Why a person must sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginReason {
    /// Nobody has.
    NoSession,
    /// `prompt=login`.
    Asked,
    /// The last sign-in is older than `max_age`.
    TooOld,
    /// `id_token_hint` names somebody else.
    OtherAccount,
}

impl LoginReason {
    /// The name by which a front end of somebody else knows it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoSession => "no_session",
            Self::Asked => "login_requested",
            Self::TooOld => "max_age_exceeded",
            Self::OtherAccount => "other_account",
        }
    }
}

/// What must happen next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextStep<'a> {
    /// The person signs in.
    Login(LoginReason),
    /// The person chooses one of the accounts of this browser.
    SelectAccount,
    /// The person is asked.
    Consent {
        /// Who.
        session: &'a SessionRecord,
        /// What is asked for, as far as the client may still have it.
        asked: Permissions,
        /// What was never agreed to; the rest was.
        missing: Permissions,
    },
    /// Nothing is missing: the code can be issued.
    Issue {
        /// To whose authorization.
        session: &'a SessionRecord,
        /// What is granted.
        granted: Permissions,
    },
    /// It cannot go on.
    Refuse(InteractionRefusal),
    /// It cannot go on, and nobody may be sent anywhere: the redirect URI is not the client's any more.
    RedirectUriGone,
}

/// Why an interaction ends without a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InteractionRefusal {
    /// The person said no.
    Denied,
    /// `prompt=none`, and somebody would have to sign in.
    LoginRequired,
    /// `prompt=none`, and somebody would have to agree.
    ConsentRequired,
    /// `id_token_hint` names one person and another one signed in.
    OtherPerson,
    /// The client was registered anew meanwhile and may have nothing of what it asked for.
    NothingLeft,
}

impl Refusal for InteractionRefusal {
    fn public(&self) -> OAuthError {
        match self {
            Self::Denied => OAuthError::new(ErrorCode::AccessDenied, "the person said no"),
            Self::LoginRequired => OAuthError::new(ErrorCode::LoginRequired, "nobody is signed in"),
            Self::ConsentRequired => OAuthError::new(ErrorCode::ConsentRequired, "the person must be asked"),
            Self::OtherPerson => OAuthError::new(
                ErrorCode::LoginRequired,
                "another person than id_token_hint names is signed in",
            ),
            Self::NothingLeft => OAuthError::new(
                ErrorCode::InvalidScope,
                "the client may not have any of the scopes it asked for",
            ),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::OtherPerson => "other_person",
            Self::NothingLeft => "nothing_left",
        }
    }
}

/// The session that answers: the one this interaction settled on, else that of the person whom another front end reported,
/// else the hinted person's, else the one used last.
pub fn subject<'a>(
    request: &AuthorizationRequest,
    facts: &Facts,
    sessions: &'a [SessionRecord],
) -> Option<&'a SessionRecord> {
    if let Some(id) = facts.session_id {
        return sessions.iter().find(|record| record.session.id == id);
    }
    let of = |user| sessions.iter().find(|record| record.user.id == user);
    if let Some((user, _)) = facts.signed_in {
        return of(user);
    }
    request.hinted_user.and_then(of).or_else(|| sessions.first())
}

/// What must happen next: the first true row.
pub fn next<'a>(view: &View<'a>) -> NextStep<'a> {
    let View { request, facts, .. } = *view;
    let quiet = request.prompts.none;
    let login = |reason| {
        if quiet { NextStep::Refuse(InteractionRefusal::LoginRequired) } else { NextStep::Login(reason) }
    };
    if !view.client.has_redirect_uri(&request.redirect_uri) {
        return NextStep::RedirectUriGone;
    }
    if facts.denied {
        return NextStep::Refuse(InteractionRefusal::Denied);
    }
    let Some(session) = subject(request, facts, view.sessions) else {
        return login(LoginReason::NoSession);
    };
    // This very sign-in, not another session of the same person: `prompt=login` and `max_age` ask for a new `auth_time`.
    let authentication = &session.session.authentication;
    let fresh = facts
        .signed_in
        .as_ref()
        .is_some_and(|(user, how)| *user == session.user.id && how.at == authentication.at);
    if request.hinted_user.is_some_and(|user| user != session.user.id) {
        return if fresh {
            NextStep::Refuse(InteractionRefusal::OtherPerson)
        } else {
            login(LoginReason::OtherAccount)
        };
    }
    if request.prompts.select_account && !facts.selected && !fresh {
        return NextStep::SelectAccount;
    }
    if request.prompts.login && !fresh {
        return login(LoginReason::Asked);
    }
    if request.max_age.is_some_and(|most| is_older(authentication.at, most, view.now)) && !fresh {
        return login(LoginReason::TooOld);
    }
    let asked = still_allowed(&request.permissions, view.client);
    if asked.is_empty() {
        return NextStep::Refuse(InteractionRefusal::NothingLeft);
    }
    let agreed = facts.agreed.as_ref().map(|agreed| both(agreed, &asked)).filter(|both| !both.is_empty());
    if let Some(granted) = agreed {
        return NextStep::Issue { session, granted };
    }
    let missing = match view.consent {
        Some(consent) => asked.difference(&consent.permissions),
        None => asked.clone(),
    };
    if !missing.is_empty() || asks_always(view) {
        return if quiet {
            NextStep::Refuse(InteractionRefusal::ConsentRequired)
        } else {
            NextStep::Consent { session, asked, missing }
        };
    }
    NextStep::Issue { session, granted: asked }
}

/// Whether more than `most` seconds have passed. None at all are enough: `max_age=0` is `prompt=login` (Core 1.0 §3.1.2.1).
fn is_older(authenticated: Timestamp, most: u32, now: Timestamp) -> bool {
    most == 0 || now.since(authenticated) > Duration::from_secs(most.into())
}

/// What the client may still have of what it asked for: its registration can change while a page waits (catalogue N-02).
fn still_allowed(asked: &Permissions, client: &Client) -> Permissions {
    let allowed = asked.0.iter().filter_map(|(audience, scopes)| {
        let left = scopes.intersection(&client.scope);
        (scopes.is_empty() || !left.is_empty()).then(|| (audience.clone(), left))
    });
    Permissions(allowed.collect())
}

/// What is in both.
fn both(one: &Permissions, other: &Permissions) -> Permissions {
    let common = one.0.iter().filter_map(|(audience, scopes)| {
        let common = scopes.intersection(other.0.get(audience)?);
        (scopes.is_empty() || !common.is_empty()).then(|| (audience.clone(), common))
    });
    Permissions(common.collect())
}

/// Whether the person is asked even for what was agreed to before: when the request says so, for access while away
/// (Core 1.0 §11), and for a public client that any program on the machine can pretend to be, because what it is known by is
/// no web address that somebody owns (RFC 8252 §8.6).
fn asks_always(view: &View<'_>) -> bool {
    let unclaimed = !view.request.redirect_uri.starts_with("https:");
    view.request.prompts.consent
        || view.request.permissions.scopes().contains("offline_access")
        || (view.client.is_public() && unclaimed)
}

#[cfg(test)]
mod tests;
