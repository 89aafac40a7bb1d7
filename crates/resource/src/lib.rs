//! How an API checks the access tokens it is called with: a [`tower`] layer for axum, hyper or anything else that is a
//! `Service<http::Request<_>>`.
//!
//! | what | specification | where |
//! |---|---|---|
//! | JWT access tokens, verified locally | RFC 9068 §4, RFC 8725 | [`ResourceServer::layer`] |
//! | any access token, asked of the issuer at every call | RFC 7662 | [`ResourceServer::introspecting`] |
//! | a scope per route | RFC 6750 §3.1 | [`TokenLayer::require`] |
//! | the response to a refused call | RFC 6750 §3, RFC 9728 §5.1 | every refusal |
//! | where the caller gets a token | RFC 9728 §3 | [`ResourceServer::metadata`] |
//!
//! # Which of the two
//!
//! A token that is verified locally costs no request, and the API learns that it was revoked when it expires: ten minutes
//! with Grantwell's defaults. A token that is introspected is asked for at every call: a revocation holds at once. Choose per
//! route: reading may do with the first where writing wants the second.
//!
//! # Example
//!
//! A whole API. The handler reads who is calling from the request's extensions.
//!
//! ```
//! use axum::{Extension, Router, routing::{get, post}};
//! use grantwell_resource::{AccessToken, BuildError, ResourceServer};
//!
//! async fn list(Extension(token): Extension<AccessToken>) -> String {
//!     format!("notes of {}, read by {}", token.subject(), token.client_id())
//! }
//!
//! async fn add(Extension(token): Extension<AccessToken>, text: String) -> String {
//!     format!("{} wrote {} bytes", token.subject(), text.len())
//! }
//!
//! fn router() -> Result<Router, BuildError> {
//!     let api = ResourceServer::builder("https://login.example.test", "https://api.example.test/")
//!         .scope("notes:read")
//!         .scope("notes:write")
//!         .introspection("notes-api", "the secret of this API at the issuer")
//!         .build()?;
//!     let metadata = api.clone();
//!     Ok(Router::new()
//!         .route("/notes", get(list).layer(api.layer().require("notes:read")))
//!         .route("/notes/new", post(add).layer(api.introspecting()?.require("notes:write")))
//!         .route(api.metadata_path(), get(async move || metadata.metadata())))
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use axum::{body::Body, http::{Request, StatusCode}};
//! # use tower::ServiceExt;
//! // A call without a token learns where to get one.
//! let response = router()?.oneshot(Request::get("/notes").body(Body::empty())?).await?;
//! assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
//! assert_eq!(
//!     response.headers()["www-authenticate"],
//!     "Bearer resource_metadata=\"https://api.example.test/.well-known/oauth-protected-resource\", \
//!      scope=\"notes:read\""
//! );
//! # let response = router()?.oneshot(Request::get("/.well-known/oauth-protected-resource").body(Body::empty())?).await?;
//! # assert_eq!(response.status(), StatusCode::OK);
//! # let response = router()?.oneshot(Request::post("/notes/new").body(Body::empty())?).await?;
//! # assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
//! # Ok(())
//! # }
//! ```
//!
//! Serve it as ever: `axum::serve(listener, router()?).await?`.
//!
//! # What is refused
//!
//! | the call | response |
//! |---|---|
//! | has no bearer token | 401, no error code |
//! | has a token in the query, two `Authorization` headers, or a malformed one | 400 `invalid_request` |
//! | has a token that is forged, expired, for another API, of another issuer, of another kind, or revoked | 401 `invalid_token` |
//! | has a good token without the scope | 403 `insufficient_scope`, naming the scope |
//! | comes while the issuer cannot be asked | 503 with `Retry-After`, never 401: the client would throw a good token away |
//!
//! A token that is bound to a key (`cnf`: RFC 8705 §3.1, RFC 9449 §6.1) is refused as a bearer token, since nothing here proves
//! that the caller has the key.
#![warn(missing_docs)]

mod challenge;
mod issuer;
mod layer;
mod metadata;
mod verify;

use std::{fmt, sync::Arc, time::Duration};

use grantwell_core::{
    jose::Algorithm,
    scope::ScopeSet,
    time::{Clock, Timestamp},
};
use url::Url;

