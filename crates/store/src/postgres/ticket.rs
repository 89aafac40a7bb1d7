//! Tickets: handed out, used once or updated with a version, and forgotten.

use grantwell_core::{
    id::{Realm, TicketId},
    secret::Digest,
    store::{Ticket, TicketKind, TicketUpdate},
    time::Timestamp,
};

use super::form::{QueryResult, Statement, encode, guarded, params};
use crate::records::ticket_columns;

/// Expired longest ago first.
pub(super) const EXPIRED: &str = "DELETE FROM ticket WHERE (realm, id) IN (
    SELECT realm, id FROM ticket WHERE expires_at < $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)";

pub(super) fn find(realm: Realm, kind: TicketKind, id: TicketId) -> Statement {
    Statement::new(
        concat!("SELECT ", ticket_columns!(), " FROM ticket WHERE realm = $1 AND id = $2 AND kind = $3"),
        params![realm, id.as_bytes(), kind.as_str()],
    )
}

pub(super) fn find_by_second(realm: Realm, kind: TicketKind, second: &Digest, now: Timestamp) -> Statement {
    Statement::new(
        concat!(
            "SELECT ",
            ticket_columns!(),
            " FROM ticket
              WHERE realm = $1 AND kind = $2 AND second_digest = $3 AND used_at IS NULL AND expires_at > $4"
        ),
        params![realm, kind.as_str(), *second, now],
    )
}

/// The guard looks at other tickets than the one it writes. Under READ COMMITTED it sees those that were committed before its statement
/// began, so an insert locks its second digest in a statement before.
pub(super) fn insert(realm: Realm, ticket: &Ticket, at: Timestamp) -> QueryResult<Statement> {
    Ok(Statement::new(
        guarded!(
            "INSERT INTO ticket (realm, id, kind, digest, second_digest, version, expires_at, used_at, body)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9
             WHERE NOT EXISTS (SELECT 1 FROM ticket
                               WHERE realm = $1 AND kind = $3 AND second_digest = $5
                                 AND used_at IS NULL AND expires_at > $10)
             ON CONFLICT DO NOTHING"
        ),
        params![
            realm,
            ticket.id.as_bytes(),
            ticket.kind.as_str(),
            ticket.digest,
            ticket.second_digest,
            ticket.version,
            ticket.expires_at,
            ticket.used_at,
            encode(&ticket.body)?,
            at,
        ],
    ))
}

pub(super) fn update(realm: Realm, to: &TicketUpdate) -> QueryResult<Statement> {
    Ok(Statement::new(
        guarded!(
            "UPDATE ticket SET body = $4, expires_at = coalesce($5, expires_at), version = version + 1
             WHERE realm = $1 AND id = $2 AND kind = $3 AND version = $6 AND used_at IS NULL AND expires_at > $7"
        ),
        params![
            realm,
            to.id.as_bytes(),
            to.kind.as_str(),
            encode(&to.body)?,
            to.expires_at,
            to.version,
            to.at,
        ],
    ))
}

pub(super) fn mark_used(
    realm: Realm,
    (kind, id): (TicketKind, TicketId),
    version: Option<u32>,
    at: Timestamp,
) -> Statement {
    Statement::new(
        guarded!(
            "UPDATE ticket SET used_at = $4
             WHERE realm = $1 AND id = $2 AND kind = $3 AND used_at IS NULL AND expires_at > $4
               AND version = coalesce($5, version)"
        ),
        params![realm, id.as_bytes(), kind.as_str(), at, version],
    )
}
