//! Opening a database: what it is, how new it is, and bringing its schema up to date.
//!
//! The table `grantwell` says which version the schema has, and the oldest release of the schema that may still be served from
//! it: a migration expands first, and what it makes needless goes a release later, so that versions N and N+1 serve together.
//! A migration runs in one transaction with its version, under a lock that every start takes: one that was interrupted, or many at
//! once, leave one whole schema. Nodes serve meanwhile, so it waits for none of their tables for long, and begins again instead.

use std::time::Duration;

use tokio_postgres::{Client, error::SqlState};

use super::{
    form::{Error, PostgresColumns, QueryResult, Statement, texts},
    server::{Link, Server},
};
use crate::{
    OpenError,
    schema::{known, pending, tables},
};

/// `GWL1`: the number of the advisory lock that a migration holds.
const LOCK: i64 = 0x4757_4c31;

/// How long a migration waits for a table lock. Commits queue behind it, and give up after one and a half seconds.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = 1000";

/// The number of times that a migration retries its locks, and the pause between two tries.
const TRIES: u32 = 30;
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// What a database turned out to be.
pub(super) enum DatabaseState {
    Empty,
    Moved(String),
    /// With the oldest version that may serve it.
    Version(i64, i64),
    Foreign,
}

async fn rows(client: &Client, statement: &Statement) -> QueryResult<Vec<tokio_postgres::Row>> {
    Ok(client.query_typed(&statement.sql, &statement.typed()).await?)
}

