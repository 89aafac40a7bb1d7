//! An external login UI: its pages in place of ours, its back end at `/interaction/{id}`, and the browser back at
//! `/authorize/resume`. What it can say is who somebody is and what they decided; what is issued, and to which browser, it
//! cannot.

use axum::{
    body::Body,
    http::{Method, Request},
};
use grantwell_core::secret::Digest;
use serde_json::{Value, json};

use super::{
    Browser, ISSUER, Reply, World,
    harness::{API, PASSWORD, Setting, basic},
    query,
    sign_in::{claims, is_signed_in},
};
use crate::{app::ErrorAudience, config::LoginUi};

const URL: &str = "https://login.example.test/step?theme=dark";
const SECRET: &str = "a login UI's secret of more than thirty-two characters";

async fn world() -> World {
    world_for(ErrorAudience::People).await
}

async fn world_for(audience: ErrorAudience) -> World {
    let login_ui = LoginUi {
        url: URL.to_owned(),
        client_id: "login-ui".to_owned(),
        client_secret: Digest::of(SECRET.as_bytes()),
    };
    World::with(Setting { login_ui: Some(login_ui), audience, ..Setting::default() }).await
}

/// Where a browser is sent, as the handle in it.
#[track_caller]
fn handle(reply: &Reply) -> String {
    assert_eq!(reply.status, 303, "{reply:#?}");
    let rest = reply.location().strip_prefix(&format!("{URL}&interaction=")).unwrap();
    assert!(!rest.contains('&'), "{rest}");
    rest.to_owned()
}

async fn call(
    world: &World,
    method: Method,
    handle: &str,
    body: Option<Value>,
    authorization: &str,
) -> Reply {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("/interaction/{handle}"))
        .header("authorization", authorization);
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    world.send(request.body(body).unwrap()).await
}

async fn read(world: &World, handle: &str) -> Value {
    call(world, Method::GET, handle, None, &basic("login-ui", SECRET)).await.expect_status(200).json()
}

async fn report(world: &World, handle: &str, body: Value) -> Reply {
    call(world, Method::POST, handle, Some(body), &basic("login-ui", SECRET)).await
}

async fn begin(browser: &mut Browser<'_>, changes: &[(&str, &str)]) -> String {
    handle(&browser.get(&format!("/authorize?{}", query(changes))).await)
}

fn login(username: &str) -> Value {
    json!({ "login": { "username": username, "amr": ["pwd", "otp"], "acr": "urn:example:two" } })
}

#[tokio::test]
async fn a_whole_exchange_through_an_external_login_ui() {
    let world = world().await;
    let mut browser = world.browser();
    let changes = [("scope", "openid notes:read"), ("login_hint", "alice"), ("ui_locales", "de en")];
    let sealed = begin(&mut browser, &changes).await;
    let before = world.rows().await;
    let step = read(&world, &sealed).await;
    assert_eq!(step["next"]["step"], "login");
    assert_eq!(step["client"]["client_name"], "Example web application");
    assert_eq!(
        (&step["login_hint"], &step["redirect_uri"]),
        (&"alice".into(), &"https://rp.example/cb".into())
    );
    assert_eq!(world.rows().await, before);

    let reply = report(&world, &sealed, login("alice@example.test")).await.expect_status(200).json();
    let id = reply["id"].as_str().unwrap();
    assert_eq!(reply["resume"], format!("{ISSUER}/authorize/resume?interaction={id}"));
    let step = read(&world, id).await;
    assert_eq!(step["next"]["step"], "consent");
    // The sealed handle and the id say the same from now on.
    assert_eq!(read(&world, &sealed).await, step);
    report(&world, id, json!({ "consent": "allow" })).await.expect_status(200);
    assert_eq!(read(&world, id).await["next"]["step"], "resume");

    let reply = browser.get(reply["resume"].as_str().unwrap()).await.expect_status(303);
    assert!(reply.location().starts_with("https://rp.example/cb?"), "{reply:#?}");
    assert_eq!(reply.parameters()["state"], "the state");
    assert!(browser.cookies.contains_key("__Host-sid"));
    let tokens = world.redeem(&reply.parameters()["code"]).await.expect_status(200).json();
    let id_token = claims(tokens["id_token"].as_str().unwrap());
    assert_eq!((&id_token["acr"], &id_token["amr"]), (&"urn:example:two".into(), &json!(["pwd", "otp"])));
    assert_eq!(tokens["scope"], "notes:read");
    assert!(is_signed_in(&mut browser).await);
    // The second time there is a session and a consent: no step, no login UI.
    let reply = browser.get(&format!("/authorize?{}", query(&changes))).await.expect_status(303);
    assert!(reply.parameters().contains_key("code"), "{reply:#?}");
}

