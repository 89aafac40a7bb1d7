//! `/userinfo` (OpenID Connect Core 1.0 §5.3), GET and POST.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{RawQuery, State},
    http::{HeaderMap, header},
};
use grantwell_core::{
    form::Form,
    token::Context as Deciding,
    userinfo::{self, UserInfoRefusal},
};

use crate::{
    app::App,
    http::{
        answer::{Answer, bad_body, json, refused, set, unavailable},
        body,
        context::Context,
        introspect::records,
        token::{authorization, origin},
    },
};

/// GET.
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    context: Context,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    answer(&app, &context, &headers, query, &Form::default()).await
}

/// POST: the token may stand in the body (RFC 6750 §2.2).
pub(crate) async fn post(
    State(app): State<Arc<App>>,
    context: Context,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Body,
) -> Answer {
    let form = if headers.contains_key(header::CONTENT_TYPE) {
        match body::form(&headers, body).await {
            Ok(form) => form,
            Err(error) => return bad_body(&context, error),
        }
    } else {
        Form::default()
    };
    answer(&app, &context, &headers, query, &form).await
}

async fn answer(
    app: &App,
    context: &Context,
    headers: &HeaderMap,
    query: Option<String>,
    form: &Form,
) -> Answer {
    let query = match body::parse_form(query.unwrap_or_default().as_bytes()) {
        Ok(query) => query,
        Err(error) => return bad_body(context, error),
    };
    let refuse = |refusal: UserInfoRefusal| {
        let mut answer = refused(context, &refusal);
        set(&mut answer, "www-authenticate", &refusal.challenge());
        answer
    };
    let authorization = authorization(headers);
    let token = match userinfo::bearer(&authorization, &query, form) {
        Ok(token) => token,
        Err(refusal) => return refuse(refusal),
    };
    let (current, origin) = (app.current(), origin(context));
    let deciding = Deciding {
        policy: &app.policy,
        keyring: &current.keyring,
        epoch: current.realm.epoch,
        now: context.now,
        entropy: app.entropy.as_ref(),
        origin: &origin,
    };
    let token = match userinfo::read(token, &deciding) {
        Ok(token) => token,
        Err(refusal) => return refuse(refusal),
    };
    match records(app, &token).await {
        Err(error) => unavailable(context, &error),
        Ok(records) => match userinfo::decide(&token, &records, &deciding) {
            Ok(claims) => json(200, &claims),
            Err(refusal) => refuse(refusal),
        },
    }
}
