//! Catalogue O: signing out. Back-channel logout (O-04, O-05) is not there yet.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{
    Browser, ISSUER, World, form,
    harness::Setting,
    injection::logged,
    sign_in::{claims, is_signed_in, signed_in},
};
use crate::{app::ErrorAudience, telemetry::LogShape};

const BACK: &str = "https://rp.example/signed-out";

/// Alice's browser and the token answer of `web` for it.
async fn granted(world: &World) -> (Browser<'_>, serde_json::Value) {
    let mut browser = world.browser();
    let code = browser.code("alice", &[("scope", "openid notes:read")]).await;
    let tokens = world.redeem(&code).await.expect_status(200).json();
    (browser, tokens)
}

fn end(parameters: &[(&str, &str)]) -> String {
    format!("/end_session?{}", form(parameters))
}

/// `token` with other claims and the old signature, and without any.
fn forgeries(token: &str, change: impl Fn(&mut serde_json::Value)) -> Vec<String> {
    let mut altered = claims(token);
    change(&mut altered);
    let payload = URL_SAFE_NO_PAD.encode(altered.to_string());
    let parts: Vec<_> = token.split('.').collect();
    let none = URL_SAFE_NO_PAD.encode("{\"alg\":\"none\",\"typ\":\"JWT\"}");
    vec![
        format!("{}.{payload}.{}", parts[0], parts[2]),
        format!("{none}.{payload}."),
        format!("{none}.{}.", parts[1]),
        format!("{none}.{}.{}", parts[1], parts[2]),
    ]
}

#[tokio::test]
async fn o_01_without_a_genuine_hint_the_person_is_asked() {
    let world = World::new().await;
    let (mut browser, tokens) = granted(&world).await;
    let before = world.rows().await;
    let access = tokens["access_token"].as_str().unwrap();
    for target in [
        "/end_session".to_owned(),
        end(&[("client_id", "web")]),
        end(&[("client_id", "web"), ("post_logout_redirect_uri", BACK)]),
        end(&[("id_token_hint", "nonsense")]),
        end(&[("id_token_hint", access)]),
        end(&[("decision", "sign-out")]),
        end(&[("logout_hint", "alice")]),
    ] {
        // As an image on another site would ask, and as a form there would.
        let foreign = [("sec-fetch-site", "cross-site"), ("sec-fetch-dest", "image")];
        let reply = browser.send(axum::http::Method::GET, &target, axum::body::Body::empty(), &foreign).await;
        assert_eq!((reply.status, reply.page()), (200, Some("logout")), "{target}");
        assert!(reply.header("location").is_none());
        let reply = browser.post_from("/end_session", &[("client_id", "web")], &foreign).await;
        let reply = browser.get(reply.expect_status(303).location()).await;
        assert_eq!(reply.page(), Some("logout"));
    }
    assert_eq!(world.rows().await, before);
    assert!(is_signed_in(&mut browser).await);
    // "Stay" stays.
    let page = browser.get("/end_session").await;
    let reply = browser.submit(&page, "/end_session", &[("decision", "stay")]).await.expect_status(303);
    assert_eq!(reply.location(), format!("{ISSUER}/account"));
    assert!(is_signed_in(&mut browser).await);
    // Yes ends it, with the address and state that came with the request.
    let page = browser
        .get(&end(&[("client_id", "web"), ("post_logout_redirect_uri", BACK), ("state", "a b&c")]))
        .await;
    let reply = browser.submit(&page, "/end_session", &[("decision", "sign-out")]).await.expect_status(303);
    assert_eq!(reply.location(), format!("{BACK}?state=a+b%26c"));
    assert!(!is_signed_in(&mut browser).await);
}

