//! Reading an access token of ours, of either format (RFC 9068 §4, RFC 8725).
//!
//! That a token reads says that we issued it and that its life is not over. Whether what it hangs under is alive is a
//! question to the store: [`super::PresentedToken`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::jti::{self, TokenId};
use crate::{
    id::ClientId,
    jose::{Algorithm, Expected, Validity, jws, verify},
    keyring::Keyring,
    policy::{LONGEST_TOKEN, Policy},
    scope::{Audience, ScopeSet},
    secret::{Bearer, Digest},
    time::Timestamp,
};

/// `typ` of a JWT access token (RFC 9068 §2.1).
pub(super) const TYP: &str = "at+jwt";

/// What a sealed access token is sealed as.
pub(super) const SEAL: &[u8] = b"access token";

/// How far the clocks of our own nodes may be apart.
const LEEWAY: Duration = Duration::from_secs(5);

/// The claims of an access token (RFC 9068 §2.2), in either format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// The issuer.
    pub iss: String,
    /// The person, or the client when it acts for itself.
    pub sub: String,
    /// The one audience.
    pub aud: String,
    /// To whom it was issued.
    pub client_id: ClientId,
    /// The end of its life, seconds.
    pub exp: i64,
    /// When it was issued, seconds.
    pub iat: i64,
    /// Its id, which names the authorization.
    pub jti: String,
    /// What it may do at the audience.
    #[serde(default, skip_serializing_if = "ScopeSet::is_empty")]
    pub scope: ScopeSet,
    /// When the person signed in, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// How well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// By which methods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
}

impl AccessClaims {
    /// What the token belongs to.
    pub fn token_id(&self) -> Option<TokenId> {
        jti::read(&self.jti)
    }

    /// The digest under which a single token is revoked.
    pub fn digest(&self) -> Digest {
        jti::digest(&self.jti)
    }

    /// Whom it is for.
    pub fn audience(&self, policy: &Policy) -> Audience {
        if self.aud == policy.issuer {
            Audience::Issuer
        } else {
            Audience::Resource(self.aud.as_str().into())
        }
    }
}

/// Why a value is not an access token of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidToken {
    /// Neither a JWT of ours nor a sealed token of ours.
    Unreadable,
    /// Signed with a key that does not sign yet, or no more for long enough.
    Key,
    /// Of another issuer.
    Issuer,
    /// Its life is over, or has not begun.
    Time,
}

/// Access tokens.
#[derive(Debug)]
pub struct AccessTokens;

impl AccessTokens {
    /// The claims of `token`, if it is an access token of this issuer whose life is not over.
    pub fn read(
        token: &str,
        keyring: &Keyring,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<AccessClaims, InvalidToken> {
        let map = if token.len() > jws::MAX_LENGTH {
            return Err(InvalidToken::Unreadable);
        } else if let Some(sealed) = Bearer::Access.decode(token) {
            let plain = keyring.keys.access_token.open(now, LONGEST_TOKEN, SEAL, &sealed);
            let plain = plain.ok_or(InvalidToken::Unreadable)?;
            serde_json::from_slice(&plain).map_err(|_| InvalidToken::Unreadable)?
        } else {
            let expected = Expected { typ: &[TYP], algorithms: Algorithm::ALL };
            let verified =
                verify(token, keyring.verifying(), &expected).map_err(|_| InvalidToken::Unreadable)?;
            let kid = verified.header.get("kid").and_then(|kid| kid.as_str());
            if !kid.is_some_and(|kid| keyring.may_have_signed(kid, now + LEEWAY)) {
                return Err(InvalidToken::Key);
            }
            verified.claims
        };
        Validity::at(now, LEEWAY).check(&map).map_err(|_| InvalidToken::Time)?;
        let claims: AccessClaims =
            serde_json::from_value(serde_json::Value::Object(map)).map_err(|_| InvalidToken::Unreadable)?;
        if claims.iss != policy.issuer {
            return Err(InvalidToken::Issuer);
        }
        // What we answer for ends to the second: the leeway is for clocks that run ahead, not for longer lives.
        if now.seconds() >= claims.exp {
            return Err(InvalidToken::Time);
        }
        claims.token_id().ok_or(InvalidToken::Unreadable)?;
        Ok(claims)
    }
}

#[cfg(test)]
mod tests;
