//! Catalogue L: sessions and their cookies, from the first to the last request.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use axum::{body::Body, http::Request};
use grantwell_core::{
    policy::Policy,
    secret::{Bearer, Secret},
    store::Store as _,
};

use super::{
    Browser, Database, ISSUER, Reply, World,
    harness::{API, PASSWORD, Setting},
    query,
    sign_in::{ALICE_DISABLED, DEVICE, SID, TX, claims, hidden, is_signed_in, pairs, sign_in, signed_in},
};
use crate::start::{self, Parts};

#[tokio::test]
async fn l_03_a_planted_session_is_dead_after_signing_in() {
    let world = World::new().await;
    let mut attacker = signed_in(&world, "alice").await;
    let planted = attacker.cookies[SID].clone();

    // Alice's own session from elsewhere, known to the attacker, in her browser: she signs in again and has a new one.
    let mut alice = world.browser();
    alice.cookies.insert(SID.to_owned(), planted.clone());
    alice.authorize("alice", &[("prompt", "login")]).await.expect_status(303);
    assert_ne!(alice.cookies[SID], planted);
    assert!(!alice.cookies[SID].contains(&planted));
    assert!(is_signed_in(&mut alice).await);
    assert!(!is_signed_in(&mut attacker).await);

    // An id that the server never gave out does not become one.
    let mut fixed = [7; 48];
    fixed[15] = 1;
    let invented = Bearer::Session.encode(&fixed);
    let mut victim = world.browser();
    victim.cookies.insert(SID.to_owned(), invented.clone());
    victim.authorize("alice", &[]).await.expect_status(303);
    assert!(!victim.cookies[SID].contains(&invented));
    let mut attacker = world.browser();
    attacker.cookies.insert(SID.to_owned(), invented);
    assert!(!is_signed_in(&mut attacker).await);
}

#[tokio::test]
async fn l_03_two_cookies_of_one_name_are_none() {
    let world = World::new().await;
    let alice = signed_in(&world, "alice").await;
    let mallory = signed_in(&world, "mallory").await;
    let (first, second) = (&alice.cookies[SID], &mallory.cookies[SID]);
    for cookies in [
        vec![format!("{SID}={first}; {SID}={second}")],
        vec![format!("{SID}={second}; {SID}={first}")],
        vec![format!("{SID}={first}; {SID}=")],
        vec![format!("{SID}={first}"), format!("{SID}={second}")],
    ] {
        let mut request = Request::get("/account");
        for cookie in &cookies {
            request = request.header("cookie", cookie);
        }
        let reply = world.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(reply.page(), Some("sign-in"), "{cookies:?}");
    }
    // Other spellings of the name are other names.
    for name in ["sid", "__host-sid", "__Secure-sid", "__Host-SID"] {
        let request = Request::get("/account").header("cookie", format!("{name}={first}"));
        let reply = world.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(reply.page(), Some("sign-in"), "{name}");
    }
    // Two transaction cookies tie a form to no browser.
    let mut browser = world.browser();
    let fields = hidden(&browser.get("/account").await, "/sign-in");
    let mut fields = pairs(&fields);
    fields.extend_from_slice(&[("username", "alice"), ("password", PASSWORD)]);
    let transaction = &browser.cookies[TX];
    let cookie = format!("{TX}={transaction}; {TX}=other");
    world.post("/sign-in", &fields, &[("cookie", &cookie)]).await.expect_error_page("other_browser");
}

#[tokio::test]
async fn l_04_every_cookie_is_for_this_host_only_and_for_no_script() {
    let world = World::new().await;
    let mut names = BTreeSet::new();
    let mut check = |reply: &Reply| {
        for cookie in reply.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            let mut parts = cookie.split("; ");
            let (name, _) = parts.next().unwrap().split_once('=').unwrap();
            let attributes: BTreeSet<_> = parts.filter(|part| !part.starts_with("Max-Age=")).collect();
            assert!(name.starts_with("__Host-"), "{cookie}");
            assert_eq!(attributes, ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"].into(), "{cookie}");
            assert!(cookie.len() < 4096, "{cookie}");
            names.insert(name.to_owned());
        }
    };
    let mut browser = world.browser();
    // As many accounts as a cookie holds, and one more.
    let people: Vec<_> = (0..6).map(|number| format!("person-{number}")).collect();
    let state = people.iter().fold(String::new(), |state, name| {
        state + &format!("[[user]]\nusername = \"{name}\"\npassword = \"{PASSWORD}\"\n")
    });
    world.apply(&state).await;
    for name in &people {
        let page = browser.get(&format!("/authorize?{}", query(&[("prompt", "login")]))).await;
        check(&page);
        let reply = browser.sign_in(&page, name, PASSWORD).await.expect_status(303);
        check(&reply);
        let reply = browser.get(reply.location()).await;
        check(&reply);
        check(&browser.submit(&reply, "/consent", &[("decision", "allow")]).await);
    }
    let select = browser.get(&format!("/authorize?{}", query(&[("prompt", "select_account")]))).await;
    check(&select);
    let handle = select.body.split("name=\"account\" value=\"").nth(2).unwrap();
    let handle = handle.split('"').next().unwrap().to_owned();
    check(&browser.submit(&select, "/select-account", &[("account", &handle)]).await.expect_status(303));
    let posted = browser.post("/authorize", &[("client_id", "web")]).await;
    check(&posted);
    let account = browser.get("/account").await;
    check(&account);
    check(&browser.submit(&account, "/account/sign-out", &[]).await.expect_status(303));
    let page = browser.get("/end_session").await;
    check(&browser.submit(&page, "/end_session", &[("decision", "sign-out")]).await.expect_status(200));
    for path in crate::router::paths() {
        check(&world.get(path).await);
        check(&world.post(path, &[], &[]).await);
    }
    assert_eq!(names, [SID.to_owned(), TX.to_owned(), DEVICE.to_owned()].into());
}

