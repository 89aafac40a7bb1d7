//! `grantwell db`: what a database is, bringing it up to date, and copies of it.

mod arguments;
mod file;
mod show;

use std::{
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use grantwell_core::{
    id::EventId,
    seal::SealKey,
    secret::Secret,
    store::{Event, Share, Store as _, Write},
    time::{Clock as _, Timestamp},
};
use grantwell_store::{
    OpenOptions,
    copy::{self, CopyError, Occupied, Row, Shape, Source, Tally, Value},
    database,
};
use zeroize::Zeroizing;

pub(crate) use self::arguments::DbCommand;
use self::{
    arguments::{Backup, Move, Restore, Verify},
    file::{BackupLock, Header},
};
use crate::{
    ambient::{SystemClock, SystemEntropy},
    app::SERVED,
    cli::{configuration, key::shown, out::say},
    config::{Configuration, problem::reason},
    keys,
    master_key::{self, KeyCheck},
    one_line,
    start_error::StartError,
};

type Done = Result<(), StartError>;

/// Does what the command says.
pub(super) async fn run(command: DbCommand) -> Done {
    match command {
        DbCommand::Status(shown) => {
            let config = configuration(&shown.config.config)?;
            show::status(&config, shown.json).await
        }
        DbCommand::Plan(shown) => {
            let config = configuration(&shown.config.config)?;
            aside(move || show::plan(&config, shown.json)).await
        }
        DbCommand::Migrate(file) => migrate(&configuration(&file.config)?).await,
        DbCommand::Backup(arguments) => {
            let config = configuration(&arguments.config.config)?;
            let (out, database) = (arguments.out.clone(), config.database.clone());
            aside(move || backup(&config, &arguments)).await?;
            if out == Path::new(file::STREAM) {
                warn_of(note(&database, "database.backed_up").await);
                let _ = writeln!(std::io::stderr(), "the backup is complete");
                return Ok(());
            }
            say!("{} is complete: keep it and what opens it in different places", out.display());
            warn_of(note(&database, "database.backed_up").await);
            Ok(())
        }
        DbCommand::Restore(arguments) => {
            let config = configuration(&arguments.config.config)?;
            let database = config.database.clone();
            aside(move || restore(&config, &arguments)).await?;
            warn_of(note(&database, "database.restored").await);
            Ok(())
        }
        DbCommand::Verify(arguments) => {
            // Where a backup is checked there need be nothing but the backup and what opens it.
            match &arguments.file {
                None => show::verify(&configuration(&arguments.config.config)?, arguments.json).await,
                Some(_) => aside(move || verify(&arguments)).await,
            }
        }
        DbCommand::Move(arguments) => {
            let config = configuration(&arguments.config.config)?;
            aside(move || move_to(&config, &arguments)).await
        }
    }
}

/// Off the threads that must not wait.
async fn aside(work: impl FnOnce() -> Done + Send + 'static) -> Done {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(StartError("the work was interrupted".to_owned())))
}

/// How far a copy is: one line that changes on a terminal, and a line for each finished table elsewhere.
struct Progress {
    terminal: bool,
    table: String,
    rows: u64,
}

impl Progress {
    fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), table: String::new(), rows: 0 }
    }

    fn tell(&mut self, table: &str, rows: u64) {
        if table != self.table {
            self.finish();
            table.clone_into(&mut self.table);
        }
        self.rows = rows;
        if self.terminal {
            let _ = write!(std::io::stderr(), "\r{table}: {rows} rows");
            let _ = std::io::stderr().flush();
        }
    }

    fn finish(&mut self) {
        // Standard error may be closed, and the copy goes on.
        if self.terminal && !self.table.is_empty() {
            let _ = writeln!(std::io::stderr());
        } else if !self.table.is_empty() {
            let _ = writeln!(std::io::stderr(), "{}: {} rows", self.table, self.rows);
        }
        self.table.clear();
    }
}

/// A source whose main realm must be the configuration's, under its master key: looked at as it is copied.
struct Proven<'a> {
    source: &'a mut dyn Source,
    issuer: &'a str,
    master: SealKey,
}

