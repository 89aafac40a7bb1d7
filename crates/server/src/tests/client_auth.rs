//! Group K, as far as there are secrets: K-01 to K-06 and K-18, at every endpoint where a client proves who it is (RFC 6749
//! §2.3, §3.2.1, RFC 7009 §2.1, RFC 7662 §2.1).

use super::{
    Reply, World,
    expect::{but_refusals, form_headers},
    harness::{Setting, basic, secret},
    injection::logged,
};
use crate::{app::ErrorAudience, telemetry::LogShape};

const ENDPOINTS: [&str; 4] = ["/token", "/oauth/token", "/revoke", "/introspect"];

/// Fields that need nothing but authentication at their endpoint.
fn fields_of(endpoint: &str) -> [(&'static str, &'static str); 1] {
    if endpoint.ends_with("token") { [("grant_type", "client_credentials")] } else { [("token", "x")] }
}

/// A request with these headers and further fields, to each endpoint; nothing is written.
async fn at_each(world: &World, headers: &[(&str, &str)], fields: &[(&str, &str)]) -> Vec<Reply> {
    let before = but_refusals(world.rows().await);
    let mut replies = Vec::new();
    for endpoint in ENDPOINTS {
        let fields = [&fields_of(endpoint)[..], fields].concat();
        replies.push(world.post(endpoint, &fields, headers).await);
    }
    assert_eq!(but_refusals(world.rows().await), before);
    replies
}

#[track_caller]
fn expect_unauthenticated(replies: &[Reply]) {
    for reply in replies {
        reply.expect_oauth_error(401, "invalid_client");
        let challenge = reply.header("www-authenticate");
        assert!(challenge.is_some_and(|challenge| challenge.starts_with("Basic ")), "{reply:#?}");
    }
}

#[track_caller]
fn expect_bad_request(replies: &[Reply]) {
    for reply in replies {
        reply.expect_oauth_error(400, "invalid_request");
    }
}

#[tokio::test]
async fn k_01_two_methods_at_once_are_refused() {
    let world = World::new().await;
    let web = basic("web", secret());
    let header = [("authorization", web.as_str())];
    let own = [("client_id", "web"), ("client_secret", secret())];
    let assertion = [
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", "x.y.z"),
    ];
    expect_bad_request(&at_each(&world, &header, &own).await);
    expect_bad_request(&at_each(&world, &header, &own[1..]).await);
    expect_bad_request(&at_each(&world, &header, &assertion).await);
    expect_bad_request(&at_each(&world, &[], &[&own[..], &assertion].concat()).await);
    for reply in at_each(&world, &header, &[]).await {
        assert_ne!(
            (reply.status, reply.json()["error"].as_str()),
            (401, Some("invalid_client")),
            "{reply:#?}"
        );
    }
}

#[tokio::test]
async fn k_02_a_right_secret_by_another_method_is_refused() {
    let world = World::new().await;
    let in_body = |id: &'static str| [("client_id", id), ("client_secret", secret())];
    expect_unauthenticated(&at_each(&world, &[], &in_body("web")).await);
    let post = basic("post", secret());
    expect_unauthenticated(&at_each(&world, &[("authorization", &post)], &[]).await);
    // An assertion is nobody's registered method here.
    let assertion = [
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", "eyJhbGciOiJub25lIn0.e30."),
        ("client_id", "web"),
    ];
    expect_unauthenticated(&at_each(&world, &[], &assertion).await);
    // The right method is no refusal of the client.
    world.post("/revoke", &[&[("token", "x")], &in_body("post")[..]].concat(), &[]).await.expect_status(200);
}

#[tokio::test]
async fn k_03_a_confidential_client_proves_itself() {
    let world = World::new().await;
    for id in ["web", "post", "notes-api"] {
        expect_unauthenticated(&at_each(&world, &[], &[("client_id", id)]).await);
        expect_unauthenticated(&at_each(&world, &[], &[("client_id", id), ("client_secret", "")]).await);
        let empty = basic(id, "");
        expect_unauthenticated(&at_each(&world, &[("authorization", &empty)], &[]).await);
    }
    // A public client has nothing to prove itself with, and so may not introspect at all.
    let fields = [("token", "x"), ("client_id", "spa")];
    world.post("/introspect", &fields, &[]).await.expect_oauth_error(401, "invalid_client");
    let made_up = basic("spa", "");
    expect_unauthenticated(&at_each(&world, &[("authorization", &made_up)], &[]).await);
}

