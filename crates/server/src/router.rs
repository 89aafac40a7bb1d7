//! Every route on one page, with who may use it and whether other origins may call it from a browser.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, Uri, header},
    middleware::{self, Next},
    routing::{MethodRouter, get, post},
};
use grantwell_core::discovery::path;
use tower_http::catch_panic::CatchPanicLayer;

use crate::{
    app::{App, ErrorAudience},
    http::{
        account, assets, authorize, consent, discovery, end_session,
        exchange::Exchange,
        health, interaction, introspect, principal,
        renderer::Renderer,
        response::{self, Response, set},
        revoke, select_account, sign_in, token, userinfo,
    },
    pages::error::Cause,
    telemetry,
};

/// Longest request target; longer ones are 414.
const LONGEST_TARGET: usize = 8 * 1024;

/// Who may use a route. The check of the class stands before the handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Anybody, or a client with its own credential.
    Public,
    /// A person who is signed in.
    User,
    /// The back end of the external login UI, with a credential of its own.
    LoginUi,
}

/// Whether a page of another origin may call a route and read the response. Never with cookies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cors {
    /// `*`, without credentials: a preflight names no client, so it cannot be narrower.
    Any,
    /// No.
    None,
}

struct Route {
    path: &'static str,
    class: Class,
    cors: Cors,
    methods: MethodRouter<Arc<App>>,
}

fn public(path: &'static str, cors: Cors, methods: MethodRouter<Arc<App>>) -> Route {
    Route { path, class: Class::Public, cors, methods }
}

fn user(path: &'static str, methods: MethodRouter<Arc<App>>) -> Route {
    Route { path, class: Class::User, cors: Cors::None, methods }
}

fn login_ui(path: &'static str, methods: MethodRouter<Arc<App>>) -> Route {
    Route { path, class: Class::LoginUi, cors: Cors::None, methods }
}

fn routes() -> Vec<Route> {
    use Cors::{Any, None};
    vec![
        public(path::OPENID_CONFIGURATION, Any, get(discovery::metadata)),
        public(path::AUTHORIZATION_SERVER, Any, get(discovery::metadata)),
        public(path::JWKS, Any, get(discovery::jwks)),
        public(path::AUTHORIZE, None, get(authorize::get).post(authorize::post)),
        public("/authorize/resume", None, get(authorize::resume)),
        public("/sign-in", None, post(sign_in::post)),
        public("/select-account", None, post(select_account::post)),
        public("/consent", None, post(consent::post)),
        public(path::TOKEN, Any, post(token::post)),
        public("/oauth/token", Any, post(token::post)),
        public(path::USERINFO, Any, get(userinfo::respond).post(userinfo::respond)),
        public(path::INTROSPECT, None, post(introspect::post)),
        public(path::REVOKE, Any, post(revoke::post)),
        public(path::END_SESSION, None, get(end_session::get).post(end_session::post)),
        public("/assets/{name}", None, get(assets::get)),
        public("/healthz", None, get(health::alive)),
        public("/readyz", None, get(health::ready)),
        user("/account", get(account::get)),
        user("/account/disconnect", post(account::disconnect)),
        user("/account/sign-out", post(account::sign_out)),
        login_ui("/interaction/{id}", get(interaction::get).post(interaction::post)),
    ]
}

/// The whole server as one service.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let mut router = Router::new();
    for route in routes() {
        tracing::trace!(path = route.path, class = ?route.class, "route");
        let methods = with_check(app, route.class, route.methods);
        router = router.route(route.path, with_cors(route.cors, methods));
    }
    layered(router, app)
}

/// Routes with all that stands around every one.
pub(crate) fn layered(routes: Router<Arc<App>>, app: &Arc<App>) -> Router {
    routes
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .layer(middleware::from_fn_with_state(Arc::clone(app), guard))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(Arc::clone(app), telemetry::observe))
        .with_state(Arc::clone(app))
}

/// The path of every route.
#[cfg(test)]
pub(crate) fn paths() -> Vec<&'static str> {
    routes().iter().map(|route| route.path).collect()
}

/// What a management listener serves: metrics here only, health on both.
pub(crate) fn management(app: &Arc<App>, metrics: telemetry::Metrics) -> Router {
    let page = move || async move {
        let mut reply = response::response(200, metrics.render());
        set(&mut reply, "content-type", "text/plain; version=0.0.4; charset=utf-8");
        response::plain_headers(&mut reply);
        reply
    };
    Router::new()
        .route("/metrics", get(page))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .with_state(Arc::clone(app))
}

