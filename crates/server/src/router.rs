//! Every route on one page, with who may use it and whether other origins may call it from a browser.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, LazyLock},
};

use axum::{
    Router,
    body::Body,
    extract::{MatchedPath, Request},
    handler::Handler,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    middleware::{self, Next},
    routing::{self, MethodRouter},
};
use futures_util::FutureExt;
use grantwell_core::discovery::path;

use crate::{
    app::{App, ErrorAudience},
    http::{
        account, assets, authorize, consent, discovery, end_session,
        exchange::Exchange,
        health, interaction, introspect, principal,
        response::{self, Response, set, set_static},
        revoke, select_account, sign_in, token,
        unrouted::Unrouted,
        userinfo,
    },
    telemetry::{self, Observed},
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
    methods: Methods,
}

fn public(path: &'static str, cors: Cors, methods: Methods) -> Route {
    Route { path, class: Class::Public, cors, methods }
}

fn user(path: &'static str, methods: Methods) -> Route {
    Route { path, class: Class::User, cors: Cors::None, methods }
}

fn login_ui(path: &'static str, methods: Methods) -> Route {
    Route { path, class: Class::LoginUi, cors: Cors::None, methods }
}

/// The handlers of a route and the names of their methods.
struct Methods {
    handlers: MethodRouter<Arc<App>>,
    names: Vec<&'static str>,
}

impl Methods {
    fn post<H: Handler<T, Arc<App>>, T: 'static>(mut self, handler: H) -> Self {
        self.names.push("POST");
        Self { handlers: self.handlers.post(handler), ..self }
    }
}

fn get<H: Handler<T, Arc<App>>, T: 'static>(handler: H) -> Methods {
    Methods { handlers: routing::get(handler), names: vec!["GET", "HEAD"] }
}

fn post<H: Handler<T, Arc<App>>, T: 'static>(handler: H) -> Methods {
    Methods { handlers: routing::post(handler), names: vec!["POST"] }
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
        let methods = with_check(app, route.class, route.methods.handlers);
        router = router.route(route.path, methods);
    }
    layered(router, app)
}

/// Routes with all that stands around every one.
pub(crate) fn layered(routes: Router<Arc<App>>, app: &Arc<App>) -> Router {
    routes
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .layer(middleware::from_fn_with_state(Arc::clone(app), around))
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
        set_static(&mut reply, "content-type", "text/plain; version=0.0.4; charset=utf-8");
        response::plain_headers(&mut reply);
        reply
    };
    Router::new()
        .route("/metrics", routing::get(page))
        .route("/healthz", routing::get(health::alive))
        .route("/readyz", routing::get(health::ready))
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

/// The paths of the routes that other origins may call.
static SHARED: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let shared = |route: &Route| match route.cors {
        Cors::Any => true,
        Cors::None => false,
    };
    routes().iter().filter(|route| shared(route)).map(|route| route.path).collect()
});

