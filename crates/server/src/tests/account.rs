//! The account page: what is connected, where one is signed in, and that nobody else can press its buttons (catalogue N-05,
//! O-06, L-02).

use std::time::Duration;

use axum::{body::Body, http::Method};

use super::{
    Browser, ISSUER, Reply, World, query,
    sign_in::{is_signed_in, signed_in},
};

/// The fields of each form of the page for `action`.
fn forms(page: &Reply, action: &str) -> Vec<Vec<(String, String)>> {
    let marker = format!("action=\"{action}\"");
    let mut rest = page.body.as_str();
    let mut found = Vec::new();
    while let Some(at) = rest.find(&marker) {
        let one = Reply { status: 200, headers: axum::http::HeaderMap::new(), body: rest[at..].to_owned() };
        found.push(one.fields(action));
        rest = &rest[at + marker.len()..];
    }
    found
}

fn named(fields: &[(String, String)], name: &str) -> String {
    fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()).unwrap()
}

/// The form whose field `name` has `value`.
fn form_of(page: &Reply, action: &str, value: &str) -> Vec<(String, String)> {
    let mut all = forms(page, action);
    all.retain(|fields| fields.iter().any(|(_, known)| known == value));
    all.pop().unwrap_or_else(|| panic!("no {value} for {action}: {page:#?}"))
}

async fn press(browser: &mut Browser<'_>, action: &str, fields: &[(String, String)]) -> Reply {
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.post(action, &fields).await
}

#[tokio::test]
async fn the_page_shows_applications_and_sessions_of_this_person_only() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.code("alice", &[("scope", "openid offline_access notes:read")]).await;
    world.browser().code("mallory", &[("client_id", "B"), ("redirect_uri", "https://b.example/cb")]).await;
    let page = browser.get("/account").await.expect_status(200);
    assert_eq!(page.header("cache-control"), Some("no-store"));
    for text in ["Alice Example", "Example web application", "Read your notes", "192.0.2.1"] {
        assert!(page.body.contains(text), "{text}: {page:#?}");
    }
    for text in ["Mallory", "Another application", "neighbour"] {
        assert!(!page.body.contains(text), "{text}: {page:#?}");
    }
    assert_eq!(forms(&page, "/account/disconnect").len(), 1);
    // One for this session in its row, one at the top, none for "others" while there are none.
    assert_eq!(forms(&page, "/account/sign-out").len(), 2);
}

#[tokio::test]
async fn n_05_disconnecting_kills_every_token_and_asks_again() {
    let world = World::new().await;
    let mut browser = world.browser();
    let scope = [("scope", "openid offline_access notes:read")];
    let tokens = world.redeem(&browser.code("alice", &scope).await).await.json();
    let unredeemed = browser.code("alice", &scope).await;
    let (access, refresh) = (&tokens["access_token"], tokens["refresh_token"].as_str().unwrap());
    assert!(world.is_active(access.as_str().unwrap()).await);

    let page = browser.get("/account").await;
    let form = forms(&page, "/account/disconnect").remove(0);
    // Somebody else's consent is not found.
    let mut mallory = world.browser();
    mallory.code("mallory", &[]).await;
    let mallorys = forms(&mallory.get("/account").await, "/account/disconnect").remove(0);
    let mut crossed = mallorys.clone();
    crossed.retain(|(name, _)| name != "consent");
    crossed.push(("consent".to_owned(), named(&form, "consent")));
    assert_eq!(press(&mut mallory, "/account/disconnect", &crossed).await.status, 404);
    for id in ["", "nonsense", "00000000-0000-7000-8000-000000000000"] {
        let mut wrong = form.clone();
        wrong.retain(|(name, _)| name != "consent");
        wrong.push(("consent".to_owned(), id.to_owned()));
        assert_eq!(press(&mut browser, "/account/disconnect", &wrong).await.status, 404, "{id}");
    }
    assert!(world.is_active(access.as_str().unwrap()).await);

    let reply = press(&mut browser, "/account/disconnect", &form).await.expect_status(303);
    assert_eq!(reply.location(), format!("{ISSUER}/account?done=disconnected"));
    let reply = world.token(&[("grant_type", "refresh_token"), ("refresh_token", refresh)]).await;
    assert_eq!((reply.status, &reply.json()["error"]), (400, &"invalid_grant".into()));
    assert!(!world.is_active(access.as_str().unwrap()).await);
    assert_eq!(world.introspect(refresh).await, serde_json::json!({ "active": false }));
    world.redeem(&unredeemed).await.expect_status(400);
    assert!(forms(&browser.get("/account").await, "/account/disconnect").is_empty());
    let quiet = browser.get(&format!("/authorize?{}", query(&[("prompt", "none")]))).await;
    quiet.expect_redirect_error("consent_required");
    assert_eq!(browser.get(&format!("/authorize?{}", query(&[]))).await.page(), Some("consent"));
    // Agreeing again revives nothing.
    browser.code("alice", &scope).await;
    assert!(!world.is_active(access.as_str().unwrap()).await);
    // The button of the old page is over.
    assert_eq!(press(&mut browser, "/account/disconnect", &form).await.status, 404);
}

