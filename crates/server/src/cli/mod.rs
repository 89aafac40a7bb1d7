//! The command line.

pub(crate) mod apply;
pub(crate) mod config_check;
mod db;
mod dev;
mod key;
mod out;
pub(crate) mod state;
mod state_warnings;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::{Args, Parser, Subcommand};
use grantwell_core::time::{Clock as _, Entropy};

use self::{
    apply::{ApplyMode, ApplyReport, Applying, Hashing, Undeclared},
    out::say,
};
use crate::{
    ambient::{SystemClock, SystemEntropy},
    clocks,
    config::{Configuration, LogFormat, Problems, SourceFile, environment, reference_markdown},
    listen,
    login::password,
    master_key,
    pages::Pages,
    start,
    start_error::StartError,
    telemetry::{self, LogShape},
};

/// The command did what it should.
pub(crate) const SUCCESS: u8 = 0;
/// The command failed; the reason is on standard error.
pub(crate) const FAILURE: u8 = 1;

/// An OAuth 2.1 authorization server and OpenID Provider in one program.
///
/// Exit codes: 0 done, 1 failed (the reason is on standard error), 2 wrong command line.
#[derive(Debug, Parser)]
#[command(
    name = "grantwell",
    version,
    after_help = "Example:\n  grantwell dev\n      runs the server, an example application and an example API on this machine"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: CliCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CliCommand {
    /// Runs everything on this machine, with nothing to configure
    ///
    /// Starts the authorization server, an example application with its back end and an example API, with users, clients and
    /// resources to try them. Prints the addresses, and the names and passwords of the users.
    #[command(after_help = "Example:\n  grantwell dev --port 8080 --data .grantwell")]
    Dev(Dev),
    /// Runs the server
    #[command(after_help = "Example:\n  grantwell serve --config /etc/grantwell/grantwell.toml")]
    Serve(ConfigFile),
    /// Brings the database to the state that a file declares
    ///
    /// Prints what it creates, changes and leaves as it is. A second run changes nothing. If the file has an error, nothing
    /// changes. A running server uses the new state within a second.
    #[command(after_help = "Example:\n  grantwell apply --config grantwell.toml state.toml --dry-run")]
    Apply(Apply),
    /// Checks and describes the configuration
    #[command(subcommand, after_help = "Example:\n  grantwell config check --config grantwell.toml")]
    Config(ConfigCommand),
    /// Manages the database: schema, backups, moves
    #[command(subcommand, after_help = "Example:\n  grantwell db status --config grantwell.toml")]
    Db(db::DbCommand),
    /// Manages the signing keys
    #[command(subcommand, after_help = "Example:\n  grantwell key ls --config grantwell.toml")]
    Key(KeyCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Lists the signing keys
    #[command(after_help = "Example:\n  grantwell key ls --config grantwell.toml")]
    Ls(ConfigFile),
    /// Creates a successor for every signing key
    ///
    /// The new keys are published at once and sign after fifteen minutes, when no client can have an older key set in its
    /// cache. A running server reads them within a second.
    #[command(after_help = "Example:\n  grantwell key rotate --config grantwell.toml")]
    Rotate(ConfigFile),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Reports every error in a configuration, with file, line and column
    #[command(after_help = "Example:\n  grantwell config check --config grantwell.toml")]
    Check(ConfigFile),
    /// Prints every key with its type, default and environment variable, as Markdown
    #[command(after_help = "Example:\n  grantwell config reference > configuration.md")]
    Reference,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigFile {
    /// The configuration file
    #[arg(long, value_name = "FILE", default_value = "grantwell.toml")]
    pub(crate) config: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Dev {
    /// Prints one JSON object instead of text, when everything is ready
    #[arg(long)]
    pub(crate) json: bool,
    /// The folder for the database and keys
    #[arg(long, value_name = "DIR", default_value = ".grantwell")]
    pub(crate) data: PathBuf,
    /// The port of the authorization server; the example application and the API use the next two; 0 picks free ports
    #[arg(long, value_name = "N", default_value_t = 8080)]
    pub(crate) port: u16,
    /// Logs warnings and errors only, no requests
    #[arg(long)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Apply {
    #[command(flatten)]
    pub(crate) config: ConfigFile,
    /// The state file
    #[arg(value_name = "STATE")]
    pub(crate) state: PathBuf,
    /// Shows the changes without making them
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Removes what an earlier `apply` created and the file no longer declares
    #[arg(long)]
    pub(crate) prune: bool,
    /// Prints one JSON object with `changes` or `errors`
    #[arg(long)]
    pub(crate) json: bool,
}

/// Parses the command line and runs the command.
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start: {error}")),
    };
    let done = runtime.block_on(async move {
        let done = match cli.command {
            CliCommand::Dev(Dev { json, data, port, quiet }) => {
                log(LogShape::Short, if quiet { "warn" } else { "info" })?;
                dev::run(&data, port, json).await
            }
            CliCommand::Serve(ConfigFile { config }) => serve(&config).await,
            CliCommand::Apply(arguments) => return apply_and_report(&arguments).await,
            CliCommand::Config(ConfigCommand::Check(ConfigFile { config })) => check(&config),
            CliCommand::Config(ConfigCommand::Reference) => {
                say!("{}", reference_markdown().trim_end());
                Ok(())
            }
            CliCommand::Db(command) => {
                log(LogShape::Text, "warn")?;
                db::run(command).await
            }
            CliCommand::Key(KeyCommand::Ls(ConfigFile { config })) => {
                key::list(&configuration(&config)?).await
            }
            CliCommand::Key(KeyCommand::Rotate(ConfigFile { config })) => {
                key::rotate(&configuration(&config)?).await
            }
        };
        done.map(|()| SUCCESS)
    });
    match done {
        Ok(code) => ExitCode::from(code),
        Err(StartError(sentence)) => fail(&sentence),
    }
}

fn fail(sentence: &str) -> ExitCode {
    eprintln!("error: {sentence}");
    ExitCode::from(FAILURE)
}

fn log(shape: LogShape, level: &str) -> Result<(), StartError> {
    telemetry::log(shape, level).map_err(|error| StartError(format!("the log level cannot be read: {error}")))
}

fn configuration(path: &Path) -> Result<Configuration, StartError> {
    Configuration::load(path, environment()).map_err(StartError::of)
}

async fn serve(path: &Path) -> Result<(), StartError> {
    let config = configuration(path)?;
    let shape = match config.log.format {
        LogFormat::Json => LogShape::Json,
        LogFormat::Text => LogShape::Text,
    };
    log(shape, &config.log.level)?;
    if let Some(warning) = master_key::warn_readable(path) {
        tracing::warn!("{warning}");
    }
    start::serve(config).await
}

/// Prints the report, or the errors: as text on standard error, with `--json` as an object on standard output.
async fn apply_and_report(arguments: &Apply) -> Result<u8, StartError> {
    let applied = apply_state(arguments).await;
    match (applied, arguments.json) {
        (Ok(report), false) => {
            for warning in &report.warnings.0 {
                eprintln!("warning: {warning}");
            }
            say!("{report}");
        }
        (Ok(report), true) => say!("{}", report.json()),
        (Err(problems), false) => return Err(StartError::of(problems)),
        (Err(problems), true) => {
            say!("{}", problems.json());
            return Ok(FAILURE);
        }
    }
    Ok(SUCCESS)
}

async fn apply_state(arguments: &Apply) -> Result<ApplyReport, Problems> {
    let config = Configuration::load(&arguments.config.config, environment())?;
    for warning in [&arguments.config.config, &arguments.state]
        .into_iter()
        .filter_map(|path| master_key::warn_readable(path))
    {
        eprintln!("warning: {warning}");
    }
    let source = SourceFile::read(&arguments.state)?;
    // Mistakes are reported before a database is opened or created.
    state::parse(&source)?;
    let (database, master, issuer) = (&config.database, &config.keys.master, &config.policy.issuer);
    let entropy = SystemEntropy;
    let hash = |password: &str| hash(password, &entropy);
    let with = Applying {
        now: SystemClock.now(),
        entropy: &entropy,
        hashing: Hashing { hash: &hash, verify: &password::verify },
        undeclared: if arguments.prune { Undeclared::Prune } else { Undeclared::Keep },
        issuer,
    };
    let whole = |error: StartError| Problems::from(error.0);
    if arguments.dry_run {
        let store = start::open_to_look(database, master, issuer, Arc::new(SystemEntropy)).await;
        return match store.map_err(whole)? {
            Some(store) => apply::apply(&store, &source, ApplyMode::DryRun, &with).await,
            None => apply::from_nothing(&source, &with),
        };
    }
    let opened = start::open(database, master, issuer, Arc::new(SystemEntropy)).await;
    let (store, _) = opened.map_err(whole)?;
    clocks::check(&store, &SystemClock).await.map_err(whole)?;
    apply::apply(&store, &source, ApplyMode::Commit, &with).await
}

/// Hashes a password of a state file.
fn hash(password: &str, entropy: &dyn Entropy) -> Result<String, String> {
    password::hash(password, entropy).map_err(|_| "the password is too long".to_owned())
}

fn check(path: &Path) -> Result<(), StartError> {
    let (config, warnings) = config_check::check(path, environment()).map_err(StartError::of)?;
    for warning in warnings {
        eprintln!("warning: {warning}");
    }
    if let Some(folder) = &config.templates {
        Pages::with_overrides(folder).map_err(|errors| {
            StartError(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        })?;
    }
    if let Some(tls) = &config.tls {
        listen::tls(&tls.certificate, &tls.key).map_err(StartError::of)?;
    }
    say!("{}: nothing is wrong", path.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_the_documented_one() {
        Cli::command().debug_assert();
        for line in [
            "grantwell dev",
            "grantwell dev --json --data d --port 0",
            "grantwell dev --quiet",
            "grantwell serve --config grantwell.toml",
            "grantwell apply --config grantwell.toml state.toml --dry-run --prune --json",
            "grantwell config check --config grantwell.toml",
            "grantwell config reference",
            "grantwell db status --json",
            "grantwell db plan --config grantwell.toml --json",
            "grantwell db migrate",
            "grantwell db backup --out b --recipient age1x --force",
            "grantwell db backup --out b --passphrase-file p",
            "grantwell db restore b --identity i",
            "grantwell db verify",
            "grantwell db verify b --passphrase-file p --json",
            "grantwell db move --to sqlite:x --replace",
        ] {
            assert!(Cli::try_parse_from(line.split(' ')).is_ok(), "{line}");
        }
        for line in [
            "grantwell",
            "grantwell sevre",
            "grantwell apply",
            "grantwell dev --port 65536",
            "grantwell config",
            "grantwell db",
            "grantwell db backup --out b",
            "grantwell db backup --out b --recipient age1x --passphrase-file p",
            "grantwell db restore",
            "grantwell db move",
        ] {
            assert_eq!(Cli::try_parse_from(line.split(' ')).unwrap_err().exit_code(), 2, "{line}");
        }
        for (line, ways) in [
            ("grantwell db backup --out b", ["--passphrase-file", "--recipient"]),
            ("grantwell db move", ["--to", "--to-file"]),
        ] {
            let said = Cli::try_parse_from(line.split(' ')).unwrap_err().to_string();
            assert!(ways.iter().all(|way| said.contains(way)), "every way is named: {said}");
        }
    }

    #[test]
    fn every_command_shows_an_example() {
        fn check(command: &clap::Command) {
            if command.get_name() != "help" {
                let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(help.contains("Example:\n  grantwell "), "{}", command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }
}
