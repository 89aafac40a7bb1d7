//! From a write to the statement of its record.

use grantwell_core::{id::Realm, store::Write};
use rusqlite::{Connection, Result};

use super::{
    attempt, audit, authorization, client, consent, denied, form::Guard, interaction, key, realm as realms,
    resource, seen, session, ticket, user,
};
use crate::records::ConsentExtension;

/// Does one write, whose guard is in its statement.
pub(super) fn apply(c: &Connection, realm: Realm, write: &Write) -> Result<Guard> {
    match write {
        Write::ClaimRealm(record) => realms::claim(c, realm, record),
        Write::MoveRealm { from, to } => realms::move_to(c, realm, from, to),
        Write::RaiseEpoch(to) => realms::raise_epoch(c, realm, *to),
        Write::PutClient { client, was } => client::put(c, realm, client, was.as_deref()),
        Write::DeleteClient(id) => client::delete(c, realm, id),
        Write::PutResource { resource, was } => resource::put(c, realm, resource, was.as_deref()),
        Write::DeleteResource(id) => resource::delete(c, realm, id),
        Write::PutUser { user, was } => user::put(c, realm, user, was.as_deref()),
        Write::DeleteUser(id) => user::delete(c, realm, *id),
        Write::Rehash { user_id, from, to } => user::rehash(c, realm, *user_id, (from, to)),
        Write::InsertKey(record) => key::insert(c, realm, record),
        Write::RetireKey { kid, at } => key::retire(c, realm, kid, *at),
        Write::DeleteKey(kid) => key::delete(c, realm, kid),
        Write::ReserveAttempt { key, now, backoff } => attempt::reserve(c, realm, key, *now, backoff),
        Write::CountFailure { key, now, backoff } => attempt::count_failure(c, realm, key, *now, backoff),
        Write::ClearAttempts(key) => attempt::clear(c, realm, key),
        Write::InsertSession(record) => session::insert(c, realm, record),
        Write::Reauthenticate { session, from } => session::reauthenticate(c, realm, session, *from),
        Write::TouchSession { id, at } => session::touch(c, realm, *id, *at),
        Write::EndSession { id, user_id, at } => session::end(c, realm, *id, *user_id, *at),
        Write::EndOtherSessions { user_id, keep, at } => session::end_others(c, realm, *user_id, *keep, *at),
        Write::InsertInteraction(record) => interaction::insert(c, realm, record),
        Write::UpdateInteraction { id, version, facts } => {
            interaction::update(c, realm, *id, *version, facts)
        }
        Write::InsertConsent(record) => consent::insert(c, realm, record),
        Write::ExtendConsent { id, version, permissions, at } => {
            consent::extend(c, realm, *id, &ConsentExtension { version: *version, permissions, at: *at })
        }
        Write::WithdrawConsent { id, user_id, at } => consent::withdraw(c, realm, *id, *user_id, *at),
        Write::InsertAuthorization(record) => authorization::insert(c, realm, record),
        Write::RedeemCode { id, at, refresh } => authorization::redeem(c, realm, *id, *at, refresh.as_ref()),
        Write::InvalidateCode { id, at } => authorization::invalidate_code(c, realm, *id, *at),
        Write::RotateRefresh { id, to } => authorization::rotate(c, realm, *id, to),
        Write::RevokeAuthorization { id, at } => authorization::revoke(c, realm, *id, *at),
        Write::InsertTicket { ticket, at } => ticket::insert(c, realm, ticket, *at),
        Write::UpdateTicket(to) => ticket::update(c, realm, to),
        Write::UseTicket { kind, id, version, at } => {
            ticket::mark_used(c, realm, (*kind, *id), *version, *at)
        }
        Write::InsertSeen(id) => seen::insert(c, realm, id),
        Write::RevokeAccessToken { token, expires_at } => denied::insert(c, realm, token, *expires_at),
        Write::Audit(event) => audit::append(c, realm, event),
        Write::CountRefusal { client_id, reason, at } => {
            audit::count_refusal(c, realm, client_id, reason, *at)
        }
        Write::CountTokens { client_id, grant, minute, count } => {
            audit::count_tokens(c, realm, (client_id, *grant), *minute, *count)
        }
    }
}
