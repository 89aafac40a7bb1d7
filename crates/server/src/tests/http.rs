//! Catalogue H and L-06 in process: what holds for every route, whatever it does.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    pin::Pin,
    task::{self, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    http::{Method, Request},
    routing::get,
};
use hyper::body::{Bytes, Frame};
use tower::ServiceExt as _;

use super::{
    ISSUER, Reply, World, form,
    harness::{PASSWORD, Setting, basic, secret},
    injection::logged,
    query,
    sign_in::signed_in,
};
use crate::{http::exchange::Peer, router, telemetry::LogShape, turns::AT_ONCE};

/// A path that the route answers.
fn example(path: &str) -> String {
    path.replace("{name}", "look.css").replace("{id}", "x")
}

async fn request(
    world: &World,
    method: &Method,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Reply {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    world.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// Every route with every method, and what is refused before, between and behind them.
async fn everything(world: &World) -> Vec<(String, Reply)> {
    let mut all = Vec::new();
    let large = form(&[("x", &"y".repeat(70 * 1024))]);
    let long = "x".repeat(9 * 1024);
    let (form_type, json, basic) = (FORM, ("content-type", "application/json"), basic("web", secret()));
    for path in router::paths() {
        let path = example(path);
        for method in [
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::DELETE,
            Method::PATCH,
            Method::OPTIONS,
            Method::TRACE,
        ] {
            let reply = request(world, &method, &path, &[form_type], "").await;
            all.push((format!("{method} {path}"), reply));
        }
        for (what, target, headers, body) in [
            ("large", path.clone(), vec![form_type, ("authorization", basic.as_str())], large.as_str()),
            ("JSON", path.clone(), vec![json], "{}"),
            ("no type", path.clone(), vec![], "a=b"),
            ("encoded", path.clone(), vec![form_type, ("content-encoding", "gzip")], "a=b"),
            ("broken", format!("{path}?%zz=1"), vec![form_type], "%zz=%f0"),
            ("long", format!("{path}?x={long}"), vec![form_type], ""),
            ("two hosts", path.clone(), vec![form_type, ("host", "a"), ("host", "b")], ""),
        ] {
            for method in [Method::GET, Method::POST] {
                let reply = request(world, &method, &target, &headers, body).await;
                all.push((format!("{method} {path} ({what})"), reply));
            }
        }
    }
    for target in ["/", "/nowhere", "/.well-known/nothing", "/assets/", "/assets/nothing.css", "/%00"] {
        all.push((target.to_owned(), world.get(target).await));
    }
    let panics = router::layered(Router::new().route("/panic", get(panic)), &world.app);
    let reply = panics.oneshot(Request::get("/panic").body(Body::empty()).unwrap()).await.unwrap();
    all.push(("panic".to_owned(), Reply::read(reply).await));
    let mut browser = world.browser();
    for changes in
        [vec![], vec![("prompt", "none")], vec![("client_id", "x")], vec![("response_mode", "form_post")]]
    {
        let target = format!("/authorize?{}", query(&changes));
        all.push((target.clone(), browser.authorize("alice", &changes).await));
    }
    all.push(("account".to_owned(), browser.get("/account").await));
    all.push(("forged".to_owned(), browser.post("/account/disconnect", &[]).await));
    all.push(("logout".to_owned(), browser.get("/end_session").await));
    all
}

#[tokio::test]
async fn z_08_requests_of_a_client_wait_for_its_own_turn() {
    let world = World::new().await;
    let machine = async || world.token(&[("grant_type", "client_credentials")]).await;
    let mut working = Vec::new();
    for _ in 0..AT_ONCE {
        working.push(world.app.turns.take(&"web".into(), "192.0.2.1".parse().ok()).await.unwrap());
    }
    // Waiting takes no time here.
    tokio::time::pause();
    for reply in [machine().await, world.get(&format!("/authorize?{}", query(&[]))).await] {
        assert_eq!(reply.expect_status(503).header("retry-after"), Some("1"));
    }
    tokio::time::resume();
    working.pop();
    machine().await.expect_status(200);
}

async fn panic() -> &'static str {
    panic!("a secret of the inside: SELECT * FROM user at /etc/secret")
}

#[tokio::test]
async fn l_06_h_09_every_answer_of_every_route_has_the_security_headers() {
    let world = World::new().await;
    let mut statuses = BTreeMap::<u16, usize>::new();
    for (what, reply) in everything(&world).await {
        *statuses.entry(reply.status).or_default() += 1;
        let of =
            |name: &str| reply.header(name).unwrap_or_else(|| panic!("{what} has no {name}: {reply:#?}"));
        assert_eq!(of("x-content-type-options"), "nosniff", "{what}");
        assert_eq!(of("x-frame-options"), "DENY", "{what}");
        assert_eq!(of("strict-transport-security"), "max-age=63072000", "{what}");
        assert_eq!(of("x-trace-id").len(), 12, "{what}");
        let policy = of("content-security-policy");
        assert!(policy.starts_with("default-src 'none';"), "{what}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{what}: {policy}");
        let is_page = reply.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
        assert_eq!(of("referrer-policy"), if is_page { "same-origin" } else { "no-referrer" }, "{what}");
        if is_page {
            assert_eq!(of("content-type"), "text/html; charset=utf-8", "{what}");
            assert_eq!(of("cross-origin-opener-policy"), "same-origin", "{what}");
            assert_eq!(of("cross-origin-resource-policy"), "same-origin", "{what}");
            assert!(policy.contains("base-uri 'none'") && policy.contains("object-src 'none'"), "{what}");
        }
        for name in ["server", "x-powered-by", "via"] {
            assert!(reply.header(name).is_none(), "{what}");
        }
        // Only documents and assets may be kept.
        let may_be_kept = ["/.well-known/", "/jwks", "/assets/look"].iter().any(|path| what.contains(path));
        match reply.header("cache-control") {
            Some("no-store") => {}
            None if reply.body.is_empty() && [204, 405].contains(&reply.status) => {}
            other => assert!(may_be_kept && reply.status == 200, "{what}: {other:?}"),
        }
    }
    for status in [200, 303, 400, 401, 403, 404, 405, 413, 414, 415, 500] {
        assert!(statuses.contains_key(&status), "no {status} among {statuses:?}");
    }
}

#[tokio::test]
async fn h_02_a_body_over_the_limit_is_413_whatever_it_says() {
    let world = World::new().await;
    let basic = basic("web", secret());
    // Who is not signed in is sent away from the forms of the account page before anything is read.
    let mut alice = world.browser();
    alice.authorize("alice", &[]).await.expect_status(303);
    let cookies: Vec<_> = alice.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let cookies = cookies.join("; ");
    let credentials = [FORM, ("authorization", basic.as_str()), ("cookie", cookies.as_str())];
    for path in router::paths() {
        let path = example(path);
        for size in [64 * 1024, 64 * 1024 + 1] {
            let body = format!("x={}", "y".repeat(size - 2));
            let reply = request(&world, &Method::POST, &path, &credentials, &body).await;
            let reads_forms = reply.status != 405 && reply.status != 404;
            assert!(!reads_forms || (reply.status == 413) == (size > 64 * 1024), "{path} {size}: {reply:#?}");
        }
        // Of unknown length.
        let body = Body::new(Chunks(100));
        let mut request = Request::post(&path);
        for (name, value) in credentials {
            request = request.header(name, value);
        }
        let reply = world.send(request.body(body).unwrap()).await;
        assert!([413, 405, 404].contains(&reply.status), "{path}: {reply:#?}");
    }
}

/// So many chunks of a kilobyte, whose number nobody was told.
struct Chunks(u32);

impl hyper::body::Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;
    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(left) = self.0.checked_sub(1) else { return Poll::Ready(None) };
        self.0 = left;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'y'; 1024])))))
    }
}

