//! Making tokens: access tokens (RFC 9068 §2, or sealed) and ID tokens (OpenID Connect Core 1.0 §2, §3.1.3.6).

use std::time::Duration;

use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    TokenRefusal, TokenResponse, access,
    access::AccessClaims,
    audience::{self, TokenTarget, Wanted},
    jti,
};
use crate::{
    claims,
    client_auth::AuthenticatedClient,
    jose::{Algorithm, SigningKey},
    policy::LONGEST_TOKEN,
    resource::AccessTokenFormat,
    scope::ScopeSet,
    secret::Bearer,
    step::{Context, Have, Stop},
    store::AuthorizationRecord,
    time::Timestamp,
};

/// How access tokens for the issuer are signed.
const ISSUER_ALGORITHM: Algorithm = Algorithm::ES256;

/// Whom an access token speaks for.
#[derive(Clone, Copy)]
pub(super) enum TokenSubject<'a> {
    /// The person of an authorization.
    Person(&'a AuthorizationRecord),
    /// The client itself.
    Machine,
}

/// Tokens to be made.
pub(super) struct Access<'a> {
    pub(super) client: AuthenticatedClient<'a>,
    pub(super) subject: TokenSubject<'a>,
    pub(super) target: TokenTarget<'a>,
    /// The scopes in effect that the target has: those of the access token and of the response.
    pub(super) scope: ScopeSet,
    /// All scopes in effect: whether there is an ID token, and what it says.
    pub(super) in_effect: ScopeSet,
    /// Of the authorization request, for the ID token.
    pub(super) nonce: Option<&'a str>,
}

impl<'a> Access<'a> {
    /// For the person of an authorization: what `wanted` says, within what was granted.
    pub(super) fn of_person(
        record: &'a AuthorizationRecord,
        wanted: &Result<Wanted, TokenRefusal>,
        client: AuthenticatedClient<'a>,
        have: &'a Have,
        context: &Context<'_>,
    ) -> Result<Self, Stop<TokenRefusal>> {
        let wanted = wanted.as_ref().map_err(|refusal| *refusal)?;
        let permissions = &record.authorization.permissions;
        let in_effect = audience::in_effect(wanted.scope.as_ref(), permissions, &client)?;
        let audience = match wanted.named.audience(context.policy) {
            Some(named) => audience::granted(named, permissions)?,
            None => audience::implied(wanted.scope.as_ref(), permissions, &client)?,
        };
        Ok(Self {
            client,
            subject: TokenSubject::Person(record),
            target: TokenTarget::load(&audience, have)?,
            scope: permissions.0.get(&audience).map(|at| at.intersection(&in_effect)).unwrap_or_default(),
            in_effect,
            nonce: None,
        })
    }
}

/// The whole response: an access token for `target`, and an ID token for a person where `openid` is in effect.
pub(super) fn respond(
    access: Access<'_>,
    context: &Context<'_>,
) -> Result<TokenResponse, Stop<TokenRefusal>> {
    let person = match access.subject {
        TokenSubject::Person(record) if access.in_effect.contains("openid") => Some(record),
        TokenSubject::Person(_) | TokenSubject::Machine => None,
    };
    // Both keys before the first signature: a key that is being made is waited for, and then all of this is done again.
    let id_token_key =
        person.map(|_| context.signer(access.client.id_token_signed_response_alg)).transpose()?;
    let (access_token, expires_in) = access_token(&access, context)?;
    let id_token = match person.zip(id_token_key) {
        Some((record, key)) => Some(id_token(&access, record, &access_token, key, context)?),
        None => None,
    };
    Ok(TokenResponse {
        access_token,
        token_type: "Bearer",
        expires_in,
        refresh_token: None,
        id_token,
        scope: access.scope,
    })
}

