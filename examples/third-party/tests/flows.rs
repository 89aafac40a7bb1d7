//! The back-end paths of the third party against a small issuer and API of the test's own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use axum::{
    Form, Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use grantwell_core::{
    fixtures::{Seeded, TestClock},
    time::Timestamp,
};
use grantwell_third_party::{ClientSecret, Secrets, ThirdPartyConfig, router};
use reqwest::redirect;
use serde_json::{Value, json};
use url::Url;

const NOW: i64 = 1_800_000_000;
const RESOURCE: &str = "https://notes.example/";

type Pairs = Vec<(String, String)>;

/// An issuer and an API that record what they were sent.
struct Fake {
    url: String,
    key: KeyPair,
    nonce: Mutex<String>,
    refusal: Mutex<Option<&'static str>>,
    generation: AtomicU64,
    token_requests: Mutex<Vec<(Option<String>, Pairs)>>,
    revoked: Mutex<Vec<String>>,
    notes: Mutex<Vec<Value>>,
}

impl Fake {
    fn id_token(&self, client: &str) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let claims = json!({ "iss": self.url, "aud": client, "sub": "ada", "exp": NOW + 600, "iat": NOW,
                             "nonce": *self.nonce.lock().unwrap() });
        let signed = format!("{}.{}", part(&json!({ "alg": "RS256", "kid": "k1" })), part(&claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn access_token(&self) -> String {
        format!("access-token-number-{}-zz", self.generation.load(Ordering::Relaxed))
    }

    fn last_token_request(&self) -> (Option<String>, Pairs) {
        self.token_requests.lock().unwrap().last().cloned().expect("a token request")
    }

    fn token_request_count(&self) -> usize {
        self.token_requests.lock().unwrap().len()
    }
}

async fn metadata(State(fake): State<Arc<Fake>>) -> Json<Value> {
    let url = &fake.url;
    Json(json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "jwks_uri": format!("{url}/jwks"),
        "revocation_endpoint": format!("{url}/revoke"),
        "end_session_endpoint": format!("{url}/end"),
    }))
}

async fn jwks(State(fake): State<Arc<Fake>>) -> Json<Value> {
    // RFC 8017 appendix A.1.1: SEQUENCE { INTEGER n, INTEGER e }, for 2048 bits and the exponent 65537.
    let der = fake.key.public_key().as_ref();
    let (n, e) = (URL_SAFE_NO_PAD.encode(&der[9..265]), URL_SAFE_NO_PAD.encode(&der[267..270]));
    Json(json!({ "keys": [{ "kty": "RSA", "kid": "k1", "n": n, "e": e }] }))
}

