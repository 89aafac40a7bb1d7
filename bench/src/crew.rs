//! Who puts load on the servers: sixteen clients with a person's browser each, going through whole flows while something breaks,
//! and holding the servers to every answer afterwards.

use std::{
    cell::Cell,
    future::Future,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::task::{JoinSet, LocalSet};

use crate::{
    flow::{BenchClient, FormBrowser, Paths},
    grantwell::person,
    history::{Counts, Line},
    http::{Fault, HttpConnection},
    random::Random,
    record::Record,
};

const WORKERS: usize = 16;
/// Accounts: each client signs in to its own, so that a lost attempt delays no other client; and a few spare ones.
pub(crate) const PEOPLE: usize = WORKERS + 8;
/// Lines of earlier rounds that are looked at again in each round.
const AGAIN: usize = 100;
/// Most lines that are kept for that.
const KEPT: usize = 2000;
/// After an answer that did not come a client waits a little.
const PAUSE: Duration = Duration::from_millis(20);
/// After a 503, as long as the server says (`Retry-After`).
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How often a check asks.
const TRIES: usize = 10;

/// What a client does about an answer that did not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It leaves the question open.
    Once,
    /// It asks once more.
    Again,
}

/// All of them, and what is still promised to them.
#[derive(Debug)]
pub(crate) struct Crew {
    workers: Vec<Worker>,
    client: BenchClient,
    random: Random,
    kept: Vec<Line>,
    /// When a request last went wrong.
    pub(crate) last_fault: Option<Instant>,
}

#[derive(Debug)]
struct Worker {
    browser: FormBrowser,
    username: String,
    client: BenchClient,
    random: Random,
}

/// What one of them did.
#[derive(Default)]
struct Done {
    lines: Vec<Line>,
    counts: Counts,
    unexpected: Vec<String>,
    last_fault: Option<Instant>,
}

/// One of them at work.
struct Shift<'w> {
    worker: &'w mut Worker,
    connections: Vec<HttpConnection>,
    manner: Manner,
    is_over: Rc<Cell<bool>>,
    done: Done,
}

impl Crew {
    /// Everybody signs in and consents.
    pub(crate) async fn sign_in(servers: &[SocketAddr], random: &mut Random) -> Result<Self, String> {
        let first = servers.first().ok_or("no servers")?;
        Self::through(&mut HttpConnection::new(*first), random).await.map_err(|fault| fault.to_string())
    }

    async fn through(connection: &mut HttpConnection, random: &mut Random) -> Result<Self, Fault> {
        let client = BenchClient::web(Paths::discover(connection).await?);
        let mut workers = Vec::new();
        for number in 0..WORKERS {
            let (mut browser, username) = (FormBrowser::default(), person(number));
            browser.authorize(connection, &client, &username).await?;
            let (client, random) = (client.clone(), Random::new(random.next()));
            workers.push(Worker { browser, username, client, random });
        }
        let random = Random::new(random.next());
        Ok(Self { workers, client, random, kept: Vec::new(), last_fault: None })
    }

    /// Somebody as whom none of them signs in.
    pub(crate) fn stranger(number: usize) -> String {
        person(WORKERS + number % (PEOPLE - WORKERS))
    }

    pub(crate) fn client(&self) -> &BenchClient {
        &self.client
    }

    /// The cookies of their browsers.
    pub(crate) fn cookies(&self) -> Vec<String> {
        self.workers.iter().map(|worker| worker.browser.cookies()).collect()
    }

