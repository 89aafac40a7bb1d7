//! What is left in memory of very many code flows.

use std::{cell::Cell, rc::Rc};

use crate::{
    figure::{Figure, Goal},
    http::HttpConnection,
    load::{LoopOutcome, drain},
    plan::{QUIET, WHOLE_FLOW},
    rows::Signed,
    stand::TestStand,
};

/// MiB.
const IDLE: f64 = 16.0;
const AFTER: f64 = 50.0;

/// Runs `count` whole code flows on a server that was just started.
pub(crate) async fn run(stand: &TestStand, count: u32) -> Result<Vec<Figure>, String> {
    let prepared = stand.prepared(&stand.plan.server, stand.plan.size).await?;
    // Once for what only the first start ever does.
    prepared.serve(stand.one_processor(), &[QUIET]).await?.server.stop().await?;
    let mut served = prepared.serve(stand.one_processor(), &[QUIET]).await?;
    stand.settle().await;
    let mut figures = vec![Figure::memory("memory before", served.server.memory(), Goal::AtMost(IDLE))];
    let target = served.target();
    let connections = stand.plan.effort(&WHOLE_FLOW).connections;
    let told = |fault: crate::http::Fault| fault.to_string();
    let browsers = target.browsers(&target.client(Signed::Es256), connections).await.map_err(told)?;
    for (part, of_them) in halves(count) {
        let left = Rc::new(Cell::new(of_them));
        let workers = browsers.iter().cloned().map(|browser| {
            let left = Rc::clone(&left);
            async move |c: &mut HttpConnection| {
                let Some(fewer) = left.get().checked_sub(1) else { return Ok(LoopOutcome::Over) };
                left.set(fewer);
                browser.flow(c).await.map(|_| LoopOutcome::Counts)
            }
        });
        let done = drain(target.server, workers).await.map_err(told)?;
        eprintln!("{} whole code flows: {:.0}/s", done.count(), done.per_second());
        let name = format!("memory after {part} whole code flows");
        figures.push(Figure::memory(&name, target.server.memory(), Goal::AtMost(AFTER)));
    }
    served.server.stop().await?;
    Ok(figures)
}

/// How many there will have been after each half, and how many are in it.
fn halves(count: u32) -> [(u32, u32); 2] {
    let half = count / 2;
    [(half, half), (count, count - half)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_halves_are_all() {
        assert_eq!(halves(7), [(3, 3), (7, 4)]);
        assert_eq!(halves(1), [(0, 0), (1, 1)]);
    }
}
