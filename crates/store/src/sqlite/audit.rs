//! The audit log, and the counts of what authenticated clients were refused and of the tokens they were given.

use grantwell_core::{
    client::GrantType,
    id::{ClientId, Realm},
    store::Event,
    time::Timestamp,
};
use rusqlite::{Connection, Result, params};

use super::form::{Guard, SqliteColumns, encode};
use crate::{counters::minute, records::Columns as _};

/// The key is realm and time, so each realm's old events are one range; the recursion finds the realms without a scan.
pub(super) const OLD: &str = "WITH RECURSIVE known (realm) AS (
      SELECT min(realm) FROM audit
      UNION ALL
      SELECT (SELECT min(realm) FROM audit WHERE realm > known.realm) FROM known WHERE known.realm IS NOT NULL)
    DELETE FROM audit WHERE (realm, at, id) IN (
      SELECT a.realm, a.at, a.id FROM known CROSS JOIN audit a ON a.realm = known.realm AND a.at < ?1 LIMIT ?2)";

/// As [`OLD`], by the minute.
pub(super) const OLD_REFUSALS: &str = "WITH RECURSIVE known (realm) AS (
      SELECT min(realm) FROM refusal
      UNION ALL
      SELECT (SELECT min(realm) FROM refusal WHERE realm > known.realm) FROM known WHERE known.realm IS NOT NULL)
    DELETE FROM refusal WHERE (realm, minute, client_id, reason) IN (
      SELECT r.realm, r.minute, r.client_id, r.reason
      FROM known CROSS JOIN refusal r ON r.realm = known.realm AND r.minute < ?1 LIMIT ?2)";

/// As [`OLD`], by the minute.
pub(super) const OLD_ISSUED: &str = "WITH RECURSIVE known (realm) AS (
      SELECT min(realm) FROM issued
      UNION ALL
      SELECT (SELECT min(realm) FROM issued WHERE realm > known.realm) FROM known WHERE known.realm IS NOT NULL)
    DELETE FROM issued WHERE (realm, minute, client_id, \"grant\") IN (
      SELECT i.realm, i.minute, i.client_id, i.\"grant\"
      FROM known CROSS JOIN issued i ON i.realm = known.realm AND i.minute < ?1 LIMIT ?2)";

pub(super) fn newest(c: &Connection, realm: Realm, most: u32) -> Result<Vec<Event>> {
    c.prepare_cached("SELECT body FROM audit WHERE realm = ?1 ORDER BY at DESC, id DESC LIMIT ?2")?
        .query_map(params![realm.0, most], |row| SqliteColumns::of(row).json())?
        .collect()
}

/// The same event twice is one event.
pub(super) fn append(c: &Connection, realm: Realm, event: &Event) -> Result<Guard> {
    c.prepare_cached(
        "INSERT INTO audit (realm, at, id, body) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
    )?
    .execute(params![realm.0, event.at.millis(), event.id.as_bytes(), encode(event)?])?;
    Ok(Guard::Held)
}

pub(super) fn count_refusal(
    c: &Connection,
    realm: Realm,
    client: &ClientId,
    reason: &str,
    at: Timestamp,
) -> Result<Guard> {
    c.prepare_cached(
        "INSERT INTO refusal (realm, minute, client_id, reason, count) VALUES (?1, ?2, ?3, ?4, 1)
         ON CONFLICT DO UPDATE SET count = count + 1",
    )?
    .execute(params![realm.0, minute(at), client.as_str(), reason])?;
    Ok(Guard::Held)
}

pub(super) fn count_tokens(
    c: &Connection,
    realm: Realm,
    (client, grant): (&ClientId, GrantType),
    at: Timestamp,
    count: u32,
) -> Result<Guard> {
    c.prepare_cached(
        "INSERT INTO issued (realm, minute, client_id, \"grant\", count) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET count = count + excluded.count",
    )?
    .execute(params![realm.0, minute(at), client.as_str(), grant.as_str(), count])?;
    Ok(Guard::Held)
}
