use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::{
    client::Client,
    fixtures as fx,
    jose::Algorithm,
    resource::{AccessTokenFormat, Resource},
    store::AuthorizationRecord,
    token::TokenRequest,
};

type Change = fn(&mut AuthorizationRecord);

struct Case {
    token: String,
    world: fx::World,
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
    let world = fx::World { resources: vec![resource.clone()], ..fx::World::of(record) };
    let token = issued(&fx::client(), &form, &world);
    Case { token, world }
}

fn refresh() -> Case {
    let mut record: AuthorizationRecord = fx::record();
    let token = RefreshToken::first(record.authorization.id, &fx::Seeded::new(1));
    record.authorization.refresh = Some(fx::refresh(1, token.digest()));
    Case { token: token.encode(&fx::keyring().keys), world: fx::World::of(record) }
}

fn machine() -> Case {
    let client = fx::machine();
    let form = crate::form::Form::from_pairs([("grant_type", "client_credentials")]);
    let world =
        fx::World { client: Some(client.clone()), resources: vec![fx::resource()], ..fx::World::default() };
    Case { token: issued(&client, &form, &world), world }
}

/// The access token that a client gets for this request.
fn issued(client: &Client, form: &Form, world: &fx::World) -> String {
    let policy = fx::policy();
    let request = TokenRequest::read(form);
    fx::decide_as(client, &request, world, &fx::context(&policy)).unwrap().outcome.access_token
}

fn ask(case: &Case, asker: &Client) -> Value {
    ask_in(case, asker, &fx::context(&fx::policy()))
}

fn ask_in(case: &Case, asker: &Client, context: &Context<'_>) -> Value {
    let form = Form::from_pairs([("token", case.token.as_str()), ("token_type_hint", "nonsense")]);
    let request = IntrospectionRequest::read(&form);
    let decision = fx::decide_as(asker, &request, &case.world, context).unwrap();
    assert!(decision.writes.is_empty());
    serde_json::to_value(decision.outcome).unwrap()
}

