//! `/authorize` and `/authorize/resume`: load what the checks need, have them decide, go on.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{RawQuery, State},
    http::HeaderMap,
};
use grantwell_core::{
    audience::Asked,
    authorize::{self, AuthorizationRequest, Destination, PageRefusal, RequestRefusal},
    client::Client,
    error::Refusal as _,
    form::Form,
    id::{ClientId, InteractionId},
    interaction::pending::Pending,
    resource::Resource,
    secret::Digest,
    store::Read,
};

use crate::{
    app::App,
    http::{
        answer::{Answer, note, see_other, with_cookies},
        body,
        browser::Browser,
        context::{Context, locale},
        proceed::{self, Stage},
    },
    pages::{Back, Cause, Developer, ErrorPage, Page, RedirectUris},
};

/// Stands in a sealed request that no browser has claimed yet (see [`post`]).
const UNCLAIMED: Digest = Digest([0; 32]);

/// GET: the request is in the query.
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    context: Context,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    let stage = Stage::new(&app, &context, locale(&headers, &[]));
    let form = match body::parse_form(query.unwrap_or_default().as_bytes()) {
        Ok(form) => form,
        Err(error) => return stage.sheet.bad_body(error),
    };
    let request = match checked(&stage, &form).await {
        Ok(request) => request,
        Err(answer) => return *answer,
    };
    let stage = Stage::new(&app, &context, locale(&headers, &request.ui_locales));
    let mut browser = match Browser::load(&app, &context, &headers).await {
        Ok(browser) => browser,
        Err(error) => return stage.sheet.unavailable(&error),
    };
    let digest = browser.transaction_digest(&app);
    let pending = Pending::begin(request, digest, &app.policy.lifetimes, context.now, app.entropy.as_ref());
    let answer = stage.proceed(pending, &mut browser).await;
    with_cookies(answer, browser)
}

/// POST: the request is in the body, the query counts too. A form on another site brings none of our cookies, so the checked
/// request goes on, sealed, in a GET, which does; the browser that follows claims it.
pub(crate) async fn post(
    State(app): State<Arc<App>>,
    context: Context,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Body,
) -> Answer {
    let stage = Stage::new(&app, &context, locale(&headers, &[]));
    let form = body::parse_form(query.unwrap_or_default().as_bytes());
    let form = match (form, body::form(&headers, body).await) {
        (Ok(mut form), Ok(more)) => {
            form.append(more);
            form
        }
        (Err(error), _) | (_, Err(error)) => return stage.sheet.bad_body(error),
    };
    let request = match checked(&stage, &form).await {
        Ok(request) => request,
        Err(answer) => return *answer,
    };
    let pending =
        Pending::begin(request, UNCLAIMED, &app.policy.lifetimes, context.now, app.entropy.as_ref());
    let handle = pending.handle(&app.current().keyring.keys, app.entropy.as_ref());
    see_other(&app.policy.url(&format!("/authorize/resume?interaction={handle}")))
}

/// GET `/authorize/resume?interaction=…`: after every step, and after the front end of somebody else.
pub(crate) async fn resume(
    State(app): State<Arc<App>>,
    context: Context,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    let plain = Stage::new(&app, &context, locale(&headers, &[]));
    let form = match body::parse_form(query.unwrap_or_default().as_bytes()) {
        Ok(form) => form,
        Err(error) => return plain.sheet.bad_body(error),
    };
    let handle = form.one("interaction").ok().flatten().unwrap_or_default();
    let mut browser = match Browser::load(&app, &context, &headers).await {
        Ok(browser) => browser,
        Err(error) => return plain.sheet.unavailable(&error),
    };
    match claim(&app, &context, handle, &mut browser).await {
        Ok(Some(pending)) if !pending.is_expired(context.now) => {
            let stage = Stage::new(&app, &context, locale(&headers, &pending.interaction.request.ui_locales));
            let answer = stage.proceed(pending, &mut browser).await;
            return with_cookies(answer, browser);
        }
        Ok(_) => {}
        Err(error) => return plain.sheet.unavailable(&error),
    }
    let pending = match plain.resume(handle, &browser).await {
        Ok(pending) => pending,
        Err(answer) => return answer,
    };
    let stage = Stage::new(&app, &context, locale(&headers, &pending.interaction.request.ui_locales));
    let pending = match super::interaction::adopt(&stage, pending, &mut browser, &headers).await {
        Ok(pending) => pending,
        Err(answer) => return *answer,
    };
    let answer = stage.proceed(pending, &mut browser).await;
    with_cookies(answer, browser)
}

