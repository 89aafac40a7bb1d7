//! SQLite in one file: a writer's thread, and readers beside it.
//!
//! * WAL, `synchronous = FULL`, `foreign_keys = ON`; one writer ([`writer`]), whose transaction is the only one that changes
//!   anything, so a guard in a statement is a guard of the commit.
//! * Each record has a file with the only SQL for it. Every statement of a request finds its rows by a key.
//! * What an authorization's life depends on is one statement, so it is of one moment.
//! * Ids are 16 bytes in order of time: inserts append.

use std::{path::PathBuf, sync::Arc, thread::JoinHandle, time::Duration};

use grantwell_core::{
    client::Client,
    id::{AuthorizationId, ClientId, InteractionId, Realm, ResourceIdentifier, SessionId, TicketId, UserId},
    resource::Resource,
    scope::ScopeSet,
    secret::Digest,
    store::{
        Applied, AttemptKey, Attempts, AuthorizationRecord, Connection, Consent, Event, Interaction,
        KeyRecord, LoginName, Outcome, Read, RealmRecord, References, Retention, Session, SessionRecord,
        Share, Store, StoreError, Ticket, TicketKind, User, Write,
    },
    time::Timestamp,
};
use rusqlite::config::DbConfig;

use self::{readers::Readers, writer::Task};
use crate::{
    OpenError, OpenOptions,
    queue::Queue,
    schema::{known, tables},
};

mod attempt;
mod audit;
mod authorization;
mod client;
mod consent;
pub(crate) mod copy;
mod denied;
mod form;
mod health;
pub(crate) mod inspect;
mod interaction;
mod key;
pub(crate) mod migrate;
mod readers;
mod realm;
mod resource;
mod seen;
mod session;
mod sweep;
mod ticket;
mod user;
mod write;
mod writer;

/// How long one process waits for another's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// More than there are statements, so that each is prepared once a connection.
const STATEMENTS: usize = 128;

/// A database in one file. Dropping it finishes the commits that wait and closes the file.
pub struct Sqlite {
    queue: Arc<Queue<Task>>,
    readers: Arc<Readers>,
    writer: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sqlite").finish_non_exhaustive()
    }
}

/// [`OpenOptions::lost_commit`] of a server: the next start recovers the file and knows what it holds.
pub fn end_the_process(why: &str) {
    tracing::error!("the last commits may not be durable; stopping: {why}");
    std::process::abort();
}

impl Sqlite {
    /// Opens the file, makes it where there is none, and starts its writer.
    pub(crate) fn open(path: PathBuf, options: OpenOptions) -> Result<Self, OpenError> {
        let connection = migrate::open(&path)?;
        let queue = Arc::new(Queue::new(options));
        let work = Arc::clone(&queue);
        let writer = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer::run(connection, work))
            .map_err(|source| OpenError::Path { path: path.clone(), source })?;
        let readers = Arc::new(Readers::new(path, options.readers));
        Ok(Self { queue, readers, writer: Some(writer) })
    }

    /// For reads of whole tables, which would hold up the thread that asks.
    async fn read_aside<T: Send + 'static>(
        &self,
        read: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Read<T> {
        let readers = Arc::clone(&self.readers);
        tokio::task::spawn_blocking(move || readers.read(read))
            .await
            .unwrap_or_else(|_| Err(StoreError::Unavailable("the read was interrupted".to_owned())))
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        // Readers first: the last connection to close moves the log into the file, and a reader may not.
        self.readers.close();
        self.queue.close();
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has dropped its queue: no commit waits for it.
            let _ = writer.join();
        }
    }
}

