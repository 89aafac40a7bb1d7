//! The benchmark: Grantwell with its database on the disk, npm `oidc-provider` in memory and a server that only answers, one after the
//! other on the same processor in the same run.

use std::path::{Path, PathBuf};

use crate::{
    bare::BareServer,
    http::Fault,
    load::Measured,
    plan::{PHASES, WorkRow},
    process::{Folder, Program, RunningProcess},
    report::{ReportLine, RunReport},
    rows::LoadTarget,
    stand::{Served, TestStand},
};

/// Runs the rows.
pub(crate) async fn run(stand: &TestStand) -> Result<RunReport, String> {
    let (plan, processors) = (&stand.plan, stand.one_processor());
    let mut report = RunReport::default();
    starts(stand, &mut report).await?;

    let scratch = Folder::new().map_err(|error| error.to_string())?;
    let bare = BareServer::start(processors).await?;
    let peer = match &plan.peer {
        None => None,
        Some(folder) => Some(Served::other(start_peer(folder, &scratch, processors).await?).await?),
    };
    if let Some(peer) = &peer {
        stand.settle().await;
        report.peer_started_in = peer.server.started_in;
        report.peer_idle = peer.server.memory();
    }

    let prepared = stand.prepared(&plan.server, plan.size).await?;
    report.program_size = prepared.installation.program_size();
    for phase in PHASES {
        let rows = plan.rows(phase);
        if rows.is_empty() {
            continue;
        }
        let mut served = prepared.serve(processors, phase.environment).await?;
        stand.settle().await;
        if report.idle == 0 {
            report.idle = served.server.memory();
        }
        for row in rows {
            let others = Others { peer: peer.as_ref().filter(|_| row.compared), bare: &bare };
            let line = measure(row, stand, served.target(), others).await?;
            eprintln!("{}", line.brief());
            report.lines.push(line);
        }
        report.after = report.after.max(served.server.memory());
        served.server.stop().await?;
    }
    report.peer_after = peer.as_ref().map(|peer| peer.server.memory()).unwrap_or_default();
    Ok(report)
}

/// The first start ever, and the next one, of a server of its own.
async fn starts(stand: &TestStand, report: &mut RunReport) -> Result<(), String> {
    for _ in 0..stand.plan.repeat {
        let installation = stand.empty(&stand.plan.server)?;
        for best in [&mut report.first_start, &mut report.second_start] {
            let mut server = installation.serve(stand.one_processor(), &[]).await?;
            if best.is_zero() || server.started_in < *best {
                *best = server.started_in;
            }
            server.stop().await?;
        }
    }
    Ok(())
}

async fn start_peer(
    folder: &Path,
    scratch: &Folder,
    processors: Option<&'static str>,
) -> Result<RunningProcess, String> {
    let program = Program {
        command: PathBuf::from("node"),
        arguments: vec![folder.join("server.mjs").display().to_string()],
        environment: vec![("NODE_ENV".to_owned(), "production".to_owned())],
        log: scratch.path("peer.log"),
        processors,
        probe: "/.well-known/openid-configuration",
    };
    program
        .start(|command, address| {
            command.env("LISTEN", address.to_string());
        })
        .await
}

/// Beside whom a row is measured.
#[derive(Debug)]
struct Others<'a> {
    peer: Option<&'a Served>,
    bare: &'a BareServer,
}

/// The best of several, the servers taking turns.
async fn measure(
    row: &WorkRow,
    stand: &TestStand,
    target: LoadTarget<'_>,
    others: Others<'_>,
) -> Result<ReportLine, String> {
    let effort = stand.plan.effort(row);
    let failed = |who: &str, fault: Fault| format!("{}, {who}: {fault}", row.name);
    let mut line = ReportLine::new(row);
    for _ in 0..stand.plan.repeat {
        let measured = target.measure(row.work, effort).await.map_err(|fault| failed("Grantwell", fault))?;
        keep_best(&mut line.ours, measured);
        if let Some(peer) = others.peer {
            let measured = peer.target().measure(row.work, effort).await;
            keep_best(&mut line.theirs, measured.map_err(|fault| failed("oidc-provider", fault))?);
        }
        if !row.floor.is_empty() {
            let measured = others.bare.measure(row.floor, effort).await;
            keep_best(&mut line.bare, measured.map_err(|fault| failed("the bare server", fault))?);
        }
    }
    Ok(line)
}

/// Keeps the higher rate.
pub(crate) fn keep_best(best: &mut Option<Measured>, measured: Measured) {
    if best.as_ref().is_none_or(|best| best.per_second() < measured.per_second()) {
        *best = Some(measured);
    }
}
