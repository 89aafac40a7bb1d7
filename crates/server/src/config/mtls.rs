//! `[mtls]`: a listener that asks for client certificates.

use super::key::{Key, Kind, Section};

pub(super) const SECTION: Section = Section {
    name: "mtls",
    about: "A second listener that asks for client certificates.",
    keys: &[Key {
        name: "listen",
        kind: Kind::Later("client certificates"),
        default: None,
        about: "Where it listens.",
    }],
};
