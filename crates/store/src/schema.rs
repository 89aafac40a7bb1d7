//! The schema: its migrations, and the tables that they make.
//!
//! * [`MIGRATIONS`] has the text of each for both engines, which count alike. A migration is never changed once released, and expands:
//!   what it makes needless goes a release later, so that two releases serve together.
//! * [`tables`] are read from the migrations, which are applied to an empty database in memory: tables and columns are not listed by
//!   hand. A test compares them with what PostgreSQL has.

mod read;

use std::sync::LazyLock;

use grantwell_core::store::StoreError;
#[cfg(test)]
pub(crate) use read::in_memory;

/// One step of the schema; its place in [`MIGRATIONS`] is the version that it leads to.
pub(crate) struct Migration {
    /// Of its files.
    pub(crate) name: &'static str,
    /// For SQLite.
    pub(crate) sqlite: &'static str,
    /// For PostgreSQL.
    pub(crate) postgres: &'static str,
    /// The oldest version of the schema that a release may know and still serve from what it makes.
    pub(crate) oldest: i64,
    /// Tables whose rows its statements write anew. Adding a table or a column writes none.
    pub(crate) rewrites: &'static [&'static str],
}

macro_rules! migration {
    ($name:literal, oldest $oldest:literal, rewrites $rewrites:expr) => {
        Migration {
            name: $name,
            sqlite: include_str!(concat!("../migrations/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!("../migrations/postgres/", $name, ".sql")),
            oldest: $oldest,
            rewrites: $rewrites,
        }
    };
}

/// In order.
pub(crate) const MIGRATIONS: &[Migration] = &[
    migration!("0001_initial", oldest 1, rewrites &[]),
    migration!("0002_session_epoch", oldest 2, rewrites &[]),
    migration!("0003_issued", oldest 3, rewrites &[]),
    migration!("0004_tickets", oldest 3, rewrites &[]),
    migration!("0005_without_code", oldest 3, rewrites &["authorization"]),
];

/// The version of the schema that this release makes.
pub(crate) fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Migrations that a database of that version has not had, each with the version it leads to.
pub(crate) fn pending(had: i64) -> impl Iterator<Item = (i64, &'static Migration)> {
    (1..).zip(MIGRATIONS).skip(usize::try_from(had).unwrap_or(0))
}

/// What a column holds. Nothing else is used, so that every engine can hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Up to 64 bits, signed.
    Int,
    /// UTF-8.
    Text,
    /// Bytes.
    Bytes,
}

/// A column.
#[derive(Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, the same on every engine.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may hold nothing.
    pub null: bool,
}

/// A table.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name, the same on every engine.
    pub name: &'static str,
    /// Its columns, in the order in which they came.
    pub columns: Vec<Column>,
    /// What its rows refer to.
    pub(crate) references: Vec<Reference>,
    /// Names of the indexes that were made for it.
    pub(crate) indexes: Vec<String>,
}

/// A foreign key.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Reference {
    /// The table it refers to.
    pub(crate) parent: String,
    /// Columns of this table, each with the parent's.
    pub(crate) columns: Vec<(String, String)>,
}

static VERSIONS: LazyLock<Result<Vec<Vec<Table>>, StoreError>> = LazyLock::new(|| {
    let made = read::versions().map_err(|error| StoreError::Unavailable(error.to_string()))?;
    made.into_iter().map(parents_first).collect()
});

/// The tables of that version of the schema, parents before what refers to them. An error for versions that this release does not know.
pub(crate) fn tables(version: i64) -> Result<&'static [Table], StoreError> {
    let versions = VERSIONS.as_ref().map_err(Clone::clone)?;
    let found = usize::try_from(version).ok().and_then(|version| versions.get(version));
    let unknown = || StoreError::Unavailable(format!("schema version {version} is not known"));
    found.map(Vec::as_slice).ok_or_else(unknown)
}

fn parents_first(mut tables: Vec<Table>) -> Result<Vec<Table>, StoreError> {
    let mut sorted: Vec<Table> = Vec::with_capacity(tables.len());
    while !tables.is_empty() {
        let is_free = |table: &Table| {
            let is_there =
                |parent: &str| parent == table.name || sorted.iter().any(|other| other.name == parent);
            table.references.iter().all(|reference| is_there(&reference.parent))
        };
        let Some(at) = tables.iter().position(is_free) else {
            return Err(StoreError::Unavailable(
                "tables of the schema refer to each other in a circle".to_owned(),
            ));
        };
        sorted.push(tables.remove(at));
    }
    Ok(sorted)
}

