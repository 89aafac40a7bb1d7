use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::{
    fixtures as fx,
    fixtures::NOW,
    resource::{AccessTokenFormat, Resource},
    token::{
        audience::TokenTarget,
        jti,
        mint::{self, Access, TokenSubject},
    },
};

fn minted(target: TokenTarget<'_>, policy: &Policy) -> String {
    let record = fx::record();
    let client = fx::client();
    let access = Access {
        client: fx::authenticated(&client),
        subject: TokenSubject::Person(&record),
        target,
        scope: fx::scopes("notes:read"),
        in_effect: fx::scopes("notes:read"),
        nonce: None,
    };
    mint::respond(access, &fx::context(policy)).unwrap().access_token
}

fn read(token: &str) -> Result<AccessClaims, InvalidToken> {
    AccessTokens::read(token, fx::keyring(), &fx::policy(), NOW)
}

fn claims() -> Value {
    json!({
        "iss": fx::ISSUER,
        "sub": fx::user().id.to_string(),
        "aud": fx::API,
        "client_id": "web",
        "exp": NOW.seconds() + 600,
        "iat": NOW.seconds(),
        "jti": jti::person(fx::record().authorization.id, &fx::Seeded::new(1)),
    })
}

fn signed(typ: &str, claims: &Value) -> String {
    fx::keyring().signer(Algorithm::ES256, NOW).unwrap().sign(typ, claims).unwrap()
}

#[test]
fn both_formats_say_the_same() {
    let opaque = Resource { access_token_format: AccessTokenFormat::Opaque, ..fx::resource() };
    let jwt = minted(TokenTarget::Resource(&fx::resource()), &fx::policy());
    let sealed = minted(TokenTarget::Resource(&opaque), &fx::policy());
    assert!(jwt.starts_with("ey") && sealed.starts_with("gwa_"));
    let (mut jwt, sealed) = (read(&jwt).unwrap(), read(&sealed).unwrap());
    assert_ne!(jwt.jti, sealed.jti);
    assert_eq!(jwt.token_id(), Some(TokenId::Person(fx::record().authorization.id)));
    jwt.jti.clone_from(&sealed.jti);
    assert_eq!(jwt, sealed);

    let mut policy = fx::policy();
    policy.access_token_format = AccessTokenFormat::Opaque;
    assert!(minted(TokenTarget::Issuer, &policy).starts_with("gwa_"));
}

#[test]
fn the_resource_decides_lifetime_and_algorithm() {
    for (lifetime, expected) in [(None, 600), (Some(30), 30), (Some(u32::MAX), 24 * 60 * 60)] {
        let resource = Resource { access_token_lifetime: lifetime, ..fx::resource() };
        let claims = read(&minted(TokenTarget::Resource(&resource), &fx::policy())).unwrap();
        assert_eq!(claims.exp - claims.iat, expected);
    }
    let resource = Resource { access_token_signing_alg: Algorithm::EdDSA, ..fx::resource() };
    let token = minted(TokenTarget::Resource(&resource), &fx::policy());
    let expected = Expected { typ: &["at+jwt"], algorithms: &[Algorithm::EdDSA] };
    assert!(verify(&token, fx::keyring().verifying(), &expected).is_ok());
}

#[test]
fn t_01_t_02_a_forged_header_is_refused() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
    let token = signed(TYP, &claims());
    assert!(read(&token).is_ok());
    let mut parts = token.split('.');
    let (header, payload, signature) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    let kid = fx::keyring().signer(Algorithm::ES256, NOW).unwrap().kid().to_string();
    for forged in [
        json!({ "alg": "none", "typ": "at+jwt" }),
        json!({ "alg": "None", "typ": "at+jwt", "kid": kid }),
        json!({ "alg": "HS256", "typ": "at+jwt", "kid": kid }),
        json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": kid }),
        json!({ "alg": "ES256", "typ": "at+jwt", "kid": "../../x" }),
        json!({ "alg": "ES256", "typ": "at+jwt", "kid": kid, "crit": ["x"] }),
        json!({ "alg": "ES256", "typ": "at+jwt", "kid": kid, "b64": false }),
        json!({ "alg": "ES256", "typ": "at+jwt", "kid": kid, "jku": "https://evil/" }),
    ] {
        let forged = B64.encode(forged.to_string());
        for signature in ["", signature] {
            assert_eq!(read(&format!("{forged}.{payload}.{signature}")), Err(InvalidToken::Unreadable));
        }
    }
    let zero = B64.encode([0; 64]);
    assert_eq!(read(&format!("{header}.{payload}.{zero}")), Err(InvalidToken::Unreadable));
    assert_eq!(read(&format!("{header}.{payload}.")), Err(InvalidToken::Unreadable));
}

#[test]
fn t_03_a_token_of_another_kind_is_not_an_access_token() {
    for typ in ["JWT", "", "logout+jwt", "dpop+jwt", "client-authentication+jwt", "oauth-authz-req+jwt"] {
        assert_eq!(read(&signed(typ, &claims())), Err(InvalidToken::Unreadable), "{typ}");
    }
}

