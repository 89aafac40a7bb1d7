//! The errors that leave Grantwell. A module's own `Refusal` enum says exactly what was wrong, for the log, the audit
//! event and the trace; [`OAuthError`] is the part that leaves the server: a registered code and a fixed
//! sentence that never echoes input (RFC 6749 §4.1.2.1, §5.2; RFC 6750 §3.1; OpenID Connect Core 1.0 §3.1.2.6).

use std::borrow::Cow;

/// A registered error code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// RFC 6749.
    InvalidRequest,
    /// RFC 6749.
    UnauthorizedClient,
    /// RFC 6749.
    AccessDenied,
    /// RFC 6749.
    UnsupportedResponseType,
    /// RFC 6749.
    InvalidScope,
    /// RFC 6749.
    InvalidClient,
    /// RFC 6749.
    InvalidGrant,
    /// RFC 6749.
    UnsupportedGrantType,
    /// RFC 6749.
    ServerError,
    /// RFC 6749; with status 503 where there is one.
    TemporarilyUnavailable,
    /// RFC 8707 §2.
    InvalidTarget,
    /// RFC 6750 §3.1.
    InvalidToken,
    /// RFC 6750 §3.1.
    InsufficientScope,
    /// RFC 7009 §2.2.1.
    UnsupportedTokenType,
    /// Core 1.0 §3.1.2.6.
    LoginRequired,
    /// Core 1.0 §3.1.2.6.
    ConsentRequired,
    /// Core 1.0 §3.1.2.6.
    InteractionRequired,
    /// Core 1.0 §3.1.2.6.
    AccountSelectionRequired,
    /// OpenID Connect Core Unmet Authentication Requirements 1.0.
    UnmetAuthenticationRequirements,
    /// Core 1.0 §6.1.
    RequestNotSupported,
    /// Core 1.0 §6.2.
    RequestUriNotSupported,
    /// Core 1.0 §3.1.2.6.
    RegistrationNotSupported,
}

impl ErrorCode {
    /// The code as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::AccessDenied => "access_denied",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::UnsupportedTokenType => "unsupported_token_type",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::InteractionRequired => "interaction_required",
            Self::AccountSelectionRequired => "account_selection_required",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::RegistrationNotSupported => "registration_not_supported",
        }
    }

    /// The HTTP status of a JSON response with this code.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidClient | Self::InvalidToken => 401,
            Self::InsufficientScope => 403,
            Self::ServerError => 500,
            Self::TemporarilyUnavailable => 503,
            Self::InvalidRequest
            | Self::UnauthorizedClient
            | Self::AccessDenied
            | Self::UnsupportedResponseType
            | Self::InvalidScope
            | Self::InvalidGrant
            | Self::UnsupportedGrantType
            | Self::InvalidTarget
            | Self::UnsupportedTokenType
            | Self::LoginRequired
            | Self::ConsentRequired
            | Self::InteractionRequired
            | Self::AccountSelectionRequired
            | Self::UnmetAuthenticationRequirements
            | Self::RequestNotSupported
            | Self::RequestUriNotSupported
            | Self::RegistrationNotSupported => 400,
        }
    }
}

/// The error that a response carries: a registered code and a fixed sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OAuthError {
    /// The registered code.
    pub code: ErrorCode,
    /// A fixed sentence for the developer, or the end of one that begins with the parameter; never holds input.
    pub description: &'static str,
    /// The parameter that the sentence is about, by a name of ours.
    pub parameter: Option<&'static str>,
}

impl OAuthError {
    /// A code with its sentence.
    pub const fn new(code: ErrorCode, description: &'static str) -> Self {
        Self { code, description, parameter: None }
    }

    /// A code with what is wrong with a parameter: `"is missing"`.
    pub const fn about(code: ErrorCode, parameter: &'static str, description: &'static str) -> Self {
        Self { code, description, parameter: Some(parameter) }
    }

    /// The whole sentence, with the name of the parameter.
    pub fn sentence(&self) -> Cow<'static, str> {
        match self.parameter {
            Some(parameter) => Cow::Owned(format!("{parameter} {}", self.description)),
            None => Cow::Borrowed(self.description),
        }
    }
}

/// A typed reason for a refusal.
pub trait Refusal: std::fmt::Debug {
    /// The error that the response carries.
    fn public(&self) -> OAuthError;
    /// The variant's name: a metric label and the `reason` of log and audit lines.
    fn reason(&self) -> &'static str;
    /// What was received and what was expected, where a developer is helped by both. For the trace and the pages of
    /// `grantwell dev`; never for the outside.
    fn mismatch(&self) -> Option<Mismatch> {
        None
    }
}

/// Received against expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// What the request said.
    pub received: String,
    /// What it should have said.
    pub expected: String,
}

/// The refusal of a step that never refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRefusal {}

impl Refusal for NoRefusal {
    fn public(&self) -> OAuthError {
        match *self {}
    }

    fn reason(&self) -> &'static str {
        match *self {}
    }
}
