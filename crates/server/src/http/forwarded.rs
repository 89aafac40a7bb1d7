//! The address of the client behind trusted proxies: `X-Forwarded-For` as proxies write it, and `Forwarded` (RFC 7239).
//!
//! Both are lists to which each proxy appends, so they are read from the right, as far as the proxies are trusted. What stands
//! further left was written by strangers and is never looked at (catalogue H-05). Hosts and schemes in them are not read.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::http::HeaderMap;
use grantwell_core::time::Timestamp;

use crate::config::{ForwardingHeader, TrustedProxies};

/// How often one proxy is named in the log.
const SILENCE: Duration = Duration::from_mins(1);
/// So many proxies are told apart in the log.
const MOST_PROXIES: usize = 64;

/// Whose request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The client; where a header could not be read, the proxy that sent it.
    pub(crate) address: IpAddr,
    /// What could not be read.
    pub(crate) unreadable: Option<Unreadable>,
}

/// A header of a trusted proxy that does not say where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    /// Who sent it.
    pub(crate) proxy: IpAddr,
    /// Its name.
    pub(crate) header: &'static str,
    /// Why.
    pub(crate) defect: ForwardingDefect,
}

/// What is wrong with what a proxy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ForwardingDefect {
    /// Not an address, with or without a port.
    NotAnAddress,
    /// `unknown`, or a name that hides the address (RFC 7239 §6.2, §6.3).
    Hidden,
    /// Not the syntax of `Forwarded` (RFC 7239 §4).
    Malformed,
    /// An element of `Forwarded` without `for`.
    WithoutFor,
    /// No entry at all.
    Empty,
}

impl fmt::Display for ForwardingDefect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAnAddress => "its last entry is not an IP address",
            Self::Hidden => "its last entry hides the address",
            Self::Malformed => "it is not in the form of RFC 7239",
            Self::WithoutFor => "its last entry has no \"for\"",
            Self::Empty => "it is empty",
        })
    }
}

/// The right-most address that is not a trusted proxy's. What cannot be read ends the search at the last address that could.
pub(crate) fn caller(peer: IpAddr, headers: &HeaderMap, proxies: &TrustedProxies) -> Caller {
    let is_trusted = |address: &IpAddr| proxies.networks.iter().any(|net| net.contains(address));
    let mut address = peer.to_canonical();
    if !is_trusted(&address) {
        return Caller { address, unreadable: None };
    }
    let Some((header, hops)) = hops(headers, proxies.header) else {
        return Caller { address, unreadable: None };
    };
    let unreadable = |proxy, defect| Some(Unreadable { proxy, header, defect });
    if hops.is_empty() {
        return Caller { address, unreadable: unreadable(address, ForwardingDefect::Empty) };
    }
    for hop in hops {
        if !is_trusted(&address) {
            break;
        }
        match hop.read() {
            Ok(next) => address = next.to_canonical(),
            Err(defect) => return Caller { address, unreadable: unreadable(address, defect) },
        }
    }
    Caller { address, unreadable: None }
}

/// One entry of the list, not read yet: what strangers wrote stays unread.
enum Hop<'a> {
    Node(&'a [u8]),
    Element(&'a [u8]),
}

/// The entries of the header that is read, from the right; none where it did not come.
fn hops(headers: &HeaderMap, choice: ForwardingHeader) -> Option<(&'static str, Vec<Hop<'_>>)> {
    const X_FORWARDED_FOR: &str = "x-forwarded-for";
    const FORWARDED: &str = "forwarded";
    let name = match choice {
        ForwardingHeader::XForwardedFor => X_FORWARDED_FOR,
        ForwardingHeader::Either if headers.contains_key(X_FORWARDED_FOR) => X_FORWARDED_FOR,
        ForwardingHeader::Either | ForwardingHeader::Forwarded => FORWARDED,
    };
    if !headers.contains_key(name) {
        return None;
    }
    let lines: Vec<&[u8]> = headers.get_all(name).iter().map(|value| value.as_bytes()).collect();
    let is_filled = |entry: &&[u8]| !entry.trim_ascii().is_empty();
    let hops = if name == FORWARDED {
        let elements = lines.into_iter().rev().flat_map(|line| from_right(line, b','));
        elements.filter(is_filled).map(Hop::Element).collect()
    } else {
        let nodes = lines.into_iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b','));
        nodes.filter(is_filled).map(Hop::Node).collect()
    };
    Some((name, hops))
}

