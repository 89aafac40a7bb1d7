//! Redirect URIs: which may be registered, and which request matches which registered one (RFC 6749 §3.1.2,
//! RFC 9700 §2.1 and §4.1.3, OAuth 2.1 §2.3.1 and §8.4.2, RFC 8252 §7 and §8.3).
//!
//! A request matches when it equals a registered URI byte for byte. Nothing is decoded, normalised or parsed to find out.
//! The one exception is the port of a loopback redirect of a native client (RFC 8252 §7.3). What could make two readers
//! of one URI disagree is refused when it is registered, so that no request can bring it.

use std::fmt;

use percent_encoding::percent_decode_str;
use url::{Host, Url};

use crate::{client::ApplicationType, nearest};

/// The longest URI that may be registered.
pub const LONGEST: usize = 2048;

/// The hosts that name the person's own machine (RFC 8252 §7.3, §8.3), as they stand in a URI.
const LOOPBACK: &[&str] = &["127.0.0.1", "[::1]", "localhost"];

/// Schemes that make a browser run or open something instead of going somewhere.
const DANGEROUS: &[&str] = &[
    "javascript",
    "data",
    "vbscript",
    "file",
    "blob",
    "filesystem",
    "about",
    "view-source",
    "intent",
    "ws",
    "wss",
    "ftp",
    "mailto",
];

/// Parameters of the response (RFC 6749 §4.1.2, RFC 9207, RFC 9101, session management): in a registered query they would
/// make the answer ambiguous.
const RESPONSE_PARAMETERS: &[&str] = &[
    "code",
    "state",
    "iss",
    "error",
    "error_description",
    "error_uri",
    "response",
    "access_token",
    "id_token",
    "session_state",
];

/// Why a URI may not be registered. One variant per rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedirectUriError {
    /// Longer than [`LONGEST`].
    TooLong,
    /// A character that RFC 3986 §2 does not have, white space and controls among them.
    Character,
    /// No scheme, or not a URI at all (RFC 6749 §3.1.2).
    NotAbsolute,
    /// A fragment, even an empty one (RFC 6749 §3.1.2).
    Fragment,
    /// A name or password before the host.
    UserInfo,
    /// A host that two readers could read differently: a wildcard, an encoded character, an unusual number, a false
    /// internationalised name.
    Host,
    /// `.` and `..` in the path, encoded or not, an encoded slash, backslash or control character.
    Path,
    /// A wildcard at the end of the path.
    Wildcard,
    /// `http` to another machine (OAuth 2.1 §2.3.1).
    PlainHttp,
    /// A scheme that runs something.
    DangerousScheme,
    /// A private-use scheme that is not a reversed domain name (RFC 8252 §7.1).
    SchemeWithoutDot,
    /// A private-use scheme of a client that is not native.
    SchemeOfNative,
    /// A response parameter in the query.
    ResponseParameter(&'static str),
}

impl fmt::Display for RedirectUriError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "is longer than {LONGEST} characters"),
            Self::Character => f.write_str("holds a character that no URI may hold"),
            Self::NotAbsolute => f.write_str("is not an absolute URI"),
            Self::Fragment => f.write_str("may not have a fragment (#)"),
            Self::UserInfo => f.write_str("may not hold a name or password before the host (@)"),
            Self::Host => f.write_str("has a host that is not a plain ASCII domain name or address"),
            Self::Path => f.write_str("may not have dot segments or encoded slashes in its path"),
            Self::Wildcard => f.write_str("may not hold a wildcard: URIs match exactly"),
            Self::PlainHttp => f.write_str("must use https; http is for 127.0.0.1, [::1] and localhost only"),
            Self::DangerousScheme => f.write_str("has a scheme that is never allowed"),
            Self::SchemeWithoutDot => f.write_str(
                "has a private-use scheme that is not a reversed domain name such as com.example.app",
            ),
            Self::SchemeOfNative => {
                f.write_str("has a private-use scheme, which only application_type \"native\" may have")
            }
            Self::ResponseParameter(name) => {
                write!(f, "may not have the parameter \"{name}\", which the response itself carries")
            }
        }
    }
}

impl std::error::Error for RedirectUriError {}

