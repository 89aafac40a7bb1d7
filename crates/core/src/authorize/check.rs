//! The ordered checks of an authorization request.
//!
//! Two stages with a type between them. Until the client and its redirect URI are known to be good an error is a page:
//! [`PageRefusal`] cannot redirect, because there is no [`Destination`] yet (RFC 6749 §4.1.2.1, RFC 9700 §4.11.2). After
//! that every error goes to the client. [`CHECKS`] is the second stage: one row a check, in order, the first refusal wins.
//! Left out on purpose: request objects and pushed requests, which come with a source file of their own beside this one.

use crate::{
    audience::{Asked, AudienceRefusal},
    authorize::{
        id_token_hint::{self, HintError},
        request::{AuthorizationRequest, Prompts, ResponseMode},
        response::AuthorizationResponse,
    },
    client::{Client, GrantType},
    error::{ErrorCode, OAuthError, Refusal},
    form::Form,
    id::ClientId,
    jose::jwk::KeySet,
    policy::Policy,
    redirect_uri,
    resource::Resource,
    time::Timestamp,
};

const LONGEST_STATE: usize = 2048;
const LONGEST_NONCE: usize = 512;
const LONGEST_HINT: usize = 256;
const MOST_LIST_ITEMS: usize = 16;
/// The longest request that travels on: sealed it fits into a URL that every proxy and browser takes (RFC 9110 §4.1 wants
/// 8000 bytes of them).
pub const LONGEST_REQUEST: usize = 4096;

/// Why a request is answered with a page and goes nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageRefusal {
    /// RFC 6749 §3.1: `client_id` or `redirect_uri` stands twice.
    Repeated(&'static str),
    /// No `client_id`.
    ClientIdMissing,
    /// No such client, or a disabled one: the outside cannot tell which.
    ClientUnknown(ClientId),
    /// The client has no authorization-code grant, so it has no redirect URI to trust.
    NoRedirectUriRegistered(ClientId),
    /// No `redirect_uri`, and it is not optional here (OpenID Connect Core 1.0 §3.1.2.1; several registered).
    RedirectUriMissing(ClientId),
    /// `redirect_uri` is not a registered one, byte for byte.
    RedirectUriMismatch {
        /// Who asked.
        client_id: ClientId,
        /// What was asked for.
        received: String,
        /// What is registered.
        registered: Vec<String>,
    },
}

impl PageRefusal {
    /// The machine-readable cause, `data-error` of the page.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Repeated(_) => "repeated_parameter",
            Self::ClientIdMissing => "client_id_missing",
            Self::ClientUnknown(_) => "client_unknown",
            Self::NoRedirectUriRegistered(_) => "no_redirect_uri_registered",
            Self::RedirectUriMissing(_) => "redirect_uri_missing",
            Self::RedirectUriMismatch { .. } => "redirect_uri_mismatch",
        }
    }
}

/// Where an answer may go: proof that client and redirect URI belong together.
#[derive(Clone, Debug)]
pub struct Destination<'a> {
    /// Who asks.
    pub client: &'a Client,
    /// Where the answer goes.
    pub redirect_uri: String,
    /// Whether the request carried it.
    pub sent: bool,
    /// Given back with every answer.
    pub state: Option<String>,
    /// How the answer goes; `query` until the request is known to ask for another.
    pub response_mode: ResponseMode,
}

