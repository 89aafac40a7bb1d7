//! PostgreSQL, for any number of nodes.
//!
//! * Writers ([`writer`]) make what waits durable in batches; reads are single statements over a pool ([`pool`]).
//! * Under READ COMMITTED a guard looks only at rows that its transaction has locked: an `UPDATE … WHERE` does by itself, a
//!   guard over another row says `FOR SHARE`, one over several rows holds the realm's ([`write::Lock`]).
//! * Each record has a file with the only SQL for it. Every statement of a request finds its rows by a key.
//! * What an authorization's life depends on is one statement, so it is of one moment. All reads go where writes go: a
//!   standby would answer with what was.
//! * Every statement is unnamed and nothing outlives a transaction, so that a pooling proxy may stand between.

use std::{sync::Arc, time::Duration};

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
use serde::{Serialize, de::DeserializeOwned};
use tokio_postgres::Row;

use self::{
    form::{PostgresColumns, QueryResult, Statement, all, encode, one, unavailable},
    pool::Pool,
    server::Server,
    write::Prepared,
};
use crate::{
    OpenError, OpenOptions,
    queue::Queue,
    records::{self, Columns as _},
    schema::{known, tables},
};

mod attempt;
mod audit;
mod authorization;
mod away;
mod client;
mod consent;
pub(crate) mod copy;
mod denied;
mod form;
mod health;
pub(crate) mod inspect;
mod interaction;
mod key;
mod migrate;
mod pool;
mod realm;
mod resource;
mod seen;
pub(crate) mod server;
mod session;
mod sweep;
mod ticket;
mod user;
mod write;
mod writer;

/// A read of a request. The response is 503 after two seconds.
const SOON: Duration = Duration::from_millis(1800);
/// A commit may wait for the end of the batch before it.
const COMMIT: Duration = Duration::from_secs(2);
/// A read of whole tables, or a step of the sweep.
const LATER: Duration = Duration::from_mins(1);

/// An open database. Dropping it lets the commits that wait be done.
pub struct Postgres {
    pool: Arc<Pool>,
    queue: Arc<Queue<Prepared>>,
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Postgres").finish_non_exhaustive()
    }
}

impl Postgres {
    /// Connects, brings the schema up to date, and starts the writers.
    pub(crate) async fn open(server: Server, options: OpenOptions) -> std::result::Result<Self, OpenError> {
        let server = Arc::new(server);
        let client = migrate::open(&server).await?;
        let pool = Arc::new(Pool::new(Arc::clone(&server), options.connections));
        pool.keep(client);
        let queue = Arc::new(Queue::new(options));
        for _ in 0..options.writers.max(1) {
            drop(tokio::spawn(writer::run(Arc::clone(&server), Arc::clone(&queue))));
        }
        Ok(Self { pool, queue })
    }

    async fn rows(&self, within: Duration, statement: Statement) -> Read<Vec<Row>> {
        self.pool.query(within, statement).await.map_err(|error| logged(&error))
    }

