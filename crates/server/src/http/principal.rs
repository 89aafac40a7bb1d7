//! Who may use a route: the check of each class of the route table, which stands before the handler, and the principal that the
//! handler's extractor hands out. Nothing else makes one.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Request},
    http::{HeaderMap, Method, request::Parts},
    middleware::Next,
};
use grantwell_core::{
    client_auth::{self, ClientAuthRefusal},
    error::Refusal as _,
    interaction::{browser::WhoIsSignedIn, pending::Handle},
    secret::Digest,
    store::Purpose,
};

use crate::{
    app::App,
    http::{
        browser::Browser,
        client::authorization,
        exchange::Exchange,
        interaction_pages::Asking,
        proceed::proceed,
        renderer::Renderer,
        response::{Response, see_other, set_static, unregistered_error},
    },
    pages::error::Cause,
};

/// A person who is signed in: the principal of routes for users. Which one it is now, the step of the route says.
#[derive(Clone)]
pub(crate) struct Person(());

/// The back end of the external login UI: the principal of routes for it.
#[derive(Clone)]
pub(crate) struct LoginUiBackEnd(());

/// A person is signed in in this browser. Without one, a page answers with the sign-in form.
pub(crate) async fn check_person(
    x: Exchange,
    headers: HeaderMap,
    mut request: Request,
    next: Next,
) -> Response {
    let mut browser = Browser::read(&x, &headers);
    match x.run(&WhoIsSignedIn(&browser.cookies)).await {
        Err(why) => return Renderer::new(&x, &headers, &[]).unavailable(&why),
        Ok(ran) => {
            let Ok(person) = ran.result;
            if person.is_some() {
                request.extensions_mut().insert(Person(()));
                return next.run(request).await;
            }
        }
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return see_other(&x.realm.policy.url("/account"));
    }
    let digest = browser.transaction_digest(&x);
    let handle = Handle::begin(Purpose::Account, Some(digest), &x.context(&x.realm.current()));
    proceed(&x, &headers, Some(handle), browser, Asking::Plainly).await
}

/// The credential of the external login UI: 401 without it; 404 where no external login UI is configured.
pub(crate) async fn check_login_ui(
    x: Exchange,
    headers: HeaderMap,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(login_ui) = &x.app.login_ui else {
        let public = ("not_found", "no external login UI is configured");
        return unregistered_error(&x, 404, public, "no_login_ui");
    };
    let presented = match authorization(&headers).as_slice() {
        [one] => client_auth::read_basic(one),
        [] => Err(ClientAuthRefusal::Missing),
        _ => Err(ClientAuthRefusal::TwoMethods),
    };
    let unread = presented.as_ref().err().map(ClientAuthRefusal::reason);
    // Compared with nothing where nothing was sent: every refusal costs the same.
    let (id, secret) = presented.unwrap_or_default();
    let genuine = Digest::of(secret.as_bytes()) == login_ui.client_secret;
    if genuine && id == login_ui.client_id {
        request.extensions_mut().insert(LoginUiBackEnd(()));
        return next.run(request).await;
    }
    let known = if id == login_ui.client_id { "wrong_secret" } else { "unknown_client" };
    let public = ("invalid_client", "the credential is not that of the external login UI");
    let mut response = unregistered_error(&x, 401, public, unread.unwrap_or(known));
    set_static(&mut response, "www-authenticate", "Basic realm=\"interaction\"");
    response
}

/// What a handler gets whose route has no check: nothing. A route of another class cannot use it by mistake.
fn unchecked(x: &Exchange, headers: &HeaderMap) -> Response {
    Renderer::new(x, headers, &[]).error(403, Cause::AccessDenied, "no_principal")
}

impl FromRequestParts<Arc<App>> for Person {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let Ok(x) = Exchange::from_request_parts(parts, app).await;
        parts.extensions.get::<Self>().cloned().ok_or_else(|| unchecked(&x, &parts.headers))
    }
}

impl FromRequestParts<Arc<App>> for LoginUiBackEnd {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let Ok(x) = Exchange::from_request_parts(parts, app).await;
        parts.extensions.get::<Self>().cloned().ok_or_else(|| unchecked(&x, &parts.headers))
    }
}
