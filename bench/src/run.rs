//! The benchmark: Grantwell with its database on the disk, and npm `oidc-provider` in memory, one after the other on the same
//! processor in the same run.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    flow::Paths,
    grantwell::Installation,
    http::{Fault, HttpConnection},
    load::Measured,
    process::{Folder, Program, RunningProcess, pin_to},
    report::{ReportLine, RunReport},
    rows::{CONNECTIONS, Effort, Format, LoadTarget, Signed, WorkKind},
};

pub(crate) const SERVER_PROCESSOR: u32 = 0;
pub(crate) const LOAD_PROCESSOR: u32 = 1;
/// How long memory is given to settle after a start.
pub(crate) const SETTLE: Duration = Duration::from_secs(1);

/// What is run, how long, how often.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) server: PathBuf,
    /// The folder of the other server, where there is one.
    pub(crate) peer: Option<PathBuf>,
    pub(crate) time: Duration,
    /// Rounds of each row.
    pub(crate) repeat: u32,
    /// Part of the names of the rows that are measured; all without it.
    pub(crate) only: Option<String>,
}

impl Plan {
    /// The rows of a phase that are measured.
    pub(crate) fn rows(&self, phase: &Phase) -> Vec<&'static WorkRow> {
        let only = self.only.as_deref().unwrap_or_default();
        phase.rows.iter().filter(|row| row.name.contains(only)).collect()
    }
}

/// Work under a name.
#[derive(Debug)]
pub(crate) struct WorkRow {
    pub(crate) name: &'static str,
    pub(crate) work: WorkKind,
    pub(crate) connections: usize,
    /// Whether the other server does the same.
    compared: bool,
}

const fn row(name: &'static str, work: WorkKind) -> WorkRow {
    WorkRow { name, work, connections: CONNECTIONS, compared: true }
}

const fn alone(name: &'static str, work: WorkKind) -> WorkRow {
    WorkRow { compared: false, ..row(name, work) }
}

const fn one_client(name: &'static str, work: WorkKind) -> WorkRow {
    WorkRow { connections: 1, ..row(name, work) }
}

/// A start of the server with its own setting.
#[derive(Debug)]
pub(crate) struct Phase {
    pub(crate) environment: &'static [(&'static str, &'static str)],
    pub(crate) rows: &'static [WorkRow],
}

pub(crate) const PHASES: &[Phase] = &[
    Phase {
        // The other server writes no line for each request either.
        environment: &[("GRANTWELL_LOG__LEVEL", "warn")],
        rows: &[
            row("`client_credentials`, JWT ES256", WorkKind::ClientCredentials(Signed::Es256)),
            row("`client_credentials`, JWT EdDSA", WorkKind::ClientCredentials(Signed::EdDsa)),
            row("`/authorize`, signed in and consented → code", WorkKind::Authorize),
            row("code → access, ID and refresh token, ES256", WorkKind::Redeem),
            row("**whole code flow**, ES256", WorkKind::CodeFlow(Signed::Es256)),
            row("whole code flow, EdDSA", WorkKind::CodeFlow(Signed::EdDsa)),
            row("refresh with rotation, ES256", WorkKind::Refresh),
            row("introspection, opaque", WorkKind::Introspect(Format::Opaque)),
            alone("introspection, JWT", WorkKind::Introspect(Format::Jwt)),
            alone("UserInfo, JWT", WorkKind::UserInfo),
            row("JWKS", WorkKind::Jwks),
            row("discovery", WorkKind::Discovery),
            alone("password sign-in", WorkKind::SignIn),
            alone("`client_credentials` while sign-ins queue", WorkKind::BesideSignIns),
            one_client("`/authorize`, one client", WorkKind::Authorize),
            one_client("code → tokens, one client", WorkKind::Redeem),
            one_client("refresh, one client", WorkKind::Refresh),
        ],
    },
    Phase {
        environment: &[("GRANTWELL_LOG__LEVEL", "warn"), ("GRANTWELL_POLICY__ACCESS_TOKEN_FORMAT", "opaque")],
        rows: &[row("UserInfo, opaque", WorkKind::UserInfo)],
    },
    Phase {
        environment: &[],
        rows: &[row(
            "whole code flow, ES256, a log line for each request",
            WorkKind::CodeFlow(Signed::Es256),
        )],
    },
];