    /// They work on `servers`, any of them at any step, until `meanwhile` is over. Answers what became of their flows.
    pub(crate) async fn work<T>(
        &mut self,
        servers: &[SocketAddr],
        manner: Manner,
        record: &mut Record,
        meanwhile: impl Future<Output = T>,
    ) -> Result<(T, Vec<Line>), String> {
        let is_over = Rc::new(Cell::new(false));
        let local = LocalSet::new();
        let shifts: Vec<_> = self
            .workers
            .drain(..)
            .map(|mut worker| {
                let (servers, is_over) = (servers.to_vec(), Rc::clone(&is_over));
                local.spawn_local(async move {
                    let connections = servers.into_iter().map(HttpConnection::new).collect();
                    let done = Done::default();
                    let done = Shift { worker: &mut worker, connections, manner, is_over, done }.work().await;
                    (worker, done)
                })
            })
            .collect();
        local
            .run_until(async {
                let meanwhile = meanwhile.await;
                is_over.set(true);
                let mut lines = Vec::new();
                for shift in shifts {
                    let (worker, done) = shift.await.map_err(|error| error.to_string())?;
                    self.workers.push(worker);
                    record.counts.add(done.counts);
                    record.unexpected.extend(done.unexpected);
                    lines.extend(done.lines);
                    self.last_fault = self.last_fault.max(done.last_fault);
                }
                Ok((meanwhile, lines))
            })
            .await
    }

    /// What was promised in these lines, and in some of earlier rounds, is there.
    pub(crate) async fn check(&mut self, mut lines: Vec<Line>, servers: &[SocketAddr], record: &mut Record) {
        for _ in 0..AGAIN.min(self.kept.len()) {
            let line = self.take();
            lines.extend(line);
        }
        self.check_each(lines, servers, record).await;
        while self.kept.len() > KEPT {
            self.take();
        }
    }

    /// What was promised in all rounds is there.
    pub(crate) async fn check_all(&mut self, servers: &[SocketAddr], record: &mut Record) {
        let lines = std::mem::take(&mut self.kept);
        self.check_each(lines, servers, record).await;
    }

    fn take(&mut self) -> Option<Line> {
        let count = u64::try_from(self.kept.len()).unwrap_or(0);
        let at = usize::try_from(self.random.below(count)).unwrap_or(0);
        (at < self.kept.len()).then(|| self.kept.swap_remove(at))
    }

    /// On several connections.
    async fn check_each(&mut self, lines: Vec<Line>, servers: &[SocketAddr], record: &mut Record) {
        let share = lines.len().div_ceil(WORKERS).max(1);
        let mut checks = JoinSet::new();
        for (share, server) in lines.chunks(share).zip(servers.iter().cycle()) {
            let (mut share, client) = (share.to_vec(), self.client.clone());
            let (mut random, mut connection) =
                (Random::new(self.random.next()), HttpConnection::new(*server));
            checks.spawn(async move {
                let mut seen = Record::default();
                for line in &mut share {
                    seen.checks += 1;
                    check(line, &client, &mut connection, &mut random, &mut seen).await;
                }
                (share, seen)
            });
        }
        while let Some(Ok((share, seen))) = checks.join_next().await {
            record.absorb(seen);
            self.kept.extend(share);
        }
    }
}

/// Checks what the servers acknowledged of one line. A 503 is retried.
async fn check(
    line: &mut Line,
    client: &BenchClient,
    connection: &mut HttpConnection,
    random: &mut Random,
    seen: &mut Record,
) {
    for tries in 1.. {
        match line.check(client, connection, random).await {
            Err(Fault::Busy(_)) if tries < TRIES => {
                seen.counts.refused += 1;
                tokio::time::sleep(RETRY_AFTER).await;
            }
            Ok(found) => return seen.wrong.extend(found),
            Err(fault) => return seen.unexpected.push(format!("in a check: {fault}")),
        }
    }
}

