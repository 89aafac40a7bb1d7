//! The database goes away and comes back (catalogue FT-05), and it crashes and is started again (FT-04): three nodes answer as
//! they should meanwhile, and everything acknowledged is there afterwards.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    crew::{Crew, Manner, PEOPLE},
    flow::{BenchClient, DISCOVERY, FormBrowser},
    history::Line,
    http::{Call, Fault, HttpConnection, Reply},
    nodes::Nodes,
    postgres::{Durability, PostgresCluster, succeed},
    random::Random,
    record::Record,
    relay::{TcpRelay, Wire},
};

/// An answer takes no longer, whatever is away.
const ANSWER: Duration = Duration::from_secs(2);
/// The database is there again: after so long everything works.
const RECOVERY: Duration = Duration::from_secs(5);
/// `limits.database_connections` of a node, by default.
const CONNECTIONS: usize = 16;

/// What happens to the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Nobody listens.
    Stopped,
    /// It listens, and nothing answers.
    Frozen,
    /// Packets are dropped.
    Silent,
    /// Connections end, old and new.
    Cut,
    /// SIGKILL, and a new start.
    Killed,
    /// An immediate shutdown, and a new start.
    Immediate,
}

const FATES: [Fate; 6] =
    [Fate::Stopped, Fate::Frozen, Fate::Silent, Fate::Cut, Fate::Killed, Fate::Immediate];

/// How long, and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) rounds: u32,
    /// Outages of each kind among the rounds; every round has a crash of each kind.
    pub(crate) outages: u32,
    pub(crate) time: Duration,
}

/// The database, and the wire to it.
#[derive(Debug)]
struct Database {
    postgres: PostgresCluster,
    relay: TcpRelay,
}

/// Everything that `extent` says. True when nothing was wrong.
pub(crate) async fn run(program: &Path, extent: Extent, seed: u64) -> Result<bool, String> {
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let postgres = PostgresCluster::new(Durability::Kept).await?;
    postgres.create_database("grantwell")?;
    let relay = TcpRelay::new(postgres.address()).await?;
    let mut database = Database { postgres, relay };
    let url = database.postgres.url_by(database.relay.address, "grantwell");
    let mut nodes = Nodes::start(program, PEOPLE, &url).await?;
    let servers = nodes.addresses();
    let mut crew = Crew::sign_in(&servers, &mut random).await?;
    let mut records = FATES.map(|fate| (fate, Record::default(), 0_u32));
    let begun = Instant::now();
    for round in 1..=extent.rounds {
        for (fate, record, count) in &mut records {
            if !fate.is_crash() && round > extent.outages {
                continue;
            }
            *count += 1;
            let time = if fate.is_crash() { random.millis(0, 300) } else { extent.time };
            let load = random.millis(300, 1200);
            let happens = happens(*fate, (load, time), &mut database, &nodes, crew.client().clone());
            let ((seen, back, probes), mut lines) = {
                let (done, lines) = crew.work(&servers, Manner::Once, record, happens).await?;
                (done.map_err(|error| format!("{fate:?}, round {round}: {error}"))?, lines)
            };
            record.absorb(seen);
            let recovered =
                crew.last_fault.map_or(Duration::ZERO, |last| last.saturating_duration_since(back));
            record.bound("from its return to the last request that went wrong", recovered, RECOVERY);
            lines.extend(probes);
            crew.check(lines, &servers, record).await;
            println!(
                "{}, round {round}: {}, {} s",
                fate.title(),
                record.progress(),
                begun.elapsed().as_secs()
            );
        }
    }
    let last = records.last_mut().map(|(_, record, _)| record).ok_or("no record")?;
    crew.check_all(&servers, last).await;
    last.broken.extend(nodes.said("panicked"));
    nodes.stop().await?;
    // Catalogue I10: nothing is damaged.
    let mut check = database.postgres.client("pg_amcheck");
    if let Err(damage) = succeed(check.args(["--install-missing", "grantwell"])) {
        last.broken.push(damage);
    }
    database.postgres.stop().await?;
    let mut good = true;
    for (fate, mut record, count) in records {
        good &= record.print(fate.title(), &[("times", count.to_string())]);
    }
    Ok(nodes.explained(good))
}

impl Fate {
    fn is_crash(self) -> bool {
        matches!(self, Self::Killed | Self::Immediate)
    }