/// Whether `uri` may be registered as a redirect URI of a client of that type.
pub fn check_registered(uri: &str, application_type: ApplicationType) -> Result<(), RedirectUriError> {
    let url = check_uri(uri)?;
    match url.scheme() {
        "https" | "http" => check_web(uri, &url)?,
        scheme if !scheme.contains('.') => return Err(RedirectUriError::SchemeWithoutDot),
        _ if application_type != ApplicationType::Native => return Err(RedirectUriError::SchemeOfNative),
        // RFC 8252 §7.1: no naming authority, one slash.
        _ if after_scheme(uri).starts_with("//") || !after_scheme(uri).starts_with('/') => {
            return Err(RedirectUriError::Host);
        }
        _ => {}
    }
    let taken = |name: &&&str| url.query_pairs().any(|(key, _)| key.eq_ignore_ascii_case(name));
    match RESPONSE_PARAMETERS.iter().find(taken) {
        Some(name) => Err(RedirectUriError::ResponseParameter(name)),
        None => Ok(()),
    }
}

/// Whether `uri` may stand in metadata as a page or picture: `https`, or `http` on loopback.
pub fn check_page(uri: &str) -> Result<(), RedirectUriError> {
    let url = check_uri(uri)?;
    match url.scheme() {
        "https" | "http" => check_web(uri, &url),
        _ => Err(RedirectUriError::PlainHttp),
    }
}

/// Whether `uri` may name a resource (RFC 8707 §2): absolute, without a fragment. It is compared, never fetched.
pub fn check_identifier(uri: &str) -> Result<(), RedirectUriError> {
    check_uri(uri).map(|_| ())
}

/// The registered URI that `requested` matches: the same bytes, or for a native client the same loopback URI on another
/// port.
pub fn find_match<'a>(
    requested: &str,
    registered: &'a [String],
    application_type: ApplicationType,
) -> Option<&'a str> {
    let exact = registered.iter().find(|uri| uri.as_str() == requested);
    exact
        .or_else(|| {
            let wanted = Loopback::read(requested).filter(|_| application_type == ApplicationType::Native)?;
            registered.iter().find(|uri| Loopback::read(uri).is_some_and(|uri| uri == wanted))
        })
        .map(String::as_str)
}

/// A loopback redirect (RFC 8252 §7.3) without its port.
#[derive(PartialEq, Eq)]
struct Loopback<'a> {
    host: &'a str,
    rest: &'a str,
}

impl<'a> Loopback<'a> {
    /// Reads literally: `http://`, one of the three hosts, perhaps a port from 1 to 65535, then a path, a query or the end.
    fn read(uri: &'a str) -> Option<Self> {
        let after = uri.strip_prefix("http://")?;
        let (host, after) = LOOPBACK.iter().find_map(|host| Some((*host, after.strip_prefix(host)?)))?;
        let rest = match after.strip_prefix(':') {
            None => after,
            Some(port_on) => {
                let digits = port_on.bytes().take_while(u8::is_ascii_digit).count();
                let (port, rest) = port_on.split_at_checked(digits)?;
                // No leading zero: one port, one spelling. `u16` bounds it above.
                (!port.starts_with('0') && port.parse::<u16>().is_ok()).then_some(rest)?
            }
        };
        (rest.is_empty() || rest.starts_with(['/', '?'])).then_some(Self { host, rest })
    }
}

/// Whether `uri` is `http` on the person's own machine, whatever the port.
pub fn is_loopback(uri: &str) -> bool {
    Loopback::read(uri).is_some()
}

/// The origin of an `https` or `http` URI as a browser sends it in `Origin`; `None` for a private-use scheme.
pub fn origin_of(uri: &str) -> Option<String> {
    let url = Url::parse(uri).ok().filter(|url| matches!(url.scheme(), "https" | "http"))?;
    Some(url.origin().ascii_serialization())
}

/// Where a person will be sent, in the fewest characters that say so: host and unusual port, or the private-use scheme.
pub fn host_for_display(uri: &str) -> String {
    match Url::parse(uri) {
        Ok(url) => match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => url.scheme().to_owned(),
        },
        Err(_) => String::new(),
    }
}

