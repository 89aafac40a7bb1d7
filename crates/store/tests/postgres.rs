//! The suite on PostgreSQL, and what only a server can be: away, slow, too new, moved, or one whose answer is lost.
//!
//! Needs a server: `GRANTWELL_TEST_POSTGRES` names one whose role may make schemas, as `cargo xtask test postgres` starts it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::time::{Duration, Instant};

use grantwell_core::{
    id::Realm,
    store::{LoginName, Outcome, Retention, Share, Store, StoreError, Write},
};
use grantwell_store::{
    Engine, OpenError, OpenOptions,
    copy::{self, CopyError, Occupied},
    database, mount_races, mount_suite, open,
    suite::{
        self,
        fixtures::{self, NOW, Seeded},
        postgres::{Relay, Schema, by},
        stage::{Stage, contents},
    },
};

/// One process with the database.
mod one {
    use super::*;

    async fn nodes() -> (Vec<Engine>, Schema) {
        let schema = Schema::new().await;
        (vec![schema.open().await], schema)
    }

    mount_suite!(nodes);
}

/// Three nodes on one database, each with writers of its own.
mod three {
    use super::*;

    async fn nodes() -> (Vec<Engine>, Schema) {
        let schema = Schema::new().await;
        let mut nodes = Vec::new();
        for _ in 0..3 {
            nodes.push(schema.open().await);
        }
        (nodes, schema)
    }

    mount_races!(nodes);
}

fn client(id: &str) -> Write {
    Write::PutClient { client: Box::new(fixtures::client(id)), was: None }
}

async fn put(engine: &Engine, id: &str) -> Result<Outcome, StoreError> {
    engine.commit(Realm(1), Share::Rest, vec![client(id)]).await
}

async fn has(engine: &Engine, id: &str) -> bool {
    engine.client(Realm(1), &id.into()).await.unwrap().is_some()
}

/// An engine whose way to the server is ours to break.
async fn relayed() -> (Schema, Relay, Engine) {
    let schema = Schema::new().await;
    let relay = Relay::start(&schema).await;
    let options = OpenOptions { connections: 2, writers: 1, ..OpenOptions::default() };
    let engine = open(&schema.on(&relay.url()), options).await.unwrap();
    assert_eq!(put(&engine, "before").await, Ok(Outcome::Done));
    (schema, relay, engine)
}

/// FT-05: whatever keeps the server from answering, the answer is no within two seconds, and all is well soon after it is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ft_05_a_server_that_is_away_is_unavailable_and_then_is_not() {
    let (_schema, relay, engine) = relayed().await;
    for outage in [Relay::refuse, Relay::silence] {
        outage(&relay);
        for _ in 0..3 {
            let begun = Instant::now();
            let (read, written) = tokio::join!(engine.realm(Realm(1)), put(&engine, "during"));
            assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
            assert!(matches!(written, Err(StoreError::Unavailable(_))), "{written:?}");
            assert!(begun.elapsed() < Duration::from_millis(2300), "{:?}", begun.elapsed());
        }
        relay.mend();
        let begun = Instant::now();
        while engine.client(Realm(1), &"before".into()).await.is_err()
            || put(&engine, "before").await.is_err()
        {
            assert!(begun.elapsed() < Duration::from_secs(5), "it does not come back");
        }
        assert!(!has(&engine, "during").await, "what was refused while nothing was sent is not there");
    }
}

/// A commit whose answer is lost after the server did it is found to be done, and nothing is done twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_was_lost_is_settled_by_its_id() {
    let (_schema, relay, engine) = relayed().await;
    for n in 0..5 {
        relay.lose_the_answer_of(b"COMMIT\0");
        let id = format!("lost-{n}");
        assert_eq!(put(&engine, &id).await, Ok(Outcome::Done));
        assert!(relay.has_lost(), "the answer was lost");
        assert!(has(&engine, &id).await);
        assert_eq!(put(&engine, &id).await, Ok(Outcome::Conflict(Box::new(client(&id)))), "it is there once");
    }
}

/// A commit that never reached the server is known not to have been done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_never_arrived_is_voided() {
    let (_schema, relay, engine) = relayed().await;
    for n in 0..5 {
        relay.lose_the_request(b"COMMIT\0");
        let id = format!("void-{n}");
        let outcome = put(&engine, &id).await;
        assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
        assert!(relay.has_lost(), "the request was lost");
        assert!(!has(&engine, &id).await);
        assert_eq!(put(&engine, &id).await, Ok(Outcome::Done));
    }
}