    fn title(self) -> &'static str {
        match self {
            Self::Stopped => "PostgreSQL refuses connections",
            Self::Frozen => "PostgreSQL is stopped with SIGSTOP",
            Self::Silent => "the network to PostgreSQL drops packets",
            Self::Cut => "the network to PostgreSQL ends connections",
            Self::Killed => "PostgreSQL is killed with SIGKILL, and started",
            Self::Immediate => "PostgreSQL shuts down at once, and is started",
        }
    }

    async fn begins(self, database: &mut Database) -> Result<(), String> {
        match self {
            Self::Stopped => database.postgres.stop().await?,
            Self::Frozen => database.postgres.freeze(),
            Self::Silent => database.relay.set(Wire::Silent),
            Self::Cut => database.relay.set(Wire::Cut),
            Self::Killed => database.postgres.kill(),
            Self::Immediate => database.postgres.stop_immediate().await?,
        }
        Ok(())
    }

    async fn ends(self, database: &mut Database) -> Result<(), String> {
        match self {
            Self::Stopped | Self::Killed | Self::Immediate => database.postgres.start().await?,
            Self::Frozen => database.postgres.thaw(),
            Self::Silent | Self::Cut => database.relay.set(Wire::Whole),
        }
        Ok(())
    }
}

type Happened = Result<(Record, Instant, Vec<Line>), String>;

/// Load, the outage with questions, the way back. Answers what was seen, when the database was back, and the lines it asked by.
async fn happens(
    fate: Fate,
    (load, time): (Duration, Duration),
    database: &mut Database,
    nodes: &Nodes,
    client: BenchClient,
) -> Happened {
    let mut seen = Record::default();
    let mut probes = Vec::new();
    for (number, address) in nodes.addresses().into_iter().enumerate() {
        let mut connection = HttpConnection::new(address);
        let code = FormBrowser::default().authorize(&mut connection, &client, &Crew::stranger(number)).await;
        let mut line = Line::new(code.map_err(|fault| fault.to_string())?);
        line.redeem(&client, &mut connection).await.map_err(|fault| fault.to_string())?;
        probes.push(Probe { connection, line, client: client.clone() });
    }
    tokio::time::sleep(load).await;
    let begun = Instant::now();
    fate.begins(database).await?;
    if fate.is_crash() {
        tokio::time::sleep(time).await;
    }
    while !fate.is_crash() && begun.elapsed() < time {
        for probe in &mut probes {
            probe.ask_while_away(&mut seen).await;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    fate.ends(database).await?;
    let back = Instant::now();
    for probe in &mut probes {
        probe.until_it_works().await?;
    }
    seen.bound("from its return to an answer of every node", back.elapsed(), RECOVERY);
    let most = CONNECTIONS * nodes.addresses().len();
    while database.postgres.connections() > most && back.elapsed() < RECOVERY {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let connections = database.postgres.connections();
    if connections > most {
        seen.broken.push(format!("{connections} connections to the database, and {most} are allowed"));
    }
    Ok((seen, back, probes.into_iter().map(|probe| probe.line).collect()))
}

/// Somebody who asks one node, and has a refresh token.
struct Probe {
    connection: HttpConnection,
    client: BenchClient,
    line: Line,
}

impl Probe {
    /// What needs no database is answered; what does is refused, soon, and with a word on when to come again.
    async fn ask_while_away(&mut self, seen: &mut Record) {
        for (path, status) in
            [("/healthz", 200), (DISCOVERY, 200), (self.client.paths.jwks.as_str(), 200), ("/readyz", 503)]
        {
            let begun = Instant::now();
            let reply = self.connection.send(Call::get(path)).await;
            let what = if status == 200 { "an answer that needs no database" } else { "not ready" };
            seen.bound(what, begun.elapsed(), ANSWER);
            if !reply.as_ref().is_ok_and(|reply| reply.status == status) {
                let told = |reply: Reply| reply.unexpected().to_string();
                seen.broken.push(format!("{path}: {}", reply.map_or_else(|fault| fault.to_string(), told)));
            }
        }
        let begun = Instant::now();
        let done = self.line.refresh(&self.client, &mut self.connection).await;
        seen.bound("a refusal because the database is away", begun.elapsed(), ANSWER);
        match done {
            Err(Fault::Busy(_)) => {}
            Ok(()) => seen.broken.push("a refresh token was used without a database".to_owned()),
            Err(fault) => seen.broken.push(format!("a refresh: {fault}")),
        }
    }

    /// Waits until the node is ready and answers what needs the database. Its own token stays as it is, for the check.
    async fn until_it_works(&mut self) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            let ready = self.connection.send(Call::get("/readyz")).await;
            let works = self.client.client_credentials(&mut self.connection).await;
            if ready.is_ok_and(|reply| reply.status == 200) && works.is_ok() {
                return Ok(());
            }
            if begun.elapsed() > 6 * RECOVERY {
                return Err(format!("a node does not come back within {} s", 6 * RECOVERY.as_secs()));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
