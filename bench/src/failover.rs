//! Catalogue FT-04 with Patroni in synchronous mode: the primary is killed or hangs, another takes over, nothing acknowledged
//! is lost, and the old one takes no more writes.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    crew::{Crew, Manner, PEOPLE},
    nodes::Nodes,
    patroni::{Patroni, Replication},
    random::Random,
    record::Record,
    relay::Wire,
};

/// After so long everything works again, on the new primary.
const RECOVERY: Duration = Duration::from_secs(30);
/// So long the standbys are behind when the machine of the primary is lost: without synchronous mode that is a loss.
const BEHIND: Duration = Duration::from_millis(300);
/// How long an old primary that comes back is tried.
const TRIED: Duration = Duration::from_secs(3);

/// What happens to the primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Its machine is lost while the standbys are behind.
    Lost,
    /// Its PostgreSQL is killed.
    Killed,
    /// Its machine hangs, and comes back when another leads.
    Hangs,
    /// It loses the network to etcd alone: clients still reach it, and another leads.
    Partitioned,
}

const FATES: [Fate; 4] = [Fate::Lost, Fate::Killed, Fate::Hangs, Fate::Partitioned];

/// Fails over `rounds` times. True when nothing was wrong.
pub(crate) async fn run(
    program: &Path,
    rounds: u32,
    seed: u64,
    replication: Replication,
) -> Result<bool, String> {
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let mut patroni = Patroni::new(replication).await?;
    let leader = patroni.until_led(None).await?;
    patroni.create_database(leader, "grantwell").await?;
    let mut nodes = Nodes::start(program, PEOPLE, &patroni.url("grantwell")).await?;
    let servers = nodes.addresses();
    let mut crew = Crew::sign_in(&servers, &mut random).await?;
    let mut record = Record::default();
    for (round, fate) in (1..=rounds).zip(FATES.into_iter().cycle()) {
        let load = random.millis(500, 1500);
        let happens = fate.happens(&mut patroni, &nodes, load);
        let (done, lines) = crew.work(&servers, Manner::Once, &mut record, happens).await?;
        let done = done.map_err(|error| format!("{fate:?}, round {round}: {error}"))?;
        let recovered =
            crew.last_fault.map_or(Duration::ZERO, |last| last.saturating_duration_since(done.begun));
        record.bound("from the fault to the last request that went wrong", recovered, RECOVERY);
        record.time("from the fault to the new primary", done.led);
        patroni.rejoin(fate, done.old, replication, &mut record).await?;
        crew.check(lines, &servers, &mut record).await;
        println!("round {round}, {fate:?}: {}", record.progress());
    }
    crew.check_all(&servers, &mut record).await;
    record.broken.extend(nodes.said("panicked"));
    nodes.stop().await?;
    let title = match replication {
        Replication::Synchronous => "failover with Patroni in synchronous mode",
        Replication::Asynchronous => "control: failover with Patroni in asynchronous mode",
    };
    let good =
        record.print(title, &[("primaries lost, killed, hanging, without etcd in turn", rounds.to_string())]);
    Ok(nodes.explained(good))
}

struct Done {
    begun: Instant,
    led: Duration,
    old: usize,
}

impl Fate {
    async fn happens(self, patroni: &mut Patroni, nodes: &Nodes, load: Duration) -> Result<Done, String> {
        let old = patroni.until_led(None).await?;
        tokio::time::sleep(load).await;
        let begun = match self {
            Self::Lost => {
                patroni.hold_back(old);
                tokio::time::sleep(BEHIND).await;
                let begun = Instant::now();
                patroni.kill(old);
                begun
            }
            Self::Killed => {
                let begun = Instant::now();
                patroni.kill_postgres(old);
                begun
            }
            Self::Hangs => {
                let begun = Instant::now();
                patroni.freeze(old);
                begun
            }
            Self::Partitioned => {
                let begun = Instant::now();
                patroni.partition(old, Wire::Silent);
                begun
            }
        };
        patroni.until_led(Some(old)).await?;
        let led = begun.elapsed();
        while !nodes.all_answer("/readyz").await {
            if begun.elapsed() > 2 * RECOVERY {
                return Err(format!("the nodes are not ready after {} s", 2 * RECOVERY.as_secs()));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        patroni.partition(old, Wire::Whole);
        if self == Self::Hangs {
            patroni.thaw(old);
            // What the nodes still have of the old one must not be believed.
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        Ok(Done { begun, led, old })
    }
}

impl Patroni {
    /// The old primary comes back as a standby, and takes no write meanwhile.
    async fn rejoin(
        &mut self,
        fate: Fate,
        old: usize,
        replication: Replication,
        record: &mut Record,
    ) -> Result<(), String> {
        if fate == Fate::Lost {
            self.start(old)?;
        }
        let begun = Instant::now();
        while begun.elapsed() < TRIED {
            if self.create_database(old, "fenced").await.is_ok() {
                record.broken.push(format!("{fate:?}: the old primary takes writes"));
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.until_whole(replication).await?;
        record.time("from the return of the old primary to a whole cluster", begun.elapsed());
        Ok(())
    }
}
