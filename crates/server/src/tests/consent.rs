//! Catalogue N: what a person agrees to, and what only they can.

use grantwell_core::store::Store as _;

use super::{
    Reply, World,
    harness::{API, PASSWORD, VERIFIER},
    query,
    sign_in::claims,
};

fn with<'a>(fields: &'a [(String, String)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = fields.iter().filter(|(name, _)| !more.iter().any(|(other, _)| other == name));
    let kept = kept.map(|(name, value)| (name.as_str(), value.as_str()));
    kept.chain(more.iter().copied()).collect()
}

fn value<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
    fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).unwrap()
}

#[track_caller]
fn has_no_code(reply: &Reply) {
    let location = reply.header("location").unwrap_or_default();
    assert!(!location.contains("code="), "{reply:#?}");
}

#[tokio::test]
async fn n_01_consent_without_signing_in_issues_nothing() {
    let world = World::new().await;
    let mut browser = world.browser();
    // The sealed request and its anti-forgery value, straight to the last step, with any account.
    let page = browser.get(&format!("/authorize?{}", query(&[]))).await;
    let fields = page.fields("/sign-in");
    let before = world.rows().await;
    let user = world.app.store.user_by_login(world.app.realm.id, &name("alice")).await.unwrap().unwrap();
    let account = user.id.to_string();
    let reply =
        browser.post("/consent", &with(&fields, &[("decision", "allow"), ("account", &account)])).await;
    has_no_code(&reply);
    let back = browser.get(reply.expect_status(303).location()).await;
    assert_eq!(back.page(), Some("sign-in"));
    // Neither does going straight to the step behind it.
    let handle = value(&fields, "interaction");
    let reply = browser.get(&format!("/authorize/resume?interaction={handle}")).await;
    assert_eq!(reply.page(), Some("sign-in"));
    assert_eq!(world.rows().await, before);
}

fn name(text: &str) -> grantwell_core::store::LoginName {
    grantwell_core::store::LoginName::new(text)
}

#[tokio::test]
async fn n_01_the_page_of_another_interaction_or_browser_does_not_fit() {
    let world = World::new().await;
    let mut browser = world.browser();
    let mut mallory = world.browser();
    let mut pages = Vec::new();
    for (browser, person) in [(&mut browser, "alice"), (&mut mallory, "mallory")] {
        let page = browser.get(&format!("/authorize?{}", query(&[]))).await;
        let reply = browser.sign_in(&page, person, PASSWORD).await.expect_status(303);
        pages.push(browser.get(reply.location()).await);
        assert_eq!(pages.last().unwrap().page(), Some("consent"));
    }
    let second = browser.get(&format!("/authorize?{}", query(&[]))).await;
    assert_eq!(second.page(), Some("consent"));
    let (first, mallorys, second) =
        (pages[0].fields("/consent"), pages[1].fields("/consent"), second.fields("/consent"));
    let before = world.rows().await;
    for (fields, change) in [
        (&first, ("interaction", value(&second, "interaction"))),
        (&first, ("anti_forgery", value(&second, "anti_forgery"))),
        (&first, ("anti_forgery", value(&mallorys, "anti_forgery"))),
    ] {
        let reply = browser.post("/consent", &with(fields, &[change, ("decision", "allow")])).await;
        assert_eq!((reply.status, reply.cause()), (403, Some("cross_site")), "{change:?}");
    }
    // Mallory's whole page, in Alice's browser: of another browser.
    let reply = browser.post("/consent", &with(&mallorys, &[("decision", "allow")])).await;
    reply.expect_error_page("other_browser");
    for handle in ["", "nonsense", "00000000-0000-7000-8000-000000000000"] {
        let changes = [("interaction", handle), ("decision", "allow")];
        browser.post("/consent", &with(&first, &changes)).await.expect_error_page("page_expired");
    }
    assert_eq!(world.rows().await, before);
}

