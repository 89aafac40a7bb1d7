//! `/end_session`: signing out, asked for by an application or on our own page.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{RawQuery, State},
    http::HeaderMap,
};
use grantwell_core::{
    end_session::{self, Confirmation, EndSessionRefusal, Outcome as Ends},
    form::Form,
    id::SessionId,
    interaction::pending,
    secret::Secret,
    store::{Outcome, Share, Store},
};

use crate::{
    app::App,
    http::{
        answer::{Answer, contended, see_other, with_cookies},
        body,
        browser::{self, Browser},
        context::{Context, locale},
        proceed::{ROUNDS, Stage},
        wire,
    },
    pages::{self, Cause, Logout, Page, SignedOut},
};

/// Fields that the page which asks gives back.
const GIVEN_BACK: [&str; 4] = ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"];

/// GET.
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    context: Context,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    match body::parse_form(query.unwrap_or_default().as_bytes()) {
        Ok(form) => end(&app, &context, &headers, &form).await,
        Err(error) => Stage::new(&app, &context, locale(&headers, &[])).sheet.bad_body(error),
    }
}

/// POST.
pub(crate) async fn post(
    State(app): State<Arc<App>>,
    context: Context,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    match body::form(&headers, body).await {
        Ok(form) => end(&app, &context, &headers, &form).await,
        Err(error) => Stage::new(&app, &context, locale(&headers, &[])).sheet.bad_body(error),
    }
}

async fn end(app: &App, context: &Context, headers: &HeaderMap, form: &Form) -> Answer {
    let ui_locales = form.one("ui_locales").ok().flatten().unwrap_or_default();
    let wishes: Vec<String> = ui_locales.split(' ').take(16).map(str::to_owned).collect();
    let stage = Stage::new(app, context, locale(headers, &wishes));
    let mut browser = match Browser::load(app, context, headers).await {
        Ok(browser) => browser,
        Err(error) => return stage.sheet.unavailable(&error),
    };
    let answer = decide(&stage, headers, form, &mut browser).await;
    with_cookies(answer, browser)
}

async fn decide(stage: &Stage<'_>, headers: &HeaderMap, form: &Form, browser: &mut Browser) -> Answer {
    let Stage { app, context, sheet, .. } = stage;
    let refuse = |refusal: EndSessionRefusal| sheet.error(400, Cause::InvalidLogout, refusal.cause());
    let request = match end_session::read(form, app.current().keyring.verifying(), &app.policy) {
        Ok(request) => request,
        Err(refusal) => return refuse(refusal),
    };
    let client = match &request.client_id {
        Some(id) => match app.store.client(app.realm, id).await {
            Ok(client) => client,
            Err(error) => return sheet.unavailable(&error),
        },
        None => None,
    };
    let named: Vec<SessionId> = form
        .one("sessions")
        .ok()
        .flatten()
        .unwrap_or_default()
        .split(' ')
        .filter_map(SessionId::parse)
        .collect();
    let confirmation = match confirmation(app, headers, form, browser) {
        Confirmed::Yes => Confirmation::Given(&named),
        Confirmed::NotAsked => Confirmation::None,
        Confirmed::No => return see_other(&app.policy.url("/account")),
        Confirmed::Forged => return sheet.error(403, Cause::CrossSite, "anti_forgery"),
    };
    for _ in 0..ROUNDS {
        let (sessions, then) =
            match end_session::decide(&request, client.as_ref(), &browser.sessions, confirmation) {
                Ok(Ends::SignOut { sessions, then }) => (sessions, then),
                Ok(Ends::Ask) => {
                    return ask(stage, form, client.as_ref().map(|client| client.display_name()), browser);
                }
                Err(refusal) => return refuse(refusal),
            };
        let trace_id = &context.trace_id;
        let decision =
            end_session::end(&sessions, &browser.sessions, context.now, app.entropy.as_ref(), trace_id);
        match app.store.commit(app.realm, Share::Grants, decision.writes).await {
            Ok(Outcome::Done) => {
                browser.forget_sessions(app, &sessions);
                return match then {
                    Some(uri) => see_other(&uri),
                    None => {
                        let page = SignedOut { back: None, sign_in: Some("/account".into()) };
                        sheet.page(200, &Page::SignedOut(page))
                    }
                };
            }
            // Ended meanwhile: what is left decides.
            Ok(Outcome::Conflict(_)) => match Browser::load(app, context, headers).await {
                Ok(fresh) => *browser = fresh,
                Err(error) => return sheet.unavailable(&error),
            },
            Err(error) => return sheet.unavailable(&error),
        }
    }
    contended(context)
}

enum Confirmed {
    Yes,
    No,
    NotAsked,
    Forged,
}

fn confirmation(app: &App, headers: &HeaderMap, form: &Form, browser: &Browser) -> Confirmed {
    let Some(received) = form.one("anti_forgery").ok().flatten() else { return Confirmed::NotAsked };
    let keys = &app.current().keyring.keys;
    let fits =
        browser.transaction.as_ref().map(Secret::digest).is_some_and(|digest| {
            pending::anti_forgery_fits(keys, &digest, ("form", "end_session"), received)
        });
    match form.one("decision") {
        _ if !fits || !browser::is_same_origin(app, headers) => Confirmed::Forged,
        Ok(Some("sign-out")) => Confirmed::Yes,
        _ => Confirmed::No,
    }
}

fn ask(stage: &Stage<'_>, form: &Form, application: Option<&str>, browser: &mut Browser) -> Answer {
    let digest = browser.transaction_digest(stage.app);
    let anti_forgery =
        pending::anti_forgery(&stage.app.current().keyring.keys, &digest, "form", "end_session");
    let given_back =
        GIVEN_BACK.iter().filter_map(|name| Some(((*name).into(), form.one(name).ok().flatten()?.into())));
    let named: Vec<_> = browser.sessions.iter().map(|record| record.session.id.to_string()).collect();
    let fields = given_back.chain([("sessions".into(), named.join(" ").into())]).collect();
    let page = Logout {
        form: pages::Form {
            action: "/end_session".into(),
            anti_forgery: anti_forgery.into(),
            interaction: None,
            fields,
        },
        application: application.map(Into::into),
        people: browser.sessions.iter().map(|record| wire::person(&record.user)).collect(),
    };
    stage.sheet.page(200, &Page::Logout(page))
}
