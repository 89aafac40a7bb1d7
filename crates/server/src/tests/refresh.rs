//! Group F: refresh tokens (RFC 6749 §6, RFC 9700 §4.14, OAuth 2.1 §4.3). F-02, F-04, F-12 and F-13 are among the races and
//! faults; open with DPoP: F-10.

use std::time::Duration;

use grantwell_core::store::Write;
use serde_json::json;

use super::{
    Reply, World,
    expect::{but_refusals, claims_of},
    harness::{API, OPAQUE_API, basic},
};

const ANOTHER: &str = "another client secret of more than thirty-two characters";
const OFFLINE: &str = "openid notes:read notes:write offline_access";

async fn refresh_with(world: &World, token: &str, more: &[(&str, &str)]) -> Reply {
    world.token(&[&[("grant_type", "refresh_token"), ("refresh_token", token)], more].concat()).await
}

/// A good refresh: access and refresh token.
async fn refreshed(world: &World, token: &str) -> (String, String) {
    let answer = refresh_with(world, token, &[]).await.expect_status(200).json();
    pair(&answer)
}

fn pair(answer: &serde_json::Value) -> (String, String) {
    let text = |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("{name}: {answer}")).to_owned();
    (text("access_token"), text("refresh_token"))
}

async fn expect_inactive(world: &World, tokens: &[&str]) {
    for token in tokens {
        assert_eq!(world.introspect_as_web(token).await, json!({ "active": false }));
    }
}

#[tokio::test]
async fn f_01_a_used_token_that_comes_back_ends_the_family() {
    let world = World::new().await;
    let (a1, r1) = pair(&world.grant(OFFLINE).await);
    world.clock.advance(Duration::from_secs(1));
    let (a2, r2) = refreshed(&world, &r1).await;
    world.clock.advance(Duration::from_secs(31));
    refresh_with(&world, &r1, &[]).await.expect_oauth_error(400, "invalid_grant");
    expect_inactive(&world, &[&a1, &a2, &r1, &r2]).await;
    refresh_with(&world, &r2, &[]).await.expect_oauth_error(400, "invalid_grant");
}

#[tokio::test]
async fn f_02_f_03_grace_is_for_the_direct_predecessor_of_an_unused_token() {
    let world = World::new().await;
    let (_, r1) = pair(&world.grant(OFFLINE).await);
    let (_, r2) = refreshed(&world, &r1).await;
    world.clock.advance(Duration::from_secs(29));
    let before = world.rows().await;
    assert_eq!(refreshed(&world, &r1).await.1, r2, "the lost answer again");
    assert_eq!(world.rows().await, before);
    let (a3, r3) = refreshed(&world, &r2).await;
    refresh_with(&world, &r1, &[]).await.expect_oauth_error(400, "invalid_grant");
    expect_inactive(&world, &[&a3, &r3]).await;
}

#[tokio::test]
async fn f_05_narrower_for_once_and_never_wider() {
    let world = World::new().await;
    let (_, token) = pair(&world.grant(OFFLINE).await);
    let before = but_refusals(world.rows().await);
    for wider in ["openid notes:read email", "files:read", "notes:delete"] {
        refresh_with(&world, &token, &[("scope", wider)]).await.expect_oauth_error(400, "invalid_scope");
    }
    assert_eq!(but_refusals(world.rows().await), before);
    let narrow = refresh_with(&world, &token, &[("scope", "notes:read")]).await.expect_status(200).json();
    assert_eq!(
        (&narrow["scope"], &claims_of(&narrow["access_token"])["scope"]),
        (&json!("notes:read"), &json!("notes:read"))
    );
    assert!(narrow["id_token"].is_null());
    let again = refresh_with(&world, &pair(&narrow).1, &[]).await.expect_status(200).json();
    assert_eq!(again["scope"], "notes:read notes:write");
    assert_eq!(claims_of(&again["access_token"])["scope"], "notes:read notes:write");
}

#[tokio::test]
async fn f_06_f_07_only_its_client_and_only_a_refresh_token() {
    let world = World::new().await;
    let granted = world.grant(OFFLINE).await;
    let (access, token) = pair(&granted);
    let before = but_refusals(world.rows().await);
    let fields = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
    let b = basic("B", ANOTHER);
    world.post("/token", &fields, &[("authorization", &b)]).await.expect_oauth_error(400, "invalid_grant");
    world.post("/token", &fields, &[]).await.expect_oauth_error(401, "invalid_client");
    for (id, status, error) in
        [("spa", 400, "invalid_grant"), ("nat", 400, "invalid_grant"), ("web", 401, "invalid_client")]
    {
        let fields = [&fields[..], &[("client_id", id)]].concat();
        world.post("/token", &fields, &[]).await.expect_oauth_error(status, error);
    }
    let id_token = granted["id_token"].as_str().unwrap();
    for value in [
        access.as_str(),
        id_token,
        "x",
        &token[..token.len() - 1],
        &format!("{token}A"),
        &token.replace("gwr_", "gwa_"),
    ] {
        refresh_with(&world, value, &[]).await.expect_oauth_error(400, "invalid_grant");
    }
    world.token(&[("grant_type", "refresh_token")]).await.expect_oauth_error(400, "invalid_request");
    assert_eq!(but_refusals(world.rows().await), before);
    assert!(world.is_active(&access).await);
    refreshed(&world, &token).await;
}

