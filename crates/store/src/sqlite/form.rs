//! Between rows and records: columns read in order, bodies as JSON, and guards counted in rows.

use std::sync::Arc;

use grantwell_core::{client::Client, time::Timestamp};
use rusqlite::{
    Error, Result, Row,
    types::{FromSql, FromSqlError, Type},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::records;

/// The columns of a row, read from left to right.
pub(super) struct SqliteColumns<'row, 'statement> {
    row: &'row Row<'statement>,
    next: usize,
}

impl<'row, 'statement> SqliteColumns<'row, 'statement> {
    pub(super) fn of(row: &'row Row<'statement>) -> Self {
        Self { row, next: 0 }
    }

    fn step(&mut self) -> usize {
        let at = self.next;
        self.next += 1;
        at
    }

    fn value<T: FromSql>(&mut self) -> Result<T> {
        self.row.get(self.step())
    }
}

impl records::Columns for SqliteColumns<'_, '_> {
    type Error = Error;

    fn number<T: TryFrom<i64>>(&mut self) -> Result<T> {
        let at = self.next;
        let number = self.value::<i64>()?;
        T::try_from(number).map_err(|_| Error::IntegralValueOutOfRange(at, number))
    }

    fn time_or_none(&mut self) -> Result<Option<Timestamp>> {
        Ok(self.value::<Option<i64>>()?.map(Timestamp::from_millis))
    }

    fn text(&mut self) -> Result<String> {
        self.value()
    }

    fn text_or_none(&mut self) -> Result<Option<String>> {
        self.value()
    }

    fn bytes(&mut self) -> Result<Vec<u8>> {
        self.value()
    }

    fn exactly<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.value()
    }

    fn json<T: DeserializeOwned>(&mut self) -> Result<T> {
        let at = self.step();
        decode(self.row.get_ref(at)?.as_str().map_err(|error| undecodable(at, error))?, at)
    }

    fn client(&mut self) -> Result<Arc<Client>> {
        let at = self.step();
        let text = self.row.get_ref(at)?.as_str().map_err(|error| undecodable(at, error))?;
        records::client(text, |text| decode(text, at))
    }

    fn absent(&mut self, columns: usize) -> Result<bool> {
        let absent = self.row.get_ref(self.next)?.data_type() == Type::Null;
        if absent {
            self.next += columns;
        }
        Ok(absent)
    }
}

fn undecodable(at: usize, error: FromSqlError) -> Error {
    Error::FromSqlConversionFailure(at, Type::Text, Box::new(error))
}

fn decode<T: DeserializeOwned>(text: &str, at: usize) -> Result<T> {
    serde_json::from_str(text).map_err(|error| undecodable(at, FromSqlError::Other(Box::new(error))))
}

/// The stored form of a record.
pub(super) fn encode<T: Serialize>(record: &T) -> Result<String> {
    serde_json::to_string(record).map_err(|error| Error::ToSqlConversionFailure(Box::new(error)))
}

/// What the guard of a write came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    /// The write was done.
    Held,
    /// Its commit is undone.
    Failed,
}

/// The result of a guarded statement, by the number of rows that it changed.
pub(super) fn guarded(changed: usize) -> Guard {
    if changed == 0 { Guard::Failed } else { Guard::Held }
}

/// Replaces a record whose guard is the form it was decided on. `update` compares that form in its own `WHERE`. A record
/// written by an older release may lack fields that have a default today, so its text differs although it says the same:
/// then the text itself, after it was read and found equal, is the form that is compared.
pub(super) fn replace<T: Serialize + DeserializeOwned + PartialEq>(
    was: &T,
    update: impl Fn(&str) -> Result<usize>,
    stored: impl FnOnce() -> Result<Option<String>>,
) -> Result<Guard> {
    let expected = encode(was)?;
    let changed = update(&expected)?;
    if changed > 0 {
        return Ok(guarded(changed));
    }
    match stored()? {
        Some(text) if text != expected && decode::<T>(&text, 0)? == *was => Ok(guarded(update(&text)?)),
        _ => Ok(Guard::Failed),
    }
}
