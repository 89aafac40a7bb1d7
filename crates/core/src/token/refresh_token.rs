//! `refresh_token` (RFC 6749 §6; RFC 9700 §4.14; OAuth 2.1 §4.3): rotation in place, by one guarded write.
//!
//! The direct predecessor of a successor that was not used yet is answered again for a while, with the same successor:
//! an answer that was lost on the way signs nobody out. Any older one that comes back is theft and revokes.

use serde_json::json;

use super::{
    Context, Decided, Grant, Loaded, Request, ResourcesWanted, TokenRefusal,
    audience::{self, Target},
    liveness,
    mint::{self, Access, Subject},
    refresh,
};
use crate::{
    client::GrantType,
    id::AuthorizationId,
    policy::Policy,
    secret::Bearer,
    step::{Decision, Refused},
    store::{Authorization, AuthorizationRecord, RefreshState, Write},
};

pub(super) struct RefreshToken;

impl Grant for RefreshToken {
    fn grant_type(&self) -> GrantType {
        GrantType::RefreshToken
    }

    fn authorization(&self, request: &Request<'_>) -> Result<Option<AuthorizationId>, TokenRefusal> {
        // Whose it claims to be. Whether it is ours is decided with the keys.
        let payload = Bearer::Refresh
            .decode(request.required("refresh_token")?)
            .ok_or(TokenRefusal::UnknownRefreshToken)?;
        let id = payload.first_chunk::<16>().ok_or(TokenRefusal::UnknownRefreshToken)?;
        Ok(Some(AuthorizationId::from_bytes(*id)))
    }

    fn resources(
        &self,
        request: &Request<'_>,
        authorization: Option<&AuthorizationRecord>,
        policy: &Policy,
    ) -> Result<ResourcesWanted, TokenRefusal> {
        Ok(authorization
            .map(|record| audience::wanted(request.form, &record.authorization, &request.client, policy))
            .unwrap_or_default())
    }

    fn decide(&self, request: &Request<'_>, loaded: &Loaded, context: &Context<'_>) -> Decided {
        let Context { policy, now, .. } = *context;
        let keys = &context.keyring.keys;
        let token = refresh::RefreshToken::read(request.required("refresh_token")?, keys)
            .ok_or(TokenRefusal::UnknownRefreshToken)?;
        let record = loaded
            .authorization
            .as_ref()
            .filter(|record| record.authorization.id == token.authorization)
            .ok_or(TokenRefusal::UnknownRefreshToken)?;
        let authorization = &record.authorization;
        if authorization.client_id != request.client.client_id {
            return Err(TokenRefusal::ForeignRefreshToken.into());
        }
        liveness::alive(record, &policy.lifetimes, now).map_err(TokenRefusal::Dead)?;
        let (next, rotates) = successor(&token, authorization, context)?;

        let permissions = &authorization.permissions;
        let scope = audience::in_effect(audience::scope(request.form)?, permissions, &request.client)?;
        let named = audience::named(request.form, policy)?;
        let audience = audience::granted(named, permissions, &request.client)?;
        let access = Access {
            client: request.client.client(),
            subject: Subject::Person(authorization),
            target: Target::find(&audience, &loaded.resources)?,
            scope: permissions.0.get(&audience).map(|at| at.intersection(&scope)).unwrap_or_default(),
        };
        // Core 1.0 §12.2: the nonce belongs to the authentication request, not to a refresh.
        let mut response = mint::answer(access, scope, None, context)?;
        response.refresh_token = Some(next.encode(keys));
        let mut writes = Vec::new();
        if rotates == Rotates::Now {
            writes.push(Write::RotateRefresh {
                id: authorization.id,
                to: state(&next, authorization, context),
            });
        }
        if policy.audit_every_token {
            writes.push(issued(authorization, self.grant_type(), context));
        }
        Ok(Decision { writes, outcome: response })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rotates {
    Now,
    Already,
}

/// The refresh token that answers `token`, or what is wrong with it.
fn successor(
    token: &refresh::RefreshToken,
    authorization: &Authorization,
    context: &Context<'_>,
) -> Result<(refresh::RefreshToken, Rotates), Refused<TokenRefusal>> {
    let living = authorization.refresh.as_ref().ok_or(TokenRefusal::UnknownRefreshToken)?;
    if context.now >= living.expires_at {
        return Err(TokenRefusal::RefreshIdle.into());
    }
    let next = token.next(&context.keyring.keys);
    if token.generation == living.generation {
        if token.digest() != living.digest {
            return Err(TokenRefusal::UnknownRefreshToken.into());
        }
        return Ok((next.ok_or(TokenRefusal::RefreshExhausted)?, Rotates::Now));
    }
    if token.generation > living.generation {
        return Err(TokenRefusal::UnknownRefreshToken.into());
    }
    match next {
        Some(next)
            if next.generation == living.generation
                && next.digest() == living.digest
                && context.now.since(living.rotated_at) < context.policy.lifetimes.refresh_grace =>
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
    let living = authorization.refresh.as_ref().map(|living| living.generation);
    let writes = vec![
        Write::RevokeAuthorization { id: authorization.id, at: context.now },
        context.audit(
            "refresh_token.reused",
            Some(authorization.user_id),
            Some(&authorization.client_id),
            json!({ "authorization": authorization.id, "generation": token.generation, "living": living }),
        ),
    ];
    Refused { refusal: TokenRefusal::RefreshReused, writes, check: None }
}

/// What is stored of a new refresh token: it dies of disuse, and with its authorization.
pub(super) fn state(
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