#[tokio::test]
async fn consent_may_be_reported_after_the_browser_came_back() {
    let world = world().await;
    let mut browser = world.browser();
    let sealed = begin(&mut browser, &[]).await;
    let reply = report(&world, &sealed, login("alice")).await.expect_status(200).json();
    let again = handle(&browser.get(reply["resume"].as_str().unwrap()).await);
    assert_eq!(again, reply["id"].as_str().unwrap());
    assert_eq!(read(&world, &again).await["next"]["step"], "consent");
    report(&world, &again, json!({ "consent": "allow" })).await.expect_status(200);
    let reply = browser.get(&format!("/authorize/resume?interaction={again}")).await.expect_status(303);
    assert!(reply.parameters().contains_key("code"), "{reply:#?}");
}

#[tokio::test]
async fn n_02_an_answer_to_another_question_is_refused() {
    let world = world().await;
    let mut browser = world.browser();
    let sealed = begin(&mut browser, &[("scope", "openid notes:read")]).await;
    assert_eq!(read(&world, &sealed).await["next"]["reason"], "no_session");
    let reply = report(&world, &sealed, login("alice")).await.expect_status(200).json();
    let id = reply["id"].as_str().unwrap();
    let step = read(&world, id).await;
    let asked = json!([{ "scope": "openid" }, { "resource": API, "scope": "notes:read" }]);
    assert_eq!(
        (&step["permissions"], &step["next"]["asked"], &step["next"]["missing"]),
        (&asked, &asked, &asked)
    );
    let resource = format!(
        "[[resource]]\nidentifier = \"{API}\"\nname = \"Notes\"\n[resource.scopes]\n\"notes:read\" = \"Burn them\"\n"
    );
    world.apply(&resource).await;
    let before = world.rows().await;
    let question = step["next"]["question"].clone();
    for question in [question, json!("nonsense")] {
        let reply = report(&world, id, json!({ "consent": "allow", "question": question })).await;
        assert_eq!((reply.status, &reply.json()["error"]), (409, &"question_changed".into()));
    }
    for body in [json!({ "question": "x" }), json!({ "cancel": true, "question": "x" })] {
        assert_eq!(report(&world, id, body).await.status, 409, "a question goes with a consent");
    }
    assert_eq!(world.rows().await, before);
    let question = read(&world, id).await["next"]["question"].clone();
    report(&world, id, json!({ "consent": "allow", "question": question })).await.expect_status(200);
    assert_eq!(read(&world, id).await["next"]["step"], "resume");
}

#[tokio::test]
async fn only_the_login_ui_may_read_and_report() {
    let world = world().await;
    let mut browser = world.browser();
    let sealed = begin(&mut browser, &[]).await;
    let before = world.rows().await;
    let credentials = [
        String::new(),
        "Bearer x".to_owned(),
        "Basic".to_owned(),
        "Basic !!!".to_owned(),
        basic("login-ui", ""),
        basic("login-ui", "another secret"),
        basic("", SECRET),
        basic("web", SECRET),
        basic("web", super::harness::secret()),
        basic("login-ui ", SECRET),
        basic("login-ui", &format!("{SECRET} ")),
    ];
    for authorization in &credentials {
        for (method, body) in [(Method::GET, None), (Method::POST, Some(login("alice")))] {
            let reply = call(&world, method, &sealed, body, authorization).await;
            assert_eq!((reply.status, &reply.json()["error"]), (401, &"invalid_client".into()));
            assert!(reply.header("www-authenticate").is_some_and(|value| value.starts_with("Basic ")));
            assert_eq!(reply.header("cache-control"), Some("no-store"));
        }
    }
    // Two credentials are none.
    let request = Request::get(format!("/interaction/{sealed}"))
        .header("authorization", basic("login-ui", SECRET))
        .header("authorization", basic("login-ui", SECRET));
    assert_eq!(world.send(request.body(Body::empty()).unwrap()).await.status, 401);
    // The browser itself, which knows the handle, cannot report; nor can a page of any origin read.
    let headers = [("content-type", "application/json"), ("origin", ISSUER)];
    let body = Body::from(login("alice").to_string());
    let target = format!("/interaction/{sealed}");
    assert_eq!(browser.send(Method::POST, &target, body, &headers).await.status, 401);
    for method in [Method::GET, Method::POST, Method::OPTIONS] {
        let request = Request::builder()
            .method(method)
            .uri(&target)
            .header("origin", "https://login.example.test")
            .header("access-control-request-method", "POST")
            .header("authorization", basic("login-ui", SECRET));
        let reply = world.send(request.body(Body::empty()).unwrap()).await;
        assert!(reply.headers.keys().all(|name| !name.as_str().starts_with("access-control-")), "{reply:#?}");
    }
    assert_eq!(world.rows().await, before);
}

