//! `[policy]`: what the protocol allows.

use grantwell_core::resource::AccessTokenFormat;

use super::{
    key::{Key, Section, ValueKind},
    reader::Reader,
};

pub(super) const SECTION: Section = Section {
    name: "policy",
    about: "Defaults of the protocol.",
    keys: &[
        Key {
            name: "profile",
            kind: ValueKind::OneOf(
                &["oauth2.1"],
                &["oidc", "fapi2-security", "fapi2-message-signing", "fapi-ciba"],
            ),
            default: Some("\"oauth2.1\""),
            about: "The profile of clients that do not name one.",
        },
        Key {
            name: "access_token_format",
            kind: ValueKind::OneOf(&["jwt", "opaque"], &[]),
            default: Some("\"jwt\""),
            about: "The format of access tokens whose audience is the issuer.",
        },
        Key {
            name: "implicit",
            kind: ValueKind::Later("response types with `token`"),
            default: Some("false"),
            about: "Response types with `token`; weak, for old clients only.",
        },
    ],
};

pub(super) fn access_token_format(reader: &Reader<'_>) -> AccessTokenFormat {
    match reader.text("policy.access_token_format").as_deref() {
        Some("opaque") => AccessTokenFormat::Opaque,
        _ => AccessTokenFormat::Jwt,
    }
}
