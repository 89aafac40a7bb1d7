//! Clients: one JSON body each.

use grantwell_core::{
    client::Client,
    id::{ClientId, Realm, ResourceIdentifier},
    store::References,
};
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::form::{Guard, SqliteColumns, encode, guarded, replace};
use crate::records::Columns as _;

pub(super) fn find(c: &Connection, realm: Realm, id: &ClientId) -> Result<Option<Client>> {
    c.prepare_cached("SELECT body FROM client WHERE realm = ?1 AND client_id = ?2")?
        .query_row(params![realm.0, id.as_str()], |row| SqliteColumns::of(row).json())
        .optional()
}

pub(super) fn applied(c: &Connection, realm: Realm) -> Result<Vec<ClientId>> {
    c.prepare_cached("SELECT client_id FROM client WHERE realm = ?1 AND applied = 1 ORDER BY client_id")?
        .query_map([realm.0], |row| row.get(0).map(ClientId))?
        .collect()
}

/// Those that no `apply` made, and one more than are reported. Looks at every client.
pub(super) fn defaulting_to(
    c: &Connection,
    realm: Realm,
    resources: &[ResourceIdentifier],
) -> Result<Vec<(ClientId, ResourceIdentifier)>> {
    c.prepare_cached(
        "SELECT client_id, body ->> '$.default_resource' AS resource FROM client
         WHERE realm = ?1 AND applied = 0 AND resource IN (SELECT value FROM json_each(?2))
         ORDER BY client_id LIMIT ?3",
    )?
    .query_map(params![realm.0, encode(&resources)?, References::MOST + 1], |row| {
        Ok((ClientId(row.get(0)?), ResourceIdentifier(row.get(1)?)))
    })?
    .collect()
}

pub(super) fn put(c: &Connection, realm: Realm, client: &Client, was: Option<&Client>) -> Result<Guard> {
    let id = client.client_id.as_str();
    let body = encode(client)?;
    let Some(was) = was else {
        return c
            .prepare_cached(
                "INSERT INTO client (realm, client_id, applied, body) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO NOTHING",
            )?
            .execute(params![realm.0, id, client.applied, body])
            .map(guarded);
    };
    replace(
        was,
        |form| {
            c.prepare_cached(
                "UPDATE client SET applied = ?3, body = ?4 WHERE realm = ?1 AND client_id = ?2 AND body = ?5",
            )?
            .execute(params![realm.0, id, client.applied, body, form])
        },
        || {
            c.prepare_cached("SELECT body FROM client WHERE realm = ?1 AND client_id = ?2")?
                .query_row(params![realm.0, id], |row| row.get(0))
                .optional()
        },
    )
}

pub(super) fn delete(c: &Connection, realm: Realm, id: &ClientId) -> Result<Guard> {
    c.prepare_cached("DELETE FROM client WHERE realm = ?1 AND client_id = ?2")?
        .execute(params![realm.0, id.as_str()])
        .map(guarded)
}