/// Without its mark a transaction could not be settled, so it is not committed; the log has the cause.
#[tokio::test]
async fn a_transaction_that_cannot_be_marked_is_not_committed_and_says_why() {
    let schema = Schema::new().await;
    let engine = schema.open().await;
    schema.execute("ALTER TABLE commit_mark RENAME TO gone").await;
    let (alone, (one, other, third)) =
        (put(&engine, "alone").await, tokio::join!(put(&engine, "a"), put(&engine, "b"), put(&engine, "c")));
    for outcome in [alone, one, other, third] {
        match outcome {
            Err(StoreError::Unavailable(why)) => assert!(why.contains("42P01"), "{why}"),
            other => panic!("{other:?}"),
        }
    }
    for id in ["alone", "a", "b", "c"] {
        assert!(!has(&engine, id).await, "{id}");
    }
    schema.execute("ALTER TABLE gone RENAME TO commit_mark").await;
    assert_eq!(put(&engine, "alone").await, Ok(Outcome::Done));
}

/// A lock that somebody else holds is not waited for longer than a caller waits, and what was given up is not done later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_is_held_is_503_in_time() {
    let schema = Schema::new().await;
    let engine = schema.open().await;
    let (entropy, owner) = (Seeded::new(3), fixtures::user("ada", &Seeded::new(4)));
    let session = fixtures::session(owner.id, &entropy);
    let insert = Write::InsertSession(Box::new(session.clone()));
    assert_eq!(engine.commit(Realm(1), Share::SignIns, vec![insert]).await, Ok(Outcome::Done));
    let holder = schema.connect().await;
    holder.batch_execute("BEGIN; SELECT 1 FROM session FOR UPDATE").await.unwrap();
    let end = || vec![Write::EndSession { id: session.id, user_id: owner.id, at: NOW }];
    let begun = Instant::now();
    let refused = engine.commit(Realm(1), Share::SignIns, end()).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert!(begun.elapsed() < Duration::from_millis(2300), "{:?}", begun.elapsed());
    holder.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(
        engine.commit(Realm(1), Share::SignIns, end()).await,
        Ok(Outcome::Done),
        "not ended by the first"
    );
}

/// Waits until so many connections of that name wait for a lock.
async fn blocked(looking: &tokio_postgres::Client, name: &str, count: i64) {
    let asked = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = '{name}' AND wait_event_type = 'Lock'"
    );
    while looking.query_typed_one(&asked, &[]).await.unwrap().get::<_, i64>(0) < count {
        tokio::task::yield_now().await;
    }
}

/// One writer, whose connection has that name.
async fn named(schema: &Schema, name: &str) -> Engine {
    let options = OpenOptions { connections: 1, writers: 1, ..OpenOptions::default() };
    open(&format!("{}&application_name={name}", schema.url()), options).await.unwrap()
}

async fn count(engine: &Engine, reason: &'static str) -> Result<Outcome, StoreError> {
    let counted = Write::CountRefusal { client_id: "app".into(), reason, at: NOW };
    engine.commit(Realm(1), Share::Rest, vec![counted]).await
}

