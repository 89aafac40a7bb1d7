//! `/end_session`: signing out, asked for by an application or on our own page.

use axum::{body::Body, extract::RawQuery, http::HeaderMap};
use grantwell_core::{
    end_session::{
        Arrival, EndSessionRefusal, EndSessionRequest, LogoutConfirmation, MATTER, SignOutChoice,
        SignOutOutcome,
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

/// GET.
pub(crate) async fn get(x: Exchange, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    match body::parse_form(query.unwrap_or_default().as_bytes()) {
        Ok(form) => end(&x, &headers, &form, Arrival::Navigation).await,
        Err(error) => Renderer::new(&x, &headers, &[]).bad_body(error),
    }
}

/// POST, by an application or by our own page.
pub(crate) async fn post(x: Exchange, headers: HeaderMap, body: Body) -> Response {
    match body::form(&headers, body).await {
        Ok(form) => {
            let answer = answer(&x, &headers, &form);
            end(&x, &headers, &form, answer.map_or(Arrival::Posted, Arrival::Answered)).await
        }
        Err(error) => Renderer::new(&x, &headers, &[]).bad_body(error),
    }
}

async fn end(x: &Exchange, headers: &HeaderMap, form: &Form, arrival: Arrival) -> Response {
    let mut browser = Browser::read(x, headers);
    let cookies = browser.cookies.clone();
    let current = x.realm.current();
    let step = EndSessionRequest::read(form, arrival, &cookies, &x.context(&current));
    let renderer = Renderer::new(x, headers, step.ui_locales());
    let response = match x.run(&step).await {
        Err(why) => renderer.unavailable(&why),
        Ok(ran) => match ran.result {
            Err(EndSessionRefusal::Forged) => renderer.error(403, Cause::CrossSite, "anti_forgery"),
            Err(refusal) => renderer.refused(400, Cause::InvalidLogout, refusal.reason(), &refusal.public()),
            Ok(SignOutOutcome::Stay) => see_other(&x.realm.policy.url("/account")),
            Ok(SignOutOutcome::GoOn(request)) => {
                see_other(&x.realm.policy.url(&format!("/end_session?request={request}")))
            }
            Ok(SignOutOutcome::Ask { application, people, request }) => {
                ask(&renderer, request, application.as_deref(), &people, &mut browser)
            }
            Ok(SignOutOutcome::SignedOut { sessions, then, others_stay }) => {
                browser.forget_sessions(x, &sessions);
                match then {
                    Some(uri) => see_other(&uri),
                    None => {
                        let sign_in = Some("/account".into());
                        renderer.page(200, &SignedOutValues { back: None, sign_in, others_stay })
                    }
                }
            }
        },
    };
    with_cookies(response, browser)
}

/// The answer to our own page, where this is one.
fn answer(x: &Exchange, headers: &HeaderMap, form: &Form) -> Option<LogoutConfirmation> {
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
    request: String,
    application: Option<&str>,
    people: &[(SessionId, User)],
    browser: &mut Browser,
) -> Response {
    let x = renderer.x;
    let digest = browser.transaction_digest(x);
    let (purpose, about) = MATTER;
    let anti_forgery = pending::anti_forgery(&x.realm.current().keyring.keys, &digest, purpose, about);
    let named: Vec<_> = people.iter().map(|(id, _)| id.to_string()).collect();
    let fields = vec![("request".into(), request.into()), ("sessions".into(), named.join(" ").into())];
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
