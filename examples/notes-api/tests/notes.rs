//! The API in process, with an issuer on loopback.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::sync::{Arc, Mutex};

use axum::{
    Form, Json, Router,
    body::Body,
    extract::State,
    http::{Request, Response, StatusCode},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use grantwell_core::{
    id::KeyId,
    jose::{Algorithm, SigningKey},
};
use grantwell_notes_api::{NotesConfig, router};
use serde_json::{Map, Value, json};
use tokio::{net::TcpListener, task::AbortHandle};
use tower::ServiceExt;

const RESOURCE: &str = "http://127.0.0.1:1/";
const SPA: &str = "http://127.0.0.1:2";
/// In the year 2100: these tests run by the real clock.
const FAR: i64 = 4_102_444_800;

struct Fixture {
    issuer: String,
    key: SigningKey,
    revoked: Arc<Mutex<Vec<String>>>,
    api: Router,
    running: AbortHandle,
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// An issuer whose introspection knows a token by its payload, unless it is revoked.
async fn fixture() -> Fixture {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let der = SigningKey::generate(Algorithm::ES256).unwrap();
    let key = SigningKey::from_pkcs8(KeyId::from("k"), Algorithm::ES256, &der).unwrap();
    let revoked = Arc::new(Mutex::new(Vec::<String>::new()));
    let metadata = json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/jwks"),
        "introspection_endpoint": format!("{issuer}/introspect"),
    });
    let jwks = json!({ "keys": [key.public_jwk()] });
    let introspect = async |State(revoked): State<Arc<Mutex<Vec<String>>>>, Form(form): Form<Value>| {
        let token = form["token"].as_str().unwrap();
        if revoked.lock().unwrap().iter().any(|gone| gone == token) {
            return Json(json!({ "active": false }));
        }
        let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
        let mut claims: Map<String, Value> = serde_json::from_slice(&payload).unwrap();
        claims.insert("active".to_owned(), json!(true));
        Json(Value::Object(claims))
    };
    let routes = Router::new()
        .route("/.well-known/openid-configuration", get(async move || Json(metadata)))
        .route("/jwks", get(async move || Json(jwks)))
        .route("/introspect", post(introspect))
        .with_state(Arc::clone(&revoked));
    let running = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() }).abort_handle();
    let api = router(NotesConfig {
        issuer: issuer.clone(),
        resource: RESOURCE.to_owned(),
        introspection_client_id: "notes-api".to_owned(),
        introspection_client_secret: "secret".to_owned(),
        allowed_origins: vec![SPA.to_owned()],
    })
    .unwrap();
    Fixture { issuer, key, revoked, api, running }
}

impl Fixture {
    fn token(&self, sub: &str, scope: &str) -> String {
        let claims = json!({
            "iss": self.issuer, "aud": RESOURCE, "sub": sub, "client_id": "spa", "scope": scope, "exp": FAR,
        });
        self.key.sign("at+jwt", &claims).unwrap()
    }

    async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.api.clone().oneshot(request).await.unwrap()
    }

    async fn read(&self, path: &str, token: &str) -> (StatusCode, Value) {
        let request = Request::get(path).header("authorization", format!("Bearer {token}"));
        json_of(self.send(request.body(Body::empty()).unwrap()).await).await
    }

    async fn write(&self, token: &str, body: &str) -> (StatusCode, Value) {
        let request = Request::post("/api/notes")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json");
        json_of(self.send(request.body(Body::from(body.to_owned())).unwrap()).await).await
    }
}

async fn json_of(response: Response<Body>) -> (StatusCode, Value) {
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), 65_536).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

