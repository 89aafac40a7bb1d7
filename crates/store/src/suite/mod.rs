//! The suite that every engine passes unchanged: each guard from both sides, races on every conditional write, rollback that
//! leaves nothing, what the sweep takes and leaves, and random commits against a small model.
//!
//! A test takes the open engines of one empty database, several where there are several nodes, and a seeded [`Entropy`]. It
//! fails by panicking. Every test plays in one of two realms that hold the same names, and checks that the other is as it was
//! ([`stage`]). [`mount_suite!`](crate::mount_suite) makes a `#[tokio::test]` of each.
//!
//! [`Entropy`]: grantwell_core::time::Entropy
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "this is a test, and fails by panicking"
)]

pub mod copies;
pub mod counting;
pub mod fixtures;
pub mod grants;
pub mod model;
pub mod postgres;
pub mod races;
pub mod random;
pub mod registry;
pub mod stage;
pub mod sweeping;
pub mod tickets;

/// Calls a macro with what stands before, and the module and name of every test.
#[macro_export]
macro_rules! every_test {
    ([$($then:tt)*] $($before:tt)*) => {
        $($then)*! {
            $($before)*
            counting: l_07_the_delay_doubles_and_an_early_attempt_is_refused
            counting: an_old_counter_starts_again
            counting: failures_are_counted_whatever_the_delay
            counting: a_token_may_be_revoked_twice
            counting: events_are_read_newest_first
            counting: refusals_are_one_row_a_minute
            counting: tokens_are_counted_by_client_grant_and_minute
            grants: a_session_is_ended_once_by_its_owner
            grants: l_03_a_session_gets_a_new_secret_once
            grants: sessions_of_a_person_are_the_living_ones
            grants: facts_are_replaced_on_the_version_that_was_read
            grants: a_consent_is_one_for_a_pair_and_withdrawn_for_ever
            grants: a_connection_was_used_when_a_token_was_issued
            grants: an_authorization_is_born_under_what_lives
            grants: an_authorization_needs_no_session_and_no_code
            grants: c_04_a_code_is_redeemed_once
            grants: f_02_a_refresh_token_goes_from_one_generation_to_the_next
            random: random_commits_agree_with_the_model
            registry: a_realm_is_claimed_once
            registry: a_client_is_put_on_the_form_that_was_read
            registry: a_resource_is_put_with_its_scopes
            registry: l_29_a_login_name_is_one_persons
            registry: a_hash_is_replaced_where_it_was_verified
            registry: deleting_a_user_ends_what_hangs_under_it
            registry: one_key_of_a_use_at_a_time
            registry: applied_lists_what_apply_made
            registry: two_people_swap_their_addresses_in_one_commit
            registry: references_tell_what_would_lead_nowhere
            registry: the_generation_tells_of_changes_only
            sweeping: every_row_goes_at_its_time_and_not_before
            sweeping: what_ended_is_kept_for_its_time
            sweeping: what_has_no_code_is_kept_until_its_end
            sweeping: a_step_is_small
            tickets: a_ticket_is_inserted_once
            tickets: a_ticket_is_updated_on_the_version_that_was_read
            tickets: a_ticket_is_used_once
            tickets: an_id_that_was_seen_is_seen_once
        }
    };
}

/// As [`every_test!`](crate::every_test), with the tests that several nodes on one database pass too.
#[macro_export]
macro_rules! every_race {
    ([$($then:tt)*] $($before:tt)*) => {
        $($then)*! {
            $($before)*
            races: every_conditional_write_has_one_winner
            races: each_commit_of_a_batch_is_told_its_own_write
            races: c_04_the_winner_of_a_code_keeps_its_refresh_token
            races: f_02_the_winner_without_a_code_keeps_its_refresh_token
            races: f_12_a_revocation_beats_what_comes_after_it
            races: a_withdrawal_beats_what_comes_after_it
            races: l_07_a_hundred_reservations_are_counted_as_a_hundred
            races: two_changes_of_a_user_leave_one_whole
        }
    };
}

/// A test function for each test of the suite. `$open` is an `async fn` that gives the engines (one or more, of one empty
/// database) and something that clears up when it is dropped.
#[macro_export]
macro_rules! mount_suite {
    ($open:path) => {
        $crate::every_test! { [$crate::mount_suite] $open => }
        $crate::mount_races!($open);
    };
    ($open:path => $($module:ident: $test:ident)*) => {$(
        #[tokio::test]
        async fn $test() {
            let (nodes, _clear_up) = $open().await;
            $crate::suite::$module::$test(&nodes, &$crate::suite::fixtures::Seeded::new(7)).await;
        }
    )*};
}

/// A test function for each race.
#[macro_export]
macro_rules! mount_races {
    ($open:path) => {
        $crate::every_race! { [$crate::mount_suite] $open => }
    };
}

macro_rules! names {
    ($($module:ident: $test:ident)*) => {
        &[$(stringify!($test)),*]
    };
}

/// The names of all that are mounted, but the races.
pub const TESTS: &[&str] = every_test!([names]);
