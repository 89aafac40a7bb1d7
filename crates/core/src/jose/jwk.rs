//! Public keys as JSON Web Keys (RFC 7517; RSA and EC: RFC 7518 §6; OKP: RFC 8037 §2) and their thumbprints (RFC 7638).
//!
//! A key is checked when it is read, not when it is used: strength, curve, purpose, and that it is public.

use std::{fmt, sync::Arc};

use aws_lc_rs::{
    digest,
    signature::{self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::{Algorithm, known::KnownSignatures};
use crate::id::KeyId;

/// How many keys a set may have.
pub const MAX_KEYS: usize = 64;

/// Members that only private or symmetric keys have (RFC 7518 §6.2.2, §6.3.2, §6.4.1, RFC 8037 §2).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Why a key is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// A member is missing or is not what RFC 7517 says it is.
    Malformed(&'static str),
    /// The key has private or symmetric members.
    Private,
    /// `kty` or `crv` names nothing we verify with.
    UnsupportedType,
    /// `alg` names nothing we verify with.
    UnsupportedAlgorithm,
    /// `use` or `key_ops` say that the key is not for signatures.
    NotForSignatures,
    /// `alg` does not fit the type or curve.
    AlgorithmMismatch,
    /// An RSA modulus under 2048 or over 8192 bits, or even.
    WeakModulus,
    /// An RSA exponent that is even, 1, or over 32 bits.
    WeakExponent,
    /// A point that is not on its curve.
    NotOnCurve,
    /// A set with more than [`MAX_KEYS`] keys.
    TooManyKeys,
    /// Two keys of a set have the same `kid` and could verify the same algorithm.
    DuplicateKeyId,
    /// Not a PKCS#8 private key for the algorithm.
    Pkcs8,
    /// The cryptographic library could not make a key.
    Generation,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(member) => write!(f, "the key's `{member}` is missing or malformed"),
            Self::Private => f.write_str("the key has private or symmetric members"),
            Self::UnsupportedType => f.write_str("the key's type or curve is not supported"),
            Self::UnsupportedAlgorithm => f.write_str("the key's algorithm is not supported"),
            Self::NotForSignatures => f.write_str("the key is not for signatures"),
            Self::AlgorithmMismatch => f.write_str("the key's algorithm does not fit its type"),
            Self::WeakModulus => f.write_str("the RSA modulus is not an odd number of 2048 to 8192 bits"),
            Self::WeakExponent => f.write_str("the RSA exponent is not an odd number from 3 to 32 bits"),
            Self::NotOnCurve => f.write_str("the point is not on the curve"),
            Self::TooManyKeys => write!(f, "the set has more than {MAX_KEYS} keys"),
            Self::DuplicateKeyId => f.write_str("two keys of the set have the same `kid`"),
            Self::Pkcs8 => f.write_str("not a PKCS#8 private key for the algorithm"),
            Self::Generation => f.write_str("no key could be made"),
        }
    }
}

impl std::error::Error for KeyError {}

/// A public key, ready to verify with.
#[derive(Clone, Debug)]
pub struct VerifyingKey {
    kid: Option<KeyId>,
    /// One for each algorithm the key may verify: both RSA paddings when the JWK names no `alg`.
    parsed: Vec<(Algorithm, ParsedPublicKey)>,
    known: Option<Arc<KnownSignatures>>,
}

