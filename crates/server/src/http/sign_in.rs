//! `/sign-in`: reserve, compare, settle. What each of the three writes, `interaction::sign_in` decides.

use std::sync::Arc;

use axum::{body::Body, extract::State, http::HeaderMap};
use grantwell_core::{
    client::Client,
    form::Form,
    interaction::{
        pending::{self, Pending},
        sign_in::{self, Budget, LONGEST_LOGIN, Reserved, Settling, SignedIn},
    },
    secret::Secret,
    store::{LoginName, Outcome, Read, Share, Store, StoreError, User},
};
use zeroize::Zeroizing;

use crate::{
    app::App,
    http::{
        answer::{Answer, note, see_other, set, with_cookies},
        body,
        browser::{self, Browser},
        context::{Context, locale},
        proceed::{ROUNDS, SignInAs, Stage},
        wire,
    },
    login::password::{Compared, HashError, Place},
    pages::{self, Cause, Page, SignIn, SignInProblem, SignInWhy},
};

/// What signing in is for.
enum Purpose {
    /// To answer an application.
    Interaction(Box<Pending>),
    /// To see the account page.
    Account,
}

impl Purpose {
    fn pending(&self) -> Option<&Pending> {
        match self {
            Self::Interaction(pending) => Some(pending),
            Self::Account => None,
        }
    }
}

/// The sign-in page in front of the account page.
pub(crate) fn account_page(stage: &Stage<'_>, browser: &mut Browser, how: SignInAs<'_>) -> Answer {
    let digest = browser.transaction_digest(stage.app);
    let keys = &stage.app.current().keyring.keys;
    let form = pages::Form {
        action: "/sign-in".into(),
        anti_forgery: pending::anti_forgery(keys, &digest, "form", "account").into(),
        interaction: None,
        fields: Vec::new(),
    };
    let page = SignIn {
        form,
        application: None,
        username: how.typed.unwrap_or_default().into(),
        why: how.why,
        problem: how.problem,
        back: None,
        other_accounts: None,
    };
    stage.sheet.page(wire::status_of(how.problem), &Page::SignIn(page))
}

/// POST.
pub(crate) async fn post(
    State(app): State<Arc<App>>,
    context: Context,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let stage = Stage::new(&app, &context, locale(&headers, &[]));
    let form = match body::form(&headers, body).await {
        Ok(form) => form,
        Err(error) => return stage.sheet.bad_body(error),
    };
    let mut browser = match Browser::load(&app, &context, &headers).await {
        Ok(browser) => browser,
        Err(error) => return stage.sheet.unavailable(&error),
    };
    let purpose = match purpose(&stage, &form, &browser, &headers).await {
        Ok(purpose) => purpose,
        Err(answer) => return *answer,
    };
    let answer = match attempt(&stage, &form, &purpose, &mut browser, &headers).await {
        Ok(Ok(())) => {
            metrics::counter!("grantwell_login_total", "method" => "password", "outcome" => "ok")
                .increment(1);
            see_other(&app.policy.url(&match purpose.pending() {
                Some(pending) => format!("/authorize/resume?interaction={}", pending.interaction.id),
                None => "/account".to_owned(),
            }))
        }
        Ok(Err(problem)) => {
            let outcome = match problem {
                SignInProblem::TooMany { .. } => "limited",
                SignInProblem::Busy => "busy",
                SignInProblem::Credentials => "failed",
            };
            metrics::counter!("grantwell_login_total", "method" => "password", "outcome" => outcome)
                .increment(1);
            show_again(&stage, &purpose, &mut browser, &form, problem).await
        }
        Err(error) => return stage.sheet.unavailable(&error),
    };
    with_cookies(answer, browser)
}

/// What the form is for, once it is known to be ours (catalogue L-01).
async fn purpose(
    stage: &Stage<'_>,
    form: &Form,
    browser: &Browser,
    headers: &HeaderMap,
) -> Result<Purpose, Box<Answer>> {
    let forged = || Box::new(stage.sheet.error(403, Cause::CrossSite, "anti_forgery"));
    if !browser::is_same_origin(stage.app, headers) {
        return Err(forged());
    }
    let received = form.one("anti_forgery").ok().flatten().unwrap_or_default();
    let keys = &stage.app.current().keyring.keys;
    match form.one("interaction").ok().flatten() {
        Some(handle) => {
            let pending = stage.resume(handle, browser).await.map_err(Box::new)?;
            let (digest, about) = (pending.interaction.browser, pending.interaction.id.to_string());
            let fits = pending::anti_forgery_fits(keys, &digest, ("form", &about), received);
            if fits { Ok(Purpose::Interaction(Box::new(pending))) } else { Err(forged()) }
        }
        None => {
            let digest = browser.transaction.as_ref().map(Secret::digest).ok_or_else(forged)?;
            let fits = pending::anti_forgery_fits(keys, &digest, ("form", "account"), received);
            if fits { Ok(Purpose::Account) } else { Err(forged()) }
        }
    }
}

type Attempted = Result<(), SignInProblem>;

