//! What endpoints share that take an access token (RFC 6750 §2).

use std::sync::Arc;

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::header,
};
use grantwell_core::{
    bearer::{self, BearerRefusal},
    form::Form,
};

use crate::{
    app::App,
    http::{
        body,
        client::authorization,
        exchange::Exchange,
        response::{Response, bad_body, refused_in_words, set},
    },
};

/// The one access token of a request: in the header or, of a POST, in the body.
pub(crate) struct BearerToken(pub(crate) String);

impl FromRequest<Arc<App>> for BearerToken {
    type Rejection = Response;
    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let Ok(x) = Exchange::from_request_parts(&mut parts, app).await;
        let query = body::parse_form(parts.uri.query().unwrap_or_default().as_bytes())
            .map_err(|error| bad_body(&x, error))?;
        let form = if parts.headers.contains_key(header::CONTENT_TYPE) && parts.method == "POST" {
            body::form(&parts.headers, body).await.map_err(|error| bad_body(&x, error))?
        } else {
            Form::default()
        };
        bearer::find(&authorization(&parts.headers), &query, &form)
            .map(|token| Self(token.to_owned()))
            .map_err(|refusal| challenge(&x, refusal))
    }
}

/// The response to a token that is not good enough, with the challenge that says why (RFC 6750 §3).
pub(crate) fn challenge(x: &Exchange, refusal: BearerRefusal) -> Response {
    let policy = &x.realm.policy;
    let mut response = refused_in_words(x, &refusal, &refusal.description(policy));
    set(&mut response, "www-authenticate", &refusal.challenge(policy));
    response
}
