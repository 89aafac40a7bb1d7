//! What a protocol step decides: the writes to commit and what to answer when they are durable.

use crate::store::Write;

/// The end of a pure step. Writes are committed together; the outcome is released only after they are durable.
#[derive(Debug)]
#[must_use]
pub struct Decision<T> {
    /// What to commit; may be empty.
    pub writes: Vec<Write>,
    /// What to answer.
    pub outcome: T,
}

impl<T> Decision<T> {
    /// Nothing to write.
    pub const fn read_only(outcome: T) -> Self {
        Self { writes: Vec::new(), outcome }
    }

    /// The same writes with another outcome.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Decision<U> {
        Decision { writes: self.writes, outcome: f(self.outcome) }
    }
}

/// A refusal that changes something: the reason, and what to commit before it is answered.
#[derive(Debug)]
#[must_use]
pub struct Refused<R> {
    /// Why.
    pub refusal: R,
    /// What to commit; may be empty.
    pub writes: Vec<Write>,
}

impl<R> From<R> for Refused<R> {
    /// A refusal that changes nothing.
    fn from(refusal: R) -> Self {
        Self { refusal, writes: Vec::new() }
    }
}

/// A step that may need something that only the outside can supply.
#[derive(Debug)]
#[must_use]
pub enum Step<T, E> {
    /// It is decided.
    Decided(Decision<T>),
    /// Get this, and call again with it.
    Need(E),
}
