//! What must happen next: the first true row of a table, derived from facts (OpenID Connect Core 1.0 §3.1.2.3, §3.1.2.4).

use crate::{
    authorize::AuthorizationRequest,
    client::{ApplicationType, Client},
    error::{ErrorCode, OAuthError, Refusal},
    interaction::Facts,
    redirect_uri,
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
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::OtherPerson => "other_person",
        }
    }
}

/// The session that answers: the one this interaction settled on, else the hinted person's, else the one used last.
pub fn subject<'a>(
    request: &AuthorizationRequest,
    facts: &Facts,
    sessions: &'a [SessionRecord],
) -> Option<&'a SessionRecord> {
    if let Some(id) = facts.session_id {
        return sessions.iter().find(|record| record.session.id == id);
    }
    let hinted = request.hinted_user.and_then(|user| sessions.iter().find(|record| record.user.id == user));
    hinted.or_else(|| sessions.first())
}

/// What must happen next: the first true row.
pub fn next<'a>(view: &View<'a>) -> NextStep<'a> {
    let View { request, facts, .. } = *view;
    let quiet = request.prompts.none;
    let login = |reason| {
        if quiet { NextStep::Refuse(InteractionRefusal::LoginRequired) } else { NextStep::Login(reason) }
    };
    if facts.denied {
        return NextStep::Refuse(InteractionRefusal::Denied);
    }
    let Some(session) = subject(request, facts, view.sessions) else {
        return login(LoginReason::NoSession);
    };
    let fresh = facts.signed_in.as_ref().is_some_and(|(user, _)| *user == session.user.id);
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
    let age = view.now.since(session.session.authentication.at).as_secs();
    if request.max_age.is_some_and(|most| age >= u64::from(most).max(1)) && !fresh {
        return login(LoginReason::TooOld);
    }
    if let Some(agreed) = &facts.agreed {
        return NextStep::Issue { session, granted: agreed.clone() };
    }
    let missing = match view.consent {
        Some(consent) => request.permissions.difference(&consent.permissions),
        None => request.permissions.clone(),
    };
    if !missing.is_empty() || view.consent.is_none() || asks_always(view) {
        return if quiet {
            NextStep::Refuse(InteractionRefusal::ConsentRequired)
        } else {
            NextStep::Consent { session, missing }
        };
    }
    NextStep::Issue { session, granted: request.permissions.clone() }
}

/// Whether the person is asked even for what was agreed to before: when the request says so, for access while away
/// (Core 1.0 §11), and for a public client that any program on the machine can pretend to be (RFC 8252 §8.6).
fn asks_always(view: &View<'_>) -> bool {
    let unclaimed = view.client.application_type == ApplicationType::Native
        && (redirect_uri::is_loopback(&view.request.redirect_uri)
            || !view.request.redirect_uri.starts_with("https:"));
    view.request.prompts.consent
        || view.request.permissions.scopes().contains("offline_access")
        || (view.client.is_public() && unclaimed)
}
