//! Metadata at both well-known paths (OpenID Connect Discovery 1.0, RFC 8414), and the public keys.

use grantwell_core::discovery;
use serde_json::Value;

use crate::{
    http::{
        exchange::Exchange,
        response::{Response, json, set},
    },
    pages::Locale,
};

fn cached(value: &Value, content_type: &str) -> Response {
    let mut response = json(200, value);
    set(&mut response, "content-type", content_type);
    set(&mut response, "cache-control", "public, max-age=900");
    response.headers_mut().remove("pragma");
    response
}

/// GET `/.well-known/…`.
pub(crate) async fn metadata(x: Exchange) -> Response {
    let locales = Locale::ALL.map(Locale::tag);
    cached(&discovery::metadata(&x.realm.policy, &locales), "application/json")
}

/// GET `/jwks`.
pub(crate) async fn jwks(x: Exchange) -> Response {
    cached(&x.realm.current().keyring.jwks(x.now), "application/jwk-set+json")
}
