//! `/interaction/{id}`: for the back end of a front end of somebody else. It reads what the next step is and reports facts and
//! decisions as JSON, with a credential of its own; no browser may call it (no CORS). Then the browser goes to
//! `/authorize/resume`, where the transaction cookie is checked before anything is issued.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, State},
    http::HeaderMap,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use grantwell_core::{
    interaction::{
        Facts, NextStep, View,
        consent::{self, About, Answer as Pressed, Answered, Answering, Question, Said},
        next,
        pending::Pending,
        sign_in::{self, Budget, Settling},
    },
    secret::Digest,
    store::{Authentication, LoginName, Outcome, Read, SessionRecord, Share, Store, StoreError, User},
    time::Timestamp,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    app::App,
    http::{
        answer::{Answer, bad_body, contended, json as answer_json, set, unavailable},
        body,
        browser::Browser,
        context::Context,
        proceed::{self, ROUNDS, Stage},
        token::{authorization, origin},
        wire,
    },
    pages::Cause,
};

/// What a front end reports: exactly one of `login`, `consent` and `cancel`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    login: Option<Login>,
    consent: Option<Decision>,
    /// With `consent`: which question was answered, of [`describe`]. A front end that leaves it out vouches for that itself.
    question: Option<String>,
    cancel: Option<bool>,
}

/// The person proved who they are, to the front end.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    /// User name or e-mail.
    username: String,
    /// RFC 8176.
    #[serde(default)]
    amr: Vec<String>,
    /// The class reached.
    #[serde(default)]
    acr: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Decision {
    Allow,
    Deny,
}

/// GET: what the next step is, and all that a page for it needs.
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    context: Context,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Answer {
    if let Some(answer) = refuse_stranger(&app, &headers) {
        return answer;
    }
    match load(&app, &context, &id).await {
        Ok(Some((pending, sessions))) => match describe(&app, &context, &pending, &sessions).await {
            Ok(value) => answer_json(200, &value),
            Err(error) => unavailable(&context, &error),
        },
        Ok(None) => not_found(&context),
        Err(error) => unavailable(&context, &error),
    }
}

/// POST: a fact or a decision.
pub(crate) async fn post(
    State(app): State<Arc<App>>,
    context: Context,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Body,
) -> Answer {
    if let Some(answer) = refuse_stranger(&app, &headers) {
        return answer;
    }
    let report: Report = match body::json(&headers, body).await {
        Ok(report) => report,
        Err(error) => return bad_body(&context, error),
    };
    for _ in 0..ROUNDS {
        let (pending, sessions) = match load(&app, &context, &id).await {
            Ok(Some(loaded)) => loaded,
            Ok(None) => return not_found(&context),
            Err(error) => return unavailable(&context, &error),
        };
        match keep(&app, &context, &pending, &sessions, &report).await {
            Ok(Ok(Outcome::Done)) => {
                let id = pending.interaction.id;
                let resume = app.policy.url(&format!("/authorize/resume?interaction={id}"));
                return answer_json(200, &json!({ "id": id, "resume": resume }));
            }
            Ok(Ok(Outcome::Conflict(_))) => {}
            Ok(Err(why)) => return answer_json(409, &json!({ "error": why, "trace_id": *context.trace_id })),
            Err(error) => return unavailable(&context, &error),
        }
    }
    contended(&context)
}

fn not_found(context: &Context) -> Answer {
    answer_json(404, &json!({ "error": "not_found", "trace_id": *context.trace_id }))
}

/// 401 for everybody but the front end; 404 where there is none.
fn refuse_stranger(app: &App, headers: &HeaderMap) -> Option<Answer> {
    let Some(front_end) = &app.front_end else {
        return Some(answer_json(404, &json!({ "error": "not_found" })));
    };
    let presented = match authorization(headers).as_slice() {
        [one] => one.strip_prefix("Basic ").and_then(|text| STANDARD.decode(text).ok()),
        _ => None,
    };
    let presented = presented.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let (id, secret) = presented.split_once(':').unwrap_or_default();
    let genuine = Digest::of(secret.as_bytes()) == front_end.client_secret;
    if genuine && id == front_end.client_id {
        return None;
    }
    let mut answer = answer_json(401, &json!({ "error": "invalid_client" }));
    set(&mut answer, "www-authenticate", "Basic realm=\"interaction\"");
    Some(answer)
}

