//! A [`Source`], [`Target`] or [`Departing`] database on a server: one connection with one open transaction.

use std::{future::Future, time::Duration};

use grantwell_core::time::Timestamp;
use tokio_postgres::error::SqlState;

use super::{
    form::{Error, Param, PostgresColumns, QueryResult, Statement, params, unavailable},
    migrate,
    server::{Link, Server},
};
use crate::copy::{
    CopyError, Departing, Each, Kind, Occupied, Row, Shape, Source, Target, Value, known, shapes,
};

/// Rows that are fetched at once.
const PORTION: usize = 1000;

/// How long the copy waits for writers when it needs the tables to itself.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = 10000";

/// A copy takes as long as it takes, and one side waits while the other makes its indexes: no limit of the role may end it.
const UNLIMITED: &str = "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0";

/// What the server says when they cannot be had now.
const LATER: [SqlState; 2] = [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED];

/// So often it asks for the tables, when it needs them to itself alone.
const TRIES: u32 = 100;

type Result<T> = std::result::Result<T, CopyError>;

/// A connection with an open transaction. Dropped, it leaves the database as it was.
pub(crate) struct PostgresCopy {
    client: Link,
    shapes: Vec<Shape>,
}

/// Waits on a thread that may: a copy is the work of a command, not of a request.
pub(super) fn wait<T>(doing: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(doing))
}

fn failed(error: impl Into<Error>) -> CopyError {
    CopyError::Engine(unavailable(&error.into()).to_string())
}

/// A database that is there, is ours and is no newer than this release; with the version of its schema.
pub(super) fn existing(server: &Server) -> Result<(Link, i64)> {
    wait(async {
        let client = server.connect_first().await?;
        let state = migrate::look(&client).await.map_err(|error| migrate::failed(server, &error))?;
        let Some(version) = migrate::usable(state, server)? else {
            return Err(CopyError::Absent(server.name().to_owned()));
        };
        if version > known() {
            let (database, found, known) = (server.name().to_owned(), version, known());
            return Err(crate::OpenError::FromTheFuture { database, found, known }.into());
        }
        Ok((client, version))
    })
}

impl PostgresCopy {
    fn of(client: Link, version: i64) -> Result<Self> {
        Ok(Self { client, shapes: shapes(version)? })
    }

