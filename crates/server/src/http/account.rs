//! `/account`: who am I, which applications are connected, where am I signed in; and the forms of that page.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{RawQuery, State},
    http::HeaderMap,
};
use grantwell_core::{
    account::{self, Acting, Done, Which},
    form::Form,
    id::{ConsentId, SessionId},
    interaction::pending,
    redirect_uri,
    scope::Audience,
    secret::Secret,
    store::{Connection, Outcome, Read, Session, SessionRecord, Share, Store},
};

use crate::{
    app::App,
    http::{
        answer::{Answer, contended, see_other, with_cookies},
        body,
        browser::{self, Browser},
        context::{Context, locale},
        proceed::{ROUNDS, SignInAs, Stage},
        sign_in, wire,
    },
    pages::{
        self, Application, Cause, Connected, Notice, Novelty, Page, SessionLine, SignInWhy, WhichSession,
    },
};

/// GET.
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    context: Context,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Answer {
    let stage = Stage::new(&app, &context, locale(&headers, &[]));
    let mut browser = match Browser::load(&app, &context, &headers).await {
        Ok(browser) => browser,
        Err(error) => return stage.sheet.unavailable(&error),
    };
    let digest = browser.transaction_digest(&app);
    let answer = match browser.sessions.first() {
        None => {
            let how = SignInAs { why: SignInWhy::SignIn, typed: None, problem: None };
            sign_in::account_page(&stage, &mut browser, how)
        }
        Some(record) => {
            let keys = &app.current().keyring.keys;
            let anti_forgery =
                pending::anti_forgery(keys, &digest, "account", &record.session.id.to_string());
            let notice = notice(query.as_deref().unwrap_or_default());
            match page(&stage, record, &anti_forgery, notice).await {
                Ok(page) => stage.sheet.page(200, &Page::Account(Box::new(page))),
                Err(error) => stage.sheet.unavailable(&error),
            }
        }
    };
    with_cookies(answer, browser)
}

fn notice(query: &str) -> Option<Notice<'static>> {
    match query {
        "done=disconnected" => Some(Notice::Disconnected { name: "".into() }),
        "done=session-ended" => Some(Notice::SessionEnded),
        "done=others-ended" => Some(Notice::OthersEnded),
        _ => None,
    }
}

async fn page<'p>(
    stage: &Stage<'_>,
    record: &'p SessionRecord,
    anti_forgery: &'p str,
    notice: Option<Notice<'p>>,
) -> Read<pages::Account<'p>> {
    let Stage { app, context, .. } = stage;
    let form = |action: &'static str, field: &'static str, value: String| pages::Form {
        action: action.into(),
        anti_forgery: anti_forgery.into(),
        interaction: None,
        fields: vec![(field.into(), value.into())],
    };
    let mut applications = Vec::new();
    for connection in app.store.connections_of(app.realm, record.user.id).await? {
        let disconnect = form("/account/disconnect", "consent", connection.consent.id.to_string());
        applications.push(connected(app, connection, disconnect).await?);
    }
    let sessions = app.store.sessions_of(app.realm, record.user.id, context.now).await?;
    let sessions = sessions
        .into_iter()
        .map(|session| SessionLine {
            sign_out: form("/account/sign-out", "session", session.id.to_string()),
            which: if session.id == record.session.id { WhichSession::This } else { WhichSession::Other },
            user_agent: session.user_agent.into(),
            address: session.address.into(),
            signed_in: session.created_at,
            last_seen: session.last_seen_at,
        })
        .collect();
    Ok(pages::Account {
        person: wire::person(&record.user),
        username: record.user.username.as_str().into(),
        notice,
        applications,
        sessions,
        sign_out_others: form("/account/sign-out", "session", "others".to_owned()),
        sign_out: form("/account/sign-out", "session", record.session.id.to_string()),
    })
}

async fn connected<'f>(
    app: &App,
    connection: Connection,
    disconnect: pages::Form<'f>,
) -> Read<Connected<'f>> {
    let Connection { consent, client, last_used_at } = connection;
    let offline = consent.permissions.scopes().contains("offline_access");
    let home = client
        .as_ref()
        .and_then(|client| client.client_uri.clone().or_else(|| client.redirect_uris.first().cloned()));
    let name = client.as_ref().map_or(consent.client_id.as_str(), |client| client.display_name()).to_owned();
    Ok(Connected {
        application: Application {
            name: name.into(),
            host: home.map(|uri| redirect_uri::host_for_display(&uri).into()),
        },
        permissions: wire::permissions(
            &consent.permissions,
            &wire::resources(app, &consent.permissions).await?,
            |_: &Audience, _| Novelty::First,
        ),
        offline_access: offline.then_some(Novelty::First),
        since: consent.created_at,
        last_used: last_used_at,
        disconnect,
    })
}