/// Why a request is answered at the client's redirect URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestRefusal {
    /// RFC 6749 §3.1.
    Repeated(String),
    /// A value is longer than is read.
    TooLong(&'static str),
    /// All of it together is longer than can be carried to the next page.
    RequestTooLong,
    /// A control character, which no parameter may have (RFC 6749 Appendix A) and no form gives back unchanged.
    ControlCharacter(&'static str),
    /// RFC 9101: not supported.
    RequestObject,
    /// RFC 9101, RFC 9126: not supported.
    RequestUri,
    /// Core 1.0 §7.2.1: not supported.
    Registration,
    /// `response_type` missing.
    ResponseTypeMissing,
    /// Anything but `code`.
    ResponseTypeUnsupported,
    /// The client may not use the authorization-code grant.
    GrantNotAllowed,
    /// `response_mode` that does not exist, or not for this redirect URI.
    ResponseMode,
    /// RFC 7636 §4.3: PKCE is required.
    ChallengeMissing,
    /// RFC 7636 §4.3: only S256 (RFC 9700 §2.1.1).
    ChallengeMethod,
    /// RFC 7636 §4.2: not a S256 challenge.
    ChallengeSyntax,
    /// `scope`, `resource`, `audience`.
    Audience(AudienceRefusal),
    /// Unknown or contradictory `prompt`.
    Prompt,
    /// Not a number of seconds.
    MaxAge,
    /// The hint is not an ID token of ours for this client.
    Hint(HintError),
}

impl Refusal for RequestRefusal {
    fn public(&self) -> OAuthError {
        use ErrorCode::{
            InvalidRequest, RegistrationNotSupported, RequestNotSupported, RequestUriNotSupported,
            UnauthorizedClient, UnsupportedResponseType,
        };
        let (code, description) = match self {
            Self::Repeated(_) => (InvalidRequest, "a parameter is repeated"),
            Self::TooLong(_) => (InvalidRequest, "a parameter is too long"),
            Self::RequestTooLong => (InvalidRequest, "the parameters together are too long"),
            Self::ControlCharacter(_) => (InvalidRequest, "a parameter has a control character"),
            Self::RequestObject => (RequestNotSupported, "request objects are not supported"),
            Self::RequestUri => (RequestUriNotSupported, "request_uri is not supported"),
            Self::Registration => (RegistrationNotSupported, "registration is not supported"),
            Self::ResponseTypeMissing => (InvalidRequest, "response_type is missing"),
            Self::ResponseTypeUnsupported => (UnsupportedResponseType, "response_type must be code"),
            Self::GrantNotAllowed => {
                (UnauthorizedClient, "the client may not use the authorization code grant")
            }
            Self::ResponseMode => (InvalidRequest, "response_mode must be query or form_post"),
            Self::ChallengeMissing => (InvalidRequest, "code_challenge is missing: PKCE is required"),
            Self::ChallengeMethod => (InvalidRequest, "code_challenge_method must be S256"),
            Self::ChallengeSyntax => (InvalidRequest, "code_challenge is not a S256 challenge"),
            Self::Audience(refusal) => return refusal.public(),
            Self::Prompt => (InvalidRequest, "prompt is not a known combination"),
            Self::MaxAge => (InvalidRequest, "max_age is not a number of seconds"),
            Self::Hint(_) => {
                (InvalidRequest, "id_token_hint is not an ID token of this issuer for this client")
            }
        };
        OAuthError::new(code, description)
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Repeated(_) => "repeated_parameter",
            Self::TooLong(_) => "parameter_too_long",
            Self::RequestTooLong => "request_too_long",
            Self::ControlCharacter(_) => "control_character",
            Self::RequestObject => "request_object",
            Self::RequestUri => "request_uri",
            Self::Registration => "registration",
            Self::ResponseTypeMissing => "response_type_missing",
            Self::ResponseTypeUnsupported => "response_type_unsupported",
            Self::GrantNotAllowed => "grant_not_allowed",
            Self::ResponseMode => "response_mode",
            Self::ChallengeMissing => "code_challenge_missing",
            Self::ChallengeMethod => "code_challenge_method",
            Self::ChallengeSyntax => "code_challenge_syntax",
            Self::Audience(refusal) => refusal.reason(),
            Self::Prompt => "prompt",
            Self::MaxAge => "max_age",
            Self::Hint(_) => "id_token_hint",
        }
    }
}

/// The client that a request names, to be loaded.
pub fn client_id(form: &Form) -> Result<ClientId, PageRefusal> {
    let id = form.one("client_id").map_err(|twice| PageRefusal::Repeated(twice.0))?;
    let id = id.ok_or(PageRefusal::ClientIdMissing)?;
    if id.len() > LONGEST_HINT { Err(PageRefusal::ClientUnknown("…".into())) } else { Ok(id.into()) }
}

/// First stage: who asks, and where may the answer go?
pub fn destination<'a>(
    form: &Form,
    id: &ClientId,
    client: Option<&'a Client>,
) -> Result<Destination<'a>, PageRefusal> {
    let client =
        client.filter(|client| !client.disabled).ok_or_else(|| PageRefusal::ClientUnknown(id.clone()))?;
    let received = form.one("redirect_uri").map_err(|twice| PageRefusal::Repeated(twice.0))?;
    let is_openid = form.many("scope").any(|scope| scope.split(' ').any(|token| token == "openid"));
    let redirect_uri = match (received, client.redirect_uris.as_slice()) {
        (_, []) => return Err(PageRefusal::NoRedirectUriRegistered(id.clone())),
        (Some(received), registered) => {
            redirect_uri::find_match(received, registered, client.application_type).ok_or_else(|| {
                PageRefusal::RedirectUriMismatch {
                    client_id: id.clone(),
                    received: received.to_owned(),
                    registered: registered.to_vec(),
                }
            })?;
            received.to_owned()
        }
        (None, [only]) if !is_openid => only.clone(),
        (None, _) => return Err(PageRefusal::RedirectUriMissing(id.clone())),
    };
    // Given back only as it would be accepted.
    let state = value(form, "state", LONGEST_STATE).ok().flatten().map(str::to_owned);
    let asked = form.one("response_mode").ok().flatten().and_then(ResponseMode::read);
    let response_mode = asked.filter(|mode| can_reach(*mode, &redirect_uri)).unwrap_or_default();
    Ok(Destination { client, redirect_uri, sent: received.is_some(), state, response_mode })
}