impl Hop<'_> {
    fn read(&self) -> Result<IpAddr, ForwardingDefect> {
        match self {
            Self::Node(bytes) => {
                let text = str::from_utf8(bytes).map_err(|_| ForwardingDefect::NotAnAddress)?.trim();
                node(text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text))
            }
            Self::Element(bytes) => element(bytes),
        }
    }
}

/// `for=192.0.2.60;proto=https;by=203.0.113.43` (RFC 7239 §4).
fn element(bytes: &[u8]) -> Result<IpAddr, ForwardingDefect> {
    let mut found = None;
    for pair in from_right(bytes, b';') {
        let pair = str::from_utf8(pair).map_err(|_| ForwardingDefect::Malformed)?.trim();
        if pair.is_empty() {
            continue;
        }
        let (name, value) = pair.split_once('=').ok_or(ForwardingDefect::Malformed)?;
        if !name.trim().eq_ignore_ascii_case("for") {
            continue;
        }
        if found.replace(value.trim()).is_some() {
            return Err(ForwardingDefect::Malformed);
        }
    }
    let value = found.ok_or(ForwardingDefect::WithoutFor)?;
    let Some(quoted) = value.strip_prefix('"') else { return node(value) };
    node(&unescaped(quoted.strip_suffix('"').ok_or(ForwardingDefect::Malformed)?))
}

/// What a quoted string says (RFC 9110 §5.6.4).
fn unescaped(text: &str) -> String {
    let mut escaped = false;
    text.chars()
        .filter(|c| {
            escaped = *c == '\\' && !escaped;
            !escaped
        })
        .collect()
}

/// The parts between separators that stand in no quoted string, from the right: a quote that a stranger left open further left
/// swallows nothing of what a proxy appended.
fn from_right(line: &[u8], separator: u8) -> Vec<&[u8]> {
    let (mut parts, mut rest, mut quoted) = (Vec::new(), line, false);
    for (at, byte) in line.iter().enumerate().rev() {
        let before = line.get(..at).unwrap_or_default();
        if *byte == b'"' {
            let slashes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
            if !quoted || slashes.is_multiple_of(2) {
                quoted = !quoted;
            }
        } else if *byte == separator && !quoted {
            parts.push(rest.get(at + 1..).unwrap_or_default());
            rest = before;
        }
    }
    parts.push(rest);
    parts
}

/// An address as proxies write it: bare, in brackets, with a port, with a zone.
fn node(text: &str) -> Result<IpAddr, ForwardingDefect> {
    let wrong = ForwardingDefect::NotAnAddress;
    if let Some(rest) = text.strip_prefix('[') {
        let (host, port) = rest.split_once(']').ok_or(wrong)?;
        let address = ipv6(host).ok_or(wrong)?;
        let is_whole = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return if is_whole { Ok(address) } else { Err(wrong) };
    }
    if let Some(address) = ipv6(text) {
        return Ok(address);
    }
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    if !port.is_none_or(is_port) {
        return Err(wrong);
    }
    if host.eq_ignore_ascii_case("unknown") || is_obfuscated(host) {
        return Err(ForwardingDefect::Hidden);
    }
    host.parse::<Ipv4Addr>().map(IpAddr::V4).map_err(|_| wrong)
}

fn ipv6(text: &str) -> Option<IpAddr> {
    let address = text.split_once('%').map_or(text, |(address, _zone)| address);
    address.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok() || is_obfuscated(text)
}

fn is_obfuscated(text: &str) -> bool {
    text.strip_prefix('_').is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    })
}

/// When the log last named each proxy that cannot be read.
#[derive(Debug, Default)]
pub(crate) struct UnreadableProxies(Mutex<BTreeMap<IpAddr, Timestamp>>);

impl UnreadableProxies {
    /// Says in the log what could not be read, once a minute for each proxy. The value stays out of it.
    pub(crate) fn say(&self, unreadable: &Unreadable, now: Timestamp) {
        if self.is_due(unreadable.proxy, now) {
            tracing::warn!(
                proxy = %unreadable.proxy,
                header = unreadable.header,
                "the address of the client cannot be read from this proxy: {}; the request counts as the proxy's",
                unreadable.defect
            );
        }
    }