#[tokio::test]
async fn o_02_only_a_registered_address_is_gone_to() {
    let world = World::new().await;
    let (mut browser, tokens) = granted(&world).await;
    let hint = tokens["id_token"].as_str().unwrap();
    let before = world.rows().await;
    for address in [
        "https://rp.example/signed-out/x",
        "https://rp.example/signed-outx",
        "https://rp.example.evil.com/signed-out",
        "https://evil.com/https://rp.example/signed-out",
        "https://rp.example/signed-out?x=1",
        "https://rp.example/signed-out?",
        "https://rp.example/signed-out#",
        "https://rp.example/signed-out#x",
        "HTTPS://rp.example/signed-out",
        "https://RP.example/signed-out",
        "https://rp.example:443/signed-out",
        "https://rp.example/signed-out/",
        "https://rp.example//signed-out",
        "https://rp.example/signed%2Dout",
        "https://rp.example/./signed-out",
        "https://rp.example@evil.com/signed-out",
        "https://rp.example:80@evil.com/signed-out",
        "https://rp.example/x/../signed-out",
        "https://rp.example\\@evil.com/signed-out",
        " https://rp.example/signed-out",
        "https://rp.example/signed-out\r\nX: y",
        "https://rp.example/signed-out\u{2028}",
        "https://r\u{440}.example/signed-out",
        "http://rp.example/signed-out",
        "http://127.0.0.1/signed-out",
        "//rp.example/signed-out",
        "/signed-out",
        "javascript:alert(1)",
        "data:text/html,x",
        // Registered, but for signing in; and one that belongs to another client.
        "https://rp.example/cb",
        "https://b.example/cb",
    ] {
        for known in [("client_id", "web"), ("id_token_hint", hint)] {
            let reply = browser.get(&end(&[known, ("post_logout_redirect_uri", address)])).await;
            reply.expect_error_page("invalid_logout");
        }
    }
    // Not without knowing whose address it is, nor for another client, a disabled or unknown one.
    for parameters in [
        vec![("post_logout_redirect_uri", BACK)],
        vec![("post_logout_redirect_uri", BACK), ("client_id", "B")],
        vec![("post_logout_redirect_uri", BACK), ("client_id", "off")],
        vec![("post_logout_redirect_uri", BACK), ("client_id", "nobody")],
        vec![("post_logout_redirect_uri", BACK), ("id_token_hint", "nonsense")],
        vec![("post_logout_redirect_uri", BACK), ("client_id", "web"), ("client_id", "web")],
        vec![("post_logout_redirect_uri", BACK), ("post_logout_redirect_uri", BACK), ("client_id", "web")],
        vec![("id_token_hint", hint), ("id_token_hint", hint)],
    ] {
        browser.get(&end(&parameters)).await.expect_error_page("invalid_logout");
    }
    assert_eq!(world.rows().await, before);
    assert!(is_signed_in(&mut browser).await);
}

#[tokio::test]
async fn o_03_a_forged_or_foreign_hint_signs_nobody_out() {
    let world = World::new().await;
    let (mut browser, tokens) = granted(&world).await;
    let hint = tokens["id_token"].as_str().unwrap();
    let mut mallory = world.browser();
    let code = mallory.code("mallory", &[("scope", "openid")]).await;
    let mallorys = world.redeem(&code).await.json();
    let mut forged = forgeries(hint, |claims| claims["iss"] = "https://other.example.test".into());
    forged.extend(forgeries(hint, |claims| claims["exp"] = 4_000_000_000_u32.into()));
    forged.extend(forgeries(mallorys["id_token"].as_str().unwrap(), |other| {
        let genuine = claims(hint);
        other["sub"] = genuine["sub"].clone();
        other["sid"] = genuine["sid"].clone();
    }));
    // Genuine, about somebody who is not signed in here.
    forged.push(mallorys["id_token"].as_str().unwrap().to_owned());
    let before = world.rows().await;
    for hint in &forged {
        let reply = browser.get(&end(&[("id_token_hint", hint)])).await;
        assert_eq!((reply.status, reply.page()), (200, Some("logout")), "{hint}");
    }
    browser
        .get(&end(&[("id_token_hint", hint), ("client_id", "B")]))
        .await
        .expect_error_page("invalid_logout");
    assert_eq!(world.rows().await, before);
    assert!(is_signed_in(&mut browser).await && is_signed_in(&mut mallory).await);
}

