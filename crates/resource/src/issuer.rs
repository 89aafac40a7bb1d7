//! Talking to the issuer: discovery (OpenID Connect Discovery 1.0 §4, RFC 8414 §3), its keys (RFC 7517 §5), introspection
//! (RFC 7662 §2).
//!
//! Keys are cached. After [`FRESH`] they are fetched again beside the calls they still serve; after [`STALE`] without an
//! answer they serve no more. An unknown key id makes one fetch, at most once a minute, however many tokens carry one.
//! Responses are bounded in time and size; redirects and proxies from the environment are not followed.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use grantwell_core::{
    jose::{KeySet, json::parse_object},
    time::{Clock, Timestamp},
};
use http::{StatusCode, header};
use reqwest::{Client, RequestBuilder, redirect};
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use url::{Host, Position, Url, form_urlencoded};

use crate::challenge::CallRefusal;

/// How long keys are used without asking for newer ones.
pub(crate) const FRESH: Duration = Duration::from_mins(5);
/// How long keys are used at most when the issuer does not respond.
pub(crate) const STALE: Duration = Duration::from_hours(1);
/// How often an unknown key id, or an issuer that does not respond, is asked again.
pub(crate) const REFRESH_INTERVAL: Duration = Duration::from_mins(1);
/// How long the issuer's metadata is used.
const METADATA_FRESH: Duration = Duration::from_hours(1);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const TIMEOUT: Duration = Duration::from_secs(5);
const MAX_ANSWER: usize = 64 * 1024;

/// `https`, or `http` to this machine if that is allowed.
pub(crate) fn acceptable_url(url: &Url, http_loopback: bool) -> bool {
    let loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    let scheme = url.scheme() == "https" || (http_loopback && loopback && url.scheme() == "http");
    scheme && url.has_host() && url.username().is_empty() && url.password().is_none()
}

/// The issuer did not respond, or its response cannot be used. The log has the cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreachable;

impl From<Unreachable> for CallRefusal {
    fn from(_: Unreachable) -> Self {
        Self::Unavailable
    }
}

#[derive(Clone)]
struct Endpoints {
    jwks: Url,
    introspection: Option<Url>,
    fetched: Timestamp,
}

/// What is cached.
#[derive(Clone, Default)]
struct Cache {
    keys: Option<(Arc<KeySet>, Timestamp)>,
    /// When keys were last fetched, and whether that succeeded.
    attempt: Option<(Timestamp, bool)>,
    /// Counts attempts, so that a caller that waited for one does not make another.
    attempts: u64,
}

pub(crate) struct Issuer {
    shared: Arc<Shared>,
}

struct Shared {
    identifier: String,
    metadata_urls: [String; 2],
    credentials: Option<(String, String)>,
    http_loopback: bool,
    http: Client,
    cache: RwLock<Cache>,
    endpoints: RwLock<Option<Endpoints>>,
    /// Held while keys are fetched: one fetch at a time.
    fetching: Mutex<()>,
}

impl Issuer {
    /// `url` is the parsed `identifier`.
    pub(crate) fn new(
        identifier: String,
        url: &Url,
        credentials: Option<(String, String)>,
        http_loopback: bool,
    ) -> Result<Self, Unreachable> {
        let mut http = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT);
        if url.scheme() == "http" {
            // An issuer on loopback needs no certificate roots, and a machine may have none.
            http = http.tls_certs_only([]);
        }
        let http = http.build().map_err(|error| unusable("HTTP client", &error))?;
        let origin = &url[..Position::BeforePath];
        let path = url.path().trim_end_matches('/');
        // Discovery 1.0 §4.1 appends to the issuer, RFC 8414 §3.1 inserts before its path.
        let metadata_urls = [
            format!("{origin}{path}/.well-known/openid-configuration"),
            format!("{origin}/.well-known/oauth-authorization-server{path}"),
        ];
        Ok(Self {
            shared: Arc::new(Shared {
                identifier,
                metadata_urls,
                credentials,
                http_loopback,
                http,
                cache: RwLock::default(),
                endpoints: RwLock::default(),
                fetching: Mutex::default(),
            }),
        })
    }

    pub(crate) fn identifier(&self) -> &str {
        &self.shared.identifier
    }

    pub(crate) fn may_introspect(&self) -> bool {
        self.shared.credentials.is_some()
    }

    /// The keys to verify with now.
    pub(crate) async fn keys(&self, clock: &Arc<dyn Clock>) -> Result<Arc<KeySet>, Unreachable> {
        let (cache, now) = (self.shared.cache(), clock.now());
        match cache.keys {
            Some((keys, fetched)) if now.since(fetched) < FRESH => Ok(keys),
            Some((keys, fetched)) if now.since(fetched) < STALE => {
                if cache.attempt.is_none_or(|(at, _)| now.since(at) >= REFRESH_INTERVAL) {
                    let (shared, clock) = (Arc::clone(&self.shared), Arc::clone(clock));
                    tokio::spawn(async move { shared.refresh(&*clock, cache.attempts).await });
                }
                Ok(keys)
            }
            _ => self.shared.refresh(&**clock, cache.attempts).await,
        }
    }

    /// Keys that may hold an id which `known` does not. Asks at most once in [`REFRESH_INTERVAL`]; in between, the answer
    /// is that of the last time.
    pub(crate) async fn newer_keys(
        &self,
        clock: &Arc<dyn Clock>,
        known: &Arc<KeySet>,
    ) -> Result<Arc<KeySet>, Unreachable> {
        let (cache, now) = (self.shared.cache(), clock.now());
        match (cache.keys, cache.attempt) {
            (Some((keys, _)), _) if !Arc::ptr_eq(&keys, known) => Ok(keys),
            (Some((keys, _)), Some((at, answered))) if now.since(at) < REFRESH_INTERVAL => {
                if answered {
                    Ok(keys)
                } else {
                    Err(Unreachable)
                }
            }
            _ => self.shared.refresh(&**clock, cache.attempts).await,
        }
    }

    /// Introspects `token`. Returns the issuer's response, whether the token is active or not.
    pub(crate) async fn introspect(
        &self,
        clock: &Arc<dyn Clock>,
        token: &str,
    ) -> Result<Map<String, Value>, Unreachable> {
        let shared = &self.shared;
        let endpoint = shared.endpoints(&**clock).await?.introspection;
        let (Some(endpoint), Some((client_id, client_secret))) = (endpoint, &shared.credentials) else {
            return Err(unusable("introspection", &"the issuer has no introspection endpoint"));
        };
        let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("token", token)
            .append_pair("token_type_hint", "access_token")
            .finish();
        let request = shared
            .http
            .post(endpoint)
            // RFC 6749 §2.3.1: form-encoded first, then Basic.
            .basic_auth(encode(client_id), Some(encode(client_secret)))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(body);
        shared.object(request).await?.ok_or_else(|| unusable("introspection", &"not answered with 200"))
    }
}

