//! Responses: JSON, redirects, errors, each with the headers its kind has (catalogue H-09, L-06, part 3). Pages are
//! [`crate::http::renderer`]'s.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
};
use grantwell_core::error::{Mismatch, OAuthError, Refusal};
use serde::Serialize;

use crate::{
    app::ErrorAudience,
    http::{body::BodyError, browser::Browser, exchange::Exchange},
    step_event::Unavailable,
};

/// Headers that a response has room for from the start.
const HEADERS: usize = 14;

/// What a handler responds with.
pub(crate) type Response = axum::http::Response<Body>;

/// A response with a status and a body.
pub(crate) fn response(status: u16, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    // All that a response usually has, without growing.
    response.headers_mut().reserve(HEADERS);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

/// Sets a header whose name is ours.
pub(crate) fn set(response: &mut Response, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}

/// The same, with a value that is ours too: nothing is looked at or copied.
pub(crate) fn set_static(response: &mut Response, name: &'static str, value: &'static str) {
    response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
}

/// JSON that must not be cached.
pub(crate) fn json(status: u16, body: &impl Serialize) -> Response {
    let (status, bytes) = match serde_json::to_vec(body) {
        Ok(bytes) => (status, bytes),
        Err(_) => (500, b"{\"error\":\"server_error\"}".to_vec()),
    };
    let mut response = response(status, bytes);
    set_static(&mut response, "content-type", "application/json");
    set_static(&mut response, "cache-control", "no-store");
    set_static(&mut response, "pragma", "no-cache");
    plain_headers(&mut response);
    response
}

/// The headers of responses that are no pages: nothing of them may be framed, sniffed or run.
pub(crate) fn plain_headers(response: &mut Response) {
    set_static(response, "x-content-type-options", "nosniff");
    set_static(response, "x-frame-options", "DENY");
    set_static(response, "referrer-policy", "no-referrer");
    set_static(response, "content-security-policy", "default-src 'none'; frame-ancestors 'none'");
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
    error_description: &'a str,
    trace_id: &'a str,
    /// What the log says, for the developer at the same machine (`grantwell dev`).
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    mismatch: Option<MismatchBody<'a>>,
}

#[derive(Serialize)]
struct MismatchBody<'a> {
    received: &'a str,
    expected: &'a str,
}

/// What is said only to developers beside the public words.
#[derive(Default)]
struct Detail<'a> {
    reason: Option<&'a str>,
    mismatch: Option<&'a Mismatch>,
}

/// The JSON error of an OAuth endpoint (RFC 6749 §5.2), for which there is no typed refusal.
pub(crate) fn oauth_error(x: &Exchange, error: OAuthError, reason: &str) -> Response {
    x.note(|notes| notes.reason = Some(reason.to_owned()));
    let detail = Detail { reason: Some(reason), mismatch: None };
    error_json(x, error.code.status(), (error.code.as_str(), &error.sentence()), &detail)
}

fn error_json(
    x: &Exchange,
    status: u16,
    (error, description): (&str, &str),
    detail: &Detail<'_>,
) -> Response {
    let is_told = x.app.audience == ErrorAudience::Developers;
    let mismatch = detail.mismatch.filter(|_| is_told);
    json(
        status,
        &ErrorBody {
            error,
            error_description: description,
            trace_id: &x.origin.trace_id,
            reason: detail.reason.filter(|_| is_told),
            mismatch: mismatch.map(|it| MismatchBody { received: &it.received, expected: &it.expected }),
        },
    )
}

/// The JSON error of a typed refusal.
pub(crate) fn refused(x: &Exchange, refusal: &dyn Refusal) -> Response {
    refused_in_words(x, refusal, &refusal.public().sentence())
}

/// The same, in other words than the fixed ones.
pub(crate) fn refused_in_words(x: &Exchange, refusal: &dyn Refusal, description: &str) -> Response {
    let (error, mismatch) = (refusal.public(), refusal.mismatch());
    x.note(|notes| {
        notes.reason = Some(refusal.reason().to_owned());
        notes.parameter = error.parameter;
    });
    let detail = Detail { reason: Some(refusal.reason()), mismatch: mismatch.as_ref() };
    error_json(x, error.code.status(), (error.code.as_str(), description), &detail)
}

/// A JSON error whose code no specification registers: of a request that reaches no endpoint, of a page that the client does not
/// read, or of the endpoint for an external login UI.
pub(crate) fn unregistered_error(x: &Exchange, status: u16, public: (&str, &str), reason: &str) -> Response {
    x.note(|notes| notes.reason = Some(reason.to_owned()));
    error_json(x, status, public, &Detail { reason: Some(reason), mismatch: None })
}

/// The JSON error for a body that was not read.
pub(crate) fn bad_body(x: &Exchange, error: BodyError) -> Response {
    let public = error.public();
    x.note(|notes| {
        notes.reason = Some(error.reason().to_owned());
        notes.parameter = public.parameter;
    });
    let detail = Detail { reason: Some(error.reason()), mismatch: None };
    error_json(x, error.status(), (public.code.as_str(), &public.sentence()), &detail)
}

/// 503, when the store does not respond. Never an OAuth error that would make a client sign its user out (RFC 7009 §2.2.1).
pub(crate) fn unavailable(x: &Exchange, why: &Unavailable) -> Response {
    let reason = why.to_string();
    x.note(|notes| notes.reason = Some(reason.clone()));
    let detail = Detail { reason: Some(&reason), mismatch: None };
    let public = ("temporarily_unavailable", "try again in a moment");
    let mut response = error_json(x, 503, public, &detail);
    set_static(&mut response, "retry-after", RETRY_AFTER);
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
    set_static(&mut response, "cache-control", "no-store");
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
