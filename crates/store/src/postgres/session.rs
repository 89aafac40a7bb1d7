//! Browsers that signed in.

use grantwell_core::{
    id::{Realm, SessionId, UserId},
    store::{Authentication, Session, SessionRecord},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use super::{
    form::{Columns, Result, Statement, encode, guarded, params},
    user::{self, user_columns},
};

/// Ended longest ago first. What another node is removing is passed over.
pub(super) const ENDED: &str = "DELETE FROM session WHERE (realm, id) IN (
    SELECT realm, id FROM session WHERE ended_at < $1 ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED)";

/// Expired longest ago first.
pub(super) const EXPIRED: &str = "DELETE FROM session WHERE (realm, id) IN (
    SELECT realm, id FROM session WHERE expires_at < $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)";

/// In this order, for [`read`].
macro_rules! session_columns {
    () => {
        "s.id, s.digest, s.user_id, s.created_at, s.last_seen_at, s.expires_at, s.ended_at, s.epoch, s.body"
    };
}
pub(super) use session_columns;

/// How many columns [`read`] takes.
pub(super) const COLUMNS: usize = 9;

/// What is written once.
#[derive(Deserialize)]
struct Body {
    authentication: Authentication,
    user_agent: String,
    address: String,
}

/// [`Body`], borrowed.
#[derive(Serialize)]
struct BodyOf<'a> {
    authentication: &'a Authentication,
    user_agent: &'a str,
    address: &'a str,
}

pub(super) fn read(columns: &mut Columns<'_>) -> Result<Session> {
    let id = SessionId::from_bytes(columns.id()?);
    let digest = columns.digest()?;
    let user_id = UserId::from_bytes(columns.id()?);
    let created_at = columns.time()?;
    let last_seen_at = columns.time()?;
    let expires_at = columns.time()?;
    let ended_at = columns.time_or_none()?;
    let epoch = columns.number()?;
    let Body { authentication, user_agent, address } = columns.json()?;
    Ok(Session {
        id,
        digest,
        user_id,
        authentication,
        user_agent,
        address,
        epoch,
        created_at,
        last_seen_at,
        expires_at,
        ended_at,
    })
}

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

pub(super) fn record(columns: &mut Columns<'_>) -> Result<SessionRecord> {
    Ok(SessionRecord { session: read(columns)?, user: user::read(columns)?, epoch: columns.number()? })
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

pub(super) fn insert(realm: Realm, session: &Session) -> Result<Statement> {
    let body = encode(&BodyOf {
        authentication: &session.authentication,
        user_agent: &session.user_agent,
        address: &session.address,
    })?;
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
