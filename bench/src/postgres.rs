//! A private PostgreSQL cluster: made in a folder of its own, on a free port of loopback, gone with us.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode},
    time::{Duration, Instant},
};

use crate::{
    account::SystemAccount,
    process::{Folder, Process, children, free_address, signal},
    random::Random,
};

/// Where Debian's packages put the programs of each version.
const VERSIONS: &str = "/usr/lib/postgresql";
const SUPERUSER: &str = "postgres";
/// No socket in a folder: its path could be too long, and it is not needed.
const SETTINGS: [&str; 8] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=300",
    "shared_buffers=64MB",
    "log_min_messages=warning",
    "log_line_prefix=%m [%p] ",
    "log_timezone=UTC",
    // In its folder, so that nothing of a killed server is left in memory.
    "dynamic_shared_memory_type=mmap",
];
/// Settings of a server whose data may be lost: no flushes, no full pages in its log, no vacuum, since the schemas of tests are many
/// and short-lived.
const WAIVED: [&str; 8] = [
    "fsync=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_wal_size=8GB",
    "checkpoint_timeout=1h",
    "autovacuum=off",
    "shared_buffers=256MB",
];
/// How long an immediate shutdown may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a loss of power may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Nothing.
    Kept,
    /// Everything, and tests are faster.
    Waived,
}

/// The programs of the newest version.
pub(crate) fn programs() -> Result<PathBuf, String> {
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let folders = fs::read_dir(VERSIONS).into_iter().flatten().flatten().map(|entry| entry.path());
    let whole = folders.filter(|path| path.join("bin/initdb").exists());
    let newest = whole.max_by_key(|path| version(path));
    let missing = || format!("there is no PostgreSQL in {VERSIONS}. Run: sudo apt-get install postgresql");
    newest.map(|path| path.join("bin")).ok_or_else(missing)
}

/// The cluster, running or not.
#[derive(Debug)]
pub(crate) struct PostgresCluster {
    // Ended before the folder goes.
    server: Option<Process>,
    programs: PathBuf,
    account: SystemAccount,
    address: SocketAddr,
    password: String,
    durability: Durability,
    /// Beside [`SETTINGS`], and after them.
    settings: &'static [&'static str],
    folder: Folder,
}

impl Drop for PostgresCluster {
    fn drop(&mut self) {
        self.kill();
    }
}

impl PostgresCluster {
    /// Makes a cluster and starts it.
    pub(crate) async fn new(durability: Durability) -> Result<Self, String> {
        Self::with(durability, &[]).await
    }

