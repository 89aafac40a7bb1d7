//! Authorizations: the result of a completed interaction, with its code and its current refresh token in the same row.

use grantwell_core::{
    id::{AuthorizationId, Realm, SessionId},
    store::{Authorization, AuthorizationRecord, RefreshState},
    time::Timestamp,
};
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::form::{Guard, SqliteColumns, encode, guarded};
use crate::records::{self, AuthorizationBodyOf, authorization_columns};

/// Codes that were never redeemed, longest expired first.
pub(super) const UNREDEEMED: &str = "DELETE FROM authorization WHERE (realm, id) IN (
    SELECT realm, id FROM authorization WHERE redeemed_at IS NULL AND code_expires_at < ?1
    ORDER BY code_expires_at LIMIT ?2)";

/// Expired longest ago first.
pub(super) const EXPIRED: &str = "DELETE FROM authorization WHERE (realm, id) IN (
    SELECT realm, id FROM authorization WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)";

/// Revoked longest ago first.
pub(super) const REVOKED: &str = "DELETE FROM authorization WHERE (realm, id) IN (
    SELECT realm, id FROM authorization WHERE revoked_at < ?1 ORDER BY revoked_at LIMIT ?2)";

/// Those whose consent was withdrawn: as dead as if each had been revoked, and in the way of the consent's own removal. Of the same
/// consents as that.
pub(super) const UNDER_WITHDRAWN: &str = "DELETE FROM authorization WHERE (realm, id) IN (
    SELECT a.realm, a.id
    FROM (SELECT realm, id FROM consent WHERE withdrawn_at < ?1 ORDER BY withdrawn_at LIMIT ?2) oldest
    CROSS JOIN authorization a ON a.realm = oldest.realm AND a.consent_id = oldest.id LIMIT ?2)";

/// All that the life of a token under an authorization depends on.
const FIND: &str = concat!(
    "SELECT ",
    authorization_columns!(),
    "
         FROM authorization a
         JOIN consent c ON c.realm = a.realm AND c.id = a.consent_id
         LEFT JOIN client cl ON cl.realm = a.realm AND cl.client_id = a.client_id
         LEFT JOIN user u ON u.realm = a.realm AND u.id = a.user_id
         LEFT JOIN session s ON s.realm = a.realm AND s.id = a.session_id
         JOIN realm r ON r.realm = a.realm
         WHERE a.realm = ?1 AND a.id = ?2"
);

/// One joined read, so that all of it is of one moment.
pub(super) fn find(c: &Connection, realm: Realm, id: AuthorizationId) -> Result<Option<AuthorizationRecord>> {
    c.prepare_cached(FIND)?
        .query_row(params![realm.0, id.as_bytes()], |row| {
            records::authorization_record(id, &mut SqliteColumns::of(row))
        })
        .optional()
}

/// The writer is alone in its transaction, so what the guard's `EXISTS` saw is still so when the row is durable.
pub(super) fn insert(c: &Connection, realm: Realm, authorization: &Authorization) -> Result<Guard> {
    let code = authorization.code.as_ref();
    let refresh = authorization.refresh.as_ref();
    let body = encode(&AuthorizationBodyOf::from(authorization))?;
    c.prepare_cached(
        "INSERT INTO authorization
           (realm, id, client_id, user_id, session_id, consent_id, epoch, created_at, expires_at, last_used_at,
            revoked_at, code_digest, code_expires_at, redeemed_at, burnt_at, generation, refresh_digest,
            rotated_at, refresh_expires_at, body)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20
         WHERE EXISTS (SELECT 1 FROM consent WHERE realm = ?1 AND id = ?6 AND withdrawn_at IS NULL)
           AND (?5 IS NULL OR EXISTS (SELECT 1 FROM session WHERE realm = ?1 AND id = ?5 AND ended_at IS NULL))
         ON CONFLICT DO NOTHING",
    )?
    .execute(params![
        realm.0,
        authorization.id.as_bytes(),
        authorization.client_id.as_str(),
        authorization.user_id.as_bytes(),
        authorization.session_id.as_ref().map(SessionId::as_bytes),
        authorization.consent_id.as_bytes(),
        authorization.epoch,
        authorization.created_at.millis(),
        authorization.expires_at.millis(),
        authorization.last_used_at.millis(),
        authorization.revoked_at.map(Timestamp::millis),
        code.map(|code| code.digest.0),
        code.map(|code| code.expires_at.millis()),
        code.and_then(|code| code.redeemed_at).map(Timestamp::millis),
        code.and_then(|code| code.invalidated_at).map(Timestamp::millis),
        refresh.map(|refresh| refresh.generation),
        refresh.map(|refresh| refresh.digest.0),
        refresh.map(|refresh| refresh.rotated_at.millis()),
        refresh.map(|refresh| refresh.expires_at.millis()),
        body,
    ])
    .map(guarded)
}

