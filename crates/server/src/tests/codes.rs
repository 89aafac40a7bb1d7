//! Group C: the authorization code (RFC 6749 §4.1.2, §4.1.3, RFC 9700 §4.2, OAuth 2.1 §7.5). C-04 is among the races.

use std::time::Duration;

use grantwell_core::store::Write;

use super::{
    World,
    expect::{but_refusals, form_headers},
    form,
    harness::{VERIFIER, basic, secret},
};

const ANOTHER: &str = "another client secret of more than thirty-two characters";

/// The fields that redeem a code of `web`.
fn good(code: &str) -> [(&str, &str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", "https://rp.example/cb"),
        ("code_verifier", VERIFIER),
    ]
}

fn text(value: &serde_json::Value) -> &str {
    value.as_str().unwrap()
}

#[tokio::test]
async fn c_01_a_valid_replay_ends_what_the_first_use_gave() {
    let world = World::new().await;
    for scope in ["openid notes:read", "openid notes:read offline_access", "files:read"] {
        let code = world.browser().code("alice", &[("scope", scope)]).await;
        let tokens = world.redeem(&code).await.expect_status(200).json();
        let (access, refresh) = (text(&tokens["access_token"]), text(&tokens["refresh_token"]));
        assert!(world.is_active(access).await && world.is_active(refresh).await);
        world.redeem(&code).await.expect_oauth_error(400, "invalid_grant");
        for token in [access, refresh] {
            assert_eq!(
                world.introspect_as_web(token).await,
                serde_json::json!({ "active": false }),
                "{scope}"
            );
        }
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
        world.token(&fields).await.expect_oauth_error(400, "invalid_grant");
    }
}

#[tokio::test]
async fn c_02_an_invalid_replay_signs_nobody_out() {
    let world = World::new().await;
    let code = world.browser().code("alice", &[]).await;
    let tokens = world.redeem(&code).await.expect_status(200).json();
    let before = but_refusals(world.rows().await);
    let wrong = good(&code).map(|(name, value)| (name, if name == "code_verifier" { "x" } else { value }));
    world.token(&wrong).await.expect_oauth_error(400, "invalid_grant");
    let wrong = good(&code)
        .map(|(name, value)| (name, if name == "redirect_uri" { "https://rp.example/other" } else { value }));
    world.token(&wrong).await.expect_oauth_error(400, "invalid_grant");
    world
        .post("/token", &good(&code), &[("authorization", &basic("B", ANOTHER))])
        .await
        .expect_oauth_error(400, "invalid_grant");
    world.post("/token", &good(&code), &[]).await.expect_oauth_error(401, "invalid_client");
    assert_eq!(but_refusals(world.rows().await), before);
    assert!(world.is_active(text(&tokens["access_token"])).await);
    assert!(world.is_active(text(&tokens["refresh_token"])).await);
}

#[tokio::test]
async fn c_03_a_code_is_its_clients_alone_and_others_change_nothing() {
    let world = World::new().await;
    let code = world.browser().code("alice", &[]).await;
    let before = but_refusals(world.rows().await);
    let b = basic("B", ANOTHER);
    let with = |more: &[(&'static str, &'static str)]| [&good(&code)[..], more].concat();
    let attempts = [
        (with(&[]), Some(b.as_str()), 400, "invalid_grant"),
        (with(&[("client_id", "B")]), Some(&b), 400, "invalid_grant"),
        (with(&[("client_id", "web")]), Some(&b), 400, "invalid_request"),
        (with(&[("client_id", "spa")]), None, 400, "invalid_grant"),
        (with(&[("client_id", "nat")]), None, 400, "invalid_grant"),
        (with(&[]), None, 401, "invalid_client"),
        (with(&[("client_id", "web")]), None, 401, "invalid_client"),
        (with(&[("client_id", "web"), ("client_secret", "")]), None, 401, "invalid_client"),
        (with(&[("client_id", "web"), ("client_secret", ANOTHER)]), None, 401, "invalid_client"),
        (with(&[("client_id", "nobody")]), None, 401, "invalid_client"),
    ];
    for (fields, authorization, status, error) in attempts {
        let headers: Vec<_> = authorization.map(|value| ("authorization", value)).into_iter().collect();
        world.post("/token", &fields, &headers).await.expect_oauth_error(status, error);
    }
    assert_eq!(but_refusals(world.rows().await), before);
    world.redeem(&code).await.expect_status(200);
}

#[tokio::test]
async fn c_05_a_code_lives_a_minute() {
    let world = World::new().await;
    let (early, late) = (world.browser().code("alice", &[]).await, world.browser().code("alice", &[]).await);
    world.clock.advance(Duration::from_secs(59));
    world.redeem(&early).await.expect_status(200);
    world.clock.advance(Duration::from_secs(2));
    world.redeem(&late).await.expect_oauth_error(400, "invalid_grant");
}

