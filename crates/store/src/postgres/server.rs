//! Where PostgreSQL is, and connections to it.
//!
//! The URL is libpq's, several hosts included. Of its TLS modes there are two: `verify-full`, the default wherever a host is not
//! this machine, and `disable`. The modes between them encrypt without checking the server's identity, which does not stop an
//! attacker in between. A connection is only kept where it may write (`target_session_attrs`), so that after a failover the new primary is found. A host that takes a
//! connection and then says nothing must not keep anybody from the next one, nor an address from the next one of the same name: the
//! search goes on where the last one ended.
//! A primary that hung while another took its place believes for a moment, when it wakes up, that it still is one: PostgreSQL counts
//! promotions as timelines, and a server on an older one than was seen before is passed over.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    path::Path,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer, pki_types::pem::PemObject as _};
use tokio_postgres::{
    Client, Config, NoTls,
    config::{Host, SslMode, TargetSessionAttrs},
    error::SqlState,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    away::Away,
    form::{Error, QueryResult},
};
use crate::OpenError;

/// One attempt to reach one address, unless the URL says otherwise.
const CONNECT: Duration = Duration::from_millis(1500);
/// After so long without an answer of the other side the connection is given up.
const SILENCE: Duration = Duration::from_secs(5);

/// A parsed URL.
#[derive(Clone)]
pub(crate) struct Server {
    /// One for each host.
    hosts: Vec<Config>,
    /// Which of them is tried first.
    first: Arc<Mutex<Turn>>,
    lookup: Lookup,
    /// The newest timeline that was seen.
    newest: Arc<AtomicI64>,
    away: Arc<Away>,
    tls: Option<MakeRustlsConnect>,
    name: String,
}

/// A connection, and the timeline of the server it leads to.
pub(super) struct Link {
    client: Client,
    timeline: i64,
}

impl Deref for Link {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl DerefMut for Link {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Server {
    /// Reads an URL. Its password is in no error.
    pub(crate) fn parse(url: &str) -> std::result::Result<Self, OpenError> {
        // A part of a password would be taken for a host, and shown.
        let (_, rest) = url.split_once("://").unwrap_or(("", url));
        let (at_host, after) =
            rest.split_at_checked(rest.find(['/', '?']).unwrap_or(rest.len())).unwrap_or((rest, ""));
        if at_host.matches('@').count() > 1 || after.contains('@') {
            return Err(setting(
                "its URL has an @ too many: one in a user's name or a password is written %40, a / %2F"
                    .to_owned(),
            ));
        }
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut mode, mut roots, mut rest) = (None, None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslmode", value)) => mode = Some(value.to_owned()),
                Some(("sslrootcert", value)) => roots = Some(value.to_owned()),
                _ => rest.push(pair),
            }
        }
        let plain = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
        let unreadable = |error: tokio_postgres::Error| {
            // The cause names an option or a position, never a value.
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            setting(format!("its URL cannot be read: {cause}"))
        };
        let config: Config = plain.parse().map_err(unreadable)?;
        if config.get_hosts().is_empty() {
            return Err(setting("its URL names no host".to_owned()));
        }
        let each = each_host(&plain);
        if each.len() != config.get_hosts().len() || !config.get_hostaddrs().is_empty() {
            return Err(setting(
                "its URL names hosts after the ?: they stand before the database, postgres://user@one,other/database"
                    .to_owned(),
            ));
        }
        let name = shown(&config);
        let encrypted = match mode.as_deref() {
            None => !config.get_hosts().iter().all(is_here),
            Some("disable") => false,
            Some("verify-full") => true,
            Some(_) => return Err(setting("sslmode must be verify-full or disable".to_owned())),
        };
        let tls = encrypted.then(|| verifying(roots.as_deref().map(Path::new))).transpose()?;
        let mut hosts = Vec::new();
        for url in each {
            let mut config: Config = url.parse().map_err(unreadable)?;
            config.ssl_mode(if encrypted { SslMode::Require } else { SslMode::Disable });
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
            if config.get_connect_timeout().is_none() {
                config.connect_timeout(CONNECT);
            }
            if config.get_application_name().is_none() {
                config.application_name("grantwell");
            }
            config.keepalives_idle(SILENCE).tcp_user_timeout(SILENCE);
            hosts.push(config);
        }
        let (first, newest, away) = (Arc::default(), Arc::default(), Arc::default());
        Ok(Self { hosts, first, lookup: addresses, newest, away, tls, name })
    }

