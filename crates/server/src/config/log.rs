//! `[log]`: how the log looks.

use super::{
    key::{Key, Section, ValueKind},
    reader::Reader,
};

pub(super) const SECTION: Section = Section {
    name: "log",
    about: "The log, on standard error.",
    keys: &[
        Key {
            name: "format",
            kind: ValueKind::OneOf(&["text", "json"], &[]),
            default: Some("\"text\""),
            about: "One line of text or one JSON object for each event.",
        },
        Key {
            name: "level",
            kind: ValueKind::OneOf(&["error", "warn", "info", "debug"], &[]),
            default: Some("\"info\""),
            about: "The lowest level that is written.",
        },
    ],
};

/// How the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Lines of text.
    Text,
    /// One JSON object a line.
    Json,
}

/// The section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogSettings {
    /// How it looks.
    pub(crate) format: LogFormat,
    /// `error`, `warn`, `info` or `debug`.
    pub(crate) level: String,
}

pub(super) fn read(reader: &Reader<'_>) -> LogSettings {
    let json = reader.text("log.format").as_deref() == Some("json");
    LogSettings {
        format: if json { LogFormat::Json } else { LogFormat::Text },
        level: reader.text("log.level").unwrap_or_default(),
    }
}
