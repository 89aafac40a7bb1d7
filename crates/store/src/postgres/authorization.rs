//! Authorizations: the result of a completed interaction, with its code and its current refresh token in the same row.

use grantwell_core::{
    id::{AuthorizationId, Realm, SessionId},
    store::{Authorization, RefreshState},
    time::Timestamp,
};

use super::form::{QueryResult, Statement, encode, guarded, params};
use crate::records::{AuthorizationBodyOf, authorization_columns};

/// Codes that were never redeemed, longest expired first.
pub(super) const UNREDEEMED: &str = "DELETE FROM \"authorization\" WHERE (realm, id) IN (
    SELECT realm, id FROM \"authorization\" WHERE redeemed_at IS NULL AND code_expires_at < $1
    ORDER BY code_expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)";

/// Expired longest ago first.
pub(super) const EXPIRED: &str = "DELETE FROM \"authorization\" WHERE (realm, id) IN (
    SELECT realm, id FROM \"authorization\" WHERE expires_at < $1 ORDER BY expires_at LIMIT $2
    FOR UPDATE SKIP LOCKED)";

/// Revoked longest ago first.
pub(super) const REVOKED: &str = "DELETE FROM \"authorization\" WHERE (realm, id) IN (
    SELECT realm, id FROM \"authorization\" WHERE revoked_at < $1 ORDER BY revoked_at LIMIT $2
    FOR UPDATE SKIP LOCKED)";

/// Those whose consent was withdrawn: as dead as if each had been revoked, and in the way of the consent's own removal. Of the same
/// consents as that.
pub(super) const UNDER_WITHDRAWN: &str = "DELETE FROM \"authorization\" WHERE (realm, id) IN (
    SELECT a.realm, a.id
    FROM (SELECT realm, id FROM consent WHERE withdrawn_at < $1 ORDER BY withdrawn_at LIMIT $2) oldest
    JOIN \"authorization\" a ON a.realm = oldest.realm AND a.consent_id = oldest.id
    LIMIT $2 FOR UPDATE OF a SKIP LOCKED)";

/// All that the life of a token under an authorization depends on, in one statement, so that all of it is of one moment.
pub(super) fn find(realm: Realm, id: AuthorizationId) -> Statement {
    Statement::new(
        concat!(
            "SELECT ",
            authorization_columns!(),
            "
             FROM \"authorization\" a
             JOIN consent c ON c.realm = a.realm AND c.id = a.consent_id
             LEFT JOIN client cl ON cl.realm = a.realm AND cl.client_id = a.client_id
             LEFT JOIN \"user\" u ON u.realm = a.realm AND u.id = a.user_id
             LEFT JOIN session s ON s.realm = a.realm AND s.id = a.session_id
             JOIN realm r ON r.realm = a.realm
             WHERE a.realm = $1 AND a.id = $2"
        ),
        params![realm, id.as_bytes()],
    )
}

/// Under READ COMMITTED an `EXISTS` on a live consent passes while its withdrawal is in flight. `FOR SHARE` waits for it, and
/// looks again at what it left.
pub(super) fn insert(realm: Realm, authorization: &Authorization) -> QueryResult<Statement> {
    let session_id = authorization.session_id.as_ref().map(SessionId::as_bytes);
    let code = authorization.code.as_ref();
    let refresh = authorization.refresh.as_ref();
    let body = encode(&AuthorizationBodyOf::from(authorization))?;
    Ok(Statement::new(
        "WITH consented AS (
           SELECT 1 FROM consent WHERE realm = $1 AND id = $6 AND withdrawn_at IS NULL FOR SHARE),
         signed_in AS (
           SELECT 1 FROM session WHERE realm = $1 AND id = $5 AND ended_at IS NULL FOR SHARE),
         done AS (
           INSERT INTO \"authorization\"
             (realm, id, client_id, user_id, session_id, consent_id, epoch, created_at, expires_at, last_used_at,
              revoked_at, code_digest, code_expires_at, redeemed_at, burnt_at, generation, refresh_digest,
              rotated_at, refresh_expires_at, body)
           SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20
           FROM consented WHERE $5 IS NULL OR EXISTS (SELECT FROM signed_in)
           ON CONFLICT DO NOTHING RETURNING 1)
         SELECT guarded(count(*)) FROM done",
        params![
            realm,
            authorization.id.as_bytes(),
            &authorization.client_id,
            authorization.user_id.as_bytes(),
            session_id,
            authorization.consent_id.as_bytes(),
            authorization.epoch,
            authorization.created_at,
            authorization.expires_at,
            authorization.last_used_at,
            authorization.revoked_at,
            code.map(|code| code.digest),
            code.map(|code| code.expires_at),
            code.and_then(|code| code.redeemed_at),
            code.and_then(|code| code.invalidated_at),
            refresh.map(|refresh| refresh.generation),
            refresh.map(|refresh| refresh.digest),
            refresh.map(|refresh| refresh.rotated_at),
            refresh.map(|refresh| refresh.expires_at),
            body,
        ],
    ))
}

pub(super) fn redeem(
    realm: Realm,
    id: AuthorizationId,
    at: Timestamp,
    refresh: Option<&RefreshState>,
) -> Statement {
    Statement::new(
        guarded!(
            "UPDATE \"authorization\"
             SET redeemed_at = $3, last_used_at = $3, generation = $4, refresh_digest = $5, rotated_at = $6,
                 refresh_expires_at = $7
             WHERE realm = $1 AND id = $2 AND code_digest IS NOT NULL AND redeemed_at IS NULL AND burnt_at IS NULL
               AND revoked_at IS NULL"
        ),
        params![
            realm,
            id.as_bytes(),
            at,
            refresh.map(|refresh| refresh.generation),
            refresh.map(|refresh| refresh.digest),
            refresh.map(|refresh| refresh.rotated_at),
            refresh.map(|refresh| refresh.expires_at),
        ],
    )
}

pub(super) fn invalidate_code(realm: Realm, id: AuthorizationId, at: Timestamp) -> Statement {
    Statement::new(
        guarded!(
            "UPDATE \"authorization\" SET burnt_at = $3
             WHERE realm = $1 AND id = $2 AND code_digest IS NOT NULL AND redeemed_at IS NULL AND burnt_at IS NULL"
        ),
        params![realm, id.as_bytes(), at],
    )
}

/// An authorization without a code begins at generation 0. One with a code has none until [`redeem`], and NULL equals no number.
pub(super) fn rotate(realm: Realm, id: AuthorizationId, to: &RefreshState) -> Statement {
    Statement::new(
        guarded!(
            "UPDATE \"authorization\"
             SET generation = $3, refresh_digest = $4, rotated_at = $5, refresh_expires_at = $6, last_used_at = $5
             WHERE realm = $1 AND id = $2 AND revoked_at IS NULL
               AND coalesce(generation, CASE WHEN code_digest IS NULL THEN 0 END) = $3 - 1"
        ),
        params![realm, id.as_bytes(), to.generation, to.digest, to.rotated_at, to.expires_at],
    )
}

pub(super) fn revoke(realm: Realm, id: AuthorizationId, at: Timestamp) -> Statement {
    Statement::new(
        guarded!(
            "UPDATE \"authorization\" SET revoked_at = $3 WHERE realm = $1 AND id = $2 AND revoked_at IS NULL"
        ),
        params![realm, id.as_bytes(), at],
    )
}