/// What every URI from outside must be before anything else is asked of it.
fn check_uri(uri: &str) -> Result<Url, RedirectUriError> {
    if uri.len() > LONGEST {
        return Err(RedirectUriError::TooLong);
    }
    // Before the scheme, so that `\tjavascript:` and the like never reach a parser that forgives them.
    if !uri.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b)) {
        return Err(RedirectUriError::Character);
    }
    let scheme = uri.split_once(':').map_or("", |(scheme, _)| scheme);
    let valid = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    if !valid {
        return Err(RedirectUriError::NotAbsolute);
    }
    if DANGEROUS.iter().any(|name| scheme.eq_ignore_ascii_case(name)) {
        return Err(RedirectUriError::DangerousScheme);
    }
    if uri.contains('#') {
        return Err(RedirectUriError::Fragment);
    }
    if authority(uri).contains('@') {
        return Err(RedirectUriError::UserInfo);
    }
    if authority(uri).contains('*') || path(uri).ends_with('*') {
        return Err(RedirectUriError::Wildcard);
    }
    let url = Url::parse(uri).map_err(|_| {
        if authority(uri).is_empty() { RedirectUriError::NotAbsolute } else { RedirectUriError::Host }
    })?;
    check_path(uri)?;
    Ok(url)
}

/// The rules for `https` and `http`.
fn check_web(uri: &str, url: &Url) -> Result<(), RedirectUriError> {
    if !after_scheme(uri).starts_with("//") || authority(uri).is_empty() {
        return Err(RedirectUriError::NotAbsolute);
    }
    // A host that the parser had to change to understand it (127.1, 2130706433, 0x7f.1, %72p.example) is not a plain one.
    let written = authority(uri);
    let host = url.host_str().unwrap_or_default();
    let same = written.get(..host.len()).is_some_and(|text| text.eq_ignore_ascii_case(host));
    let port = written.get(host.len()..).unwrap_or_default();
    let port_is_one = match port.strip_prefix(':') {
        None => port.is_empty(),
        Some(digits) => !digits.starts_with('0') && digits.parse::<u16>().is_ok(),
    };
    let mapped = matches!(url.host(), Some(Host::Ipv6(address)) if address.to_ipv4_mapped().is_some());
    if !same || !port_is_one || mapped || host.ends_with('.') {
        return Err(RedirectUriError::Host);
    }
    if url.scheme() == "http" && !is_loopback(uri) {
        return Err(RedirectUriError::PlainHttp);
    }
    Ok(())
}

/// Dot segments and what decodes to them, once or twice encoded: a server behind the host would leave the path.
fn check_path(uri: &str) -> Result<(), RedirectUriError> {
    let mut path = path(uri).to_owned();
    if path.starts_with("//") {
        return Err(RedirectUriError::Path);
    }
    for round in 0..4 {
        let bad = path.split('/').any(|segment| {
            let name = segment.split(';').next().unwrap_or_default();
            name == "." || name == ".."
        });
        let leaves = path.bytes().any(|b| b == b'\\' || b.is_ascii_control());
        if bad || leaves {
            return Err(RedirectUriError::Path);
        }
        let lower = path.to_ascii_lowercase();
        if lower.contains("%2f") || lower.contains("%5c") || (round > 0 && path.contains('%')) {
            return Err(RedirectUriError::Path);
        }
        let decoded =
            percent_decode_str(&path).decode_utf8().map_err(|_| RedirectUriError::Path)?.into_owned();
        if decoded == path {
            return if round == 0 && path.contains('%') { Err(RedirectUriError::Path) } else { Ok(()) };
        }
        path = decoded;
    }
    Err(RedirectUriError::Path)
}

fn after_scheme(uri: &str) -> &str {
    uri.split_once(':').map_or("", |(_, rest)| rest)
}

/// What stands between `//` and the next `/`, `?` or the end, as it is written.
fn authority(uri: &str) -> &str {
    let rest = after_scheme(uri).strip_prefix("//").unwrap_or_default();
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// The path as it is written.
fn path(uri: &str) -> &str {
    let rest = after_scheme(uri);
    let path_on = match rest.strip_prefix("//") {
        Some(rest) => rest.find(['/', '?', '#']).and_then(|at| rest.get(at..)).unwrap_or_default(),
        None => rest,
    };
    path_on.split(['?', '#']).next().unwrap_or_default()
}

/// A stretch of a URI that is the same in both, or is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The characters.
    pub text: String,
    /// Whether they differ.
    pub differs: bool,
}

