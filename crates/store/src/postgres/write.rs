//! From a commit to its statements, and to the rows they are guarded by.

use std::collections::BTreeSet;

use grantwell_core::{
    id::{AuthorizationId, Realm},
    secret::Digest,
    store::Write,
};

use super::{
    attempt, audit, authorization, client, consent, denied,
    form::{Error, Param, QueryResult, Statement},
    interaction, key, realm as realms, resource, seen, session, ticket, user,
};
use crate::{counters::place, records::ConsentExtension};

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
    /// The realm's row, for a change of clients, resources, users or keys.
    Realm(u32),
    /// A row that may not exist yet: an advisory lock, with a number made of its key. Two keys with one number only wait for each
    /// other without need.
    Name(i64),
    Session(u32, [u8; 16]),
    Interaction(u32, [u8; 16]),
    Consent(u32, [u8; 16]),
    Authorization(u32, [u8; 16]),
    Ticket(u32, [u8; 16]),
}

/// `forms` are the stored forms of what is replaced, one for each write that has a `was`, in order.
pub(super) fn prepare(realm: Realm, writes: Vec<Write>, forms: &[String]) -> QueryResult<Prepared> {
    let (mut sent, mut locks) = (Vec::new(), BTreeSet::new());
    if let Some(first) = writes.iter().position(Write::raises_generation) {
        sent.push((first, realms::raise_generation(realm)));
        locks.insert(Lock::Realm(realm.0));
    }
    let mut forms = forms.iter().map(String::as_str);
    for (at, write) in writes.iter().enumerate() {
        let (guarding, statements) = parts(realm, write, &mut forms)?;
        locks.extend(guarding);
        sent.extend(statements.into_iter().map(|statement| (at, statement)));
    }
    Ok(Prepared { writes, statements: sent, locks })
}

impl Lock {
    fn named(digest: [u8; 32]) -> Self {
        Self::Name(digest.first_chunk().map_or(0, |eight| i64::from_be_bytes(*eight)))
    }

    fn named_by(parts: &[&[u8]]) -> Self {
        Self::named(Digest::of(&parts.join(&0)).0)
    }
}

