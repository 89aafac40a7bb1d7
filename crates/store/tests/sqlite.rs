//! The suite on SQLite, and what only a file can be: foreign, from the future, shared with another process, broken.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use grantwell_core::{
    client::GrantType,
    id::Realm,
    store::{AttemptKey, Backoff, Outcome, Share, Store, StoreError, Write},
};
use grantwell_store::{
    Engine, OpenError, OpenOptions, mount_races, mount_suite, open,
    suite::{
        self,
        fixtures::{self, NOW, Seeded},
    },
};

/// A folder that goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let name = format!("grantwell-store-{}-{}", std::process::id(), LAST.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("data/grantwell.db")
    }

    async fn open(&self) -> Result<Engine, OpenError> {
        open(&format!("sqlite:{}", self.file().display()), OpenOptions::default()).await
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// One process with the file.
mod one {
    use super::*;

    async fn nodes() -> (Vec<Engine>, Folder) {
        let folder = Folder::new();
        (vec![folder.open().await.unwrap()], folder)
    }

    mount_suite!(nodes);
}

/// Two engines on one file, each with a writer of its own, as `apply` beside a running server.
mod two {
    use super::*;

    async fn nodes() -> (Vec<Engine>, Folder) {
        let folder = Folder::new();
        (vec![folder.open().await.unwrap(), folder.open().await.unwrap()], folder)
    }

    mount_races!(nodes);
}

fn client(id: &str) -> Write {
    Write::PutClient { client: Box::new(fixtures::client(id)), was: None }
}

/// Makes a database, closes it, and changes it with `sql`.
async fn tampered(sql: &str) -> Folder {
    let folder = Folder::new();
    let engine = folder.open().await.unwrap();
    assert_eq!(engine.commit(Realm(1), Share::Rest, vec![client("app")]).await, Ok(Outcome::Done));
    drop(engine);
    rusqlite::Connection::open(folder.file()).unwrap().execute_batch(sql).unwrap();
    folder
}

#[tokio::test]
async fn what_was_committed_is_there_after_a_restart() {
    let folder = tampered("").await;
    let engine = folder.open().await.unwrap();
    assert_eq!(engine.client(Realm(1), &"app".into()).await, Ok(Some(fixtures::client("app"))));
    assert_eq!(engine.check().await, Ok(Vec::new()));
}

#[tokio::test]
async fn what_was_counted_in_portions_is_their_sum() {
    let folder = Folder::new();
    let engine = folder.open().await.unwrap();
    for count in [2, 40] {
        let grant = GrantType::RefreshToken;
        let write = Write::CountTokens { client_id: "app".into(), grant, minute: NOW, count };
        assert_eq!(engine.commit(Realm(1), Share::Rest, vec![write]).await, Ok(Outcome::Done));
    }
    drop(engine);
    let file = rusqlite::Connection::open(folder.file()).unwrap();
    let row = file.query_row("SELECT count, \"grant\" FROM issued", [], |row| Ok((row.get(0)?, row.get(1)?)));
    assert_eq!(row, Ok((42, "refresh_token".to_owned())));
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let engine = folder.open().await.unwrap();
    assert_eq!(engine.commit(Realm(1), Share::Rest, vec![client("app")]).await, Ok(Outcome::Done));
    let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder.file()), 0o600);
    assert_eq!(mode(folder.0.join("data/grantwell.db-wal")), 0o600);
    assert_eq!(mode(folder.0.join("data")), 0o700);
}

#[tokio::test]
async fn a_database_from_the_future_is_refused() {
    let folder = tampered("PRAGMA user_version = 99").await;
    let refusal = folder.open().await.unwrap_err();
    assert!(matches!(refusal, OpenError::FromTheFuture { found: 99, .. }), "{refusal}");
    assert!(refusal.to_string().contains("schema version 99"), "{refusal}");
}

#[tokio::test]
async fn a_file_that_is_something_else_is_refused_and_left_alone() {
    let other = tampered("PRAGMA application_id = 7").await;
    assert!(matches!(other.open().await.unwrap_err(), OpenError::NotGrantwell { .. }));

    let database = Folder::new();
    std::fs::create_dir(database.0.join("data")).unwrap();
    rusqlite::Connection::open(database.file()).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    let before = std::fs::read(database.file()).unwrap();
    assert!(matches!(database.open().await.unwrap_err(), OpenError::NotGrantwell { .. }));
    assert_eq!(std::fs::read(database.file()).unwrap(), before);

    let text = Folder::new();
    std::fs::create_dir(text.0.join("data")).unwrap();
    std::fs::write(text.file(), "issuer = \"https://issuer.example\"\n".repeat(100)).unwrap();
    let refusal = text.open().await.unwrap_err();
    assert!(matches!(refusal, OpenError::NotGrantwell { .. }), "{refusal}");
    assert!(refusal.to_string().contains("is not a Grantwell database"), "{refusal}");
}

