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
