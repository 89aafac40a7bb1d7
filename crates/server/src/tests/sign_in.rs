//! Catalogue L: signing in. What needs a feature that is not there yet (second factors, passkeys, registration, reset,
//! federation) is tested for the part that is.

use std::{sync::atomic::Ordering, time::Duration};

use axum::{
    body::Body,
    http::{Method, Request},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use grantwell_core::policy::Policy;

use super::{Browser, ISSUER, Reply, World, form, harness::PASSWORD, query};
use crate::http::exchange::Peer;

pub(super) const SID: &str = "__Host-sid";
pub(super) const TX: &str = "__Host-tx";
pub(super) const DEVICE: &str = "__Host-device";

/// Headers with which a form of another site arrives.
pub(super) const FOREIGN: &[&[(&str, &str)]] = &[
    &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
    &[("sec-fetch-site", "cross-site")],
    &[("sec-fetch-site", "same-site"), ("origin", ISSUER)],
    &[("sec-fetch-site", "none")],
    &[("origin", "https://evil.example")],
    &[("origin", "null")],
    &[("origin", "http://id.example.test")],
    &[("origin", "https://id.example.test:8443")],
    &[("origin", "https://id.example.test.evil.example")],
];

/// The claims of a JWT of ours.
pub(super) fn claims(token: &str) -> serde_json::Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// Signed in, without an application.
pub(super) async fn signed_in<'w>(world: &'w World, username: &str) -> Browser<'w> {
    let mut browser = world.browser();
    sign_in(&mut browser, username, PASSWORD).await.expect_status(303);
    browser
}

/// An attempt on the page in front of the account page.
pub(super) async fn sign_in(browser: &mut Browser<'_>, username: &str, password: &str) -> Reply {
    let fresh = browser.get("/account").await.expect_status(200);
    assert_eq!(fresh.page(), Some("sign-in"));
    browser.sign_in(&fresh, username, password).await
}

/// Whether the account page greets somebody.
pub(super) async fn is_signed_in(browser: &mut Browser<'_>) -> bool {
    match browser.get("/account").await.expect_status(200).page() {
        Some("account") => true,
        Some("sign-in") => false,
        other => panic!("{other:?}"),
    }
}

pub(super) fn hidden(page: &Reply, action: &str) -> Vec<(String, String)> {
    page.fields(action)
}