#[tokio::test]
async fn k_04_the_client_that_authenticates_is_the_one_that_counts() {
    let world = World::new().await;
    let b = basic("B", "another client secret of more than thirty-two characters");
    expect_bad_request(&at_each(&world, &[("authorization", &b)], &[("client_id", "web")]).await);
    expect_bad_request(&at_each(&world, &[("authorization", &b)], &[("client_id", "")]).await.split_off(4));
    // What `web` is registered for is no help to `B`.
    let fields = [("grant_type", "client_credentials"), ("scope", "notes:write")];
    world.post("/token", &fields, &[("authorization", &b)]).await.expect_oauth_error(400, "invalid_scope");
    let tokens = world.grant("openid notes:read").await;
    let token = tokens["access_token"].as_str().unwrap();
    let reply =
        world.post("/introspect", &[("token", token)], &[("authorization", &b)]).await.expect_status(200);
    assert_eq!(reply.json(), serde_json::json!({ "active": false }));
}

#[tokio::test]
async fn k_05_a_malformed_header_is_a_client_error() {
    let world = World::new().await;
    let huge = format!("Basic {}", "A".repeat(64 * 1024));
    let bad_escape = basic("web%zz", secret());
    // Which headers are malformed is a table in the core.
    for header in ["Basic !!!", &bad_escape, "Bearer x", "", &huge] {
        for reply in at_each(&world, &[("authorization", header)], &[]).await {
            assert!([400, 401].contains(&reply.status), "{header:.40}: {reply:#?}");
            assert_eq!(reply.status == 401, reply.header("www-authenticate").is_some(), "{reply:#?}");
        }
    }
    let (web, b) = (basic("web", secret()), basic("B", secret()));
    for second in [&web, &b] {
        let replies = at_each(&world, &[("authorization", &web), ("authorization", second)], &[]).await;
        expect_bad_request(&replies);
    }
}

