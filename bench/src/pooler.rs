//! A pool that gives each transaction another connection (catalogue FT-06): it is restarted, killed and paused, its connections
//! live a second, and nothing of one session is seen in another.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    crew::{Crew, Manner, PEOPLE},
    nodes::Nodes,
    pgbouncer::Pgbouncer,
    postgres::{Durability, PostgresCluster, output},
    random::Random,
    record::Record,
};

/// After so long everything works again.
const RECOVERY: Duration = Duration::from_secs(5);
/// How often settings of pooled connections are looked at, so that many of them are seen.
const LOOKS: usize = 5;
/// How many complaints of the pool are printed.
const SHOWN: usize = 40;

/// What happens to the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Restarted,
    Killed,
    Paused,
}

const FATES: [Fate; 3] = [Fate::Restarted, Fate::Killed, Fate::Paused];

/// Each of them `rounds` times. True when nothing was wrong.
pub(crate) async fn run(program: &Path, rounds: u32, seed: u64) -> Result<bool, String> {
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let mut postgres = PostgresCluster::new(Durability::Kept).await?;
    postgres.create_database("grantwell")?;
    let mut pool = Pgbouncer::new(&postgres).await?;
    let url = postgres.url_by(pool.address, "grantwell");
    let mut nodes = Nodes::start(program, PEOPLE, &url).await?;
    let servers = nodes.addresses();
    let mut crew = Crew::sign_in(&servers, &mut random).await?;
    let mut record = Record::default();
    let begun = Instant::now();
    for round in 1..=rounds {
        for fate in FATES {
            let load = random.millis(200, 800);
            let happens = fate.happens(&mut pool, &postgres, (load, random.millis(50, 700)));
            let (done, lines) = crew.work(&servers, Manner::Once, &mut record, happens).await?;
            let back = done.map_err(|error| format!("{fate:?}, round {round}: {error}"))?;
            let recovered =
                crew.last_fault.map_or(Duration::ZERO, |last| last.saturating_duration_since(back));
            record.bound("from its return to the last request that went wrong", recovered, RECOVERY);
            crew.check(lines, &servers, &mut record).await;
        }
        leaks(&pool, &postgres, &mut record)?;
        println!("round {round}: {}, {} s", record.progress(), begun.elapsed().as_secs());
    }
    crew.check_all(&servers, &mut record).await;
    record.broken.extend(nodes.said("panicked"));
    record.broken.extend(nodes.said("prepared statement"));
    for log in [pool.log(), postgres.log()] {
        let text = fs::read_to_string(log).unwrap_or_default();
        record
            .broken
            .extend(text.lines().filter(|line| line.contains("prepared statement")).map(str::to_owned));
    }
    nodes.stop().await?;
    pool.stop().await?;
    postgres.stop().await?;
    let rows = [("restarts, kills, pauses", format!("{rounds}, {rounds}, {rounds}"))];
    let good = nodes.explained(record.print("PgBouncer with transaction pooling", &rows));
    if !good {
        let log = fs::read_to_string(pool.log()).unwrap_or_default();
        for line in log.lines().filter(|line| !line.contains(" LOG ")).take(SHOWN) {
            println!("pool: {line}");
        }
    }
    Ok(good)
}

impl Fate {
    /// Load, the fault, the way back. Answers when the pool was back.
    async fn happens(
        self,
        pool: &mut Pgbouncer,
        postgres: &PostgresCluster,
        (load, time): (Duration, Duration),
    ) -> Result<Instant, String> {
        tokio::time::sleep(load).await;
        match self {
            Self::Restarted => pool.stop().await?,
            Self::Killed => pool.kill(),
            // It returns when the transactions under way have ended.
            Self::Paused => pool.console(postgres, "PAUSE")?,
        }
        tokio::time::sleep(time).await;
        match self {
            Self::Restarted | Self::Killed => pool.start().await?,
            Self::Paused => pool.console(postgres, "RESUME")?,
        }
        let back = Instant::now();
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(back)
    }
}

/// No setting of a pooled connection differs from those of a new one, and no lock outlives its transaction.
fn leaks(pool: &Pgbouncer, postgres: &PostgresCluster, record: &mut Record) -> Result<(), String> {
    let print = ["--no-align", "--tuples-only", "--dbname=grantwell", "--command"];
    let settings = output(postgres.client("psql").args(print).arg("SHOW ALL"))?;
    // A module that a session has loaded brings settings that a new one does not have.
    let own: BTreeMap<&str, &str> = settings.lines().filter_map(|line| line.split_once('|')).collect();
    for _ in 0..LOOKS {
        let pooled = output(pool.client(postgres).args(print).arg("SHOW ALL"))?;
        let pairs = pooled.lines().filter_map(|line| line.split_once('|'));
        let differs = pairs.filter(|(name, value)| own.get(name).is_some_and(|own| own != value));
        record
            .broken
            .extend(differs.map(|(name, value)| format!("a setting is left behind: {name} {value}")));
    }
    let locks = output(postgres.client("psql").args(print).arg("TABLE pg_locks"))?;
    record.broken.extend(
        locks.lines().filter(|line| line.contains("advisory")).map(|line| format!("a lock is left: {line}")),
    );
    Ok(())
}
