//! Two builds of ours under the same load in one run: they take turns, round by round on the same processor, and of each the median
//! counts. What the machine does beside this meets both.

use std::{fmt::Write as _, path::Path, time::Duration};

use crate::{
    flow::Paths,
    grantwell::Installation,
    load::Measured,
    process::{RunningProcess, pin_to},
    rows::{CONNECTIONS, Effort, LoadTarget},
    run::{LOAD_PROCESSOR, PHASES, Phase, Plan, SERVER_PROCESSOR, SETTLE, WorkRow, discover},
};

/// What came of it, this build first everywhere.
#[derive(Clone, Debug, Default)]
pub(crate) struct BuildComparison {
    pub(crate) pinned: bool,
    lines: Vec<Line>,
    first_start: [Vec<f64>; 2],
    second_start: [Vec<f64>; 2],
    /// MiB.
    memory: [Vec<f64>; 2],
}

/// One row of work, a number for each round.
#[derive(Clone, Debug)]
struct Line {
    name: &'static str,
    /// A second.
    rates: [Vec<f64>; 2],
    /// Median latency, milliseconds.
    latencies: [Vec<f64>; 2],
    /// The server's processor, microseconds for each.
    costs: [Vec<f64>; 2],
}

/// Measures `plan.server` and `other` in turns.
pub(crate) async fn run(plan: &Plan, other: &Path) -> Result<BuildComparison, String> {
    let pinned = pin_to(LOAD_PROCESSOR);
    let processor = pinned.then_some(SERVER_PROCESSOR);
    let mut comparison = BuildComparison { pinned, ..BuildComparison::default() };
    for _ in 0..plan.repeat {
        comparison.start(&plan.server, 0, processor).await?;
        comparison.start(other, 1, processor).await?;
    }
    let installations =
        [Installation::new(&plan.server, CONNECTIONS)?, Installation::new(other, CONNECTIONS)?];
    for installation in &installations {
        installation.apply().await?;
    }
    for phase in PHASES {
        comparison.phase(phase, &installations, plan, processor).await?;
    }
    Ok(comparison)
}

impl BuildComparison {
    /// The first start ever, and the next one.
    async fn start(&mut self, program: &Path, side: usize, processor: Option<u32>) -> Result<(), String> {
        let installation = Installation::new(program, 0)?;
        for times in [&mut self.first_start, &mut self.second_start] {
            let mut server = installation.serve(processor, &[]).await?;
            push(times, side, millis(server.started_in));
            server.stop().await?;
        }
        Ok(())
    }

    async fn phase(
        &mut self,
        phase: &Phase,
        installations: &[Installation; 2],
        plan: &Plan,
        processor: Option<u32>,
    ) -> Result<(), String> {
        let rows = plan.rows(phase);
        if rows.is_empty() {
            return Ok(());
        }
        let mut sides = Vec::new();
        for installation in installations {
            let server = installation.serve(processor, phase.environment).await?;
            let paths = discover(&server).await?;
            sides.push(Side { server, paths });
        }
        tokio::time::sleep(SETTLE).await;
        for row in rows {
            let line = measure(row, plan, &sides).await?;
            eprintln!("{}", line.brief());
            self.lines.push(line);
        }
        for (side, number) in sides.iter_mut().zip(0..) {
            let memory = u32::try_from(side.server.memory()).map_err(|error| error.to_string())?;
            push(&mut self.memory, number, f64::from(memory) / 1024.0);
            side.server.stop().await?;
        }
        Ok(())
    }

    /// The tables.
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::from(
            "| work | per second | other | ratio | least, most | p50 ms | other | ratio | processor µs each | other | ratio |\n\
             |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
        );
        for line in &self.lines {
            let (rates, latencies) = (pair(&line.rates, 0), pair(&line.latencies, 3));
            let (costs, range) = (pair(&line.costs, 1), range(&line.rates));
            let _ = writeln!(text, "| {} | {rates} | {range} | {latencies} | {costs} |", line.name);
        }
        let _ = writeln!(text, "\n| | this | other | ratio |\n|---|---:|---:|---:|");
        for (name, sides) in [
            ("first start ever to first answer, ms", &self.first_start),
            ("start to first answer, ms", &self.second_start),
            ("memory after this run, MiB", &self.memory),
        ] {
            let _ = writeln!(text, "| {name} | {} |", pair(sides, 1));
        }
        text
    }
}