#[tokio::test]
async fn n_02_nothing_in_the_form_adds_to_what_is_asked() {
    let world = World::new().await;
    let mut browser = world.browser();
    let page = browser.get(&format!("/authorize?{}", query(&[("scope", "openid notes:read")]))).await;
    let reply = browser.sign_in(&page, "alice", PASSWORD).await.expect_status(303);
    let page = browser.get(reply.location()).await;
    let more = [
        ("decision", "allow"),
        ("scope", "openid profile email offline_access notes:read notes:write"),
        ("resource", "https://opaque.example.test/"),
        ("claims", "{\"userinfo\":{\"email\":null}}"),
        ("client_id", "B"),
        ("redirect_uri", "https://b.example/cb"),
        ("code_challenge", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        ("permissions", "*"),
    ];
    let fields = page.fields("/consent");
    let reply = browser.post("/consent", &with(&fields, &more)).await.expect_status(303);
    assert!(reply.location().starts_with("https://rp.example/cb?"));
    let tokens = world.redeem(&reply.parameters()["code"]).await.expect_status(200).json();
    assert_eq!(tokens["scope"], "notes:read");
    let access = claims(tokens["access_token"].as_str().unwrap());
    assert_eq!((&access["scope"], &access["aud"]), (&"notes:read".into(), &API.into()));
}

#[tokio::test]
async fn n_02_a_stale_page_is_made_anew() {
    let world = World::new().await;
    let mut browser = world.browser();
    let scope = ("scope", "openid notes:read");
    let page = browser.get(&format!("/authorize?{}", query(&[scope]))).await;
    let reply = browser.sign_in(&page, "alice", PASSWORD).await.expect_status(303);
    let page = browser.get(reply.location()).await;
    // In another tab of the same page the account was switched.
    let select = browser.submit(&page, "/select-account", &[("other_accounts", "1")]).await;
    let another = browser.submit(&select, "/select-account", &[("account", "another")]).await;
    assert_eq!(another.page(), Some("sign-in"));
    browser.sign_in(&another, "mallory", PASSWORD).await.expect_status(303);
    let reply = browser.submit(&page, "/consent", &[("decision", "allow")]).await.expect_status(303);
    has_no_code(&reply);
    let fresh = browser.get(reply.location()).await;
    assert_eq!(fresh.page(), Some("consent"));
    assert!(fresh.body.contains("Mallory Example") && !fresh.body.contains("Alice Example"));
    let alice = world.app.store.user_by_login(world.app.realm.id, &name("alice")).await.unwrap().unwrap();
    assert_eq!(world.app.store.consent(world.app.realm.id, alice.id, &"web".into()).await.unwrap(), None);
    // Signed out in another tab.
    let mut signed_out = browser.clone();
    let asked = signed_out.get("/end_session").await;
    signed_out.submit(&asked, "/end_session", &[("decision", "sign-out")]).await.expect_status(200);
    let reply = browser.submit(&fresh, "/consent", &[("decision", "allow")]).await.expect_status(303);
    has_no_code(&reply);
    // Fifteen minutes later the page is over, with a way back.
    world.clock.advance(world.app.realm.policy.lifetimes.interaction);
    let reply = browser.submit(&fresh, "/consent", &[("decision", "allow")]).await;
    reply.expect_error_page("page_expired");
    assert!(reply.body.contains("https://rp.example/cb?error=temporarily_unavailable"), "{reply:#?}");
    assert!(reply.body.contains("expired") && !reply.body.contains("access_denied"), "nobody said no");
}

#[tokio::test]
async fn n_02_a_client_that_is_disabled_meanwhile_gets_nothing() {
    let world = World::new().await;
    let mut browser = world.browser();
    let page = browser.get(&format!("/authorize?{}", query(&[]))).await;
    let reply = browser.sign_in(&page, "alice", PASSWORD).await.expect_status(303);
    let page = browser.get(reply.location()).await;
    world
        .apply(
            "[[client]]\nclient_id = \"web\"\nclient_secret = \"a client secret of more than thirty-two characters\"\n\
             redirect_uris = [\"https://rp.example/cb\"]\nscope = \"openid\"\ndisabled = true\n",
        )
        .await;
    let reply = browser.submit(&page, "/consent", &[("decision", "allow")]).await;
    has_no_code(&reply);
    if reply.status == 303 {
        browser.get(reply.location()).await.expect_error_page("unknown_client");
    } else {
        reply.expect_error_page("unknown_client");
    }
}

#[tokio::test]
async fn n_03_more_than_before_and_prompt_consent_are_asked() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.code("alice", &[("scope", "openid notes:read")]).await;
    for (changes, asked) in [
        (vec![("scope", "openid notes:read")], false),
        (vec![("scope", "openid")], false),
        (vec![("scope", "openid notes:read notes:write")], true),
        (vec![("scope", "openid profile")], true),
        (vec![("scope", "openid notes:read"), ("prompt", "consent")], true),
    ] {
        let reply = browser.get(&format!("/authorize?{}", query(&changes))).await;
        assert_eq!(reply.page() == Some("consent"), asked, "{changes:?}");
        let mut quiet: Vec<_> = changes.iter().filter(|(name, _)| *name != "prompt").copied().collect();
        quiet.push(("prompt", "none"));
        let reply = browser.get(&format!("/authorize?{}", query(&quiet))).await.expect_status(303);
        let refused = asked && !changes.contains(&("prompt", "consent"));
        assert_eq!(
            reply.parameters().get("error").map(String::as_str),
            refused.then_some("consent_required"),
            "{changes:?}"
        );
    }
    let offline = [("scope", "openid offline_access")];
    let reply = browser.get(&format!("/authorize?{}", query(&offline))).await;
    assert_eq!(reply.page(), Some("consent"));
    browser.submit(&reply, "/consent", &[("decision", "allow")]).await.expect_status(303);
    let reply = browser.get(&format!("/authorize?{}", query(&offline))).await.expect_status(303);
    assert!(reply.parameters().contains_key("code"), "agreed to once");
    // A page with nothing new says so.
    let again = [offline[0], ("prompt", "consent")];
    let reply = browser.get(&format!("/authorize?{}", query(&again))).await;
    assert!(reply.body.contains("You have allowed all of this before."), "{reply:#?}");
    assert!(!reply.body.contains("What is new is marked") && !reply.body.contains("allowed before"));
    // What one person agreed to says nothing about another, nor about another application.
    let other =
        [("client_id", "B"), ("redirect_uri", "https://b.example/cb"), ("scope", "openid notes:read")];
    assert_eq!(browser.get(&format!("/authorize?{}", query(&other))).await.page(), Some("consent"));
}

