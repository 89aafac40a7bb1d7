//! The ordered checks of an authorization request.
//!
//! Two stages with a type between them. Until the client and its redirect URI are known to be good an error is a page:
//! [`PageRefusal`] cannot redirect, because there is no [`Destination`] yet (RFC 6749 §4.1.2.1, RFC 9700 §4.11.2). After
//! that every error goes to the client. [`CHECKS`] is the second stage: one row a check, in order, the first refusal wins.
//! [`AuthorizeRequest`] is the step of both. Left out on purpose: request objects and pushed requests, which come with a source
//! file of their own beside this one and run the same rows.

use std::sync::Arc;

use crate::{
    audience::{AudienceRefusal, AudienceRequest},
    authorize::{
        id_token_hint::{self, HintError},
        response::AuthorizationResponse,
    },
    check::{CheckRow, Endpoint},
    client::{Client, GrantType},
    error::{ErrorCode, Mismatch, OAuthError, Refusal},
    form::Form,
    id::ClientId,
    redirect_uri,
    resource::Resource,
    step::{Context, Decided, Decision, Have, Refused, Step, Stop},
    store::{AuthorizationRequest, Redirect, ResponseMode, ResponseRoute, Share},
};

const LONGEST_STATE: usize = 2048;
/// The longest URL that an error goes back in, and the room in it for what is beside `state` and the redirect URI.
const LONGEST_URL: usize = 8 * 1024;
const OTHER_PARAMETERS: usize = 1024;
const LONGEST_NONCE: usize = 512;
const LONGEST_HINT: usize = 256;
const MOST_LIST_ITEMS: usize = 16;
/// The longest request that travels on: sealed it fits into a URL that every proxy and browser takes (RFC 9110 §4.1 wants
/// 8000 bytes of them).
pub const LONGEST_REQUEST: usize = 4096;

/// Why the response is an error page, without a redirect.
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

impl Refusal for PageRefusal {
    fn public(&self) -> OAuthError {
        let about = |name, what| OAuthError::about(ErrorCode::InvalidRequest, name, what);
        let description = match self {
            Self::Repeated(name) => return about(name, "is repeated"),
            Self::ClientIdMissing => return about("client_id", "is missing"),
            // One sentence for both, as one page (catalogue A-04).
            Self::ClientUnknown(_) | Self::NoRedirectUriRegistered(_) => {
                "the client is not known, or has no redirect URI"
            }
            Self::RedirectUriMissing(_) => return about("redirect_uri", "is missing"),
            Self::RedirectUriMismatch { .. } => "redirect_uri is not registered for the client",
        };
        OAuthError::new(ErrorCode::InvalidRequest, description)
    }

    /// Also the machine-readable cause of the page, `data-error`.
    fn reason(&self) -> &'static str {
        match self {
            Self::Repeated(_) => "repeated_parameter",
            Self::ClientIdMissing => "client_id_missing",
            Self::ClientUnknown(_) => "client_unknown",
            Self::NoRedirectUriRegistered(_) => "no_redirect_uri_registered",
            Self::RedirectUriMissing(_) => "redirect_uri_missing",
            Self::RedirectUriMismatch { .. } => "redirect_uri_mismatch",
        }
    }

    fn mismatch(&self) -> Option<Mismatch> {
        match self {
            Self::RedirectUriMismatch { received, registered, .. } => {
                Some(Mismatch { received: received.clone(), expected: registered.join(" ") })
            }
            Self::Repeated(_)
            | Self::ClientIdMissing
            | Self::ClientUnknown(_)
            | Self::NoRedirectUriRegistered(_)
            | Self::RedirectUriMissing(_) => None,
        }
    }
}

/// Where a response may go: proof that client and redirect URI belong together.
#[derive(Clone, Debug)]
struct Destination<'a> {
    /// Who asks.
    client: &'a Client,
    /// Where the response goes. The mode is `query` until the request is known to ask for another.
    redirect: Redirect,
}

