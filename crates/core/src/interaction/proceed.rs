//! Brings an interaction to its next page, or to its end.

use std::sync::Arc;

use super::{
    ResumeRefusal,
    browser::{self, BrowserCookies},
    consent::Question,
    form::InteractionForm,
    issue::{self, Grantee},
    next::{InteractionRefusal, LoginReason, NextStep, Subject, View, next, subject},
    pending::{Handle, Pending},
    session::{self, SignedIn, SigningIn},
};
use crate::{
    authorize::AuthorizationResponse,
    client::Client,
    id::{AuthorizationId, InteractionId, SessionId},
    resource::Resource,
    scope::Permissions,
    step::{Context, Decided, Decision, Have, Step, Stop},
    store::{AuthorizationRequest, Facts, Interaction, Purpose, ResponseRoute, SessionRecord, Share, User},
};

/// A browser goes on with an interaction.
#[derive(Clone, Debug)]
pub struct Proceed<'a> {
    /// Which; `None` when what the request carries names none.
    pub handle: Option<Handle>,
    /// The browser.
    pub browser: &'a BrowserCookies,
    /// Its `User-Agent`.
    pub user_agent: &'a str,
}

/// Where an interaction goes on.
#[derive(Debug)]
pub enum Proceeded {
    /// The browser takes the response to the client.
    Respond(Arc<Client>, AuthorizationResponse),
    /// A page is shown, or the external login UI's.
    Page(Box<NextPage>),
    /// The person whom the external login UI reported has a session here now: proceed with it.
    Adopted(Box<SignedIn>, InteractionId),
    /// The account page.
    Account,
}

/// What the next page is made of.
#[derive(Debug)]
pub struct NextPage {
    /// What a form or an URL carries for the interaction.
    pub handle: String,
    /// The interaction.
    pub interaction: Interaction,
    /// Who asks; `None` where it is the account page.
    pub client: Option<Arc<Client>>,
    /// The accounts that are signed in in this browser, the one used last first.
    pub accounts: Vec<Account>,
    /// Which page.
    pub kind: PageKind,
}

/// An account of a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its session.
    pub session_id: SessionId,
    /// Its person.
    pub user: User,
}

/// A page of an interaction.
#[derive(Debug)]
pub enum PageKind {
    /// The person signs in.
    SignIn(LoginReason),
    /// The person chooses an account.
    SelectAccount,
    /// The person is asked.
    Consent(Box<ConsentPage>),
}

/// What the consent page shows beside the client.
#[derive(Debug)]
pub struct ConsentPage {
    /// The person who is asked to consent.
    pub user: User,
    /// What is asked for.
    pub asked: Permissions,
    /// What of it was never agreed to.
    pub missing: Permissions,
    /// Whether something was agreed to before.
    pub agreed_before: bool,
    /// The resources that `asked` is about, in order of their identifiers.
    pub resources: Vec<Resource>,
    /// What the form carries, so that the answer says which question it is an answer to.
    pub question: String,
}

impl Step for Proceed<'_> {
    const NAME: &'static str = "proceed";
    const SHARE: Share = Share::Grants;
    type Outcome = Proceeded;
    type Refusal = ResumeRefusal;

    fn decide(&self, have: &Have, context: &Context<'_>) -> Decided<Proceeded, ResumeRefusal> {
        let handle = self.handle.as_ref().ok_or(ResumeRefusal::Unknown)?;
        let pending = handle.resume(self.browser.transaction, have, context)?;
        if let Some(adopted) = self.adopt(&pending, have, context)? {
            let id = pending.interaction.id;
            return Ok(adopted.map(|signed_in| Proceeded::Adopted(Box::new(signed_in), id)));
        }
        let sessions = self.browser.live_sessions(have, context)?;
        let mut decision = match &pending.interaction.purpose {
            Purpose::Account if sessions.is_empty() => {
                let kind = PageKind::SignIn(LoginReason::NoSession);
                Decision::read_only(Proceeded::Page(next_page(&pending, None, &sessions, kind, context)))
            }
            Purpose::Account => Decision::read_only(Proceeded::Account),
            Purpose::Authorization(request) => Self::authorize(&pending, request, &sessions, have, context)?,
        };
        decision.writes.extend(browser::touch(&sessions, context.now));
        Ok(decision)
    }
}

