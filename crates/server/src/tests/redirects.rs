//! Group R: where an answer may go, and above all where it may not (RFC 6749 §3.1.2, RFC 8252 §7, RFC 9700 §2.1, §4.1).
//!
//! Which strings match is a table in the core; here every one of them is sent through the router, by GET and POST, by a
//! stranger and by a person whose code would be issued at once.

use super::{
    Browser, World,
    expect::{but_refusals, form_headers},
    harness::{PASSWORD, VERIFIER},
    query,
};

/// Every URI is answered by a page, whoever asks and however, and nothing is written.
async fn expect_refused(world: &World, client: &str, uris: &[&str]) {
    let mut browser = world.browser();
    browser.authorize("alice", &[("client_id", client), ("redirect_uri", registered(client))]).await;
    let before = world.rows().await;
    for uri in uris {
        let request = query(&[("client_id", client), ("redirect_uri", uri)]);
        let target = format!("/authorize?{request}");
        for reply in [
            browser.get(&target).await,
            world.get(&target).await,
            world.raw("POST", "/authorize", form_headers(), request.clone()).await,
            world.get(&format!("{target}&prompt=none")).await,
        ] {
            reply.expect_error_page("redirect_uri_mismatch");
            assert!(!reply.body.contains(uri), "{uri} is echoed: {reply:#?}");
        }
    }
    assert_eq!(world.rows().await, before);
}

fn registered(client: &str) -> &'static str {
    match client {
        "nat" => "http://127.0.0.1/cb",
        "B" => "https://b.example/cb",
        _ => "https://rp.example/cb",
    }
}

#[tokio::test]
async fn r_01_an_unregistered_uri_is_a_page() {
    let world = World::new().await;
    let of_others =
        ["https://evil.example/cb", "https://b.example/cb", "https://neighbour.example/cb", "nonsense"];
    expect_refused(&world, "web", &of_others).await;
    expect_refused(&world, "B", &["https://rp.example/cb"]).await;
}

#[tokio::test]
async fn r_02_it_may_be_missing_only_where_nothing_is_ambiguous() {
    let world = World::new().await;
    for (client, scope) in [("web", "notes:read"), ("web", "openid"), ("B", "openid")] {
        let changes = [("client_id", client), ("redirect_uri", ""), ("scope", scope)];
        let reply = world.get(&format!("/authorize?{}", query(&changes))).await;
        reply.expect_error_page("redirect_uri_missing");
    }
    let changes = [("client_id", "B"), ("redirect_uri", ""), ("scope", "notes:read")];
    let reply = world.get(&format!("/authorize?{}", query(&changes))).await;
    assert_eq!(reply.expect_status(200).page(), Some("sign-in"));
}

#[tokio::test]
async fn r_03_r_06_r_07_another_host_or_path_is_a_page() {
    let world = World::new().await;
    let uris = [
        "https://rp.example/cb/x",
        "https://rp.example/cbx",
        "https://rp.example.evil.com/cb",
        "https://evil.com/https://rp.example/cb",
        "https://rp.example@evil.com/cb",
        "https://rp.example:80@evil.com/cb",
        "https://a@b@evil.com/cb",
        "https://user@rp.example/cb",
        "https://rp.example/cb/../x",
        "https://rp.example/cb/..;/x",
        "https://rp.example/cb/%2e%2e/x",
        "https://rp.example/cb/..%2fx",
        "https://rp.example/cb/%252e%252e%252fx",
    ];
    expect_refused(&world, "web", &uris).await;
    expect_refused(&world, "nat", &["http://127.0.0.1:80@evil.com/cb", "http://127.0.0.1/cb/../x"]).await;
}

