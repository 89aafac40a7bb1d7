//! What a database is, without touching it.

use tokio_postgres::Client;

use super::{
    copy::{existing, wait},
    form::{Columns, Error, Result as Asked, Statement, one},
    migrate,
    server::Server,
};
use crate::{
    copy::{CopyError, Inspection, Pending, rows_changed, shapes},
    records::Columns as _,
};

pub(crate) fn inspect(server: &Server) -> Result<Inspection, CopyError> {
    let absent = Inspection {
        engine: "postgres",
        version: None,
        known: migrate::known(),
        size: 0,
        backed_up: None,
        lock: "whoever uses a table that is altered waits for its statement, which waits 1 s at most, stands back, and begins again",
        rows: Vec::new(),
        pending: pending(0, &[]),
    };
    let (client, version) = match existing(server) {
        Err(CopyError::Absent(_)) => return Ok(absent),
        found => found?,
    };
    let failed = |error: Error| CopyError::from(migrate::failed(server, &error));
    wait(async {
        let rows = rows(&client, version).await?;
        Ok(Inspection {
            version: Some(version),
            size: ask(&client, SIZE, |columns| columns.number()).await?.unwrap_or(0),
            backed_up: ask(&client, BACKED_UP, |columns| columns.time_or_none()).await?.flatten(),
            pending: pending(version, &rows),
            rows,
            ..absent
        })
    })
    .map_err(failed)
}

const SIZE: &str = "SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
    WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace";

const BACKED_UP: &str = "SELECT max(at) FROM audit WHERE body LIKE '%\"kind\":\"database.backed_up\"%'";

async fn ask<T>(
    client: &Client,
    sql: impl Into<std::borrow::Cow<'static, str>>,
    read: impl FnOnce(&mut Columns<'_>) -> Asked<T>,
) -> Asked<Option<T>> {
    let statement = Statement::new(sql, Vec::new());
    one(&client.query_typed(&statement.sql, &statement.typed()).await?, read)
}

async fn rows(client: &Client, version: i64) -> Asked<Vec<(&'static str, u64)>> {
    let mut rows = Vec::new();
    for shape in shapes(version) {
        let count = format!("SELECT count(*) FROM \"{}\"", shape.table.name);
        rows.push((shape.table.name, ask(client, count, |columns| columns.number()).await?.unwrap_or(0)));
    }
    Ok(rows)
}

fn pending(had: i64, rows: &[(&'static str, u64)]) -> Vec<Pending> {
    migrate::pending(had)
        .map(|(version, (name, sql, _))| {
            let statements = migrate::statements(sql);
            Pending { version, name, rows: rows_changed(&statements, rows), statements }
        })
        .collect()
}