async fn token(State(fake): State<Arc<Fake>>, headers: HeaderMap, Form(form): Form<Pairs>) -> Response {
    let basic = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
    let find = |name: &str| form.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
    let client = find("client_id").unwrap_or_else(|| {
        let coded = basic.as_deref().unwrap().trim_start_matches("Basic ").to_owned();
        let pair =
            String::from_utf8(base64::engine::general_purpose::STANDARD.decode(coded).unwrap()).unwrap();
        pair.split(':').next().unwrap().to_owned()
    });
    let machine = find("grant_type").as_deref() == Some("client_credentials");
    fake.token_requests.lock().unwrap().push((basic, form));
    if let Some(error) = *fake.refusal.lock().unwrap() {
        return (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response();
    }
    fake.generation.fetch_add(1, Ordering::Relaxed);
    let mut answer = json!({ "access_token": fake.access_token(), "token_type": "Bearer", "expires_in": 300, "scope": "s" });
    if !machine {
        let generation = fake.generation.load(Ordering::Relaxed);
        answer["refresh_token"] = format!("refresh-token-{generation}").into();
        answer["id_token"] = fake.id_token(&client).into();
    }
    Json(answer).into_response()
}

async fn revoke(State(fake): State<Arc<Fake>>, Form(form): Form<Pairs>) {
    fake.revoked.lock().unwrap().extend(form.into_iter().filter(|(n, _)| n == "token").map(|(_, v)| v));
}

fn allowed(fake: &Fake, headers: &HeaderMap) -> bool {
    headers.get("authorization").is_some_and(|v| v == &format!("Bearer {}", fake.access_token()))
}

async fn me(State(fake): State<Arc<Fake>>, headers: HeaderMap) -> Response {
    if allowed(&fake, &headers) {
        Json(json!({ "sub": "ada" })).into_response()
    } else {
        StatusCode::UNAUTHORIZED.into_response()
    }
}

async fn notes(State(fake): State<Arc<Fake>>) -> Json<Value> {
    Json(json!({ "notes": *fake.notes.lock().unwrap() }))
}

async fn write(State(fake): State<Arc<Fake>>, headers: HeaderMap, Json(note): Json<Value>) -> StatusCode {
    if !allowed(&fake, &headers) {
        return StatusCode::UNAUTHORIZED;
    }
    fake.notes.lock().unwrap().push(note);
    StatusCode::CREATED
}

struct World {
    origin: String,
    fake: Arc<Fake>,
    browser: reqwest::Client,
}

async fn world() -> World {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let fake = Arc::new(Fake {
        url: url.clone(),
        key: KeyPair::generate(KeySize::Rsa2048).unwrap(),
        nonce: Mutex::default(),
        refusal: Mutex::default(),
        generation: AtomicU64::new(0),
        token_requests: Mutex::default(),
        revoked: Mutex::default(),
        notes: Mutex::default(),
    });
    let issuer = Router::new()
        .route("/.well-known/openid-configuration", get(metadata))
        .route("/jwks", get(jwks))
        .route("/token", post(token))
        .route("/revoke", post(revoke))
        .route("/api/me", get(me))
        .route("/api/notes", get(notes).post(write))
        .with_state(Arc::clone(&fake));
    tokio::spawn(async move { axum::serve(listener, issuer).await });

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let secret = |text: &str| ClientSecret(text.to_owned());
    let third_party = router(ThirdPartyConfig {
        origin: origin.clone(),
        issuer: url.clone(),
        api: url,
        resource: RESOURCE.to_owned(),
        secrets: Secrets {
            backend: secret("backend-secret"),
            web: secret("web-secret"),
            machine: secret("machine-secret"),
        },
        clock: Arc::new(TestClock::at(Timestamp::from_seconds(NOW))),
        entropy: Arc::new(Seeded::new(1)),
    });
    tokio::spawn(async move { axum::serve(listener, third_party).await });
    let browser = reqwest::Client::builder().redirect(redirect::Policy::none()).no_proxy().build().unwrap();
    World { origin, fake, browser }
}

impl World {
    fn post(&self, path: &str) -> reqwest::RequestBuilder {
        self.browser.post(format!("{}{path}", self.origin)).header("origin", &self.origin)
    }

    async fn page(&self, path: &str, cookie: &str) -> (u16, String) {
        let url = format!("{}{path}", self.origin);
        let answer = self.browser.get(url).header("cookie", cookie).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Starts shape 3: the parameters sent to the issuer, and the cookie of the pending sign-in.
    async fn start(&self) -> (Pairs, String) {
        let answer = self.post("/web/start").send().await.unwrap();
        assert_eq!(answer.status(), 303);
        let url = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
        assert_eq!(url.path(), "/authorize");
        let sent: Pairs = url.query_pairs().into_owned().collect();
        *self.fake.nonce.lock().unwrap() = value(&sent, "nonce");
        (sent, cookie(&answer))
    }

    async fn web_session(&self) -> String {
        let (sent, pending) = self.start().await;
        let answer = self.callback(&value(&sent, "state"), &self.fake.url, "code=c1", &pending).await;
        assert_eq!(answer.status(), 303, "{}", answer.text().await.unwrap());
        cookie(&answer)
    }

    async fn callback(&self, state: &str, iss: &str, rest: &str, pending: &str) -> reqwest::Response {
        let mut url = Url::parse(&format!("{}/web/callback?{rest}", self.origin)).unwrap();
        url.query_pairs_mut().append_pair("state", state).append_pair("iss", iss);
        self.browser.get(url.as_str()).header("cookie", pending).send().await.unwrap()
    }

    async fn exchange(&self) -> reqwest::Response {
        "n1".clone_into(&mut self.fake.nonce.lock().unwrap());
        let body = json!({ "code": "c1", "verifier": "v1", "nonce": "n1" });
        self.post("/backend/exchange").json(&body).send().await.unwrap()
    }

    async fn ask(&self, path: &str, cookie: &str, body: Value) -> Value {
        let answer = self.post(path).header("cookie", cookie).json(&body).send().await.unwrap();
        answer.json().await.unwrap()
    }
}

fn value(pairs: &Pairs, name: &str) -> String {
    pairs.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone()).unwrap_or_default()
}

fn names(pairs: &Pairs) -> Vec<&str> {
    pairs.iter().map(|(name, _)| name.as_str()).collect()
}

fn cookie(answer: &reqwest::Response) -> String {
    let line = answer.headers()["set-cookie"].to_str().unwrap();
    line.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn the_web_application_walks_the_flow_with_its_secret_in_the_body() {
    let world = world().await;
    let (sent, _) = world.start().await;
    assert_eq!(value(&sent, "client_id"), "fieldnotes-web");
    assert_eq!(value(&sent, "resource"), RESOURCE);
    assert_eq!(value(&sent, "redirect_uri"), format!("{}/web/callback", world.origin));
    assert!(!names(&sent).contains(&"code_challenge"), "registered without PKCE");

    let session = world.web_session().await;
    let (basic, form) = world.fake.last_token_request();
    assert_eq!(basic, None, "one method of client authentication, not two");
    assert_eq!(value(&form, "client_secret"), "web-secret");
    assert_eq!(value(&form, "code"), "c1");
    let (status, html) = world.page("/web", &session).await;
    assert_eq!(status, 200);
    for expected in ["data-notice=\"signed-in\"", "data-result=\"id-token\"", "data-log=\"POST /token\""] {
        assert!(html.contains(expected), "{expected} in {html}");
    }
    assert!(!html.contains("web-secret") && !html.contains("access-token-number-1-zz"));

    for (action, notice) in [("spoil", "expired"), ("call", "called"), ("refresh", "refreshed")] {
        let answer = world.post(&format!("/web/{action}")).header("cookie", &session).send().await.unwrap();
        assert_eq!(answer.status(), 303);
        let (_, html) = world.page("/web", &session).await;
        assert!(html.contains(&format!("data-notice=\"{notice}\"")), "{action}: {html}");
    }
    let (_, form) = world.fake.last_token_request();
    assert_eq!(value(&form, "refresh_token"), "refresh-token-1");

    world.post("/web/note").header("cookie", &session).form(&[("text", "hello")]).send().await.unwrap();
    assert_eq!(*world.fake.notes.lock().unwrap(), [json!({ "text": "hello" })]);

    let answer = world.post("/web/sign-out").header("cookie", &session).send().await.unwrap();
    let url = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    let sent: Pairs = url.query_pairs().into_owned().collect();
    assert_eq!(url.path(), "/end");
    assert_eq!(value(&sent, "post_logout_redirect_uri"), format!("{}/signed-out", world.origin));
    assert_eq!(value(&sent, "id_token_hint").split('.').count(), 3);
    assert_eq!(*world.fake.revoked.lock().unwrap(), ["refresh-token-2"]);
    let (_, html) = world.page("/web", &session).await;
    assert!(html.contains("data-notice=\"signed-out\""), "the session is gone");
}

#[tokio::test]
async fn an_answer_that_this_browser_did_not_ask_for_is_not_redeemed() {
    let world = world().await;
    let issuer = world.fake.url.clone();
    let (sent, pending) = world.start().await;
    let state = value(&sent, "state");
    assert_eq!(world.callback(&state, &issuer, "code=c1", "").await.status(), 400, "another browser");
    let twice = format!("{pending}; {pending}");
    assert_eq!(world.callback(&state, &issuer, "code=c1", &twice).await.status(), 400, "a planted cookie");
    assert_eq!(world.callback("x", &issuer, "code=c1", &pending).await.status(), 400, "another state");
    assert_eq!(
        world.callback(&state, &issuer, "code=c1", &pending).await.status(),
        400,
        "the pending one is used up"
    );
    let (sent, pending) = world.start().await;
    let answer = world.callback(&value(&sent, "state"), "https://evil.example", "code=c1", &pending).await;
    assert_eq!(answer.status(), 400, "another issuer");
    assert_eq!(world.fake.token_request_count(), 0);

    let (sent, pending) = world.start().await;
    "of another sign-in".clone_into(&mut world.fake.nonce.lock().unwrap());
    let answer = world.callback(&value(&sent, "state"), &issuer, "code=c1", &pending).await;
    assert_eq!(answer.status(), 400, "another nonce");
}

#[tokio::test]
async fn a_denied_request_is_shown_kindly_and_redeems_nothing() {
    let world = world().await;
    let (sent, pending) = world.start().await;
    let answer =
        world.callback(&value(&sent, "state"), &world.fake.url, "error=access_denied", &pending).await;
    assert_eq!(answer.status(), 200);
    let html = answer.text().await.unwrap();
    assert!(html.contains("data-notice=\"denied\"") && html.contains("Nothing was shared"), "{html}");
    assert_eq!(world.fake.token_request_count(), 0);
}

#[tokio::test]
async fn the_back_end_keeps_every_token_to_itself() {
    let world = world().await;
    let answer = world.exchange().await;
    let line = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(line.contains("HttpOnly") && line.contains("SameSite=Strict"), "{line}");
    let session = cookie(&answer);
    let (basic, form) = world.fake.last_token_request();
    assert!(basic.is_some() && !names(&form).contains(&"client_secret"), "client_secret_basic alone");
    assert_eq!(value(&form, "code_verifier"), "v1");
    let shown = answer.text().await.unwrap();
    for token in [world.fake.access_token(), "refresh-token-1".to_owned(), "backend-secret".to_owned()] {
        assert!(!shown.contains(&token), "{token} in {shown}");
    }
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["notice"]["kind"], "signed-in");
    assert_eq!(shown["id_token"]["sub"], "ada");
    assert_eq!(shown["api"]["body"]["sub"], "ada");

    let view = world.ask("/backend/note", &session, json!({ "text": "hi" })).await;
    assert_eq!(
        (&view["notice"]["kind"], &view["notes"]["body"]["notes"][0]["text"]),
        (&json!("written"), &json!("hi"))
    );
    assert_eq!(world.ask("/backend/spoil", &session, Value::Null).await["notice"]["kind"], "expired");
    assert_eq!(world.ask("/backend/refresh", &session, Value::Null).await["notice"]["kind"], "refreshed");
    *world.fake.refusal.lock().unwrap() = Some("invalid_grant");
    assert_eq!(world.ask("/backend/refresh", &session, Value::Null).await["notice"]["kind"], "disconnected");

    let out = world.ask("/backend/sign-out", &session, Value::Null).await;
    assert!(out["location"].as_str().unwrap().starts_with(&format!("{}/end?", world.fake.url)), "{out}");
    let (status, _) = world.page("/backend/session", &session).await;
    assert_eq!(status, 401);
}

#[tokio::test]
async fn a_wrong_nonce_gives_no_session() {
    let world = world().await;
    "n2".clone_into(&mut world.fake.nonce.lock().unwrap());
    let body = json!({ "code": "c1", "verifier": "v1", "nonce": "n1" });
    let answer = world.post("/backend/exchange").json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 400);
    assert!(answer.headers().get("set-cookie").is_none());
    let view: Value = answer.json().await.unwrap();
    assert_eq!(view["signed_in"], false);
}

