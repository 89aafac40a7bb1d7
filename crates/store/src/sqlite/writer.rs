//! The one writer of a database: commits that wait are made durable together, with one flush.
//!
//! A thread takes what waits, opens one transaction, runs each commit in a savepoint of its own, and flushes once. A
//! conflict undoes its own savepoint alone. Everybody is answered after the flush, the conflicts too, because a conflict may
//! be with a commit of the same batch. An error that ended the transaction fails the batch; a flush that failed so that
//! nobody knows what the disk holds ends the process ([`OpenOptions::lost_commit`]).
//!
//! Another process may write beside this one (`BEGIN IMMEDIATE`, and a busy timeout on the connection).

use std::{
    collections::VecDeque,
    ops::ControlFlow,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use grantwell_core::{
    id::Realm,
    store::{Outcome, Share, StoreError, Write},
};
use rusqlite::{Connection, Error, ErrorCode, Result};
use tokio::sync::oneshot;

use super::{realm, sweep, unavailable, write};
use crate::OpenOptions;

/// What the writer does.
pub(super) enum Task {
    /// All of these or none.
    Commit { realm: Realm, writes: Vec<Write> },
    /// Removes what expired from one table.
    Sweep(sweep::Step),
}

/// What came of a task.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settled {
    pub(super) outcome: Outcome,
    pub(super) rows: usize,
}

type Answer = std::result::Result<Settled, StoreError>;

/// A task and who waits for it.
pub(super) struct Work {
    pub(super) task: Task,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// What waits for the writer, each share with a bound of its own.
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    options: OpenOptions,
}

#[derive(Default)]
struct Waiting {
    grants: VecDeque<Work>,
    sign_ins: VecDeque<Work>,
    rest: VecDeque<Work>,
    closed: bool,
}

impl Queue {
    pub(super) fn new(options: OpenOptions) -> Self {
        Self { waiting: Mutex::default(), arrived: Condvar::new(), options }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts `task` in its share, and returns where the answer will be.
    pub(super) fn push(
        &self,
        share: Share,
        task: Task,
    ) -> std::result::Result<oneshot::Receiver<Answer>, StoreError> {
        let (answer, settled) = oneshot::channel();
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(StoreError::Unavailable("the writer has stopped".to_owned()));
        }
        let (share, most) = match share {
            Share::Grants => (&mut waiting.grants, self.options.grants),
            Share::SignIns => (&mut waiting.sign_ins, self.options.sign_ins),
            Share::Rest => (&mut waiting.rest, self.options.rest),
        };
        if share.len() >= most {
            return Err(StoreError::Busy);
        }
        share.push_back(Work { task, answer });
        drop(waiting);
        self.arrived.notify_one();
        Ok(settled)
    }

    /// Takes no more; what waits is still done.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
    }

    /// Waits for work; `None` once closed and empty.
    fn take(&self) -> Option<Vec<Work>> {
        let mut waiting = self.lock();
        loop {
            let batch = waiting.batch(self.options.batch.max(1));
            if !batch.is_empty() {
                return Some(batch);
            }
            if waiting.closed {
                return None;
            }
            waiting = self.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Waiting {
    /// Half a batch belongs to grants and a quarter to each other share, so that no flood of one starves another; room that
    /// a share leaves goes to whoever waits.
    fn batch(&mut self, most: usize) -> Vec<Work> {
        let mut batch = Vec::new();
        for (share, part) in
            [(&mut self.grants, most / 2), (&mut self.sign_ins, most / 4), (&mut self.rest, most / 4)]
        {
            batch.extend(share.drain(..part.min(share.len())));
        }
        for share in [&mut self.grants, &mut self.sign_ins, &mut self.rest] {
            let room = most.saturating_sub(batch.len());
            batch.extend(share.drain(..room.min(share.len())));
        }
        batch
    }
}

/// However the writer's thread ends, nobody is left waiting: what was queued is dropped, and with it each answer's sender.
struct Stopped<'a>(&'a Queue);

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        self.0.close();
        let mut waiting = self.0.lock();
        waiting.grants.clear();
        waiting.sign_ins.clear();
        waiting.rest.clear();
    }
}

/// The writer's thread.
pub(super) fn run(c: Connection, queue: Arc<Queue>) {
    let _stopped = Stopped(&queue);
    while let Some(batch) = queue.take() {
        if settle(&c, batch, queue.options.lost_commit).is_break() {
            break;
        }
    }
}

/// Why a whole batch has no answer.
enum Failure {
    /// Nothing of it was made durable.
    Undone(Error),
    /// It may or may not be durable.
    Unknown(Error),
}

