//! The database itself: how much is in it, whether it is whole, and what time it thinks it is.

use super::form::{Columns, Result, Statement};
use crate::copy::TABLES;

/// Up to so many rows of a table are counted; above, the planner's estimate stands for them, since counting reads them all.
const COUNTED: i64 = 100_000;

/// The estimate of every table, by name.
pub(super) fn estimates() -> Statement {
    Statement::new(
        "SELECT relname::text, reltuples::bigint FROM pg_class
         WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace",
        Vec::new(),
    )
}

pub(super) fn estimate(columns: &mut Columns<'_>) -> Result<(String, i64)> {
    Ok((columns.value()?, columns.value()?))
}

/// One row with a column for each of [`TABLES`], and one for the marks of commits, counted at one moment or estimated.
pub(super) fn counts(estimates: &[(String, i64)]) -> Statement {
    let tables = TABLES.iter().map(|table| table.name).chain(["commit_mark"]);
    let count = |table: &str| match estimates.iter().find(|(name, _)| name == table) {
        Some((_, rows)) if *rows > COUNTED => format!("{rows}::bigint"),
        _ => format!("(SELECT count(*) FROM \"{table}\")"),
    };
    Statement::new(format!("SELECT {}", tables.map(count).collect::<Vec<_>>().join(", ")), Vec::new())
}

/// What refers to nothing, and indexes that a migration left half made. Names of tables alone.
pub(super) fn check() -> Statement {
    Statement::new(
        "SELECT 'a row of login_name refers to a row of user that is not there' WHERE EXISTS (
           SELECT 1 FROM login_name n LEFT JOIN \"user\" u ON u.realm = n.realm AND u.id = n.user_id
           WHERE u.id IS NULL)
         UNION ALL
         SELECT 'a row of resource_scope refers to a row of resource that is not there' WHERE EXISTS (
           SELECT 1 FROM resource_scope s
           LEFT JOIN resource r ON r.realm = s.realm AND r.identifier = s.identifier
           WHERE r.identifier IS NULL)
         UNION ALL
         SELECT 'a row of authorization refers to a row of consent that is not there' WHERE EXISTS (
           SELECT 1 FROM \"authorization\" a LEFT JOIN consent c ON c.realm = a.realm AND c.id = a.consent_id
           WHERE c.id IS NULL)
         UNION ALL
         SELECT 'the index ' || c.relname || ' is not usable' FROM pg_index i
         JOIN pg_class c ON c.oid = i.indexrelid
         WHERE NOT i.indisvalid AND c.relnamespace = current_schema()::regnamespace",
        Vec::new(),
    )
}

/// Milliseconds since 1970.
pub(super) fn clock() -> Statement {
    Statement::new("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint", Vec::new())
}
