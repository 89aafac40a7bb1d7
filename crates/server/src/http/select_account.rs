//! `/select-account`: "which account?", and "Not you?" of the other pages. Also how every form of an interaction is opened.

use std::sync::Arc;

use axum::{body::Body, extract::State, http::HeaderMap};
use grantwell_core::{
    form::Form,
    id::SessionId,
    interaction::{
        pending::{self, Pending},
        select::{self, Selected},
    },
    store::{Outcome, Share, Store},
};

use crate::{
    app::App,
    http::{
        answer::{Answer, contended, see_other, with_cookies},
        body,
        browser::{self, Browser},
        context::{Context, locale},
        proceed::{ROUNDS, SignInAs, Stage},
    },
    pages::{Cause, Locale, SignInWhy},
};

/// A form of an interaction, known to be ours and of this browser.
pub(crate) struct Opened {
    /// Its fields.
    pub(crate) form: Form,
    /// The browser.
    pub(crate) browser: Browser,
    /// The interaction.
    pub(crate) pending: Pending,
    /// The language of it.
    pub(crate) locale: Locale,
}

/// Opens it, or answers with the page that says why not.
pub(crate) async fn open(
    app: &App,
    context: &Context,
    headers: &HeaderMap,
    body: Body,
) -> Result<Opened, Box<Answer>> {
    let stage = Stage::new(app, context, locale(headers, &[]));
    let form = body::form(headers, body).await.map_err(|error| Box::new(stage.sheet.bad_body(error)))?;
    let browser = Browser::load(app, context, headers).await;
    let browser = browser.map_err(|error| Box::new(stage.sheet.unavailable(&error)))?;
    let handle = form.one("interaction").ok().flatten().unwrap_or_default();
    let forged = || Box::new(stage.sheet.error(403, Cause::CrossSite, "anti_forgery"));
    if !browser::is_same_origin(app, headers) {
        return Err(forged());
    }
    let pending = stage.resume(handle, &browser).await.map_err(Box::new)?;
    let received = form.one("anti_forgery").ok().flatten().unwrap_or_default();
    let about = pending.interaction.id.to_string();
    let keys = &app.current().keyring.keys;
    if !pending::anti_forgery_fits(keys, &pending.interaction.browser, ("form", &about), received) {
        return Err(forged());
    }
    let locale = locale(headers, &pending.interaction.request.ui_locales);
    Ok(Opened { form, browser, pending, locale })
}

/// POST. Without a choice the page is shown; with `another` the sign-in page.
pub(crate) async fn post(
    State(app): State<Arc<App>>,
    context: Context,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let Opened { form, mut browser, mut pending, locale } = match open(&app, &context, &headers, body).await {
        Ok(opened) => opened,
        Err(answer) => return *answer,
    };
    let stage = Stage::new(&app, &context, locale);
    let client = match app.store.client(app.realm, &pending.interaction.request.client_id).await {
        Ok(Some(client)) => client,
        Ok(None) => return stage.sheet.error(400, Cause::UnknownClient, "client_unknown"),
        Err(error) => return stage.sheet.unavailable(&error),
    };
    let switching = form.has("other_accounts");
    match form.one("account").ok().flatten().filter(|_| !switching) {
        Some("another") => {
            let how = SignInAs { why: SignInWhy::SignIn, typed: None, problem: None };
            stage.sign_in_page(&pending, Some(&client), &browser, how)
        }
        Some(chosen) => {
            let Some(chosen) = SessionId::parse(chosen) else {
                return stage.select_page(&pending, &client, &browser.sessions);
            };
            for _ in 0..ROUNDS {
                let decision = select::select(&pending, chosen, &browser.sessions);
                if decision.outcome == Selected::Unknown {
                    return stage.select_page(&pending, &client, &browser.sessions);
                }
                match app.store.commit(app.realm, Share::SignIns, decision.writes).await {
                    Ok(Outcome::Done) => {
                        browser.prefer_session(&app, chosen);
                        let to = format!("/authorize/resume?interaction={}", pending.interaction.id);
                        return with_cookies(see_other(&app.policy.url(&to)), browser);
                    }
                    Ok(Outcome::Conflict(_)) => {}
                    Err(error) => return stage.sheet.unavailable(&error),
                }
                match app.store.interaction(app.realm, pending.interaction.id).await {
                    Ok(Some(interaction)) => pending = Pending { interaction, stored: true },
                    Ok(None) => {}
                    Err(error) => return stage.sheet.unavailable(&error),
                }
            }
            contended(&context)
        }
        None => stage.select_page(&pending, &client, &browser.sessions),
    }
}
