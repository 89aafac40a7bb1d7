//! Where PostgreSQL is, and connections to it.
//!
//! The URL is libpq's, several hosts included. Of its TLS modes there are two: `verify-full`, the default wherever a host is not
//! this machine, and `disable`. What encrypts without knowing to whom protects from nobody who matters. A connection is
//! only kept where it may write (`target_session_attrs`), so that after a failover the new primary is found.

use std::{fmt, path::Path, time::Duration};

use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer, pki_types::pem::PemObject as _};
use tokio_postgres::{
    Client, Config, NoTls,
    config::{Host, SslMode, TargetSessionAttrs},
    error::SqlState,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::form::{Error, Result};
use crate::OpenError;

/// One attempt to reach one address, unless the URL says otherwise.
const CONNECT: Duration = Duration::from_millis(1500);
/// After so long without an answer of the other side the connection is given up.
const SILENCE: Duration = Duration::from_secs(5);

/// A parsed URL.
#[derive(Clone)]
pub(crate) struct Server {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    name: String,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Server {
    /// Reads an URL. Its password is in no error.
    pub(crate) fn parse(url: &str) -> std::result::Result<Self, OpenError> {
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
        let mut config: Config = plain.parse().map_err(|error: tokio_postgres::Error| {
            // The cause names an option or a position, never a value.
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            setting(format!("its URL cannot be read: {cause}"))
        })?;
        if config.get_hosts().is_empty() {
            return Err(setting("its URL names no host".to_owned()));
        }
        let name = shown(&config);
        let encrypted = match mode.as_deref() {
            None => !config.get_hosts().iter().all(is_here),
            Some("disable") => false,
            Some("verify-full") => true,
            Some(_) => return Err(setting("sslmode must be verify-full or disable".to_owned())),
        };
        let tls = encrypted.then(|| verifying(roots.as_deref().map(Path::new))).transpose()?;
        config.ssl_mode(if encrypted { SslMode::Require } else { SslMode::Disable });
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        if config.get_application_name().is_none() {
            config.application_name("grantwell");
        }
        config.keepalives_idle(SILENCE).tcp_user_timeout(SILENCE);
        Ok(Self { config, tls, name })
    }

    /// Hosts and database, without user and password.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A new connection to a server that may be written to.
    pub(super) async fn connect(&self) -> Result<Client> {
        let connected = match &self.tls {
            None => self.config.connect(NoTls).await.map(|(client, connection)| {
                drop(tokio::spawn(connection));
                client
            }),
            Some(tls) => self.config.connect(tls.clone()).await.map(|(client, connection)| {
                drop(tokio::spawn(connection));
                client
            }),
        };
        Ok(connected?)
    }

    /// The same, for the person who starts something: what the server said is shown, since no row was asked for yet.
    pub(super) async fn connect_first(&self) -> std::result::Result<Client, OpenError> {
        let connected = tokio::time::timeout(SILENCE * 2, self.connect()).await.unwrap_or(Err(Error::Late));
        connected.map_err(|error| OpenError::Unreachable { database: self.name.clone(), why: told(&error) })
    }
}

/// What went wrong on the way to a connection.
fn told(error: &Error) -> String {
    match error {
        Error::Server(error) => match error.as_db_error() {
            Some(said) => said.message().to_owned(),
            None => {
                let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
                format!("{error}{}", cause.unwrap_or_default())
            }
        },
        _ => "it did not answer in time".to_owned(),
    }
}

/// Whether a connection is of no more use: closed, being closed by the server, or to a server that became read-only.
pub(super) fn is_lost(error: &Error) -> bool {
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
        None => matches!(error, Error::Server(_) | Error::Late),
    }
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
    format!("postgres://{hosts}/{}", config.get_dbname().or(config.get_user()).unwrap_or_default())
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
        ] {
            let refusal = Server::parse(url).unwrap_err().to_string();
            assert!(refusal.contains(part) && !refusal.contains("hunter2"), "{refusal}");
        }
    }

    #[test]
    fn a_name_is_hosts_and_database() {
        let server =
            Server::parse("postgres://u:hunter2@localhost:5433,127.0.0.1/db?target_session_attrs=any")
                .unwrap();
        assert_eq!(server.name(), "postgres://localhost:5433,127.0.0.1:5432/db");
        assert!(!format!("{server:?}").contains("hunter2"));
    }
}