impl VerifyingKey {
    /// Reads a public JWK.
    pub fn from_jwk(jwk: &Value) -> Result<Self, KeyError> {
        let jwk = jwk.as_object().ok_or(KeyError::Malformed("key"))?;
        let kty = required(jwk, "kty")?;
        if kty == "oct" || PRIVATE_MEMBERS.iter().any(|member| jwk.contains_key(*member)) {
            return Err(KeyError::Private);
        }
        for_signatures(jwk)?;
        let algorithm = match optional(jwk, "alg")? {
            None => None,
            Some(name) => Some(Algorithm::parse(name).ok_or(KeyError::UnsupportedAlgorithm)?),
        };
        let fitting: &[Algorithm] = match (kty, optional(jwk, "crv")?) {
            ("RSA", _) => &[Algorithm::RS256, Algorithm::PS256],
            ("EC", Some("P-256")) => &[Algorithm::ES256],
            ("EC", Some("P-384")) => &[Algorithm::ES384],
            ("OKP", Some("Ed25519")) => &[Algorithm::EdDSA],
            ("EC" | "OKP", None) => return Err(KeyError::Malformed("crv")),
            _ => return Err(KeyError::UnsupportedType),
        };
        if algorithm.is_some_and(|algorithm| !fitting.contains(&algorithm)) {
            return Err(KeyError::AlgorithmMismatch);
        }
        let parsed = fitting
            .iter()
            .filter(|fits| algorithm.is_none_or(|algorithm| algorithm == **fits))
            .map(|fits| Ok((*fits, parse(*fits, jwk)?)))
            .collect::<Result<_, _>>()?;
        Ok(Self { kid: optional(jwk, "kid")?.map(KeyId::from), parsed, known: None })
    }

    /// `kid`, if the key has one.
    pub fn kid(&self) -> Option<&KeyId> {
        self.kid.as_ref()
    }

    /// Whether the key may verify `algorithm`.
    pub fn verifies(&self, algorithm: Algorithm) -> bool {
        self.parsed.iter().any(|(fits, _)| *fits == algorithm)
    }

    /// Whether `signature` is this key's signature of `message` under `algorithm`.
    pub fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let verify = || self.compute(algorithm, message, signature);
        match &self.known {
            Some(known) => known.is_good(algorithm, (message, signature), verify),
            None => verify(),
        }
    }

    fn compute(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let half = match algorithm {
            Algorithm::ES256 => Some(32),
            Algorithm::ES384 => Some(48),
            _ => None,
        };
        // RFC 7518 §3.4: r and s, each of full size; FIPS 186-5 §6.4.2: neither is zero.
        if let Some(half) = half {
            let Some((r, s)) = signature.split_at_checked(half) else { return false };
            let zero = |part: &[u8]| part.iter().all(|byte| *byte == 0);
            if s.len() != half || zero(r) || zero(s) {
                return false;
            }
        }
        self.parsed
            .iter()
            .find(|(fits, _)| *fits == algorithm)
            .is_some_and(|(_, key)| key.verify_sig(message, signature).is_ok())
    }
}

/// Keys by their `kid`, as `jwks_uri` and `jwks` give them (RFC 7517 §5).
#[derive(Clone, Debug, Default)]
pub struct KeySet(Vec<VerifyingKey>);

