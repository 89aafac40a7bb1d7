//! Catalogue J, and Q-03 for the log: texts that strangers choose, where people and log readers see them.

use std::{
    io::Write,
    sync::{Arc, LazyLock, Mutex},
};

use axum::{
    body::Body,
    http::{Method, Request},
};
use tracing::{Dispatch, subscriber::NoSubscriber};

use super::{
    Browser, ISSUER, Reply, World, form,
    harness::{PASSWORD, Setting, VERIFIER, basic, secret},
    query,
};
use crate::{
    app::ErrorAudience,
    telemetry::{self, LogShape},
};

const PAYLOADS: &[&str] = &[
    "\"><svg onload=alert(1)>",
    "'-alert(1)-'",
    "</script><script>alert(1)</script>",
    "</title><img src=x onerror=alert(1)>",
    "{{7*7}}{% raw %}",
    "\u{2028}alert(1)",
    "\u{202e}gpj.exe",
    "' onfocus='alert(1)' autofocus='",
    "--><b>bold</b><!--",
];

/// Fails where a payload could have become markup: a tag, an attribute or a script that no page of ours has.
#[track_caller]
fn expect_only_text(reply: &Reply) {
    assert!(reply.header("content-type").unwrap().starts_with("text/html"), "{reply:#?}");
    let lower = reply.body.to_lowercase();
    for never in [
        "<svg onload",
        "<script",
        "<img",
        "<b>",
        "<!--",
        "alert(1)-'",
        "49{",
        " onfocus='",
        "onload=alert(1)>",
    ] {
        assert!(!lower.contains(never), "{never}: {reply:#?}");
    }
    // Every quote of a text is an entity, or stands outside tags: no attribute ends early.
    for tag in lower.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap();
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}: {reply:#?}");
        let outside: String = tag.split('"').step_by(2).collect();
        assert!(!outside.contains(" on") && !outside.contains("alert"), "{tag}: {reply:#?}");
    }
    // In a field the text is what it is; between tags nothing turns it round or breaks the line.
    for text in lower.split('<').filter_map(|piece| piece.split_once('>')).map(|(_, text)| text) {
        assert!(!text.contains(['\u{202e}', '\u{2028}', '\0']), "{text:?}: {reply:#?}");
    }
}

