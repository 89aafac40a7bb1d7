//! What the migrations make, as an empty SQLite database in memory says it.

use rusqlite::{Connection, Error, Result};

use super::{Column, Kind, MIGRATIONS, Reference, Table};

/// The tables of every version, from none on.
pub(crate) fn versions() -> Result<Vec<Vec<Table>>> {
    let c = Connection::open_in_memory()?;
    let mut versions = vec![Vec::new()];
    for migration in MIGRATIONS {
        c.execute_batch(migration.sqlite)?;
        versions.push(tables(&c)?);
    }
    Ok(versions)
}

/// In the order in which they were made. Names are kept for as long as the process lives.
fn tables(c: &Connection) -> Result<Vec<Table>> {
    let mut statement = c.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid",
    )?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?;
    names.map(|name| table(c, name?)).collect()
}

fn table(c: &Connection, name: String) -> Result<Table> {
    let mut columns = c.prepare("SELECT name, type, \"notnull\" FROM pragma_table_info(?1) ORDER BY cid")?;
    let columns = columns.query_map([&name], |row| {
        let kind = match row.get_ref(1)?.as_str()? {
            "INTEGER" => Kind::Int,
            "TEXT" => Kind::Text,
            "BLOB" => Kind::Bytes,
            _ => return Err(Error::InvalidQuery),
        };
        Ok(Column { name: row.get::<_, String>(0)?.leak(), kind, null: !row.get(2)? })
    })?;
    let columns = columns.collect::<Result<_>>()?;
    let mut indexes = c.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?1 AND sql IS NOT NULL",
    )?;
    let indexes = indexes.query_map([&name], |row| row.get(0))?.collect::<Result<_>>()?;
    let references = references(c, &name)?;
    Ok(Table { name: name.leak(), columns, references, indexes })
}

fn references(c: &Connection, table: &str) -> Result<Vec<Reference>> {
    let mut found: Vec<Reference> = Vec::new();
    let mut statement = c.prepare(
        "SELECT seq, \"table\", \"from\", \"to\" FROM pragma_foreign_key_list(?1) ORDER BY id, seq",
    )?;
    let mut rows = statement.query([table])?;
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(0)? == 0 {
            found.push(Reference { parent: row.get(1)?, columns: Vec::new() });
        }
        if let Some(reference) = found.last_mut() {
            reference.columns.push((row.get(2)?, row.get(3)?));
        }
    }
    Ok(found)
}

/// An empty database with the present schema.
#[cfg(test)]
pub(crate) fn in_memory() -> Connection {
    let c = Connection::open_in_memory().unwrap();
    for migration in MIGRATIONS {
        c.execute_batch(migration.sqlite).unwrap();
    }
    c
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `db plan` estimates a migration by the tables in `rewrites`: they must be the ones whose rows it rewrites.
    #[test]
    fn a_migration_that_rewrites_rows_says_so() {
        let c = Connection::open_in_memory().unwrap();
        for (version, migration) in (0..).zip(MIGRATIONS) {
            for table in crate::schema::tables(version).unwrap() {
                let names: Vec<_> =
                    table.columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
                let values: Vec<_> = table
                    .columns
                    .iter()
                    .map(|column| match column.kind {
                        Kind::Int => "1",
                        Kind::Text => "'x'",
                        Kind::Bytes => "x'00'",
                    })
                    .collect();
                let insert = format!(
                    "INSERT OR IGNORE INTO \"{}\" ({}) VALUES ({})",
                    table.name,
                    names.join(", "),
                    values.join(", ")
                );
                c.execute_batch(&insert).unwrap();
            }
            let before = c.total_changes();
            c.execute_batch(migration.sqlite).unwrap();
            let is_rewritten = c.total_changes() > before;
            assert_eq!(is_rewritten, !migration.rewrites.is_empty(), "{}", migration.name);
        }
    }
}
