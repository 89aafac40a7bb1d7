//! What is forgotten, and when: in small steps, each a statement of its own, so that no request waits long for one. Every node
//! sweeps; what one of them is removing the others pass over. Every statement finds its rows by an index or a range of a key.

use grantwell_core::{store::Retention, time::Timestamp};

use super::{
    attempt, audit, authorization, consent, denied,
    form::{Statement, params},
    interaction, seen, session, ticket,
};
use crate::sweeping::{REFUSALS, SEEN, UNREDEEMED};

/// Whether a transaction was committed is known for a day, by the clock of the server that wrote the mark.
const OLD_MARKS: &str = "DELETE FROM commit_mark WHERE id IN (
    SELECT id FROM commit_mark
    WHERE at < (extract(epoch FROM clock_timestamp()) * 1000)::bigint - 86400000
    ORDER BY at LIMIT $1 FOR UPDATE SKIP LOCKED)";

/// One table: statements, each with the instant before which its rows go.
pub(super) type PostgresSweepStep = Vec<(&'static str, Timestamp)>;

/// All tables, those that others hang under last.
pub(super) fn steps(now: Timestamp, keep: Retention) -> Vec<PostgresSweepStep> {
    let ended = now - keep.ended;
    vec![
        vec![(interaction::EXPIRED, now)],
        vec![
            (authorization::UNREDEEMED, now - UNREDEEMED),
            (authorization::EXPIRED, ended),
            (authorization::REVOKED, ended),
            (authorization::UNDER_WITHDRAWN, ended),
        ],
        vec![(consent::WITHDRAWN, ended)],
        vec![(session::ENDED, ended), (session::EXPIRED, ended)],
        vec![(ticket::EXPIRED, now)],
        vec![(seen::OLD, now - SEEN)],
        vec![(denied::EXPIRED, now)],
        vec![(attempt::OLD, now - keep.attempts)],
        vec![(audit::OLD_REFUSALS, now - REFUSALS)],
        vec![(audit::OLD_ISSUED, now - keep.audit)],
        vec![(audit::OLD, now - keep.audit)],
    ]
}

/// At most `most` rows that went before `before`.
pub(super) fn statement(sql: &'static str, before: Timestamp, most: u64) -> Statement {
    Statement::new(sql, params![before, i64::try_from(most).unwrap_or(i64::MAX)])
}

/// The marks of old commits, which hold nothing that anybody else reads.
pub(super) fn marks(most: u32) -> Statement {
    Statement::new(OLD_MARKS, params![most])
}

#[cfg(all(test, feature = "postgres-tests"))]
mod tests {
    use std::time::Duration;

    use super::{
        super::{copy::PostgresCopy, server::Server},
        *,
    };
    use crate::suite::postgres::Schema;

    /// A node may sweep while the database is moved. Who waits for the mover and holds something that the mover needs would keep
    /// the move from its end.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_step_that_waits_holds_nothing() {
        let schema = Schema::new().await;
        drop(schema.open().await);
        let moved = PostgresCopy::leave(&Server::parse(&schema.url()).unwrap()).unwrap();
        let looks = schema.connect().await;
        let keep = Retention { audit: Duration::ZERO, ended: Duration::ZERO, attempts: Duration::ZERO };
        for (sql, before) in steps(Timestamp::from_millis(0), keep).into_iter().flatten() {
            let client = schema.connect().await;
            let pid = client.query_typed_one("SELECT pg_backend_pid()", &[]).await.unwrap().get::<_, i32>(0);
            let step = tokio::spawn(async move {
                let step = statement(sql, before, 1);
                client.execute_typed(&step.sql, &step.typed()).await
            });
            let waits = format!("SELECT EXISTS (SELECT FROM pg_locks WHERE pid = {pid} AND NOT granted)");
            while !looks.query_typed_one(&waits, &[]).await.unwrap().get::<_, bool>(0) {
                assert!(!step.is_finished(), "{sql} waits for nobody");
            }
            let held = format!(
                "SELECT coalesce(string_agg(relation::regclass || ' ' || mode, ', '), '') FROM pg_locks
                 WHERE pid = {pid} AND granted AND locktype = 'relation'"
            );
            let held: String = looks.query_typed_one(&held, &[]).await.unwrap().get(0);
            assert_eq!(held, "", "{sql}");
            step.abort();
            looks.batch_execute(&format!("SELECT pg_terminate_backend({pid})")).await.unwrap();
        }
        drop(moved);
    }
}
