//! Shape 3: a classic web application. The server makes `state` and `nonce`, keeps them beside a cookie until the browser
//! comes back, redeems the code with `client_secret` in the body and without PKCE (this client is registered with
//! `require_pkce = false`; `nonce` is what then ties the code to this browser, OpenID Connect Core 1.0 §3.1.2.1).
//! Every page is HTML and every action a form: no script.

use std::sync::Arc;

use axum::{
    Form,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use grantwell_core::secret::Secret;
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::{
    SCOPE, SharedConnection, ThirdPartyApp,
    backend::NoteForm,
    connection::{ConnectionView, IssuerConnection, Notice},
    guard::Cookie,
    issuer::{Log, Trouble},
    page,
    session::encode,
    web_redirect_uri,
};

/// A sign-in on its way.
#[derive(Clone)]
pub(crate) struct Transaction {
    state: Secret,
    nonce: Secret,
    /// For the log that the page shows.
    request: Log,
}

/// An authorization response (RFC 6749 §4.1.2, RFC 9207 §2).
#[derive(Deserialize)]
pub(crate) struct Callback {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

pub(crate) async fn start(State(app): State<Arc<ThirdPartyApp>>) -> Response {
    let secret = || Secret::random(&*app.config.entropy);
    let (id, state, nonce) = (secret(), secret(), secret());
    let redirect_uri = web_redirect_uri(&app.config.origin);
    let (state_text, nonce_text) = (encode(&state), encode(&nonce));
    let parameters = [
        ("response_type", "code"),
        ("client_id", app.web.id.as_str()),
        ("redirect_uri", redirect_uri.as_str()),
        ("scope", SCOPE),
        ("resource", app.config.resource.as_str()),
        ("state", state_text.as_str()),
        ("nonce", nonce_text.as_str()),
    ];
    match app.issuer.authorize(&parameters).await {
        Err(trouble) => refused(&app, &trouble, Log::new()),
        Ok((url, line)) => {
            let transaction = Transaction { state, nonce, request: vec![line] };
            app.web_transactions.insert(&id, transaction, app.config.clock.now());
            ([Cookie::TRANSACTION.set(&app, &id)], Redirect::to(&url)).into_response()
        }
    }
}

pub(crate) async fn callback(
    State(app): State<Arc<ThirdPartyApp>>,
    headers: HeaderMap,
    Query(response): Query<Callback>,
) -> Response {
    let now = app.config.clock.now();
    let pending = Cookie::TRANSACTION.read(&app, &headers);
    let Some(transaction) = pending.and_then(|id| app.web_transactions.take(&id, now)) else {
        let trouble =
            Trouble::Untrusted("this sign-in was not started in this browser, or too long ago".to_owned());
        return refused(&app, &trouble, Log::new());
    };
    let mut log = transaction.request.clone();
    match redeem(&app, &transaction, response, &mut log).await {
        Err(trouble) => refused(&app, &trouble, log),
        Ok(connection) => {
            if let Some(old) = Cookie::WEB.read(&app, &headers) {
                app.web_sessions.take(&old, now);
            }
            let id = Secret::random(&*app.config.entropy);
            app.web_sessions.insert(&id, Arc::new(Mutex::new(connection)), now);
            let mut response = Redirect::to("/web").into_response();
            for (name, line) in [Cookie::WEB.set(&app, &id), Cookie::TRANSACTION.clear(&app)] {
                if let Ok(line) = line.parse() {
                    response.headers_mut().append(name, line);
                }
            }
            response
        }
    }
}

async fn redeem(
    app: &ThirdPartyApp,
    transaction: &Transaction,
    response: Callback,
    log: &mut Log,
) -> Result<IssuerConnection, Trouble> {
    let untrusted = |why: &str| Trouble::Untrusted(why.to_owned());
    // RFC 6749 §10.12: before anything else in the response is used, an error included.
    let state = response.state.as_deref().and_then(crate::session::decode);
    if state.as_ref() != Some(&transaction.state) {
        return Err(untrusted("the state is not the one this browser was sent away with"));
    }
    // RFC 9207 §2.4.
    if response.iss.as_deref() != Some(app.config.issuer.as_str()) {
        return Err(untrusted("another issuer responded"));
    }
    if let Some(error) = response.error {
        return Err(Trouble::Refused { error, description: response.error_description.unwrap_or_default() });
    }
    let code = response.code.ok_or_else(|| untrusted("there is no code in the response"))?;
    let redirect_uri = web_redirect_uri(&app.config.origin);
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", redirect_uri.as_str()),
        ("resource", app.config.resource.as_str()),
    ];
    IssuerConnection::open(app, &app.web, &form, &encode(&transaction.nonce), log).await
}

fn refused(app: &ThirdPartyApp, trouble: &Trouble, log: Log) -> Response {
    let notice = Notice::of(trouble);
    let status = if notice.kind == "denied" { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let page = page::web(&ConnectionView::without_session(notice, log));
    (status, [Cookie::TRANSACTION.clear(app)], page).into_response()
}

fn connection(app: &ThirdPartyApp, headers: &HeaderMap) -> Option<SharedConnection> {
    let id = Cookie::WEB.read(app, headers)?;
    app.web_sessions.find(&id, app.config.clock.now())
}

pub(crate) async fn overview(State(app): State<Arc<ThirdPartyApp>>, headers: HeaderMap) -> Response {
    let view = if let Some(connection) = connection(&app, &headers) {
        connection.lock().await.view()
    } else {
        let notice =
            Notice::new("signed-out", "Not connected", "Sign in to connect Fieldnotes to your notes.");
        ConnectionView::without_session(notice, Log::new())
    };
    page::web(&view).into_response()
}

pub(crate) async fn call(State(app): State<Arc<ThirdPartyApp>>, headers: HeaderMap) -> Redirect {
    if let Some(connection) = connection(&app, &headers) {
        connection.lock().await.call(&app).await;
    }
    Redirect::to("/web")
}

pub(crate) async fn note(
    State(app): State<Arc<ThirdPartyApp>>,
    headers: HeaderMap,
    Form(note): Form<NoteForm>,
) -> Redirect {
    if let Some(connection) = connection(&app, &headers) {
        connection.lock().await.note(&note.text, &app).await;
    }
    Redirect::to("/web")
}

pub(crate) async fn refresh(State(app): State<Arc<ThirdPartyApp>>, headers: HeaderMap) -> Redirect {
    if let Some(connection) = connection(&app, &headers) {
        connection.lock().await.refresh(&app).await;
    }
    Redirect::to("/web")
}

pub(crate) async fn spoil(State(app): State<Arc<ThirdPartyApp>>, headers: HeaderMap) -> Redirect {
    if let Some(connection) = connection(&app, &headers) {
        connection.lock().await.spoil(&app).await;
    }
    Redirect::to("/web")
}

pub(crate) async fn sign_out(State(app): State<Arc<ThirdPartyApp>>, headers: HeaderMap) -> Response {
    let Some(connection) = connection(&app, &headers) else {
        return Redirect::to("/signed-out").into_response();
    };
    if let Some(id) = Cookie::WEB.read(&app, &headers) {
        app.web_sessions.take(&id, app.config.clock.now());
    }
    let location = connection.lock().await.close(&app).await;
    let (name, line) = Cookie::WEB.clear(&app);
    (StatusCode::SEE_OTHER, [(name, line), (header::LOCATION, location)]).into_response()
}
