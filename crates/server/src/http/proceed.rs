//! Brings an interaction to its next page, or to its end. What the next step is, the protocol says; here it is shown.

use std::sync::Arc;

use grantwell_core::{
    client::Client,
    id::AuthorizationId,
    interaction::{
        InteractionRefusal, LoginReason, NextStep, View,
        consent::Question,
        issue,
        issue::{Issuing, Repeat},
        next,
        pending::{self, Handle, Pending},
        subject,
    },
    scope::{Audience, Permissions},
    store::{Consent, Outcome, Read, SessionRecord, Share, Store},
};

use crate::{
    app::App,
    http::{
        answer::{Answer, Sheet, contended, note, see_other},
        browser::Browser,
        context::Context,
        wire,
    },
    pages::{
        self, AccountChoice, Aside, Cause, Lasts, Novelty, Page, SelectAccount, SignIn, SignInProblem,
        SignInWhy,
    },
};

/// Rounds of load, decide, commit before giving up.
pub(crate) const ROUNDS: usize = 4;

/// All that showing a step needs.
pub(crate) struct Stage<'a> {
    /// The server.
    pub(crate) app: &'a App,
    /// Of the request.
    pub(crate) context: &'a Context,
    /// Renders.
    pub(crate) sheet: Sheet<'a>,
    /// How the consent page asks.
    pub(crate) asking: Asking,
}

/// How the consent page asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asking {
    /// As a page that was not answered yet.
    Plainly,
    /// Saying that what was answered is not what is asked now.
    Again,
}

/// What was loaded for an interaction.
pub(crate) struct Loaded {
    /// The client; `None` when it was deleted or disabled meanwhile.
    pub(crate) client: Option<Arc<Client>>,
    /// The live consent of the person for the client.
    pub(crate) consent: Option<Consent>,
}

/// Loads what the next step depends on.
pub(crate) async fn load(app: &App, pending: &Pending, sessions: &[SessionRecord]) -> Read<Loaded> {
    let request = &pending.interaction.request;
    let client = app.client(&request.client_id).await?.filter(|client| !client.disabled);
    let consent = match subject(request, &pending.interaction.facts, sessions) {
        Some(record) => app.store.consent(app.realm, record.user.id, &request.client_id).await?,
        None => None,
    };
    Ok(Loaded { client, consent })
}

/// Reads the interaction a form or a URL names; `None` when there is none.
pub(crate) async fn find(app: &App, handle: &str) -> Read<Option<Pending>> {
    match Handle::read(handle, &app.current().keyring.keys, &app.policy.lifetimes, app.now()) {
        None => Ok(None),
        Some(Handle::Row(id)) => {
            let row = app.store.interaction(app.realm, id).await?;
            Ok(row.map(|interaction| Pending { interaction, stored: true }))
        }
        // A fact may have made a row of it meanwhile: the row says more.
        Some(Handle::Sealed(interaction)) => {
            let row = app.store.interaction(app.realm, interaction.id).await?;
            let stored = row.is_some();
            Ok(Some(Pending { interaction: row.unwrap_or(*interaction), stored }))
        }
    }
}

impl<'a> Stage<'a> {
    /// Of a request.
    pub(crate) fn new(app: &'a App, context: &'a Context, locale: pages::Locale) -> Self {
        Self { app, context, sheet: Sheet { app, context, locale }, asking: Asking::Plainly }
    }

    /// The interaction that a form or a URL names, if it may go on in this browser now; else the page that says why not.
    pub(crate) async fn resume(&self, handle: &str, browser: &Browser) -> Result<Pending, Answer> {
        let found = find(self.app, handle).await.map_err(|error| self.sheet.unavailable(&error))?;
        let Some(pending) = found else {
            return Err(self.sheet.error(400, Cause::PageExpired, "interaction_unknown"));
        };
        if !pending.belongs_to(browser.transaction.as_ref()) {
            return Err(self.sheet.error(400, Cause::OtherBrowser, "interaction_of_another_browser"));
        }
        if pending.is_expired(self.context.now) {
            return Err(self.over(&pending, "interaction_expired").await);
        }
        Ok(pending)
    }

    /// "Page expired", with the way back to the application.
    async fn over(&self, pending: &Pending, reason: &str) -> Answer {
        let request = &pending.interaction.request;
        let client = self.app.store.client(self.app.realm, &request.client_id).await.ok().flatten();
        let back =
            client.as_ref().and_then(|client| wire::way_back(client, request, &self.app.policy.issuer));
        self.sheet.error_page(400, Cause::PageExpired, reason, back)
    }