#[tokio::test]
async fn c_06_a_code_with_any_change_is_not_known_and_the_right_one_lives() {
    let world = World::new().await;
    let (code, other) =
        (world.browser().code("alice", &[]).await, world.browser().code("mallory", &[]).await);
    let before = but_refusals(world.rows().await);
    // Every change of a code is a table in the core; here those that a form could undo, and one secret with another's id.
    let wrong = [format!(" {code}"), format!("{code}="), format!("{}{}", &code[..26], &other[26..])];
    for wrong in wrong {
        world.token(&good(&wrong)).await.expect_oauth_error(400, "invalid_grant");
    }
    assert_eq!(but_refusals(world.rows().await), before);
    world.redeem(&code).await.expect_status(200);
    world.redeem(&other).await.expect_status(200);
}

#[tokio::test]
async fn c_07_one_kind_of_secret_is_never_another() {
    let world = World::new().await;
    let mut browser = world.browser();
    let live = browser.code("alice", &[]).await;
    let tokens = world.redeem(&browser.code("alice", &[]).await).await.json();
    let opaque = world.redeem(&browser.code("alice", &[("scope", "files:read")]).await).await.json();
    let session = browser.cookies["__Host-sid"].clone();
    let (access, refresh) = (text(&tokens["access_token"]), text(&tokens["refresh_token"]));
    let others =
        [access, refresh, text(&tokens["id_token"]), text(&opaque["access_token"]), session.as_str()];
    let before = but_refusals(world.rows().await);
    for value in others {
        world.token(&good(value)).await.expect_oauth_error(400, "invalid_grant");
        world.token(&good(&value.replace("gwr_", "gwc_"))).await.expect_oauth_error(400, "invalid_grant");
    }
    for value in
        [live.as_str(), access, text(&tokens["id_token"]), session.as_str(), &live.replace("gwc_", "gwr_")]
    {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", value)];
        world.token(&fields).await.expect_oauth_error(400, "invalid_grant");
    }
    for value in [live.as_str(), refresh, text(&tokens["id_token"]), session.as_str()] {
        let reply = world.userinfo(&value.into()).await;
        reply.expect_oauth_error(401, "invalid_token");
    }
    for value in [live.as_str(), text(&tokens["id_token"]), session.as_str()] {
        assert_eq!(world.introspect_as_web(value).await, serde_json::json!({ "active": false }));
        world
            .post("/revoke", &[("token", value)], &[("authorization", &basic("web", secret()))])
            .await
            .expect_status(200);
    }
    // A code is no session either.
    let mut thief = world.browser();
    thief.cookies.insert("__Host-sid".to_owned(), live.clone());
    assert_eq!(thief.get("/account").await.page(), Some("sign-in"));
    assert_eq!(but_refusals(world.rows().await), before);
    assert!(world.is_active(access).await && world.is_active(refresh).await);
    assert!(world.is_active(text(&opaque["access_token"])).await);
    assert_eq!(browser.get("/account").await.page(), Some("account"));
    world.redeem(&live).await.expect_status(200);
}

#[tokio::test]
async fn c_08_what_ended_between_the_code_and_its_redemption_ends_the_code() {
    for offline in ["openid notes:read", "openid notes:read offline_access"] {
        let world = World::new().await;
        let asked = [("scope", offline)];
        let dead = |code: String| {
            let world = &world;
            async move { world.redeem(&code).await.expect_oauth_error(400, "invalid_grant") }
        };

        // Signed out.
        let mut browser = world.browser();
        let code = browser.code("alice", &asked).await;
        let page = browser.get("/end_session").await.expect_status(200);
        browser.submit(&page, "/end_session", &[("decision", "sign-out")]).await.expect_status(200);
        dead(code).await;

        // Signed out on the account page, and disconnected there.
        for form in ["/account/sign-out", "/account/disconnect"] {
            let code = browser.code("alice", &asked).await;
            let page = browser.get("/account").await.expect_status(200);
            browser.submit(&page, form, &[]).await.expect_status(303);
            dead(code).await;
        }

        // Disabled, and enabled again: what began before stays dead.
        let code = browser.code("alice", &asked).await;
        world.change("username = \"alice\"", "username = \"alice\"\ndisabled = true").await;
        dead(code.clone()).await;
        world.change("username", "username").await;
        dead(code).await;
        let mut browser = world.browser();
        let code = browser.code("alice", &asked).await;
        world.change("client_id = \"web\"", "client_id = \"web\"\ndisabled = true").await;
        world.redeem(&code).await.expect_oauth_error(401, "invalid_client");
        world.change("username", "username").await;
        dead(code).await;

        // A new password.
        let code = browser.code("alice", &asked).await;
        world
            .change("password = \"correct horse battery staple\"", "password = \"another correct horse\"")
            .await;
        dead(code).await;
        world.change("username", "username").await;

        // Deleted.
        let code = world.browser().code("alice", &asked).await;
        world.commit(vec![Write::DeleteUser(world.user("alice").await)]).await;
        dead(code).await;
        let code = world.browser().code("mallory", &asked).await;
        world.commit(vec![Write::DeleteClient("web".into())]).await;
        world.redeem(&code).await.expect_oauth_error(401, "invalid_client");
        world.change("username", "username").await;
        dead(code).await;
    }
}

