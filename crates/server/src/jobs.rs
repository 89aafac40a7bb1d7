//! What runs beside the requests: keys and realm stay current, old rows go, rows are counted.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use grantwell_core::store::{KeyUse, Retention, Store, StoreError};
use tokio::{sync::watch, task::JoinSet, time::MissedTickBehavior};

use crate::{
    app::App,
    keys::{self, RealmError, Vault, WhichKeys},
    telemetry::Metrics,
};

/// How old a change of keys may be before this process has it.
const GENERATION: Duration = Duration::from_millis(250);
/// How often our clock is compared with the database's.
const CLOCKS: Duration = Duration::from_secs(2);
/// How often keys are looked after.
const KEYS: Duration = Duration::from_mins(1);
/// How often old rows are looked for, and most rows a step removes of each table.
const SWEEP: Duration = Duration::from_secs(5);
const SWEEP_ROWS: u32 = 500;
/// How soon they are looked for again after a step that may have left some: a table into which more rows come than that would
/// grow for ever.
const SWEEP_AGAIN: Duration = Duration::from_millis(100);
/// How often rows are counted: it reads whole indexes.
const ROWS: Duration = Duration::from_mins(1);
/// How often the counts of tokens are written.
const ISSUED: Duration = Duration::from_mins(1);
/// How often samples become counts: until then each takes memory.
const SAMPLES: Duration = Duration::from_secs(1);

/// Starts them all; they end when `stop` turns true.
pub(crate) fn start(
    app: &Arc<App>,
    vault: Vault,
    keep: Retention,
    metrics: Option<Metrics>,
    stop: &watch::Receiver<bool>,
) -> JoinSet<()> {
    let mut jobs = JoinSet::new();
    let every = |period: Duration| {
        let mut ticks = tokio::time::interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        (ticks, stop.clone())
    };

    let (mut ticks, mut stopped) = every(GENERATION);
    let (current, opener) = (Arc::clone(app), vault.clone());
    jobs.spawn(async move {
        while tick(&mut ticks, &mut stopped).await {
            let at = Instant::now();
            match keys::refresh(&current, &opener).await {
                Ok(()) => current.realm.current().registered.confirm(at),
                Err(error) => tracing::warn!(%error, "keys and realm could not be read again"),
            }
        }
    });

    let (mut ticks, mut stopped) = every(CLOCKS);
    let compared = Arc::clone(app);
    jobs.spawn(async move {
        while tick(&mut ticks, &mut stopped).await {
            if let Err(error) = compared.clocks.compare(&compared.store, compared.clock.as_ref()).await {
                tracing::warn!(%error, "the clocks could not be compared");
            }
        }
    });

    let (mut ticks, mut stopped) = every(KEYS);
    let tended = Arc::clone(app);
    jobs.spawn(async move {
        while tick(&mut ticks, &mut stopped).await {
            if let Err(error) = tend(&tended, &vault).await {
                tracing::warn!(%error, "keys could not be rotated");
            }
            for key in tended.store.keys(tended.realm.id).await.unwrap_or_default() {
                if let (KeyUse::Signing(algorithm), None) = (key.usage, key.retired_at) {
                    let age = tended.now().since(key.active_from).as_secs_f64();
                    metrics::gauge!("grantwell_signing_key_age_seconds", "alg" => algorithm.as_str())
                        .set(age);
                }
            }
        }
    });

    let (mut ticks, mut stopped) = every(SWEEP);
    let swept = Arc::clone(app);
    jobs.spawn(async move {
        while tick(&mut ticks, &mut stopped).await {
            match sweep(&swept, keep).await {
                Ok(0) => {}
                Ok(rows) => {
                    tracing::debug!(rows, "sweep");
                    ticks.reset_after(until_next_sweep(rows));
                }
                Err(error) => tracing::warn!(%error, "expired rows could not be removed"),
            }
        }
    });

    let (mut ticks, mut stopped) = every(ISSUED);
    let counting = Arc::clone(app);
    jobs.spawn(async move {
        while tick(&mut ticks, &mut stopped).await {
            if let Err(error) = counting.issued.flush(&counting.store, counting.realm.id).await {
                tracing::warn!(%error, "the counts of tokens could not be written; they are kept for the next attempt");
            }
        }
    });

    if let Some(metrics) = metrics {
        let (mut ticks, mut stopped) = every(SAMPLES);
        jobs.spawn(async move {
            while tick(&mut ticks, &mut stopped).await {
                metrics.count();
            }
        });
    }

    let (mut ticks, mut stopped) = every(ROWS);
    let counted = Arc::clone(app);
    jobs.spawn(async move {
        while tick(&mut ticks, &mut stopped).await {
            for (table, rows) in counted.store.rows().await.unwrap_or_default() {
                #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a gauge is a float")]
                metrics::gauge!("grantwell_rows", "table" => table).set(rows as f64);
            }
        }
    });
    jobs
}

/// Makes and forgets keys, unless our clock is wrong.
pub(crate) async fn tend(app: &App, vault: &Vault) -> Result<(), RealmError> {
    let Some(now) = app.shared_now() else { return Ok(()) };
    vault.tend(&app.store, now, WhichKeys::All).await
}

/// Removes old rows, unless our clock is wrong; says how many.
pub(crate) async fn sweep(app: &App, keep: Retention) -> Result<u64, StoreError> {
    let Some(now) = app.shared_now() else { return Ok(0) };
    app.store.sweep(now, keep, SWEEP_ROWS).await
}

/// The pause after a step of the sweep that removed that many rows in all.
fn until_next_sweep(rows: u64) -> Duration {
    if rows < u64::from(SWEEP_ROWS) { SWEEP } else { SWEEP_AGAIN }
}

/// Waits for the next tick; false when it is time to stop.
async fn tick(ticks: &mut tokio::time::Interval, stop: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        _ = ticks.tick() => true,
        _ = stop.changed() => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_that_may_have_left_rows_goes_on_soon() {
        let most = u64::from(SWEEP_ROWS);
        assert_eq!(until_next_sweep(1), SWEEP);
        assert_eq!(until_next_sweep(most - 1), SWEEP);
        assert_eq!(until_next_sweep(most), SWEEP_AGAIN);
        assert_eq!(until_next_sweep(9 * most), SWEEP_AGAIN);
    }
}