/// What a write takes and sends. One that raises the generation holds its realm, and needs no lock of its own. One without a lock
/// names a row that nobody else names at the same time, or that its own statement locks: where two batches each wait for a row of the
/// other, their commits are done one by one.
fn parts<'a>(
    realm: Realm,
    write: &Write,
    forms: &mut impl Iterator<Item = &'a str>,
) -> QueryResult<(Vec<Lock>, Vec<Statement>)> {
    // Without the form of what is replaced it would be inserted.
    let mut form =
        |has_form| if has_form { forms.next().ok_or(Error::Unwritable).map(Some) } else { Ok(None) };
    let alone = |statement| (Vec::new(), vec![statement]);
    let under = |lock, statement| (vec![lock], vec![statement]);
    let of_realm = || Lock::Realm(realm.0);
    let of_authorization = |id: &AuthorizationId| Lock::Authorization(realm.0, *id.as_bytes());
    Ok(match write {
        Write::ClaimRealm(record) => under(of_realm(), realms::claim(realm, record)),
        Write::MoveRealm { from, to } => under(of_realm(), realms::move_to(realm, from, to)),
        Write::RaiseEpoch(to) => under(of_realm(), realms::raise_epoch(realm, *to)),
        Write::PutClient { client, was } => alone(client::put(realm, client, form(was.is_some())?)?),
        Write::DeleteClient(id) => alone(client::delete(realm, id)),
        Write::PutResource { resource, was } => {
            (Vec::new(), resource::put(realm, resource, form(was.is_some())?)?)
        }
        Write::DeleteResource(id) => alone(resource::delete(realm, id)),
        Write::PutUser { user, was } => {
            let hash = was.as_ref().and_then(|was| was.password_hash.as_deref());
            (Vec::new(), user::put(realm, user, form(was.is_some())?.map(|form| (form, hash)))?)
        }
        Write::DeleteUser(id) => (Vec::new(), user::delete(realm, *id)),
        Write::Rehash { user_id, from, to } => alone(user::rehash(realm, *user_id, (from, to))),
        Write::InsertKey(record) => alone(key::insert(realm, record)?),
        Write::RetireKey { kid, at } => alone(key::retire(realm, kid, *at)),
        Write::DeleteKey(kid) => alone(key::delete(realm, kid)),
        Write::ReserveAttempt { key, now, backoff } => {
            under(Lock::named(place(key).1), attempt::reserve(realm, key, *now, backoff))
        }
        Write::CountFailure { key, now, backoff } => {
            under(Lock::named(place(key).1), attempt::count_failure(realm, key, *now, backoff))
        }
        Write::ClearAttempts(key) => under(Lock::named(place(key).1), attempt::clear(realm, key)),
        Write::InsertSession(record) => alone(session::insert(realm, record)?),
        Write::Reauthenticate { session, from } => {
            let update = session::reauthenticate(realm, session, *from)?;
            under(Lock::Session(realm.0, *session.id.as_bytes()), update)
        }
        Write::TouchSession { id, at } => {
            under(Lock::Session(realm.0, *id.as_bytes()), session::touch(realm, *id, *at))
        }
        Write::EndSession { id, user_id, at } => {
            under(Lock::Session(realm.0, *id.as_bytes()), session::end(realm, *id, *user_id, *at))
        }
        Write::EndOtherSessions { user_id, keep, at } => {
            alone(session::end_others(realm, *user_id, *keep, *at))
        }
        Write::InsertInteraction(record) => alone(interaction::insert(realm, record)?),
        Write::UpdateInteraction { id, version, facts } => {
            let update = interaction::update(realm, *id, *version, facts)?;
            under(Lock::Interaction(realm.0, *id.as_bytes()), update)
        }
        Write::InsertConsent(record) => {
            let pair = [record.user_id.as_bytes().as_slice(), record.client_id.as_str().as_bytes()];
            under(Lock::named_by(&pair), consent::insert(realm, record)?)
        }
        Write::ExtendConsent { id, version, permissions, at } => {
            let extension = ConsentExtension { version: *version, permissions, at: *at };
            under(Lock::Consent(realm.0, *id.as_bytes()), consent::extend(realm, *id, &extension)?)
        }
        Write::WithdrawConsent { id, user_id, at } => {
            under(Lock::Consent(realm.0, *id.as_bytes()), consent::withdraw(realm, *id, *user_id, *at))
        }
        Write::InsertAuthorization(record) => {
            let session = record.session_id.map(|id| Lock::Session(realm.0, *id.as_bytes()));
            let consent = Lock::Consent(realm.0, *record.consent_id.as_bytes());
            let locks = session.into_iter().chain([consent]).collect();
            (locks, vec![authorization::insert(realm, record)?])
        }
        Write::RedeemCode { id, at, refresh } => {
            under(of_authorization(id), authorization::redeem(realm, *id, *at, refresh.as_ref()))
        }
        Write::InvalidateCode { id, at } => {
            under(of_authorization(id), authorization::invalidate_code(realm, *id, *at))
        }
        Write::RotateRefresh { id, to } => under(of_authorization(id), authorization::rotate(realm, *id, to)),
        Write::RevokeAuthorization { id, at } => {
            under(of_authorization(id), authorization::revoke(realm, *id, *at))
        }
        Write::InsertTicket { ticket, at } => {
            let second = ticket.second_digest;
            let lock = second.map(|second| Lock::named_by(&[ticket.kind.as_str().as_bytes(), &second.0]));
            // Also where it is the only lock of its batch.
            let mut statements =
                lock.iter().flat_map(|lock| take(&[lock.clone()].into())).collect::<Vec<_>>();
            statements.push(ticket::insert(realm, ticket, *at)?);
            (lock.into_iter().collect(), statements)
        }
        Write::UpdateTicket(to) => {
            under(Lock::Ticket(realm.0, *to.id.as_bytes()), ticket::update(realm, to)?)
        }
        Write::UseTicket { kind, id, version, at } => under(
            Lock::Ticket(realm.0, *id.as_bytes()),
            ticket::mark_used(realm, (*kind, *id), *version, *at),
        ),
        Write::InsertSeen(id) => under(Lock::named(id.digest.0), seen::insert(realm, id)),
        Write::RevokeAccessToken { token, expires_at } => {
            under(Lock::named(token.0), denied::insert(realm, token, *expires_at))
        }
        Write::Audit(event) => alone(audit::append(realm, event)?),
        Write::CountRefusal { client_id, reason, at } => {
            let lock = Lock::named_by(&[client_id.as_str().as_bytes(), reason.as_bytes()]);
            under(lock, audit::count_refusal(realm, client_id, reason, *at))
        }
        // A node sends them a few hundred at a time, in one order.
        Write::CountTokens { client_id, grant, minute, count } => {
            alone(audit::count_tokens(realm, (client_id, *grant), *minute, *count))
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
        Rows::of(locking!("ticket")),
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
            Lock::Ticket(realm, id) => (4, realm, id),
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
