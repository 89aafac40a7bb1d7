//! Access tokens that were revoked one by one, until they expire (RFC 7009).

use grantwell_core::{id::Realm, secret::Digest, time::Timestamp};

use super::form::{Statement, params};

/// Expired longest ago first.
pub(super) const EXPIRED: &str = "DELETE FROM denied WHERE (realm, token) IN (
    SELECT realm, token FROM denied WHERE expires_at < $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)";

/// A row, or none.
pub(super) fn find(realm: Realm, token: &Digest) -> Statement {
    Statement::new("SELECT 1 FROM denied WHERE realm = $1 AND token = $2", params![realm, *token])
}

pub(super) fn insert(realm: Realm, token: &Digest, expires_at: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO denied (realm, token, expires_at) VALUES ($1, $2, $3)
         ON CONFLICT (realm, token) DO UPDATE SET expires_at = greatest(denied.expires_at, excluded.expires_at)",
        params![realm, *token, expires_at],
    )
}
