//! `[mtls]`: a listener that asks for client certificates.

use super::key::{Key, Section, ValueKind};

pub(super) const SECTION: Section = Section {
    name: "mtls",
    about: "A second listener that asks for client certificates.",
    keys: &[Key {
        name: "listen",
        kind: ValueKind::Later("client certificates"),
        default: None,
        about: "The address of the listener.",
    }],
};
