//! `/revoke` (RFC 7009). The answer is 200 only when the revocation is durable.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{RawQuery, State},
    http::HeaderMap,
};
use grantwell_core::{
    revoke,
    store::{Outcome, Share, Store},
    token::Context as Deciding,
};

use crate::{
    app::App,
    http::{
        answer::{Answer, contended, json, note, refused, unavailable},
        context::Context,
        introspect::records,
        proceed::ROUNDS,
        token::{origin, receive},
    },
};

/// POST.
pub(crate) async fn post(
    State(app): State<Arc<App>>,
    context: Context,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Body,
) -> Answer {
    let sent = match receive(&app, &context, &headers, query, body).await {
        Ok(sent) => sent,
        Err(answer) => return *answer,
    };
    let client = match sent.authenticate(&context) {
        Ok(client) => client,
        Err(answer) => return *answer,
    };
    let done = || {
        note(json(200, &serde_json::json!({})), |noted| noted.client_id = Some(client.client_id.to_string()))
    };
    let (current, origin) = (app.current(), origin(&context));
    let deciding = Deciding {
        policy: &app.policy,
        keyring: &current.keyring,
        epoch: current.realm.epoch,
        now: context.now,
        entropy: app.entropy.as_ref(),
        origin: &origin,
    };
    let token = match revoke::read(&sent.form, &deciding) {
        Err(refusal) => return refused(&context, &refusal),
        Ok(None) => return done(),
        Ok(Some(token)) => token,
    };
    for _ in 0..ROUNDS {
        let records = match records(&app, &token).await {
            Ok(records) => records,
            Err(error) => return unavailable(&context, &error),
        };
        let decision = revoke::decide(&token, client, &records, &deciding);
        if decision.writes.is_empty() {
            return done();
        }
        match app.store.commit(app.realm, Share::Grants, decision.writes).await {
            Ok(Outcome::Done) => return done(),
            Ok(Outcome::Conflict(_)) => {}
            Err(error) => return unavailable(&context, &error),
        }
    }
    contended(&context)
}