#[tokio::test]
async fn notes_are_written_and_read_by_whom_they_belong_to() {
    let f = fixture().await;
    let ada = f.token("ada", "notes:read notes:write");
    let (status, note) = f.write(&ada, r#"{"text":"Buy milk"}"#).await;
    assert_eq!((status, &note["text"]), (StatusCode::CREATED, &json!("Buy milk")));
    let (status, notes) = f.read("/api/notes", &ada).await;
    assert_eq!((status, notes), (StatusCode::OK, json!({ "notes": [note] })));
    let (status, notes) = f.read("/api/notes", &f.token("bob", "notes:read")).await;
    assert_eq!((status, notes), (StatusCode::OK, json!({ "notes": [] })));
}

#[tokio::test]
async fn me_shows_the_claims_of_the_token() {
    let f = fixture().await;
    let (status, claims) = f.read("/api/me", &f.token("ada", "")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(claims["sub"], "ada");
    assert_eq!(claims["client_id"], "spa");
    assert_eq!(claims["aud"], RESOURCE);
}

#[tokio::test]
async fn each_call_needs_its_scope() {
    let f = fixture().await;
    let (read, write) = (f.token("ada", "notes:read"), f.token("ada", "notes:write"));
    assert_eq!(f.read("/api/notes", &write).await.0, StatusCode::FORBIDDEN);
    assert_eq!(f.write(&read, r#"{"text":"x"}"#).await.0, StatusCode::FORBIDDEN);
    assert_eq!(f.read("/api/notes", &read).await.0, StatusCode::OK);
    assert_eq!(f.write(&write, r#"{"text":"x"}"#).await.0, StatusCode::CREATED);
    assert_eq!(f.read("/api/me", "nonsense").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn t_06_a_revocation_stops_writing_at_once_and_reading_when_the_token_expires() {
    let f = fixture().await;
    let token = f.token("ada", "notes:read notes:write");
    assert_eq!(f.write(&token, r#"{"text":"x"}"#).await.0, StatusCode::CREATED);
    f.revoked.lock().unwrap().push(token.clone());
    assert_eq!(f.write(&token, r#"{"text":"y"}"#).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(f.read("/api/notes", &token).await.0, StatusCode::OK);
    let page = f.send(Request::get("/").body(Body::empty()).unwrap()).await;
    let page = axum::body::to_bytes(page.into_body(), 65_536).await.unwrap();
    let page = std::str::from_utf8(&page).unwrap();
    assert!(page.contains("until it expires: at most 10 minutes (5 in <code>grantwell dev</code>)"));
    assert!(page.contains("no longer: the next call is refused"));
    assert!(page.contains(&f.issuer) && page.contains("data-page=\"notes-api\""));
}

#[tokio::test]
async fn what_is_no_note_is_refused() {
    let f = fixture().await;
    let token = f.token("ada", "notes:write notes:read");
    let long = json!({ "text": "x".repeat(1001) }).to_string();
    let huge = json!({ "text": "x".repeat(20_000) }).to_string();
    for (body, status) in [
        ("", 400),
        ("{", 400),
        (r#"{"text":""}"#, 400),
        (r#"{"text":1}"#, 422),
        (r#"{"text":"x","sub":"bob"}"#, 422),
        (long.as_str(), 400),
        (huge.as_str(), 413),
    ] {
        let (got, answer) = f.write(&token, body).await;
        assert_eq!(got.as_u16(), status, "{body:.40}");
        assert_eq!(answer["error"], "invalid_request");
    }
    assert_eq!(f.read("/api/notes", &token).await.1, json!({ "notes": [] }));
}

#[tokio::test]
async fn only_configured_origins_may_call_from_a_browser() {
    let f = fixture().await;
    let preflight = |origin: &str| {
        Request::options("/api/notes")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type")
            .body(Body::empty())
            .unwrap()
    };
    let response = f.send(preflight(SPA)).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(response.headers()["access-control-allow-origin"], SPA);
    assert_eq!(response.headers()["access-control-allow-headers"], "authorization, content-type");
    assert!(!response.headers().contains_key("access-control-allow-credentials"));
    for other in ["http://127.0.0.1:3", "http://127.0.0.1:22", "null", "https://attacker.example"] {
        let response = f.send(preflight(other)).await;
        assert!(!response.headers().contains_key("access-control-allow-origin"), "{other}");
        assert_eq!(response.headers()["vary"], "origin");
    }
    // A script can read why it was refused and where to get a token.
    let refused = Request::get("/api/notes").header("origin", SPA).body(Body::empty()).unwrap();
    let refused = f.send(refused).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(refused.headers()["access-control-allow-origin"], SPA);
    assert_eq!(refused.headers()["access-control-expose-headers"], "www-authenticate");
    assert_eq!(
        refused.headers()["www-authenticate"],
        "Bearer resource_metadata=\"http://127.0.0.1:1/.well-known/oauth-protected-resource\", scope=\"notes:read\""
    );
}

#[tokio::test]
async fn the_metadata_says_who_issues_tokens() {
    let f = fixture().await;
    let request =
        Request::get("/.well-known/oauth-protected-resource").header("origin", "https://any.example");
    let response = f.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    let (status, document) = json_of(response).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(document["resource"], RESOURCE);
    assert_eq!(document["authorization_servers"], json!([f.issuer]));
    assert_eq!(document["scopes_supported"], json!(["notes:read", "notes:write"]));
}