#[tokio::test]
async fn l_04_only_a_loopback_issuer_has_plain_cookies_and_they_are_as_closed() {
    let world =
        World::with(Setting { policy: Policy::new("http://localhost:8080"), ..Setting::default() }).await;
    let reply = world.get("/account").await.expect_status(200);
    let cookie = reply.header("set-cookie").unwrap();
    let (value, attributes) = cookie.split_once("; ").unwrap();
    assert!(value.starts_with("grantwell_tx="), "{cookie}");
    assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Lax; Max-Age=86400");
    assert!(reply.header("strict-transport-security").is_none());
}

#[tokio::test]
async fn l_05_no_cookie_can_be_forged() {
    let world = World::new().await;
    let alice = signed_in(&world, "alice").await;
    let genuine = alice.cookies[SID].clone();
    let payload = Bearer::Session.decode(&genuine).unwrap();
    let (id, secret) = payload.split_at(16);
    let mut forged = vec![
        String::new(),
        "gwn_".to_owned(),
        genuine.trim_start_matches("gwn_").to_owned(),
        format!("{genuine}A"),
        genuine[..genuine.len() - 1].to_owned(),
        // The public id alone; with another secret; with none; with the digest that the database holds.
        Bearer::Session.encode(id),
        Bearer::Session.encode(&[id, &[0; 32]].concat()),
        Bearer::Session.encode(&[id, &Secret::from_bytes(secret.try_into().unwrap()).digest().0].concat()),
        Bearer::Session.encode(&[secret, id].concat()),
        genuine.replace("gwn_", "gwc_"),
    ];
    // The next id in time with the same secret.
    let mut next = id.to_vec();
    next[15] ^= 1;
    forged.push(Bearer::Session.encode(&[&next, secret].concat()));
    // Every bit of the secret counts, with a right checksum too.
    for bit in 0..256 {
        let mut secret = secret.to_vec();
        secret[bit / 8] ^= 1 << (bit % 8);
        forged.push(Bearer::Session.encode(&[id, &secret].concat()));
    }
    for value in forged {
        let mut browser = world.browser();
        browser.cookies.insert(SID.to_owned(), value.clone());
        assert!(!is_signed_in(&mut browser).await, "{value}");
    }
    assert!(is_signed_in(&mut alice.clone()).await);
    // 256 bits that nothing public tells: two sessions of one person at one instant share none of them.
    let other = signed_in(&world, "alice").await;
    let other = Bearer::Session.decode(&other.cookies[SID]).unwrap();
    assert_eq!(payload.len(), 48);
    assert_ne!(secret, &other[16..]);
}

#[tokio::test]
async fn l_31_a_session_ends_for_good_when_signed_out_changed_or_disabled() {
    let world = World::new().await;
    // Signed out, by the page that asks.
    let mut browser = signed_in(&world, "alice").await;
    let mut stolen = browser.clone();
    let page = browser.get("/end_session").await;
    browser.submit(&page, "/end_session", &[("decision", "sign-out")]).await.expect_status(200);
    assert!(!is_signed_in(&mut stolen).await);
    // Another password.
    let mut browser = signed_in(&world, "mallory").await;
    world.clock.advance(Duration::from_secs(1));
    world.apply("[[user]]\nusername = \"mallory\"\npassword = \"another fine password\"\n").await;
    assert!(!is_signed_in(&mut browser).await);
    sign_in(&mut browser, "mallory", "another fine password").await.expect_status(303);
    assert!(is_signed_in(&mut browser).await);
    // Disabled, and enabled again: what was before stays dead.
    let mut browser = signed_in(&world, "alice").await;
    world.clock.advance(Duration::from_secs(1));
    world.apply(ALICE_DISABLED).await;
    assert!(!is_signed_in(&mut browser).await);
    world.clock.advance(Duration::from_secs(1));
    world.apply(&ALICE_DISABLED.replace("disabled = true", "disabled = false")).await;
    assert!(!is_signed_in(&mut browser).await);
    sign_in(&mut browser, "alice", PASSWORD).await.expect_status(303);
}