/// How a received URI differs from the nearest registered one: for the error page that a developer sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The received URI in segments; what differs is missing or other in the registered one.
    pub received: Vec<Segment>,
    /// The nearest registered URI in segments; what differs is missing or other in the received one.
    pub registered: Vec<Segment>,
}

/// Compares `received` with the nearest of `registered`; `None` when nothing is registered.
pub fn difference(received: &str, registered: &[String]) -> Option<Difference> {
    let received: String = received.chars().take(LONGEST).collect();
    let nearest = registered.iter().min_by_key(|uri| nearest::distance(&received, uri))?;
    let (a, b): (Vec<char>, Vec<char>) = (received.chars().collect(), nearest.chars().collect());
    // Lengths of the longest common subsequence of every two tails.
    let mut tails = vec![vec![0_u16; b.len() + 1]];
    for x in a.iter().rev() {
        let below = tails.last().cloned().unwrap_or_default();
        let mut row = vec![0_u16; b.len() + 1];
        for (column, y) in b.iter().enumerate().rev() {
            let at = |line: &[u16], column: usize| line.get(column).copied().unwrap_or(0);
            let best = if x == y {
                at(&below, column + 1) + 1
            } else {
                at(&below, column).max(at(&row, column + 1))
            };
            if let Some(cell) = row.get_mut(column) {
                *cell = best;
            }
        }
        tails.push(row);
    }
    tails.reverse();
    let length = |i: usize, j: usize| tails.get(i).and_then(|row| row.get(j)).copied().unwrap_or(0);
    let mut out = Difference { received: Vec::new(), registered: Vec::new() };
    let (mut i, mut j) = (0, 0);
    loop {
        match (a.get(i), b.get(j)) {
            (Some(x), Some(y)) if x == y => {
                push(&mut out.received, *x, false);
                push(&mut out.registered, *y, false);
                (i, j) = (i + 1, j + 1);
            }
            (Some(x), y) if y.is_none() || length(i + 1, j) >= length(i, j + 1) => {
                push(&mut out.received, *x, true);
                i += 1;
            }
            (_, Some(y)) => {
                push(&mut out.registered, *y, true);
                j += 1;
            }
            (_, None) => return Some(out),
        }
    }
}

