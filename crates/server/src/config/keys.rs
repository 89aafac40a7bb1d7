//! `[keys]`: the master key and the rotation of signing keys.

use std::{path::PathBuf, time::Duration};

use super::{
    key::{Key, Kind, Section},
    reader::Reader,
};

pub(super) const SECTION: Section = Section {
    name: "keys",
    about: "Keys at rest and their rotation.",
    keys: &[
        Key {
            name: "master",
            kind: Kind::Path,
            default: Some("\"grantwell.key\""),
            about: "The file that encrypts keys and seeds at rest: made on first start, mode 0400; keep a copy away from the database.",
        },
        Key {
            name: "rotate_every",
            kind: Kind::Duration,
            default: Some("\"60d\""),
            about: "How long a signing key signs before the next takes over.",
        },
        Key {
            name: "publish_before",
            kind: Kind::Duration,
            default: Some("\"1d\""),
            about: "How long a new signing key is published before it signs.",
        },
    ],
};

/// Where the master key is and how signing keys rotate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keys {
    /// The file.
    pub(crate) master: PathBuf,
    /// How long a signing key signs.
    pub(crate) rotate_every: Duration,
    /// How long a new one is published before it signs.
    pub(crate) publish_before: Duration,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Keys {
    let keys = Keys {
        master: reader.path("keys.master").unwrap_or_default(),
        rotate_every: reader.duration("keys.rotate_every"),
        publish_before: reader.duration("keys.publish_before"),
    };
    // Anything that caches our keys for 15 minutes must have seen the new one before it signs.
    if keys.publish_before < Duration::from_secs(15 * 60) {
        reader
            .refuse("keys.publish_before", "must be at least \"15min\", for which others may keep our keys");
    }
    if keys.rotate_every < keys.publish_before.saturating_mul(2) {
        reader.refuse("keys.rotate_every", "must be at least twice keys.publish_before");
    }
    keys
}
