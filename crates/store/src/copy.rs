//! A copy of all that a database holds, in a form that no engine owns: for backups, and for moving from one engine to another.
//!
//! * [`shapes`] are every table and column, as the migrations make them, parents before what refers to them.
//! * A [`Source`] reads all of it as it was at one moment. A [`Target`] takes it in one transaction: a copy that is interrupted
//!   leaves nothing.
//! * [`Tally`] counts the rows of a table and sums their digests, in whatever order an engine returns them: engines order
//!   text differently. [`transfer`] reads back what it wrote, and compares, before it is kept.
//! * Columns are copied by name. A copy of an older schema lacks some, and gets the schema's defaults for them.
//!
//! All of it waits for files, so it belongs on a thread that may.

use std::fmt;

use grantwell_core::{secret::Digest, store::StoreError, time::Timestamp};

pub use crate::schema::{Column, Kind, Table};
use crate::{OpenError, schema};

/// Most rows that are written at once.
const BATCH: usize = 256;

/// A table with those of its columns that a copy has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The table.
    pub table: &'static Table,
    /// The columns, in the order of their values in a row.
    pub columns: Vec<&'static Column>,
}

impl Shape {
    /// A table of the present schema with columns by name; `None` when it has no such table or column.
    pub fn named(table: &str, columns: &[String]) -> Option<Self> {
        let table = schema::tables(known()).ok()?.iter().find(|known| known.name == table)?;
        let find = |name: &String| table.columns.iter().find(|column| column.name == name);
        Some(Self { table, columns: columns.iter().map(find).collect::<Option<_>>()? })
    }
}

/// The version of the schema that this release makes; both engines count alike.
pub fn known() -> i64 {
    schema::known()
}

/// All tables as the schema of that version has them; an error when this release does not know it.
pub fn shapes(version: i64) -> Result<Vec<Shape>, CopyError> {
    let whole = |table: &'static Table| Shape { table, columns: table.columns.iter().collect() };
    Ok(schema::tables(version)?.iter().map(whole).collect())
}

/// What one column of one row holds.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Null,
    /// [`Kind::Int`].
    Int(i64),
    /// [`Kind::Text`].
    Text(String),
    /// [`Kind::Bytes`].
    Bytes(Vec<u8>),
}

// A value may be a hash of a password.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "Null",
            Self::Int(_) => "Int(…)",
            Self::Text(_) => "Text(…)",
            Self::Bytes(_) => "Bytes(…)",
        })
    }
}

/// Values in the order of a shape's columns.
pub type Row = Vec<Value>;

/// The one form of a row: what backups hold and digests are of. Each value is a tag, and eight bytes of a number or four bytes
/// of length and the content, big-endian.
pub fn encode(row: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut content = |tag: u8, content: &[u8]| {
        out.push(tag);
        out.extend_from_slice(&u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(content);
    };
    for value in row {
        match value {
            Value::Null => content(0, &[]),
            Value::Int(number) => content(1, &number.to_be_bytes()),
            Value::Text(text) => content(2, text.as_bytes()),
            Value::Bytes(bytes) => content(3, bytes),
        }
    }
    out
}

/// Reads what [`encode`] wrote for `shape`; `None` when it is anything else.
pub fn decode(shape: &Shape, mut bytes: &[u8]) -> Option<Row> {
    let mut row = Vec::with_capacity(shape.columns.len());
    for column in &shape.columns {
        let (tag, rest) = bytes.split_first()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (content, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        bytes = rest;
        row.push(match (tag, column.kind) {
            (0, _) if column.null && content.is_empty() => Value::Null,
            (1, Kind::Int) => Value::Int(i64::from_be_bytes(content.try_into().ok()?)),
            (2, Kind::Text) => Value::Text(std::str::from_utf8(content).ok()?.to_owned()),
            (3, Kind::Bytes) => Value::Bytes(content.to_owned()),
            _ => return None,
        });
    }
    bytes.is_empty().then_some(row)
}

/// How many rows, and the sum of their SHA-256 as numbers of 256 bits: the same for the same rows in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub rows: u64,
    /// The sum, big-endian.
    pub digest: [u8; 32],
}

impl Tally {
    /// Adds a row.
    pub fn add(&mut self, row: &[Value]) {
        self.rows = self.rows.saturating_add(1);
        let mut carry = 0;
        for (sum, byte) in self.digest.iter_mut().zip(Digest::of(&encode(row)).0).rev() {
            let added = u16::from(*sum) + u16::from(byte) + carry;
            [_, *sum] = added.to_be_bytes();
            carry = added >> 8;
        }
    }
}

/// Why a copy failed. Each displays as one sentence; none shows a value of a row.
#[derive(Debug)]
#[non_exhaustive]
pub enum CopyError {
    /// A database cannot be opened.
    Open(OpenError),
    /// An engine failed.
    Engine(String),
    /// There is no database.
    Absent(String),
    /// The target holds rows, and replacing them was not asked for.
    NotEmpty,
    /// The rows that may be replaced are another issuer's.
    OtherIssuer,
    /// What was read is not what was written.
    Damaged(String),
    /// The copy could not be passed on.
    Output(std::io::Error),
}

impl fmt::Display for CopyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(error) => error.fmt(f),
            Self::Engine(why) => write!(f, "the database failed: {why}"),
            Self::Absent(database) => write!(f, "there is no database {database}"),
            Self::NotEmpty => f.write_str(
                "the target holds rows already, and nothing in it was changed: name an empty or a new database",
            ),
            Self::OtherIssuer => f.write_str(
                "the target belongs to another issuer, and nothing in it was changed: name an empty or a new database",
            ),
            Self::Damaged(why) => write!(f, "the copy is damaged, and nothing was kept: {why}"),
            Self::Output(error) => write!(f, "the copy cannot be written: {error}"),
        }
    }
}