/// The interaction and, as far as a back end can know them, the sessions: that of the person it reported.
async fn load(app: &App, context: &Context, id: &str) -> Read<Option<(Pending, Vec<SessionRecord>)>> {
    let Some(pending) = proceed::find(app, id).await? else { return Ok(None) };
    if pending.is_expired(context.now) {
        return Ok(None);
    }
    let sessions = match (&pending.interaction.facts.session_id, &pending.interaction.facts.signed_in) {
        (Some(id), _) => app.store.session(app.realm, *id).await?.into_iter().collect(),
        (None, Some((user, authentication))) => {
            let user = app.store.user(app.realm, *user).await?;
            user.map(|user| vec![presumed(user, authentication, app.current().realm.epoch, context.now)])
                .unwrap_or_default()
        }
        (None, None) => Vec::new(),
    };
    Ok(Some((pending, sessions)))
}

/// The session that the browser will get when it comes back; never stored.
fn presumed(user: User, authentication: &Authentication, epoch: u32, now: Timestamp) -> SessionRecord {
    let session = grantwell_core::store::Session {
        id: grantwell_core::id::SessionId::from_bytes([0; 16]),
        digest: Digest([0; 32]),
        user_id: user.id,
        authentication: authentication.clone(),
        user_agent: String::new(),
        address: String::new(),
        epoch,
        created_at: now,
        last_seen_at: now,
        expires_at: now,
        ended_at: None,
    };
    SessionRecord { session, user, epoch }
}

async fn describe(
    app: &App,
    context: &Context,
    pending: &Pending,
    sessions: &[SessionRecord],
) -> Read<Value> {
    let request = &pending.interaction.request;
    let loaded = proceed::load(app, pending, sessions).await?;
    let Some(client) = &loaded.client else {
        return Ok(json!({ "next": { "step": "error", "error": "client_unknown" } }));
    };
    let view = View {
        request,
        facts: &pending.interaction.facts,
        sessions,
        consent: loaded.consent.as_ref(),
        client,
        now: context.now,
    };
    let step = match next(&view) {
        NextStep::Login(reason) => json!({ "step": "login", "reason": reason.as_str() }),
        NextStep::SelectAccount => json!({ "step": "select_account" }),
        NextStep::Consent { session, asked, missing } => {
            let resources = wire::resources(app, &asked).await?;
            let question = Question { pending, client, asked: &asked, resources: &resources };
            json!({
                "step": "consent",
                "subject": session.user.id,
                "asked": wire::permissions_json(&asked),
                "missing": wire::permissions_json(&missing),
                "question": question.fingerprint(&app.current().keyring.keys),
            })
        }
        NextStep::RedirectUriGone => json!({ "step": "error", "error": "redirect_uri_removed" }),
        NextStep::Issue { .. } | NextStep::Refuse(_) => json!({ "step": "resume" }),
    };
    Ok(json!({
        "id": pending.interaction.id,
        "expires_at": pending.interaction.expires_at.seconds(),
        "next": step,
        "client": {
            "client_id": client.client_id, "client_name": client.client_name, "client_uri": client.client_uri,
            "policy_uri": client.policy_uri, "tos_uri": client.tos_uri,
        },
        "redirect_uri": request.redirect_uri,
        "permissions": wire::permissions_json(&request.permissions),
        "prompt": { "login": request.prompts.login, "consent": request.prompts.consent },
        "login_hint": request.login_hint,
        "ui_locales": request.ui_locales,
        "acr_values": request.acr_values,
        "max_age": request.max_age,
    }))
}