impl Proven<'_> {
    fn proves(&self, shape: &Shape, row: &Row) -> Result<(), CopyError> {
        let find = |name: &str| {
            let at = shape.columns.iter().position(|column| column.name == name)?;
            row.get(at)
        };
        if find("realm") != Some(&Value::Int(i64::from(SERVED.0))) {
            return Ok(());
        }
        let Some((Value::Text(issuer), Value::Bytes(check))) = find("issuer").zip(find("key_check")) else {
            return Err(CopyError::Engine("the realm cannot be read".to_owned()));
        };
        if issuer != self.issuer {
            let (theirs, ours) = (issuer.clone(), self.issuer.to_owned());
            return Err(CopyError::Engine(keys::RealmError::OtherIssuer { theirs, ours }.to_string()));
        }
        if !keys::is_master(&self.master, check) {
            return Err(CopyError::Engine(keys::RealmError::OtherMasterKey.to_string()));
        }
        Ok(())
    }
}

impl Source for Proven<'_> {
    fn shapes(&self) -> Vec<Shape> {
        self.source.shapes()
    }

    fn rows(&mut self, shape: &Shape, each: &mut copy::Each<'_>) -> Result<(), CopyError> {
        if shape.table.name != "realm" {
            return self.source.rows(shape, each);
        }
        let mut realms = Vec::new();
        self.source.rows(shape, &mut |row| {
            realms.push(row);
            Ok(())
        })?;
        for row in realms {
            self.proves(shape, &row)?;
            each(row)?;
        }
        Ok(())
    }
}

fn backup(config: &Configuration, arguments: &Backup) -> Done {
    let is_stream = arguments.out == Path::new(file::STREAM);
    if is_stream && std::io::stdout().is_terminal() {
        return Err(StartError(
            "standard output is a terminal: name a file with --out, or send the backup to another program"
                .to_owned(),
        ));
    }
    if !is_stream && arguments.out.exists() && !arguments.force {
        return Err(StartError(format!(
            "{} exists already: choose another name, or use --force to overwrite it",
            arguments.out.display()
        )));
    }
    if let Some(folder) = folder_of(&arguments.out).filter(|folder| !folder.is_dir()) {
        return Err(StartError(format!("the folder {} does not exist: create it first", folder.display())));
    }
    let lock = BackupLock::read(arguments.passphrase_file.as_deref(), arguments.recipient.as_deref())?;
    let mut source = database::source(&config.database).map_err(StartError::of)?;
    let master = master(config)?;
    let schema = database::inspect(&config.database).map_err(StartError::of)?.version.unwrap_or_default();
    let now = SystemClock.now();
    let mut header = Header::new(&config.policy.issuer, schema, now.millis(), &source.shapes());
    header.master_key = Zeroizing::new(STANDARD.encode(master.expose()));
    let mut progress = Progress::new();
    let mut proven =
        Proven { source: source.as_mut(), issuer: &config.policy.issuer, master: SealKey::new(&master) };
    let mut on_progress = |table: &str, rows: u64| progress.tell(table, rows);
    let written = if is_stream {
        file::write_to(std::io::stdout().lock(), &lock, &header, &mut proven, &mut on_progress)
    } else {
        let out = file::Out { path: &arguments.out, replaces: arguments.force };
        file::write(out, &lock, &header, &mut proven, &mut on_progress)
    };
    progress.finish();
    written.map(drop).map_err(|error| match error {
        CopyError::Output(why) if is_stream => {
            StartError(format!("cannot write the backup to standard output: {}", reason(&why)))
        }
        CopyError::Output(why) => {
            StartError(format!("cannot write {}: {}", arguments.out.display(), reason(&why)))
        }
        error => StartError::of(error),
    })
}

/// The folder that a path names before its last part, if it names one.
fn folder_of(path: &Path) -> Option<&Path> {
    path.parent().filter(|folder| !folder.as_os_str().is_empty())
}

fn master(config: &Configuration) -> Result<Secret, StartError> {
    master_key::load(&config.keys.master, KeyCheck::Present, &SystemEntropy).map_err(StartError::of)
}

