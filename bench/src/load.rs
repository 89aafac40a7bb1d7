//! Closed loops: each connection sends its next request when it has the answer to the last.

use std::{
    net::SocketAddr,
    thread::JoinHandle,
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
    /// The server asked to try again later.
    Refused,
    /// There was no answer, or one that the step has no use for.
    Failed,
    /// There is nothing left to do.
    Over,
}

impl LoopOutcome {
    /// Of a step in a load that the server need not bear.
    pub(crate) fn of<T>(done: &Result<T, Fault>) -> Self {
        match done {
            Ok(_) => Self::Counts,
            Err(Fault::Busy(_)) => Self::Refused,
            Err(_) => Self::Failed,
        }
    }
}

/// When the next step of a loop is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// When the one before is done.
    AtOnce,
    /// So long after the one before was due. A step is timed from when it was due: what waited for the step before waits for the server
    /// too.
    Every(Duration),
    /// The same until the time is over, for a load that cannot be borne: what counts is what is done within the time, because most of the load waits when it
    /// ends.
    Flood(Duration),
}

impl Pace {
    fn period(self) -> Option<Duration> {
        match self {
            Self::AtOnce => None,
            Self::Every(period) | Self::Flood(period) => Some(period),
        }
    }
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
    refused: u32,
    failed: u32,
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
        Self { latencies, refused: 0, failed: 0, elapsed: Duration::ZERO, processor: Duration::ZERO }
    }
}

impl Measured {
    /// The same steps, with these times in all.
    #[cfg(test)]
    pub(crate) fn within(self, elapsed: Duration, processor: Duration) -> Self {
        Self { elapsed, processor, ..self }
    }

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
        self.merge(other);
        self.elapsed += other.elapsed;
        self.processor += other.processor;
    }

    fn merge(&mut self, other: &Self) {
        self.refused += other.refused;
        self.failed += other.failed;
        // It refuses only values beyond its bounds, and all have the same.
        let merged = self.latencies.add(&other.latencies);
        debug_assert!(merged.is_ok(), "{merged:?}");
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.elapsed
    }

    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.latencies.len()).unwrap_or(u32::MAX)
    }

    /// Steps that the server asked to try again.
    pub(crate) fn refused(&self) -> u32 {
        self.refused
    }

    /// Steps without an answer, or with one of no use.
    pub(crate) fn failed(&self) -> u32 {
        self.failed
    }

    /// All steps, whatever came of them.
    pub(crate) fn attempts(&self) -> u32 {
        self.count() + self.refused + self.failed
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
    run(server, Pace::AtOnce, time / 10, time, workers).await
}

/// The same at a pace; the first third is not counted.
pub(crate) async fn measure_at<W>(
    server: &RunningProcess,
    pace: Pace,
    time: Duration,
    workers: impl IntoIterator<Item = W>,
) -> Result<Measured, Fault>
where
    W: AsyncFnMut(&mut HttpConnection) -> Result<LoopOutcome, Fault> + 'static,
{
    run(server, pace, time / 3, time, workers).await
}

/// Runs one loop for each of `workers` until nothing is left. Every step counts.
pub(crate) async fn drain<W>(
    server: &RunningProcess,
    workers: impl IntoIterator<Item = W>,
) -> Result<Measured, Fault>
where
    W: AsyncFnMut(&mut HttpConnection) -> Result<LoopOutcome, Fault> + 'static,
{
    run(server, Pace::AtOnce, Duration::ZERO, Duration::from_hours(1), workers).await
}