/// POST `/account/disconnect`.
pub(crate) async fn disconnect(
    State(app): State<Arc<App>>,
    context: Context,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let (form, browser, record) = match open(&app, &context, &headers, body).await {
        Ok(opened) => opened,
        Err(answer) => return *answer,
    };
    let stage = Stage::new(&app, &context, locale(&headers, &[]));
    let id = form.one("consent").ok().flatten().and_then(ConsentId::parse);
    let Some(id) = id else { return stage.sheet.error(404, Cause::NotFound, "consent") };
    for _ in 0..ROUNDS {
        let connections = match app.store.connections_of(app.realm, record.user.id).await {
            Ok(connections) => connections,
            Err(error) => return stage.sheet.unavailable(&error),
        };
        let decision = account::disconnect(id, &connections, &acting(&app, &context, &record));
        match commit(&stage, decision.writes, decision.outcome).await {
            Some(Ok(())) => return with_cookies(done(&app, "disconnected"), browser),
            Some(Err(answer)) => return *answer,
            None => {}
        }
    }
    contended(&context)
}

/// POST `/account/sign-out`.
pub(crate) async fn sign_out(
    State(app): State<Arc<App>>,
    context: Context,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let (form, mut browser, record) = match open(&app, &context, &headers, body).await {
        Ok(opened) => opened,
        Err(answer) => return *answer,
    };
    let stage = Stage::new(&app, &context, locale(&headers, &[]));
    let which = match form.one("session").ok().flatten() {
        Some("others") => Some(Which::Others),
        other => other.and_then(SessionId::parse).map(Which::One),
    };
    let Some(which) = which else { return stage.sheet.error(404, Cause::NotFound, "session") };
    for _ in 0..ROUNDS {
        let sessions: Vec<Session> = match app.store.sessions_of(app.realm, record.user.id, context.now).await
        {
            Ok(sessions) => sessions,
            Err(error) => return stage.sheet.unavailable(&error),
        };
        let decision = account::sign_out(which, &sessions, &acting(&app, &context, &record));
        match commit(&stage, decision.writes, decision.outcome).await {
            Some(Ok(())) => {
                let answer = match which {
                    Which::Others => done(&app, "others-ended"),
                    Which::One(id) => {
                        browser.forget_sessions(&app, &[id]);
                        done(&app, "session-ended")
                    }
                };
                return with_cookies(answer, browser);
            }
            Some(Err(answer)) => return *answer,
            None => {}
        }
    }
    contended(&context)
}

/// The answer of a commit; `None` after a conflict.
async fn commit(
    stage: &Stage<'_>,
    writes: Vec<grantwell_core::store::Write>,
    outcome: Done,
) -> Option<Result<(), Box<Answer>>> {
    if outcome == Done::NotFound {
        return Some(Err(Box::new(stage.sheet.error(404, Cause::NotFound, "not_yours_or_gone"))));
    }
    match stage.app.store.commit(stage.app.realm, Share::Grants, writes).await {
        Ok(Outcome::Done) => Some(Ok(())),
        Ok(Outcome::Conflict(_)) => None,
        Err(error) => Some(Err(Box::new(stage.sheet.unavailable(&error)))),
    }
}

fn acting<'a>(app: &'a App, context: &'a Context, record: &'a SessionRecord) -> Acting<'a> {
    Acting { session: record, now: context.now, entropy: app.entropy.as_ref(), trace_id: &context.trace_id }
}

fn done(app: &App, what: &str) -> Answer {
    see_other(&app.policy.url(&format!("/account?done={what}")))
}

/// Opens a form of the page: ours, of this browser, for the session that is signed in (catalogue L-02).
async fn open(
    app: &App,
    context: &Context,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Form, Browser, SessionRecord), Box<Answer>> {
    let stage = Stage::new(app, context, locale(headers, &[]));
    let form = body::form(headers, body).await.map_err(|error| Box::new(stage.sheet.bad_body(error)))?;
    let browser = Browser::load(app, context, headers).await;
    let browser = browser.map_err(|error| Box::new(stage.sheet.unavailable(&error)))?;
    let forged = || Box::new(stage.sheet.error(403, Cause::CrossSite, "anti_forgery"));
    let record = browser.sessions.first().cloned();
    let Some(record) = record else { return Err(Box::new(see_other(&app.policy.url("/account")))) };
    let received = form.one("anti_forgery").ok().flatten().unwrap_or_default();
    let keys = &app.current().keyring.keys;
    let fits = browser.transaction.as_ref().map(Secret::digest).is_some_and(|digest| {
        let about = record.session.id.to_string();
        pending::anti_forgery_fits(keys, &digest, ("account", &about), received)
    });
    if fits && browser::is_same_origin(app, headers) { Ok((form, browser, record)) } else { Err(forged()) }
}
