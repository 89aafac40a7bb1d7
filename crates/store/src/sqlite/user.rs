//! Users and the names they sign in with.

use grantwell_core::{
    id::{Realm, UserId},
    store::{LoginName, User},
};
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::form::{Guard, SqliteColumns, encode, guarded, replace};
use crate::records::{self, user_columns, without_hash};

pub(super) fn find(c: &Connection, realm: Realm, id: UserId) -> Result<Option<User>> {
    c.prepare_cached(concat!("SELECT ", user_columns!(), " FROM user u WHERE u.realm = ?1 AND u.id = ?2"))?
        .query_row(params![realm.0, id.as_bytes()], |row| records::user(&mut SqliteColumns::of(row)))
        .optional()
}

pub(super) fn find_by_login(c: &Connection, realm: Realm, name: &LoginName) -> Result<Option<User>> {
    c.prepare_cached(concat!(
        "SELECT ",
        user_columns!(),
        " FROM login_name n JOIN user u ON u.realm = n.realm AND u.id = n.user_id
          WHERE n.realm = ?1 AND n.name = ?2"
    ))?
    .query_row(params![realm.0, name.as_str()], |row| records::user(&mut SqliteColumns::of(row)))
    .optional()
}

pub(super) fn applied(c: &Connection, realm: Realm) -> Result<Vec<(UserId, String)>> {
    c.prepare_cached("SELECT id, username FROM user WHERE realm = ?1 AND applied = 1 ORDER BY id")?
        .query_map([realm.0], |row| Ok((UserId::from_bytes(row.get(0)?), row.get(1)?)))?
        .collect()
}

pub(super) fn put(c: &Connection, realm: Realm, user: &User, was: Option<&User>) -> Result<Guard> {
    let id = user.id.as_bytes();
    let body = encode(&without_hash(user))?;
    let guard = match was {
        None => c
            .prepare_cached(
                "INSERT INTO user (realm, id, username, applied, password_hash, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
            )?
            .execute(params![realm.0, id, user.username, user.applied, user.password_hash, body])
            .map(guarded)?,
        Some(was) => replace(
            &without_hash(was),
            |form| {
                c.prepare_cached(
                    "UPDATE user SET username = ?3, applied = ?4, password_hash = ?5, body = ?6
                     WHERE realm = ?1 AND id = ?2 AND body = ?7 AND password_hash IS ?8",
                )?
                .execute(params![
                    realm.0,
                    id,
                    user.username,
                    user.applied,
                    user.password_hash,
                    body,
                    form,
                    was.password_hash
                ])
            },
            || {
                c.prepare_cached("SELECT body FROM user WHERE realm = ?1 AND id = ?2")?
                    .query_row(params![realm.0, id], |row| row.get(0))
                    .optional()
            },
        )?,
    };
    if guard == Guard::Failed {
        return Ok(guard);
    }
    c.prepare_cached("DELETE FROM login_name WHERE realm = ?1 AND user_id = ?2")?
        .execute(params![realm.0, id])?;
    let mut insert = c.prepare_cached(
        "INSERT INTO login_name (realm, name, user_id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
    )?;
    for name in user.login_names() {
        if insert.execute(params![realm.0, name.as_str(), id])? == 0 {
            return Ok(Guard::Failed);
        }
    }
    Ok(Guard::Held)
}

/// The write carries no time, so what it ends has ended when it was last used. The login names go with the user
/// (`ON DELETE CASCADE`).
pub(super) fn delete(c: &Connection, realm: Realm, id: UserId) -> Result<Guard> {
    let these = params![realm.0, id.as_bytes()];
    c.prepare_cached(
        "UPDATE session SET ended_at = last_seen_at WHERE realm = ?1 AND user_id = ?2 AND ended_at IS NULL",
    )?
    .execute(these)?;
    c.prepare_cached(
        "UPDATE authorization SET revoked_at = last_used_at
         WHERE realm = ?1 AND revoked_at IS NULL
           AND consent_id IN (SELECT id FROM consent WHERE realm = ?1 AND user_id = ?2)",
    )?
    .execute(these)?;
    c.prepare_cached(
        "UPDATE consent SET withdrawn_at = updated_at
         WHERE realm = ?1 AND user_id = ?2 AND withdrawn_at IS NULL",
    )?
    .execute(these)?;
    c.prepare_cached("DELETE FROM user WHERE realm = ?1 AND id = ?2")?.execute(these).map(guarded)
}

pub(super) fn rehash(c: &Connection, realm: Realm, id: UserId, (from, to): (&str, &str)) -> Result<Guard> {
    c.prepare_cached(
        "UPDATE user SET password_hash = ?4 WHERE realm = ?1 AND id = ?2 AND password_hash = ?3",
    )?
    .execute(params![realm.0, id.as_bytes(), from, to])
    .map(guarded)
}