/// One build at work.
struct Side {
    server: RunningProcess,
    paths: Paths,
}

async fn measure(row: &WorkRow, plan: &Plan, sides: &[Side]) -> Result<Line, String> {
    let effort = Effort { time: plan.time, connections: row.connections };
    let mut line = Line::new(row.name);
    for _ in 0..plan.repeat {
        for (side, number) in sides.iter().zip(0..) {
            let target = LoadTarget { server: &side.server, paths: &side.paths };
            let who = if number == 0 { "this build" } else { "the other build" };
            let measured = target.measure(row.work, effort).await;
            line.add(number, &measured.map_err(|fault| format!("{}, {who}: {fault}", row.name))?);
        }
    }
    Ok(line)
}

impl Line {
    fn new(name: &'static str) -> Self {
        Self { name, rates: Default::default(), latencies: Default::default(), costs: Default::default() }
    }

    fn add(&mut self, side: usize, measured: &Measured) {
        push(&mut self.rates, side, measured.per_second());
        push(&mut self.latencies, side, millis(measured.percentile(50.0)));
        push(&mut self.costs, side, measured.cost().as_secs_f64() * 1e6);
    }

    /// For the one who waits.
    fn brief(&self) -> String {
        let [this, other] = &self.rates;
        let (this, other) = (median(this), median(other));
        format!("{}: {this:.0}/s and {other:.0}/s, {:.3}", self.name, ratio(this, other))
    }
}

fn push(sides: &mut [Vec<f64>; 2], side: usize, number: f64) {
    if let Some(numbers) = sides.get_mut(side) {
        numbers.push(number);
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Both medians and their ratio, as three cells.
fn pair([this, other]: &[Vec<f64>; 2], digits: usize) -> String {
    let (this, other) = (median(this), median(other));
    format!("{this:.digits$} | {other:.digits$} | {:.3}", ratio(this, other))
}

/// The lowest and the highest ratio of one round.
fn range([this, other]: &[Vec<f64>; 2]) -> String {
    let ratios = || this.iter().zip(other).map(|(this, other)| ratio(*this, *other));
    let (least, most) = (ratios().fold(f64::INFINITY, f64::min), ratios().fold(0.0, f64::max));
    format!("{least:.2}–{most:.2}")
}

fn ratio(this: f64, other: f64) -> f64 {
    this / other.max(f64::EPSILON)
}

fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let at = |place: usize| sorted.get(place).copied().unwrap_or_default();
    if sorted.len() % 2 == 1 { at(middle) } else { f64::midpoint(at(middle.saturating_sub(1)), at(middle)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_in_the_middle() {
        assert!((median(&[3.0, 1.0, 100.0]) - 3.0).abs() < 1e-9);
        assert!((median(&[4.0, 1.0, 2.0, 100.0]) - 3.0).abs() < 1e-9);
        assert!(median(&[]).abs() < 1e-9);
    }

    #[test]
    fn a_row_tells_medians_ratios_and_how_far_the_rounds_were_apart() {
        let rates = [vec![100.0, 110.0, 400.0], vec![100.0, 100.0, 200.0]];
        let line = Line {
            rates,
            latencies: [vec![1.5], vec![3.0]],
            costs: [vec![7.0], vec![7.0]],
            ..Line::new("work")
        };
        assert_eq!(line.brief(), "work: 110/s and 100/s, 1.100");
        let text = BuildComparison { lines: vec![line], ..BuildComparison::default() }.markdown();
        let expected = "| work | 110 | 100 | 1.100 | 1.00–2.00 | 1.500 | 3.000 | 0.500 | 7.0 | 7.0 | 1.000 |";
        assert!(text.contains(expected), "{text}");
    }
}