#[tokio::test]
async fn l_31_idle_and_absolute_timeouts_are_the_servers() {
    let world = World::new().await;
    let mut browser = signed_in(&world, "alice").await;
    world.clock.advance(Duration::from_secs(60 * 60 - 1));
    assert!(is_signed_in(&mut browser).await);
    // Use is noted, so another hour begins; without use it ends.
    world.clock.advance(Duration::from_secs(60 * 60 - 1));
    assert!(is_signed_in(&mut browser).await);
    world.clock.advance(Duration::from_hours(1));
    assert!(!is_signed_in(&mut browser).await);
    // However busy, a day is the end.
    let mut browser = signed_in(&world, "alice").await;
    for minutes in (30..24 * 60).step_by(30) {
        world.clock.advance(Duration::from_mins(30));
        assert!(is_signed_in(&mut browser).await, "{minutes}");
    }
    world.clock.advance(Duration::from_mins(30));
    assert!(!is_signed_in(&mut browser).await);
}

#[tokio::test]
async fn l_32_two_people_in_one_browser_never_mix() {
    let world = World::new().await;
    let mut browser = world.browser();
    let scope = ("scope", "openid profile offline_access notes:read");
    let alices = world.redeem(&browser.code("alice", &[scope]).await).await.json();
    let mallorys = world.redeem(&browser.code("mallory", &[scope, ("prompt", "login")]).await).await.json();
    let subject = |tokens: &serde_json::Value| {
        let (id, access) = (tokens["id_token"].as_str().unwrap(), tokens["access_token"].as_str().unwrap());
        assert_eq!(claims(id)["sub"], claims(access)["sub"]);
        assert_eq!(claims(access)["aud"], API);
        claims(id)["sub"].as_str().unwrap().to_owned()
    };
    let (alice, mallory) = (subject(&alices), subject(&mallorys));
    assert_ne!(alice, mallory);
    // Without a word it is the one used last; a hint names the other; a page asks on request.
    let none = ("scope", "openid profile notes:read");
    let code = browser.code("", &[none, ("prompt", "none")]).await;
    assert_eq!(subject(&world.redeem(&code).await.json()), mallory);
    let hint = alices["id_token"].as_str().unwrap();
    let code = browser.code("", &[none, ("prompt", "none"), ("id_token_hint", hint)]).await;
    assert_eq!(subject(&world.redeem(&code).await.json()), alice);
    // A refresh stays with its person whoever is signed in.
    for (tokens, who) in [(&alices, &alice), (&mallorys, &mallory)] {
        let refresh = tokens["refresh_token"].as_str().unwrap();
        let fields =
            [("grant_type", "refresh_token"), ("refresh_token", refresh), ("scope", "openid notes:read")];
        let fresh = world.token(&fields).await.expect_status(200).json();
        assert_eq!(claims(fresh["access_token"].as_str().unwrap())["sub"], who.as_str());
    }
    // One signs out: the other stays, and answers only for themselves.
    let mallorys_hint = mallorys["id_token"].as_str().unwrap();
    browser.get(&format!("/end_session?id_token_hint={mallorys_hint}")).await.expect_status(200);
    let code = browser.code("", &[none, ("prompt", "none")]).await;
    assert_eq!(subject(&world.redeem(&code).await.json()), alice);
    let reply = browser
        .get(&format!("/authorize?{}", query(&[("prompt", "none"), ("id_token_hint", mallorys_hint)])))
        .await;
    reply.expect_redirect_error("login_required");
}

#[tokio::test]
async fn l_33_a_fresh_installation_knows_nobody() {
    let world = World::new().await;
    let folder = world.folder().join("fresh");
    std::fs::create_dir_all(&folder).unwrap();
    let database = Database::new(&folder, "fresh.db").await;
    let parts = Parts::new(database.url(), folder.join("master.key"), Policy::new(ISSUER));
    let (app, _) = start::build(parts, world.clock.clone(), Arc::clone(&world.app.entropy)).await.unwrap();
    let rows = app.store.rows().await.unwrap();
    for (table, count) in &rows {
        let is_own = ["realm", "key"].contains(table);
        assert!(is_own || *count == 0, "{table}: {count}");
    }
    assert!(
        rows.iter().any(|(table, _)| *table == "user") && rows.iter().any(|(table, _)| *table == "client")
    );
}

