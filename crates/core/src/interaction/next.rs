//! What must happen next: the first true row of a table, derived from facts (OpenID Connect Core 1.0 §3.1.2.3, §3.1.2.4).

use std::{sync::Arc, time::Duration};

use crate::{
    check::{CheckRow, Endpoint},
    client::{Client, ConsentMode},
    error::{ErrorCode, OAuthError, Refusal},
    id::SessionId,
    scope::{Permissions, ScopeSet},
    step::{Have, Want},
    store::{Authentication, AuthorizationRequest, Consent, Facts, SessionRecord, User},
    time::Timestamp,
};

/// The person who would answer, and how they signed in.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Who.
    pub user: &'a User,
    /// How and when.
    pub authentication: &'a Authentication,
    /// In which session; `None` while only an external login UI knows of the sign-in.
    pub session_id: Option<SessionId>,
}

impl<'a> From<&'a SessionRecord> for Subject<'a> {
    fn from(record: &'a SessionRecord) -> Self {
        Self {
            user: &record.user,
            authentication: &record.session.authentication,
            session_id: Some(record.session.id),
        }
    }
}

/// All that the next step is derived from.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The checked request.
    pub request: &'a AuthorizationRequest,
    /// What has happened.
    pub facts: &'a Facts,
    /// Who would answer, of [`subject`].
    pub subject: Option<Subject<'a>>,
    /// The live consent of the subject for the client.
    pub consent: Option<&'a Consent>,
    /// Who asks.
    pub client: &'a Client,
    /// The present.
    pub now: Timestamp,
}

impl<'a> View<'a> {
    /// What is known of a request and of who would answer it, with the client as it is registered; `None` when the client was
    /// deleted or disabled meanwhile.
    pub(super) fn load(
        request: &'a AuthorizationRequest,
        facts: &'a Facts,
        subject: Option<Subject<'a>>,
        have: &'a Have,
        now: Timestamp,
    ) -> Result<Option<(Self, &'a Arc<Client>)>, Want> {
        let client = have.client(&request.client_id)?.filter(|client| !client.disabled);
        let Some(client) = client else { return Ok(None) };
        let consent = match &subject {
            Some(subject) => have.consent(subject.user.id, &request.client_id)?,
            None => None,
        };
        Ok(Some((Self { request, facts, subject, consent, client, now }, client)))
    }
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
    /// The name by which an external login UI knows it.
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
pub enum NextStep {
    /// The person signs in.
    Login(LoginReason),
    /// The person chooses one of the accounts of this browser.
    SelectAccount,
    /// The subject is asked.
    Consent {
        /// What is asked for, as far as the client may still have it.
        asked: Permissions,
        /// What was never agreed to; the rest was.
        missing: Permissions,
    },
    /// Nothing is missing: the authorization of the subject can be issued.
    Issue {
        /// What is granted.
        granted: Permissions,
    },
    /// It cannot go on.
    Refuse(InteractionRefusal),
    /// It cannot go on, and there is no redirect: the redirect URI is not the client's any more.
    RedirectUriGone,
}

/// Why an interaction ends without a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InteractionRefusal {
    /// The person said no.
    Denied,
    /// `prompt=none`, and the person would have to sign in; why.
    LoginRequired(LoginReason),
    /// `prompt=none`, and the person would have to consent.
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
            Self::LoginRequired(reason) => OAuthError::new(
                ErrorCode::LoginRequired,
                match reason {
                    LoginReason::NoSession => "nobody is signed in",
                    LoginReason::Asked => "the request asks for a new sign-in",
                    LoginReason::TooOld => "the last sign-in is longer ago than max_age allows",
                    LoginReason::OtherAccount => "the person whom id_token_hint names is not signed in",
                },
            ),
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
            Self::LoginRequired(LoginReason::NoSession) => "login_required",
            Self::LoginRequired(reason) => reason.as_str(),
            Self::ConsentRequired => "consent_required",
            Self::OtherPerson => "other_person",
            Self::NothingLeft => "nothing_left",
        }
    }
}

