//! Connections that only read. A read runs inline in the future that asked: a warm point read takes microseconds, less than
//! handing it to another thread. So there are as many at work as the caller has threads.

use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use grantwell_core::store::Read;
use rusqlite::{Connection, OpenFlags, Result};

use super::{configure, unavailable};

/// The idle ones among them.
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    most: usize,
    in_use: metrics::Gauge,
}

impl Readers {
    pub(super) fn new(path: PathBuf, most: usize) -> Self {
        Self { path, idle: Mutex::default(), most, in_use: metrics::gauge!("grantwell_db_pool_in_use") }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connect(&self) -> Result<Connection> {
        let c = Connection::open_with_flags(
            &self.path,
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        configure(&c)?;
        c.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -4096; PRAGMA temp_store = MEMORY;")?;
        Ok(c)
    }

    /// Reads. A connection whose read failed is not used again.
    pub(super) fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T>) -> Read<T> {
        let idle = self.lock().pop();
        let attempt = || {
            let c = idle.map_or_else(|| self.connect(), Ok)?;
            let found = read(&c)?;
            Ok((c, found))
        };
        self.in_use.increment(1.0);
        let attempted = attempt();
        self.in_use.decrement(1.0);
        match attempted {
            Ok((c, found)) => {
                let mut idle = self.lock();
                if idle.len() < self.most {
                    idle.push(c);
                }
                Ok(found)
            }
            Err(error) => {
                let failure = unavailable(&error);
                tracing::error!("a read failed: {failure}");
                Err(failure)
            }
        }
    }

    /// Closes the idle ones.
    pub(super) fn close(&self) {
        self.lock().clear();
    }
}
