//! Group A: the authorization request (RFC 6749 §4.1.1, OpenID Connect Core 1.0 §3.1.2.1).
//!
//! Open, with the features they are about: A-12 (`claims`, `authorization_details`), A-14, A-16 to A-18. A-13
//! and A-15 are tested for what there is: nothing is read or fetched.

use std::time::Duration;

use grantwell_core::jose::Algorithm;

use super::{
    ISSUER, Reply, World,
    expect::{claims_of, form_headers},
    harness::{API, OPAQUE_API, PASSWORD, VERIFIER},
    query,
};

/// The two ways a request can come.
pub(super) async fn each_way(world: &World, request: &str) -> [Reply; 2] {
    [
        world.get(&format!("/authorize?{request}")).await,
        world.raw("POST", "/authorize", form_headers(), request.to_owned()).await,
    ]
}

/// Every change gives RDR(error) by GET and POST, with the state, and nothing is written.
async fn expect_each(world: &World, error: &str, requests: &[&[(&str, &str)]]) {
    let before = world.rows().await;
    for changes in requests {
        for reply in each_way(world, &query(changes)).await {
            reply.expect_redirect_error(error);
            assert!(!reply.signs_in(), "{reply:#?}");
            assert_eq!(reply.parameters()["state"], "the state", "{changes:?}");
        }
    }
    assert_eq!(world.rows().await, before);
}

#[tokio::test]
async fn a_01_a_repeated_parameter_is_an_error_wherever_it_stands() {
    let world = World::new().await;
    let before = world.rows().await;
    let good = query(&[("prompt", "login"), ("max_age", "60"), ("login_hint", "a"), ("unheard_of", "1")]);
    let first =
        |name: &str| good.split('&').find(|pair| pair.starts_with(&format!("{name}="))).unwrap().to_owned();
    let names = [
        "client_id",
        "redirect_uri",
        "response_type",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
        "prompt",
        "max_age",
        "login_hint",
        "unheard_of",
    ];
    for name in names {
        for again in [first(name), format!("{name}=other"), format!("{name}=")] {
            let replies = [
                world.get(&format!("/authorize?{good}&{again}")).await,
                world.get(&format!("/authorize?{again}&{good}")).await,
                world.raw("POST", "/authorize", form_headers(), format!("{good}&{again}")).await,
                world.raw("POST", &format!("/authorize?{again}"), form_headers(), good.clone()).await,
            ];
            for reply in replies {
                if ["client_id", "redirect_uri"].contains(&name) {
                    reply.expect_error_page("invalid_request");
                } else {
                    reply.expect_redirect_error("invalid_request");
                    let state = reply.parameters().remove("state");
                    let other = name == "state" && state.as_deref() == Some("other");
                    assert!(other || state.as_deref() == Some("the state"), "{state:?}");
                }
            }
        }
    }
    assert_eq!(world.rows().await, before);
}

#[tokio::test]
async fn a_02_only_the_code_flow_exists() {
    let world = World::new().await;
    let types =
        ["token", "id_token", "id_token token", "code token", "code id_token", "none", "Code", "code code"];
    for unsupported in types {
        expect_each(&world, "unsupported_response_type", &[&[("response_type", unsupported)]]).await;
    }
    expect_each(&world, "invalid_request", &[&[("response_type", "")]]).await;
}

#[tokio::test]
async fn a_03_a_response_mode_that_is_not_offered_is_refused() {
    let world = World::new().await;
    for mode in ["fragment", "form_post.jwt", "query.jwt", "jwt", "web_message", "FORM_POST"] {
        expect_each(&world, "invalid_request", &[&[("response_mode", mode)]]).await;
    }
    let changes =
        [("client_id", "nat"), ("redirect_uri", "com.example.app:/cb"), ("response_mode", "form_post")];
    for reply in each_way(&world, &query(&changes)).await {
        assert!(
            reply.expect_status(303).location().starts_with("com.example.app:/cb?error=invalid_request&")
        );
    }
}

