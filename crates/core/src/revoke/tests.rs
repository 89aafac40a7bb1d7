use super::*;
use crate::{
    client::Client,
    fixtures as fx,
    store::AuthorizationRecord,
    token::{access::AccessClaims, jti, refresh::RefreshToken},
};

fn refresh_token() -> RefreshToken {
    RefreshToken::first(fx::record().authorization.id, &fx::Seeded::new(1))
}

fn access_claims() -> AccessClaims {
    AccessClaims {
        iss: fx::ISSUER.to_owned(),
        sub: fx::user().id.to_string(),
        aud: fx::API.to_owned(),
        client_id: "web".into(),
        exp: fx::NOW.seconds() + 600,
        iat: fx::NOW.seconds(),
        jti: jti::person(fx::record().authorization.id, &fx::Seeded::new(1)),
        scope: fx::scopes("notes:read"),
        auth_time: None,
        acr: None,
        amr: Vec::new(),
    }
}

fn revoke(token: &Presented, client: &Client, record: Option<AuthorizationRecord>) -> Decision<Revoked> {
    let records = Records { authorization: record, ..Records::default() };
    let policy = fx::policy();
    decide(token, fx::authenticated(client), &records, &fx::context(&policy))
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
        let decision = revoke(&Presented::Refresh(token), &fx::client(), Some(fx::record()));
        assert_eq!(decision.outcome, Revoked::Authorization);
        assert!(matches!(decision.writes.first(), Some(Write::RevokeAuthorization { id, at })
            if *id == fx::record().authorization.id && *at == fx::NOW));
        assert_eq!(kinds(&decision.writes), ["authorization.revoked"]);
    }
}

#[test]
fn an_access_token_goes_alone() {
    let claims = access_claims();
    let token = Presented::Access(Box::new(claims.clone()));
    let decision = revoke(&token, &fx::client(), Some(fx::record()));
    assert_eq!(decision.outcome, Revoked::AccessToken);
    match decision.writes.first() {
        Some(Write::DenyToken { token: digest, expires_at }) => {
            assert_eq!(Some(*digest), token.deny_key());
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
        for token in [Presented::Refresh(refresh_token()), Presented::Access(Box::new(access_claims()))] {
            let decision = revoke(&token, &client, Some(fx::record()));
            assert_eq!(decision.outcome, Revoked::Nothing);
            assert!(decision.writes.is_empty());
        }
    }
}

#[test]
fn t_08_what_is_unknown_or_over_is_answered_alike() {
    let token = Presented::Refresh(refresh_token());
    let mut revoked = fx::record();
    revoked.authorization.revoked_at = Some(fx::NOW);
    let mut elsewhere = fx::record();
    elsewhere.authorization.id = crate::id::AuthorizationId::from_bytes([9; 16]);
    for record in [None, Some(revoked), Some(elsewhere)] {
        let decision = revoke(&token, &fx::client(), record);
        assert_eq!(decision.outcome, Revoked::Nothing);
        assert!(decision.writes.is_empty());
    }
    let policy = fx::policy();
    for unknown in ["x", "gwr_x", "a.b.c"] {
        let form = Form::from_pairs([("token", unknown)]);
        assert_eq!(read(&form, &fx::context(&policy)), Ok(None), "{unknown}");
    }
}

#[test]
fn a_request_must_hold_one_token() {
    let policy = fx::policy();
    for (body, expected) in [
        ("", RevocationRefusal::NoToken),
        ("token=&token_type_hint=refresh_token", RevocationRefusal::NoToken),
        ("token=a&token=a", RevocationRefusal::Repeated),
    ] {
        let form = Form::parse(body.as_bytes()).unwrap();
        assert_eq!(read(&form, &fx::context(&policy)), Err(expected), "{body}");
        assert_eq!(expected.public().code, ErrorCode::InvalidRequest);
    }
}

#[test]
fn t_12_the_hint_decides_nothing() {
    let policy = fx::policy();
    let context = fx::context(&policy);
    let text = refresh_token().encode(&fx::keyring().keys);
    for hint in ["refresh_token", "access_token", "garbage"] {
        let form = Form::from_pairs([("token", text.as_str()), ("token_type_hint", hint)]);
        assert_eq!(read(&form, &context), Ok(Some(Presented::Refresh(refresh_token()))), "{hint}");
    }
}