#[tokio::test]
async fn a_21_the_browser_that_comes_back_must_be_the_one_that_started() {
    let world = world().await;
    let mut browser = world.browser();
    let sealed = begin(&mut browser, &[]).await;
    let reply = report(&world, &sealed, login("alice")).await.expect_status(200).json();
    let id = reply["id"].as_str().unwrap().to_owned();
    report(&world, &id, json!({ "consent": "allow" })).await.expect_status(200);
    let mut other = world.browser();
    begin(&mut other, &[]).await;
    for handle in [&sealed, &id] {
        let reply = other.get(&format!("/authorize/resume?interaction={handle}")).await;
        reply.expect_error_page("other_browser");
        assert!(!other.cookies.contains_key("__Host-sid"));
    }
    // One without any cookie too.
    world.get(&format!("/authorize/resume?interaction={id}")).await.expect_error_page("other_browser");
    let reply = browser.get(&format!("/authorize/resume?interaction={id}")).await.expect_status(303);
    assert!(reply.parameters().contains_key("code"));
}

#[tokio::test]
async fn reports_that_do_not_fit_change_nothing() {
    let world = world().await;
    let mut browser = world.browser();
    let sealed = begin(&mut browser, &[]).await;
    let before = world.rows().await;
    for (body, why) in [
        (json!({ "consent": "allow" }), "login_required"),
        (login("noone"), "user_unknown"),
        (login("gone"), "user_unknown"),
        (login(""), "user_unknown"),
        (json!({}), "report_exactly_one_of_login_consent_cancel"),
        (json!({ "cancel": false }), "report_exactly_one_of_login_consent_cancel"),
        (
            json!({ "login": { "username": "alice" }, "consent": "allow" }),
            "report_exactly_one_of_login_consent_cancel",
        ),
    ] {
        let reply = report(&world, &sealed, body.clone()).await;
        assert_eq!((reply.status, &reply.json()["error"]), (409, &why.into()), "{body}");
    }
    for body in [
        json!({ "consent": "maybe" }),
        json!({ "login": { "username": "alice", "sub": "x" } }),
        json!({ "login": { "username": "alice" }, "scope": "openid email" }),
        json!({ "login": "alice" }),
        json!([]),
    ] {
        let reply = report(&world, &sealed, body.clone()).await;
        assert_eq!((reply.status, &reply.json()["error"]), (400, &"invalid_request".into()), "{body}");
    }
    let authorization = basic("login-ui", SECRET);
    let headers = [("authorization", authorization.as_str())];
    world.post(&format!("/interaction/{sealed}"), &[("cancel", "true")], &headers).await.expect_status(415);
    for handle in ["nonsense", "00000000-0000-7000-8000-000000000000"] {
        assert_eq!(report(&world, handle, login("alice")).await.status, 404);
        assert_eq!(call(&world, Method::GET, handle, None, &authorization).await.status, 404);
    }
    assert_eq!(world.rows().await, before);
    // A request that is over is over.
    world.clock.advance(world.app.realm.policy.lifetimes.interaction);
    assert_eq!(report(&world, &sealed, login("alice")).await.status, 404);
}

#[tokio::test]
async fn what_one_person_agreed_to_is_not_the_next_ones() {
    let world = world().await;
    let mut browser = world.browser();
    let sealed = begin(&mut browser, &[]).await;
    let id = report(&world, &sealed, login("alice")).await.json()["id"].as_str().unwrap().to_owned();
    report(&world, &id, json!({ "consent": "allow" })).await.expect_status(200);
    report(&world, &id, login("mallory")).await.expect_status(200);
    assert_eq!(read(&world, &id).await["next"]["step"], "consent");
    let again = handle(&browser.get(&format!("/authorize/resume?interaction={id}")).await);
    assert_eq!(again, id);
}

#[tokio::test]
async fn no_and_cancel_end_it() {
    let world = world().await;
    for cancels in [false, true] {
        let mut browser = world.browser();
        let sealed = begin(&mut browser, &[]).await;
        let id = if cancels {
            let reply = report(&world, &sealed, json!({ "cancel": true })).await.expect_status(200);
            reply.json()["id"].as_str().unwrap().to_owned()
        } else {
            let reply = report(&world, &sealed, login("alice")).await.expect_status(200);
            let id = reply.json()["id"].as_str().unwrap().to_owned();
            report(&world, &id, json!({ "consent": "deny" })).await.expect_status(200);
            id
        };
        let reply = browser.get(&format!("/authorize/resume?interaction={id}")).await;
        // Whoever signed in before saying no is signed in, as on our own pages; whoever turned away is not.
        assert_eq!(browser.cookies.contains_key("__Host-sid"), !cancels);
        assert_eq!(reply.parameters()["error"], "access_denied", "{reply:#?}");
        assert!(!reply.parameters().contains_key("code"));
        // Not to be turned round afterwards.
        let reply = report(&world, &id, json!({ "consent": "allow" })).await;
        assert_eq!(reply.status, 409);
    }
}