#[tokio::test]
async fn another_site_cannot_press_our_buttons() {
    let world = world().await;
    let session = cookie(&world.exchange().await);
    let before = world.fake.token_request_count();
    for path in ["/backend/refresh", "/backend/sign-out", "/web/start", "/machine/call"] {
        let url = format!("{}{path}", world.origin);
        for (name, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
            let request = world.browser.post(&url).header("cookie", &session).header(name, value);
            assert_eq!(request.send().await.unwrap().status(), 403, "{path} {name}");
        }
        assert_eq!(world.browser.post(&url).send().await.unwrap().status(), 403, "{path} without a word");
    }
    assert_eq!(world.fake.token_request_count(), before);
}

#[tokio::test]
async fn the_machine_asks_in_its_own_name() {
    let world = world().await;
    let view = world.ask("/machine/call", "", Value::Null).await;
    let (basic, form) = world.fake.last_token_request();
    assert!(basic.is_some());
    assert_eq!(value(&form, "grant_type"), "client_credentials");
    assert_eq!(value(&form, "resource"), RESOURCE);
    assert_eq!((&view["notice"]["kind"], &view["api"]["status"]), (&json!("called"), &json!(200)));
    assert_eq!(world.ask("/machine/spoil", "", Value::Null).await["notice"]["kind"], "expired");
    *world.fake.refusal.lock().unwrap() = Some("unauthorized_client");
    assert_eq!(world.ask("/machine/call", "", Value::Null).await["notice"]["kind"], "failed");
}

#[tokio::test]
async fn every_answer_carries_the_headers() {
    let world = world().await;
    for path in
        ["/", "/web", "/signed-out", "/config.json", "/assets/style.css", "/assets/nothing", "/nothing"]
    {
        let answer = world.browser.get(format!("{}{path}", world.origin)).send().await.unwrap();
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(answer.headers()["referrer-policy"], "same-origin", "{path}");
    }
}
