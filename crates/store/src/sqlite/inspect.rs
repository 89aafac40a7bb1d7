//! What a file is, without touching it.

use std::path::Path;

use grantwell_core::time::Timestamp;
use rusqlite::{Connection, OpenFlags, Result, Row};

use super::{copy::existing, health, migrate};
use crate::{
    copy::{CopyError, Inspection, PendingMigration},
    schema,
};

pub(crate) fn inspect(path: &Path) -> std::result::Result<Inspection, CopyError> {
    let failed = |error| CopyError::from(migrate::failed(path, &error));
    let absent = Inspection {
        engine: "sqlite",
        version: None,
        known: schema::known(),
        size: 0,
        backed_up: None,
        lock: "other writers wait while a version is applied; readers do not",
        rows: Vec::new(),
        pending: pending(0, &[])?,
    };
    let (c, version) = match existing(path, OpenFlags::SQLITE_OPEN_READ_ONLY) {
        Err(CopyError::Absent(_)) => return Ok(absent),
        found => found?,
    };
    if version == 0 {
        return Ok(absent);
    }
    c.execute_batch("BEGIN").map_err(failed)?;
    let rows = health::rows(&c, schema::tables(version)?).map_err(failed)?;
    Ok(Inspection {
        version: Some(version),
        size: std::fs::metadata(path).map_or(0, |file| file.len()),
        backed_up: backed_up(&c).map_err(failed)?,
        pending: pending(version, &rows)?,
        rows,
        ..absent
    })
}

fn backed_up(c: &Connection) -> Result<Option<Timestamp>> {
    let read = |row: &Row<'_>| row.get::<_, Option<i64>>(0);
    let newest = "SELECT max(at) FROM audit WHERE body ->> 'kind' = 'database.backed_up'";
    Ok(c.query_row(newest, [], read)?.map(Timestamp::from_millis))
}

fn pending(had: i64, rows: &[(&'static str, u64)]) -> std::result::Result<Vec<PendingMigration>, CopyError> {
    PendingMigration::after(had, rows, |migration| migrate::statements(migration.sqlite))
}
