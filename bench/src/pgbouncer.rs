//! PgBouncer with transaction pooling between the nodes and PostgreSQL.

use std::{fs, net::SocketAddr, path::Path, process::Command};

use crate::{
    account::SystemAccount,
    postgres::{PostgresCluster, succeed},
    process::{Folder, Process, free_address},
};

const PROGRAM: &str = "/usr/sbin/pgbouncer";

/// A connection to the server lives a second, so that every session of a client is served by many. `PAUSE` ends one that is being
/// made too, which PgBouncer takes for a login that failed: everybody is refused until it tries again, by default after 15 s.
const SETTINGS: &str = "\
pool_mode = transaction
default_pool_size = 20
max_client_conn = 300
server_lifetime = 1
server_login_retry = 1
auth_type = scram-sha-256
unix_socket_dir =
admin_users = postgres
";

/// A pool, running or not.
#[derive(Debug)]
pub(crate) struct Pgbouncer {
    process: Option<Process>,
    account: SystemAccount,
    pub(crate) address: SocketAddr,
    folder: Folder,
}

impl Pgbouncer {
    pub(crate) async fn new(postgres: &PostgresCluster) -> Result<Self, String> {
        if !Path::new(PROGRAM).exists() {
            return Err(format!("there is no {PROGRAM}. Run: sudo apt-get install pgbouncer"));
        }
        let (account, address) = (postgres.account(), free_address()?);
        let folder = Folder::new().map_err(|error| error.to_string())?;
        let users = folder.path("users");
        let server = postgres.address();
        let configuration = format!(
            "[databases]\n* = host={} port={}\n\n[pgbouncer]\nlisten_addr = {}\nlisten_port = {}\nauth_file = {}\n{SETTINGS}",
            server.ip(),
            server.port(),
            address.ip(),
            address.port(),
            users.display(),
        );
        let failed = |error: std::io::Error| error.to_string();
        fs::write(&users, format!("\"postgres\" \"{}\"\n", postgres.password())).map_err(failed)?;
        fs::write(folder.path("pgbouncer.ini"), configuration).map_err(failed)?;
        for path in [folder.0.clone(), users, folder.path("pgbouncer.ini")] {
            account.give(&path)?;
        }
        let mut pgbouncer = Self { process: None, account, address, folder };
        pgbouncer.start().await?;
        Ok(pgbouncer)
    }

    pub(crate) async fn start(&mut self) -> Result<(), String> {
        let mut command = self.account.command(Path::new(PROGRAM));
        command.arg(self.folder.path("pgbouncer.ini"));
        let mut process = Process::start(&mut command, &self.log())?;
        let address = self.address;
        process.until(|_| std::net::TcpStream::connect(address).is_ok()).await?;
        self.process = Some(process);
        Ok(())
    }

    /// SIGTERM: it ends at once, and so do its connections.
    pub(crate) async fn stop(&mut self) -> Result<(), String> {
        match self.process.take() {
            Some(mut process) => process.end("TERM").await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    /// A command of its console: `PAUSE`, `RESUME`.
    pub(crate) fn console(&self, postgres: &PostgresCluster, command: &str) -> Result<(), String> {
        succeed(self.client(postgres).args(["--dbname=pgbouncer", "--command", command]))
    }

    /// `psql`, by way of the pool.
    pub(crate) fn client(&self, postgres: &PostgresCluster) -> Command {
        let mut command = postgres.client("psql");
        command.env("PGHOST", self.address.ip().to_string()).env("PGPORT", self.address.port().to_string());
        command
    }

    pub(crate) fn log(&self) -> std::path::PathBuf {
        self.folder.path("log")
    }
}