    fn is_due(&self, proxy: IpAddr, now: Timestamp) -> bool {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.retain(|_, at| *at + SILENCE > now && *at <= now);
        if said.len() >= MOST_PROXIES || said.contains_key(&proxy) {
            return false;
        }
        said.insert(proxy, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(trusted: &[&str], header: ForwardingHeader) -> TrustedProxies {
        TrustedProxies { networks: trusted.iter().map(|net| net.parse().unwrap()).collect(), header }
    }

    fn seen(peer: &str, sent: &[(&'static str, &[u8])], proxies: &TrustedProxies) -> Caller {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(*name, axum::http::HeaderValue::from_bytes(value).unwrap());
        }
        caller(peer.parse().unwrap(), &headers, proxies)
    }

    fn address(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let sent: Vec<_> = forwarded.iter().map(|value| ("x-forwarded-for", value.as_bytes())).collect();
        seen(peer, &sent, &proxies(trusted, ForwardingHeader::Either)).address.to_string()
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
        // A listener for both families sees IPv4 in the form of IPv6.
        assert_eq!(address("::ffff:10.0.0.1", &["::ffff:198.51.100.1"], &["10.0.0.0/8"]), "198.51.100.1");
        let many = vec!["198.51.100.7"; 1000].join(",");
        assert_eq!(address("10.0.0.1", &[&many], &["10.0.0.0/8"]), "198.51.100.7");
    }

    #[test]
    fn an_address_is_read_in_every_form_that_proxies_write() {
        for (sent, shown) in [
            ("203.0.113.7", "203.0.113.7"),
            ("203.0.113.7:51234", "203.0.113.7"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("[2001:db8::7]:443", "2001:db8::7"),
            ("\"[2001:db8::7]:443\"", "2001:db8::7"),
            ("fe80::7%eth0", "fe80::7"),
            ("[fe80::7%25eth0]:443", "fe80::7"),
            ("[::ffff:203.0.113.7]:443", "203.0.113.7"),
            ("203.0.113.7,", "203.0.113.7"),
            ("203.0.113.7 , ,\t", "203.0.113.7"),
            ("unknown, 203.0.113.7", "203.0.113.7"),
            ("203.0.113.7:51234, 10.0.0.2:4711", "203.0.113.7"),
        ] {
            assert_eq!(address("10.0.0.1", &[sent], &["10.0.0.0/8"]), shown, "{sent}");
        }
        // What a stranger wrote that is no text hides nothing that a proxy wrote behind it.
        let trusted = proxies(&["10.0.0.0/8"], ForwardingHeader::Either);
        let caller = seen("10.0.0.1", &[("x-forwarded-for", b"\xff\xfe, 203.0.113.7")], &trusted);
        assert_eq!((caller.address.to_string().as_str(), caller.unreadable), ("203.0.113.7", None));
    }

    #[test]
    fn what_cannot_be_read_names_the_proxy_that_sent_it() {
        use ForwardingDefect::{Empty, Hidden, Malformed, NotAnAddress, WithoutFor};
        let trusted = proxies(&["10.0.0.0/8"], ForwardingHeader::Either);
        for (header, sent, proxy, defect) in [
            ("x-forwarded-for", &b"nonsense"[..], "10.0.0.1", NotAnAddress),
            ("x-forwarded-for", b"203.0.113.7, nonsense, 10.0.0.2", "10.0.0.2", NotAnAddress),
            ("x-forwarded-for", b"203.0.113.7:99999", "10.0.0.1", NotAnAddress),
            ("x-forwarded-for", b"203.0.113.7:", "10.0.0.1", NotAnAddress),
            ("x-forwarded-for", b"[203.0.113.7]", "10.0.0.1", NotAnAddress),
            ("x-forwarded-for", b"[2001:db8::7", "10.0.0.1", NotAnAddress),
            ("x-forwarded-for", b"[2001:db8::7]443", "10.0.0.1", NotAnAddress),
            ("x-forwarded-for", b"0x7f.1", "10.0.0.1", NotAnAddress),
            ("x-forwarded-for", b"\xff", "10.0.0.1", NotAnAddress),
            ("x-forwarded-for", b"unknown", "10.0.0.1", Hidden),
            ("x-forwarded-for", b" , ,", "10.0.0.1", Empty),
            ("forwarded", b"for=unknown", "10.0.0.1", Hidden),
            ("forwarded", b"for=_hidden:_port", "10.0.0.1", Hidden),
            ("forwarded", b"for=203.0.113.7, proto=https", "10.0.0.1", WithoutFor),
            ("forwarded", b"for=203.0.113.7;For=203.0.113.8", "10.0.0.1", Malformed),
            ("forwarded", b"for=\"203.0.113.7", "10.0.0.1", Malformed),
            ("forwarded", b"203.0.113.7", "10.0.0.1", Malformed),
            ("forwarded", b"for=\"\"", "10.0.0.1", NotAnAddress),
        ] {
            let proxy: IpAddr = proxy.parse().unwrap();
            let unreadable = Some(Unreadable { proxy, header, defect });
            let shown = String::from_utf8_lossy(sent);
            assert_eq!(
                seen("10.0.0.1", &[(header, sent)], &trusted),
                Caller { address: proxy, unreadable },
                "{shown}"
            );
            // The same from a stranger is nobody's mistake.
            assert_eq!(seen("203.0.113.9", &[(header, sent)], &trusted).unreadable, None, "{shown}");
        }
        assert_eq!(seen("10.0.0.1", &[], &trusted).unreadable, None, "a proxy that sends nothing");
    }

    #[test]
    fn the_standard_header_is_read_from_the_right() {
        let trusted = proxies(&["10.0.0.0/8"], ForwardingHeader::Either);
        for (sent, shown) in [
            ("for=203.0.113.7", "203.0.113.7"),
            ("For=\"203.0.113.7:4711\"", "203.0.113.7"),
            ("for=203.0.113.7:4711", "203.0.113.7"),
            ("for=\"[2001:db8::7]\"", "2001:db8::7"),
            ("for=\"[2001:db8::7]:_port\"", "2001:db8::7"),
            ("for=[2001:db8::7]", "2001:db8::7"),
            ("for=\"\\203.0.113.7\"", "203.0.113.7"),
            ("proto=https;by=10.0.0.1;for=203.0.113.7;host=\"a;b,c\"", "203.0.113.7"),
            ("for=1.2.3.4, for=203.0.113.7;proto=https, for=10.0.0.2,", "203.0.113.7"),
            // A stranger's open quotes and escapes.
            ("for=\"1.2.3.4, for=\"[2001:db8::7]\"", "2001:db8::7"),
            ("for=\"1.2.3.4\\\", for=203.0.113.7", "203.0.113.7"),
            ("for=\"a\\\"b, for=1.2.3.4\", for=203.0.113.7", "203.0.113.7"),
        ] {
            let caller = seen("10.0.0.1", &[("forwarded", sent.as_bytes())], &trusted);
            assert_eq!((caller.address.to_string().as_str(), caller.unreadable), (shown, None), "{sent}");
            assert_eq!(
                seen("203.0.113.9", &[("forwarded", sent.as_bytes())], &trusted).address.to_string(),
                "203.0.113.9"
            );
        }
    }

    #[test]
    fn h_05_of_two_headers_the_one_that_the_proxy_sets_is_read() {
        let sent = [("x-forwarded-for", &b"203.0.113.7"[..]), ("forwarded", b"for=198.51.100.7")];
        for (header, sent, shown) in [
            (ForwardingHeader::Either, &sent[..], "203.0.113.7"),
            (ForwardingHeader::Either, &sent[1..], "198.51.100.7"),
            (ForwardingHeader::XForwardedFor, &sent[..], "203.0.113.7"),
            (ForwardingHeader::XForwardedFor, &sent[1..], "10.0.0.1"),
            (ForwardingHeader::Forwarded, &sent[..], "198.51.100.7"),
            (ForwardingHeader::Forwarded, &sent[..1], "10.0.0.1"),
        ] {
            let caller = seen("10.0.0.1", sent, &proxies(&["10.0.0.0/8"], header));
            assert_eq!((caller.address.to_string().as_str(), caller.unreadable), (shown, None), "{header:?}");
        }
    }

    #[test]
    fn a_proxy_is_named_once_a_minute() {
        let said = UnreadableProxies::default();
        let (one, other) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let at = Timestamp::from_seconds;
        let asked = [(one, 1000), (one, 1059), (other, 1059), (one, 1060), (other, 1060), (one, 900)];
        let due: Vec<bool> = asked.iter().map(|(proxy, seconds)| said.is_due(*proxy, at(*seconds))).collect();
        assert_eq!(due, [true, false, true, true, false, true]);
    }
}
