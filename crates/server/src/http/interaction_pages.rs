//! The pages of an interaction, filled in; or the way to the external login UI.

use axum::http::HeaderMap;
use grantwell_core::{
    client::Client,
    interaction::{
        next::{InteractionRefusal, LoginReason},
        pending,
        proceed::{ConsentPage, NextPage, PageKind},
    },
    scope::Audience,
    store::{AuthorizationRequest, Purpose},
};

use crate::{
    http::{
        exchange::Exchange,
        renderer::Renderer,
        response::{Response, see_other},
        wire,
    },
    pages::{
        Aside, HtmlForm, Novelty,
        consent::{ConsentValues, Lasts},
        select_account::{AccountChoice, SelectAccountValues},
        sign_in::{SignInProblem, SignInValues, SignInWhy},
    },
};

/// How the consent page asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asking {
    /// As a page that was not answered yet.
    Plainly,
    /// Saying that what was answered is not what is asked now.
    Again,
}

/// What was wrong with the attempt before.
#[derive(Clone, Copy)]
pub(crate) struct Failed<'a> {
    /// What was typed as the name.
    pub(crate) typed: &'a str,
    /// What was wrong.
    pub(crate) problem: SignInProblem,
}

/// The next page, or the way to the external login UI.
pub(crate) fn show(x: &Exchange, headers: &HeaderMap, page: &NextPage, asking: Asking) -> Response {
    if let Some(client) = &page.client {
        x.note(|notes| notes.client_id = Some(client.client_id.clone()));
    }
    match (&x.app.login_ui, &page.interaction.purpose) {
        (Some(login_ui), Purpose::Authorization(_)) => {
            let separator = if login_ui.url.contains('?') { '&' } else { '?' };
            see_other(&format!("{}{separator}interaction={}", login_ui.url, page.handle))
        }
        (Some(_) | None, _) => show_ours(x, headers, page, asking),
    }
}

/// The next page, which is ours whether there is an external login UI or not.
pub(crate) fn show_ours(x: &Exchange, headers: &HeaderMap, page: &NextPage, asking: Asking) -> Response {
    match &page.kind {
        PageKind::SignIn(reason) => sign_in(x, headers, page, (*reason, None)),
        PageKind::SelectAccount => select_account(x, headers, page),
        PageKind::Consent(consent) => ask(x, headers, page, (consent, asking)),
    }
}

/// The request of an interaction with the client that sent it; `None` where it is the account page's.
fn asked(page: &NextPage) -> Option<(&AuthorizationRequest, &Client)> {
    match (&page.interaction.purpose, &page.client) {
        (Purpose::Authorization(request), Some(client)) => Some((request, client)),
        (Purpose::Authorization(_) | Purpose::Account, _) => None,
    }
}

fn renderer<'x>(x: &'x Exchange, headers: &HeaderMap, page: &NextPage) -> Renderer<'x> {
    let ui_locales = asked(page).map(|(request, _)| request.ui_locales.as_slice()).unwrap_or_default();
    Renderer::new(x, headers, ui_locales)
}

fn form(x: &Exchange, page: &NextPage, action: &'static str) -> HtmlForm<'static> {
    let about = page.interaction.id.to_string();
    let keys = &x.realm.current().keyring.keys;
    let matter = grantwell_core::interaction::form::FORM;
    HtmlForm {
        action: action.into(),
        anti_forgery: pending::anti_forgery(keys, &page.interaction.browser, matter, &about).into(),
        interaction: Some(page.handle.clone().into()),
        fields: Vec::new(),
    }
}

fn back<'p>(x: &Exchange, page: &NextPage) -> Option<Aside<'p>> {
    let (request, client) = asked(page)?;
    let denied = InteractionRefusal::Denied;
    wire::back_uri(client, request, &denied, &x.realm.policy.issuer).map(|uri| Aside::Link(uri.into()))
}

fn to_other_accounts() -> Aside<'static> {
    Aside::Button { name: "other_accounts".into(), value: "1".into(), action: Some("/select-account".into()) }
}

/// The sign-in page.
pub(crate) fn sign_in(
    x: &Exchange,
    headers: &HeaderMap,
    page: &NextPage,
    (reason, failed): (LoginReason, Option<Failed<'_>>),
) -> Response {
    let why = match reason {
        LoginReason::NoSession | LoginReason::OtherAccount => SignInWhy::SignIn,
        LoginReason::Asked | LoginReason::TooOld => SignInWhy::Confirm,
    };
    let hint = asked(page).and_then(|(request, _)| request.login_hint.as_deref()).unwrap_or_default();
    let problem = failed.map(|failed| failed.problem);
    let view = SignInValues {
        form: form(x, page, "/sign-in"),
        application: asked(page).map(|(request, client)| wire::application(client, request)),
        username: failed.map(|failed| failed.typed).filter(|typed| !typed.is_empty()).unwrap_or(hint).into(),
        why,
        problem,
        back: back(x, page),
        other_accounts: (!page.accounts.is_empty()).then(to_other_accounts),
    };
    renderer(x, headers, page).page(wire::status_of(problem), &view)
}

fn select_account(x: &Exchange, headers: &HeaderMap, page: &NextPage) -> Response {
    let Some((request, client)) = asked(page) else {
        return sign_in(x, headers, page, (LoginReason::NoSession, None));
    };
    let view = SelectAccountValues {
        form: form(x, page, "/select-account"),
        application: wire::application(client, request),
        accounts: page
            .accounts
            .iter()
            .map(|account| AccountChoice {
                handle: account.session_id.to_string().into(),
                person: wire::person(&account.user),
            })
            .collect(),
        another: "another".into(),
        back: back(x, page),
    };
    renderer(x, headers, page).page(200, &view)
}

fn ask(
    x: &Exchange,
    headers: &HeaderMap,
    page: &NextPage,
    (consent, asking): (&ConsentPage, Asking),
) -> Response {
    let Some((request, client)) = asked(page) else {
        return sign_in(x, headers, page, (LoginReason::NoSession, None));
    };
    let novelty = |audience: &Audience, scope: &str| {
        if !consent.agreed_before {
            Novelty::First
        } else if consent.missing.0.get(audience).is_some_and(|new| new.contains(scope)) {
            Novelty::New
        } else {
            Novelty::Agreed
        }
    };
    let offline = consent.asked.scopes().contains("offline_access");
    let mut form = form(x, page, "/consent");
    // Which account the page was made for: another one pressed "allow" in another tab gets the page anew.
    form.fields.push(("account".into(), consent.user.id.to_string().into()));
    form.fields.push(("question".into(), consent.question.clone().into()));
    let view = ConsentValues {
        form,
        application: wire::application(client, request),
        returns_to: wire::returns_to(&request.route),
        person: wire::person(&consent.user),
        switch_account: Some(to_other_accounts()),
        permissions: wire::permissions(&consent.asked, &consent.resources, novelty),
        offline_access: offline.then(|| novelty(&Audience::Issuer, "offline_access")),
        lasts: if offline { Lasts::UntilDisconnected } else { Lasts::WhileSignedIn },
        policy_uri: client.policy_uri.as_deref().map(Into::into),
        tos_uri: client.tos_uri.as_deref().map(Into::into),
        account_page: "/account".into(),
        changed: asking == Asking::Again,
    };
    renderer(x, headers, page).page(200, &view)
}
