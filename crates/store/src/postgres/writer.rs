//! Writers: each a task with a connection of its own, which makes the commits that wait durable together.
//!
//! * **One transaction a batch, one trip for all of it.** Its statements are sent without waiting for answers: the locks of every
//!   guard in one order ([`Lock`]), then the commits. A guard that no row passed is an error, which ends the transaction. Then the
//!   batch is sent again with each commit between two savepoints, so that such an error ends its own commit alone: what is sent
//!   after it fails too, up to the second savepoint, and `ROLLBACK TO` goes back to whichever of the two was set last.
//! * **`COMMIT` is sent when all before it was answered**, the mark last of all, so that the transaction is known to be well: a
//!   `COMMIT` of one that failed answers without an error. Everybody is answered after it, the conflicts too.
//! * **An answer that was lost is settled, not guessed.** Before `COMMIT` was sent, a lost connection means that nothing was
//!   kept. After it, an insert of the transaction's own mark under the same id waits for what is in flight, and then either
//!   finds the mark of a commit or voids the id for ever. Meanwhile the answer is 503.
//! * No statement is named and nothing outlives its transaction, so that a proxy that pools transactions may stand between. No
//!   limit may end a `COMMIT`, also none that the role or the server has: one that waits for a standby would then be reported
//!   as done.

use std::{
    collections::BTreeSet,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::Poll,
    time::Duration,
};

use grantwell_core::store::{Outcome, StoreError};
use tokio_postgres::{Client, error::SqlState};

use super::{
    form::{Error, QueryResult, Statement, params, unavailable},
    server::{Link, Server, is_lost},
    write::{Lock, Prepared, take},
};
use crate::queue::{Answer, Queue, Settled, Work};

/// How long a batch, its commit or a settlement may take. A caller waits a little longer than one of them.
const LIMIT: Duration = Duration::from_millis(1800);

/// What a transaction asks for: no lock is waited for longer than the caller waits, and a node that stopped in the middle
/// gives its locks back.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
    SET LOCAL statement_timeout = 0;
    SET LOCAL lock_timeout = 1500;
    SET LOCAL idle_in_transaction_session_timeout = 3000";

/// By the server's clock: the mark is removed by it too.
const MARK: &str = "INSERT INTO commit_mark (id, at, void)
    VALUES (uuid_send(gen_random_uuid()), (extract(epoch FROM clock_timestamp()) * 1000)::bigint, FALSE)
    RETURNING id";

/// Written either way, so that its own commit is durable wherever the one it finds must be.
const SETTLE: &str = "INSERT INTO commit_mark (id, at, void)
    VALUES ($1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint, TRUE)
    ON CONFLICT (id) DO UPDATE SET at = excluded.at RETURNING void";

/// One writer's task, until the queue is closed and empty.
pub(super) async fn run(server: Arc<Server>, queue: Arc<Queue<Prepared>>) {
    let mut writer = Writer { server, client: None, lost: None };
    while let Some(batch) = queue.next(queue.options.batch.min(MOST)).await {
        writer.settle(batch).await;
    }
}

/// Most commits of a batch: more than sixty-four subtransactions slow down every reader.
const MOST: usize = 48;

struct Writer {
    server: Arc<Server>,
    client: Option<Link>,
    /// The id of a transaction whose `COMMIT` was sent and not answered.
    lost: Option<Vec<u8>>,
}

impl Writer {
    async fn settle(&mut self, mut batch: Vec<Work<Prepared>>) {
        // The response to an abandoned commit was 503; the caller retries.
        batch.retain(|work| !work.answer.is_closed());
        if batch.is_empty() {
            return;
        }
        let answers = match self.attempt(&batch).await {
            Ok(Some(answers)) => answers,
            Ok(None) => {
                for work in batch {
                    Box::pin(self.settle(vec![work])).await;
                }
                return;
            }
            Err(error) => {
                let failure = unavailable(&error);
                tracing::error!(
                    commits = batch.len(),
                    "the outcome of a batch of commits is unknown: {failure}"
                );
                batch.iter().map(|_| Err(failure.clone())).collect()
            }
        };
        for (work, answer) in batch.into_iter().zip(answers) {
            let _ = work.answer.send(answer);
        }
    }

