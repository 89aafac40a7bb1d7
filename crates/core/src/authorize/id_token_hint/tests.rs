use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::*;
use crate::fixtures as fx;

fn claims() -> Value {
    json!({
        "iss": fx::ISSUER, "aud": "web", "sub": fx::user_id(2), "sid": fx::session_id(3),
        "iat": 1, "exp": 2, "auth_time": 1,
    })
}

fn signed(typ: &str, claims: &Value) -> String {
    fx::keyring().signer(Algorithm::ES256, fx::NOW).unwrap().sign(typ, claims).unwrap()
}

fn read_here(token: &str) -> Result<Hint, HintError> {
    read(token, fx::keyring().verifying(), fx::ISSUER)
}

#[test]
fn o_03_a_genuine_hint_counts_though_it_expired_long_ago() {
    let expected =
        Hint { user_id: fx::user_id(2), client_id: "web".into(), session_id: Some(fx::session_id(3)) };
    assert_eq!(read_here(&signed("JWT", &claims())), Ok(expected));
    let mut without = claims();
    without["sid"] = Value::Null;
    assert_eq!(read_here(&signed("JWT", &without)).unwrap().session_id, None);
}

#[test]
fn o_03_a_key_that_signs_no_more_still_counts_and_any_algorithm_of_ours() {
    for algorithm in [Algorithm::ES256, Algorithm::EdDSA, Algorithm::ES384] {
        let mut records = fx::key_records();
        let token = fx::open(&records).signer(algorithm, fx::NOW).unwrap().sign("JWT", &claims()).unwrap();
        for record in &mut records {
            record.retired_at = Some(fx::NOW);
        }
        let retired = fx::open(&records);
        assert!(retired.signer(algorithm, fx::NOW).is_none());
        assert!(read(&token, retired.verifying(), fx::ISSUER).is_ok(), "{algorithm:?}");
    }
}

#[test]
fn a_10_o_03_t_03_what_is_no_id_token_of_ours_is_no_hint() {
    let genuine = signed("JWT", &claims());
    let (head, signature) = genuine.rsplit_once('.').unwrap();
    let payload = head.split_once('.').unwrap().1;
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    let flipped = if signature.starts_with('A') { "B" } else { "A" };
    // Keys are made afresh each time: these are another realm's.
    let foreign = fx::open(&fx::key_records());
    let foreign = foreign.signer(Algorithm::ES256, fx::NOW).unwrap().sign("JWT", &claims()).unwrap();
    for bad in [
        String::new(),
        "ey".to_owned(),
        format!("{none}.{payload}."),
        format!("{none}.{payload}.{signature}"),
        format!("{head}."),
        format!("{head}.{flipped}{}", &signature[1..]),
        foreign,
        signed("at+jwt", &claims()),
        signed("logout+jwt", &claims()),
    ] {
        assert_eq!(read_here(&bad), Err(HintError::Signature), "{bad}");
    }
}

#[test]
fn a_10_o_03_a_hint_names_this_issuer_one_client_and_a_person() {
    for (name, value, expected) in [
        ("iss", json!("https://other.example"), HintError::Issuer),
        ("iss", json!("https://id.example/"), HintError::Issuer),
        ("iss", Value::Null, HintError::Issuer),
        ("aud", json!(["web", "other"]), HintError::Audience),
        ("aud", Value::Null, HintError::Audience),
        ("sub", json!("ada"), HintError::Subject),
        ("sub", Value::Null, HintError::Subject),
    ] {
        let mut claims = claims();
        claims[name] = value;
        assert_eq!(read_here(&signed("JWT", &claims)), Err(expected), "{name}");
    }
}
