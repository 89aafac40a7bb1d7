//! Group R: where a response may go, and above all where it may not (RFC 6749 §3.1.2, RFC 8252 §7, RFC 9700 §2.1, §4.1).
//!
//! Which strings match is a table in the core. Here one of each kind goes through the router, by GET and POST, from an unknown
//! browser and from a person whose code would be issued at once.

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
async fn r_01_r_05_r_06_r_07_r_08_r_09_r_10_r_13_r_14_r_17_what_is_not_registered_is_a_page() {
    let world = World::new().await;
    let uris = [
        // Of nobody, of another client, of a client in another realm.
        "https://evil.example/cb",
        "https://b.example/cb",
        "https://neighbour.example/cb",
        // What decoding, trimming or normalising on the way would make equal.
        "https://rp.example/cb?",
        "https://rp.example/cb#",
        "https://rp.example/%63b",
        "https://rp.example/cb/../cb",
        " https://rp.example/cb",
        "https://rp.example/cb ",
        "https://rp.example/cb\0",
        "https://rp.example/cb\r\nX-Evil: y",
        "https://rp.example@evil.com/cb",
        "https://rp.example\\@evil.com/cb",
        "https://r\u{440}.example/cb",
        "https://rp.example/cb?code=x",
        "javascript:alert(1)",
        "\"><script>alert(1)</script>",
    ];
    expect_refused(&world, "web", &uris).await;
    expect_refused(&world, "B", &["https://rp.example/cb"]).await;
    expect_refused(&world, "nat", &["http://127.0.0.1:9/x", "http://localhost:9/cb", "com.example.app://cb"])
        .await;
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
