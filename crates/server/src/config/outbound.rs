//! `[outbound]`: what the server may fetch.

use super::key::{Key, Section, ValueKind};

pub(super) const SECTION: Section = Section {
    name: "outbound",
    about: "What the server may fetch. It fetches nothing yet.",
    keys: &[
        Key {
            name: "extra_ca",
            kind: ValueKind::Later("outgoing requests"),
            default: None,
            about: "Certificates that are trusted besides the system's.",
        },
        Key {
            name: "allow_loopback",
            kind: ValueKind::Later("outgoing requests"),
            default: Some("false"),
            about: "Whether loopback may be fetched; for tests and development.",
        },
    ],
};
