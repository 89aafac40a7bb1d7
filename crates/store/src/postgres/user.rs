//! Users and the names they sign in with.

use grantwell_core::{
    id::{Realm, UserId},
    store::{LoginName, User},
};

use super::form::{PostgresColumns, QueryResult, Statement, encode, guarded, params};
use crate::records::{Columns as _, user_columns, without_hash};

pub(super) fn find(realm: Realm, id: UserId) -> Statement {
    Statement::new(
        concat!("SELECT ", user_columns!(), " FROM \"user\" u WHERE u.realm = $1 AND u.id = $2"),
        params![realm, id.as_bytes()],
    )
}

pub(super) fn find_by_login(realm: Realm, name: &LoginName) -> Statement {
    Statement::new(
        concat!(
            "SELECT ",
            user_columns!(),
            " FROM login_name n JOIN \"user\" u ON u.realm = n.realm AND u.id = n.user_id
              WHERE n.realm = $1 AND n.name = $2"
        ),
        params![realm, name.as_str()],
    )
}

pub(super) fn applied(realm: Realm) -> Statement {
    Statement::new(
        "SELECT id, username FROM \"user\" WHERE realm = $1 AND applied = 1 ORDER BY id",
        params![realm],
    )
}

pub(super) fn named(columns: &mut PostgresColumns<'_>) -> QueryResult<(UserId, String)> {
    Ok((UserId::from_bytes(columns.exactly()?), columns.value()?))
}

/// `was` is the stored form and the hash that the guard compares.
pub(super) fn put(
    realm: Realm,
    user: &User,
    was: Option<(&str, Option<&str>)>,
) -> QueryResult<Vec<Statement>> {
    let (id, username, applied) = (user.id.as_bytes(), user.username.as_str(), user.applied);
    let (hash, body) = (user.password_hash.as_deref(), encode(&without_hash(user))?);
    let mut statements = vec![match was {
        None => Statement::new(
            guarded!(
                "INSERT INTO \"user\" (realm, id, username, applied, password_hash, body)
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING"
            ),
            params![realm, id, username, applied, hash, body],
        ),
        Some((form, was_hash)) => Statement::new(
            guarded!(
                "UPDATE \"user\" SET username = $3, applied = $4, password_hash = $5, body = $6
                 WHERE realm = $1 AND id = $2 AND body = $7 AND password_hash IS NOT DISTINCT FROM $8"
            ),
            params![realm, id, username, applied, hash, body, form, was_hash],
        ),
    }];
    statements
        .push(Statement::new("DELETE FROM login_name WHERE realm = $1 AND user_id = $2", params![realm, id]));
    statements.extend(user.login_names().iter().map(|name| {
        Statement::new(
            guarded!(
                "INSERT INTO login_name (realm, name, user_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
            ),
            params![realm, name.as_str(), id],
        )
    }));
    Ok(statements)
}

/// The write carries no time, so what it ends has ended when it was last used. The login names go with the user
/// (`ON DELETE CASCADE`). An authorization that is born meanwhile holds its consent's row, which is withdrawn first: it is seen
/// here, or its guard fails.
pub(super) fn delete(realm: Realm, id: UserId) -> Vec<Statement> {
    let these = || params![realm, id.as_bytes()];
    vec![
        Statement::new(
            "UPDATE session SET ended_at = last_seen_at
             WHERE realm = $1 AND user_id = $2 AND ended_at IS NULL",
            these(),
        ),
        Statement::new(
            "UPDATE consent SET withdrawn_at = updated_at
             WHERE realm = $1 AND user_id = $2 AND withdrawn_at IS NULL",
            these(),
        ),
        Statement::new(
            "UPDATE \"authorization\" SET revoked_at = last_used_at
             WHERE realm = $1 AND revoked_at IS NULL
               AND consent_id IN (SELECT id FROM consent WHERE realm = $1 AND user_id = $2)",
            these(),
        ),
        Statement::new(guarded!("DELETE FROM \"user\" WHERE realm = $1 AND id = $2"), these()),
    ]
}

pub(super) fn rehash(realm: Realm, id: UserId, (from, to): (&str, &str)) -> Statement {
    Statement::new(
        guarded!(
            "UPDATE \"user\" SET password_hash = $4 WHERE realm = $1 AND id = $2 AND password_hash = $3"
        ),
        params![realm, id.as_bytes(), from, to],
    )
}
