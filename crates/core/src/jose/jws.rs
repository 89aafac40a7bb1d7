//! Verifying compact JWS (RFC 7515 §5.2, RFC 7519 §7.2) with the practices of RFC 8725.
//!
//! The caller says which algorithms and which types of token it takes, and gives the keys; a token decides neither (RFC 8725
//! §3.1, §3.10, §3.11). Everything is bounded before it is read.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::{
    Algorithm,
    json::{JsonError, parse_object},
    jwk::{KeySet, VerifyingKey},
};

/// The longest token that is looked at.
pub const MAX_LENGTH: usize = 16 * 1024;

/// Header members by which a token would bring its own key (RFC 7515 §4.1.2 to §4.1.6).
const EMBEDDED_KEYS: [&str; 4] = ["jku", "jwk", "x5u", "x5c"];

/// What a token must be before its signature is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Accepted values of `typ`, without `application/`; `""` accepts a token that has none. Letter case does not matter.
    pub typ: &'a [&'a str],
    /// Accepted values of `alg`.
    pub algorithms: &'a [Algorithm],
}

/// A token whose signature is good. Its claims are not checked yet.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The header.
    pub header: Map<String, Value>,
    /// The payload.
    pub claims: Map<String, Value>,
    /// The algorithm of the signature.
    pub algorithm: Algorithm,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwsError {
    /// Longer than [`MAX_LENGTH`].
    TooLong,
    /// Not three segments.
    NotCompact,
    /// A segment is not canonical, unpadded base64url (RFC 7515 §2).
    Encoding,
    /// The header is not an acceptable JSON object.
    Header(JsonError),
    /// The payload is not an acceptable JSON object.
    Payload(JsonError),
    /// A header member has another type than it is registered with.
    HeaderMember(&'static str),
    /// `crit` is there: we understand no extension (RFC 7515 §4.1.11).
    Critical,
    /// `b64` is there (RFC 7797).
    UnencodedPayload,
    /// The token brings a key, or names one of its own (RFC 8725 §3.10).
    EmbeddedKey,
    /// `alg` is missing or nothing we know; `none` is one of those.
    UnknownAlgorithm,
    /// `alg` is not one the caller accepts.
    AlgorithmNotAccepted,
    /// `typ` is not one the caller accepts (RFC 8725 §3.11).
    Type,
    /// `kid` names no key of the set.
    UnknownKey,
    /// No `kid`, and not exactly one key could have signed.
    AmbiguousKey,
    /// The key is for another algorithm (RFC 8725 §3.1).
    KeyAlgorithm,
    /// The signature is wrong.
    Signature,
}

/// The header of a token that has the right shape, and where its segments are.
struct Shape<'t> {
    header: Map<String, Value>,
    signed: &'t str,
    payload: &'t str,
    signature: &'t str,
}

/// Verifies `token` with the one key of `keys` that it can be signed with.
pub fn verify(token: &str, keys: &KeySet, expected: &Expected<'_>) -> Result<Verified, JwsError> {
    let shape = shape(token)?;
    let algorithm = acceptable(&shape.header, expected)?;
    let key = select(keys, text(&shape.header, "kid")?, algorithm)?;
    let signature = decode(shape.signature)?;
    if !key.verify(algorithm, shape.signed.as_bytes(), &signature) {
        return Err(JwsError::Signature);
    }
    let claims = parse_object(&decode(shape.payload)?).map_err(JwsError::Payload)?;
    Ok(Verified { header: shape.header, claims, algorithm })
}

fn shape(token: &str) -> Result<Shape<'_>, JwsError> {
    if token.len() > MAX_LENGTH {
        return Err(JwsError::TooLong);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(JwsError::NotCompact)?;
    let (header, payload) = signed.split_once('.').ok_or(JwsError::NotCompact)?;
    if payload.contains('.') {
        return Err(JwsError::NotCompact);
    }
    let header = parse_object(&decode(header)?).map_err(JwsError::Header)?;
    Ok(Shape { header, signed, payload, signature })
}

/// What the header may say (RFC 7515 §4.1).
fn acceptable(header: &Map<String, Value>, expected: &Expected<'_>) -> Result<Algorithm, JwsError> {
    if header.contains_key("crit") {
        return Err(JwsError::Critical);
    }
    if header.contains_key("b64") {
        return Err(JwsError::UnencodedPayload);
    }
    if EMBEDDED_KEYS.iter().any(|member| header.contains_key(*member)) {
        return Err(JwsError::EmbeddedKey);
    }
    let algorithm = text(header, "alg")?.and_then(Algorithm::parse).ok_or(JwsError::UnknownAlgorithm)?;
    if !expected.algorithms.contains(&algorithm) {
        return Err(JwsError::AlgorithmNotAccepted);
    }
    // RFC 7515 §4.1.9: a media type, whose `application/` may be left out, compared without regard to case.
    let typ = text(header, "typ")?.unwrap_or_default();
    let short = match typ.split_at_checked(12) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("application/") && !rest.is_empty() => rest,
        _ => typ,
    };
    if expected.typ.iter().any(|accepted| accepted.eq_ignore_ascii_case(short)) {
        Ok(algorithm)
    } else {
        Err(JwsError::Type)
    }
}

fn select<'k>(
    keys: &'k KeySet,
    kid: Option<&'k str>,
    algorithm: Algorithm,
) -> Result<&'k VerifyingKey, JwsError> {
    if let Some(kid) = kid {
        let mut named = keys.named(kid).peekable();
        named.peek().ok_or(JwsError::UnknownKey)?;
        return named.find(|key| key.verifies(algorithm)).ok_or(JwsError::KeyAlgorithm);
    }
    let mut fitting = keys.keys().iter().filter(|key| key.verifies(algorithm));
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(JwsError::AmbiguousKey),
    }
}

fn text<'a>(header: &'a Map<String, Value>, name: &'static str) -> Result<Option<&'a str>, JwsError> {
    match header.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(JwsError::HeaderMember(name)),
    }
}

fn decode(segment: &str) -> Result<Vec<u8>, JwsError> {
    URL_SAFE_NO_PAD.decode(segment).map_err(|_| JwsError::Encoding)
}

#[cfg(test)]
mod tests;