    /// Connects where needed, and finds out what became of the last transaction before a new one is begun.
    async fn connected(&mut self) -> QueryResult<Link> {
        let usable = |client: &Link| !client.is_closed() && self.server.is_current(client);
        let client = match self.client.take().filter(usable) {
            Some(client) => client,
            None => within(self.server.connect()).await?,
        };
        if let Some(id) = &self.lost {
            let committed = committed(&client, id).await?;
            tracing::warn!(
                committed,
                "the outcome of a commit is known now; its request was refused with 503"
            );
            self.lost = None;
        }
        Ok(client)
    }

    /// `None` when the server ended the batch for the sake of another transaction, over the row of one of its commits: nothing of it
    /// was kept.
    async fn attempt(&mut self, batch: &[Work<Prepared>]) -> QueryResult<Option<Vec<Answer>>> {
        let client = self.connected().await?;
        // A connection that fails here is not kept: the server undoes what it had begun.
        let mut sent = within(send(&client, batch, Undo::Batch)).await;
        if let Ok(None) = sent {
            within(async { Ok(client.batch_execute("ROLLBACK").await?) }).await?;
            sent = within(send(&client, batch, Undo::Commit)).await;
        }
        let (answers, id) = match sent {
            Err(error) if batch.len() > 1 && error.code() == Some(&SqlState::T_R_DEADLOCK_DETECTED) => {
                return Ok(None);
            }
            sent => sent?.ok_or(Error::Late)?,
        };
        let Some(id) = id else {
            within(async { Ok(client.batch_execute("ROLLBACK").await?) }).await?;
            self.client = Some(client);
            return Ok(Some(answers));
        };
        let error = match within(async { Ok(client.batch_execute("COMMIT").await?) }).await {
            Ok(()) if self.server.is_current(&client) => {
                self.client = Some(client);
                return Ok(Some(answers));
            }
            // Another server has taken over meanwhile: whether it knows of this commit, only that one can say.
            Ok(()) => Error::Replaced,
            // The server said that it did not: a deferred constraint, a serialization failure.
            Err(error) if error.code().is_some() && !is_lost(&error) => return Err(error),
            Err(error) => error,
        };
        tracing::warn!("the response to a commit was lost: {}", unavailable(&error));
        drop(client);
        self.lost = Some(id.clone());
        // Without an answer here either it stays unknown until the next batch, which asks before it begins.
        if self.ask(&id).await? { Ok(Some(answers)) } else { Err(error) }
    }

    /// What became of the transaction `id`, asked over a new connection.
    async fn ask(&mut self, id: &[u8]) -> QueryResult<bool> {
        let client = within(self.server.connect()).await?;
        let committed = committed(&client, id).await?;
        self.lost = None;
        self.client = Some(client);
        Ok(committed)
    }
}

async fn within<T>(doing: impl Future<Output = QueryResult<T>>) -> QueryResult<T> {
    tokio::time::timeout(LIMIT, doing).await.unwrap_or(Err(Error::Late))
}

/// True: it is durable. False: it never will be.
async fn committed(client: &Client, id: &[u8]) -> QueryResult<bool> {
    let settle = Statement::new(SETTLE, params![id]);
    let settled = within(async {
        client.batch_execute(BEGIN).await?;
        let settled = client.query_typed_one(&settle.sql, &settle.typed()).await?;
        client.batch_execute("COMMIT").await?;
        Ok(settled)
    });
    let void: bool = settled.await?.try_get(0)?;
    Ok(!void)
}

type Sent<'a> = Pin<Box<dyn Future<Output = std::result::Result<(), tokio_postgres::Error>> + Send + 'a>>;

/// What can be undone of a batch under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Undo {
    /// All of it. Most batches need no more, and savepoints are half of the statements.
    Batch,
    /// Each commit by itself, by savepoints.
    Commit,
}

/// Answers of a batch, and the id of its transaction where there is something to commit.
type Answered = (Vec<Answer>, Option<Vec<u8>>);

