//! Several `grantwell serve` on one database: the same configuration, the same master key, ports of their own.

use std::{
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    grantwell::Installation,
    http::{Call, HttpConnection},
    process::{RunningProcess, free_address},
};

pub(crate) const NODES: usize = 3;
/// Most complaints of servers that are shown.
const SHOWN: usize = 20;

/// All of them, running or not.
#[derive(Debug)]
pub(crate) struct Nodes {
    pub(crate) installation: Installation,
    addresses: [SocketAddr; NODES],
    running: [Option<RunningProcess>; NODES],
}

impl Nodes {
    /// Fills the database and starts all of them at once.
    pub(crate) async fn start(program: &Path, people: usize, database: &str) -> Result<Self, String> {
        let installation = Installation::on(program, people, database)?;
        installation.apply().await?;
        let addresses = [free_address()?, free_address()?, free_address()?];
        let [first, second, third] = addresses.map(|address| installation.serve_at(address));
        let (first, second, third) = tokio::join!(first, second, third);
        let running = [Some(first?), Some(second?), Some(third?)];
        Ok(Self { installation, addresses, running })
    }

    pub(crate) fn addresses(&self) -> [SocketAddr; NODES] {
        self.addresses
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self, node: usize) {
        if let Some(place) = self.running.get_mut(node) {
            // Dropped, it is killed.
            *place = None;
        }
    }

    /// Starts it again on its port.
    pub(crate) async fn restart(&mut self, node: usize) -> Result<(), String> {
        if let (Some(place), Some(address)) = (self.running.get_mut(node), self.addresses.get(node)) {
            *place = Some(self.installation.serve_at(*address).await?);
        }
        Ok(())
    }

    /// SIGTERM to a node, and another program in its place, on its port; how long the end took, and the start.
    pub(crate) async fn replace(
        &mut self,
        node: usize,
        program: &Path,
    ) -> Result<(Duration, Duration), String> {
        let (Some(place), Some(address)) = (self.running.get_mut(node), self.addresses.get(node)) else {
            return Err("no such node".to_owned());
        };
        let begun = Instant::now();
        if let Some(mut running) = place.take() {
            running.stop().await?;
        }
        let ended = begun.elapsed();
        let running = self.installation.serve_as(program, *address).await?;
        let started = running.started_in;
        *place = Some(running);
        Ok((ended, started))
    }

    /// SIGTERM to all, which must end well.
    pub(crate) async fn stop(&mut self) -> Result<(), String> {
        for running in self.running.iter_mut().filter_map(Option::as_mut) {
            running.stop().await?;
        }
        Ok(())
    }

    /// Whether a path is answered with 200 by every node.
    pub(crate) async fn all_answer(&self, path: &str) -> bool {
        for address in self.addresses {
            let reply = HttpConnection::new(address).send(Call::get(path)).await;
            if !reply.is_ok_and(|reply| reply.status == 200) {
                return false;
            }
        }
        true
    }

    /// What the servers have said that holds `text`.
    pub(crate) fn said(&self, text: &str) -> Vec<String> {
        let log = std::fs::read_to_string(self.installation.log()).unwrap_or_default();
        log.lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
    }
    /// `good`, and where it is not, what the servers complained of last: the reason is there.
    pub(crate) fn explained(&self, good: bool) -> bool {
        if !good {
            let complaints = self.said("\"level\":\"ERROR\"");
            for line in complaints.iter().rev().take(SHOWN).rev() {
                println!("log: {line}");
            }
        }
        good
    }
}
