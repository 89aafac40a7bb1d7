//! The realm: issuer, check value of the master key, generation and epoch.

use grantwell_core::{id::Realm, store::RealmRecord};

use super::form::{Statement, guarded, params};
use crate::records::realm_columns;

pub(super) fn find(realm: Realm) -> Statement {
    Statement::new(concat!("SELECT ", realm_columns!(), " FROM realm WHERE realm = $1"), params![realm])
}

pub(super) fn claim(realm: Realm, record: &RealmRecord) -> Statement {
    let generation = i64::try_from(record.generation).unwrap_or(i64::MAX);
    Statement::new(
        guarded!(
            "INSERT INTO realm (realm, issuer, key_check, generation, epoch) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT DO NOTHING"
        ),
        params![realm, record.issuer.as_str(), record.key_check.as_slice(), generation, record.epoch],
    )
}

pub(super) fn move_to(realm: Realm, from: &str, to: &str) -> Statement {
    Statement::new(
        guarded!(
            "UPDATE realm SET issuer = $3, generation = generation + 1 WHERE realm = $1 AND issuer = $2"
        ),
        params![realm, from, to],
    )
}

pub(super) fn raise_epoch(realm: Realm, to: u32) -> Statement {
    Statement::new(
        guarded!("UPDATE realm SET epoch = $2 WHERE realm = $1 AND epoch = $2 - 1"),
        params![realm, to],
    )
}

/// Tells every node that clients, users, resources or keys changed. It is the first statement of its commit and locks the realm's
/// row, so that guards over several rows (one key of a use) see what a concurrent commit did. Not guarded: a realm
/// may be filled before it is claimed.
pub(super) fn raise_generation(realm: Realm) -> Statement {
    Statement::new("UPDATE realm SET generation = generation + 1 WHERE realm = $1", params![realm])
}