/// Takes a step each `period` for `time` on a thread of its own, so that no step waits behind the load of this thread. The workers take
/// turns: a step has to wait for an earlier one only when all of them wait.
pub(crate) fn beside<W>(
    address: SocketAddr,
    period: Duration,
    time: Duration,
    workers: Vec<W>,
) -> JoinHandle<Result<Measured, String>>
where
    W: AsyncFnMut(&mut HttpConnection) -> Result<LoopOutcome, Fault> + Send + 'static,
{
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let begun = Instant::now();
        let (from, end) = (begun + time / 10, begun + time);
        let pace = Pace::Every(period * u32::try_from(workers.len()).unwrap_or(u32::MAX));
        let local = LocalSet::new();
        let loops: Vec<_> = workers
            .into_iter()
            .zip(0..)
            .map(|(worker, number)| {
                let window = Window { first: begun + period * number, from, end };
                local.spawn_local(repeat(address, worker, pace, window))
            })
            .collect();
        let all = local.block_on(&runtime, async move {
            let mut measured = Measured::default();
            for done in loops {
                measured.merge(&done.await.map_err(|error| Fault::Unexpected(error.to_string()))??);
            }
            measured.elapsed = from.elapsed();
            Ok(measured)
        });
        all.map_err(|fault: Fault| fault.to_string())
    })
}

async fn run<W>(
    server: &RunningProcess,
    pace: Pace,
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
    let workers: Vec<W> = workers.into_iter().collect();
    // Those that keep a pace do not all begin at once.
    let count = u32::try_from(workers.len()).unwrap_or(u32::MAX).max(1);
    let apart = pace.period().unwrap_or_default() / count;
    let loops: Vec<_> = workers
        .into_iter()
        .zip(0..)
        .map(|(worker, number)| {
            let window = Window { first: begun + apart * number, from, end };
            local.spawn_local(repeat(server.address, worker, pace, window))
        })
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
                measured.merge(&done?);
            }
            measured.elapsed = match pace {
                Pace::AtOnce | Pace::Every(_) => from.elapsed(),
                Pace::Flood(_) => end.duration_since(from),
            };
            measured.processor = server.processor_time().saturating_sub(processor);
            Ok(measured)
        })
        .await
}

/// When a loop begins, from when on it counts, and when it ends.
#[derive(Clone, Copy, Debug)]
struct Window {
    first: Instant,
    from: Instant,
    end: Instant,
}

async fn repeat<W>(
    address: SocketAddr,
    mut worker: W,
    pace: Pace,
    Window { first, from, end }: Window,
) -> Result<Measured, Fault>
where
    W: AsyncFnMut(&mut HttpConnection) -> Result<LoopOutcome, Fault>,
{
    let mut connection = HttpConnection::new(address);
    let mut measured = Measured::default();
    let mut due = first;
    loop {
        match pace.period() {
            None => due = Instant::now(),
            Some(_) => tokio::time::sleep_until(due.into()).await,
        }
        // What is due is sent, however late it has become.
        let is_over = match pace {
            Pace::Every(_) => due >= end,
            Pace::AtOnce | Pace::Flood(_) => Instant::now() >= end,
        };
        if is_over {
            return Ok(measured);
        }
        let outcome = worker(&mut connection).await?;
        let counts = match pace {
            Pace::AtOnce | Pace::Every(_) => due >= from,
            Pace::Flood(_) => (from..end).contains(&Instant::now()),
        };
        match outcome {
            LoopOutcome::Over => return Ok(measured),
            LoopOutcome::Counts if counts => measured.record(due.elapsed()),
            LoopOutcome::Refused if counts => measured.refused += 1,
            LoopOutcome::Failed if counts => measured.failed += 1,
            LoopOutcome::Counts | LoopOutcome::Refused | LoopOutcome::Failed => {}
        }
        due += pace.period().unwrap_or_default();
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

    #[test]
    fn a_timetable_is_kept_and_a_late_step_is_timed_from_when_it_was_due() {
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
        let mut steps = 0_u32;
        let worker = async move |_: &mut HttpConnection| {
            steps += 1;
            Ok(match steps {
                // Those that come after it are late.
                10 => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    LoopOutcome::Counts
                }
                11 => LoopOutcome::Refused,
                12 => LoopOutcome::Failed,
                _ => LoopOutcome::Counts,
            })
        };
        let (period, time) = (Duration::from_millis(10), Duration::from_millis(300));
        let measured = beside(nowhere, period, time, vec![worker]).join().unwrap().unwrap();
        assert_eq!((measured.refused(), measured.failed()), (1, 1));
        assert_eq!(measured.attempts(), 27, "{measured:?}");
        assert!(measured.percentile(80.0) > Duration::from_millis(30), "{measured:?}");
    }
}
