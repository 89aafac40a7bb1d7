//! The one writer of a database: commits that wait are made durable together, with one flush.
//!
//! A thread takes what waits, opens one transaction, runs each commit, and flushes once. A conflict undoes its own commit
//! alone: where writes of it were done before, the batch begins anew, and then each commit has a savepoint. Everybody is
//! answered after the flush, the conflicts too, because a conflict may be with a commit of the same batch. An error that ended the transaction fails the batch; a flush that failed so that
//! nobody knows what the disk holds ends the process ([`OpenOptions::lost_commit`](crate::OpenOptions::lost_commit)).
//!
//! Another process may write beside this one (`BEGIN IMMEDIATE`, and a busy timeout on the connection).

use std::{ops::ControlFlow, sync::Arc};

use grantwell_core::{
    id::Realm,
    store::{Outcome, Write},
};
use rusqlite::{Connection, Error, ErrorCode, Result};

use super::{form::Guard, realm, sweep, unavailable, write};
use crate::queue::{Answer, Queue, Settled, Work};

/// What the writer does.
pub(super) enum Task {
    /// All of these or none.
    Commit { realm: Realm, writes: Vec<Write> },
    /// Removes what expired from one table.
    Sweep(sweep::SqliteSweepStep),
}

/// However the writer's thread ends, no caller is left waiting: the queue is dropped, and with it each answer's sender.
struct Stopped<'a>(&'a Queue<Task>);

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// The writer's thread.
pub(super) fn run(c: Connection, queue: Arc<Queue<Task>>) {
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

/// Makes a batch durable and answers each of its commits.
fn settle(c: &Connection, batch: Vec<Work<Task>>, lost_commit: fn(&str)) -> ControlFlow<()> {
    let (failure, flow) = match attempt(c, &batch) {
        Ok(answers) => {
            for (work, answer) in batch.into_iter().zip(answers) {
                // The caller may have disconnected; its commit is durable all the same.
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

fn attempt(c: &Connection, batch: &[Work<Task>]) -> std::result::Result<Vec<Answer>, Failure> {
    for undo in [Undo::Batch, Undo::Commit] {
        execute(c, "BEGIN IMMEDIATE").map_err(Failure::Undone)?;
        if let Some(answers) = perform_all(c, batch, undo)? {
            return match execute(c, "COMMIT") {
                Ok(()) => Ok(answers),
                Err(error) => Err(after_flush(c, error)),
            };
        }
        execute(c, "ROLLBACK").map_err(Failure::Unknown)?;
    }
    // Each commit has been undone by itself, so this is not reached; if it were, nothing is kept.
    Err(Failure::Undone(Error::InvalidQuery))
}

/// What can be undone of a batch under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Undo {
    /// All of it. Savepoints cost a tenth of a code flow, and most batches need none.
    Batch,
    /// Each commit by itself, by a savepoint.
    Commit,
}

/// `None` when a commit has to be undone and only the batch can be.
fn perform_all(
    c: &Connection,
    batch: &[Work<Task>],
    undo: Undo,
) -> std::result::Result<Option<Vec<Answer>>, Failure> {
    let mut answers = Vec::with_capacity(batch.len());
    for work in batch {
        match perform(c, &work.task, undo) {
            Ok(Some(settled)) => answers.push(Ok(settled)),
            Ok(None) => return Ok(None),
            Err(error) if concerns_one_commit(&error) && !c.is_autocommit() => {
                let failure = unavailable(&error);
                tracing::error!("a commit failed: {failure}");
                answers.push(Err(failure));
            }
            Err(error) => return Err(roll_back(c, error)),
        }
    }
    Ok(Some(answers))
}

/// What a `COMMIT` that failed means. A full disk or a lock leaves the transaction open and nothing written; after an I/O
/// error the pages may or may not reach the disk, and a second flush would say yes without having written them.
fn after_flush(c: &Connection, error: Error) -> Failure {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            roll_back(c, error)
        }
        _ => Failure::Unknown(error),
    }
}

fn roll_back(c: &Connection, error: Error) -> Failure {
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

fn perform(c: &Connection, task: &Task, undo: Undo) -> Result<Option<Settled>> {
    match task {
        Task::Sweep(step) => step.run(c).map(|rows| Some(Settled { outcome: Outcome::Done, rows })),
        Task::Commit { realm, writes } => {
            let outcome = commit(c, *realm, writes, undo)?;
            Ok(outcome.map(|outcome| Settled { outcome, rows: 0 }))
        }
    }
}

/// `None` when writes were done that only a savepoint could undo, and there is none.
fn commit(c: &Connection, realm: Realm, writes: &[Write], undo: Undo) -> Result<Option<Outcome>> {
    match undo {
        Undo::Batch => {
            let mut done = 0;
            let outcome = apply_all(c, realm, writes, &mut done);
            // One statement applies or does not, by itself; only what raises the generation has several.
            let is_whole = done == 0 && !writes.first().is_some_and(Write::raises_generation);
            match outcome {
                Ok(Outcome::Done) => Ok(Some(Outcome::Done)),
                Err(error) if !concerns_one_commit(&error) || c.is_autocommit() => Err(error),
                Ok(Outcome::Conflict(_)) | Err(_) if !is_whole => Ok(None),
                outcome => outcome.map(Some),
            }
        }
        Undo::Commit => {
            execute(c, "SAVEPOINT one")?;
            let outcome = apply_all(c, realm, writes, &mut 0);
            if !matches!(outcome, Ok(Outcome::Done)) && !c.is_autocommit() {
                execute(c, "ROLLBACK TO one")?;
            }
            if !c.is_autocommit() {
                execute(c, "RELEASE one")?;
            }
            outcome.map(Some)
        }
    }
}

/// Counts the writes that were done.
fn apply_all(c: &Connection, realm: Realm, writes: &[Write], done: &mut usize) -> Result<Outcome> {
    for write in writes {
        let outcome = outcome(write, write::apply(c, realm, write)?);
        if outcome != Outcome::Done {
            return Ok(outcome);
        }
        *done += 1;
    }
    if writes.iter().any(Write::raises_generation) {
        realm::raise_generation(c, realm)?;
    }
    Ok(Outcome::Done)
}

fn outcome(write: &Write, guard: Guard) -> Outcome {
    match guard {
        Guard::Held => Outcome::Done,
        Guard::Failed => Outcome::Conflict(Box::new(write.clone())),
    }
}

fn execute(c: &Connection, sql: &str) -> Result<()> {
    c.prepare_cached(sql)?.execute([]).map(drop)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use grantwell_core::store::{Share, StoreError};
    use rusqlite::ffi;

    use super::*;
    use crate::OpenOptions;

    fn failure(code: i32) -> Error {
        Error::SqliteFailure(ffi::Error::new(code), None)
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

    #[test]
    fn a_conflict_undoes_all_of_its_commit_and_nothing_of_the_others() {
        let c = Connection::open_in_memory().unwrap();
        c.execute_batch(
            "CREATE TABLE realm (realm INTEGER PRIMARY KEY, generation INTEGER, epoch INTEGER) STRICT;
             INSERT INTO realm VALUES (1, 0, 1), (2, 0, 1);",
        )
        .unwrap();
        let queue = Queue::new(OpenOptions::default());
        let push = |realm, epochs: &[u32]| {
            let writes = epochs.iter().map(|epoch| Write::RaiseEpoch(*epoch)).collect();
            queue.push(Share::Grants, Task::Commit { realm: Realm(realm), writes }).unwrap()
        };
        let answers = [push(1, &[2, 3]), push(2, &[2, 9]), push(2, &[9]), push(1, &[4])];
        assert!(settle(&c, queue.take().unwrap(), |_| ()).is_continue());
        let is_done = answers.map(|mut answer| answer.try_recv().unwrap().unwrap().outcome == Outcome::Done);
        assert_eq!(is_done, [true, false, false, true]);
        let epoch = |realm: i64| -> i64 {
            c.query_row("SELECT epoch FROM realm WHERE realm = ?1", [realm], |row| row.get(0)).unwrap()
        };
        assert_eq!((epoch(1), epoch(2)), (4, 1));
    }
}
