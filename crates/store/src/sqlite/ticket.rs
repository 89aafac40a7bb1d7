//! Tickets: handed out, used once or updated with a version, and forgotten.

use grantwell_core::{
    id::{Realm, TicketId},
    secret::Digest,
    store::{Ticket, TicketKind, TicketUpdate},
    time::Timestamp,
};
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::form::{Guard, SqliteColumns, encode, guarded};
use crate::records::{self, ticket_columns};

/// Expired longest ago first.
pub(super) const EXPIRED: &str = "DELETE FROM ticket WHERE rowid IN (
    SELECT rowid FROM ticket WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)";

pub(super) fn find(c: &Connection, realm: Realm, kind: TicketKind, id: TicketId) -> Result<Option<Ticket>> {
    c.prepare_cached(concat!(
        "SELECT ",
        ticket_columns!(),
        " FROM ticket WHERE realm = ?1 AND id = ?2 AND kind = ?3"
    ))?
    .query_row(params![realm.0, id.as_bytes(), kind.as_str()], |row| {
        records::ticket(kind, &mut SqliteColumns::of(row))
    })
    .optional()
}

pub(super) fn find_by_second(
    c: &Connection,
    realm: Realm,
    kind: TicketKind,
    second: &Digest,
    now: Timestamp,
) -> Result<Option<Ticket>> {
    c.prepare_cached(concat!(
        "SELECT ",
        ticket_columns!(),
        " FROM ticket
          WHERE realm = ?1 AND kind = ?2 AND second_digest = ?3 AND used_at IS NULL AND expires_at > ?4"
    ))?
    .query_row(params![realm.0, kind.as_str(), second.0, now.millis()], |row| {
        records::ticket(kind, &mut SqliteColumns::of(row))
    })
    .optional()
}

/// The writer is alone in its transaction, so the second digest that the guard did not find is still not there when the row is durable.
pub(super) fn insert(c: &Connection, realm: Realm, ticket: &Ticket, at: Timestamp) -> Result<Guard> {
    c.prepare_cached(
        "INSERT INTO ticket (realm, id, kind, digest, second_digest, version, expires_at, used_at, body)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9
         WHERE NOT EXISTS (SELECT 1 FROM ticket
                           WHERE realm = ?1 AND kind = ?3 AND second_digest = ?5
                             AND used_at IS NULL AND expires_at > ?10)
         ON CONFLICT DO NOTHING",
    )?
    .execute(params![
        realm.0,
        ticket.id.as_bytes(),
        ticket.kind.as_str(),
        ticket.digest.0,
        ticket.second_digest.map(|second| second.0),
        ticket.version,
        ticket.expires_at.millis(),
        ticket.used_at.map(Timestamp::millis),
        encode(&ticket.body)?,
        at.millis(),
    ])
    .map(guarded)
}

pub(super) fn update(c: &Connection, realm: Realm, to: &TicketUpdate) -> Result<Guard> {
    c.prepare_cached(
        "UPDATE ticket SET body = ?4, expires_at = coalesce(?5, expires_at), version = version + 1
         WHERE realm = ?1 AND id = ?2 AND kind = ?3 AND version = ?6 AND used_at IS NULL AND expires_at > ?7",
    )?
    .execute(params![
        realm.0,
        to.id.as_bytes(),
        to.kind.as_str(),
        encode(&to.body)?,
        to.expires_at.map(Timestamp::millis),
        to.version,
        to.at.millis(),
    ])
    .map(guarded)
}

pub(super) fn mark_used(
    c: &Connection,
    realm: Realm,
    (kind, id): (TicketKind, TicketId),
    version: Option<u32>,
    at: Timestamp,
) -> Result<Guard> {
    c.prepare_cached(
        "UPDATE ticket SET used_at = ?4
         WHERE realm = ?1 AND id = ?2 AND kind = ?3 AND used_at IS NULL AND expires_at > ?4
           AND version = coalesce(?5, version)",
    )?
    .execute(params![realm.0, id.as_bytes(), kind.as_str(), at.millis(), version])
    .map(guarded)
}