#[tokio::test]
async fn r_04_r_05_r_09_the_comparison_is_of_bytes() {
    let world = World::new().await;
    let uris = [
        "https://rp.example/cb?",
        "https://rp.example/cb?a=1",
        "HTTPS://rp.example/cb",
        "https://RP.example/cb",
        "https://rp.example/CB",
        "https://rp.example:443/cb",
        "https://rp.example/cb/",
        "https://rp.example//cb",
        "https://rp.example/%63b",
        "https://rp.example/./cb",
        "https://rp.example/cb#",
        "https://rp.example/cb#x",
    ];
    expect_refused(&world, "web", &uris).await;
    expect_refused(&world, "nat", &["http://127.0.0.1:9/cb?a=1", "http://127.0.0.1:9/cb#"]).await;
}

#[tokio::test]
async fn r_08_r_10_strange_characters_are_a_page() {
    let world = World::new().await;
    let uris = [
        "https://rp.example\\@evil.com/cb",
        " https://rp.example/cb",
        "\thttps://rp.example/cb",
        "https://rp.example/cb ",
        "https://rp.example/cb\r\nX-Evil: y",
        "https://rp.example/cb\0",
        "https://rp.example/cb\u{2028}",
        "https://r\u{440}.example/cb",
        "https://xn--r-7tb.example/cb",
        "https://xn--rp-.example/cb",
        "\"><script>alert(1)</script>",
    ];
    expect_refused(&world, "web", &uris).await;
}

#[tokio::test]
async fn r_11_a_native_application_may_listen_on_any_port() {
    let world = World::new().await;
    for port in ["1", "4711", "65535"] {
        for host in ["127.0.0.1", "[::1]"] {
            let uri = format!("http://{host}:{port}/cb");
            let changes = [("client_id", "nat"), ("redirect_uri", uri.as_str()), ("scope", "openid")];
            let reply = world.browser().authorize("alice", &changes).await.expect_status(303);
            assert!(reply.location().starts_with(&format!("{uri}?code=gwc_")), "{reply:#?}");
        }
    }
    let uris = [
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:65536/cb",
        "http://127.0.0.1:abc/cb",
        "http://127.0.0.1:9/x",
        "http://127.0.0.1:9/cb?x=1",
    ];
    expect_refused(&world, "nat", &uris).await;
}

#[tokio::test]
async fn r_12_r_13_only_the_registered_loopback_addresses_are_loopback() {
    let world = World::new().await;
    let uris = [
        "https://127.0.0.1:9/cb",
        "http://127.0.0.2:9/cb",
        "http://127.1:9/cb",
        "http://2130706433:9/cb",
        "http://0.0.0.0:9/cb",
        "http://[::ffff:127.0.0.1]:9/cb",
        "http://localhost/cb",
        "http://localhost:9/cb",
        "http://localhost.evil.com/cb",
        "http://127.0.0.1.nip.io/cb",
        "http://127.0.0.1.nip.io:9/cb",
        "com.example.app:/cb2",
        "com.example.app://cb",
    ];
    expect_refused(&world, "nat", &uris).await;
    expect_refused(&world, "web", &["https://rp.example:9/cb", "http://127.0.0.1:9/cb"]).await;
}

#[tokio::test]
async fn r_14_a_scheme_that_runs_something_is_a_page() {
    let world = World::new().await;
    let uris = [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "\tjavascript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "blob:https://rp.example/x",
    ];
    expect_refused(&world, "web", &uris).await;
    expect_refused(&world, "nat", &uris).await;
}

