//! Three PostgreSQL under Patroni with etcd, in synchronous mode: the configuration that
//! `docs/how-to/run-on-several-machines.md` shows, all on loopback.

use std::{
    fmt::Write as _,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    account::SystemAccount,
    http::{Call, HttpConnection},
    postgres::{freeze, password, programs, succeed, thaw, wait_for_end},
    process::{Folder, Process, children, free_address, signal, tail},
    relay::{TcpRelay, Wire},
};

const ETCD: &str = "/usr/bin/etcd";
const PATRONI: &str = "/usr/bin/patroni";
pub(crate) const MEMBERS: usize = 3;
/// A cluster is whole, or has a primary again, after so long.
const PATIENCE: Duration = Duration::from_mins(3);

/// Whether a commit waits for a second machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replication {
    Synchronous,
    /// The control: a failover may lose what was acknowledged.
    Asynchronous,
}

/// The cluster.
#[derive(Debug)]
pub(crate) struct Patroni {
    members: Vec<Member>,
    _etcd: Process,
    account: SystemAccount,
    programs: PathBuf,
    password: String,
    folder: Folder,
}

#[derive(Debug)]
struct Member {
    name: String,
    patroni: Option<Process>,
    postgres: SocketAddr,
    control: SocketAddr,
    /// Its network to etcd.
    etcd: TcpRelay,
    data: PathBuf,
}

impl Drop for Patroni {
    fn drop(&mut self) {
        for number in 0..self.members.len() {
            self.kill(number);
        }
    }
}

impl Patroni {
    /// Makes it, and waits until it is whole.
    pub(crate) async fn new(replication: Replication) -> Result<Self, String> {
        for (program, package) in [(ETCD, "etcd-server"), (PATRONI, "patroni")] {
            if !Path::new(program).exists() {
                return Err(format!("there is no {program}. Run: sudo apt-get install {package}"));
            }
        }
        let folder = Folder::new().map_err(|error| error.to_string())?;
        let account = SystemAccount::find()?;
        account.give(&folder.0)?;
        let (clients, peers) = (free_address()?, free_address()?);
        let etcd = etcd(account, &folder, clients, peers).await?;
        let mut patroni = Self {
            members: Vec::new(),
            _etcd: etcd,
            account,
            programs: programs()?,
            password: password(),
            folder,
        };
        for number in 0..MEMBERS {
            let name = format!("member{number}");
            let (postgres, control) = (free_address()?, free_address()?);
            let (etcd, data) = (TcpRelay::new(clients).await?, patroni.folder.path(&format!("{name}-data")));
            let member = Member { name, patroni: None, postgres, control, etcd, data };
            let file = patroni.configuration_of(&member);
            fs::write(&file, patroni.configuration(&member, replication))
                .map_err(|error| error.to_string())?;
            account.give(&file)?;
            patroni.members.push(member);
            patroni.start(number)?;
            if number == 0 {
                patroni.until_led(None).await?;
            }
        }
        patroni.until_whole(replication).await?;
        Ok(patroni)
    }

    fn configuration_of(&self, member: &Member) -> PathBuf {
        self.folder.path(&format!("{}.yml", member.name))
    }

    fn configuration(&self, member: &Member, replication: Replication) -> String {
        let Member { name, postgres, control, data, .. } = member;
        let etcd = member.etcd.address;
        let (password, data, programs) = (&self.password, data.display(), self.programs.display());
        let synchronous = replication == Replication::Synchronous;
        let pgpass = self.folder.path(&format!("{name}.pgpass"));
        let pgpass = pgpass.display();
        format!(
            "\
scope: grantwell
name: {name}

restapi:
  listen: {control}
  connect_address: {control}

etcd:
  hosts: {etcd}
  use_proxies: true

bootstrap:
  dcs:
    ttl: 20
    loop_wait: 5
    retry_timeout: 5
    maximum_lag_on_failover: 1048576
    synchronous_mode: {synchronous}
    primary_start_timeout: 0
    postgresql:
      use_pg_rewind: true
      parameters:
        max_connections: 300
        synchronous_commit: \"on\"
  initdb:
    - encoding: UTF8
    - locale: C
    - data-checksums

postgresql:
  listen: {postgres}
  connect_address: {postgres}
  data_dir: {data}
  bin_dir: {programs}
  pgpass: {pgpass}
  authentication:
    superuser:
      username: postgres
      password: {password}
    replication:
      username: replicator
      password: {password}
  pg_hba:
    - host all all 127.0.0.1/32 scram-sha-256
    - host replication replicator 127.0.0.1/32 scram-sha-256
  parameters:
    password_encryption: scram-sha-256
    unix_socket_directories: ''
    shared_buffers: 64MB
"
        )
    }