#[tokio::test]
async fn h_05_who_asks_is_the_peer_unless_a_trusted_proxy_says_otherwise() {
    for (trusted, peer, forwarded, shown) in [
        (None, "203.0.113.9", "198.51.100.1", "203.0.113.9"),
        (Some("10.0.0.0/8"), "203.0.113.9", "198.51.100.1", "203.0.113.9"),
        (Some("10.0.0.0/8"), "10.0.0.1", "198.51.100.1", "198.51.100.1"),
        (Some("10.0.0.0/8"), "10.0.0.1", "1.2.3.4, 198.51.100.1", "198.51.100.1"),
        (Some("10.0.0.0/8"), "10.0.0.1", "198.51.100.1, nonsense", "10.0.0.1"),
    ] {
        let trusted_proxies = trusted.iter().map(|net| net.parse().unwrap()).collect();
        let world = World::with(Setting { trusted_proxies, ..Setting::default() }).await;
        let mut browser = world.browser();
        let page = browser.get("/account").await;
        let mut fields = page.fields("/sign-in");
        fields.push(("username".to_owned(), "alice".to_owned()));
        fields.push(("password".to_owned(), PASSWORD.to_owned()));
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut request = Request::post("/sign-in")
            .header(FORM.0, FORM.1)
            .header("cookie", format!("__Host-tx={}", browser.cookies["__Host-tx"]))
            .header("x-forwarded-for", forwarded)
            .header("forwarded", "for=192.0.2.60")
            .header("x-real-ip", "192.0.2.61")
            .body(Body::from(form(&fields)))
            .unwrap();
        let peer: std::net::IpAddr = peer.parse().unwrap();
        request.extensions_mut().insert(Peer((peer, 4711).into()));
        // A value that cannot be read never skips the step: the password was right, so there is a session.
        let reply = world.send(request).await.expect_status(303);
        let cookie = reply.headers.get_all("set-cookie").iter().find_map(|cookie| {
            let cookie = cookie.to_str().unwrap();
            cookie.starts_with("__Host-sid=").then(|| cookie.split(';').next().unwrap().to_owned())
        });
        let headers = [("cookie", cookie.as_deref().unwrap())];
        let account = self::request(&world, &Method::GET, "/account", &headers, "").await;
        assert!(account.body.contains(shown), "{shown}: {account:#?}");
        for never in ["192.0.2.60", "192.0.2.61", "1.2.3.4", "nonsense"] {
            assert!(!account.body.contains(never), "{never}: {account:#?}");
        }
    }
}

