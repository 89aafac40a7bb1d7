//! Checking an ID token (OpenID Connect Core 1.0 §3.1.3.7), with nothing but its signature algorithm fixed: our clients
//! are registered for RS256, the default of `id_token_signed_response_alg`, so any other algorithm is refused.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use grantwell_core::time::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// Why an ID token was not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdTokenRefusal {
    /// Not three parts of base64url with JSON inside.
    Malformed,
    /// `alg` is not RS256 (step 7).
    Algorithm,
    /// No key of the issuer has the `kid`.
    UnknownKey,
    /// The signature is wrong (step 6).
    Signature,
    /// `iss` is not the issuer (step 2).
    Issuer,
    /// `aud` does not name us (step 3).
    Audience,
    /// Several audiences, or `azp` is another client (steps 4 and 5).
    AuthorizedParty,
    /// `exp` has passed (step 9).
    Expired,
    /// `iat` lies in the future (step 10).
    IssuedLater,
    /// `nonce` is not the one we sent (step 11).
    Nonce,
    /// After a refresh: another person (§12.2).
    Subject,
}

impl IdTokenRefusal {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Malformed => "it is not a signed JWT",
            Self::Algorithm => "it is not signed with RS256",
            Self::UnknownKey => "the issuer publishes no such key",
            Self::Signature => "its signature is wrong",
            Self::Issuer => "it comes from another issuer",
            Self::Audience => "it was made for another client",
            Self::AuthorizedParty => "it names another authorized party",
            Self::Expired => "it has expired",
            Self::IssuedLater => "it was issued in the future",
            Self::Nonce => "its nonce is not ours",
            Self::Subject => "it is about another person",
        }
    }
}

/// A published key set (RFC 7517 §5).
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct IssuerKeys {
    keys: Vec<Key>,
}

#[derive(Clone, Debug, Deserialize)]
struct Key {
    kid: Option<String>,
    kty: String,
    n: Option<String>,
    e: Option<String>,
}

/// What must hold besides the signature.
pub(crate) struct ExpectedIdToken<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    /// None after a refresh (§12.2).
    pub(crate) nonce: Option<&'a str>,
    /// Who it was before; only after a refresh.
    pub(crate) subject: Option<&'a str>,
    pub(crate) now: Timestamp,
}

/// Clocks may differ by this many seconds.
const SKEW: i64 = 60;

/// The claims of `token`, once every check passed.
pub(crate) fn verify(
    token: &str,
    keys: &IssuerKeys,
    expected: &ExpectedIdToken<'_>,
) -> Result<Value, IdTokenRefusal> {
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(IdTokenRefusal::Malformed);
    };
    check_signature(&format!("{header}.{payload}"), &json(header)?, signature, keys)?;
    let claims = json(payload)?;
    check_claims(&claims, expected)?;
    Ok(claims)
}

/// The claims of a JWT, unchecked, to show them to the person. `None` for anything that is not one.
pub(crate) fn peek(token: &str) -> Option<Value> {
    let mut parts = token.split('.');
    let (_, payload, _, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else {
        return None;
    };
    json(payload).ok()
}

fn check_signature(
    signed: &str,
    header: &Value,
    signature: &str,
    keys: &IssuerKeys,
) -> Result<(), IdTokenRefusal> {
    if header.get("alg").and_then(Value::as_str) != Some("RS256") {
        return Err(IdTokenRefusal::Algorithm);
    }
    let kid = header.get("kid").and_then(Value::as_str).ok_or(IdTokenRefusal::UnknownKey)?;
    let key = keys.keys.iter().find(|key| key.kid.as_deref() == Some(kid) && key.kty == "RSA");
    let (Some(n), Some(e)) = (key.and_then(|k| k.n.as_ref()), key.and_then(|k| k.e.as_ref())) else {
        return Err(IdTokenRefusal::UnknownKey);
    };
    let key = RsaPublicKeyComponents { n: bytes(n)?, e: bytes(e)? };
    key.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &bytes(signature)?)
        .map_err(|_| IdTokenRefusal::Signature)
}

fn check_claims(claims: &Value, expected: &ExpectedIdToken<'_>) -> Result<(), IdTokenRefusal> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let number = |name: &str| claims.get(name).and_then(Value::as_i64);
    let now = expected.now.seconds();
    if text("iss") != Some(expected.issuer) {
        return Err(IdTokenRefusal::Issuer);
    }
    let us = Some(expected.client_id);
    let (named, alone) = match claims.get("aud") {
        Some(Value::String(one)) => (Some(one.as_str()) == us, true),
        Some(Value::Array(many)) => (many.iter().any(|aud| aud.as_str() == us), many.len() == 1),
        _ => (false, false),
    };
    if !named {
        return Err(IdTokenRefusal::Audience);
    }
    if !alone || text("azp").is_some_and(|azp| Some(azp) != us) {
        return Err(IdTokenRefusal::AuthorizedParty);
    }
    if number("exp").is_none_or(|exp| exp.saturating_add(SKEW) <= now) {
        return Err(IdTokenRefusal::Expired);
    }
    if number("iat").is_none_or(|iat| iat > now.saturating_add(SKEW)) {
        return Err(IdTokenRefusal::IssuedLater);
    }
    if expected.nonce.is_some_and(|nonce| text("nonce") != Some(nonce)) {
        return Err(IdTokenRefusal::Nonce);
    }
    if text("sub").is_none() || expected.subject.is_some_and(|sub| text("sub") != Some(sub)) {
        return Err(IdTokenRefusal::Subject);
    }
    Ok(())
}

