//! More load than the server can bear: what is still done, whom it reaches, what it costs in memory.

use std::{cell::Cell, net::SocketAddr, thread::JoinHandle, time::Duration};

use crate::{
    figure::{Figure, Goal},
    flow::{BenchClient, DISCOVERY, tokens},
    http::{Call, Fault, HttpConnection},
    load::{LoopOutcome, Measured, Pace, beside, measure_at},
    plan::{QUIET, WHOLE_FLOW},
    rows::{CONNECTIONS, Effort, LoadTarget, ReadyBrowser, Signed, WorkKind},
    stand::TestStand,
};

/// The phase's name.
pub(crate) const NAME: &str = "overload";
/// How many times what the server can do is offered to it.
const FLOOD: f64 = 4.0;
/// The same for one client alone.
const GREED: f64 = 10.0;
/// The part of what the server can do that the client beside it asks for.
const MODEST: f64 = 0.01;
/// How often each document is asked for.
const LOOK: Duration = Duration::from_millis(10);
/// Connections that take turns, so that a request seldom waits for the one before.
const LOOKERS: usize = 64;
/// Connections of an overload; beyond the second number the server's queues are full.
const MANY: [usize; 2] = [512, 5000];
/// The same where figures mean nothing.
const SOME: [usize; 2] = [64, 128];
const USEFUL: Goal = Goal::AtLeast(0.9);
const NONE: Goal = Goal::AtMost(0.0);

/// Overloads a server in several ways.
pub(crate) async fn run(stand: &TestStand) -> Result<Vec<Figure>, String> {
    let prepared = stand.prepared(&stand.plan.server, stand.plan.size).await?;
    let mut served = prepared.serve(stand.one_processor(), &[QUIET]).await?;
    stand.settle().await;
    let mut figures = Vec::new();
    let done = overload(stand, served.target(), &mut figures).await;
    done.map_err(|fault| format!("{NAME}: {fault}"))?;
    served.server.stop().await?;
    Ok(figures)
}

async fn overload(stand: &TestStand, target: LoadTarget<'_>, figures: &mut Vec<Figure>) -> Result<(), Fault> {
    let time = stand.plan.time;
    let calm = stand.plan.effort(&WHOLE_FLOW);
    let peak = target.measure(WorkKind::CodeFlow(Signed::Es256), calm).await?;
    // A whole code flow is two requests.
    let capacity = 2.0 * peak.per_second();
    figures.push(Figure::new(
        "peak of 16 connections",
        capacity,
        "requests of whole code flows a second",
        None,
    ));
    let browsers = target.browsers(&target.client(Signed::Es256), calm.connections).await?;
    let load = Overload { target, browsers, time, capacity };
    for connections in if stand.plan.quick { SOME } else { MANY } {
        load.flood(connections, figures).await?;
    }
    let [many, _] = if stand.plan.quick { SOME } else { MANY };
    load.greedy(many, figures).await?;
    load.sign_ins(figures).await
}

/// What the loads have in common.
struct Overload<'a> {
    target: LoadTarget<'a>,
    browsers: Vec<ReadyBrowser>,
    time: Duration,
    /// Requests of whole code flows a second.
    capacity: f64,
}

