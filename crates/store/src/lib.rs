//! Where the records of [`grantwell_core::store`] live.
//!
//! [`open`] turns a URL into an [`Engine`]; an engine is a folder with the only SQL for it. What every engine keeps:
//!
//! * **A commit is all or nothing.** Each write carries its guard in its own SQL statement (`… WHERE id = ? AND redeemed_at
//!   IS NULL`); a guard that fails undoes the whole commit and answers [`Outcome::Conflict`]. No guard is a read
//!   followed by a write.
//! * **`Done` is durable.** Nobody is answered, not even with a conflict, before the flush of the batch they were in.
//! * **Nothing at rest can be replayed.** What comes in is digests, hashes and ciphertext, and stays that.
//! * **Everything belongs to a realm.** The realm leads every primary key and stands in the `WHERE` of every statement
//!   except those of the sweep and of [`Store::rows`], which are for all realms.
//! * **No answer is not an answer.** What goes wrong is [`StoreError`], never an empty result, and its text holds no value
//!   of a row.
//!
//! Left out on purpose: why a write happens (`grantwell-core` decides that), and the clock: every instant comes from outside.
//!
//! ```
//! use grantwell_core::{
//!     id::Realm,
//!     secret::Digest,
//!     store::{Outcome, Share, Store, Write},
//!     time::Timestamp,
//! };
//! use grantwell_store::{OpenOptions, open};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = std::env::temp_dir().join(format!("grantwell-example-{}", std::process::id()));
//! let url = format!("sqlite:{}", folder.join("example.db").display());
//! let store = open(&url, OpenOptions::default()).await?;
//!
//! let token = Digest::of(b"the jti of a token");
//! assert!(!store.is_token_revoked(Realm::MAIN, &token).await?);
//! let revoke = Write::RevokeAccessToken { token, expires_at: Timestamp::from_seconds(1_900_000_000) };
//! assert_eq!(store.commit(Realm::MAIN, Share::Grants, vec![revoke]).await?, Outcome::Done);
//! assert!(store.is_token_revoked(Realm::MAIN, &token).await?);
//!
//! // The guard of this write is that the client exists.
//! let delete = Write::DeleteClient("nobody".into());
//! let outcome = store.commit(Realm::MAIN, Share::Rest, vec![delete.clone()]).await?;
//! assert_eq!(outcome, Outcome::Conflict(Box::new(delete)));
//! # drop(store);
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok(())
//! # }
//! ```
#![warn(missing_docs)]

use std::{fmt, path::PathBuf};

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

pub mod copy;
mod counters;
pub mod database;
pub mod postgres;
mod queue;
mod records;
mod schema;
pub mod sqlite;
#[cfg(feature = "suite")]
pub mod suite;
mod sweeping;

pub use database::{check_url, file_of, is_there, open};

/// An open database.
#[derive(Debug)]
pub enum Engine {
    /// One file on this machine.
    Sqlite(sqlite::Sqlite),
    /// A server, and any number of nodes with it.
    Postgres(postgres::Postgres),
}

/// How an engine is opened; the default is for a server.
#[derive(Clone, Copy, Debug)]
pub struct OpenOptions {
    /// Most commits that may wait in [`Share::Grants`].
    pub grants: usize,
    /// Most commits that may wait in [`Share::SignIns`].
    pub sign_ins: usize,
    /// Most commits that may wait in [`Share::Rest`].
    pub rest: usize,
    /// Most commits that one flush makes durable.
    pub batch: usize,
    /// SQLite: most idle connections for reading that are kept open.
    pub readers: usize,
    /// PostgreSQL: most connections for reading.
    pub connections: usize,
    /// PostgreSQL: connections for writing, each of which makes a batch durable at a time.
    pub writers: usize,
    /// Called when a flush failed so that nobody can know what became of it. Logs and ends the process by default, because
    /// the next look at the file, after its recovery, is the only one that can be believed.
    pub lost_commit: fn(&str),
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            grants: 4096,
            sign_ins: 1024,
            rest: 1024,
            batch: 512,
            readers: 32,
            connections: 12,
            writers: 4,
            lost_commit: sqlite::end_the_process,
        }
    }
}

