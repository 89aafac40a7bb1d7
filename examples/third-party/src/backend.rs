//! Shape 2: the SPA made verifier, state and nonce, and checked `state` and `iss` at its callback page. It hands code,
//! verifier and nonce to us; we redeem the code with our secret and keep every token here, under a session cookie
//! that no script can read.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use grantwell_core::secret::Secret;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;

use crate::{
    SharedConnection, ThirdPartyApp, backend_redirect_uri,
    connection::{ConnectionView, IssuerConnection, Notice},
    guard::Cookie,
};

#[derive(Deserialize)]
pub(crate) struct CodeExchange {
    code: String,
    verifier: String,
    nonce: String,
}

#[derive(Deserialize)]
pub(crate) struct NoteForm {
    pub(crate) text: String,
}

pub(crate) async fn exchange(
    State(app): State<Arc<ThirdPartyApp>>,
    headers: HeaderMap,
    Json(request): Json<CodeExchange>,
) -> Response {
    let redirect_uri = backend_redirect_uri(&app.config.origin);
    let form = [
        ("grant_type", "authorization_code"),
        ("code", request.code.as_str()),
        ("code_verifier", request.verifier.as_str()),
        ("redirect_uri", redirect_uri.as_str()),
        ("resource", app.config.resource.as_str()),
    ];
    let mut log = Vec::new();
    match IssuerConnection::open(&app, &app.backend, &form, &request.nonce, &mut log).await {
        Err(trouble) => {
            let view = ConnectionView::without_session(Notice::of(&trouble), log);
            (StatusCode::BAD_REQUEST, Json(view)).into_response()
        }
        Ok(connection) => {
            let now = app.config.clock.now();
            if let Some(old) = Cookie::BACKEND.read(&app, &headers) {
                app.backend_sessions.take(&old, now);
            }
            let id = Secret::random(&*app.config.entropy);
            let view = connection.view();
            app.backend_sessions.insert(&id, Arc::new(Mutex::new(connection)), now);
            ([Cookie::BACKEND.set(&app, &id)], Json(view)).into_response()
        }
    }
}

/// The browser has no session here.
pub(crate) struct NoSession;

impl IntoResponse for NoSession {
    fn into_response(self) -> Response {
        let notice =
            Notice::new("signed-out", "Not connected", "Sign in to connect Fieldnotes to your notes.");
        (StatusCode::UNAUTHORIZED, Json(ConnectionView::without_session(notice, Vec::new()))).into_response()
    }
}

fn connection(app: &ThirdPartyApp, headers: &HeaderMap) -> Result<SharedConnection, NoSession> {
    let id = Cookie::BACKEND.read(app, headers).ok_or(NoSession)?;
    app.backend_sessions.find(&id, app.config.clock.now()).ok_or(NoSession)
}

pub(crate) async fn session(
    State(app): State<Arc<ThirdPartyApp>>,
    headers: HeaderMap,
) -> Result<Json<ConnectionView>, NoSession> {
    let connection = connection(&app, &headers)?;
    let view = connection.lock().await.view();
    Ok(Json(view))
}

pub(crate) async fn call(
    State(app): State<Arc<ThirdPartyApp>>,
    headers: HeaderMap,
) -> Result<Json<ConnectionView>, NoSession> {
    let connection = connection(&app, &headers)?;
    let mut connection = connection.lock().await;
    connection.call(&app).await;
    Ok(Json(connection.view()))
}

pub(crate) async fn note(
    State(app): State<Arc<ThirdPartyApp>>,
    headers: HeaderMap,
    Json(note): Json<NoteForm>,
) -> Result<Json<ConnectionView>, NoSession> {
    let connection = connection(&app, &headers)?;
    let mut connection = connection.lock().await;
    connection.note(&note.text, &app).await;
    Ok(Json(connection.view()))
}

pub(crate) async fn refresh(
    State(app): State<Arc<ThirdPartyApp>>,
    headers: HeaderMap,
) -> Result<Json<ConnectionView>, NoSession> {
    let connection = connection(&app, &headers)?;
    let mut connection = connection.lock().await;
    connection.refresh(&app).await;
    Ok(Json(connection.view()))
}

pub(crate) async fn spoil(
    State(app): State<Arc<ThirdPartyApp>>,
    headers: HeaderMap,
) -> Result<Json<ConnectionView>, NoSession> {
    let connection = connection(&app, &headers)?;
    let mut connection = connection.lock().await;
    connection.spoil(&app).await;
    Ok(Json(connection.view()))
}

pub(crate) async fn sign_out(
    State(app): State<Arc<ThirdPartyApp>>,
    headers: HeaderMap,
) -> Result<Response, NoSession> {
    let connection = connection(&app, &headers)?;
    if let Some(id) = Cookie::BACKEND.read(&app, &headers) {
        app.backend_sessions.take(&id, app.config.clock.now());
    }
    let location = connection.lock().await.close(&app).await;
    Ok(([Cookie::BACKEND.clear(&app)], Json(json!({ "location": location }))).into_response())
}
