//! An API that keeps notes: a resource server behind `grantwell-resource`.
//!
//! Reading verifies the token here, so a revocation holds when the token expires; writing asks the issuer, so it holds at
//! once. Notes are kept per person, in memory, bounded.
#![warn(missing_docs)]

mod cors;
mod notes;

use std::sync::Arc;

use axum::{
    Extension, Json, Router,
    extract::{DefaultBodyLimit, State, rejection::JsonRejection},
    http::{StatusCode, header},
    middleware,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use grantwell_resource::{AccessToken, BuildError, ResourceServer};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use self::notes::{NoteRefusal, Notebook};

/// The longest request body.
const MAX_BODY: usize = 16 * 1024;

/// Where the API stands. Issuer and resource may be `http` on loopback, since this is an example.
#[derive(Clone)]
pub struct NotesConfig {
    /// The issuer whose tokens are accepted.
    pub issuer: String,
    /// The identifier of this API: the `aud` of its tokens.
    pub resource: String,
    /// The client with which this API introspects.
    pub introspection_client_id: String,
    /// Its secret.
    pub introspection_client_secret: String,
    /// Origins of browser applications that may call: `https://app.example`.
    pub allowed_origins: Vec<String>,
}

/// The whole API.
pub fn router(config: NotesConfig) -> Result<Router, BuildError> {
    let server = ResourceServer::builder(config.issuer.clone(), config.resource.clone())
        .introspection(config.introspection_client_id, config.introspection_client_secret)
        .allow_http_loopback()
        .scope("notes:read")
        .scope("notes:write")
        .build()?;
    let page = page(&config.issuer, &config.resource, server.metadata_path());
    let metadata = server.clone();
    let read = get(list).layer(server.layer().require("notes:read"));
    let write = axum::routing::post(add).layer(server.introspecting()?.require("notes:write"));
    Ok(Router::new()
        .route("/", get(async move || page_response(page)))
        .route("/style.css", get(async || ([(header::CONTENT_TYPE, "text/css")], include_str!("style.css"))))
        .route(server.metadata_path(), get(async move || metadata.metadata()))
        .route("/api/me", get(me).layer(server.layer()))
        .route("/api/notes", read.merge(write))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(Arc::new(config.allowed_origins), cors::allow))
        .with_state(Arc::new(Notebook::default())))
}

async fn me(Extension(token): Extension<AccessToken>) -> Json<Map<String, Value>> {
    Json(token.claims().clone())
}

async fn list(State(notes): State<Arc<Notebook>>, Extension(token): Extension<AccessToken>) -> Json<Value> {
    Json(json!({ "notes": notes.of(token.subject()) }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewNote {
    text: String,
}

async fn add(
    State(notes): State<Arc<Notebook>>,
    Extension(token): Extension<AccessToken>,
    body: Result<Json<NewNote>, JsonRejection>,
) -> Response {
    let refuse = |status: StatusCode, description: &str| {
        (status, Json(json!({ "error": "invalid_request", "error_description": description })))
            .into_response()
    };
    let note = match body {
        Ok(Json(note)) => note,
        Err(rejection) => return refuse(rejection.status(), "The body must be {\"text\": \"…\"}"),
    };
    match notes.add(token.subject(), note.text) {
        Ok(note) => (StatusCode::CREATED, Json(note)).into_response(),
        Err(NoteRefusal::Length) => refuse(StatusCode::BAD_REQUEST, "A note has 1 to 1000 characters"),
        Err(NoteRefusal::Full) => {
            refuse(StatusCode::INSUFFICIENT_STORAGE, "This example keeps no more notes")
        }
    }
}

fn page(issuer: &str, resource: &str, metadata_path: &str) -> String {
    include_str!("page.html")
        .replace("{issuer}", &escape(issuer))
        .replace("{resource}", &escape(resource))
        .replace("{origin}", &escape(resource.trim_end_matches('/')))
        .replace("{metadata}", &escape(metadata_path))
}

fn page_response(page: String) -> Response {
    let headers = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, Html(page)).into_response()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j_01_what_the_configuration_says_is_escaped_on_the_page() {
        let page = page("<script>\"&", "https://api.example/", "/m");
        assert!(page.contains("&lt;script&gt;&quot;&amp;"));
        assert!(!page.contains("<script>"));
        assert!(page.contains("curl -i https://api.example/api/notes"));
    }
}