#[tokio::test]
async fn a_04_unknown_and_disabled_clients_are_the_same_page() {
    let world = World::new().await;
    let before = world.rows().await;
    let long = "x".repeat(4096);
    let mut answers = Vec::new();
    for client in ["off", "nobody", "l\u{e4}ngst", "notes-api", long.as_str()] {
        for reply in
            each_way(&world, &query(&[("client_id", client), ("redirect_uri", "https://off.example/cb")]))
                .await
        {
            reply.expect_error_page("unknown_client");
            let trace = reply.header("x-trace-id").unwrap().to_owned();
            let headers: Vec<_> = reply.headers.iter().filter(|(name, _)| *name != "x-trace-id").collect();
            answers.push(format!("{headers:?} {}", reply.body.replace(&trace, "")));
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:#?}");
    for reply in each_way(&world, &query(&[("client_id", "")])).await {
        reply.expect_error_page("invalid_request");
    }
    assert_eq!(world.rows().await, before);
}

#[tokio::test]
async fn a_05_what_is_too_large_is_refused() {
    let world = World::new().await;
    let before = world.rows().await;
    let many = "&p=1".repeat(65);
    for reply in each_way(&world, &format!("{}{many}", query(&[]))).await {
        reply.expect_error_page("invalid_request");
    }
    let long = "x".repeat(9000);
    let reply = world.get(&format!("/authorize?{}", query(&[("state", &long)]))).await;
    assert_eq!((reply.status, reply.page()), (414, Some("error")), "{reply:#?}");
    let (state, nonce) = ("x".repeat(2049), "x".repeat(513));
    for reply in each_way(&world, &query(&[("state", &state)])).await {
        reply.expect_redirect_error("invalid_request");
        assert_eq!(reply.parameters()["state"], state, "also when it is what was wrong");
    }
    expect_each(&world, "invalid_request", &[&[("nonce", &nonce)]]).await;
    // Each no longer than it may be, and together more than a URL should carry on.
    let (state, locales) = ("s".repeat(2048), "l".repeat(2048));
    for reply in each_way(&world, &query(&[("state", &state), ("ui_locales", &locales)])).await {
        reply.expect_redirect_error("invalid_request");
        assert_eq!(reply.parameters()["state"], state);
    }
    let fits = query(&[("state", &state), ("ui_locales", &locales[..1024])]);
    let reply = world.raw("POST", "/authorize", form_headers(), fits).await.expect_status(303);
    assert!((4096..6400).contains(&reply.location().len()), "{}", reply.location().len());
    assert_eq!(world.get(reply.location()).await.page(), Some("sign-in"));
    let body = format!("{}&x={}", query(&[]), "x".repeat(70_000));
    let reply = world.raw("POST", "/authorize", form_headers(), body).await;
    assert_eq!((reply.status, reply.page()), (413, Some("error")), "{reply:#?}");
    assert_eq!(world.rows().await, before);
}

#[tokio::test]
async fn a_06_a_scope_that_is_none_is_refused() {
    let world = World::new().await;
    let many = (0..3000).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
    for scope in ["a\"b", "a\\b", "openid\u{7f}", "openid\tprofile", "openid\n", "\u{e4}"] {
        expect_each(&world, "invalid_scope", &[&[("scope", scope)]]).await;
    }
    let reply = world.raw("POST", "/authorize", form_headers(), query(&[("scope", &many)])).await;
    reply.expect_redirect_error("invalid_scope");
}

#[tokio::test]
async fn a_07_what_the_client_may_not_have_is_in_no_token() {
    let world = World::new().await;
    expect_each(&world, "invalid_scope", &[&[("scope", "notes:delete")], &[("scope", "introspect")]]).await;
    let tokens = world.grant("openid notes:read notes:delete introspect").await;
    assert_eq!(tokens["scope"], "notes:read");
    assert_eq!(claims_of(&tokens["access_token"])["scope"], "notes:read");
    // The same for a machine: it has what it is registered for, of one audience, and nothing of a person's.
    let machine = |scope: &'static str| {
        let world = &world;
        async move { world.token(&[("grant_type", "client_credentials"), ("scope", scope)]).await }
    };
    machine("introspect").await.expect_oauth_error(400, "invalid_scope");
    machine("openid").await.expect_oauth_error(400, "invalid_scope");
    let reply = machine("notes:read notes:delete openid").await.expect_status(200);
    assert_eq!(claims_of(&reply.json()["access_token"])["scope"], "notes:read");
}

#[tokio::test]
async fn a_08_prompt_none_shows_nothing_and_signs_nobody_in() {
    let world = World::new().await;
    expect_each(&world, "invalid_request", &[&[("prompt", "none login")], &[("prompt", "none consent")]])
        .await;
    let before = world.rows().await;
    let quiet = format!("/authorize?{}", query(&[("prompt", "none")]));
    let reply = world.get(&quiet).await;
    reply.expect_redirect_error("login_required");
    assert!(!reply.signs_in(), "{reply:#?}");
    assert_eq!(world.rows().await, before);
    let mut browser = world.browser();
    browser
        .code("alice", &[("client_id", "B"), ("redirect_uri", "https://b.example/cb"), ("scope", "openid")])
        .await;
    let before = world.rows().await;
    let reply = browser.get(&quiet).await;
    reply.expect_redirect_error("consent_required");
    assert!(!reply.signs_in(), "{reply:#?}");
    assert_eq!(world.rows().await, before);
}

#[tokio::test]
async fn a_09_signing_in_again_is_real_or_there_is_no_code() {
    let world = World::new().await;
    for age in ["-1", "abc", "1.5", "4294967296"] {
        expect_each(&world, "invalid_request", &[&[("max_age", age)]]).await;
    }
    let mut browser = world.browser();
    let first = world.redeem(&browser.code("alice", &[]).await).await.json();
    world.clock.advance(Duration::from_secs(100));
    for wish in [("prompt", "login"), ("max_age", "60")] {
        let target = format!("/authorize?{}", query(&[wish]));
        let before = world.rows().await;
        let page = browser.get(&target).await.expect_status(200);
        assert_eq!(page.page(), Some("sign-in"), "{wish:?}");
        // Back, and on again: still the question. With the wrong password too.
        let handle = page.fields("/sign-in").into_iter().find(|(name, _)| name == "interaction").unwrap().1;
        let again = browser.get(&format!("/authorize/resume?interaction={handle}")).await;
        assert_eq!(again.page(), Some("sign-in"), "{wish:?}");
        assert_eq!(world.rows().await, before, "{wish:?}");
        let wrong = browser.sign_in(&page, "alice", "wrong").await;
        assert_eq!((wrong.status, wrong.page()), (422, Some("sign-in")), "{wish:?}");
        let again = browser.get(&format!("/authorize/resume?interaction={handle}")).await;
        assert_eq!(again.page(), Some("sign-in"), "{wish:?}");
        let quiet =
            browser.get(&format!("/authorize?{}", query(&[("prompt", "none"), ("max_age", "60")]))).await;
        quiet.expect_redirect_error("login_required");

        let done = browser.sign_in(&page, "alice", PASSWORD).await.expect_status(303);
        let code = browser.get(done.location()).await.expect_status(303).parameters().remove("code").unwrap();
        let second = world.redeem(&code).await.expect_status(200).json();
        let auth_time =
            |tokens: &serde_json::Value| claims_of(&tokens["id_token"])["auth_time"].as_i64().unwrap();
        assert!(auth_time(&second) > auth_time(&first), "{wish:?}");
        world.clock.advance(Duration::from_secs(100));
    }
}

#[tokio::test]
async fn a_10_a_hint_names_a_person_and_signs_nobody_in() {
    let world = World::new().await;
    let alice = world.grant("openid").await["id_token"].as_str().unwrap().to_owned();
    let mut mallory = world.browser();
    mallory.code("mallory", &[]).await;
    let with = |hint: &str, prompt: &'static str| {
        format!("/authorize?{}", query(&[("id_token_hint", hint), ("prompt", prompt)]))
    };
    let before = world.rows().await;
    // Another person's, or nobody's session: never the hinted person's.
    mallory.get(&with(&alice, "none")).await.expect_redirect_error("login_required");
    let reply = world.get(&with(&alice, "none")).await;
    reply.expect_redirect_error("login_required");
    assert!(!reply.signs_in(), "{reply:#?}");
    assert_eq!(mallory.get(&with(&alice, "")).await.page(), Some("sign-in"));
    let [header, payload, signature] = alice.split('.').collect::<Vec<_>>().try_into().unwrap();
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    let mut claims = claims_of(&alice.as_str().into());
    claims["iss"] = "https://other.example.test".into();
    let current = world.app.realm.current();
    let key = current.keyring.signer(Algorithm::RS256, world.app.now()).unwrap();
    let of_another_issuer = key.sign("JWT", &claims).unwrap();
    let access = world.grant("openid notes:read").await["access_token"].as_str().unwrap().to_owned();
    let before_bad = world.rows().await;
    for bad in [
        format!("{none}.{payload}."),
        format!("{none}.{payload}.{signature}"),
        format!("{header}.{payload}."),
        of_another_issuer,
        access,
        "x".to_owned(),
    ] {
        mallory.get(&with(&bad, "none")).await.expect_redirect_error("invalid_request");
        world.get(&with(&bad, "")).await.expect_redirect_error("invalid_request");
    }
    assert_eq!(world.rows().await, before_bad);
    assert_eq!(before.iter().find(|(table, _)| *table == "session"), Some(&("session", 2)));
}