/// What strangers make the server count has no row to lock until it is counted: the order in which they come must not matter.
#[tokio::test]
async fn two_batches_that_count_the_same_in_another_order_do_not_wait_for_each_other() {
    let schema = Schema::new().await;
    let name = format!("order-{}", schema.name());
    let (one, other) = (named(&schema, &name).await, named(&schema, &name).await);
    assert_eq!(count(&one, "held").await, Ok(Outcome::Done));
    let (holder, looking) = (schema.connect().await, schema.connect().await);
    holder.batch_execute("BEGIN; SELECT 1 FROM refusal FOR UPDATE").await.unwrap();
    let release = async {
        blocked(&looking, &name, 2).await;
        holder.batch_execute("ROLLBACK").await.unwrap();
    };
    let one = async { tokio::join!(count(&one, "first"), count(&one, "held"), count(&one, "last")) };
    let other = async { tokio::join!(count(&other, "last"), count(&other, "held"), count(&other, "first")) };
    let (one, other, ()) = tokio::join!(one, other, release);
    let done = (Ok(Outcome::Done), Ok(Outcome::Done), Ok(Outcome::Done));
    assert_eq!((&one, &other), (&done, &done));
    let rows = holder.query_typed("SELECT reason, count FROM refusal ORDER BY reason", &[]).await.unwrap();
    let counts: Vec<(String, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(counts, [("first".to_owned(), 2), ("held".to_owned(), 3), ("last".to_owned(), 2)]);
}

/// The server ends a batch for the sake of somebody who takes locks in another order: its commits are done one by one.
#[tokio::test]
async fn a_batch_that_met_a_deadlock_is_done_singly() {
    let schema = Schema::new().await;
    let name = format!("deadlock-{}", schema.name());
    let engine = named(&schema, &name).await;
    let (entropy, owner) = (Seeded::new(3), fixtures::user("ada", &Seeded::new(4)));
    let mut ids = Vec::new();
    for _ in 0..2 {
        let session = fixtures::session(owner.id, &entropy);
        ids.push(session.id);
        let insert = vec![Write::InsertSession(Box::new(session))];
        assert_eq!(engine.commit(Realm(1), Share::SignIns, insert).await, Ok(Outcome::Done));
    }
    ids.sort_by_key(|id| *id.as_bytes());
    let (holder, looking) = (schema.connect().await, schema.connect().await);
    let lock = |nth: &str| format!("SELECT 1 FROM session ORDER BY id {nth} LIMIT 1 FOR UPDATE");
    // Whoever waits longest without finding the circle is not the one that is ended.
    holder.batch_execute(&format!("SET deadlock_timeout = '1min'; BEGIN; {}", lock("DESC"))).await.unwrap();
    let against = async {
        blocked(&looking, &name, 1).await;
        holder.batch_execute(&lock("ASC")).await.unwrap();
        holder.batch_execute("ROLLBACK").await.unwrap();
    };
    let end = |id| {
        engine.commit(Realm(1), Share::SignIns, vec![Write::EndSession { id, user_id: owner.id, at: NOW }])
    };
    let (first, last, ()) = tokio::join!(end(ids[0]), end(ids[1]), against);
    assert_eq!((first, last), (Ok(Outcome::Done), Ok(Outcome::Done)));
}

/// A busy node marks more transactions than one step of the sweep removes: it must be told that there are more.
#[tokio::test]
async fn the_sweep_counts_the_marks_that_it_removes() {
    let schema = Schema::new().await;
    let engine = schema.open().await;
    schema
        .execute(
            "INSERT INTO commit_mark (id, at, void)
             SELECT uuid_send(gen_random_uuid()), 0, FALSE FROM generate_series(1, 12)",
        )
        .await;
    let day = Duration::from_hours(24);
    let keep = Retention { audit: day, ended: day, attempts: day };
    let mut gone = Vec::new();
    for _ in 0..4 {
        gone.push(engine.sweep(NOW, keep, 5).await.unwrap());
    }
    assert_eq!(gone, [5, 5, 2, 0]);
}

/// The server keeps foreign keys itself, unless it is told not to or its files are damaged.
#[tokio::test]
async fn an_orphan_is_found_by_the_check() {
    let schema = Schema::new().await;
    let engine = schema.open().await;
    schema
        .execute(
            "SET session_replication_role = replica;
             INSERT INTO login_name (realm, name, user_id) VALUES (1, 'ada', '');
             INSERT INTO resource_scope (realm, scope, identifier) VALUES (1, 'read', 'https://api.example/')",
        )
        .await;
    let mut found = engine.check().await.unwrap();
    found.sort();
    assert_eq!(
        found,
        [
            "a row of login_name refers to a row of user that is not there",
            "a row of resource_scope refers to a row of resource that is not there",
        ]
    );
}

/// PostgreSQL's text holds no U+0000: a name with one is nobody's, as on every engine.
#[tokio::test]
async fn a_name_that_no_row_can_hold_is_nobodys() {
    let engine = Schema::new().await.open().await;
    assert_eq!(engine.user_by_login(Realm(1), &LoginName::new("a\0da")).await, Ok(None));
    assert_eq!(engine.client(Realm(1), &"a\0pp".into()).await, Ok(None));
    let names = ["https://a\0.example/".into(), "https://b.example/".into()];
    assert_eq!(engine.resources(Realm(1), &names, &["a\0b"].into_iter().collect()).await, Ok(Vec::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_first_starts_at_once_make_one_schema() {
    let schema = Schema::new().await;
    let engines = suite::stage::open_at_once(schema.url()).await;
    for (n, engine) in engines.iter().enumerate() {
        assert_eq!(put(engine, &n.to_string()).await, Ok(Outcome::Done));
    }
    assert_eq!(engines.first().unwrap().check().await, Ok(Vec::new()));
}

/// A release serves what a later one has made, as long as the later one says so.
#[tokio::test]
async fn a_newer_schema_is_served_while_it_says_so_and_refused_when_not() {
    let schema = Schema::new().await;
    assert_eq!(put(&schema.open().await, "app").await, Ok(Outcome::Done));
    schema
        .execute("UPDATE grantwell SET version = version + 1; ALTER TABLE client ADD COLUMN colour text")
        .await;
    let engine = schema.open().await;
    assert!(has(&engine, "app").await);
    assert_eq!(put(&engine, "other").await, Ok(Outcome::Done));
    schema.execute("UPDATE grantwell SET oldest = version").await;
    let refusal = open(&schema.url(), OpenOptions::default()).await.unwrap_err();
    assert!(matches!(refusal, OpenError::FromTheFuture { .. }), "{refusal}");
    assert!(refusal.to_string().contains("start the newer release"), "{refusal}");
}

#[tokio::test]
async fn what_cannot_be_opened_is_one_sentence() {
    let schema = Schema::new().await;
    schema.execute("CREATE TABLE client (a text)").await;
    let refusal = open(&schema.url(), OpenOptions::default()).await.unwrap_err().to_string();
    assert!(refusal.contains("is not a Grantwell database, and nothing in it was changed"), "{refusal}");

    let refusal =
        open("postgres://u:hunter2@127.0.0.1:1/db", OpenOptions::default()).await.unwrap_err().to_string();
    assert!(refusal.starts_with("the database postgres://127.0.0.1:1/db cannot be reached: "), "{refusal}");
    assert!(!refusal.contains("hunter2"), "{refusal}");

    let url = schema.url();
    let standby = format!("{url}%20-c%20default_transaction_read_only%3Don");
    assert!(matches!(open(&standby, OpenOptions::default()).await, Err(OpenError::Unreachable { .. })));
    let lazy = format!("{url}%20-c%20synchronous_commit%3Doff");
    let refusal = open(&lazy, OpenOptions::default()).await.unwrap_err().to_string();
    assert!(refusal.contains("synchronous_commit is off"), "{refusal}");
}

/// A move takes everything along, leaves nothing that still works, and comes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_moves_from_a_file_to_a_server_and_back() {
    let folder = std::env::temp_dir().join(format!("grantwell-move-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str| format!("sqlite:{}", folder.join(name).display());
    let first = open(&file("first.db"), OpenOptions::default()).await.unwrap();
    let nodes = [first];
    let entropy = Seeded::new(5);
    let stage = Stage::set(&nodes, &entropy).await;
    let before = stage.contents().await;
    let schema = Schema::new().await;
    let mut tallies = Vec::new();
    for (from, to) in [(file("first.db"), schema.url()), (schema.url(), file("second.db"))] {
        let mut source = database::departing(&from).unwrap();
        let mut target = database::target(&to, "", Occupied::Refuse).unwrap();
        tallies.push(copy::transfer(source.as_mut(), target.as_mut(), &mut |_, _| {}).unwrap());
        target.commit().unwrap();
        source.depart(&database::without_secrets(&to).unwrap()).unwrap();
    }
    assert_eq!(tallies.first(), tallies.last());
    assert!(tallies.iter().flatten().all(|(_, tally)| tally.rows > 0), "every table had something");
    let refusal = open(&schema.url(), OpenOptions::default()).await.unwrap_err();
    assert!(refusal.to_string().contains("was moved to sqlite:"), "{refusal}");
    assert!(matches!(database::source(&file("first.db")), Err(CopyError::Open(OpenError::Moved { .. }))));
    let second = open(&file("second.db"), OpenOptions::default()).await.unwrap();
    assert!(contents(&second, stage.realm).await == before, "every row is as before");
    drop(second);
    let _ = std::fs::remove_dir_all(&folder);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_ends_what_was_handed_out() {
    let (from, to) = (Schema::new().await, Schema::new().await);
    suite::copies::a_restore_ends_what_was_handed_out(&from.url(), &to.url(), &Seeded::new(9)).await;
}

/// Somebody who reads holds one table and wants another while a database is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_a_database_stands_back_for_who_reads_it() {
    let schema = Schema::new().await;
    drop(open(&schema.url(), OpenOptions::default()).await.unwrap());
    let (reader, looks) = (schema.connect().await, schema.connect().await);
    reader.batch_execute("BEGIN; SELECT FROM session").await.unwrap();
    let url = schema.url();
    let left = tokio::spawn(async move { database::departing(&url).unwrap().depart("sqlite:there.db") });
    let waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'session'::regclass)";
    while !looks.query_typed_one(waits, &[]).await.unwrap().get::<_, bool>(0) {}
    reader.batch_execute("SELECT FROM \"user\"; COMMIT").await.unwrap();
    left.await.unwrap().unwrap();
    let refusal = open(&schema.url(), OpenOptions::default()).await.unwrap_err();
    assert!(refusal.to_string().contains("was moved to sqlite:there.db"), "{refusal}");
}

/// While the other side makes its indexes a copy waits, longer than the role may allow; and when it was ended all the same, nobody
/// may take the copy for all there is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_not_ended_by_a_limit_and_knows_when_it_was_ended() {
    let schema = Schema::new().await;
    drop(open(&schema.url(), OpenOptions::default()).await.unwrap());
    let name = format!("copy-{}", schema.name());
    let limits = "%20-c%20idle_in_transaction_session_timeout%3D20%20-c%20statement_timeout%3D20000";
    let url = format!("{}{limits}&application_name={name}", schema.url());
    let source = database::departing(&url).unwrap();
    let looks = schema.connect().await;
    looks.batch_execute("SELECT pg_sleep(0.2)").await.unwrap();
    source.is_held().unwrap();
    let end =
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{name}'");
    looks.batch_execute(&end).await.unwrap();
    assert!(source.is_held().is_err());
}

/// A server that speaks TLS, with a certificate for `localhost` that only `tests/tls/server.pem` vouches for.
async fn encrypted(schema: &Schema) -> u16 {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_rustls::rustls::{self, pki_types::pem::PemObject as _};
    let certificate =
        rustls::pki_types::CertificateDer::from_pem_slice(include_bytes!("tls/server.pem")).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::from_pem_slice(include_bytes!("tls/server.key")).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let (listener, server) = (tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap(), schema.address());
    let port = listener.local_addr().unwrap().port();
    drop(tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let (acceptor, server) = (acceptor.clone(), server.clone());
            drop(tokio::spawn(async move {
                // `SSLRequest`; whoever sends anything else wants to speak in the clear.
                let mut request = [0; 8];
                client.read_exact(&mut request).await.unwrap();
                assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47], "it must ask for TLS first");
                client.write_all(b"S").await.unwrap();
                let Ok(mut client) = acceptor.accept(client).await else { return };
                let mut server = tokio::net::TcpStream::connect(server).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            }));
        }
    }));
    port
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h_11_the_server_is_known_by_its_certificate_and_its_name() {
    let schema = Schema::new().await;
    let port = encrypted(&schema).await;
    let ca = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/server.pem");
    let url = |host: &str, more: &str| {
        schema.on(&format!("{}?sslmode=verify-full{more}", by(&format!("{host}:{port}"))))
    };
    let engine =
        open(&url("localhost", &format!("&sslrootcert={ca}")), OpenOptions::default()).await.unwrap();
    assert_eq!(put(&engine, "app").await, Ok(Outcome::Done));
    assert!(has(&engine, "app").await);
    for (host, more) in [
        // Vouched for, but another name.
        ("127.0.0.1", format!("&sslrootcert={ca}")),
        // The right name, vouched for by nobody the system knows.
        ("localhost", String::new()),
    ] {
        let refusal = open(&url(host, &more), OpenOptions::default()).await.unwrap_err();
        assert!(matches!(refusal, OpenError::Unreachable { .. }), "{refusal}");
        assert!(refusal.to_string().contains("certificate"), "{refusal}");
    }
}
