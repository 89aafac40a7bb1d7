//! `/end_session`: signing out, asked for by an application or on our own page.

use axum::{body::Body, extract::RawQuery, http::HeaderMap};
use grantwell_core::{
    end_session::{
        EndSessionRefusal, EndSessionRequest, LogoutConfirmation, MATTER, SignOutChoice, SignOutOutcome,
    },
    error::Refusal as _,
    form::Form,
    id::SessionId,
    interaction::{form::AntiForgery, pending},
    store::User,
};

use crate::{
    http::{
        body,
        browser::{self, Browser},
        exchange::Exchange,
        renderer::Renderer,
        response::{Response, see_other, with_cookies},
        wire,
    },
    pages::{HtmlForm, error::Cause, logout::LogoutValues, signed_out::SignedOutValues},
};

/// Fields that the page which asks gives back.
const GIVEN_BACK: [&str; 4] = ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"];

/// GET.
pub(crate) async fn get(x: Exchange, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    match body::parse_form(query.unwrap_or_default().as_bytes()) {
        Ok(form) => end(&x, &headers, &form).await,
        Err(error) => Renderer::new(&x, &headers, &[]).bad_body(error),
    }
}

/// POST.
pub(crate) async fn post(x: Exchange, headers: HeaderMap, body: Body) -> Response {
    match body::form(&headers, body).await {
        Ok(form) => end(&x, &headers, &form).await,
        Err(error) => Renderer::new(&x, &headers, &[]).bad_body(error),
    }
}

async fn end(x: &Exchange, headers: &HeaderMap, form: &Form) -> Response {
    let ui_locales = form.one("ui_locales").ok().flatten().unwrap_or_default();
    let wishes: Vec<String> = ui_locales.split(' ').take(16).map(str::to_owned).collect();
    let renderer = Renderer::new(x, headers, &wishes);
    let mut browser = Browser::read(x, headers);
    let cookies = browser.cookies.clone();
    let step = EndSessionRequest::read(form, confirmation(x, headers, form), &cookies);
    let response = match x.run(&step).await {
        Err(why) => renderer.unavailable(&why),
        Ok(ran) => match ran.result {
            Err(EndSessionRefusal::Forged) => renderer.error(403, Cause::CrossSite, "anti_forgery"),
            Err(refusal) => renderer.error(400, Cause::InvalidLogout, refusal.reason()),
            Ok(SignOutOutcome::Stay) => see_other(&x.realm.policy.url("/account")),
            Ok(SignOutOutcome::Ask { application, people }) => {
                ask(&renderer, form, application.as_deref(), &people, &mut browser)
            }
            Ok(SignOutOutcome::SignedOut { sessions, then }) => {
                browser.forget_sessions(x, &sessions);
                match then {
                    Some(uri) => see_other(&uri),
                    None => {
                        let page = SignedOutValues { back: None, sign_in: Some("/account".into()) };
                        renderer.page(200, &page)
                    }
                }
            }
        },
    };
    with_cookies(response, browser)
}

/// The answer to our own page, where this is one.
fn confirmation(x: &Exchange, headers: &HeaderMap, form: &Form) -> Option<LogoutConfirmation> {
    let field = |name| form.one(name).ok().flatten();
    let received = field("anti_forgery")?.to_owned();
    let sessions = field("sessions").unwrap_or_default().split(' ').filter_map(SessionId::parse);
    Some(LogoutConfirmation {
        anti_forgery: AntiForgery { received, sent_from: browser::sent_from(&x.realm, headers) },
        pressed: if field("decision") == Some("sign-out") {
            SignOutChoice::SignOut
        } else {
            SignOutChoice::Stay
        },
        sessions: sessions.collect(),
    })
}

fn ask(
    renderer: &Renderer<'_>,
    form: &Form,
    application: Option<&str>,
    people: &[(SessionId, User)],
    browser: &mut Browser,
) -> Response {
    let x = renderer.x;
    let digest = browser.transaction_digest(x);
    let (purpose, about) = MATTER;
    let anti_forgery = pending::anti_forgery(&x.realm.current().keyring.keys, &digest, purpose, about);
    let given_back =
        GIVEN_BACK.iter().filter_map(|name| Some(((*name).into(), form.one(name).ok().flatten()?.into())));
    let named: Vec<_> = people.iter().map(|(id, _)| id.to_string()).collect();
    let fields = given_back.chain([("sessions".into(), named.join(" ").into())]).collect();
    let page = LogoutValues {
        form: HtmlForm {
            action: "/end_session".into(),
            anti_forgery: anti_forgery.into(),
            interaction: None,
            fields,
        },
        application: application.map(Into::into),
        people: people.iter().map(|(_, user)| wire::person(user)).collect(),
    };
    renderer.page(200, &page)
}