/// What cannot be asked for cannot be registered either.
#[tokio::test]
async fn r_06_r_09_r_10_r_14_r_15_r_16_r_17_nor_can_it_be_registered() {
    let world = World::new().await;
    let before = world.rows().await;
    let client = |field: &str, kind: &str, uri: &str| {
        let others =
            if field == "redirect_uris" { "" } else { "redirect_uris = [\"https://new.example/cb\"]\n" };
        let uri = serde_json::Value::from(uri);
        let uri = if field.ends_with('s') { format!("[{uri}]") } else { uri.to_string() };
        format!(
            "[[client]]\nclient_id = \"new\"\ntoken_endpoint_auth_method = \"none\"\ngrant_types = \
             [\"authorization_code\"]\nscope = \"openid\"\napplication_type = \"{kind}\"\n{others}{field} = {uri}\n"
        )
    };
    let wrong = [
        "https://rp.example@evil.com/cb",
        "https://rp.example/cb#x",
        "https://rp.example/cb#",
        "https://r\u{440}.example/cb",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "\\tjavascript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "blob:https://rp.example/x",
        "http://rp.example/cb",
        "https://*.rp.example/cb",
        "https://rp.example/*",
    ];
    for uri in wrong {
        for (field, kind) in
            [("redirect_uris", "web"), ("redirect_uris", "native"), ("post_logout_redirect_uris", "web")]
        {
            assert!(world.try_apply(&client(field, kind, uri)).await.is_err(), "{field} {kind} {uri}");
        }
    }
    for uri in ["javascript:alert(1)", "data:text/html,x", "vbscript:x"] {
        for field in ["client_uri", "logo_uri", "policy_uri", "tos_uri"] {
            assert!(world.try_apply(&client(field, "web", uri)).await.is_err(), "{field} {uri}");
        }
    }
    for uri in ["myapp:/cb", "http://localhost.evil.com/cb", "http://127.0.0.1.nip.io/cb"] {
        assert!(world.try_apply(&client("redirect_uris", "native", uri)).await.is_err(), "{uri}");
    }
    assert!(world.try_apply(&client("redirect_uris", "web", "com.example.app:/cb")).await.is_err());
    for parameter in ["code", "state", "iss", "error", "response"] {
        let uri = format!("https://rp.example/cb?{parameter}=x");
        assert!(world.try_apply(&client("redirect_uris", "web", &uri)).await.is_err(), "{uri}");
    }
    assert_eq!(world.rows().await, before);
    assert!(world.try_apply(&client("redirect_uris", "native", "com.example.app:/cb")).await.is_ok());
}

#[tokio::test]
async fn r_16_a_dot_is_a_dot() {
    let world = World::new().await;
    expect_refused(
        &world,
        "web",
        &["https://rpXexample/cb", "https://rp-example/cb", "http://rp.example/cb"],
    )
    .await;
}

#[tokio::test]
async fn r_17_response_parameters_in_the_uri_are_a_page() {
    let world = World::new().await;
    let uris = [
        "https://rp.example/cb?code=x",
        "https://rp.example/cb?state=x",
        "https://rp.example/cb?iss=https://evil.example",
        "https://rp.example/cb?error=x",
        "https://rp.example/cb?response=x",
    ];
    expect_refused(&world, "web", &uris).await;
}

#[tokio::test]
async fn r_18_no_error_is_sent_to_where_nobody_is_known() {
    let world = World::new().await;
    let before = world.rows().await;
    let evil = ("redirect_uri", "https://evil.example/cb");
    let wrong: [&[(&str, &str)]; 8] = [
        &[("response_type", "token")],
        &[("response_type", "")],
        &[("scope", "\"")],
        &[("scope", "nothing:registered")],
        &[("code_challenge", "short")],
        &[("code_challenge", "")],
        &[("prompt", "none login")],
        &[("request_uri", "https://evil.example/request")],
    ];
    for (client, cause) in [
        ("nobody", "unknown_client"),
        ("off", "unknown_client"),
        ("notes-api", "unknown_client"),
        ("web", "redirect_uri_mismatch"),
    ] {
        for changes in wrong {
            let changes = [changes, &[("client_id", client), evil]].concat();
            let request = query(&changes);
            world.get(&format!("/authorize?{request}")).await.expect_error_page(cause);
            world.raw("POST", "/authorize", form_headers(), request).await.expect_error_page(cause);
        }
    }
    // A good redirect URI is no help to a client that is unknown or disabled.
    for (client, uri) in [("nobody", "https://rp.example/cb"), ("off", "https://off.example/cb")] {
        let changes = [("client_id", client), ("redirect_uri", uri), ("response_type", "token")];
        world.get(&format!("/authorize?{}", query(&changes))).await.expect_error_page("unknown_client");
    }
    assert_eq!(world.rows().await, before);
}

