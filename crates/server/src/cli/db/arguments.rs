//! `grantwell db` on the command line.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use crate::cli::ConfigFile;

#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Shows what the database contains and whether it is intact
    #[command(after_help = "Example:\n  grantwell db status --config grantwell.toml --json")]
    Status(Shown),
    /// Shows the steps of the migration that is due, without running them
    #[command(after_help = "Example:\n  grantwell db plan --config grantwell.toml")]
    Plan(Shown),
    /// Brings the schema of the database up to date
    ///
    /// A SQLite file is copied beside itself first. If the migration is interrupted, the next run continues it. `serve` also
    /// migrates when it starts.
    #[command(after_help = "Example:\n  grantwell db migrate --config grantwell.toml")]
    Migrate(ConfigFile),
    /// Writes the whole database and the master key to one encrypted file
    ///
    /// The server may run. The file is in the age format. A restore needs this file and its passphrase or identity, and nothing
    /// else.
    #[command(
        after_help = "Example:\n  grantwell db backup --config grantwell.toml --out grantwell.backup --recipient age1…"
    )]
    Backup(Backup),
    /// Restores a backup into an empty or absent database
    ///
    /// Sessions, tokens and codes that were issued before are invalid afterwards. People are asked for consent again, and new
    /// signing keys are created.
    #[command(
        after_help = "Example:\n  grantwell db restore grantwell.backup --config grantwell.toml --identity key.txt"
    )]
    Restore(Restore),
    /// Checks a backup, or the database if no backup is named
    ///
    /// Checking a backup needs neither a database nor a configuration.
    #[command(
        after_help = "Example:\n  grantwell db verify grantwell.backup --identity key.txt\n  grantwell db verify --config grantwell.toml"
    )]
    Verify(Verify),
    /// Moves everything to another database
    ///
    /// Every session, token and consent stays valid. The old database is read-only during the move and cannot be used
    /// afterwards.
    #[command(
        after_help = "Example:\n  grantwell db move --config grantwell.toml --to sqlite:/srv/grantwell.db\n  grantwell db move --config grantwell.toml --to-file url.txt"
    )]
    Move(Move),
}

#[derive(Debug, Args)]
pub(crate) struct Shown {
    #[command(flatten)]
    pub(crate) config: ConfigFile,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("lock").required(true).args(["passphrase_file", "recipient"])))]
pub(crate) struct Backup {
    #[command(flatten)]
    pub(crate) config: ConfigFile,
    /// The file to write; - is standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// A file whose only line is the passphrase, at least 12 characters
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// The public key of an age key pair
    #[arg(long, value_name = "AGE1…")]
    pub(crate) recipient: Option<String>,
    /// Overwrites an existing file
    #[arg(long)]
    pub(crate) force: bool,
}

/// The key that decrypts a backup.
#[derive(Debug, Args)]
pub(crate) struct Opener {
    /// A file whose only line is the passphrase
    #[arg(long, value_name = "FILE", conflicts_with = "identity")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// A file with the secret key of the age key pair
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("opens").required(true).args(["passphrase_file", "identity"])))]
pub(crate) struct Restore {
    #[command(flatten)]
    pub(crate) config: ConfigFile,
    /// The backup; - is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) opener: Opener,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("opens").args(["passphrase_file", "identity"]).requires("file")))]
pub(crate) struct Verify {
    #[command(flatten)]
    pub(crate) config: ConfigFile,
    /// The backup; - is standard input
    #[arg(value_name = "FILE", requires = "opens")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) opener: Opener,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("target").required(true).args(["to", "to_file"])))]
pub(crate) struct Move {
    #[command(flatten)]
    pub(crate) config: ConfigFile,
    /// The database to move to, as `database` in the configuration
    #[arg(long, value_name = "URL")]
    pub(crate) to: Option<String>,
    /// A file whose only line is that URL; arguments are visible in the list of processes
    #[arg(long, value_name = "FILE")]
    pub(crate) to_file: Option<PathBuf>,
    /// Replaces what an earlier move of the same issuer left in the target
    #[arg(long)]
    pub(crate) replace: bool,
}