fn bytes(text: &str) -> Result<Vec<u8>, IdTokenRefusal> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| IdTokenRefusal::Malformed)
}

fn json(part: &str) -> Result<Value, IdTokenRefusal> {
    serde_json::from_slice(&bytes(part)?).map_err(|_| IdTokenRefusal::Malformed)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{
        rand::SystemRandom,
        rsa::{KeyPair, KeySize},
        signature::{KeyPair as _, RSA_PKCS1_SHA256},
    };
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn key() -> KeyPair {
        KeyPair::generate(KeySize::Rsa2048).expect("a key")
    }

    fn key_set(key: &KeyPair) -> Value {
        // RFC 8017 appendix A.1.1: SEQUENCE { INTEGER n, INTEGER e }, for 2048 bits and the exponent 65537.
        let der = key.public_key().as_ref();
        json!({ "keys": [{
            "kty": "RSA", "kid": "k1", "alg": "RS256", "use": "sig",
            "n": URL_SAFE_NO_PAD.encode(&der[9..265]), "e": URL_SAFE_NO_PAD.encode(&der[267..270]),
        }] })
    }

    fn sign(key: &KeyPair, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .expect("a signature");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn header() -> Value {
        json!({ "alg": "RS256", "kid": "k1" })
    }

    fn claims() -> Value {
        json!({ "iss": "http://localhost:8080", "aud": "us", "sub": "u1", "nonce": "n1", "iat": NOW, "exp": NOW + 600 })
    }

    fn expected() -> ExpectedIdToken<'static> {
        ExpectedIdToken {
            issuer: "http://localhost:8080",
            client_id: "us",
            nonce: Some("n1"),
            subject: None,
            now: Timestamp::from_seconds(NOW),
        }
    }

    #[test]
    fn every_claim_is_checked() {
        let key = key();
        let keys: IssuerKeys = serde_json::from_value(key_set(&key)).unwrap();
        let check = |claims: &Value| verify(&sign(&key, &header(), claims), &keys, &expected()).map(|_| ());
        assert_eq!(check(&claims()), Ok(()));
        let cases = [
            ("iss", json!("http://localhost:8080/"), IdTokenRefusal::Issuer),
            ("aud", json!("them"), IdTokenRefusal::Audience),
            ("aud", json!([]), IdTokenRefusal::Audience),
            ("aud", json!(["us", "them"]), IdTokenRefusal::AuthorizedParty),
            ("azp", json!("them"), IdTokenRefusal::AuthorizedParty),
            ("exp", json!(NOW - 60), IdTokenRefusal::Expired),
            ("exp", json!("2099"), IdTokenRefusal::Expired),
            ("exp", Value::Null, IdTokenRefusal::Expired),
            ("iat", json!(NOW + 61), IdTokenRefusal::IssuedLater),
            ("nonce", json!("n2"), IdTokenRefusal::Nonce),
            ("nonce", Value::Null, IdTokenRefusal::Nonce),
            ("sub", Value::Null, IdTokenRefusal::Subject),
        ];
        for (name, value, refusal) in cases {
            let mut changed = claims();
            changed[name] = value.clone();
            assert_eq!(check(&changed), Err(refusal), "{name} = {value}");
        }
    }

    #[test]
    fn a_refreshed_id_token_is_about_the_same_person() {
        let key = key();
        let keys: IssuerKeys = serde_json::from_value(key_set(&key)).unwrap();
        let token = sign(&key, &header(), &claims());
        let as_person = |sub| ExpectedIdToken { nonce: None, subject: Some(sub), ..expected() };
        assert!(verify(&token, &keys, &as_person("u1")).is_ok());
        assert_eq!(verify(&token, &keys, &as_person("u2")), Err(IdTokenRefusal::Subject));
    }

    #[test]
    fn only_a_right_signature_of_the_issuers_key_counts() {
        let (ours, other) = (key(), key());
        let keys: IssuerKeys = serde_json::from_value(key_set(&ours)).unwrap();
        let check = |token: &str| verify(token, &keys, &expected()).map(|_| ());
        let token = sign(&ours, &header(), &claims());
        let (signed, _) = token.rsplit_once('.').unwrap();
        assert_eq!(check(&sign(&other, &header(), &claims())), Err(IdTokenRefusal::Signature));
        assert_eq!(check(&format!("{signed}.")), Err(IdTokenRefusal::Signature));
        assert_eq!(check(signed), Err(IdTokenRefusal::Malformed));
        assert_eq!(check(&format!("{token}.x")), Err(IdTokenRefusal::Malformed));
        for (header, refusal) in [
            (json!({ "alg": "none", "kid": "k1" }), IdTokenRefusal::Algorithm),
            (json!({ "alg": "HS256", "kid": "k1" }), IdTokenRefusal::Algorithm),
            (json!({ "alg": "RS256", "kid": "k2" }), IdTokenRefusal::UnknownKey),
            (json!({ "alg": "RS256" }), IdTokenRefusal::UnknownKey),
        ] {
            assert_eq!(check(&sign(&ours, &header, &claims())), Err(refusal), "{header}");
        }
    }
}