#[tokio::test]
async fn a_person_who_is_disabled_before_the_browser_is_back_gets_nothing() {
    let world = world().await;
    let mut browser = world.browser();
    let sealed = begin(&mut browser, &[]).await;
    let id = report(&world, &sealed, login("mallory")).await.json()["id"].as_str().unwrap().to_owned();
    report(&world, &id, json!({ "consent": "allow" })).await.expect_status(200);
    world
        .apply(&format!("[[user]]\nusername = \"mallory\"\npassword = \"{PASSWORD}\"\ndisabled = true\n"))
        .await;
    let reply = browser.get(&format!("/authorize/resume?interaction={id}")).await;
    assert_eq!((reply.status, reply.cause()), (403, Some("access_denied")), "{reply:#?}");
    assert!(!browser.cookies.contains_key("__Host-sid"));
}

#[tokio::test]
async fn a_request_that_came_by_post_goes_the_same_way() {
    let world = world().await;
    let mut browser = world.browser();
    let fields: Vec<(String, String)> =
        url::form_urlencoded::parse(query(&[]).as_bytes()).into_owned().collect();
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let posted =
        world.post("/authorize", &fields, &[("origin", "https://rp.example")]).await.expect_status(303);
    assert!(posted.header("set-cookie").is_none());
    let unclaimed = posted.location().to_owned();
    let sealed = handle(&browser.get(&unclaimed).await);
    let id = report(&world, &sealed, login("alice")).await.json()["id"].as_str().unwrap().to_owned();
    report(&world, &id, json!({ "consent": "allow" })).await.expect_status(200);
    let reply = browser.get(&format!("/authorize/resume?interaction={id}")).await.expect_status(303);
    assert!(reply.parameters().contains_key("code"));
}

#[tokio::test]
async fn without_a_login_ui_there_is_nothing_to_call() {
    let world = World::new().await;
    let mut browser = world.browser();
    let page = browser.get(&format!("/authorize?{}", query(&[]))).await;
    let fields = page.fields("/sign-in");
    let sealed = fields.iter().find(|(name, _)| name == "interaction").map(|(_, value)| value).unwrap();
    for authorization in [basic("login-ui", SECRET), basic("web", super::harness::secret()), basic("", "")] {
        assert_eq!(call(&world, Method::GET, sealed, None, &authorization).await.status, 404);
        let reply = call(&world, Method::POST, sealed, Some(login("alice")), &authorization).await;
        assert_eq!(reply.status, 404);
    }
}

#[tokio::test]
async fn an_error_has_words_and_developers_are_told_the_reason() {
    let people = world().await;
    let developers = world_for(ErrorAudience::Developers).await;
    let mut browsers = (people.browser(), developers.browser());
    let handles = (begin(&mut browsers.0, &[]).await, begin(&mut browsers.1, &[]).await);
    let right = basic("login-ui", SECRET);
    let wrong = [
        (String::new(), "malformed_header"),
        (basic("web", SECRET), "unknown_client"),
        (basic("login-ui", "another secret"), "wrong_secret"),
    ];
    let refused = wrong.iter().map(|(credential, reason)| (credential, None, 401, "invalid_client", *reason));
    let reported = [
        (json!({ "consent": "allow" }), 409, "login_required", "login_required"),
        (login("noone"), 409, "user_unknown", "user_unknown"),
        (
            json!({}),
            409,
            "report_exactly_one_of_login_consent_cancel",
            "report_exactly_one_of_login_consent_cancel",
        ),
        (json!({ "login": { "user": "alice" } }), 400, "invalid_request", "body_malformed"),
    ];
    let reported =
        reported.into_iter().map(|(body, status, error, reason)| (&right, Some(body), status, error, reason));
    for (credential, body, status, error, reason) in refused.chain(reported) {
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let public = call(&people, method.clone(), &handles.0, body.clone(), credential).await;
        let told = call(&developers, method, &handles.1, body, credential).await;
        assert_eq!((public.status, told.status), (status, status), "{public:#?}");
        let (public, told) = (public.json(), told.json());
        assert_eq!((&public["error"], &told["error"]), (&error.into(), &error.into()));
        assert!(public["error_description"].as_str().is_some_and(|words| words.len() > 12), "{public}");
        assert_eq!((public.get("reason"), &told["reason"]), (None, &reason.into()), "{told}");
        assert!(told["trace_id"].is_string(), "{told}");
    }
    let unknown = call(&developers, Method::GET, "x", None, &right).await;
    assert_eq!((unknown.status, &unknown.json()["reason"]), (404, &"not_found".into()));
}