pub(super) fn redeem(
    c: &Connection,
    realm: Realm,
    id: AuthorizationId,
    at: Timestamp,
    refresh: Option<&RefreshState>,
) -> Result<Guard> {
    c.prepare_cached(
        "UPDATE authorization
         SET redeemed_at = ?3, last_used_at = ?3, generation = ?4, refresh_digest = ?5, rotated_at = ?6,
             refresh_expires_at = ?7
         WHERE realm = ?1 AND id = ?2 AND code_digest IS NOT NULL AND redeemed_at IS NULL AND burnt_at IS NULL
           AND revoked_at IS NULL",
    )?
    .execute(params![
        realm.0,
        id.as_bytes(),
        at.millis(),
        refresh.map(|refresh| refresh.generation),
        refresh.map(|refresh| refresh.digest.0),
        refresh.map(|refresh| refresh.rotated_at.millis()),
        refresh.map(|refresh| refresh.expires_at.millis()),
    ])
    .map(guarded)
}

pub(super) fn invalidate_code(
    c: &Connection,
    realm: Realm,
    id: AuthorizationId,
    at: Timestamp,
) -> Result<Guard> {
    c.prepare_cached(
        "UPDATE authorization SET burnt_at = ?3
         WHERE realm = ?1 AND id = ?2 AND code_digest IS NOT NULL AND redeemed_at IS NULL AND burnt_at IS NULL",
    )?
    .execute(params![realm.0, id.as_bytes(), at.millis()])
    .map(guarded)
}

/// An authorization without a code begins at generation 0. One with a code has none until [`redeem`], and NULL equals no number.
pub(super) fn rotate(c: &Connection, realm: Realm, id: AuthorizationId, to: &RefreshState) -> Result<Guard> {
    c.prepare_cached(
        "UPDATE authorization
         SET generation = ?3, refresh_digest = ?4, rotated_at = ?5, refresh_expires_at = ?6, last_used_at = ?5
         WHERE realm = ?1 AND id = ?2 AND revoked_at IS NULL
           AND coalesce(generation, CASE WHEN code_digest IS NULL THEN 0 END) = ?3 - 1",
    )?
    .execute(params![
        realm.0,
        id.as_bytes(),
        to.generation,
        to.digest.0,
        to.rotated_at.millis(),
        to.expires_at.millis()
    ])
    .map(guarded)
}

pub(super) fn revoke(c: &Connection, realm: Realm, id: AuthorizationId, at: Timestamp) -> Result<Guard> {
    c.prepare_cached(
        "UPDATE authorization SET revoked_at = ?3 WHERE realm = ?1 AND id = ?2 AND revoked_at IS NULL",
    )?
    .execute(params![realm.0, id.as_bytes(), at.millis()])
    .map(guarded)
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    /// SQLite was built to look at bound values while it plans, and then plans again at every new value; that costs more
    /// than the read. [`super::super::configure`] turns it off.
    #[test]
    fn the_joined_read_is_planned_once() {
        let c = crate::schema::in_memory();
        super::super::configure(&c).unwrap();
        for n in 0..9 {
            assert!(find(&c, Realm(n), AuthorizationId::from_bytes([7; 16])).unwrap().is_none());
        }
        let statement = c.prepare_cached(FIND).unwrap();
        assert_eq!(statement.get_status(StatementStatus::Run), 9, "it is the one that was used");
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}
