//! `[management]`: the listener for operators.

use super::key::{Key, Kind, Section};

pub(super) const SECTION: Section = Section {
    name: "management",
    about: "A listener for operators: metrics are there and nowhere else.",
    keys: &[Key {
        name: "listen",
        kind: Kind::Address,
        default: None,
        about: "Where it listens; no listener when not set.",
    }],
};
