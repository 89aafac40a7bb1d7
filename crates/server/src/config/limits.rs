//! `[limits]`: what guessing and load may cost.

use grantwell_core::{policy::GuessingLimits, store::Backoff};

use super::{
    key::{Key, Section, ValueKind},
    reader::Reader,
};

pub(super) const SECTION: Section = Section {
    name: "limits",
    about: "Limits on password guessing and on load. Loopback is not exempt.",
    keys: &[
        Key {
            name: "account_free",
            kind: ValueKind::Count(1, 1000),
            default: Some("5"),
            about: "Wrong passwords for one account (or for a name that is none) without a delay.",
        },
        Key {
            name: "account_first",
            kind: ValueKind::Duration,
            default: Some("\"1s\""),
            about: "The first delay for one account (or for a name that is none); every further failure doubles it.",
        },
        Key {
            name: "account_most",
            kind: ValueKind::Duration,
            default: Some("\"15min\""),
            about: "The longest delay for one account (or for a name that is none).",
        },
        Key {
            name: "account_forget",
            kind: ValueKind::Duration,
            default: Some("\"1d\""),
            about: "After how long without a failure the count for one account (or for a name that is none) starts again.",
        },
        Key {
            name: "device_free",
            kind: ValueKind::Count(1, 1000),
            default: Some("5"),
            about: "Wrong passwords for one known device of an account without a delay.",
        },
        Key {
            name: "device_first",
            kind: ValueKind::Duration,
            default: Some("\"1s\""),
            about: "The first delay for one known device of an account; every further failure doubles it.",
        },
        Key {
            name: "device_most",
            kind: ValueKind::Duration,
            default: Some("\"15min\""),
            about: "The longest delay for one known device of an account.",
        },
        Key {
            name: "device_forget",
            kind: ValueKind::Duration,
            default: Some("\"1d\""),
            about: "After how long without a failure the count for one known device of an account starts again.",
        },
        Key {
            name: "address_free",
            kind: ValueKind::Count(1, 1000),
            default: Some("20"),
            about: "Wrong passwords from one address (IPv6: its /64) without a delay.",
        },
        Key {
            name: "address_first",
            kind: ValueKind::Duration,
            default: Some("\"1s\""),
            about: "The first delay from one address (IPv6: its /64); every further failure doubles it.",
        },
        Key {
            name: "address_most",
            kind: ValueKind::Duration,
            default: Some("\"1min\""),
            about: "The longest delay from one address (IPv6: its /64).",
        },
        Key {
            name: "address_forget",
            kind: ValueKind::Duration,
            default: Some("\"5min\""),
            about: "After how long without a failure the count from one address (IPv6: its /64) starts again.",
        },
        Key {
            name: "password_hashes",
            kind: ValueKind::Count(0, 256),
            default: Some("0"),
            about: "Password hashes that are computed at the same time, 19 MiB each; 0: one for each processor.",
        },
        Key {
            name: "password_queue",
            kind: ValueKind::Count(1, 10_000),
            default: Some("64"),
            about: "Sign-ins that may wait for a password hash; the next is refused with 503 and `Retry-After`.",
        },
        Key {
            name: "connections",
            kind: ValueKind::Count(1, 1_000_000),
            default: Some("10000"),
            about: "Connections that may be open at the same time.",
        },
        Key {
            name: "database_connections",
            kind: ValueKind::Count(2, 500),
            default: Some("16"),
            about: "PostgreSQL: the most connections of this node; a quarter of them is for writing.",
        },
        Key {
            name: "header_timeout",
            kind: ValueKind::Duration,
            default: Some("\"10s\""),
            about: "How long the head of a request may take to arrive.",
        },
        Key {
            name: "shutdown_notice",
            kind: ValueKind::Duration,
            default: Some("\"0s\""),
            about: "How long the server accepts requests after SIGTERM while `/readyz` returns 503, so that a load balancer can choose another node.",
        },
        Key {
            name: "shutdown",
            kind: ValueKind::Duration,
            default: Some("\"30s\""),
            about: "How long the server waits after SIGTERM for requests to end.",
        },
    ],
};

/// What load may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LoadLimits {
    /// Hashes at once.
    pub(crate) password_hashes: usize,
    /// Sign-ins that wait.
    pub(crate) password_queue: usize,
    /// Open connections.
    pub(crate) connections: usize,
    /// To PostgreSQL.
    pub(crate) database_connections: usize,
    /// For the head of a request.
    pub(crate) header_timeout: std::time::Duration,
    /// Between SIGTERM and the end of listening.
    pub(crate) shutdown_notice: std::time::Duration,
    /// For requests under way at the end.
    pub(crate) shutdown: std::time::Duration,
}

pub(super) fn read(reader: &Reader<'_>) -> LoadLimits {
    let count = |key| usize::try_from(reader.count(key)).unwrap_or(usize::MAX);
    LoadLimits {
        password_hashes: match count("limits.password_hashes") {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get),
            hashes => hashes,
        },
        password_queue: count("limits.password_queue"),
        connections: count("limits.connections"),
        database_connections: count("limits.database_connections"),
        header_timeout: reader.duration("limits.header_timeout"),
        shutdown_notice: reader.duration("limits.shutdown_notice"),
        shutdown: reader.duration("limits.shutdown"),
    }
}

pub(super) fn guessing(reader: &mut Reader<'_>) -> GuessingLimits {
    let mut backoff = |whom: &str| {
        let key = |what: &str| format!("limits.{whom}_{what}");
        let backoff = Backoff {
            free: reader.count(&key("free")),
            first: reader.duration(&key("first")),
            most: reader.duration(&key("most")),
            forget: reader.duration(&key("forget")),
        };
        if backoff.first.is_zero() {
            reader.refuse(&key("first"), "must be longer than nothing");
        }
        if backoff.most < backoff.first {
            let (first, most) = (key("first"), key("most"));
            let wrong = if reader.is_set(&most) { &most } else { &first };
            reader.refuse(wrong, &format!("is wrong: {most} must not be shorter than {first}"));
        }
        // A count that is forgotten while its delay still runs would end the delay.
        if backoff.forget < backoff.most {
            reader.refuse(&key("forget"), &format!("must not be shorter than {}", key("most")));
        }
        backoff
    };
    GuessingLimits { account: backoff("account"), device: backoff("device"), address: backoff("address") }
}
