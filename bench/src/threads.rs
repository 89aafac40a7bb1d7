//! What a second thread costs: requests for a second of processor time, with one worker thread on one processor and with two on two.

use crate::{
    against::{median, ratio},
    figure::{Figure, Goal},
    plan::{PHASES, QUIET, WorkRow},
    stand::{Served, TestStand},
};

/// The phase's name.
pub(crate) const NAME: &str = "threads";
const ROWS: [&str; 3] =
    ["`client_credentials`, JWT ES256", "**whole code flow**, ES256", "introspection, opaque"];
const WANTED: Goal = Goal::AtLeast(0.9);

/// Two servers take turns. The load runs beside the second thread, so that rates say nothing; processor time does.
pub(crate) async fn run(stand: &TestStand) -> Result<Vec<Figure>, String> {
    let mut sides = Vec::new();
    for (threads, processors) in [("1", stand.one_processor()), ("2", stand.two_processors())] {
        let prepared = stand.prepared(&stand.plan.server, stand.plan.size).await?;
        let environment = [QUIET, ("TOKIO_WORKER_THREADS", threads)];
        let served = prepared.serve(processors, &environment).await?;
        sides.push((prepared, served));
    }
    let mut figures = Vec::new();
    let rows = PHASES.iter().flat_map(|phase| phase.rows).filter(|row| ROWS.contains(&row.name));
    for row in rows {
        let mut costs = [Vec::new(), Vec::new()];
        for _ in 0..stand.plan.repeat {
            for ((_, served), costs) in sides.iter().zip(&mut costs) {
                costs.push(cost(row, stand, served).await?);
            }
        }
        let [one, two] = costs.map(|costs| median(&costs));
        let name = row.name;
        figures.push(Figure::new(&format!("{name}, one thread"), one, "processor µs each", None));
        figures.push(Figure::new(&format!("{name}, two threads"), two, "processor µs each", None));
        let name = format!("{name}: requests for a second of processor time, two threads");
        figures.push(Figure::new(&name, ratio(one, two), "of one thread", Some(WANTED)));
    }
    for (_, served) in &mut sides {
        served.server.stop().await?;
    }
    Ok(figures)
}

/// Processor time of one step, µs.
async fn cost(row: &WorkRow, stand: &TestStand, served: &Served) -> Result<f64, String> {
    let effort = stand.plan.effort(row);
    let measured = served.target().measure(row.work, effort).await;
    let measured = measured.map_err(|fault| format!("{NAME}, {}: {fault}", row.name))?;
    Ok(measured.cost().as_secs_f64() * 1e6)
}