/// Whether other origins may read the response at a path: at a route that they may call, and at what is beneath it or beside
/// it and is not found. A browser tells its script nothing else, not even that a document does not exist.
fn is_shared(path: &str) -> bool {
    let at_or_beneath = |shared: &&str| {
        path.strip_prefix(*shared).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    path.starts_with("/.well-known/") || SHARED.iter().any(at_or_beneath)
}

/// Request headers that scripts send: those of OAuth and of MCP, and what tracing adds to every request. The names are
/// listed, since a wildcard would not cover `Authorization`.
const SENT_BY_SCRIPTS: &str = "accept, authorization, content-type, dpop, last-event-id, mcp-protocol-version, \
                               mcp-session-id, x-requested-with, traceparent, tracestate, baggage, b3, x-b3-traceid, \
                               x-b3-spanid, x-b3-parentspanid, x-b3-sampled, x-b3-flags, sentry-trace, request-id, \
                               x-request-id, x-correlation-id, uber-trace-id, newrelic, x-datadog-trace-id, \
                               x-datadog-parent-id, x-datadog-origin, x-datadog-sampling-priority, x-datadog-tags, \
                               x-amzn-trace-id, x-cloud-trace-context";

fn preflight() -> Response {
    let mut reply = response::response(204, Body::empty());
    set_static(&mut reply, "access-control-allow-methods", "GET, HEAD, POST");
    set_static(&mut reply, "access-control-allow-headers", SENT_BY_SCRIPTS);
    set_static(&mut reply, "access-control-max-age", "600");
    response::plain_headers(&mut reply);
    reply
}

/// Around every request: what is refused before any endpoint, the headers that every response has, the log line and the sample. One
/// layer, because each costs about a microsecond.
///
/// Scripts may read every response of a shared path, also that of no handler. The connection ends after a request with
/// `Transfer-Encoding: chunked`. Such a request may have a `Content-Length` too: hyper ignores it, but a proxy may have used it, and then the
/// two disagree about where the next request begins (RFC 9112 §6.1; catalogue H-01).
async fn around(x: Exchange, mut request: Request, next: Next) -> Response {
    let observed = Observed::begin(&request);
    let is_shared = is_shared(request.uri().path());
    let in_chunks = request.headers().contains_key(header::TRANSFER_ENCODING);
    let route = request.extensions().get::<MatchedPath>().cloned();
    request.extensions_mut().insert(x.clone());
    let handled = async {
        match before(&x, &request) {
            Some(reply) => reply,
            None => next.run(request).await,
        }
    };
    // A panic is one 500, not a lost connection.
    let mut reply = AssertUnwindSafe(handled).catch_unwind().await.unwrap_or_else(|_| panicked());
    if reply.status() == StatusCode::METHOD_NOT_ALLOWED {
        let allowed = route.and_then(|route| allowed(route.as_str()));
        set(&mut reply, "allow", &allowed.unwrap_or_default());
    }
    if in_chunks {
        set_static(&mut reply, "connection", "close");
    }
    if is_shared {
        set_static(&mut reply, "access-control-allow-origin", "*");
        set_static(
            &mut reply,
            "access-control-expose-headers",
            "www-authenticate, retry-after, allow, x-trace-id",
        );
    }
    if let Some(covered) = x.app.hsts.header().filter(|_| x.realm.is_https()) {
        set_static(&mut reply, "strict-transport-security", covered);
    }
    set(&mut reply, "x-trace-id", &x.origin.trace_id);
    observed.end(&x, reply.status().as_u16());
    reply
}

/// Where a GET does something: HEAD is refused.
static WITHOUT_HEAD: [&str; 3] = [path::AUTHORIZE, "/authorize/resume", path::END_SESSION];

/// The methods of every route.
static METHODS: LazyLock<Vec<(&'static str, Vec<&'static str>)>> =
    LazyLock::new(|| routes().into_iter().map(|route| (route.path, route.methods.names)).collect());

/// The methods that a 405 of a route allows (RFC 9110 §15.5.6).
fn allowed(route: &str) -> Option<String> {
    let (_, names) = METHODS.iter().find(|(known, _)| *known == route)?;
    let is_offered = |name: &&str| *name != "HEAD" || !WITHOUT_HEAD.contains(&route);
    let options = is_shared(route).then_some("OPTIONS");
    Some(names.iter().copied().filter(is_offered).chain(options).collect::<Vec<_>>().join(", "))
}

/// What is refused before it reaches an endpoint: a target that is too long, two `Host` headers, a transfer
/// encoding that is not read here, HEAD where a GET would issue a code (catalogue A-05, H-06, H-01, C-10).
fn before(x: &Exchange, request: &Request) -> Option<Response> {
    let (headers, uri) = (request.headers(), request.uri());
    let path = uri.path();
    let refuse = |why: Unrouted| Some(why.response(x, headers, path));
    if uri.path_and_query().map_or(0, |target| target.as_str().len()) > LONGEST_TARGET {
        return refuse(Unrouted::TargetTooLong);
    }
    if headers.get_all(header::HOST).iter().count() > 1 {
        return refuse(Unrouted::TwoHosts);
    }
    if !is_encoding_understood(headers) {
        return refuse(Unrouted::TransferEncoding);
    }
    if request.method() == Method::HEAD && WITHOUT_HEAD.contains(&path) {
        return refuse(Unrouted::MethodNotAllowed);
    }
    if request.method() == Method::OPTIONS {
        let asks_first = headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if SHARED.contains(&path) || (asks_first && is_shared(path)) {
            return Some(preflight());
        }
    }
    canonical(&x.app, request.method(), headers, uri).map(|uri| response::see_other(&uri))
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
    let reads = matches!(*method, Method::GET | Method::HEAD);
    if app.audience != ErrorAudience::Developers || !reads || is_plain_document(uri.path()) {
        return None;
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok())?;
    let by_address = host.starts_with("127.0.0.1:") || host.starts_with("[::1]:");
    let is_page = ["/authorize", "/account", "/end_session"].iter().any(|page| uri.path().starts_with(page));
    let target = uri.path_and_query().map(|target| target.as_str())?;
    (by_address && is_page && !app.realm.policy.issuer.contains(host)).then(|| app.realm.policy.url(target))
}

async fn not_found(x: Exchange, headers: HeaderMap, uri: Uri) -> Response {
    Unrouted::NotFound.response(&x, &headers, uri.path())
}

async fn not_allowed(x: Exchange, headers: HeaderMap, uri: Uri) -> Response {
    Unrouted::MethodNotAllowed.response(&x, &headers, uri.path())
}

fn panicked() -> Response {
    let mut reply = response::response(500, "{\"error\":\"server_error\"}");
    set_static(&mut reply, "content-type", "application/json");
    set_static(&mut reply, "cache-control", "no-store");
    response::plain_headers(&mut reply);
    reply
}
