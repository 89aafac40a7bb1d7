//! Browsers that signed in.

use grantwell_core::{
    id::{Realm, SessionId, UserId},
    secret::Digest,
    store::Session,
    time::Timestamp,
};

use super::form::{QueryResult, Statement, encode, guarded, params};
use crate::records::{SessionBodyOf, session_columns, user_columns};

/// Ended longest ago first. What another node is removing is passed over.
pub(super) const ENDED: &str = "DELETE FROM session WHERE (realm, id) IN (
    SELECT realm, id FROM session WHERE ended_at < $1 ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED)";

/// Expired longest ago first.
pub(super) const EXPIRED: &str = "DELETE FROM session WHERE (realm, id) IN (
    SELECT realm, id FROM session WHERE expires_at < $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)";

pub(super) fn find(realm: Realm, id: SessionId) -> Statement {
    Statement::new(
        concat!(
            "SELECT ",
            session_columns!(),
            ", ",
            user_columns!(),
            ", r.epoch
              FROM session s
              JOIN \"user\" u ON u.realm = s.realm AND u.id = s.user_id
              JOIN realm r ON r.realm = s.realm
              WHERE s.realm = $1 AND s.id = $2"
        ),
        params![realm, id.as_bytes()],
    )
}

pub(super) fn of_user(realm: Realm, user: UserId, now: Timestamp) -> Statement {
    Statement::new(
        concat!(
            "SELECT ",
            session_columns!(),
            " FROM session s JOIN realm r ON r.realm = s.realm AND r.epoch = s.epoch
              WHERE s.realm = $1 AND s.user_id = $2 AND s.ended_at IS NULL AND s.expires_at > $3
              ORDER BY s.created_at DESC, s.id DESC LIMIT 100"
        ),
        params![realm, user.as_bytes(), now],
    )
}

pub(super) fn insert(realm: Realm, session: &Session) -> QueryResult<Statement> {
    let body = encode(&SessionBodyOf::from(session))?;
    Ok(Statement::new(
        guarded!(
            "INSERT INTO session
               (realm, id, digest, user_id, created_at, last_seen_at, expires_at, ended_at, body, epoch)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING"
        ),
        params![
            realm,
            session.id.as_bytes(),
            session.digest,
            session.user_id.as_bytes(),
            session.created_at,
            session.last_seen_at,
            session.expires_at,
            session.ended_at,
            body,
            session.epoch,
        ],
    ))
}

pub(super) fn reauthenticate(realm: Realm, session: &Session, from: Digest) -> QueryResult<Statement> {
    let body = encode(&SessionBodyOf::from(session))?;
    Ok(Statement::new(
        guarded!(
            "UPDATE session SET digest = $5, last_seen_at = greatest(last_seen_at, $6), expires_at = $7, body = $8
             WHERE realm = $1 AND id = $2 AND user_id = $3 AND digest = $4 AND ended_at IS NULL"
        ),
        params![
            realm,
            session.id.as_bytes(),
            session.user_id.as_bytes(),
            from,
            session.digest,
            session.last_seen_at,
            session.expires_at,
            body,
        ],
    ))
}

/// Never backwards: two tabs may arrive in either order.
pub(super) fn touch(realm: Realm, id: SessionId, at: Timestamp) -> Statement {
    Statement::new(
        "UPDATE session SET last_seen_at = greatest(last_seen_at, $3)
         WHERE realm = $1 AND id = $2 AND ended_at IS NULL",
        params![realm, id.as_bytes(), at],
    )
}

pub(super) fn end(realm: Realm, id: SessionId, user: UserId, at: Timestamp) -> Statement {
    Statement::new(
        guarded!(
            "UPDATE session SET ended_at = $4
             WHERE realm = $1 AND id = $2 AND user_id = $3 AND ended_at IS NULL"
        ),
        params![realm, id.as_bytes(), user.as_bytes(), at],
    )
}

/// In one order: who ends others' sessions meanwhile takes their rows in the same.
pub(super) fn end_others(realm: Realm, user: UserId, keep: SessionId, at: Timestamp) -> Statement {
    Statement::new(
        "UPDATE session SET ended_at = $4 WHERE (realm, id) IN (
           SELECT realm, id FROM session
           WHERE realm = $1 AND user_id = $2 AND id <> $3 AND ended_at IS NULL
           ORDER BY realm, id FOR UPDATE)",
        params![realm, user.as_bytes(), keep.as_bytes(), at],
    )
}