impl Destination<'_> {
    /// The answer that says no.
    pub fn refuse(&self, refusal: &dyn Refusal, issuer: &str) -> AuthorizationResponse {
        let state = self.state.clone();
        AuthorizationResponse::error(
            self.redirect_uri.clone(),
            self.response_mode,
            state,
            refusal.public(),
            issuer,
        )
    }
}

/// All that a check may look at.
struct Input<'a> {
    form: &'a Form,
    destination: &'a Destination<'a>,
    resources: &'a [Resource],
    keys: &'a KeySet,
    policy: &'a Policy,
}

type Check = fn(&Input<'_>, &mut AuthorizationRequest) -> Result<(), RequestRefusal>;

/// The checks, in order.
const CHECKS: &[Check] = &[
    parameters,           // RFC 6749 §3.1
    request_object,       // RFC 9101 §4, Core 1.0 §6, §7.2.1
    response_type,        // RFC 6749 §3.1.1, RFC 9700 §2.1.2
    response_mode,        // OAuth 2.0 Multiple Response Types §2.1, Form Post
    pkce,                 // RFC 7636 §4.3, RFC 9700 §2.1.1
    permissions,          // RFC 6749 §3.3, RFC 8707 §2
    prompt,               // Core 1.0 §3.1.2.1
    max_age,              // Core 1.0 §3.1.2.1, Registration 1.0 §2
    authentication_class, // Core 1.0 §3.1.2.1
    hints,                // Core 1.0 §3.1.2.1
    length,               // what is carried to the next page
];

/// Second stage: what is asked for? `resources` are those of [`Asked::to_load`].
pub fn check(
    form: &Form,
    destination: &Destination<'_>,
    resources: &[Resource],
    keys: &KeySet,
    (policy, now): (&Policy, Timestamp),
) -> Result<AuthorizationRequest, RequestRefusal> {
    let mut request = AuthorizationRequest {
        client_id: destination.client.client_id.clone(),
        redirect_uri: destination.redirect_uri.clone(),
        redirect_uri_sent: destination.sent,
        response_mode: destination.response_mode,
        state: destination.state.clone(),
        nonce: None,
        permissions: crate::scope::Permissions::default(),
        code_challenge: None,
        prompts: Prompts::default(),
        max_age: None,
        acr_values: Vec::new(),
        login_hint: None,
        hinted_user: None,
        ui_locales: Vec::new(),
        requested_at: now,
    };
    let input = Input { form, destination, resources, keys, policy };
    for check in CHECKS {
        check(&input, &mut request)?;
    }
    Ok(request)
}

/// The value of a parameter: no longer than `longest` bytes, no control characters.
fn value<'a>(form: &'a Form, name: &'static str, longest: usize) -> Result<Option<&'a str>, RequestRefusal> {
    let value = form.one(name).map_err(|twice| RequestRefusal::Repeated(twice.0.to_owned()))?;
    match value {
        Some(value) if value.len() > longest => Err(RequestRefusal::TooLong(name)),
        Some(value) if value.contains(char::is_control) => Err(RequestRefusal::ControlCharacter(name)),
        value => Ok(value),
    }
}

fn parameters(input: &Input<'_>, request: &mut AuthorizationRequest) -> Result<(), RequestRefusal> {
    if let Some(name) = input.form.repeated(&["resource", "audience"]) {
        return Err(RequestRefusal::Repeated(name.to_owned()));
    }
    value(input.form, "state", LONGEST_STATE)?;
    request.nonce = value(input.form, "nonce", LONGEST_NONCE)?.map(str::to_owned);
    Ok(())
}

fn request_object(input: &Input<'_>, _: &mut AuthorizationRequest) -> Result<(), RequestRefusal> {
    let refused = [
        ("request", RequestRefusal::RequestObject),
        ("request_uri", RequestRefusal::RequestUri),
        ("registration", RequestRefusal::Registration),
    ];
    let sent = refused.into_iter().find(|(name, _)| input.form.many(name).next().is_some());
    sent.map_or(Ok(()), |(_, refusal)| Err(refusal))
}

fn response_type(input: &Input<'_>, _: &mut AuthorizationRequest) -> Result<(), RequestRefusal> {
    match value(input.form, "response_type", LONGEST_HINT)? {
        Some("code") if input.destination.client.grant_types.contains(&GrantType::AuthorizationCode) => {
            Ok(())
        }
        Some("code") => Err(RequestRefusal::GrantNotAllowed),
        Some(_) => Err(RequestRefusal::ResponseTypeUnsupported),
        None => Err(RequestRefusal::ResponseTypeMissing),
    }
}

fn response_mode(input: &Input<'_>, _: &mut AuthorizationRequest) -> Result<(), RequestRefusal> {
    let Some(name) = value(input.form, "response_mode", LONGEST_HINT)? else { return Ok(()) };
    let mode = ResponseMode::read(name).filter(|mode| can_reach(*mode, &input.destination.redirect_uri));
    mode.map(drop).ok_or(RequestRefusal::ResponseMode)
}

fn pkce(input: &Input<'_>, request: &mut AuthorizationRequest) -> Result<(), RequestRefusal> {
    let client = input.destination.client;
    let method = value(input.form, "code_challenge_method", LONGEST_HINT)?;
    match (value(input.form, "code_challenge", LONGEST_HINT)?, method) {
        // Only a client that authenticates can do without. A method without a challenge is half a PKCE, not none.
        (None, None) if !client.require_pkce && !client.is_public() => Ok(()),
        (None, _) => Err(RequestRefusal::ChallengeMissing),
        (Some(challenge), Some("S256")) if crate::pkce::is_challenge(challenge) => {
            request.code_challenge = Some(challenge.to_owned());
            Ok(())
        }
        (Some(_), Some("S256")) => Err(RequestRefusal::ChallengeSyntax),
        (Some(_), _) => Err(RequestRefusal::ChallengeMethod),
    }
}

fn permissions(input: &Input<'_>, request: &mut AuthorizationRequest) -> Result<(), RequestRefusal> {
    let asked = Asked::read(input.form).map_err(RequestRefusal::Audience)?;
    request.permissions = asked
        .resolve(input.destination.client, input.resources, &input.policy.issuer)
        .map_err(RequestRefusal::Audience)?;
    Ok(())
}

fn prompt(input: &Input<'_>, request: &mut AuthorizationRequest) -> Result<(), RequestRefusal> {
    let Some(text) = value(input.form, "prompt", LONGEST_HINT)? else { return Ok(()) };
    let prompts = &mut request.prompts;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        prompts.set(word).ok_or(RequestRefusal::Prompt)?;
    }
    let any = prompts.login || prompts.consent || prompts.select_account;
    if prompts.none && any { Err(RequestRefusal::Prompt) } else { Ok(()) }
}

