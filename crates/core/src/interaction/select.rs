//! Choosing one of the accounts of this browser (`prompt=select_account`, "Not you?").

use super::{ResumeRefusal, form::InteractionForm, pending::Pending};
use crate::{
    id::{InteractionId, SessionId},
    step::{Context, Decided, Decision, Have, Step},
    store::{Facts, SessionRecord, Share},
};

/// The person chooses an account.
#[derive(Clone, Debug)]
pub struct SelectAccount {
    /// The form of the page.
    pub form: InteractionForm,
    /// The session that was chosen.
    pub chosen: SessionId,
}

/// What a choice came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selected {
    /// The interaction goes on with this session.
    Session(SessionId, InteractionId),
    /// Not a live session of this browser: the page is shown again.
    Unknown,
}

impl Step for SelectAccount {
    const NAME: &'static str = "select_account";
    const SHARE: Share = Share::SignIns;
    type Outcome = Selected;
    type Refusal = ResumeRefusal;

    fn decide(&self, have: &Have, context: &Context<'_>) -> Decided<Selected, ResumeRefusal> {
        let pending = self.form.open(have, context)?;
        let sessions = self.form.browser.live_sessions(have, context)?;
        Ok(select(&pending, self.chosen, &sessions))
    }
}

/// Notes the choice. What was agreed to with another account is forgotten, and so is a sign-in as another person.
fn select(pending: &Pending<'_>, chosen: SessionId, sessions: &[&SessionRecord]) -> Decision<Selected> {
    let Some(record) = sessions.iter().find(|record| record.session.id == chosen) else {
        return Decision::read_only(Selected::Unknown);
    };
    let signed_in = pending.interaction.facts.signed_in.clone().filter(|(user, _)| *user == record.user.id);
    let facts = Facts { session_id: Some(chosen), selected: true, signed_in, agreed: None, denied: false };
    Decision { writes: vec![pending.keep(facts)], outcome: Selected::Session(chosen, pending.interaction.id) }
}

#[cfg(test)]
mod tests;
