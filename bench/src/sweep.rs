//! Rows on more and more connections: how the rate rises until the server is full, and what waiting costs beyond.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::{
    http::Fault,
    load::Measured,
    plan::{PHASES, Phase, WHOLE_FLOW, WorkRow},
    plot::{Chart, Panel, Series},
    report::measured_json,
    rows::Effort,
    stand::TestStand,
};

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) struct Sweep {
    lines: Vec<Line>,
}

/// One row of work, the best round for each number of connections.
#[derive(Clone, Debug)]
struct Line {
    name: &'static str,
    points: Vec<(u32, Measured)>,
}

/// Measures each row that was chosen, or the whole code flow, on each number of connections.
pub(crate) async fn run(stand: &TestStand, connections: &[u32]) -> Result<Sweep, String> {
    let prepared = stand.prepared(&stand.plan.server, stand.plan.size).await?;
    let mut sweep = Sweep { lines: Vec::new() };
    for phase in PHASES {
        let rows = chosen(stand, phase);
        if rows.is_empty() {
            continue;
        }
        let mut served = prepared.serve(stand.one_processor(), phase.environment).await?;
        stand.settle().await;
        for row in rows {
            let mut line = Line { name: row.name, points: Vec::new() };
            for count in connections {
                let effort =
                    Effort { time: stand.plan.time, connections: usize::try_from(*count).unwrap_or(1) };
                let failed = |fault: Fault| format!("{}, {count} connections: {fault}", row.name);
                let mut best: Option<Measured> = None;
                for _ in 0..stand.plan.repeat {
                    let measured = served.target().measure(row.work, effort).await.map_err(failed)?;
                    crate::run::keep_best(&mut best, measured);
                }
                line.points.extend(best.map(|best| (*count, best)));
            }
            eprintln!("{}", line.brief());
            sweep.lines.push(line);
        }
        served.server.stop().await?;
    }
    Ok(sweep)
}

fn chosen(stand: &TestStand, phase: &'static Phase) -> Vec<&'static WorkRow> {
    match stand.plan.only {
        // A row of one client is another row's work.
        Some(_) => stand.plan.rows(phase).into_iter().filter(|row| row.connections > 1).collect(),
        None => phase.rows.iter().filter(|row| row.name == WHOLE_FLOW.name).collect(),
    }
}

impl Line {
    fn brief(&self) -> String {
        let told = |(count, measured): &(u32, Measured)| format!("{count}: {:.0}/s", measured.per_second());
        format!("{}: {}", self.name, self.points.iter().map(told).collect::<Vec<_>>().join(", "))
    }

    fn series(&self, of: impl Fn(&Measured) -> f64) -> Series {
        let points = self.points.iter().map(|(count, measured)| (f64::from(*count), of(measured)));
        Series { name: self.name.to_owned(), points: points.collect() }
    }
}

/// The latency that so many in a hundred do not exceed, milliseconds.
fn latency(measured: &Measured, percent: f64) -> f64 {
    measured.percentile(percent).as_secs_f64() * 1e3
}

impl Sweep {
    /// The table.
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::from(
            "| work | connections | per second | p50 ms | p99 ms | processor µs each |\n|---|---:|---:|---:|---:|---:|\n",
        );
        for line in &self.lines {
            for (count, measured) in &line.points {
                let _ = writeln!(
                    text,
                    "| {} | {count} | {:.0} | {:.2} | {:.2} | {:.0} |",
                    line.name,
                    measured.per_second(),
                    latency(measured, 50.0),
                    latency(measured, 99.0),
                    measured.cost().as_secs_f64() * 1e6,
                );
            }
        }
        text
    }

    pub(crate) fn json(&self) -> Map<String, Value> {
        let point = |(count, measured): &(u32, Measured)| {
            let mut point = json!({ "connections": count });
            if let (Some(point), Value::Object(measured)) = (point.as_object_mut(), measured_json(measured)) {
                point.extend(measured);
            }
            point
        };
        let lines = self.lines.iter().map(
            |line| json!({ "name": line.name, "points": line.points.iter().map(point).collect::<Vec<_>>() }),
        );
        Map::from_iter([("concurrency".to_owned(), lines.collect())])
    }

    /// Rates and latencies against the number of connections.
    pub(crate) fn chart(&self) -> Chart {
        let panel = |up: &str, of: fn(&Measured) -> f64| Panel {
            up: up.to_owned(),
            series: self.lines.iter().map(|line| line.series(of)).collect(),
        };
        Chart {
            title: "Rate and latency against concurrency".to_owned(),
            description:
                "Above, how much is done a second on so many connections; below, the latency that one in a \
                          hundred exceeds."
                    .to_owned(),
            across: "connections".to_owned(),
            panels: vec![
                panel("rate, a second", Measured::per_second),
                panel("p99 latency, ms", |measured| latency(measured, 99.0)),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_number_of_connections_is_a_line_of_the_table_and_a_point_of_the_chart() {
        let of = |millis| {
            let times = [Duration::from_millis(millis); 10];
            Measured::of(&times).within(Duration::from_millis(500), Duration::ZERO)
        };
        let sweep = Sweep { lines: vec![Line { name: "work", points: vec![(1, of(1)), (4, of(2))] }] };
        let text = sweep.markdown();
        assert!(text.contains("| work | 4 | 20 | 2.00 | 2.00 | 0 |"), "{text}");
        let json = Value::Object(sweep.json());
        let point = &json["concurrency"][0]["points"][1];
        assert_eq!((&point["connections"], &point["per_second"]), (&4.into(), &20.0.into()));
        let panels = sweep.chart().panels;
        assert_eq!(panels[0].series[0].points, [(1.0, 20.0), (4.0, 20.0)]);
        assert!(panels[1].series[0].points[1].1 > 1.9);
    }
}