/// What was done is done, whether or not it could be noted.
fn warn_of(noted: Done) {
    if let Err(StartError(why)) = noted {
        let _ = writeln!(std::io::stderr(), "warning: this could not be written to the audit log: {why}");
    }
}

/// An audit event, from which `db status` knows of the last backup. A database with an older schema is left as it is.
async fn note(database: &str, kind: &str) -> Done {
    let inspected = database::inspect(database).map_err(StartError::of)?;
    if inspected.version != Some(inspected.known) {
        return Ok(());
    }
    let store = grantwell_store::open(database, OpenOptions::default()).await.map_err(StartError::of)?;
    let now = SystemClock.now();
    let event = Event {
        id: EventId::new(now, &SystemEntropy),
        at: now,
        kind: kind.to_owned(),
        user_id: None,
        client_id: None,
        address: None,
        trace_id: String::new(),
        detail: serde_json::json!({}),
    };
    let noted = vec![Write::Audit(Box::new(event))];
    store.commit(SERVED, Share::Rest, noted).await.map_err(StartError::of).map(drop)
}

async fn migrate(config: &Configuration) -> Done {
    let inspected = database::inspect(&config.database).map_err(StartError::of)?;
    if inspected.pending.is_empty() {
        say!("schema version {} is the present one", inspected.known);
        return Ok(());
    }
    drop(grantwell_store::open(&config.database, OpenOptions::default()).await.map_err(StartError::of)?);
    for pending in &inspected.pending {
        say!("version {}: {}", pending.version, pending.name);
    }
    if let Some(version) = inspected.version {
        let kept = database::kept_as(&config.database, version).map_err(StartError::of)?;
        match kept {
            Some(kept) => say!("the database as it was: {}", kept.display()),
            None => say!("the way back is a backup: a server keeps no copy of its own"),
        }
    }
    Ok(())
}

fn restore(config: &Configuration, arguments: &Restore) -> Done {
    let opener = &arguments.opener;
    let mut backup = file::BackupFile::open(
        &arguments.file,
        opener.passphrase_file.as_deref(),
        opener.identity.as_deref(),
    )?;
    let header = backup.header().clone();
    let master = backed_up_key(&header)?;
    if header.issuer != config.policy.issuer {
        return Err(StartError(format!(
            "the backup is of the issuer {}, and the configuration says {}: an issuer never changes",
            header.issuer, config.policy.issuer
        )));
    }
    let present = config.keys.master.exists();
    if present && self::master(config)? != master {
        return Err(StartError(format!(
            "the master key {} is not the one in the backup: move it away, and the one in the backup is put there",
            config.keys.master.display()
        )));
    }
    let mut target =
        database::target(&config.database, &header.issuer, Occupied::Refuse).map_err(StartError::of)?;
    let mut progress = Progress::new();
    let mut proven =
        Proven { source: &mut backup, issuer: &config.policy.issuer, master: SealKey::new(&master) };
    let tallies = copy::transfer(&mut proven, target.as_mut(), &mut |table, rows| progress.tell(table, rows));
    progress.finish();
    let tallies = tallies.map_err(StartError::of)?;
    backup.finish(&tallies).map_err(StartError::of)?;
    target.end_all(SystemClock.now()).map_err(StartError::of)?;
    if !present {
        // Before the database is there: a key without a database is harmless, a database without its key is not.
        master_key::put_back(&config.keys.master, &master).map_err(StartError::of)?;
    }
    target.commit().map_err(StartError::of)?;
    let rows: u64 = tallies.iter().map(|(_, tally)| tally.rows).sum();
    say!("restored {rows} rows, counted and compared");
    say!(
        "as of {}: users, passwords, disabled flags, groups, clients, resources, and failed sign-ins; what changed since is lost",
        shown(Timestamp::from_millis(header.created_at))
    );
    say!("dead: every session, code and token; consents are asked for again; the next start makes new keys");
    Ok(())
}