/// The check that stands before the handlers of a class.
fn with_check(app: &Arc<App>, class: Class, methods: MethodRouter<Arc<App>>) -> MethodRouter<Arc<App>> {
    let app = Arc::clone(app);
    match class {
        Class::Public => methods,
        Class::User => methods.layer(middleware::from_fn_with_state(app, principal::check_person)),
        Class::LoginUi => methods.layer(middleware::from_fn_with_state(app, principal::check_login_ui)),
    }
}

fn with_cors(cors: Cors, methods: MethodRouter<Arc<App>>) -> MethodRouter<Arc<App>> {
    match cors {
        Cors::None => methods,
        Cors::Any => methods.options(preflight).layer(middleware::map_response(allow_any_origin)),
    }
}

async fn preflight() -> Response {
    let mut reply = response::response(204, Body::empty());
    set(&mut reply, "access-control-allow-methods", "GET, POST");
    set(&mut reply, "access-control-allow-headers", "authorization, content-type, mcp-protocol-version");
    set(&mut reply, "access-control-max-age", "600");
    response::plain_headers(&mut reply);
    reply
}

async fn allow_any_origin(mut reply: Response) -> Response {
    set(&mut reply, "access-control-allow-origin", "*");
    set(&mut reply, "access-control-expose-headers", "www-authenticate");
    reply
}

/// After a request in chunks the connection ends: a `Content-Length` beside them, which hyper drops, may be what somebody in
/// front has read (RFC 9112 §6.1; catalogue H-01).
async fn guard(x: Exchange, request: Request, next: Next) -> Response {
    let in_chunks = request.headers().contains_key(header::TRANSFER_ENCODING);
    let mut reply = guarded(x, request, next).await;
    if in_chunks {
        set(&mut reply, "connection", "close");
    }
    reply
}

/// What is refused before it reaches an endpoint: a target that is too long, two `Host` headers, a transfer
/// encoding that is not read here, HEAD where a GET would issue a code (catalogue A-05, H-06, H-01, C-10).
async fn guarded(x: Exchange, request: Request, next: Next) -> Response {
    let renderer = Renderer::new(&x, request.headers(), &[]);
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > LONGEST_TARGET {
        return renderer.error(414, Cause::InvalidRequest, "target_too_long");
    }
    if request.headers().get_all(header::HOST).iter().count() > 1 {
        return renderer.error(400, Cause::InvalidRequest, "two_host_headers");
    }
    if !is_encoding_understood(request.headers()) {
        return renderer.error(400, Cause::InvalidRequest, "transfer_encoding");
    }
    if request.method() == Method::HEAD && !is_plain_document(request.uri().path()) {
        return not_allowed(x.clone(), request.headers().clone()).await;
    }
    if let Some(uri) = canonical(&x.app, request.method(), request.headers(), request.uri()) {
        return response::see_other(&uri);
    }
    next.run(request).await
}

/// No `Transfer-Encoding`, or `chunked` alone (RFC 9112 §6.1).
fn is_encoding_understood(headers: &HeaderMap) -> bool {
    let mut encodings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (encodings.next(), encodings.next()) {
        (None, _) => true,
        (Some(one), None) => one.as_bytes().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    }
}

fn is_plain_document(path: &str) -> bool {
    path.starts_with("/.well-known/")
        || path.starts_with("/assets/")
        || ["/jwks", "/healthz", "/readyz"].contains(&path)
}

/// In development, a page that was opened by address goes on under the issuer's name: cookies need one name.
fn canonical(app: &App, method: &Method, headers: &HeaderMap, uri: &Uri) -> Option<String> {
    if app.audience != ErrorAudience::Developers || method != Method::GET || is_plain_document(uri.path()) {
        return None;
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok())?;
    let by_address = host.starts_with("127.0.0.1:") || host.starts_with("[::1]:");
    let is_page = ["/authorize", "/account", "/end_session"].iter().any(|page| uri.path().starts_with(page));
    let target = uri.path_and_query().map(|target| target.as_str())?;
    (by_address && is_page && !app.realm.policy.issuer.contains(host)).then(|| app.realm.policy.url(target))
}

async fn not_found(x: Exchange, headers: HeaderMap) -> Response {
    Renderer::new(&x, &headers, &[]).error(404, Cause::NotFound, "not_found")
}

async fn not_allowed(x: Exchange, headers: HeaderMap) -> Response {
    Renderer::new(&x, &headers, &[]).error(405, Cause::MethodNotAllowed, "method_not_allowed")
}

fn panicked(_: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let mut reply = response::response(500, "{\"error\":\"server_error\"}");
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    set(&mut reply, "cache-control", "no-store");
    response::plain_headers(&mut reply);
    reply
}
