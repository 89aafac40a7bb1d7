//! Responses: JSON, redirects, errors, each with the headers its kind has (catalogue H-09, L-06, part 3). Pages are
//! [`crate::http::renderer`]'s.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
};
use grantwell_core::error::{OAuthError, Refusal};
use serde::Serialize;

use crate::{
    http::{body::BodyError, browser::Browser, exchange::Exchange},
    step_event::Unavailable,
};

/// What a handler responds with.
pub(crate) type Response = axum::http::Response<Body>;

/// A response with a status and a body.
pub(crate) fn response(status: u16, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

/// Sets a header whose name is ours.
pub(crate) fn set(response: &mut Response, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}

/// JSON that must not be cached.
pub(crate) fn json(status: u16, body: &impl Serialize) -> Response {
    let (status, bytes) = match serde_json::to_vec(body) {
        Ok(bytes) => (status, bytes),
        Err(_) => (500, b"{\"error\":\"server_error\"}".to_vec()),
    };
    let mut response = response(status, bytes);
    set(&mut response, "content-type", "application/json");
    set(&mut response, "cache-control", "no-store");
    set(&mut response, "pragma", "no-cache");
    plain_headers(&mut response);
    response
}

/// The headers of responses that are no pages: nothing of them may be framed, sniffed or run.
pub(crate) fn plain_headers(response: &mut Response) {
    set(response, "x-content-type-options", "nosniff");
    set(response, "x-frame-options", "DENY");
    set(response, "referrer-policy", "no-referrer");
    set(response, "content-security-policy", "default-src 'none'; frame-ancestors 'none'");
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
    error_description: &'a str,
    trace_id: &'a str,
}

/// The JSON error of an OAuth endpoint (RFC 6749 §5.2).
pub(crate) fn oauth_error(x: &Exchange, error: OAuthError) -> Response {
    error_json(x, error.code.status(), error.code.as_str(), error.description)
}

/// The same, in other words than the fixed ones.
pub(crate) fn error_json(x: &Exchange, status: u16, error: &str, error_description: &str) -> Response {
    json(status, &ErrorBody { error, error_description, trace_id: &x.origin.trace_id })
}

/// The JSON error of a typed refusal.
pub(crate) fn refused(x: &Exchange, refusal: &dyn Refusal) -> Response {
    x.note(|notes| notes.reason = Some(refusal.reason().to_owned()));
    oauth_error(x, refusal.public())
}

/// The JSON error for a body that was not read.
pub(crate) fn bad_body(x: &Exchange, error: BodyError) -> Response {
    x.note(|notes| notes.reason = Some(error.reason().to_owned()));
    error_json(x, error.status(), "invalid_request", error.description())
}

/// 503, when the store does not respond. Never an OAuth error that would make a client sign its user out (RFC 7009 §2.2.1).
pub(crate) fn unavailable(x: &Exchange, why: &Unavailable) -> Response {
    x.note(|notes| notes.reason = Some(why.to_string()));
    let mut response = error_json(x, 503, "temporarily_unavailable", "try again in a moment");
    set(&mut response, "retry-after", RETRY_AFTER);
    response
}

/// Seconds after which a 503 may be another.
pub(crate) const RETRY_AFTER: &str = "1";

/// 303 without a referrer (RFC 9700 §4.12).
pub(crate) fn see_other(uri: &str) -> Response {
    let mut response = response(303, Body::empty());
    match HeaderValue::from_str(uri) {
        Ok(location) => {
            response.headers_mut().insert(header::LOCATION, location);
        }
        Err(_) => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
    }
    set(&mut response, "cache-control", "no-store");
    plain_headers(&mut response);
    response
}

/// Adds the cookies that the browser is given.
pub(crate) fn with_cookies(mut response: Response, browser: Browser) -> Response {
    for cookie in browser.into_cookies() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