    /// Hosts and database, without user and password.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A new connection to a server that may be written to.
    pub(super) async fn connect(&self) -> QueryResult<Link> {
        if self.away.is_away() {
            let server = self.clone();
            self.away.wait(async move { server.search().await.map(drop) }).await?;
        }
        self.search().await
    }

    async fn search(&self) -> QueryResult<Link> {
        let count = self.hosts.len().max(1);
        let first = *self.first.lock().unwrap_or_else(PoisonError::into_inner);
        let mut failure = Error::Late;
        for step in 0..count {
            let at = (first.host + step) % count;
            let Some(host) = self.hosts.get(at) else { continue };
            let next_host = Turn { host: (at + 1) % count, address: 0 };
            let mut attempt = Attempt { server: self, next: next_host, failed: true };
            let limit = host.get_connect_timeout().copied().unwrap_or(CONNECT);
            let Ok(known) = tokio::time::timeout(limit, (self.lookup)(host.clone())).await else { continue };
            let skipped = if step == 0 { first.address } else { 0 };
            let mut order = (0..known.len()).map(|n| (skipped + n) % known.len()).peekable();
            while let Some(address) = order.next() {
                attempt.next = order.peek().map_or(next_host, |&address| Turn { host: at, address });
                let Some(host) = known.get(address) else { continue };
                match tokio::time::timeout(limit, self.connect_to(host)).await {
                    Ok(Ok(client)) => {
                        (attempt.next, attempt.failed) = (Turn { host: at, address }, false);
                        return Ok(client);
                    }
                    Ok(Err(error)) => failure = error,
                    Err(_) => failure = Error::Late,
                }
            }
        }
        Err(failure)
    }

    async fn connect_to(&self, host: &Config) -> QueryResult<Link> {
        let connected = match &self.tls {
            None => host.connect(NoTls).await.map(|(client, connection)| {
                drop(tokio::spawn(connection));
                client
            }),
            Some(tls) => host.connect(tls.clone()).await.map(|(client, connection)| {
                drop(tokio::spawn(connection));
                client
            }),
        };
        let client = connected?;
        let timeline = timeline(&client).await?;
        self.newest.fetch_max(timeline, Ordering::Relaxed);
        let link = Link { client, timeline };
        if self.is_current(&link) { Ok(link) } else { Err(Error::Replaced) }
    }

    /// Whether the connection's server is still on the newest timeline that was seen.
    pub(super) fn is_current(&self, link: &Link) -> bool {
        link.timeline >= self.newest.load(Ordering::Relaxed)
    }

    /// As if a server on a timeline so much newer had been seen.
    #[cfg(all(test, feature = "postgres-tests"))]
    pub(super) fn see(&self, newer: i64) {
        self.newest.fetch_add(newer, Ordering::Relaxed);
    }

    /// The same, for the person who starts something: what the server said is shown, since no row was asked for yet.
    pub(super) async fn connect_first(&self) -> std::result::Result<Link, OpenError> {
        let connected = tokio::time::timeout(SILENCE * 2, self.connect()).await.unwrap_or(Err(Error::Late));
        connected.map_err(|error| OpenError::Unreachable { database: self.name.clone(), why: reason(&error) })
    }
}

/// The first eight digits of the name of the file that is being written to. What speaks PostgreSQL without being it may have none.
async fn timeline(client: &Client) -> QueryResult<i64> {
    const ASK: &str = "SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint";
    let unknown =
        [SqlState::UNDEFINED_FUNCTION, SqlState::INSUFFICIENT_PRIVILEGE, SqlState::FEATURE_NOT_SUPPORTED];
    match client.query_typed_one(ASK, &[]).await {
        Ok(row) => Ok(row.try_get(0)?),
        Err(error) if error.code().is_some_and(|code| unknown.contains(code)) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// A host, and one of the addresses that its name has.
#[derive(Clone, Copy, Debug, Default)]
struct Turn {
    host: usize,
    address: usize,
}

/// How the addresses of a host are found.
type Lookup = fn(Config) -> Pin<Box<dyn Future<Output = Vec<Config>> + Send>>;

/// One for each address of a host's name. The driver would try them in one go, which ends before the second when the first one is
/// silent. What cannot be looked up is left to the driver, and to its error.
fn addresses(host: Config) -> Pin<Box<dyn Future<Output = Vec<Config>> + Send>> {
    Box::pin(async move {
        let Some(Host::Tcp(name)) = host.get_hosts().first() else { return vec![host] };
        let port = host.get_ports().first().copied().unwrap_or(5432);
        let found = tokio::net::lookup_host((name.as_str(), port)).await.map(Iterator::collect);
        let found: Vec<std::net::SocketAddr> = found.unwrap_or_default();
        if found.is_empty() {
            return vec![host];
        }
        let at = |address: &std::net::SocketAddr| host.clone().hostaddr(address.ip()).clone();
        found.iter().map(at).collect()
    })
}

/// Where the next search begins. Dropped when a host has answered or failed, and also when the caller's time was over.
struct Attempt<'s> {
    server: &'s Server,
    next: Turn,
    failed: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        *self.server.first.lock().unwrap_or_else(PoisonError::into_inner) = self.next;
        self.server.away.set(self.failed);
    }
}