fn toml(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// Every page an interaction and an account show.
async fn walk(browser: &mut Browser<'_>, username: &str, changes: &[(&str, &str)]) -> Vec<Reply> {
    let mut pages = Vec::new();
    let page = browser.get(&format!("/authorize?{}", query(changes))).await;
    assert_eq!(page.page(), Some("sign-in"), "{page:#?}");
    pages.push(browser.sign_in(&page, username, "a wrong password").await);
    let reply = browser.sign_in(&page, username, PASSWORD).await.expect_status(303);
    let consent = browser.get(reply.location()).await;
    assert_eq!(consent.page(), Some("consent"), "{consent:#?}");
    let select = browser.submit(&consent, "/select-account", &[("other_accounts", "1")]).await;
    assert_eq!(select.page(), Some("select-account"));
    browser.submit(&consent, "/consent", &[("decision", "allow")]).await.expect_status(303);
    let account = browser.get("/account").await;
    assert_eq!(account.page(), Some("account"));
    let logout = browser.get("/end_session?client_id=web").await;
    assert_eq!(logout.page(), Some("logout"));
    pages.extend([page, consent, select, account, logout]);
    pages
}

#[tokio::test]
async fn j_01_names_of_clients_people_and_apis_are_only_text() {
    for payload in PAYLOADS {
        let world = World::new().await;
        let state = format!(
            r#"
            [[resource]]
            identifier = "https://api.example.test/"
            name = {name}
            [resource.scopes]
            "notes:read" = {name}
            [[client]]
            client_id = "web"
            client_name = {name}
            client_secret = "a client secret of more than thirty-two characters"
            redirect_uris = ["https://rp.example/cb"]
            scope = "openid profile notes:read"
            [[user]]
            username = "mallory"
            name = {name}
            password = "{PASSWORD}"
            "#,
            name = toml(payload)
        );
        // Some are refused when they are declared, which is as good.
        if world.try_apply(&state).await.is_err() {
            assert!(payload.contains(['\u{202e}', '\u{2028}']), "{payload:?} was refused");
            continue;
        }
        let mut browser = world.browser();
        for page in walk(&mut browser, "mallory", &[]).await {
            expect_only_text(&page);
        }
    }
}

#[tokio::test]
async fn j_01_parameters_of_strangers_are_only_text() {
    let world = World::with(Setting { audience: ErrorAudience::Developers, ..Setting::default() }).await;
    for payload in PAYLOADS {
        let mut browser = world.browser();
        for name in [
            "client_id",
            "redirect_uri",
            "login_hint",
            "ui_locales",
            "state",
            "nonce",
            "display",
            "acr_values",
            "error",
            "error_description",
            "prompt",
            "scope",
        ] {
            let reply = browser.get(&format!("/authorize?{}", query(&[(name, payload)]))).await;
            if reply.status != 303 {
                expect_only_text(&reply);
            }
            let target = format!("/end_session?{}", form(&[(name, payload)]));
            expect_only_text(&browser.get(&target).await);
        }
        for name in ["post_logout_redirect_uri", "id_token_hint"] {
            let reply = browser.get(&format!("/end_session?{}", form(&[(name, payload)]))).await;
            expect_only_text(&reply);
        }
        let target = format!("/authorize/resume?{}", form(&[("interaction", payload)]));
        expect_only_text(&browser.get(&target).await);
        let target = format!("/account?{}", form(&[("done", payload)]));
        expect_only_text(&browser.get(&target).await);
        // What was typed comes back in its field.
        let page = browser.get("/account").await;
        let reply = browser.sign_in(&page, payload, "a wrong password").await;
        assert!([422, 429].contains(&reply.status), "{reply:#?}");
        expect_only_text(&reply);
        world.clock.advance(std::time::Duration::from_mins(10));
    }
    // State is given back byte for byte, whatever it is.
    let mut browser = world.browser();
    browser.code("alice", &[]).await;
    for payload in PAYLOADS {
        let reply = browser.get(&format!("/authorize?{}", query(&[("state", payload)]))).await;
        assert_eq!(reply.expect_status(303).parameters()["state"], *payload);
    }
}

#[tokio::test]
async fn j_01_the_user_agent_on_the_account_page_is_only_text() {
    let world = World::new().await;
    let mut browser = world.browser();
    for payload in PAYLOADS.iter().filter(|payload| payload.is_ascii()) {
        let page = browser.get("/account").await;
        let fields = page.fields("/sign-in");
        let mut fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        fields.extend_from_slice(&[("username", "alice"), ("password", PASSWORD)]);
        let headers = [("user-agent", *payload), ("x-forwarded-for", *payload)];
        browser.post_from("/sign-in", &fields, &headers).await.expect_status(303);
        expect_only_text(&browser.get("/account").await);
        browser.cookies.remove("__Host-sid");
    }
}

#[tokio::test]
async fn j_02_what_an_error_says_is_ours() {
    let world = World::with(Setting { audience: ErrorAudience::Developers, ..Setting::default() }).await;
    let text = "Call +1 555 0100 to keep your account";
    let more = form(&[("error", "access_denied"), ("error_description", text), ("error_uri", text)]);
    for target in [
        format!("/authorize?{}&{more}", query(&[("client_id", "nobody")])),
        format!("/authorize?{}&{more}", query(&[])),
        format!("/authorize/resume?interaction=x&{more}"),
        format!("/end_session?client_id=nobody&post_logout_redirect_uri=https://rp.example&{more}"),
        format!("/account?{more}"),
        format!("/nowhere?{more}"),
    ] {
        let request = Request::get(&target).header("accept", "text/html").body(Body::empty()).unwrap();
        let reply = world.send(request).await;
        assert!(reply.page().is_some() && !reply.body.contains("555"), "{reply:#?}");
    }
    let reply = world.get(&format!("/authorize?{}&{more}", query(&[("prompt", "none")]))).await;
    assert_eq!(reply.parameters()["error"], "login_required");
    assert!(!reply.location().contains("555"), "{reply:#?}");
}

#[tokio::test]
async fn j_03_a_form_that_posts_itself_goes_to_the_registered_address_only() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.code("alice", &[]).await;
    for payload in PAYLOADS {
        let changes = [("response_mode", "form_post"), ("state", payload)];
        let reply = browser.get(&format!("/authorize?{}", query(&changes))).await.expect_status(200);
        assert_eq!(reply.page(), Some("form-post"), "{reply:#?}");
        let fields = reply.fields("https://rp.example/cb");
        let state = fields.iter().find(|(name, _)| name == "state").map(|(_, value)| value.as_str());
        assert_eq!(state, Some(*payload));
        assert_eq!(reply.body.matches("<form").count(), 1, "{reply:#?}");
        // One script, ours, by a nonce that is new each time.
        let policy = reply.header("content-security-policy").unwrap();
        let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
        assert_eq!(reply.body.matches("<script").count(), 1);
        assert!(reply.body.contains(&format!("<script nonce=\"{nonce}\">")), "{reply:#?}");
        let again = browser.get(&format!("/authorize?{}", query(&changes))).await;
        assert!(!again.header("content-security-policy").unwrap().contains(nonce));
    }
}