impl Proceed<'_> {
    fn authorize(
        pending: &Pending<'_>,
        request: &AuthorizationRequest,
        sessions: &[&SessionRecord],
        have: &Have,
        context: &Context<'_>,
    ) -> Result<Decision<Proceeded>, Stop<ResumeRefusal>> {
        let facts = &pending.interaction.facts;
        let subject = subject(request, facts, sessions).map(Subject::from);
        let (view, client) =
            View::load(request, facts, subject, have, context.now)?.ok_or(ResumeRefusal::ClientUnknown)?;
        let (step, _) = next(&view);
        let kind = match step {
            NextStep::Refuse(refusal) => return Ok(refuse(client, request, refusal, context)),
            NextStep::RedirectUriGone => return Err(ResumeRefusal::RedirectUriGone.into()),
            NextStep::Issue { granted } => {
                return Self::issue(pending, &granted, &view, have, context);
            }
            NextStep::Login(reason) => PageKind::SignIn(reason),
            NextStep::SelectAccount => PageKind::SelectAccount,
            NextStep::Consent { asked, missing } => {
                let resources = have.resources_of(&asked)?;
                let question = Question { pending: *pending, request, client, asked: &asked, resources };
                PageKind::Consent(Box::new(ConsentPage {
                    user: subject.map(|subject| subject.user.clone()).ok_or(ResumeRefusal::Unknown)?,
                    question: question.fingerprint(&context.keyring.keys),
                    resources: resources.to_vec(),
                    agreed_before: view.consent.is_some(),
                    asked,
                    missing,
                }))
            }
        };
        let page = next_page(pending, Some(client), sessions, kind, context);
        Ok(Decision::read_only(Proceeded::Page(page)))
    }

    /// A stored interaction may have been answered before; a sealed one hardly ever, so that only the conflict tells.
    fn issue(
        pending: &Pending<'_>,
        granted: &Permissions,
        view: &View<'_>,
        have: &Have,
        context: &Context<'_>,
    ) -> Result<Decision<Proceeded>, Stop<ResumeRefusal>> {
        let View { request, client, consent, .. } = *view;
        let ResponseRoute::Redirect(redirect) = &request.route;
        let subject = view.subject.ok_or(ResumeRefusal::Unknown)?;
        let session_id = subject.session_id.ok_or(ResumeRefusal::Unknown)?;
        let client = have.client(&client.client_id)?.ok_or(ResumeRefusal::ClientUnknown)?;
        let respond = |response| Proceeded::Respond(Arc::clone(client), response);
        if pending.stored || have.conflict.is_some() {
            let id = AuthorizationId::from(pending.interaction.id);
            if let Some(record) = have.authorization(id)? {
                let response = issue::repeat(redirect, record, session_id, context)
                    .ok_or_else(|| ResumeRefusal::Answered(Box::new(pending.interaction.clone())))?;
                return Ok(Decision::read_only(respond(response)));
            }
        }
        let to = Grantee { request, client, subject, consent };
        Ok(issue::issue(pending, redirect, granted, &to, context).map(respond))
    }

    /// The browser is back from the external login UI: the person that was reported gets a session here.
    fn adopt(
        &self,
        pending: &Pending<'_>,
        have: &Have,
        context: &Context<'_>,
    ) -> Result<Option<Decision<SignedIn>>, Stop<ResumeRefusal>> {
        let Facts { signed_in: Some((user, authentication)), session_id: None, .. } =
            &pending.interaction.facts
        else {
            return Ok(None);
        };
        let user = have.user(*user)?.filter(|user| !user.disabled).ok_or(ResumeRefusal::UserGone)?;
        let sessions = self.browser.live_sessions(have, context)?;
        let browser = SigningIn {
            user_agent: self.user_agent,
            device: self.browser.device.as_ref(),
            sessions: &sessions,
        };
        Ok(Some(session::start(user, authentication, pending, browser, context)))
    }
}

/// What a page of an interaction is made of.
fn next_page(
    pending: &Pending<'_>,
    client: Option<&Arc<Client>>,
    sessions: &[&SessionRecord],
    kind: PageKind,
    context: &Context<'_>,
) -> Box<NextPage> {
    let account =
        |record: &&SessionRecord| Account { session_id: record.session.id, user: record.user.clone() };
    Box::new(NextPage {
        handle: pending.handle(&context.keyring.keys, context.entropy),
        interaction: pending.interaction.clone(),
        client: client.cloned(),
        accounts: sessions.iter().map(account).collect(),
        kind,
    })
}

/// Shows one page of an interaction, whatever its next step is: the person wants another account, or what was typed was wrong.
#[derive(Clone, Copy, Debug)]
pub struct ShowPage<'a> {
    /// The form of the page before.
    pub form: &'a InteractionForm,
    /// Which page.
    pub page: ShownPage,
}

/// A page that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShownPage {
    /// The person signs in.
    SignIn,
    /// The person chooses an account.
    SelectAccount,
}

impl Step for ShowPage<'_> {
    const NAME: &'static str = "show_page";
    const SHARE: Share = Share::Rest;
    type Outcome = Box<NextPage>;
    type Refusal = ResumeRefusal;

    fn decide(&self, have: &Have, context: &Context<'_>) -> Decided<Box<NextPage>, ResumeRefusal> {
        let pending = self.form.open(have, context)?;
        let client = match &pending.interaction.purpose {
            Purpose::Account => None,
            Purpose::Authorization(request) => {
                let client = have.client(&request.client_id)?.filter(|client| !client.disabled);
                Some(client.ok_or(ResumeRefusal::ClientUnknown)?)
            }
        };
        let sessions = self.form.browser.live_sessions(have, context)?;
        let kind = match self.page {
            ShownPage::SignIn => PageKind::SignIn(LoginReason::NoSession),
            ShownPage::SelectAccount => PageKind::SelectAccount,
        };
        Ok(Decision::read_only(next_page(&pending, client, &sessions, kind, context)))
    }
}

fn refuse(
    client: &Arc<Client>,
    request: &AuthorizationRequest,
    refusal: InteractionRefusal,
    context: &Context<'_>,
) -> Decision<Proceeded> {
    let ResponseRoute::Redirect(redirect) = &request.route;
    let response = issue::refuse(redirect, &refusal, &context.policy.issuer);
    Decision::read_only(Proceeded::Respond(Arc::clone(client), response))
}

#[cfg(test)]
mod tests;
