//! Pending requests to `/authorize`, with the facts so far.

use grantwell_core::{
    id::{InteractionId, Realm},
    store::{Facts, Interaction},
};
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::form::{Guard, SqliteColumns, encode, guarded};
use crate::records::{self, interaction_columns};

/// Expired longest ago first.
pub(super) const EXPIRED: &str = "DELETE FROM interaction WHERE rowid IN (
    SELECT rowid FROM interaction WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)";

pub(super) fn find(c: &Connection, realm: Realm, id: InteractionId) -> Result<Option<Interaction>> {
    c.prepare_cached(concat!(
        "SELECT ",
        interaction_columns!(),
        " FROM interaction WHERE realm = ?1 AND id = ?2"
    ))?
    .query_row(params![realm.0, id.as_bytes()], |row| records::interaction(id, &mut SqliteColumns::of(row)))
    .optional()
}

pub(super) fn insert(c: &Connection, realm: Realm, interaction: &Interaction) -> Result<Guard> {
    c.prepare_cached(
        "INSERT INTO interaction (realm, id, browser, version, created_at, expires_at, facts, request)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
    )?
    .execute(params![
        realm.0,
        interaction.id.as_bytes(),
        interaction.browser.0,
        interaction.version,
        interaction.created_at.millis(),
        interaction.expires_at.millis(),
        encode(&interaction.facts)?,
        encode(&interaction.purpose)?,
    ])
    .map(guarded)
}

pub(super) fn update(
    c: &Connection,
    realm: Realm,
    id: InteractionId,
    version: u32,
    facts: &Facts,
) -> Result<Guard> {
    c.prepare_cached(
        "UPDATE interaction SET facts = ?4, version = version + 1
         WHERE realm = ?1 AND id = ?2 AND version = ?3",
    )?
    .execute(params![realm.0, id.as_bytes(), version, encode(facts)?])
    .map(guarded)
}
