//! The UserInfo endpoint (OpenID Connect Core 1.0 §5.3) and the bearer token in a request to it (RFC 6750 §2, §3).
//!
//! Left out on purpose: the token in the URL (RFC 6750 §2.3 advises against it, OAuth 2.1 §5.1 drops it), signed responses.

use serde_json::{Map, Value};

use crate::{
    claims,
    error::{ErrorCode, OAuthError, Refusal},
    form::Form,
    scope::Audience,
    step::{Context, Decided, Decision, Have, Step},
    store::Share,
    token::{self, Ended, PresentedToken, TokenText, access::InvalidToken, jti::TokenId},
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
    /// `WWW-Authenticate` (RFC 6750 §3). A request without a token receives the scheme and nothing else (§3.1).
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

/// A request to the endpoint, with the token that [`bearer`] found.
pub struct UserInfoRequest(TokenText);

impl UserInfoRequest {
    /// A request with this token.
    pub fn new(token: &str) -> Self {
        Self(TokenText::new(token.to_owned()))
    }
}

impl Step for UserInfoRequest {
    const NAME: &'static str = "userinfo";
    const SHARE: Share = Share::Rest;
    type Outcome = Map<String, Value>;
    type Refusal = UserInfoRefusal;

    /// The claims that the token's scopes ask for (Core 1.0 §5.3.2).
    fn decide(&self, have: &Have, context: &Context<'_>) -> Decided<Map<String, Value>, UserInfoRefusal> {
        let claims = match self.0.read(context).map_err(UserInfoRefusal::Invalid)? {
            PresentedToken::Access(claims) => claims,
            PresentedToken::Refresh(_) => {
                return Err(UserInfoRefusal::Invalid(InvalidToken::Unreadable).into());
            }
        };
        if claims.audience(context.policy) != Audience::Issuer {
            return Err(UserInfoRefusal::Audience.into());
        }
        let Some(TokenId::Person(id)) = claims.token_id() else {
            return Err(UserInfoRefusal::Machine.into());
        };
        token::alive(claims, have, context)?.map_err(UserInfoRefusal::Ended)?;
        if !claims.scope.contains("openid") {
            return Err(UserInfoRefusal::NoOpenId.into());
        }
        let user = have
            .authorization(id)?
            .and_then(|record| record.user.as_ref())
            .ok_or(UserInfoRefusal::Ended(Ended::Gone))?;
        let mut response = claims::of(user, &claims.scope);
        response.insert("sub".to_owned(), Value::String(user.id.to_string()));
        Ok(Decision::read_only(response))
    }
}

#[cfg(test)]
mod tests;