/// Runs everything.
pub(crate) async fn run(plan: &Plan) -> Result<RunReport, String> {
    let pinned = pin_to(LOAD_PROCESSOR);
    let processor = pinned.then_some(SERVER_PROCESSOR);
    let mut report = RunReport { pinned, ..RunReport::default() };
    starts(plan, processor, &mut report).await?;

    let scratch = Folder::new().map_err(|error| error.to_string())?;
    let peer = match &plan.peer {
        None => None,
        Some(folder) => Some(start_peer(folder, &scratch, processor).await?),
    };
    let peer_paths = match &peer {
        None => None,
        Some(peer) => Some(discover(peer).await?),
    };
    let peer_target = || Some(LoadTarget { server: peer.as_ref()?, paths: peer_paths.as_ref()? });
    if let Some(peer) = &peer {
        tokio::time::sleep(SETTLE).await;
        report.peer_started_in = peer.started_in;
        report.peer_idle = peer.memory();
    }

    let installation = Installation::new(&plan.server, CONNECTIONS)?;
    installation.apply().await?;
    report.program_size = installation.program_size();
    for phase in PHASES {
        let rows = plan.rows(phase);
        if rows.is_empty() {
            continue;
        }
        let mut server = installation.serve(processor, phase.environment).await?;
        let paths = discover(&server).await?;
        tokio::time::sleep(SETTLE).await;
        if report.idle == 0 {
            report.idle = server.memory();
        }
        let target = LoadTarget { server: &server, paths: &paths };
        for row in rows {
            let line = measure(row, plan, target, peer_target().filter(|_| row.compared)).await?;
            eprintln!("{}", line.brief());
            report.lines.push(line);
        }
        report.after = report.after.max(server.memory());
        server.stop().await?;
    }
    report.peer_after = peer.as_ref().map(RunningProcess::memory).unwrap_or_default();
    Ok(report)
}

/// The first start ever, and the next one, of a server of its own.
async fn starts(plan: &Plan, processor: Option<u32>, report: &mut RunReport) -> Result<(), String> {
    for _ in 0..plan.repeat {
        let installation = Installation::new(&plan.server, 0)?;
        for best in [&mut report.first_start, &mut report.second_start] {
            let mut server = installation.serve(processor, &[]).await?;
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
    processor: Option<u32>,
) -> Result<RunningProcess, String> {
    let program = Program {
        command: PathBuf::from("node"),
        arguments: vec![folder.join("server.mjs").display().to_string()],
        environment: vec![("NODE_ENV".to_owned(), "production".to_owned())],
        log: scratch.path("peer.log"),
        processor,
        probe: "/.well-known/openid-configuration",
    };
    program
        .start(|command, address| {
            command.env("LISTEN", address.to_string());
        })
        .await
}

pub(crate) async fn discover(server: &RunningProcess) -> Result<Paths, String> {
    Paths::discover(&mut HttpConnection::new(server.address)).await.map_err(|fault| fault.to_string())
}

/// The best of several, the servers taking turns.
async fn measure(
    row: &WorkRow,
    plan: &Plan,
    target: LoadTarget<'_>,
    peer: Option<LoadTarget<'_>>,
) -> Result<ReportLine, String> {
    let effort = Effort { time: plan.time, connections: row.connections };
    let failed = |who: &str, fault: Fault| format!("{}, {who}: {fault}", row.name);
    let (mut ours, mut theirs): (Option<Measured>, Option<Measured>) = (None, None);
    for _ in 0..plan.repeat {
        let measured = target.measure(row.work, effort).await.map_err(|fault| failed("Grantwell", fault))?;
        keep_best(&mut ours, measured);
        if let Some(peer) = peer {
            let measured = peer.measure(row.work, effort).await;
            keep_best(&mut theirs, measured.map_err(|fault| failed("oidc-provider", fault))?);
        }
    }
    Ok(ReportLine { name: row.name, ours: ours.unwrap_or_default(), theirs })
}

fn keep_best(best: &mut Option<Measured>, measured: Measured) {
    if best.as_ref().is_none_or(|best| best.per_second() < measured.per_second()) {
        *best = Some(measured);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_chosen_by_a_part_of_their_name() {
        let names = |only: Option<&str>| -> Vec<&str> {
            let only = only.map(str::to_owned);
            let plan = Plan { server: PathBuf::new(), peer: None, time: Duration::ZERO, repeat: 1, only };
            PHASES.iter().flat_map(|phase| plan.rows(phase)).map(|row| row.name).collect()
        };
        assert_eq!(names(Some("UserInfo")), ["UserInfo, JWT", "UserInfo, opaque"]);
        assert_eq!(names(None).len(), PHASES.iter().map(|phase| phase.rows.len()).sum::<usize>());
    }
}
