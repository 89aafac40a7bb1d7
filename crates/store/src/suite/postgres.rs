//! A database of its own for a test: a schema on the server that `GRANTWELL_TEST_POSTGRES` names. Whoever started the server
//! removes it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};
use tokio_postgres::{Client, NoTls, error::SqlState};

use crate::{Engine, OpenOptions, open};

/// An empty schema.
#[derive(Debug)]
pub struct Schema {
    url: String,
    name: String,
}

/// Gives a database a schema one version newer than this release knows and may still serve: what a newer release leaves behind
/// whose first node has started. Retries its locks as a migration does.
pub async fn expand(url: &str) -> Result<(), tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    let driver = tokio::spawn(connection);
    let made = include_str!("next/postgres.sql");
    let marked = "UPDATE grantwell SET version = version + 1";
    let expand = format!("BEGIN; SET LOCAL lock_timeout = 1000; {made}; {marked}; COMMIT");
    let in_the_way = [&SqlState::LOCK_NOT_AVAILABLE, &SqlState::T_R_DEADLOCK_DETECTED];
    let mut expanded = client.batch_execute(&expand).await;
    for _ in 1..30 {
        match &expanded {
            Err(error) if error.code().is_some_and(|code| in_the_way.contains(&code)) => {}
            _ => break,
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        client.batch_execute("ROLLBACK").await?;
        expanded = client.batch_execute(&expand).await;
    }
    driver.abort();
    expanded
}

/// The server's URL, where tests are to use one.
#[expect(clippy::disallowed_methods, reason = "what a test runs against is no configuration of the server")]
pub fn server() -> Option<String> {
    std::env::var("GRANTWELL_TEST_POSTGRES").ok()
}

/// The server's URL with another host and port.
pub fn by(address: &str) -> String {
    let url = server().unwrap();
    let (before, rest) = url.split_once('@').unwrap();
    let database = rest.split_once('/').map_or("", |(_, database)| database);
    format!("{before}@{address}/{database}")
}

impl Schema {
    /// Makes one.
    pub async fn new() -> Self {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let name = format!("t_{}_{}", std::process::id(), LAST.fetch_add(1, Ordering::Relaxed));
        let schema = Self { url: server().unwrap(), name };
        schema.client().await.batch_execute(&format!("CREATE SCHEMA {}", schema.name)).await.unwrap();
        schema
    }

    /// The URL with this schema as the only one that a name without one means.
    pub fn url(&self) -> String {
        self.on(&self.url)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
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
        self.connect().await.batch_execute(sql).await.unwrap();
    }

    /// Host and port of the server.
    pub fn address(&self) -> String {
        let rest = self.url.rsplit('@').next().unwrap();
        rest.split(['/', '?']).next().unwrap().to_owned()
    }

    /// A connection of one's own, with the schema as the only one.
    pub async fn connect(&self) -> Client {
        let client = self.client().await;
        client.batch_execute(&format!("SET search_path = {}", self.name)).await.unwrap();
        client
    }

    async fn client(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await.unwrap();
        drop(tokio::spawn(connection));
        client
    }
}

/// A way to the server that can be broken: for servers that are away, and for answers that are lost.
pub struct Relay {
    port: u16,
    mode: watch::Sender<Mode>,
    lost: Arc<AtomicBool>,
    running: JoinHandle<()>,
}

/// What becomes of what comes in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Mode {
    /// It is passed on.
    #[default]
    Open,
    /// Connections are ended, and new ones too.
    Refuse,
    /// Nothing is passed on, in either direction.
    Silent,
    /// What contains these bytes is passed on, and the connection ends before the answer.
    LoseAnswer(Vec<u8>),
    /// The connection ends instead of passing on what contains these bytes.
    LoseRequest(Vec<u8>),
}

impl Relay {
    /// Starts one in front of the server of a schema.
    pub async fn start(schema: &Schema) -> Self {
        let server = schema.address();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (mode, seen) = watch::channel(Mode::default());
        let lost = Arc::new(AtomicBool::new(false));
        let (noted, changed) = (Arc::clone(&lost), mode.clone());
        let running = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, seen) = (server.clone(), seen.clone());
                let (noted, changed) = (Arc::clone(&noted), changed.clone());
                drop(tokio::spawn(async move {
                    if *seen.borrow() != Mode::Refuse {
                        let server = TcpStream::connect(server).await.unwrap();
                        pass(client, server, seen, &noted, &changed).await;
                    }
                }));
            }
        });
        Self { port, mode, lost, running }
    }

    /// The server's URL by this way.
    pub fn url(&self) -> String {
        by(&format!("127.0.0.1:{}", self.port))
    }

    /// Ends every connection and takes no more.
    pub fn refuse(&self) {
        self.mode.send_replace(Mode::Refuse);
    }

    /// Keeps every connection and passes nothing on.
    pub fn silence(&self) {
        self.mode.send_replace(Mode::Silent);
    }

    /// Passes everything on again.
    pub fn mend(&self) {
        self.mode.send_replace(Mode::Open);
    }

    /// Ends the next connection that sends `request` after it was passed on, then passes everything on.
    pub fn lose_the_answer_of(&self, request: &[u8]) {
        self.lost.store(false, Ordering::SeqCst);
        self.mode.send_replace(Mode::LoseAnswer(request.to_vec()));
    }

    /// Ends the next connection that sends `request` before it was passed on, then passes everything on.
    pub fn lose_the_request(&self, request: &[u8]) {
        self.lost.store(false, Ordering::SeqCst);
        self.mode.send_replace(Mode::LoseRequest(request.to_vec()));
    }

    /// Whether it happened.
    pub fn has_lost(&self) -> bool {
        self.lost.load(Ordering::SeqCst)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// Passes on in both directions until the mode says otherwise.
async fn pass(
    mut client: TcpStream,
    mut server: TcpStream,
    mut mode: watch::Receiver<Mode>,
    lost: &AtomicBool,
    changed: &watch::Sender<Mode>,
) {
    let (mut up, mut down) = (vec![0; 65536], vec![0; 65536]);
    loop {
        let now = mode.borrow_and_update().clone();
        if now == Mode::Refuse {
            return;
        }
        let is_open = now != Mode::Silent;
        tokio::select! {
            changed = mode.changed() => if changed.is_err() { return },
            sent = client.read(&mut up), if is_open => {
                let Ok(sent @ 1..) = sent else { return };
                let Some(bytes) = up.get(..sent) else { return };
                let contains = |wanted: &[u8]| bytes.windows(wanted.len()).any(|window| window == wanted);
                let ends = match &now {
                    Mode::LoseRequest(wanted) if contains(wanted) => Some(false),
                    Mode::LoseAnswer(wanted) if contains(wanted) => Some(true),
                    _ => None,
                };
                if ends != Some(false) && server.write_all(bytes).await.is_err() {
                    return;
                }
                if let Some(passed_on) = ends {
                    if passed_on {
                        // The server has done it when it answers.
                        let _ = server.read(&mut down).await;
                    }
                    lost.store(true, Ordering::SeqCst);
                    changed.send_replace(Mode::Open);
                    return;
                }
            }
            answered = server.read(&mut down), if is_open => {
                let Ok(answered @ 1..) = answered else { return };
                let Some(bytes) = down.get(..answered) else { return };
                if client.write_all(bytes).await.is_err() {
                    return;
                }
            }
        }
    }
}