impl std::error::Error for CopyError {}

impl From<StoreError> for CopyError {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.to_string())
    }
}

impl From<OpenError> for CopyError {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

/// Takes one row at a time.
pub type Each<'a> = dyn FnMut(Row) -> Result<(), CopyError> + 'a;

/// Something that a copy can be read from, all of it of one moment.
pub trait Source {
    /// What it holds, in the order of [`shapes`].
    fn shapes(&self) -> Vec<Shape>;
    /// Every row of one of them. Called once for each, in that order.
    fn rows(&mut self, shape: &Shape, each: &mut Each<'_>) -> Result<(), CopyError>;
}

/// An empty database under one open transaction. Dropping it leaves the database as it was.
pub trait Target: Source {
    /// Writes rows.
    fn put(&mut self, shape: &Shape, rows: &[Row]) -> Result<(), CopyError>;
    /// Ends in every realm what was issued before: the epoch rises above all that were ever in use, sessions end, consents are
    /// withdrawn, pending interactions, tickets and all keys are gone (the next start makes new keys). Ids that were seen stay.
    fn end_all(&mut self, now: Timestamp) -> Result<(), CopyError>;
    /// Does what takes long before it can all be kept.
    fn complete(&mut self) -> Result<(), CopyError>;
    /// Keeps it all; completes it first, where that was not done.
    fn commit(self: Box<Self>) -> Result<(), CopyError>;
}

/// A database that is left for another. While it is held it cannot be written to.
pub trait Departing: Source {
    /// Whether it is still held: asked when the copy is complete and before it is kept, since otherwise both would be written to.
    fn is_held(&self) -> Result<(), CopyError>;
    /// Marks it as moved: open connections get errors, and it cannot be opened again.
    fn depart(self: Box<Self>, to: &str) -> Result<(), CopyError>;
}

/// What becomes of rows in a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occupied {
    /// They are a reason not to copy.
    Refuse,
    /// Those of the same issuer are replaced, in the transaction of the copy.
    Replace,
}

impl Occupied {
    /// True: no table has a row. False: those that are there may be replaced. `has_rows` asks a table, `is_of_others` whether the
    /// rows are another issuer's.
    pub(crate) fn is_free(
        self,
        shapes: &[Shape],
        mut has_rows: impl FnMut(&str) -> Result<bool, CopyError>,
        is_of_others: impl FnOnce() -> Result<bool, CopyError>,
    ) -> Result<bool, CopyError> {
        let mut is_occupied = false;
        for shape in shapes {
            is_occupied = is_occupied || has_rows(shape.table.name)?;
        }
        match self {
            _ if !is_occupied => Ok(true),
            Self::Refuse => Err(CopyError::NotEmpty),
            Self::Replace if is_of_others()? => Err(CopyError::OtherIssuer),
            Self::Replace => Ok(false),
        }
    }
}

/// A database as `db status` and `db plan` show it.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// Its engine.
    pub engine: &'static str,
    /// The version of its schema; `None` while there is no database.
    pub version: Option<i64>,
    /// The newest version that this release knows.
    pub known: i64,
    /// Its bytes on disk.
    pub size: u64,
    /// When the last backup that it knows of was made.
    pub backed_up: Option<Timestamp>,
    /// Rows by table.
    pub rows: Vec<(&'static str, u64)>,
    /// Who waits while a migration runs.
    pub lock: &'static str,
    /// Migrations that are due.
    pub pending: Vec<PendingMigration>,
}

/// A migration that is due.
#[derive(Clone, Debug)]
pub struct PendingMigration {
    /// The version it leads to.
    pub version: i64,
    /// Its file.
    pub name: &'static str,
    /// Its statements, in order.
    pub statements: Vec<String>,
    /// Rows of the tables whose columns, indexes or rows it changes.
    pub rows: u64,
    /// Those among them that it writes anew, or makes an index of: the more they are, the longer it takes.
    pub written: u64,
}

impl PendingMigration {
    /// The steps that a database with so many rows has not had. `statements` splits the text of a migration.
    pub(crate) fn after(
        had: i64,
        rows: &[(&'static str, u64)],
        statements: impl Fn(&schema::Migration) -> Vec<String>,
    ) -> Result<Vec<Self>, CopyError> {
        let sum = |tables: Vec<&str>| {
            rows.iter().filter(|(table, _)| tables.contains(table)).map(|(_, rows)| rows).sum()
        };
        let pending = |(version, migration): (i64, &'static schema::Migration)| {
            Ok(Self {
                version,
                name: migration.name,
                statements: statements(migration),
                rows: sum(schema::changed(version)?),
                written: sum(schema::written(version)?),
            })
        };
        schema::pending(had).map(pending).collect()
    }
}

/// Copies everything into `target`, reads it back, compares, and returns the counts; calls `on_progress` for every table when it is
/// begun, and now and then how far it is.
pub fn transfer(
    source: &mut dyn Source,
    target: &mut dyn Target,
    on_progress: &mut dyn FnMut(&'static str, u64),
) -> Result<Vec<(&'static str, Tally)>, CopyError> {
    let mut tallies = Vec::new();
    for shape in source.shapes() {
        on_progress(shape.table.name, 0);
        let mut tally = Tally::default();
        let mut batch = Vec::with_capacity(BATCH);
        source.rows(&shape, &mut |row| {
            tally.add(&row);
            batch.push(row);
            if batch.len() == BATCH {
                target.put(&shape, &batch)?;
                batch.clear();
                on_progress(shape.table.name, tally.rows);
            }
            Ok(())
        })?;
        target.put(&shape, &batch)?;
        if read_back(target, &shape)? != tally {
            return Err(CopyError::Damaged(format!(
                "{} was not read back as it was written",
                shape.table.name
            )));
        }
        on_progress(shape.table.name, tally.rows);
        tallies.push((shape.table.name, tally));
    }
    Ok(tallies)
}

fn read_back(target: &mut dyn Target, shape: &Shape) -> Result<Tally, CopyError> {
    let mut tally = Tally::default();
    target.rows(shape, &mut |row| {
        tally.add(&row);
        Ok(())
    })?;
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_reads_as_it_was_written_and_nothing_else_reads() {
        let shape = shapes(known()).unwrap().into_iter().find(|shape| shape.table.name == "key").unwrap();
        let row: Row = shape
            .columns
            .iter()
            .map(|column| match column.kind {
                _ if column.null => Value::Null,
                Kind::Int => Value::Int(-7),
                Kind::Text => Value::Text("é".to_owned()),
                Kind::Bytes => Value::Bytes(vec![0, 255]),
            })
            .collect();
        let bytes = encode(&row);
        assert!(decode(&shape, &bytes).unwrap() == row);
        for cut in 0..bytes.len() {
            assert!(decode(&shape, &bytes[..cut]).is_none(), "cut at {cut}");
        }
        assert!(decode(&shape, &[bytes, vec![0]].concat()).is_none());
    }

    #[test]
    fn a_tally_is_of_the_rows_and_not_of_their_order() {
        let rows: Vec<Row> = (0..300).map(|n| vec![Value::Int(n), Value::Null]).collect();
        let tally = |rows: &[&Row]| {
            let mut tally = Tally::default();
            for row in rows {
                tally.add(row);
            }
            tally
        };
        let there: Vec<_> = rows.iter().collect();
        let back: Vec<_> = rows.iter().rev().collect();
        assert_eq!(tally(&there), tally(&back));
        let mut twice = there.clone();
        twice[1] = twice[0];
        assert_ne!(tally(&there), tally(&twice), "one row twice and another not at all");
        assert_ne!(tally(&there), tally(&there[1..]));
    }
}
