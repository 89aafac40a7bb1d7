//! From a commit to its statements, and to the rows they are guarded by.

use std::collections::BTreeSet;

use grantwell_core::{id::Realm, secret::Digest, store::Write};

use super::{
    attempt, audit, authorization, client, consent, denied,
    form::{Param, Result, Statement},
    interaction, key, realm as realms, resource, session, user,
};
use crate::counters::place;

/// A commit, ready to be sent.
pub(super) struct Prepared {
    pub(super) writes: Vec<Write>,
    /// In the order in which they are sent, each with the place of its write in `writes`.
    pub(super) statements: Vec<(usize, Statement)>,
    pub(super) locks: BTreeSet<Lock>,
}

/// A row that a guard looks at, or that several may insert. Every transaction takes the locks of all its commits in this order
/// before it does anything else, so that no two wait for each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lock {
    /// Clients, resources, users and keys are changed by whoever holds their realm.
    Realm(u32),
    /// A row that may not be there yet, by a number of its key: an advisory lock stands for it. Two rows that share one wait
    /// for each other in vain, and no more.
    Name(i64),
    Session(u32, [u8; 16]),
    Interaction(u32, [u8; 16]),
    Consent(u32, [u8; 16]),
    Authorization(u32, [u8; 16]),
}

/// `forms` are the stored forms of what is replaced, one for each write that has a `was`, in order.
pub(super) fn prepare(realm: Realm, writes: Vec<Write>, forms: &[String]) -> Result<Prepared> {
    let (mut sent, mut guarding) = (Vec::new(), BTreeSet::new());
    if let Some(first) = writes.iter().position(Write::raises_generation) {
        sent.push((first, realms::raise_generation(realm)));
    }
    let mut forms = forms.iter().map(String::as_str);
    for (at, write) in writes.iter().enumerate() {
        sent.extend(statements(realm, write, &mut forms)?.into_iter().map(|statement| (at, statement)));
        guarding.extend(locks(realm.0, write));
    }
    Ok(Prepared { writes, statements: sent, locks: guarding })
}

impl Lock {
    fn named(digest: [u8; 32]) -> Self {
        Self::Name(digest.first_chunk().map_or(0, |eight| i64::from_be_bytes(*eight)))
    }
}

fn locks(realm: u32, write: &Write) -> Vec<Lock> {
    match write {
        write if write.raises_generation() => vec![Lock::Realm(realm)],
        Write::ClaimRealm(_) | Write::MoveRealm { .. } | Write::RaiseEpoch(_) => vec![Lock::Realm(realm)],
        Write::ReserveAttempt { key, .. } | Write::CountFailure { key, .. } | Write::ClearAttempts(key) => {
            vec![Lock::named(place(key).1)]
        }
        Write::CountRefusal { client_id, reason, .. } => {
            vec![Lock::named(Digest::of(format!("{client_id}\0{reason}").as_bytes()).0)]
        }
        Write::DenyToken { token, .. } => vec![Lock::named(token.0)],
        Write::TouchSession { id, .. } | Write::EndSession { id, .. } => {
            vec![Lock::Session(realm, *id.as_bytes())]
        }
        Write::UpdateInteraction { id, .. } => vec![Lock::Interaction(realm, *id.as_bytes())],
        Write::ExtendConsent { id, .. } | Write::WithdrawConsent { id, .. } => {
            vec![Lock::Consent(realm, *id.as_bytes())]
        }
        Write::InsertAuthorization(born) => vec![
            Lock::Session(realm, *born.session_id.as_bytes()),
            Lock::Consent(realm, *born.consent_id.as_bytes()),
        ],
        Write::RedeemCode { id, .. }
        | Write::BurnCode { id, .. }
        | Write::RotateRefresh { id, .. }
        | Write::RevokeAuthorization { id, .. } => vec![Lock::Authorization(realm, *id.as_bytes())],
        _ => Vec::new(),
    }
}