#[tokio::test]
async fn k_06_k_18_unknown_disabled_and_wrong_are_one_answer() {
    let world = World::new().await;
    let mut answers = Vec::new();
    let neighbour = "the neighbour's secret, of more than thirty-two characters";
    for (id, secret) in [
        ("web", "x"),
        ("web", neighbour),
        ("web", "another client secret of more than thirty-two characters"),
        ("web", "A client secret of more than thirty-two characters"),
        ("nobody", secret()),
        ("off", secret()),
        ("off", "x"),
        ("post", "x"),
    ] {
        let header = basic(id, secret);
        let replies = at_each(&world, &[("authorization", &header)], &[]).await;
        expect_unauthenticated(&replies);
        for reply in replies {
            let trace = reply.header("x-trace-id").unwrap().to_owned();
            answers.push(reply.body.replace(&trace, ""));
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:#?}");
    // A request with the right secret gets the registered method: its sender knows already that there is such a client.
    let header = basic("post", secret());
    for reply in at_each(&world, &[("authorization", &header)], &[]).await {
        expect_unauthenticated(std::slice::from_ref(&reply));
        assert!(reply.body.contains("registered for client_secret_post"), "{reply:#?}");
    }
}

#[tokio::test]
async fn k_18_a_client_that_was_disabled_or_changed_its_secret_is_out_everywhere() {
    let world = World::new().await;
    let tokens = world.grant("openid notes:read offline_access").await;
    let (access, refresh) =
        (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    let machine = world.token(&[("grant_type", "client_credentials")]).await.expect_status(200).json();
    let own = "client_id = \"web\"\nclient_name = \"Example web application\"\nclient_secret = \"a client";
    let web = basic("web", secret());
    world.change(own, &own.replace("\"a client", "\"a newer client")).await;
    expect_unauthenticated(&at_each(&world, &[("authorization", &web)], &[]).await);
    world.change(own, &format!("disabled = true\n{own}")).await;
    expect_unauthenticated(&at_each(&world, &[("authorization", &web)], &[]).await);
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    world.token(&fields).await.expect_oauth_error(401, "invalid_client");
    // Its tokens are dead for the API that asks, and stay so when it is enabled again.
    for _ in 0..2 {
        for token in [access, machine["access_token"].as_str().unwrap()] {
            assert_eq!(world.introspect(token).await, serde_json::json!({ "active": false }));
        }
        world.change("username", "username").await;
    }
    world.token(&fields).await.expect_oauth_error(400, "invalid_grant");
}

/// The log lines of a request to the token endpoint.
async fn line(world: &World, shape: LogShape, header: Option<&str>, fields: &[(&str, &str)]) -> String {
    let (log, lines) = logged(shape);
    let guard = tracing::dispatcher::set_default(&log);
    let headers: Vec<_> = header.map(|header| ("authorization", header)).into_iter().collect();
    world.post("/token", &[&[("grant_type", "client_credentials")], fields].concat(), &headers).await;
    drop(guard);
    lines.take().lines().filter(|line| line.contains("POST") && line.contains("/token")).collect()
}

#[tokio::test]
async fn the_log_line_of_a_failed_client_authentication_names_a_registered_client() {
    let world = World::new().await;
    let wrong = basic("web", "another secret");
    let right = basic("web", secret());
    let (id, guess) = (("client_id", "web"), ("client_secret", "another secret"));
    for (header, fields, reason) in [
        (Some(&wrong), &[][..], "wrong_secret"),
        (None, &[id, guess][..], "wrong_method"),
        (None, &[id], "wrong_method"),
        (Some(&right), &[id, guess], "two_methods"),
        (Some(&right), &[("client_id", "spa")], "client_id_mismatch"),
        (None, &[id, id], "repeated_parameter"),
    ] {
        let line = line(&world, LogShape::Json, header.map(String::as_str), fields).await;
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["client_id"], "web", "{line}");
        assert_eq!(line["reason"], reason, "{line}");
    }
    let twice = line(&world, LogShape::Json, None, &[id, id]).await;
    assert!(twice.contains("\"parameter\":\"client_id\""), "{twice}");
    world.apply("[[client]]\nclient_id = \"B\"\ndisabled = true\nclient_secret = \"another client secret of more than thirty-two characters\"\ngrant_types = [\"client_credentials\"]\nscope = \"x\"\n").await;
    let disabled = basic("B", "another client secret of more than thirty-two characters");
    let disabled = line(&world, LogShape::Json, Some(&disabled), &[]).await;
    assert!(disabled.contains("\"client_id\":\"B\"") && disabled.contains("client_disabled"), "{disabled}");
    // What a stranger made up is not in the log.
    let unknown = line(&world, LogShape::Json, Some(&basic("nobody", "x")), &[]).await;
    assert!(unknown.contains("unknown_client") && !unknown.contains("nobody"), "{unknown}");
}

#[tokio::test]
async fn the_log_of_dev_is_short_lines() {
    let world = World::new().await;
    let line = line(&world, LogShape::Short, Some(&basic("web", "another secret")), &[]).await;
    assert!(line.starts_with("POST /token 401 wrong_secret "), "{line}");
    assert!(line.contains(" client_id=web") && line.len() < 100, "{line}");
}

#[tokio::test]
async fn only_developers_are_told_the_reason_beside_the_public_words() {
    let developers = World::with(Setting { audience: ErrorAudience::Developers, ..Setting::default() }).await;
    let people = World::new().await;
    let wrong = basic("web", "another secret");
    let code = [("grant_type", "authorization_code"), ("code", "x")];
    for (endpoint, fields, header, reason) in [
        ("/token", &code[..], Some(wrong.as_str()), "wrong_secret"),
        ("/token", &code, None, "missing"),
        ("/token", &[("client_id", "spa")], None, "missing_parameter"),
        ("/token", &[("client_id", "nobody")], None, "unknown_client"),
        ("/token?x=y", &[], None, "parameters_in_url"),
        ("/revoke", &[("client_id", "spa")], None, "no_token"),
        ("/introspect", &[("client_id", "spa")], None, "public_client"),
        ("/userinfo", &[], None, "no_token"),
        ("/interaction/x", &[], None, "no_login_ui"),
    ] {
        let headers: Vec<_> = header.map(|header| ("authorization", header)).into_iter().collect();
        let told = developers.post(endpoint, fields, &headers).await.json();
        let public = people.post(endpoint, fields, &headers).await.json();
        assert_eq!(told["reason"], reason, "{told}");
        assert!(public.get("reason").is_none(), "{public}");
        assert_eq!(told["error_description"], public["error_description"]);
    }
}

#[tokio::test]
async fn an_error_names_the_parameter_that_is_not_encoded_right() {
    let world = World::new().await;
    let words =
        |reply: &Reply| (reply.status, reply.json()["error_description"].as_str().unwrap().to_owned());
    for (body, name) in [
        ("grant_type=client_credentials&client_id=web&client_secret=%zz", "client_secret"),
        ("grant_type=%ff", "grant_type"),
        ("names-of-strangers=%", "an unknown parameter"),
        ("%zz=1", "the name of a parameter"),
    ] {
        let (log, lines) = logged(LogShape::Json);
        let guard = tracing::dispatcher::set_default(&log);
        let reply = world.raw("POST", "/token", form_headers(), body).await;
        drop(guard);
        assert_eq!(words(&reply), (400, format!("{name} is not percent-encoded UTF-8")), "{body}");
        let text = lines.take();
        assert!(text.contains(&format!("\"parameter\":\"{name}\"")) && !text.contains("strangers"), "{text}");
    }
    // Endpoints that answer with pages name the parameter in the log, and in the JSON for clients that read no HTML.
    for (target, name) in [("/authorize?state=%zz", "state"), ("/end_session?client_id=%ff", "client_id")] {
        let reply = world.raw("GET", target, &[("accept", "application/json")], "").await;
        assert_eq!(words(&reply), (400, format!("{name} is not percent-encoded UTF-8")), "{target}");
        let (log, lines) = logged(LogShape::Json);
        let guard = tracing::dispatcher::set_default(&log);
        world.get(target).await;
        drop(guard);
        let text = lines.take();
        assert!(
            text.contains(&format!("\"parameter\":\"{name}\"")) && text.contains("body_malformed"),
            "{text}"
        );
    }
}