pub(super) fn pairs(fields: &[(String, String)]) -> Vec<(&str, &str)> {
    fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[tokio::test]
async fn l_01_a_form_of_another_site_signs_nobody_in() {
    let world = World::new().await;
    for target in ["/account".to_owned(), format!("/authorize?{}", query(&[]))] {
        for headers in FOREIGN {
            let mut browser = world.browser();
            let page = browser.get(&target).await;
            let mut fields = hidden(&page, "/sign-in");
            fields.push(("username".to_owned(), "mallory".to_owned()));
            fields.push(("password".to_owned(), PASSWORD.to_owned()));
            let before = world.rows().await;
            let reply = browser.post_from("/sign-in", &pairs(&fields), headers).await;
            assert_eq!((reply.status, reply.cause()), (403, Some("cross_site")), "{headers:?}");
            assert!(reply.header("set-cookie").is_none(), "{headers:?}");
            assert_eq!(world.rows().await, before, "{headers:?}");
            // The same form from our own page is heard, so that it was the origin that refused it.
            let origin = [("sec-fetch-site", "same-origin"), ("origin", ISSUER)];
            browser.post_from("/sign-in", &pairs(&fields), &origin).await.expect_status(303);
        }
    }
    assert_eq!(world.app.passwords.computed.load(Ordering::SeqCst), 2 * FOREIGN.len());
}

#[tokio::test]
async fn l_01_the_anti_forgery_value_is_of_this_browser_and_this_form() {
    let world = World::new().await;
    let authorize = format!("/authorize?{}", query(&[]));
    let mut other = world.browser();
    let others_account = hidden(&other.get("/account").await, "/sign-in");
    let others_request = hidden(&other.get(&authorize).await, "/sign-in");
    let value = |fields: &[(String, String)]| {
        fields.iter().find(|(name, _)| name == "anti_forgery").map(|(_, value)| value.clone()).unwrap()
    };

    let mut browser = world.browser();
    let account = hidden(&browser.get("/account").await, "/sign-in");
    let request = hidden(&browser.get(&authorize).await, "/sign-in");
    let second = hidden(&browser.get(&authorize).await, "/sign-in");
    let before = world.rows().await;
    for (form, wrong) in [
        (&account, String::new()),
        (&account, "A".repeat(43)),
        (&account, value(&others_account)),
        (&account, value(&request)),
        (&request, String::new()),
        (&request, value(&others_request)),
        (&request, value(&account)),
        (&request, value(&second)),
    ] {
        let mut fields = form.clone();
        fields.retain(|(name, _)| name != "anti_forgery");
        if !wrong.is_empty() {
            fields.push(("anti_forgery".to_owned(), wrong.clone()));
        }
        fields.push(("username".to_owned(), "alice".to_owned()));
        fields.push(("password".to_owned(), PASSWORD.to_owned()));
        let reply = browser.post("/sign-in", &pairs(&fields)).await;
        assert_eq!((reply.status, reply.cause()), (403, Some("cross_site")), "{wrong}");
        assert!(reply.header("set-cookie").is_none());
    }
    // What a cross-site POST looks like to SameSite=Lax: no cookie at all.
    for form in [&account, &request] {
        let mut fields = pairs(form);
        fields.extend_from_slice(&[("username", "alice"), ("password", PASSWORD)]);
        let reply = world.post("/sign-in", &fields, &[]).await;
        assert!([400, 403].contains(&reply.status), "{reply:#?}");
        assert!(reply.header("set-cookie").is_none());
    }
    assert_eq!(world.rows().await, before);
    assert_eq!(world.app.passwords.computed.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn l_02_no_form_is_heard_from_another_site_or_as_another_type() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.code("alice", &[("scope", "openid notes:read")]).await;
    let account = browser.get("/account").await;
    let consent = browser.get(&format!("/authorize?{}", query(&[("prompt", "consent")]))).await;
    let select = browser.get(&format!("/authorize?{}", query(&[("prompt", "select_account")]))).await;
    let sign_out = browser.get("/end_session").await;
    let forms = [
        (&consent, "/consent", ("decision", "allow")),
        (&select, "/select-account", ("account", "another")),
        (&account, "/account/disconnect", ("x", "x")),
        (&account, "/account/sign-out", ("x", "x")),
        (&sign_out, "/end_session", ("decision", "sign-out")),
    ];
    let before = world.rows().await;
    for (page, action, pressed) in forms {
        let fields = hidden(page, action);
        let mut fields = pairs(&fields);
        fields.push(pressed);
        for headers in FOREIGN {
            let reply = browser.post_from(action, &fields, headers).await;
            assert_eq!((reply.status, reply.cause()), (403, Some("cross_site")), "{action} {headers:?}");
            assert!(reply.header("set-cookie").is_none(), "{action} {headers:?}");
        }
        for value in ["", "AAAA", &"A".repeat(43)] {
            let mut forged: Vec<_> =
                fields.iter().filter(|(name, _)| *name != "anti_forgery").copied().collect();
            forged.push(("anti_forgery", value));
            let reply = browser.post(action, &forged).await;
            // Without the value it is as if an application had sent it: it goes on as a GET, which asks again.
            let is_asked_again = action == "/end_session" && reply.status == 303;
            assert!(reply.cause() == Some("cross_site") || is_asked_again, "{action} {value:?}: {reply:#?}");
        }
        for kind in ["text/plain", "application/json", "multipart/form-data; boundary=x"] {
            let headers = [("content-type", kind), ("origin", ISSUER), ("sec-fetch-site", "same-origin")];
            let reply = browser.send(Method::POST, action, Body::from(form(&fields)), &headers).await;
            assert_eq!(reply.status, 415, "{action} {kind}");
        }
    }
    assert_eq!(world.rows().await, before);
    assert!(is_signed_in(&mut browser).await);
}

#[tokio::test]
async fn l_07_attempts_after_the_limit_are_not_verified() {
    let world = World::new().await;
    let computed = || world.app.passwords.computed.load(Ordering::SeqCst);
    let mut browser = world.browser();
    for attempt in 1..=5 {
        let reply = sign_in(&mut browser, "alice", "a wrong password").await;
        assert_eq!((reply.status, computed()), (422, attempt));
    }
    for password in ["a wrong password", PASSWORD] {
        let reply = sign_in(&mut browser, "alice", password).await;
        assert_eq!((reply.status, reply.header("retry-after"), computed()), (429, Some("1"), 5));
        assert!(!browser.cookies.contains_key(SID));
    }
    // One second buys one attempt, then two seconds one: the delay doubles up to fifteen minutes.
    for (number, wait) in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900].into_iter().enumerate() {
        world.clock.advance(Duration::from_millis(wait * 1000 - 1));
        assert_eq!(sign_in(&mut browser, "alice", "a wrong password").await.status, 429, "{wait}");
        world.clock.advance(Duration::from_millis(1));
        assert_eq!(sign_in(&mut browser, "alice", "a wrong password").await.status, 422, "{wait}");
        assert_eq!(computed(), 6 + number);
    }
    // It is a delay and no lock: whoever waits is heard, and a success forgets the failures.
    world.clock.advance(Duration::from_mins(15));
    sign_in(&mut browser, "alice", PASSWORD).await.expect_status(303);
    let mut other = world.browser();
    assert_eq!(sign_in(&mut other, "alice", "a wrong password").await.status, 422);
    assert_eq!(sign_in(&mut other, "alice", "a wrong password").await.status, 422);
}

#[tokio::test]
async fn l_08_all_forms_of_a_name_share_one_counter_and_one_account() {
    let world = World::new().await;
    let forms = [
        "alice",
        "ALICE",
        "  alice\t",
        "alice@example.test",
        "Alice@EXAMPLE.test",
        "\u{ff41}\u{ff4c}\u{ff49}\u{ff43}\u{ff45}",
    ];
    for name in forms {
        let mut browser = world.browser();
        sign_in(&mut browser, name, PASSWORD).await.expect_status(303);
        let account = browser.get("/account").await;
        assert!(account.body.contains("alice@example.test"), "{name:?}");
    }
    for name in &forms[..5] {
        assert_eq!(sign_in(&mut world.browser(), name, "a wrong password").await.status, 422, "{name:?}");
    }
    for name in forms {
        assert_eq!(sign_in(&mut world.browser(), name, PASSWORD).await.status, 429, "{name:?}");
    }
    // Names that are none have counters too, one for all forms of each.
    for name in ["Nobody", "NOBODY", " nobody ", "nobody", "nobody"] {
        assert_eq!(sign_in(&mut world.browser(), name, PASSWORD).await.status, 422);
    }
    assert_eq!(sign_in(&mut world.browser(), "nobody", PASSWORD).await.status, 429);
    assert_eq!(sign_in(&mut world.browser(), "somebody", PASSWORD).await.status, 422);
}

#[tokio::test]
async fn l_09_an_attacker_cannot_lock_the_owner_out_of_a_known_device() {
    let world = World::new().await;
    let mut known = signed_in(&world, "alice").await;
    known.cookies.remove(SID);
    let mut attacker = world.browser();
    for _ in 0..5 {
        sign_in(&mut attacker, "alice", "a wrong password").await.expect_status(422);
    }
    sign_in(&mut attacker, "alice", PASSWORD).await.expect_status(429);
    // A forged device cookie, and one of a browser where somebody else signed in, count as none.
    let mut forged = world.browser();
    forged.cookies.insert(DEVICE.to_owned(), "A".repeat(known.cookies[DEVICE].len()));
    sign_in(&mut forged, "alice", PASSWORD).await.expect_status(429);
    let mut mallory = signed_in(&world, "mallory").await;
    mallory.cookies.remove(SID);
    sign_in(&mut mallory, "alice", PASSWORD).await.expect_status(429);
    // Alice's own browser has a budget of its own; it is no way around counting either.
    for _ in 0..4 {
        sign_in(&mut known, "alice", "a wrong password").await.expect_status(422);
    }
    let mut thief = known.clone();
    sign_in(&mut known, "alice", PASSWORD).await.expect_status(303);
    for _ in 0..5 {
        sign_in(&mut thief, "alice", "a wrong password").await.expect_status(422);
    }
    sign_in(&mut thief, "alice", PASSWORD).await.expect_status(429);
    // In half a year the device is forgotten.
    known.cookies.remove(SID);
    world.clock.advance(Policy::new(ISSUER).lifetimes.device);
    for _ in 0..5 {
        sign_in(&mut attacker, "alice", "a wrong password").await.expect_status(422);
    }
    sign_in(&mut known, "alice", PASSWORD).await.expect_status(429);
}

pub(super) const ALICE_DISABLED: &str = r#"
[[user]]
username = "alice"
name = "Alice Example"
email = "alice@example.test"
email_verified = true
password = "correct horse battery staple"
disabled = true
"#;

#[tokio::test]
async fn l_10_a_disabled_person_is_refused_everywhere() {
    let world = World::new().await;
    let mut browser = world.browser();
    let code = browser.code("alice", &[("scope", "openid offline_access notes:read")]).await;
    let tokens = world.redeem(&code).await.expect_status(200).json();
    let unredeemed = browser.code("alice", &[]).await;
    let mut half_way = world.browser();
    let page = half_way.get(&format!("/authorize?{}", query(&[]))).await;
    half_way.sign_in(&page, "alice", PASSWORD).await.expect_status(303);
    world.apply(ALICE_DISABLED).await;

    let refresh = tokens["refresh_token"].as_str().unwrap();
    let reply = world.token(&[("grant_type", "refresh_token"), ("refresh_token", refresh)]).await;
    assert_eq!((reply.status, &reply.json()["error"]), (400, &"invalid_grant".into()));
    world.redeem(&unredeemed).await.expect_status(400);
    assert!(!world.is_active(tokens["access_token"].as_str().unwrap()).await);
    assert!(!is_signed_in(&mut browser).await);
    let reply = half_way.get(&format!("/authorize?{}", query(&[("prompt", "none")]))).await;
    reply.expect_redirect_error("login_required");
    sign_in(&mut world.browser(), "alice", PASSWORD).await.expect_status(422);
}

#[tokio::test]
async fn l_11_one_address_cannot_try_a_password_on_everybody() {
    let world = World::new().await;
    let from = |address: &str, name: &str, browser: &Browser<'_>, fields: &[(String, String)]| {
        let mut fields = pairs(fields);
        fields.extend_from_slice(&[("username", name), ("password", "Summer2026!")]);
        let cookies: Vec<_> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = Request::post("/sign-in")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("cookie", cookies.join("; "))
            .body(Body::from(form(&fields)))
            .unwrap();
        request.extensions_mut().insert(Peer((address.parse::<std::net::IpAddr>().unwrap(), 1).into()));
        request
    };
    let mut browser = world.browser();
    let fields = hidden(&browser.get("/account").await, "/sign-in");
    for number in 0..20 {
        let name = format!("user-{number}");
        let reply = world.send(from("203.0.113.9", &name, &browser, &fields)).await;
        assert_eq!(reply.status, 422, "{number}");
    }
    let computed = world.app.passwords.computed.load(Ordering::SeqCst);
    world.send(from("203.0.113.9", "user-20", &browser, &fields)).await.expect_status(429);
    assert_eq!(world.app.passwords.computed.load(Ordering::SeqCst), computed);
    world.send(from("203.0.113.10", "user-20", &browser, &fields)).await.expect_status(422);
    // A /64 is one customer.
    for number in 0..20 {
        let (address, name) = (format!("2001:db8::{number:x}"), format!("other-{number}"));
        world.send(from(&address, &name, &browser, &fields)).await.expect_status(422);
    }
    world.send(from("2001:db8::ffff", "other-20", &browser, &fields)).await.expect_status(429);
    world.send(from("2001:db8:0:1::1", "other-20", &browser, &fields)).await.expect_status(422);
}

