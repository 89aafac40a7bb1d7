//! Private keys: made, parsed once, and used to sign compact JWS (RFC 7515 §3.1).
//!
//! A key is parsed when it is loaded and kept parsed, since parsing costs half of an ECDSA signature. RSA keys have 2048
//! bits: the least that is accepted everywhere, and made in a fraction of the time of longer ones.

use std::fmt;

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::KeySize,
    signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Algorithm, KeyError, thumbprint};
use crate::id::KeyId;

/// The `typ` values whose header is encoded once per key (RFC 9068 §2.1, RFC 7519 §5.1).
const FREQUENT_TYPES: [&str; 2] = ["at+jwt", "JWT"];

/// Why a token could not be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignError {
    /// The claims are not JSON.
    Claims,
    /// The cryptographic library refused.
    Signature,
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Claims => "the claims cannot be written as JSON",
            Self::Signature => "the signature failed",
        })
    }
}

impl std::error::Error for SignError {}

enum Pair {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// A private key with its name and its one algorithm.
pub struct SigningKey {
    kid: KeyId,
    algorithm: Algorithm,
    pair: Pair,
    public: Value,
    headers: [String; 2],
}

impl SigningKey {
    /// A new private key as PKCS#8 (RFC 5958): what is kept, encrypted. RSA takes long enough to keep off a request.
    pub fn generate(algorithm: Algorithm) -> Result<Vec<u8>, KeyError> {
        let ecdsa = |curve| EcdsaKeyPair::generate(curve)?.to_pkcs8v1().map(|der| der.as_ref().to_vec());
        match algorithm {
            Algorithm::RS256 | Algorithm::PS256 => RsaKeyPair::generate(KeySize::Rsa2048)
                .and_then(|pair| AsDer::<Pkcs8V1Der<'_>>::as_der(&pair))
                .map(|der| der.as_ref().to_vec()),
            Algorithm::ES256 => ecdsa(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            Algorithm::ES384 => ecdsa(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            Algorithm::EdDSA => {
                Ed25519KeyPair::generate().and_then(|pair| pair.to_pkcs8v1()).map(|der| der.as_ref().to_vec())
            }
        }
        .map_err(|_| KeyError::Generation)
    }

    /// Parses a private key for `algorithm`.
    pub fn from_pkcs8(kid: KeyId, algorithm: Algorithm, der: &[u8]) -> Result<Self, KeyError> {
        let pair = match algorithm {
            Algorithm::RS256 | Algorithm::PS256 => RsaKeyPair::from_pkcs8(der).map(Pair::Rsa),
            Algorithm::ES256 => {
                EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, der).map(Pair::Ecdsa)
            }
            Algorithm::ES384 => {
                EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P384_SHA384_FIXED_SIGNING, der).map(Pair::Ecdsa)
            }
            Algorithm::EdDSA => Ed25519KeyPair::from_pkcs8(der).map(Pair::Ed25519),
        }
        .map_err(|_| KeyError::Pkcs8)?;
        let mut public = public_members(algorithm, &pair)?;
        public.insert("kid".to_owned(), kid.as_str().into());
        public.insert("alg".to_owned(), algorithm.as_str().into());
        public.insert("use".to_owned(), "sig".into());
        let headers = FREQUENT_TYPES.map(|typ| header(algorithm, typ, &kid));
        Ok(Self { kid, algorithm, pair, public: Value::Object(public), headers })
    }

    /// Parses a private key and names it by the thumbprint of its public key (RFC 7638).
    pub fn from_pkcs8_by_thumbprint(algorithm: Algorithm, der: &[u8]) -> Result<Self, KeyError> {
        let unnamed = Self::from_pkcs8(KeyId::from(""), algorithm, der)?;
        let kid = KeyId(thumbprint(&unnamed.public)?);
        Self::from_pkcs8(kid, algorithm, der)
    }

    /// `kid`.
    pub fn kid(&self) -> &KeyId {
        &self.kid
    }

    /// The one algorithm the key signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public key as `jwks` publishes it, with `kid`, `alg` and `use`.
    pub fn public_jwk(&self) -> Value {
        self.public.clone()
    }

    /// A compact JWS over `claims` with the header members `alg`, `typ` and `kid`.
    pub fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, SignError> {
        let claims = serde_json::to_vec(claims).map_err(|_| SignError::Claims)?;
        let mut token = String::with_capacity(claims.len().saturating_mul(4) / 3 + 512);
        match FREQUENT_TYPES.iter().zip(&self.headers).find(|(frequent, _)| **frequent == typ) {
            Some((_, header)) => token.push_str(header),
            None => token.push_str(&header(self.algorithm, typ, &self.kid)),
        }
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(&claims, &mut token);
        let signature = self.signature(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ecdsa(pair) => pair.sign(&random, message).map(|signature| signature.as_ref().to_vec()),
            Pair::Ed25519(pair) => pair.try_sign(message).map(|signature| signature.as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let mut bytes = vec![0; pair.public_modulus_len()];
                if self.algorithm == Algorithm::PS256 {
                    pair.sign(&signature::RSA_PSS_SHA256, &random, message, &mut bytes)
                } else {
                    pair.sign(&signature::RSA_PKCS1_SHA256, &random, message, &mut bytes)
                }
                .map(|()| bytes)
            }
        }
        .map_err(|_| SignError::Signature)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} {} …)", self.algorithm, self.kid)
    }
}

fn header(algorithm: Algorithm, typ: &str, kid: &KeyId) -> String {
    let header = json!({ "alg": algorithm.as_str(), "kid": kid.as_str(), "typ": typ });
    URL_SAFE_NO_PAD.encode(header.to_string())
}