#[tokio::test]
async fn f_08_every_refresh_asks_again_whether_it_may_be() {
    let world = World::new().await;
    let disabled = ("username = \"alice\"", "username = \"alice\"\ndisabled = true");
    let password = ("password = \"correct horse battery staple\"", "password = \"another correct horse\"");
    let client = ("client_id = \"web\"", "disabled = true\nclient_id = \"web\"");
    for (from, to) in [disabled, password, client] {
        let (access, token) = pair(&world.grant(OFFLINE).await);
        world.change(from, to).await;
        let (status, error) =
            if from.starts_with("client") { (401, "invalid_client") } else { (400, "invalid_grant") };
        refresh_with(&world, &token, &[]).await.expect_oauth_error(status, error);
        assert_eq!(world.introspect(&access).await, json!({ "active": false }));
        world.change("username", "username").await;
        refresh_with(&world, &token, &[]).await.expect_oauth_error(400, "invalid_grant");
        expect_inactive(&world, &[&access, &token]).await;
    }

    // Disconnected; agreeing again does not wake it up.
    let mut browser = world.browser();
    let (access, token) =
        pair(&world.redeem(&browser.code("alice", &[("scope", OFFLINE)]).await).await.json());
    let page = browser.get("/account").await.expect_status(200);
    browser.submit(&page, "/account/disconnect", &[]).await.expect_status(303);
    expect_inactive(&world, &[&access, &token]).await;
    let (_, fresh) = pair(&world.redeem(&browser.code("alice", &[("scope", OFFLINE)]).await).await.json());
    refresh_with(&world, &token, &[]).await.expect_oauth_error(400, "invalid_grant");

    // A scope that the client lost is not given again.
    let scope = "scope = \"openid profile email offline_access notes:read notes:write files:read\"";
    world.change(scope, &scope.replace(" notes:write", "")).await;
    let narrower = refresh_with(&world, &fresh, &[]).await.expect_status(200).json();
    assert_eq!(claims_of(&narrower["access_token"])["scope"], "notes:read");

    world.commit(vec![Write::DeleteUser(world.user("alice").await)]).await;
    refresh_with(&world, &pair(&narrower).1, &[]).await.expect_oauth_error(400, "invalid_grant");
}

#[tokio::test]
async fn f_08_without_offline_access_it_ends_with_the_session() {
    let world = World::new().await;
    let mut browser = world.browser();
    let mut both = Vec::new();
    for scope in ["openid notes:read", OFFLINE] {
        both.push(pair(&world.redeem(&browser.code("alice", &[("scope", scope)]).await).await.json()));
    }
    let page = browser.get("/end_session").await.expect_status(200);
    browser.submit(&page, "/end_session", &[("decision", "sign-out")]).await.expect_status(200);
    refresh_with(&world, &both[0].1, &[]).await.expect_oauth_error(400, "invalid_grant");
    expect_inactive(&world, &[&both[0].0, &both[0].1]).await;
    refreshed(&world, &both[1].1).await;
}

#[tokio::test]
async fn f_09_only_what_was_granted_can_be_named() {
    let world = World::new().await;
    let (_, mut token) = pair(&world.grant(OFFLINE).await);
    let before = but_refusals(world.rows().await);
    for resource in [OPAQUE_API, "https://unknown.example.test/", "x"] {
        for name in ["resource", "audience"] {
            refresh_with(&world, &token, &[(name, resource)]).await.expect_oauth_error(400, "invalid_target");
        }
    }
    let two = [("resource", API), ("audience", OPAQUE_API)];
    refresh_with(&world, &token, &two).await.expect_oauth_error(400, "invalid_target");
    assert_eq!(but_refusals(world.rows().await), before);
    for audience in [API, super::ISSUER] {
        let answer = refresh_with(&world, &token, &[("resource", audience)]).await.expect_status(200).json();
        assert_eq!(claims_of(&answer["access_token"])["aud"], audience);
        token = pair(&answer).1;
    }
    // A resource that is gone is no target any more.
    world.commit(vec![Write::DeleteResource(API.into())]).await;
    refresh_with(&world, &token, &[("resource", API)]).await.expect_oauth_error(400, "invalid_target");
}

#[tokio::test]
async fn f_11_it_ends_unused_and_it_ends_anyway() {
    const DAY: Duration = Duration::from_hours(24);
    let world = World::new().await;
    let (_, idle) = pair(&world.grant(OFFLINE).await);
    let (_, mut used) = pair(&world.grant(OFFLINE).await);
    world.clock.advance(29 * DAY);
    used = refreshed(&world, &used).await.1;
    world.clock.advance(DAY);
    refresh_with(&world, &idle, &[]).await.expect_oauth_error(400, "invalid_grant");
    for _ in 0..5 {
        used = refreshed(&world, &used).await.1;
        world.clock.advance(29 * DAY);
    }
    refreshed(&world, &used).await;
    world.clock.advance(5 * DAY);
    refresh_with(&world, &used, &[]).await.expect_oauth_error(400, "invalid_grant");

    // In a browser only: a day.
    let asked = [("client_id", "spa"), ("redirect_uri", "https://spa.example/cb"), ("scope", OFFLINE)];
    let code = world.browser().code("alice", &asked).await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", "https://spa.example/cb"),
        ("code_verifier", super::harness::VERIFIER),
        ("client_id", "spa"),
    ];
    let (_, mut token) = pair(&world.post("/token", &fields, &[]).await.expect_status(200).json());
    for status in [200, 200, 400] {
        let fields =
            [("grant_type", "refresh_token"), ("refresh_token", token.as_str()), ("client_id", "spa")];
        let reply = world.post("/token", &fields, &[]).await.expect_status(status);
        if status == 200 {
            token = pair(&reply.json()).1;
        }
        world.clock.advance(DAY / 2);
    }
}