fn refusal(asker: &Client, body: &str) -> IntrospectionRefusal {
    let policy = fx::policy();
    let request = IntrospectionRequest::read(&Form::parse(body.as_bytes()).unwrap());
    fx::decide_as(asker, &request, &fx::World::default(), &fx::context(&policy)).unwrap_err().refusal
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
fn an_api_that_was_registered_anew_in_another_spelling_sees_its_tokens() {
    for (identifier, is_same) in [("https://api.example", true), ("https://API.example:443/", false)] {
        let mut case = access(&fx::resource());
        case.world.resources = vec![Resource { identifier: identifier.into(), ..fx::resource() }];
        let answer = ask(&case, &api());
        assert_eq!(answer["active"], is_same, "{identifier}");
        assert_eq!(answer["aud"].as_str(), is_same.then_some(fx::API), "as it was when the token was made");
    }
}

#[test]
fn a_token_without_a_session_and_a_code_is_active() {
    for mut case in [access(&fx::resource()), refresh()] {
        let record = case.world.authorization.as_mut().unwrap();
        (record.authorization.session_id, record.session, record.authorization.code) = (None, None, None);
        record.authorization.offline = false;
        assert_eq!(ask(&case, &fx::client())["active"], true);
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
    let unlisted = Resource { introspection_clients: Vec::new(), ..fx::resource() };
    let listing = Resource { introspection_clients: vec!["api".into()], ..fx::other_resource() };
    case.world.resources = vec![unlisted, listing];
    assert_eq!(ask(&case, &api()), inactive());
    case.world.resources.clear();
    assert_eq!(ask(&case, &api()), inactive(), "the resource is gone");
    // The API may see its access tokens, not its clients' refresh tokens.
    let mut case = refresh();
    case.world.resources = vec![fx::resource()];
    assert_eq!(ask(&case, &api()), inactive());
}

#[test]
fn t_07_a_public_client_may_not_ask() {
    let refusal = refusal(&fx::public_client(), "token=x");
    assert_eq!(refusal, IntrospectionRefusal::PublicClient);
    assert_eq!(refusal.public().code.status(), 401);
}

#[test]
fn a_request_must_hold_one_token() {
    for (body, expected) in [
        ("", IntrospectionRefusal::NoToken),
        ("token=", IntrospectionRefusal::NoToken),
        ("token=a&token=b", IntrospectionRefusal::Repeated("token")),
    ] {
        assert_eq!(refusal(&api(), body), expected, "{body}");
    }
}

#[test]
fn t_06_n_05_f_08_a_token_that_ended_is_inactive() {
    let resource = fx::resource();
    let mut denied = access(&resource);
    denied.world.token_revoked = true;
    let mut gone = access(&resource);
    gone.world.authorization = None;
    assert_eq!(ask(&denied, &api()), inactive());
    assert_eq!(ask(&gone, &api()), inactive());
    let changes: &[Change] = &[
        |r| r.authorization.revoked_at = Some(fx::NOW),
        |r| r.consent_withdrawn_at = Some(fx::NOW),
        |r| r.user.as_mut().unwrap().disabled = true,
        |r| fx::client_of(r).disabled = true,
        |r| r.epoch += 1,
    ];
    for change in changes {
        for mut case in [access(&resource), refresh()] {
            assert_eq!(ask(&case, &fx::client())["active"], true);
            change(case.world.authorization.as_mut().unwrap());
            assert_eq!(ask(&case, &fx::client()), inactive());
        }
    }
    let policy = fx::policy();
    let late = fx::context_at(&policy, fx::NOW + policy.lifetimes.access_token);
    assert_eq!(ask_in(&access(&resource), &api(), &late), inactive(), "expired");
}

#[test]
fn f_01_only_the_current_generation_of_a_refresh_token_is_active() {
    let case = refresh();
    let answer = ask(&case, &fx::client());
    assert_eq!(answer["active"], true);
    assert_eq!(answer["scope"], "email offline_access openid");
    assert!(answer.get("token_type").is_none() && answer.get("aud").is_none());

    let mut rotated = refresh();
    let state = rotated.world.authorization.as_mut().unwrap().authorization.refresh.as_mut().unwrap();
    state.generation = 2;
    assert_eq!(ask(&rotated, &fx::client()), inactive());
    let mut other = refresh();
    let state = other.world.authorization.as_mut().unwrap().authorization.refresh.as_mut().unwrap();
    state.digest = crate::secret::Digest([0; 32]);
    assert_eq!(ask(&other, &fx::client()), inactive());
    let mut idle = refresh();
    let state = idle.world.authorization.as_mut().unwrap().authorization.refresh.as_mut().unwrap();
    state.expires_at = fx::NOW;
    assert_eq!(ask(&idle, &fx::client()), inactive());
}

#[test]
fn k_18_q_05_x_09_a_machines_token_lives_while_its_client_does() {
    assert_eq!(ask(&machine(), &api())["active"], true);
    assert_eq!(ask(&machine(), &fx::machine())["sub"], "machine");
    let mut case = machine();
    case.world.client.as_mut().unwrap().tokens_not_before = fx::NOW;
    assert_eq!(ask(&case, &api())["active"], true, "issued in the same instant");
    case.world.client.as_mut().unwrap().tokens_not_before = fx::NOW + Duration::from_millis(1);
    assert_eq!(ask(&case, &api()), inactive());
    let mut case = machine();
    case.world.client.as_mut().unwrap().disabled = true;
    assert_eq!(ask(&case, &api()), inactive());
    case.world.client = None;
    assert_eq!(ask(&case, &api()), inactive());
    case.world.client = Some(api());
    assert_eq!(ask(&case, &api()), inactive(), "another client's record");
    let mut case = machine();
    case.world.token_revoked = true;
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
        let case = Case { token, world: access.world.clone() };
        assert_eq!(ask(&case, &fx::client()), inactive());
    }
}

#[test]
fn what_is_read_is_what_the_answer_depends_on() {
    let wants = |case: &Case, asker: &Client| {
        let request = IntrospectionRequest::read(&Form::from_pairs([("token", case.token.as_str())]));
        fx::wants_as(asker, &request, &case.world)
    };
    assert_eq!(wants(&access(&fx::resource()), &fx::client()), ["authorization", "denied"]);
    assert_eq!(wants(&access(&fx::resource()), &api()), ["resources", "authorization", "denied"]);
    assert_eq!(wants(&refresh(), &fx::client()), ["authorization"]);
    assert_eq!(wants(&machine(), &fx::machine()), ["client_state", "denied"]);
    assert!(wants(&Case { token: "x".to_owned(), world: fx::World::default() }, &api()).is_empty());
}
