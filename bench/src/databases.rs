//! Where the servers of a run keep their records: in a file, or in a PostgreSQL of the run's own.

use std::{cell::Cell, path::Path};

use clap::ValueEnum;

use crate::{
    grantwell::Installation,
    postgres::{Durability, PostgresCluster},
};

/// What of PostgreSQL is set for measurements: what an operator of a machine of this size would set.
const SETTINGS: [&str; 4] =
    ["shared_buffers=512MB", "max_wal_size=4GB", "maintenance_work_mem=256MB", "checkpoint_timeout=15min"];

/// An engine of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineName {
    Sqlite,
    Postgres,
}

impl EngineName {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// Makes an empty database for each installation.
#[derive(Debug)]
pub(crate) struct Databases {
    postgres: Option<PostgresCluster>,
    made: Cell<u32>,
}

impl Databases {
    /// PostgreSQL flushes what it commits, as SQLite does.
    pub(crate) async fn new(engine: EngineName) -> Result<Self, String> {
        let postgres = match engine {
            EngineName::Sqlite => None,
            EngineName::Postgres => Some(PostgresCluster::with(Durability::Kept, &SETTINGS).await?),
        };
        Ok(Self { postgres, made: Cell::new(0) })
    }

    pub(crate) fn installation(&self, program: &Path, people: usize) -> Result<Installation, String> {
        let Some(postgres) = &self.postgres else { return Installation::new(program, people) };
        let name = format!("grantwell{}", self.made.get());
        self.made.set(self.made.get() + 1);
        postgres.create_database(&name)?;
        Installation::with_database(program, people, &postgres.url(&name))
    }
}
