//! HAProxy in front of the nodes, with the configuration that `docs/how-to/run-on-several-machines.md` shows.

use std::{fmt::Write as _, fs, net::SocketAddr, path::Path};

use crate::{
    account::SystemAccount,
    http::{Call, HttpConnection},
    process::{Folder, Process, free_address},
};

const PROGRAM: &str = "/usr/sbin/haproxy";

/// A request that reached no node goes to another one. One that may have reached a node is not repeated by the proxy: a code is
/// redeemed once.
const CONFIGURATION: &str = "\
defaults
    mode http
    timeout connect 1s
    timeout client 30s
    timeout server 30s
    timeout http-request 10s
    retries 1
    option redispatch 1
    option forwardfor

frontend login
    default_backend nodes

backend nodes
    balance roundrobin
    option httpchk GET /readyz
    http-check expect status 200
    http-error status 503 content-type text/plain string \"try again in a moment\" hdr Retry-After 1
    default-server check inter 500ms fall 2 rise 1
";

/// A proxy that runs.
#[derive(Debug)]
pub(crate) struct Haproxy {
    _process: Process,
    _folder: Folder,
    pub(crate) address: SocketAddr,
}

impl Haproxy {
    pub(crate) async fn start(nodes: &[SocketAddr]) -> Result<Self, String> {
        if !Path::new(PROGRAM).exists() {
            return Err(format!("there is no {PROGRAM}. Run: sudo apt-get install haproxy"));
        }
        let (account, address) = (SystemAccount::find()?, free_address()?);
        let folder = Folder::new().map_err(|error| error.to_string())?;
        let listen = format!("frontend login\n    bind {address}\n");
        let mut configuration = CONFIGURATION.replace("frontend login\n", &listen);
        for (number, node) in nodes.iter().enumerate() {
            let _ = writeln!(configuration, "    server node{number} {node}");
        }
        let file = folder.path("haproxy.cfg");
        fs::write(&file, configuration).map_err(|error| error.to_string())?;
        account.give(&folder.0)?;
        account.give(&file)?;
        let mut command = account.command(Path::new(PROGRAM));
        command.args(["-db", "-q", "-f"]).arg(&file);
        let process = Process::start(&mut command, &folder.path("log"))?;
        let mut haproxy = Self { _process: process, _folder: folder, address };
        haproxy.until_ready().await?;
        Ok(haproxy)
    }

    async fn until_ready(&mut self) -> Result<(), String> {
        let mut connection = HttpConnection::new(self.address);
        for _ in 0..500 {
            if connection.send(Call::get("/readyz")).await.is_ok_and(|reply| reply.status == 200) {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        Err("HAProxy passes nothing on".to_owned())
    }
}
