//! The realm: issuer, check value of the master key, generation and epoch.

use grantwell_core::{id::Realm, store::RealmRecord};
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::form::{Guard, SqliteColumns, guarded};
use crate::records::{self, realm_columns};

pub(super) fn find(c: &Connection, realm: Realm) -> Result<Option<RealmRecord>> {
    c.prepare_cached(concat!("SELECT ", realm_columns!(), " FROM realm WHERE realm = ?1"))?
        .query_row([realm.0], |row| records::realm(&mut SqliteColumns::of(row)))
        .optional()
}

pub(super) fn claim(c: &Connection, realm: Realm, record: &RealmRecord) -> Result<Guard> {
    let generation = i64::try_from(record.generation).unwrap_or(i64::MAX);
    c.prepare_cached(
        "INSERT INTO realm (realm, issuer, key_check, generation, epoch) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO NOTHING",
    )?
    .execute(params![realm.0, record.issuer, record.key_check, generation, record.epoch])
    .map(guarded)
}

pub(super) fn move_to(c: &Connection, realm: Realm, from: &str, to: &str) -> Result<Guard> {
    let moved = c
        .prepare_cached(
            "UPDATE realm SET issuer = ?3, generation = generation + 1 WHERE realm = ?1 AND issuer = ?2",
        )?
        .execute(params![realm.0, from, to])?;
    Ok(guarded(moved))
}

pub(super) fn raise_epoch(c: &Connection, realm: Realm, to: u32) -> Result<Guard> {
    c.prepare_cached("UPDATE realm SET epoch = ?2 WHERE realm = ?1 AND epoch = ?2 - 1")?
        .execute(params![realm.0, to])
        .map(guarded)
}

/// Tells every node that clients, users, resources or keys changed. Not guarded: a realm may be filled before it is claimed.
pub(super) fn raise_generation(c: &Connection, realm: Realm) -> Result<()> {
    c.prepare_cached("UPDATE realm SET generation = generation + 1 WHERE realm = ?1")?.execute([realm.0])?;
    Ok(())
}
