//! A database of its own for a test: a schema on the server that `GRANTWELL_TEST_POSTGRES` names. Whoever started the server
//! removes it.

use std::sync::atomic::{AtomicU32, Ordering};

use tokio_postgres::NoTls;

use crate::{Engine, OpenOptions, open};

/// An empty schema.
#[derive(Debug)]
pub struct Schema {
    url: String,
    name: String,
}

/// The server's URL, where tests are to use one.
#[expect(clippy::disallowed_methods, reason = "what a test runs against is no configuration of the server")]
pub fn server() -> Option<String> {
    std::env::var("GRANTWELL_TEST_POSTGRES").ok()
}

impl Schema {
    /// Makes one.
    pub async fn new() -> Self {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let name = format!("t_{}_{}", std::process::id(), LAST.fetch_add(1, Ordering::Relaxed));
        let schema = Self { url: server().unwrap(), name };
        schema.server(&format!("CREATE SCHEMA {}", schema.name)).await;
        schema
    }

    /// The URL with this schema as the only one that a name without one means.
    pub fn url(&self) -> String {
        self.on(&self.url)
    }

    /// The same by another way to the server.
    pub fn on(&self, server: &str) -> String {
        let joint = if server.contains('?') { '&' } else { '?' };
        format!("{server}{joint}options=-c%20search_path%3D{}", self.name)
    }

    /// Opens it, as a node of a few does.
    pub async fn open(&self) -> Engine {
        let options = OpenOptions { connections: 4, writers: 2, ..OpenOptions::default() };
        open(&self.url(), options).await.unwrap()
    }

    /// Does something behind the engine's back.
    pub async fn execute(&self, sql: &str) {
        self.server(&format!("SET search_path = {}; {sql}", self.name)).await;
    }

    async fn server(&self, sql: &str) {
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        client.batch_execute(sql).await.unwrap();
        drop(client);
        connection.await.unwrap().unwrap();
    }
}