    /// Starts a member's Patroni, which starts its PostgreSQL.
    pub(crate) fn start(&mut self, number: usize) -> Result<(), String> {
        let member = self.members.get(number).ok_or("no such member")?;
        let mut command = self.account.command(Path::new(PATRONI));
        command.arg(self.configuration_of(member)).env("HOME", &self.folder.0).current_dir("/");
        let process = Process::start(&mut command, &self.log())?;
        let member = self.members.get_mut(number).ok_or("no such member")?;
        member.patroni = Some(process);
        Ok(())
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder.path("log")
    }

    /// The URL of a database: all members, of which one is the primary.
    pub(crate) fn url(&self, database: &str) -> String {
        let hosts: Vec<String> = self.members.iter().map(|member| member.postgres.to_string()).collect();
        let (hosts, password) = (hosts.join(","), &self.password);
        format!("postgres://postgres:{password}@{hosts}/{database}?target_session_attrs=read-write")
    }

    /// An empty database, made on one member.
    pub(crate) async fn create_database(&self, number: usize, name: &str) -> Result<(), String> {
        let address = self.members.get(number).ok_or("no such member")?.postgres;
        let mut command = Command::new("timeout");
        command
            .args(["3"])
            .arg(self.programs.join("createdb"))
            .env("PGHOST", address.ip().to_string())
            .env("PGPORT", address.port().to_string())
            .env("PGUSER", "postgres")
            .env("PGPASSWORD", &self.password)
            .env("PGCONNECT_TIMEOUT", "2")
            .args(["--maintenance-db=postgres", name]);
        // On a thread of its own: the network to etcd is ours.
        let made = tokio::task::spawn_blocking(move || succeed(&mut command)).await;
        made.map_err(|error| error.to_string())?
    }

    /// The member that leads, as those say that can be asked.
    pub(crate) async fn leader(&self) -> Option<usize> {
        for (number, member) in self.members.iter().enumerate() {
            let mut connection = HttpConnection::new(member.control);
            let asked = connection.send(Call::get("/primary"));
            let asked = tokio::time::timeout(Duration::from_secs(1), asked).await;
            if matches!(asked, Ok(Ok(reply)) if reply.status == 200) {
                return Some(number);
            }
        }
        None
    }

    /// Waits for a primary that is not `old`.
    pub(crate) async fn until_led(&self, old: Option<usize>) -> Result<usize, String> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(leader) = self.leader().await.filter(|leader| Some(*leader) != old) {
                return Ok(leader);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(format!("no primary in {} s\n{}", PATIENCE.as_secs(), self.state().await))
    }

    /// Waits until every member runs, and one of them is as new as the primary.
    pub(crate) async fn until_whole(&self, replication: Replication) -> Result<(), String> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if self.is_whole(replication).await {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Err(format!("the cluster is not whole in {} s\n{}", PATIENCE.as_secs(), self.state().await))
    }

    /// What the members think of each other, and what they said last.
    async fn state(&self) -> String {
        let mut state = String::new();
        for member in &self.members {
            let asked = HttpConnection::new(member.control).send(Call::get("/cluster")).await;
            let told = asked.map_or_else(|fault| fault.to_string(), |reply| reply.text());
            let _ = writeln!(state, "{}: {told}", member.name);
        }
        state + &tail(&self.log())
    }

