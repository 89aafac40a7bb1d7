//! `[proxy]`: whose word about the caller is believed.

use ipnet::IpNet;

use super::{
    key::{Key, Section, ValueKind},
    reader::Reader,
};

pub(super) const SECTION: Section = Section {
    name: "proxy",
    about: "Proxies in front of the server.",
    keys: &[
        Key {
            name: "trusted",
            kind: ValueKind::Networks,
            default: Some("[]"),
            about: "Networks of proxies whose word about the client's address is used. The issuer never comes from a header.",
        },
        Key {
            name: "header",
            kind: ValueKind::OneOf(&["x-forwarded-for", "forwarded"], &[]),
            default: None,
            about: "The header that the proxies set, if only that one may be read. Not set: `X-Forwarded-For`, and `Forwarded` (RFC 7239) in a request without it.",
        },
    ],
};

/// Proxies that say where a request comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TrustedProxies {
    /// Their addresses.
    pub(crate) networks: Vec<IpNet>,
    /// How they say it.
    pub(crate) header: ForwardingHeader,
}

/// Which header names the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ForwardingHeader {
    /// `X-Forwarded-For`; `Forwarded` in a request without it.
    #[default]
    Either,
    /// `X-Forwarded-For` alone.
    XForwardedFor,
    /// `Forwarded` alone.
    Forwarded,
}

pub(super) fn read(reader: &Reader<'_>) -> TrustedProxies {
    let header = match reader.text("proxy.header").as_deref() {
        Some("x-forwarded-for") => ForwardingHeader::XForwardedFor,
        Some("forwarded") => ForwardingHeader::Forwarded,
        _ => ForwardingHeader::Either,
    };
    TrustedProxies { networks: reader.networks("proxy.trusted"), header }
}
