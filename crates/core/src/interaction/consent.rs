//! The answer to "may this application …?".

use crate::{
    decision::Decision,
    id::{EventId, UserId},
    interaction::{Facts, NextStep, pending::Pending},
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

/// Notes the answer of `by`, if that question to that person is what the interaction waits for (catalogue N-01, N-02). What
/// is agreed to is what the request asks for; nothing that a form carries can add to it.
pub fn answer(
    pending: &Pending,
    step: &NextStep<'_>,
    (by, answer): (UserId, Answer),
    with: &Answering<'_>,
) -> Decision<Answered> {
    let NextStep::Consent { session, .. } = step else {
        return Decision::read_only(Answered::Stale);
    };
    if session.user.id != by {
        return Decision::read_only(Answered::Stale);
    }
    let facts = Facts {
        // A person whom another front end reported gets the session when the browser comes back.
        session_id: pending
            .interaction
            .facts
            .session_id
            .or_else(|| pending.interaction.facts.signed_in.is_none().then_some(session.session.id)),
        agreed: (answer == Answer::Allow).then(|| pending.interaction.request.permissions.clone()),
        denied: answer == Answer::Deny,
        ..pending.interaction.facts.clone()
    };
    let mut writes = vec![pending.keep(facts)];
    if answer == Answer::Deny {
        writes.push(denied(pending, Some(by), with));
    }
    Decision { writes, outcome: Answered::Noted }
}

/// Notes that a front end of somebody else gave up: the person said no to all of it, whatever step it was at.
pub fn cancel(pending: &Pending, by: Option<UserId>, with: &Answering<'_>) -> Decision<()> {
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
        address: with.origin.address.clone(),
        trace_id: with.origin.trace_id.clone(),
        detail: serde_json::json!({ "permissions": request.permissions }),
    }))
}

#[cfg(test)]
mod tests;
