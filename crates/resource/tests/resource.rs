//! The layer against an issuer on loopback: signatures, claims, keys that change, introspection, an issuer that is gone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Extension, Form, Json, Router,
    body::Body,
    extract::State,
    http::{HeaderMap, Request, Response, StatusCode},
    response::IntoResponse,
    routing::{get, post},
};
use grantwell_core::{
    fixtures::TestClock,
    id::KeyId,
    jose::{Algorithm, SigningKey},
    time::{Clock, Timestamp},
};
use grantwell_resource::{AccessToken, ResourceServer};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::AbortHandle};
use tower::{Layer, Service, ServiceExt};

const RESOURCE: &str = "https://api.example.test/notes";
const NOW: i64 = 1_800_000_000;

/// One key for each algorithm, named by it; RSA is slow to make, so they are made once.
fn keys() -> &'static [SigningKey] {
    static KEYS: OnceLock<Vec<SigningKey>> = OnceLock::new();
    KEYS.get_or_init(|| {
        Algorithm::ALL.iter().map(|algorithm| new_key(*algorithm, algorithm.as_str())).collect()
    })
}

fn new_key(algorithm: Algorithm, kid: &str) -> SigningKey {
    SigningKey::from_pkcs8(KeyId::from(kid), algorithm, &SigningKey::generate(algorithm).unwrap()).unwrap()
}

fn key(algorithm: Algorithm) -> &'static SigningKey {
    keys().iter().find(|key| key.algorithm() == algorithm).unwrap()
}

fn sign(claims: &Value) -> String {
    key(Algorithm::ES256).sign("at+jwt", claims).unwrap()
}

/// What the issuer serves, and how often it was asked.
struct Served {
    issuer: String,
    metadata: Mutex<Value>,
    jwks: Mutex<Value>,
    status: Mutex<StatusCode>,
    introspection: Mutex<Value>,
    asked: Mutex<Vec<(HeaderMap, Value)>>,
    jwks_fetches: AtomicUsize,
}

struct Fixture {
    served: Arc<Served>,
    clock: Arc<TestClock>,
    running: AbortHandle,
    api: ResourceServer,
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.running.abort();
    }
}

async fn fixture() -> Fixture {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let jwks: Vec<Value> = keys().iter().map(SigningKey::public_jwk).collect();
    let served = Arc::new(Served {
        metadata: Mutex::new(json!({
            "issuer": issuer,
            "jwks_uri": format!("{issuer}/jwks"),
            "introspection_endpoint": format!("{issuer}/introspect"),
        })),
        issuer: issuer.clone(),
        jwks: Mutex::new(json!({ "keys": jwks })),
        status: Mutex::new(StatusCode::OK),
        introspection: Mutex::new(json!({ "active": false })),
        asked: Mutex::default(),
        jwks_fetches: AtomicUsize::new(0),
    });
    let routes = Router::new()
        .route(
            "/.well-known/openid-configuration",
            get(async |State(served): State<Arc<Served>>| Json(served.metadata.lock().unwrap().clone())),
        )
        .route(
            "/jwks",
            get(async |State(served): State<Arc<Served>>| {
                served.jwks_fetches.fetch_add(1, Ordering::SeqCst);
                (*served.status.lock().unwrap(), Json(served.jwks.lock().unwrap().clone()))
            }),
        )
        .route("/moved", get(async || axum::response::Redirect::temporary("/jwks")))
        .route(
            "/introspect",
            post(async |State(served): State<Arc<Served>>, headers: HeaderMap, Form(form): Form<Value>| {
                served.asked.lock().unwrap().push((headers, form));
                (*served.status.lock().unwrap(), Json(served.introspection.lock().unwrap().clone()))
                    .into_response()
            }),
        )
        .with_state(Arc::clone(&served));
    let running = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() }).abort_handle();
    let clock = Arc::new(TestClock::at(Timestamp::from_seconds(NOW)));
    let present: Arc<dyn Clock> = clock.clone();
    let api = ResourceServer::builder(issuer, RESOURCE)
        .introspection("notes api", "s:cr+t")
        .allow_http_loopback()
        .clock(present)
        .build()
        .unwrap();
    Fixture { served, clock, running, api }
}

impl Fixture {
    fn claims(&self) -> Value {
        json!({
            "iss": self.served.issuer,
            "aud": RESOURCE,
            "sub": "ada",
            "client_id": "web",
            "scope": "notes:read notes:write",
            "iat": NOW,
            "exp": NOW + 600,
            "jti": "1",
        })
    }