#[tokio::test]
async fn h_05_a_proxy_that_cannot_be_read_is_named_in_the_log_once_a_minute() {
    let trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
    let world = World::with(Setting { trusted_proxies, ..Setting::default() }).await;
    let (log, lines) = logged(LogShape::Json);
    let _guard = tracing::dispatcher::set_default(&log);
    let ask = async |header: &str, value: &str| {
        let mut request = Request::get("/healthz").header(header, value).body(Body::empty()).unwrap();
        request.extensions_mut().insert(Peer(([10, 0, 0, 1], 4711).into()));
        world.send(request).await.expect_status(200);
        let said = lines.take();
        let address = said.lines().rev().find(|line| line.contains("\"address\"")).unwrap().to_owned();
        assert!(!said.contains("not-an-address"), "the log never holds a header: {said}");
        (address, said.lines().filter(|line| line.contains("\"proxy\":\"10.0.0.1\"")).count())
    };
    for (header, value, shown) in [
        ("x-forwarded-for", "203.0.113.7:51234", "203.0.113.7"),
        ("x-forwarded-for", "[2001:db8::7]:443,", "2001:db8::7"),
        ("forwarded", "for=\"[2001:db8::8]:443\";proto=https", "2001:db8::8"),
    ] {
        let (line, said) = ask(header, value).await;
        assert!(line.contains(&format!("\"address\":\"{shown}\"")) && said == 0, "{value}: {line}");
    }
    for (wait, times) in [(0, 1), (59, 0), (1, 1)] {
        world.clock.advance(Duration::from_secs(wait));
        let (line, said) = ask("x-forwarded-for", "not-an-address").await;
        assert!(line.contains("\"address\":\"10.0.0.1\"") && said == times, "{wait}: {said} {line}");
    }
}