#[tokio::test]
async fn n_04_a_native_client_is_never_answered_silently() {
    let world = World::new().await;
    for redirect in ["http://127.0.0.1:49152/cb", "http://[::1]:49152/cb", "com.example.app:/cb"] {
        let mut browser = world.browser();
        let changes = [("client_id", "nat"), ("redirect_uri", redirect), ("scope", "openid notes:read")];
        for round in 0..3 {
            let reply = browser.get(&format!("/authorize?{}", query(&changes))).await;
            let page = if reply.page() == Some("sign-in") {
                let reply = browser.sign_in(&reply, "alice", PASSWORD).await.expect_status(303);
                browser.get(reply.location()).await
            } else {
                reply
            };
            assert_eq!(page.page(), Some("consent"), "{redirect} {round}");
            has_no_code(&page);
            let reply = browser.submit(&page, "/consent", &[("decision", "allow")]).await.expect_status(303);
            assert!(reply.location().starts_with(redirect) && reply.location().contains("code="));
        }
        let mut quiet = changes.to_vec();
        quiet.push(("prompt", "none"));
        let reply = browser.get(&format!("/authorize?{}", query(&quiet))).await.expect_status(303);
        assert_eq!(reply.parameters()["error"], "consent_required", "{redirect}");
    }
    // A public client behind https, of which only one can have the address, is remembered.
    let mut browser = world.browser();
    let spa = [("client_id", "spa"), ("redirect_uri", "https://spa.example/cb"), ("scope", "openid")];
    browser.code("alice", &spa).await;
    browser.get(&format!("/authorize?{}", query(&spa))).await.expect_status(303);
}