use self::{
    issuer::{Issuer, acceptable_url},
    layer::Mode,
};
pub use self::{
    layer::{TokenLayer, TokenService},
    verify::AccessToken,
};

/// The most that the API's clock and the issuer's may differ.
const MAX_CLOCK_SKEW: Duration = Duration::from_mins(1);

/// An API as a protected resource of one issuer. Cheap to clone; clones share the cached keys.
#[derive(Clone)]
pub struct ResourceServer(Arc<Inner>);

struct Inner {
    identifier: String,
    clock_skew: Duration,
    algorithms: Vec<Algorithm>,
    scopes: ScopeSet,
    issuer: Issuer,
    clock: Arc<dyn Clock>,
    metadata_path: String,
    metadata_url: String,
}

impl ResourceServer {
    /// An API whose tokens come from `issuer` and carry `identifier` as their audience. Both are compared byte for byte.
    ///
    /// ```
    /// use grantwell_resource::{BuildError, ResourceServer};
    ///
    /// let api = ResourceServer::builder("https://login.example.test", "https://api.example.test/notes").build()?;
    /// assert_eq!(api.metadata_path(), "/.well-known/oauth-protected-resource/notes");
    ///
    /// let plain = ResourceServer::builder("http://login.example.test", "https://api.example.test/notes").build();
    /// assert_eq!(plain.err(), Some(BuildError::Issuer));
    /// assert_eq!(api.introspecting().err(), Some(BuildError::NoIntrospectionCredentials));
    /// # Ok::<(), BuildError>(())
    /// ```
    pub fn builder(issuer: impl Into<String>, identifier: impl Into<String>) -> Builder {
        Builder {
            issuer: issuer.into(),
            identifier: identifier.into(),
            credentials: None,
            clock_skew: Duration::from_secs(30),
            http_loopback: false,
            algorithms: Algorithm::ALL.to_vec(),
            scopes: Vec::new(),
            clock: Arc::new(SystemClock),
        }
    }

    /// A layer that verifies JWT access tokens here (RFC 9068). One layer a route.
    pub fn layer(&self) -> TokenLayer {
        TokenLayer::new(self.clone(), Mode::Local)
    }

    /// A layer that asks the issuer about every token (RFC 7662): revocations hold at once, opaque tokens work.
    pub fn introspecting(&self) -> Result<TokenLayer, BuildError> {
        if self.0.issuer.may_introspect() {
            Ok(TokenLayer::new(self.clone(), Mode::Introspecting))
        } else {
            Err(BuildError::NoIntrospectionCredentials)
        }
    }
}

impl fmt::Debug for ResourceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResourceServer({} of {})", self.0.identifier, self.0.issuer.identifier())
    }
}

/// What a [`ResourceServer`] is made from.
pub struct Builder {
    issuer: String,
    identifier: String,
    credentials: Option<(String, String)>,
    clock_skew: Duration,
    http_loopback: bool,
    algorithms: Vec<Algorithm>,
    scopes: Vec<String>,
    clock: Arc<dyn Clock>,
}

impl Builder {
    /// The credentials of this API at the issuer's introspection endpoint (`client_secret_basic`).
    pub fn introspection(mut self, client_id: impl Into<String>, client_secret: impl Into<String>) -> Self {
        self.credentials = Some((client_id.into(), client_secret.into()));
        self
    }

    /// How far the clocks may differ. Default 30 s, at most a minute.
    pub fn clock_skew(mut self, skew: Duration) -> Self {
        self.clock_skew = skew.min(MAX_CLOCK_SKEW);
        self
    }

    /// Lets issuer and API be `http` on the loopback interface, for development.
    pub fn allow_http_loopback(mut self) -> Self {
        self.http_loopback = true;
        self
    }

    /// The signature algorithms that are accepted: by default all of [`Algorithm`].
    pub fn algorithms(mut self, algorithms: &[Algorithm]) -> Self {
        self.algorithms = algorithms.to_vec();
        self
    }

