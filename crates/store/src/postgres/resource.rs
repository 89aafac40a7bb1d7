//! Resources, and which scopes belong to which.

use grantwell_core::{
    id::{ClientId, Realm, ResourceIdentifier},
    resource::Resource,
    scope::ScopeSet,
    store::References,
};

use super::form::{PostgresColumns, QueryResult, Statement, encode, guarded, params, texts};

/// The body, for [`PostgresColumns::json`].
pub(super) fn find(realm: Realm, id: &ResourceIdentifier) -> Statement {
    Statement::new("SELECT body FROM resource WHERE realm = $1 AND identifier = $2", params![realm, id])
}

/// One statement, so that the list is of one moment. However many own a scope, the list is no longer than what was asked, and two.
pub(super) fn named_or_owning(
    realm: Realm,
    identifiers: &[ResourceIdentifier],
    scopes: &ScopeSet,
) -> Statement {
    Statement::new(
        "SELECT body FROM resource WHERE realm = $1 AND identifier IN (
           SELECT unnest($2)
           UNION
           SELECT (SELECT min(identifier) FROM resource_scope WHERE realm = $1 AND scope = asked.scope)
           FROM unnest($3) AS asked (scope)
           UNION
           (SELECT identifier FROM resource_scope WHERE realm = $1 AND scope = ANY($3)
            GROUP BY identifier
            HAVING count(*) = (SELECT count(*) FROM unnest($3) AS asked (scope) WHERE EXISTS (
                                 SELECT 1 FROM resource_scope s WHERE s.realm = $1 AND s.scope = asked.scope))
            ORDER BY identifier LIMIT 2))
         ORDER BY identifier",
        params![
            realm,
            texts(identifiers.iter().map(ResourceIdentifier::as_str)),
            texts(scopes.iter().map(AsRef::as_ref))
        ],
    )
}

pub(super) fn applied(realm: Realm) -> Statement {
    Statement::new(
        "SELECT identifier FROM resource WHERE realm = $1 AND applied = 1 ORDER BY identifier",
        params![realm],
    )
}

/// Of those that no `apply` made, and one more than are reported. Looks at every resource.
pub(super) fn introspected_by(realm: Realm, clients: &[ClientId]) -> Statement {
    Statement::new(
        "SELECT r.identifier, named.value
         FROM resource r, json_array_elements_text(r.body::json -> 'introspection_clients') AS named (value)
         WHERE r.realm = $1 AND r.applied = 0 AND named.value = ANY($2)
         ORDER BY r.identifier, named.value COLLATE \"C\" LIMIT $3",
        params![realm, texts(clients.iter().map(ClientId::as_str)), References::MOST + 1],
    )
}

pub(super) fn introspector(columns: &mut PostgresColumns<'_>) -> QueryResult<(ResourceIdentifier, ClientId)> {
    Ok((ResourceIdentifier(columns.value()?), ClientId(columns.value()?)))
}

/// `was` is the stored form that the guard compares.
pub(super) fn put(realm: Realm, resource: &Resource, was: Option<&str>) -> QueryResult<Vec<Statement>> {
    let (id, applied, body) = (&resource.identifier, resource.applied, encode(resource)?);
    let kept = match was {
        None => Statement::new(
            guarded!(
                "INSERT INTO resource (realm, identifier, applied, body) VALUES ($1, $2, $3, $4)
                 ON CONFLICT DO NOTHING"
            ),
            params![realm, id, applied, body],
        ),
        Some(was) => Statement::new(
            guarded!(
                "UPDATE resource SET applied = $3, body = $4
                 WHERE realm = $1 AND identifier = $2 AND body = $5"
            ),
            params![realm, id, applied, body, was],
        ),
    };
    let scopes = resource.scopes.keys().map(AsRef::as_ref);
    Ok(vec![
        kept,
        Statement::new("DELETE FROM resource_scope WHERE realm = $1 AND identifier = $2", params![realm, id]),
        Statement::new(
            "INSERT INTO resource_scope (realm, scope, identifier) SELECT $1, unnest($3), $2",
            params![realm, id, texts(scopes)],
        ),
    ])
}

/// The scopes go with it (`ON DELETE CASCADE`).
pub(super) fn delete(realm: Realm, id: &ResourceIdentifier) -> Statement {
    Statement::new(guarded!("DELETE FROM resource WHERE realm = $1 AND identifier = $2"), params![realm, id])
}
