//! JSON Object Signing and Encryption over aws-lc-rs.

use serde::{Deserialize, Serialize};

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