    /// The same with more settings.
    pub(crate) async fn with(
        durability: Durability,
        settings: &'static [&'static str],
    ) -> Result<Self, String> {
        let folder = Folder::new().map_err(|error| error.to_string())?;
        let account = SystemAccount::find()?;
        account.give(&folder.0)?;
        let password = password();
        let mut postgres = Self {
            server: None,
            programs: programs()?,
            account,
            address: free_address()?,
            password,
            durability,
            settings,
            folder,
        };
        postgres.initialize()?;
        postgres.start().await?;
        Ok(postgres)
    }

    fn initialize(&self) -> Result<(), String> {
        let file = self.folder.path("password");
        fs::write(&file, &self.password).map_err(|error| error.to_string())?;
        self.account.give(&file)?;
        let mut command = self.account.command(&self.programs.join("initdb"));
        // The password travels over loopback as it is: a proof of it costs an unoptimized client more than its work.
        command
            .args(["--auth=password", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"])
            .args(["--username", SUPERUSER])
            .arg(argument("--pwfile=", &file))
            .arg(argument("--pgdata=", &self.folder.path("data")));
        succeed(&mut command)
    }

    /// Starts it; it takes connections when this returns.
    pub(crate) async fn start(&mut self) -> Result<(), String> {
        let data = self.folder.path("data");
        let mut command = self.account.command(&self.programs.join("postgres"));
        command.arg("-D").arg(&data).args(["-c", &format!("port={}", self.address.port())]);
        for setting in SETTINGS.iter().chain(self.settings) {
            command.args(["-c", setting]);
        }
        if self.durability == Durability::Waived {
            for setting in WAIVED {
                command.args(["-c", setting]);
            }
        }
        let mut server = Process::start(&mut command, &self.log())?;
        server.until(|id| is_ready(&data, id)).await?;
        self.server = Some(server);
        Ok(())
    }

    /// An empty database.
    pub(crate) fn create_database(&self, name: &str) -> Result<(), String> {
        succeed(self.client("createdb").arg("--maintenance-db=postgres").arg(name))
    }

    /// A database goes, and what it holds.
    pub(crate) fn drop_database(&self, name: &str) -> Result<(), String> {
        succeed(self.client("dropdb").arg("--maintenance-db=postgres").arg(name))
    }

    /// A client program of PostgreSQL, connected by its environment.
    pub(crate) fn client(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command
            .env("PGHOST", self.address.ip().to_string())
            .env("PGPORT", self.address.port().to_string())
            .env("PGUSER", SUPERUSER)
            .env("PGPASSWORD", &self.password);
        command
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn account(&self) -> SystemAccount {
        self.account
    }

    /// The URL of a database.
    pub(crate) fn url(&self, database: &str) -> String {
        self.url_by(self.address, database)
    }

    /// The URL of a database, by way of something in between.
    pub(crate) fn url_by(&self, way: SocketAddr, database: &str) -> String {
        format!("postgres://{SUPERUSER}:{}@{way}/{database}", self.password)
    }

    pub(crate) fn password(&self) -> &str {
        &self.password
    }

    /// The server's log.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.path("log")
    }

    fn id(&self) -> Option<u32> {
        self.server.as_ref().map(Process::id)
    }

    /// SIGKILL to all of it at once.
    pub(crate) fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            let family = children(server.id());
            server.kill();
            signal("KILL", &family);
            wait_for_end(&family);
        }
    }

    /// `pg_ctl stop -m immediate`: it ends without writing anything more.
    pub(crate) async fn stop_immediate(&mut self) -> Result<(), String> {
        match self.server.take() {
            Some(mut server) => server.end("QUIT").await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// `pg_ctl stop -m fast`: connections are refused.
    pub(crate) async fn stop(&mut self) -> Result<(), String> {
        match self.server.take() {
            Some(mut server) => server.end("INT").await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// SIGSTOP to all of it: connections stay open, and nothing answers.
    pub(crate) fn freeze(&self) {
        if let Some(id) = self.id() {
            freeze(id);
        }
    }

    /// SIGCONT.
    pub(crate) fn thaw(&self) {
        if let Some(id) = self.id() {
            thaw(id);
        }
    }

    /// Connections of clients to any of its databases.
    pub(crate) fn connections(&self) -> usize {
        let title = |id: u32| fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let family = self.id().map(children).unwrap_or_default();
        family.into_iter().filter(|id| title(*id).contains("127.0.0.1(")).count()
    }
}

/// SIGSTOP to a server and all that it has started.
pub(crate) fn freeze(server: u32) {
    signal("STOP", &[server]);
    // Stopped, it starts no more of them.
    signal("STOP", &children(server));
}

/// SIGCONT to a server and all that it has started.
pub(crate) fn thaw(server: u32) {
    signal("CONT", &children(server));
    signal("CONT", &[server]);
}

/// A dead server's shared memory is in use until the last of them is gone.
pub(crate) fn wait_for_end(processes: &[u32]) {
    let begun = Instant::now();
    let is_there = |id: &u32| Path::new("/proc").join(id.to_string()).exists();
    while processes.iter().any(is_there) && begun.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A server notes its id on the first line of a file, and its state on the last.
fn is_ready(data: &Path, id: u32) -> bool {
    let text = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    let mut lines = text.lines().map(str::trim);
    lines.next() == Some(id.to_string().as_str()) && lines.next_back() == Some("ready")
}

/// A random password.
pub(crate) fn password() -> String {
    format!("{:016x}{:016x}", Random::seed(), Random::seed())
}

fn argument(name: &str, path: &Path) -> String {
    format!("{name}{}", path.display())
}

/// Runs a program to its end.
pub(crate) fn succeed(command: &mut Command) -> Result<(), String> {
    output(command).map(|_| ())
}

/// Runs a program for what it prints.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    // The folder that we are in may be closed to the account.
    let output = command.current_dir("/").output().map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("{name}: {} {}", output.status, String::from_utf8_lossy(&output.stderr).trim()))
    }
}

/// Runs a command that finds the URL of an empty database in `GRANTWELL_TEST_POSTGRES`; its exit code.
pub(crate) async fn with_postgres(command: &[String]) -> Result<ExitCode, String> {
    let (program, arguments) = command.split_first().ok_or("a command is missing")?;
    let postgres = PostgresCluster::new(Durability::Waived).await?;
    postgres.create_database("grantwell")?;
    let child = Command::new(program)
        .args(arguments)
        .env("GRANTWELL_TEST_POSTGRES", postgres.url("grantwell"))
        .spawn();
    let mut child = Guarded(child.map_err(|error| format!("{program}: {error}"))?);
    loop {
        if let Some(status) = child.0.try_wait().map_err(|error| error.to_string())? {
            return Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The command, which does not outlive us.
struct Guarded(Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
