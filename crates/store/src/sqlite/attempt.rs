//! Guesses, counted before they are checked: one UPSERT, so that a hundred at once are counted as a hundred.

use grantwell_core::{
    id::Realm,
    store::{AttemptKey, Attempts, Backoff},
    time::Timestamp,
};
use rusqlite::{Connection, OptionalExtension, Result, named_params, params};

use super::form::{Guard, guarded};
use crate::counters::{growth, place};

/// Untouched longest first; one that still holds its account back stays.
pub(super) const OLD: &str = "DELETE FROM attempt WHERE (realm, kind, digest) IN (
    SELECT realm, kind, digest FROM attempt WHERE updated_at < ?1 AND next_at < ?1
    ORDER BY updated_at LIMIT ?2)";

/// Until when the attempt that makes the count `$count` holds back the next one; 0, long ago, where it does not. `:doublings` is how
/// many it takes to reach `:most`, so that the shift never overflows.
macro_rules! held_until {
    ($count:literal) => {
        concat!(
            "CASE WHEN ",
            $count,
            " < :free OR :most = 0 THEN 0
                  WHEN ",
            $count,
            " - :free >= :doublings THEN :now + :most
                  ELSE :now + (:first << (",
            $count,
            " - :free)) END"
        )
    };
}

/// Counts one attempt; the caller appends the guard, if there is one. In `DO UPDATE` every column has its old value.
macro_rules! count_one {
    ($guard:literal) => {
        concat!(
            "INSERT INTO attempt (realm, kind, digest, count, next_at, updated_at)
             VALUES (:realm, :kind, :digest, 1, ",
            held_until!("1"),
            ", :now)
             ON CONFLICT DO UPDATE SET
               count = CASE WHEN updated_at < :forgotten THEN 1 ELSE min(count + 1, 4294967295) END,
               next_at = CASE WHEN updated_at < :forgotten THEN ",
            held_until!("1"),
            "
                              ELSE max(next_at, ",
            held_until!("(count + 1)"),
            ") END,
               updated_at = max(updated_at, :now)",
            $guard
        )
    };
}

pub(super) fn find(c: &Connection, realm: Realm, keys: &[AttemptKey]) -> Result<Vec<Attempts>> {
    let mut statement = c.prepare_cached(
        "SELECT count, next_at FROM attempt WHERE realm = ?1 AND kind = ?2 AND digest = ?3",
    )?;
    keys.iter()
        .map(|key| {
            let (kind, digest) = place(key);
            let found = statement
                .query_row(params![realm.0, kind, digest], |row| {
                    Ok(Attempts { count: row.get(0)?, next_at: Timestamp::from_millis(row.get(1)?) })
                })
                .optional()?;
            Ok(found.unwrap_or_default())
        })
        .collect()
}

pub(super) fn reserve(
    c: &Connection,
    realm: Realm,
    key: &AttemptKey,
    now: Timestamp,
    backoff: &Backoff,
) -> Result<Guard> {
    let sql = count_one!(" WHERE next_at <= :now OR updated_at < :forgotten");
    count(c, sql, (realm, key), now, backoff)
}

pub(super) fn count_failure(
    c: &Connection,
    realm: Realm,
    key: &AttemptKey,
    now: Timestamp,
    backoff: &Backoff,
) -> Result<Guard> {
    count(c, count_one!(""), (realm, key), now, backoff)
}

fn count(
    c: &Connection,
    sql: &str,
    (realm, key): (Realm, &AttemptKey),
    now: Timestamp,
    backoff: &Backoff,
) -> Result<Guard> {
    let (kind, digest) = place(key);
    let (first, most, doublings) = growth(backoff);
    c.prepare_cached(sql)?
        .execute(named_params! {
            ":realm": realm.0,
            ":kind": kind,
            ":digest": digest,
            ":now": now.millis(),
            ":forgotten": (now - backoff.forget).millis(),
            ":free": backoff.free,
            ":first": first,
            ":most": most,
            ":doublings": doublings,
        })
        .map(guarded)
}

pub(super) fn clear(c: &Connection, realm: Realm, key: &AttemptKey) -> Result<Guard> {
    let (kind, digest) = place(key);
    c.prepare_cached("DELETE FROM attempt WHERE realm = ?1 AND kind = ?2 AND digest = ?3")?
        .execute(params![realm.0, kind, digest])?;
    Ok(Guard::Held)
}
