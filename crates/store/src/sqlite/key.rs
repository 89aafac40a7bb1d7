//! Keys at rest, wrapped under the master key.

use grantwell_core::{
    id::{KeyId, Realm},
    store::KeyRecord,
    time::Timestamp,
};
use rusqlite::{Connection, Result, params};

use super::form::{Guard, SqliteColumns, encode, guarded};
use crate::records::{self, key_columns};

pub(super) fn all(c: &Connection, realm: Realm) -> Result<Vec<KeyRecord>> {
    c.prepare_cached(concat!(
        "SELECT ",
        key_columns!(),
        " FROM key WHERE realm = ?1 ORDER BY created_at, kid"
    ))?
    .query_map([realm.0], |row| records::key(&mut SqliteColumns::of(row)))?
    .collect()
}

pub(super) fn insert(c: &Connection, realm: Realm, key: &KeyRecord) -> Result<Guard> {
    c.prepare_cached(
        "INSERT INTO key (realm, kid, usage, wrapped, public, created_at, active_from, retired_at)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8
         WHERE NOT EXISTS (SELECT 1 FROM key
                           WHERE realm = ?1 AND usage = ?3 AND (retired_at IS NULL OR retired_at > ?7))
         ON CONFLICT DO NOTHING",
    )?
    .execute(params![
        realm.0,
        key.kid.as_str(),
        encode(&key.usage)?,
        key.wrapped,
        encode(&key.public)?,
        key.created_at.millis(),
        key.active_from.millis(),
        key.retired_at.map(Timestamp::millis),
    ])
    .map(guarded)
}

pub(super) fn retire(c: &Connection, realm: Realm, kid: &KeyId, at: Timestamp) -> Result<Guard> {
    c.prepare_cached("UPDATE key SET retired_at = ?3 WHERE realm = ?1 AND kid = ?2 AND retired_at IS NULL")?
        .execute(params![realm.0, kid.as_str(), at.millis()])
        .map(guarded)
}

pub(super) fn delete(c: &Connection, realm: Realm, kid: &KeyId) -> Result<Guard> {
    c.prepare_cached("DELETE FROM key WHERE realm = ?1 AND kid = ?2")?
        .execute(params![realm.0, kid.as_str()])
        .map(guarded)
}