#[tokio::test]
async fn a_11_a_class_that_cannot_be_reached_is_never_claimed() {
    let world = World::new().await;
    let asked = [("acr_values", "urn:mace:incommon:iap:silver phr"), ("scope", "openid")];
    let tokens = world.redeem(&world.browser().code("alice", &asked).await).await.expect_status(200).json();
    let claims = claims_of(&tokens["id_token"]);
    assert_eq!(claims["acr"], grantwell_core::policy::ACR_PASSWORD);
    assert_eq!(claims["amr"], serde_json::json!(["pwd"]));
}

#[tokio::test]
async fn a_13_a_15_request_objects_are_neither_read_nor_fetched() {
    let world = World::new().await;
    let canary = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    canary.set_nonblocking(true).unwrap();
    let here = format!("http://{}/request", canary.local_addr().unwrap());
    for uri in
        [here.as_str(), "file:///etc/passwd", "gopher://127.0.0.1/", "urn:ietf:params:oauth:request_uri:x"]
    {
        expect_each(&world, "request_uri_not_supported", &[&[("request_uri", uri)]]).await;
    }
    let unsigned = "eyJhbGciOiJub25lIn0.eyJjbGllbnRfaWQiOiJ3ZWIifQ.";
    expect_each(&world, "request_not_supported", &[&[("request", unsigned)], &[("request", "x")]]).await;
    assert_eq!(canary.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nobody came");
}

#[tokio::test]
async fn a_19_every_answer_names_the_issuer() {
    let world = World::new().await;
    let issuer = world.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(issuer["issuer"], ISSUER);
    assert_eq!(issuer["authorization_response_iss_parameter_supported"], true);
    let mut browser = world.browser();
    let code = browser.authorize("alice", &[]).await.expect_status(303);
    assert_eq!(
        (code.parameters()["iss"].as_str(), code.parameters()["state"].as_str()),
        (ISSUER, "the state")
    );
    let page = browser.get(&format!("/authorize?{}", query(&[("prompt", "consent")]))).await;
    let denied = browser.submit(&page, "/consent", &[("decision", "deny")]).await;
    denied.expect_redirect_error("access_denied");
    assert_eq!(denied.parameters()["state"], "the state");
    for changes in [
        [("response_mode", "form_post"), ("prompt", "")],
        [("response_mode", "form_post"), ("prompt", "none login")],
    ] {
        let page = browser.get(&format!("/authorize?{}", query(&changes))).await.expect_status(200);
        assert_eq!(page.page(), Some("form-post"));
        let fields = page.fields("https://rp.example/cb");
        assert!(fields.contains(&("iss".to_owned(), ISSUER.to_owned())), "{fields:?}");
        assert!(fields.contains(&("state".to_owned(), "the state".to_owned())), "{fields:?}");
        assert_eq!(fields.iter().any(|(name, _)| name == "code"), changes[1].1.is_empty(), "{fields:?}");
    }
}

#[tokio::test]
async fn a_20_only_registered_resources_are_granted_and_only_granted_ones_given() {
    let world = World::new().await;
    for resource in
        ["/api", "https://api.example.test/#x", "https://unknown.example.test/", "https://api.example.test/x"]
    {
        expect_each(&world, "invalid_target", &[&[("resource", resource)], &[("audience", resource)]]).await;
    }
    // Case of the host, the default port and the slash at the end make no difference, and do not show in the token.
    let asked = [("scope", "openid notes:read"), ("resource", "https://API.example.test:443")];
    let code = world.browser().code("alice", &asked).await;
    let redeem = |code: String, resource: &'static str| {
        let world = &world;
        async move {
            let fields = [
                ("grant_type", "authorization_code"),
                ("code", code.as_str()),
                ("redirect_uri", "https://rp.example/cb"),
                ("code_verifier", VERIFIER),
                ("resource", resource),
            ];
            world.token(&fields).await
        }
    };
    for resource in [OPAQUE_API, "https://unknown.example.test/", "/api"] {
        redeem(code.clone(), resource).await.expect_oauth_error(400, "invalid_target");
    }
    let tokens = redeem(code, "https://api.example.test").await.expect_status(200).json();
    assert_eq!(claims_of(&tokens["access_token"])["aud"], API);
    let refresh = tokens["refresh_token"].as_str().unwrap();
    for (fields, aud) in [
        (
            [
                ("grant_type", "refresh_token"),
                ("refresh_token", refresh),
                ("resource", "HTTPS://api.example.test"),
            ],
            API,
        ),
        (
            [
                ("grant_type", "client_credentials"),
                ("scope", "notes:read"),
                ("audience", "https://api.example.test:443/"),
            ],
            API,
        ),
    ] {
        let tokens = world.token(&fields).await.expect_status(200).json();
        assert_eq!(claims_of(&tokens["access_token"])["aud"], aud, "{fields:?}");
        assert_eq!(world.introspect(tokens["access_token"].as_str().unwrap()).await["aud"], aud);
    }
}

