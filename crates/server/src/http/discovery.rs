//! Metadata at both well-known paths (OpenID Connect Discovery 1.0, RFC 8414), and the public keys.
//!
//! Both documents are kept as they are sent: the metadata for good, since a realm's policy does not change while it is served, and
//! the keys for a second, since time alone retires one.

use std::sync::{Mutex, OnceLock, PoisonError};

use axum::body::Bytes;
use grantwell_core::{discovery, keyring::Keyring, policy::Policy, time::Timestamp};

use crate::{
    http::{
        exchange::Exchange,
        response::{Response, plain_headers, response, set_static},
    },
    pages::Locale,
};

/// A realm's metadata.
#[derive(Default)]
pub(crate) struct MetadataDocument(OnceLock<Bytes>);

impl MetadataDocument {
    fn document(&self, policy: &Policy) -> Bytes {
        let make = || discovery::metadata(policy, &Locale::ALL.map(Locale::tag)).to_string().into();
        self.0.get_or_init(make).clone()
    }
}

/// Its public keys, of one second.
#[derive(Default)]
pub(crate) struct JwksDocument(Mutex<Option<(i64, Bytes)>>);

impl JwksDocument {
    fn document(&self, keyring: &Keyring, now: Timestamp) -> Bytes {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some((second, document)) if *second == now.seconds() => document.clone(),
            _ => {
                let document = Bytes::from(keyring.jwks(now).to_string());
                *kept = Some((now.seconds(), document.clone()));
                document
            }
        }
    }
}

fn cached(document: Bytes, content_type: &'static str) -> Response {
    let mut response = response(200, document);
    set_static(&mut response, "content-type", content_type);
    set_static(&mut response, "cache-control", "public, max-age=900");
    plain_headers(&mut response);
    response
}

/// GET `/.well-known/…`.
pub(crate) async fn metadata(x: Exchange) -> Response {
    cached(x.realm.metadata.document(&x.realm.policy), "application/json")
}

/// GET `/jwks`.
pub(crate) async fn jwks(x: Exchange) -> Response {
    let current = x.realm.current();
    cached(current.jwks.document(&current.keyring, x.now), "application/jwk-set+json")
}
