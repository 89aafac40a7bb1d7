//! Grantwell as it is run here: a folder with configuration, state and database, and the program on it.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    flow::{PASSWORD, REDIRECT_URI, SECRET},
    process::{Folder, Process, Program, RunningProcess},
};

pub(crate) const ISSUER: &str = "http://localhost:8080";

const CONFIGURATION: &str = r#"
issuer = "http://localhost:8080"
listen = "127.0.0.1:0"
log.format = "json"
# What was given in the first round is asked for in the last.
lifetimes.access_token = "12h"
"#;

/// A proxy is on loopback. An outage may last longer than a code lives, and a slow machine may need longer for a hundred
/// guesses than the first delay is. Everybody comes from one address, and an attempt whose node was killed counts as a failed one. The
/// notice is longer than two looks of the proxy.
const PATIENT: &str = r#"
proxy.trusted = ["127.0.0.0/8"]
lifetimes.code = "10min"
lifetimes.refresh_grace = "1min"
limits.account_first = "1min"
limits.address_free = 1000
limits.shutdown_notice = "1500ms"
"#;

/// An API with JWTs signed with ES256, one with EdDSA, one with opaque tokens.
const RESOURCES: &str = r#"
[[resource]]
identifier = "https://api.example.test/"
[resource.scopes]
"notes:read" = "Read your notes"

[[resource]]
identifier = "https://eddsa.example.test/"
access_token_signing_alg = "EdDSA"
[resource.scopes]
"cards:read" = "Read your cards"

[[resource]]
identifier = "https://opaque.example.test/"
access_token_format = "opaque"
[resource.scopes]
"files:read" = "Read your files"
"#;

/// Everything one server has on the disk.
#[derive(Debug)]
pub(crate) struct Installation {
    program: PathBuf,
    folder: Folder,
    /// The URL of a database that is not in the folder.
    elsewhere: Option<String>,
}

/// The people who can sign in: `person0` and so on.
pub(crate) fn person(number: usize) -> String {
    format!("person{number}")
}

impl Installation {
    /// Writes configuration and state. Nothing runs yet, and there is no database.
    pub(crate) fn new(program: &Path, people: usize) -> Result<Self, String> {
        let configuration = format!("database = \"sqlite:grantwell.db\"\n{CONFIGURATION}");
        Self::write(program, people, &configuration, None)
    }

    /// The same with its database elsewhere.
    pub(crate) fn with_database(program: &Path, people: usize, database: &str) -> Result<Self, String> {
        let configuration = format!("database = \"{database}\"\n{CONFIGURATION}");
        Self::write(program, people, &configuration, Some(database))
    }

    /// The same for servers that share a database.
    pub(crate) fn on(program: &Path, people: usize, database: &str) -> Result<Self, String> {
        let configuration = format!("database = \"{database}\"\n{CONFIGURATION}{PATIENT}");
        Self::write(program, people, &configuration, Some(database))
    }

    fn write(
        program: &Path,
        people: usize,
        configuration: &str,
        database: Option<&str>,
    ) -> Result<Self, String> {
        let failed = |error: std::io::Error| error.to_string();
        let program = program.canonicalize();
        let program = program.map_err(|error| format!("the program under test: {error}"))?;
        let folder = Folder::new().map_err(failed)?;
        fs::write(folder.path("grantwell.toml"), configuration).map_err(failed)?;
        let mut state = RESOURCES.to_owned();
        for (id, algorithm) in [("web", "ES256"), ("web-eddsa", "EdDSA")] {
            state.push_str(&client(id, algorithm));
        }
        for number in 0..people {
            let name = person(number);
            state.extend([format!(
                "\n[[user]]\nusername = \"{name}\"\nname = \"A person\"\npassword = \"{PASSWORD}\"\n"
            )]);
        }
        fs::write(folder.path("state.toml"), state).map_err(failed)?;
        Ok(Self { program, folder, elsewhere: database.map(str::to_owned) })
    }

    /// `grantwell apply`.
    pub(crate) async fn apply(&self) -> Result<(), String> {
        self.apply_file(&self.folder.path("state.toml")).await
    }

    /// `grantwell apply` of a client that is disabled, or not any more.
    pub(crate) async fn apply_client(&self, id: &str, is_disabled: IsDisabled) -> Result<(), String> {
        let file = self.folder.path("client.toml");
        let disabled = is_disabled == IsDisabled::Yes;
        let state = format!("{}disabled = {disabled}\n", client(id, "ES256"));
        fs::write(&file, state).map_err(|error| error.to_string())?;
        self.apply_file(&file).await
    }