/// The interaction that a form of `page` names.
fn interaction(page: &Reply, action: &str) -> String {
    page.fields(action).into_iter().find(|(name, _)| name == "interaction").unwrap().1
}

#[tokio::test]
async fn a_21_an_interaction_belongs_to_the_browser_that_began_it() {
    let world = World::new().await;
    let (mut starter, mut other) = (world.browser(), world.browser());
    other.code("alice", &[]).await;
    let page = starter.get(&format!("/authorize?{}", query(&[]))).await.expect_status(200);
    let before = world.rows().await;
    let sealed = format!("/authorize/resume?interaction={}", interaction(&page, "/sign-in"));
    other.get(&sealed).await.expect_error_page("other_browser");
    world.get(&sealed).await.expect_error_page("other_browser");
    other.sign_in(&page, "alice", PASSWORD).await.expect_error_page("other_browser");
    assert_eq!(world.rows().await, before);

    // The same once it is a row: after the sign-in, and on the consent page.
    let resume = starter.sign_in(&page, "mallory", PASSWORD).await.expect_status(303).location().to_owned();
    let consent = starter.get(&resume).await.expect_status(200);
    assert_eq!(consent.page(), Some("consent"));
    let before = world.rows().await;
    other.get(&resume).await.expect_error_page("other_browser");
    other.get(&sealed).await.expect_error_page("other_browser");
    other.submit(&consent, "/consent", &[("decision", "allow")]).await.expect_error_page("other_browser");
    assert_eq!(world.rows().await, before);
    let again = starter.get(&resume).await.expect_status(200);
    assert_eq!(again.page(), Some("consent"), "nobody else decided for the one who began");
}