fn public_members(algorithm: Algorithm, pair: &Pair) -> Result<Map<String, Value>, KeyError> {
    let octets = |name: &str, bytes: &[u8]| (name.to_owned(), URL_SAFE_NO_PAD.encode(bytes).into());
    let name = |name: &str, value: &str| (name.to_owned(), value.into());
    Ok(match pair {
        Pair::Rsa(pair) => {
            let (n, e) = rsa_public_key(pair.public_key().as_ref()).ok_or(KeyError::Pkcs8)?;
            Map::from_iter([name("kty", "RSA"), octets("n", n), octets("e", e)])
        }
        Pair::Ecdsa(pair) => {
            let (crv, size) = if algorithm == Algorithm::ES384 { ("P-384", 48) } else { ("P-256", 32) };
            let point = pair.public_key().as_ref().strip_prefix(&[4]).ok_or(KeyError::Pkcs8)?;
            let (x, y) = point.split_at_checked(size).ok_or(KeyError::Pkcs8)?;
            Map::from_iter([name("kty", "EC"), name("crv", crv), octets("x", x), octets("y", y)])
        }
        Pair::Ed25519(pair) => {
            let x = pair.public_key().as_ref();
            Map::from_iter([name("kty", "OKP"), name("crv", "Ed25519"), octets("x", x)])
        }
    })
}

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017 appendix A.1.1), without leading zeros.
fn rsa_public_key(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (sequence, rest) = der_value(der, 0x30)?;
    let (n, after) = der_value(sequence, 0x02)?;
    let (e, end) = der_value(after, 0x02)?;
    (rest.is_empty() && end.is_empty())
        .then(|| (n.strip_prefix(&[0]).unwrap_or(n), e.strip_prefix(&[0]).unwrap_or(e)))
}

/// The contents of a DER value with that tag, and what follows it (X.690 §8.1).
fn der_value(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = der.strip_prefix(&[tag])?.split_first()?;
    let (length, rest) = match *first {
        short @ 0..=0x7f => (usize::from(short), rest),
        0x81 => rest.split_first().map(|(length, rest)| (usize::from(*length), rest))?,
        0x82 => {
            rest.split_first_chunk().map(|(length, rest)| (usize::from(u16::from_be_bytes(*length)), rest))?
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::VerifyingKey;

    fn new(algorithm: Algorithm) -> SigningKey {
        SigningKey::from_pkcs8_by_thumbprint(algorithm, &SigningKey::generate(algorithm).unwrap()).unwrap()
    }

    #[test]
    fn t_16_the_public_key_has_exactly_the_public_members() {
        for algorithm in Algorithm::ALL {
            let key = new(*algorithm);
            let jwk = key.public_jwk();
            let mut members: Vec<&str> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
            members.sort_unstable();
            let expected: &[&str] = match algorithm {
                Algorithm::RS256 | Algorithm::PS256 => &["alg", "e", "kid", "kty", "n", "use"],
                Algorithm::ES256 | Algorithm::ES384 => &["alg", "crv", "kid", "kty", "use", "x", "y"],
                Algorithm::EdDSA => &["alg", "crv", "kid", "kty", "use", "x"],
            };
            assert_eq!(members, expected, "{algorithm}");
            assert_eq!(jwk["alg"], algorithm.as_str());
            assert_eq!(jwk["kid"], thumbprint(&jwk).unwrap());
            assert_eq!(key.kid().as_str(), thumbprint(&jwk).unwrap());
            assert!(VerifyingKey::from_jwk(&jwk).unwrap().verifies(*algorithm));
        }
    }

    #[test]
    fn a_key_for_another_algorithm_is_refused() {
        let p256 = SigningKey::generate(Algorithm::ES256).unwrap();
        for algorithm in [Algorithm::RS256, Algorithm::PS256, Algorithm::ES384, Algorithm::EdDSA] {
            let error = SigningKey::from_pkcs8(KeyId::from("k"), algorithm, &p256).err();
            assert_eq!(error, Some(KeyError::Pkcs8), "{algorithm}");
        }
        assert_eq!(
            SigningKey::from_pkcs8(KeyId::from("k"), Algorithm::ES256, &p256[1..]).err(),
            Some(KeyError::Pkcs8)
        );
    }

    #[test]
    fn rfc_8037_appendix_a_4_signature() {
        let seed = URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let mut der = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
        der.extend_from_slice(&seed);
        let key = SigningKey::from_pkcs8_by_thumbprint(Algorithm::EdDSA, &der).unwrap();
        assert_eq!(key.public_jwk()["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(key.kid().as_str(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        let signature = key.signature(b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc").unwrap();
        assert_eq!(
            URL_SAFE_NO_PAD.encode(signature),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        );
    }

    #[test]
    fn the_header_says_alg_kid_and_typ_whatever_they_contain() {
        let der = SigningKey::generate(Algorithm::ES256).unwrap();
        let key = SigningKey::from_pkcs8(KeyId::from("a\"b"), Algorithm::ES256, &der).unwrap();
        for typ in ["at+jwt", "JWT", "logout+jwt", "odd\"type"] {
            let token = key.sign(typ, &json!({})).unwrap();
            let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
            let header: Value = serde_json::from_slice(&header).unwrap();
            assert_eq!(header, json!({ "alg": "ES256", "kid": "a\"b", "typ": typ }));
        }
    }

    #[test]
    fn q_03_debug_shows_no_private_key() {
        let der = SigningKey::generate(Algorithm::ES256).unwrap();
        let key = SigningKey::from_pkcs8(KeyId::from("k1"), Algorithm::ES256, &der).unwrap();
        assert_eq!(format!("{key:?}"), "SigningKey(ES256 k1 …)");
    }
}