impl Overload<'_> {
    /// Requests of whole code flows by so many connections, `times` as many as the server can do.
    async fn offer(&self, connections: usize, times: f64, time: Duration) -> Result<Measured, Fault> {
        let workers = self.browsers.iter().cycle().take(connections).cloned().map(|browser| {
            let mut code = None;
            async move |c: &mut HttpConnection| Ok(LoopOutcome::of(&half(&browser, &mut code, c).await))
        });
        let each = f64::from(u32::try_from(connections).unwrap_or(u32::MAX)) / (times * self.capacity);
        let pace = Pace::Flood(Duration::try_from_secs_f64(each).unwrap_or(Duration::from_secs(1)));
        measure_at(self.target.server, pace, time, workers).await
    }

    /// Everybody asks for too much.
    async fn flood(&self, connections: usize, figures: &mut Vec<Figure>) -> Result<(), Fault> {
        let server = self.target.server;
        let time = 3 * self.time;
        let health = look(server.address, "/healthz", time);
        let keys = look(server.address, &self.target.paths.jwks, time);
        let halfway = Cell::new(0);
        let memory = async {
            tokio::time::sleep(time / 2).await;
            halfway.set(server.memory());
        };
        let (flood, ()) = tokio::join!(self.offer(connections, FLOOD, time), memory);
        let (flood, halfway, after) = (flood?, halfway.get(), server.memory());
        let mut figure = |name: &str, value: f64, unit: &'static str, wanted: Option<Goal>| {
            let name = format!("4 × the peak on {connections} connections: {name}");
            figures.push(Figure::new(&name, value, unit, wanted));
        };
        let seconds = flood.elapsed().as_secs_f64();
        figure("offered", f64::from(flood.attempts()) / seconds / self.capacity, "of the peak", None);
        figure("done", flood.per_second() / self.capacity, "of the peak", Some(USEFUL));
        figure("503 or 429 with Retry-After", f64::from(flood.refused()), "requests", None);
        figure("any other failure", f64::from(flood.failed()), "requests", Some(NONE));
        figure("memory in the end", ratio(after, halfway), "of that halfway", Some(Goal::AtMost(1.1)));
        figure("memory in the end", ratio(after, 1024), "MiB", None);
        for (name, looked) in [("/healthz", health), ("/jwks", keys)] {
            let looked = ended(looked)?;
            let failed = looked.refused() + looked.failed();
            figure(&format!("{name} without an answer"), f64::from(failed), "requests", Some(NONE));
            figure(&format!("p99 of {name}"), longest(&looked), "ms", None);
        }
        Ok(())
    }

    /// One client asks for ten times of what there is, another one for a hundredth.
    async fn greedy(&self, connections: usize, figures: &mut Vec<Figure>) -> Result<(), Fault> {
        let modest = BenchClient { id: "web-eddsa".into(), ..self.target.client(Signed::Es256) };
        let browser = self.target.browsers(&modest, 1).await?.into_iter().next();
        let browser = browser.ok_or_else(|| Fault::Unexpected("no browser".to_owned()))?;
        let time = 3 * self.time;
        // It must ask a few times in a run of any length.
        let period = Duration::from_secs_f64(1.0 / (MODEST * self.capacity / 2.0).max(20.0));
        let worker = async move |c: &mut HttpConnection| Ok(LoopOutcome::of(&browser.flow(c).await));
        let modest = beside(self.target.server.address, period, time, vec![worker; LOOKERS]);
        let greedy = self.offer(connections, GREED, time).await?;
        let modest = ended(modest)?;
        let mut figure = |name: &str, value: f64, unit: &'static str, wanted: Option<Goal>| {
            let name = format!("one client at 10 × the peak, another at a hundredth: {name}");
            figures.push(Figure::new(&name, value, unit, wanted));
        };
        let seconds = greedy.elapsed().as_secs_f64();
        figure("offered", f64::from(greedy.attempts()) / seconds / self.capacity, "of the peak", None);
        figure("done", greedy.per_second() / self.capacity, "of the peak", None);
        let success = f64::from(modest.count()) / f64::from(modest.attempts().max(1));
        figure("success of the other", success, "of its flows", Some(Goal::AtLeast(0.95)));
        figure("p99 of the other", longest(&modest), "ms", Some(Goal::AtMost(100.0)));
        Ok(())
    }

    /// Passwords are compared as fast as they can be, with more people waiting than the queue holds.
    async fn sign_ins(&self, figures: &mut Vec<Figure>) -> Result<(), Fault> {
        let server = self.target.server;
        let looks: Vec<_> = ["/healthz", &self.target.paths.jwks, DISCOVERY]
            .map(|path| (path, look(server.address, path, self.time)))
            .into();
        let effort = Effort { time: self.time, connections: CONNECTIONS };
        let machines = self.target.measure(WorkKind::BesideSignIns, effort).await?;
        let mut figure = |name: &str, measured: &Measured| {
            let name = format!("while sign-ins queue: p99 of {name}");
            figures.push(Figure::new(&name, longest(measured), "ms", Some(Goal::AtMost(20.0))));
        };
        figure("client_credentials", &machines);
        for (path, looked) in looks {
            figure(path, &ended(looked)?);
        }
        Ok(())
    }
}

/// The next request of a whole code flow: one that was told to try again does so.
async fn half(
    browser: &ReadyBrowser,
    code: &mut Option<String>,
    connection: &mut HttpConnection,
) -> Result<(), Fault> {
    let ReadyBrowser { client, cookies } = browser;
    let Some(held) = code.take() else {
        *code = Some(client.authorize(connection, cookies).await?);
        return Ok(());
    };
    let done = client.redeem(connection, &held).await.and_then(|reply| tokens(&reply).map(drop));
    if let Err(Fault::Busy(_)) = done {
        *code = Some(held);
    }
    done
}

/// Asks for a document again and again.
fn look(address: SocketAddr, path: &str, time: Duration) -> JoinHandle<Result<Measured, String>> {
    let call = Call::get(path);
    let worker = async move |c: &mut HttpConnection| {
        let reply = c.send(call.clone()).await.and_then(|reply| reply.expect(200));
        Ok(LoopOutcome::of(&reply))
    };
    beside(address, LOOK, time, vec![worker; LOOKERS])
}

fn ended(thread: JoinHandle<Result<Measured, String>>) -> Result<Measured, Fault> {
    let joined = thread.join().map_err(|_| Fault::Unexpected("a thread of the load panicked".to_owned()))?;
    joined.map_err(Fault::Unexpected)
}

/// The latency that one in a hundred exceeds, milliseconds.
fn longest(measured: &Measured) -> f64 {
    measured.percentile(99.0).as_secs_f64() * 1e3
}

fn ratio(this: u64, that: u64) -> f64 {
    let number = |kibibytes: u64| f64::from(u32::try_from(kibibytes).unwrap_or(u32::MAX));
    number(this) / number(that.max(1))
}