/// What holds for every connection. SQLite is built with `SQLITE_ENABLE_STAT4`: it looks at bound values while it plans, and
/// so plans again at every execution. The stability guarantee (QPSG) forbids that; every statement here has one good plan.
fn configure(c: &rusqlite::Connection) -> rusqlite::Result<()> {
    c.busy_timeout(BUSY_TIMEOUT)?;
    c.set_prepared_statement_cache_capacity(STATEMENTS);
    c.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// The text of an error, for the log. Only what SQLite says of itself and of the schema: the errors of conversions can
/// quote a value, so they are not shown.
pub(crate) fn unavailable(error: &rusqlite::Error) -> StoreError {
    let why = match error {
        rusqlite::Error::SqliteFailure(code, _) => {
            format!("SQLite error {}: {code}", code.extended_code)
        }
        rusqlite::Error::FromSqlConversionFailure(column, ..)
        | rusqlite::Error::IntegralValueOutOfRange(column, _)
        | rusqlite::Error::InvalidColumnType(column, ..) => {
            format!("column {column} of a row cannot be read")
        }
        rusqlite::Error::ToSqlConversionFailure(_) => "a record cannot be written".to_owned(),
        _ => "SQLite was used in a way it does not allow".to_owned(),
    };
    StoreError::Unavailable(why)
}

impl Store for Sqlite {
    async fn realm(&self, realm: Realm) -> Read<Option<RealmRecord>> {
        self.readers.read(|c| realm::find(c, realm))
    }

    async fn client(&self, realm: Realm, id: &ClientId) -> Read<Option<Client>> {
        self.readers.read(|c| client::find(c, realm, id))
    }

    async fn resource(&self, realm: Realm, id: &ResourceIdentifier) -> Read<Option<Resource>> {
        self.readers.read(|c| resource::find(c, realm, id))
    }

    async fn resources(
        &self,
        realm: Realm,
        identifiers: &[ResourceIdentifier],
        scopes: &ScopeSet,
    ) -> Read<Vec<Resource>> {
        self.readers.read(|c| resource::named_or_owning(c, realm, identifiers, scopes))
    }

    async fn user(&self, realm: Realm, id: UserId) -> Read<Option<User>> {
        self.readers.read(|c| user::find(c, realm, id))
    }

    async fn user_by_login(&self, realm: Realm, name: &LoginName) -> Read<Option<User>> {
        self.readers.read(|c| user::find_by_login(c, realm, name))
    }

    async fn session(&self, realm: Realm, id: SessionId) -> Read<Option<SessionRecord>> {
        self.readers.read(|c| session::find(c, realm, id))
    }

    async fn sessions_of(&self, realm: Realm, user: UserId, now: Timestamp) -> Read<Vec<Session>> {
        self.readers.read(|c| session::of_user(c, realm, user, now))
    }

    async fn interaction(&self, realm: Realm, id: InteractionId) -> Read<Option<Interaction>> {
        self.readers.read(|c| interaction::find(c, realm, id))
    }

    async fn consent(&self, realm: Realm, user: UserId, client: &ClientId) -> Read<Option<Consent>> {
        self.readers.read(|c| consent::live(c, realm, user, client))
    }

    async fn connections_of(&self, realm: Realm, user: UserId) -> Read<Vec<Connection>> {
        self.readers.read(|c| consent::connections_of(c, realm, user))
    }

    async fn authorization(&self, realm: Realm, id: AuthorizationId) -> Read<Option<AuthorizationRecord>> {
        self.readers.read(|c| authorization::find(c, realm, id))
    }

    async fn ticket(&self, realm: Realm, kind: TicketKind, id: TicketId) -> Read<Option<Ticket>> {
        self.readers.read(|c| ticket::find(c, realm, kind, id))
    }

    async fn ticket_by_second(
        &self,
        realm: Realm,
        kind: TicketKind,
        second: &Digest,
        now: Timestamp,
    ) -> Read<Option<Ticket>> {
        self.readers.read(|c| ticket::find_by_second(c, realm, kind, second, now))
    }

    async fn is_token_revoked(&self, realm: Realm, token: &Digest) -> Read<bool> {
        self.readers.read(|c| denied::contains(c, realm, token))
    }

    async fn attempts(&self, realm: Realm, keys: &[AttemptKey]) -> Read<Vec<Attempts>> {
        self.readers.read(|c| attempt::find(c, realm, keys))
    }

    async fn keys(&self, realm: Realm) -> Read<Vec<KeyRecord>> {
        self.readers.read(|c| key::all(c, realm))
    }

    async fn applied(&self, realm: Realm) -> Read<Applied> {
        self.readers.read(|c| {
            Ok(Applied {
                clients: client::applied(c, realm)?,
                resources: resource::applied(c, realm)?,
                users: user::applied(c, realm)?,
            })
        })
    }

    async fn references(
        &self,
        realm: Realm,
        clients: &[ClientId],
        resources: &[ResourceIdentifier],
    ) -> Read<References> {
        let (clients, resources) = (clients.to_vec(), resources.to_vec());
        self.read_aside(move |c| {
            Ok(References::bounded(
                resource::introspected_by(c, realm, &clients)?,
                client::defaulting_to(c, realm, &resources)?,
            ))
        })
        .await
    }

    async fn events(&self, realm: Realm, most: u32) -> Read<Vec<Event>> {
        self.readers.read(|c| audit::newest(c, realm, most))
    }

    async fn rows(&self) -> Read<Vec<(&'static str, u64)>> {
        let tables = tables(known())?;
        self.read_aside(move |c| health::rows(&*c.unchecked_transaction()?, tables)).await
    }

    async fn check(&self) -> Read<Vec<String>> {
        self.read_aside(health::check).await
    }

    /// The process and its file have one clock.
    async fn clock(&self) -> Read<Option<Timestamp>> {
        Ok(None)
    }

    async fn commit(&self, realm: Realm, share: Share, writes: Vec<Write>) -> Result<Outcome, StoreError> {
        if writes.is_empty() {
            return Ok(Outcome::Done);
        }
        self.queue.done(share, Task::Commit { realm, writes }).await.map(|settled| settled.outcome)
    }

    async fn sweep(&self, now: Timestamp, keep: Retention, most: u32) -> Result<u64, StoreError> {
        let mut gone: u64 = 0;
        for step in sweep::steps(now, keep, most) {
            let settled = self.queue.done(Share::Rest, Task::Sweep(step)).await?;
            gone += u64::try_from(settled.rows).unwrap_or(0);
        }
        Ok(gone)
    }
}
