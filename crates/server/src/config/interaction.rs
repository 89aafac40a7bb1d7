//! `[interaction]`: the external login UI, and the credential of its back end.

use grantwell_core::{registry::SHORTEST_SECRET, secret::Digest};
use url::Url;

use super::{
    key::{Key, Section, ValueKind},
    reader::Reader,
    root::is_loopback,
};
use crate::one_line;

pub(super) const SECTION: Section = Section {
    name: "interaction",
    about: "How the back end of the external login UI at `interaction_url` authenticates.",
    keys: &[
        Key {
            name: "client_id",
            kind: ValueKind::Text,
            default: None,
            about: "The user name that the back end sends with HTTP Basic.",
        },
        Key {
            name: "client_secret",
            kind: ValueKind::Secret,
            default: None,
            about: "The password that the back end sends, at least 32 characters.",
        },
        Key {
            name: "client_secret_file",
            kind: ValueKind::Path,
            default: None,
            about: "A file that holds the secret, in place of `client_secret`.",
        },
    ],
};

/// An external login UI, in place of our pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoginUi {
    /// Where browsers are sent.
    pub(crate) url: String,
    /// The name of its back end.
    pub(crate) client_id: String,
    /// SHA-256 of its secret.
    pub(crate) client_secret: Digest,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Option<LoginUi> {
    let keys = ["interaction.client_id", "interaction.client_secret", "interaction.client_secret_file"];
    let Some(url) = reader.text("interaction_url") else {
        for key in keys.into_iter().filter(|key| reader.is_set(key)).collect::<Vec<_>>() {
            reader.refuse(key, "is for an external login UI: set interaction_url too");
        }
        return None;
    };
    let good = Url::parse(&url).is_ok_and(|parsed| {
        (parsed.scheme() == "https" || (parsed.scheme() == "http" && is_loopback(&parsed)))
            && parsed.fragment().is_none()
            && parsed.username().is_empty()
            && parsed.password().is_none()
    });
    if !good {
        reader.refuse("interaction_url", "must be an https URL without a fragment (http on loopback only)");
    }
    let client_id = reader.text("interaction.client_id").unwrap_or_default();
    if client_id.is_empty() || client_id.contains(':') {
        reader.refuse("interaction_url", "needs interaction.client_id: a name without a colon");
    }
    let secret = secret(reader)?;
    if secret.chars().count() < SHORTEST_SECRET {
        let key = if reader.is_set("interaction.client_secret") { keys[1] } else { keys[2] };
        reader.refuse(key, &format!("must have at least {SHORTEST_SECRET} characters"));
    }
    Some(LoginUi { url, client_id, client_secret: Digest::of(secret.as_bytes()) })
}

fn secret(reader: &mut Reader<'_>) -> Option<String> {
    let inline = reader.text("interaction.client_secret");
    match (inline, reader.path("interaction.client_secret_file")) {
        (Some(_), Some(_)) => {
            reader.refuse(
                "interaction.client_secret_file",
                "and interaction.client_secret are both set; set one",
            );
            None
        }
        (Some(secret), None) => {
            if one_line::value_of(&secret).is_ok_and(|value| value != secret) {
                reader.refuse("interaction.client_secret", "must not begin or end with a blank");
            } else if let Err(defect) = one_line::value_of(&secret) {
                reader.refuse("interaction.client_secret", &format!("cannot be used: {defect}"));
            }
            Some(secret)
        }
        (None, Some(file)) => match one_line::read(&file) {
            Ok(secret) => Some(secret.to_string()),
            Err(why) => {
                reader.refuse(
                    "interaction.client_secret_file",
                    &format!("names a file that cannot be read: {why}"),
                );
                None
            }
        },
        (None, None) => {
            reader.refuse("interaction_url", "needs interaction.client_secret, at least 32 characters");
            None
        }
    }
}
