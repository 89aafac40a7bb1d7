//! `id_token_hint` (OpenID Connect Core 1.0 §3.1.2.1, RP-Initiated Logout 1.0 §2): an ID token of ours, given back to say
//! whom a request is about. It is a hint and no credential, so an expired one counts.

use serde::{Deserialize, Serialize};

use crate::{
    id::{ClientId, SessionId, UserId},
    jose::{
        Algorithm,
        jwk::KeySet,
        jws::{self, Expected},
    },
};

/// What a genuine hint says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    /// `sub`.
    pub user_id: UserId,
    /// `aud`.
    pub client_id: ClientId,
    /// `sid`.
    pub session_id: Option<SessionId>,
}

/// Why a hint is not genuine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HintError {
    /// Not a JWS of one of our keys, or not an ID token.
    Signature,
    /// Another issuer.
    Issuer,
    /// No single audience, or another client's.
    Audience,
    /// No `sub` that could be ours.
    Subject,
}

/// Reads a hint.
pub fn read(token: &str, keys: &KeySet, issuer: &str) -> Result<Hint, HintError> {
    let expected = Expected { typ: &["JWT"], algorithms: Algorithm::ALL };
    let verified = jws::verify(token, keys, &expected).map_err(|_| HintError::Signature)?;
    let text = |name: &str| verified.claims.get(name).and_then(|value| value.as_str());
    if text("iss") != Some(issuer) {
        return Err(HintError::Issuer);
    }
    Ok(Hint {
        client_id: text("aud").ok_or(HintError::Audience)?.into(),
        user_id: text("sub").and_then(UserId::parse).ok_or(HintError::Subject)?,
        session_id: text("sid").and_then(SessionId::parse),
    })
}

#[cfg(test)]
mod tests;
