//! Closed loops: each connection sends its next request when it has the answer to the last.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use tokio::task::LocalSet;

use crate::{
    http::{Fault, HttpConnection},
    process::RunningProcess,
};

/// What one step of a loop came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoopOutcome {
    /// It counts.
    Counts,
    /// There is nothing left to do.
    Over,
}

/// The longest latency that is recorded exactly, nanoseconds: a minute.
const LONGEST: u64 = 60_000_000_000;
/// Of a latency, so many digits are kept.
const DIGITS: u8 = 3;

/// What was measured.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    /// Each step's time, nanoseconds.
    latencies: Histogram<u64>,
    elapsed: Duration,
    /// The server's.
    processor: Duration,
}

impl Default for Measured {
    fn default() -> Self {
        #[expect(
            clippy::expect_used,
            reason = "the bounds are constants, and every test of a measurement passes here"
        )]
        let latencies = Histogram::new_with_max(LONGEST, DIGITS).expect("bounds that fit each other");
        Self { latencies, elapsed: Duration::ZERO, processor: Duration::ZERO }
    }
}

impl Measured {
    /// Of steps that were timed elsewhere.
    pub(crate) fn of(latencies: &[Duration]) -> Self {
        let mut measured = Self::default();
        for latency in latencies {
            measured.record(*latency);
        }
        measured
    }

    fn record(&mut self, latency: Duration) {
        self.latencies.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.merge(&other.latencies);
        self.elapsed += other.elapsed;
        self.processor += other.processor;
    }

    fn merge(&mut self, latencies: &Histogram<u64>) {
        // It refuses only values beyond its bounds, and all have the same.
        let merged = self.latencies.add(latencies);
        debug_assert!(merged.is_ok(), "{merged:?}");
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.elapsed
    }

    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.latencies.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn per_second(&self) -> f64 {
        f64::from(self.count()) / self.elapsed.as_secs_f64().max(f64::EPSILON)
    }

    /// The server's processor time of one step.
    pub(crate) fn cost(&self) -> Duration {
        self.processor / self.count().max(1)
    }

    /// The latency that so many in a hundred do not exceed, to three digits.
    pub(crate) fn percentile(&self, percent: f64) -> Duration {
        Duration::from_nanos(self.latencies.value_at_percentile(percent))
    }
}

/// Runs one loop for each of `workers` for `time`. What happens in its first tenth is not counted.
pub(crate) async fn measure<W>(
    server: &RunningProcess,
    time: Duration,
    workers: impl IntoIterator<Item = W>,
) -> Result<Measured, Fault>
where
    W: AsyncFnMut(&mut HttpConnection) -> Result<LoopOutcome, Fault> + 'static,
{
    run(server, time / 10, time, workers).await
}

/// Runs one loop for each of `workers` until nothing is left. Every step counts.
pub(crate) async fn drain<W>(
    server: &RunningProcess,
    workers: impl IntoIterator<Item = W>,
) -> Result<Measured, Fault>
where
    W: AsyncFnMut(&mut HttpConnection) -> Result<LoopOutcome, Fault> + 'static,
{
    run(server, Duration::ZERO, Duration::from_hours(1), workers).await
}

async fn run<W>(
    server: &RunningProcess,
    warm_up: Duration,
    time: Duration,
    workers: impl IntoIterator<Item = W>,
) -> Result<Measured, Fault>
where
    W: AsyncFnMut(&mut HttpConnection) -> Result<LoopOutcome, Fault> + 'static,
{
    let begun = Instant::now();
    let (from, end) = (begun + warm_up, begun + time);
    let local = LocalSet::new();
    let loops: Vec<_> = workers
        .into_iter()
        .map(|worker| local.spawn_local(repeat(server.address, worker, from, end)))
        .collect();
    local
        .run_until(async move {
            if !warm_up.is_zero() {
                tokio::time::sleep_until(from.into()).await;
            }
            let processor = server.processor_time();
            let mut measured = Measured::default();
            for done in loops {
                let done = done.await.map_err(|error| Fault::Unexpected(error.to_string()))?;
                measured.merge(&done?.latencies);
            }
            measured.elapsed = Instant::now().duration_since(from);
            measured.processor = server.processor_time().saturating_sub(processor);
            Ok(measured)
        })
        .await
}

async fn repeat<W>(address: SocketAddr, mut worker: W, from: Instant, end: Instant) -> Result<Measured, Fault>
where
    W: AsyncFnMut(&mut HttpConnection) -> Result<LoopOutcome, Fault>,
{
    let mut connection = HttpConnection::new(address);
    let mut measured = Measured::default();
    loop {
        let begun = Instant::now();
        if begun >= end || worker(&mut connection).await? == LoopOutcome::Over {
            return Ok(measured);
        }
        if begun >= from {
            measured.record(begun.elapsed());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_rates_and_costs_are_those_of_the_steps() {
        let millis =
            |range: std::ops::RangeInclusive<u64>| range.map(Duration::from_millis).collect::<Vec<_>>();
        let half = |range| Measured {
            elapsed: Duration::from_millis(500),
            processor: Duration::from_millis(250),
            ..Measured::of(&millis(range))
        };
        let mut measured = half(1..=50);
        measured.add(&half(51..=100));
        assert_eq!(measured.count(), 100);
        let near = |percent, expected: u64| {
            let (is, expected) =
                (measured.percentile(percent).as_secs_f64(), Duration::from_millis(expected));
            (is / expected.as_secs_f64() - 1.0).abs() < 1e-3
        };
        assert!(near(50.0, 50) && near(99.0, 99) && near(100.0, 100), "{measured:?}");
        assert!((measured.per_second() - 100.0).abs() < 1e-9);
        assert_eq!(measured.cost(), Duration::from_millis(5));
        assert_eq!(Measured::default().percentile(99.0), Duration::ZERO);
        let beyond = Measured::of(&[Duration::from_hours(1)]);
        assert_eq!((beyond.count(), beyond.percentile(50.0) >= Duration::from_mins(1)), (1, true));
    }
}
