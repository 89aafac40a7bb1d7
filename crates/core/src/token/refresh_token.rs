//! `refresh_token` (RFC 6749 §6; RFC 9700 §4.14; OAuth 2.1 §4.3): rotation in place, by one guarded write.
//!
//! The direct predecessor of a successor that was not used yet returns the same successor for a while:
//! a lost response signs nobody out. Any older token is theft and revokes the authorization.

use serde_json::json;

use super::{
    Grant, GrantRequest, TokenDecided, TokenRefusal,
    audience::{self, Named, Wanted},
    liveness,
    mint::{self, Access},
    refresh, required,
};
use crate::{
    client::GrantType,
    client_auth::AuthenticatedClient,
    form::Form,
    step::{Context, Decision, Have, Refused, in_turn},
    store::{Authorization, RefreshState, Write},
};

pub(super) struct RefreshTokenGrant;

impl Grant for RefreshTokenGrant {
    fn grant_type(&self) -> GrantType {
        GrantType::RefreshToken
    }

    fn read(&self, form: &Form) -> Result<Box<dyn GrantRequest>, TokenRefusal> {
        let token = required(form, "refresh_token")?;
        Ok(Box::new(Refresh {
            token: refresh::Claimed::read(&token).ok_or(TokenRefusal::UnknownRefreshToken)?,
            wanted: wanted(form),
        }))
    }
}

/// The parameters of a refresh.
struct Refresh {
    token: refresh::Claimed,
    // Refused in its turn: a token that was stolen is found out whatever stands beside it.
    wanted: Result<Wanted, TokenRefusal>,
}

fn wanted(form: &Form) -> Result<Wanted, TokenRefusal> {
    Ok(Wanted { scope: audience::scope(form)?, named: Named::read(form)? })
}

impl GrantRequest for Refresh {
    fn decide(&self, client: AuthenticatedClient<'_>, have: &Have, context: &Context<'_>) -> TokenDecided {
        let Context { policy, now, .. } = *context;
        let keys = &context.keyring.keys;
        let record =
            have.authorization(self.token.authorization())?.ok_or(TokenRefusal::UnknownRefreshToken)?;
        let authorization = &record.authorization;
        let access = in_turn(Access::of_person(record, &self.wanted, client, have, context))?;
        let token = self.token.verify(keys).ok_or(TokenRefusal::UnknownRefreshToken)?;
        if authorization.client_id != client.client_id {
            return Err(TokenRefusal::ForeignRefreshToken.into());
        }
        liveness::alive(record, &policy.lifetimes, now).map_err(TokenRefusal::Dead)?;
        let (next, rotates) = successor(token, authorization, context)?;

        // Without a nonce: that belongs to the authentication request (Core 1.0 §12.2).
        let mut response = mint::respond(access?, context)?;
        response.refresh_token = Some(next.encode(keys));
        let mut writes: Vec<_> = liveness::used(record, now).into_iter().collect();
        if rotates == Rotates::Now {
            writes.push(Write::RotateRefresh {
                id: authorization.id,
                to: state(&next, authorization, context),
            });
        }
        if policy.audit_every_token {
            writes.push(issued(authorization, GrantType::RefreshToken, context));
        }
        Ok(Decision { writes, outcome: response })
    }
}

/// The first refresh token of an authorization, where its client may have one, and what is stored of it.
pub(super) fn first(
    authorization: &Authorization,
    client: AuthenticatedClient<'_>,
    context: &Context<'_>,
) -> Option<(String, RefreshState)> {
    client.grant_types.contains(&GrantType::RefreshToken).then(|| {
        let token = refresh::RefreshToken::first(authorization.id, context.entropy);
        (token.encode(&context.keyring.keys), state(&token, authorization, context))
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rotates {
    Now,
    Already,
}

/// The successor of `token`, or the reason for refusing it.
fn successor(
    token: &refresh::RefreshToken,
    authorization: &Authorization,
    context: &Context<'_>,
) -> Result<(refresh::RefreshToken, Rotates), Refused<TokenRefusal>> {
    let current = authorization.refresh.as_ref().ok_or(TokenRefusal::UnknownRefreshToken)?;
    if context.now >= current.expires_at {
        return Err(TokenRefusal::RefreshIdle.into());
    }
    let next = token.next(&context.keyring.keys);
    if token.generation == current.generation {
        if token.digest() != current.digest {
            return Err(TokenRefusal::UnknownRefreshToken.into());
        }
        return Ok((next.ok_or(TokenRefusal::RefreshExhausted)?, Rotates::Now));
    }
    if token.generation > current.generation {
        return Err(TokenRefusal::UnknownRefreshToken.into());
    }
    match next {
        Some(next)
            if next.generation == current.generation
                && next.digest() == current.digest
                && context.now.since(current.rotated_at) < context.policy.lifetimes.refresh_grace =>
        {
            Ok((next, Rotates::Already))
        }
        _ => Err(reused(token, authorization, context)),
    }
}

fn reused(
    token: &refresh::RefreshToken,
    authorization: &Authorization,
    context: &Context<'_>,
) -> Refused<TokenRefusal> {
    let current = authorization.refresh.as_ref().map(|current| current.generation);
    let writes = vec![
        Write::RevokeAuthorization { id: authorization.id, at: context.now },
        context.audit(
            "refresh_token.reused",
            Some(authorization.user_id),
            Some(&authorization.client_id),
            json!({ "authorization": authorization.id, "generation": token.generation, "living": current }),
        ),
    ];
    Refused { writes, ..TokenRefusal::RefreshReused.into() }
}

/// What is stored of a new refresh token: it dies of disuse, and with its authorization.
fn state(
    token: &refresh::RefreshToken,
    authorization: &Authorization,
    context: &Context<'_>,
) -> RefreshState {
    RefreshState {
        generation: token.generation,
        digest: token.digest(),
        rotated_at: context.now,
        expires_at: (context.now + context.policy.lifetimes.refresh_idle).min(authorization.expires_at),
    }
}

/// The audit event of an issue, where the operator wants every one.
pub(super) fn issued(authorization: &Authorization, grant: GrantType, context: &Context<'_>) -> Write {
    context.audit(
        "token.issued",
        Some(authorization.user_id),
        Some(&authorization.client_id),
        json!({ "authorization": authorization.id, "grant_type": grant.as_str() }),
    )
}

#[cfg(test)]
mod tests;