async fn ask<T>(
    client: &Client,
    sql: &'static str,
    read: impl Fn(&mut PostgresColumns<'_>) -> QueryResult<T>,
) -> QueryResult<Option<T>> {
    super::form::one(&rows(client, &Statement::new(sql, Vec::new())).await?, |columns| read(columns))
}

/// What is in the schema that a name without one means.
pub(super) async fn look(client: &Client) -> QueryResult<DatabaseState> {
    // Read first: a node that creates the tables at this moment commits the mark in the same transaction.
    let ours = Statement::new(
        "SELECT 1 FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relname = ANY($1) LIMIT 1",
        vec![texts(tables(known())?.iter().map(|table| table.name))],
    );
    let ours = !rows(client, &ours).await?.is_empty();
    let marked = "SELECT to_regclass('grantwell') IS NOT NULL";
    if ask(client, marked, |columns| columns.value::<bool>()).await? != Some(true) {
        return Ok(if ours { DatabaseState::Foreign } else { DatabaseState::Empty });
    }
    let found = ask(client, "SELECT version, oldest, moved_to FROM grantwell", |columns| {
        Ok((columns.value()?, columns.value()?, columns.value::<Option<String>>()?))
    });
    Ok(match found.await? {
        Some((_, _, Some(to))) => DatabaseState::Moved(to),
        Some((version, oldest, None)) => DatabaseState::Version(version, oldest),
        None => DatabaseState::Empty,
    })
}

/// The version of a database that this release can serve, or why it cannot. `None` where there is none.
pub(super) fn usable(state: DatabaseState, server: &Server) -> std::result::Result<Option<i64>, OpenError> {
    let database = server.name().to_owned();
    match state {
        DatabaseState::Empty => Ok(None),
        DatabaseState::Moved(to) => Err(OpenError::Moved { database, to }),
        DatabaseState::Foreign => Err(OpenError::NotGrantwell { database }),
        DatabaseState::Version(found, oldest) if oldest > known() => {
            Err(OpenError::FromTheFuture { database, found, known: known() })
        }
        DatabaseState::Version(found, _) => Ok(Some(found)),
    }
}

pub(super) fn failed(server: &Server, error: &Error) -> OpenError {
    OpenError::Io { database: server.name().to_owned(), why: super::form::unavailable(error).to_string() }
}

/// A connection to a database with the present schema.
pub(super) async fn open(server: &Server) -> std::result::Result<Link, OpenError> {
    let mut client = server.connect_first().await?;
    durable(&client, server).await?;
    let state = look(&client).await.map_err(|error| failed(server, &error))?;
    // Looked at first, so that a role without the right to change the schema can serve one that is up to date.
    if usable(state, server)?.is_none_or(|version| version < known()) {
        while migrate(&mut client, server, &mut |_| {}).await? {}
    }
    Ok(client)
}

/// What is acknowledged must be on disk, so a database that acknowledges before is refused.
async fn durable(client: &Client, server: &Server) -> std::result::Result<(), OpenError> {
    let asked =
        ask(client, "SELECT current_setting('synchronous_commit'), current_setting('fsync')", |columns| {
            Ok((columns.value::<String>()?, columns.value::<String>()?))
        });
    let found = asked.await.map_err(|error| failed(server, &error))?;
    let Some((commit, fsync)) = found else { return Ok(()) };
    if commit == "off" {
        return Err(OpenError::Setting {
            why: "synchronous_commit is off there, so that a crash loses what was acknowledged; set it to on"
                .to_owned(),
        });
    }
    if fsync == "off" {
        tracing::warn!("fsync is off in PostgreSQL: a loss of power can destroy the database");
    }
    Ok(())
}

/// Statements of a migration: each ends at an empty line, and comments are whole lines.
pub(super) fn statements(migration: &str) -> Vec<String> {
    let lines = migration.lines().filter(|line| !line.trim_start().starts_with("--"));
    let sql = lines.collect::<Vec<_>>().join("\n");
    sql.split("\n\n").map(str::trim).filter(|sql| !sql.is_empty()).map(str::to_owned).collect()
}

/// One version further, in one transaction; false when there is none. `after` is called after every statement.
pub(super) async fn migrate(
    client: &mut Client,
    server: &Server,
    after: &mut (dyn FnMut(usize) + Send),
) -> std::result::Result<bool, OpenError> {
    let mut tries = 1;
    loop {
        match attempt(client, server, after).await {
            Ok(done) => return done,
            Err(error) if is_in_the_way(&error) && tries < TRIES => {
                tracing::info!(tries, "a migration could not get its lock, and retries");
            }
            Err(error) => return Err(failed(server, &error)),
        }
        tokio::time::sleep(RETRY_PAUSE).await;
        tries += 1;
    }
}

/// Others hold a table for longer than is waited for, or wait for one that the migration holds.
fn is_in_the_way(error: &Error) -> bool {
    let codes = [&SqlState::LOCK_NOT_AVAILABLE, &SqlState::T_R_DEADLOCK_DETECTED];
    error.code().is_some_and(|code| codes.contains(&code))
}

async fn attempt(
    client: &mut Client,
    server: &Server,
    after: &mut (dyn FnMut(usize) + Send),
) -> QueryResult<std::result::Result<bool, OpenError>> {
    let transaction = client.transaction().await?;
    let c = transaction.client();
    c.batch_execute(&format!("SELECT pg_advisory_xact_lock({LOCK}); {LOCK_TIMEOUT}")).await?;
    // Looked at again, under the lock: another node may have been first.
    let had = match usable(look(c).await?, server) {
        Ok(had) => had,
        Err(error) => return Ok(Err(error)),
    };
    let Some((version, migration)) = pending(had.unwrap_or(0)).next() else {
        return Ok(Ok(false));
    };
    if had.is_none() {
        c.batch_execute(
            "CREATE TABLE IF NOT EXISTS grantwell (version bigint NOT NULL, oldest bigint NOT NULL, moved_to text);
             INSERT INTO grantwell (version, oldest) VALUES (0, 0)",
        )
        .await?;
    }
    for (at, statement) in statements(migration.postgres).iter().enumerate() {
        c.batch_execute(statement).await?;
        after(at);
    }
    let oldest = migration.oldest;
    c.batch_execute(&format!("UPDATE grantwell SET version = {version}, oldest = {oldest}")).await?;
    transaction.commit().await?;
    tracing::info!(version, name = migration.name, "the database's schema was brought up to date");
    Ok(Ok(true))
}

#[cfg(test)]
#[cfg(feature = "postgres-tests")]
mod tests;