    /// Shows the next step, or ends.
    pub(crate) async fn proceed(&self, mut pending: Pending, browser: &mut Browser) -> Answer {
        for _ in 0..ROUNDS {
            match self.step(&pending, browser).await {
                Ok(Some(answer)) => return answer,
                // Somebody was faster: look again at what is there now.
                Ok(None) => match self.app.store.interaction(self.app.realm, pending.interaction.id).await {
                    Ok(Some(interaction)) => pending = Pending { interaction, stored: true },
                    Ok(None) => {}
                    Err(error) => return self.sheet.unavailable(&error),
                },
                Err(error) => return self.sheet.unavailable(&error),
            }
        }
        contended(self.context)
    }

    async fn step(&self, pending: &Pending, browser: &mut Browser) -> Read<Option<Answer>> {
        let request = &pending.interaction.request;
        let sessions = std::mem::take(&mut browser.sessions);
        let loaded = load(self.app, pending, &sessions).await?;
        let Some(client) = &loaded.client else {
            browser.sessions = sessions;
            return Ok(Some(self.sheet.error(400, Cause::UnknownClient, "client_unknown")));
        };
        let view = View {
            request,
            facts: &pending.interaction.facts,
            sessions: &sessions,
            consent: loaded.consent.as_ref(),
            client,
            now: self.context.now,
        };
        let answer = match next(&view) {
            NextStep::Refuse(refusal) => Some(self.refuse(pending, client, refusal)),
            NextStep::RedirectUriGone => {
                Some(self.sheet.error(400, Cause::RedirectUriMismatch, "redirect_uri_removed"))
            }
            NextStep::Issue { session, ref granted } => {
                let current = self.app.current();
                let with = Issuing {
                    client,
                    consent: loaded.consent.as_ref(),
                    epoch: current.realm.epoch,
                    keys: &current.keyring.keys,
                    policy: &self.app.policy,
                    now: self.context.now,
                    entropy: self.app.entropy.as_ref(),
                    trace_id: &self.context.trace_id,
                };
                self.issue(pending, (session, granted), &with).await?
            }
            step => Some(self.show(pending, client, &step, browser, &view).await?),
        };
        browser.sessions = sessions;
        Ok(answer.map(|answer| note(answer, |noted| noted.client_id = Some(client.client_id.to_string()))))
    }

    fn refuse(&self, pending: &Pending, client: &Client, refusal: InteractionRefusal) -> Answer {
        let response = issue::refuse(&pending.interaction.request, &refusal, &self.app.policy.issuer);
        self.sheet.deliver(client.display_name(), &response)
    }

    /// `None` after a conflict.
    async fn issue(
        &self,
        pending: &Pending,
        step: (&SessionRecord, &Permissions),
        with: &Issuing<'_>,
    ) -> Read<Option<Answer>> {
        // A stored interaction may have been answered before; a sealed one hardly ever, so that only the conflict tells.
        if pending.stored
            && let Some(answer) = self.repeat(pending, step, with).await?
        {
            return Ok(Some(answer));
        }
        let (session, granted) = step;
        let decision = issue::issue(pending, session, granted, with);
        match self.app.store.commit(self.app.realm, Share::Grants, decision.writes).await? {
            Outcome::Done => Ok(Some(self.sheet.deliver(with.client.display_name(), &decision.outcome))),
            Outcome::Conflict(_) => self.repeat(pending, step, with).await,
        }
    }

    /// What an interaction answers that was answered before; `None` when it was not.
    async fn repeat(
        &self,
        pending: &Pending,
        (session, granted): (&SessionRecord, &Permissions),
        with: &Issuing<'_>,
    ) -> Read<Option<Answer>> {
        let id = AuthorizationId::from(pending.interaction.id);
        let Some(record) = self.app.store.authorization(self.app.realm, id).await? else { return Ok(None) };
        let step = NextStep::Issue { session, granted: granted.clone() };
        Ok(Some(match issue::repeat(pending, &record, &step, with) {
            Repeat::Same(response) => self.sheet.deliver(with.client.display_name(), &response),
            Repeat::Over => self.over(pending, "interaction_answered").await,
        }))
    }

    /// The page of a step, or the way to the front end of somebody else.
    async fn show(
        &self,
        pending: &Pending,
        client: &Client,
        step: &NextStep<'_>,
        browser: &mut Browser,
        view: &View<'_>,
    ) -> Read<Answer> {
        let handle = pending.handle(&self.app.current().keyring.keys, self.app.entropy.as_ref());
        if let Some(front_end) = &self.app.front_end {
            let separator = if front_end.url.contains('?') { '&' } else { '?' };
            return Ok(see_other(&format!("{}{separator}interaction={handle}", front_end.url)));
        }
        Ok(match step {
            NextStep::SelectAccount => self.select_page(pending, client, view.sessions),
            NextStep::Consent { session, asked, missing } => {
                let resources = wire::resources(self.app, asked).await?;
                let question = Question { pending, client, asked, resources: &resources };
                let page = self.consent_page(&question, (session, missing), view);
                self.sheet.page(200, &Page::Consent(Box::new(page)))
            }
            NextStep::Login(reason) => {
                let why = match reason {
                    LoginReason::NoSession | LoginReason::OtherAccount => SignInWhy::SignIn,
                    LoginReason::Asked | LoginReason::TooOld => SignInWhy::Confirm,
                };
                self.sign_in_page(
                    pending,
                    Some(client),
                    browser,
                    SignInAs { why, typed: None, problem: None },
                )
            }
            NextStep::Issue { .. } | NextStep::Refuse(_) | NextStep::RedirectUriGone => {
                contended(self.context)
            }
        })
    }