/// Makes a batch durable and answers everybody in it.
fn settle(c: &Connection, batch: Vec<Work>, lost_commit: fn(&str)) -> ControlFlow<()> {
    let (failure, flow) = match attempt(c, &batch) {
        Ok(answers) => {
            for (work, answer) in batch.into_iter().zip(answers) {
                // The caller may have gone away; what it asked for is durable all the same.
                let _ = work.answer.send(answer);
            }
            return ControlFlow::Continue(());
        }
        Err(Failure::Undone(error)) => (unavailable(&error), ControlFlow::Continue(())),
        Err(Failure::Unknown(error)) => {
            let failure = unavailable(&error);
            lost_commit(&failure.to_string());
            (failure, ControlFlow::Break(()))
        }
    };
    tracing::error!(commits = batch.len(), "a batch of commits failed: {failure}");
    for work in batch {
        let _ = work.answer.send(Err(failure.clone()));
    }
    flow
}

fn attempt(c: &Connection, batch: &[Work]) -> std::result::Result<Vec<Answer>, Failure> {
    execute(c, "BEGIN IMMEDIATE").map_err(Failure::Undone)?;
    let mut answers = Vec::with_capacity(batch.len());
    for work in batch {
        match perform(c, &work.task) {
            Ok(settled) => answers.push(Ok(settled)),
            Err(error) if concerns_one_commit(&error) && !c.is_autocommit() => {
                let failure = unavailable(&error);
                tracing::error!("a commit failed: {failure}");
                answers.push(Err(failure));
            }
            Err(error) => return Err(undo(c, error)),
        }
    }
    match execute(c, "COMMIT") {
        Ok(()) => Ok(answers),
        Err(error) => Err(after_flush(c, error)),
    }
}

/// What a `COMMIT` that failed means. A full disk or a lock leaves the transaction open and nothing written; after an I/O
/// error the pages may or may not reach the disk, and a second flush would say yes without having written them.
fn after_flush(c: &Connection, error: Error) -> Failure {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => undo(c, error),
        _ => Failure::Unknown(error),
    }
}

fn undo(c: &Connection, error: Error) -> Failure {
    if c.is_autocommit() {
        // The error has ended the transaction by itself.
        return Failure::Undone(error);
    }
    match execute(c, "ROLLBACK") {
        Ok(()) => Failure::Undone(error),
        Err(_) => Failure::Unknown(error),
    }
}

/// Errors that end a statement and leave the transaction as it was before it.
fn concerns_one_commit(error: &Error) -> bool {
    match error.sqlite_error_code() {
        Some(code) => matches!(
            code,
            ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch | ErrorCode::Unknown
        ),
        // The record could not be encoded, or the stored one not decoded: SQLite itself is well.
        None => true,
    }
}

fn perform(c: &Connection, task: &Task) -> Result<Settled> {
    match task {
        Task::Sweep(step) => step.run(c).map(|rows| Settled { outcome: Outcome::Done, rows }),
        Task::Commit { realm, writes } => {
            commit(c, *realm, writes).map(|outcome| Settled { outcome, rows: 0 })
        }
    }
}

fn commit(c: &Connection, realm: Realm, writes: &[Write]) -> Result<Outcome> {
    // One statement applies or does not, by itself.
    if let [only] = writes
        && !write::raises_generation(only)
    {
        return write::apply(c, realm, only);
    }
    execute(c, "SAVEPOINT one")?;
    let outcome = apply_all(c, realm, writes);
    if !matches!(outcome, Ok(Outcome::Done)) && !c.is_autocommit() {
        execute(c, "ROLLBACK TO one")?;
    }
    if !c.is_autocommit() {
        execute(c, "RELEASE one")?;
    }
    outcome
}

fn apply_all(c: &Connection, realm: Realm, writes: &[Write]) -> Result<Outcome> {
    for write in writes {
        if write::apply(c, realm, write)? == Outcome::Conflict {
            return Ok(Outcome::Conflict);
        }
    }
    if writes.iter().any(write::raises_generation) {
        realm::raise_generation(c, realm)?;
    }
    Ok(Outcome::Done)
}