    /// A scope of this API, for its metadata (`scopes_supported`).
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(scope.into());
        self
    }

    /// The source of the current time. Default: the system's clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The resource server. Nothing is fetched before the first token comes.
    pub fn build(self) -> Result<ResourceServer, BuildError> {
        let parse = |text: &str| {
            Url::parse(text)
                .ok()
                .filter(|url| acceptable_url(url, self.http_loopback) && url.fragment().is_none())
        };
        let issuer = parse(&self.issuer).filter(|url| url.query().is_none()).ok_or(BuildError::Issuer)?;
        let resource = parse(&self.identifier).ok_or(BuildError::Identifier)?;
        let scopes = ScopeSet::parse(&self.scopes.join(" ")).map_err(|_| BuildError::Scope)?;
        let (metadata_path, metadata_url) = metadata::location(&resource);
        let issuer = Issuer::new(self.issuer, &issuer, self.credentials, self.http_loopback)
            .map_err(|_| BuildError::HttpClient)?;
        Ok(ResourceServer(Arc::new(Inner {
            identifier: self.identifier,
            clock_skew: self.clock_skew,
            algorithms: self.algorithms,
            scopes,
            issuer,
            clock: self.clock,
            metadata_path,
            metadata_url,
        })))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Builder({} of {})", self.identifier, self.issuer)
    }
}

/// Why a [`ResourceServer`] cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuildError {
    /// The issuer is not an `https` URL without query and fragment (RFC 8414 §2), nor an allowed loopback one.
    Issuer,
    /// The identifier is not an `https` URL without fragment (RFC 9728 §1.2), nor an allowed loopback one.
    Identifier,
    /// A scope has a character that scopes cannot have (RFC 6749 appendix A.4).
    Scope,
    /// Introspection needs [`Builder::introspection`].
    NoIntrospectionCredentials,
    /// No HTTP client could be made: the system has no usable certificate roots.
    HttpClient,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Issuer => "the issuer must be an https URL without query and fragment (http only on loopback, if allowed)",
            Self::Identifier => {
                "the resource identifier must be an https URL without fragment (http only on loopback, if allowed)"
            }
            Self::Scope => "a scope has a character that scopes cannot have",
            Self::NoIntrospectionCredentials => "introspection needs the API's client credentials",
            Self::HttpClient => "no HTTP client could be made",
        })
    }
}

impl std::error::Error for BuildError {}

struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the default clock")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::default() + since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(issuer: &str, identifier: &str) -> Result<ResourceServer, BuildError> {
        ResourceServer::builder(issuer, identifier).build()
    }

    #[test]
    fn plain_http_is_for_loopback_and_only_when_allowed() {
        assert!(build("https://as.example", "https://api.example/").is_ok());
        assert_eq!(build("http://as.example", "https://api.example/").err(), Some(BuildError::Issuer));
        assert_eq!(build("http://127.0.0.1:1", "https://api.example/").err(), Some(BuildError::Issuer));
        assert_eq!(build("https://as.example", "http://localhost/").err(), Some(BuildError::Identifier));
        let allowed = |issuer: &str, identifier: &str| {
            ResourceServer::builder(issuer, identifier).allow_http_loopback().build().err()
        };
        assert_eq!(allowed("http://localhost:8080", "http://127.0.0.1:8082/"), None);
        assert_eq!(allowed("http://[::1]:8080", "http://127.1.2.3/"), None);
        for other in [
            "http://as.example",
            "http://10.0.0.1",
            "http://localhost.example",
            "ftp://localhost",
            "localhost",
        ] {
            assert_eq!(allowed(other, "http://127.0.0.1/"), Some(BuildError::Issuer), "{other}");
        }
        assert_eq!(allowed("https://as.example/?a=b", "https://api.example/"), Some(BuildError::Issuer));
        assert_eq!(allowed("https://as.example/", "https://api.example/#a"), Some(BuildError::Identifier));
    }

    #[test]
    fn introspection_needs_credentials_and_scopes_are_scopes() {
        let server = build("https://as.example", "https://api.example/").unwrap();
        assert_eq!(server.introspecting().err(), Some(BuildError::NoIntrospectionCredentials));
        let builder = ResourceServer::builder("https://as.example", "https://api.example/");
        assert_eq!(builder.scope("a\"b").build().err(), Some(BuildError::Scope));
    }

    #[test]
    fn q_03_debug_shows_no_secret() {
        let builder = ResourceServer::builder("https://as.example", "https://api.example/")
            .introspection("id", "hidden");
        assert!(!format!("{builder:?}").contains("hidden"));
        assert!(!format!("{:?}", builder.build().unwrap()).contains("hidden"));
    }
}
