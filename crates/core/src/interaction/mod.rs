//! An interaction: what has happened since a request came to `/authorize`, and what must happen next.
//!
//! Facts are kept, the next step is derived from them by [`next`]: reload, back button, second tab and another node see
//! the same. One file a step: [`sign_in`], [`select`], [`consent`], [`issue`]; [`pending`] carries an interaction between them,
//! sealed in the page until the first fact, in a row from then on.

pub mod consent;
pub mod issue;
mod next;
pub mod pending;
pub mod select;
pub mod sign_in;

use serde::{Deserialize, Serialize};

pub use next::{InteractionRefusal, LoginReason, NextStep, View, next, subject};

use crate::{
    id::{SessionId, UserId},
    policy::Lifetimes,
    scope::Permissions,
    store::{Authentication, SessionRecord},
    time::Timestamp,
};

/// What has happened in an interaction. Facts only: the next step is derived from them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The person who signed in during this interaction, and how.
    pub signed_in: Option<(UserId, Authentication)>,
    /// The session that the person is using: made by that sign-in, or chosen.
    pub session_id: Option<SessionId>,
    /// The person chose the account.
    pub selected: bool,
    /// What the person agreed to in this interaction: all of it that was asked for and may be granted.
    pub agreed: Option<Permissions>,
    /// The person said no.
    pub denied: bool,
}

/// Whether a session still stands for its person (catalogue L-31), and began after the last restore.
pub fn session_is_live(record: &SessionRecord, lifetimes: &Lifetimes, now: Timestamp) -> bool {
    let session = &record.session;
    session.ended_at.is_none()
        && session.epoch == record.epoch
        && now < session.expires_at
        && now < session.last_seen_at + lifetimes.session_idle
        && !record.user.disabled
        && session.created_at >= record.user.tokens_not_before
}

#[cfg(test)]
mod tests;
