//! What an URL names: which engine, and what can be done with the database. The one file that knows both engines and what copies
//! are made of.

use std::path::PathBuf;

use crate::{
    Engine, OpenError, OpenOptions,
    copy::{CopyError, Departing, Inspection, Occupied, Source, Target},
    postgres, sqlite,
};

/// Where a database is.
enum Place {
    File(PathBuf),
    Server(Box<postgres::server::Server>),
}

impl Place {
    fn of(url: &str) -> Result<Self, OpenError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return postgres::server::Server::parse(url).map(|server| Self::Server(Box::new(server)));
        }
        let path = file_of(url).ok_or(OpenError::Url)?;
        // Every connection of an in-memory database would see one of its own.
        if path.is_empty() || path == ":memory:" {
            return Err(OpenError::Url);
        }
        Ok(Self::File(PathBuf::from(path)))
    }
}

/// The path in `sqlite:PATH` or `sqlite://PATH`.
pub fn file_of(url: &str) -> Option<&str> {
    let path = url.strip_prefix("sqlite:")?;
    Some(path.strip_prefix("//").unwrap_or(path))
}

/// Whether the URL of a database has a form that can be opened. Nothing is opened.
pub fn check_url(url: &str) -> Result<(), OpenError> {
    let why = |why: &str| Err(OpenError::Setting { why: why.to_owned() });
    match file_of(url) {
        Some(path) if path.contains(":memory:") || path.contains("mode=memory") => {
            why("nothing can be kept in memory; write \"sqlite:\" and the path of a file")
        }
        Some(path) if path.starts_with("file:") => why("write \"sqlite:\" and the path, without \"file:\""),
        Some(path) if path.contains('?') => why(
            "a SQLite database has no options; write \"sqlite:\" and the path, without the \"?\" and what follows it",
        ),
        Some(path) if path.starts_with('~') => why(
            "\"~\" does not become a folder here; write \"sqlite:\" and the whole path, such as \"sqlite:/srv/grantwell.db\"",
        ),
        Some(path) if path.starts_with('$') || path.contains("${") => {
            why("a variable does not become its value here; write \"sqlite:\" and the whole path")
        }
        Some(path) if path.ends_with('/') => {
            why("it names a folder; write \"sqlite:\" and the path of a file")
        }
        _ => Place::of(url).map(drop),
    }
}

/// Opens the database that `url` names, makes it on the first start, and brings its schema up to date.
pub async fn open(url: &str, options: OpenOptions) -> Result<Engine, OpenError> {
    match Place::of(url)? {
        Place::Server(server) => postgres::Postgres::open(*server, options).await.map(Engine::Postgres),
        Place::File(path) => {
            let database = path.display().to_string();
            match tokio::task::spawn_blocking(move || sqlite::Sqlite::open(path, options)).await {
                Ok(opened) => opened.map(Engine::Sqlite),
                Err(_) => Err(OpenError::Io { database, why: "it was interrupted".to_owned() }),
            }
        }
    }
}

/// Whether the database that `url` names was made already; nothing is changed.
pub async fn is_there(url: &str) -> Result<bool, OpenError> {
    match Place::of(url)? {
        Place::File(path) => Ok(path.exists()),
        Place::Server(server) => postgres::is_there(&server).await,
    }
}

/// Reads a database, which stays in use.
pub fn source(url: &str) -> Result<Box<dyn Source>, CopyError> {
    Ok(match Place::of(url)? {
        Place::File(path) => Box::new(sqlite::copy::SqliteCopy::read(&path)?),
        Place::Server(server) => Box::new(postgres::copy::PostgresCopy::read(&server)?),
    })
}

/// Fills a database, which is made when it is absent.
pub fn target(url: &str, issuer: &str, occupied: Occupied) -> Result<Box<dyn Target>, CopyError> {
    Ok(match Place::of(url)? {
        Place::File(path) => Box::new(sqlite::copy::SqliteCopy::fill(&path, issuer, occupied)?),
        Place::Server(server) => Box::new(postgres::copy::PostgresCopy::fill(&server, issuer, occupied)?),
    })
}

/// Takes hold of a database in order to leave it.
pub fn departing(url: &str) -> Result<Box<dyn Departing>, CopyError> {
    Ok(match Place::of(url)? {
        Place::File(path) => Box::new(sqlite::copy::SqliteCopy::leave(&path)?),
        Place::Server(server) => Box::new(postgres::copy::PostgresCopy::leave(&server)?),
    })
}

/// What a database turned out to be; nothing is changed, not even made.
pub fn inspect(url: &str) -> Result<Inspection, CopyError> {
    match Place::of(url)? {
        Place::File(path) => sqlite::inspect::inspect(&path),
        Place::Server(server) => postgres::inspect::inspect(&server),
    }
}

/// An URL as it may be shown and kept: without user and password.
pub fn without_secrets(url: &str) -> Result<String, CopyError> {
    Ok(match Place::of(url)? {
        Place::File(_) => url.to_owned(),
        Place::Server(server) => server.name().to_owned(),
    })
}

/// Where a migration keeps the database as it was when its schema had that version; `None` where the server's own backups are
/// the way back.
pub fn kept_as(url: &str, version: i64) -> Result<Option<PathBuf>, CopyError> {
    Ok(match Place::of(url)? {
        Place::File(path) => Some(sqlite::migrate::kept_as(&path, version)),
        Place::Server(_) => None,
    })
}
