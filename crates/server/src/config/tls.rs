//! `[tls]`: HTTPS on `listen`.

use std::path::PathBuf;

use super::{
    key::{Key, Section, ValueKind},
    reader::Reader,
};

pub(super) const SECTION: Section = Section {
    name: "tls",
    about: "HTTPS on `listen`. Without it the server speaks HTTP.",
    keys: &[
        Key {
            name: "certificate",
            kind: ValueKind::Path,
            default: None,
            about: "The certificate chain, PEM.",
        },
        Key {
            name: "key",
            kind: ValueKind::Path,
            default: None,
            about: "The private key of the certificate, PEM; a file that others can use is refused, except that its group may read one of root's.",
        },
        Key {
            name: "hsts",
            kind: ValueKind::OneOf(&["off", "this host", "with subdomains"], &[]),
            default: Some("\"this host\""),
            about: "What `Strict-Transport-Security` of an https issuer covers, also behind a proxy. `with subdomains` makes every host below this one https for two years.",
        },
        Key {
            name: "client_ca",
            kind: ValueKind::Later("client certificates"),
            default: None,
            about: "The CA of accepted client certificates.",
        },
    ],
};

/// Where certificate and key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tls {
    /// PEM chain.
    pub(crate) certificate: PathBuf,
    /// PEM private key.
    pub(crate) key: PathBuf,
}

/// What browsers are told to reach by https alone (RFC 6797).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Hsts {
    /// Nothing.
    Off,
    /// The issuer's host.
    #[default]
    ThisHost,
    /// It, and every host below it.
    WithSubdomains,
}

impl Hsts {
    /// The value of `Strict-Transport-Security`: two years.
    pub(crate) const fn header(self) -> Option<&'static str> {
        match self {
            Self::Off => None,
            Self::ThisHost => Some("max-age=63072000"),
            Self::WithSubdomains => Some("max-age=63072000; includeSubDomains"),
        }
    }
}

pub(super) fn hsts(reader: &Reader<'_>) -> Hsts {
    match reader.text("tls.hsts").as_deref() {
        Some("off") => Hsts::Off,
        Some("with subdomains") => Hsts::WithSubdomains,
        _ => Hsts::ThisHost,
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> Option<Tls> {
    match (reader.path("tls.certificate"), reader.path("tls.key")) {
        (Some(certificate), Some(key)) => Some(Tls { certificate, key }),
        (None, None) => None,
        (Some(_), None) => {
            reader.refuse("tls.certificate", "needs tls.key beside it");
            None
        }
        (None, Some(_)) => {
            reader.refuse("tls.key", "needs tls.certificate beside it");
            None
        }
    }
}
