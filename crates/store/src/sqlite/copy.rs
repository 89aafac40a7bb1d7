//! A [`Source`], [`Target`] or [`Departing`] database in one file: one connection with one open transaction.

use std::path::Path;

use grantwell_core::time::Timestamp;
use rusqlite::{Connection, OpenFlags, params, params_from_iter, types::ValueRef};

use super::{configure, migrate, unavailable};
use crate::{
    OpenError,
    copy::{CopyError, Departing, Each, Kind, Occupied, Row, Shape, Source, Target, Value, known, shapes},
};

/// The file with an open transaction. Dropped, it leaves the file as it was.
pub(crate) struct SqliteCopy {
    connection: Connection,
    shapes: Vec<Shape>,
    /// Statements that make the indexes again that are not there while the tables are filled.
    indexes: Vec<String>,
}

type Result<T> = std::result::Result<T, CopyError>;

fn failed(error: rusqlite::Error) -> CopyError {
    CopyError::Engine(unavailable(&error).to_string())
}

/// A file that is there, is ours and is no newer than this release; with the version of its schema.
pub(super) fn existing(path: &Path, flags: OpenFlags) -> Result<(Connection, i64)> {
    if !path.exists() {
        return Err(CopyError::Absent(path.display().to_string()));
    }
    let c = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|error| migrate::failed(path, &error))?;
    configure(&c).map_err(|error| migrate::failed(path, &error))?;
    let database = path.display().to_string();
    match migrate::look(&c).map_err(|error| migrate::failed(path, &error))? {
        migrate::HeaderState::Foreign => Err(OpenError::NotGrantwell { database }.into()),
        migrate::HeaderState::Moved(to) => Err(OpenError::Moved { database, to }.into()),
        migrate::HeaderState::Version(found) if found > known() => {
            Err(OpenError::FromTheFuture { database, found, known: known() }.into())
        }
        migrate::HeaderState::Version(version) => Ok((c, version)),
        migrate::HeaderState::Empty => Ok((c, 0)),
    }
}

impl SqliteCopy {
    fn of(connection: Connection, version: i64) -> Result<Self> {
        Ok(Self { connection, shapes: shapes(version)?, indexes: Vec::new() })
    }

    /// A read transaction: what is committed meanwhile is not in it.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let (connection, version) = existing(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.execute_batch("BEGIN").map_err(failed)?;
        Self::of(connection, version)
    }

    /// A write transaction on a database with the present schema that holds no row.
    pub(crate) fn fill(path: &Path, issuer: &str, occupied: Occupied) -> Result<Self> {
        // Whoever is refused finds the database as it was, and with the schema that it had.
        match existing(path, OpenFlags::SQLITE_OPEN_READ_ONLY) {
            Ok((connection, version)) => {
                Self::of(connection, version)?.is_free(issuer, occupied)?;
            }
            Err(CopyError::Absent(_)) => {}
            Err(error) => return Err(error),
        }
        let connection = migrate::open(path)?;
        // What is sorted for the indexes may be larger than memory.
        connection.execute_batch("PRAGMA temp_store = FILE; BEGIN IMMEDIATE").map_err(failed)?;
        let mut copy = Self::of(connection, known())?;
        let is_free = copy.is_free(issuer, occupied)?;
        copy.set_indexes_aside()?;
        if is_free {
            return Ok(copy);
        }
        for shape in copy.shapes.iter().rev() {
            copy.connection.execute_batch(&format!("DELETE FROM {}", shape.table.name)).map_err(failed)?;
        }
        Ok(copy)
    }

    /// A write transaction: other connections can only read until it ends.
    pub(crate) fn leave(path: &Path) -> Result<Self> {
        let (connection, version) = existing(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.execute_batch("PRAGMA synchronous = FULL; BEGIN IMMEDIATE").map_err(failed)?;
        Self::of(connection, version)
    }

    /// All of it is sorted once at the end, where otherwise each row would have to find its place.
    fn set_indexes_aside(&mut self) -> Result<()> {
        let made = "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL";
        let mut statement = self.connection.prepare(made).map_err(failed)?;
        let found = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)));
        let found = found.map_err(failed)?.collect::<rusqlite::Result<Vec<_>>>().map_err(failed)?;
        for (name, sql) in found {
            self.connection.execute_batch(&format!("DROP INDEX {name}")).map_err(failed)?;
            self.indexes.push(sql);
        }
        Ok(())
    }

    /// True: no row is in it. False: those that are may be replaced.
    fn is_free(&self, issuer: &str, occupied: Occupied) -> Result<bool> {
        let is_there = |rows: &str, parameters: &[&str]| {
            let asked = format!("SELECT EXISTS (SELECT 1 FROM {rows})");
            self.connection.query_row(&asked, params_from_iter(parameters), |row| row.get(0)).map_err(failed)
        };
        let others = || is_there("realm WHERE realm = 1 AND issuer <> ?1", &[issuer]);
        occupied.is_free(&self.shapes, |table| is_there(table, &[]), others)
    }
}

