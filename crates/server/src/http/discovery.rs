//! Metadata at both well-known paths (OpenID Connect Discovery 1.0, RFC 8414), and the public keys.

use std::sync::Arc;

use axum::extract::State;
use grantwell_core::discovery;
use serde_json::Value;

use crate::{
    app::App,
    http::answer::{Answer, json, set},
    pages::Locale,
};

fn cached(value: &Value, content_type: &str) -> Answer {
    let mut answer = json(200, value);
    set(&mut answer, "content-type", content_type);
    set(&mut answer, "cache-control", "public, max-age=900");
    answer.headers_mut().remove("pragma");
    answer
}

/// GET `/.well-known/…`.
pub(crate) async fn metadata(State(app): State<Arc<App>>) -> Answer {
    let locales = Locale::ALL.map(Locale::tag);
    cached(&discovery::metadata(&app.policy, &locales), "application/json")
}

/// GET `/jwks`.
pub(crate) async fn jwks(State(app): State<Arc<App>>) -> Answer {
    cached(&app.current().keyring.jwks(app.now()), "application/jwk-set+json")
}
