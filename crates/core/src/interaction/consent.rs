//! The answer to "may this application …?".

use serde_json::json;

use crate::{
    client::Client,
    id::{EventId, UserId},
    interaction::{
        Facts, NextStep,
        pending::{self, Pending},
    },
    realm_keys::RealmKeys,
    resource::Resource,
    scope::{Audience, Permissions},
    step::Decision,
    store::{Event, Write},
    time::{Entropy, Timestamp},
    token::Origin,
};

/// What the person pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
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
    pub pending: &'a Pending,
    /// The application as it is registered now.
    pub client: &'a Client,
    /// What is asked, of [`NextStep::Consent`].
    pub asked: &'a Permissions,
    /// The resources of it as they are registered now, in order of their identifiers.
    pub resources: &'a [Resource],
}

/// Whether an answer is one to the question as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
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
    pub fn compare(&self, keys: &RealmKeys, received: &str) -> About {
        let browser = &self.pending.interaction.browser;
        if pending::anti_forgery_fits(keys, browser, (PURPOSE, &self.shown()), received) {
            About::ThisQuestion
        } else {
            About::AnotherQuestion
        }
    }

    fn shown(&self) -> String {
        let Self { pending, client, asked, resources } = self;
        let described = resources.iter().filter_map(|resource| {
            let scopes = asked.0.get(&Audience::Resource(resource.identifier.clone()))?;
            let texts: Vec<_> = scopes.iter().map(|scope| resource.scopes.get(scope)).collect();
            Some(json!([resource.identifier, resource.name, texts]))
        });
        json!([
            pending.interaction.id,
            pending.interaction.request.redirect_uri,
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
pub struct Said {
    /// By whom.
    pub by: UserId,
    /// What.
    pub answer: Answer,
    /// To which question.
    pub about: About,
}

/// What an answer is noted with.
#[derive(Clone, Copy)]
pub struct Answering<'a> {
    /// The present.
    pub now: Timestamp,
    /// For the id of the audit event.
    pub entropy: &'a dyn Entropy,
    /// Where the answer comes from, for the audit event.
    pub origin: &'a Origin,
}

/// Notes an answer, if that question to that person is what the interaction waits for (catalogue N-01, N-02). What is agreed
/// to is what the request asks for and the page showed; nothing that a form carries can add to it. A no is a no to whatever
/// the page showed.
pub fn answer(
    pending: &Pending,
    step: &NextStep<'_>,
    said: Said,
    with: &Answering<'_>,
) -> Decision<Answered> {
    let Said { by, answer, about } = said;
    let NextStep::Consent { session, asked, .. } = step else {
        return Decision::read_only(Answered::Stale);
    };
    if session.user.id != by {
        return Decision::read_only(Answered::Stale);
    }
    if answer == Answer::Allow && about == About::AnotherQuestion {
        return Decision::read_only(Answered::Changed);
    }
    let facts = Facts {
        // A person whom another front end reported gets the session when the browser comes back.
        session_id: pending
            .interaction
            .facts
            .session_id
            .or_else(|| pending.interaction.facts.signed_in.is_none().then_some(session.session.id)),
        agreed: (answer == Answer::Allow).then(|| asked.clone()),
        denied: answer == Answer::Deny,
        ..pending.interaction.facts.clone()
    };
    let mut writes = vec![pending.keep(facts)];
    if answer == Answer::Deny {
        writes.push(denied(pending, Some(by), with));
    }
    Decision { writes, outcome: Answered::Noted }
}

/// Notes that a front end of somebody else gave up: the person said no to all of it, whatever step it was at. Once is enough.
pub fn cancel(pending: &Pending, by: Option<UserId>, with: &Answering<'_>) -> Decision<()> {
    if pending.interaction.facts.denied {
        return Decision::read_only(());
    }
    let facts = Facts { denied: true, ..pending.interaction.facts.clone() };
    Decision { writes: vec![pending.keep(facts), denied(pending, by, with)], outcome: () }
}

/// A yes is recorded with the authorization it leads to; a no leads nowhere.
fn denied(pending: &Pending, by: Option<UserId>, with: &Answering<'_>) -> Write {
    let request = &pending.interaction.request;
    Write::Audit(Box::new(Event {
        id: EventId::new(with.now, with.entropy),
        at: with.now,
        kind: "consent.denied".to_owned(),
        user_id: by,
        client_id: Some(request.client_id.clone()),
        address: with.origin.address_text(),
        trace_id: with.origin.trace_id.to_string(),
        detail: json!({ "permissions": request.permissions }),
    }))
}

#[cfg(test)]
mod tests;
