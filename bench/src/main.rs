//! Load on servers of this machine: `kills` looks for what a crash loses, `run` for how fast they are.

mod account;
mod across;
mod against;
mod backups;
mod bare;
mod crew;
mod databases;
mod failover;
mod figure;
mod fill;
mod flow;
mod flows;
mod grantwell;
mod growth;
mod haproxy;
mod history;
mod http;
mod instructions;
mod kills;
mod large;
mod load;
mod nodes;
mod outages;
mod overload;
mod patroni;
mod pgbouncer;
mod plan;
mod plot;
mod pooler;
mod population;
mod postgres;
mod process;
mod races;
mod random;
mod record;
mod relay;
mod report;
mod rows;
mod run;
mod speed;
mod stand;
mod sweep;
mod threads;
mod upgrade;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};

use crate::{random::Random, speed::Speed};

/// Load on servers of this machine.
#[derive(Debug, Parser)]
#[command(name = "grantwell-bench", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Kills the server at random under load and checks everything that it had acknowledged
    Kills {
        /// The program `grantwell`
        #[arg(long, value_name = "FILE")]
        server: PathBuf,
        /// How often
        #[arg(long, default_value_t = 50)]
        rounds: u32,
        /// Repeats a run's chances
        #[arg(long)]
        seed: Option<u64>,
        /// Throws the write-ahead log away before each start: the run must then find losses, or it is blind
        #[arg(long)]
        discard_log: bool,
    },
    /// Three servers on one PostgreSQL: races, a sign-in that changes its server at each step, and kills behind HAProxy
    Nodes {
        #[command(flatten)]
        run: Rounds,
        /// How often each race; as often as the kills without it
        #[arg(long)]
        races: Option<u32>,
    },
    /// Takes PostgreSQL away from three servers in six ways, and brings it back
    Outages {
        #[command(flatten)]
        run: Rounds,
        /// Of how many rounds the first ones have outages beside the crashes
        #[arg(long, default_value_t = 1)]
        outages: u32,
        /// How long an outage lasts
        #[arg(long, default_value_t = 5.0)]
        seconds: f64,
    },
    /// PgBouncer between three servers and PostgreSQL: restarted, killed, paused
    Pooler(Rounds),
    /// Backups under load on each engine, each restored and looked at
    Backups(Rounds),
    /// The primary of a Patroni cluster is lost, killed, hangs, loses etcd
    Patroni {
        #[command(flatten)]
        run: Rounds,
        /// Commits wait for no second machine: the run must then find losses, or it is blind
        #[arg(long)]
        asynchronous: bool,
    },
    /// A large database: filled, served, swept, backed up, restored, moved to the other engine
    Large {
        /// The program `grantwell`, built for release
        #[arg(long, value_name = "FILE")]
        server: PathBuf,
        /// The engine that is filled
        #[arg(long)]
        engine: databases::EngineName,
        /// Users
        #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1000..))]
        users: u64,
        /// Clients
        #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1000..))]
        clients: u64,
        /// Authorizations
        #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(100_000..))]
        authorizations: u64,
    },
    /// Three servers go to the next version and back under load, one after the other
    Upgrade {
        #[command(flatten)]
        run: Rounds,
        /// The program of the next version; without it the schema alone goes on
        #[arg(long, value_name = "FILE")]
        next: Option<PathBuf>,
        /// How long both versions serve, in seconds, there and back
        #[arg(long, default_value_t = 4.0)]
        mixed: f64,
    },
    /// Measures the server, and another one beside it
    Run(Speed),
    /// Answers and does nothing else: what the servers are measured against
    #[command(hide = true)]
    Bare,
    /// Counts the instructions of a request under callgrind, beside what is recorded
    Instructions {
        /// The program `grantwell`, built for release
        #[arg(long, value_name = "FILE")]
        server: PathBuf,
        /// The record
        #[arg(long, value_name = "FILE")]
        record: PathBuf,
        /// The commit that the program was built from; the counts become the record
        #[arg(long, value_name = "COMMIT")]
        write: Option<String>,
        /// Why one of them takes over five percent more than the record
        #[arg(long, value_name = "TEXT", requires = "write")]
        why: Option<String>,
    },
    /// Runs a command beside a PostgreSQL of its own; `GRANTWELL_TEST_POSTGRES` names an empty database
    WithPostgres {
        /// The command and its arguments, after `--`
        #[arg(last = true, required = true, value_name = "COMMAND")]
        command: Vec<String>,
    },
}