#[tokio::test]
async fn j_08_metacharacters_are_letters() {
    let world = World::new().await;
    let before: Vec<_> = world
        .rows()
        .await
        .into_iter()
        .filter(|(table, _)| *table != "attempt" && *table != "audit")
        .collect();
    for text in [
        "' OR '1'='1",
        "alice' --",
        "alice'; DROP TABLE user; --",
        "%",
        "_____",
        "*)(uid=*",
        "\\",
        "alice\0",
        "1e9",
    ] {
        let mut browser = world.browser();
        let page = browser.get("/account").await;
        let reply = browser.sign_in(&page, text, PASSWORD).await.expect_status(422);
        assert!(!browser.cookies.contains_key("__Host-sid"), "{reply:#?}");
        let reply = world.get(&format!("/authorize?{}", query(&[("client_id", text)]))).await;
        reply.expect_error_page("unknown_client");
        for name in ["scope", "resource", "redirect_uri", "id_token_hint", "acr_values", "max_age"] {
            let reply = world.get(&format!("/authorize?{}", query(&[(name, text)]))).await;
            assert!([200, 303, 400].contains(&reply.status), "{name}={text}: {reply:#?}");
        }
        let authorization = basic(text, "x");
        let fields = [("grant_type", "client_credentials"), ("scope", text), ("resource", text)];
        world.post("/token", &fields, &[("authorization", &authorization)]).await.expect_status(401);
        for (name, grant) in [("code", "authorization_code"), ("refresh_token", "refresh_token")] {
            let fields =
                [("grant_type", grant), (name, text), ("redirect_uri", text), ("code_verifier", VERIFIER)];
            let reply = world.token(&fields).await;
            assert_eq!(reply.status, 400, "{name}={text}: {reply:#?}");
        }
        assert_eq!(world.introspect(text).await, serde_json::json!({ "active": false }));
        world.clock.advance(std::time::Duration::from_mins(10));
    }
    let after: Vec<_> = world
        .rows()
        .await
        .into_iter()
        .filter(|(table, _)| !["attempt", "audit", "refusal"].contains(table))
        .collect();
    let before: Vec<_> = before.into_iter().filter(|(table, _)| *table != "refusal").collect();
    assert_eq!(after, before);
}

#[tokio::test]
async fn j_04_no_parameter_sends_a_browser_somewhere_else() {
    let world = World::new().await;
    let elsewhere = [
        "//evil.example",
        "/\\evil.example",
        "////evil.example",
        "https:evil.example",
        "javascript:alert(1)",
    ];
    let names =
        ["return_to", "next", "redirect", "continue", "url", "target_link_uri", "ReturnUrl", "interaction"];
    for there in elsewhere {
        for name in names {
            let mut browser = world.browser();
            let page = browser.get(&format!("/account?{}", form(&[(name, there)]))).await.expect_status(200);
            assert!(!page.body.contains("evil"), "{page:#?}");
            if name != "interaction" {
                let fields = [(name, there), ("username", "alice"), ("password", PASSWORD)];
                let reply = browser.submit(&page, "/sign-in", &fields).await.expect_status(303);
                assert_eq!(reply.location(), format!("{ISSUER}/account"));
            }
            let reply = browser.get(&format!("/authorize/resume?{}", form(&[(name, there)]))).await;
            reply.expect_error_page("page_expired");
            let reply =
                browser.get(&format!("/end_session?{}", form(&[(name, there)]))).await.expect_status(200);
            assert!(!reply.body.contains("evil") && reply.header("location").is_none(), "{reply:#?}");
        }
        // A path that begins like another host is a path of ours, and not found.
        for target in ["//evil.example", "/%5Cevil.example", "/account//evil.example"] {
            let reply = world.get(target).await.expect_status(404);
            assert!(reply.header("location").is_none());
        }
    }
}

