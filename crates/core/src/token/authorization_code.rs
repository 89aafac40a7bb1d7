//! `authorization_code` (RFC 6749 §4.1.3, RFC 7636 §4.5, OAuth 2.1 §4.1.3).
//!
//! A code is one use: its redemption is one guarded write. Who holds the code, is its client and proves it (redirect URI,
//! verifier) may replay it only to revoke what it gave; who holds it, is its client and proves it wrongly, kills it while
//! it is unused (leaving the verifier out proves nothing and kills nothing); another client changes nothing, so a leaked code signs nobody out.

use serde_json::json;

use super::{
    Grant, GrantRequest, TokenDecided, TokenRefusal,
    audience::{Named, Wanted},
    code::Code,
    liveness,
    mint::{self, Access},
    refresh_token, required,
};
use crate::{
    client::GrantType,
    client_auth::AuthenticatedClient,
    form::Form,
    pkce,
    step::{Context, Decision, Have, Refused, in_turn},
    store::{AuthorizationRecord, CodeState, Write},
};

pub(super) struct AuthorizationCode;

impl Grant for AuthorizationCode {
    fn grant_type(&self) -> GrantType {
        GrantType::AuthorizationCode
    }

    fn read(&self, form: &Form) -> Result<Box<dyn GrantRequest>, TokenRefusal> {
        let code = required(form, "code")?;
        Ok(Box::new(Redemption {
            code: Code::read(&code).ok_or(TokenRefusal::UnknownCode)?,
            redirect_uri: form.one("redirect_uri")?.map(str::to_owned),
            verifier: form.one("code_verifier")?.map(str::to_owned),
            wanted: Named::read(form).map(|named| Wanted { named, scope: None }),
        }))
    }
}

/// The parameters of a redemption.
struct Redemption {
    code: Code,
    redirect_uri: Option<String>,
    verifier: Option<String>,
    // Refused in its turn: behind the proof.
    wanted: Result<Wanted, TokenRefusal>,
}

impl GrantRequest for Redemption {
    fn decide(&self, client: AuthenticatedClient<'_>, have: &Have, context: &Context<'_>) -> TokenDecided {
        let Context { policy, now, .. } = *context;
        let (record, code) = have
            .authorization(self.code.authorization)?
            .and_then(|record| Some((record, record.authorization.code.as_ref()?)))
            .filter(|(_, code)| code.digest == self.code.digest())
            .ok_or(TokenRefusal::UnknownCode)?;
        let authorization = &record.authorization;
        if authorization.client_id != client.client_id {
            return Err(TokenRefusal::ForeignCode.into());
        }
        let access = in_turn(Access::of_person(record, &self.wanted, client, have, context))?;
        let proof = self.prove(code);

        if code.invalidated_at.is_some() {
            return Err(TokenRefusal::CodeInvalidated.into());
        }
        if code.redeemed_at.is_some() {
            return Err(if proof.is_ok() {
                replayed(record, context).into()
            } else {
                TokenRefusal::CodeUsed.into()
            });
        }
        if now >= code.expires_at {
            return Err(TokenRefusal::CodeExpired.into());
        }
        liveness::code_alive(record, &policy.lifetimes, now).map_err(TokenRefusal::Dead)?;
        if let Err(refusal) = proof {
            // Without a verifier nothing was guessed: a client that forgot it can send it with the same code.
            if refusal == TokenRefusal::VerifierMissing {
                return Err(refusal.into());
            }
            let writes = vec![Write::InvalidateCode { id: authorization.id, at: now }];
            return Err(Refused { writes, ..refusal.into() }.into());
        }

        let mut response =
            mint::respond(Access { nonce: authorization.nonce.as_deref(), ..access? }, context)?;
        let (refresh_token, refresh) = refresh_token::first(authorization, client, context).unzip();
        response.refresh_token = refresh_token;
        let mut writes = vec![Write::RedeemCode { id: authorization.id, at: now, refresh }];
        if policy.audit_every_token {
            writes.push(refresh_token::issued(authorization, GrantType::AuthorizationCode, context));
        }
        Ok(Decision { writes, outcome: response })
    }
}

impl Redemption {
    /// Whether the request comes from where the code was sent: the redirect URI that was sent with the authorization request
    /// (RFC 6749 §4.1.3), and the verifier of its challenge (RFC 7636 §4.6); no verifier where there was no challenge, or an
    /// attacker could have taken the challenge away (OAuth 2.1 §7.5.1).
    fn prove(&self, code: &CodeState) -> Result<(), TokenRefusal> {
        if code.redirect_uri.is_some() && self.redirect_uri != code.redirect_uri {
            return Err(match self.redirect_uri {
                Some(_) => TokenRefusal::RedirectUri,
                None => TokenRefusal::RedirectUriMissing,
            });
        }
        match (&code.challenge, &self.verifier) {
            (Some(challenge), Some(verifier)) if pkce::matches(challenge, verifier) => Ok(()),
            (Some(_), Some(_)) => Err(TokenRefusal::Verifier),
            (Some(_), None) => Err(TokenRefusal::VerifierMissing),
            (None, Some(_)) => Err(TokenRefusal::UnexpectedVerifier),
            (None, None) => Ok(()),
        }
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
    Refused { writes, ..TokenRefusal::CodeReplayed.into() }
}

#[cfg(test)]
mod tests;