fn statements<'a>(
    realm: Realm,
    write: &Write,
    forms: &mut impl Iterator<Item = &'a str>,
) -> Result<Vec<Statement>> {
    let mut form = |has_form: bool| if has_form { forms.next() } else { None };
    Ok(match write {
        Write::PutResource { resource, was } => {
            return resource::put(realm, resource, form(was.is_some()));
        }
        Write::PutUser { user, was } => {
            let hash = was.as_ref().and_then(|was| was.password_hash.as_deref());
            return user::put(realm, user, form(was.is_some()).map(|form| (form, hash)));
        }
        Write::DeleteUser(id) => return Ok(user::delete(realm, *id)),
        Write::ClaimRealm(record) => vec![realms::claim(realm, record)],
        Write::MoveRealm { from, to } => vec![realms::move_to(realm, from, to)],
        Write::RaiseEpoch(to) => vec![realms::raise_epoch(realm, *to)],
        Write::PutClient { client, was } => vec![client::put(realm, client, form(was.is_some()))?],
        Write::DeleteClient(id) => vec![client::delete(realm, id)],
        Write::DeleteResource(id) => vec![resource::delete(realm, id)],
        Write::Rehash { user_id, from, to } => vec![user::rehash(realm, *user_id, (from, to))],
        Write::InsertKey(record) => vec![key::insert(realm, record)?],
        Write::RetireKey { kid, at } => vec![key::retire(realm, kid, *at)],
        Write::DeleteKey(kid) => vec![key::delete(realm, kid)],
        Write::ReserveAttempt { key, now, backoff } => vec![attempt::reserve(realm, key, *now, backoff)],
        Write::CountFailure { key, now, backoff } => vec![attempt::count_failure(realm, key, *now, backoff)],
        Write::ClearAttempts(key) => vec![attempt::clear(realm, key)],
        Write::InsertSession(record) => vec![session::insert(realm, record)?],
        Write::TouchSession { id, at } => vec![session::touch(realm, *id, *at)],
        Write::EndSession { id, user_id, at } => vec![session::end(realm, *id, *user_id, *at)],
        Write::InsertInteraction(record) => vec![interaction::insert(realm, record)?],
        Write::UpdateInteraction { id, version, facts } => {
            vec![interaction::update(realm, *id, *version, facts)?]
        }
        Write::InsertConsent(record) => vec![consent::insert(realm, record)?],
        Write::ExtendConsent { id, version, permissions, at } => {
            let extension = consent::Extension { version: *version, permissions, at: *at };
            vec![consent::extend(realm, *id, &extension)?]
        }
        Write::WithdrawConsent { id, user_id, at } => vec![consent::withdraw(realm, *id, *user_id, *at)],
        Write::InsertAuthorization(record) => vec![authorization::insert(realm, record)?],
        Write::RedeemCode { id, at, refresh } => {
            vec![authorization::redeem(realm, *id, *at, refresh.as_ref())]
        }
        Write::BurnCode { id, at } => vec![authorization::burn(realm, *id, *at)],
        Write::RotateRefresh { id, to } => vec![authorization::rotate(realm, *id, to)],
        Write::RevokeAuthorization { id, at } => vec![authorization::revoke(realm, *id, *at)],
        Write::DenyToken { token, expires_at } => vec![denied::insert(realm, token, *expires_at)],
        Write::Audit(event) => vec![audit::append(realm, event)?],
        Write::CountRefusal { client_id, reason, at } => {
            vec![audit::count_refusal(realm, client_id, reason, *at)]
        }
        Write::CountTokens { client_id, grant, minute, count } => {
            vec![audit::count_tokens(realm, (client_id, *grant), *minute, *count)]
        }
    })
}

macro_rules! locking {
    ($table:literal) => {
        concat!(
            "SELECT 1 FROM ",
            $table,
            " WHERE (realm, id) IN (SELECT * FROM unnest($1::bigint[], $2::bytea[]))
              ORDER BY realm, id FOR UPDATE"
        )
    };
}

/// Statements that take all of `locks`, in their order.
pub(super) fn take(locks: &BTreeSet<Lock>) -> Vec<Statement> {
    let (mut realms, mut names) = (Vec::new(), Vec::new());
    let mut rows = [
        Rows::of(locking!("session")),
        Rows::of(locking!("interaction")),
        Rows::of(locking!("consent")),
        Rows::of(locking!("\"authorization\"")),
    ];
    for lock in locks {
        let (at, realm, id) = match lock {
            Lock::Realm(realm) => {
                realms.push(Some(i64::from(*realm)));
                continue;
            }
            Lock::Name(name) => {
                names.push(Some(*name));
                continue;
            }
            Lock::Session(realm, id) => (0, realm, id),
            Lock::Interaction(realm, id) => (1, realm, id),
            Lock::Consent(realm, id) => (2, realm, id),
            Lock::Authorization(realm, id) => (3, realm, id),
        };
        if let Some(rows) = rows.get_mut::<usize>(at) {
            rows.realms.push(Some(i64::from(*realm)));
            rows.ids.push(Some(id.to_vec()));
        }
    }
    let mut statements = Vec::new();
    if !realms.is_empty() {
        statements.push(Statement::new(
            "SELECT 1 FROM realm WHERE realm = ANY($1) ORDER BY realm FOR UPDATE",
            vec![Param::Ints(realms)],
        ));
    }
    if !names.is_empty() {
        statements.push(Statement::new(
            "SELECT pg_advisory_xact_lock(name) FROM unnest($1::bigint[]) AS name",
            vec![Param::Ints(names)],
        ));
    }
    let taken = rows.into_iter().filter(|rows| !rows.ids.is_empty());
    statements.extend(
        taken.map(|rows| Statement::new(rows.sql, vec![Param::Ints(rows.realms), Param::Blobs(rows.ids)])),
    );
    statements
}

/// Rows of one table, and the statement that locks them.
struct Rows {
    sql: &'static str,
    realms: Vec<Option<i64>>,
    ids: Vec<Option<Vec<u8>>>,
}

impl Rows {
    const fn of(sql: &'static str) -> Self {
        Self { sql, realms: Vec::new(), ids: Vec::new() }
    }
}