#[tokio::test]
async fn c_09_only_registered_grants() {
    let world = World::new().await;
    let before = but_refusals(world.rows().await);
    let api = basic("notes-api", secret());
    for grant in ["authorization_code", "refresh_token"] {
        let fields = [("grant_type", grant), ("code", "x"), ("refresh_token", "x")];
        let reply = world.post("/token", &fields, &[("authorization", &api)]).await;
        reply.expect_oauth_error(400, "unauthorized_client");
    }
    for public in ["spa", "nat"] {
        let fields = [("grant_type", "client_credentials"), ("client_id", public)];
        world.post("/token", &fields, &[]).await.expect_oauth_error(400, "unauthorized_client");
    }
    world.token(&[]).await.expect_oauth_error(400, "invalid_request");
    world.token(&[("grant_type", "")]).await.expect_oauth_error(400, "invalid_request");
    for grant in
        ["password", "implicit", "Authorization_Code", "urn:ietf:params:oauth:grant-type:device_code"]
    {
        world.token(&[("grant_type", grant)]).await.expect_oauth_error(400, "unsupported_grant_type");
    }
    world.token(&[("grant_type", "authorization_code")]).await.expect_oauth_error(400, "invalid_request");
    assert_eq!(but_refusals(world.rows().await), before);
}

#[tokio::test]
async fn c_10_what_is_not_a_form_in_the_body_of_a_post_redeems_nothing() {
    let world = World::new().await;
    let code = world.browser().code("alice", &[]).await;
    let before = world.rows().await;
    let web = basic("web", secret());
    let body = form(&good(&code));
    let authorization = ("authorization", web.as_str());
    let plain = form_headers()[0];
    for path in ["/token", "/oauth/token"] {
        for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE"] {
            let reply = world.raw(method, &format!("{path}?{body}"), &[authorization], "").await;
            assert_eq!(reply.status, 405, "{method}: {reply:#?}");
            let reply = world.raw(method, path, &[authorization, plain], body.clone()).await;
            assert_eq!(reply.status, 405, "{method}: {reply:#?}");
        }
        for (target, body) in [
            (format!("{path}?{body}"), String::new()),
            (format!("{path}?{body}"), body.clone()),
            (format!("{path}?code={code}"), body.clone()),
            (path.to_owned(), format!("{body}&code={code}")),
            (path.to_owned(), format!("{body}&code=x")),
            (path.to_owned(), format!("{body}&grant_type=authorization_code")),
            (path.to_owned(), format!("{body}&code_verifier={VERIFIER}")),
            (path.to_owned(), format!("{body}&unheard=1&unheard=1")),
            (path.to_owned(), format!("{body}&x=%ff")),
        ] {
            let reply = world.raw("POST", &target, &[authorization, plain], body).await;
            reply.expect_oauth_error(400, "invalid_request");
        }
        let json = serde_json::json!({ "grant_type": "authorization_code", "code": code }).to_string();
        let multipart =
            format!("--x\r\nContent-Disposition: form-data; name=\"code\"\r\n\r\n{code}\r\n--x--\r\n");
        for (kind, body) in [
            ("application/json", json),
            ("multipart/form-data; boundary=x", multipart),
            ("text/plain", body.clone()),
            ("", body.clone()),
        ] {
            let reply = world.raw("POST", path, &[authorization, ("content-type", kind)], body).await;
            reply.expect_oauth_error(400, "invalid_request");
        }
    }
    assert_eq!(but_refusals(world.rows().await), but_refusals(before));
    world.redeem(&code).await.expect_status(200);
}

#[tokio::test]
async fn c_10_no_other_method_of_authorize_issues_a_code() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.code("alice", &[]).await;
    let cookie =
        format!("__Host-sid={}; __Host-tx={}", browser.cookies["__Host-sid"], browser.cookies["__Host-tx"]);
    let before = world.rows().await;
    for path in ["/authorize", "/authorize/resume"] {
        for method in ["HEAD", "PUT", "PATCH", "DELETE", "TRACE", "OPTIONS"] {
            let target = format!("{path}?{}", super::query(&[]));
            let reply = world.raw(method, &target, &[("cookie", &cookie)], "").await;
            assert_eq!(reply.status, 405, "{method} {path}: {reply:#?}");
            assert!(reply.header("location").is_none() && !reply.signs_in(), "{reply:#?}");
        }
    }
    for kind in ["application/json", "multipart/form-data; boundary=x", "text/plain"] {
        let reply = world
            .raw("POST", "/authorize", &[("cookie", &cookie), ("content-type", kind)], super::query(&[]))
            .await;
        assert_eq!((reply.status, reply.page()), (415, Some("error")), "{kind}: {reply:#?}");
        assert!(reply.header("location").is_none(), "{reply:#?}");
    }
    assert_eq!(world.rows().await, before);
    assert_eq!(
        world
            .raw("GET", &format!("/authorize?{}", super::query(&[])), &[("cookie", &cookie)], "")
            .await
            .status,
        303
    );
}
