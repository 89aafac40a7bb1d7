//! The one place that reads the clock and the random source of the machine.

use std::time::{SystemTime, UNIX_EPOCH};

use grantwell_core::time::{Clock, Entropy, Timestamp};

/// The machine's clock.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the present comes from")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The cryptographic library's random source, seeded by the machine's.
pub(crate) struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        if aws_lc_rs::rand::fill(bytes).is_err() {
            // No id and no secret may be made of anything else.
            tracing::error!("the random source failed");
            std::process::abort();
        }
    }
}
