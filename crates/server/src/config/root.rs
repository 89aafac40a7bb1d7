//! The keys before the first section.

use grantwell_store::OpenError;
use url::Url;

use super::{
    key::{Key, Section, ValueKind},
    reader::Reader,
};

pub(super) const SECTION: Section = Section {
    name: "",
    about: "Keys before the first section.",
    keys: &[
        Key {
            name: "issuer",
            kind: ValueKind::Text,
            default: Some("\"http://localhost:8080\""),
            about: "The issuer identifier, used byte for byte and never derived from a request: https, or http on loopback.",
        },
        Key {
            name: "listen",
            kind: ValueKind::Address,
            default: Some("\"127.0.0.1:8080\""),
            about: "The address of the server's listener.",
        },
        Key {
            name: "database",
            kind: ValueKind::Secret,
            default: Some("\"sqlite:grantwell.db\""),
            about: "`sqlite:` and a path (the file is created on first start), or a `postgres://` URL.",
        },
        Key {
            name: "templates",
            kind: ValueKind::Path,
            default: None,
            about: "A folder with files that replace the built-in templates, styles and messages of the same name.",
        },
        Key {
            name: "interaction_url",
            kind: ValueKind::Text,
            default: None,
            about: "The URL of an external login UI, which replaces the pages for sign-in and consent.",
        },
    ],
};

/// The issuer (RFC 8414 §2, OpenID Connect Discovery 1.0 §3), if it is one.
pub(super) fn issuer(reader: &mut Reader<'_>) -> String {
    let issuer = reader.text("issuer").unwrap_or_default();
    let wrong = match Url::parse(&issuer) {
        Err(_) => Some("must be an absolute URL such as \"https://id.example.com\"".to_owned()),
        Ok(url) if !matches!(url.scheme(), "https" | "http") => Some("must use https".to_owned()),
        Ok(url) if url.scheme() == "http" && !is_loopback(&url) => {
            Some("must use https; http is for localhost, 127.0.0.1 and [::1] only".to_owned())
        }
        Ok(url) if url.origin().ascii_serialization() == issuer => None,
        Ok(url) => Some(format!(
            "must be scheme, host and port alone: a path, a slash at the end, a query, a fragment, a user name, capital letters or \
             a default port are not available (write \"{}\")",
            url.origin().ascii_serialization()
        )),
    };
    if let Some(wrong) = wrong {
        reader.refuse("issuer", &wrong);
    }
    issuer
}

/// The database as an URL with its path made relative to the file.
pub(super) fn database(reader: &mut Reader<'_>) -> String {
    let database = reader.text("database").unwrap_or_default();
    match grantwell_store::file_of(&database) {
        Some(path) if !path.is_empty() => {
            if let Err(OpenError::Setting { why }) = grantwell_store::check_url(&database) {
                reader.refuse("database", &format!("cannot be used: {why}"));
            }
            format!("sqlite:{}", reader.folder().join(path).display())
        }
        _ if database.starts_with("postgres://") || database.starts_with("postgresql://") => {
            match grantwell_store::check_url(&database) {
                Ok(()) => {}
                Err(OpenError::Setting { why }) => {
                    reader.refuse("database", &format!("cannot be used: {why}"));
                }
                Err(error) => reader.refuse("database", &format!("is wrong: {error}")),
            }
            database
        }
        _ => {
            reader.refuse(
                "database",
                "must be \"sqlite:\" and a path, such as \"sqlite:data/grantwell.db\", or \"postgres://\", such as \
                 \"postgres://user:password@host/database\"",
            );
            database
        }
    }
}

pub(super) fn is_loopback(url: &Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}
