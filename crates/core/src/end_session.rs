//! Signing out, asked for by an application (OpenID Connect RP-Initiated Logout 1.0) or by the person.
//!
//! Without a genuine hint about a session of this browser the person is asked first, so that an image on some page signs
//! nobody out (§2, §6). The page names every account that is signed in in the browser, for nothing says which of them is meant,
//! and a yes ends the sessions it named and no other. A browser is sent on only to a registered `post_logout_redirect_uri` of a client that is known (§3).

use crate::{
    account,
    authorize::id_token_hint::{self, Hint},
    client::Client,
    error::{ErrorCode, OAuthError, Refusal},
    form::Form,
    id::{ClientId, SessionId},
    interaction::{browser::BrowserCookies, form::AntiForgery},
    step::{Context, Decided, Decision, Have, Step},
    store::{SessionRecord, Share, User},
};

/// The longest value of a parameter, bytes.
const LONGEST: usize = 2048;
/// The matter of the anti-forgery value of the page that asks.
pub const MATTER: (&str, &str) = ("form", "end_session");

/// Why the response is an error page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndSessionRefusal {
    /// A parameter stands twice or is too long.
    Malformed,
    /// §2: `client_id` is not the audience of the hint.
    OtherClient,
    /// §3: not registered for the client, or no client is known.
    RedirectUriNotRegistered,
    /// The form of the page that asks was not made for this browser, or was sent by another site.
    Forged,
}

impl Refusal for EndSessionRefusal {
    fn public(&self) -> OAuthError {
        OAuthError::new(ErrorCode::InvalidRequest, "the request to sign out is not valid")
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Malformed => "malformed_request",
            Self::OtherClient => "client_mismatch",
            Self::RedirectUriNotRegistered => "post_logout_redirect_uri_mismatch",
            Self::Forged => "anti_forgery",
        }
    }
}

/// A request to the endpoint.
pub struct EndSessionRequest<'a> {
    parameters: Result<Parameters, EndSessionRefusal>,
    confirmation: Option<LogoutConfirmation>,
    browser: &'a BrowserCookies,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Parameters {
    id_token_hint: Option<String>,
    client_id: Option<ClientId>,
    post_logout_redirect_uri: Option<String>,
    state: Option<String>,
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
    /// The person is asked; a yes comes back with the same parameters.
    Ask {
        /// The application that asks, as pages show it.
        application: Option<String>,
        /// Who is signed in in this browser, and where.
        people: Vec<(SessionId, User)>,
    },
    /// These sessions have ended; the browser goes there, or to a page that says so.
    SignedOut {
        /// Sessions that ended.
        sessions: Vec<SessionId>,
        /// Where to go.
        then: Option<String>,
    },
    /// The person stays signed in.
    Stay,
}

impl<'a> EndSessionRequest<'a> {
    /// Reads the parameters. `confirmation` is that of our own page; `None`: not asked yet.
    pub fn read(form: &Form, confirmation: Option<LogoutConfirmation>, browser: &'a BrowserCookies) -> Self {
        Self { parameters: parameters(form), confirmation, browser }
    }
}

fn parameters(form: &Form) -> Result<Parameters, EndSessionRefusal> {
    let value = |name| match form.one(name) {
        Ok(Some(value)) if value.len() > LONGEST => Err(EndSessionRefusal::Malformed),
        Ok(value) => Ok(value.map(str::to_owned)),
        Err(_) => Err(EndSessionRefusal::Malformed),
    };
    let hint = form.one("id_token_hint").map_err(|_| EndSessionRefusal::Malformed)?;
    Ok(Parameters {
        id_token_hint: hint.map(str::to_owned),
        client_id: value("client_id")?.map(ClientId),
        post_logout_redirect_uri: value("post_logout_redirect_uri")?,
        state: value("state")?,
    })
}

impl Step for EndSessionRequest<'_> {
    const NAME: &'static str = "end_session";
    const SHARE: Share = Share::Grants;
    type Outcome = SignOutOutcome;
    type Refusal = EndSessionRefusal;

    fn decide(&self, have: &Have, context: &Context<'_>) -> Decided<SignOutOutcome, EndSessionRefusal> {
        let parameters = self.parameters.as_ref().map_err(|refusal| *refusal)?;
        // A genuine hint; an ID token that is none of ours counts as none.
        let (keys, issuer) = (context.keyring.verifying(), &context.policy.issuer);
        let hint = parameters.id_token_hint.as_deref();
        let hint = hint.and_then(|token| id_token_hint::read(token, keys, issuer).ok());
        if let (Some(hint), Some(named)) = (&hint, &parameters.client_id)
            && hint.client_id != *named
        {
            return Err(EndSessionRefusal::OtherClient.into());
        }
        let id = hint.as_ref().map(|hint| &hint.client_id).or(parameters.client_id.as_ref());
        let client = id.map(|id| have.client(id)).transpose()?.flatten().map(std::sync::Arc::as_ref);
        if let Some(confirmation) = &self.confirmation {
            if !confirmation.anti_forgery.fits(self.browser, MATTER, context) {
                return Err(EndSessionRefusal::Forged.into());
            }
            if confirmation.pressed == SignOutChoice::Stay {
                return Ok(Decision::read_only(SignOutOutcome::Stay));
            }
        }
        let then = destination(parameters, client)?;
        let sessions = self.browser.live_sessions(have, context)?;
        let named = self.confirmation.as_ref().map(|confirmation| confirmation.sessions.as_slice());
        let Some(ending) = ending(hint.as_ref(), &sessions, named) else {
            let people = sessions.iter().map(|record| (record.session.id, record.user.clone()));
            let application = client.map(|client| client.display_name().to_owned());
            return Ok(Decision::read_only(SignOutOutcome::Ask { application, people: people.collect() }));
        };
        let writes = ending.iter().flat_map(|record| account::end_session(&record.session, context));
        Ok(Decision {
            writes: writes.collect(),
            outcome: SignOutOutcome::SignedOut {
                sessions: ending.iter().map(|record| record.session.id).collect(),
                then,
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