/// Disabled, with a name as long as the others, so that pages that show it are as long.
const QUIET: &str =
    "[[user]]\nusername = \"quiet\"\npassword = \"correct horse battery staple\"\ndisabled = true\n";

/// An answer without what differs from request to request.
fn comparable(reply: &Reply, name: &str) -> (u16, Vec<(String, String)>, String) {
    let trace = reply.header("x-trace-id").unwrap();
    let headers = reply.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap()));
    let headers = headers
        .filter(|(name, _)| name != "x-trace-id")
        .map(|(name, value)| (name, value.to_owned()))
        .collect();
    let body = without_hidden(&reply.body).replace(trace, "TRACE").replace(name, "NAME");
    (reply.status, headers, body)
}

/// The page without its hidden values: each page is made for an interaction of its own.
fn without_hidden(body: &str) -> String {
    let lines = body.lines().filter(|line| !line.starts_with("<input type=\"hidden\""));
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn l_12_l_13_who_cannot_sign_in_learns_nothing_and_costs_the_same() {
    let world = World::new().await;
    world.apply("[[user]]\nusername = \"keyed\"\nname = \"Without a password\"\n").await;
    world.apply(QUIET).await;
    let long = "x".repeat(4096);
    let too_long = "x".repeat(5000);
    let mut browser = world.browser();
    let mut answers = Vec::new();
    // The address has its counter before the first case.
    sign_in(&mut browser, "whoever", "a wrong password").await.expect_status(422);
    // Unknown, wrong, disabled (with the right password), without a password; then empty and long ones, known and unknown.
    for (name, password) in [
        ("noone", "a wrong password"),
        ("alice", "a wrong password"),
        ("quiet", PASSWORD),
        ("keyed", "a wrong password"),
        ("keyed", ""),
        ("alice", ""),
        ("nobod", ""),
        ("alice", long.as_str()),
        ("nobod", long.as_str()),
        ("alice", too_long.as_str()),
        ("nobod", too_long.as_str()),
    ] {
        // A fresh browser each time would differ in cookies, and so in the form: one browser, one page.
        let page = browser.get("/account").await;
        let (rows, hashes) = (world.rows().await, world.app.passwords.computed.load(Ordering::SeqCst));
        let reply = browser.sign_in(&page, name, password).await;
        let more: u64 = world.rows().await.iter().zip(&rows).map(|((_, now), (_, was))| now - was).sum();
        let hashes = world.app.passwords.computed.load(Ordering::SeqCst) - hashes;
        answers.push((name, more, hashes, comparable(&reply, name)));
        // Counters are forgotten, so that every case meets the same ones.
        world.clock.advance(Duration::from_hours(48));
    }
    let (_, _, _, first) = answers[0].clone();
    assert_eq!(first.0, 422);
    for (name, _, hashes, answer) in &answers {
        assert_eq!(*hashes, 1, "{name}");
        assert_eq!(*answer, first, "{name}");
    }
    // The first attempts on four names: the same number of rows written.
    let written: Vec<_> = answers.iter().take(4).map(|(_, more, ..)| *more).collect();
    assert!(written.iter().all(|more| *more == written[1]), "{written:?}");
}

#[tokio::test]
async fn l_12_locked_names_answer_alike_whether_somebody_has_them_or_not() {
    let world = World::new().await;
    world.apply(QUIET).await;
    let mut browser = world.browser();
    let mut answers = Vec::new();
    for name in ["alice", "noone", "quiet"] {
        for _ in 0..5 {
            sign_in(&mut browser, name, "a wrong password").await.expect_status(422);
        }
        let hashes = world.app.passwords.computed.load(Ordering::SeqCst);
        let reply = sign_in(&mut browser, name, PASSWORD).await.expect_status(429);
        assert_eq!(world.app.passwords.computed.load(Ordering::SeqCst), hashes);
        answers.push(comparable(&reply, name));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
}

#[tokio::test]
async fn long_passwords_are_not_cut() {
    let world = World::new().await;
    let long = "ä".repeat(100);
    world.apply(&format!("[[user]]\nusername = \"long\"\npassword = \"{long}\"\n")).await;
    sign_in(&mut world.browser(), "long", &long).await.expect_status(303);
    sign_in(&mut world.browser(), "long", &"ä".repeat(99)).await.expect_status(422);
    sign_in(&mut world.browser(), "long", &"ä".repeat(36)).await.expect_status(422);
}
