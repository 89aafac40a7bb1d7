//! The database itself: how much is in it, and whether it is whole.

use rusqlite::{Connection, Result};

use crate::schema::Table;

/// Exact counts. Each reads the smallest index of its table, so this is for metrics once a minute, for commands and for tests, never
/// for a request.
pub(super) fn rows(c: &Connection, tables: &[Table]) -> Result<Vec<(&'static str, u64)>> {
    let count = |table: &Table| {
        let sql = format!("SELECT count(*) FROM \"{}\"", table.name);
        let rows: i64 = c.query_row(&sql, [], |row| row.get(0))?;
        Ok((table.name, u64::try_from(rows).unwrap_or(0)))
    };
    tables.iter().map(count).collect()
}

/// `integrity_check` names pages, tables and indexes, `foreign_key_check` tables: neither shows a value.
pub(super) fn check(c: &Connection) -> Result<Vec<String>> {
    let mut wrong = c
        .prepare("PRAGMA integrity_check")?
        .query_map([], |row| row.get::<_, String>(0))?
        .filter(|line| !matches!(line, Ok(line) if line == "ok"))
        .collect::<Result<Vec<_>>>()?;
    let mut orphans = c.prepare("PRAGMA foreign_key_check")?;
    let orphans = orphans.query_map([], |row| {
        let (table, parent) = (row.get::<_, String>(0)?, row.get::<_, String>(2)?);
        Ok(format!("a row of {table} refers to a row of {parent} that is not there"))
    })?;
    for orphan in orphans {
        wrong.push(orphan?);
    }
    Ok(wrong)
}
