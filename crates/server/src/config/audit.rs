//! `[audit]`: what is recorded, and for how long.

use std::time::Duration;

use super::{
    key::{Key, Section, ValueKind},
    reader::Reader,
};

pub(super) const SECTION: Section = Section {
    name: "audit",
    about: "What is recorded, and for how long.",
    keys: &[
        Key {
            name: "every_token",
            kind: ValueKind::Flag,
            default: Some("false"),
            about: "Whether every token for a machine and every refresh is an audit event and not only a log line.",
        },
        Key {
            name: "retention",
            kind: ValueKind::Duration,
            default: Some("\"90d\""),
            about: "How long audit events are kept.",
        },
        Key {
            name: "ended",
            kind: ValueKind::Duration,
            default: Some("\"30d\""),
            about: "How long ended sessions, withdrawn consents and revoked authorizations are kept.",
        },
    ],
};

/// The section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Audit {
    /// Machine tokens and refreshes too.
    pub(crate) every_token: bool,
    /// Events.
    pub(crate) retention: Duration,
    /// What ended.
    pub(crate) ended: Duration,
}

pub(super) fn read(reader: &Reader<'_>) -> Audit {
    Audit {
        every_token: reader.flag("audit.every_token"),
        retention: reader.duration("audit.retention"),
        ended: reader.duration("audit.ended"),
    }
}
