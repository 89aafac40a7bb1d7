//! Connections for single statements: reads, and the steps of the sweep. Each is borrowed for one statement.
//!
//! A connection whose statement has no answer yet is of no use to anybody, and the server goes on with it. So a read that is given up,
//! because its time is over or its client disconnected, keeps its place here until it is answered: a locked table, or clients
//! that disconnect, do not cost a connection each.
//!
//! One that was not used for a while is closed. A primary that hung and was replaced may wake up with the connections it had, and
//! would answer with what was until it learns that it leads no more; that takes it longer than any connection waits here. Of
//! one that was replaced and does not hang, the connections go as soon as one has been made to the new primary.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use tokio::sync::Semaphore;
use tokio_postgres::Row;

use super::{
    form::{Error, Param, QueryResult, Statement},
    server::{Link, Server, is_lost},
};

/// So long a connection may wait for its next use.
const UNUSED: Duration = Duration::from_secs(10);

/// How long an abandoned read may keep its connection.
const GIVEN_UP: Duration = Duration::from_secs(5);

/// The connections, so many at most.
pub(super) struct Pool {
    server: Arc<Server>,
    idle: Mutex<Vec<(Link, Instant)>>,
    permits: Arc<Semaphore>,
}

impl Pool {
    pub(super) fn new(server: Arc<Server>, most: usize) -> Self {
        Self { server, idle: Mutex::default(), permits: Arc::new(Semaphore::new(most.max(1))) }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Link, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a connection for the next who asks.
    pub(super) fn keep(&self, client: Link) {
        self.lock().push((client, Instant::now()));
    }

    /// One that was used a moment ago. The rest of them, below it, go when they have waited too long.
    fn waiting(&self) -> Option<Link> {
        let mut idle = self.lock();
        idle.retain(|(client, since)| {
            since.elapsed() < UNUSED && !client.is_closed() && self.server.is_current(client)
        });
        idle.pop().map(|(client, _)| client)
    }

    /// The rows of a statement that changes nothing.
    pub(super) async fn query(
        self: &Arc<Self>,
        within: Duration,
        statement: Statement,
    ) -> QueryResult<Vec<Row>> {
        if statement.params.iter().any(Param::is_impossible) {
            return Ok(Vec::new());
        }
        let reading = async {
            let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Error::Late)?;
            let pool = Arc::clone(self);
            let asking = async move {
                let _permit = permit;
                let _in_use = InUse::count();
                pool.ask(&statement).await
            };
            ToTheEnd(Some(Box::pin(asking))).await
        };
        tokio::time::timeout(within, reading).await.unwrap_or(Err(Error::Late))
    }

    async fn ask(&self, statement: &Statement) -> QueryResult<Vec<Row>> {
        loop {
            let idle = self.waiting();
            let was_idle = idle.is_some();
            let client = match idle {
                Some(client) => client,
                None => self.server.connect().await?,
            };
            match client.query_typed(&statement.sql, &statement.typed()).await.map_err(Error::from) {
                // Another node's commit is on the server that took over meanwhile, and not in these rows.
                Ok(_) if !self.server.is_current(&client) => {}
                Ok(rows) => {
                    self.keep(client);
                    return Ok(rows);
                }
                // The connection ended while it was idle, and a read can be repeated.
                Err(error) if is_lost(&error) && was_idle => {}
                Err(error) if is_lost(&error) => return Err(error),
                Err(error) => {
                    self.keep(client);
                    return Err(error);
                }
            }
        }
    }

    /// Does a statement that is a transaction of its own and harmless when it is done twice; says how many rows it changed.
    pub(super) async fn execute(&self, within: Duration, statement: &Statement) -> QueryResult<u64> {
        let doing = async {
            let _permit = self.permits.acquire().await.map_err(|_| Error::Late)?;
            let _in_use = InUse::count();
            let idle = self.waiting();
            let client = match idle {
                Some(client) => client,
                None => self.server.connect().await?,
            };
            let changed = client.execute_typed(&statement.sql, &statement.typed()).await?;
            self.keep(client);
            Ok(changed)
        };
        tokio::time::timeout(within, doing).await.unwrap_or(Err(Error::Late))
    }
}

/// A read that goes on when it is dropped.
struct ToTheEnd(Option<Reading>);

type Reading = Pin<Box<dyn Future<Output = QueryResult<Vec<Row>>> + Send>>;

impl Future for ToTheEnd {
    type Output = QueryResult<Vec<Row>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(reading) = &mut self.0 else { return Poll::Pending };
        let answer = reading.as_mut().poll(context);
        if answer.is_ready() {
            self.0 = None;
        }
        answer
    }
}

impl Drop for ToTheEnd {
    fn drop(&mut self) {
        if let (Some(reading), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            drop(runtime.spawn(tokio::time::timeout(GIVEN_UP, reading)));
        }
    }
}

/// Counts a connection as used, however its use ends.
struct InUse;

impl InUse {
    fn count() -> Self {
        metrics::gauge!("grantwell_db_pool_in_use").increment(1.0);
        Self
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        metrics::gauge!("grantwell_db_pool_in_use").decrement(1.0);
    }
}