/// What went wrong on the way to a connection.
fn reason(error: &Error) -> String {
    match error {
        Error::Away(error) => reason(error),
        Error::Server(error) => match error.as_db_error() {
            Some(said) => said.message().to_owned(),
            None => {
                let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
                format!("{error}{}", cause.unwrap_or_default())
            }
        },
        Error::Replaced => "another server has taken its place".to_owned(),
        _ => "it did not answer in time".to_owned(),
    }
}

/// Whether a connection is of no more use: closed, being closed by the server, or to a server that became read-only.
pub(super) fn is_lost(error: &Error) -> bool {
    if let Error::Away(error) = error {
        return is_lost(error);
    }
    match error.code() {
        Some(code) => {
            code.code().starts_with("08")
                || [
                    SqlState::ADMIN_SHUTDOWN,
                    SqlState::CRASH_SHUTDOWN,
                    SqlState::CANNOT_CONNECT_NOW,
                    SqlState::READ_ONLY_SQL_TRANSACTION,
                    SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
                ]
                .contains(code)
        }
        None => matches!(error, Error::Server(_) | Error::Late | Error::Replaced),
    }
}

/// An URL for each host that this one names between the user and the database.
fn each_host(url: &str) -> Vec<String> {
    let start = url.find("://").map_or(0, |at| at + "://".len());
    let (scheme, rest) = url.split_at_checked(start).unwrap_or(("", url));
    let (user, rest) =
        rest.split_once('@').map_or((String::new(), rest), |(user, rest)| (format!("{user}@"), rest));
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (hosts, database) = rest.split_at_checked(end).unwrap_or((rest, ""));
    hosts.split(',').map(|host| format!("{scheme}{user}{host}{database}")).collect()
}

fn setting(why: String) -> OpenError {
    OpenError::Setting { why }
}

fn shown(config: &Config) -> String {
    let ports = config.get_ports();
    let hosts = config.get_hosts().iter().enumerate().map(|(at, host)| {
        let port = ports.get(at).or_else(|| ports.first()).copied().unwrap_or(5432);
        match host {
            Host::Tcp(host) => format!("{host}:{port}"),
            Host::Unix(folder) => format!("{}:{port}", folder.display()),
        }
    });
    let hosts = hosts.collect::<Vec<_>>().join(",");
    format!("postgres://{hosts}/{}", config.get_dbname().unwrap_or_default())
}

/// A socket, or a name that means this machine.
fn is_here(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
    }
}