/// Why the response is an error at the client's redirect URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestRefusal {
    /// RFC 6749 §3.1; names it.
    Repeated(&'static str),
    /// A value is longer than is read; names it.
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
        let about = |name, what| OAuthError::about(InvalidRequest, name, what);
        let (code, description) = match self {
            Self::Repeated(name) => return about(name, "is repeated"),
            Self::TooLong(name) => return about(name, "is too long"),
            Self::RequestTooLong => (InvalidRequest, "the parameters together are too long"),
            Self::ControlCharacter(name) => return about(name, "has a control character"),
            Self::RequestObject => (RequestNotSupported, "request objects are not supported"),
            Self::RequestUri => (RequestUriNotSupported, "request_uri is not supported"),
            Self::Registration => (RegistrationNotSupported, "registration is not supported"),
            Self::ResponseTypeMissing => return about("response_type", "is missing"),
            Self::ResponseTypeUnsupported => (UnsupportedResponseType, "response_type must be code"),
            Self::GrantNotAllowed => {
                (UnauthorizedClient, "the client may not use the authorization code grant")
            }
            Self::ResponseMode => (InvalidRequest, "response_mode must be query or form_post"),
            Self::ChallengeMissing => return about("code_challenge", "is missing: PKCE is required"),
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
fn client_id(form: &Form) -> Result<ClientId, PageRefusal> {
    let id = form.one("client_id").map_err(|twice| PageRefusal::Repeated(twice.0))?;
    let id = id.ok_or(PageRefusal::ClientIdMissing)?;
    if id.len() > LONGEST_HINT { Err(PageRefusal::ClientUnknown("…".into())) } else { Ok(id.into()) }
}

/// First stage: who asks, and where may the response go?
fn destination<'a>(
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
    let asked = form.one("response_mode").ok().flatten().and_then(ResponseMode::read);
    let response_mode = asked.filter(|mode| can_reach(*mode, &redirect_uri)).unwrap_or_default();
    let state = state(form, &redirect_uri, response_mode).map(str::to_owned);
    let redirect = Redirect { uri: redirect_uri, sent: received.is_some(), mode: response_mode, state };
    Ok(Destination { client, redirect })
}

/// What goes back as `state` with every error (RFC 6749 §4.1.2.1), also when it is what is wrong: the first where it stands
/// twice, none that would make the URL longer than any that is read, and none that a form would change.
fn state<'a>(form: &'a Form, redirect_uri: &str, mode: ResponseMode) -> Option<&'a str> {
    let state = form.many("state").next()?;
    let encoded: usize = form_urlencoded::byte_serialize(state.as_bytes()).map(str::len).sum();
    let fits = redirect_uri.len() + encoded + OTHER_PARAMETERS <= LONGEST_URL;
    let survives = match mode {
        ResponseMode::Query => true,
        ResponseMode::FormPost => !state.contains(char::is_control),
    };
    (fits && survives).then_some(state)
}

/// All that a check may look at.
struct Input<'a> {
    form: &'a Form,
    /// What the form says of scopes and resources.
    audience: &'a Result<AudienceRequest, AudienceRefusal>,
    destination: &'a Destination<'a>,
    /// Those of [`AudienceRequest::to_load`].
    resources: &'a [Resource],
    context: &'a Context<'a>,
}