#[tokio::test]
async fn what_cannot_be_opened_is_one_sentence() {
    let folder = Folder::new();
    std::fs::write(folder.0.join("data"), "a file where the folder should be").unwrap();
    assert!(matches!(folder.open().await.unwrap_err(), OpenError::Path { .. }));
    for (url, part) in [
        ("postgres://user:password@host/db?sslmode=none", "sslmode"),
        ("postgresql://user:password@host:port/db", "URL cannot be read"),
        ("mysql://user:password@host/db", "sqlite:PATH"),
        ("sqlite:", "sqlite:PATH"),
        ("sqlite::memory:", "sqlite:PATH"),
    ] {
        let refusal = open(url, OpenOptions::default()).await.unwrap_err().to_string();
        assert!(refusal.contains(part) && !refusal.contains("password"), "{refusal}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_first_starts_at_once_make_one_schema() {
    let folder = Folder::new();
    let engines = suite::stage::open_at_once(format!("sqlite:{}", folder.file().display())).await;
    for (n, engine) in engines.iter().enumerate() {
        let writes = vec![client(&n.to_string())];
        assert_eq!(engine.commit(Realm(1), Share::Rest, writes).await, Ok(Outcome::Done));
    }
    assert_eq!(engines.first().unwrap().check().await, Ok(Vec::new()));
}

/// Z-08: two engines under load on one file; every commit is answered, none with an error, and the counts are exact.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn z_08_a_second_writer_on_the_file_just_works() {
    let folder = Folder::new();
    let nodes = [folder.open().await.unwrap(), folder.open().await.unwrap()].map(std::sync::Arc::new);
    let key = AttemptKey::Address(grantwell_core::secret::Digest([1; 32]));
    let backoff = Backoff {
        free: u32::MAX,
        first: std::time::Duration::from_secs(1),
        most: std::time::Duration::from_secs(1),
        forget: std::time::Duration::from_hours(1),
    };
    let mut tasks = Vec::new();
    for task in 0..16_usize {
        let node = std::sync::Arc::clone(nodes.get(task % 2).unwrap());
        let reserve = Write::ReserveAttempt { key: key.clone(), now: NOW, backoff };
        tasks.push(tokio::spawn(async move {
            for n in 0..50 {
                let writes = vec![reserve.clone(), client(&format!("{task}-{n}"))];
                assert_eq!(node.commit(Realm(1), Share::Grants, writes).await, Ok(Outcome::Done));
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    for node in &nodes {
        let attempts = node.attempts(Realm(1), std::slice::from_ref(&key)).await.unwrap();
        assert_eq!(attempts.first().unwrap().count, 800);
        assert!(node.rows().await.unwrap().contains(&("client", 800)));
    }
}

/// A body from an older release lacks what has a default today; it is the same client, and can be replaced.
#[tokio::test]
async fn a_form_from_an_older_release_can_be_replaced() {
    let folder = tampered("UPDATE client SET body = json_remove(body, '$.default_acr_values')").await;
    let engine = folder.open().await.unwrap();
    let was = engine.client(Realm(1), &"app".into()).await.unwrap().unwrap();
    assert_eq!(was, fixtures::client("app"));
    let mut changed = was.clone();
    changed.client_name = None;
    let put = |was: &grantwell_core::client::Client| Write::PutClient {
        client: Box::new(changed.clone()),
        was: Some(Box::new(was.clone())),
    };
    let mut other = was.clone();
    other.disabled = true;
    let commit = async |was| engine.commit(Realm(1), Share::Rest, vec![put(was)]).await;
    assert_eq!(commit(&other).await, Ok(Outcome::Conflict(Box::new(put(&other)))));
    assert_eq!(commit(&was).await, Ok(Outcome::Done));
    assert_eq!(commit(&was).await, Ok(Outcome::Conflict(Box::new(put(&was)))));
}

/// what is wrong with a row is said without what is in it, and is never an empty answer.
#[tokio::test]
async fn q_03_an_unreadable_row_is_unavailable_and_its_text_is_not_shown() {
    let folder =
        tampered("UPDATE client SET body = '{\"client_id\": \"SECRET\", \"grant_types\": \"SECRET\"}'").await;
    let engine = folder.open().await.unwrap();
    match engine.client(Realm(1), &"app".into()).await {
        Err(StoreError::Unavailable(why)) => assert!(!why.contains("SECRET"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(engine.client(Realm(1), &"other".into()).await, Ok(None), "the next read is well");
}

/// A commit that fails for a reason of its own leaves the others of its batch alone, and nothing of itself.
#[tokio::test]
async fn a_failing_commit_leaves_nothing_and_the_writer_lives() {
    let folder = tampered("CREATE TRIGGER t BEFORE INSERT ON client WHEN NEW.client_id = 'bad' BEGIN SELECT RAISE(ABORT, 'SECRET'); END").await;
    let engine = folder.open().await.unwrap();
    let failing = engine.commit(Realm(1), Share::Rest, vec![client("first"), client("bad")]);
    match failing.await {
        Err(StoreError::Unavailable(why)) => assert!(!why.contains("SECRET"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(engine.client(Realm(1), &"first".into()).await, Ok(None));
    assert_eq!(engine.commit(Realm(1), Share::Rest, vec![client("good")]).await, Ok(Outcome::Done));
}

#[tokio::test]
async fn an_orphan_is_found_by_the_check() {
    let folder = tampered(
        "PRAGMA foreign_keys = OFF;
         INSERT INTO login_name (realm, name, user_id) VALUES (1, 'ada', x'00');",
    )
    .await;
    let engine = folder.open().await.unwrap();
    let found = engine.check().await.unwrap();
    assert_eq!(found, ["a row of login_name refers to a row of user that is not there"]);
}

/// Commits that wait when the engine is dropped are done, and what hung on them is answered.
#[tokio::test]
async fn dropping_an_engine_finishes_what_waits() {
    let folder = Folder::new();
    let engine = std::sync::Arc::new(folder.open().await.unwrap());
    let entropy = Seeded::new(1);
    let session = fixtures::session(fixtures::user("ada", &entropy).id, &entropy);
    let id = session.id;
    let inner = std::sync::Arc::clone(&engine);
    let commit = tokio::spawn(async move {
        let writes = vec![Write::InsertSession(Box::new(session)), client("app")];
        inner.commit(Realm(1), Share::SignIns, writes).await
    });
    assert_eq!(commit.await.unwrap(), Ok(Outcome::Done));
    drop(engine);
    assert!(
        !folder.0.join("data/grantwell.db-wal").exists(),
        "the last to close moves the log into the file"
    );
    let engine = folder.open().await.unwrap();
    assert!(engine.rows().await.unwrap().contains(&("session", 1)));
    assert!(
        engine.session(Realm(1), id).await.unwrap().is_none(),
        "a session without its user is no session"
    );
}

#[tokio::test]
async fn a_restore_ends_what_was_handed_out() {
    let folder = Folder::new();
    let at = |name: &str| format!("sqlite:{}", folder.0.join(name).display());
    suite::copies::a_restore_ends_what_was_handed_out(&at("from.db"), &at("to.db"), &Seeded::new(9)).await;
}

#[tokio::test]
async fn ft_20_a_copy_is_of_one_moment_whatever_is_committed_meanwhile() {
    use grantwell_store::{
        copy::{self, Occupied},
        database,
    };
    let folder = Folder::new();
    let engine = folder.open().await.unwrap();
    assert_eq!(engine.commit(Realm(1), Share::Rest, vec![client("before")]).await, Ok(Outcome::Done));
    let mut source = database::source(&format!("sqlite:{}", folder.file().display())).unwrap();
    let shapes = source.shapes();
    let count = |source: &mut dyn copy::Source, table: &str| {
        let shape = shapes.iter().find(|shape| shape.table.name == table).unwrap();
        let mut rows = 0;
        source
            .rows(shape, &mut |_| {
                rows += 1;
                Ok(())
            })
            .unwrap();
        rows
    };
    assert_eq!(count(source.as_mut(), "realm"), 0);
    assert_eq!(engine.commit(Realm(1), Share::Rest, vec![client("after")]).await, Ok(Outcome::Done));
    assert_eq!(count(source.as_mut(), "client"), 1, "what came later is not in it");

    // Dropped before its commit, a target is as empty as it was.
    let target = format!("sqlite:{}", folder.0.join("target.db").display());
    let mut filling = database::target(&target, "", Occupied::Refuse).unwrap();
    let copied = copy::transfer(source.as_mut(), filling.as_mut(), &mut |_, _| {}).unwrap();
    assert_eq!(copied.iter().map(|(_, tally)| tally.rows).sum::<u64>(), 1);
    drop(filling);
    let mut filling = database::target(&target, "", Occupied::Refuse).unwrap();
    copy::transfer(source.as_mut(), filling.as_mut(), &mut |_, _| {}).unwrap();
    filling.commit().unwrap();
    let indexes = |file: std::path::PathBuf| {
        let c = rusqlite::Connection::open(file).unwrap();
        let made = "SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY name";
        let mut statement = c.prepare(made).unwrap();
        let all = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        all.collect::<Result<Vec<_>, _>>().unwrap()
    };
    let made = indexes(folder.0.join("target.db"));
    assert!(made.len() > 10, "{made:?}");
    assert_eq!(made, indexes(folder.file()));
}