async fn attempt(
    stage: &Stage<'_>,
    form: &Form,
    purpose: &Purpose,
    browser: &mut Browser,
    headers: &HeaderMap,
) -> Read<Attempted> {
    let Stage { app, context, .. } = *stage;
    let typed = form.one("username").ok().flatten().unwrap_or_default();
    let password = Zeroizing::new(form.one("password").ok().flatten().unwrap_or_default().to_owned());
    // A place in the queue first: who is sent away because the server is busy has not used up an attempt.
    let Ok(place) = app.passwords.admit() else { return Ok(Err(SignInProblem::Busy)) };
    let name = LoginName::new(&typed.chars().take(LONGEST_LOGIN).collect::<String>());
    let user = app.store.user_by_login(app.realm, &name).await?;
    let budget = Budget::of(&name, user.as_ref(), browser.device.as_ref(), &context.address_key());
    if let Some(problem) = reserve(app, context, &budget).await? {
        return Ok(Err(problem));
    }
    let Ok(compared) = compare(app, password, user.as_ref(), &place).await else {
        return Ok(Err(SignInProblem::Busy));
    };
    let address = context.address.to_string();
    let device = browser.device.take();
    let user_agent = headers.get("user-agent").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let replaces =
        user.as_ref().and_then(|user| browser.sessions.iter().find(|record| record.user.id == user.id));
    let replaces = replaces.map(|record| record.session.id);
    let with = Settling {
        budget: &budget,
        browser: sign_in::Browser { address: &address, user_agent, device: device.as_ref(), replaces },
        policy: &app.policy,
        epoch: app.current().realm.epoch,
        now: context.now,
        entropy: app.entropy.as_ref(),
        trace_id: &context.trace_id,
    };
    match user.filter(|_| compared.matches) {
        Some(user) => {
            let signed_in = succeed(app, &user, purpose, compared.rehashed, &with).await?;
            browser.begin_session(app, signed_in.session_id, &signed_in.secret, replaces);
            browser.remember_device(app, &signed_in.device);
            Ok(Ok(()))
        }
        None => {
            let user = app.store.user_by_login(app.realm, &name).await?;
            let decision = sign_in::fail(user.as_ref(), &with);
            let _ = app.store.commit(app.realm, Share::SignIns, decision.writes).await?;
            browser.device = device;
            Ok(Err(SignInProblem::Credentials))
        }
    }
}

/// Counts the attempt; says why it is not heard.
async fn reserve(app: &App, context: &Context, budget: &Budget) -> Read<Option<SignInProblem>> {
    for _ in 0..ROUNDS {
        let counters = app.store.attempts(app.realm, &budget.keys()).await?;
        let decision = sign_in::reserve(budget, &counters, &app.policy, context.now);
        if let Reserved::Wait(wait) = decision.outcome {
            metrics::counter!("grantwell_ratelimited_total", "rule" => "sign_in").increment(1);
            return Ok(Some(SignInProblem::TooMany { wait: wait.as_secs().max(1) }));
        }
        if app.store.commit(app.realm, Share::SignIns, decision.writes).await? == Outcome::Done {
            return Ok(None);
        }
    }
    Err(StoreError::Unavailable("four conflicts in a row".to_owned()))
}

/// The comparison. Somebody who may not sign in costs the same as somebody who may.
async fn compare(
    app: &App,
    password: Zeroizing<String>,
    user: Option<&User>,
    place: &Place,
) -> Result<Compared, HashError> {
    let stored = user.filter(|user| !user.disabled).and_then(|user| user.password_hash.clone());
    let mut salt = [0; 16];
    app.entropy.fill(&mut salt);
    app.passwords.compare(password, stored, salt, place).await
}

async fn succeed(
    app: &App,
    user: &User,
    purpose: &Purpose,
    mut rehashed: Option<String>,
    with: &Settling<'_>,
) -> Read<SignedIn> {
    let mut pending = purpose.pending().cloned();
    let mut replaces = with.browser.replaces;
    for _ in 0..ROUNDS {
        let with = Settling { browser: sign_in::Browser { replaces, ..with.browser }, ..*with };
        let decision = sign_in::succeed(user, pending.as_ref(), rehashed.clone(), &with);
        match app.store.commit(app.realm, Share::SignIns, decision.writes).await? {
            Outcome::Done => return Ok(decision.outcome),
            Outcome::Conflict(_) => {
                // Another tab was faster in one of three ways: a fact was kept, the old session ended, the hash renewed.
                if let Some(pending) = &mut pending
                    && let Some(row) = app.store.interaction(app.realm, pending.interaction.id).await?
                {
                    *pending = Pending { interaction: row, stored: true };
                }
                if let Some(id) = replaces {
                    let record = app.store.session(app.realm, id).await?;
                    replaces = record.filter(|record| record.session.ended_at.is_none()).map(|_| id);
                }
                rehashed = None;
            }
        }
    }
    Err(StoreError::Unavailable("four conflicts in a row".to_owned()))
}

/// The page again, with what was wrong.
async fn show_again(
    stage: &Stage<'_>,
    purpose: &Purpose,
    browser: &mut Browser,
    form: &Form,
    problem: SignInProblem,
) -> Answer {
    let typed = form.one("username").ok().flatten();
    let how = SignInAs { why: SignInWhy::SignIn, typed, problem: Some(problem) };
    let mut answer = match purpose {
        Purpose::Account => account_page(stage, browser, how),
        Purpose::Interaction(pending) => {
            let client: Read<Option<Client>> =
                stage.app.store.client(stage.app.realm, &pending.interaction.request.client_id).await;
            match client {
                Ok(client) => stage.sign_in_page(pending, client.as_ref(), browser, how),
                Err(error) => return stage.sheet.unavailable(&error),
            }
        }
    };
    match problem {
        SignInProblem::TooMany { wait } => set(&mut answer, "retry-after", &wait.to_string()),
        SignInProblem::Busy => set(&mut answer, "retry-after", "1"),
        SignInProblem::Credentials => {}
    }
    note(answer, |noted| noted.reason = Some("sign_in_failed".to_owned()))
}