#[tokio::test]
async fn a_21_a_posted_request_is_begun_by_whoever_follows_and_shared_by_nobody() {
    let world = World::new().await;
    let (mut alice, mut mallory) = (world.browser(), world.browser());
    let posted = world
        .raw("POST", "/authorize", form_headers(), query(&[("scope", "openid")]))
        .await
        .expect_status(303);
    let (page, other) = (alice.get(posted.location()).await, mallory.get(posted.location()).await);
    assert_eq!((page.page(), other.page()), (Some("sign-in"), Some("sign-in")));
    mallory.sign_in(&page, "mallory", PASSWORD).await.expect_error_page("other_browser");
    let mut codes = Vec::new();
    for (browser, page, name) in [(&mut alice, page, "alice"), (&mut mallory, other, "mallory")] {
        let resume = browser.sign_in(&page, name, PASSWORD).await.expect_status(303);
        let consent = browser.get(resume.location()).await;
        let reply = browser.submit(&consent, "/consent", &[("decision", "allow")]).await.expect_status(303);
        codes.push(reply.parameters().remove("code").unwrap());
    }
    // Signed in already, each gets a code of its own at once; a second time too.
    for browser in [&alice, &mallory, &alice] {
        let reply = browser.clone().get(posted.location()).await.expect_status(303);
        codes.push(reply.parameters().remove("code").unwrap());
    }
    for (code, name) in codes.iter().zip(["alice", "mallory", "alice", "mallory", "alice"]) {
        let tokens = world.redeem(code).await.expect_status(200).json();
        let sub = world.userinfo(&tokens["access_token"]).await.json()["sub"].clone();
        assert_eq!(sub, world.user(name).await.to_string());
    }
}

