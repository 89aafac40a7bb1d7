//! Clients: one JSON body each.

use grantwell_core::{
    client::Client,
    id::{ClientId, Realm, ResourceIdentifier},
    store::References,
};

use super::form::{PostgresColumns, QueryResult, Statement, encode, guarded, params, texts};

/// The body, for [`PostgresColumns::json`].
pub(super) fn find(realm: Realm, id: &ClientId) -> Statement {
    Statement::new("SELECT body FROM client WHERE realm = $1 AND client_id = $2", params![realm, id])
}

pub(super) fn applied(realm: Realm) -> Statement {
    Statement::new(
        "SELECT client_id FROM client WHERE realm = $1 AND applied = 1 ORDER BY client_id",
        params![realm],
    )
}

/// Those that no `apply` made, and one more than are reported. Looks at every client.
pub(super) fn defaulting_to(realm: Realm, resources: &[ResourceIdentifier]) -> Statement {
    Statement::new(
        "SELECT client_id, body::json ->> 'default_resource' FROM client
         WHERE realm = $1 AND applied = 0 AND body::json ->> 'default_resource' = ANY($2)
         ORDER BY client_id LIMIT $3",
        params![realm, texts(resources.iter().map(ResourceIdentifier::as_str)), References::MOST + 1],
    )
}

pub(super) fn default_of(columns: &mut PostgresColumns<'_>) -> QueryResult<(ClientId, ResourceIdentifier)> {
    Ok((ClientId(columns.value()?), ResourceIdentifier(columns.value()?)))
}

/// `was` is the stored form that the guard compares.
pub(super) fn put(realm: Realm, client: &Client, was: Option<&str>) -> QueryResult<Statement> {
    let (id, applied, body) = (&client.client_id, client.applied, encode(client)?);
    Ok(match was {
        None => Statement::new(
            guarded!(
                "INSERT INTO client (realm, client_id, applied, body) VALUES ($1, $2, $3, $4)
                 ON CONFLICT DO NOTHING"
            ),
            params![realm, id, applied, body],
        ),
        Some(was) => Statement::new(
            guarded!(
                "UPDATE client SET applied = $3, body = $4 WHERE realm = $1 AND client_id = $2 AND body = $5"
            ),
            params![realm, id, applied, body, was],
        ),
    })
}

pub(super) fn delete(realm: Realm, id: &ClientId) -> Statement {
    Statement::new(guarded!("DELETE FROM client WHERE realm = $1 AND client_id = $2"), params![realm, id])
}
