use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::{
    client::Client,
    fixtures as fx,
    jose::Algorithm,
    resource::{AccessTokenFormat, Resource},
    store::{AuthorizationRecord, RefreshState},
    token::{Loaded, Request},
};

type Change = fn(&mut AuthorizationRecord);

struct Case {
    token: String,
    records: Records,
}

/// The API's own client.
fn api() -> Client {
    Client { client_id: "api".into(), ..fx::client() }
}

/// An access token of `web` for the API, with what it names.
fn access(resource: &Resource) -> Case {
    let mut record = fx::record();
    record.authorization.permissions = fx::permissions(&[(fx::API, "notes:read")]);
    let code = crate::token::code::Code::of(record.authorization.id, &fx::keyring().keys).encode();
    let form = crate::form::Form::from_pairs([
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", fx::REDIRECT),
        ("code_verifier", fx::VERIFIER),
    ]);
    let client = fx::client();
    let loaded = Loaded { authorization: Some(record.clone()), resources: vec![resource.clone()].into() };
    let policy = fx::policy();
    let request = Request::read(&form, fx::authenticated(&client)).unwrap();
    let token = request.decide(&loaded, &fx::context(&policy)).unwrap().outcome.access_token;
    let records =
        Records { authorization: Some(record), resource: Some(resource.clone()), ..Records::default() };
    Case { token, records }
}

fn refresh() -> Case {
    let mut record: AuthorizationRecord = fx::record();
    let token = RefreshToken::first(record.authorization.id, &fx::Seeded::new(1));
    record.authorization.refresh = Some(RefreshState {
        generation: 1,
        digest: token.digest(),
        rotated_at: fx::NOW,
        expires_at: fx::NOW + Duration::from_hours(1),
    });
    let records = Records { authorization: Some(record), ..Records::default() };
    Case { token: token.encode(&fx::keyring().keys), records }
}

fn machine() -> Case {
    let client = fx::machine();
    let form = crate::form::Form::from_pairs([("grant_type", "client_credentials")]);
    let loaded = Loaded { authorization: None, resources: vec![fx::resource()].into() };
    let policy = fx::policy();
    let request = Request::read(&form, fx::authenticated(&client)).unwrap();
    let token = request.decide(&loaded, &fx::context(&policy)).unwrap().outcome.access_token;
    let records =
        Records { client: Some(client.clone()), resource: Some(fx::resource()), ..Records::default() };
    Case { token, records }
}

fn ask(case: &Case, asker: &Client) -> Value {
    ask_in(case, asker, &fx::context(&fx::policy()))
}

fn ask_in(case: &Case, asker: &Client, context: &Context<'_>) -> Value {
    let form = Form::from_pairs([("token", case.token.as_str()), ("token_type_hint", "nonsense")]);
    let asker = fx::authenticated(asker);
    let answer = read(&form, asker, context)
        .unwrap()
        .map_or(Introspection::INACTIVE, |token| decide(&token, asker, &case.records, context));
    serde_json::to_value(answer).unwrap()
}

fn inactive() -> Value {
    json!({ "active": false })
}

#[test]
fn the_listed_api_and_the_owner_see_an_access_token_of_either_format() {
    let opaque = Resource { access_token_format: AccessTokenFormat::Opaque, ..fx::resource() };
    for resource in [fx::resource(), opaque] {
        let case = access(&resource);
        for asker in [api(), fx::client()] {
            let answer = ask(&case, &asker);
            assert_eq!(answer["active"], true);
            assert_eq!(answer["aud"], fx::API);
            assert_eq!(answer["scope"], "notes:read");
            assert_eq!(answer["client_id"], "web");
            assert_eq!(answer["sub"], fx::user().id.to_string());
            assert_eq!(answer["token_type"], "Bearer");
            assert_eq!(answer["exp"], fx::NOW.seconds() + 600);
            assert_eq!(answer["iss"], fx::ISSUER);
        }
    }
}

#[test]
fn t_07_everybody_else_sees_nothing_at_all() {
    let stranger = Client { client_id: "stranger".into(), ..fx::client() };
    for case in [access(&fx::resource()), refresh(), machine()] {
        assert_eq!(ask(&case, &stranger), inactive());
    }
    // Listed at another resource than the one the token is for.
    let mut case = access(&fx::resource());
    case.records.resource =
        Some(Resource { introspection_clients: vec!["api".into()], ..fx::other_resource() });
    assert_eq!(ask(&case, &api()), inactive());
    case.records.resource = None;
    assert_eq!(ask(&case, &api()), inactive(), "the resource is gone");
    // The API may see its access tokens, not its clients' refresh tokens.
    let mut case = refresh();
    case.records.resource = Some(fx::resource());
    assert_eq!(ask(&case, &api()), inactive());
}

#[test]
fn t_07_a_public_client_may_not_ask() {
    let policy = fx::policy();
    let form = Form::from_pairs([("token", "x")]);
    let public = fx::public_client();
    let refusal = read(&form, fx::authenticated(&public), &fx::context(&policy)).unwrap_err();
    assert_eq!(refusal, IntrospectionRefusal::PublicClient);
    assert_eq!(refusal.public().code.status(), 401);
}

#[test]
fn a_request_must_hold_one_token() {
    let (policy, client) = (fx::policy(), api());
    for (body, expected) in [
        ("", IntrospectionRefusal::NoToken),
        ("token=", IntrospectionRefusal::NoToken),
        ("token=a&token=b", IntrospectionRefusal::Repeated),
    ] {
        let form = Form::parse(body.as_bytes()).unwrap();
        assert_eq!(
            read(&form, fx::authenticated(&client), &fx::context(&policy)).unwrap_err(),
            expected,
            "{body}"
        );
    }
}