/// Sends a batch. `None` when a commit of several failed and only the batch can be undone.
async fn send(client: &Client, batch: &[Work<Prepared>], undo: Undo) -> QueryResult<Option<Answered>> {
    let plain = |sql: &'static str| -> Sent<'_> { Box::pin(client.batch_execute(sql)) };
    let locks = batch.iter().flat_map(|work| &work.task.locks).cloned().collect::<BTreeSet<Lock>>();
    let taken = if locks.len() > 1 { take(&locks) } else { Vec::new() };
    let with_savepoints = batch.len() > 1 && undo == Undo::Commit;

    let id = Mutex::new(None);
    let mut sent: Vec<(Part, Sent<'_>)> = vec![(Part::Frame, plain(BEGIN))];
    sent.extend(taken.iter().map(|statement| (Part::Frame, statement.sent(client))));
    for (at, work) in batch.iter().enumerate() {
        if with_savepoints {
            sent.push((Part::Frame, plain("SAVEPOINT one")));
        }
        let statements = work.task.statements.iter();
        sent.extend(statements.map(|(write, of)| (Part::Write(at, *write), of.sent(client))));
        if with_savepoints {
            sent.push((Part::End(at), plain("SAVEPOINT one")));
            sent.push((Part::Frame, plain("ROLLBACK TO SAVEPOINT one; RELEASE SAVEPOINT one")));
        }
    }
    // Without savepoints a commit that fails takes the mark with it, and fails with a mark that cannot be made.
    let mark_of = if with_savepoints { Part::Frame } else { Part::End(batch.len().saturating_sub(1)) };
    sent.push((mark_of, Box::pin(mark(client, &id))));
    start(&mut sent).await;

    let mut said = Vec::with_capacity(sent.len());
    for (part, answer) in sent {
        said.push((part, answer.await.map_err(Error::from)));
    }
    let failures = failures(batch.len(), said)?;
    if batch.len() > 1 && undo == Undo::Batch && failures.iter().any(Option::is_some) {
        return Ok(None);
    }
    let answers = failures
        .into_iter()
        .zip(batch)
        .map(|(failure, work)| answer(failure, &work.task))
        .collect::<Vec<_>>();
    let is_done = |answer: &Answer| matches!(answer, Ok(Settled { outcome: Outcome::Done, .. }));
    if !answers.iter().any(is_done) {
        return Ok(Some((answers, None)));
    }
    let id = id.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Some((answers, Some(id.ok_or(Error::Late)?))))
}

/// Why a commit failed, and at which of its writes.
type Failure = (Option<usize>, Error);

/// The first failure of each commit. The savepoint after it belongs to it: without that one `ROLLBACK TO` finds the one
/// before, and undoes it.
fn failures(commits: usize, said: Vec<(Part, QueryResult<()>)>) -> QueryResult<Vec<Option<Failure>>> {
    let mut failures: Vec<Option<Failure>> = (0..commits).map(|_| None).collect();
    for (part, answer) in said {
        let Err(error) = answer else { continue };
        let (at, write) = match part {
            _ if is_lost(&error) => return Err(error),
            Part::Frame => return Err(error),
            Part::Write(at, write) => (at, Some(write)),
            Part::End(at) => (at, None),
        };
        if let Some(failure @ None) = failures.get_mut(at) {
            *failure = Some((write, error));
        }
    }
    Ok(failures)
}

/// Marks the transaction, and tells by which id.
async fn mark(
    client: &Client,
    id: &Mutex<Option<Vec<u8>>>,
) -> std::result::Result<(), tokio_postgres::Error> {
    let marked = client.query_typed_one(MARK, &[]).await?.try_get(0)?;
    *id.lock().unwrap_or_else(PoisonError::into_inner) = Some(marked);
    Ok(())
}

/// What an answer belongs to.
#[derive(Clone, Copy)]
enum Part {
    /// The transaction as a whole.
    Frame,
    /// A write of a commit, by their places in the batch and in the commit.
    Write(usize, usize),
    /// What ends the commit at that place of the batch.
    End(usize),
}

impl Statement {
    fn sent<'a>(&'a self, client: &'a Client) -> Sent<'a> {
        Box::pin(async move { client.execute_typed(&self.sql, &self.typed()).await.map(drop) })
    }
}