impl Shift<'_> {
    async fn work(mut self) -> Done {
        while !self.is_over.get() {
            let Err(fault) = self.flow().await else { continue };
            self.note(&fault);
            match fault {
                Fault::Unexpected(what) => self.done.unexpected.push(what),
                _ if self.manner == Manner::Again => self.done.counts.failed += 1,
                _ => {}
            }
            tokio::time::sleep(PAUSE).await;
        }
        self.done
    }

    fn note(&mut self, fault: &Fault) {
        match fault {
            Fault::Lost(_) => self.done.counts.unknown += 1,
            Fault::Busy(_) => self.done.counts.refused += 1,
            Fault::Unexpected(_) => {}
        }
        self.done.last_fault = Some(Instant::now());
    }

    /// A fault that the client answers by asking once more, after so long.
    fn tried_again(&mut self, fault: &Fault) -> Option<Duration> {
        let after = match fault {
            Fault::Lost(_) => PAUSE,
            Fault::Busy(_) => RETRY_AFTER,
            Fault::Unexpected(_) => return None,
        };
        (self.manner == Manner::Again).then(|| {
            self.note(fault);
            after
        })
    }

    /// Any of the connections.
    fn at_random(worker: &mut Worker, count: usize) -> usize {
        usize::try_from(worker.random.below(u64::try_from(count).unwrap_or(1))).unwrap_or(0)
    }

    async fn flow(&mut self) -> Result<(), Fault> {
        // A new browser now and then, with a password to be compared.
        if self.worker.random.once_in(20) {
            self.worker.browser = FormBrowser::default();
        }
        let code = match self.authorize().await {
            Ok(code) => code,
            Err(fault) => {
                let after = self.tried_again(&fault).ok_or(fault)?;
                tokio::time::sleep(after).await;
                self.authorize().await?
            }
        };
        self.done.counts.codes += 1;
        let mut line = Line::new(code);
        let done = self.spend(&mut line).await;
        self.done.lines.push(line);
        done
    }

    async fn authorize(&mut self) -> Result<String, Fault> {
        let at = Self::at_random(self.worker, self.connections.len());
        let connection = self.connections.get_mut(at).ok_or_else(nobody)?;
        self.worker.browser.authorize(connection, &self.worker.client, &self.worker.username).await
    }

    /// What becomes of a code: one in eight is left, the others are redeemed and refreshed, one in five is revoked.
    async fn spend(&mut self, line: &mut Line) -> Result<(), Fault> {
        if self.worker.random.once_in(8) || !self.step(line, LoopOutcome::Redeem).await? {
            return Ok(());
        }
        for _ in 0..self.worker.random.below(5) {
            self.step(line, LoopOutcome::Refresh).await?;
        }
        if self.worker.random.once_in(5) {
            self.step(line, LoopOutcome::Revoke).await?;
        }
        Ok(())
    }

    /// One step, by way of any server. False when it cannot be known any more, or the time is over.
    async fn step(&mut self, line: &mut Line, step: LoopOutcome) -> Result<bool, Fault> {
        if self.is_over.get() {
            return Ok(false);
        }
        let at = Self::at_random(self.worker, self.connections.len());
        let connection = self.connections.get_mut(at).ok_or_else(nobody)?;
        let done = match step {
            LoopOutcome::Redeem => line.redeem(&self.worker.client, connection).await,
            LoopOutcome::Refresh => line.refresh(&self.worker.client, connection).await,
            LoopOutcome::Revoke => line.revoke(&self.worker.client, connection).await,
        };
        if let Err(fault) = done {
            if matches!(fault, Fault::Unexpected(_)) {
                line.was_refused();
            }
            let after = self.tried_again(&fault).ok_or(fault)?;
            tokio::time::sleep(after).await;
            let connection = self.connections.get_mut(at).ok_or_else(nobody)?;
            if !line.again(&self.worker.client, connection).await? {
                self.done.counts.spent += 1;
                return Ok(false);
            }
        }
        let counts = &mut self.done.counts;
        match step {
            LoopOutcome::Redeem => counts.redemptions += 1,
            LoopOutcome::Refresh => counts.refreshes += 1,
            LoopOutcome::Revoke => counts.revocations += 1,
        }
        Ok(true)
    }
}

#[derive(Clone, Copy, Debug)]
enum LoopOutcome {
    Redeem,
    Refresh,
    Revoke,
}

fn nobody() -> Fault {
    Fault::Unexpected("no server".to_owned())
}
