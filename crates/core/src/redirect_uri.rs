//! Redirect URIs: which may be registered, and which request matches which registered one (RFC 6749 §3.1.2,
//! RFC 9700 §2.1 and §4.1.3, OAuth 2.1 §2.3.1 and §8.4.2, RFC 8252 §7 and §8.3).
//!
//! A request matches when it equals a registered URI byte for byte. Nothing is decoded, normalised or parsed to find out.
//! The one exception is the port of a loopback redirect of a native client (RFC 8252 §7.3). What could make two readers
//! of one URI disagree is refused when it is registered, so that no request can bring it.
//!
//! ```
//! use grantwell_core::{
//!     client::ApplicationType::{Native, Web},
//!     redirect_uri::{RedirectUriError, check_registered, find_match},
//! };
//!
//! assert_eq!(check_registered("https://rp.example/cb", Web), Ok(()));
//! assert_eq!(check_registered("http://rp.example/cb", Web), Err(RedirectUriError::PlainHttp));
//!
//! let registered = ["http://127.0.0.1/cb".to_owned()];
//! assert_eq!(find_match("http://127.0.0.1:49152/cb", &registered, Native), Some("http://127.0.0.1/cb"));
//! assert_eq!(find_match("http://127.0.0.1:49152/cb", &registered, Web), None);
//! assert_eq!(find_match("http://127.0.0.1:49152/cb/", &registered, Native), None);
//! ```

use std::fmt;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// The longest URI that may be registered.
const LONGEST: usize = 2048;

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

/// `application_type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationType {
    /// On a web server or in a browser: `https` redirects, matched byte for byte.
    #[default]
    Web,
    /// On the person's own machine (RFC 8252): loopback redirects match on any port.
    Native,
}

/// Why a URI may not be registered. One variant per rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedirectUriError {
    /// Longer than 2048 characters.
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

#[cfg(test)]
mod tests;
