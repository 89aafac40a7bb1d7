//! Attacks on verification, and a second library as oracle both ways.

use std::sync::OnceLock;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{id::KeyId, jose::SigningKey};

const ANY: Expected<'static> = Expected { typ: &["at+jwt"], algorithms: Algorithm::ALL };

struct Fixture {
    der: Vec<Vec<u8>>,
    keys: Vec<SigningKey>,
    set: KeySet,
}

/// One key for each algorithm, named by it. RSA is slow to make, so they are made once.
fn fixture() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let der: Vec<Vec<u8>> =
            Algorithm::ALL.iter().map(|alg| SigningKey::generate(*alg).unwrap()).collect();
        let keys: Vec<SigningKey> = Algorithm::ALL
            .iter()
            .zip(&der)
            .map(|(alg, der)| SigningKey::from_pkcs8(KeyId::from(alg.as_str()), *alg, der).unwrap())
            .collect();
        let jwks: Vec<Value> = keys.iter().map(SigningKey::public_jwk).collect();
        Fixture { der, set: KeySet::from_jwks(&json!({ "keys": jwks })).unwrap(), keys }
    })
}

fn key(algorithm: Algorithm) -> &'static SigningKey {
    fixture().keys.iter().find(|key| key.algorithm() == algorithm).unwrap()
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token with that header, well signed by the ES256 key: only the header can be the reason for a refusal.
fn signed(header: &str, payload: &str) -> String {
    use aws_lc_rs::{
        rand::SystemRandom,
        signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
    };
    let der = &fixture().der[Algorithm::ALL.iter().position(|alg| *alg == Algorithm::ES256).unwrap()];
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).unwrap();
    let input = format!("{}.{}", encode(header), encode(payload));
    let signature = pair.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
    format!("{input}.{}", encode(signature))
}

fn header_error(header: &str) -> Option<JwsError> {
    verify(&signed(header, "{}"), &fixture().set, &ANY).err()
}

#[test]
fn every_algorithm_signs_what_it_verifies() {
    for key in &fixture().keys {
        let token = key.sign("at+jwt", &json!({ "sub": "ada" })).unwrap();
        let verified = verify(&token, &fixture().set, &ANY).unwrap();
        assert_eq!(verified.claims["sub"], "ada");
        assert_eq!(verified.algorithm, key.algorithm());
        assert_eq!(verified.header["kid"], key.kid().as_str());
    }
}

