//! Choosing one of the accounts of this browser (`prompt=select_account`, "Not you?").

use crate::{
    id::SessionId,
    interaction::{Facts, pending::Pending},
    step::Decision,
    store::SessionRecord,
};

/// What a choice came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selected {
    /// The interaction goes on with this session.
    Session(SessionId),
    /// Not a live session of this browser: the page is shown again.
    Unknown,
}

/// Notes the choice. What was agreed to with another account is forgotten, and so is a sign-in as another person.
pub fn select(pending: &Pending, chosen: SessionId, sessions: &[SessionRecord]) -> Decision<Selected> {
    let Some(record) = sessions.iter().find(|record| record.session.id == chosen) else {
        return Decision::read_only(Selected::Unknown);
    };
    let signed_in = pending.interaction.facts.signed_in.clone().filter(|(user, _)| *user == record.user.id);
    let facts = Facts { session_id: Some(chosen), selected: true, signed_in, agreed: None, denied: false };
    Decision { writes: vec![pending.keep(facts)], outcome: Selected::Session(chosen) }
}

#[cfg(test)]
mod tests;
