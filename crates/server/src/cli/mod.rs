//! The command line.

pub(crate) mod apply;
pub(crate) mod config_check;
pub(crate) mod plan;
pub(crate) mod state;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Done.
pub(crate) const SUCCESS: u8 = 0;
/// Something was wrong; one sentence on standard error says what.
pub(crate) const FAILURE: u8 = 1;

/// An OAuth 2.1 authorization server and OpenID Provider in one program.
///
/// Exit codes: 0 done, 1 something was wrong and one sentence says what, 2 the command line was wrong.
#[derive(Debug, Parser)]
#[command(
    name = "grantwell",
    version,
    after_help = "Example:\n  grantwell dev\n      runs the server, an example application and an example API on this machine"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs everything on this machine, with nothing to configure
    ///
    /// The authorization server, an example application with its back end, an example API, and users, clients and resources
    /// to try them with. Prints where to go and who can sign in.
    #[command(after_help = "Example:\n  grantwell dev --port 8080 --data .grantwell")]
    Dev(Dev),
    /// Runs the server
    #[command(after_help = "Example:\n  grantwell serve --config /etc/grantwell/grantwell.toml")]
    Serve(ConfigFile),
    /// Makes the database hold what a state file declares
    ///
    /// Prints what it creates, changes and leaves; a second run changes nothing. On any mistake nothing changes. A running
    /// server honours the change within a second.
    #[command(after_help = "Example:\n  grantwell apply --config grantwell.toml state.toml --dry-run")]
    Apply(Apply),
    /// Looks at the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Tells every mistake of a configuration, each with its place
    #[command(after_help = "Example:\n  grantwell config check --config grantwell.toml")]
    Check(ConfigFile),
}

#[derive(Debug, Args)]
pub(crate) struct ConfigFile {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = "grantwell.toml")]
    pub(crate) config: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Dev {
    /// Prints the same as one JSON object when everything is ready
    #[arg(long)]
    pub(crate) json: bool,
    /// The folder for the database and keys
    #[arg(long, value_name = "DIR", default_value = ".grantwell")]
    pub(crate) data: PathBuf,
    /// The port of the authorization server; the example application and API take the next ones; 0 picks free ones
    #[arg(long, value_name = "N", default_value_t = 8080)]
    pub(crate) port: u16,
}

#[derive(Debug, Args)]
pub(crate) struct Apply {
    #[command(flatten)]
    pub(crate) config: ConfigFile,
    /// The state file
    #[arg(value_name = "STATE")]
    pub(crate) state: PathBuf,
    /// Shows what would happen, and changes nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Removes what an earlier run made and the file declares no longer
    #[arg(long)]
    pub(crate) prune: bool,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
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
            "grantwell serve --config grantwell.toml",
            "grantwell apply --config grantwell.toml state.toml --dry-run --prune --json",
            "grantwell config check --config grantwell.toml",
        ] {
            assert!(Cli::try_parse_from(line.split(' ')).is_ok(), "{line}");
        }
        for line in [
            "grantwell",
            "grantwell sevre",
            "grantwell apply",
            "grantwell dev --port 65536",
            "grantwell config",
        ] {
            assert_eq!(Cli::try_parse_from(line.split(' ')).unwrap_err().exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn every_command_shows_an_example() {
        fn check(command: &clap::Command) {
            if command.get_name() != "config" && command.get_name() != "help" {
                let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(help.contains("Example:\n  grantwell "), "{}", command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }
}