#[test]
fn t_01_no_algorithm_and_no_symmetric_algorithm() {
    let good = key(Algorithm::ES256).sign("at+jwt", &json!({})).unwrap();
    let (input, signature) = good.rsplit_once('.').unwrap();
    let payload = input.split_once('.').unwrap().1;
    for alg in ["none", "None", "NONE", "nOnE", "", "HS256", "HS384", "hs256", "ES256 ", "es256", "RS1"] {
        let header = json!({ "alg": alg, "kid": "ES256", "typ": "at+jwt" }).to_string();
        assert_eq!(header_error(&header), Some(JwsError::UnknownAlgorithm), "{alg}");
        for signature in ["", signature] {
            let token = format!("{}.{payload}.{signature}", encode(&header));
            assert_eq!(verify(&token, &fixture().set, &ANY).err(), Some(JwsError::UnknownAlgorithm), "{alg}");
        }
    }
    assert_eq!(header_error(r#"{"kid":"ES256","typ":"at+jwt"}"#), Some(JwsError::UnknownAlgorithm));
    assert_eq!(header_error(r#"{"alg":null,"typ":"at+jwt"}"#), Some(JwsError::HeaderMember("alg")));
    let stripped = format!("{input}.");
    assert_eq!(verify(&stripped, &fixture().set, &ANY).err(), Some(JwsError::Signature));
}

#[test]
fn t_01_the_algorithm_is_the_callers_and_the_keys_choice() {
    let token = key(Algorithm::ES256).sign("at+jwt", &json!({})).unwrap();
    let others = Expected { typ: &["at+jwt"], algorithms: &[Algorithm::RS256, Algorithm::EdDSA] };
    assert_eq!(verify(&token, &fixture().set, &others).err(), Some(JwsError::AlgorithmNotAccepted));
    for alg in ["RS256", "PS256", "ES384", "EdDSA"] {
        let header = json!({ "alg": alg, "kid": "ES256", "typ": "at+jwt" }).to_string();
        assert_eq!(header_error(&header), Some(JwsError::KeyAlgorithm), "{alg}");
        let header = json!({ "alg": alg, "kid": alg, "typ": "at+jwt" }).to_string();
        assert_eq!(header_error(&header), Some(JwsError::Signature), "{alg}: another key's signature");
    }
    assert_eq!(header_error(r#"{"alg":"ES256","kid":"ES256","typ":"at+jwt"}"#), None);
}

#[test]
fn t_01_ecdsa_signatures_have_full_size_and_no_zeros() {
    for (algorithm, half) in [(Algorithm::ES256, 32), (Algorithm::ES384, 48)] {
        let token = key(algorithm).sign("at+jwt", &json!({})).unwrap();
        let (input, signature) = token.rsplit_once('.').unwrap();
        let good = URL_SAFE_NO_PAD.decode(signature).unwrap();
        assert_eq!(good.len(), 2 * half);
        let mut zero_r = good.clone();
        zero_r[..half].fill(0);
        let mut zero_s = good.clone();
        zero_s[half..].fill(0);
        let mut long = good.clone();
        long.push(0);
        let mut der = vec![0x30, u8::try_from(2 * half + 6).unwrap(), 2, u8::try_from(half + 1).unwrap(), 0];
        der.extend_from_slice(&good[..half]);
        der.extend_from_slice(&[2, u8::try_from(half + 1).unwrap(), 0]);
        der.extend_from_slice(&good[half..]);
        for bad in [
            vec![0; 2 * half],
            zero_r,
            zero_s,
            long,
            good[..half].to_vec(),
            vec![],
            der,
            vec![0xff; 2 * half],
        ] {
            let token = format!("{input}.{}", encode(&bad));
            assert_eq!(
                verify(&token, &fixture().set, &ANY).err(),
                Some(JwsError::Signature),
                "{algorithm} {} bytes",
                bad.len()
            );
        }
    }
}

#[test]
fn t_01_any_changed_bit_of_any_segment_is_refused() {
    for key in &fixture().keys {
        let token = key.sign("at+jwt", &json!({ "sub": "ada" })).unwrap();
        for at in (0..token.len()).step_by(7) {
            let mut changed = token.clone().into_bytes();
            changed[at] ^= 1;
            let changed = String::from_utf8(changed).unwrap();
            assert!(verify(&changed, &fixture().set, &ANY).is_err(), "{} at {at}", key.algorithm());
        }
    }
}

#[test]
fn t_02_a_token_that_brings_a_key_is_refused() {
    let own = key(Algorithm::ES256).public_jwk();
    for (member, value) in [
        ("jwk", own),
        ("jku", json!("https://attacker.example/jwks")),
        ("x5u", json!("https://attacker.example/cert")),
        ("x5c", json!(["MII"])),
    ] {
        let mut header = json!({ "alg": "ES256", "kid": "ES256", "typ": "at+jwt" });
        header[member] = value;
        assert_eq!(header_error(&header.to_string()), Some(JwsError::EmbeddedKey), "{member}");
    }
}

#[test]
fn t_02_critical_extensions_and_unencoded_payloads_are_refused() {
    for (member, expected) in [
        (r#""crit":["exp"]"#, JwsError::Critical),
        (r#""crit":["b64"],"b64":false"#, JwsError::Critical),
        (r#""crit":[]"#, JwsError::Critical),
        (r#""crit":null"#, JwsError::Critical),
        (r#""b64":false"#, JwsError::UnencodedPayload),
        (r#""b64":true"#, JwsError::UnencodedPayload),
    ] {
        let header = format!(r#"{{"alg":"ES256","kid":"ES256","typ":"at+jwt",{member}}}"#);
        assert_eq!(header_error(&header), Some(expected), "{member}");
    }
}

#[test]
fn t_02_k_08_a_kid_is_a_name_and_nothing_else() {
    for kid in ["../../dev/null", "' OR 1=1 --", "", "es256", "ES256\0", &"k".repeat(10 * 1024)] {
        let header = json!({ "alg": "ES256", "kid": kid, "typ": "at+jwt" }).to_string();
        assert_eq!(header_error(&header), Some(JwsError::UnknownKey), "{kid:.20}");
    }
    for kid in ["1", "null", "[\"ES256\"]", "{}"] {
        let header = format!(r#"{{"alg":"ES256","kid":{kid},"typ":"at+jwt"}}"#);
        assert_eq!(header_error(&header), Some(JwsError::HeaderMember("kid")), "{kid}");
    }
}

#[test]
fn a_token_without_kid_needs_exactly_one_key_it_could_be() {
    assert_eq!(header_error(r#"{"alg":"ES256","typ":"at+jwt"}"#), None);
    let other = SigningKey::from_pkcs8(
        KeyId::from("second"),
        Algorithm::ES256,
        &SigningKey::generate(Algorithm::ES256).unwrap(),
    )
    .unwrap();
    let two = json!({ "keys": [key(Algorithm::ES256).public_jwk(), other.public_jwk()] });
    let two = KeySet::from_jwks(&two).unwrap();
    let token = signed(r#"{"alg":"ES256","typ":"at+jwt"}"#, "{}");
    assert_eq!(verify(&token, &two, &ANY).err(), Some(JwsError::AmbiguousKey));
    assert_eq!(verify(&token, &KeySet::default(), &ANY).err(), Some(JwsError::AmbiguousKey));
}

#[test]
fn t_03_k_12_the_type_is_compared_as_a_media_type() {
    let with = |typ: &str| {
        let header = format!(r#"{{"alg":"ES256","kid":"ES256","typ":{typ}}}"#);
        header_error(&header)
    };
    for typ in ["\"at+jwt\"", "\"AT+JWT\"", "\"application/at+jwt\"", "\"Application/At+Jwt\""] {
        assert_eq!(with(typ), None, "{typ}");
    }
    for typ in [
        "\"JWT\"",
        "\"\"",
        "\"application/\"",
        "\"dpop+jwt\"",
        "\"at+jwt \"",
        "\"text/at+jwt\"",
        "\"application/application/at+jwt\"",
    ] {
        assert_eq!(with(typ), Some(JwsError::Type), "{typ}");
    }
    assert_eq!(with("1"), Some(JwsError::HeaderMember("typ")));
    assert_eq!(header_error(r#"{"alg":"ES256","kid":"ES256"}"#), Some(JwsError::Type));
    let untyped = Expected { typ: &["", "JWT"], algorithms: Algorithm::ALL };
    let token = signed(r#"{"alg":"ES256","kid":"ES256"}"#, "{}");
    assert!(verify(&token, &fixture().set, &untyped).is_ok());
    let token = signed(r#"{"alg":"ES256","kid":"ES256","typ":"application/"}"#, "{}");
    assert_eq!(verify(&token, &fixture().set, &untyped).err(), Some(JwsError::Type));
}

#[test]
fn t_12_only_the_compact_form_in_canonical_base64url() {
    let error = |token: &str| verify(token, &fixture().set, &ANY).err();
    let good = key(Algorithm::ES256).sign("at+jwt", &json!({ "a": "" })).unwrap();
    let (input, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = input.split_once('.').unwrap();
    assert_eq!(error(&good), None);
    for token in [
        String::new(),
        header.to_owned(),
        input.to_owned(),
        format!("{good}."),
        format!("{good}.a"),
        format!("{good}.a.b"),
        format!("{good}.a.b.c"),
    ] {
        assert_eq!(error(&token), Some(JwsError::NotCompact), "{token}");
    }
    assert!(error("..").is_some());
    assert!(error("...").is_some());
    let json = json!({ "protected": header, "payload": payload, "signature": signature }).to_string();
    assert!(matches!(error(&json), Some(JwsError::NotCompact | JwsError::Encoding)));
    // 64 bytes end in a character that carries two unused bits.
    let last = signature.chars().last().unwrap();
    let twin = char::from(u8::try_from(last).unwrap() + 1);
    let twin = format!("{input}.{}{twin}", &signature[..signature.len() - 1]);
    assert_eq!(error(&twin), Some(JwsError::Encoding), "trailing bits");
    for changed in [
        format!("{good}="),
        format!("{good}=="),
        format!("{good} "),
        format!("{good}\n"),
        format!("{header}=.{payload}.{signature}"),
        format!(" {good}"),
        format!("{header}.{payload}.{}", signature.replace(['-', '_'], "+") + "+"),
    ] {
        assert_eq!(error(&changed), Some(JwsError::Encoding), "{changed}");
    }
}

#[test]
fn t_12_header_and_payload_are_unambiguous_objects() {
    assert_eq!(
        header_error(r#"{"alg":"ES256","alg":"ES256","kid":"ES256","typ":"at+jwt"}"#),
        Some(JwsError::Header(JsonError::DuplicateMember))
    );
    assert_eq!(header_error("[]"), Some(JwsError::Header(JsonError::NotAnObject)));
    assert_eq!(header_error("x"), Some(JwsError::Header(JsonError::Syntax)));
    let header = r#"{"alg":"ES256","kid":"ES256","typ":"at+jwt"}"#;
    for (payload, expected) in [
        (r#"{"sub":"a","sub":"b"}"#.to_owned(), JsonError::DuplicateMember),
        (r#"{"act":{"sub":"a","sub":"b"}}"#.to_owned(), JsonError::DuplicateMember),
        ("\"text\"".to_owned(), JsonError::NotAnObject),
        (String::new(), JsonError::Syntax),
        (format!("{{\"a\":{}{}}}", "[".repeat(4000), "]".repeat(4000)), JsonError::TooDeep),
    ] {
        let token = signed(header, &payload);
        assert_eq!(verify(&token, &fixture().set, &ANY).err(), Some(JwsError::Payload(expected)));
    }
}

#[test]
fn t_12_a_token_is_at_most_16_kib() {
    let header = r#"{"alg":"ES256","kid":"ES256","typ":"at+jwt"}"#;
    let of = |length: usize| signed(header, &format!(r#"{{"a":"{}"}}"#, "a".repeat(length)));
    let shell = of(0).len();
    let fits = of((MAX_LENGTH - shell) * 3 / 4 - 3);
    assert!(fits.len() <= MAX_LENGTH && fits.len() > MAX_LENGTH - 16);
    assert!(verify(&fits, &fixture().set, &ANY).is_ok());
    assert_eq!(verify(&of(MAX_LENGTH), &fixture().set, &ANY).err(), Some(JwsError::TooLong));
    assert_eq!(verify(&".".repeat(1_000_000), &fixture().set, &ANY).err(), Some(JwsError::TooLong));
    assert_eq!(verify(&".".repeat(1000), &fixture().set, &ANY).err(), Some(JwsError::NotCompact));
}

#[test]
fn rfc_7515_appendix_a_2_and_a_3_verify_whole() {
    let keys = json!({ "keys": [
        { "kty": "RSA", "e": "AQAB", "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ" },
        { "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" },
    ] });
    let keys = KeySet::from_jwks(&keys).unwrap();
    let untyped = Expected { typ: &[""], algorithms: Algorithm::ALL };
    for token in [
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    ] {
        assert_eq!(verify(token, &keys, &untyped).unwrap().claims["iss"], "joe");
    }
}

fn theirs(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    algorithm.as_str().parse().unwrap()
}

#[test]
fn what_we_sign_another_library_verifies() {
    for key in &fixture().keys {
        let token = key.sign("at+jwt", &json!({ "sub": "ada", "exp": 4_102_444_800_i64 })).unwrap();
        let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(key.public_jwk()).unwrap();
        let decoding = jsonwebtoken::DecodingKey::from_jwk(&jwk).unwrap();
        let validation = jsonwebtoken::Validation::new(theirs(key.algorithm()));
        let data = jsonwebtoken::decode::<Value>(&token, &decoding, &validation).unwrap();
        assert_eq!(data.claims["sub"], "ada");
        assert_eq!(data.header.typ.as_deref(), Some("at+jwt"));
        assert_eq!(data.header.kid.as_deref(), Some(key.kid().as_str()));
    }
}

fn pem(der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}

#[test]
fn what_another_library_signs_we_verify() {
    for (algorithm, der) in Algorithm::ALL.iter().zip(&fixture().der) {
        let mut header = jsonwebtoken::Header::new(theirs(*algorithm));
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some(algorithm.as_str().to_owned());
        let encoding = match algorithm {
            Algorithm::RS256 | Algorithm::PS256 => {
                jsonwebtoken::EncodingKey::from_rsa_pem(pem(der).as_bytes()).unwrap()
            }
            Algorithm::ES256 | Algorithm::ES384 => jsonwebtoken::EncodingKey::from_ec_der(der),
            Algorithm::EdDSA => jsonwebtoken::EncodingKey::from_ed_der(der),
        };
        let token = jsonwebtoken::encode(&header, &json!({ "sub": "ada" }), &encoding)
            .unwrap_or_else(|error| panic!("{algorithm}: {error}"));
        let verified =
            verify(&token, &fixture().set, &ANY).unwrap_or_else(|error| panic!("{algorithm}: {error:?}"));
        assert_eq!(verified.claims["sub"], "ada");
    }
}

proptest! {
    #[test]
    fn t_12_garbage_is_refused_without_a_panic(token in "[A-Za-z0-9_.={}-]{0,200}") {
        prop_assert!(verify(&token, &fixture().set, &ANY).is_err());
    }
}
