use serde_json::json;

use super::*;
use crate::{
    fixtures as fx,
    store::AuthorizationRecord,
    token::{access::AccessClaims, jti, liveness::Dead},
};

fn claims(scope: &str) -> AccessClaims {
    let authorization = fx::record().authorization;
    AccessClaims {
        iss: fx::ISSUER.to_owned(),
        sub: authorization.user_id.to_string(),
        aud: fx::ISSUER.to_owned(),
        client_id: authorization.client_id,
        exp: fx::NOW.seconds() + 600,
        iat: fx::NOW.seconds(),
        jti: jti::person(authorization.id, &fx::Seeded::new(1)),
        scope: fx::scopes(scope),
        auth_time: None,
        acr: None,
        amr: Vec::new(),
    }
}

fn records(record: AuthorizationRecord) -> fx::World {
    fx::World::of(record)
}

fn answer(claims: AccessClaims, world: &fx::World) -> Result<Value, UserInfoRefusal> {
    present(PresentedToken::Access(Box::new(claims)).into(), world)
}

fn present(token: TokenText, world: &fx::World) -> Result<Value, UserInfoRefusal> {
    let policy = fx::policy();
    let decided = fx::decide(&UserInfoRequest(token), world, &fx::context(&policy));
    decided.map(|decision| Value::Object(decision.outcome)).map_err(|refused| refused.refusal)
}

#[test]
fn the_claims_of_the_granted_scopes_are_given() {
    let sub = fx::user().id.to_string();
    assert_eq!(answer(claims("openid"), &records(fx::record())), Ok(json!({ "sub": sub })));
    assert_eq!(
        answer(claims("openid email profile"), &records(fx::record())),
        Ok(json!({
            "sub": sub, "email": "ada@example.test", "email_verified": true,
            "name": "Ada Example", "preferred_username": "ada"
        }))
    );
}

#[test]
fn t_05_a_token_for_an_api_is_refused() {
    for aud in [fx::API, "https://id.example/", ""] {
        let claims = AccessClaims { aud: aud.to_owned(), ..claims("openid") };
        assert_eq!(answer(claims, &records(fx::record())), Err(UserInfoRefusal::Audience), "{aud}");
    }
}

#[test]
fn t_17_a_machines_token_is_refused() {
    let mut claims = claims("openid");
    claims.jti = jti::machine(fx::NOW, fx::EPOCH, &fx::Seeded::new(1));
    let records = fx::World { client: Some(fx::client()), ..records(fx::record()) };
    let refused = answer(claims, &records).unwrap_err();
    assert_eq!(refused, UserInfoRefusal::Machine);
    assert_eq!(refused.public().code.status(), 401);
}

#[test]
fn t_06_a_token_that_ended_is_refused() {
    let denied = fx::World { token_revoked: true, ..records(fx::record()) };
    assert_eq!(answer(claims("openid"), &denied), Err(UserInfoRefusal::Ended(Ended::TokenRevoked)));
    assert_eq!(answer(claims("openid"), &fx::World::default()), Err(UserInfoRefusal::Ended(Ended::Gone)));
    let mut revoked = fx::record();
    revoked.authorization.revoked_at = Some(fx::NOW);
    assert_eq!(
        answer(claims("openid"), &records(revoked)),
        Err(UserInfoRefusal::Ended(Ended::Dead(Dead::Revoked)))
    );
}

#[test]
fn l_32_a_record_of_another_person_or_client_is_not_the_tokens() {
    let gone = Err(UserInfoRefusal::Ended(Ended::Gone));
    let mut other = fx::record();
    other.authorization.user_id = crate::id::UserId::from_bytes([9; 16]);
    assert_eq!(answer(claims("openid"), &records(other)), gone);
    let mut other = fx::record();
    other.authorization.client_id = "other".into();
    assert_eq!(answer(claims("openid"), &records(other)), gone);
    let mut other = fx::record();
    other.authorization.id = crate::id::AuthorizationId::from_bytes([9; 16]);
    assert_eq!(answer(claims("openid"), &records(other)), gone);
}

#[test]
fn without_openid_there_is_no_answer() {
    let refused = answer(claims("email"), &records(fx::record())).unwrap_err();
    assert_eq!(refused, UserInfoRefusal::NoOpenId);
    assert_eq!(refused.public().code.status(), 403);
    assert_eq!(
        refused.challenge(),
        "Bearer error=\"insufficient_scope\", error_description=\"the access token lacks the scope openid\", \
         scope=\"openid\""
    );
}

#[test]
fn t_13_exactly_one_token_and_never_in_the_url() {
    let none = Form::default();
    let token = Form::from_pairs([("access_token", "t")]);
    let twice = Form::from_pairs([("access_token", "t"), ("access_token", "t")]);
    for (headers, query, body, expected) in [
        (&["Bearer t"][..], &none, &none, Ok("t")),
        (&["bearer  t "], &none, &none, Ok("t")),
        (&[], &none, &token, Ok("t")),
        (&[], &none, &none, Err(UserInfoRefusal::NoToken)),
        (&[], &token, &none, Err(UserInfoRefusal::InUrl)),
        (&["Bearer t"], &token, &none, Err(UserInfoRefusal::InUrl)),
        (&["Bearer t"], &none, &token, Err(UserInfoRefusal::TwoTokens)),
        (&["Bearer t", "Bearer t"], &none, &none, Err(UserInfoRefusal::TwoTokens)),
        (&[], &none, &twice, Err(UserInfoRefusal::TwoTokens)),
        (&["Bearer"], &none, &none, Err(UserInfoRefusal::MalformedHeader)),
        (&["Bearer "], &none, &none, Err(UserInfoRefusal::MalformedHeader)),
        (&["Bearer a b"], &none, &none, Err(UserInfoRefusal::MalformedHeader)),
        (&["Basic t"], &none, &none, Err(UserInfoRefusal::MalformedHeader)),
        (&[""], &none, &none, Err(UserInfoRefusal::MalformedHeader)),
    ] {
        assert_eq!(bearer(headers, query, body), expected, "{headers:?}");
    }
    assert_eq!(UserInfoRefusal::InUrl.public().code.status(), 400);
    assert_eq!(UserInfoRefusal::TwoTokens.public().code.status(), 400);
    assert_eq!(UserInfoRefusal::NoToken.challenge(), "Bearer");
    assert!(UserInfoRefusal::Audience.challenge().starts_with("Bearer error=\"invalid_token\""));
}

#[test]
fn f_07_a_refresh_token_is_no_access_token() {
    let token =
        crate::token::refresh::RefreshToken::first(fx::record().authorization.id, &fx::Seeded::new(1));
    let text = TokenText::new(token.encode(&fx::keyring().keys));
    let refused = UserInfoRefusal::Invalid(InvalidToken::Unreadable);
    assert_eq!(present(text, &records(fx::record())), Err(refused));
}
