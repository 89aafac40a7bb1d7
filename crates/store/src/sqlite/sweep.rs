//! What is forgotten, and when: in small steps, each a transaction of its own between two batches, so that no request
//! waits long for one. Every statement finds its rows by an index or a range of a key.

use grantwell_core::{store::Retention, time::Timestamp};
use rusqlite::{Connection, Result, params};

use super::{attempt, audit, authorization, consent, denied, interaction, seen, session, ticket};
use crate::sweeping::{REFUSALS, SEEN, UNREDEEMED};

/// One table: statements, each with the instant before which its rows go.
pub(super) struct SqliteSweepStep {
    statements: Vec<(&'static str, Timestamp)>,
    most: u32,
}

/// All tables, those that others hang under last.
pub(super) fn steps(now: Timestamp, keep: Retention, most: u32) -> Vec<SqliteSweepStep> {
    let ended = now - keep.ended;
    [
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
    .map(|statements| SqliteSweepStep { statements, most })
    .into()
}

impl SqliteSweepStep {
    /// Says how many rows went.
    pub(super) fn run(&self, c: &Connection) -> Result<usize> {
        let most = usize::try_from(self.most).unwrap_or(usize::MAX);
        let mut gone = 0;
        for (sql, before) in &self.statements {
            let room = i64::try_from(most.saturating_sub(gone)).unwrap_or(i64::MAX);
            gone += c.prepare_cached(sql)?.execute(params![before.millis(), room])?;
        }
        Ok(gone)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// After a restore every consent is withdrawn at one time.
    #[test]
    fn a_step_looks_at_so_many_withdrawn_consents_and_no_more() {
        // What each would look for: an authorization under consents that have none, and a consent without one where all have some.
        for (sql, has_authorizations) in [(authorization::UNDER_WITHDRAWN, false), (consent::WITHDRAWN, true)]
        {
            let work = |consents: u32| {
                let c = crate::schema::in_memory();
                for n in 0..consents {
                    let id = u128::from(n).to_be_bytes();
                    c.execute("INSERT INTO consent VALUES (1, ?1, ?1, 'app', '{}', 1, 0, 0, 0)", [id])
                        .unwrap();
                    let under = "INSERT INTO authorization (realm, id, client_id, user_id, session_id, consent_id, epoch,
                                   created_at, expires_at, last_used_at, code_digest, code_expires_at, body)
                                 VALUES (1, ?1, 'app', ?1, ?1, ?1, 0, 0, 9, 0, ?1, 9, '{}')";
                    if has_authorizations {
                        c.execute(under, [id]).unwrap();
                    }
                }
                let mut statement = c.prepare(sql).unwrap();
                assert_eq!(statement.execute(params![1, 5]).unwrap(), 0);
                statement.get_status(rusqlite::StatementStatus::VmStep)
            };
            assert_eq!(work(20), work(2000), "{sql}");
        }
    }

    #[test]
    fn no_step_reads_a_whole_table() {
        let c = crate::schema::in_memory();
        let keep = Retention { audit: Duration::ZERO, ended: Duration::ZERO, attempts: Duration::ZERO };
        for step in steps(Timestamp::from_millis(0), keep, 1) {
            for (sql, _) in step.statements {
                let mut plan = c.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
                let lines = plan
                    .query_map(params![0, 1], |row| row.get::<_, String>(3))
                    .unwrap()
                    .collect::<Result<Vec<_>>>()
                    .unwrap();
                for line in &lines {
                    // The recursion's own rows, one a realm, and the oldest so many are all there is to scan.
                    let scanned = line.strip_prefix("SCAN ");
                    assert!(
                        scanned.is_none_or(|what| ["known", "oldest"].contains(&what)),
                        "{line} in {lines:?}"
                    );
                    assert!(!line.contains("TEMP B-TREE"), "{line} in {lines:?}");
                }
            }
        }
    }
}
