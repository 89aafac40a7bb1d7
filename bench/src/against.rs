//! Two builds of ours under the same load in one run: they take turns, round by round on the same processor, and of each the median
//! counts. What the machine does beside this meets both.

use std::{fmt::Write as _, path::Path, time::Duration};

use serde_json::{Map, Value, json};

use crate::{
    bare::BareServer,
    load::Measured,
    plan::{PHASES, Phase, WorkRow},
    stand::{ReadyInstallation, Served, TestStand},
};

/// What came of it, this build first everywhere.
#[derive(Clone, Debug, Default)]
pub(crate) struct BuildComparison {
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
    connections: usize,
    /// A second.
    rates: [Vec<f64>; 2],
    /// Median latency, milliseconds.
    latencies: [Vec<f64>; 2],
    /// The latency that one in a hundred exceeds, milliseconds.
    longest: [Vec<f64>; 2],
    /// The server's processor, microseconds for each.
    costs: [Vec<f64>; 2],
    /// The bare server's processor, microseconds for each.
    bare: Vec<f64>,
}

/// Measures the plan's server and `other` in turns.
pub(crate) async fn run(stand: &TestStand, other: &Path) -> Result<BuildComparison, String> {
    let mut comparison = BuildComparison::default();
    let programs = [&*stand.plan.server, other];
    for _ in 0..stand.plan.repeat {
        for (program, side) in programs.into_iter().zip(0..) {
            comparison.start(stand, program, side).await?;
        }
    }
    let bare = BareServer::start(stand.one_processor()).await?;
    let mut prepared = Vec::new();
    for program in programs {
        prepared.push(stand.prepared(program, stand.plan.size).await?);
    }
    for phase in PHASES {
        comparison.phase(phase, &prepared, &bare, stand).await?;
    }
    Ok(comparison)
}

impl BuildComparison {
    /// The first start ever, and the next one.
    async fn start(&mut self, stand: &TestStand, program: &Path, side: usize) -> Result<(), String> {
        let installation = stand.empty(program)?;
        for times in [&mut self.first_start, &mut self.second_start] {
            let mut server = installation.serve(stand.one_processor(), &[]).await?;
            push(times, side, millis(server.started_in));
            server.stop().await?;
        }
        Ok(())
    }