    async fn apply_file(&self, state: &Path) -> Result<(), String> {
        let mut command = Command::new(&self.program);
        command
            .arg("apply")
            .arg("--config")
            .arg(self.folder.path("grantwell.toml"))
            .arg(state)
            .stdin(Stdio::null());
        // On a thread of its own: the wire to its database may be ours.
        let output = tokio::task::spawn_blocking(move || command.output()).await;
        let output = output.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        if output.status.success() {
            Ok(())
        } else {
            Err(format!("apply: {}", String::from_utf8_lossy(&output.stderr)))
        }
    }

    /// `grantwell ARGUMENTS --config …`, with overrides of the configuration, until it has ended.
    pub(crate) async fn run(
        &self,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<Duration, String> {
        let mut command = Command::new(&self.program);
        command.args(arguments).arg("--config").arg(self.folder.path("grantwell.toml"));
        command.envs(environment.iter().copied());
        let begun = Instant::now();
        let log = self.folder.path("commands");
        Process::start(&mut command, &log)?.until_it_ends().await?;
        Ok(begun.elapsed())
    }

    /// `grantwell serve`, with overrides of the configuration.
    pub(crate) async fn serve(
        &self,
        processors: Option<&'static str>,
        environment: &[(&str, &str)],
    ) -> Result<RunningProcess, String> {
        let own = |text: &str| text.to_owned();
        let environment = environment.iter().map(|(name, value)| (own(name), own(value))).collect();
        self.program(processors, environment).start(listen).await
    }

    /// `grantwell serve` as the last arguments of another command.
    pub(crate) async fn serve_under(
        &self,
        command: &[String],
        environment: &[(&str, &str)],
    ) -> Result<RunningProcess, String> {
        let own = |text: &str| text.to_owned();
        let environment = environment.iter().map(|(name, value)| (own(name), own(value))).collect();
        let served = self.program(None, environment);
        let (first, rest) = command.split_first().ok_or("no command")?;
        let program = served.command.display().to_string();
        let arguments =
            rest.iter().cloned().chain([program]).chain(served.arguments.iter().cloned()).collect();
        Program { command: first.into(), arguments, ..served }.start(listen).await
    }

    /// `grantwell serve` on a port that is known already.
    pub(crate) async fn serve_at(&self, address: SocketAddr) -> Result<RunningProcess, String> {
        self.program(None, Vec::new()).start_at(address, listen).await
    }

    /// The same by another program.
    pub(crate) async fn serve_as(
        &self,
        program: &Path,
        address: SocketAddr,
    ) -> Result<RunningProcess, String> {
        let program = Program { command: program.to_owned(), ..self.program(None, Vec::new()) };
        program.start_at(address, listen).await
    }

    fn program(&self, processors: Option<&'static str>, environment: Vec<(String, String)>) -> Program {
        let configuration = self.folder.path("grantwell.toml").display().to_string();
        Program {
            command: self.program.clone(),
            arguments: vec!["serve".to_owned(), "--config".to_owned(), configuration],
            environment,
            log: self.log(),
            processors,
            probe: "/readyz",
        }
    }

    /// What keys are encrypted under.
    pub(crate) fn master_key(&self) -> Result<[u8; 32], String> {
        let file = self.folder.path("grantwell.key");
        let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let bytes = STANDARD.decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.ok_or_else(|| format!("{} is not a master key", file.display()))
    }

    /// A file of its own.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path(name)
    }

    /// The server's log.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.path("log")
    }

    /// The URL of its database.
    pub(crate) fn database(&self) -> String {
        let inside = || format!("sqlite:{}", self.folder.path("grantwell.db").display());
        self.elsewhere.clone().unwrap_or_else(inside)
    }

    /// Loses what the database has not taken over from its write-ahead log yet.
    pub(crate) fn discard_log(&self) -> std::io::Result<()> {
        fs::remove_file(self.folder.path("grantwell.db-wal"))
    }

    /// Size of the program, bytes.
    pub(crate) fn program_size(&self) -> u64 {
        fs::metadata(&self.program).map_or(0, |metadata| metadata.len())
    }
}

/// Whether a client may do anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IsDisabled {
    Yes,
    No,
}

fn listen(command: &mut Command, address: SocketAddr) {
    command.env("GRANTWELL_LISTEN", address.to_string());
}

fn client(id: &str, algorithm: &str) -> String {
    format!(
        r#"
[[client]]
client_id = "{id}"
client_secret = "{SECRET}"
token_endpoint_auth_method = "client_secret_basic"
redirect_uris = ["{REDIRECT_URI}"]
grant_types = ["authorization_code", "refresh_token", "client_credentials"]
scope = "openid profile notes:read cards:read files:read"
id_token_signed_response_alg = "{algorithm}"
"#
    )
}
