use std::time::Duration;

use serde_json::json;

use super::*;
use crate::{
    error::Refusal as _,
    fixtures as fx,
    store::{AuthorizationRecord, Write},
    token::{
        PresentedToken,
        access::{AccessClaims, InvalidToken},
        jti,
        liveness::Dead,
    },
};

fn claims(scope: &str) -> AccessClaims {
    fx::access_claims(fx::ISSUER, scope)
}

fn records(record: AuthorizationRecord) -> fx::World {
    fx::World::of(record)
}

fn answer(claims: AccessClaims, world: &fx::World) -> Result<Value, BearerRefusal> {
    present(PresentedToken::Access(Box::new(claims)).into(), world)
}

fn present(token: TokenText, world: &fx::World) -> Result<Value, BearerRefusal> {
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
        assert_eq!(answer(claims, &records(fx::record())), Err(BearerRefusal::Audience), "{aud}");
    }
}

#[test]
fn t_17_a_machines_token_is_refused() {
    let mut claims = claims("openid");
    claims.jti = jti::machine(fx::NOW, fx::EPOCH, &fx::Seeded::new(1));
    let records = fx::World { client: Some(fx::client()), ..records(fx::record()) };
    let refused = answer(claims, &records).unwrap_err();
    assert_eq!(refused, BearerRefusal::Machine);
    assert_eq!(refused.public().code.status(), 401);
}

#[test]
fn t_06_a_token_that_ended_is_refused() {
    let denied = fx::World { token_revoked: true, ..records(fx::record()) };
    assert_eq!(answer(claims("openid"), &denied), Err(BearerRefusal::Ended(Ended::TokenRevoked)));
    assert_eq!(answer(claims("openid"), &fx::World::default()), Err(BearerRefusal::Ended(Ended::Gone)));
    let mut revoked = fx::record();
    revoked.authorization.revoked_at = Some(fx::NOW);
    assert_eq!(
        answer(claims("openid"), &records(revoked)),
        Err(BearerRefusal::Ended(Ended::Dead(Dead::Revoked)))
    );
}

#[test]
fn l_32_a_record_of_another_person_or_client_is_not_the_tokens() {
    let gone = Err(BearerRefusal::Ended(Ended::Gone));
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
fn l_31_a_request_is_a_use_of_the_session_that_the_token_ends_with() {
    let writes = |offline: bool, seen_before: Duration| {
        let mut record = fx::record();
        record.authorization.offline = offline;
        record.session.as_mut().unwrap().last_seen_at = fx::NOW - seen_before;
        let (policy, token) = (fx::policy(), PresentedToken::Access(Box::new(claims("openid"))));
        let request = UserInfoRequest(token.into());
        fx::decide(&request, &records(record), &fx::context(&policy)).unwrap().writes
    };
    let minute = Duration::from_mins(1);
    let session = fx::record().session.unwrap().id;
    assert_eq!(writes(false, minute), [Write::TouchSession { id: session, at: fx::NOW }]);
    assert_eq!(writes(false, Duration::from_secs(59)), [], "noted less than a minute ago");
    assert_eq!(writes(true, minute), [], "it outlives the session");
}

#[test]
fn without_openid_there_is_no_answer() {
    let refused = answer(claims("email"), &records(fx::record())).unwrap_err();
    assert_eq!(refused, BearerRefusal::Scope("openid"));
    assert_eq!(refused.public().code.status(), 403);
    assert_eq!(
        refused.challenge(&fx::policy()),
        "Bearer error=\"insufficient_scope\", error_description=\"the access token lacks the scope openid\", scope=\"openid\""
    );
}

#[test]
fn f_07_a_refresh_token_is_no_access_token() {
    let token =
        crate::token::refresh::RefreshToken::first(fx::record().authorization.id, &fx::Seeded::new(1));
    let text = TokenText::new(token.encode(&fx::keyring().keys));
    let refused = BearerRefusal::Invalid(InvalidToken::Unreadable);
    assert_eq!(present(text, &records(fx::record())), Err(refused));
}
