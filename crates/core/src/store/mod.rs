//! The store as the protocol sees it: records, guarded writes, and the trait that two engines implement.
//!
//! Reads return whole, joined records. All that changes goes through [`Store::commit`]: a list of writes, all or nothing,
//! each guarded by its own precondition, which its documentation states. A guard that fails makes the whole commit an
//! [`Outcome::Conflict`] that names the write; the caller loads and decides again. A read may be a moment old; a guard never is.

mod records;
mod request;
mod ticket;
mod ticket_value;
mod write;

use std::{future::Future, time::Duration};

pub use records::*;
pub use request::*;
pub use ticket::*;
pub use ticket_value::TicketValue;
pub use write::Write;

use crate::{
    client::Client,
    id::{AuthorizationId, ClientId, InteractionId, Realm, ResourceIdentifier, SessionId, TicketId, UserId},
    resource::Resource,
    scope::ScopeSet,
    secret::Digest,
    time::Timestamp,
};

/// Which share of the writer's queue a commit waits in; a full share is [`StoreError::Busy`] for that share alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// Grants and revocations.
    Grants,
    /// Sign-ins.
    SignIns,
    /// The rest.
    Rest,
}

/// What became of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// Durable.
    Done,
    /// The guard of this write failed, the first in the order of the commit; nothing changed. An engine that ends a commit at one of
    /// its writes for the sake of another commit answers the same.
    Conflict(Box<Write>),
}

/// Why the store has no answer. The caller answers 503, never an OAuth error and never yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// The queue is full.
    Busy,
    /// The engine failed; the text is for the log and holds no value of a row.
    Unavailable(String),
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Busy => f.write_str("the writer's queue is full"),
            Self::Unavailable(why) => write!(f, "the store is unavailable: {why}"),
        }
    }
}

impl std::error::Error for StoreError {}

/// How long ended things are kept before the sweep removes them.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Audit events, and the counts of tokens.
    pub audit: Duration,
    /// Ended sessions, withdrawn consents, revoked or expired authorizations.
    pub ended: Duration,
    /// Counters of attempts that are not touched any more.
    pub attempts: Duration,
}

/// Result of a read.
pub type Read<T> = Result<T, StoreError>;

/// What an engine does. Every call names its realm.
pub trait Store: Send + Sync {
    /// The realm; `None` before it was claimed.
    fn realm(&self, realm: Realm) -> impl Future<Output = Read<Option<RealmRecord>>> + Send;
    /// A client.
    fn client(&self, realm: Realm, id: &ClientId) -> impl Future<Output = Read<Option<Client>>> + Send;
    /// The resource of that identifier.
    fn resource(
        &self,
        realm: Realm,
        id: &ResourceIdentifier,
    ) -> impl Future<Output = Read<Option<Resource>>> + Send;
    /// What a request that names `identifiers` and asks for `scopes` is decided on, in order of identifier: every resource that is named;
    /// for each scope one that owns it; and of those that own all of the scopes that anybody owns two, where there are more than one.
    fn resources(
        &self,
        realm: Realm,
        identifiers: &[ResourceIdentifier],
        scopes: &ScopeSet,
    ) -> impl Future<Output = Read<Vec<Resource>>> + Send;
    /// A user.
    fn user(&self, realm: Realm, id: UserId) -> impl Future<Output = Read<Option<User>>> + Send;
    /// The user that a login name belongs to.
    fn user_by_login(
        &self,
        realm: Realm,
        name: &LoginName,
    ) -> impl Future<Output = Read<Option<User>>> + Send;
    /// A session with its user, ended ones too.
    fn session(
        &self,
        realm: Realm,
        id: SessionId,
    ) -> impl Future<Output = Read<Option<SessionRecord>>> + Send;
    /// The sessions of a user that have neither ended nor expired, newest first, at most 100: to be shown. [`Write::EndOtherSessions`]
    /// ends those too that are not among them.
    fn sessions_of(
        &self,
        realm: Realm,
        user: UserId,
        now: Timestamp,
    ) -> impl Future<Output = Read<Vec<Session>>> + Send;
    /// An interaction.
    fn interaction(
        &self,
        realm: Realm,
        id: InteractionId,
    ) -> impl Future<Output = Read<Option<Interaction>>> + Send;
    /// The live consent of a user for a client.
    fn consent(
        &self,
        realm: Realm,
        user: UserId,
        client: &ClientId,
    ) -> impl Future<Output = Read<Option<Consent>>> + Send;
    /// The live consents of a user, newest first, at most 200.
    fn connections_of(
        &self,
        realm: Realm,
        user: UserId,
    ) -> impl Future<Output = Read<Vec<Connection>>> + Send;
    /// An authorization with all its tokens' lives depend on.
    fn authorization(
        &self,
        realm: Realm,
        id: AuthorizationId,
    ) -> impl Future<Output = Read<Option<AuthorizationRecord>>> + Send;
    /// A ticket, used and expired ones too.
    fn ticket(
        &self,
        realm: Realm,
        kind: TicketKind,
        id: TicketId,
    ) -> impl Future<Output = Read<Option<Ticket>>> + Send;
    /// The live ticket of that second digest.
    fn ticket_by_second(
        &self,
        realm: Realm,
        kind: TicketKind,
        second: &Digest,
        now: Timestamp,
    ) -> impl Future<Output = Read<Option<Ticket>>> + Send;
    /// Whether a single access token was revoked.
    fn is_token_revoked(&self, realm: Realm, token: &Digest) -> impl Future<Output = Read<bool>> + Send;
    /// Counters, in the order of the keys; zero for those that are not there.
    fn attempts(&self, realm: Realm, keys: &[AttemptKey])
    -> impl Future<Output = Read<Vec<Attempts>>> + Send;
    /// All keys of the realm, oldest first.
    fn keys(&self, realm: Realm) -> impl Future<Output = Read<Vec<KeyRecord>>> + Send;
    /// What earlier `apply`s made.
    fn applied(&self, realm: Realm) -> impl Future<Output = Read<Applied>> + Send;
    /// What refers to these clients and resources, and was not made by an `apply`. Reads whole tables: for `apply`, never for a request.
    fn references(
        &self,
        realm: Realm,
        clients: &[ClientId],
        resources: &[ResourceIdentifier],
    ) -> impl Future<Output = Read<References>> + Send;
    /// The newest audit events, newest first.
    fn events(&self, realm: Realm, most: u32) -> impl Future<Output = Read<Vec<Event>>> + Send;
    /// Table → rows, of all realms, for metrics and for tests that nothing changed. Exact up to 100,000 rows of a table; above, an
    /// engine may estimate.
    fn rows(&self) -> impl Future<Output = Read<Vec<(&'static str, u64)>>> + Send;
    /// Finds what is wrong with the database itself; empty when nothing is.
    fn check(&self) -> impl Future<Output = Read<Vec<String>>> + Send;
    /// The clock of the database; `None` where it has none but the caller's.
    fn clock(&self) -> impl Future<Output = Read<Option<Timestamp>>> + Send;
    /// All of `writes` or none, durable when it answers `Done`.
    fn commit(
        &self,
        realm: Realm,
        share: Share,
        writes: Vec<Write>,
    ) -> impl Future<Output = Result<Outcome, StoreError>> + Send;
    /// Removes what expired, in all realms, at most `most` rows a table; says how many rows went.
    fn sweep(
        &self,
        now: Timestamp,
        keep: Retention,
        most: u32,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;
}
