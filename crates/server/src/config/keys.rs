//! `[keys]`: the master key.

use std::path::PathBuf;

use super::{
    key::{Key, Section, ValueKind},
    reader::Reader,
};

pub(super) const SECTION: Section = Section {
    name: "keys",
    about: "Encryption of keys in the database.",
    keys: &[Key {
        name: "master",
        kind: ValueKind::Path,
        default: Some("\"grantwell.key\""),
        about: "The file with the master key, which encrypts signing keys in the database. Created on first start with mode 0400; a file that others can use is refused, except that its group may read one of root's. Keep a copy in another place than the database.",
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