fn access_token(access: &Access<'_>, context: &Context<'_>) -> Result<(String, i64), Stop<TokenRefusal>> {
    let Context { policy, now, entropy, .. } = *context;
    let (aud, format, algorithm, lifetime) = match access.target {
        TokenTarget::Issuer => (policy.issuer.as_str(), policy.access_token_format, ISSUER_ALGORITHM, None),
        TokenTarget::Resource(resource) => (
            resource.identifier.as_str(),
            resource.access_token_format,
            resource.access_token_signing_alg,
            resource.access_token_lifetime,
        ),
    };
    let lifetime = lifetime
        .map_or(policy.lifetimes.access_token, |seconds| Duration::from_secs(seconds.into()))
        .min(LONGEST_TOKEN);
    let (sub, jti, latest, authentication) = match access.subject {
        TokenSubject::Person(AuthorizationRecord { authorization, .. }) => (
            authorization.user_id.to_string(),
            jti::person(authorization.id, entropy),
            authorization.expires_at,
            Some(&authorization.authentication),
        ),
        TokenSubject::Machine => (
            access.client.client_id.to_string(),
            jti::machine(now, context.epoch, entropy),
            now + lifetime,
            None,
        ),
    };
    let iat = now.seconds();
    let exp = end(now, lifetime).min(latest.seconds());
    let claims = AccessClaims {
        iss: policy.issuer.clone(),
        sub,
        aud: aud.to_owned(),
        client_id: access.client.client_id.clone(),
        exp,
        iat,
        jti,
        scope: access.scope.clone(),
        auth_time: authentication.map(|authentication| authentication.at.seconds()),
        acr: authentication.map(|authentication| authentication.acr.clone()),
        amr: authentication.map(|authentication| authentication.amr.clone()).unwrap_or_default(),
    };
    let token = match format {
        AccessTokenFormat::Jwt => sign(context.signer(algorithm)?, access::TYP, &claims)?,
        AccessTokenFormat::Opaque => {
            let plain = serde_json::to_vec(&claims).map_err(|_| TokenRefusal::Signing)?;
            let sealed = context.keyring.keys.access_token.seal(now, entropy, access::SEAL, &plain);
            Bearer::Access.encode(&sealed)
        }
    };
    Ok((token, exp - iat))
}

/// The claims of an ID token (Core 1.0 §2). `azp` is left out: the audience is always the one client that asked.
#[derive(Serialize)]
struct IdTokenClaims<'a> {
    iss: &'a str,
    sub: String,
    aud: &'a str,
    exp: i64,
    iat: i64,
    auth_time: i64,
    acr: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    amr: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    at_hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    #[serde(flatten)]
    person: Map<String, Value>,
}

/// What the ID token says of the person beside the `sub`: the claims of the scopes in effect where no access token of this response
/// is good at UserInfo (Core 1.0 §5.4), or where the client wants them always.
fn person_claims(access: &Access<'_>, record: &AuthorizationRecord) -> Map<String, Value> {
    let Some(user) = &record.user else { return Map::new() };
    if access.client.id_token_claims {
        return claims::of(user, &access.in_effect).into_iter().chain([claims::groups(user)]).collect();
    }
    match access.target {
        TokenTarget::Issuer => Map::new(),
        TokenTarget::Resource(_) => claims::of(user, &access.in_effect),
    }
}

fn id_token(
    access: &Access<'_>,
    record: &AuthorizationRecord,
    access_token: &str,
    key: &SigningKey,
    context: &Context<'_>,
) -> Result<String, TokenRefusal> {
    let authorization = &record.authorization;
    let authentication = &authorization.authentication;
    let claims = IdTokenClaims {
        iss: &context.policy.issuer,
        sub: authorization.user_id.to_string(),
        aud: access.client.client_id.as_str(),
        exp: end(context.now, context.policy.lifetimes.id_token.min(LONGEST_TOKEN)),
        iat: context.now.seconds(),
        auth_time: authentication.at.seconds(),
        acr: &authentication.acr,
        amr: &authentication.amr,
        sid: authorization.session_id.map(|id| id.to_string()),
        at_hash: at_hash(access_token, access.client.id_token_signed_response_alg),
        nonce: access.nonce,
        person: person_claims(access, record),
    };
    sign(key, "JWT", &claims)
}

fn end(now: Timestamp, lifetime: Duration) -> i64 {
    (Timestamp::from_seconds(now.seconds()) + lifetime).seconds()
}

fn sign(key: &SigningKey, typ: &str, claims: &impl Serialize) -> Result<String, TokenRefusal> {
    key.sign(typ, claims).map_err(|_| TokenRefusal::Signing)
}

/// The left half of the access token's hash, with the hash of the signature's algorithm (Core 1.0 §3.1.3.6). Ed25519
/// hashes with SHA-512.
pub(crate) fn at_hash(access_token: &str, algorithm: Algorithm) -> String {
    let hash = match algorithm {
        Algorithm::RS256 | Algorithm::PS256 | Algorithm::ES256 => &digest::SHA256,
        Algorithm::ES384 => &digest::SHA384,
        Algorithm::EdDSA => &digest::SHA512,
    };
    let whole = digest::digest(hash, access_token.as_bytes());
    let half = whole.as_ref().len() / 2;
    URL_SAFE_NO_PAD.encode(whole.as_ref().get(..half).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_hash_is_half_of_the_hash_that_the_algorithm_uses() {
        // The example of Core 1.0 Appendix A.3.
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(at_hash(token, Algorithm::RS256), "77QmUPtjPfzWtF2AnpK9RQ");
        for (algorithm, length) in [
            (Algorithm::RS256, 22),
            (Algorithm::PS256, 22),
            (Algorithm::ES256, 22),
            (Algorithm::ES384, 32),
            (Algorithm::EdDSA, 43),
        ] {
            assert_eq!(at_hash(token, algorithm).len(), length, "{algorithm:?}");
        }
    }
}
