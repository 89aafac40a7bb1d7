//! Guesses, counted before they are checked: one UPSERT, so that a hundred at once are counted as a hundred.

use grantwell_core::{
    id::Realm,
    store::{AttemptKey, Attempts, Backoff},
    time::Timestamp,
};

use super::form::{Param, PostgresColumns, QueryResult, Statement, params};
use crate::{
    counters::{growth, place},
    records::Columns as _,
};

/// Untouched longest first; one that still holds its account back stays.
pub(super) const OLD: &str = "DELETE FROM attempt WHERE (realm, kind, digest) IN (
    SELECT realm, kind, digest FROM attempt WHERE updated_at < $1 AND next_at < $1
    ORDER BY updated_at LIMIT $2 FOR UPDATE SKIP LOCKED)";

/// Until when the attempt at `$4` that makes the count `$count` holds back the next one; 0, long ago, where it does not. `$9` says how
/// many doublings it takes to reach `$8`, the longest, so that the shift never overflows; `$6` attempts are free, `$7` is the first delay.
macro_rules! held_until {
    ($count:literal) => {
        concat!(
            "CASE WHEN ",
            $count,
            " < $6 OR $8 = 0 THEN 0
                  WHEN ",
            $count,
            " - $6 >= $9 THEN $4 + $8
                  ELSE $4 + ($7 << (",
            $count,
            " - $6)::integer) END"
        )
    };
}

/// Counts one attempt at `$4`; what was last touched before `$5` is forgotten. The caller appends the guard, if there is one.
macro_rules! count_one {
    ($guard:literal) => {
        concat!(
            "INSERT INTO attempt (realm, kind, digest, count, next_at, updated_at)
             VALUES ($1, $2, $3, 1, ", held_until!("1"), ", $4)
             ON CONFLICT (realm, kind, digest) DO UPDATE SET
               count = CASE WHEN attempt.updated_at < $5 THEN 1 ELSE least(attempt.count + 1, 4294967295) END,
               next_at = CASE WHEN attempt.updated_at < $5 THEN ", held_until!("1"), "
                              ELSE greatest(attempt.next_at, ", held_until!("(attempt.count + 1)"), ") END,
               updated_at = greatest(attempt.updated_at, $4)",
            $guard
        )
    };
}

/// In the order of `keys`; zero for those that are not there.
pub(super) fn find(realm: Realm, keys: &[AttemptKey]) -> Statement {
    let (kinds, digests) =
        keys.iter().map(place).map(|(k, d)| (Some(i64::from(k)), Some(d.to_vec()))).unzip();
    Statement::new(
        "SELECT coalesce(a.count, 0), coalesce(a.next_at, 0)
         FROM unnest($2::bigint[], $3::bytea[]) WITH ORDINALITY AS asked (kind, digest, place)
         LEFT JOIN attempt a ON a.realm = $1 AND a.kind = asked.kind AND a.digest = asked.digest
         ORDER BY asked.place",
        vec![Param::from(realm), Param::Ints(kinds), Param::Blobs(digests)],
    )
}

pub(super) fn read(columns: &mut PostgresColumns<'_>) -> QueryResult<Attempts> {
    Ok(Attempts { count: columns.number()?, next_at: columns.time()? })
}

pub(super) fn reserve(realm: Realm, key: &AttemptKey, now: Timestamp, backoff: &Backoff) -> Statement {
    let sql = concat!(
        "WITH done AS (",
        count_one!(" WHERE attempt.next_at <= $4 OR attempt.updated_at < $5"),
        " RETURNING 1) SELECT guarded(count(*)) FROM done"
    );
    Statement::new(sql, counting(realm, key, now, backoff))
}

pub(super) fn count_failure(realm: Realm, key: &AttemptKey, now: Timestamp, backoff: &Backoff) -> Statement {
    Statement::new(count_one!(""), counting(realm, key, now, backoff))
}

fn counting(realm: Realm, key: &AttemptKey, now: Timestamp, backoff: &Backoff) -> Vec<Param> {
    let (kind, digest) = place(key);
    let (first, most, doublings) = growth(backoff);
    params![
        realm,
        i64::from(kind),
        digest.as_slice(),
        now,
        now - backoff.forget,
        backoff.free,
        first,
        most,
        doublings,
    ]
}

pub(super) fn clear(realm: Realm, key: &AttemptKey) -> Statement {
    let (kind, digest) = place(key);
    Statement::new(
        "DELETE FROM attempt WHERE realm = $1 AND kind = $2 AND digest = $3",
        params![realm, i64::from(kind), digest.as_slice()],
    )
}
