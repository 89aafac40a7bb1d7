//! `[lifetimes]`: how long things live (RFC 9700 §4.14, OAuth 2.1 §4.1.2).

use std::time::Duration;

use grantwell_core::policy::Lifetimes;

use super::{
    key::{Key, Section, ValueKind},
    reader::Reader,
};

pub(super) const SECTION: Section = Section {
    name: "lifetimes",
    about: "How long codes, tokens and sessions are valid.",
    keys: &[
        Key {
            name: "code",
            kind: ValueKind::Duration,
            default: Some("\"60s\""),
            about: "An authorization code.",
        },
        Key {
            name: "interaction",
            kind: ValueKind::Duration,
            default: Some("\"15min\""),
            about: "A request at the authorization endpoint, until the person has signed in and decided.",
        },
        Key {
            name: "access_token",
            kind: ValueKind::Duration,
            default: Some("\"10min\""),
            about: "An access token, unless its resource says otherwise.",
        },
        Key {
            name: "id_token",
            kind: ValueKind::Duration,
            default: Some("\"10min\""),
            about: "An ID token.",
        },
        Key {
            name: "refresh_idle",
            kind: ValueKind::Duration,
            default: Some("\"30d\""),
            about: "A refresh token that is not used.",
        },
        Key {
            name: "refresh_absolute",
            kind: ValueKind::Duration,
            default: Some("\"180d\""),
            about: "A refresh token, however often it is used.",
        },
        Key {
            name: "refresh_absolute_browser",
            kind: ValueKind::Duration,
            default: Some("\"1d\""),
            about: "The same for a public client of application_type web.",
        },
        Key {
            name: "refresh_grace",
            kind: ValueKind::Duration,
            default: Some("\"30s\""),
            about: "How long after a rotation the previous refresh token returns the same successor again.",
        },
        Key {
            name: "session_idle",
            kind: ValueKind::Duration,
            default: Some("\"1h\""),
            about: "A session that is not used.",
        },
        Key {
            name: "session_absolute",
            kind: ValueKind::Duration,
            default: Some("\"1d\""),
            about: "A session, however often it is used.",
        },
        Key {
            name: "device",
            kind: ValueKind::Duration,
            default: Some("\"180d\""),
            about: "How long a browser is a known device after a sign-in.",
        },
    ],
};

pub(super) fn read(reader: &mut Reader<'_>) -> Lifetimes {
    let lifetimes = Lifetimes {
        code: reader.duration("lifetimes.code"),
        interaction: reader.duration("lifetimes.interaction"),
        access_token: reader.duration("lifetimes.access_token"),
        id_token: reader.duration("lifetimes.id_token"),
        refresh_idle: reader.duration("lifetimes.refresh_idle"),
        refresh_absolute: reader.duration("lifetimes.refresh_absolute"),
        refresh_absolute_browser: reader.duration("lifetimes.refresh_absolute_browser"),
        refresh_grace: reader.duration("lifetimes.refresh_grace"),
        session_idle: reader.duration("lifetimes.session_idle"),
        session_absolute: reader.duration("lifetimes.session_absolute"),
        device: reader.duration("lifetimes.device"),
    };
    for key in SECTION.keys.iter().map(|key| SECTION.dotted(key.name)) {
        if reader.is_set(&key) && reader.duration(&key) < Duration::from_secs(1) {
            reader.refuse(&key, "must be at least \"1s\"");
        }
    }
    // RFC 6749 §4.1.2: ten minutes at most.
    if lifetimes.code > Duration::from_mins(10) {
        reader.refuse("lifetimes.code", "must be at most \"10min\" (RFC 6749 §4.1.2)");
    }
    if lifetimes.access_token > Duration::from_hours(24) {
        reader.refuse(
            "lifetimes.access_token",
            "must be at most \"24h\": an API that verifies locally learns of a revocation no sooner",
        );
    }
    // No signed token lives longer than its key stays published.
    if lifetimes.id_token > Duration::from_hours(24) {
        reader.refuse("lifetimes.id_token", "must be at most \"24h\"");
    }
    if lifetimes.refresh_grace > Duration::from_mins(1) {
        reader.refuse("lifetimes.refresh_grace", "must be at most \"60s\"");
    }
    for (idle, absolute) in [("refresh_idle", "refresh_absolute"), ("session_idle", "session_absolute")] {
        let (idle, absolute) = (SECTION.dotted(idle), SECTION.dotted(absolute));
        if reader.duration(&idle) > reader.duration(&absolute) {
            let wrong = if reader.is_set(&idle) { &idle } else { &absolute };
            reader.refuse(wrong, &format!("is wrong: {idle} must not be longer than {absolute}"));
        }
    }
    lifetimes
}