/// Why a database cannot be opened. Each displays as one sentence for the person who starts the server.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL is none that is known.
    Url,
    /// What an URL or a server says cannot be used.
    Setting {
        /// What, and what it should be.
        why: String,
    },
    /// The server cannot be reached, or does not let us in.
    Unreachable {
        /// Its hosts and database.
        database: String,
        /// What it or the network said.
        why: String,
    },
    /// File or folder cannot be opened or made.
    Path {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The database was written by a newer release.
    FromTheFuture {
        /// The file, or hosts and database.
        database: String,
        /// Version of its schema.
        found: i64,
        /// Newest version this release knows.
        known: i64,
    },
    /// It is something else.
    NotGrantwell {
        /// The file, or hosts and database.
        database: String,
    },
    /// The database was left for another one by `db move`.
    Moved {
        /// The file, or hosts and database.
        database: String,
        /// Where it went, as an URL without a password.
        to: String,
    },
    /// The SQLite library can corrupt a database in WAL mode (before 3.51.3).
    LibraryTooOld {
        /// Its number, as in 3051003.
        found: i32,
    },
    /// The engine failed while it opened the database.
    Io {
        /// The file, or hosts and database.
        database: String,
        /// What it said; no value of a row.
        why: String,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The URL itself is never shown: it may hold a password.
            Self::Url => f.write_str(
                "the database must be given as sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE",
            ),
            Self::Setting { why } => write!(f, "the database cannot be used: {why}"),
            Self::Unreachable { database, why } => {
                write!(f, "the database {database} cannot be reached: {why}")
            }
            Self::Path { path, source } => {
                write!(f, "the database {} cannot be opened or created: {source}", path.display())
            }
            Self::FromTheFuture { database, found, known } => write!(
                f,
                "the database {database} has schema version {found}, this release knows versions up to {known}: start \
                 the newer release that wrote it, or restore a backup"
            ),
            Self::NotGrantwell { database } => {
                write!(f, "{database} is not a Grantwell database, and nothing in it was changed")
            }
            Self::Moved { database, to } => write!(
                f,
                "the database {database} was moved to {to}, and nothing in it counts any more: set `database` in the \
                 configuration to where it is now"
            ),
            Self::LibraryTooOld { found } => write!(
                f,
                "SQLite {}.{}.{} is too old: versions before 3.51.3 can corrupt a database in WAL mode",
                found / 1_000_000,
                found / 1000 % 1000,
                found % 1000
            ),
            Self::Io { database, why } => {
                write!(f, "the database {database} failed while opening: {why}")
            }
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Path { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// Asks the engine, and takes the time.
macro_rules! delegated {
    ($engine:expr, $store:ident => $_same:ident.$method:ident($($argument:expr),* $(,)?)) => {{
        // Looking the handle up costs more than the sample; a process has its recorder before it opens a store.
        static SECONDS: std::sync::LazyLock<metrics::Histogram> = std::sync::LazyLock::new(|| {
            metrics::histogram!("grantwell_db_query_seconds", "query" => stringify!($method))
        });
        let started = std::time::Instant::now();
        let answer = match $engine {
            Engine::Sqlite($store) => $store.$method($($argument),*).await,
            Engine::Postgres($store) => $store.$method($($argument),*).await,
        };
        SECONDS.record(started.elapsed());
        answer
    }};
}

impl Store for Engine {
    async fn realm(&self, realm: Realm) -> Read<Option<RealmRecord>> {
        delegated!(self, store => store.realm(realm))
    }

    async fn client(&self, realm: Realm, id: &ClientId) -> Read<Option<Client>> {
        delegated!(self, store => store.client(realm, id))
    }

    async fn resource(&self, realm: Realm, id: &ResourceIdentifier) -> Read<Option<Resource>> {
        delegated!(self, store => store.resource(realm, id))
    }

    async fn resources(
        &self,
        realm: Realm,
        identifiers: &[ResourceIdentifier],
        scopes: &ScopeSet,
    ) -> Read<Vec<Resource>> {
        delegated!(self, store => store.resources(realm, identifiers, scopes))
    }

    async fn user(&self, realm: Realm, id: UserId) -> Read<Option<User>> {
        delegated!(self, store => store.user(realm, id))
    }

    async fn user_by_login(&self, realm: Realm, name: &LoginName) -> Read<Option<User>> {
        delegated!(self, store => store.user_by_login(realm, name))
    }

    async fn session(&self, realm: Realm, id: SessionId) -> Read<Option<SessionRecord>> {
        delegated!(self, store => store.session(realm, id))
    }

    async fn sessions_of(&self, realm: Realm, user: UserId, now: Timestamp) -> Read<Vec<Session>> {
        delegated!(self, store => store.sessions_of(realm, user, now))
    }

    async fn interaction(&self, realm: Realm, id: InteractionId) -> Read<Option<Interaction>> {
        delegated!(self, store => store.interaction(realm, id))
    }

    async fn consent(&self, realm: Realm, user: UserId, client: &ClientId) -> Read<Option<Consent>> {
        delegated!(self, store => store.consent(realm, user, client))
    }

    async fn connections_of(&self, realm: Realm, user: UserId) -> Read<Vec<Connection>> {
        delegated!(self, store => store.connections_of(realm, user))
    }

    async fn authorization(&self, realm: Realm, id: AuthorizationId) -> Read<Option<AuthorizationRecord>> {
        delegated!(self, store => store.authorization(realm, id))
    }

    async fn ticket(&self, realm: Realm, kind: TicketKind, id: TicketId) -> Read<Option<Ticket>> {
        delegated!(self, store => store.ticket(realm, kind, id))
    }

    async fn ticket_by_second(
        &self,
        realm: Realm,
        kind: TicketKind,
        second: &Digest,
        now: Timestamp,
    ) -> Read<Option<Ticket>> {
        delegated!(self, store => store.ticket_by_second(realm, kind, second, now))
    }

    async fn is_token_revoked(&self, realm: Realm, token: &Digest) -> Read<bool> {
        delegated!(self, store => store.is_token_revoked(realm, token))
    }

    async fn attempts(&self, realm: Realm, keys: &[AttemptKey]) -> Read<Vec<Attempts>> {
        delegated!(self, store => store.attempts(realm, keys))
    }

    async fn keys(&self, realm: Realm) -> Read<Vec<KeyRecord>> {
        delegated!(self, store => store.keys(realm))
    }

    async fn applied(&self, realm: Realm) -> Read<Applied> {
        delegated!(self, store => store.applied(realm))
    }

    async fn references(
        &self,
        realm: Realm,
        clients: &[ClientId],
        resources: &[ResourceIdentifier],
    ) -> Read<References> {
        delegated!(self, store => store.references(realm, clients, resources))
    }

    async fn events(&self, realm: Realm, most: u32) -> Read<Vec<Event>> {
        delegated!(self, store => store.events(realm, most))
    }

    async fn rows(&self) -> Read<Vec<(&'static str, u64)>> {
        delegated!(self, store => store.rows())
    }

    async fn check(&self) -> Read<Vec<String>> {
        delegated!(self, store => store.check())
    }

    async fn clock(&self) -> Read<Option<Timestamp>> {
        delegated!(self, store => store.clock())
    }

    async fn commit(&self, realm: Realm, share: Share, writes: Vec<Write>) -> Result<Outcome, StoreError> {
        delegated!(self, store => store.commit(realm, share, writes))
    }

    async fn sweep(&self, now: Timestamp, keep: Retention, most: u32) -> Result<u64, StoreError> {
        delegated!(self, store => store.sweep(now, keep, most))
    }
}