#[tokio::test]
async fn j_05_no_header_gets_a_line_more() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.code("alice", &[]).await;
    let breaks = ["a\r\nSet-Cookie: x=y", "a\nX: y", "a\rX: y", "\u{10a}\u{10d}X: y", "a\u{85}X: y", "a\0X"];
    for text in breaks {
        let reply = browser.get(&format!("/authorize?{}", query(&[("state", text)]))).await;
        assert!(reply.header("x").is_none());
        assert!(!reply.headers.get_all("set-cookie").iter().any(|cookie| cookie == "x=y"));
        let reply = reply.expect_status(303);
        let location = reply.headers.get("location").unwrap().as_bytes();
        assert!(location.iter().all(|byte| (0x21..0x7f).contains(byte)), "{reply:#?}");
        // Given back as it came, or refused (RFC 6749 Appendix A.5 knows no control characters).
        let parameters = reply.parameters();
        match parameters.get("state") {
            Some(state) => assert_eq!(state, text),
            None => assert_eq!(parameters["error"], "invalid_request"),
        }

        let there = [
            ("client_id", "web"),
            ("post_logout_redirect_uri", "https://rp.example/signed-out"),
            ("state", text),
        ];
        let mut stranger = world.browser();
        let reply = stranger.get(&format!("/end_session?{}", form(&there))).await.expect_status(303);
        let location = reply.headers.get("location").unwrap().as_bytes();
        assert!(location.iter().all(|byte| (0x21..0x7f).contains(byte)), "{reply:#?}");
        assert_eq!(reply.parameters()["state"], text);

        let redirect = format!("https://rp.example/cb{text}");
        let reply = browser.get(&format!("/authorize?{}", query(&[("redirect_uri", &redirect)]))).await;
        reply.expect_error_page("redirect_uri_mismatch");
        // In names that stand in no header at all.
        for (name, value) in [("client_id", text), ("login_hint", text), ("ui_locales", text)] {
            let reply = browser.get(&format!("/authorize?{}", query(&[(name, value)]))).await;
            assert!(reply.header("x").is_none() && !reply.headers.contains_key("content-language"));
        }
    }
}

#[derive(Clone, Default)]
pub(super) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    pub(super) fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A log of everything, and what is in it.
pub(super) fn logged(shape: LogShape) -> (Dispatch, Lines) {
    // While there is but one log, a line that another test is the first to come by counts as wanted by nobody, and stays so.
    static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::default()));
    LazyLock::force(&ANOTHER);
    let lines = Lines::default();
    let writer = lines.clone();
    (telemetry::dispatch(shape, "trace", move || writer.clone()).unwrap(), lines)
}

const EVIL: &[&str] = &[
    "x\r\n{\"level\":\"ERROR\"}",
    "x\ny",
    "\u{1b}[31mred\u{1b}[0m",
    "\"quote\" \\",
    "\u{2028}line",
    "\u{9b}31m",
];

#[tokio::test]
async fn j_07_a_log_line_stays_one_record() {
    let world = World::new().await;
    for shape in [LogShape::Json, LogShape::Text, LogShape::Short] {
        let (log, lines) = logged(shape);
        let guard = tracing::dispatcher::set_default(&log);
        for evil in EVIL {
            let mut browser = world.browser();
            let page = browser.get("/account").await;
            let _ = browser.sign_in(&page, evil, "a wrong password").await;
            world.get(&format!("/authorize?{}", query(&[("client_id", evil), ("redirect_uri", evil)]))).await;
            world.get(&format!("/authorize?{}", query(&[("scope", evil), ("prompt", evil)]))).await;
            world.post("/token", &[("grant_type", evil), ("client_id", evil)], &[]).await;
            let authorization = basic(evil, "secret");
            world.post("/token", &[("grant_type", evil)], &[("authorization", &authorization)]).await;
            world.get(&format!("/{}", form(&[(evil, evil)]))).await;
            let request =
                Request::get("/account").header("x-forwarded-for", "x\ty").header("user-agent", "\u{e9}\t\"");
            world.send(request.body(Body::empty()).unwrap()).await;
        }
        let twice = "names-of-strangers=1&names-of-strangers=2";
        let refused = world.get(&format!("/authorize?{}&{twice}", query(&[]))).await;
        assert_eq!(refused.parameters()["error"], "invalid_request");
        drop(guard);
        let text = lines.take();
        assert!(text.contains("repeated_parameter") && !text.contains("names-of-strangers"), "{text}");
        let count = text.lines().count();
        assert!(count >= 7 * EVIL.len(), "{count}: {text}");
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
        if shape == LogShape::Json {
            for line in text.lines() {
                let record: serde_json::Value = serde_json::from_str(line).unwrap();
                assert!(record["level"].is_string() && record["timestamp"].is_string(), "{line}");
                assert_ne!(record["level"], "ERROR", "{line}");
            }
        }
    }
}

