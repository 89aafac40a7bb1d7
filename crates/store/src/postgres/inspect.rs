//! What a database is, without touching it.

use tokio_postgres::Client;

use super::{
    copy::{existing, wait},
    form::{Error, PostgresColumns, QueryResult, Statement, one},
    migrate,
    server::Server,
};
use crate::{
    copy::{CopyError, Inspection, PendingMigration},
    records::Columns as _,
    schema::{known, tables},
};

pub(crate) fn inspect(server: &Server) -> Result<Inspection, CopyError> {
    let absent = Inspection {
        engine: "postgres",
        version: None,
        known: known(),
        size: 0,
        backed_up: None,
        lock: "each step locks the tables that it alters; it waits at most 1 s for the lock, then gives it up and begins again",
        rows: Vec::new(),
        pending: pending(0, &[])?,
    };
    let (client, version) = match existing(server) {
        Err(CopyError::Absent(_)) => return Ok(absent),
        found => found?,
    };
    let failed = |error: Error| CopyError::from(migrate::failed(server, &error));
    let asked = wait(async {
        let rows = rows(&client, version).await?;
        let size = ask(&client, SIZE, |columns| columns.number()).await?.unwrap_or(0);
        Ok((rows, size, ask(&client, BACKED_UP, |columns| columns.time_or_none()).await?.flatten()))
    });
    let (rows, size, backed_up) = asked.map_err(failed)?;
    let pending = pending(version, &rows)?;
    Ok(Inspection { version: Some(version), size, backed_up, pending, rows, ..absent })
}

const SIZE: &str = "SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
    WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace";

const BACKED_UP: &str = "SELECT max(at) FROM audit
    WHERE body LIKE '%database.backed_up%' AND body::json ->> 'kind' = 'database.backed_up'";

async fn ask<T>(
    client: &Client,
    sql: impl Into<std::borrow::Cow<'static, str>>,
    read: impl FnOnce(&mut PostgresColumns<'_>) -> QueryResult<T>,
) -> QueryResult<Option<T>> {
    let statement = Statement::new(sql, Vec::new());
    one(&client.query_typed(&statement.sql, &statement.typed()).await?, read)
}

async fn rows(client: &Client, version: i64) -> QueryResult<Vec<(&'static str, u64)>> {
    let mut rows = Vec::new();
    for table in tables(version)? {
        let count = format!("SELECT count(*) FROM \"{}\"", table.name);
        rows.push((table.name, ask(client, count, |columns| columns.number()).await?.unwrap_or(0)));
    }
    Ok(rows)
}

fn pending(had: i64, rows: &[(&'static str, u64)]) -> Result<Vec<PendingMigration>, CopyError> {
    PendingMigration::after(had, rows, |migration| migrate::statements(migration.postgres))
}