#[tokio::test]
async fn n_06_a_sealed_request_that_is_followed_twice_is_answered_alike() {
    let world = World::new().await;
    let mut browser = world.browser();
    let page = browser.get(&format!("/authorize?{}", query(&[]))).await;
    let resume = format!("/authorize/resume?interaction={}", interaction(&page, "/sign-in"));
    // Signed in and agreed in another tab: nothing is missing any more.
    browser.code("alice", &[]).await;
    let first = browser.get(&resume).await.expect_status(303);
    let again = browser.get(&resume).await.expect_status(303);
    assert_eq!(again.location(), first.location(), "a doubled click is one");
    world.redeem(&first.parameters()["code"]).await.expect_status(200);
    browser.get(&resume).await.expect_error_page("page_expired");
}

#[tokio::test]
async fn a_22_what_a_form_says_changes_nothing_of_the_request() {
    let world = World::new().await;
    let mut browser = world.browser();
    let page = browser.get(&format!("/authorize?{}", query(&[("scope", "openid notes:read")]))).await;
    let evil = [
        ("client_id", "B"),
        ("redirect_uri", "https://b.example/cb"),
        ("scope", "openid notes:read notes:write offline_access"),
        ("code_challenge", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        ("state", "another"),
        ("resource", OPAQUE_API),
    ];
    let signed_in = browser
        .submit(&page, "/sign-in", &[&[("username", "alice"), ("password", PASSWORD)], &evil[..]].concat())
        .await;
    let page = browser.get(signed_in.expect_status(303).location()).await.expect_status(200);
    // The account of the page is another's: no code, the page again.
    let fields = page.fields("/consent");
    let mallory = world.user("mallory").await.to_string();
    let stale: Vec<_> = fields
        .iter()
        .map(|(name, value)| {
            (name.as_str(), if name == "account" { mallory.as_str() } else { value.as_str() })
        })
        .chain([("decision", "allow")])
        .collect();
    let before = world.rows().await;
    let reply = browser.post("/consent", &stale).await.expect_status(303);
    assert!(reply.location().starts_with(&format!("{ISSUER}/authorize/resume?")), "{reply:#?}");
    for (name, wrong, cause) in [
        ("interaction", "x", "page_expired"),
        ("anti_forgery", "x", "cross_site"),
        ("account", "", "invalid_request"),
    ] {
        let tampered: Vec<_> = fields
            .iter()
            .map(|(known, value)| (known.as_str(), if known == name { wrong } else { value.as_str() }))
            .chain([("decision", "allow")])
            .collect();
        let reply = browser.post("/consent", &tampered).await;
        assert_eq!((reply.page(), reply.cause()), (Some("error"), Some(cause)), "{name}: {reply:#?}");
    }
    assert_eq!(world.rows().await, before);

    let reply = browser
        .submit(&page, "/consent", &[&[("decision", "allow")], &evil[..]].concat())
        .await
        .expect_status(303);
    assert!(reply.location().starts_with("https://rp.example/cb?code="), "{reply:#?}");
    assert_eq!(reply.parameters()["state"], "the state");
    let tokens = world.redeem(&reply.parameters()["code"]).await.expect_status(200).json();
    assert_eq!(tokens["scope"], "notes:read");
    assert_eq!(claims_of(&tokens["access_token"])["aud"], API);
}

/// The language that a request asks for holds on every page of it.
#[tokio::test]
async fn ui_locales_holds_on_error_pages_and_after_a_wrong_password() {
    let world = World::new().await;
    let german = ("ui_locales", "de");
    for reply in each_way(&world, &query(&[german, ("redirect_uri", "https://evil.example/")])).await {
        assert!(reply.body.contains("<html lang=\"de\""), "{reply:#?}");
    }
    let mut browser = world.browser();
    let page = browser.get(&format!("/authorize?{}", query(&[german]))).await;
    assert!(page.body.contains("<html lang=\"de\""), "{page:#?}");
    let reply = browser.sign_in(&page, "alice", "a wrong password").await;
    assert!(reply.status == 422 && reply.body.contains("<html lang=\"de\""), "{reply:#?}");
    world.clock.advance(world.app.realm.policy.lifetimes.interaction);
    let reply = browser.sign_in(&page, "alice", PASSWORD).await;
    reply.expect_error_page("page_expired");
    assert!(reply.body.contains("<html lang=\"de\""), "{reply:#?}");
}
