//! Why a token request is refused (RFC 6749 §5.2, RFC 8707 §2).

use super::liveness::Dead;
use crate::{
    client::Client,
    error::{ErrorCode, OAuthError, Refusal},
    form::Repeated,
    step::Refused,
    store::Write,
    time::Timestamp,
};

/// Why a token request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRefusal {
    /// A parameter stands more than once (RFC 6749 §3.2); names it.
    Repeated(&'static str),
    /// A required parameter is missing; names it.
    Missing(&'static str),
    /// No such grant.
    UnsupportedGrantType,
    /// The client is not registered for the grant.
    GrantNotAllowed,
    /// A public client asked for `client_credentials` (RFC 6749 §4.4).
    PublicClient,

    /// Not a code of ours, or one of nothing we know.
    UnknownCode,
    /// A code of another client.
    ForeignCode,
    /// The code's life is over.
    CodeExpired,
    /// An earlier wrong attempt invalidated the code.
    CodeInvalidated,
    /// A valid second use: revokes what the first gave (RFC 6749 §4.1.2, OAuth 2.1 §7.5.2).
    CodeReplayed,
    /// A second use that is not valid.
    CodeUsed,
    /// `redirect_uri` is not that of the authorization request (RFC 6749 §4.1.3).
    RedirectUri,
    /// `redirect_uri` is missing, and the authorization request had one.
    RedirectUriMissing,
    /// `code_verifier` is malformed or wrong (RFC 7636 §4.6).
    Verifier,
    /// `code_verifier` is missing, and the authorization request had a challenge. It guesses nothing, and so the code stays valid.
    VerifierMissing,
    /// `code_verifier` where the authorization request had no challenge (OAuth 2.1 §4.1.3).
    UnexpectedVerifier,

    /// Not a refresh token of ours, or one of nothing we know.
    UnknownRefreshToken,
    /// A refresh token of another client.
    ForeignRefreshToken,
    /// Not used for too long.
    RefreshIdle,
    /// A used refresh token came back: theft, the authorization is revoked (RFC 9700 §4.14.2).
    RefreshReused,
    /// The generations are used up.
    RefreshExhausted,

    /// Something the grant depends on is gone.
    Dead(Dead),
    /// `scope` is not one (RFC 6749 §3.3).
    ScopeSyntax,
    /// `scope` holds more than was granted, or nothing the client may have.
    Scope,
    /// More than one audience named.
    TwoTargets,
    /// The audience was not granted, or is gone.
    TargetNotGranted,
    /// Several audiences were granted and none named.
    TargetAmbiguous,

    /// Signing failed.
    Signing,
}

impl From<Repeated> for TokenRefusal {
    fn from(Repeated(name): Repeated) -> Self {
        Self::Repeated(name)
    }
}

impl From<Dead> for TokenRefusal {
    fn from(dead: Dead) -> Self {
        Self::Dead(dead)
    }
}

impl Refusal for TokenRefusal {
    fn public(&self) -> OAuthError {
        use ErrorCode as E;
        let (code, description) = match self {
            Self::Repeated(name) => return OAuthError::about(E::InvalidRequest, name, "is repeated"),
            Self::Missing(name) => return OAuthError::about(E::InvalidRequest, name, "is missing"),
            Self::UnsupportedGrantType => (E::UnsupportedGrantType, "this grant type is not supported"),
            Self::GrantNotAllowed => {
                (E::UnauthorizedClient, "the client is not registered for this grant type")
            }
            Self::PublicClient => (E::UnauthorizedClient, "a public client cannot use this grant type"),
            // One sentence, whatever is wrong with the code: the difference would help only who found it.
            Self::UnknownCode
            | Self::ForeignCode
            | Self::CodeExpired
            | Self::CodeInvalidated
            | Self::CodeReplayed
            | Self::CodeUsed => (E::InvalidGrant, "the authorization code is not valid"),
            Self::RedirectUri => {
                (E::InvalidGrant, "redirect_uri is not the one of the authorization request")
            }
            Self::RedirectUriMissing => {
                let missing = "is missing: the authorization request had one";
                return OAuthError::about(E::InvalidGrant, "redirect_uri", missing);
            }
            Self::VerifierMissing => {
                let missing = "is missing: the authorization request had a code_challenge";
                return OAuthError::about(E::InvalidGrant, "code_verifier", missing);
            }
            Self::Verifier => (E::InvalidGrant, "code_verifier does not match the code challenge"),
            Self::UnexpectedVerifier => {
                (E::InvalidGrant, "code_verifier was sent, but the authorization request had no challenge")
            }
            Self::UnknownRefreshToken
            | Self::ForeignRefreshToken
            | Self::RefreshIdle
            | Self::RefreshReused
            | Self::RefreshExhausted => (E::InvalidGrant, "the refresh token is not valid"),
            Self::Dead(_) => (E::InvalidGrant, "the grant has ended"),
            Self::ScopeSyntax => (E::InvalidScope, "scope is malformed"),
            Self::Scope => (E::InvalidScope, "scope is not within what the client was granted"),
            Self::TwoTargets => (E::InvalidTarget, "only one resource can be named here"),
            Self::TargetNotGranted => (E::InvalidTarget, "the resource is not part of the grant"),
            Self::TargetAmbiguous => {
                (E::InvalidTarget, "the grant covers several resources: name one of them")
            }
            Self::Signing => (E::ServerError, "the token could not be signed"),
        };
        OAuthError::new(code, description)
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Repeated(_) => "repeated_parameter",
            Self::Missing(_) => "missing_parameter",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::GrantNotAllowed => "grant_not_allowed",
            Self::PublicClient => "public_client",
            Self::UnknownCode => "unknown_code",
            Self::ForeignCode => "foreign_code",
            Self::CodeExpired => "code_expired",
            Self::CodeInvalidated => "code_burnt",
            Self::CodeReplayed => "code_replayed",
            Self::CodeUsed => "code_used",
            Self::RedirectUri => "redirect_uri",
            Self::RedirectUriMissing => "redirect_uri_missing",
            Self::Verifier => "verifier",
            Self::VerifierMissing => "verifier_missing",
            Self::UnexpectedVerifier => "unexpected_verifier",
            Self::UnknownRefreshToken => "unknown_refresh_token",
            Self::ForeignRefreshToken => "foreign_refresh_token",
            Self::RefreshIdle => "refresh_idle",
            Self::RefreshReused => "refresh_reused",
            Self::RefreshExhausted => "refresh_exhausted",
            Self::Dead(dead) => dead.reason(),
            Self::ScopeSyntax => "scope_syntax",
            Self::Scope => "scope",
            Self::TwoTargets => "two_targets",
            Self::TargetNotGranted => "target_not_granted",
            Self::TargetAmbiguous => "target_ambiguous",
            Self::Signing => "signing",
        }
    }
}

/// Adds the count of a refusal of a client that has a credential. What is our own fault is not counted against it.
pub(super) fn counted(
    mut refused: Refused<TokenRefusal>,
    client: &Client,
    at: Timestamp,
) -> Refused<TokenRefusal> {
    let ours = refused.refusal == TokenRefusal::Signing;
    if !client.is_public() && !ours {
        let reason = refused.refusal.reason();
        refused.writes.push(Write::CountRefusal { client_id: client.client_id.clone(), reason, at });
    }
    refused
}
