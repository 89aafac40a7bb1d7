//! Browsers that signed in.

use grantwell_core::{
    id::{Realm, SessionId, UserId},
    secret::Digest,
    store::{Session, SessionRecord},
    time::Timestamp,
};
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::form::{Guard, SqliteColumns, encode, guarded};
use crate::records::{self, SessionBodyOf, session_columns, user_columns};

/// Ended longest ago first.
pub(super) const ENDED: &str = "DELETE FROM session WHERE (realm, id) IN (
    SELECT realm, id FROM session WHERE ended_at < ?1 ORDER BY ended_at LIMIT ?2)";

/// Expired longest ago first.
pub(super) const EXPIRED: &str = "DELETE FROM session WHERE (realm, id) IN (
    SELECT realm, id FROM session WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)";

pub(super) fn find(c: &Connection, realm: Realm, id: SessionId) -> Result<Option<SessionRecord>> {
    c.prepare_cached(concat!(
        "SELECT ",
        session_columns!(),
        ", ",
        user_columns!(),
        ", r.epoch
          FROM session s
          JOIN user u ON u.realm = s.realm AND u.id = s.user_id
          JOIN realm r ON r.realm = s.realm
          WHERE s.realm = ?1 AND s.id = ?2"
    ))?
    .query_row(params![realm.0, id.as_bytes()], |row| records::session_record(&mut SqliteColumns::of(row)))
    .optional()
}

pub(super) fn of_user(c: &Connection, realm: Realm, user: UserId, now: Timestamp) -> Result<Vec<Session>> {
    c.prepare_cached(concat!(
        "SELECT ",
        session_columns!(),
        " FROM session s JOIN realm r ON r.realm = s.realm AND r.epoch = s.epoch
          WHERE s.realm = ?1 AND s.user_id = ?2 AND s.ended_at IS NULL AND s.expires_at > ?3
          ORDER BY s.created_at DESC, s.id DESC LIMIT 100"
    ))?
    .query_map(params![realm.0, user.as_bytes(), now.millis()], |row| {
        records::session(&mut SqliteColumns::of(row))
    })?
    .collect()
}

pub(super) fn insert(c: &Connection, realm: Realm, session: &Session) -> Result<Guard> {
    let body = encode(&SessionBodyOf::from(session))?;
    c.prepare_cached(
        "INSERT INTO session
           (realm, id, digest, user_id, created_at, last_seen_at, expires_at, ended_at, body, epoch)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING",
    )?
    .execute(params![
        realm.0,
        session.id.as_bytes(),
        session.digest.0,
        session.user_id.as_bytes(),
        session.created_at.millis(),
        session.last_seen_at.millis(),
        session.expires_at.millis(),
        session.ended_at.map(Timestamp::millis),
        body,
        session.epoch,
    ])
    .map(guarded)
}

pub(super) fn reauthenticate(c: &Connection, realm: Realm, session: &Session, from: Digest) -> Result<Guard> {
    let body = encode(&SessionBodyOf::from(session))?;
    c.prepare_cached(
        "UPDATE session SET digest = ?5, last_seen_at = max(last_seen_at, ?6), expires_at = ?7, body = ?8
         WHERE realm = ?1 AND id = ?2 AND user_id = ?3 AND digest = ?4 AND ended_at IS NULL",
    )?
    .execute(params![
        realm.0,
        session.id.as_bytes(),
        session.user_id.as_bytes(),
        from.0,
        session.digest.0,
        session.last_seen_at.millis(),
        session.expires_at.millis(),
        body,
    ])
    .map(guarded)
}

/// Never backwards: two tabs may arrive in either order.
pub(super) fn touch(c: &Connection, realm: Realm, id: SessionId, at: Timestamp) -> Result<Guard> {
    c.prepare_cached(
        "UPDATE session SET last_seen_at = max(last_seen_at, ?3)
         WHERE realm = ?1 AND id = ?2 AND ended_at IS NULL",
    )?
    .execute(params![realm.0, id.as_bytes(), at.millis()])?;
    Ok(Guard::Held)
}

pub(super) fn end(c: &Connection, realm: Realm, id: SessionId, user: UserId, at: Timestamp) -> Result<Guard> {
    c.prepare_cached(
        "UPDATE session SET ended_at = ?4 WHERE realm = ?1 AND id = ?2 AND user_id = ?3 AND ended_at IS NULL",
    )?
    .execute(params![realm.0, id.as_bytes(), user.as_bytes(), at.millis()])
    .map(guarded)
}

pub(super) fn end_others(
    c: &Connection,
    realm: Realm,
    user: UserId,
    keep: SessionId,
    at: Timestamp,
) -> Result<Guard> {
    c.prepare_cached(
        "UPDATE session SET ended_at = ?4
         WHERE realm = ?1 AND user_id = ?2 AND id <> ?3 AND ended_at IS NULL",
    )?
    .execute(params![realm.0, user.as_bytes(), keep.as_bytes(), at.millis()])?;
    Ok(Guard::Held)
}
