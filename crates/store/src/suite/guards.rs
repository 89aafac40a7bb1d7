//! Where the guard of every write is tested: whoever adds a write is asked by the compiler.

use grantwell_core::store::Write;

/// The guard of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The write has none: it is always done.
    None,
    /// Both sides of it are in this test of the suite. Of many at once one is done
    /// ([`super::races::every_conditional_write_has_one_winner`]).
    Tested(&'static str),
}

/// The guard of `write`.
pub const fn guard(write: &Write) -> Guard {
    match write {
        Write::CountFailure { .. }
        | Write::ClearAttempts(_)
        | Write::TouchSession { .. }
        | Write::EndOtherSessions { .. }
        | Write::DenyToken { .. }
        | Write::Audit(_)
        | Write::CountRefusal { .. }
        | Write::CountTokens { .. } => Guard::None,
        Write::ClaimRealm(_) | Write::MoveRealm { .. } | Write::RaiseEpoch(_) => {
            Guard::Tested("a_realm_is_claimed_once")
        }
        Write::PutClient { .. } | Write::DeleteClient(_) => {
            Guard::Tested("a_client_is_put_on_the_form_that_was_read")
        }
        Write::PutResource { .. } | Write::DeleteResource(_) => {
            Guard::Tested("a_resource_is_put_with_its_scopes")
        }
        Write::PutUser { .. } => Guard::Tested("l_29_a_login_name_is_one_persons"),
        Write::DeleteUser(_) => Guard::Tested("deleting_a_user_ends_what_hangs_under_it"),
        Write::Rehash { .. } => Guard::Tested("a_hash_is_replaced_where_it_was_verified"),
        Write::InsertKey(_) | Write::RetireKey { .. } | Write::DeleteKey(_) => {
            Guard::Tested("one_key_of_a_use_at_a_time")
        }
        Write::ReserveAttempt { .. } => {
            Guard::Tested("l_07_the_delay_doubles_and_an_early_attempt_is_refused")
        }
        Write::InsertSession(_) | Write::EndSession { .. } => {
            Guard::Tested("a_session_is_ended_once_by_its_owner")
        }
        Write::InsertInteraction(_) | Write::UpdateInteraction { .. } => {
            Guard::Tested("facts_are_replaced_on_the_version_that_was_read")
        }
        Write::InsertConsent(_) | Write::ExtendConsent { .. } | Write::WithdrawConsent { .. } => {
            Guard::Tested("a_consent_is_one_for_a_pair_and_withdrawn_for_ever")
        }
        Write::InsertAuthorization(_) | Write::RevokeAuthorization { .. } => {
            Guard::Tested("an_authorization_is_born_under_what_lives")
        }
        Write::RedeemCode { .. } | Write::BurnCode { .. } => Guard::Tested("c_04_a_code_is_redeemed_once"),
        Write::InsertTicket { .. } => Guard::Tested("a_ticket_is_inserted_once"),
        Write::UpdateTicket(_) => Guard::Tested("a_ticket_is_updated_on_the_version_that_was_read"),
        Write::UseTicket { .. } => Guard::Tested("a_ticket_is_used_once"),
        Write::InsertSeen(_) => Guard::Tested("an_id_that_was_seen_is_seen_once"),
        Write::RotateRefresh { .. } => {
            Guard::Tested("f_02_a_refresh_token_goes_from_one_generation_to_the_next")
        }
    }
}