#[test]
fn t_06_n_05_f_08_a_token_that_ended_is_inactive() {
    let resource = fx::resource();
    let mut denied = access(&resource);
    denied.records.denied = true;
    let mut gone = access(&resource);
    gone.records.authorization = None;
    assert_eq!(ask(&denied, &api()), inactive());
    assert_eq!(ask(&gone, &api()), inactive());
    let changes: &[Change] = &[
        |r| r.authorization.revoked_at = Some(fx::NOW),
        |r| r.consent_withdrawn_at = Some(fx::NOW),
        |r| r.user.as_mut().unwrap().disabled = true,
        |r| r.client.as_mut().unwrap().disabled = true,
        |r| r.epoch += 1,
    ];
    for change in changes {
        for mut case in [access(&resource), refresh()] {
            assert_eq!(ask(&case, &fx::client())["active"], true);
            change(case.records.authorization.as_mut().unwrap());
            assert_eq!(ask(&case, &fx::client()), inactive());
        }
    }
    let policy = fx::policy();
    let late = fx::context_at(&policy, fx::NOW + policy.lifetimes.access_token);
    assert_eq!(ask_in(&access(&resource), &api(), &late), inactive(), "expired");
}

#[test]
fn f_01_only_the_living_generation_of_a_refresh_token_is_active() {
    let case = refresh();
    let answer = ask(&case, &fx::client());
    assert_eq!(answer["active"], true);
    assert_eq!(answer["scope"], "email offline_access openid");
    assert!(answer.get("token_type").is_none() && answer.get("aud").is_none());

    let mut rotated = refresh();
    let state = rotated.records.authorization.as_mut().unwrap().authorization.refresh.as_mut().unwrap();
    state.generation = 2;
    assert_eq!(ask(&rotated, &fx::client()), inactive());
    let mut other = refresh();
    let state = other.records.authorization.as_mut().unwrap().authorization.refresh.as_mut().unwrap();
    state.digest = crate::secret::Digest([0; 32]);
    assert_eq!(ask(&other, &fx::client()), inactive());
    let mut idle = refresh();
    let state = idle.records.authorization.as_mut().unwrap().authorization.refresh.as_mut().unwrap();
    state.expires_at = fx::NOW;
    assert_eq!(ask(&idle, &fx::client()), inactive());
}

#[test]
fn k_18_q_05_x_09_a_machines_token_lives_while_its_client_does() {
    assert_eq!(ask(&machine(), &api())["active"], true);
    assert_eq!(ask(&machine(), &fx::machine())["sub"], "machine");
    let mut case = machine();
    case.records.client.as_mut().unwrap().tokens_not_before = fx::NOW;
    assert_eq!(ask(&case, &api())["active"], true, "issued in the same instant");
    case.records.client.as_mut().unwrap().tokens_not_before = fx::NOW + Duration::from_millis(1);
    assert_eq!(ask(&case, &api()), inactive());
    let mut case = machine();
    case.records.client.as_mut().unwrap().disabled = true;
    assert_eq!(ask(&case, &api()), inactive());
    case.records.client = None;
    assert_eq!(ask(&case, &api()), inactive());
    case.records.client = Some(api());
    assert_eq!(ask(&case, &api()), inactive(), "another client's record");
    let mut case = machine();
    case.records.denied = true;
    assert_eq!(ask(&case, &api()), inactive());
    let policy = fx::policy();
    let restored = Context { epoch: fx::EPOCH + 1, ..fx::context(&policy) };
    assert_eq!(ask_in(&machine(), &api(), &restored), inactive());
}

#[test]
fn t_03_t_10_t_12_what_is_no_token_is_inactive() {
    let code = crate::token::code::Code::of(fx::record().authorization.id, &fx::keyring().keys).encode();
    let id_token = fx::keyring()
        .signer(Algorithm::ES256, fx::NOW)
        .unwrap()
        .sign("JWT", &json!({ "iss": fx::ISSUER, "sub": "x", "aud": "web", "exp": fx::NOW.seconds() + 60 }))
        .unwrap();
    let access = access(&fx::resource());
    let cut = access.token[..access.token.len() - 2].to_owned();
    for token in [code, id_token, cut, "gwr_".to_owned(), "x".to_owned(), "a".repeat(20_000)] {
        let case = Case { token, records: access.records.clone() };
        assert_eq!(ask(&case, &fx::client()), inactive());
    }
}

#[test]
fn what_a_token_names_is_what_must_be_loaded() {
    let policy = fx::policy();
    let context = fx::context(&policy);
    let id = fx::record().authorization.id;
    let access = Presented::read(&access(&fx::resource()).token, &context).unwrap();
    assert_eq!((access.authorization(), access.machine()), (Some(id), None));
    assert_eq!(access.resource(&policy), Some(fx::API.into()));
    assert!(access.deny_key().is_some());
    let refresh = Presented::read(&refresh().token, &context).unwrap();
    assert_eq!((refresh.authorization(), refresh.machine()), (Some(id), None));
    assert_eq!((refresh.deny_key(), refresh.resource(&policy)), (None, None));
    let machine = Presented::read(&machine().token, &context).unwrap();
    assert_eq!((machine.authorization(), machine.machine()), (None, Some(&"machine".into())));
}
