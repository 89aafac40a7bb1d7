//! Catalogue FT-01: the server is killed at random under load, started again, and held to everything it had acknowledged.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use grantwell_core::store::Store as _;
use tokio::task::JoinSet;

use crate::{
    flow::{Browser, Client, Paths},
    grantwell::{Installation, person},
    history::{Counts, Line, Wrong},
    http::{Connection, Fault},
    process::Running,
    random::Random,
};

const WORKERS: usize = 16;
const PEOPLE: usize = 8;
/// A start after a kill may take so long.
const LONGEST_START: Duration = Duration::from_secs(5);
/// Lines of earlier rounds that are looked at again in each round.
const AGAIN: usize = 100;
/// Most lines that are kept for that.
const KEPT: usize = 2000;
/// Most findings of a kind that are printed.
const SHOWN: usize = 5;

#[derive(Debug, Default)]
struct Report {
    counts: Counts,
    checks: u64,
    wrong: Vec<Wrong>,
    /// Answers under load or in a check that no rule allows.
    unexpected: Vec<String>,
    starts: Vec<Duration>,
    kills_at_start: u64,
}

/// One of those who put load on it.
struct Worker {
    browser: Browser,
    client: Client,
    random: Random,
}

/// What one of them did in a round.
struct Done {
    worker: Worker,
    lines: Vec<Line>,
    counts: Counts,
    unexpected: Option<String>,
}

/// What becomes of the write-ahead log between a kill and the next start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Log {
    Kept,
    /// The control: what it held is lost, and the run must see that.
    Discarded,
}

/// Kills `program` `rounds` times. True when nothing was wrong.
pub(crate) async fn run(program: &Path, rounds: u32, seed: u64, log: Log) -> Result<bool, String> {
    println!("seed {seed}");
    let installation = Installation::new(program, PEOPLE)?;
    installation.apply()?;
    let mut random = Random::new(seed);
    let mut report = Report::default();
    let mut running = start(&installation, &mut random, &mut report).await?;
    let mut workers = sign_in(&running, &mut random).await.map_err(|fault| fault.to_string())?;
    let client = workers.first().map(|worker| worker.client.clone()).ok_or("no workers")?;
    let mut kept: Vec<Line> = Vec::new();
    let begun = Instant::now();
    for round in 1..=rounds {
        let mut load = JoinSet::new();
        for worker in workers.drain(..) {
            load.spawn(worker.run(running.address));
        }
        tokio::time::sleep(random.millis(300, 1500)).await;
        running.kill();
        let mut lines = Vec::new();
        while let Some(done) = load.join_next().await {
            let done = done.map_err(|error| error.to_string())?;
            report.counts.add(done.counts);
            report.unexpected.extend(done.unexpected);
            lines.extend(done.lines);
            workers.push(done.worker);
        }
        if log == Log::Discarded {
            installation.discard_log().map_err(|error| error.to_string())?;
        }
        running = start(&installation, &mut random, &mut report).await?;
        for _ in 0..AGAIN.min(kept.len()) {
            let at = usize::try_from(random.below(kept.len().try_into().unwrap_or(1))).unwrap_or(0);
            lines.push(kept.swap_remove(at));
        }
        kept.extend(check(lines, &client, &running, &mut random, &mut report).await);
        while kept.len() > KEPT {
            let at = usize::try_from(random.below(kept.len().try_into().unwrap_or(1))).unwrap_or(0);
            kept.swap_remove(at);
        }
        if round % 10 == 0 || round == rounds {
            let (seconds, wrong) = (begun.elapsed().as_secs(), report.wrong.len());
            println!(
                "round {round}: {} acknowledged, {wrong} wrong, {seconds} s",
                report.counts.acknowledged()
            );
        }
    }
    check(kept, &client, &running, &mut random, &mut report).await;
    running.stop().await?;
    let store =
        grantwell_store::open(&installation.database(), grantwell_store::OpenOptions::default()).await;
    let damage =
        store.map_err(|error| error.to_string())?.check().await.map_err(|error| error.to_string())?;
    Ok(report.print(rounds, &damage))
}

/// Starts it; once in five times it is killed while it starts, and started again.
async fn start(
    installation: &Installation,
    random: &mut Random,
    report: &mut Report,
) -> Result<Running, String> {
    if random.once_in(5) {
        let early = random.millis(1, 60);
        let starting = installation.serve(None, &[]);
        // The process is killed when it is dropped with the future.
        if tokio::time::timeout(early, starting).await.is_err() {
            report.kills_at_start += 1;
        }
    }
    let running = installation.serve(None, &[]).await?;
    report.starts.push(running.started_in);
    Ok(running)
}

async fn sign_in(running: &Running, random: &mut Random) -> Result<Vec<Worker>, Fault> {
    let mut connection = Connection::new(running.address);
    let paths = Paths::discover(&mut connection).await?;
    let client =
        Client { paths, id: "web", scope: "openid notes:read", resource: Some("https://api.example.test/") };
    let mut workers = Vec::new();
    for number in 0..WORKERS {
        let mut browser = Browser::default();
        browser.authorize(&mut connection, &client, &person(number % PEOPLE)).await?;
        let (client, random) = (client.clone(), Random::new(random.next()));
        workers.push(Worker { browser, client, random });
    }
    Ok(workers)
}