/// A row of [`CHECKS`].
struct Check {
    row: CheckRow,
    run: fn(&Input<'_>, &mut AuthorizationRequest) -> Result<(), RequestRefusal>,
}

const fn check(
    name: &'static str,
    section: &'static str,
    attacks: &'static [&'static str],
    run: fn(&Input<'_>, &mut AuthorizationRequest) -> Result<(), RequestRefusal>,
) -> Check {
    Check { row: CheckRow { name, section, attacks, endpoints: &[Endpoint::Authorize] }, run }
}

/// The checks, in order.
static CHECKS: &[Check] = &[
    check("parameters", "RFC 6749 §3.1", &["A-01", "A-05", "J-05"], parameters),
    check("request_object", "RFC 9101 §4; Core 1.0 §6, §7.2.1", &["A-13", "A-15"], request_object),
    check("response_type", "RFC 6749 §3.1.1; RFC 9700 §2.1.2", &["A-02"], response_type),
    check("response_mode", "OAuth 2.0 Multiple Response Types §2.1; Form Post", &["A-03"], response_mode),
    check("pkce", "RFC 7636 §4.3; RFC 9700 §2.1.1", &["P-01", "P-02", "P-03"], pkce),
    check("permissions", "RFC 6749 §3.3; RFC 8707 §2", &["A-06", "A-07", "A-20"], permissions),
    check("prompt", "Core 1.0 §3.1.2.1", &["A-08"], prompt),
    check("max_age", "Core 1.0 §3.1.2.1; Registration 1.0 §2", &["A-09"], max_age),
    check("acr_values", "Core 1.0 §3.1.2.1", &["A-11"], authentication_class),
    check("hints", "Core 1.0 §3.1.2.1", &["A-10"], hints),
    check("length", "what is carried to the next page", &["A-05"], length),
];

/// A request to the authorization endpoint, as it came.
pub struct AuthorizeRequest {
    form: Form,
    /// The first check of all: without a client there is nowhere to send an error.
    client_id: Result<ClientId, PageRefusal>,
    // Refused in its turn.
    audience: Result<AudienceRequest, AudienceRefusal>,
}

impl AuthorizeRequest {
    /// Reads the parameters.
    pub fn read(form: Form) -> Self {
        Self { client_id: client_id(&form), audience: AudienceRequest::read(&form), form }
    }

    /// Who asks, as far as the request says.
    pub fn client_id(&self) -> Option<&ClientId> {
        self.client_id.as_ref().ok()
    }

    /// Languages in order of preference, for a page that says what is wrong.
    pub fn ui_locales(&self) -> Vec<String> {
        list(&self.form, "ui_locales").unwrap_or_default()
    }

    /// Both stages, for a request of this client wherever it came from.
    fn check(
        &self,
        client_id: &ClientId,
        have: &Have,
        context: &Context<'_>,
    ) -> Result<CheckedRequest, Stop<AuthorizeRefusal>> {
        let page = |refusal, client: Option<&Arc<Client>>| AuthorizeRefusal::Page(refusal, client.cloned());
        let client = have.client(client_id)?;
        let destination = destination(&self.form, client_id, client.map(Arc::as_ref))
            .map_err(|refusal| page(refusal, client))?;
        let client = client.ok_or_else(|| page(PageRefusal::ClientUnknown(client_id.clone()), None))?;
        let resources = match &self.audience {
            Ok(asked) => {
                let (identifiers, scopes) = asked.to_load(destination.client);
                have.resources(&identifiers, &scopes)?
            }
            // What cannot be read names nothing to load; the check says so in its turn.
            Err(_) => &[],
        };
        let Self { form, audience, .. } = self;
        match run(&Input { form, audience, destination: &destination, resources, context }) {
            Ok(request) => Ok(CheckedRequest { request, client: Arc::clone(client) }),
            Err((refusal, row)) => {
                let to = Destined { client: Arc::clone(client), redirect: destination.redirect };
                let refusal = AuthorizeRefusal::Redirect(refusal, Box::new(to));
                Err(Refused { check: Some(row), ..refusal.into() }.into())
            }
        }
    }
}

/// A checked request, and who sent it.
#[derive(Debug)]
pub struct CheckedRequest {
    /// What is asked for.
    pub request: AuthorizationRequest,
    /// The client as it is registered.
    pub client: Arc<Client>,
}

/// Why a request to the authorization endpoint is refused.
#[derive(Clone, Debug)]
pub enum AuthorizeRefusal {
    /// By a page, which goes nowhere; with the client, where it is known.
    Page(PageRefusal, Option<Arc<Client>>),
    /// At the client's redirect URI.
    Redirect(RequestRefusal, Box<Destined>),
}

/// Where a refusal goes, owned.
#[derive(Clone, Debug)]
pub struct Destined {
    /// Who asked.
    pub client: Arc<Client>,
    /// Where the response goes.
    pub redirect: Redirect,
}

impl Destined {
    /// The response that says no.
    pub fn refuse(&self, refusal: &dyn Refusal, issuer: &str) -> AuthorizationResponse {
        AuthorizationResponse::error(&self.redirect, refusal.public(), issuer)
    }
}

impl Refusal for AuthorizeRefusal {
    fn public(&self) -> OAuthError {
        match self {
            Self::Page(refusal, _) => refusal.public(),
            Self::Redirect(refusal, _) => refusal.public(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Page(refusal, _) => refusal.reason(),
            Self::Redirect(refusal, _) => refusal.reason(),
        }
    }

    fn mismatch(&self) -> Option<Mismatch> {
        match self {
            Self::Page(refusal, _) => refusal.mismatch(),
            Self::Redirect(refusal, _) => refusal.mismatch(),
        }
    }
}

impl Step for AuthorizeRequest {
    const NAME: &'static str = "authorize";
    const SHARE: Share = Share::Rest;
    type Outcome = CheckedRequest;
    type Refusal = AuthorizeRefusal;

