//! The UserInfo endpoint (OpenID Connect Core 1.0 §5.3) and the bearer token in a request to it (RFC 6750 §2, §3).
//!
//! Left out on purpose: the token in the URL (RFC 6750 §2.3 advises against it, OAuth 2.1 §5.1 drops it), signed answers.

use serde_json::{Map, Value};

use crate::{
    claims,
    error::{ErrorCode, OAuthError, Refusal},
    form::Form,
    scope::Audience,
    token::{
        self, Context, Ended, Presented, Records,
        access::{AccessClaims, AccessToken, InvalidToken},
        jti::TokenId,
    },
};

/// Why there are no claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserInfoRefusal {
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
    /// The token is not for the issuer.
    Audience,
    /// What the token hangs under has ended.
    Ended(Ended),
    /// The token speaks for a client, not for a person.
    Machine,
    /// The token was issued without `openid`.
    NoOpenId,
}

impl Refusal for UserInfoRefusal {
    fn public(&self) -> OAuthError {
        let (code, description) = match self {
            Self::NoToken => (ErrorCode::InvalidToken, "an access token is required"),
            Self::TwoTokens => (ErrorCode::InvalidRequest, "the request carries more than one access token"),
            Self::MalformedHeader => (ErrorCode::InvalidRequest, "the Authorization header is malformed"),
            Self::InUrl => (ErrorCode::InvalidRequest, "the access token must not be in the URL"),
            Self::NoOpenId => (ErrorCode::InsufficientScope, "the access token lacks the scope openid"),
            Self::Invalid(_) | Self::Audience | Self::Ended(_) | Self::Machine => {
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
            Self::NoOpenId => "no_openid",
        }
    }
}

impl UserInfoRefusal {
    /// `WWW-Authenticate` (RFC 6750 §3). A request without a token is told the scheme and nothing else (§3.1).
    pub fn challenge(&self) -> String {
        if *self == Self::NoToken {
            return "Bearer".to_owned();
        }
        let OAuthError { code, description } = self.public();
        let scope = if *self == Self::NoOpenId { ", scope=\"openid\"" } else { "" };
        format!("Bearer error=\"{}\", error_description=\"{description}\"{scope}", code.as_str())
    }
}

/// The one bearer token of a request: in the header or, of a POST, in the body (RFC 6750 §2.1, §2.2). `authorization`
/// holds the value of every `Authorization` header; `body` is empty unless it is a form.
pub fn bearer<'a>(
    authorization: &[&'a str],
    query: &Form,
    body: &'a Form,
) -> Result<&'a str, UserInfoRefusal> {
    if query.has("access_token") {
        return Err(UserInfoRefusal::InUrl);
    }
    let in_body = body.one("access_token").map_err(|_| UserInfoRefusal::TwoTokens)?;
    match (authorization, in_body) {
        ([], None) => Err(UserInfoRefusal::NoToken),
        ([], Some(token)) => Ok(token),
        ([header], None) => {
            let (scheme, token) = header.split_once(' ').ok_or(UserInfoRefusal::MalformedHeader)?;
            let token = token.trim_matches(' ');
            if !scheme.eq_ignore_ascii_case("Bearer") || token.is_empty() || token.contains(' ') {
                return Err(UserInfoRefusal::MalformedHeader);
            }
            Ok(token)
        }
        _ => Err(UserInfoRefusal::TwoTokens),
    }
}

/// Reads the token. What [`Presented::authorization`] and [`Presented::deny_key`] name must be loaded for [`decide`].
pub fn read(token: &str, context: &Context<'_>) -> Result<Presented, UserInfoRefusal> {
    AccessToken::read(token, context.keyring, context.policy, context.now)
        .map(|claims| Presented::Access(Box::new(claims)))
        .map_err(UserInfoRefusal::Invalid)
}

/// The claims that the token's scopes ask for (Core 1.0 §5.3.2).
pub fn decide(
    token: &Presented,
    records: &Records,
    context: &Context<'_>,
) -> Result<Map<String, Value>, UserInfoRefusal> {
    let claims: &AccessClaims = match token {
        Presented::Access(claims) => claims,
        Presented::Refresh(_) => return Err(UserInfoRefusal::Invalid(InvalidToken::Unreadable)),
    };
    if claims.audience(context.policy) != Audience::Issuer {
        return Err(UserInfoRefusal::Audience);
    }
    if !matches!(claims.token_id(), Some(TokenId::Person(_))) {
        return Err(UserInfoRefusal::Machine);
    }
    token::alive(claims, records, context).map_err(UserInfoRefusal::Ended)?;
    if !claims.scope.contains("openid") {
        return Err(UserInfoRefusal::NoOpenId);
    }
    let user = records
        .authorization
        .as_ref()
        .and_then(|record| record.user.as_ref())
        .ok_or(UserInfoRefusal::Ended(Ended::Gone))?;
    let mut answer = claims::of(user, &claims.scope);
    answer.insert("sub".to_owned(), Value::String(user.id.to_string()));
    Ok(answer)
}

#[cfg(test)]
mod tests;
