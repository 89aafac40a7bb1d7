//! Load on servers of this machine: `kills` looks for what a crash loses, `run` for how fast they are.

mod flow;
mod grantwell;
mod history;
mod http;
mod kills;
mod process;
mod random;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::random::Random;

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
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    // One thread: the load must not take the server's processor.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = match runtime {
        Err(error) => Err(error.to_string()),
        Ok(runtime) => runtime.block_on(async {
            match cli.command {
                Command::Kills { server, rounds, seed } => {
                    kills::run(&server, rounds, seed.unwrap_or_else(Random::seed)).await
                }
            }
        }),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
