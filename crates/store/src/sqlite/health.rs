//! The database itself: how much is in it, and whether it is whole.

use rusqlite::{Connection, Result};

macro_rules! tables {
    ($($table:literal)*) => {
        /// Every table, with the statement that counts it.
        const TABLES: &[(&str, &str)] = &[$(($table, concat!("SELECT count(*) FROM ", $table))),*];
    };
}

tables! {
    "realm" "client" "resource" "resource_scope" "user" "login_name" "key" "session" "interaction" "consent"
    "authorization" "denied" "attempt" "refusal" "issued" "audit"
}

/// Exact counts of one moment. Each reads the smallest index of its table, so this is for metrics once a minute and for
/// tests, never for a request.
pub(super) fn rows(c: &Connection) -> Result<Vec<(&'static str, u64)>> {
    let moment = c.unchecked_transaction()?;
    TABLES
        .iter()
        .map(|(table, sql)| {
            let rows: i64 = moment.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
            Ok((*table, u64::try_from(rows).unwrap_or(0)))
        })
        .collect()
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
