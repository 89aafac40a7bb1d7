//! `/healthz`: the process is alive. `/readyz`: it can serve, because the store responds, the keys are there, and the clock is right.

use std::sync::{Arc, atomic::Ordering};

use axum::extract::State;
use grantwell_core::store::Store;
use serde_json::json;

use crate::{
    app::App,
    http::response::{Response, json as respond},
};

/// GET `/healthz`.
pub(crate) async fn alive() -> Response {
    respond(200, &json!({ "status": "alive" }))
}

/// GET `/readyz`.
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Response {
    if app.leaving.load(Ordering::Relaxed) {
        return respond(503, &json!({ "status": "not ready", "why": "this server is ending" }));
    }
    if let Some(apart) = app.clocks.apart() {
        return respond(503, &json!({ "status": "not ready", "why": apart }));
    }
    match app.store.realm(app.realm.id).await {
        Ok(Some(_)) => respond(200, &json!({ "status": "ready" })),
        Ok(None) => respond(503, &json!({ "status": "not ready", "why": "the database has no realm" })),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            respond(503, &json!({ "status": "not ready", "why": "the database does not respond" }))
        }
    }
}
