//! Keys at rest, wrapped under the master key.

use grantwell_core::{
    id::{KeyId, Realm},
    store::KeyRecord,
    time::Timestamp,
};

use super::form::{QueryResult, Statement, encode, guarded, params};
use crate::records::key_columns;

pub(super) fn all(realm: Realm) -> Statement {
    Statement::new(
        concat!("SELECT ", key_columns!(), " FROM key WHERE realm = $1 ORDER BY created_at, kid"),
        params![realm],
    )
}

/// The guard looks at other keys than the one it writes, which it may because the commit holds the realm's row
/// ([`super::realm::raise_generation`]): every node that makes a key does.
pub(super) fn insert(realm: Realm, key: &KeyRecord) -> QueryResult<Statement> {
    Ok(Statement::new(
        guarded!(
            "INSERT INTO key (realm, kid, usage, wrapped, public, created_at, active_from, retired_at)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8
             WHERE NOT EXISTS (SELECT 1 FROM key
                               WHERE realm = $1 AND usage = $3 AND (retired_at IS NULL OR retired_at > $7))
             ON CONFLICT DO NOTHING"
        ),
        params![
            realm,
            &key.kid,
            encode(&key.usage)?,
            key.wrapped.as_slice(),
            encode(&key.public)?,
            key.created_at,
            key.active_from,
            key.retired_at,
        ],
    ))
}

pub(super) fn retire(realm: Realm, kid: &KeyId, at: Timestamp) -> Statement {
    Statement::new(
        guarded!("UPDATE key SET retired_at = $3 WHERE realm = $1 AND kid = $2 AND retired_at IS NULL"),
        params![realm, kid, at],
    )
}

pub(super) fn delete(realm: Realm, kid: &KeyId) -> Statement {
    Statement::new(guarded!("DELETE FROM key WHERE realm = $1 AND kid = $2"), params![realm, kid])
}