#[tokio::test]
async fn h_06_no_header_changes_who_we_are() {
    let world =
        World::with(Setting { trusted_proxies: vec!["192.0.2.0/24".parse().unwrap()], ..Setting::default() })
            .await;
    let plain = world.get("/.well-known/openid-configuration").await.expect_status(200);
    for headers in [
        &[("host", "evil.example")][..],
        &[("host", "id.example.test:8443")],
        &[("host", "127.0.0.1:8080")],
        &[("host", "id.example.test"), ("x-forwarded-host", "evil.example")],
        &[("x-forwarded-proto", "http"), ("x-forwarded-port", "80"), ("x-forwarded-prefix", "/evil")],
        &[("forwarded", "host=evil.example;proto=http")],
        &[("x-original-host", "evil.example"), ("x-host", "evil.example")],
    ] {
        let reply = request(&world, &Method::GET, "/.well-known/openid-configuration", headers, "").await;
        assert_eq!(reply.body, plain.body, "{headers:?}");
        let target = format!("/authorize?{}", query(&[]));
        let page = request(&world, &Method::GET, &target, headers, "").await.expect_status(200);
        assert!(!page.body.contains("evil") && page.body.contains("action=\"/sign-in\""), "{headers:?}");
        let cookie = page.header("set-cookie").unwrap();
        assert!(cookie.starts_with("__Host-tx=") && cookie.contains("; Secure"), "{cookie}");
        assert!(!cookie.contains("evil"), "{cookie}");
        let quiet = format!("/authorize?{}", query(&[("prompt", "none")]));
        let reply = request(&world, &Method::GET, &quiet, headers, "").await;
        reply.expect_redirect_error("login_required");
        let fields = form(&[("client_id", "web"), ("response_type", "code")]);
        let posted =
            request(&world, &Method::POST, "/authorize", &[headers, &[FORM]].concat(), &fields).await;
        assert!(posted.header("location").is_none_or(|to| !to.contains("evil")), "{posted:#?}");
    }
    // Nor does a target that names another host.
    let absolute = "https://evil.example/.well-known/openid-configuration";
    assert_eq!(request(&world, &Method::GET, absolute, &[], "").await.body, plain.body);
    let two = [("host", "id.example.test"), ("host", "evil.example")];
    let reply = request(&world, &Method::GET, "/.well-known/openid-configuration", &two, "").await;
    assert_eq!(reply.status, 400);
}

#[tokio::test]
async fn h_07_other_spellings_of_a_path_are_no_path_and_no_header_renames_one() {
    let world = World::new().await;
    for target in [
        "//token",
        "/token/",
        "/token//",
        "/%74oken",
        "/TOKEN",
        "/token;x=y",
        "/token%2f",
        "/./token",
        "/x/../token",
        "/account/",
        "//account",
        "/account/..;/account",
        "/account%2fdisconnect",
        "/interaction/",
        "/interaction/x/y",
        "/assets/../token",
        "/assets/..%2ftoken",
        "/assets/%2e%2e/token",
        "/oauth/token/",
    ] {
        for method in [Method::GET, Method::POST] {
            let reply = request(&world, &method, target, &[FORM], "").await;
            // An asset's route has one more method that does not exist.
            let is_asset = target.starts_with("/assets/") && reply.status == 405;
            assert!(reply.status == 404 || is_asset, "{method} {target}: {reply:#?}");
        }
    }
    let mut alice = signed_in(&world, "alice").await;
    for (name, value) in [
        ("x-original-url", "/account"),
        ("x-rewrite-url", "/account"),
        ("x-http-method-override", "POST"),
        ("x-http-method", "POST"),
        ("x-method-override", "POST"),
    ] {
        let reply = alice.send(Method::GET, "/nowhere", Body::empty(), &[(name, value)]).await;
        assert_eq!(reply.status, 404, "{name}");
        for target in ["/token", "/account/sign-out", "/consent", "/sign-in", "/revoke", "/introspect"] {
            let reply = alice.send(Method::GET, target, Body::empty(), &[(name, value)]).await;
            assert_eq!(reply.status, 405, "{name} {target}");
        }
        let fields = form(&[("_method", "GET")]);
        let reply = alice.send(Method::POST, "/account", Body::from(fields), &[FORM, (name, "GET")]).await;
        assert_eq!(reply.status, 405, "{name}");
    }
}

