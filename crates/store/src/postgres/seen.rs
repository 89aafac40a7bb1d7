//! Ids that others chose, each taken once until what carries it has expired.

use grantwell_core::{id::Realm, store::Seen};

use super::{
    audit::old,
    form::{Statement, guarded, params},
};
use crate::counters::end_of_minute;

pub(super) const OLD: &str = old!("seen", "minute", "realm, minute, digest");

/// Of two that insert the same id the second waits for the first, and is a conflict unless that one was undone.
pub(super) fn insert(realm: Realm, seen: &Seen) -> Statement {
    Statement::new(
        guarded!("INSERT INTO seen (realm, minute, digest) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"),
        params![realm, end_of_minute(seen.expires_at), seen.digest],
    )
}