#[test]
fn t_04_times_are_checked_by_type_and_value() {
    let now = NOW.seconds();
    for (name, value, expected) in [
        ("exp", json!(now), Some(InvalidToken::Time)),
        ("exp", json!(now - 1), Some(InvalidToken::Time)),
        ("exp", json!(now + 1), None),
        ("exp", json!((now + 600).to_string()), Some(InvalidToken::Time)),
        ("exp", Value::Null, Some(InvalidToken::Time)),
        ("exp", json!(1e300), Some(InvalidToken::Time)),
        ("exp", json!(-1), Some(InvalidToken::Time)),
        ("nbf", json!(now + 60), Some(InvalidToken::Time)),
        ("iat", json!(now + 60), Some(InvalidToken::Time)),
        ("iat", json!(now + 1), None),
    ] {
        let mut claims = claims();
        claims[name] = value.clone();
        assert_eq!(read(&signed(TYP, &claims)).err(), expected, "{name} {value}");
    }
    let mut without = claims();
    without.as_object_mut().unwrap().remove("exp");
    assert_eq!(read(&signed(TYP, &without)), Err(InvalidToken::Time));
    // The opaque format is looked at alike.
    let policy = fx::policy();
    let opaque = Resource { access_token_format: AccessTokenFormat::Opaque, ..fx::resource() };
    let sealed = minted(TokenTarget::Resource(&opaque), &policy);
    let late = NOW + policy.lifetimes.access_token;
    assert_eq!(AccessTokens::read(&sealed, fx::keyring(), &policy, late), Err(InvalidToken::Time));
}

#[test]
fn t_05_another_issuer_is_refused() {
    for iss in ["https://id.example/", "http://id.example", "https://other.example", ""] {
        let mut claims = claims();
        claims["iss"] = json!(iss);
        assert_eq!(read(&signed(TYP, &claims)), Err(InvalidToken::Issuer), "{iss}");
    }
    let token = signed(TYP, &claims());
    let realm_b = fx::open(&fx::key_records());
    assert_eq!(
        AccessTokens::read(&token, &realm_b, &fx::policy(), NOW),
        Err(InvalidToken::Unreadable),
        "another realm's key"
    );
}

#[test]
fn t_10_an_opaque_token_with_any_change_is_not_read() {
    let opaque = Resource { access_token_format: AccessTokenFormat::Opaque, ..fx::resource() };
    let token = minted(TokenTarget::Resource(&opaque), &fx::policy());
    assert!(read(&token).is_ok());
    for changed in [
        token[..token.len() - 1].to_owned(),
        format!("{token}A"),
        format!("{token}="),
        token.to_uppercase(),
        token.replace("gwa_", "gwr_"),
        token.replace("gwa_", ""),
    ] {
        assert_eq!(read(&changed), Err(InvalidToken::Unreadable), "{changed}");
    }
    // A right checksum over another ciphertext: the seal decides.
    let mut payload = Bearer::Access.decode(&token).unwrap();
    for at in [0, 12, payload.len() - 1] {
        payload[at] ^= 1;
        assert_eq!(read(&Bearer::Access.encode(&payload)), Err(InvalidToken::Unreadable), "byte {at}");
        payload[at] ^= 1;
    }
    let other_place = fx::keyring().keys.access_token.seal(fx::NOW, &fx::Seeded::new(1), b"elsewhere", b"{}");
    assert_eq!(read(&Bearer::Access.encode(&other_place)), Err(InvalidToken::Unreadable));
}

#[test]
fn t_12_garbage_is_refused_and_never_a_panic() {
    let long = "a".repeat(17 * 1024);
    let deep = {
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
        format!("{}.{}.x", B64.encode("{\"alg\":"), B64.encode("[".repeat(10_000)))
    };
    let token = signed(TYP, &claims());
    let four = format!("{token}.x");
    let two = token.rsplit_once('.').unwrap().0;
    for garbage in ["", ".", "..", "a.b", "a.b.c.d.e", "gwa_", "{}", long.as_str(), &deep, &four, two] {
        assert_eq!(read(garbage), Err(InvalidToken::Unreadable), "{garbage:.40}");
    }
    let mut foreign_jti = claims();
    foreign_jti["jti"] = json!("not ours");
    assert_eq!(read(&signed(TYP, &foreign_jti)), Err(InvalidToken::Unreadable));
}

#[test]
fn t_16_a_key_that_does_not_sign_yet_or_no_more_signs_nothing() {
    let token = signed(TYP, &claims());
    let kid = fx::keyring().signer(Algorithm::ES256, NOW).unwrap().kid().clone();
    let policy = fx::policy();
    let with = |active_from: Timestamp, retired_at: Option<Timestamp>| {
        let mut records = fx::shared_key_records().to_vec();
        for record in records.iter_mut().filter(|record| record.kid == kid) {
            record.active_from = active_from;
            record.retired_at = retired_at;
        }
        AccessTokens::read(&token, &fx::open(&records), &policy, NOW).err()
    };
    let hours = Duration::from_hours;
    assert_eq!(with(NOW - hours(1), None), None);
    assert_eq!(with(NOW + hours(1), None), Some(InvalidToken::Key), "published, not yet active");
    assert_eq!(with(NOW - hours(99), Some(NOW - hours(1))), None, "retired, its tokens still live");
    assert_eq!(with(NOW - hours(99), Some(NOW - hours(25))), Some(InvalidToken::Key), "gone");
}
