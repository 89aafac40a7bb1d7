//! What every response has in common: the headers, the refusal of requests that another site sent, and cookies.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use grantwell_core::secret::Secret;
use url::Url;

use crate::ThirdPartyApp;

/// Headers of every response, errors included.
pub(crate) async fn headers(State(app): State<Arc<ThirdPartyApp>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let issuer = origin_of(&app.config.issuer);
    let api = origin_of(&app.config.api);
    // `form-action` names the issuer because shape 3 starts with a form whose response redirects there, and browsers
    // check every hop; `connect-src` because shape 1 talks to both itself.
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' {issuer} {api}; \
         form-action 'self' {issuer}; base-uri 'none'; frame-ancestors 'none'"
    );
    let fixed = [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        // Not `no-referrer`: our own form posts would arrive with `Origin: null`.
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
        ("cache-control", "no-store"),
    ];
    let map = response.headers_mut();
    for (name, value) in fixed {
        map.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if let Ok(value) = HeaderValue::from_str(&policy) {
        map.insert(header::CONTENT_SECURITY_POLICY, value);
    }
    if app.config.origin.starts_with("https:") {
        map.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=63072000; includeSubDomains"),
        );
    }
    response
}

/// Refuses a state-changing request that did not come from our own pages. `SameSite` cookies alone would let another
/// port of the same host through: cookies ignore ports.
pub(crate) async fn same_origin(
    State(app): State<Arc<ThirdPartyApp>>,
    request: Request,
    next: Next,
) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD);
    if safe || is_same_origin(request.headers(), &app.config.origin) {
        next.run(request).await
    } else {
        (StatusCode::FORBIDDEN, "This request came from another site.").into_response()
    }
}

fn is_same_origin(headers: &HeaderMap, origin: &str) -> bool {
    let text = |name: HeaderName| headers.get(name).map(HeaderValue::as_bytes);
    match text(HeaderName::from_static("sec-fetch-site")) {
        Some(site) => site == b"same-origin",
        None => text(header::ORIGIN) == Some(origin.as_bytes()),
    }
}

/// Scheme, host and port of `url`.
pub(crate) fn origin_of(url: &str) -> String {
    Url::parse(url).map_or_else(|_| String::new(), |url| url.origin().ascii_serialization())
}

/// A cookie of ours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cookie {
    name: &'static str,
    same_site: &'static str,
}

impl Cookie {
    /// Session of shape 2. Only fetch() from our own page needs it: `Strict`.
    pub(crate) const BACKEND: Self = Self { name: "fieldnotes_backend", same_site: "Strict" };
    /// Session of shape 3. The way back from the issuer is a navigation from another site: `Lax`.
    pub(crate) const WEB: Self = Self { name: "fieldnotes_web", same_site: "Lax" };
    /// The pending sign-in of shape 3.
    pub(crate) const TRANSACTION: Self = Self { name: "fieldnotes_transaction", same_site: "Lax" };

    fn full_name(self, app: &ThirdPartyApp) -> String {
        let prefix = if app.config.origin.starts_with("https:") { "__Host-" } else { "" };
        format!("{prefix}{}", self.name)
    }

    /// The value the browser sent; none when it sent several of the name, because then one was planted.
    pub(crate) fn read(self, app: &ThirdPartyApp, headers: &HeaderMap) -> Option<Secret> {
        let name = self.full_name(app);
        let mut found = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(key, _)| *key == name)
            .map(|(_, value)| value);
        let value = found.next()?;
        if found.next().is_some() {
            return None;
        }
        crate::session::decode(value)
    }

    /// The header that sets it until the browser closes.
    pub(crate) fn set(self, app: &ThirdPartyApp, value: &Secret) -> (HeaderName, String) {
        (header::SET_COOKIE, self.line(app, &crate::session::encode(value), ""))
    }

    /// The header that removes it.
    pub(crate) fn clear(self, app: &ThirdPartyApp) -> (HeaderName, String) {
        (header::SET_COOKIE, self.line(app, "", "; Max-Age=0"))
    }

    fn line(self, app: &ThirdPartyApp, value: &str, rest: &str) -> String {
        let secure = if app.config.origin.starts_with("https:") { "; Secure" } else { "" };
        let (name, same_site) = (self.full_name(app), self.same_site);
        format!("{name}={value}; Path=/; HttpOnly; SameSite={same_site}{secure}{rest}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers_of(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn only_our_own_pages_may_change_state() {
        let ours = "http://127.0.0.1:8081";
        let cases: [(&[(&'static str, &'static str)], bool); 7] = [
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "same-site"), ("origin", "http://127.0.0.1:8081")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("origin", "http://127.0.0.1:8081")], true),
            (&[("origin", "http://127.0.0.1:8082")], false),
            (&[("origin", "null")], false),
            (&[], false),
        ];
        for (pairs, expected) in cases {
            assert_eq!(is_same_origin(&headers_of(pairs), ours), expected, "{pairs:?}");
        }
    }
}