    /// A read transaction of one moment: what is committed meanwhile is not in it.
    pub(crate) fn read(server: &Server) -> Result<Self> {
        let (client, version) = existing(server)?;
        let copy = Self::of(client, version)?;
        copy.execute(&format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {UNLIMITED}"))?;
        Ok(copy)
    }

    /// A write transaction on a database with the present schema that holds no row.
    pub(crate) fn fill(server: &Server, issuer: &str, occupied: Occupied) -> Result<Self> {
        // Whoever is refused finds the database as it was, and with the schema that it had.
        match existing(server) {
            Ok((client, version)) => {
                Self::of(client, version)?.is_free(issuer, occupied)?;
            }
            Err(CopyError::Absent(_)) => {}
            Err(error) => return Err(error),
        }
        let client = wait(migrate::open(server))?;
        let copy = Self::of(client, known())?;
        copy.hold()?;
        if copy.is_free(issuer, occupied)? {
            return Ok(copy);
        }
        for shape in copy.shapes.iter().rev() {
            copy.execute(&format!("DELETE FROM \"{}\"", shape.table.name))?;
        }
        Ok(copy)
    }

    /// A write transaction: other connections can only read until it ends.
    pub(crate) fn leave(server: &Server) -> Result<Self> {
        let (client, version) = existing(server)?;
        let copy = Self::of(client, version)?;
        copy.hold()?;
        Ok(copy)
    }

    fn tables(&self) -> String {
        self.shapes.iter().map(|shape| format!("\"{}\"", shape.table.name)).collect::<Vec<_>>().join(", ")
    }

    /// Begins, with every table held against other writers.
    fn hold(&self) -> Result<()> {
        self.execute(&format!(
            "BEGIN; {UNLIMITED}; {LOCK_TIMEOUT}; LOCK TABLE {} IN EXCLUSIVE MODE",
            self.tables()
        ))
    }

    /// Every table held against readers too. Somebody who reads two tables may hold one of them and wait for the other: then
    /// all are given back, before the server would end one of the two, and taken again a moment later.
    fn hold_alone(&self) -> Result<()> {
        self.execute("SAVEPOINT alone")?;
        let lock =
            format!("SET LOCAL lock_timeout = 300; LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", self.tables());
        for tries in 1.. {
            match wait(self.client.batch_execute(&lock)) {
                Err(error) if tries < TRIES && error.code().is_some_and(|code| LATER.contains(code)) => {}
                done => return done.map_err(failed),
            }
            self.execute("ROLLBACK TO SAVEPOINT alone")?;
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn execute(&self, sql: &str) -> Result<()> {
        wait(self.client.batch_execute(sql)).map_err(failed)
    }

    fn ask(&self, statement: &Statement) -> Result<Vec<tokio_postgres::Row>> {
        wait(self.client.query_typed(&statement.sql, &statement.typed())).map_err(failed)
    }

    /// True: no row is in it. False: those that are may be replaced.
    fn is_free(&self, issuer: &str, occupied: Occupied) -> Result<bool> {
        let is_there = |rows: &str, parameters| {
            let asked = Statement::new(format!("SELECT 1 FROM {rows} LIMIT 1"), parameters);
            Ok(!self.ask(&asked)?.is_empty())
        };
        let others = || is_there("realm WHERE realm = 1 AND issuer <> $1", params![issuer]);
        occupied.is_free(&self.shapes, |table| is_there(&format!("\"{table}\""), Vec::new()), others)
    }
}

/// The columns, quoted: one is called `grant`.
fn columns(shape: &Shape) -> String {
    shape.columns.iter().map(|column| format!("\"{}\"", column.name)).collect::<Vec<_>>().join(", ")
}

fn value(kind: Kind, columns: &mut PostgresColumns<'_>) -> QueryResult<Value> {
    Ok(match kind {
        Kind::Int => columns.value::<Option<i64>>()?.map(Value::Int),
        Kind::Text => columns.value::<Option<String>>()?.map(Value::Text),
        Kind::Bytes => columns.value::<Option<Vec<u8>>>()?.map(Value::Bytes),
    }
    .unwrap_or(Value::Null))
}

impl Source for PostgresCopy {
    fn shapes(&self) -> Vec<Shape> {
        self.shapes.clone()
    }

    fn rows(&mut self, shape: &Shape, each: &mut Each<'_>) -> Result<()> {
        let (table, wanted) = (shape.table.name, columns(shape));
        self.execute(&format!("DECLARE copied NO SCROLL CURSOR FOR SELECT {wanted} FROM \"{table}\""))?;
        let fetch = Statement::new(format!("FETCH {PORTION} FROM copied"), Vec::new());
        loop {
            let rows = self.ask(&fetch)?;
            if rows.is_empty() {
                return self.execute("CLOSE copied");
            }
            for row in &rows {
                each(values(shape, row)?)?;
            }
        }
    }
}

fn values(shape: &Shape, row: &tokio_postgres::Row) -> Result<Row> {
    let mut read = PostgresColumns::of(row);
    let values = shape.columns.iter().map(|column| {
        let unreadable =
            |_| CopyError::Engine(format!("{}.{} cannot be read", shape.table.name, column.name));
        value(column.kind, &mut read).map_err(unreadable)
    });
    values.collect()
}

/// One list for each column.
fn turned(shape: &Shape, rows: &[Row]) -> Result<Vec<Param>> {
    let column = |at: usize, kind: Kind| {
        let values = rows.iter().map(|row| row.get(at));
        let wrong = || CopyError::Engine(format!("a value of {} is of another kind", shape.table.name));
        Ok(match kind {
            Kind::Int => Param::Ints(values.map(int).collect::<Option<_>>().ok_or_else(wrong)?),
            Kind::Text => Param::Texts(values.map(text).collect::<Option<_>>().ok_or_else(wrong)?),
            Kind::Bytes => Param::Blobs(values.map(bytes).collect::<Option<_>>().ok_or_else(wrong)?),
        })
    };
    shape.columns.iter().enumerate().map(|(at, wanted)| column(at, wanted.kind)).collect()
}

fn int(value: Option<&Value>) -> Option<Option<i64>> {
    match value? {
        Value::Null => Some(None),
        Value::Int(number) => Some(Some(*number)),
        _ => None,
    }
}

fn text(value: Option<&Value>) -> Option<Option<String>> {
    match value? {
        Value::Null => Some(None),
        Value::Text(text) => Some(Some(text.clone())),
        _ => None,
    }
}

fn bytes(value: Option<&Value>) -> Option<Option<Vec<u8>>> {
    match value? {
        Value::Null => Some(None),
        Value::Bytes(bytes) => Some(Some(bytes.clone())),
        _ => None,
    }
}

impl Target for PostgresCopy {
    fn put(&mut self, shape: &Shape, rows: &[Row]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let lists = (1..=shape.columns.len()).map(|at| format!("${at}")).collect::<Vec<_>>().join(", ");
        let insert = format!(
            "INSERT INTO \"{}\" ({}) SELECT * FROM unnest({lists})",
            shape.table.name,
            columns(shape)
        );
        let statement = Statement::new(insert, turned(shape, rows)?);
        wait(self.client.execute_typed(&statement.sql, &statement.typed())).map(drop).map_err(failed)
    }

    fn end_all(&mut self, now: Timestamp) -> Result<()> {
        let do_at = |sql: &'static str, at: i64| self.ask(&Statement::new(sql, params![at])).map(drop);
        // Minutes since 1970: above the epoch of every restore before, also of one to another copy of this backup.
        do_at(
            "UPDATE realm SET epoch = greatest(epoch + 1, $1), generation = generation + 1",
            now.seconds() / 60,
        )?;
        do_at("UPDATE session SET ended_at = $1 WHERE ended_at IS NULL", now.millis())?;
        do_at("UPDATE consent SET withdrawn_at = $1 WHERE withdrawn_at IS NULL", now.millis())?;
        self.execute("DELETE FROM interaction; DELETE FROM ticket; DELETE FROM key")
    }

    fn complete(&mut self) -> Result<()> {
        Ok(())
    }

    fn commit(self: Box<Self>) -> Result<()> {
        self.execute("COMMIT")?;
        // Until the planner has looked at what came, it takes every table for empty. The copy is kept whether or not it can.
        if let Err(error) = self.execute(&format!("BEGIN; {UNLIMITED}; ANALYZE; COMMIT")) {
            tracing::warn!("the tables were not analyzed, which the server does by itself later: {error}");
        }
        Ok(())
    }
}

impl Departing for PostgresCopy {
    fn is_held(&self) -> Result<()> {
        self.execute("SELECT 1")
    }

    /// Every table gets another name, so that no statement of a process that still has the database open finds one.
    fn depart(self: Box<Self>, to: &str) -> Result<()> {
        self.hold_alone()?;
        for shape in &self.shapes {
            let name = shape.table.name;
            self.execute(&format!("ALTER TABLE \"{name}\" RENAME TO moved_{name}"))?;
        }
        self.ask(&Statement::new("UPDATE grantwell SET moved_to = $1", params![to]))?;
        self.execute("COMMIT")
    }
}

#[cfg(feature = "suite")]
impl super::Postgres {
    /// Every row of a realm, by table.
    pub(crate) async fn contents(
        &self,
        realm: grantwell_core::id::Realm,
    ) -> Result<crate::suite::stage::Contents> {
        let mut contents = Vec::new();
        for shape in shapes(known())? {
            let all = format!("SELECT {} FROM \"{}\" WHERE realm = $1", columns(&shape), shape.table.name);
            let rows = self.rows(super::LATER, Statement::new(all, params![realm])).await?;
            let rows = rows.iter().map(|row| values(&shape, row)).collect::<Result<_>>()?;
            contents.push((shape.table.name, rows));
        }
        Ok(contents)
    }
}