fn max_age(input: &Input<'_>, request: &mut AuthorizationRequest) -> Result<(), RequestRefusal> {
    request.max_age = match value(input.form, "max_age", 10)? {
        Some(text) if text.bytes().all(|b| b.is_ascii_digit()) => {
            Some(text.parse().map_err(|_| RequestRefusal::MaxAge)?)
        }
        Some(_) => return Err(RequestRefusal::MaxAge),
        None => input.destination.client.default_max_age,
    };
    Ok(())
}

fn authentication_class(input: &Input<'_>, request: &mut AuthorizationRequest) -> Result<(), RequestRefusal> {
    request.acr_values = list(input.form, "acr_values")?;
    if request.acr_values.is_empty() {
        request.acr_values.clone_from(&input.destination.client.default_acr_values);
    }
    Ok(())
}

fn hints(input: &Input<'_>, request: &mut AuthorizationRequest) -> Result<(), RequestRefusal> {
    request.login_hint = value(input.form, "login_hint", LONGEST_HINT)?.map(str::to_owned);
    request.ui_locales = list(input.form, "ui_locales")?;
    value(input.form, "display", LONGEST_HINT)?;
    if let Some(token) = value(input.form, "id_token_hint", 16 * 1024)? {
        let hint =
            id_token_hint::read(token, input.keys, &input.policy.issuer).map_err(RequestRefusal::Hint)?;
        if hint.client_id != input.destination.client.client_id {
            return Err(RequestRefusal::Hint(HintError::Audience));
        }
        request.hinted_user = Some(hint.user_id);
    }
    Ok(())
}

fn length(_: &Input<'_>, request: &mut AuthorizationRequest) -> Result<(), RequestRefusal> {
    match serde_json::to_vec(request) {
        Ok(text) if text.len() <= LONGEST_REQUEST => Ok(()),
        _ => Err(RequestRefusal::RequestTooLong),
    }
}

/// A space-separated list of at most sixteen items; what is beyond is not read.
fn list(form: &Form, name: &'static str) -> Result<Vec<String>, RequestRefusal> {
    let text = value(form, name, 2048)?.unwrap_or_default();
    Ok(text.split(' ').filter(|item| !item.is_empty()).take(MOST_LIST_ITEMS).map(str::to_owned).collect())
}

/// A form can only be posted to a web address (Form Post Response Mode §2; a private-use scheme gets a query).
fn can_reach(mode: ResponseMode, redirect_uri: &str) -> bool {
    mode != ResponseMode::FormPost
        || redirect_uri.starts_with("https://")
        || redirect_uri.starts_with("http://")
}

#[cfg(test)]
mod tests;
