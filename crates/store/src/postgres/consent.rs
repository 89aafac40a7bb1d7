//! What a person agreed to for a client. The partial unique index `consent_live` keeps one live row for each pair.

use grantwell_core::{
    id::{ClientId, ConsentId, Realm, UserId},
    store::Consent,
    time::Timestamp,
};

use super::form::{QueryResult, Statement, encode, guarded, params};
use crate::records::{ConsentExtension, consent_columns};

/// Withdrawn longest ago first, once no authorization hangs under it. After a restore all are withdrawn at once, so only so many
/// are looked at.
pub(super) const WITHDRAWN: &str = "DELETE FROM consent WHERE (realm, id) IN (
    SELECT oldest.realm, oldest.id
    FROM (SELECT realm, id FROM consent WHERE withdrawn_at < $1 ORDER BY withdrawn_at LIMIT $2
          FOR UPDATE SKIP LOCKED) oldest
    WHERE NOT EXISTS (
      SELECT 1 FROM \"authorization\" a WHERE a.realm = oldest.realm AND a.consent_id = oldest.id))";

pub(super) fn live(realm: Realm, user: UserId, client: &ClientId) -> Statement {
    Statement::new(
        concat!(
            "SELECT ",
            consent_columns!(),
            " FROM consent c
              WHERE c.realm = $1 AND c.user_id = $2 AND c.client_id = $3 AND c.withdrawn_at IS NULL"
        ),
        params![realm, user.as_bytes(), client],
    )
}

/// An authorization whose code was never redeemed has issued no token, so it does not count as a use.
pub(super) fn connections_of(realm: Realm, user: UserId) -> Statement {
    Statement::new(
        concat!(
            "SELECT ",
            consent_columns!(),
            ", cl.body,
              (SELECT max(a.last_used_at) FROM \"authorization\" a
               WHERE a.realm = c.realm AND a.consent_id = c.id
                 AND (a.redeemed_at IS NOT NULL OR a.code_digest IS NULL))
              FROM consent c LEFT JOIN client cl ON cl.realm = c.realm AND cl.client_id = c.client_id
              WHERE c.realm = $1 AND c.user_id = $2 AND c.withdrawn_at IS NULL
              ORDER BY c.created_at DESC, c.id DESC LIMIT 200"
        ),
        params![realm, user.as_bytes()],
    )
}

pub(super) fn insert(realm: Realm, consent: &Consent) -> QueryResult<Statement> {
    Ok(Statement::new(
        guarded!(
            "INSERT INTO consent
               (realm, id, user_id, client_id, permissions, version, created_at, updated_at, withdrawn_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING"
        ),
        params![
            realm,
            consent.id.as_bytes(),
            consent.user_id.as_bytes(),
            &consent.client_id,
            encode(&consent.permissions)?,
            consent.version,
            consent.created_at,
            consent.updated_at,
            consent.withdrawn_at,
        ],
    ))
}

pub(super) fn extend(realm: Realm, id: ConsentId, to: &ConsentExtension<'_>) -> QueryResult<Statement> {
    Ok(Statement::new(
        guarded!(
            "UPDATE consent SET permissions = $4, updated_at = $5, version = version + 1
             WHERE realm = $1 AND id = $2 AND version = $3 AND withdrawn_at IS NULL"
        ),
        params![realm, id.as_bytes(), to.version, encode(to.permissions)?, to.at],
    ))
}

pub(super) fn withdraw(realm: Realm, id: ConsentId, user: UserId, at: Timestamp) -> Statement {
    Statement::new(
        guarded!(
            "UPDATE consent SET withdrawn_at = $4
             WHERE realm = $1 AND id = $2 AND user_id = $3 AND withdrawn_at IS NULL"
        ),
        params![realm, id.as_bytes(), user.as_bytes(), at],
    )
}