/// The columns, quoted: one is called `grant`.
fn columns(shape: &Shape) -> String {
    shape.columns.iter().map(|column| format!("\"{}\"", column.name)).collect::<Vec<_>>().join(", ")
}

fn value(kind: Kind, found: ValueRef<'_>) -> Option<Value> {
    Some(match (kind, found) {
        (_, ValueRef::Null) => Value::Null,
        (Kind::Int, ValueRef::Integer(number)) => Value::Int(number),
        (Kind::Text, ValueRef::Text(text)) => Value::Text(std::str::from_utf8(text).ok()?.to_owned()),
        (Kind::Bytes, ValueRef::Blob(bytes)) => Value::Bytes(bytes.to_owned()),
        _ => return None,
    })
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(rusqlite::types::ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl Source for SqliteCopy {
    fn shapes(&self) -> Vec<Shape> {
        self.shapes.clone()
    }

    fn rows(&mut self, shape: &Shape, each: &mut Each<'_>) -> Result<()> {
        read(&self.connection, shape, "", each)
    }
}

/// Every row of a table, or those that `only` says.
fn read(c: &Connection, shape: &Shape, only: &str, each: &mut Each<'_>) -> Result<()> {
    let all = format!("SELECT {} FROM {} {only}", columns(shape), shape.table.name);
    let mut statement = c.prepare(&all).map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let mut values = Vec::with_capacity(shape.columns.len());
        for (at, column) in shape.columns.iter().enumerate() {
            let unreadable =
                || CopyError::Engine(format!("{}.{} cannot be read", shape.table.name, column.name));
            let found = row.get_ref(at).map_err(failed)?;
            values.push(value(column.kind, found).ok_or_else(unreadable)?);
        }
        each(values)?;
    }
    Ok(())
}

impl Target for SqliteCopy {
    fn put(&mut self, shape: &Shape, rows: &[Row]) -> Result<()> {
        let places = vec!["?"; shape.columns.len()].join(", ");
        let insert = format!("INSERT INTO {} ({}) VALUES ({places})", shape.table.name, columns(shape));
        let mut insert = self.connection.prepare_cached(&insert).map_err(failed)?;
        for row in rows {
            insert.execute(params_from_iter(row)).map_err(failed)?;
        }
        Ok(())
    }

    fn end_all(&mut self, now: Timestamp) -> Result<()> {
        let c = &self.connection;
        // Minutes since 1970: above the epoch of every restore before, also of one to another copy of this backup.
        c.execute(
            "UPDATE realm SET epoch = max(epoch + 1, ?1), generation = generation + 1",
            [now.seconds() / 60],
        )
        .map_err(failed)?;
        c.execute("UPDATE session SET ended_at = ?1 WHERE ended_at IS NULL", params![now.millis()])
            .map_err(failed)?;
        c.execute("UPDATE consent SET withdrawn_at = ?1 WHERE withdrawn_at IS NULL", params![now.millis()])
            .map_err(failed)?;
        c.execute_batch("DELETE FROM interaction; DELETE FROM ticket; DELETE FROM key").map_err(failed)
    }

    fn complete(&mut self) -> Result<()> {
        for sql in std::mem::take(&mut self.indexes) {
            self.connection.execute_batch(&sql).map_err(failed)?;
        }
        Ok(())
    }

    fn commit(mut self: Box<Self>) -> Result<()> {
        self.complete()?;
        self.connection.execute_batch("COMMIT").map_err(failed)
    }
}

impl Departing for SqliteCopy {
    /// Only this process can end its transaction.
    fn is_held(&self) -> Result<()> {
        Ok(())
    }

    /// Every table gets another name, so that no statement of a process that still has the file open finds one.
    fn depart(self: Box<Self>, to: &str) -> Result<()> {
        let c = &self.connection;
        for shape in &self.shapes {
            let name = shape.table.name;
            c.execute_batch(&format!("ALTER TABLE {name} RENAME TO moved_{name}")).map_err(failed)?;
        }
        c.execute_batch("CREATE TABLE moved (target TEXT NOT NULL) STRICT").map_err(failed)?;
        c.execute("INSERT INTO moved (target) VALUES (?1)", [to]).map_err(failed)?;
        c.execute_batch("COMMIT").map_err(failed)
    }
}

#[cfg(feature = "suite")]
impl super::Sqlite {
    /// Every row of a realm, by table.
    pub(crate) async fn contents(
        &self,
        realm: grantwell_core::id::Realm,
    ) -> Result<crate::suite::stage::Contents> {
        let read_all = move |c: &Connection| {
            let moment = c.unchecked_transaction()?;
            let table = |shape: Shape| {
                let mut rows = Vec::new();
                read(&moment, &shape, &format!("WHERE realm = {}", realm.0), &mut |row| {
                    rows.push(row);
                    Ok(())
                })?;
                Ok((shape.table.name, rows))
            };
            Ok(shapes(known()).and_then(|shapes| shapes.into_iter().map(table).collect()))
        };
        self.read_aside(read_all).await?
    }
}