    /// A form of this interaction.
    pub(crate) fn form(&self, pending: &Pending, action: &'static str) -> pages::Form<'static> {
        let keys = &self.app.current().keyring.keys;
        let about = pending.interaction.id.to_string();
        let anti_forgery = pending::anti_forgery(keys, &pending.interaction.browser, "form", &about);
        pages::Form {
            action: action.into(),
            anti_forgery: anti_forgery.into(),
            interaction: Some(pending.handle(keys, self.app.entropy.as_ref()).into()),
            fields: Vec::new(),
        }
    }

    /// The sign-in page.
    pub(crate) fn sign_in_page(
        &self,
        pending: &Pending,
        client: Option<&Client>,
        browser: &Browser,
        how: SignInAs<'_>,
    ) -> Answer {
        let request = &pending.interaction.request;
        let hint = request.login_hint.as_deref().unwrap_or_default();
        let back = client.and_then(|client| wire::back_uri(client, request, &self.app.policy.issuer));
        let back = back.map(|uri| Aside::Link(uri.into()));
        let other = (!browser.sessions.is_empty()).then(|| Aside::Button {
            name: "other_accounts".into(),
            value: "1".into(),
            action: Some("/select-account".into()),
        });
        let page = SignIn {
            form: self.form(pending, "/sign-in"),
            application: client.map(|client| wire::application(client, request)),
            username: how.typed.unwrap_or(hint).into(),
            why: how.why,
            problem: how.problem,
            back,
            other_accounts: other,
        };
        self.sheet.page(wire::status_of(how.problem), &Page::SignIn(page))
    }

    /// The page that asks which account.
    pub(crate) fn select_page(
        &self,
        pending: &Pending,
        client: &Client,
        sessions: &[SessionRecord],
    ) -> Answer {
        let request = &pending.interaction.request;
        let page = SelectAccount {
            form: self.form(pending, "/select-account"),
            application: wire::application(client, request),
            accounts: sessions
                .iter()
                .map(|record| AccountChoice {
                    handle: record.session.id.to_string().into(),
                    person: wire::person(&record.user),
                })
                .collect(),
            another: "another".into(),
            back: wire::back_uri(client, request, &self.app.policy.issuer).map(|uri| Aside::Link(uri.into())),
        };
        self.sheet.page(200, &Page::SelectAccount(page))
    }

    fn consent_page<'p>(
        &self,
        question: &Question<'p>,
        (session, missing): (&'p SessionRecord, &Permissions),
        view: &View<'_>,
    ) -> pages::Consent<'p> {
        let Question { pending, client, asked, resources } = *question;
        let request = &pending.interaction.request;
        let novelty = |audience: &Audience, scope: &str| match view.consent {
            None => Novelty::First,
            Some(_) if missing.0.get(audience).is_some_and(|new| new.contains(scope)) => Novelty::New,
            Some(_) => Novelty::Agreed,
        };
        let permissions = wire::permissions(asked, resources, novelty);
        let offline = asked.scopes().contains("offline_access");
        let mut form = self.form(pending, "/consent");
        // Which account the page was made for: another one pressed "allow" in another tab gets the page anew.
        form.fields.push(("account".into(), session.user.id.to_string().into()));
        let fingerprint = question.fingerprint(&self.app.current().keyring.keys);
        form.fields.push(("question".into(), fingerprint.into()));
        pages::Consent {
            form,
            application: wire::application(client, request),
            returns_to: wire::returns_to(&request.redirect_uri),
            person: wire::person(&session.user),
            switch_account: Some(Aside::Button {
                name: "other_accounts".into(),
                value: "1".into(),
                action: Some("/select-account".into()),
            }),
            permissions,
            offline_access: offline.then(|| novelty(&Audience::Issuer, "offline_access")),
            lasts: if offline { Lasts::UntilDisconnected } else { Lasts::WhileSignedIn },
            policy_uri: client.policy_uri.as_deref().map(Into::into),
            tos_uri: client.tos_uri.as_deref().map(Into::into),
            account_page: "/account".into(),
            changed: self.asking == Asking::Again,
        }
    }
}

/// How the sign-in page is shown.
#[derive(Clone, Copy)]
pub(crate) struct SignInAs<'a> {
    /// Why it is asked.
    pub(crate) why: SignInWhy,
    /// What was typed before.
    pub(crate) typed: Option<&'a str>,
    /// What was wrong with it.
    pub(crate) problem: Option<SignInProblem>,
}
