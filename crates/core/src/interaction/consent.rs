//! The answer to "may this application …?".

use crate::{
    decision::Decision,
    id::UserId,
    interaction::{Facts, NextStep, pending::Pending},
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

/// Notes the answer of `by`, if that question to that person is what the interaction waits for (catalogue N-01, N-02). What
/// is agreed to is what the request asks for; nothing that a form carries can add to it.
pub fn answer(pending: &Pending, step: &NextStep<'_>, by: UserId, answer: Answer) -> Decision<Answered> {
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
    Decision { writes: vec![pending.keep(facts)], outcome: Answered::Noted }
}

#[cfg(test)]
mod tests;