    async fn is_whole(&self, replication: Replication) -> bool {
        let Some(first) = self.members.first() else { return false };
        let Ok(reply) = HttpConnection::new(first.control).send(Call::get("/cluster")).await else {
            return false;
        };
        let cluster = reply.json();
        let members = cluster.get("members").and_then(Value::as_array).cloned().unwrap_or_default();
        let of = |name: &str, values: &[&str]| {
            let is = |member: &&Value| {
                member.get(name).and_then(Value::as_str).is_some_and(|is| values.contains(&is))
            };
            members.iter().filter(is).count()
        };
        let followers = of("role", &["replica", "sync_standby"]);
        let is_safe = replication == Replication::Asynchronous || of("role", &["sync_standby"]) > 0;
        // A standby that runs may still wait for its place with the primary.
        let leader = self.leader().await;
        let streams = leader.map_or(0, |leader| self.senders(leader, " streaming ").len());
        followers == MEMBERS - 1
            && of("state", &["running", "streaming"]) == MEMBERS
            && is_safe
            && streams == followers
    }

    fn postmaster(&self, number: usize) -> Option<u32> {
        let file = self.members.get(number)?.data.join("postmaster.pid");
        fs::read_to_string(file).ok()?.lines().next()?.trim().parse().ok()
    }

    /// SIGKILL to a member's PostgreSQL.
    pub(crate) fn kill_postgres(&self, number: usize) {
        if let Some(server) = self.postmaster(number) {
            let mut family = vec![server];
            family.extend(children(server));
            signal("KILL", &family);
            wait_for_end(&family);
        }
    }

    /// SIGKILL to a member: its machine is gone.
    pub(crate) fn kill(&mut self, number: usize) {
        if let Some(member) = self.members.get_mut(number) {
            // Dropped, it is killed.
            member.patroni = None;
        }
        self.kill_postgres(number);
    }

    /// SIGSTOP to a member: its machine hangs.
    pub(crate) fn freeze(&self, number: usize) {
        let patroni = self.members.get(number).and_then(|member| member.patroni.as_ref());
        if let Some(patroni) = patroni {
            signal("STOP", &[patroni.id()]);
        }
        if let Some(server) = self.postmaster(number) {
            freeze(server);
        }
    }

    /// SIGCONT to a member.
    pub(crate) fn thaw(&self, number: usize) {
        if let Some(server) = self.postmaster(number) {
            thaw(server);
        }
        let patroni = self.members.get(number).and_then(|member| member.patroni.as_ref());
        if let Some(patroni) = patroni {
            signal("CONT", &[patroni.id()]);
        }
    }

    /// A member and etcd do not reach each other any more, or again.
    pub(crate) fn partition(&self, number: usize, wire: Wire) {
        if let Some(member) = self.members.get(number) {
            member.etcd.set(wire);
        }
    }

    /// SIGSTOP to what a member sends to its standbys by: they stay behind.
    pub(crate) fn hold_back(&self, number: usize) {
        signal("STOP", &self.senders(number, "walsender"));
    }

    /// The processes by which a member sends to its standbys, whose title holds `what`.
    fn senders(&self, number: usize, what: &str) -> Vec<u32> {
        let title = |id: u32| fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let is_sender = |title: &str| title.contains("walsender") && title.contains(what);
        let family = self.postmaster(number).map(children).unwrap_or_default();
        family.into_iter().filter(|id| is_sender(&title(*id))).collect()
    }
}

/// One etcd: its own failures are not what is tested.
async fn etcd(
    account: SystemAccount,
    folder: &Folder,
    clients: SocketAddr,
    peers: SocketAddr,
) -> Result<Process, String> {
    let (clients_url, peers_url) = (format!("http://{clients}"), format!("http://{peers}"));
    let mut command = account.command(Path::new(ETCD));
    command
        .args([
            "--name",
            "etcd0",
            "--initial-cluster-token",
            "grantwell",
            "--log-level",
            "warn",
            "--enable-v2",
        ])
        .args(["--listen-client-urls", &clients_url, "--advertise-client-urls", &clients_url])
        .args(["--listen-peer-urls", &peers_url, "--initial-advertise-peer-urls", &peers_url])
        .args(["--initial-cluster", &format!("etcd0={peers_url}"), "--data-dir"])
        .arg(folder.path("etcd"))
        .current_dir("/");
    let mut process = Process::start(&mut command, &folder.path("etcd.log"))?;
    process.until(|_| std::net::TcpStream::connect(clients).is_ok()).await?;
    Ok(process)
}