fn backed_up_key(header: &Header) -> Result<Secret, StartError> {
    let bytes = STANDARD.decode(header.master_key.as_str()).ok().map(Zeroizing::new);
    let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
    bytes.map(Secret::from_bytes).ok_or_else(|| StartError("the backup holds no master key".to_owned()))
}

fn verify(arguments: &Verify) -> Done {
    let Some(file) = &arguments.file else { return Ok(()) };
    let opener = &arguments.opener;
    let mut backup =
        file::BackupFile::open(file, opener.passphrase_file.as_deref(), opener.identity.as_deref())?;
    let header = backup.header().clone();
    let master = SealKey::new(&backed_up_key(&header)?);
    let mut progress = Progress::new();
    let tallies = file::tally(
        &mut Proven { source: &mut backup, issuer: &header.issuer, master },
        &mut |table, rows| progress.tell(table, rows),
    );
    progress.finish();
    let tallies = tallies.map_err(StartError::of)?;
    backup.finish(&tallies).map_err(StartError::of)?;
    show::backup(file, backup.header(), &tallies, arguments.json);
    Ok(())
}

fn move_to(config: &Configuration, arguments: &Move) -> Done {
    let to = match (&arguments.to, &arguments.to_file) {
        (Some(to), _) => to.clone(),
        (None, Some(file)) => one_line::read(file).map(|url| url.to_string()).map_err(StartError)?,
        (None, None) => return Err(StartError("name the target with --to".to_owned())),
    };
    grantwell_store::check_url(&to).map_err(StartError::of)?;
    let to = absolute(&to)?;
    if same_file(&config.database, &to) {
        return Err(StartError("the target exists already".to_owned()));
    }
    let occupied = if arguments.replace { Occupied::Replace } else { Occupied::Refuse };
    let issuer = &config.policy.issuer;
    let mut source = database::departing(&config.database).map_err(StartError::of)?;
    let mut target = database::target(&to, issuer, occupied).map_err(|error| {
        match error {
        CopyError::NotEmpty => StartError(
            "the target holds rows already, and nothing was changed: name an empty or a new database, or say \
             --replace if an interrupted move left them"
                .to_owned(),
        ),
        error => StartError::of(error),
    }
    })?;
    let mut progress = Progress::new();
    let mut proven = Proven { source: source.as_mut(), issuer, master: SealKey::new(&master(config)?) };
    let copied = copy::transfer(&mut proven, target.as_mut(), &mut |table, rows| progress.tell(table, rows));
    progress.finish();
    let copied: Vec<(_, Tally)> = copied.map_err(StartError::of)?;
    target.complete().map_err(StartError::of)?;
    source.is_held().map_err(|error| {
        StartError(format!(
            "this database may have been written to again before the copy was kept, so nothing was moved: {error}"
        ))
    })?;
    target.commit().map_err(StartError::of)?;
    let name = database::without_secrets(&to).map_err(StartError::of)?;
    source.depart(&name).map_err(|error| {
        StartError(format!(
            "everything is in {name}, counted and compared, but this database could not be marked as left: {error}. If it \
             is still served, end what reads it for long, then move again with --replace"
        ))
    })?;
    let rows: u64 = copied.iter().map(|(_, tally)| tally.rows).sum();
    say!("moved {rows} rows, counted and compared; change one line of the configuration:");
    say!(
        "database = \"{name}\"{}",
        if name == to { "" } else { "  # as you gave it, with user, password and what follows the ?" }
    );
    Ok(())
}

/// A path stays what it is wherever it is read from.
fn absolute(url: &str) -> Result<String, StartError> {
    match grantwell_store::file_of(url) {
        Some(path) if !path.is_empty() => {
            let path = std::path::absolute(path).map_err(StartError::of)?;
            Ok(format!("sqlite:{}", path.display()))
        }
        _ => Ok(url.to_owned()),
    }
}

fn same_file(one: &str, other: &str) -> bool {
    let file =
        |url: &str| -> Option<PathBuf> { Path::new(grantwell_store::file_of(url)?).canonicalize().ok() };
    file(one).is_some_and(|one| Some(one) == file(other))
}