#[tokio::test]
async fn o_03_a_genuine_hint_counts_after_its_time_and_ends_its_own_session_only() {
    let world = World::new().await;
    let (mut browser, tokens) = granted(&world).await;
    let mut elsewhere = signed_in(&world, "alice").await;
    let hint = tokens["id_token"].as_str().unwrap();
    world.clock.advance(Duration::from_mins(30));
    let reply = browser.get(&end(&[("id_token_hint", hint), ("post_logout_redirect_uri", BACK)])).await;
    assert_eq!(reply.expect_status(303).location(), BACK);
    assert!(!is_signed_in(&mut browser).await);
    assert!(is_signed_in(&mut elsewhere).await);
    // Again, with nobody signed in: the same way out, and nothing to end.
    let before = world.rows().await;
    let reply = browser.get(&end(&[("id_token_hint", hint), ("post_logout_redirect_uri", BACK)])).await;
    assert_eq!(reply.expect_status(303).location(), BACK);
    assert_eq!(browser.get("/end_session").await.expect_status(200).page(), Some("signed-out"));
    assert_eq!(world.rows().await, before);
    // POST is as good as GET (RP-Initiated Logout 1.0 §2).
    let reply = elsewhere.post("/end_session", &[]).await;
    let reply = elsewhere.get(reply.expect_status(303).location()).await;
    assert_eq!(reply.page(), Some("logout"));
}

#[tokio::test]
async fn o_06_after_signing_out_the_session_and_what_hangs_on_it_are_dead() {
    let world = World::new().await;
    let mut browser = world.browser();
    let online = world.redeem(&browser.code("alice", &[("scope", "openid notes:read")]).await).await.json();
    let offline = [("scope", "openid offline_access notes:read")];
    let offline = world.redeem(&browser.code("alice", &offline).await).await.json();
    let unredeemed = browser.code("alice", &[("scope", "openid notes:read")]).await;
    let refresh = async |tokens: &serde_json::Value| {
        let token = tokens["refresh_token"].as_str().unwrap();
        world.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    };
    let online = refresh(&online).await.expect_status(200).json();
    let mut stolen = browser.clone();
    let page = browser.get("/end_session").await;
    browser.submit(&page, "/end_session", &[("decision", "sign-out")]).await.expect_status(200);

    assert!(!is_signed_in(&mut stolen).await);
    let reply = refresh(&online).await;
    assert_eq!((reply.status, &reply.json()["error"]), (400, &"invalid_grant".into()));
    assert!(!world.is_active(online["access_token"].as_str().unwrap()).await);
    let reply = world.redeem(&unredeemed).await;
    assert_eq!((reply.status, &reply.json()["error"]), (400, &"invalid_grant".into()));
    // What was asked for while the person is away goes on (Core 1.0 §11).
    refresh(&offline).await.expect_status(200);
    // An interaction that the session had begun asks anew.
    let reply = stolen.get(&format!("/authorize?{}", super::query(&[("prompt", "none")]))).await;
    reply.expect_redirect_error("login_required");
}

#[tokio::test]
async fn o_01_o_06_a_yes_signs_out_everybody_the_page_named_and_nobody_else() {
    let world = World::new().await;
    let mut browser = signed_in(&world, "alice").await;
    let alone = browser.get("/end_session").await;
    assert!(alone.body.contains("Alice Example") && !alone.body.contains("accounts that are signed in"));
    // Another person signs in beside her, in another tab.
    let other = [("prompt", "login"), ("scope", "openid")];
    browser.code("mallory", &other).await;
    let both = browser.get("/end_session").await;
    assert!(both.body.contains("All 2 accounts"), "{both:#?}");
    assert!(both.body.contains("Alice Example") && both.body.contains("Mallory Example"));
    // The page that named Alice alone ends Alice's session alone.
    browser.submit(&alone, "/end_session", &[("decision", "sign-out")]).await.expect_status(200);
    assert!(is_signed_in(&mut browser).await);
    let left = browser.get("/end_session").await;
    assert!(left.body.contains("Mallory Example") && !left.body.contains("Alice Example"));
    // Nobody it names is here any more: asked again.
    let again = browser.submit(&alone, "/end_session", &[("decision", "sign-out")]).await;
    assert_eq!(again.page(), Some("logout"));
    assert!(is_signed_in(&mut browser).await);
    browser.submit(&both, "/end_session", &[("decision", "sign-out")]).await.expect_status(200);
    assert!(!is_signed_in(&mut browser).await);
}