#[tokio::test]
async fn n_06_no_is_access_denied_and_twice_yes_is_one_code() {
    let world = World::new().await;
    let mut browser = world.browser();
    let page = browser.get(&format!("/authorize?{}", query(&[]))).await;
    let reply = browser.sign_in(&page, "alice", PASSWORD).await.expect_status(303);
    let page = browser.get(reply.location()).await;
    let before = world.rows().await;
    for decision in ["", "yes", "Allow", "allow deny"] {
        let reply = browser.submit(&page, "/consent", &[("decision", decision)]).await;
        reply.expect_error_page("invalid_request");
    }
    let twice = [("decision", "deny"), ("decision", "allow")];
    browser.submit(&page, "/consent", &twice).await.expect_error_page("invalid_request");
    assert_eq!(world.rows().await, before);
    let reply = browser.submit(&page, "/consent", &[("decision", "deny")]).await;
    reply.expect_redirect_error("access_denied");
    assert_eq!(reply.parameters()["state"], "the state");
    let events = world.app.store.events(world.app.realm.id, 100).await.unwrap();
    let denied = events.iter().find(|event| event.kind == "consent.denied").unwrap();
    assert_eq!(Some(denied.trace_id.as_str()), reply.header("x-trace-id"));
    assert_eq!(denied.address.as_deref(), Some("192.0.2.1"));
    // A no cannot be turned into a yes by the back button.
    let reply = browser.submit(&page, "/consent", &[("decision", "allow")]).await;
    has_no_code(&reply);
    let reply = browser.get(reply.expect_status(303).location()).await;
    reply.expect_redirect_error("access_denied");

    let page = browser.get(&format!("/authorize?{}", query(&[]))).await;
    let first = browser.submit(&page, "/consent", &[("decision", "allow")]).await.expect_status(303);
    let second = browser.submit(&page, "/consent", &[("decision", "allow")]).await.expect_status(303);
    let second = match second.parameters().get("code") {
        Some(_) => second,
        None => browser.get(second.location()).await.expect_status(303),
    };
    assert_eq!(first.parameters()["code"], second.parameters()["code"]);
    let rows = |rows: Vec<(&str, u64)>| rows.iter().find(|(table, _)| *table == "authorization").unwrap().1;
    assert_eq!(rows(world.rows().await), 1);
    let redeem = [
        ("grant_type", "authorization_code"),
        ("code", &first.parameters()["code"]),
        ("redirect_uri", "https://rp.example/cb"),
        ("code_verifier", VERIFIER),
    ];
    world.token(&redeem).await.expect_status(200);
    // After it was redeemed, a third press gets a page with the way back, and no code at all.
    let third = browser.submit(&page, "/consent", &[("decision", "allow")]).await;
    has_no_code(&third);
    if third.status == 303 {
        let third = browser.get(third.location()).await;
        third.expect_error_page("page_expired");
    } else {
        third.expect_error_page("page_expired");
    }
}

/// `web`, registered anew with changes.
fn registration(changes: &[(&str, &str)]) -> String {
    let fields = [
        ("client_id", "\"web\""),
        ("client_name", "\"Example web application\""),
        ("client_secret", "\"a client secret of more than thirty-two characters\""),
        ("redirect_uris", "[\"https://rp.example/cb\", \"https://rp.example/other\"]"),
        ("scope", "\"openid profile email offline_access notes:read notes:write files:read\""),
        ("default_resource", "\"https://api.example.test/\""),
    ];
    let value =
        |name: &str, kept| changes.iter().find(|(other, _)| *other == name).map_or(kept, |(_, new)| *new);
    let lines = fields.map(|(name, kept)| format!("{name} = {}\n", value(name, kept)));
    format!("[[client]]\n{}", lines.concat())
}

const NOTES: &str = "[[resource]]\nidentifier = \"https://api.example.test/\"\nname = \"Notes\"\n\
                     introspection_clients = [\"notes-api\"]\n[resource.scopes]\n\"notes:read\" = \"Delete your notes\"\n\
                     \"notes:write\" = \"Change your notes\"\n";