#[tokio::test]
async fn q_03_no_log_line_holds_a_secret() {
    let world = World::new().await;
    let (log, lines) = logged(LogShape::Json);
    let guard = tracing::dispatcher::set_default(&log);

    let mut browser = world.browser();
    let page = browser.get(&format!("/authorize?{}", query(&[("state", "st4te-of-the-client")]))).await;
    browser.sign_in(&page, "alice", "my-other-passw0rd").await.expect_status(422);
    browser.sign_in(&page, "my-passw0rd-typed-as-a-name", "x").await.expect_status(422);
    let scope = [("scope", "openid offline_access notes:read")];
    let code = browser.code("alice", &scope).await;
    let authorization = basic("web", secret());
    let tokens = world.redeem(&code).await.expect_status(200).json();
    let (access, refresh) =
        (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    let id_token = tokens["id_token"].as_str().unwrap();
    let fresh = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    let second = world.token(&fresh).await.expect_status(200).json();
    let second = second["refresh_token"].as_str().unwrap().to_owned();
    // Refusals: a used code, a wrong verifier, a wrong secret, an old token, tokens where they do not belong.
    world.redeem(&code).await.expect_status(400);
    world
        .post("/token", &fresh, &[("authorization", &basic("web", "a-wr0ng-secret"))])
        .await
        .expect_status(401);
    let unused = browser.code("alice", &scope).await;
    let wrong = [
        ("grant_type", "authorization_code"),
        ("code", unused.as_str()),
        ("redirect_uri", "https://rp.example/cb"),
        ("code_verifier", "a-verifier-that-is-wrong-and-long-enough-for-the-check"),
    ];
    world.token(&wrong).await.expect_status(400);
    world.introspect(access).await;
    world.post("/revoke", &[("token", &second)], &[("authorization", &authorization)]).await;
    world.post("/userinfo", &[], &[("authorization", &format!("Bearer {access}"))]).await;
    world.get(&format!("/userinfo?access_token={access}")).await;
    let session = browser.cookies["__Host-sid"].clone();
    let transaction = browser.cookies["__Host-tx"].clone();
    let device = browser.cookies["__Host-device"].clone();
    world.get(&format!("/nowhere/{code}?token={refresh}")).await.expect_status(404);
    browser.get(&format!("/end_session?id_token_hint={id_token}")).await;
    let put = browser.send(Method::PUT, &format!("/account?sid={session}"), Body::empty(), &[]).await;
    assert_eq!(put.status, 405);
    drop(guard);

    let text = lines.take();
    assert!(text.lines().count() > 15, "{text}");
    for secret in [
        PASSWORD,
        "my-other-passw0rd",
        "my-passw0rd",
        "st4te-of-the-client",
        VERIFIER,
        "a-verifier-that-is-wrong",
        secret(),
        "a-wr0ng-secret",
        authorization.trim_start_matches("Basic "),
        &code,
        &unused,
        access,
        refresh,
        &second,
        id_token,
        &session,
        &transaction,
        &device,
    ] {
        assert!(!text.contains(secret), "{secret}");
    }
    for prefix in ["gwc_", "gwr_", "gwa_", "gws_", "gwn_", "eyJ", "Bearer ", "$argon2"] {
        let line = text.lines().find(|line| line.contains(prefix));
        assert_eq!(line, None, "{prefix}");
    }
}
