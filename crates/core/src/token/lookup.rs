//! A token that was presented to us, of any kind, and what the store says about it: for introspection,
//! revocation and UserInfo.

use std::sync::OnceLock;

use super::{
    access::{AccessClaims, AccessTokens, InvalidToken},
    jti::TokenId,
    liveness::{self, Dead},
    refresh::RefreshToken,
};
use crate::{
    id::AuthorizationId,
    step::{Context, Have, Want},
};

/// A token that we once issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PresentedToken {
    /// An access token, not expired.
    Access(Box<AccessClaims>),
    /// A refresh token of any generation.
    Refresh(RefreshToken),
}

impl PresentedToken {
    /// The authorization that it belongs to; `None` for a token that a client got in its own name.
    pub fn authorization(&self) -> Option<AuthorizationId> {
        match self {
            Self::Refresh(token) => Some(token.authorization),
            Self::Access(claims) => match claims.token_id()? {
                TokenId::Person(id) => Some(id),
                TokenId::Machine { .. } => None,
            },
        }
    }
}

/// A token as a request carries it. It is verified at its first use and once: a signature costs more than all else that a
/// step does before its commit.
pub struct TokenText {
    text: String,
    read: OnceLock<Result<PresentedToken, InvalidToken>>,
}

impl TokenText {
    /// As it came.
    pub const fn new(text: String) -> Self {
        Self { text, read: OnceLock::new() }
    }

    /// What it is. Its prefix tells its kind, so `token_type_hint` (RFC 7009 §2.1, RFC 7662 §2.1) has nothing to add.
    pub fn read(&self, context: &Context<'_>) -> Result<&PresentedToken, InvalidToken> {
        let read = || {
            if let Some(refresh) = RefreshToken::read(&self.text, &context.keyring.keys) {
                return Ok(PresentedToken::Refresh(refresh));
            }
            AccessTokens::read(&self.text, context.keyring, context.policy, context.now)
                .map(|claims| PresentedToken::Access(Box::new(claims)))
        };
        self.read.get_or_init(read).as_ref().map_err(|invalid| *invalid)
    }
}

#[cfg(test)]
impl From<PresentedToken> for TokenText {
    fn from(token: PresentedToken) -> Self {
        Self { text: String::new(), read: OnceLock::from(Ok(token)) }
    }
}

/// Why an access token is not alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was revoked by itself.
    TokenRevoked,
    /// What it hangs under is gone from the store, or is another's.
    Gone,
    /// What it hangs under has ended.
    Dead(Dead),
}

/// Whether an access token is alive: it was not revoked, and what it depends on is alive.
pub(crate) fn alive(
    claims: &AccessClaims,
    have: &Have,
    context: &Context<'_>,
) -> Result<Result<(), Ended>, Want> {
    let Some(id) = claims.token_id() else { return Ok(Err(Ended::Gone)) };
    let origin = match id {
        TokenId::Person(id) => {
            let record = have.authorization(id)?.filter(|record| {
                let authorization = &record.authorization;
                authorization.client_id == claims.client_id && authorization.user_id.to_string() == claims.sub
            });
            match record {
                None => Err(Ended::Gone),
                Some(record) => {
                    liveness::alive(record, &context.policy.lifetimes, context.now).map_err(Ended::Dead)
                }
            }
        }
        TokenId::Machine { issued_at, epoch } => match have.client_state(&claims.client_id)? {
            None => Err(Ended::Dead(Dead::ClientGone)),
            Some(client) if client.disabled => Err(Ended::Dead(Dead::ClientDisabled)),
            Some(client) if issued_at < client.tokens_not_before => Err(Ended::Dead(Dead::ClientTokensVoid)),
            Some(_) if epoch != context.epoch => Err(Ended::Dead(Dead::Epoch)),
            Some(_) => Ok(()),
        },
    };
    // The last: its key is a digest, which a want before it would have computed again.
    Ok(match origin {
        Ok(()) if have.is_token_revoked(claims.digest())? => Err(Ended::TokenRevoked),
        origin => origin,
    })
}
