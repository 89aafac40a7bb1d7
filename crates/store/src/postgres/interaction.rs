//! Pending requests to `/authorize`, with the facts so far.

use grantwell_core::{
    id::{InteractionId, Realm},
    store::{Facts, Interaction},
};

use super::form::{QueryResult, Statement, encode, guarded, params};
use crate::records::interaction_columns;

/// Expired longest ago first.
pub(super) const EXPIRED: &str = "DELETE FROM interaction WHERE (realm, id) IN (
    SELECT realm, id FROM interaction WHERE expires_at < $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)";

pub(super) fn find(realm: Realm, id: InteractionId) -> Statement {
    Statement::new(
        concat!("SELECT ", interaction_columns!(), " FROM interaction WHERE realm = $1 AND id = $2"),
        params![realm, id.as_bytes()],
    )
}

pub(super) fn insert(realm: Realm, interaction: &Interaction) -> QueryResult<Statement> {
    Ok(Statement::new(
        guarded!(
            "INSERT INTO interaction (realm, id, browser, version, created_at, expires_at, facts, request)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING"
        ),
        params![
            realm,
            interaction.id.as_bytes(),
            interaction.browser,
            interaction.version,
            interaction.created_at,
            interaction.expires_at,
            encode(&interaction.facts)?,
            encode(&interaction.purpose)?,
        ],
    ))
}

pub(super) fn update(realm: Realm, id: InteractionId, version: u32, facts: &Facts) -> QueryResult<Statement> {
    Ok(Statement::new(
        guarded!(
            "UPDATE interaction SET facts = $4, version = version + 1
             WHERE realm = $1 AND id = $2 AND version = $3"
        ),
        params![realm, id.as_bytes(), version, encode(facts)?],
    ))
}
