//! Between rows and records: statements with typed parameters, columns read in order, bodies as JSON.

use std::{borrow::Cow, sync::Arc};

use grantwell_core::{
    client::Client,
    id::{ClientId, KeyId, Realm, ResourceIdentifier},
    secret::Digest,
    store::StoreError,
    time::Timestamp,
};
use serde::{Serialize, de::DeserializeOwned};
use tokio_postgres::{
    Row,
    error::SqlState,
    types::{FromSql, ToSql, Type},
};

use crate::records;

/// One statement, always sent unnamed: a proxy that pools transactions may stand between.
#[derive(Clone)]
pub(super) struct Statement {
    pub(super) sql: Cow<'static, str>,
    pub(super) params: Vec<Param>,
}

impl Statement {
    pub(super) fn new(sql: impl Into<Cow<'static, str>>, params: Vec<Param>) -> Self {
        Self { sql: sql.into(), params }
    }

    /// The parameters as the driver wants them: every type is named, so that nothing is looked up.
    pub(super) fn typed(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        self.params.iter().map(Param::typed).collect()
    }
}

/// A statement that changes rows, and ends its commit when it changed none (`GW001`, migration 1).
macro_rules! guarded {
    ($($sql:expr),+ $(,)?) => {
        concat!("WITH done AS (", $($sql),+, " RETURNING 1) SELECT guarded(count(*)) FROM done")
    };
}
pub(super) use guarded;

/// What a parameter holds.
#[derive(Clone)]
pub(super) enum Param {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
    Ints(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
    Blobs(Vec<Option<Vec<u8>>>),
}

impl Param {
    fn typed(&self) -> (&(dyn ToSql + Sync), Type) {
        match self {
            Self::Int(value) => (value, Type::INT8),
            Self::Text(value) => (value, Type::TEXT),
            Self::Bytes(value) => (value, Type::BYTEA),
            Self::Ints(values) => (values, Type::INT8_ARRAY),
            Self::Texts(values) => (values, Type::TEXT_ARRAY),
            Self::Blobs(values) => (values, Type::BYTEA_ARRAY),
        }
    }

    /// PostgreSQL's text cannot hold U+0000, so what has one is in no row: asking would be an error, not an empty answer.
    pub(super) fn is_impossible(&self) -> bool {
        matches!(self, Self::Text(Some(text)) if text.contains('\0'))
    }
}

macro_rules! params {
    ($($value:expr),* $(,)?) => { vec![$($crate::postgres::form::Param::from($value)),*] };
}
pub(super) use params;

macro_rules! from {
    ($($type:ty => |$value:ident| $param:expr;)*) => {$(
        impl From<$type> for Param {
            fn from($value: $type) -> Self {
                $param
            }
        }
    )*};
}

from! {
    Realm => |realm| Self::Int(Some(i64::from(realm.0)));
    u32 => |number| Self::Int(Some(i64::from(number)));
    i64 => |number| Self::Int(Some(number));
    bool => |flag| Self::Int(Some(i64::from(flag)));
    Option<u32> => |number| Self::Int(number.map(i64::from));
    Timestamp => |at| Self::Int(Some(at.millis()));
    Option<Timestamp> => |at| Self::Int(at.map(Timestamp::millis));
    &[u8; 16] => |id| Self::Bytes(Some(id.to_vec()));
    Option<&[u8; 16]> => |id| Self::Bytes(id.map(|id| id.to_vec()));
    Digest => |digest| Self::Bytes(Some(digest.0.to_vec()));
    Option<Digest> => |digest| Self::Bytes(digest.map(|digest| digest.0.to_vec()));
    &[u8] => |bytes| Self::Bytes(Some(bytes.to_vec()));
    String => |text| Self::Text(Some(text));
    &str => |text| Self::Text(Some(text.to_owned()));
    &ClientId => |id| Self::from(id.as_str());
    &ResourceIdentifier => |id| Self::from(id.as_str());
    &KeyId => |id| Self::from(id.as_str());
    Option<&str> => |text| Self::Text(text.map(str::to_owned));
}

/// Several texts, without those that no row can hold.
pub(super) fn texts<'a>(texts: impl Iterator<Item = &'a str>) -> Param {
    Param::Texts(texts.filter(|text| !text.contains('\0')).map(|text| Some(text.to_owned())).collect())
}

/// Why a statement has no answer.
#[derive(Debug)]
pub(super) enum Error {
    /// The server or the way to it.
    Server(tokio_postgres::Error),
    /// A row holds something else than it should.
    Unreadable(usize),
    /// A record cannot be written.
    Unwritable,
    /// Nothing came in time.
    Late,
    /// The server was the primary once, and another is now.
    Replaced,
    /// No server was found by the search that all callers share.
    Away(Arc<Error>),
    /// The schema that this release makes cannot be determined.
    Schema(StoreError),
}

