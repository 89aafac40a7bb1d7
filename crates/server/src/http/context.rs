//! Who asks, and the trace id that log, pages, JSON errors and audit events share.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use grantwell_core::time::{Entropy, Timestamp};
use ipnet::IpNet;

use crate::{
    app::App,
    pages::{self, Locale},
};

/// What is known of a request before it is read.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// Shown to the person and written to the log.
    pub(crate) trace_id: Arc<str>,
    /// The browser or client, behind proxies that are trusted by address.
    pub(crate) address: IpAddr,
    /// When it came.
    pub(crate) now: Timestamp,
}

/// The address of the peer of the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

impl Context {
    /// Of a request from `peer` with `headers`.
    pub(crate) fn new(app: &App, peer: SocketAddr, headers: &HeaderMap) -> Self {
        Self {
            trace_id: trace_id(app.entropy.as_ref()),
            address: client_address(peer.ip(), headers, &app.trusted_proxies),
            now: app.now(),
        }
    }

    /// Under which an address is counted: IPv6 by its /64, which one customer has to himself.
    pub(crate) fn address_key(&self) -> String {
        match self.address.to_canonical() {
            IpAddr::V4(v4) => v4.to_string(),
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
        }
    }
}

impl FromRequestParts<Arc<App>> for Context {
    type Rejection = std::convert::Infallible;
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        if let Some(context) = parts.extensions.get::<Self>() {
            return Ok(context.clone());
        }
        let unknown = Peer(SocketAddr::from(([0, 0, 0, 0], 0)));
        let peer = parts.extensions.get::<Peer>().copied().unwrap_or(unknown);
        Ok(Self::new(app, peer.0, &parts.headers))
    }
}

/// Sixty random bits in letters that are hard to mistake for each other (Crockford).
fn trace_id(entropy: &dyn Entropy) -> Arc<str> {
    const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut random = [0; 12];
    entropy.fill(&mut random);
    random
        .iter()
        .filter_map(|byte| LETTERS.get(usize::from(byte % 32)).copied())
        .map(char::from)
        .collect::<String>()
        .into()
}

/// The right-most address of `X-Forwarded-For` that is not a trusted proxy, read only when the peer is one. A value that
/// cannot be read ends the search at the last address that could (catalogue H-05).
fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(&address.to_canonical()));
    let mut address = peer;
    let forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for hop in forwarded.iter().rev() {
        if !is_trusted(&address) {
            break;
        }
        match hop.trim().parse() {
            Ok(next) => address = next,
            Err(_) => break,
        }
    }
    address
}

/// The language of a page.
pub(crate) fn locale(headers: &HeaderMap, ui_locales: &[String]) -> Locale {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    pages::negotiate(ui_locales, None, accepted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        client_address(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn h_05_forwarded_addresses_count_only_from_trusted_proxies() {
        assert_eq!(address("203.0.113.9", &["198.51.100.1"], &[]), "203.0.113.9");
        assert_eq!(address("203.0.113.9", &["198.51.100.1"], &["10.0.0.0/8"]), "203.0.113.9");
        assert_eq!(address("10.0.0.1", &["198.51.100.1"], &["10.0.0.0/8"]), "198.51.100.1");
        assert_eq!(
            address("10.0.0.1", &["1.2.3.4, 198.51.100.1, 10.0.0.2"], &["10.0.0.0/8"]),
            "198.51.100.1"
        );
        assert_eq!(address("10.0.0.1", &["1.2.3.4", "198.51.100.1"], &["10.0.0.0/8"]), "198.51.100.1");
        assert_eq!(address("10.0.0.1", &["198.51.100.1, nonsense"], &["10.0.0.0/8"]), "10.0.0.1");
        let many = vec!["198.51.100.7"; 1000].join(",");
        assert_eq!(address("10.0.0.1", &[&many], &["10.0.0.0/8"]), "198.51.100.7");
    }
}
