//! A token that somebody presents to us, whatever its kind, and what the store has to say about it: for introspection,
//! revocation and UserInfo.

use super::{
    Context,
    access::{AccessClaims, AccessToken},
    jti::TokenId,
    liveness::{self, Dead},
    refresh::RefreshToken,
};
use crate::{
    client::Client,
    id::{AuthorizationId, ClientId, ResourceIdentifier},
    policy::Policy,
    scope::Audience,
    secret::Digest,
    store::AuthorizationRecord,
};

/// A token that we once issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presented {
    /// An access token, not expired.
    Access(Box<AccessClaims>),
    /// A refresh token of any generation.
    Refresh(RefreshToken),
}

/// What the store has about a presented token: the answers to what [`Presented`] names.
#[derive(Clone, Debug, Default)]
pub struct Records {
    /// By [`Presented::authorization`].
    pub authorization: Option<AuthorizationRecord>,
    /// By [`Presented::machine`].
    pub client: Option<Client>,
    /// By [`Presented::deny_key`].
    pub denied: bool,
    /// By [`Presented::resource`].
    pub resource: Option<crate::resource::Resource>,
}

impl Presented {
    /// Reads a token. Its prefix tells its kind, so `token_type_hint` (RFC 7009 §2.1, RFC 7662 §2.1) has nothing to add.
    pub fn read(token: &str, context: &Context<'_>) -> Option<Self> {
        if let Some(refresh) = RefreshToken::read(token, &context.keyring.keys) {
            return Some(Self::Refresh(refresh));
        }
        AccessToken::read(token, context.keyring, context.policy, context.now)
            .ok()
            .map(|claims| Self::Access(Box::new(claims)))
    }

    /// The authorization to load.
    pub fn authorization(&self) -> Option<AuthorizationId> {
        match self {
            Self::Refresh(token) => Some(token.authorization),
            Self::Access(claims) => match claims.token_id()? {
                TokenId::Person(id) => Some(id),
                TokenId::Machine { .. } => None,
            },
        }
    }

    /// The client to load: of a token that a client got in its own name.
    pub fn machine(&self) -> Option<&ClientId> {
        match self {
            Self::Access(claims) if matches!(claims.token_id()?, TokenId::Machine { .. }) => {
                Some(&claims.client_id)
            }
            _ => None,
        }
    }

    /// The name under which the token itself may be denied.
    pub fn deny_key(&self) -> Option<Digest> {
        match self {
            Self::Access(claims) => Some(claims.digest()),
            Self::Refresh(_) => None,
        }
    }

    /// The resource to load: whose clients may introspect the token.
    pub fn resource(&self, policy: &Policy) -> Option<ResourceIdentifier> {
        match self {
            Self::Access(claims) => match claims.audience(policy) {
                Audience::Issuer => None,
                Audience::Resource(identifier) => Some(identifier),
            },
            Self::Refresh(_) => None,
        }
    }
}

/// Why an access token is not alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was revoked by itself.
    Denied,
    /// What it hangs under is gone from the store, or is another's.
    Gone,
    /// What it hangs under has ended.
    Dead(Dead),
}

/// Whether an access token is alive: it was not denied, and what it hangs under is alive.
pub(crate) fn alive(claims: &AccessClaims, records: &Records, context: &Context<'_>) -> Result<(), Ended> {
    if records.denied {
        return Err(Ended::Denied);
    }
    match claims.token_id().ok_or(Ended::Gone)? {
        TokenId::Person(id) => {
            let record = records
                .authorization
                .as_ref()
                .filter(|record| {
                    let authorization = &record.authorization;
                    authorization.id == id
                        && authorization.client_id == claims.client_id
                        && authorization.user_id.to_string() == claims.sub
                })
                .ok_or(Ended::Gone)?;
            liveness::alive(record, &context.policy.lifetimes, context.now).map_err(Ended::Dead)
        }
        TokenId::Machine { issued_at, epoch } => {
            let client = records
                .client
                .as_ref()
                .filter(|client| client.client_id == claims.client_id)
                .ok_or(Ended::Dead(Dead::ClientGone))?;
            if client.disabled {
                Err(Ended::Dead(Dead::ClientDisabled))
            } else if issued_at < client.tokens_not_before {
                Err(Ended::Dead(Dead::ClientTokensVoid))
            } else if epoch != context.epoch {
                Err(Ended::Dead(Dead::Epoch))
            } else {
                Ok(())
            }
        }
    }
}