#[tokio::test]
async fn r_20_a_code_is_redeemed_with_the_uri_it_was_asked_for() {
    let world = World::new().await;
    for other in ["https://rp.example/other", "https://rp.example/cb/", ""] {
        let code = world.browser().code("alice", &[]).await;
        let before = world.rows().await;
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", other),
            ("code_verifier", VERIFIER),
        ];
        world.token(&fields).await.expect_oauth_error(400, "invalid_grant");
        world.redeem(&code).await.expect_oauth_error(400, "invalid_grant");
        assert_eq!(but_refusals(world.rows().await), but_refusals(before), "only invalidated");
    }
}

#[tokio::test]
async fn r_21_after_a_post_the_browser_comes_back_with_a_get_and_nothing_in_its_hands() {
    let world = World::new().await;
    let mut browser = world.browser();
    let expect = |reply: &super::Reply| {
        assert_eq!((reply.status, reply.body.as_str()), (303, ""), "{reply:#?}");
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"), "{reply:#?}");
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{reply:#?}");
    };
    let posted = world.raw("POST", "/authorize", form_headers(), query(&[])).await;
    expect(&posted);
    let page = browser.get(posted.location()).await.expect_status(200);
    let signed_in = browser.sign_in(&page, "alice", PASSWORD).await;
    expect(&signed_in);
    let page = browser.get(signed_in.location()).await.expect_status(200);
    let allowed = browser.submit(&page, "/consent", &[("decision", "allow")]).await;
    expect(&allowed);
    assert!(allowed.location().starts_with("https://rp.example/cb?code=gwc_"), "{allowed:#?}");
    assert!(!allowed.location().contains("password"), "{allowed:#?}");

    let denied = deny(&mut world.browser()).await;
    expect(&denied);
    denied.expect_redirect_error("access_denied");
    let error = world.raw("POST", "/authorize", form_headers(), query(&[("response_type", "token")])).await;
    expect(&error);
}

#[tokio::test]
async fn r_01_the_page_names_the_client_and_leads_to_its_own_page_and_nowhere_else() {
    let world = World::new().await;
    let state = "[[client]]\nclient_id = \"home\"\nclient_name = \"Homely\"\nclient_uri = \"https://home.example/\"\n\
                 redirect_uris = [\"https://home.example/cb\"]\n";
    world.apply(state).await;
    let refused = async |uri| {
        let changes = [("client_id", "home"), ("redirect_uri", uri), ("scope", "openid")];
        world.get(&format!("/authorize?{}", query(&changes))).await
    };
    for (uri, cause) in [("https://evil.example/cb", "redirect_uri_mismatch"), ("", "redirect_uri_missing")] {
        let reply = refused(uri).await;
        reply.expect_error_page(cause);
        assert!(
            reply.body.contains("Homely") && reply.body.contains("href=\"https://home.example/\""),
            "{reply:#?}"
        );
        assert!(!reply.body.contains("evil.example"), "{reply:#?}");
    }
    // A disabled client is as unknown as one that is not there.
    world.apply(&format!("{state}disabled = true\n")).await;
    let reply = refused("https://evil.example/cb").await;
    reply.expect_error_page("unknown_client");
    assert!(!reply.body.contains("omely") && !reply.body.contains("home.example"), "{reply:#?}");
}

async fn deny(browser: &mut Browser<'_>) -> super::Reply {
    let page = browser.get(&format!("/authorize?{}", query(&[("prompt", "consent")]))).await;
    let signed_in = browser.sign_in(&page, "mallory", PASSWORD).await;
    let page = browser.get(signed_in.location()).await.expect_status(200);
    browser.submit(&page, "/consent", &[("decision", "deny")]).await
}