    fn claims_with(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value;
        }
        claims
    }

    fn router(&self) -> Router {
        let whoami = async |Extension(token): Extension<AccessToken>| {
            Json(
                json!({ "sub": token.subject(), "client_id": token.client_id(), "scope": token.scopes().to_string() }),
            )
        };
        Router::new()
            .route("/me", get(whoami).layer(self.api.layer()))
            .route("/read", get(whoami).layer(self.api.layer().require("notes:read")))
            .route("/admin", get(whoami).layer(self.api.layer().require("notes:read notes:admin")))
            .route("/ask", get(whoami).layer(self.api.introspecting().unwrap().require("notes:write")))
    }

    async fn call(&self, path: &str, token: &str) -> Response<Body> {
        let request = Request::get(path).header("authorization", format!("Bearer {token}"));
        self.router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    async fn status(&self, path: &str, token: &str) -> u16 {
        self.call(path, token).await.status().as_u16()
    }

    fn fetches(&self) -> usize {
        self.served.jwks_fetches.load(Ordering::SeqCst)
    }

    fn answer(&self, answer: Value) {
        *self.served.introspection.lock().unwrap() = answer;
    }

    fn status_is(&self, status: StatusCode) {
        *self.served.status.lock().unwrap() = status;
    }
}

async fn json_of(response: Response<Body>) -> Value {
    let bytes = axum::body::to_bytes(response.into_body(), 65_536).await.unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn challenge(response: &Response<Body>) -> &str {
    response.headers()["www-authenticate"].to_str().unwrap()
}

#[tokio::test]
async fn a_good_token_of_every_algorithm_is_let_through() {
    let f = fixture().await;
    for key in keys() {
        let response = f.call("/me", &key.sign("at+jwt", &f.claims()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::OK, "{}", key.algorithm());
        let who = json_of(response).await;
        assert_eq!(who, json!({ "sub": "ada", "client_id": "web", "scope": "notes:read notes:write" }));
    }
    assert_eq!(f.fetches(), 1, "keys are cached");
    let several = f.claims_with("aud", json!(["https://other.example", RESOURCE]));
    assert_eq!(f.status("/me", &sign(&several)).await, 200);
}

#[tokio::test]
async fn a_call_without_a_token_gets_a_challenge_without_an_error() {
    let f = fixture().await;
    let response = f.router().oneshot(Request::get("/me").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        challenge(&response),
        "Bearer resource_metadata=\"https://api.example.test/.well-known/oauth-protected-resource/notes\""
    );
    assert_eq!(f.fetches(), 0, "strangers make no request to the issuer");
}

#[tokio::test]
async fn t_13_a_token_in_the_query_or_twice_is_refused() {
    let f = fixture().await;
    let token = sign(&f.claims());
    let response = f.call(&format!("/me?access_token={token}"), &token).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert!(challenge(&response).starts_with("Bearer error=\"invalid_request\""));
    let bearer = format!("Bearer {token}");
    let twice = Request::get("/me").header("authorization", &bearer).header("authorization", &bearer);
    let response = f.router().oneshot(twice.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn t_01_t_03_a_forged_token_or_one_of_another_kind_is_refused() {
    let f = fixture().await;
    let good = sign(&f.claims());
    let (input, signature) = good.rsplit_once('.').unwrap();
    let other = new_key(Algorithm::ES256, "ES256");
    for (what, token) in [
        ("another key of the same name", other.sign("at+jwt", &f.claims()).unwrap()),
        ("no signature", format!("{input}.")),
        ("an ID token", key(Algorithm::ES256).sign("JWT", &f.claims()).unwrap()),
        ("a logout token", key(Algorithm::ES256).sign("logout+jwt", &f.claims()).unwrap()),
        ("a DPoP proof", key(Algorithm::ES256).sign("dpop+jwt", &f.claims()).unwrap()),
        (
            "another payload",
            format!("{}.{}.{signature}", input.split('.').next().unwrap(), "eyJzdWIiOiJhZG1pbiJ9"),
        ),
        ("an opaque token", "gwa_AAAA".to_owned()),
        ("over 16 KiB", format!("{}{good}", "a".repeat(16 * 1024))),
    ] {
        let response = f.call("/me", &token).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{what}");
        assert!(challenge(&response).starts_with("Bearer error=\"invalid_token\""), "{what}");
    }
    assert_eq!(f.status("/me", &good).await, 200);
}

#[tokio::test]
async fn t_04_t_05_claims_that_are_wrong_or_missing_are_refused() {
    let f = fixture().await;
    let issuer = f.served.issuer.clone();
    for (name, wrong) in [
        ("iss", json!(null)),
        ("iss", json!(format!("{issuer}/"))),
        ("iss", json!("https://other.example")),
        ("iss", json!([issuer])),
        ("aud", json!(null)),
        ("aud", json!(issuer)),
        ("aud", json!(format!("{RESOURCE}/"))),
        ("aud", json!([])),
        ("aud", json!({ "a": RESOURCE })),
        ("exp", json!(null)),
        ("exp", json!(NOW - 30)),
        ("exp", json!((NOW + 600).to_string())),
        ("nbf", json!(NOW + 31)),
        ("iat", json!(NOW + 31)),
        ("sub", json!(null)),
        ("sub", json!("")),
        ("client_id", json!(null)),
        ("scope", json!(["notes:read"])),
        ("cnf", json!({ "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" })),
    ] {
        let token = sign(&f.claims_with(name, wrong.clone()));
        assert_eq!(f.status("/me", &token).await, 401, "{name}: {wrong}");
    }
    for (name, fine) in [("exp", json!(NOW - 29)), ("nbf", json!(NOW + 30)), ("iat", json!(NOW + 30))] {
        assert_eq!(f.status("/me", &sign(&f.claims_with(name, fine))).await, 200, "{name} within the skew");
    }
    let token = sign(&f.claims());
    assert_eq!(f.status("/me", &token).await, 200);
    f.clock.advance(Duration::from_secs(630));
    assert_eq!(f.status("/me", &token).await, 401, "expired since");
}

#[tokio::test]
async fn an_algorithm_that_the_api_does_not_take_is_refused() {
    let f = fixture().await;
    let present: Arc<dyn Clock> = f.clock.clone();
    let api = ResourceServer::builder(&f.served.issuer, RESOURCE)
        .algorithms(&[Algorithm::EdDSA])
        .allow_http_loopback()
        .clock(present)
        .build()
        .unwrap();
    let router = Router::new().route("/", get(async || "ok").layer(api.layer()));
    for (algorithm, status) in [(Algorithm::EdDSA, 200), (Algorithm::ES256, 401)] {
        let token = key(algorithm).sign("at+jwt", &f.claims()).unwrap();
        let request = Request::get("/").header("authorization", format!("Bearer {token}"));
        let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{algorithm}");
    }
}

#[tokio::test]
async fn each_route_has_its_scopes() {
    let f = fixture().await;
    let token = sign(&f.claims_with("scope", json!("notes:read")));
    assert_eq!(f.status("/me", &token).await, 200);
    assert_eq!(f.status("/read", &token).await, 200);
    let response = f.call("/admin", &token).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(challenge(&response).starts_with("Bearer error=\"insufficient_scope\""));
    assert!(challenge(&response).ends_with("scope=\"notes:admin notes:read\""));
    let none = sign(&f.claims_with("scope", json!(null)));
    assert_eq!(f.status("/me", &none).await, 200);
    assert_eq!(f.status("/read", &none).await, 403);
    let longer = sign(&f.claims_with("scope", json!("notes:reader notes")));
    assert_eq!(f.status("/read", &longer).await, 403, "whole scopes are compared");
}

#[tokio::test]
async fn k_14_a_storm_of_unknown_key_ids_makes_one_fetch_a_minute() {
    let f = fixture().await;
    let good = sign(&f.claims_with("exp", json!(NOW + 3600)));
    assert_eq!(f.status("/me", &good).await, 200);
    f.clock.advance(Duration::from_secs(61));
    let stranger = new_key(Algorithm::ES256, "stranger");
    let forged = stranger.sign("at+jwt", &f.claims_with("exp", json!(NOW + 3600))).unwrap();
    let router = f.router();
    let storm = |count: usize| {
        let calls: Vec<_> = (0..count)
            .map(|_| {
                let request = Request::get("/me").header("authorization", format!("Bearer {forged}"));
                tokio::spawn(router.clone().oneshot(request.body(Body::empty()).unwrap()))
            })
            .collect();
        async move {
            for call in calls {
                assert_eq!(call.await.unwrap().unwrap().status(), StatusCode::UNAUTHORIZED);
            }
        }
    };
    storm(100).await;
    assert_eq!(f.fetches(), 2);
    f.clock.advance(Duration::from_secs(59));
    storm(100).await;
    assert_eq!(f.fetches(), 2);
    f.clock.advance(Duration::from_secs(1));
    storm(100).await;
    assert_eq!(f.fetches(), 3);
    assert_eq!(f.status("/me", &good).await, 200);
}

#[tokio::test]
async fn a_new_key_is_found_and_a_removed_one_is_forgotten() {
    let f = fixture().await;
    let old = sign(&f.claims());
    assert_eq!(f.status("/me", &old).await, 200);
    f.clock.advance(Duration::from_mins(1));
    let next = new_key(Algorithm::ES384, "next");
    *f.served.jwks.lock().unwrap() = json!({ "keys": [next.public_jwk()] });
    assert_eq!(f.status("/me", &old).await, 200, "from the cache");
    assert_eq!(f.status("/me", &next.sign("at+jwt", &f.claims()).unwrap()).await, 200);
    assert_eq!(f.status("/me", &old).await, 401, "t_16: the key is gone");
}

#[tokio::test]
async fn an_issuer_that_is_gone_means_503_and_never_401() {
    let f = fixture().await;
    f.running.abort();
    // The listener is closed when the task has ended.
    while !f.running.is_finished() {
        tokio::task::yield_now().await;
    }
    for path in ["/me", "/ask"] {
        let response = f.call(path, &sign(&f.claims())).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert!(response.headers().contains_key("retry-after"));
        assert!(!response.headers().contains_key("www-authenticate"));
    }
}

#[tokio::test]
async fn cached_keys_serve_while_the_issuer_fails_but_not_for_ever() {
    let f = fixture().await;
    let token = sign(&f.claims_with("exp", json!(NOW + 86_400)));
    assert_eq!(f.status("/me", &token).await, 200);
    f.status_is(StatusCode::BAD_GATEWAY);
    f.clock.advance(Duration::from_secs(61));
    let stranger = new_key(Algorithm::ES256, "stranger").sign("at+jwt", &f.claims()).unwrap();
    assert_eq!(f.status("/me", &stranger).await, 503, "it may be a new key: nobody knows");
    assert_eq!(f.status("/me", &stranger).await, 503, "and not asked again within the minute");
    assert_eq!(f.fetches(), 2);
    f.clock.advance(Duration::from_mins(50));
    assert_eq!(f.status("/me", &token).await, 200, "stale, but within the bound");
    f.clock.advance(Duration::from_mins(10));
    assert_eq!(f.status("/me", &token).await, 503);
    f.status_is(StatusCode::OK);
    assert_eq!(f.status("/me", &token).await, 200);
}

#[tokio::test]
async fn an_issuer_that_says_it_is_another_is_not_believed() {
    for (name, value) in [
        ("issuer", json!("https://other.example")),
        ("issuer", json!(null)),
        ("jwks_uri", json!("http://as.example/jwks")),
        ("jwks_uri", json!("file:///etc/passwd")),
        ("jwks_uri", json!(null)),
    ] {
        let f = fixture().await;
        f.served.metadata.lock().unwrap()[name] = value.clone();
        assert_eq!(f.status("/me", &sign(&f.claims())).await, 503, "{name}: {value}");
    }
    let f = fixture().await;
    let trailing = format!("{}/", f.served.issuer);
    f.served.metadata.lock().unwrap()["issuer"] = json!(trailing);
    assert_eq!(f.status("/me", &sign(&f.claims())).await, 503);
}

#[tokio::test]
async fn k_14_k_15_key_sets_that_are_too_big_or_private_are_not_used() {
    for jwks in [
        json!({ "keys": [], "filler": "a".repeat(70_000) }),
        json!({ "keys": [{ "kty": "oct", "k": "AAAA", "kid": "ES256", "alg": "HS256" }] }),
        json!({ "keys": vec![key(Algorithm::EdDSA).public_jwk(); 65] }),
        json!([]),
    ] {
        let f = fixture().await;
        *f.served.jwks.lock().unwrap() = jwks;
        assert_eq!(f.status("/me", &sign(&f.claims())).await, 503);
    }
}

#[tokio::test]
async fn introspection_asks_at_every_call_with_form_encoded_credentials() {
    let f = fixture().await;
    let token = sign(&f.claims());
    let mut active = f.claims();
    active["active"] = json!(true);
    f.answer(active);
    let who = json_of(f.call("/ask", &token).await).await;
    assert_eq!(who["sub"], "ada");
    assert_eq!(f.status("/ask", "gwa_opaque").await, 200, "opaque tokens too");
    f.answer(json!({ "active": false }));
    let response = f.call("/ask", &token).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "t_06: a revocation holds at once");
    assert!(challenge(&response).starts_with("Bearer error=\"invalid_token\""));
    assert_eq!(f.status("/me", &token).await, 200, "while local verification goes on until it expires");
    let asked = f.served.asked.lock().unwrap();
    assert_eq!(asked.len(), 3);
    let (headers, form) = &asked[0];
    // RFC 6749 §2.3.1: `notes+api` and `s%3Acr%2Bt`.
    assert_eq!(headers["authorization"], "Basic bm90ZXMrYXBpOnMlM0FjciUyQnQ=");
    assert_eq!(form["token"], token);
    assert_eq!(form["token_type_hint"], "access_token");
}

#[tokio::test]
async fn an_introspection_answer_is_checked_like_a_token() {
    let f = fixture().await;
    for (name, value, status) in [
        ("active", json!(true), 200),
        ("active", json!("true"), 503),
        ("active", json!(1), 503),
        ("active", json!(null), 503),
        ("aud", json!("https://other.example"), 401),
        ("aud", json!(null), 401),
        ("iss", json!("https://other.example"), 401),
        ("iss", json!(null), 200),
        ("exp", json!(NOW - 31), 401),
        ("nbf", json!(NOW + 31), 401),
        ("sub", json!(null), 401),
        ("cnf", json!({ "jkt": "x" }), 401),
        ("scope", json!("notes:read"), 403),
    ] {
        let mut answer = f.claims();
        answer["active"] = json!(true);
        if value.is_null() {
            answer.as_object_mut().unwrap().remove(name);
        } else {
            answer[name] = value.clone();
        }
        f.answer(answer);
        assert_eq!(f.status("/ask", "token").await, status, "{name}: {value}");
    }
    f.answer(json!({ "active": true }));
    for status in [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::INTERNAL_SERVER_ERROR] {
        f.status_is(status);
        assert_eq!(
            f.status("/ask", "token").await,
            503,
            "{status}: our credentials or its trouble, not the caller's"
        );
    }
    f.status_is(StatusCode::OK);
    assert_eq!(f.status("/ask", &"a".repeat(17_000)).await, 401);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let f = fixture().await;
    let moved = format!("{}/moved", f.served.issuer);
    f.served.metadata.lock().unwrap()["jwks_uri"] = json!(moved);
    assert_eq!(f.status("/me", &sign(&f.claims())).await, 503);
    assert_eq!(f.fetches(), 0);
}

#[tokio::test]
async fn keys_older_than_five_minutes_are_renewed_beside_the_call() {
    let f = fixture().await;
    let token = sign(&f.claims());
    assert_eq!(f.status("/me", &token).await, 200);
    f.clock.advance(Duration::from_secs(299));
    assert_eq!(f.status("/me", &token).await, 200);
    assert_eq!(f.fetches(), 1);
    f.clock.advance(Duration::from_secs(1));
    *f.served.jwks.lock().unwrap() = json!({ "keys": [] });
    assert_eq!(f.status("/me", &token).await, 200, "with the keys that are there");
    let renewed = async {
        while f.fetches() < 2 {
            tokio::task::yield_now().await;
        }
        // A call that finds its keys never waits, so it must be told to let the renewal go on.
        while f.status("/me", &token).await != 401 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), renewed).await.unwrap();
    assert_eq!(f.fetches(), 2);
}

#[tokio::test]
async fn the_metadata_is_found_where_rfc_8414_says_too() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let issuer = format!("{origin}/tenant");
    let metadata = json!({ "issuer": issuer, "jwks_uri": format!("{origin}/jwks") });
    let jwks = json!({ "keys": [key(Algorithm::ES256).public_jwk()] });
    let routes = Router::new()
        .route("/.well-known/oauth-authorization-server/tenant", get(async move || Json(metadata)))
        .route("/jwks", get(async move || Json(jwks)));
    let running = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let api = ResourceServer::builder(&issuer, RESOURCE)
        .allow_http_loopback()
        .clock_skew(Duration::from_hours(1))
        .clock(Arc::new(TestClock::at(Timestamp::from_seconds(NOW))))
        .build()
        .unwrap();
    let service = api.layer().layer(tower::service_fn(async |_: Request<String>| {
        Ok::<_, Infallible>(Response::new("any service will do".to_owned()))
    }));
    let claims =
        |exp: i64| json!({ "iss": issuer, "aud": RESOURCE, "sub": "a", "client_id": "c", "exp": exp });
    for (exp, status) in [(NOW + 1, 200), (NOW - 59, 200), (NOW - 60, 401)] {
        let token = key(Algorithm::ES256).sign("application/at+jwt", &claims(exp)).unwrap();
        let request = Request::get("/").header("authorization", format!("bearer {token}"));
        let response = service.clone().call(request.body(String::new()).unwrap()).await.unwrap();
        assert_eq!(response.status().as_u16(), status, "the skew is a minute at most: {exp}");
    }
    running.abort();
}
