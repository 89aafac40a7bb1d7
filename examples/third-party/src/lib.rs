//! Fieldnotes, an example third party on an origin of its own: a single-page application in plain modules, and its
//! back end. It shows four clients, one button each:
//!
//! 1. the SPA is a public client and redeems its own code (RFC 7636; tokens live in the page's memory only);
//! 2. the SPA hands code and verifier to its back end, a confidential client that keeps every token (`client_secret_basic`);
//! 3. a classic server-side web application without PKCE (`client_secret_post`), which needs no JavaScript;
//! 4. a machine (RFC 6749 §4.4).
//!
//! Left out on purpose: a database (sessions are in memory, bounded, and gone with the process) and any library for
//! the protocol, so that every request can be read where it is made.
#![warn(missing_docs)]

mod backend;
mod connection;
mod guard;
mod id_token;
mod issuer;
mod machine;
mod page;
mod session;
mod web;

use std::{fmt, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{get, post},
};
use grantwell_core::time::{Clock, Entropy};
use tokio::sync::Mutex;

use crate::{
    connection::IssuerConnection,
    issuer::{ClientAuthentication, ClientRegistration, IssuerClient},
    session::Sessions,
};

/// What every sign-in asks for.
pub const SCOPE: &str = "openid profile email offline_access notes:read notes:write";
/// What the machine asks for: there is no person it could identify.
pub const MACHINE_SCOPE: &str = "notes:read notes:write";
/// `client_id` of shape 1: public, PKCE.
pub const SPA_CLIENT: &str = "fieldnotes-spa";
/// `client_id` of shape 2: `client_secret_basic`, PKCE.
pub const BACKEND_CLIENT: &str = "fieldnotes-backend";
/// `client_id` of shape 3: `client_secret_post`, PKCE waived.
pub const WEB_CLIENT: &str = "fieldnotes-web";
/// `client_id` of shape 4: `client_credentials`, `client_secret_basic`.
pub const MACHINE_CLIENT: &str = "fieldnotes-machine";

/// Redirect URI of shape 1.
pub fn spa_redirect_uri(origin: &str) -> String {
    format!("{origin}/callback/spa")
}

/// Redirect URI of shape 2.
pub fn backend_redirect_uri(origin: &str) -> String {
    format!("{origin}/callback/backend")
}

/// Redirect URI of shape 3.
pub fn web_redirect_uri(origin: &str) -> String {
    format!("{origin}/web/callback")
}

/// Where every shape comes back to after signing out.
pub fn post_logout_redirect_uri(origin: &str) -> String {
    format!("{origin}/signed-out")
}

/// A client secret; `Debug` does not show it.
#[derive(Clone)]
pub struct ClientSecret(pub String);

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(…)")
    }
}

/// The secrets of the three confidential clients; their ids are the constants of this crate.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// Of [`BACKEND_CLIENT`].
    pub backend: ClientSecret,
    /// Of [`WEB_CLIENT`].
    pub web: ClientSecret,
    /// Of [`MACHINE_CLIENT`].
    pub machine: ClientSecret,
}

/// What the third party has to know about its surroundings.
#[derive(Clone)]
pub struct ThirdPartyConfig {
    /// Own origin, without a slash at the end.
    pub origin: String,
    /// The issuer, exactly as its metadata states it.
    pub issuer: String,
    /// Base URL of the API, without a slash at the end.
    pub api: String,
    /// The registered identifier of the API (RFC 8707): the audience to ask for.
    pub resource: String,
    /// Of the confidential clients.
    pub secrets: Secrets,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// State, nonce and session ids.
    pub entropy: Arc<dyn Entropy>,
}

/// How long a session lives on the server side; the refresh token in it may live longer.
const SESSION_LIFE: Duration = Duration::from_hours(8);
/// How long a person may take to sign in.
const TRANSACTION_LIFE: Duration = Duration::from_mins(15);
/// Sessions and pending sign-ins held at once; the oldest goes first.
const SESSIONS: usize = 1000;
const MAX_BODY: usize = 16 * 1024;

pub(crate) type SharedConnection = Arc<Mutex<IssuerConnection>>;

/// Everything a handler needs.
pub(crate) struct ThirdPartyApp {
    pub(crate) config: ThirdPartyConfig,
    pub(crate) issuer: IssuerClient,
    pub(crate) backend: ClientRegistration,
    pub(crate) web: ClientRegistration,
    pub(crate) machine: ClientRegistration,
    pub(crate) backend_sessions: Sessions<SharedConnection>,
    pub(crate) web_sessions: Sessions<SharedConnection>,
    pub(crate) web_transactions: Sessions<web::Transaction>,
}

impl ThirdPartyApp {
    fn new(config: ThirdPartyConfig) -> Self {
        let client = |id: &str, secret: &ClientSecret, authentication| ClientRegistration {
            id: id.to_owned(),
            secret: secret.clone(),
            authentication,
        };
        Self {
            issuer: IssuerClient::new(&config.issuer),
            backend: client(BACKEND_CLIENT, &config.secrets.backend, ClientAuthentication::Basic),
            web: client(WEB_CLIENT, &config.secrets.web, ClientAuthentication::Post),
            machine: client(MACHINE_CLIENT, &config.secrets.machine, ClientAuthentication::Basic),
            backend_sessions: Sessions::new(SESSION_LIFE, SESSIONS),
            web_sessions: Sessions::new(SESSION_LIFE, SESSIONS),
            web_transactions: Sessions::new(TRANSACTION_LIFE, SESSIONS),
            config,
        }
    }
}

/// The whole third party, to be served at `config.origin`.
pub fn router(config: ThirdPartyConfig) -> Router {
    let app = Arc::new(ThirdPartyApp::new(config));
    let pages = Router::new()
        .route("/", get(page::home))
        .route("/spa", get(page::home))
        .route("/backend", get(page::home))
        .route("/machine", get(page::home))
        .route("/callback/spa", get(page::home))
        .route("/callback/backend", get(page::home))
        .route("/signed-out", get(page::signed_out))
        .route("/config.json", get(page::config))
        .route("/assets/{name}", get(page::asset));
    let backend = Router::new()
        .route("/backend/session", get(backend::session))
        .route("/backend/exchange", post(backend::exchange))
        .route("/backend/call", post(backend::call))
        .route("/backend/note", post(backend::note))
        .route("/backend/refresh", post(backend::refresh))
        .route("/backend/spoil", post(backend::spoil))
        .route("/backend/sign-out", post(backend::sign_out));
    let web = Router::new()
        .route("/web", get(web::overview))
        .route("/web/start", post(web::start))
        .route("/web/callback", get(web::callback))
        .route("/web/call", post(web::call))
        .route("/web/note", post(web::note))
        .route("/web/refresh", post(web::refresh))
        .route("/web/spoil", post(web::spoil))
        .route("/web/sign-out", post(web::sign_out));
    let machine = Router::new()
        .route("/machine/call", post(machine::call))
        .route("/machine/note", post(machine::note))
        .route("/machine/spoil", post(machine::spoil));
    pages
        .merge(backend)
        .merge(web)
        .merge(machine)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), guard::same_origin))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), guard::headers))
        .with_state(app)
}
