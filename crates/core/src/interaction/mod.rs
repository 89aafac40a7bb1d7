//! An interaction: what has happened since a request came to `/authorize`, and what must happen next.

use serde::{Deserialize, Serialize};

use crate::{
    id::{SessionId, UserId},
    scope::Permissions,
    store::Authentication,
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
    /// What the person agreed to in this interaction.
    pub agreed: Option<Permissions>,
    /// The person said no.
    pub denied: bool,
}