fn execute(c: &Connection, sql: &str) -> Result<()> {
    c.prepare_cached(sql)?.execute([]).map(drop)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use rusqlite::ffi;

    use super::*;

    fn failure(code: i32) -> Error {
        Error::SqliteFailure(ffi::Error::new(code), None)
    }

    fn nothing() -> Task {
        Task::Commit { realm: Realm(1), writes: Vec::new() }
    }

    #[test]
    fn a_full_share_is_busy_for_that_share_alone() {
        let queue = Queue::new(OpenOptions { grants: 2, sign_ins: 1, rest: 1, ..OpenOptions::default() });
        let _first = queue.push(Share::Grants, nothing()).unwrap();
        let _second = queue.push(Share::Grants, nothing()).unwrap();
        assert_eq!(queue.push(Share::Grants, nothing()).unwrap_err(), StoreError::Busy);
        let _third = queue.push(Share::SignIns, nothing()).unwrap();
        assert_eq!(queue.push(Share::SignIns, nothing()).unwrap_err(), StoreError::Busy);
        let _fourth = queue.push(Share::Rest, nothing()).unwrap();
        assert_eq!(queue.push(Share::Rest, nothing()).unwrap_err(), StoreError::Busy);
    }

    #[test]
    fn z_08_a_flood_in_one_share_leaves_room_in_every_batch_for_the_others() {
        let queue = Queue::new(OpenOptions { batch: 8, ..OpenOptions::default() });
        let mut waiting = Vec::new();
        for _ in 0..100 {
            waiting.push(queue.push(Share::Grants, nothing()).unwrap());
        }
        let mut sign_in = queue.push(Share::SignIns, nothing()).unwrap();
        let mut rest = queue.push(Share::Rest, nothing()).unwrap();
        let batch = queue.take().unwrap();
        assert_eq!(batch.len(), 8);
        drop(batch);
        assert!(matches!(sign_in.try_recv(), Err(oneshot::error::TryRecvError::Closed)));
        assert!(matches!(rest.try_recv(), Err(oneshot::error::TryRecvError::Closed)));
    }

    #[test]
    fn after_the_writer_stopped_nobody_waits() {
        let queue = Queue::new(OpenOptions::default());
        let mut waiting = queue.push(Share::Grants, nothing()).unwrap();
        drop(Stopped(&queue));
        assert!(matches!(waiting.try_recv(), Err(oneshot::error::TryRecvError::Closed)));
        assert!(matches!(queue.push(Share::Grants, nothing()), Err(StoreError::Unavailable(_))));
    }

    #[test]
    fn ft_11_an_io_error_at_the_flush_is_an_unknown_outcome_and_a_full_disk_is_not() {
        let c = Connection::open_in_memory().unwrap();
        for code in [ffi::SQLITE_IOERR, ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_CORRUPT, ffi::SQLITE_NOMEM] {
            execute(&c, "BEGIN IMMEDIATE").unwrap();
            assert!(matches!(after_flush(&c, failure(code)), Failure::Unknown(_)), "{code}");
            execute(&c, "ROLLBACK").unwrap();
        }
        for code in [ffi::SQLITE_FULL, ffi::SQLITE_BUSY] {
            execute(&c, "BEGIN IMMEDIATE").unwrap();
            assert!(matches!(after_flush(&c, failure(code)), Failure::Undone(_)), "{code}");
            assert!(c.is_autocommit(), "rolled back");
        }
    }

    #[test]
    fn ft_11_a_flush_that_cannot_be_believed_stops_the_writer_and_calls_the_hook() {
        static CALLED: AtomicUsize = AtomicUsize::new(0);
        fn lost(_: &str) {
            CALLED.fetch_add(1, Ordering::SeqCst);
        }
        let c = Connection::open_in_memory().unwrap();
        // A deferred foreign key is checked by COMMIT, which fails with a code that no flush should give.
        c.execute_batch(
            "PRAGMA foreign_keys = ON;
             CREATE TABLE realm (realm INTEGER PRIMARY KEY, generation INTEGER, epoch INTEGER
                                 REFERENCES realm DEFERRABLE INITIALLY DEFERRED) STRICT;
             INSERT INTO realm VALUES (1, 0, 1);",
        )
        .unwrap();
        let queue = Queue::new(OpenOptions::default());
        let task = Task::Commit { realm: Realm(1), writes: vec![Write::RaiseEpoch(2)] };
        let mut answer = queue.push(Share::Grants, task).unwrap();
        let flow = settle(&c, queue.take().unwrap(), lost);
        assert!(flow.is_break());
        assert_eq!(CALLED.load(Ordering::SeqCst), 1);
        assert!(matches!(answer.try_recv(), Ok(Err(StoreError::Unavailable(_)))));
    }

    #[test]
    fn an_error_that_ended_the_transaction_fails_the_batch_and_a_constraint_its_commit_alone() {
        for code in [ffi::SQLITE_FULL, ffi::SQLITE_IOERR, ffi::SQLITE_NOMEM, ffi::SQLITE_CORRUPT] {
            assert!(!concerns_one_commit(&failure(code)), "{code}");
        }
        assert!(concerns_one_commit(&failure(ffi::SQLITE_CONSTRAINT)));

        let c = Connection::open_in_memory().unwrap();
        c.execute_batch(
            "CREATE TABLE realm (realm INTEGER PRIMARY KEY, generation INTEGER, epoch INTEGER CHECK (epoch <> 5)) STRICT;
             INSERT INTO realm VALUES (1, 0, 1), (2, 0, 4);",
        )
        .unwrap();
        let queue = Queue::new(OpenOptions::default());
        let push = |realm, epoch| {
            let task = Task::Commit { realm: Realm(realm), writes: vec![Write::RaiseEpoch(epoch)] };
            queue.push(Share::Grants, task).unwrap()
        };
        let (mut good, mut bad, mut late) = (push(1, 2), push(2, 5), push(1, 3));
        assert!(settle(&c, queue.take().unwrap(), |_| ()).is_continue());
        assert!(matches!(good.try_recv(), Ok(Ok(Settled { outcome: Outcome::Done, .. }))));
        assert!(matches!(bad.try_recv(), Ok(Err(StoreError::Unavailable(_)))));
        assert!(matches!(late.try_recv(), Ok(Ok(Settled { outcome: Outcome::Done, .. }))));
    }
}