fn push(segments: &mut Vec<Segment>, character: char, differs: bool) {
    match segments.last_mut() {
        Some(last) if last.differs == differs => last.text.push(character),
        _ => segments.push(Segment { text: character.to_string(), differs }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ApplicationType::{Native, Web};

    const WEB: &str = "https://rp.example/cb";

    fn web(requested: &str) -> bool {
        find_match(requested, &[WEB.to_owned()], Web).is_some()
    }

    fn nat(requested: &str) -> bool {
        let registered = ["http://127.0.0.1/cb", "http://[::1]/cb", "com.example.app:/cb"];
        find_match(requested, &registered.map(str::to_owned), Native).is_some()
    }

    fn refused(uri: &str) -> RedirectUriError {
        let web = check_registered(uri, Web).expect_err(uri);
        check_registered(uri, Native).expect_err(uri);
        web
    }

    #[test]
    fn registered_forms_are_accepted() {
        for uri in [
            WEB,
            "https://rp.example",
            "https://rp.example:8443/cb?a=b",
            "https://xn--bcher-kva.example/cb",
            "http://127.0.0.1:5173/cb",
            "http://localhost/cb",
            "http://[::1]:9/cb",
            "https://rp.example/a%20b",
        ] {
            assert_eq!(check_registered(uri, Web), Ok(()), "{uri}");
            assert_eq!(check_registered(uri, Native), Ok(()), "{uri}");
        }
    }

    #[test]
    fn r_01_an_unregistered_uri_does_not_match() {
        assert!(web(WEB));
        assert!(!web("https://other.example/cb"));
        assert!(!web(""));
        assert!(find_match(WEB, &[], Web).is_none());
        assert!(find_match(WEB, &[], Native).is_none());
    }

    #[test]
    fn r_03_prefix_and_suffix_are_refused() {
        for uri in [
            "https://rp.example/cb/x",
            "https://rp.example/cbx",
            "https://rp.example.evil.com/cb",
            "https://evil.com/https://rp.example/cb",
            "https://rp.example/c",
        ] {
            assert!(!web(uri), "{uri}");
        }
        for uri in [
            "http://127.0.0.1:9/cb/x",
            "http://127.0.0.1:9/cbx",
            "http://127.0.0.1:9/c",
            "com.example.app:/cb/x",
        ] {
            assert!(!nat(uri), "{uri}");
        }
    }

    #[test]
    fn r_04_any_change_of_the_query_is_refused() {
        let registered =
            ["https://rp.example/cb?a=1&b=2".to_owned(), "http://127.0.0.1/cb?a=1&b=2".to_owned()];
        for base in ["https://rp.example/cb", "http://127.0.0.1:9/cb"] {
            for query in ["", "?", "?b=2&a=1", "?a=1", "?a=1&b=2&c=3", "?a=1&b=3", "?a=1&b=2&"] {
                assert!(
                    find_match(&format!("{base}{query}"), &registered, Native).is_none(),
                    "{base}{query}"
                );
            }
            assert!(find_match(&format!("{base}?a=1&b=2"), &registered, Native).is_some());
        }
        assert!(!web("https://rp.example/cb?x"));
    }

    #[test]
    fn r_05_equivalent_forms_are_refused() {
        for uri in [
            "HTTPS://rp.example/cb",
            "https://RP.example/cb",
            "https://rp.example/CB",
            "https://rp.example:443/cb",
            "https://rp.example/cb/",
            "https://rp.example//cb",
            "https://rp.example/%63b",
            "https://rp.example/./cb",
        ] {
            assert!(!web(uri), "{uri}");
        }
        assert!(!nat("HTTP://127.0.0.1:9/cb"));
        assert!(!nat("http://127.0.0.1:9/%63b"));
        assert!(!nat("com.example.App:/cb"));
    }

    #[test]
    fn r_06_userinfo_is_refused() {
        for uri in [
            "https://rp.example@evil.com/cb",
            "https://rp.example:80@evil.com/cb",
            "https://a@b@evil.com/cb",
            "http://127.0.0.1:80@evil.com/cb",
            "http://127.0.0.1@evil.com/cb",
            "https://@rp.example/cb",
        ] {
            assert!(!web(uri) && !nat(uri), "{uri}");
            assert_eq!(refused(uri), RedirectUriError::UserInfo, "{uri}");
        }
    }

    #[test]
    fn r_07_traversal_is_refused() {
        for path in [
            "/cb/../x",
            "/cb/..;/x",
            "/cb/%2e%2e/x",
            "/cb/..%2fx",
            "/cb/%252e%252e%252fx",
            "/./cb",
            "/cb/..",
            "/cb/%5c..",
            "//cb",
            "/cb/%00",
            "/cb/%zz",
            "/cb/%2",
        ] {
            let uri = format!("https://rp.example{path}");
            assert!(!web(&uri), "{uri}");
            assert_eq!(refused(&uri), RedirectUriError::Path, "{uri}");
            assert!(!nat(&format!("http://127.0.0.1:9{path}")), "{path}");
        }
    }

    #[test]
    fn r_08_backslashes_and_controls_are_refused() {
        for uri in [
            "https://rp.example\\@evil.com/cb",
            " https://rp.example/cb",
            "\thttps://rp.example/cb",
            "https://rp.example/cb\r\nX: y",
            "https://rp.example/cb\0",
            "https://rp.example/cb\u{2028}",
            "https://rp.example/cb ",
            "https://rp.example/cb\u{feff}",
        ] {
            assert!(!web(uri), "{uri:?}");
            assert_eq!(refused(uri), RedirectUriError::Character, "{uri:?}");
        }
        assert!(!web("https://rp.example/cb%0d%0aX: y"));
        assert_eq!(refused("https://rp.example/cb%0d%0aX"), RedirectUriError::Path);
    }

    #[test]
    fn r_09_fragments_are_refused() {
        for uri in ["https://rp.example/cb#x", "https://rp.example/cb#", "com.example.app:/cb#"] {
            assert!(!web(uri) && !nat(uri), "{uri}");
            assert_eq!(refused(uri), RedirectUriError::Fragment, "{uri}");
        }
        assert_eq!(check_identifier("https://api.example/#x"), Err(RedirectUriError::Fragment));
    }

    #[test]
    fn r_10_false_internationalised_names_are_refused() {
        for uri in
            ["https://r\u{440}.example/cb", "https://xn--r-zub.example/cb", "https://xn--rp-.example/cb"]
        {
            assert!(!web(uri), "{uri}");
        }
        assert_eq!(refused("https://r\u{440}.example/cb"), RedirectUriError::Character);
        assert_eq!(refused("https://xn--rp-.example/cb"), RedirectUriError::Host);
        assert_eq!(refused("https://%72p.example/cb"), RedirectUriError::Host);
    }

    #[test]
    fn r_11_a_native_loopback_matches_on_any_port() {
        for port in ["1", "80", "9", "49152", "65535"] {
            assert!(nat(&format!("http://127.0.0.1:{port}/cb")), "{port}");
            assert!(nat(&format!("http://[::1]:{port}/cb")), "{port}");
        }
        assert!(nat("http://127.0.0.1/cb"));
        let with_port = ["http://127.0.0.1:7777/cb".to_owned()];
        assert!(find_match("http://127.0.0.1:8/cb", &with_port, Native).is_some());
        assert!(find_match("http://127.0.0.1/cb", &with_port, Native).is_some());
        for port in ["0", "65536", "abc", "", "-1", "+1", "080", "1 ", "99999999999999999999"] {
            assert!(!nat(&format!("http://127.0.0.1:{port}/cb")), "{port:?}");
        }
        assert!(!nat("http://127.0.0.1:9/other"));
        assert!(!nat("http://127.0.0.1:9/cb?x=1"));
    }

    #[test]
    fn r_12_the_loopback_rule_does_not_widen() {
        for uri in [
            "https://127.0.0.1:9/cb",
            "http://127.0.0.2:9/cb",
            "http://127.1:9/cb",
            "http://2130706433:9/cb",
            "http://0.0.0.0:9/cb",
            "http://[::ffff:127.0.0.1]:9/cb",
            "http://[0:0:0:0:0:0:0:1]:9/cb",
        ] {
            assert!(!nat(uri), "{uri}");
        }
        let registered = ["http://127.0.0.1/cb".to_owned()];
        assert!(find_match("http://127.0.0.1:9/cb", &registered, Web).is_none());
        for uri in ["http://127.0.0.2:9/cb", "http://0.0.0.0:9/cb"] {
            assert_eq!(refused(uri), RedirectUriError::PlainHttp, "{uri}");
        }
        for uri in [
            "http://127.1:9/cb",
            "http://2130706433:9/cb",
            "https://127.1/cb",
            "http://[::ffff:127.0.0.1]:9/cb",
        ] {
            assert_eq!(refused(uri), RedirectUriError::Host, "{uri}");
        }
    }

    #[test]
    fn r_13_loopback_hosts_are_not_interchangeable() {
        for uri in [
            "http://localhost:9/cb",
            "http://localhost/cb",
            "http://localhost.evil.com/cb",
            "http://127.0.0.1.nip.io/cb",
            "http://localhost.:9/cb",
        ] {
            assert!(!nat(uri), "{uri}");
        }
        let localhost = ["http://localhost/cb".to_owned()];
        assert!(find_match("http://localhost:9/cb", &localhost, Native).is_some());
        for uri in ["http://127.0.0.1:9/cb", "http://[::1]:9/cb"] {
            assert!(find_match(uri, &localhost, Native).is_none(), "{uri}");
        }
        for uri in ["http://localhost.evil.com/cb", "http://127.0.0.1.nip.io/cb"] {
            assert_eq!(refused(uri), RedirectUriError::PlainHttp, "{uri}");
        }
    }

    #[test]
    fn r_14_schemes_that_run_something_are_refused() {
        for uri in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "blob:https://rp.example/x",
            "javascript://rp.example/%0aalert(1)",
        ] {
            assert_eq!(refused(uri), RedirectUriError::DangerousScheme, "{uri}");
            assert_eq!(check_page(uri), Err(RedirectUriError::DangerousScheme), "{uri}");
            assert_eq!(check_identifier(uri), Err(RedirectUriError::DangerousScheme), "{uri}");
            assert!(!web(uri) && !nat(uri), "{uri}");
        }
        assert_eq!(refused("\tjavascript:alert(1)"), RedirectUriError::Character);
        assert_eq!(check_page("com.example.app:/x"), Err(RedirectUriError::PlainHttp));
    }

    #[test]
    fn r_15_private_use_schemes_need_a_dot_and_a_native_client() {
        assert_eq!(refused("myapp:/cb"), RedirectUriError::SchemeWithoutDot);
        assert_eq!(check_registered("com.example.app:/cb", Native), Ok(()));
        assert_eq!(check_registered("com.example.app:/cb", Web), Err(RedirectUriError::SchemeOfNative));
        assert_eq!(check_registered("com.example.app://host/cb", Native), Err(RedirectUriError::Host));
        assert_eq!(check_registered("com.example.app:cb", Native), Err(RedirectUriError::Host));
    }

    #[test]
    fn r_16_plain_http_and_patterns_are_refused() {
        assert_eq!(refused("http://rp.example/cb"), RedirectUriError::PlainHttp);
        assert_eq!(refused("https://*.rp.example/cb"), RedirectUriError::Wildcard);
        assert_eq!(refused("https://rp.example/*"), RedirectUriError::Wildcard);
        assert!(
            find_match("https://aXrp.example/cb", &["https://a.rp.example/cb".to_owned()], Native).is_none()
        );
        assert!(
            find_match("https://rp.example/abc", &["https://rp.example/.*".to_owned()], Native).is_none()
        );
        for uri in [
            "",
            "rp.example/cb",
            "/cb",
            "//rp.example/cb",
            "https:rp.example/cb",
            "https:///cb",
            "https:",
            "1a:/cb",
        ] {
            assert_eq!(refused(uri), RedirectUriError::NotAbsolute, "{uri}");
        }
        assert_eq!(
            refused(&format!("https://rp.example/{}", "a".repeat(LONGEST))),
            RedirectUriError::TooLong
        );
    }

    #[test]
    fn r_17_response_parameters_may_not_be_registered() {
        for name in ["code", "state", "iss", "error", "response", "CODE", "%63ode"] {
            for uri in [format!("https://rp.example/cb?a=b&{name}=x"), format!("http://127.0.0.1/cb?{name}")]
            {
                assert!(matches!(refused(&uri), RedirectUriError::ResponseParameter(_)), "{uri}");
                assert!(!web(&uri), "{uri}");
            }
        }
        assert_eq!(check_registered("https://rp.example/cb?coder=x&a=code", Web), Ok(()));
    }

    #[test]
    fn origins_and_hosts_are_what_a_browser_says() {
        assert_eq!(origin_of("https://RP.example:443/cb").as_deref(), Some("https://rp.example"));
        assert_eq!(origin_of("http://127.0.0.1:5173/cb").as_deref(), Some("http://127.0.0.1:5173"));
        assert_eq!(origin_of("com.example.app:/cb"), None);
        assert_eq!(host_for_display("https://rp.example/cb?x"), "rp.example");
        assert_eq!(host_for_display("http://[::1]:9/cb"), "[::1]:9");
        assert_eq!(host_for_display("com.example.app:/cb"), "com.example.app");
    }

    #[test]
    fn the_difference_to_the_nearest_is_marked() {
        let registered = ["https://other.example/callback".to_owned(), WEB.to_owned()];
        let found = difference("https://rp.example/cbx/", &registered).unwrap();
        let text = |segments: &[Segment]| {
            segments
                .iter()
                .map(|s| if s.differs { format!("[{}]", s.text) } else { s.text.clone() })
                .collect::<String>()
        };
        assert_eq!(text(&found.received), "https://rp.example/cb[x/]");
        assert_eq!(text(&found.registered), WEB);
        let found = difference("http://rp.example/cb", &registered).unwrap();
        assert_eq!(text(&found.received), "http://rp.example/cb");
        assert_eq!(text(&found.registered), "http[s]://rp.example/cb");
        assert_eq!(difference("x", &[]), None);
    }
}