    async fn find<T>(
        &self,
        statement: Statement,
        read: impl FnOnce(&mut PostgresColumns<'_>) -> QueryResult<T>,
    ) -> Read<Option<T>> {
        one(&self.rows(SOON, statement).await?, read).map_err(|error| logged(&error))
    }

    async fn list<T>(
        &self,
        within: Duration,
        statement: Statement,
        read: impl Fn(&mut PostgresColumns<'_>) -> QueryResult<T>,
    ) -> Read<Vec<T>> {
        all(&self.rows(within, statement).await?, read).map_err(|error| logged(&error))
    }

    /// The form that the guard of a replacement compares. A record written by an older release may lack fields that have a
    /// default today, so its text differs although it says the same: then that text is the form.
    async fn form<T>(&self, stored: Statement, was: &T) -> Read<String>
    where
        T: Serialize + DeserializeOwned + PartialEq,
    {
        let form = encode(was).map_err(|error| logged(&error))?;
        let stored = self.find(stored, |columns| columns.value::<String>()).await?;
        Ok(match stored {
            Some(text) if text != form && serde_json::from_str::<T>(&text).is_ok_and(|is| is == *was) => text,
            _ => form,
        })
    }

    async fn forms(&self, realm: Realm, writes: &[Write]) -> Read<Vec<String>> {
        let mut forms = Vec::new();
        for write in writes {
            forms.push(match write {
                Write::PutClient { was: Some(was), .. } => {
                    self.form(client::find(realm, &was.client_id), was.as_ref()).await?
                }
                Write::PutResource { was: Some(was), .. } => {
                    self.form(resource::find(realm, &was.identifier), was.as_ref()).await?
                }
                Write::PutUser { was: Some(was), .. } => {
                    self.form(user::find(realm, was.id), &records::without_hash(was)).await?
                }
                _ => continue,
            });
        }
        Ok(forms)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// Whether the database was made already.
pub(crate) async fn is_there(server: &Server) -> std::result::Result<bool, OpenError> {
    let client = server.connect_first().await?;
    let state = migrate::look(&client).await.map_err(|error| migrate::failed(server, &error))?;
    migrate::usable(state, server).map(|version| version.is_some())
}

fn logged(error: &form::Error) -> StoreError {
    let failure = unavailable(error);
    tracing::error!("a read failed: {failure}");
    failure
}

impl Store for Postgres {
    async fn realm(&self, realm: Realm) -> Read<Option<RealmRecord>> {
        self.find(realm::find(realm), |columns| records::realm(columns)).await
    }

    async fn client(&self, realm: Realm, id: &ClientId) -> Read<Option<Client>> {
        self.find(client::find(realm, id), |columns| columns.json()).await
    }

    async fn resource(&self, realm: Realm, id: &ResourceIdentifier) -> Read<Option<Resource>> {
        self.find(resource::find(realm, id), |columns| columns.json()).await
    }

    async fn resources(
        &self,
        realm: Realm,
        identifiers: &[ResourceIdentifier],
        scopes: &ScopeSet,
    ) -> Read<Vec<Resource>> {
        self.list(SOON, resource::named_or_owning(realm, identifiers, scopes), |columns| columns.json()).await
    }

    async fn user(&self, realm: Realm, id: UserId) -> Read<Option<User>> {
        self.find(user::find(realm, id), |columns| records::user(columns)).await
    }

    async fn user_by_login(&self, realm: Realm, name: &LoginName) -> Read<Option<User>> {
        self.find(user::find_by_login(realm, name), |columns| records::user(columns)).await
    }

    async fn session(&self, realm: Realm, id: SessionId) -> Read<Option<SessionRecord>> {
        self.find(session::find(realm, id), |columns| records::session_record(columns)).await
    }

    async fn sessions_of(&self, realm: Realm, user: UserId, now: Timestamp) -> Read<Vec<Session>> {
        self.list(SOON, session::of_user(realm, user, now), |columns| records::session(columns)).await
    }

    async fn interaction(&self, realm: Realm, id: InteractionId) -> Read<Option<Interaction>> {
        self.find(interaction::find(realm, id), |columns| records::interaction(id, columns)).await
    }

    async fn consent(&self, realm: Realm, user: UserId, client: &ClientId) -> Read<Option<Consent>> {
        self.find(consent::live(realm, user, client), |columns| records::consent(columns)).await
    }

    async fn connections_of(&self, realm: Realm, user: UserId) -> Read<Vec<Connection>> {
        self.list(SOON, consent::connections_of(realm, user), |columns| records::connection(columns)).await
    }

    async fn authorization(&self, realm: Realm, id: AuthorizationId) -> Read<Option<AuthorizationRecord>> {
        self.find(authorization::find(realm, id), |columns| records::authorization_record(id, columns)).await
    }

    async fn ticket(&self, realm: Realm, kind: TicketKind, id: TicketId) -> Read<Option<Ticket>> {
        self.find(ticket::find(realm, kind, id), |columns| records::ticket(kind, columns)).await
    }

    async fn ticket_by_second(
        &self,
        realm: Realm,
        kind: TicketKind,
        second: &Digest,
        now: Timestamp,
    ) -> Read<Option<Ticket>> {
        let found = ticket::find_by_second(realm, kind, second, now);
        self.find(found, |columns| records::ticket(kind, columns)).await
    }

    async fn is_token_revoked(&self, realm: Realm, token: &Digest) -> Read<bool> {
        Ok(!self.rows(SOON, denied::find(realm, token)).await?.is_empty())
    }

    async fn attempts(&self, realm: Realm, keys: &[AttemptKey]) -> Read<Vec<Attempts>> {
        self.list(SOON, attempt::find(realm, keys), attempt::read).await
    }

    async fn keys(&self, realm: Realm) -> Read<Vec<KeyRecord>> {
        self.list(SOON, key::all(realm), |columns| records::key(columns)).await
    }

    async fn applied(&self, realm: Realm) -> Read<Applied> {
        Ok(Applied {
            clients: self
                .list(LATER, client::applied(realm), |columns| columns.value().map(ClientId))
                .await?,
            resources: self
                .list(LATER, resource::applied(realm), |columns| columns.value().map(ResourceIdentifier))
                .await?,
            users: self.list(LATER, user::applied(realm), user::named).await?,
        })
    }

    async fn references(
        &self,
        realm: Realm,
        clients: &[ClientId],
        resources: &[ResourceIdentifier],
    ) -> Read<References> {
        Ok(References::bounded(
            self.list(LATER, resource::introspected_by(realm, clients), resource::introspector).await?,
            self.list(LATER, client::defaulting_to(realm, resources), client::default_of).await?,
        ))
    }

    async fn events(&self, realm: Realm, most: u32) -> Read<Vec<Event>> {
        self.list(LATER, audit::newest(realm, most), |columns| columns.json()).await
    }

    async fn rows(&self) -> Read<Vec<(&'static str, u64)>> {
        let estimates = self.list(LATER, health::estimates(), health::estimate).await?;
        let tables = tables(known())?;
        let counts = self.rows(LATER, health::counts(tables, &estimates)).await?;
        let mut columns = PostgresColumns::of(counts.first().ok_or_else(|| logged(&form::Error::Late))?);
        let mut count = || columns.number::<u64>().map_err(|error| logged(&error));
        let rows = tables.iter().map(|table| Ok((table.name, count()?))).collect::<Read<Vec<_>>>()?;
        // The engine's own, which no record is in.
        #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a gauge is a float")]
        metrics::gauge!("grantwell_rows", "table" => "commit_mark").set(count()? as f64);
        Ok(rows)
    }

    async fn check(&self) -> Read<Vec<String>> {
        self.list(LATER, health::check(tables(known())?), |columns| columns.value::<String>()).await
    }

    async fn clock(&self) -> Read<Option<Timestamp>> {
        self.find(health::clock(), |columns| columns.time()).await
    }

    async fn commit(
        &self,
        realm: Realm,
        share: Share,
        writes: Vec<Write>,
    ) -> std::result::Result<Outcome, StoreError> {
        if writes.is_empty() {
            return Ok(Outcome::Done);
        }
        let forms = self.forms(realm, &writes).await?;
        let prepared = write::prepare(realm, writes, &forms).map_err(|error| unavailable(&error))?;
        match tokio::time::timeout(COMMIT, self.queue.done(share, prepared)).await {
            Ok(answer) => answer.map(|settled| settled.outcome),
            Err(_) => Err(unavailable(&form::Error::Late)),
        }
    }

    async fn sweep(
        &self,
        now: Timestamp,
        keep: Retention,
        most: u32,
    ) -> std::result::Result<u64, StoreError> {
        let mut gone = 0;
        for step in sweep::steps(now, keep) {
            let mut room = u64::from(most);
            for (sql, before) in step {
                let removed = self.pool.execute(LATER, &sweep::statement(sql, before, room)).await;
                let removed = removed.map_err(|error| unavailable(&error))?;
                room = room.saturating_sub(removed);
                gone += removed;
            }
        }
        let marks = self.pool.execute(LATER, &sweep::marks(most)).await;
        Ok(gone + marks.map_err(|error| unavailable(&error))?)
    }
}
