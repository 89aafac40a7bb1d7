//! `[proxy]`: whose word about the caller is believed.

use super::key::{Key, Section, ValueKind};

pub(super) const SECTION: Section = Section {
    name: "proxy",
    about: "Proxies in front of the server.",
    keys: &[Key {
        name: "trusted",
        kind: ValueKind::Networks,
        default: Some("[]"),
        about: "Networks of proxies whose `X-Forwarded-For` is used. `Forwarded` (RFC 7239) is not read, and the issuer never comes from a header.",
    }],
};
