//! Ids that others chose, each taken once until what carries it has expired.

use grantwell_core::{id::Realm, store::Seen};
use rusqlite::{Connection, Result, params};

use super::form::{Guard, guarded};
use crate::counters::end_of_minute;

/// The key is realm and minute, so each realm's old rows are one range; the recursion finds the realms without a scan.
pub(super) const OLD: &str = "WITH RECURSIVE known (realm) AS (
      SELECT min(realm) FROM seen
      UNION ALL
      SELECT (SELECT min(realm) FROM seen WHERE realm > known.realm) FROM known WHERE known.realm IS NOT NULL)
    DELETE FROM seen WHERE (realm, minute, digest) IN (
      SELECT s.realm, s.minute, s.digest FROM known CROSS JOIN seen s ON s.realm = known.realm AND s.minute < ?1 LIMIT ?2)";

pub(super) fn insert(c: &Connection, realm: Realm, seen: &Seen) -> Result<Guard> {
    c.prepare_cached("INSERT INTO seen (realm, minute, digest) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?
        .execute(params![realm.0, end_of_minute(seen.expires_at), seen.digest.0])
        .map(guarded)
}
