//! `/authorize` and `/authorize/resume`: have the request checked, and go on.

use axum::{body::Body, extract::RawQuery, http::HeaderMap};
use grantwell_core::{
    authorize::{AuthorizeRefusal, AuthorizeRequest, CheckedRequest, PageRefusal},
    client::Client,
    error::Refusal as _,
    form::Form,
    interaction::pending::{Handle, Pending},
    secret::Digest,
    store::Purpose,
};

use crate::{
    http::{
        body,
        browser::Browser,
        exchange::Exchange,
        form::handle,
        interaction_pages::Asking,
        proceed::proceed,
        renderer::Renderer,
        response::{Response, see_other},
    },
    pages::{
        Back,
        error::{Cause, Developer, ErrorValues, RedirectUris},
    },
    turns::Turn,
};

/// GET: the request is in the query.
pub(crate) async fn get(x: Exchange, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let form = match body::parse_form(query.unwrap_or_default().as_bytes()) {
        Ok(form) => form,
        Err(error) => return Renderer::new(&x, &headers, &[]).bad_body(error),
    };
    let (checked, _turn) = match check(&x, &headers, form).await {
        Ok(checked) => checked,
        Err(response) => return *response,
    };
    let mut browser = Browser::read(&x, &headers);
    let digest = browser.transaction_digest(&x);
    let handle = begin(&x, checked, Some(digest));
    proceed(&x, &headers, Some(handle), browser, Asking::Plainly).await
}

/// POST: the request is in the body, the query counts too. A form on another site brings none of our cookies, so the checked
/// request goes on, sealed, in a GET, which does; the browser that follows claims it.
pub(crate) async fn post(x: Exchange, headers: HeaderMap, RawQuery(query): RawQuery, body: Body) -> Response {
    let form = body::parse_form(query.unwrap_or_default().as_bytes());
    let form = match (form, body::form(&headers, body).await) {
        (Ok(mut form), Ok(more)) => {
            form.append(more);
            form
        }
        (Err(error), _) | (_, Err(error)) => return Renderer::new(&x, &headers, &[]).bad_body(error),
    };
    let (checked, _turn) = match check(&x, &headers, form).await {
        Ok(checked) => checked,
        Err(response) => return *response,
    };
    let Handle::New(interaction) = begin(&x, checked, None) else {
        return Renderer::new(&x, &headers, &[]).error(400, Cause::PageExpired, "interaction_unknown");
    };
    let pending = Pending { interaction: &interaction, stored: false };
    let handle = pending.handle(&x.realm.current().keyring.keys, x.app.entropy.as_ref());
    see_other(&x.realm.policy.url(&format!("/authorize/resume?interaction={handle}")))
}

/// GET `/authorize/resume?interaction=…`: after every step, and after the external login UI.
pub(crate) async fn resume(x: Exchange, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let form = match body::parse_form(query.unwrap_or_default().as_bytes()) {
        Ok(form) => form,
        Err(error) => return Renderer::new(&x, &headers, &[]).bad_body(error),
    };
    let mut browser = Browser::read(&x, &headers);
    let mut handle = handle(&x, form.one("interaction").ok().flatten().unwrap_or_default());
    if handle.as_ref().is_some_and(Handle::is_unclaimed) {
        let (digest, current) = (browser.transaction_digest(&x), x.realm.current());
        handle = handle.map(|handle| handle.claimed_by(digest, &x.context(&current)));
    }
    proceed(&x, &headers, handle, browser, Asking::Plainly).await
}

fn begin(x: &Exchange, checked: CheckedRequest, browser: Option<Digest>) -> Handle {
    let current = x.realm.current();
    Handle::begin(Purpose::Authorization(Box::new(checked.request)), browser, &x.context(&current))
}

/// The checked request, and the turn that its client has had to wait for; or the response that says what is wrong.
async fn check<'x>(
    x: &'x Exchange,
    headers: &HeaderMap,
    form: Form,
) -> Result<(CheckedRequest, Option<Turn<'x>>), Box<Response>> {
    let step = AuthorizeRequest::read(form);
    let renderer = Renderer::new(x, headers, &step.ui_locales());
    let unavailable = |why| Box::new(renderer.unavailable(&why));
    let turn = match step.client_id() {
        Some(client) => Some(x.turn(client).await.map_err(unavailable)?),
        None => None,
    };
    let ran = x.run(&step).await.map_err(unavailable)?;
    let checked = ran.result.map_err(|refusal| {
        Box::new(match &refusal {
            AuthorizeRefusal::Page(refusal, client) => page_refusal(&renderer, refusal, client.as_deref()),
            AuthorizeRefusal::Redirect(why, to) => {
                let response =
                    renderer.deliver(to.client.display_name(), &to.refuse(why, &x.realm.policy.issuer));
                x.note(|notes| {
                    notes.reason = Some(why.reason().to_owned());
                    notes.parameter = why.public().parameter;
                    notes.client_id = Some(to.client.client_id.clone());
                });
                response
            }
        })
    })?;
    Ok((checked, turn))
}

/// The page says whose mistake it is and leads back to the client's own page, where the client is known: it is no place that the
/// request could choose.
fn page_refusal(renderer: &Renderer<'_>, refusal: &PageRefusal, client: Option<&Client>) -> Response {
    let cause = match refusal {
        PageRefusal::Repeated(_) | PageRefusal::ClientIdMissing => Cause::InvalidRequest,
        PageRefusal::ClientUnknown(_) | PageRefusal::NoRedirectUriRegistered(_) => Cause::UnknownClient,
        PageRefusal::RedirectUriMissing(_) => Cause::RedirectUriMissing,
        PageRefusal::RedirectUriMismatch { .. } => Cause::RedirectUriMismatch,
    };
    let public = refusal.public();
    let mut developer = Developer { parameter: public.parameter, ..Developer::of(refusal.reason()) };
    let remedy;
    if let PageRefusal::RedirectUriMismatch { received, registered, .. } = refusal {
        developer.redirect_uri = Some(RedirectUris {
            received: received.into(),
            registered: registered.iter().map(Into::into).collect(),
        });
        remedy = format!("redirect_uris = [\"{received}\"]");
        developer.remedy = Some(remedy.as_str().into());
    }
    renderer.x.note(|notes| {
        notes.parameter = public.parameter;
        notes.client_id = client.map(|client| client.client_id.clone());
    });
    // An unknown client and a disabled one are the same page (catalogue A-04).
    let client = client.filter(|_| matches!(cause, Cause::RedirectUriMissing | Cause::RedirectUriMismatch));
    let name = client.map(Client::display_name);
    let home = client.and_then(|client| client.client_uri.as_deref());
    let page = ErrorValues {
        cause,
        application: name.map(Into::into),
        back: name.zip(home).map(|(name, uri)| Back { name: name.into(), uri: uri.into() }),
        developer: renderer.for_developers(developer),
    };
    renderer.error_of(400, &page, refusal.reason(), &public.sentence())
}
