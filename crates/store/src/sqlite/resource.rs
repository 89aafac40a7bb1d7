//! Resources, and which scopes belong to which.

use grantwell_core::{
    id::{ClientId, Realm, ResourceIdentifier},
    resource::Resource,
    scope::ScopeSet,
    store::References,
};
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::form::{Guard, SqliteColumns, encode, guarded, replace};
use crate::records::Columns as _;

pub(super) fn find(c: &Connection, realm: Realm, id: &ResourceIdentifier) -> Result<Option<Resource>> {
    c.prepare_cached("SELECT body FROM resource WHERE realm = ?1 AND identifier = ?2")?
        .query_row(params![realm.0, id.as_str()], |row| SqliteColumns::of(row).json())
        .optional()
}

/// One statement, so that the list is of one moment. However many own a scope, the list is no longer than what was asked, and two.
pub(super) fn named_or_owning(
    c: &Connection,
    realm: Realm,
    identifiers: &[ResourceIdentifier],
    scopes: &ScopeSet,
) -> Result<Vec<Resource>> {
    let scopes = scopes.iter().collect::<Vec<_>>();
    c.prepare_cached(
        "SELECT body FROM resource WHERE realm = ?1 AND identifier IN (
           SELECT value FROM json_each(?2)
           UNION
           SELECT (SELECT min(identifier) FROM resource_scope WHERE realm = ?1 AND scope = asked.value)
           FROM json_each(?3) AS asked
           UNION
           SELECT identifier FROM (
             SELECT identifier FROM resource_scope
             WHERE realm = ?1 AND scope IN (SELECT value FROM json_each(?3))
             GROUP BY identifier
             HAVING count(*) = (SELECT count(*) FROM json_each(?3) AS asked WHERE EXISTS (
                                  SELECT 1 FROM resource_scope WHERE realm = ?1 AND scope = asked.value))
             ORDER BY identifier LIMIT 2))
         ORDER BY identifier",
    )?
    .query_map(params![realm.0, encode(&identifiers)?, encode(&scopes)?], |row| {
        SqliteColumns::of(row).json()
    })?
    .collect()
}

pub(super) fn applied(c: &Connection, realm: Realm) -> Result<Vec<ResourceIdentifier>> {
    c.prepare_cached("SELECT identifier FROM resource WHERE realm = ?1 AND applied = 1 ORDER BY identifier")?
        .query_map([realm.0], |row| row.get(0).map(ResourceIdentifier))?
        .collect()
}

/// Of those that no `apply` made, and one more than are reported. Looks at every resource.
pub(super) fn introspected_by(
    c: &Connection,
    realm: Realm,
    clients: &[ClientId],
) -> Result<Vec<(ResourceIdentifier, ClientId)>> {
    c.prepare_cached(
        "SELECT r.identifier, named.value FROM resource r, json_each(r.body, '$.introspection_clients') AS named
         WHERE r.realm = ?1 AND r.applied = 0 AND named.value IN (SELECT value FROM json_each(?2))
         ORDER BY r.identifier, named.value LIMIT ?3",
    )?
    .query_map(params![realm.0, encode(&clients)?, References::MOST + 1], |row| {
        Ok((ResourceIdentifier(row.get(0)?), ClientId(row.get(1)?)))
    })?
    .collect()
}

pub(super) fn put(
    c: &Connection,
    realm: Realm,
    resource: &Resource,
    was: Option<&Resource>,
) -> Result<Guard> {
    let id = resource.identifier.as_str();
    let body = encode(resource)?;
    let guard = match was {
        None => c
            .prepare_cached(
                "INSERT INTO resource (realm, identifier, applied, body) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO NOTHING",
            )?
            .execute(params![realm.0, id, resource.applied, body])
            .map(guarded)?,
        Some(was) => replace(
            was,
            |form| {
                c.prepare_cached(
                    "UPDATE resource SET applied = ?3, body = ?4
                     WHERE realm = ?1 AND identifier = ?2 AND body = ?5",
                )?
                .execute(params![realm.0, id, resource.applied, body, form])
            },
            || {
                c.prepare_cached("SELECT body FROM resource WHERE realm = ?1 AND identifier = ?2")?
                    .query_row(params![realm.0, id], |row| row.get(0))
                    .optional()
            },
        )?,
    };
    if guard == Guard::Held {
        c.prepare_cached("DELETE FROM resource_scope WHERE realm = ?1 AND identifier = ?2")?
            .execute(params![realm.0, id])?;
        let mut insert =
            c.prepare_cached("INSERT INTO resource_scope (realm, scope, identifier) VALUES (?1, ?2, ?3)")?;
        for scope in resource.scopes.keys() {
            insert.execute(params![realm.0, scope, id])?;
        }
    }
    Ok(guard)
}

/// The scopes go with it (`ON DELETE CASCADE`).
pub(super) fn delete(c: &Connection, realm: Realm, id: &ResourceIdentifier) -> Result<Guard> {
    c.prepare_cached("DELETE FROM resource WHERE realm = ?1 AND identifier = ?2")?
        .execute(params![realm.0, id.as_str()])
        .map(guarded)
}
