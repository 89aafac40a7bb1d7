//! JSON Object Signing and Encryption over aws-lc-rs: JSON Web Signature in its compact form (RFC 7515), JSON Web Key
//! (RFC 7517, RFC 7518 §6, RFC 8037 §2), thumbprints (RFC 7638) and registered claims (RFC 7519 §4.1), with the
//! restrictions of RFC 8725.
//!
//! Left out on purpose: the JSON serialisation, detached and unencoded payloads (RFC 7797), symmetric and unsigned tokens,
//! keys that a token brings along.

pub mod claims;
pub mod json;
pub mod jwk;
pub mod jws;
pub mod key;
mod known;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::{
    claims::{ClaimError, Validity},
    json::JsonError,
    jwk::{KeyError, KeySet, VerifyingKey, thumbprint},
    jws::{Expected, JwsError, Verified, verify},
    key::{SignError, SigningKey},
};

/// Signature algorithms (RFC 7518 §3.1, RFC 8037 §3.1) that Grantwell signs and verifies with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// Ed25519.
    EdDSA,
}

impl Algorithm {
    /// Every algorithm there is.
    pub const ALL: &'static [Self] = &[Self::RS256, Self::PS256, Self::ES256, Self::ES384, Self::EdDSA];

    /// The registered name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::PS256 => "PS256",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::EdDSA => "EdDSA",
        }
    }

    /// Reads the registered name; names are case-sensitive (RFC 7515 §4.1.1).
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.as_str() == name)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_algorithm_is_read_by_its_exact_name() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::parse(algorithm.as_str()), Some(*algorithm));
            assert_eq!(serde_json::to_value(algorithm).unwrap(), algorithm.as_str());
        }
        for name in ["none", "None", "HS256", "rs256", "ES256K", "EdDSA ", "", "RS1"] {
            assert_eq!(Algorithm::parse(name), None, "{name}");
        }
    }
}
