//! `[registration]`: clients that register themselves.

use super::key::{Key, Section, ValueKind};

pub(super) const SECTION: Section = Section {
    name: "registration",
    about: "Clients that register themselves (RFC 7591).",
    keys: &[Key {
        name: "mode",
        kind: ValueKind::OneOf(&["off"], &["token", "open"]),
        default: Some("\"off\""),
        about: "Who may register a client.",
    }],
};
