//! Signing out, asked for by an application (OpenID Connect RP-Initiated Logout 1.0) or by the person.
//!
//! A posted request goes on as a GET, sealed: a form on another site brings no cookies, and whose session it is about can only be
//! seen with them.
//!
//! Without a genuine hint about a session of this browser the person is asked first, so that an image on some page signs
//! nobody out (§2, §6). The page names every account that is signed in in the browser, for nothing says which of them is meant,
//! and a yes ends the sessions it named and no other. A browser is sent on only to a registered `post_logout_redirect_uri` of a client that is known (§3).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::{
    authorize::id_token_hint::{self, Hint},
    client::Client,
    error::{ErrorCode, OAuthError, Refusal},
    form::{Form, Repeated},
    id::{ClientId, SessionId},
    interaction::{
        browser::BrowserCookies,
        form::AntiForgery,
        session::{self, SessionEnd},
    },
    step::{Context, Decided, Decision, Have, Step},
    store::{SessionRecord, Share, User},
};

/// The longest value of a parameter, bytes.
const LONGEST: usize = 2048;
const MOST_LOCALES: usize = 16;
/// What a request is sealed as.
const SEAL: &[u8] = b"end session";
/// The longest sealed request, bytes: it fits into an URL that every proxy and browser takes (RFC 9110 §4.1 wants 8000).
const LONGEST_SEALED: usize = 7 * 1024;
/// The matter of the anti-forgery value of the page that asks.
pub const MATTER: (&str, &str) = ("form", "end_session");

/// Why the response is an error page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndSessionRefusal {
    /// A parameter stands twice; names it.
    Repeated(&'static str),
    /// A value is longer than is read; names it.
    TooLong(&'static str),
    /// All of it together is longer than can be carried to the next page.
    RequestTooLong,
    /// §2: `client_id` is not the audience of the hint.
    OtherClient,
    /// §3: not registered for the client, or no client is known.
    RedirectUriNotRegistered,
    /// The form of the page that asks was not made for this browser, or was sent by another site.
    Forged,
    /// What was sealed is too old, or was not sealed here.
    Expired,
}

impl From<Repeated> for EndSessionRefusal {
    fn from(Repeated(name): Repeated) -> Self {
        Self::Repeated(name)
    }
}

impl Refusal for EndSessionRefusal {
    fn public(&self) -> OAuthError {
        let about = |name, what| OAuthError::about(ErrorCode::InvalidRequest, name, what);
        match self {
            Self::Repeated(name) => about(name, "is repeated"),
            Self::TooLong(name) => about(name, "is too long"),
            Self::RequestTooLong => {
                OAuthError::new(ErrorCode::InvalidRequest, "the parameters together are too long")
            }
            Self::OtherClient => about("client_id", "is not the client of id_token_hint"),
            Self::RedirectUriNotRegistered => {
                about("post_logout_redirect_uri", "is not registered for the client")
            }
            Self::Forged => {
                OAuthError::new(ErrorCode::InvalidRequest, "the form is not that of the page which asks")
            }
            Self::Expired => about("request", "is too old, or was not made by this server"),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Repeated(_) => "repeated_parameter",
            Self::TooLong(_) => "parameter_too_long",
            Self::RequestTooLong => "request_too_long",
            Self::OtherClient => "client_mismatch",
            Self::RedirectUriNotRegistered => "post_logout_redirect_uri_mismatch",
            Self::Forged => "anti_forgery",
            Self::Expired => "request_expired",
        }
    }
}

/// A request to the endpoint.
pub struct EndSessionRequest<'a> {
    parameters: Result<Parameters, EndSessionRefusal>,
    arrival: Arrival,
    browser: &'a BrowserCookies,
}

/// How a request came, which decides whether the session cookies came with it.
#[derive(Clone, Debug)]
pub enum Arrival {
    /// The browser was sent here. That brings the cookies, from wherever it came.
    Navigation,
    /// A form of an application was posted. From another site that brings no cookies (`SameSite=Lax`).
    Posted,
    /// The form of our own page.
    Answered(LogoutConfirmation),
}

