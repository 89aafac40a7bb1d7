//! `/consent`: the answer to "may this application …?".

use std::sync::Arc;

use axum::{body::Body, extract::State, http::HeaderMap};
use grantwell_core::{
    id::UserId,
    interaction::{
        NextStep, View,
        consent::{self, About, Answer as Pressed, Answered, Answering, Question, Said},
        next,
        pending::Pending,
    },
    store::{Outcome, Read, Share, Store},
};

use crate::{
    app::App,
    http::{
        answer::{Answer, contended, see_other, with_cookies},
        browser::Browser,
        context::Context,
        proceed::{self, Asking, ROUNDS, Stage},
        select_account::{Opened, open},
        token::origin,
        wire,
    },
    pages::Cause,
};

/// POST.
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
    let pressed = match form.one("decision") {
        Ok(Some("allow")) => Pressed::Allow,
        Ok(Some("deny")) => Pressed::Deny,
        _ => return stage.sheet.error(400, Cause::InvalidRequest, "decision"),
    };
    let account = form.one("account").ok().flatten().and_then(UserId::parse);
    let Some(account) = account else { return stage.sheet.error(400, Cause::InvalidRequest, "account") };
    let question = form.one("question").ok().flatten().unwrap_or_default();
    for _ in 0..ROUNDS {
        match answer(&stage, &pending, &browser, (account, pressed), question).await {
            Ok(Some((Answered::Noted, noted))) => {
                let answer = stage.proceed(noted, &mut browser).await;
                return with_cookies(answer, browser);
            }
            Ok(Some((Answered::Changed, pending))) => {
                let answer = Stage { asking: Asking::Again, ..stage }.proceed(pending, &mut browser).await;
                return with_cookies(answer, browser);
            }
            Ok(Some((Answered::Stale, _))) => {
                let handle = pending.handle(&app.current().keyring.keys, app.entropy.as_ref());
                return see_other(&app.policy.url(&format!("/authorize/resume?interaction={handle}")));
            }
            Ok(None) => match app.store.interaction(app.realm, pending.interaction.id).await {
                Ok(Some(interaction)) => pending = Pending { interaction, stored: true },
                Ok(None) => {}
                Err(error) => return stage.sheet.unavailable(&error),
            },
            Err(error) => return stage.sheet.unavailable(&error),
        }
    }
    contended(&context)
}

/// Notes it; `None` after a conflict.
async fn answer(
    stage: &Stage<'_>,
    pending: &Pending,
    browser: &Browser,
    (by, answer): (UserId, Pressed),
    question: &str,
) -> Read<Option<(Answered, Pending)>> {
    let Stage { app, context, .. } = *stage;
    let loaded = proceed::load(app, pending, &browser.sessions).await?;
    let Some(client) = &loaded.client else { return Ok(Some((Answered::Stale, pending.clone()))) };
    let view = View {
        request: &pending.interaction.request,
        facts: &pending.interaction.facts,
        sessions: &browser.sessions,
        consent: loaded.consent.as_ref(),
        client,
        now: context.now,
    };
    let origin = origin(context);
    let with = Answering { now: context.now, entropy: app.entropy.as_ref(), origin: &origin };
    let step = next(&view);
    let about = match &step {
        NextStep::Consent { asked, .. } => {
            let resources = wire::resources(app, asked).await?;
            let asked = Question { pending, client, asked, resources: &resources };
            asked.compare(&app.current().keyring.keys, question)
        }
        _ => About::AnotherQuestion,
    };
    let decision = consent::answer(pending, &step, Said { by, answer, about }, &with);
    if decision.writes.is_empty() {
        return Ok(Some((decision.outcome, pending.clone())));
    }
    if app.store.commit(app.realm, Share::Grants, decision.writes).await? != Outcome::Done {
        return Ok(None);
    }
    let row = app.store.interaction(app.realm, pending.interaction.id).await?;
    Ok(row.map(|interaction| (decision.outcome, Pending { interaction, stored: true })))
}
