//! `[management]`: the listener for operators.

use std::net::SocketAddr;

use super::{
    key::{Key, Section, ValueKind},
    reader::Reader,
};

pub(super) const SECTION: Section = Section {
    name: "management",
    about: "A listener for operators. Metrics are only here; health is on both listeners.",
    keys: &[Key {
        name: "listen",
        kind: ValueKind::Address,
        default: None,
        about: "The address of the listener; without it there is none.",
    }],
};

pub(super) fn read(reader: &mut Reader<'_>) -> Option<SocketAddr> {
    let address = reader.address("management.listen")?;
    if let Some(listen) = reader.address("listen").filter(|listen| overlap(*listen, address)) {
        reader.refuse("management.listen", &format!("needs an address of its own: `listen` is \"{listen}\""));
    }
    Some(address)
}

/// Whether the second of two listeners would find its port taken. The system chooses a free port for 0.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let same = one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && same
}
