//! `[keys]`: the master key.

use std::path::PathBuf;

use super::{
    key::{Key, Section, ValueKind},
    reader::Reader,
};

pub(super) const SECTION: Section = Section {
    name: "keys",
    about: "Keys at rest.",
    keys: &[Key {
        name: "master",
        kind: ValueKind::Path,
        default: Some("\"grantwell.key\""),
        about: "The file that encrypts keys and seeds at rest: made on first start, mode 0400; keep a copy away from the database.",
    }],
};

/// Where keys are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keys {
    /// The file of the master key.
    pub(crate) master: PathBuf,
}

pub(super) fn read(reader: &Reader<'_>) -> Keys {
    Keys { master: reader.path("keys.master").unwrap_or_default() }
}
