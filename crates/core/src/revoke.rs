//! Token revocation (RFC 7009). A refresh token takes its whole authorization with it (§2.1); an access token goes alone.
//!
//! A token that is unknown, over, or another client's gets the response of a revoked token, and nothing changes.

use serde_json::json;

use crate::{
    client_auth::{AuthenticatedClient, ClientStep},
    error::{ErrorCode, OAuthError, Refusal},
    form::{Form, Repeated},
    step::{Context, Decided, Decision, Have, Want},
    store::Write,
    time::Timestamp,
    token::{PresentedToken, TokenText},
};

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationRefusal {
    /// `token` is missing.
    NoToken,
    /// A parameter stands more than once.
    Repeated(&'static str),
}

impl From<Repeated> for RevocationRefusal {
    fn from(Repeated(name): Repeated) -> Self {
        Self::Repeated(name)
    }
}

impl Refusal for RevocationRefusal {
    fn public(&self) -> OAuthError {
        match self {
            Self::NoToken => OAuthError::about(ErrorCode::InvalidRequest, "token", "is missing"),
            Self::Repeated(name) => OAuthError::about(ErrorCode::InvalidRequest, name, "is repeated"),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::NoToken => "no_token",
            Self::Repeated(_) => "repeated_parameter",
        }
    }
}

/// What happened to the token, for the log. The response is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// Its authorization, with every token under it.
    Authorization,
    /// This access token alone.
    AccessToken,
    /// Nothing: it was over, unknown, or another client's.
    Nothing,
}

/// A request to the endpoint.
pub struct RevocationRequest(Result<TokenText, RevocationRefusal>);

impl RevocationRequest {
    /// Reads the parameters.
    pub fn read(form: &Form) -> Self {
        let token = || {
            if let Some(repeated) = form.repeated(&[]) {
                return Err(repeated.into());
            }
            form.one("token")?.ok_or(RevocationRefusal::NoToken)
        };
        Self(token().map(|token| TokenText::new(token.to_owned())))
    }
}

impl ClientStep for RevocationRequest {
    const NAME: &'static str = "revoke";
    type Outcome = Revoked;
    type Refusal = RevocationRefusal;

    /// Revokes a token of the client's own (RFC 7009 §2.1). A token that is unknown or expired gets 200 (§2.2).
    fn decide(
        &self,
        client: AuthenticatedClient<'_>,
        have: &Have,
        context: &Context<'_>,
    ) -> Decided<Revoked, RevocationRefusal> {
        let token = self.0.as_ref().map_err(|refusal| *refusal)?;
        let Ok(token) = token.read(context) else { return Ok(Decision::read_only(Revoked::Nothing)) };
        Ok(revoke(token, client, have, context)?)
    }
}

fn revoke(
    token: &PresentedToken,
    client: AuthenticatedClient<'_>,
    have: &Have,
    context: &Context<'_>,
) -> Result<Decision<Revoked>, Want> {
    let nothing = Decision::read_only(Revoked::Nothing);
    let record = token.authorization().map(|id| have.authorization(id)).transpose()?.flatten();
    let authorization = record.map(|record| &record.authorization);
    match token {
        PresentedToken::Refresh(_) => {
            let own = authorization.filter(|authorization| authorization.client_id == client.client_id);
            let Some(authorization) = own.filter(|authorization| authorization.revoked_at.is_none()) else {
                return Ok(nothing);
            };
            let audit = context.audit(
                "authorization.revoked",
                Some(authorization.user_id),
                Some(&client.client_id),
                json!({ "authorization": authorization.id, "by": "client" }),
            );
            let revoke = Write::RevokeAuthorization { id: authorization.id, at: context.now };
            Ok(Decision { writes: vec![revoke, audit], outcome: Revoked::Authorization })
        }
        PresentedToken::Access(claims) => {
            if claims.client_id != client.client_id {
                return Ok(nothing);
            }
            let user = authorization.map(|authorization| authorization.user_id);
            let detail = json!({ "authorization": token.authorization() });
            let audit = context.audit("access_token.revoked", user, Some(&client.client_id), detail);
            let deny = Write::RevokeAccessToken {
                token: claims.digest(),
                expires_at: Timestamp::from_seconds(claims.exp),
            };
            Ok(Decision { writes: vec![deny, audit], outcome: Revoked::AccessToken })
        }
    }
}

#[cfg(test)]
mod tests;
