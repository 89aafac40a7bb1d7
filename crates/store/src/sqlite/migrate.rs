//! Opening the file: what it is, how new it is, and bringing its schema up to date.
//!
//! `PRAGMA application_id` says that a file is Grantwell's, `PRAGMA user_version` how many migrations it has had. A migration
//! runs in one transaction with its version, and all that are due in the same one, so that a start that was interrupted, or two at
//! once, leave one whole schema. A database that has rows is copied beside itself first, as it was: the way back.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use rusqlite::{Connection, Error, ErrorCode, OpenFlags, Result};

use super::{configure, unavailable};
use crate::{
    OpenError,
    schema::{known, pending},
};

/// `GWL1`, in the header of every database of Grantwell.
const APPLICATION_ID: i64 = 0x4757_4c31;

/// 3.51.3: the first release without the WAL reset bug (<https://sqlite.org/wal.html#walresetbug>).
const OLDEST_LIBRARY: i32 = 3_051_003;

/// The writer's connection to a database with the present schema.
pub(super) fn open(path: &Path) -> std::result::Result<Connection, OpenError> {
    library_is_new_enough(rusqlite::version_number())?;
    make(path).map_err(|source| OpenError::Path { path: path.to_owned(), source })?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let c = Connection::open_with_flags(path, flags).map_err(|error| failed(path, &error))?;
    let prepared = prepare(&c, path)?;
    let database = path.display().to_string();
    match prepared {
        Found::Moved(to) => Err(OpenError::Moved { database, to }),
        Found::Current => Ok(c),
        Found::Newer(found) => Err(OpenError::FromTheFuture { database, found, known: known() }),
        Found::Foreign => Err(OpenError::NotGrantwell { database }),
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

pub(super) fn failed(path: &Path, error: &Error) -> OpenError {
    let database = path.display().to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::NotGrantwell { database },
        _ => OpenError::Io { database, why: unavailable(error).to_string() },
    }
}

/// What a file turned out to be.
enum Found {
    Current,
    Newer(i64),
    Foreign,
    Moved(String),
}

fn prepare(c: &Connection, path: &Path) -> std::result::Result<Found, OpenError> {
    let failed = |error| failed(path, &error);
    configure(c).map_err(failed)?;
    // Looked at before anything is set: `journal_mode` would write to a file that is not ours.
    let had = match look(c).map_err(failed)? {
        HeaderState::Foreign => return Ok(Found::Foreign),
        HeaderState::Moved(to) => return Ok(Found::Moved(to)),
        HeaderState::Version(version) if version > known() => return Ok(Found::Newer(version)),
        HeaderState::Version(version) => version,
        HeaderState::Empty => 0,
    };
    enter_wal(c).map_err(failed)?;
    c.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA temp_store = MEMORY;
         -- KiB: what an index page costs to read again is little beside memory that stays taken.
         PRAGMA cache_size = -16384;
         PRAGMA wal_autocheckpoint = 4000;
         PRAGMA journal_size_limit = 67108864;",
    )
    .map_err(failed)?;
    if 0 < had && had < known() {
        keep(c, path, had)?;
    }
    migrate(c, &mut || {}).map_err(failed)
}

/// Where the copy of a database is kept that had schema `version`, before it is migrated.
pub(crate) fn kept_as(path: &Path, version: i64) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".version-{version}"));
    PathBuf::from(name)
}

/// Copies that this process has begun.
static COPIES: AtomicU32 = AtomicU32::new(0);

/// A whole copy of one moment, readable by its owner alone; under its name only once it is complete and on disk.
fn keep(c: &Connection, path: &Path, version: i64) -> std::result::Result<(), OpenError> {
    let kept = kept_as(path, version);
    let mut partial = kept.as_os_str().to_owned();
    partial.push(format!(".{}.{}", std::process::id(), COPIES.fetch_add(1, Ordering::Relaxed)));
    let partial = PathBuf::from(partial);
    let io = |source| OpenError::Path { path: kept.clone(), source };
    match fs::remove_file(&partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(error)),
        _ => make(&partial).map_err(io)?,
    }
    let done = keep_as(c, &partial, &kept, version);
    if done.is_err() {
        // It is not encrypted, and it takes room that is missing.
        let _ = fs::remove_file(&partial);
    }
    done
}