/// Certificate and host name are checked, against one's own CA or the system's roots.
fn verifying(roots: Option<&Path>) -> std::result::Result<MakeRustlsConnect, OpenError> {
    let mut store = RootCertStore::empty();
    match roots {
        Some(file) => {
            let unreadable = |error: rustls::pki_types::pem::Error| {
                setting(format!("sslrootcert {}: {error}", file.display()))
            };
            for certificate in CertificateDer::pem_file_iter(file).map_err(unreadable)? {
                let certificate = certificate.map_err(unreadable)?;
                store.add(certificate).map_err(|error| setting(format!("sslrootcert: {error}")))?;
            }
        }
        None => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if store.is_empty() {
        return Err(setting(
            "there is no CA to check its certificate by: name one with sslrootcert".to_owned(),
        ));
    }
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| setting(format!("TLS: {error}")))?;
    Ok(MakeRustlsConnect::new(builder.with_root_certificates(store).with_no_client_auth()))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(feature = "postgres-tests")]
    use crate::postgres::{form::Statement, pool::Pool};

    fn encrypted(url: &str) -> bool {
        Server::parse(url).unwrap().tls.is_some()
    }

    #[test]
    fn what_leaves_the_machine_is_encrypted_unless_the_url_says_otherwise() {
        assert!(!encrypted("postgres://u:p@localhost/db"));
        assert!(!encrypted("postgres://u:p@127.0.0.1:5433,[::1]:5434/db"));
        assert!(!encrypted("postgres://u@%2Frun%2Fpostgresql/db"));
        assert!(!encrypted("postgres://u:p@db.example/db?sslmode=disable"));
        // Whether there are system roots depends on the machine; what must not be is a connection in the clear.
        for url in ["postgres://u:p@db.example/db", "postgres://u:p@127.0.0.1,db.example/db"] {
            assert!(Server::parse(url).map_or(true, |server| server.tls.is_some()), "{url}");
        }
    }

    #[test]
    fn an_url_that_cannot_be_used_says_why_without_its_password() {
        for (url, part) in [
            ("postgres://u:hunter2@db.example/db?sslmode=require", "sslmode must be"),
            (
                "postgres://u:hunter2@db.example/db?sslmode=verify-full&sslrootcert=/nowhere/ca.crt",
                "sslrootcert",
            ),
            ("postgres://u:hunter2@h/db?colour=red", "colour"),
            ("postgres://u:hunter2@h:port/db", "URL cannot be read"),
            ("postgres://u:p@hunter2@h/db", "an @ too many"),
            ("postgres://u:p/hunter2@h/db", "an @ too many"),
            ("postgres://h/db?user=u&password=p@hunter2", "an @ too many"),
            // Neither would the first be known as far away, nor would the others be asked one by one.
            ("postgres://u:hunter2@localhost/db?hostaddr=192.0.2.1", "hosts after the ?"),
            ("postgres://u:hunter2@one/db?host=other", "hosts after the ?"),
        ] {
            let refusal = Server::parse(url).unwrap_err().to_string();
            assert!(refusal.contains(part) && !refusal.contains("hunter2"), "{refusal}");
        }
    }

    #[test]
    fn each_host_has_an_url_of_its_own() {
        let each = each_host("postgres://u:p@h:5433,[::1]:5434,/db?connect_timeout=2");
        assert_eq!(
            each,
            [
                "postgres://u:p@h:5433/db?connect_timeout=2",
                "postgres://u:p@[::1]:5434/db?connect_timeout=2",
                "postgres://u:p@/db?connect_timeout=2"
            ]
        );
        assert_eq!(each_host("postgres://h"), ["postgres://h"]);
    }

    #[tokio::test]
    async fn a_host_that_says_nothing_is_not_asked_first_again() {
        // They take connections, as a machine that hangs does, and never read.
        let (one, other) = (silent().await, silent().await);
        let url = format!("postgres://u:p@{},{}/db", one.local_addr().unwrap(), other.local_addr().unwrap());
        let server = Server::parse(&url).unwrap();
        let mut open = Vec::new();
        for host in [&one, &other] {
            assert!(tokio::time::timeout(MOMENT, server.connect()).await.is_err(), "nothing answers");
            open.push(taken(host).await);
        }
        open.push(taken(&one).await);
        let counts: Vec<usize> = open.iter().map(Vec::len).collect();
        assert_eq!(counts, [1, 1, 0], "the first is asked once, and then the other");
    }

    #[tokio::test]
    async fn an_address_that_says_nothing_does_not_hide_the_next_one_of_its_name() {
        let one = silent().await;
        let port = one.local_addr().unwrap().port();
        let other = tokio::net::TcpListener::bind(("127.0.0.2", port)).await.unwrap();
        let mut server = Server::parse(&format!("postgres://u:p@localhost:{port}/db")).unwrap();
        server.lookup = |host| {
            let at = |last| host.clone().hostaddr([127, 0, 0, last].into()).clone();
            let known = vec![at(1), at(2)];
            Box::pin(std::future::ready(known))
        };
        for _ in 0..2 {
            assert!(tokio::time::timeout(MOMENT, server.connect()).await.is_err(), "nothing answers");
        }
        assert_eq!((taken(&one).await.len(), taken(&other).await.len()), (1, 1), "each is asked");
    }

    const MOMENT: Duration = Duration::from_millis(50);

    async fn silent() -> tokio::net::TcpListener {
        tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap()
    }

    /// The connections that it was asked for since, still open.
    async fn taken(silent: &tokio::net::TcpListener) -> Vec<tokio::net::TcpStream> {
        let mut taken = Vec::new();
        while let Ok(Ok((stream, _))) = tokio::time::timeout(MOMENT, silent.accept()).await {
            taken.push(stream);
        }
        taken
    }

    #[tokio::test]
    async fn who_asks_while_a_server_hangs_makes_no_connection_of_his_own() {
        let host = silent().await;
        let server = Server::parse(&format!("postgres://u:p@{}/db", host.local_addr().unwrap())).unwrap();
        assert!(tokio::time::timeout(MOMENT, server.connect()).await.is_err(), "that is how it shows");
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..40 {
            let server = server.clone();
            asking.spawn(async move { tokio::time::timeout(MOMENT, server.connect()).await.is_err() });
        }
        assert!(asking.join_all().await.into_iter().all(|late| late));
        assert_eq!(taken(&host).await.len(), 2, "the first, and one for all the others");
    }

    #[cfg(feature = "postgres-tests")]
    #[tokio::test]
    async fn a_server_that_is_back_is_found_by_all_who_wait() {
        let server = Server::parse(&crate::suite::postgres::server().unwrap()).unwrap();
        server.away.set(true);
        let (one, other) = tokio::join!(server.connect(), server.connect());
        assert!(one.is_ok() && other.is_ok() && !server.away.is_away());
    }

    /// An abandoned read keeps the only connection, and gives it back.
    #[cfg(feature = "postgres-tests")]
    #[tokio::test]
    async fn who_gives_up_a_read_costs_no_connection() {
        let server = Arc::new(Server::parse(&crate::suite::postgres::server().unwrap()).unwrap());
        let holder = server.connect().await.unwrap();
        holder.batch_execute("SELECT pg_advisory_lock(4712)").await.unwrap();
        let pool = Arc::new(Pool::new(server, 1));
        let who = Statement::new("SELECT pg_backend_pid()", Vec::new());
        let pid = |rows: QueryResult<Vec<tokio_postgres::Row>>| rows.unwrap()[0].get::<_, i32>(0);
        let before = pid(pool.query(SILENCE, who.clone()).await);
        let waits = Statement::new("SELECT pg_advisory_xact_lock_shared(4712)::text", Vec::new());
        assert!(matches!(pool.query(MOMENT, waits).await, Err(Error::Late)));
        assert!(
            matches!(pool.query(MOMENT, who.clone()).await, Err(Error::Late)),
            "the server goes on with it"
        );
        holder.batch_execute("SELECT pg_advisory_unlock(4712)").await.unwrap();
        assert_eq!(pid(pool.query(SILENCE, who).await), before);
    }

    #[test]
    fn a_name_is_hosts_and_database() {
        let server =
            Server::parse("postgres://u:hunter2@localhost:5433,127.0.0.1/db?target_session_attrs=any")
                .unwrap();
        assert_eq!(server.name(), "postgres://localhost:5433,127.0.0.1:5432/db");
        assert!(!format!("{server:?}").contains("hunter2"));
    }

    /// FT-04: woken up after another was promoted, a primary is still read-write until it is demoted.
    #[cfg(feature = "postgres-tests")]
    #[tokio::test]
    async fn ft_04_a_server_on_an_older_timeline_than_was_seen_is_not_used() {
        let server = Server::parse(&crate::suite::postgres::server().unwrap()).unwrap();
        drop(server.connect().await.unwrap());
        let timeline = server.newest.load(Ordering::Relaxed);
        assert!(timeline > 0, "{timeline}");
        drop(server.connect().await.unwrap());
        let pool = Arc::new(Pool::new(Arc::new(server.clone()), 2));
        let ask = Statement::new("SELECT 1", Vec::new());
        assert!(pool.query(SILENCE, ask.clone()).await.is_ok(), "and its connection is kept");
        // A read waits for a lock while another server is seen.
        let holder = server.connect().await.unwrap();
        holder.batch_execute("SELECT pg_advisory_lock(4711)").await.unwrap();
        let read = Statement::new("SELECT pg_advisory_lock_shared(4711)", Vec::new());
        let others = async {
            let waiting = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND objid = 4711)";
            while !holder.query_typed_one(waiting, &[]).await.unwrap().get::<_, bool>(0) {}
            server.see(1);
            holder.batch_execute("SELECT pg_advisory_unlock(4711)").await.unwrap();
        };
        let (read, ()) = tokio::join!(pool.query(SILENCE, read), others);
        assert!(matches!(read, Err(Error::Replaced)), "what it has read may not be so any more");
        let is_replaced = |error: Error| matches!(error, Error::Away(why) if matches!(*why, Error::Replaced));
        assert!(server.connect().await.is_err_and(is_replaced));
        assert!(pool.query(SILENCE, ask).await.is_err_and(is_replaced));
    }
}
