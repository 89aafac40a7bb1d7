//! The servers under load: started, measured, ended by their own id.

use std::{
    fs::{self, File},
    io,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::http::{Call, Connection};

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
    /// The one processor it may use; any when there is no `taskset`.
    pub(crate) processor: Option<u32>,
    /// The path that answers 200 as soon as it serves.
    pub(crate) probe: &'static str,
}

impl Program {
    /// Starts it on a free port; `listen` puts the address where this program looks for it.
    pub(crate) async fn start(
        &self,
        listen: impl FnOnce(&mut Command, SocketAddr),
    ) -> Result<Running, String> {
        let address = free_address().map_err(|error| format!("no free port: {error}"))?;
        let mut command = match self.processor {
            None => Command::new(&self.command),
            Some(processor) => {
                let mut command = Command::new("taskset");
                command.arg("-c").arg(processor.to_string()).arg(&self.command);
                command
            }
        };
        let log = File::options().create(true).append(true).open(&self.log);
        let log = log.map_err(|error| format!("{}: {error}", self.log.display()))?;
        command
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        listen(&mut command, address);
        let begun = Instant::now();
        let child = command.spawn().map_err(|error| format!("{}: {error}", self.command.display()))?;
        let mut running = Running { child, address, log: self.log.clone(), started_in: Duration::ZERO };
        running.until_ready(self.probe, begun).await?;
        Ok(running)
    }
}

fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind(("127.0.0.1", 0))?.local_addr()
}

/// A server that answers.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    pub(crate) address: SocketAddr,
    log: PathBuf,
    /// From its start to its first answer.
    pub(crate) started_in: Duration,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Running {
    async fn until_ready(&mut self, probe: &str, begun: Instant) -> Result<(), String> {
        let mut connection = Connection::new(self.address);
        while begun.elapsed() < PATIENCE {
            if let Ok(reply) = connection.send(Call::get(probe)).await
                && reply.status == 200
            {
                self.started_in = begun.elapsed();
                return Ok(());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("the server ended with {status}\n{}", tail(&self.log)));
            }
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        Err(format!("the server gave no answer in {} s\n{}", PATIENCE.as_secs(), tail(&self.log)))
    }

    /// SIGKILL, and it is gone when this returns.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM, and how it ended.
    pub(crate) async fn stop(&mut self) -> Result<(), String> {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().map_err(|error| error.to_string())?;
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().map_err(|error| error.to_string())? {
                return if status.success() {
                    Ok(())
                } else {
                    Err(format!("the server ended with {status}\n{}", tail(&self.log)))
                };
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Err("the server did not end on SIGTERM".to_owned())
    }

    /// Memory in use, KiB.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
    }

    /// Processor time so far, of all its threads, those that ended too. Counted in hundredths of a second.
    pub(crate) fn processor_time(&self) -> Duration {
        let line = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        // The name in brackets may hold spaces; `utime` and `stime` are the 12th and 13th field after it.
        let after = line.rsplit_once(')').map(|(_, after)| after).unwrap_or_default();
        let ticks = after.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok());
        Duration::from_millis(10 * ticks.sum::<u64>())
    }
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(10).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

/// Keeps this process to one processor, away from the server's. False where that cannot be.
pub(crate) fn pin_to(processor: u32) -> bool {
    let id = std::process::id().to_string();
    Command::new("taskset")
        .args(["-a", "-c", "-p", &processor.to_string(), &id])
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
