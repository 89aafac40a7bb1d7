//! `/introspect` (RFC 7662).

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{RawQuery, State},
    http::HeaderMap,
};
use grantwell_core::{
    introspect::{self, Introspection},
    store::{Read, Store},
    token::{Context as Deciding, Presented, Records},
};

use crate::{
    app::App,
    http::{
        answer::{Answer, json, note, refused, unavailable},
        context::Context,
        token::{origin, receive},
    },
};

/// What the store has about a token.
pub(crate) async fn records(app: &App, token: &Presented) -> Read<Records> {
    let authorization = match token.authorization() {
        Some(id) => app.store.authorization(app.realm, id).await?,
        None => None,
    };
    let client = match token.machine() {
        Some(id) => app.store.client(app.realm, id).await?,
        None => None,
    };
    let denied = match token.deny_key() {
        Some(key) => app.store.is_denied(app.realm, &key).await?,
        None => false,
    };
    let resource = match token.resource(&app.policy) {
        Some(id) => app.store.resource(app.realm, &id).await?,
        None => None,
    };
    Ok(Records { authorization, client, denied, resource })
}

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
    let (current, origin) = (app.current(), origin(&context));
    let deciding = Deciding {
        policy: &app.policy,
        keyring: &current.keyring,
        epoch: current.realm.epoch,
        now: context.now,
        entropy: app.entropy.as_ref(),
        origin: &origin,
    };
    let answer = match introspect::read(&sent.form, client, &deciding) {
        Err(refusal) => refused(&context, &refusal),
        Ok(None) => json(200, &Introspection::INACTIVE),
        Ok(Some(token)) => match records(&app, &token).await {
            Ok(records) => json(200, &introspect::decide(&token, client, &records, &deciding)),
            Err(error) => unavailable(&context, &error),
        },
    };
    note(answer, |noted| noted.client_id = Some(client.client_id.to_string()))
}