/// What a request says, with the hint as it was verified.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Parameters {
    hint: Option<Hint>,
    client_id: Option<ClientId>,
    post_logout_redirect_uri: Option<String>,
    state: Option<String>,
    ui_locales: Vec<String>,
}

/// The answer to our own page.
#[derive(Clone, Debug)]
pub struct LogoutConfirmation {
    /// Whether the form is ours.
    pub anti_forgery: AntiForgery,
    /// What was pressed.
    pub pressed: SignOutChoice,
    /// The sessions that the page named.
    pub sessions: Vec<SessionId>,
}

/// What was pressed on our own page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignOutChoice {
    /// Sign out.
    SignOut,
    /// Anything else.
    Stay,
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignOutOutcome {
    /// It goes on in a request that brings the cookies, and carries this as `request`.
    GoOn(String),
    /// The person is asked.
    Ask {
        /// The application that asks, as pages show it.
        application: Option<String>,
        /// Who is signed in in this browser, and where.
        people: Vec<(SessionId, User)>,
        /// What the page gives back as `request`.
        request: String,
    },
    /// These sessions have ended; the browser goes there, or to a page that says so.
    SignedOut {
        /// Sessions that ended.
        sessions: Vec<SessionId>,
        /// Where to go.
        then: Option<String>,
        /// Whether other accounts are still signed in in this browser.
        others_stay: bool,
    },
    /// The person stays signed in.
    Stay,
}

impl<'a> EndSessionRequest<'a> {
    /// Reads the parameters, or what they were sealed as.
    pub fn read(form: &Form, arrival: Arrival, browser: &'a BrowserCookies, context: &Context<'_>) -> Self {
        Self { parameters: Parameters::read(form, context), arrival, browser }
    }

    /// Languages in order of preference, for the pages.
    pub fn ui_locales(&self) -> &[String] {
        self.parameters.as_ref().map(|parameters| parameters.ui_locales.as_slice()).unwrap_or_default()
    }
}

impl Parameters {
    fn read(form: &Form, context: &Context<'_>) -> Result<Self, EndSessionRefusal> {
        let value = |name| match form.one(name)? {
            Some(value) if value.len() > LONGEST => Err(EndSessionRefusal::TooLong(name)),
            value => Ok(value.map(str::to_owned)),
        };
        if let Some(sealed) = form.one("request")? {
            return Self::open(sealed, context).ok_or(EndSessionRefusal::Expired);
        }
        // A genuine hint; an ID token that is none of ours counts as none.
        let (keys, issuer) = (context.keyring.verifying(), &context.policy.issuer);
        let hint = form.one("id_token_hint")?.and_then(|token| id_token_hint::read(token, keys, issuer).ok());
        let ui_locales = value("ui_locales")?.unwrap_or_default();
        Ok(Self {
            hint,
            client_id: value("client_id")?.map(ClientId),
            post_logout_redirect_uri: value("post_logout_redirect_uri")?,
            state: value("state")?,
            ui_locales: ui_locales.split(' ').take(MOST_LOCALES).map(str::to_owned).collect(),
        })
    }

    fn open(sealed: &str, context: &Context<'_>) -> Option<Self> {
        let sealed =
            (sealed.len() <= LONGEST_SEALED).then(|| URL_SAFE_NO_PAD.decode(sealed).ok()).flatten()?;
        let life = context.policy.lifetimes.session_absolute;
        let plain = context.keyring.keys.request.open(context.now, life, SEAL, &sealed)?;
        serde_json::from_slice(&plain).ok()
    }

    fn seal(&self, context: &Context<'_>) -> Result<String, EndSessionRefusal> {
        let plain = serde_json::to_vec(self).map_err(|_| EndSessionRefusal::RequestTooLong)?;
        let sealed = context.keyring.keys.request.seal(context.now, context.entropy, SEAL, &plain);
        let sealed = URL_SAFE_NO_PAD.encode(sealed);
        if sealed.len() > LONGEST_SEALED { Err(EndSessionRefusal::RequestTooLong) } else { Ok(sealed) }
    }
}

