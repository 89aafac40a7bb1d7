//! Token revocation (RFC 7009). A refresh token takes its whole authorization with it (§2.1); an access token goes alone.
//!
//! A token that is unknown, over, or another client's is answered like one that was revoked, and nothing changes.

use serde_json::json;

use crate::{
    client_auth::AuthenticatedClient,
    error::{ErrorCode, OAuthError, Refusal},
    form::{Form, Repeated},
    step::Decision,
    store::Write,
    time::Timestamp,
    token::{Context, Presented, Records},
};

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationRefusal {
    /// `token` is missing.
    NoToken,
    /// A parameter stands more than once.
    Repeated,
}

impl From<Repeated> for RevocationRefusal {
    fn from(_: Repeated) -> Self {
        Self::Repeated
    }
}

impl Refusal for RevocationRefusal {
    fn public(&self) -> OAuthError {
        match self {
            Self::NoToken => OAuthError::new(ErrorCode::InvalidRequest, "token is missing"),
            Self::Repeated => OAuthError::new(ErrorCode::InvalidRequest, "a parameter is repeated"),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::NoToken => "no_token",
            Self::Repeated => "repeated_parameter",
        }
    }
}

/// What became of the token, for the log; the answer is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// Its authorization, with every token under it.
    Authorization,
    /// This access token alone.
    AccessToken,
    /// Nothing: it was over, unknown, or another client's.
    Nothing,
}

/// Reads the request; `None` is a token that is not ours or over, and the answer is 200 (RFC 7009 §2.2). The authorization
/// that the token names must be loaded for [`decide`].
pub fn read(form: &Form, context: &Context<'_>) -> Result<Option<Presented>, RevocationRefusal> {
    if form.repeated(&[]).is_some() {
        return Err(RevocationRefusal::Repeated);
    }
    let token = form.one("token")?.ok_or(RevocationRefusal::NoToken)?;
    Ok(Presented::read(token, context))
}

/// Revokes a token of the client's own (RFC 7009 §2.1).
pub fn decide(
    token: &Presented,
    client: AuthenticatedClient<'_>,
    records: &Records,
    context: &Context<'_>,
) -> Decision<Revoked> {
    match token {
        Presented::Refresh(token) => {
            let Some(authorization) = records.authorization.as_ref().map(|record| &record.authorization)
            else {
                return Decision::read_only(Revoked::Nothing);
            };
            let own = authorization.id == token.authorization && authorization.client_id == client.client_id;
            if !own || authorization.revoked_at.is_some() {
                return Decision::read_only(Revoked::Nothing);
            }
            let audit = context.audit(
                "authorization.revoked",
                Some(authorization.user_id),
                Some(&client.client_id),
                json!({ "authorization": authorization.id, "by": "client" }),
            );
            let revoke = Write::RevokeAuthorization { id: authorization.id, at: context.now };
            Decision { writes: vec![revoke, audit], outcome: Revoked::Authorization }
        }
        Presented::Access(claims) => {
            if claims.client_id != client.client_id {
                return Decision::read_only(Revoked::Nothing);
            }
            let user = records.authorization.as_ref().map(|record| record.authorization.user_id);
            let detail = json!({ "authorization": token.authorization() });
            let audit = context.audit("access_token.revoked", user, Some(&client.client_id), detail);
            let deny =
                Write::DenyToken { token: claims.digest(), expires_at: Timestamp::from_seconds(claims.exp) };
            Decision { writes: vec![deny, audit], outcome: Revoked::AccessToken }
        }
    }
}

#[cfg(test)]
mod tests;
