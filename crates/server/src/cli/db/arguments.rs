//! `grantwell db` on the command line.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use crate::cli::ConfigFile;

#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Shows what is in the database and whether it is whole
    #[command(after_help = "Example:\n  grantwell db status --config grantwell.toml --json")]
    Status(Shown),
    /// Shows what a migration would do, and changes nothing
    #[command(after_help = "Example:\n  grantwell db plan --config grantwell.toml")]
    Plan(Shown),
    /// Brings the schema of the database up to date
    ///
    /// The file is copied beside itself first. A run that was interrupted is finished by the next. `serve` does the same when
    /// it starts.
    #[command(after_help = "Example:\n  grantwell db migrate --config grantwell.toml")]
    Migrate(ConfigFile),
    /// Writes everything, keys included, to one encrypted file
    ///
    /// The server may run. The file is an age file: without the passphrase or the identity nobody can read it, and with it
    /// nothing else is needed to restore.
    #[command(
        after_help = "Example:\n  grantwell db backup --config grantwell.toml --out grantwell.backup --recipient age1…"
    )]
    Backup(Backup),
    /// Fills an empty or absent database from a backup
    ///
    /// Everything that was issued before is dead: sessions, tokens and codes. Consents are asked for again, and new keys sign.
    #[command(
        after_help = "Example:\n  grantwell db restore grantwell.backup --config grantwell.toml --identity key.txt"
    )]
    Restore(Restore),
    /// Checks a backup, or the database when none is named
    ///
    /// A backup is checked by itself: there need be neither a database nor a configuration.
    #[command(
        after_help = "Example:\n  grantwell db verify grantwell.backup --identity key.txt\n  grantwell db verify --config grantwell.toml"
    )]
    Verify(Verify),
    /// Copies the database to another one and leaves it for that
    ///
    /// Every session, token and consent stays valid. Nobody can write to the old database meanwhile, and nobody can use it
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
    /// The file to write
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// A file whose only line is the passphrase, at least 12 characters
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// The public half of an age key
    #[arg(long, value_name = "AGE1…")]
    pub(crate) recipient: Option<String>,
    /// Replaces a file of that name
    #[arg(long)]
    pub(crate) force: bool,
}

/// What opens a backup.
#[derive(Debug, Args)]
pub(crate) struct Opener {
    /// A file whose only line is the passphrase
    #[arg(long, value_name = "FILE", conflicts_with = "identity")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// A file with the secret half of the age key
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("opens").required(true).args(["passphrase_file", "identity"])))]
pub(crate) struct Restore {
    #[command(flatten)]
    pub(crate) config: ConfigFile,
    /// The backup
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
    /// The backup
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
    /// A file whose only line is that URL: who lists processes sees the arguments of each
    #[arg(long, value_name = "FILE")]
    pub(crate) to_file: Option<PathBuf>,
    /// Replaces what an earlier move of the same issuer left in it
    #[arg(long)]
    pub(crate) replace: bool,
}