/// A sealed request that came by POST becomes this browser's, under an id of its own: whoever else follows the same URL begins
/// an interaction that has nothing to do with this one.
async fn claim(app: &App, context: &Context, handle: &str, browser: &mut Browser) -> Read<Option<Pending>> {
    let found = proceed::find(app, handle).await?;
    Ok(found.filter(|pending| !pending.stored && pending.interaction.browser == UNCLAIMED).map(
        |mut pending| {
            pending.interaction.id = InteractionId::new(context.now, app.entropy.as_ref());
            pending.interaction.browser = browser.transaction_digest(app);
            pending
        },
    ))
}

/// The checked request, or the answer that says what is wrong with it.
async fn checked(stage: &Stage<'_>, form: &Form) -> Result<AuthorizationRequest, Box<Answer>> {
    let Stage { app, context, sheet, .. } = stage;
    let refuse_page = |refusal: PageRefusal, client| Box::new(page_refusal(stage, &refusal, client));
    let unavailable = |error| Box::new(sheet.unavailable(&error));
    let client_id: ClientId = authorize::client_id(form).map_err(|refusal| refuse_page(refusal, None))?;
    let client = app.client(&client_id).await.map_err(unavailable)?;
    let client = client.as_deref();
    let destination = authorize::destination(form, &client_id, client);
    let destination = destination.map_err(|refusal| refuse_page(refusal, client))?;
    let refuse = |refusal: RequestRefusal| {
        let response = destination.refuse(&refusal, &app.policy.issuer);
        let answer = sheet.deliver(destination.client.display_name(), &response);
        Box::new(note(answer, |noted| {
            noted.reason = Some(refusal.reason().to_owned());
            noted.client_id = Some(client_id.to_string());
        }))
    };
    let resources = resources(app, form, &destination).await.map_err(unavailable)?;
    let current = app.current();
    let keys = current.keyring.verifying();
    authorize::check(form, &destination, &resources, keys, (&app.policy, context.now)).map_err(refuse)
}

async fn resources(app: &App, form: &Form, destination: &Destination<'_>) -> Read<Arc<[Resource]>> {
    // What cannot be read names nothing to load; the check says so in its turn.
    let Ok(asked) = Asked::read(form) else { return Ok(Arc::default()) };
    let (identifiers, scopes) = asked.to_load(destination.client);
    app.resources(identifiers, scopes).await
}

/// The page says whose mistake it is and leads back to the client's own page, where the client is known: it is no place that the
/// request could choose.
fn page_refusal(stage: &Stage<'_>, refusal: &PageRefusal, client: Option<&Client>) -> Answer {
    let cause = match refusal {
        PageRefusal::Repeated(_) | PageRefusal::ClientIdMissing => Cause::InvalidRequest,
        PageRefusal::ClientUnknown(_) | PageRefusal::NoRedirectUriRegistered(_) => Cause::UnknownClient,
        PageRefusal::RedirectUriMissing(_) => Cause::RedirectUriMissing,
        PageRefusal::RedirectUriMismatch { .. } => Cause::RedirectUriMismatch,
    };
    let mut developer = Developer { reason: refusal.cause().into(), redirect_uri: None, remedy: None };
    let remedy;
    if let PageRefusal::RedirectUriMismatch { received, registered, .. } = refusal {
        developer.redirect_uri = Some(RedirectUris {
            received: received.into(),
            registered: registered.iter().map(Into::into).collect(),
        });
        remedy = format!("redirect_uris = [\"{received}\"]");
        developer.remedy = Some(remedy.as_str().into());
    }
    // An unknown client and a disabled one are the same page (catalogue A-04).
    let client = client.filter(|_| matches!(cause, Cause::RedirectUriMissing | Cause::RedirectUriMismatch));
    let name = client.map(Client::display_name);
    let home = client.and_then(|client| client.client_uri.as_deref());
    let page = ErrorPage {
        cause,
        application: name.map(Into::into),
        back: name.zip(home).map(|(name, uri)| Back { name: name.into(), uri: uri.into() }),
        developer: stage.sheet.for_developers(developer),
    };
    note(stage.sheet.page(400, &Page::Error(page)), |noted| noted.reason = Some(refusal.cause().to_owned()))
}
