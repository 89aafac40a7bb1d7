//! The answer to "may this application …?".

use serde_json::json;

use super::{
    ResumeRefusal,
    form::InteractionForm,
    next::{NextStep, Subject, View, next, subject},
    pending::{self, Pending},
};
use crate::{
    client::Client,
    id::UserId,
    realm_keys::RealmKeys,
    resource::Resource,
    scope::{Audience, Permissions},
    step::{Context, Decided, Decision, Have, Step},
    store::{AuthorizationRequest, Facts, Purpose, Share, Write},
};

/// What the person pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsentChoice {
    /// Yes, to all that the page showed.
    Allow,
    /// No.
    Deny,
}

/// What the answer came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// It is a fact now.
    Noted,
    /// The question is another one by now (other account, already answered, more to do first): the page is made anew.
    Stale,
    /// The page that was answered showed something else: another name, another address, other rights. It is shown again.
    Changed,
}

/// All that a consent page shows of the application and of what it asks for.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The interaction.
    pub pending: Pending<'a>,
    /// Its request.
    pub request: &'a AuthorizationRequest,
    /// The application as it is registered now.
    pub client: &'a Client,
    /// What is asked, of [`NextStep::Consent`].
    pub asked: &'a Permissions,
    /// The resources of it as they are registered now, in order of their identifiers.
    pub resources: &'a [Resource],
}

/// Whether an answer is one to the question as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuestionMatch {
    /// It is.
    ThisQuestion,
    /// The page showed something else.
    AnotherQuestion,
}

impl Question<'_> {
    /// What the page's form carries, so that an answer says what it is an answer to (catalogue N-02): a keyed digest.
    pub fn fingerprint(&self, keys: &RealmKeys) -> String {
        pending::anti_forgery(keys, &self.pending.interaction.browser, PURPOSE, &self.shown())
    }

    /// Compares it with what came back.
    pub fn compare(&self, keys: &RealmKeys, received: &str) -> QuestionMatch {
        let browser = &self.pending.interaction.browser;
        if pending::anti_forgery_fits(keys, browser, (PURPOSE, &self.shown()), received) {
            QuestionMatch::ThisQuestion
        } else {
            QuestionMatch::AnotherQuestion
        }
    }

    fn shown(&self) -> String {
        let Self { pending, request, client, asked, resources } = self;
        let described = resources.iter().filter_map(|resource| {
            let scopes = asked.0.get(&Audience::Resource(resource.identifier.clone()))?;
            let texts: Vec<_> = scopes.iter().map(|scope| resource.scopes.get(scope)).collect();
            Some(json!([resource.identifier, resource.name, texts]))
        });
        json!([
            pending.interaction.id,
            request.route.redirect().map(|redirect| &redirect.uri),
            [client.client_name, client.client_uri, client.logo_uri, client.policy_uri, client.tos_uri],
            asked,
            described.collect::<Vec<_>>(),
        ])
        .to_string()
    }
}

const PURPOSE: &str = "question";

/// An answer, as it came.
#[derive(Clone, Copy, Debug)]
pub struct ReceivedAnswer {
    /// By whom.
    pub by: UserId,
    /// What.
    pub pressed: ConsentChoice,
    /// To which question.
    pub about: QuestionMatch,
}

/// The person answers on our page.
#[derive(Clone, Debug)]
pub struct ConsentAnswer {
    /// The form of the page.
    pub form: InteractionForm,
    /// The account that the page was made for.
    pub by: UserId,
    /// What was pressed.
    pub pressed: ConsentChoice,
    /// The question of the page, as its form carried it.
    pub question: String,
}

impl Step for ConsentAnswer {
    const NAME: &'static str = "consent";
    const SHARE: Share = Share::Grants;
    type Outcome = Answered;
    type Refusal = ResumeRefusal;

    fn decide(&self, have: &Have, context: &Context<'_>) -> Decided<Answered, ResumeRefusal> {
        let pending = self.form.open(have, context)?;
        let Purpose::Authorization(request) = &pending.interaction.purpose else {
            return Ok(Decision::read_only(Answered::Stale));
        };
        let sessions = self.form.browser.live_sessions(have, context)?;
        let facts = &pending.interaction.facts;
        let subject = subject(request, facts, &sessions).map(Subject::from);
        let Some((view, client)) = View::load(request, facts, subject, have, context.now)? else {
            return Ok(Decision::read_only(Answered::Stale));
        };
        let (step, _) = next(&view);
        let about = match &step {
            NextStep::Consent { asked, .. } => {
                let resources = have.resources_of(asked)?;
                let question = Question { pending, request, client, asked, resources };
                question.compare(&context.keyring.keys, &self.question)
            }
            NextStep::Login(_)
            | NextStep::SelectAccount
            | NextStep::Issue { .. }
            | NextStep::Refuse(_)
            | NextStep::RedirectUriGone => QuestionMatch::AnotherQuestion,
        };
        let said = ReceivedAnswer { by: self.by, pressed: self.pressed, about };
        Ok(answer(&pending, (&view, &step), said, context))
    }
}

/// Notes an answer, if that question to that person is what the interaction waits for (catalogue N-01, N-02). What is agreed
/// to is what the request asks for and the page showed; nothing that a form carries can add to it. A no is a no to whatever
/// the page showed.
pub(super) fn answer(
    pending: &Pending<'_>,
    (view, step): (&View<'_>, &NextStep),
    said: ReceivedAnswer,
    context: &Context<'_>,
) -> Decision<Answered> {
    let ReceivedAnswer { by, pressed, about } = said;
    let (NextStep::Consent { asked, .. }, Some(subject)) = (step, view.subject) else {
        return Decision::read_only(Answered::Stale);
    };
    if subject.user.id != by {
        return Decision::read_only(Answered::Stale);
    }
    if pressed == ConsentChoice::Allow && about == QuestionMatch::AnotherQuestion {
        return Decision::read_only(Answered::Changed);
    }
    let before = &pending.interaction.facts;
    let facts = Facts {
        // A person whom an external login UI reported gets the session when the browser comes back.
        session_id: before.session_id.or_else(|| subject.session_id.filter(|_| before.signed_in.is_none())),
        agreed: (pressed == ConsentChoice::Allow).then(|| asked.clone()),
        denied: pressed == ConsentChoice::Deny,
        ..before.clone()
    };
    let mut writes = vec![pending.keep(facts)];
    if pressed == ConsentChoice::Deny {
        writes.push(denied(view.request, Some(by), context));
    }
    Decision { writes, outcome: Answered::Noted }
}

/// A yes is recorded with the authorization it leads to; a no leads nowhere.
pub(super) fn denied(request: &AuthorizationRequest, by: Option<UserId>, context: &Context<'_>) -> Write {
    let detail = json!({ "permissions": request.permissions });
    context.audit("consent.denied", by, Some(&request.client_id), detail)
}

#[cfg(test)]
mod tests;