/// Keeps what was reported; the inner error says why it does not fit.
async fn keep(
    app: &App,
    context: &Context,
    pending: &Pending,
    sessions: &[SessionRecord],
    report: &Report,
) -> Read<Result<Outcome, &'static str>> {
    let origin = origin(context);
    let with = Answering { now: context.now, entropy: app.entropy.as_ref(), origin: &origin };
    let writes = match report {
        Report { login: Some(login), consent: None, cancel: None, question: None } => {
            let user = app.store.user_by_login(app.realm, &LoginName::new(&login.username)).await?;
            let Some(user) = user.filter(|user| !user.disabled) else { return Ok(Err("user_unknown")) };
            let authentication =
                Authentication { at: context.now, amr: login.amr.clone(), acr: login.acr.clone() };
            let facts =
                Facts { signed_in: Some((user.id, authentication)), selected: true, ..Facts::default() };
            vec![pending.keep(facts)]
        }
        Report { login: None, consent: Some(decision), cancel: None, question } => {
            let loaded = proceed::load(app, pending, sessions).await?;
            let Some(client) = &loaded.client else { return Ok(Err("client_unknown")) };
            let Some(subject) = sessions.first() else { return Ok(Err("login_required")) };
            let view = View {
                request: &pending.interaction.request,
                facts: &pending.interaction.facts,
                sessions,
                consent: loaded.consent.as_ref(),
                client,
                now: context.now,
            };
            let answer = match decision {
                Decision::Allow => Pressed::Allow,
                Decision::Deny => Pressed::Deny,
            };
            let step = next(&view);
            let about = match (question, &step) {
                (Some(received), NextStep::Consent { asked, .. }) => {
                    let resources = wire::resources(app, asked).await?;
                    let question = Question { pending, client, asked, resources: &resources };
                    question.compare(&app.current().keyring.keys, received)
                }
                _ => About::ThisQuestion,
            };
            let said = Said { by: subject.user.id, answer, about };
            let answered = consent::answer(pending, &step, said, &with);
            match answered.outcome {
                Answered::Noted => answered.writes,
                Answered::Stale => return Ok(Err("consent_not_asked")),
                Answered::Changed => return Ok(Err("question_changed")),
            }
        }
        Report { login: None, consent: None, cancel: Some(true), question: None } => {
            consent::cancel(pending, sessions.first().map(|record| record.user.id), &with).writes
        }
        _ => return Ok(Err("report_exactly_one_of_login_consent_cancel")),
    };
    app.store.commit(app.realm, Share::SignIns, writes).await.map(Ok)
}

/// The browser is back: the person whom the front end reported gets a session here.
pub(crate) async fn adopt(
    stage: &Stage<'_>,
    mut pending: Pending,
    browser: &mut Browser,
    headers: &HeaderMap,
) -> Result<Pending, Box<Answer>> {
    let Stage { app, context, sheet, .. } = stage;
    let unavailable = |error: StoreError| Box::new(sheet.unavailable(&error));
    for _ in 0..ROUNDS {
        let Facts { signed_in: Some((user, authentication)), session_id: None, .. } =
            pending.interaction.facts.clone()
        else {
            return Ok(pending);
        };
        let user = app.store.user(app.realm, user).await.map_err(unavailable)?;
        let user = user.filter(|user| !user.disabled);
        let Some(user) = user else {
            return Err(Box::new(sheet.error(403, Cause::AccessDenied, "user_disabled")));
        };
        let replaces = browser.sessions.iter().find(|record| record.user.id == user.id).map(|r| r.session.id);
        let (address, name) = (context.address.to_string(), LoginName::new(&user.username));
        let user_agent = headers.get("user-agent").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let with = Settling {
            budget: &Budget::of(&name, Some(&user), None, &address),
            browser: sign_in::Browser {
                address: &address,
                user_agent,
                device: browser.device.as_ref(),
                replaces,
            },
            policy: &app.policy,
            epoch: app.current().realm.epoch,
            now: context.now,
            entropy: app.entropy.as_ref(),
            trace_id: &context.trace_id,
        };
        let decision = sign_in::start_session(&user, &authentication, Some(&pending), &with);
        let outcome =
            app.store.commit(app.realm, Share::SignIns, decision.writes).await.map_err(unavailable)?;
        let fresh = app.store.interaction(app.realm, pending.interaction.id).await.map_err(unavailable)?;
        let Some(interaction) = fresh else { return Err(Box::new(contended(context))) };
        pending = Pending { interaction, stored: true };
        if outcome == Outcome::Done {
            browser.begin_session(app, decision.outcome.session_id, &decision.outcome.secret, replaces);
            browser.remember_device(app, &decision.outcome.device);
            let record =
                app.store.session(app.realm, decision.outcome.session_id).await.map_err(unavailable)?;
            browser.sessions.retain(|known| Some(known.session.id) != replaces);
            browser.sessions.splice(0..0, record);
            return Ok(pending);
        }
    }
    Err(Box::new(contended(context)))
}