#[tokio::test]
async fn o_06_one_other_session_or_all_others_or_this_one_is_signed_out() {
    let world = World::new().await;
    let mut here = signed_in(&world, "alice").await;
    world.clock.advance(Duration::from_secs(1));
    let mut there = signed_in(&world, "alice").await;
    let mut third = signed_in(&world, "alice").await;
    let mut mallory = signed_in(&world, "mallory").await;
    let page = here.get("/account").await;
    let own = named(&forms(&page, "/account/sign-out")[0], "session");
    let theres = named(&forms(&there.get("/account").await, "/account/sign-out")[0], "session");
    assert_ne!(own, theres);

    // Another person's session is not found, whatever form it stands in.
    let mallorys = mallory.get("/account").await;
    let mut crossed =
        form_of(&mallorys, "/account/sign-out", &named(&forms(&mallorys, "/account/sign-out")[0], "session"));
    crossed.retain(|(name, _)| name != "session");
    for id in [own.as_str(), theres.as_str(), "", "nonsense", "00000000-0000-7000-8000-000000000000"] {
        let mut fields = crossed.clone();
        fields.push(("session".to_owned(), id.to_owned()));
        assert_eq!(press(&mut mallory, "/account/sign-out", &fields).await.status, 404, "{id}");
    }
    // "Others", of which Mallory has none, takes nobody else's.
    let mut fields = crossed.clone();
    fields.push(("session".to_owned(), "others".to_owned()));
    assert_eq!(press(&mut mallory, "/account/sign-out", &fields).await.status, 303);
    for browser in [&mut here, &mut there, &mut third, &mut mallory] {
        assert!(is_signed_in(browser).await);
    }

    let fields = form_of(&page, "/account/sign-out", &theres);
    let reply = press(&mut here, "/account/sign-out", &fields).await.expect_status(303);
    assert_eq!(reply.location(), format!("{ISSUER}/account?done=session-ended"));
    assert!(is_signed_in(&mut here).await && is_signed_in(&mut third).await);
    assert!(!is_signed_in(&mut there).await);
    assert_eq!(press(&mut here, "/account/sign-out", &fields).await.status, 404);

    let fields = form_of(&page, "/account/sign-out", "others");
    let reply = press(&mut here, "/account/sign-out", &fields).await.expect_status(303);
    assert_eq!(reply.location(), format!("{ISSUER}/account?done=others-ended"));
    assert!(is_signed_in(&mut here).await && is_signed_in(&mut mallory).await);
    assert!(!is_signed_in(&mut third).await);

    let fields = form_of(&page, "/account/sign-out", &own);
    let mut stolen = here.clone();
    press(&mut here, "/account/sign-out", &fields).await.expect_status(303);
    assert!(!here.cookies.contains_key("__Host-sid"));
    assert!(!is_signed_in(&mut stolen).await && is_signed_in(&mut mallory).await);
}

#[tokio::test]
async fn l_02_a_form_of_the_page_is_of_this_browser_and_this_session() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.code("alice", &[]).await;
    let page = browser.get("/account").await;
    let (disconnect, sign_out) =
        (forms(&page, "/account/disconnect").remove(0), forms(&page, "/account/sign-out").remove(0));
    let mut mallory = signed_in(&world, "mallory").await;
    let mallorys = named(&forms(&mallory.get("/account").await, "/account/sign-out")[0], "anti_forgery");
    let before = world.rows().await;
    for (action, fields) in [("/account/disconnect", &disconnect), ("/account/sign-out", &sign_out)] {
        let mut forged = fields.clone();
        forged.retain(|(name, _)| name != "anti_forgery");
        assert_eq!(press(&mut browser, action, &forged).await.status, 403);
        forged.push(("anti_forgery".to_owned(), mallorys.clone()));
        assert_eq!(press(&mut browser, action, &forged).await.status, 403);
        // Nobody signed in: to the page, which asks to sign in.
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let reply = world.post(action, &fields, &[]).await.expect_status(303);
        assert_eq!(reply.location(), format!("{ISSUER}/account"));
        // GET changes nothing.
        assert_eq!(browser.send(Method::GET, action, Body::empty(), &[]).await.status, 405);
    }
    assert_eq!(world.rows().await, before);
    // Another person signs in in this browser: a page of hers is no page of his.
    let again = browser.get(&format!("/authorize?{}", query(&[("prompt", "login")]))).await;
    browser.sign_in(&again, "mallory", super::harness::PASSWORD).await.expect_status(303);
    assert_eq!(press(&mut browser, "/account/disconnect", &disconnect).await.status, 403);
    assert!(is_signed_in(&mut browser).await);
}
