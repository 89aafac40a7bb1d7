//! The servers under load: started, measured, broken, ended by their own id.

use std::{
    fs::{self, File},
    io,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use crate::http::{Call, HttpConnection};

/// A server must answer by then.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is run, and where.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) command: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    /// Its log.
    pub(crate) log: PathBuf,
    /// The processors it may use, as `taskset` wants them; any when there is none.
    pub(crate) processors: Option<&'static str>,
    /// The path that answers 200 as soon as it serves.
    pub(crate) probe: &'static str,
}

impl Program {
    /// Starts it on a free port; `listen` puts the address where this program looks for it.
    pub(crate) async fn start(
        &self,
        listen: impl FnOnce(&mut Command, SocketAddr),
    ) -> Result<RunningProcess, String> {
        self.start_at(free_address()?, listen).await
    }

    /// Starts it on this port.
    pub(crate) async fn start_at(
        &self,
        address: SocketAddr,
        listen: impl FnOnce(&mut Command, SocketAddr),
    ) -> Result<RunningProcess, String> {
        let mut command = match self.processors {
            None => Command::new(&self.command),
            Some(processors) => {
                let mut command = Command::new("taskset");
                command.arg("-c").arg(processors).arg(&self.command);
                command
            }
        };
        command.args(&self.arguments).envs(self.environment.iter().map(|(name, value)| (name, value)));
        listen(&mut command, address);
        let begun = Instant::now();
        let process = Process::start(&mut command, &self.log)?;
        let mut running = RunningProcess { process, address, started_in: Duration::ZERO };
        running.until_ready(self.probe, begun).await?;
        Ok(running)
    }
}

/// Below those that Linux gives to outgoing connections (`ip_local_port_range`): such a port stays free while a
/// server is restarted.
const PORTS: std::ops::Range<u32> = 20_000..32_000;

/// A free address of loopback that this process was not given before.
pub(crate) fn free_address() -> Result<SocketAddr, String> {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    // Processes beside each other begin at different places.
    let first = std::process::id().wrapping_mul(101);
    for _ in PORTS {
        let number = first.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(PORTS.start + number % (PORTS.end - PORTS.start))
            .map_err(|error| error.to_string())?;
        if let Ok(free) = TcpListener::bind(("127.0.0.1", port)).and_then(|listener| listener.local_addr()) {
            return Ok(free);
        }
    }
    Err(format!("no port of {PORTS:?} is free"))
}

/// A process that goes when this does.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Process {
    /// Starts it, with what it has to say in a log.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Result<Self, String> {
        let file = File::options().create(true).append(true).open(log);
        let file = file.map_err(|error| format!("{}: {error}", log.display()))?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().map_err(|error| format!("{name}: {error}"))?;
        Ok(Self { child, log: log.to_owned() })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `is_ready` says so, or it ends.
    pub(crate) async fn until(&mut self, mut is_ready: impl FnMut(u32) -> bool) -> Result<(), String> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if is_ready(self.id()) {
                return Ok(());
            }
            self.still_runs()?;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Err(self.too_slow())
    }

    /// Waits for its end, which must be a good one, however long it takes.
    pub(crate) async fn until_it_ends(&mut self) -> Result<(), String> {
        loop {
            match self.child.try_wait().map_err(|error| error.to_string())? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("{status}\n{}", tail(&self.log))),
                None => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }

    fn still_runs(&mut self) -> Result<(), String> {
        match self.child.try_wait() {
            Ok(Some(status)) => Err(format!("the server ended with {status}\n{}", tail(&self.log))),
            _ => Ok(()),
        }
    }

    fn too_slow(&self) -> String {
        format!("the server gave no answer in {} s\n{}", PATIENCE.as_secs(), tail(&self.log))
    }

    /// SIGKILL, and it is gone when this returns.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// A signal, and how it ended.
    pub(crate) async fn end(&mut self, name: &str) -> Result<ExitStatus, String> {
        signal(name, &[self.id()]);
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().map_err(|error| error.to_string())? {
                return Ok(status);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Err(format!("the server did not end on SIG{name}\n{}", tail(&self.log)))
    }
}

/// Sends a signal; who is gone already does not mind.
pub(crate) fn signal(name: &str, processes: &[u32]) {
    let ids = processes.iter().map(u32::to_string);
    let _ = Command::new("kill").arg(format!("-{name}")).args(ids).stderr(Stdio::null()).status();
}

/// The processes that one has started.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let parent = parent.to_string();
    // The parent is the 2nd field after the name in brackets, which may hold spaces.
    ids.filter(|id| stat(*id).get(1).is_some_and(|of| *of == parent)).collect()
}

/// What the system tells about a process, from its state on.
fn stat(process: u32) -> Vec<String> {
    let line = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let after = line.rsplit_once(')').map(|(_, after)| after).unwrap_or_default();
    after.split_whitespace().map(str::to_owned).collect()
}

/// A server that answers.
#[derive(Debug)]
pub(crate) struct RunningProcess {
    process: Process,
    pub(crate) address: SocketAddr,
    /// From its start to its first answer.
    pub(crate) started_in: Duration,
}

impl RunningProcess {
    async fn until_ready(&mut self, probe: &str, begun: Instant) -> Result<(), String> {
        let mut connection = HttpConnection::new(self.address);
        while begun.elapsed() < PATIENCE {
            if let Ok(reply) = connection.send(Call::get(probe)).await
                && reply.status == 200
            {
                self.started_in = begun.elapsed();
                return Ok(());
            }
            self.process.still_runs()?;
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        Err(self.process.too_slow())
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// SIGKILL, and it is gone when this returns.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// SIGTERM, and how it ended.
    pub(crate) async fn stop(&mut self) -> Result<(), String> {
        let status = self.process.end("TERM").await?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("the server ended with {status}\n{}", tail(&self.process.log)))
        }
    }

    /// Memory in use, KiB.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
    }

    /// Processor time so far, of all its threads, those that ended too. Counted in hundredths of a second.
    pub(crate) fn processor_time(&self) -> Duration {
        // `utime` and `stime`.
        let fields = stat(self.process.id());
        let ticks = fields.iter().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok());
        Duration::from_millis(10 * ticks.sum::<u64>())
    }
}

/// The last lines of a log.
pub(crate) fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(30).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

/// Keeps this process, and what it starts from now on, to these processors. False where that cannot be.
pub(crate) fn pin_to(processors: &str) -> bool {
    let id = std::process::id().to_string();
    Command::new("taskset")
        .args(["-a", "-c", "-p", processors, &id])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// A folder that goes when this does.
#[derive(Debug)]
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> io::Result<Self> {
        let name = format!("grantwell-bench-{}-{:x}", std::process::id(), crate::random::Random::seed());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path)?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