/// The tables that the step to a version changes: their columns, their indexes, or their rows.
pub(crate) fn changed(version: i64) -> Result<Vec<&'static str>, StoreError> {
    let (before, after) = (tables(version - 1)?, tables(version)?);
    let is_changed = |was: &&Table| {
        let is_same = |now: &Table| now.columns == was.columns && now.indexes == was.indexes;
        !after.iter().any(|now| now.name == was.name && is_same(now)) || rewritten(version, was.name)
    };
    Ok(before.iter().filter(is_changed).map(|table| table.name).collect())
}

/// The tables of which the step to a version reads or writes every row: to write it anew, or to make an index.
pub(crate) fn written(version: i64) -> Result<Vec<&'static str>, StoreError> {
    let (before, after) = (tables(version - 1)?, tables(version)?);
    let is_written = |was: &&Table| {
        let has_more = |now: &Table| now.indexes.iter().any(|index| !was.indexes.contains(index));
        after.iter().any(|now| now.name == was.name && has_more(now)) || rewritten(version, was.name)
    };
    Ok(before.iter().filter(is_written).map(|table| table.name).collect())
}

fn rewritten(version: i64, table: &str) -> bool {
    pending(version - 1).next().is_some_and(|(_, step)| step.rewrites.contains(&table))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(version: i64) -> Vec<&'static str> {
        tables(version).unwrap().iter().map(|table| table.name).collect()
    }

    #[test]
    fn each_version_has_the_tables_and_columns_that_it_brought() {
        assert_eq!(names(0), [""; 0]);
        assert!(tables(known() + 1).is_err() && tables(-1).is_err());
        assert!(!names(2).contains(&"issued") && names(3).contains(&"issued"));
        let has_epoch = |version| {
            let session = tables(version).unwrap().iter().find(|table| table.name == "session").unwrap();
            session
                .columns
                .iter()
                .any(|column| column.name == "epoch" && column.kind == Kind::Int && !column.null)
        };
        assert!(!has_epoch(1) && has_epoch(2));
        let user = tables(1).unwrap().iter().find(|table| table.name == "user").unwrap();
        let columns: Vec<_> =
            user.columns.iter().map(|column| (column.name, column.kind, column.null)).collect();
        assert_eq!(
            columns,
            [
                ("realm", Kind::Int, false),
                ("id", Kind::Bytes, false),
                ("username", Kind::Text, false),
                ("applied", Kind::Int, false),
                ("password_hash", Kind::Text, true),
                ("body", Kind::Text, false),
            ]
        );
        assert_eq!(user.indexes, ["user_applied"]);
    }

    #[test]
    fn parents_stand_before_what_refers_to_them() {
        let table = |name: &'static str, parents: &[&str]| Table {
            name,
            columns: Vec::new(),
            references: parents
                .iter()
                .map(|parent| Reference { parent: (*parent).to_owned(), ..Reference::default() })
                .collect(),
            indexes: Vec::new(),
        };
        let sorted = parents_first(vec![
            table("child", &["parent", "child"]),
            table("other", &[]),
            table("parent", &[]),
        ]);
        assert_eq!(
            sorted.unwrap().iter().map(|table| table.name).collect::<Vec<_>>(),
            ["other", "parent", "child"]
        );
        assert!(parents_first(vec![table("a", &["b"]), table("b", &["a"])]).is_err());
        let names = names(known());
        let at = |name| names.iter().position(|known| *known == name).unwrap();
        assert!(at("consent") < at("authorization") && at("user") < at("login_name"));
    }

    #[test]
    fn what_a_migration_changes_is_read_from_what_it_leaves() {
        assert_eq!(changed(1).unwrap(), [""; 0], "there was nothing before");
        assert_eq!((changed(2).unwrap(), written(2).unwrap()), (vec!["session"], Vec::new()));
        assert_eq!(changed(3).unwrap(), [""; 0], "a new table is no change of an old one");
        assert_eq!(
            (changed(5).unwrap(), written(5).unwrap()),
            (vec!["authorization"], vec!["authorization"])
        );
    }
}
