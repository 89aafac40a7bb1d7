//! Brings an interaction to its next page, or to its end. What is next, the protocol says.

use axum::http::HeaderMap;
use grantwell_core::{
    error::Refusal as _,
    interaction::{
        ResumeRefusal,
        pending::Handle,
        proceed::{Proceed, Proceeded},
    },
    store::{Interaction, Purpose},
};

use crate::{
    http::{
        browser::Browser,
        exchange::Exchange,
        interaction_pages::{self, Asking},
        renderer::Renderer,
        response::{Response, see_other, with_cookies},
        wire,
    },
    pages::error::Cause,
};

/// Goes on in this browser.
pub(crate) async fn proceed(
    x: &Exchange,
    headers: &HeaderMap,
    handle: Option<Handle>,
    mut browser: Browser,
    asking: Asking,
) -> Response {
    let response = go_on(x, headers, handle, &mut browser, asking).await;
    with_cookies(response, browser)
}

async fn go_on(
    x: &Exchange,
    headers: &HeaderMap,
    mut handle: Option<Handle>,
    browser: &mut Browser,
    asking: Asking,
) -> Response {
    loop {
        let step = Proceed { handle, browser: &browser.cookies, user_agent: &browser.user_agent };
        let proceeded = match x.run(&step).await {
            Err(why) => return Renderer::new(x, headers, &[]).unavailable(&why),
            Ok(ran) => match ran.result {
                Err(refusal) => return refused(x, headers, &refusal).await,
                Ok(proceeded) => proceeded,
            },
        };
        match proceeded {
            Proceeded::Respond(client, response) => {
                x.note(|notes| notes.client_id = Some(client.client_id.clone()));
                return Renderer::new(x, headers, &[]).deliver(client.display_name(), &response);
            }
            Proceeded::Page(page) => return interaction_pages::show(x, headers, &page, asking),
            Proceeded::Account => return see_other(&x.realm.policy.url("/account")),
            // With the session of the person whom the external login UI reported.
            Proceeded::Adopted(signed_in, id) => {
                browser.begin_session(x, &signed_in);
                handle = Some(Handle::Row(id));
            }
        }
    }
}

/// The page that says why an interaction cannot go on.
pub(crate) async fn refused(x: &Exchange, headers: &HeaderMap, refusal: &ResumeRefusal) -> Response {
    let (status, cause) = match refusal {
        ResumeRefusal::Forged => (403, Cause::CrossSite),
        ResumeRefusal::UserGone => (403, Cause::AccessDenied),
        ResumeRefusal::OtherBrowser => (400, Cause::OtherBrowser),
        ResumeRefusal::ClientUnknown => (400, Cause::UnknownClient),
        ResumeRefusal::RedirectUriGone => (400, Cause::RedirectUriMismatch),
        ResumeRefusal::Unknown => (400, Cause::PageExpired),
        ResumeRefusal::Expired(interaction) | ResumeRefusal::Answered(interaction) => {
            return over(x, headers, interaction, refusal).await;
        }
    };
    Renderer::new(x, headers, &[]).error(status, cause, refusal.reason())
}

/// "Page expired", with the way back to the application.
async fn over(x: &Exchange, headers: &HeaderMap, interaction: &Interaction, why: &ResumeRefusal) -> Response {
    let reason = why.reason();
    let Purpose::Authorization(request) = &interaction.purpose else {
        return Renderer::new(x, headers, &[]).error(400, Cause::PageExpired, reason);
    };
    let client = x.realm.client(&x.app.store, &request.client_id).await.ok().flatten();
    let back =
        client.as_ref().and_then(|client| wire::way_back(client, request, why, &x.realm.policy.issuer));
    Renderer::new(x, headers, &request.ui_locales).error_page(400, Cause::PageExpired, reason, back)
}
