//! The UserInfo endpoint (OpenID Connect Core 1.0 §5.3). Left out on purpose: signed responses.

use serde_json::{Map, Value};

use crate::{
    bearer::{self, BearerRefusal},
    claims,
    scope::Audience,
    step::{Context, Decided, Decision, Have, Step},
    store::Share,
    token::{Ended, TokenText, jti::TokenId, liveness},
};

/// A request to the endpoint, with the token that [`bearer::find`] found.
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
    type Refusal = BearerRefusal;

    /// The claims that the token's scopes ask for (Core 1.0 §5.3.2).
    fn decide(&self, have: &Have, context: &Context<'_>) -> Decided<Map<String, Value>, BearerRefusal> {
        let claims = bearer::accept(&self.0, &Audience::Issuer, have, context)?;
        let Some(TokenId::Person(id)) = claims.token_id() else {
            return Err(BearerRefusal::Machine.into());
        };
        if !claims.scope.contains("openid") {
            return Err(BearerRefusal::Scope("openid").into());
        }
        let record = have.authorization(id)?.ok_or(BearerRefusal::Ended(Ended::Gone))?;
        let user = record.user.as_ref().ok_or(BearerRefusal::Ended(Ended::Gone))?;
        let mut response = claims::of(user, &claims.scope);
        response.insert("sub".to_owned(), Value::String(user.id.to_string()));
        Ok(Decision { writes: liveness::used(record, context.now).into_iter().collect(), outcome: response })
    }
}

#[cfg(test)]
mod tests;
