//! What a run measures: its rows, how long, how often, on what.

use std::{path::PathBuf, time::Duration};

use crate::{
    bare::BareAnswer::{self, EdDsa, Es256, Plain},
    databases::EngineName,
    fill::Size,
    rows::{CONNECTIONS, Effort, Format, Signed, WorkKind},
};

/// Connections where figures mean nothing.
const FEW: usize = 4;

/// What is run, how long, how often.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) server: PathBuf,
    /// The folder of the other server, where there is one.
    pub(crate) peer: Option<PathBuf>,
    pub(crate) time: Duration,
    /// Rounds of each row.
    pub(crate) repeat: u32,
    /// Part of the names of the rows and phases that are measured; all without it.
    pub(crate) only: Option<String>,
    pub(crate) engine: EngineName,
    /// What the database holds before anything is measured.
    pub(crate) size: Option<Size>,
    /// Only that everything runs; figures mean nothing.
    pub(crate) quick: bool,
}

impl Plan {
    /// Whether a row or phase of this name is measured.
    pub(crate) fn chooses(&self, name: &str) -> bool {
        name.contains(self.only.as_deref().unwrap_or_default())
    }

    /// A row is measured with it.
    pub(crate) fn effort(&self, row: &WorkRow) -> Effort {
        let most = if self.quick { FEW } else { usize::MAX };
        Effort { time: self.time, connections: row.connections.min(most) }
    }

    /// Whether any row is measured.
    pub(crate) fn has_rows(&self) -> bool {
        PHASES.iter().any(|phase| !self.rows(phase).is_empty())
    }

    /// The rows of a phase that are measured.
    pub(crate) fn rows(&self, phase: &Phase) -> Vec<&'static WorkRow> {
        phase.rows.iter().filter(|row| self.chooses(row.name)).collect()
    }
}

/// Work under a name.
#[derive(Debug)]
pub(crate) struct WorkRow {
    pub(crate) name: &'static str,
    pub(crate) work: WorkKind,
    pub(crate) connections: usize,
    /// Whether the other server does the same.
    pub(crate) compared: bool,
    /// What a bare server does for one step of it; nothing where the disk or a password hash is the floor.
    pub(crate) floor: &'static [BareAnswer],
}

const fn row(name: &'static str, work: WorkKind, floor: &'static [BareAnswer]) -> WorkRow {
    WorkRow { name, work, connections: CONNECTIONS, compared: true, floor }
}

const fn alone(name: &'static str, work: WorkKind, floor: &'static [BareAnswer]) -> WorkRow {
    WorkRow { compared: false, ..row(name, work, floor) }
}

const fn one_client(name: &'static str, work: WorkKind) -> WorkRow {
    WorkRow { connections: 1, ..row(name, work, &[]) }
}

/// A start of the server with its own setting.
#[derive(Debug)]
pub(crate) struct Phase {
    pub(crate) environment: &'static [(&'static str, &'static str)],
    pub(crate) rows: &'static [WorkRow],
}

/// The other server writes no line for each request either.
pub(crate) const QUIET: (&str, &str) = ("GRANTWELL_LOG__LEVEL", "warn");

/// The row that stands for the whole.
pub(crate) const WHOLE_FLOW: WorkRow =
    row("**whole code flow**, ES256", WorkKind::CodeFlow(Signed::Es256), &[Plain, Es256(2)]);

pub(crate) const PHASES: &[Phase] = &[
    Phase {
        environment: &[QUIET],
        rows: &[
            row("`client_credentials`, JWT ES256", WorkKind::ClientCredentials(Signed::Es256), &[Es256(1)]),
            row("`client_credentials`, JWT EdDSA", WorkKind::ClientCredentials(Signed::EdDsa), &[EdDsa(1)]),
            row("`/authorize`, signed in and consented → code", WorkKind::Authorize, &[Plain]),
            row("code → access, ID and refresh token, ES256", WorkKind::Redeem, &[Es256(2)]),
            WHOLE_FLOW,
            row("whole code flow, EdDSA", WorkKind::CodeFlow(Signed::EdDsa), &[Plain, EdDsa(2)]),
            row("refresh with rotation, ES256", WorkKind::Refresh, &[Es256(2)]),
            row("introspection, opaque", WorkKind::Introspect(Format::Opaque), &[Plain]),
            alone("introspection, JWT", WorkKind::Introspect(Format::Jwt), &[Plain]),
            alone("UserInfo, JWT", WorkKind::UserInfo, &[Plain]),
            row("JWKS", WorkKind::Jwks, &[Plain]),
            row("discovery", WorkKind::Discovery, &[Plain]),
            alone("password sign-in", WorkKind::SignIn, &[]),
            alone("`client_credentials` while sign-ins queue", WorkKind::BesideSignIns, &[]),
            one_client("`/authorize`, one client", WorkKind::Authorize),
            one_client("code → tokens, one client", WorkKind::Redeem),
            one_client("refresh, one client", WorkKind::Refresh),
        ],
    },
    Phase {
        environment: &[QUIET, ("GRANTWELL_POLICY__ACCESS_TOKEN_FORMAT", "opaque")],
        rows: &[row("UserInfo, opaque", WorkKind::UserInfo, &[Plain])],
    },
    Phase {
        environment: &[],
        rows: &[row(
            "whole code flow, ES256, a log line for each request",
            WorkKind::CodeFlow(Signed::Es256),
            &[Plain, Es256(2)],
        )],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_chosen_by_a_part_of_their_name() {
        let names = |only: Option<&str>| -> Vec<&str> {
            let plan = Plan {
                server: PathBuf::new(),
                peer: None,
                time: Duration::ZERO,
                repeat: 1,
                only: only.map(str::to_owned),
                engine: EngineName::Sqlite,
                size: None,
                quick: false,
            };
            assert_eq!(plan.has_rows(), only != Some("overload"));
            PHASES.iter().flat_map(|phase| plan.rows(phase)).map(|row| row.name).collect()
        };
        assert_eq!(names(Some("UserInfo")), ["UserInfo, JWT", "UserInfo, opaque"]);
        assert_eq!(names(Some("overload")), [""; 0]);
        assert_eq!(names(None).len(), PHASES.iter().map(|phase| phase.rows.len()).sum::<usize>());
    }
}