fn keep_as(c: &Connection, partial: &Path, kept: &Path, version: i64) -> std::result::Result<(), OpenError> {
    let io = |source| OpenError::Path { path: kept.to_owned(), source };
    c.execute("VACUUM INTO ?1", [partial.to_string_lossy()]).map_err(|error| failed(kept, &error))?;
    let copied = Connection::open_with_flags(partial, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let copied = copied.and_then(|copy| look(&copy));
    if !matches!(copied.map_err(|error| failed(kept, &error))?, HeaderState::Version(copied) if copied == version)
    {
        // Another process was faster, with the copy and with the migration.
        return fs::remove_file(partial).map_err(io);
    }
    fs::File::open(partial).and_then(|file| file.sync_all()).map_err(io)?;
    fs::rename(partial, kept).map_err(io)?;
    let folder = kept.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
    tracing::info!(kept = %kept.display(), version, "the database was copied before its schema is brought up to date");
    Ok(())
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
pub(super) enum HeaderState {
    Empty,
    Moved(String),
    Version(i64),
    Foreign,
}

pub(super) fn look(c: &Connection) -> Result<HeaderState> {
    // In one statement, so that all of it is of one moment: another process may be making the first schema.
    let (tables, id, version): (i64, i64, i64) = c.query_row(
        "SELECT (SELECT count(*) FROM sqlite_schema), application_id, user_version
         FROM pragma_application_id, pragma_user_version",
        [],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    if id == APPLICATION_ID && c.table_exists(None, "moved")? {
        return c.query_row("SELECT target FROM moved", [], |row| row.get(0)).map(HeaderState::Moved);
    }
    Ok(match (id, version) {
        (APPLICATION_ID, version) => HeaderState::Version(version),
        (0, 0) if tables == 0 => HeaderState::Empty,
        _ => HeaderState::Foreign,
    })
}

/// The statements of a migration. Its comments are whole lines, and no text in it holds a semicolon.
pub(super) fn statements(migration: &str) -> Vec<String> {
    let lines = migration.lines().filter(|line| !line.trim_start().starts_with("--"));
    let sql = lines.collect::<Vec<_>>().join("\n");
    sql.split(';').map(str::trim).filter(|sql| !sql.is_empty()).map(str::to_owned).collect()
}

/// One version after the other, all in one transaction: who starts at the same time sees the old schema or the new one, and
/// keeps no copy of one in between. `after` is called after every statement, and at the end.
fn migrate(c: &Connection, after: &mut dyn FnMut()) -> Result<Found> {
    c.execute_batch("BEGIN IMMEDIATE")?;
    let found = loop {
        match step(c, after) {
            Ok(None) => {}
            Ok(Some(found)) => break Ok(found),
            Err(error) => break Err(error),
        }
    };
    // The connection is given up when either fails, and an open transaction with it.
    c.execute_batch(if found.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    after();
    found
}

/// Looks again, under the lock: another process may have been first.
fn step(c: &Connection, after: &mut dyn FnMut()) -> Result<Option<Found>> {
    let had = match look(c)? {
        HeaderState::Foreign => return Ok(Some(Found::Foreign)),
        HeaderState::Moved(to) => return Ok(Some(Found::Moved(to))),
        HeaderState::Version(version) if version > known() => return Ok(Some(Found::Newer(version))),
        HeaderState::Version(version) => version,
        HeaderState::Empty => 0,
    };
    let Some((version, migration)) = pending(had).next() else { return Ok(Some(Found::Current)) };
    for statement in statements(migration.sqlite) {
        c.execute_batch(&statement)?;
        after();
    }
    c.pragma_update(None, "application_id", APPLICATION_ID)?;
    c.pragma_update(None, "user_version", version)?;
    tracing::info!(version, name = migration.name, "the database's schema was brought up to date");
    Ok(None)
}

#[cfg(test)]
mod tests;
