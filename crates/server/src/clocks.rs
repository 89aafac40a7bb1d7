//! Our clock beside the database's. Every node decides by its own clock, one reading for each decision. One that is too far from the
//! clock all nodes share is not ready, and does no work that depends on the clock alone.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use grantwell_core::{
    store::{Read, Store},
    time::{Clock, Timestamp},
};

use crate::start_error::StartError;

/// How far apart the two may be.
const APART: Duration = Duration::from_secs(5);

/// How far our clock was ahead of the database's when they were last compared, in milliseconds; negative: behind.
#[derive(Debug, Default)]
pub(crate) struct Clocks(AtomicI64);

impl Clocks {
    /// One sentence, when they are too far apart.
    pub(crate) fn apart(&self) -> Option<String> {
        apart(self.0.load(Ordering::Relaxed))
    }

    /// Compares the clocks; a database that has none but ours is never apart.
    pub(crate) async fn compare(&self, store: &impl Store, clock: &dyn Clock) -> Read<()> {
        let ahead = ahead(store, clock).await?;
        let was_apart = self.apart().is_some();
        self.0.store(ahead, Ordering::Relaxed);
        #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a gauge is a float")]
        metrics::gauge!("grantwell_clock_ahead_seconds").set(ahead as f64 / 1000.0);
        match self.apart() {
            Some(apart) if !was_apart => tracing::error!("not ready: {apart}"),
            None if was_apart => tracing::info!("the clocks agree again"),
            _ => {}
        }
        Ok(())
    }
}

fn apart(ahead: i64) -> Option<String> {
    if u128::from(ahead.unsigned_abs()) <= APART.as_millis() {
        return None;
    }
    let (seconds, tenths) = (ahead.unsigned_abs() / 1000, ahead.unsigned_abs() % 1000 / 100);
    let side = if ahead > 0 { "ahead of" } else { "behind" };
    Some(format!(
        "this node's clock is {seconds}.{tenths} s {side} the database's; {} s are allowed",
        APART.as_secs()
    ))
}

/// How far `clock` is ahead, in milliseconds; zero where the database has none but ours.
async fn ahead(store: &impl Store, clock: &dyn Clock) -> Read<i64> {
    let before = clock.now();
    let Some(theirs) = store.clock().await? else { return Ok(0) };
    // It was read somewhere between the two readings of ours.
    Ok(i64::midpoint(before.millis(), clock.now().millis()) - theirs.millis())
}

/// For a command that is about to change what all nodes share.
pub(crate) async fn check(store: &impl Store, clock: &dyn Clock) -> Result<(), StartError> {
    match apart(ahead(store, clock).await.map_err(StartError::of)?) {
        Some(apart) => Err(StartError(format!("{apart}. Set it right, and run this again"))),
        None => Ok(()),
    }
}

/// The earlier of the two clocks. A key with a time that is ahead would not sign until the other nodes reach that time.
pub(crate) async fn earlier(store: &impl Store, clock: &dyn Clock) -> Read<Timestamp> {
    let ours = clock.now();
    Ok(store.clock().await?.map_or(ours, |theirs| ours.min(theirs)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_seconds_either_way_are_allowed() {
        for ahead in [-5000, 0, 5000] {
            assert_eq!(apart(ahead), None, "{ahead}");
        }
        assert!(apart(5001).unwrap().contains("5.0 s ahead of the database's"));
        assert!(apart(-72_340).unwrap().contains("72.3 s behind the database's"));
        assert!(apart(i64::MIN).is_some());
    }
}
