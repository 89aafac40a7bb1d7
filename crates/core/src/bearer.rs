//! The access token of a request to an endpoint of ours (RFC 6750 §2, §3): where it stands, whether it is good there, and what the
//! response says when it is not.
//!
//! Left out on purpose: the token in the URL (RFC 6750 §2.3 advises against it, OAuth 2.1 §5.1 drops it).

use std::borrow::Cow;

use crate::{
    error::{ErrorCode, OAuthError, Refusal},
    form::Form,
    policy::Policy,
    scope::Audience,
    step::{Context, Have, Stop},
    token::{
        self, Ended, PresentedToken, TokenText,
        access::{AccessClaims, InvalidToken},
    },
};

/// Why the access token of a request is not good enough (RFC 6750 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BearerRefusal {
    /// The request carries no token.
    NoToken,
    /// It carries more than one, or one where none may stand.
    TwoTokens,
    /// The `Authorization` header is not a bearer token.
    MalformedHeader,
    /// The token is in the URL.
    InUrl,
    /// Not an access token of ours.
    Invalid(InvalidToken),
    /// The token is for another audience.
    Audience,
    /// What the token hangs under has ended.
    Ended(Ended),
    /// The token speaks for a client, not for a person.
    Machine,
    /// The token lacks this scope.
    Scope(&'static str),
}

impl Refusal for BearerRefusal {
    fn public(&self) -> OAuthError {
        let (code, description) = match self {
            Self::NoToken => (ErrorCode::InvalidToken, "an access token is required"),
            Self::TwoTokens => (ErrorCode::InvalidRequest, "the request carries more than one access token"),
            Self::MalformedHeader => {
                (ErrorCode::InvalidRequest, "the Authorization header is not Bearer and one access token")
            }
            Self::InUrl => (ErrorCode::InvalidRequest, "the access token must not be in the URL"),
            Self::Scope(_) => (ErrorCode::InsufficientScope, "the access token lacks a scope"),
            Self::Audience => (
                ErrorCode::InvalidToken,
                "the access token is for another API: ask for one with the issuer as resource",
            ),
            Self::Machine => {
                (ErrorCode::InvalidToken, "the access token is a client's own: it speaks for no person")
            }
            Self::Invalid(_) | Self::Ended(_) => {
                (ErrorCode::InvalidToken, "the access token is not valid here")
            }
        };
        OAuthError::new(code, description)
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::NoToken => "no_token",
            Self::TwoTokens => "two_tokens",
            Self::MalformedHeader => "malformed_header",
            Self::InUrl => "token_in_url",
            Self::Invalid(_) => "invalid_token",
            Self::Audience => "wrong_audience",
            Self::Ended(_) => "ended",
            Self::Machine => "machine_token",
            Self::Scope("openid") => "no_openid",
            Self::Scope(_) => "missing_scope",
        }
    }
}

impl BearerRefusal {
    /// What the response says to the developer. A token for another API says which `resource` to ask for (RFC 8707
    /// §2), one that lacks a scope which.
    pub fn description(&self, policy: &Policy) -> Cow<'static, str> {
        match self {
            Self::Audience => {
                let issuer = &policy.issuer;
                format!("the access token is for another API: ask for one with resource={issuer}").into()
            }
            Self::Scope(scope) => format!("the access token lacks the scope {scope}").into(),
            Self::NoToken
            | Self::TwoTokens
            | Self::MalformedHeader
            | Self::InUrl
            | Self::Invalid(_)
            | Self::Ended(_)
            | Self::Machine => self.public().sentence(),
        }
    }

    /// `WWW-Authenticate` (RFC 6750 §3). A request without a token receives the scheme and nothing else (§3.1).
    pub fn challenge(&self, policy: &Policy) -> String {
        if *self == Self::NoToken {
            return "Bearer".to_owned();
        }
        let (code, description) = (self.public().code, self.description(policy));
        let scope =
            if let Self::Scope(scope) = self { format!(", scope=\"{scope}\"") } else { String::new() };
        format!("Bearer error=\"{}\", error_description=\"{description}\"{scope}", code.as_str())
    }
}

/// The one bearer token of a request: in the header or, of a POST, in the body (RFC 6750 §2.1, §2.2). `authorization`
/// holds the value of every `Authorization` header; `body` is empty unless it is a form.
pub fn find<'a>(authorization: &[&'a str], query: &Form, body: &'a Form) -> Result<&'a str, BearerRefusal> {
    if query.has("access_token") {
        return Err(BearerRefusal::InUrl);
    }
    let in_body = body.one("access_token").map_err(|_| BearerRefusal::TwoTokens)?;
    match (authorization, in_body) {
        ([], None) => Err(BearerRefusal::NoToken),
        ([], Some(token)) => Ok(token),
        ([header], None) => {
            let (scheme, token) = header.split_once(' ').ok_or(BearerRefusal::MalformedHeader)?;
            let token = token.trim_matches(' ');
            if !scheme.eq_ignore_ascii_case("Bearer") || token.is_empty() || token.contains(' ') {
                return Err(BearerRefusal::MalformedHeader);
            }
            Ok(token)
        }
        _ => Err(BearerRefusal::TwoTokens),
    }
}

/// The claims of an access token, if it is for `audience` and alive.
pub fn accept<'a>(
    token: &'a TokenText,
    audience: &Audience,
    have: &Have,
    context: &Context<'_>,
) -> Result<&'a AccessClaims, Stop<BearerRefusal>> {
    let claims = match token.read(context).map_err(BearerRefusal::Invalid)? {
        PresentedToken::Access(claims) => claims,
        PresentedToken::Refresh(_) => return Err(BearerRefusal::Invalid(InvalidToken::Unreadable).into()),
    };
    if claims.audience(context.policy) != *audience {
        return Err(BearerRefusal::Audience.into());
    }
    token::alive(claims, have, context)?.map_err(BearerRefusal::Ended)?;
    Ok(claims)
}

#[cfg(test)]
mod tests;
