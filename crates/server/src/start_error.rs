//! Why a command cannot do what it should: one sentence for the person who started it.

/// One sentence without a full stop, which standard error shows after `error: `.
#[derive(Debug)]
pub(crate) struct StartError(pub(crate) String);

impl StartError {
    /// Any error that says in one sentence what is wrong.
    pub(crate) fn of(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}
