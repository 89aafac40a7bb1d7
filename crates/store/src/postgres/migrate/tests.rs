use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::*;
use crate::{
    OpenOptions, open,
    schema::{Kind, MIGRATIONS},
    suite::postgres::Schema,
};

/// Every column and index of a schema, and what the mark says.
async fn shape(schema: &Schema) -> Vec<String> {
    let client = schema.connect().await;
    let all = "SELECT table_name || ' ' || column_name || ' ' || data_type || ' ' || is_nullable
               FROM information_schema.columns WHERE table_schema = current_schema()
               UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema()
               UNION ALL SELECT 'version ' || version FROM grantwell ORDER BY 1";
    let rows = client.query_typed(all, &[]).await.unwrap();
    let name = schema.name();
    rows.iter().map(|row| row.get::<_, String>(0).replace(name, "s")).collect()
}

async fn connected(schema: &Schema) -> (Link, Server) {
    let server = Server::parse(&schema.url()).unwrap();
    (server.connect().await.unwrap(), server)
}

/// FT-13: a migration is killed after each of its statements, and then two nodes start at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ft_13_a_migration_that_is_killed_at_any_statement_is_done_once_by_whoever_comes_next() {
    let whole = Schema::new().await;
    drop(open(&whole.url(), OpenOptions::default()).await.unwrap());
    let expected = shape(&whole).await;
    let total: usize = MIGRATIONS.iter().map(|migration| statements(migration.postgres).len()).sum();
    assert!(total > 30, "{total}");
    for killed_at in 0..total {
        let schema = Schema::new().await;
        let (mut client, server) = connected(&schema).await;
        let seen = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&seen);
        let killed = tokio::spawn(async move {
            let mut after = |_| assert!(count.fetch_add(1, Ordering::SeqCst) < killed_at, "killed");
            while migrate(&mut client, &server, &mut after).await.unwrap() {}
        });
        assert!(killed.await.is_err(), "it was killed at {killed_at}");
        assert_eq!(seen.load(Ordering::SeqCst), killed_at + 1);
        let start = || async { open(&schema.url(), OpenOptions::default()).await };
        let (one, other) = tokio::join!(start(), start());
        assert!(one.is_ok() && other.is_ok(), "{:?} {:?}", one.err(), other.err());
        assert_eq!(shape(&schema).await, expected, "killed at {killed_at}");
    }
}

/// A reader holds a table for longer than the migration waits: it retries, and is done when the table is free.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ft_13_a_migration_stands_back_for_a_table_that_is_held_and_begins_again() {
    let schema = Schema::new().await;
    let (mut client, server) = connected(&schema).await;
    assert!(migrate(&mut client, &server, &mut |_| {}).await.unwrap());
    let holder = schema.connect().await;
    holder.batch_execute("BEGIN; LOCK TABLE session IN ACCESS SHARE MODE").await.unwrap();
    let migrated = tokio::spawn(async move { migrate(&mut client, &server, &mut |_| {}).await });
    let looks = schema.connect().await;
    let waiting = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'session'::regclass)";
    for expected in [true, false, true] {
        while looks.query_typed_one(waiting, &[]).await.unwrap().get::<_, bool>(0) != expected {
            tokio::task::yield_now().await;
        }
    }
    assert!(!migrated.is_finished());
    holder.batch_execute("COMMIT").await.unwrap();
    assert!(migrated.await.unwrap().unwrap());
}

/// Both engines have the same tables and columns, those that are the engine's own aside.
#[tokio::test]
async fn the_schema_is_that_of_the_other_engine() {
    let schema = Schema::new().await;
    drop(open(&schema.url(), OpenOptions::default()).await.unwrap());
    let asked = "SELECT table_name::text, column_name::text, data_type::text, is_nullable = 'YES'
                 FROM information_schema.columns
                 WHERE table_schema = current_schema() AND table_name NOT IN ('grantwell', 'commit_mark')";
    let rows = schema.connect().await.query_typed(asked, &[]).await.unwrap();
    let mut found = rows
        .iter()
        .map(|row| {
            (row.get::<_, String>(0), row.get::<_, String>(1), row.get::<_, String>(2), row.get::<_, bool>(3))
        })
        .collect::<Vec<_>>();
    found.sort();
    let mut named = Vec::new();
    for table in tables(known()).unwrap() {
        for column in &table.columns {
            let kind = match column.kind {
                Kind::Int => "bigint",
                Kind::Text => "text",
                Kind::Bytes => "bytea",
            };
            let (table, name) = (table.name.to_owned(), column.name.to_owned());
            named.push((table, name, kind.to_owned(), column.null));
        }
    }
    named.sort();
    assert_eq!(found, named);
}

/// Each step of the sweep, and each read of a request, finds its rows by an index: made visible by forbidding the other way
/// and asking what it would cost.
#[tokio::test]
async fn no_statement_of_the_sweep_needs_a_whole_table() {
    use grantwell_core::{store::Retention, time::Timestamp};
    let schema = Schema::new().await;
    drop(open(&schema.url(), OpenOptions::default()).await.unwrap());
    let client = schema.connect().await;
    client.batch_execute("SET enable_seqscan = off").await.unwrap();
    let keep = Retention {
        audit: std::time::Duration::ZERO,
        ended: std::time::Duration::ZERO,
        attempts: std::time::Duration::ZERO,
    };
    let steps = super::super::sweep::steps(Timestamp::from_millis(0), keep);
    for (sql, before) in steps.into_iter().flatten() {
        let sweep = super::super::sweep::statement(sql, before, 1);
        let plan = client.query_typed(&format!("EXPLAIN {}", sweep.sql), &sweep.typed()).await.unwrap();
        for row in plan {
            let line: String = row.get(0);
            assert!(!line.contains("Seq Scan"), "{line} in {sql}");
        }
    }
}