/// A form on another site brings no cookies (`SameSite=Lax`). What it asks for goes on in a GET, which brings them.
#[tokio::test]
async fn o_03_a_sign_out_that_is_posted_from_another_site_sees_the_session() {
    let world = World::new().await;
    for to_application in [true, false] {
        let (mut browser, tokens) = granted(&world).await;
        let hint = tokens["id_token"].as_str().unwrap();
        let mut fields = vec![("id_token_hint", hint), ("ui_locales", "de")];
        if to_application {
            fields.push(("post_logout_redirect_uri", BACK));
        }
        let foreign = [("origin", "https://rp.example"), ("sec-fetch-site", "cross-site")];
        let without_cookies = world.browser().post_from("/end_session", &fields, &foreign).await;
        assert!(is_signed_in(&mut browser).await);
        let reply = browser.get(without_cookies.expect_status(303).location()).await;
        if to_application {
            assert_eq!(reply.expect_status(303).location(), BACK);
        } else {
            assert_eq!(reply.page(), Some("signed-out"));
            assert!(reply.body.contains("Sie sind abgemeldet"), "{reply:#?}");
        }
        assert!(!is_signed_in(&mut browser).await);
    }
    // Without a hint the person is asked.
    let mut browser = signed_in(&world, "alice").await;
    let reply = world.browser().post_from("/end_session", &[("client_id", "web")], &[]).await;
    let page = browser.get(reply.expect_status(303).location()).await;
    assert_eq!(page.page(), Some("logout"));
    browser.submit(&page, "/end_session", &[("decision", "sign-out")]).await.expect_status(200);
    assert!(!is_signed_in(&mut browser).await);
}

#[tokio::test]
async fn a_page_that_says_signed_out_says_who_is_not() {
    let world = World::new().await;
    let (mut browser, tokens) = granted(&world).await;
    browser.code("mallory", &[("prompt", "login"), ("scope", "openid")]).await;
    let hint = tokens["id_token"].as_str().unwrap();
    let reply = browser.get(&end(&[("id_token_hint", hint)])).await.expect_status(200);
    assert!(reply.body.contains("Other accounts are still signed in"), "{reply:#?}");
    assert!(is_signed_in(&mut browser).await);
}

#[tokio::test]
async fn the_parameter_that_is_wrong_is_named_to_developers_to_programs_and_in_the_log() {
    let developers = World::with(Setting { audience: ErrorAudience::Developers, ..Setting::default() }).await;
    let people = World::new().await;
    for (target, name, reason) in [
        ("/end_session?state=a&state=b".to_owned(), "state", "repeated_parameter"),
        (end(&[("client_id", &"x".repeat(3000))]), "client_id", "parameter_too_long"),
        (
            end(&[("client_id", "web"), ("post_logout_redirect_uri", "https://evil.example/")]),
            "post_logout_redirect_uri",
            "post_logout_redirect_uri_mismatch",
        ),
    ] {
        let reply = people.get(&target).await;
        reply.expect_error_page("invalid_logout");
        assert!(!reply.body.contains(reason), "{reply:#?}");
        let reply = developers.get(&target).await;
        reply.expect_error_page("invalid_logout");
        assert!(reply.body.contains(&format!("<code><bdi>{name}</bdi></code>")), "{reply:#?}");
        let reply = people.raw("GET", &target, &[("accept", "application/json")], "").await.json();
        assert_eq!(reply["error"], "invalid_logout");
        assert!(reply["error_description"].as_str().unwrap().starts_with(name), "{reply}");
        let (log, lines) = logged(LogShape::Json);
        let guard = tracing::dispatcher::set_default(&log);
        people.get(&target).await;
        drop(guard);
        let text = lines.take();
        assert!(text.contains(&format!("\"parameter\":\"{name}\"")) && text.contains(reason), "{text}");
    }
}
