//! Opening the file: what it is, how new it is, and bringing its schema up to date.
//!
//! `PRAGMA application_id` says that a file is Grantwell's, `PRAGMA user_version` how many migrations it has had. A migration
//! runs in one transaction with its version, so that a start that was interrupted, or two at once, leave one whole schema.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, Error, ErrorCode, OpenFlags, Result};

use super::{configure, unavailable};
use crate::OpenError;

/// `GWL1`, in the header of every database of Grantwell.
const APPLICATION_ID: i64 = 0x4757_4c31;

/// In order; their number is the version of the schema. Never changed once released.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/sqlite/0001_initial.sql"),
    include_str!("../../migrations/sqlite/0003_issued.sql"),
];

/// 3.51.3: the first release without the WAL reset bug (<https://sqlite.org/wal.html#walresetbug>).
const OLDEST_LIBRARY: i32 = 3_051_003;

/// The writer's connection to a database with the present schema.
pub(super) fn open(path: &Path) -> std::result::Result<Connection, OpenError> {
    library_is_new_enough(rusqlite::version_number())?;
    make(path).map_err(|source| OpenError::Path { path: path.to_owned(), source })?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let c = Connection::open_with_flags(path, flags).map_err(|error| failed(path, &error))?;
    let prepared = prepare(&c).map_err(|error| failed(path, &error))?;
    match prepared {
        Found::Current => Ok(c),
        Found::Newer(found) => Err(OpenError::FromTheFuture { path: path.to_owned(), found, known: known() }),
        Found::Foreign => Err(OpenError::NotGrantwell { path: path.to_owned() }),
    }
}

fn library_is_new_enough(found: i32) -> std::result::Result<(), OpenError> {
    if found >= OLDEST_LIBRARY { Ok(()) } else { Err(OpenError::LibraryTooOld { found }) }
}

/// Folder and file, readable by their owner alone; what is there already is left as it is.
fn make(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
    }
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

fn failed(path: &Path, error: &Error) -> OpenError {
    let path = PathBuf::from(path);
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::NotGrantwell { path },
        _ => OpenError::Io { path, why: unavailable(error).to_string() },
    }
}

/// What a file turned out to be.
enum Found {
    Current,
    Newer(i64),
    Foreign,
}

fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

fn prepare(c: &Connection) -> Result<Found> {
    configure(c)?;
    // Looked at before anything is set: `journal_mode` would write to a file that is not ours.
    match look(c)? {
        State::Foreign => return Ok(Found::Foreign),
        State::Version(version) if version > known() => return Ok(Found::Newer(version)),
        State::Empty | State::Version(_) => {}
    }
    enter_wal(c)?;
    c.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -65536;
         PRAGMA wal_autocheckpoint = 4000;
         PRAGMA journal_size_limit = 67108864;",
    )?;
    c.execute_batch("BEGIN IMMEDIATE")?;
    let found = migrate(c);
    // The connection is given up when either fails, and an open transaction with it.
    c.execute_batch(if found.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    found
}

/// Two processes that start at once both ask for the exclusive lock of the change, for which SQLite does not always wait.
fn enter_wal(c: &Connection) -> Result<()> {
    let mut left = 500;
    loop {
        match c.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0)) {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(_) => return Err(Error::InvalidQuery),
            Err(error) if left > 0 && error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => left -= 1,
            Err(error) => return Err(error),
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// What the header says.
enum State {
    Empty,
    Version(i64),
    Foreign,
}

fn look(c: &Connection) -> Result<State> {
    let pragma = |name| c.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (id, version) = (pragma("application_id")?, pragma("user_version")?);
    let tables: i64 = c.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(match (id, version) {
        (APPLICATION_ID, version) => State::Version(version),
        (0, 0) if tables == 0 => State::Empty,
        _ => State::Foreign,
    })
}

/// Looks again, under the lock: another process may have been first.
fn migrate(c: &Connection) -> Result<Found> {
    let had = match look(c)? {
        State::Foreign => return Ok(Found::Foreign),
        State::Version(version) if version > known() => return Ok(Found::Newer(version)),
        State::Version(version) => version,
        State::Empty => 0,
    };
    if had == known() {
        return Ok(Found::Current);
    }
    for migration in MIGRATIONS.iter().skip(usize::try_from(had).unwrap_or(0)) {
        c.execute_batch(migration)?;
    }
    c.pragma_update(None, "application_id", APPLICATION_ID)?;
    c.pragma_update(None, "user_version", known())?;
    tracing::info!(from = had, to = known(), "the database's schema was brought up to date");
    Ok(Found::Current)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_with_the_wal_reset_bug_is_refused() {
        assert!(library_is_new_enough(3_051_003).is_ok());
        let refusal = library_is_new_enough(3_051_002).unwrap_err();
        assert!(refusal.to_string().starts_with("SQLite 3.51.2 is too old"), "{refusal}");
    }
}