pub(super) type QueryResult<T> = std::result::Result<T, Error>;

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(error)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Schema(error)
    }
}

impl Error {
    pub(super) fn code(&self) -> Option<&SqlState> {
        match self {
            Self::Server(error) => error.code(),
            Self::Away(error) => error.code(),
            _ => None,
        }
    }
}

/// The text of an error, for the log: only what the server or the driver says of itself. Messages and details of the server can
/// quote a value, so its code stands for them.
pub(super) fn unavailable(error: &Error) -> StoreError {
    let why = match error {
        Error::Away(error) => return unavailable(error),
        Error::Schema(error) => return error.clone(),
        Error::Server(error) => match error.code() {
            Some(code) => format!("PostgreSQL error {}", code.code()),
            None => error.to_string(),
        },
        Error::Unreadable(column) => format!("column {column} of a row cannot be read"),
        Error::Unwritable => "a record cannot be written".to_owned(),
        Error::Late => "PostgreSQL did not answer in time".to_owned(),
        Error::Replaced => "another PostgreSQL server has taken this one's place".to_owned(),
    };
    StoreError::Unavailable(why)
}

/// The columns of a row, read from left to right.
pub(super) struct PostgresColumns<'row> {
    row: &'row Row,
    next: usize,
}

impl<'row> PostgresColumns<'row> {
    pub(super) fn of(row: &'row Row) -> Self {
        Self { row, next: 0 }
    }

    pub(super) fn value<T: FromSql<'row>>(&mut self) -> QueryResult<T> {
        let at = self.next;
        self.next += 1;
        self.row.try_get(at).map_err(|_| Error::Unreadable(at))
    }
}

impl records::Columns for PostgresColumns<'_> {
    type Error = Error;

    fn number<T: TryFrom<i64>>(&mut self) -> QueryResult<T> {
        let at = self.next;
        T::try_from(self.value::<i64>()?).map_err(|_| Error::Unreadable(at))
    }

    fn time_or_none(&mut self) -> QueryResult<Option<Timestamp>> {
        Ok(self.value::<Option<i64>>()?.map(Timestamp::from_millis))
    }

    fn text(&mut self) -> QueryResult<String> {
        self.value()
    }

    fn text_or_none(&mut self) -> QueryResult<Option<String>> {
        self.value()
    }

    fn bytes(&mut self) -> QueryResult<Vec<u8>> {
        self.value()
    }

    fn exactly<const N: usize>(&mut self) -> QueryResult<[u8; N]> {
        let at = self.next;
        self.value::<&[u8]>()?.try_into().map_err(|_| Error::Unreadable(at))
    }

    fn json<T: DeserializeOwned>(&mut self) -> QueryResult<T> {
        let at = self.next;
        serde_json::from_str(self.value::<&str>()?).map_err(|_| Error::Unreadable(at))
    }

    fn client(&mut self) -> QueryResult<Arc<Client>> {
        let at = self.next;
        let parse = |text: &str| serde_json::from_str(text).map_err(|_| Error::Unreadable(at));
        records::client(self.value()?, parse)
    }

    fn absent(&mut self, columns: usize) -> QueryResult<bool> {
        let absent = self.row.try_get::<_, Null>(self.next).map_err(|_| Error::Unreadable(self.next))?.0;
        if absent {
            self.next += columns;
        }
        Ok(absent)
    }
}

/// Whether a column is NULL, whatever its type.
struct Null(bool);

impl FromSql<'_> for Null {
    fn from_sql(_: &Type, _: &[u8]) -> std::result::Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(false))
    }

    fn from_sql_null(_: &Type) -> std::result::Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(true))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// The only row, as `read` sees it.
pub(super) fn one<T>(
    rows: &[Row],
    read: impl FnOnce(&mut PostgresColumns<'_>) -> QueryResult<T>,
) -> QueryResult<Option<T>> {
    rows.first().map(|row| read(&mut PostgresColumns::of(row))).transpose()
}

/// Every row, as `read` sees it.
pub(super) fn all<T>(
    rows: &[Row],
    read: impl Fn(&mut PostgresColumns<'_>) -> QueryResult<T>,
) -> QueryResult<Vec<T>> {
    rows.iter().map(|row| read(&mut PostgresColumns::of(row))).collect()
}

/// The stored form of a record.
pub(super) fn encode<T: Serialize>(record: &T) -> QueryResult<String> {
    serde_json::to_string(record).map_err(|_| Error::Unwritable)
}