/// The session that answers: the one this interaction settled on, else that of the person whom an external login UI reported,
/// else the hinted person's, else the one used last.
pub fn subject<'a>(
    request: &AuthorizationRequest,
    facts: &Facts,
    sessions: &[&'a SessionRecord],
) -> Option<&'a SessionRecord> {
    let find = |wanted: &dyn Fn(&SessionRecord) -> bool| sessions.iter().copied().find(|r| wanted(r));
    if let Some(id) = facts.session_id {
        return find(&|record| record.session.id == id);
    }
    if let Some((user, _)) = facts.signed_in {
        return find(&|record| record.user.id == user);
    }
    let hinted = request.hinted_user.and_then(|user| find(&|record| record.user.id == user));
    hinted.or_else(|| sessions.first().copied())
}

/// A row of [`ROWS`].
struct Row {
    row: CheckRow,
    next: fn(&View<'_>) -> Option<NextStep>,
}

const fn row(
    name: &'static str,
    section: &'static str,
    attacks: &'static [&'static str],
    next: fn(&View<'_>) -> Option<NextStep>,
) -> Row {
    Row { row: CheckRow { name, section, attacks, endpoints: &[Endpoint::Interaction] }, next }
}

/// The rows before [`ISSUE`], in order.
static ROWS: &[Row] = &[
    row("redirect_uri", "RFC 9700 §4.1", &["R-01", "N-02"], redirect_uri),
    row("denied", "RFC 6749 §4.1.2.1", &["N-06"], denied),
    row("session", "Core 1.0 §3.1.2.3", &["A-08", "L-32"], session),
    row("hinted_user", "Core 1.0 §3.1.2.1", &["A-10"], hinted_user),
    row("select_account", "Core 1.0 §3.1.2.1", &[], select_account),
    row("prompt_login", "Core 1.0 §3.1.2.1", &["A-09"], prompt_login),
    row("max_age", "Core 1.0 §3.1.2.1", &["A-09"], max_age),
    row("client_scope", "RFC 6749 §3.3", &["N-02"], client_scope),
    row("agreed", "Core 1.0 §3.1.2.4", &["N-01", "N-02"], agreed),
    row("consent", "Core 1.0 §3.1.2.4, §11; RFC 8252 §8.6", &["N-03", "N-04", "N-05"], consent),
];

/// The last row, which is true whenever no other is.
static ISSUE: CheckRow =
    CheckRow {
        name: "issue", section: "RFC 6749 §4.1.2", attacks: &[], endpoints: &[Endpoint::Interaction]
    };

/// What must happen next: the first true row, and which it is.
pub fn next(view: &View<'_>) -> (NextStep, &'static CheckRow) {
    let mut rows = ROWS.iter().filter_map(|row| (row.next)(view).map(|next| (next, &row.row)));
    rows.next().unwrap_or_else(|| (issue(view), &ISSUE))
}

/// Every row, for the documentation.
pub fn rows() -> impl Iterator<Item = &'static CheckRow> {
    ROWS.iter().map(|row| &row.row).chain([&ISSUE])
}

fn login(view: &View<'_>, reason: LoginReason) -> NextStep {
    if view.request.prompts.none {
        NextStep::Refuse(InteractionRefusal::LoginRequired(reason))
    } else {
        NextStep::Login(reason)
    }
}

/// The person signed in for this request, in this session: `prompt=login` and `max_age` ask for a new `auth_time`. A later sign-in in the
/// same session is as good.
fn is_fresh(view: &View<'_>, subject: Subject<'_>) -> bool {
    let signed_in = view.facts.signed_in.as_ref();
    view.facts.session_id == subject.session_id
        && signed_in
            .is_some_and(|(user, how)| *user == subject.user.id && how.at <= subject.authentication.at)
}

fn redirect_uri(view: &View<'_>) -> Option<NextStep> {
    let redirect = view.request.route.redirect()?;
    (!view.client.has_redirect_uri(&redirect.uri)).then_some(NextStep::RedirectUriGone)
}

fn denied(view: &View<'_>) -> Option<NextStep> {
    view.facts.denied.then_some(NextStep::Refuse(InteractionRefusal::Denied))
}

fn session(view: &View<'_>) -> Option<NextStep> {
    view.subject.is_none().then(|| login(view, LoginReason::NoSession))
}

fn hinted_user(view: &View<'_>) -> Option<NextStep> {
    let subject = view.subject?;
    view.request.hinted_user.filter(|user| *user != subject.user.id)?;
    Some(if is_fresh(view, subject) {
        NextStep::Refuse(InteractionRefusal::OtherPerson)
    } else {
        login(view, LoginReason::OtherAccount)
    })
}

