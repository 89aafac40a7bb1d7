//! The response to a refused call: status and `WWW-Authenticate` (RFC 6750 §3, RFC 9728 §5.1). The public text is fixed; the
//! reason goes to the trace.

use grantwell_core::{
    jose::{ClaimError, JwsError},
    scope::ScopeSet,
};
use http::{HeaderValue, Response, StatusCode, header};

/// Seconds after which a caller may try again when the issuer could not be asked.
const RETRY_AFTER: &str = "5";

/// Why a call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallRefusal {
    /// No bearer token came.
    NoToken,
    /// More than one `Authorization` header.
    TwoAuthorizations,
    /// A token in the query (RFC 6750 §2.3; OAuth 2.1 has it no more).
    TokenInQuery,
    /// `Bearer` without a token, or with something that is none (RFC 6750 §2.1).
    Malformed,
    /// Not a well signed JWT access token.
    Jws(JwsError),
    /// A claim is missing, of the wrong type, or its time is not now.
    Claim(ClaimError),
    /// `iss` is another.
    Issuer,
    /// `aud` does not name this API.
    Audience,
    /// The token is bound to a key, and nothing proves the caller has it.
    Bound,
    /// The issuer says that the token is not active.
    Inactive,
    /// A scope is missing.
    InsufficientScope,
    /// The issuer could not be asked, or its response cannot be used.
    Unavailable,
}

impl From<JwsError> for CallRefusal {
    fn from(error: JwsError) -> Self {
        Self::Jws(error)
    }
}

impl From<ClaimError> for CallRefusal {
    fn from(error: ClaimError) -> Self {
        Self::Claim(error)
    }
}

impl CallRefusal {
    const fn status(self) -> StatusCode {
        match self {
            Self::TwoAuthorizations | Self::TokenInQuery | Self::Malformed => StatusCode::BAD_REQUEST,
            Self::InsufficientScope => StatusCode::FORBIDDEN,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoToken
            | Self::Jws(_)
            | Self::Claim(_)
            | Self::Issuer
            | Self::Audience
            | Self::Bound
            | Self::Inactive => StatusCode::UNAUTHORIZED,
        }
    }

    /// Code and description; a call without a token gets neither (RFC 6750 §3.1).
    const fn error(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::NoToken | Self::Unavailable => None,
            Self::TwoAuthorizations | Self::TokenInQuery | Self::Malformed => {
                Some(("invalid_request", "The token must come once, in the Authorization header"))
            }
            Self::InsufficientScope => {
                Some(("insufficient_scope", "The token does not have the scope this needs"))
            }
            Self::Jws(_) | Self::Claim(_) | Self::Issuer | Self::Audience | Self::Bound | Self::Inactive => {
                Some(("invalid_token", "The token is expired, revoked or not for this API"))
            }
        }
    }

    /// The response. `needed` are the scopes of the route.
    pub(crate) fn response<B: Default>(self, metadata_url: &str, needed: &ScopeSet) -> Response<B> {
        let mut response = Response::new(B::default());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        if self == Self::Unavailable {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
        } else if let Ok(challenge) = HeaderValue::try_from(self.challenge(metadata_url, needed)) {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }

    fn challenge(self, metadata_url: &str, needed: &ScopeSet) -> String {
        let error = match self.error() {
            Some((code, description)) => format!("error=\"{code}\", error_description=\"{description}\", "),
            None => String::new(),
        };
        let scope = if matches!(self, Self::NoToken | Self::InsufficientScope) && !needed.is_empty() {
            format!(", scope=\"{needed}\"")
        } else {
            String::new()
        };
        format!("Bearer {error}resource_metadata=\"{metadata_url}\"{scope}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METADATA: &str = "https://api.example/.well-known/oauth-protected-resource";

    fn answer(refusal: CallRefusal, scopes: &str) -> (u16, Option<String>) {
        let response: Response<String> = refusal.response(METADATA, &ScopeSet::parse(scopes).unwrap());
        assert_eq!(response.headers()["cache-control"], "no-store");
        let challenge =
            response.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), challenge)
    }

    #[test]
    fn a_call_without_a_token_is_told_where_to_get_one_and_no_error() {
        let (status, challenge) = answer(CallRefusal::NoToken, "");
        assert_eq!(status, 401);
        assert_eq!(challenge.unwrap(), format!("Bearer resource_metadata=\"{METADATA}\""));
        let (_, challenge) = answer(CallRefusal::NoToken, "notes:write notes:read");
        assert_eq!(
            challenge.unwrap(),
            format!("Bearer resource_metadata=\"{METADATA}\", scope=\"notes:read notes:write\"")
        );
    }

    #[test]
    fn every_refusal_has_the_status_and_code_of_rfc_6750_section_3_1() {
        for (refusal, status, code) in [
            (CallRefusal::TwoAuthorizations, 400, "invalid_request"),
            (CallRefusal::TokenInQuery, 400, "invalid_request"),
            (CallRefusal::Malformed, 400, "invalid_request"),
            (CallRefusal::Jws(JwsError::Signature), 401, "invalid_token"),
            (CallRefusal::Claim(ClaimError::Expired), 401, "invalid_token"),
            (CallRefusal::Issuer, 401, "invalid_token"),
            (CallRefusal::Audience, 401, "invalid_token"),
            (CallRefusal::Bound, 401, "invalid_token"),
            (CallRefusal::Inactive, 401, "invalid_token"),
            (CallRefusal::InsufficientScope, 403, "insufficient_scope"),
        ] {
            let (got, challenge) = answer(refusal, "notes:read");
            let challenge = challenge.unwrap();
            assert_eq!(got, status, "{refusal:?}");
            assert!(challenge.starts_with(&format!("Bearer error=\"{code}\", ")), "{challenge}");
            assert!(challenge.contains(&format!("resource_metadata=\"{METADATA}\"")), "{challenge}");
            assert_eq!(challenge.contains("scope=\"notes:read\""), status == 403, "{challenge}");
        }
    }

    #[test]
    fn an_unreachable_issuer_is_503_without_a_challenge() {
        assert_eq!(answer(CallRefusal::Unavailable, "notes:read"), (503, None));
        let response: Response<String> = CallRefusal::Unavailable.response(METADATA, &ScopeSet::default());
        assert_eq!(response.headers()["retry-after"], RETRY_AFTER);
    }
}