impl Shared {
    fn cache(&self) -> Cache {
        self.cache.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fetches the keys, unless another caller did since `seen` attempts had been made: then its result is used.
    async fn refresh(&self, clock: &dyn Clock, seen: u64) -> Result<Arc<KeySet>, Unreachable> {
        let _alone = self.fetching.lock().await;
        let cache = self.cache();
        if cache.attempts != seen {
            return match (cache.keys, cache.attempt) {
                (Some((keys, _)), Some((_, true))) => Ok(keys),
                _ => Err(Unreachable),
            };
        }
        let fetched = self.fetch_keys(clock).await.map(Arc::new);
        let now = clock.now();
        let mut cache = self.cache.write().unwrap_or_else(PoisonError::into_inner);
        cache.attempt = Some((now, fetched.is_ok()));
        cache.attempts = cache.attempts.wrapping_add(1);
        if let Ok(keys) = &fetched {
            cache.keys = Some((Arc::clone(keys), now));
        }
        fetched
    }

    async fn fetch_keys(&self, clock: &dyn Clock) -> Result<KeySet, Unreachable> {
        let endpoints = self.endpoints(clock).await?;
        let jwks = match self.object(self.http.get(endpoints.jwks)).await {
            Ok(Some(jwks)) => jwks,
            other => {
                // The endpoint may have moved: look it up again next time.
                *self.endpoints.write().unwrap_or_else(PoisonError::into_inner) = None;
                return Err(other.err().unwrap_or_else(|| unusable("keys", &"not answered with 200")));
            }
        };
        KeySet::from_jwks(&Value::Object(jwks)).map_err(|error| unusable("keys", &error))
    }

    async fn endpoints(&self, clock: &dyn Clock) -> Result<Endpoints, Unreachable> {
        let cached = self.endpoints.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(cached) = cached.filter(|cached| clock.now().since(cached.fetched) < METADATA_FRESH) {
            return Ok(cached);
        }
        let mut metadata = None;
        for url in &self.metadata_urls {
            metadata = self.object(self.http.get(url)).await?;
            if metadata.is_some() {
                break;
            }
        }
        let metadata = metadata.ok_or_else(|| unusable("metadata", &"at neither well-known path"))?;
        // Discovery 1.0 §4.3, RFC 8414 §3.3: exactly the issuer that was asked for.
        if metadata.get("issuer").and_then(Value::as_str) != Some(self.identifier.as_str()) {
            return Err(unusable("metadata", &"of another issuer"));
        }
        let url = |name: &str| match metadata.get(name) {
            None => Ok(None),
            Some(value) => value
                .as_str()
                .and_then(|text| Url::parse(text).ok())
                .filter(|url| acceptable_url(url, self.http_loopback))
                .map(Some)
                .ok_or_else(|| unusable("metadata", &name)),
        };
        let endpoints = Endpoints {
            jwks: url("jwks_uri")?.ok_or_else(|| unusable("metadata", &"no jwks_uri"))?,
            introspection: url("introspection_endpoint")?,
            fetched: clock.now(),
        };
        *self.endpoints.write().unwrap_or_else(PoisonError::into_inner) = Some(endpoints.clone());
        Ok(endpoints)
    }

    /// The JSON object in the response to `request`; `None` when the status is not 200.
    async fn object(&self, request: RequestBuilder) -> Result<Option<Map<String, Value>>, Unreachable> {
        let mut response = request.send().await.map_err(|error| unusable("answer", &error))?;
        if response.status().is_server_error() {
            return Err(unusable("answer", &response.status()));
        }
        if response.status() != StatusCode::OK {
            tracing::debug!(status = %response.status(), "the issuer refused");
            return Ok(None);
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| unusable("answer", &error))? {
            if body.len().saturating_add(chunk.len()) > MAX_ANSWER {
                return Err(unusable("answer", &"over 64 KiB"));
            }
            body.extend_from_slice(&chunk);
        }
        parse_object(&body).map(Some).map_err(|error| unusable("answer", &format_args!("{error:?}")))
    }
}

fn unusable(what: &'static str, why: &dyn std::fmt::Display) -> Unreachable {
    tracing::warn!(what, %why, "the issuer's response cannot be used");
    Unreachable
}
