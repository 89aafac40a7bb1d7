//! Catalogue FT-01: the server is killed at random under load, started again, and held to everything it had acknowledged.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use grantwell_core::store::Store as _;

use crate::{
    crew::{Crew, Manner, PEOPLE},
    grantwell::Installation,
    process::RunningProcess,
    random::Random,
    record::Record,
};

/// A start after a kill may take so long.
const LONGEST_START: Duration = Duration::from_secs(5);

/// What becomes of the write-ahead log between a kill and the next start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WriteAheadLog {
    Kept,
    /// The control: what it held is lost, and the run must see that.
    Discarded,
}

/// Kills `program` `rounds` times. True when nothing was wrong.
pub(crate) async fn run(program: &Path, rounds: u32, seed: u64, log: WriteAheadLog) -> Result<bool, String> {
    println!("seed {seed}");
    let installation = Installation::new(program, PEOPLE)?;
    installation.apply().await?;
    let mut random = Random::new(seed);
    let mut record = Record::default();
    let mut early = 0;
    let mut running = start(&installation, &mut random, &mut record, &mut early).await?;
    let mut crew = Crew::sign_in(&[running.address], &mut random).await?;
    let begun = Instant::now();
    for round in 1..=rounds {
        let (load, servers) = (random.millis(300, 1500), [running.address]);
        let kill = async {
            tokio::time::sleep(load).await;
            running.kill();
        };
        let ((), lines) = crew.work(&servers, Manner::Once, &mut record, kill).await?;
        if log == WriteAheadLog::Discarded {
            installation.discard_log().map_err(|error| error.to_string())?;
        }
        running = start(&installation, &mut random, &mut record, &mut early).await?;
        crew.check(lines, &[running.address], &mut record).await;
        if round % 10 == 0 || round == rounds {
            println!("round {round}: {}, {} s", record.progress(), begun.elapsed().as_secs());
        }
    }
    crew.check_all(&[running.address], &mut record).await;
    running.stop().await?;
    let store =
        grantwell_store::open(&installation.database(), grantwell_store::OpenOptions::default()).await;
    let damage =
        store.map_err(|error| error.to_string())?.check().await.map_err(|error| error.to_string())?;
    let rows = [
        ("kills under load, and during a start", format!("{rounds}, {early}")),
        ("damage found in the database", damage.len().to_string()),
    ];
    record.broken.extend(damage);
    Ok(record.print("kill -9 under load", &rows))
}

/// Starts it; once in five times it is killed while it starts, and started again.
async fn start(
    installation: &Installation,
    random: &mut Random,
    record: &mut Record,
    early: &mut u32,
) -> Result<RunningProcess, String> {
    if random.once_in(5) {
        let limit = random.millis(1, 60);
        let starting = installation.serve(None, &[]);
        // The process is killed when it is dropped with the future.
        if tokio::time::timeout(limit, starting).await.is_err() {
            *early += 1;
        }
    }
    let running = installation.serve(None, &[]).await?;
    record.bound("start to first answer", running.started_in, LONGEST_START);
    Ok(running)
}
