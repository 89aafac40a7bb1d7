use super::*;
use crate::{
    client::Client,
    fixtures as fx,
    store::AuthorizationRecord,
    token::{access::AccessClaims, refresh::RefreshToken},
};

fn refresh_token() -> RefreshToken {
    RefreshToken::first(fx::record().authorization.id, &fx::Seeded::new(1))
}

fn access_claims() -> AccessClaims {
    fx::access_claims(fx::API, "notes:read")
}

fn decide(
    request: &RevocationRequest,
    client: &Client,
    record: Option<AuthorizationRecord>,
) -> Result<Decision<Revoked>, RevocationRefusal> {
    let world = fx::World { authorization: record, ..fx::World::default() };
    let policy = fx::policy();
    fx::decide_as(client, request, &world, &fx::context(&policy)).map_err(|refused| refused.refusal)
}

fn revoke(token: PresentedToken, client: &Client, record: Option<AuthorizationRecord>) -> Decision<Revoked> {
    decide(&RevocationRequest(Ok(token.into())), client, record).unwrap()
}

fn read(body: &str) -> Result<Decision<Revoked>, RevocationRefusal> {
    let request = RevocationRequest::read(&Form::parse(body.as_bytes()).unwrap());
    decide(&request, &fx::client(), Some(fx::record()))
}

fn kinds(writes: &[Write]) -> Vec<&str> {
    writes
        .iter()
        .filter_map(|write| match write {
            Write::Audit(event) => Some(event.kind.as_str()),
            _ => None,
        })
        .collect()
}

#[test]
fn f_12_a_refresh_token_of_any_generation_takes_its_authorization_with_it() {
    let keys = &fx::keyring().keys;
    let old = refresh_token();
    for token in [old.clone(), old.next(keys).unwrap()] {
        let decision = revoke(PresentedToken::Refresh(token), &fx::client(), Some(fx::record()));
        assert_eq!(decision.outcome, Revoked::Authorization);
        assert!(matches!(decision.writes.first(), Some(Write::RevokeAuthorization { id, at })
            if *id == fx::record().authorization.id && *at == fx::NOW));
        assert_eq!(kinds(&decision.writes), ["authorization.revoked"]);
    }
}

#[test]
fn an_access_token_goes_alone() {
    let claims = access_claims();
    let token = PresentedToken::Access(Box::new(claims.clone()));
    let decision = revoke(token, &fx::client(), Some(fx::record()));
    assert_eq!(decision.outcome, Revoked::AccessToken);
    match decision.writes.first() {
        Some(Write::RevokeAccessToken { token: digest, expires_at }) => {
            assert_eq!(*digest, claims.digest());
            assert_eq!(expires_at.seconds(), claims.exp);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(kinds(&decision.writes), ["access_token.revoked"]);
}

#[test]
fn t_08_another_clients_token_stays() {
    let other = Client { client_id: "other".into(), ..fx::client() };
    for client in [other, fx::public_client()] {
        for token in
            [PresentedToken::Refresh(refresh_token()), PresentedToken::Access(Box::new(access_claims()))]
        {
            let decision = revoke(token, &client, Some(fx::record()));
            assert_eq!(decision.outcome, Revoked::Nothing);
            assert!(decision.writes.is_empty());
        }
    }
}

#[test]
fn t_08_what_is_unknown_or_over_is_answered_alike() {
    let token = PresentedToken::Refresh(refresh_token());
    let mut revoked = fx::record();
    revoked.authorization.revoked_at = Some(fx::NOW);
    let mut elsewhere = fx::record();
    elsewhere.authorization.id = crate::id::AuthorizationId::from_bytes([9; 16]);
    for record in [None, Some(revoked), Some(elsewhere)] {
        let decision = revoke(token.clone(), &fx::client(), record);
        assert_eq!(decision.outcome, Revoked::Nothing);
        assert!(decision.writes.is_empty());
    }
    for unknown in ["x", "gwr_x", "a.b.c"] {
        let decision = read(&format!("token={unknown}")).unwrap();
        assert!(decision.outcome == Revoked::Nothing && decision.writes.is_empty(), "{unknown}");
    }
}

#[test]
fn a_request_must_hold_one_token() {
    for (body, expected) in [
        ("", RevocationRefusal::NoToken),
        ("token=&token_type_hint=refresh_token", RevocationRefusal::NoToken),
        ("token=a&token=a", RevocationRefusal::Repeated("token")),
    ] {
        assert_eq!(read(body).unwrap_err(), expected, "{body}");
        assert_eq!(expected.public().code, ErrorCode::InvalidRequest);
    }
}

#[test]
fn t_12_the_hint_decides_nothing() {
    let text = refresh_token().encode(&fx::keyring().keys);
    for hint in ["refresh_token", "access_token", "garbage"] {
        let decision = read(&format!("token={text}&token_type_hint={hint}")).unwrap();
        assert_eq!(decision.outcome, Revoked::Authorization, "{hint}");
    }
}
