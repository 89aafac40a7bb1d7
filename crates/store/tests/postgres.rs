//! The suite on PostgreSQL, and what only a server can be: away, read-only, too new, moved, or one whose answer was lost.
//!
//! Needs a server: `GRANTWELL_TEST_POSTGRES` names one whose role may make schemas, as `cargo xtask test postgres` starts it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use grantwell_store::{Engine, mount_suite, suite::postgres::Schema};

/// One process with the database.
mod one {
    use super::*;

    async fn nodes() -> (Vec<Engine>, Schema) {
        let schema = Schema::new().await;
        (vec![schema.open().await], schema)
    }

    mount_suite!(nodes);
}

/// Three nodes on one database, each with writers of its own.
mod three {
    use super::*;

    async fn nodes() -> (Vec<Engine>, Schema) {
        let schema = Schema::new().await;
        let mut nodes = Vec::new();
        for _ in 0..3 {
            nodes.push(schema.open().await);
        }
        (nodes, schema)
    }

    mount_suite! {
        nodes =>
        races: every_conditional_write_has_one_winner
        races: one_first_start_claims_the_realm
        races: c_04_the_winner_of_a_code_keeps_its_refresh_token
        races: f_12_a_revocation_beats_what_comes_after_it
        races: a_withdrawal_beats_what_comes_after_it
        races: l_07_a_hundred_reservations_are_counted_as_a_hundred
        races: two_changes_of_a_user_leave_one_whole
    }
}
