//! Closed loops: each connection sends its next request when it has the answer to the last.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::task::LocalSet;

use crate::{
    http::{Connection, Fault},
    process::Running,
};

/// What one step of a loop came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It counts.
    Counts,
    /// There is nothing left to do.
    Over,
}

/// What was measured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    /// Each step's time.
    latencies: Vec<Duration>,
    elapsed: Duration,
    /// The server's.
    processor: Duration,
}

impl Measured {
    /// Of steps that somebody else has taken the time of.
    pub(crate) fn of(latencies: Vec<Duration>) -> Self {
        Self { latencies, ..Self::default() }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.elapsed += other.elapsed;
        self.processor += other.processor;
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

    /// The latency that so many in a hundred do not exceed.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
        sorted.get(at).copied().unwrap_or_default()
    }
}

/// Runs one loop for each of `workers` for `time`. What happens in its first tenth is not counted.
pub(crate) async fn measure<W>(
    server: &Running,
    time: Duration,
    workers: impl IntoIterator<Item = W>,
) -> Result<Measured, Fault>
where
    W: AsyncFnMut(&mut Connection) -> Result<Step, Fault> + 'static,
{
    run(server, time / 10, time, workers).await
}

/// Runs one loop for each of `workers` until nothing is left. Every step counts.
pub(crate) async fn drain<W>(
    server: &Running,
    workers: impl IntoIterator<Item = W>,
) -> Result<Measured, Fault>
where
    W: AsyncFnMut(&mut Connection) -> Result<Step, Fault> + 'static,
{
    run(server, Duration::ZERO, Duration::from_hours(1), workers).await
}

async fn run<W>(
    server: &Running,
    warm_up: Duration,
    time: Duration,
    workers: impl IntoIterator<Item = W>,
) -> Result<Measured, Fault>
where
    W: AsyncFnMut(&mut Connection) -> Result<Step, Fault> + 'static,
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
                measured.latencies.extend(done?);
            }
            measured.elapsed = Instant::now().duration_since(from);
            measured.processor = server.processor_time().saturating_sub(processor);
            Ok(measured)
        })
        .await
}

async fn repeat<W>(
    address: SocketAddr,
    mut worker: W,
    from: Instant,
    end: Instant,
) -> Result<Vec<Duration>, Fault>
where
    W: AsyncFnMut(&mut Connection) -> Result<Step, Fault>,
{
    let mut connection = Connection::new(address);
    let mut latencies = Vec::new();
    loop {
        let begun = Instant::now();
        if begun >= end || worker(&mut connection).await? == Step::Over {
            return Ok(latencies);
        }
        if begun >= from {
            latencies.push(begun.elapsed());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_rates_and_costs_are_those_of_the_steps() {
        let mut measured = Measured {
            latencies: (1..=50).map(Duration::from_millis).collect(),
            elapsed: Duration::from_millis(500),
            processor: Duration::from_millis(250),
        };
        measured
            .add(Measured { latencies: (51..=100).map(Duration::from_millis).collect(), ..measured.clone() });
        assert_eq!(measured.count(), 100);
        assert_eq!(measured.percentile(50), Duration::from_millis(51));
        assert_eq!(measured.percentile(99), Duration::from_millis(100));
        assert!((measured.per_second() - 100.0).abs() < 1e-9);
        assert_eq!(measured.cost(), Duration::from_millis(5));
        assert_eq!(Measured::default().percentile(99), Duration::ZERO);
    }
}
