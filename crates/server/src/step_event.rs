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
    /// The checks that passed, where the step has a list of them.
    pub(crate) passed: Vec<&'static str>,
    /// The kinds of the writes that were committed.
    pub(crate) writes: Vec<&'static str>,
    /// The kinds of the writes whose guards failed, one for each conflict.
    pub(crate) conflicts: Vec<&'static str>,
    /// How it ended.
    pub(crate) end: StepEnd,
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
