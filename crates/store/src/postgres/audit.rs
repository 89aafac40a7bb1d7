//! The audit log, and the counts of what authenticated clients were refused and of the tokens they were given.

use grantwell_core::{
    client::GrantType,
    id::{ClientId, Realm},
    store::Event,
    time::Timestamp,
};

use super::form::{QueryResult, Statement, encode, params};
use crate::counters::minute;

/// The key is realm and time, so each realm's old rows are one range; the recursion finds the realms without a scan. No row of
/// these is locked by another: what two nodes remove at once is gone once. The recursion stands inside, so that the table is locked
/// for the removal before it is read: who moves the database would wait for a lock to read, and this one for his.
macro_rules! old {
    ($table:literal, $time:literal, $key:literal) => {
        concat!(
            "DELETE FROM ",
            $table,
            " WHERE (",
            $key,
            ") IN (
               WITH RECURSIVE known (realm) AS (
                 SELECT min(realm) FROM ",
            $table,
            "
                 UNION ALL
                 SELECT (SELECT min(realm) FROM ",
            $table,
            " WHERE realm > known.realm)
                 FROM known WHERE known.realm IS NOT NULL)
               SELECT o.* FROM known CROSS JOIN LATERAL (
                 SELECT ",
            $key,
            " FROM ",
            $table,
            " WHERE realm = known.realm AND ",
            $time,
            " < $1
                 ORDER BY ",
            $key,
            " LIMIT $2 FOR UPDATE SKIP LOCKED) o
               LIMIT $2)"
        )
    };
}

pub(super) use old;

pub(super) const OLD: &str = old!("audit", "at", "realm, at, id");
pub(super) const OLD_REFUSALS: &str = old!("refusal", "minute", "realm, minute, client_id, reason");
pub(super) const OLD_ISSUED: &str = old!("issued", "minute", "realm, minute, client_id, \"grant\"");

/// The bodies, for [`PostgresColumns::json`](super::form::Columns::json).
pub(super) fn newest(realm: Realm, most: u32) -> Statement {
    Statement::new(
        "SELECT body FROM audit WHERE realm = $1 ORDER BY at DESC, id DESC LIMIT $2",
        params![realm, most],
    )
}

/// The same event twice is one event.
pub(super) fn append(realm: Realm, event: &Event) -> QueryResult<Statement> {
    Ok(Statement::new(
        "INSERT INTO audit (realm, at, id, body) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        params![realm, event.at, event.id.as_bytes(), encode(event)?],
    ))
}

pub(super) fn count_refusal(realm: Realm, client: &ClientId, reason: &str, at: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO refusal (realm, minute, client_id, reason, count) VALUES ($1, $2, $3, $4, 1)
         ON CONFLICT (realm, minute, client_id, reason) DO UPDATE SET count = refusal.count + 1",
        params![realm, minute(at), client, reason],
    )
}

pub(super) fn count_tokens(
    realm: Realm,
    (client, grant): (&ClientId, GrantType),
    at: Timestamp,
    count: u32,
) -> Statement {
    Statement::new(
        "INSERT INTO issued (realm, minute, client_id, \"grant\", count) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (realm, minute, client_id, \"grant\") DO UPDATE SET count = issued.count + excluded.count",
        params![realm, minute(at), client, grant.as_str(), count],
    )
}
