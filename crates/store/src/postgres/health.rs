//! The database itself: how much is in it, whether it is whole, and what time it thinks it is.

use super::form::{PostgresColumns, QueryResult, Statement};
use crate::schema::Table;

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

pub(super) fn estimate(columns: &mut PostgresColumns<'_>) -> QueryResult<(String, i64)> {
    Ok((columns.value()?, columns.value()?))
}

/// One row with a column for each of `tables`, and one for the marks of commits, counted at one moment or estimated.
pub(super) fn counts(tables: &[Table], estimates: &[(String, i64)]) -> Statement {
    let tables = tables.iter().map(|table| table.name).chain(["commit_mark"]);
    let count = |table: &str| match estimates.iter().find(|(name, _)| name == table) {
        Some((_, rows)) if *rows > COUNTED => format!("{rows}::bigint"),
        _ => format!("(SELECT count(*) FROM \"{table}\")"),
    };
    Statement::new(format!("SELECT {}", tables.map(count).collect::<Vec<_>>().join(", ")), Vec::new())
}

/// What refers to nothing, and indexes that a migration left half made. Names of tables alone.
pub(super) fn check(tables: &[Table]) -> Statement {
    let mut all = vec![
        "SELECT 'the index ' || c.relname || ' is not usable' FROM pg_index i
         JOIN pg_class c ON c.oid = i.indexrelid
         WHERE NOT i.indisvalid AND c.relnamespace = current_schema()::regnamespace"
            .to_owned(),
    ];
    for (table, reference) in
        tables.iter().flat_map(|table| table.references.iter().map(move |to| (table, to)))
    {
        let (name, parent) = (table.name, &reference.parent);
        let both = reference.columns.iter().map(|(own, theirs)| format!("p.\"{theirs}\" = c.\"{own}\""));
        let set = reference.columns.iter().map(|(own, _)| format!("c.\"{own}\" IS NOT NULL"));
        all.push(format!(
            "SELECT 'a row of {name} refers to a row of {parent} that is not there' WHERE EXISTS (
               SELECT 1 FROM \"{name}\" c
               WHERE {} AND NOT EXISTS (SELECT 1 FROM \"{parent}\" p WHERE {}))",
            set.collect::<Vec<_>>().join(" AND "),
            both.collect::<Vec<_>>().join(" AND "),
        ));
    }
    Statement::new(all.join(" UNION ALL "), Vec::new())
}

/// Milliseconds since 1970.
pub(super) fn clock() -> Statement {
    Statement::new("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint", Vec::new())
}