#[tokio::test]
async fn n_02_a_yes_to_what_changed_meanwhile_is_asked_again() {
    for (what, state) in [
        ("fewer scopes", registration(&[("scope", "\"openid notes:read\"")])),
        ("another name", registration(&[("client_name", "\"Your bank\"")])),
        ("another meaning", NOTES.to_owned()),
    ] {
        let world = World::new().await;
        let mut browser = world.browser();
        let page = browser.get(&format!("/authorize?{}", query(&[]))).await;
        let reply = browser.sign_in(&page, "alice", PASSWORD).await.expect_status(303);
        let page = browser.get(reply.location()).await;
        assert!(!page.body.contains("has changed since you answered"), "{what}");
        world.apply(&registration(&[])).await;
        world.apply(&state).await;
        let before = world.rows().await;
        let again = browser.submit(&page, "/consent", &[("decision", "allow")]).await.expect_status(200);
        assert_eq!(again.page(), Some("consent"), "{what}");
        assert!(again.body.contains("has changed since you answered"), "{what}: {again:#?}");
        assert_eq!(world.rows().await, before, "{what}");
        let fields = page.fields("/consent");
        for forged in ["", "AAAA", value(&fields, "anti_forgery")] {
            let fields = again.fields("/consent");
            let changes = [("decision", "allow"), ("question", forged)];
            let reply = browser.post("/consent", &with(&fields, &changes)).await;
            assert_eq!(reply.page(), Some("consent"), "{what}");
        }
        let reply = browser.submit(&again, "/consent", &[("decision", "allow")]).await.expect_status(303);
        let tokens = world.redeem(&reply.parameters()["code"]).await.expect_status(200).json();
        assert_eq!(tokens["scope"], "notes:read", "{what}");
        let has_profile = super::expect::claims_of(&tokens["id_token"])["preferred_username"].is_string();
        assert_eq!(has_profile, what != "fewer scopes", "{what}");
    }
}

#[tokio::test]
async fn n_02_a_no_to_what_changed_meanwhile_is_a_no() {
    let world = World::new().await;
    let mut browser = world.browser();
    let page = browser.get(&format!("/authorize?{}", query(&[]))).await;
    let reply = browser.sign_in(&page, "alice", PASSWORD).await.expect_status(303);
    let page = browser.get(reply.location()).await;
    world.apply(&registration(&[("client_name", "\"Your bank\"")])).await;
    browser.submit(&page, "/consent", &[("decision", "deny")]).await.expect_redirect_error("access_denied");
}

#[tokio::test]
async fn n_02_r_01_a_redirect_uri_that_was_removed_meanwhile_is_not_used() {
    let gone = registration(&[("redirect_uris", "[\"https://rp.example/other\"]")]);
    let world = World::new().await;
    let mut browser = world.browser();
    let sign_in = browser.get(&format!("/authorize?{}", query(&[]))).await;
    let reply = browser.sign_in(&sign_in, "alice", PASSWORD).await.expect_status(303);
    let page = browser.get(reply.location()).await;
    world.apply(&gone).await;
    for decision in ["allow", "deny"] {
        let mut reply = browser.submit(&page, "/consent", &[("decision", decision)]).await;
        if reply.status == 303 {
            reply = browser.get(reply.location()).await;
        }
        reply.expect_error_page("redirect_uri_mismatch");
        assert!(!reply.body.contains("rp.example"), "{reply:#?}");
    }
    let reply = browser.get(reply.location()).await;
    reply.expect_error_page("redirect_uri_mismatch");
    // Nor is it offered as a way back: on the page that asks for the account, and when it is too late.
    let select = browser.submit(&page, "/select-account", &[("other_accounts", "1")]).await;
    assert!(select.page() == Some("select-account") && !select.body.contains("rp.example/cb"), "{select:#?}");
    world.clock.advance(world.app.realm.policy.lifetimes.interaction);
    let late = browser.submit(&page, "/consent", &[("decision", "allow")]).await;
    late.expect_error_page("page_expired");
    assert!(!late.body.contains("rp.example/cb"), "{late:#?}");
    // Remembered consent issues nothing to it either.
    let world = World::new().await;
    let mut browser = world.browser();
    browser.code("alice", &[]).await;
    let reply = browser.get(&format!("/authorize?{}", query(&[]))).await.expect_status(303);
    world.apply(&gone).await;
    assert!(reply.location().contains("code="));
    browser.get(&format!("/authorize?{}", query(&[]))).await.expect_error_page("redirect_uri_mismatch");
}
