//! `authorization_code` (RFC 6749 §4.1.3, RFC 7636 §4.5, OAuth 2.1 §4.1.3).
//!
//! A code is one use: its redemption is one guarded write. Who holds the code, is its client and proves it (redirect URI,
//! verifier) may replay it only to revoke what it gave; who holds it, is its client and proves it wrongly, kills it while
//! it is unused; anybody else changes nothing, so a leaked code signs nobody out.

use serde_json::json;

use super::{
    Context, Decided, Grant, Loaded, Request, ResourcesWanted, TokenRefusal,
    audience::{self, Target},
    code::Code,
    liveness,
    mint::{self, Access, Subject},
    refresh::RefreshToken,
    refresh_token,
};
use crate::{
    client::GrantType,
    id::AuthorizationId,
    pkce,
    policy::Policy,
    step::{Decision, Refused},
    store::{AuthorizationRecord, CodeState, Write},
};

pub(super) struct AuthorizationCode;

impl Grant for AuthorizationCode {
    fn grant_type(&self) -> GrantType {
        GrantType::AuthorizationCode
    }

    fn authorization(&self, request: &Request<'_>) -> Result<Option<AuthorizationId>, TokenRefusal> {
        Ok(Some(code(request)?.authorization))
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
        let code = code(request)?;
        let record = loaded
            .authorization
            .as_ref()
            .filter(|record| record.authorization.id == code.authorization)
            .filter(|record| record.authorization.code.digest == code.digest())
            .ok_or(TokenRefusal::UnknownCode)?;
        let authorization = &record.authorization;
        if authorization.client_id != request.client.client_id {
            return Err(TokenRefusal::ForeignCode.into());
        }
        let proof = proof(request, &authorization.code);

        if authorization.code.burnt_at.is_some() {
            return Err(TokenRefusal::CodeBurnt.into());
        }
        if authorization.code.redeemed_at.is_some() {
            return Err(if proof.is_ok() {
                replayed(record, context)
            } else {
                TokenRefusal::CodeUsed.into()
            });
        }
        if now >= authorization.code.expires_at {
            return Err(TokenRefusal::CodeExpired.into());
        }
        liveness::code_alive(record, &policy.lifetimes, now).map_err(TokenRefusal::Dead)?;
        if let Err(refusal) = proof {
            let writes = vec![Write::BurnCode { id: authorization.id, at: now }];
            return Err(Refused { refusal, writes, check: None });
        }

        let permissions = &authorization.permissions;
        let named = audience::named(request.form, policy)?;
        let audience = audience::granted(named, permissions, &request.client)?;
        let target = Target::find(&audience, &loaded.resources)?;
        let scope = audience::in_effect(None, permissions, &request.client)?;
        let access = Access {
            client: request.client.client(),
            subject: Subject::Person(authorization),
            target,
            scope: permissions.0.get(&audience).map(|at| at.intersection(&scope)).unwrap_or_default(),
        };
        let mut response = mint::answer(access, scope, authorization.nonce.as_deref(), context)?;
        let refresh = request.client.grant_types.contains(&GrantType::RefreshToken).then(|| {
            let token = RefreshToken::first(authorization.id, context.entropy);
            response.refresh_token = Some(token.encode(&context.keyring.keys));
            refresh_token::state(&token, authorization, context)
        });
        let mut writes = vec![Write::RedeemCode { id: authorization.id, at: now, refresh }];
        if policy.audit_every_token {
            writes.push(refresh_token::issued(authorization, self.grant_type(), context));
        }
        Ok(Decision { writes, outcome: response })
    }
}

fn code(request: &Request<'_>) -> Result<Code, TokenRefusal> {
    Code::read(request.required("code")?).ok_or(TokenRefusal::UnknownCode)
}

/// Whether the request comes from where the code was sent: the redirect URI that was sent with the authorization request
/// (RFC 6749 §4.1.3), and the verifier of its challenge (RFC 7636 §4.6); no verifier where there was no challenge, or an
/// attacker could have taken the challenge away (OAuth 2.1 §7.5.1).
fn proof(request: &Request<'_>, code: &CodeState) -> Result<(), TokenRefusal> {
    let redirect_uri = request.form.one("redirect_uri")?;
    if code.redirect_uri.is_some() && redirect_uri != code.redirect_uri.as_deref() {
        return Err(TokenRefusal::RedirectUri);
    }
    let verifier = request.form.one("code_verifier")?;
    match (&code.challenge, verifier) {
        (Some(challenge), Some(verifier)) if pkce::matches(challenge, verifier) => Ok(()),
        (Some(_), _) => Err(TokenRefusal::Verifier),
        (None, Some(_)) => Err(TokenRefusal::UnexpectedVerifier),
        (None, None) => Ok(()),
    }
}

fn replayed(record: &AuthorizationRecord, context: &Context<'_>) -> Refused<TokenRefusal> {
    let authorization = &record.authorization;
    let mut writes = Vec::new();
    if authorization.revoked_at.is_none() {
        writes.push(Write::RevokeAuthorization { id: authorization.id, at: context.now });
        writes.push(context.audit(
            "authorization_code.replayed",
            Some(authorization.user_id),
            Some(&authorization.client_id),
            json!({ "authorization": authorization.id }),
        ));
    }
    Refused { refusal: TokenRefusal::CodeReplayed, writes, check: None }
}

#[cfg(test)]
mod tests;
