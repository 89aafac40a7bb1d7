//! Access tokens that were revoked one by one, until they expire (RFC 7009).

use grantwell_core::{id::Realm, secret::Digest, time::Timestamp};
use rusqlite::{Connection, Result, params};

use super::form::Guard;

/// Expired longest ago first.
pub(super) const EXPIRED: &str = "DELETE FROM denied WHERE (realm, token) IN (
    SELECT realm, token FROM denied WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)";

pub(super) fn contains(c: &Connection, realm: Realm, token: &Digest) -> Result<bool> {
    c.prepare_cached("SELECT 1 FROM denied WHERE realm = ?1 AND token = ?2")?
        .exists(params![realm.0, token.0])
}

pub(super) fn insert(c: &Connection, realm: Realm, token: &Digest, expires_at: Timestamp) -> Result<Guard> {
    c.prepare_cached(
        "INSERT INTO denied (realm, token, expires_at) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET expires_at = max(expires_at, excluded.expires_at)",
    )?
    .execute(params![realm.0, token.0, expires_at.millis()])?;
    Ok(Guard::Held)
}