    fn checks() -> impl Iterator<Item = &'static CheckRow> {
        CHECKS.iter().map(|check| &check.row)
    }

    fn decide(&self, have: &Have, context: &Context<'_>) -> Decided<CheckedRequest, AuthorizeRefusal> {
        let client_id = self.client_id.as_ref();
        let client_id = client_id.map_err(|refusal| AuthorizeRefusal::Page(refusal.clone(), None))?;
        self.check(client_id, have, context).map(Decision::read_only)
    }
}

/// Second stage: what is asked for?
fn run(input: &Input<'_>) -> Result<AuthorizationRequest, (RequestRefusal, &'static CheckRow)> {
    let Destination { client, redirect } = input.destination;
    let route = ResponseRoute::Redirect(redirect.clone());
    let mut request = AuthorizationRequest::new(client.client_id.clone(), route, input.context.now);
    for check in CHECKS {
        (check.run)(input, &mut request).map_err(|refusal| (refusal, &check.row))?;
    }
    Ok(request)
}

/// The value of a parameter: no longer than `longest` bytes, no control characters.
fn value<'a>(form: &'a Form, name: &'static str, longest: usize) -> Result<Option<&'a str>, RequestRefusal> {
    let value = form.one(name).map_err(|twice| RequestRefusal::Repeated(twice.0))?;
    match value {
        Some(value) if value.len() > longest => Err(RequestRefusal::TooLong(name)),
        Some(value) if value.contains(char::is_control) => Err(RequestRefusal::ControlCharacter(name)),
        value => Ok(value),
    }
}

fn parameters(input: &Input<'_>, request: &mut AuthorizationRequest) -> Result<(), RequestRefusal> {
    if let Some(twice) = input.form.repeated(&["resource", "audience"]) {
        return Err(RequestRefusal::Repeated(twice.0));
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
    let mode = ResponseMode::read(name).filter(|mode| can_reach(*mode, &input.destination.redirect.uri));
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
    let audience = input.audience.as_ref().map_err(|refusal| RequestRefusal::Audience(refusal.clone()))?;
    request.permissions = audience
        .resolve(input.destination.client, input.resources, &input.context.policy.issuer)
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
            id_token_hint::read(token, input.context.keyring.verifying(), &input.context.policy.issuer)
                .map_err(RequestRefusal::Hint)?;
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
#[path = "../../../../docs/guides/examples/claims.rs"]
mod example_claims;
#[cfg(test)]
mod tests;