/// What a run takes that breaks something again and again.
#[derive(Debug, clap::Args)]
struct Rounds {
    /// The program `grantwell`
    #[arg(long, value_name = "FILE")]
    server: PathBuf,
    /// How often
    #[arg(long, default_value_t = 10)]
    rounds: u32,
    /// Repeats a run's chances
    #[arg(long)]
    seed: Option<u64>,
}

impl Rounds {
    fn seed(&self) -> u64 {
        self.seed.unwrap_or_else(Random::seed)
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    // One thread: the load must not take the server's processor, and what we start ends with the thread that started it.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = match runtime {
        Err(error) => Err(error.to_string()),
        // What is dropped when a signal comes ends its processes and removes its folders.
        Ok(runtime) => runtime.block_on(async {
            tokio::select! {
                done = run(cli.command) => done,
                ended = signalled() => Err(ended),
            }
        }),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}

/// SIGINT or SIGTERM.
async fn signalled() -> String {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            tokio::select! {
                _ = interrupt.recv() => "ended by SIGINT".to_owned(),
                _ = terminate.recv() => "ended by SIGTERM".to_owned(),
            }
        }
        (Err(error), _) | (_, Err(error)) => error.to_string(),
    }
}

async fn run(command: Command) -> Result<ExitCode, String> {
    let good = match command {
        Command::Kills { server, rounds, seed, discard_log } => {
            let log = if discard_log { kills::WriteAheadLog::Discarded } else { kills::WriteAheadLog::Kept };
            kills::run(&server, rounds, seed.unwrap_or_else(Random::seed), log).await?
        }
        Command::Nodes { run, races } => {
            across::run(&run.server, races.unwrap_or(run.rounds), run.rounds, run.seed()).await?
        }
        Command::Outages { run, outages, seconds } => {
            let time = Duration::from_secs_f64(seconds.clamp(0.1, 600.0));
            let extent = outages::Extent { rounds: run.rounds, outages, time };
            outages::run(&run.server, extent, run.seed()).await?
        }
        Command::Pooler(run) => pooler::run(&run.server, run.rounds, run.seed()).await?,
        Command::Backups(run) => backups::run(&run.server, run.rounds, run.seed()).await?,
        Command::Patroni { run, asynchronous } => {
            let replication = if asynchronous {
                patroni::Replication::Asynchronous
            } else {
                patroni::Replication::Synchronous
            };
            failover::run(&run.server, run.rounds, run.seed(), replication).await?
        }
        Command::Large { server, engine, users, clients, authorizations } => {
            large::run(&server, fill::Size::aged(users, clients, authorizations), engine).await?
        }
        Command::Upgrade { run, next, mixed } => {
            let mixed = Duration::from_secs_f64(mixed.clamp(0.1, 7200.0));
            let (program, next) = (&run.server, next.as_deref());
            let upgrade = upgrade::Upgrade { program, next, rounds: run.rounds, mixed };
            upgrade::run(upgrade, run.seed()).await?
        }
        Command::Run(speed) => speed::measure(&speed).await?,
        Command::Bare => {
            bare::serve().await?;
            true
        }
        Command::Instructions { server, record, write, why } => {
            let new = write.as_deref().map(|commit| instructions::NewRecord { commit, why: why.as_deref() });
            instructions::run(&server, &record, new).await?;
            true
        }
        Command::WithPostgres { command } => return postgres::with_postgres(&command).await,
    };
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