    async fn phase(
        &mut self,
        phase: &Phase,
        prepared: &[ReadyInstallation],
        bare: &BareServer,
        stand: &TestStand,
    ) -> Result<(), String> {
        let rows = stand.plan.rows(phase);
        if rows.is_empty() {
            return Ok(());
        }
        let mut sides = Vec::new();
        for prepared in prepared {
            sides.push(prepared.serve(stand.one_processor(), phase.environment).await?);
        }
        stand.settle().await;
        for row in rows {
            let line = measure(row, stand, &sides, bare).await?;
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
            "| work | per second | other | ratio | least, most | p50 ms | other | ratio | processor µs each | other | ratio | of the bare server |\n\
             |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
        );
        for line in &self.lines {
            let (rates, latencies) = (pair(&line.rates, 0), pair(&line.latencies, 3));
            let (costs, range) = (pair(&line.costs, 1), range(&line.rates));
            let bare = line.of_bare().map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}"));
            let _ = writeln!(text, "| {} | {rates} | {range} | {latencies} | {costs} | {bare} |", line.name);
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

    pub(crate) fn json(&self) -> Map<String, Value> {
        let sides = |[this, other]: &[Vec<f64>; 2], unit: &str| {
            let all = [(format!("grantwell_{unit}"), median(this)), (format!("other_{unit}"), median(other))];
            all.into_iter().map(|(name, number)| (name, number.into())).collect::<Map<_, _>>()
        };
        let rows: Vec<Value> = self.lines.iter().map(Line::json).collect();
        let starts = json!({
            "first_ever": sides(&self.first_start, "ms"),
            "next": sides(&self.second_start, "ms"),
        });
        let all = [("rows", rows.into()), ("starts", starts), ("memory", sides(&self.memory, "mib").into())];
        all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

async fn measure(
    row: &WorkRow,
    stand: &TestStand,
    sides: &[Served],
    bare: &BareServer,
) -> Result<Line, String> {
    let effort = stand.plan.effort(row);
    let mut line = Line::new(row);
    for _ in 0..stand.plan.repeat {
        for (side, number) in sides.iter().zip(0..) {
            let who = if number == 0 { "this build" } else { "the other build" };
            let measured = side.target().measure(row.work, effort).await;
            line.add(number, &measured.map_err(|fault| format!("{}, {who}: {fault}", row.name))?);
        }
        if !row.floor.is_empty() {
            let measured = bare.measure(row.floor, effort).await;
            let measured = measured.map_err(|fault| format!("{}, the bare server: {fault}", row.name))?;
            line.bare.push(measured.cost().as_secs_f64() * 1e6);
        }
    }
    Ok(line)
}

impl Line {
    fn new(row: &WorkRow) -> Self {
        Self {
            name: row.name,
            connections: row.connections,
            rates: Default::default(),
            latencies: Default::default(),
            longest: Default::default(),
            costs: Default::default(),
            bare: Vec::new(),
        }
    }

    fn add(&mut self, side: usize, measured: &Measured) {
        push(&mut self.rates, side, measured.per_second());
        push(&mut self.latencies, side, millis(measured.percentile(50.0)));
        push(&mut self.longest, side, millis(measured.percentile(99.0)));
        push(&mut self.costs, side, measured.cost().as_secs_f64() * 1e6);
    }

    /// What the bare server needs as a fraction of what this build needs, in processor time: the load cannot ask as fast as the
    /// bare server answers.
    fn of_bare(&self) -> Option<f64> {
        let [this, _] = &self.costs;
        (!self.bare.is_empty()).then(|| ratio(median(&self.bare), median(this)))
    }

    fn json(&self) -> Value {
        let of = |side: usize| {
            let middle = |sides: &[Vec<f64>; 2]| sides.get(side).map(|numbers| median(numbers));
            json!({
                "per_second": middle(&self.rates),
                "p50_ms": middle(&self.latencies),
                "p99_ms": middle(&self.longest),
                "processor_us": middle(&self.costs),
            })
        };
        let [this, other] = &self.rates;
        let (least, most) = bounds(&self.rates);
        json!({
            "name": self.name,
            "connections": self.connections,
            "grantwell": of(0),
            "other": of(1),
            "bare": (!self.bare.is_empty()).then(|| json!({ "processor_us": median(&self.bare) })),
            "of_other": ratio(median(this), median(other)),
            "of_other_least": least,
            "of_other_most": most,
            "of_bare": self.of_bare(),
        })
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
fn bounds([this, other]: &[Vec<f64>; 2]) -> (f64, f64) {
    let ratios = || this.iter().zip(other).map(|(this, other)| ratio(*this, *other));
    (ratios().fold(f64::INFINITY, f64::min), ratios().fold(0.0, f64::max))
}

fn range(sides: &[Vec<f64>; 2]) -> String {
    let (least, most) = bounds(sides);
    format!("{least:.2}–{most:.2}")
}

pub(crate) fn ratio(this: f64, other: f64) -> f64 {
    this / other.max(f64::EPSILON)
}

pub(crate) fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let at = |place: usize| sorted.get(place).copied().unwrap_or_default();
    if sorted.len() % 2 == 1 { at(middle) } else { f64::midpoint(at(middle.saturating_sub(1)), at(middle)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::WHOLE_FLOW;

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
            bare: vec![0.7],
            ..Line::new(&WHOLE_FLOW)
        };
        assert_eq!(line.brief(), "**whole code flow**, ES256: 110/s and 100/s, 1.100");
        let comparison = BuildComparison { lines: vec![line], ..BuildComparison::default() };
        let text = comparison.markdown();
        let expected = "| 110 | 100 | 1.100 | 1.00–2.00 | 1.500 | 3.000 | 0.500 | 7.0 | 7.0 | 1.000 | 0.10 |";
        assert!(text.contains(expected), "{text}");
        let json = Value::Object(comparison.json());
        let row = &json["rows"][0];
        assert_eq!(
            (&row["grantwell"]["per_second"], &row["other"]["per_second"]),
            (&json!(110.0), &json!(100.0))
        );
        assert_eq!(row["of_other_most"], 2.0);
        assert!(row["of_bare"].as_f64().is_some_and(|of| (of - 0.1).abs() < 1e-9));
    }
}