#[tokio::test]
async fn h_08_no_page_of_another_origin_reads_what_is_not_for_everybody() {
    let world = World::new().await;
    let anybody: BTreeSet<&str> = [
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/jwks",
        "/token",
        "/oauth/token",
        "/userinfo",
        "/revoke",
    ]
    .into();
    for origin in
        ["https://rp.example", "https://rp.example.evil.example", "null", ISSUER, "https://x.rp.example"]
    {
        for path in router::paths() {
            let path = example(path);
            for method in [Method::OPTIONS, Method::GET, Method::POST] {
                let headers = [
                    ("origin", origin),
                    ("access-control-request-method", "POST"),
                    ("access-control-request-headers", "authorization, x-evil"),
                    FORM,
                ];
                let reply = request(&world, &method, &path, &headers, "").await;
                let cors: Vec<_> = reply
                    .headers
                    .keys()
                    .filter(|name| name.as_str().starts_with("access-control-"))
                    .collect();
                if anybody.contains(path.as_str()) {
                    assert_eq!(reply.header("access-control-allow-origin"), Some("*"), "{method} {path}");
                    assert!(reply.header("access-control-allow-credentials").is_none(), "{method} {path}");
                    let allowed = reply.header("access-control-allow-headers").unwrap_or_default();
                    assert!(!allowed.contains("x-evil") && !allowed.contains('*'), "{allowed}");
                } else {
                    assert!(cors.is_empty(), "{method} {path}: {cors:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn h_09_what_must_not_be_kept_is_not() {
    let world = World::new().await;
    let mut browser = world.browser();
    let done = browser.authorize("alice", &[]).await.expect_status(303);
    let tokens = world.redeem(&done.parameters()["code"]).await.expect_status(200);
    let access = tokens.json()["access_token"].as_str().unwrap().to_owned();
    let authorization = basic("web", secret());
    let headers = [("authorization", authorization.as_str())];
    let bearer = format!("Bearer {access}");
    let replies = [
        ("code", done),
        ("token", tokens),
        ("refusal", world.token(&[("grant_type", "refresh_token"), ("refresh_token", "x")]).await),
        ("introspection", world.post("/introspect", &[("token", &access)], &headers).await),
        ("userinfo", world.post("/userinfo", &[], &[("authorization", &bearer)]).await),
        ("revocation", world.post("/revoke", &[("token", &access)], &headers).await),
        ("account", browser.get("/account").await),
    ];
    for (what, reply) in replies {
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{what}");
        // The page has forms of its own, which must say where they come from.
        let policy = if what == "account" { "same-origin" } else { "no-referrer" };
        assert_eq!(reply.header("referrer-policy"), Some(policy), "{what}");
    }
}

#[tokio::test]
async fn h_10_a_panic_is_500_that_tells_nothing_and_the_next_request_is_served() {
    let world = World::new().await;
    let routes = Router::new().route("/panic", get(panic).post(panic)).route("/fine", get(async || "fine"));
    let server = router::layered(routes, &world.app);
    for _ in 0..3 {
        let request = Request::get("/panic").body(Body::empty()).unwrap();
        let reply = Reply::read(server.clone().oneshot(request).await.unwrap()).await.expect_status(500);
        assert_eq!(reply.json()["error"], "server_error");
        assert_eq!(reply.header("x-trace-id").map(str::len), Some(12));
        for inside in ["secret", "SELECT", "/etc", "panic", ".rs"] {
            assert!(!reply.body.contains(inside), "{reply:#?}");
        }
        let request = Request::get("/fine").body(Body::empty()).unwrap();
        let reply = Reply::read(server.clone().oneshot(request).await.unwrap()).await.expect_status(200);
        assert_eq!(reply.body, "fine");
    }
}

#[tokio::test]
async fn every_405_says_what_is_allowed_and_head_is_where_get_is_harmless() {
    let world = World::new().await;
    for (path, expected) in [
        ("/token", "POST, OPTIONS"),
        ("/userinfo", "GET, HEAD, POST, OPTIONS"),
        ("/jwks", "GET, HEAD, OPTIONS"),
        ("/introspect", "POST"),
        ("/authorize", "GET, POST"),
        ("/authorize/resume", "GET"),
        ("/end_session", "GET, POST"),
        ("/account", "GET, HEAD"),
        ("/account/disconnect", "POST"),
        ("/assets/look.css", "GET, HEAD"),
        ("/interaction/x", "GET, HEAD, POST"),
        ("/healthz", "GET, HEAD"),
    ] {
        for method in [Method::DELETE, Method::PUT, Method::PATCH, Method::HEAD] {
            let reply = request(&world, &method, path, &[], "").await;
            if method != Method::HEAD || !expected.contains("HEAD") {
                assert_eq!((reply.status, reply.header("allow")), (405, Some(expected)), "{method} {path}");
            }
        }
        if expected.contains("HEAD") {
            let get = request(&world, &Method::GET, path, &[], "").await;
            let head = request(&world, &Method::HEAD, path, &[], "").await;
            assert_eq!((head.status, head.body.as_str()), (get.status, ""), "{path}");
            assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        }
    }
    for (path, reply) in everything(&world).await {
        assert!(
            reply.status != 405 || reply.header("allow").is_some_and(|allow| !allow.is_empty()),
            "{path}"
        );
    }
    assert_eq!(request(&world, &Method::HEAD, "/nowhere", &[], "").await.status, 404);
}

#[tokio::test]
async fn a_script_may_read_every_error_of_an_endpoint_that_it_may_call() {
    let world = World::new().await;
    let long = format!("/token?{}", "x".repeat(9 * 1024));
    let large = form(&[("x", &"y".repeat(70 * 1024))]);
    for (method, path, body, status) in [
        (Method::POST, "/token/", "", 404),
        (Method::GET, "/.well-known/oauth-protected-resource", "", 404),
        (Method::GET, "/.well-known/oauth-authorization-server/mcp", "", 404),
        (Method::GET, "/token", "", 405),
        (Method::POST, "/token", large.as_str(), 413),
        (Method::POST, long.as_str(), "", 414),
    ] {
        let reply = request(&world, &method, path, &[FORM, ("origin", "https://spa.example")], body).await;
        assert_eq!(reply.status, status, "{path:.60}");
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"), "{path:.60}");
        let exposed = reply.header("access-control-expose-headers").unwrap_or_default();
        assert!(exposed.contains("retry-after") && exposed.contains("www-authenticate"), "{exposed}");
    }
    // A document that does not exist is asked for with the headers of MCP first.
    let asking = [
        ("origin", "https://spa.example"),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "mcp-protocol-version, traceparent"),
    ];
    for path in ["/token", "/.well-known/openid-configuration", "/.well-known/oauth-protected-resource"] {
        let reply = request(&world, &Method::OPTIONS, path, &asking, "").await.expect_status(204);
        let allowed: Vec<_> =
            reply.header("access-control-allow-headers").unwrap().split(',').map(str::trim).collect();
        for name in [
            "authorization",
            "content-type",
            "mcp-protocol-version",
            "mcp-session-id",
            "traceparent",
            "baggage",
        ] {
            assert!(allowed.contains(&name), "{path} {name}");
        }
    }
    assert_eq!(request(&world, &Method::OPTIONS, "/nowhere", &asking, "").await.status, 404);
}

#[tokio::test]
async fn only_who_reads_html_gets_a_page() {
    let world = World::new().await;
    let long = format!("/token?{}", "x".repeat(9 * 1024));
    for (method, path, accept, is_page) in [
        (Method::POST, "/token/", None, false),
        (Method::POST, "/token/", Some("*/*"), false),
        (Method::POST, "/token/", Some("application/json"), false),
        (Method::GET, "/nowhere", Some("text/html,*/*;q=0.8"), true),
        (Method::GET, "/nowhere", Some("application/json"), false),
        (Method::GET, "/token", Some("*/*"), false),
        (Method::GET, "/token", Some("text/html"), true),
        (Method::GET, long.as_str(), None, false),
        (Method::GET, "/assets/nothing.css", Some("text/css,*/*;q=0.1"), false),
        (Method::PUT, "/authorize", None, true),
        (Method::GET, "/authorize", Some("*/*"), true),
        (Method::GET, "/authorize", Some("application/json"), false),
        (Method::GET, "/end_session?client_id=a&client_id=b", Some("application/json"), false),
    ] {
        let headers: Vec<_> = accept.map(|accept| ("accept", accept)).into_iter().collect();
        let reply = request(&world, &method, path, &headers, "").await;
        let kind = reply.header("content-type").unwrap();
        let expected = if is_page { "text/html; charset=utf-8" } else { "application/json" };
        assert_eq!(kind, expected, "{method} {path:.60} {accept:?}");
        if !is_page {
            let error = reply.json();
            assert!(error["error"].is_string() && error["error_description"].is_string(), "{error}");
            assert_eq!(error["trace_id"], reply.header("x-trace-id").unwrap());
        }
    }
}
