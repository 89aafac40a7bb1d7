//! What became of a step: one typed event each, from which log and metrics are fed.

use grantwell_core::{error::Mismatch, jose::Algorithm, store::StoreError};

use crate::login::password::HashError;

/// Why a step has no outcome: 503, as a page or as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unavailable {
    /// The store has no answer.
    Store(StoreError),
    /// A signing key is still being made.
    KeyBeingMade(Algorithm),
    /// The queue of the password pool is full, or a hash cannot be computed.
    Passwords(HashError),
    /// Too many requests of the same client wait for their turn.
    Line,
    /// Four conflicts in a row.
    Contended,
    /// The step wants without end.
    Endless(&'static str),
}

impl std::fmt::Display for Unavailable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::KeyBeingMade(algorithm) => write!(f, "the {algorithm} key is being made"),
            Self::Passwords(error) => write!(f, "no password can be compared: {error:?}"),
            Self::Line => f.write_str("too many requests of this client at once"),
            Self::Contended => f.write_str("four conflicts in a row"),
            Self::Endless(want) => write!(f, "a step asks for {want} again and again"),
        }
    }
}

impl From<StoreError> for Unavailable {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What one step did.
#[derive(Clone, Debug)]
pub(crate) struct StepEvent {
    /// [`Step::NAME`].
    pub(crate) step: &'static str,
    /// What it wanted, in order, of all looks.
    pub(crate) wants: Vec<&'static str>,
    /// [`Step::checks`]; as names.
    pub(crate) checks: fn() -> Vec<&'static str>,
    /// The kinds of the writes that were committed.
    pub(crate) writes: Vec<&'static str>,
    /// The kinds of the writes whose guards failed, one for each conflict.
    pub(crate) conflicts: Vec<&'static str>,
    /// How it ended.
    pub(crate) end: StepEnd,
}

impl StepEvent {
    /// The checks that passed, where the step has a list of them: those above the one that refused.
    pub(crate) fn passed(&self) -> Vec<&'static str> {
        match self.end {
            StepEnd::Done => (self.checks)(),
            StepEnd::Refused { check, .. } => {
                (self.checks)().into_iter().take_while(|name| Some(*name) != check).collect()
            }
            StepEnd::Unavailable(_) => Vec::new(),
        }
    }

    /// A line in the log, to find a cause: off in production, where the request's line says the reason.
    pub(crate) fn log(&self, trace_id: &str) {
        if !tracing::enabled!(tracing::Level::DEBUG) {
            return;
        }
        let (passed, Self { step, wants, writes, conflicts, end, checks: _ }) = (self.passed(), self);
        match end {
            StepEnd::Done => tracing::debug!(trace_id, step, ?wants, ?passed, ?writes, ?conflicts, "decided"),
            StepEnd::Refused { reason, check, mismatch } => {
                let (received, expected) =
                    mismatch.as_ref().map(|it| (it.received.as_str(), it.expected.as_str())).unzip();
                tracing::debug!(
                    trace_id,
                    step,
                    ?wants,
                    ?passed,
                    ?writes,
                    ?conflicts,
                    reason,
                    check,
                    received,
                    expected,
                    "refused"
                );
            }
            StepEnd::Unavailable(why) => {
                tracing::debug!(trace_id, step, ?wants, ?conflicts, %why, "no decision");
            }
        }
    }
}

/// How a step ended.
#[derive(Clone, Debug)]
pub(crate) enum StepEnd {
    /// With its outcome.
    Done,
    /// Refused.
    Refused {
        /// [`Refusal::reason`].
        reason: &'static str,
        /// The check that refused, where the step has a list of them.
        check: Option<&'static str>,
        /// [`Refusal::mismatch`].
        mismatch: Option<Mismatch>,
    },
    /// Without an answer.
    Unavailable(Unavailable),
}
