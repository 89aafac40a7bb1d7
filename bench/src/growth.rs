//! Whether a server slows down as its tables grow: the same build on databases of several sizes, which take turns row by row.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::{
    against::{median, ratio},
    figure::Goal,
    fill::Size,
    plan::{PHASES, Phase, WorkRow},
    plot::{Chart, Panel, Series},
    rows::WorkKind,
    stand::TestStand,
};

const QUICK: [WorkKind; 2] = [WorkKind::Refresh, WorkKind::BesideSignIns];
/// The rate with the most rows, as a fraction of that with the fewest.
const WANTED: Goal = Goal::AtLeast(0.9);

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) struct Growth {
    /// Of each database, how many users, as many clients and as many tokens.
    sizes: Vec<u64>,
    lines: Vec<Line>,
}

/// One row of work.
#[derive(Clone, Debug)]
struct Line {
    name: &'static str,
    /// For each size the rates of all rounds.
    rates: Vec<Vec<f64>>,
}

/// Measures the rows with so many of each.
pub(crate) async fn run(stand: &TestStand, sizes: &[u64]) -> Result<Growth, String> {
    let mut prepared = Vec::new();
    for size in sizes {
        let size = Size { users: *size, clients: *size, authorizations: *size, expired: 0 };
        prepared.push(stand.prepared(&stand.plan.server, Some(size)).await?);
    }
    let mut growth = Growth { sizes: sizes.to_vec(), lines: Vec::new() };
    for phase in PHASES {
        let rows = rows(stand, phase);
        if rows.is_empty() {
            continue;
        }
        let mut sides = Vec::new();
        for prepared in &prepared {
            sides.push(prepared.serve(stand.one_processor(), phase.environment).await?);
        }
        stand.settle().await;
        for row in rows {
            let effort = stand.plan.effort(row);
            let mut line = Line::new(row, sizes.len());
            for _ in 0..stand.plan.repeat {
                for ((side, rates), size) in sides.iter().zip(&mut line.rates).zip(sizes) {
                    let measured = side.target().measure(row.work, effort).await;
                    let measured = measured.map_err(|fault| format!("{}, {size}: {fault}", row.name))?;
                    rates.push(measured.per_second());
                }
            }
            eprintln!("{}", line.brief());
            growth.lines.push(line);
        }
        for side in &mut sides {
            side.server.stop().await?;
        }
    }
    Ok(growth)
}

/// Those that were chosen; two that draw everything when figures mean nothing.
fn rows(stand: &TestStand, phase: &'static Phase) -> Vec<&'static WorkRow> {
    let rows = stand.plan.rows(phase).into_iter();
    rows.filter(|row| !stand.plan.quick || QUICK.contains(&row.work)).collect()
}

impl Line {
    fn new(row: &WorkRow, sizes: usize) -> Self {
        Self { name: row.name, rates: vec![Vec::new(); sizes] }
    }

    fn medians(&self) -> Vec<f64> {
        self.rates.iter().map(|rates| median(rates)).collect()
    }

    /// The rate of each size as a fraction of that of the first.
    fn ratios(&self) -> Vec<f64> {
        let medians = self.medians();
        let first = medians.first().copied().unwrap_or_default();
        medians.iter().map(|rate| ratio(*rate, first)).collect()
    }

    fn kept(&self) -> f64 {
        self.ratios().last().copied().unwrap_or_default()
    }

    fn brief(&self) -> String {
        let rates: Vec<String> = self.medians().iter().map(|rate| format!("{rate:.0}/s")).collect();
        format!("{}: {}, {:.3}", self.name, rates.join(", "), self.kept())
    }
}

impl Growth {
    /// The table.
    pub(crate) fn markdown(&self) -> String {
        let sizes: Vec<String> = self.sizes.iter().map(|size| format!("{size} of each")).collect();
        let mut text = format!("| a second, with | {} | ratio | wanted |\n|---|", sizes.join(" | "));
        let _ = writeln!(text, "{}---:|---:|", "---:|".repeat(sizes.len()));
        for line in &self.lines {
            let rates: Vec<String> = line.medians().iter().map(|rate| format!("{rate:.0}")).collect();
            let (kept, wanted) = (line.kept(), WANTED.told(line.kept()));
            let _ = writeln!(text, "| {} | {} | {kept:.3} | {wanted} |", line.name, rates.join(" | "));
        }
        text
    }

    pub(crate) fn json(&self) -> Map<String, Value> {
        let rows: Vec<Value> = self
            .lines
            .iter()
            .map(|line| json!({ "name": line.name, "per_second": line.medians(), "of_the_first": line.ratios() }))
            .collect();
        Map::from_iter([("growth".to_owned(), json!({ "sizes": self.sizes, "rows": rows }))])
    }

    /// Rates against the size of the tables.
    pub(crate) fn chart(&self) -> Chart {
        let number = |size: u64| f64::from(u32::try_from(size).unwrap_or(u32::MAX));
        let series = |line: &Line| Series {
            name: line.name.to_owned(),
            points: self.sizes.iter().map(|size| number(*size)).zip(line.ratios()).collect(),
        };
        let unit = self.sizes.first().copied().unwrap_or_default();
        Chart {
            title: "Rate against the size of the tables".to_owned(),
            description: format!(
                "One line for each kind of work: its rate as a fraction of the rate with {unit} users, clients and tokens."
            ),
            across: "users, clients and tokens, of each".to_owned(),
            panels: vec![Panel {
                up: format!("rate, of that with {unit} of each"),
                series: self.lines.iter().map(series).collect(),
            }],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::WHOLE_FLOW;

    #[test]
    fn the_last_size_is_compared_with_the_first() {
        let rates = vec![vec![100.0, 200.0, 300.0], vec![150.0], vec![90.0, 170.0, 2000.0]];
        let line = Line { rates, ..Line::new(&WHOLE_FLOW, 3) };
        assert_eq!(line.medians(), [200.0, 150.0, 170.0]);
        let growth = Growth { sizes: vec![1000, 2000, 3000], lines: vec![line] };
        let text = growth.markdown();
        assert!(
            text.contains("| **whole code flow**, ES256 | 200 | 150 | 170 | 0.850 | ≥ 0.9: missed |"),
            "{text}"
        );
        assert_eq!(growth.json()["growth"]["rows"][0]["of_the_first"][1], 0.75);
        assert_eq!(growth.chart().panels[0].series[0].points[2], (3000.0, 0.85));
    }
}