impl KeySet {
    /// Reads a JWK Set. Keys for something else (encryption, unknown types or algorithms) are passed over (RFC 7517 §5);
    /// a key that is private, weak, malformed or off its curve makes the whole set unacceptable.
    pub fn from_jwks(jwks: &Value) -> Result<Self, KeyError> {
        let keys = jwks.get("keys").and_then(Value::as_array).ok_or(KeyError::Malformed("keys"))?;
        if keys.len() > MAX_KEYS {
            return Err(KeyError::TooManyKeys);
        }
        let mut set = Self::default();
        for jwk in keys {
            match VerifyingKey::from_jwk(jwk) {
                Ok(key) => set.insert(key)?,
                Err(
                    KeyError::UnsupportedType | KeyError::UnsupportedAlgorithm | KeyError::NotForSignatures,
                ) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(set)
    }

    /// The same keys, which verify a signature that they found good only once.
    pub(crate) fn remembering(mut self) -> Self {
        for key in &mut self.0 {
            key.known = Some(Arc::default());
        }
        self
    }

    fn insert(&mut self, key: VerifyingKey) -> Result<(), KeyError> {
        let clash = |other: &VerifyingKey| {
            key.kid.is_some()
                && other.kid == key.kid
                && key.parsed.iter().any(|(alg, _)| other.verifies(*alg))
        };
        if self.0.iter().any(clash) {
            return Err(KeyError::DuplicateKeyId);
        }
        self.0.push(key);
        Ok(())
    }

    /// Every key.
    pub fn keys(&self) -> &[VerifyingKey] {
        &self.0
    }

    /// The keys of that name. There can be more than one, of different algorithms (RFC 7517 §4.5).
    pub fn named<'a>(&'a self, kid: &'a str) -> impl Iterator<Item = &'a VerifyingKey> {
        self.0.iter().filter(move |key| key.kid.as_ref().is_some_and(|own| own.as_str() == kid))
    }
}

/// The thumbprint of a key (RFC 7638 §3): base64url of SHA-256 over its required members in order of their names.
pub fn thumbprint(jwk: &Value) -> Result<String, KeyError> {
    let jwk = jwk.as_object().ok_or(KeyError::Malformed("key"))?;
    let members: &[&'static str] = match required(jwk, "kty")? {
        "RSA" => &["e", "kty", "n"],
        "EC" => &["crv", "kty", "x", "y"],
        "OKP" => &["crv", "kty", "x"],
        _ => return Err(KeyError::UnsupportedType),
    };
    // `Map` keeps its members in order of their names.
    let mut canonical = Map::new();
    for member in members {
        canonical.insert((*member).to_owned(), Value::from(required(jwk, member)?));
    }
    let bytes = Value::Object(canonical).to_string();
    Ok(URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, bytes.as_bytes())))
}

/// `use` and `key_ops` (RFC 7517 §4.2, §4.3).
fn for_signatures(jwk: &Map<String, Value>) -> Result<(), KeyError> {
    if optional(jwk, "use")?.is_some_and(|purpose| purpose != "sig") {
        return Err(KeyError::NotForSignatures);
    }
    match jwk.get("key_ops") {
        None => Ok(()),
        Some(Value::Array(operations)) if operations.iter().any(|operation| operation == "verify") => Ok(()),
        Some(Value::Array(_)) => Err(KeyError::NotForSignatures),
        Some(_) => Err(KeyError::Malformed("key_ops")),
    }
}

fn parse(algorithm: Algorithm, jwk: &Map<String, Value>) -> Result<ParsedPublicKey, KeyError> {
    match algorithm {
        Algorithm::RS256 => rsa(&signature::RSA_PKCS1_2048_8192_SHA256, jwk),
        Algorithm::PS256 => rsa(&signature::RSA_PSS_2048_8192_SHA256, jwk),
        Algorithm::ES256 => ec(&signature::ECDSA_P256_SHA256_FIXED, jwk, 32),
        Algorithm::ES384 => ec(&signature::ECDSA_P384_SHA384_FIXED, jwk, 48),
        Algorithm::EdDSA => {
            let x = octets(jwk, "x")?;
            if x.len() != 32 {
                return Err(KeyError::Malformed("x"));
            }
            ParsedPublicKey::new(&signature::ED25519, x).map_err(|_| KeyError::NotOnCurve)
        }
    }
}

fn rsa(parameters: &'static RsaParameters, jwk: &Map<String, Value>) -> Result<ParsedPublicKey, KeyError> {
    let (n, e) = (octets(jwk, "n")?, octets(jwk, "e")?);
    // RFC 7518 §2, Base64urlUInt: no leading zero octets; so the first octet tells the length in bits.
    let bits = |number: &[u8]| match number.first() {
        None | Some(0) => None,
        Some(first) => number.len().checked_mul(8)?.checked_sub(usize::try_from(first.leading_zeros()).ok()?),
    };
    let odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
    let modulus_bits = bits(&n).ok_or(KeyError::Malformed("n"))?;
    let exponent_bits = bits(&e).ok_or(KeyError::Malformed("e"))?;
    if !(2048..=8192).contains(&modulus_bits) || !odd(&n) {
        return Err(KeyError::WeakModulus);
    }
    if !(2..=32).contains(&exponent_bits) || !odd(&e) {
        return Err(KeyError::WeakExponent);
    }
    RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters).map_err(|_| KeyError::WeakModulus)
}