fn select_account(view: &View<'_>) -> Option<NextStep> {
    let asked = view.request.prompts.select_account && !view.facts.selected;
    (asked && !is_fresh(view, view.subject?)).then_some(NextStep::SelectAccount)
}

fn prompt_login(view: &View<'_>) -> Option<NextStep> {
    let asked = view.request.prompts.login && !is_fresh(view, view.subject?);
    asked.then(|| login(view, LoginReason::Asked))
}

fn max_age(view: &View<'_>) -> Option<NextStep> {
    let (subject, most) = (view.subject?, view.request.max_age?);
    let too_old = is_older(subject.authentication.at, most, view.now) && !is_fresh(view, subject);
    too_old.then(|| login(view, LoginReason::TooOld))
}

fn client_scope(view: &View<'_>) -> Option<NextStep> {
    let mut asked = view.request.permissions.0.iter();
    let nothing_left = !asked.any(|(_, scopes)| is_allowed(scopes, view.client));
    nothing_left.then_some(NextStep::Refuse(InteractionRefusal::NothingLeft))
}

fn agreed(view: &View<'_>) -> Option<NextStep> {
    let agreed = view.facts.agreed.as_ref()?;
    let granted = both(agreed, &still_allowed(&view.request.permissions, view.client));
    (!granted.is_empty()).then_some(NextStep::Issue { granted })
}

fn consent(view: &View<'_>) -> Option<NextStep> {
    let is_trusted = view.client.consent == ConsentMode::None && !is_unclaimed(view);
    if is_trusted && !view.request.prompts.consent {
        return None;
    }
    let asked = still_allowed(&view.request.permissions, view.client);
    let missing = match view.consent {
        Some(consent) => asked.difference(&consent.permissions),
        None => asked.clone(),
    };
    if missing.is_empty() && !asks_always(view) {
        return None;
    }
    Some(if view.request.prompts.none {
        NextStep::Refuse(InteractionRefusal::ConsentRequired)
    } else {
        NextStep::Consent { asked, missing }
    })
}

fn issue(view: &View<'_>) -> NextStep {
    NextStep::Issue { granted: still_allowed(&view.request.permissions, view.client) }
}

/// Whether more than `most` seconds have passed. None at all are enough: `max_age=0` is `prompt=login` (Core 1.0 §3.1.2.1).
fn is_older(authenticated: Timestamp, most: u32, now: Timestamp) -> bool {
    most == 0 || now.since(authenticated) > Duration::from_secs(most.into())
}

/// What the client may still have of what it asked for: its registration can change while a page waits (catalogue N-02).
fn still_allowed(asked: &Permissions, client: &Client) -> Permissions {
    let allowed = asked.0.iter().filter(|(_, scopes)| is_allowed(scopes, client));
    Permissions(
        allowed.map(|(audience, scopes)| (audience.clone(), scopes.intersection(&client.scope))).collect(),
    )
}

/// Whether the client may still have one of the scopes, or none was asked for.
fn is_allowed(scopes: &ScopeSet, client: &Client) -> bool {
    scopes.is_empty() || scopes.iter().any(|scope| client.scope.contains(scope))
}

/// What is in both.
fn both(one: &Permissions, other: &Permissions) -> Permissions {
    let common = one.0.iter().filter_map(|(audience, scopes)| {
        let common = scopes.intersection(other.0.get(audience)?);
        (scopes.is_empty() || !common.is_empty()).then(|| (audience.clone(), common))
    });
    Permissions(common.collect())
}

/// Whether the person is asked even for what was agreed to before: when the request or the client's registration says so, and for a
/// client that is [unclaimed](is_unclaimed).
fn asks_always(view: &View<'_>) -> bool {
    view.request.prompts.consent || view.client.consent == ConsentMode::Ask || is_unclaimed(view)
}

/// Whether any program on the machine can pretend to be the client: a public one, which is known by no web address with an owner
/// (RFC 8252 §8.6).
fn is_unclaimed(view: &View<'_>) -> bool {
    let redirect = view.request.route.redirect();
    view.client.is_public() && redirect.is_none_or(|redirect| !redirect.uri.starts_with("https:"))
}

#[cfg(test)]
mod tests;