/// The first look at a request sends it: each is looked at once, in order, before any answer is waited for.
async fn start(sent: &mut [(Part, Sent<'_>)]) {
    let mut answered = Vec::with_capacity(sent.len());
    std::future::poll_fn(|context| {
        answered.extend(sent.iter_mut().map(|(_, request)| request.as_mut().poll(context)));
        Poll::Ready(())
    })
    .await;
    for ((_, request), answer) in sent.iter_mut().zip(answered) {
        if let Poll::Ready(answer) = answer {
            *request = Box::pin(std::future::ready(answer));
        }
    }
}

/// A guard that failed is a conflict, and so is whatever the server ends because of another transaction: who asked looks again.
fn answer(failure: Option<Failure>, commit: &Prepared) -> Answer {
    let Some((write, error)) = failure else { return Ok(Settled { outcome: Outcome::Done, rows: 0 }) };
    let is_conflict = match error.code() {
        Some(code) if code.code() == "GW001" => true,
        Some(code) => [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED].contains(code),
        None => false,
    };
    match write.and_then(|write| commit.writes.get(write)) {
        Some(write) if is_conflict => {
            Ok(Settled { outcome: Outcome::Conflict(Box::new(write.clone())), rows: 0 })
        }
        _ => {
            let failure: StoreError = unavailable(&error);
            tracing::error!("a commit failed: {failure}");
            Err(failure)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A savepoint that failed alone undoes its commit as if a statement of it had failed: it must not be answered as done.
    #[test]
    fn a_commit_fails_with_its_statements_and_with_the_savepoint_after_them() {
        let said = |failed: &[usize]| {
            let parts = [
                Part::Frame,
                Part::Write(0, 0),
                Part::Write(0, 1),
                Part::End(0),
                Part::Frame,
                Part::Write(1, 0),
                Part::End(1),
            ];
            let answer = |at| if failed.contains(&at) { Err(Error::Unreadable(at)) } else { Ok(()) };
            failures(2, parts.into_iter().enumerate().map(|(at, part)| (part, answer(at))).collect())
        };
        let of = |failed: &[usize]| {
            said(failed)
                .unwrap()
                .into_iter()
                .map(|failure| match failure {
                    Some((write, Error::Unreadable(at))) => Some((write, at)),
                    _ => None,
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(of(&[]), [None, None]);
        assert_eq!(of(&[1, 2, 3]), [Some((Some(0), 1)), None], "the first of them counts");
        assert_eq!(of(&[2, 3]), [Some((Some(1), 2)), None]);
        assert_eq!(of(&[3]), [Some((None, 3)), None]);
        assert_eq!(of(&[6]), [None, Some((None, 6))]);
        assert!(said(&[4]).is_err(), "without the way back nobody knows what was kept");
    }

    /// FT-04: what a replaced primary has committed may be nowhere else. Only the new one knows.
    #[cfg(feature = "postgres-tests")]
    #[tokio::test]
    async fn ft_04_a_commit_that_a_replaced_server_answers_is_not_believed() {
        use grantwell_core::{id::Realm, store::Write, time::Timestamp};

        use crate::suite::postgres::Schema;

        let schema = Schema::new().await;
        drop(schema.open().await);
        let url = format!("{}&application_name=replaced-{}", schema.url(), schema.name());
        let server = Arc::new(Server::parse(&url).unwrap());
        let mut writer = Writer { server: Arc::clone(&server), client: None, lost: None };
        let count = || {
            let at = Timestamp::from_millis(0);
            let counted = Write::CountRefusal { client_id: "app".into(), reason: "scope", at };
            let task = super::super::write::prepare(Realm(1), vec![counted], &[]).unwrap();
            let (answer, settled) = tokio::sync::oneshot::channel();
            (vec![Work { task, answer }], settled)
        };
        let is_done = |answer: Answer| answer.is_ok_and(|settled| settled.outcome == Outcome::Done);
        let (work, settled) = count();
        writer.settle(work).await;
        assert!(is_done(settled.await.unwrap()));

        let (holder, looks) = (schema.connect().await, schema.connect().await);
        holder.batch_execute("BEGIN; SELECT 1 FROM refusal FOR UPDATE").await.unwrap();
        let (work, settled) = count();
        let takes_over = async {
            let waits = format!(
                "SELECT EXISTS (SELECT FROM pg_stat_activity
                 WHERE wait_event_type = 'Lock' AND application_name = 'replaced-{}')",
                schema.name()
            );
            while !looks.query_typed_one(&waits, &[]).await.unwrap().get::<_, bool>(0) {}
            server.see(1);
            holder.batch_execute("ROLLBACK").await.unwrap();
        };
        tokio::join!(writer.settle(work), takes_over);
        assert!(settled.await.unwrap().is_err(), "it was kept, but not where it counts");
        assert!(writer.lost.is_some(), "and is asked for before anything else");

        server.see(-1);
        let (work, settled) = count();
        writer.settle(work).await;
        assert!(is_done(settled.await.unwrap()) && writer.lost.is_none());
        let counted = looks.query_typed_one("SELECT count FROM refusal", &[]).await.unwrap();
        assert_eq!(counted.get::<_, i64>(0), 3, "none is done twice");
    }
}