/// The person signs in again in the same browser: the session is the same, and what other applications were given in it lives on.
#[tokio::test]
async fn l_03_signing_in_again_keeps_the_session_and_changes_its_secret() {
    let world = World::new().await;
    let mut browser = world.browser();
    let scope = [("scope", "openid notes:read")];
    let before = world.redeem(&browser.code("alice", &scope).await).await.expect_status(200).json();
    let unredeemed = browser.code("alice", &scope).await;
    let account = browser.get("/account").await;
    let waiting = browser.get(&format!("/authorize?{}", query(&[("prompt", "consent")]))).await;
    let stolen = browser.clone();
    world.clock.advance(Duration::from_secs(5));

    let again = world.redeem(&browser.code("alice", &[("prompt", "login"), scope[0]]).await).await;
    let again = again.expect_status(200).json();
    let (old, new) =
        (claims(before["id_token"].as_str().unwrap()), claims(again["id_token"].as_str().unwrap()));
    assert_eq!(old["sid"], new["sid"], "the same session");
    assert!(new["auth_time"].as_i64() > old["auth_time"].as_i64());

    // The cookie of before is good for nothing, and the new one is.
    let mut stolen = stolen;
    assert!(!is_signed_in(&mut stolen).await && is_signed_in(&mut browser).await);
    // Tokens, codes, the account page and a consent page of another tab go on.
    assert!(world.is_active(before["access_token"].as_str().unwrap()).await);
    let fields =
        [("grant_type", "refresh_token"), ("refresh_token", before["refresh_token"].as_str().unwrap())];
    let refreshed = world.token(&fields).await.expect_status(200).json();
    let refreshed = claims(refreshed["id_token"].as_str().unwrap());
    assert_eq!(refreshed["auth_time"], old["auth_time"], "what was granted before keeps its sign-in");
    world.redeem(&unredeemed).await.expect_status(200);
    let reply = browser.submit(&waiting, "/consent", &[("decision", "allow")]).await;
    reply.expect_status(303);
    let reply = browser.submit(&account, "/account/sign-out", &[]).await;
    reply.expect_status(303);
    let events = world.app.store.events(world.app.realm.id, 100).await.unwrap();
    assert_eq!(events.iter().filter(|event| event.kind == "session.reauthenticated").count(), 1);
}

/// `session_absolute` counts from the last sign-in.
#[tokio::test]
async fn l_31_a_session_lasts_from_the_last_sign_in() {
    let world = World::new().await;
    let mut browser = signed_in(&world, "alice").await;
    let absolute = world.app.realm.policy.lifetimes.session_absolute;
    let idle = world.app.realm.policy.lifetimes.session_idle / 2;
    let stay = async |browser: &mut Browser<'_>, time: Duration| {
        let mut left = time;
        while left > Duration::ZERO {
            let step = left.min(idle);
            world.clock.advance(step);
            left -= step;
            browser.get("/account").await;
        }
    };
    stay(&mut browser, absolute / 2).await;
    browser.code("alice", &[("prompt", "login"), ("scope", "openid")]).await;
    stay(&mut browser, absolute / 2 + Duration::from_mins(1)).await;
    assert!(is_signed_in(&mut browser).await);
    stay(&mut browser, absolute / 2).await;
    assert!(!is_signed_in(&mut browser).await);
}

/// A session does not idle while an application uses what it was given in it, by refreshing or at UserInfo; and it ends at its time.
#[tokio::test]
async fn l_31_a_session_does_not_idle_while_its_application_works() {
    let mut policy = Policy::new(ISSUER);
    policy.lifetimes.session_idle = Duration::from_secs(150);
    policy.lifetimes.session_absolute = Duration::from_mins(20);
    policy.lifetimes.access_token = Duration::from_hours(1);
    let world = World::with(Setting { policy, ..Setting::default() }).await;
    let mut browser = world.browser();
    let mut tokens = world.redeem(&browser.code("alice", &[("scope", "openid")]).await).await.json();
    let step = Duration::from_secs(30);
    for _ in 0..10 {
        world.clock.advance(step);
        let token = tokens["refresh_token"].as_str().unwrap().to_owned();
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
        tokens = world.token(&fields).await.expect_status(200).json();
    }
    assert!(is_signed_in(&mut browser).await);
    for _ in 0..10 {
        world.clock.advance(step);
        world.userinfo(&tokens["access_token"]).await.expect_status(200);
    }
    assert!(is_signed_in(&mut browser).await);
    world.clock.advance(Duration::from_mins(11));
    assert!(!is_signed_in(&mut browser).await);
}