impl Worker {
    /// Whole flows until the server is gone.
    async fn run(mut self, address: std::net::SocketAddr) -> Done {
        let mut connection = Connection::new(address);
        let (mut lines, mut counts) = (Vec::new(), Counts::default());
        let unexpected = loop {
            match self.flow(&mut connection, &mut lines, &mut counts).await {
                Ok(()) => {}
                Err(Fault::Lost(_)) => {
                    counts.unknown += 1;
                    break None;
                }
                Err(Fault::Unexpected(what)) => break Some(what),
            }
        };
        Done { worker: self, lines, counts, unexpected }
    }

    async fn flow(
        &mut self,
        connection: &mut Connection,
        lines: &mut Vec<Line>,
        counts: &mut Counts,
    ) -> Result<(), Fault> {
        let code = self.client.authorize(connection, &self.browser.cookies()).await?;
        counts.codes += 1;
        let mut line = Line::new(code);
        let done = self.spend(&mut line, connection, counts).await;
        lines.push(line);
        done
    }

    /// What becomes of a code: one in eight is left, the others are redeemed and refreshed, one in five is revoked.
    async fn spend(
        &mut self,
        line: &mut Line,
        connection: &mut Connection,
        counts: &mut Counts,
    ) -> Result<(), Fault> {
        if self.random.once_in(8) {
            return Ok(());
        }
        line.redeem(&self.client, connection).await?;
        counts.redemptions += 1;
        for _ in 0..self.random.below(5) {
            line.refresh(&self.client, connection).await?;
            counts.refreshes += 1;
        }
        if self.random.once_in(5) {
            line.revoke(&self.client, connection).await?;
            counts.revocations += 1;
        }
        Ok(())
    }
}

/// Checks them on several connections; what can be asked again comes back, and so does what has ended.
async fn check(
    lines: Vec<Line>,
    client: &Client,
    running: &Running,
    random: &mut Random,
    report: &mut Report,
) -> Vec<Line> {
    let share = lines.len().div_ceil(WORKERS).max(1);
    let mut checks = JoinSet::new();
    for share in lines.chunks(share) {
        let (mut share, client) = (share.to_vec(), client.clone());
        let (mut random, mut connection) = (Random::new(random.next()), Connection::new(running.address));
        checks.spawn(async move {
            let (mut wrong, mut unexpected) = (Vec::new(), Vec::new());
            for line in &mut share {
                match line.check(&client, &mut connection, &mut random).await {
                    Ok(found) => wrong.extend(found),
                    Err(fault) => unexpected.push(format!("in a check: {fault}")),
                }
            }
            (share, wrong, unexpected)
        });
    }
    let mut checked = Vec::new();
    while let Some(Ok((share, wrong, unexpected))) = checks.join_next().await {
        report.checks += u64::try_from(share.len()).unwrap_or(0);
        report.wrong.extend(wrong);
        report.unexpected.extend(unexpected);
        checked.extend(share);
    }
    checked
}

impl Report {
    fn print(&mut self, rounds: u32, damage: &[String]) -> bool {
        self.starts.sort();
        let of = |kind: fn(&Wrong) -> bool| self.wrong.iter().filter(|wrong| kind(wrong)).count();
        let (lost, doubled, revived) = (
            of(|wrong| matches!(wrong, Wrong::Lost(_))),
            of(|wrong| matches!(wrong, Wrong::Doubled(_))),
            of(|wrong| matches!(wrong, Wrong::Revived(_))),
        );
        let median = self.starts.get(self.starts.len() / 2).copied().unwrap_or_default();
        let longest = self.starts.last().copied().unwrap_or_default();
        let Counts { codes, redemptions, refreshes, revocations, unknown } = self.counts;
        println!();
        println!("| kill -9 under load | |\n|---|---|");
        println!("| kills under load, and during a start | {rounds}, {} |", self.kills_at_start);
        println!("| acknowledged: codes | {codes} |");
        println!("| acknowledged: redemptions | {redemptions} |");
        println!("| acknowledged: refreshes | {refreshes} |");
        println!("| acknowledged: revocations | {revocations} |");
        println!("| in flight when it was killed | {unknown} |");
        println!("| authorizations checked after a restart | {} |", self.checks);
        println!("| lost | {lost} |");
        println!("| doubled | {doubled} |");
        println!("| revived | {revived} |");
        println!("| answers that no rule allows | {} |", self.unexpected.len());
        println!("| damage found in the database | {} |", damage.len());
        println!("| start to first answer, median and longest | {median:.1?}, {longest:.1?} |");
        for wrong in self.wrong.iter().take(SHOWN) {
            println!("wrong: {wrong:?}");
        }
        for what in self.unexpected.iter().take(SHOWN) {
            println!("unexpected: {what}");
        }
        for what in damage.iter().take(SHOWN) {
            println!("damage: {what}");
        }
        if longest > LONGEST_START {
            println!("a start took longer than {} s", LONGEST_START.as_secs());
        }
        self.wrong.is_empty() && self.unexpected.is_empty() && damage.is_empty() && longest <= LONGEST_START
    }
}
