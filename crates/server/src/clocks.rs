//! Our clock beside the database's. Every node judges by its own, one reading for each decision; that they judge alike is seen to
//! here: one that is too far from the clock all nodes share is not ready.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use grantwell_core::store::{Read, Store};

use crate::app::App;

/// How far apart the two may be.
const APART: Duration = Duration::from_secs(5);

/// How far our clock was ahead of the database's when they were last compared, in milliseconds; negative: behind.
#[derive(Debug, Default)]
pub(crate) struct Clocks(AtomicI64);

impl Clocks {
    /// One sentence, when they are too far apart.
    pub(crate) fn apart(&self) -> Option<String> {
        let ahead = self.0.load(Ordering::Relaxed);
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
}

impl App {
    /// Compares the clocks; a database that has none but ours is never apart.
    pub(crate) async fn compare_clocks(&self) -> Read<()> {
        let before = self.now();
        let Some(theirs) = self.store.clock().await? else { return Ok(()) };
        // It was read somewhere between the two readings of ours.
        let ours = i64::midpoint(before.millis(), self.now().millis());
        let was_apart = self.clocks.apart().is_some();
        self.clocks.0.store(ours - theirs.millis(), Ordering::Relaxed);
        #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a gauge is a float")]
        metrics::gauge!("grantwell_clock_ahead_seconds").set((ours - theirs.millis()) as f64 / 1000.0);
        match self.clocks.apart() {
            Some(apart) if !was_apart => tracing::error!("not ready: {apart}"),
            None if was_apart => tracing::info!("the clocks agree again"),
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_seconds_either_way_are_allowed() {
        let apart = |ahead| Clocks(AtomicI64::new(ahead)).apart();
        for ahead in [-5000, 0, 5000] {
            assert_eq!(apart(ahead), None, "{ahead}");
        }
        assert!(apart(5001).unwrap().contains("5.0 s ahead of the database's"));
        assert!(apart(-72_340).unwrap().contains("72.3 s behind the database's"));
        assert!(apart(i64::MIN).is_some());
    }
}