fn ec(
    algorithm: &'static dyn VerificationAlgorithm,
    jwk: &Map<String, Value>,
    size: usize,
) -> Result<ParsedPublicKey, KeyError> {
    // RFC 7518 §6.2.1.2: a coordinate always has the full size of the field. SEC 1 §2.3.3: 4 ‖ x ‖ y.
    let mut point = vec![4];
    for name in ["x", "y"] {
        let coordinate = octets(jwk, name)?;
        if coordinate.len() != size {
            return Err(KeyError::Malformed(name));
        }
        point.extend_from_slice(&coordinate);
    }
    ParsedPublicKey::new(algorithm, point).map_err(|_| KeyError::NotOnCurve)
}

fn octets(jwk: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, KeyError> {
    URL_SAFE_NO_PAD.decode(required(jwk, name)?).map_err(|_| KeyError::Malformed(name))
}

fn required<'a>(jwk: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, KeyError> {
    optional(jwk, name)?.ok_or(KeyError::Malformed(name))
}

fn optional<'a>(jwk: &'a Map<String, Value>, name: &'static str) -> Result<Option<&'a str>, KeyError> {
    match jwk.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(KeyError::Malformed(name)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// RFC 7515 appendix A.2.1.
    const N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
    /// RFC 7515 appendix A.3.1.
    const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

    fn rsa() -> Value {
        json!({ "kty": "RSA", "n": N, "e": "AQAB", "kid": "r" })
    }

    fn p256() -> Value {
        json!({ "kty": "EC", "crv": "P-256", "x": X, "y": Y, "kid": "e" })
    }

    fn okp() -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" })
    }

    fn with(mut jwk: Value, name: &str, value: impl Into<Value>) -> Value {
        jwk[name] = value.into();
        jwk
    }

    fn error(jwk: &Value) -> Option<KeyError> {
        VerifyingKey::from_jwk(jwk).err()
    }

    #[test]
    fn public_keys_of_every_type_are_read() {
        let key = VerifyingKey::from_jwk(&rsa()).unwrap();
        assert!(key.verifies(Algorithm::RS256) && key.verifies(Algorithm::PS256));
        let key = VerifyingKey::from_jwk(&with(rsa(), "alg", "PS256")).unwrap();
        assert!(!key.verifies(Algorithm::RS256) && key.verifies(Algorithm::PS256));
        let key =
            VerifyingKey::from_jwk(&with(with(p256(), "use", "sig"), "key_ops", json!(["verify"]))).unwrap();
        assert!(key.verifies(Algorithm::ES256) && !key.verifies(Algorithm::ES384));
        assert_eq!(key.kid().map(KeyId::as_str), Some("e"));
        let key = VerifyingKey::from_jwk(&okp()).unwrap();
        assert!(key.verifies(Algorithm::EdDSA));
        assert_eq!(key.kid(), None);
    }

    #[test]
    fn k_15_private_and_symmetric_keys_are_refused() {
        for member in PRIVATE_MEMBERS {
            for jwk in [rsa(), p256(), okp()] {
                assert_eq!(error(&with(jwk, member, "AQAB")), Some(KeyError::Private), "{member}");
            }
        }
        assert_eq!(error(&json!({ "kty": "oct", "k": "AQAB" })), Some(KeyError::Private));
        assert_eq!(error(&json!({ "kty": "oct" })), Some(KeyError::Private));
        let set = json!({ "keys": [p256(), with(rsa(), "d", "AQAB")] });
        assert_eq!(KeySet::from_jwks(&set).err(), Some(KeyError::Private));
        let encryption = with(with(rsa(), "use", "enc"), "d", "AQAB");
        assert_eq!(KeySet::from_jwks(&json!({ "keys": [encryption] })).err(), Some(KeyError::Private));
    }

    #[test]
    fn k_15_weak_rsa_keys_are_refused() {
        let modulus = |bytes: &[u8]| with(rsa(), "n", URL_SAFE_NO_PAD.encode(bytes));
        let mut short = vec![0x7f; 256];
        short[255] = 1;
        assert_eq!(error(&modulus(&short)), Some(KeyError::WeakModulus), "2047 bits");
        assert_eq!(error(&modulus(&[0xff; 128])), Some(KeyError::WeakModulus));
        assert_eq!(error(&modulus(&[0xff; 1025])), Some(KeyError::WeakModulus));
        let mut even = vec![0xff; 256];
        even[255] = 0xfe;
        assert_eq!(error(&modulus(&even)), Some(KeyError::WeakModulus));
        let mut padded = vec![0; 1];
        padded.extend_from_slice(&[0xff; 256]);
        assert_eq!(error(&modulus(&padded)), Some(KeyError::Malformed("n")));
        for (exponent, expected) in [
            (&[1][..], KeyError::WeakExponent),
            (&[2], KeyError::WeakExponent),
            (&[1, 0, 0], KeyError::WeakExponent),
            (&[1, 0, 0, 0, 1], KeyError::WeakExponent),
            (&[0], KeyError::Malformed("e")),
            (&[], KeyError::Malformed("e")),
        ] {
            let jwk = with(rsa(), "e", URL_SAFE_NO_PAD.encode(exponent));
            assert_eq!(error(&jwk), Some(expected), "{exponent:?}");
        }
        assert_eq!(error(&with(rsa(), "e", "Aw")), None, "3 is odd and no less safe with these paddings");
    }

    #[test]
    fn k_15_a_point_off_its_curve_is_refused() {
        let mut x = URL_SAFE_NO_PAD.decode(X).unwrap();
        x[31] ^= 1;
        assert_eq!(error(&with(p256(), "x", URL_SAFE_NO_PAD.encode(&x))), Some(KeyError::NotOnCurve));
        let zero = URL_SAFE_NO_PAD.encode([0; 32]);
        let origin = with(with(p256(), "x", zero.as_str()), "y", zero.as_str());
        assert_eq!(error(&origin), Some(KeyError::NotOnCurve));
        assert_eq!(error(&with(p256(), "x", "AQ")), Some(KeyError::Malformed("x")));
        assert_eq!(error(&with(p256(), "y", format!("{Y}="))), Some(KeyError::Malformed("y")));
        assert_eq!(error(&with(p256(), "crv", "P-384")), Some(KeyError::Malformed("x")));
        assert_eq!(error(&with(okp(), "x", "AQ")), Some(KeyError::Malformed("x")));
    }

    #[test]
    fn k_08_k_15_a_key_for_something_else_is_refused() {
        assert_eq!(error(&with(p256(), "use", "enc")), Some(KeyError::NotForSignatures));
        assert_eq!(error(&with(p256(), "key_ops", json!(["deriveKey"]))), Some(KeyError::NotForSignatures));
        assert_eq!(error(&with(p256(), "key_ops", json!([]))), Some(KeyError::NotForSignatures));
        assert_eq!(error(&with(p256(), "key_ops", "verify")), Some(KeyError::Malformed("key_ops")));
        assert_eq!(error(&with(p256(), "alg", "ES384")), Some(KeyError::AlgorithmMismatch));
        assert_eq!(error(&with(p256(), "alg", "RS256")), Some(KeyError::AlgorithmMismatch));
        assert_eq!(error(&with(okp(), "alg", "ES256")), Some(KeyError::AlgorithmMismatch));
        for alg in ["HS256", "none", "RSA-OAEP", "RS512"] {
            assert_eq!(error(&with(rsa(), "alg", alg)), Some(KeyError::UnsupportedAlgorithm), "{alg}");
        }
        assert_eq!(error(&with(rsa(), "alg", 1)), Some(KeyError::Malformed("alg")));
        assert_eq!(error(&with(p256(), "crv", "secp256k1")), Some(KeyError::UnsupportedType));
        assert_eq!(error(&with(okp(), "crv", "X25519")), Some(KeyError::UnsupportedType));
        assert_eq!(error(&json!({ "kty": "AKP" })), Some(KeyError::UnsupportedType));
        assert_eq!(error(&json!({ "kty": "EC", "x": X, "y": Y })), Some(KeyError::Malformed("crv")));
        assert_eq!(error(&json!({})), Some(KeyError::Malformed("kty")));
        assert_eq!(error(&json!([])), Some(KeyError::Malformed("key")));
    }

    #[test]
    fn k_14_a_set_is_bounded_and_its_names_are_unambiguous() {
        let keys = |count: usize| json!({ "keys": vec![okp(); count] });
        assert_eq!(KeySet::from_jwks(&keys(64)).unwrap().keys().len(), 64);
        assert_eq!(KeySet::from_jwks(&keys(65)).err(), Some(KeyError::TooManyKeys));
        assert_eq!(
            KeySet::from_jwks(&json!({ "keys": [p256(), p256()] })).err(),
            Some(KeyError::DuplicateKeyId)
        );
        let set = KeySet::from_jwks(&json!({ "keys": [p256(), with(rsa(), "kid", "e")] })).unwrap();
        assert_eq!(set.named("e").count(), 2, "RFC 7517 §4.5 allows one name for different types");
        assert_eq!(set.named("x").count(), 0);
        for wrong in [json!({}), json!([]), json!({ "keys": {} }), json!(null)] {
            assert_eq!(KeySet::from_jwks(&wrong).err(), Some(KeyError::Malformed("keys")));
        }
    }

    #[test]
    fn keys_for_something_else_are_passed_over_in_a_set() {
        let set = json!({ "keys": [
            with(rsa(), "use", "enc"),
            with(rsa(), "alg", "RS512"),
            { "kty": "AKP", "alg": "ML-DSA-44", "pub": "AA" },
            p256(),
        ] });
        assert_eq!(KeySet::from_jwks(&set).unwrap().keys().len(), 1);
    }

    #[test]
    fn rfc_7638_section_3_1_thumbprint() {
        let jwk = json!({
            "kty": "RSA",
            "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
            "e": "AQAB",
            "alg": "RS256",
            "kid": "2011-04-29",
        });
        assert_eq!(thumbprint(&jwk).as_deref(), Ok("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"));
        assert_eq!(
            thumbprint(&okp()).as_deref(),
            Ok("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
            "RFC 8037 A.3"
        );
        assert_eq!(thumbprint(&json!({ "kty": "RSA", "n": N })), Err(KeyError::Malformed("e")));
        assert_eq!(thumbprint(&json!({ "kty": "oct", "k": "AA" })), Err(KeyError::UnsupportedType));
    }

    #[test]
    fn rfc_7515_and_8037_signatures_verify() {
        const CLAIMS: &str =
            "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let vectors = [
            (
                rsa(),
                Algorithm::RS256,
                format!("eyJhbGciOiJSUzI1NiJ9.{CLAIMS}"),
                "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
            ),
            (
                p256(),
                Algorithm::ES256,
                format!("eyJhbGciOiJFUzI1NiJ9.{CLAIMS}"),
                "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
            ),
            (
                okp(),
                Algorithm::EdDSA,
                "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc".to_owned(),
                "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
            ),
        ];
        for (jwk, algorithm, input, signature) in vectors {
            let key = VerifyingKey::from_jwk(&jwk).unwrap();
            let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
            assert!(key.verify(algorithm, input.as_bytes(), &signature), "{algorithm}");
            assert!(!key.verify(algorithm, &input.as_bytes()[1..], &signature), "{algorithm}");
            for other in Algorithm::ALL.iter().filter(|other| **other != algorithm) {
                assert!(!key.verify(*other, input.as_bytes(), &signature), "{other} for {algorithm}");
            }
        }
    }
}