impl Step for EndSessionRequest<'_> {
    const NAME: &'static str = "end_session";
    const SHARE: Share = Share::Grants;
    type Outcome = SignOutOutcome;
    type Refusal = EndSessionRefusal;

    fn decide(&self, have: &Have, context: &Context<'_>) -> Decided<SignOutOutcome, EndSessionRefusal> {
        let parameters = self.parameters.as_ref().map_err(|refusal| *refusal)?;
        let hint = parameters.hint.as_ref();
        if let (Some(hint), Some(named)) = (hint, &parameters.client_id)
            && hint.client_id != *named
        {
            return Err(EndSessionRefusal::OtherClient.into());
        }
        let id = hint.map(|hint| &hint.client_id).or(parameters.client_id.as_ref());
        let client = id.map(|id| have.client(id)).transpose()?.flatten().map(std::sync::Arc::as_ref);
        let named = match &self.arrival {
            Arrival::Navigation | Arrival::Posted => None,
            Arrival::Answered(answer) if !answer.anti_forgery.fits(self.browser, MATTER, context) => {
                return Err(EndSessionRefusal::Forged.into());
            }
            Arrival::Answered(LogoutConfirmation { pressed: SignOutChoice::Stay, .. }) => {
                return Ok(Decision::read_only(SignOutOutcome::Stay));
            }
            Arrival::Answered(answer) => Some(answer.sessions.as_slice()),
        };
        let then = destination(parameters, client)?;
        if matches!(self.arrival, Arrival::Posted) {
            return Ok(Decision::read_only(SignOutOutcome::GoOn(parameters.seal(context)?)));
        }
        let sessions = self.browser.live_sessions(have, context)?;
        let Some(ending) = ending(hint, &sessions, named) else {
            let people = sessions.iter().map(|record| (record.session.id, record.user.clone())).collect();
            let application = client.map(|client| client.display_name().to_owned());
            let request = parameters.seal(context)?;
            return Ok(Decision::read_only(SignOutOutcome::Ask { application, people, request }));
        };
        let writes =
            ending.iter().flat_map(|record| session::end(&record.session, SessionEnd::EndSession, context));
        Ok(Decision {
            writes: writes.collect(),
            outcome: SignOutOutcome::SignedOut {
                sessions: ending.iter().map(|record| record.session.id).collect(),
                then,
                others_stay: ending.len() < sessions.len(),
            },
        })
    }
}

/// Which of the live `sessions` of this browser end; `None`: the person is asked. `confirmed` are those that the person agreed to
/// end.
fn ending<'h>(
    hint: Option<&Hint>,
    sessions: &[&'h SessionRecord],
    confirmed: Option<&[SessionId]>,
) -> Option<Vec<&'h SessionRecord>> {
    if sessions.is_empty() {
        return Some(Vec::new());
    }
    let ending: Vec<_> = match (confirmed, hint) {
        (Some(named), _) => {
            sessions.iter().copied().filter(|record| named.contains(&record.session.id)).collect()
        }
        (None, Some(hint)) => {
            let of_user = sessions.iter().copied().filter(|record| record.user.id == hint.user_id);
            of_user.filter(|record| hint.session_id.is_none_or(|id| id == record.session.id)).collect()
        }
        (None, None) => Vec::new(),
    };
    // None of the named sessions is live in this browser.
    (!ending.is_empty()).then_some(ending)
}

fn destination(request: &Parameters, client: Option<&Client>) -> Result<Option<String>, EndSessionRefusal> {
    let Some(uri) = &request.post_logout_redirect_uri else { return Ok(None) };
    let client =
        client.filter(|client| !client.disabled).ok_or(EndSessionRefusal::RedirectUriNotRegistered)?;
    if !client.post_logout_redirect_uris.contains(uri) {
        return Err(EndSessionRefusal::RedirectUriNotRegistered);
    }
    Ok(Some(match &request.state {
        None => uri.clone(),
        Some(state) => {
            let separator = if uri.contains('?') { '&' } else { '?' };
            let state = form_urlencoded::Serializer::new(String::new()).append_pair("state", state).finish();
            format!("{uri}{separator}{state}")
        }
    }))
}

#[cfg(test)]
mod tests;
