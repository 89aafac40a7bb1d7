//! Registered resources: the APIs that access tokens are for (RFC 8707), and which spellings of an identifier name one of them
//! (RFC 3986 §6.2.2.1, §6.2.3).
//!
//! Case of scheme and host, the default port and one slash at the end of the path make no difference: clients build the identifier from
//! an address, and their libraries add or drop these. The `aud` of a token is the identifier as it is registered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    id::{ClientId, ResourceIdentifier},
    jose::Algorithm,
};

/// How an access token looks to whom it is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessTokenFormat {
    /// RFC 9068.
    #[default]
    Jwt,
    /// Sealed: only the issuer can read it, the API introspects (RFC 7662).
    Opaque,
}

/// A registered resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// An absolute URI without a fragment: the `aud` of its tokens.
    pub identifier: ResourceIdentifier,
    /// The name that pages show.
    pub name: String,
    /// What its access tokens look like.
    pub access_token_format: AccessTokenFormat,
    /// How its JWT access tokens are signed.
    pub access_token_signing_alg: Algorithm,
    /// Seconds an access token for it lives; the realm's default when `None`.
    pub access_token_lifetime: Option<u32>,
    /// Clients whose credentials may introspect its tokens.
    pub introspection_clients: Vec<ClientId>,
    /// Scope → what it lets an application do, in plain words.
    pub scopes: BTreeMap<String, String>,
    /// Declared by `apply`.
    pub applied: bool,
}

impl Resource {
    /// The one of `resources` that `identifier` names: spelled alike, or else in another way.
    pub fn find<'a>(resources: &'a [Self], identifier: &ResourceIdentifier) -> Option<&'a Self> {
        let alike = resources.iter().find(|resource| resource.identifier == *identifier);
        alike.or_else(|| resources.iter().find(|resource| resource.identifier.is_same(identifier.as_str())))
    }
}

impl ResourceIdentifier {
    /// Whether `other` names the same resource.
    pub fn is_same(&self, other: &str) -> bool {
        is_same(self.as_str(), other)
    }

    /// The form that all spellings of one identifier share.
    pub fn canonical(&self) -> String {
        Spelling::read(self.as_str())
            .map_or_else(|| self.as_str().to_owned(), |spelling| spelling.write(spelling.port, ""))
    }

    /// Whether scheme or host are not in lower case.
    pub fn has_capitals(&self) -> bool {
        let has_capitals = |part: &str| part.bytes().any(|byte| byte.is_ascii_uppercase());
        Spelling::read(self.as_str()).is_some_and(|it| has_capitals(it.scheme) || has_capitals(it.host))
    }

    /// The spellings under which the resource may be registered: as it stands here, and every other one whose scheme and host are in lower
    /// case.
    pub fn spellings(&self) -> Vec<Self> {
        let mut spellings = vec![self.clone()];
        if let Some(spelling) = Spelling::read(self.as_str()) {
            let default = spelling.default_port().filter(|_| spelling.port.is_none());
            for port in [spelling.port].into_iter().chain(default.map(Some)) {
                spellings.push(Self(spelling.write(port, "/")));
                // Of two slashes at the end one counts.
                if !spelling.path.ends_with('/') {
                    spellings.push(Self(spelling.write(port, "")));
                }
            }
            spellings.sort_unstable();
            spellings.dedup();
        }
        spellings
    }
}

/// Whether two identifiers name one resource.
pub fn is_same(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    // What has no host has one spelling.
    Spelling::read(one).zip(Spelling::read(other)).is_some_and(|(one, other)| {
        one.scheme.eq_ignore_ascii_case(other.scheme)
            && one.host.eq_ignore_ascii_case(other.host)
            && (one.port, one.path, one.rest) == (other.port, other.path, other.rest)
    })
}

/// An identifier with a host, in the parts that can be spelled in more than one way.
struct Spelling<'a> {
    /// In any case.
    scheme: &'a str,
    /// In any case.
    host: &'a str,
    /// Unless it is the default.
    port: Option<&'a str>,
    /// Without a slash at its end.
    path: &'a str,
    /// The query, and what else follows.
    rest: &'a str,
}

impl<'a> Spelling<'a> {
    /// Reads literally: nothing is decoded.
    fn read(identifier: &'a str) -> Option<Self> {
        let (scheme, after) = identifier.split_once(':')?;
        let after = after.strip_prefix("//")?;
        let (authority, after) = after.split_at(after.find(['/', '?', '#']).unwrap_or(after.len()));
        let (path, rest) = after.split_at(after.find(['?', '#']).unwrap_or(after.len()));
        if authority.is_empty() || authority.contains('@') {
            return None;
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (host, Some(port)),
            Some(_) | None => (authority, None),
        };
        let mut spelling = Self { scheme, host, port, path: path.strip_suffix('/').unwrap_or(path), rest };
        spelling.port = port.filter(|port| !port.is_empty() && spelling.default_port() != Some(port));
        Some(spelling)
    }

    fn default_port(&self) -> Option<&'static str> {
        let defaults = [("https", "443"), ("http", "80")];
        let mut known = defaults.iter().filter(|(scheme, _)| self.scheme.eq_ignore_ascii_case(scheme));
        known.next().map(|(_, port)| *port)
    }

    fn write(&self, port: Option<&str>, slash: &str) -> String {
        let Self { path, rest, .. } = self;
        let (scheme, host) = (self.scheme.to_ascii_lowercase(), self.host.to_ascii_lowercase());
        let (colon, port) = port.map_or(("", ""), |port| (":", port));
        format!("{scheme}://{host}{colon}{port}{path}{slash}{rest}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_resource_has_several_spellings() {
        for (one, other) in [
            ("https://mcp.example.test", "https://mcp.example.test/"),
            ("https://mcp.example.test", "https://mcp.example.test:443"),
            ("https://mcp.example.test", "https://mcp.example.test:/"),
            ("https://mcp.example.test", "https://MCP.Example.test:443/"),
            ("https://mcp.example.test/mcp", "HTTPS://mcp.example.test/mcp/"),
            ("https://mcp.example.test/a/b?v=1", "https://mcp.example.test/a/b/?v=1"),
            ("https://mcp.example.test?v=1", "https://mcp.example.test/?v=1"),
            ("http://localhost", "http://LOCALHOST:80/"),
            ("http://localhost:8081/mcp", "http://localhost:8081/mcp/"),
            ("https://[2001:db8::443]/", "https://[2001:DB8::443]:443"),
            ("app://notes/", "app://NOTES"),
        ] {
            let (registered, sent) = (ResourceIdentifier::from(one), ResourceIdentifier::from(other));
            assert!(registered.is_same(other) && sent.is_same(one), "{one} {other}");
            assert_eq!(registered.canonical(), sent.canonical());
            assert!(sent.spellings().contains(&registered), "{one}: {:?}", sent.spellings());
            assert!(sent.spellings().contains(&sent));
            assert!(sent.spellings().len() <= 5);
        }
    }

    #[test]
    fn another_resource_is_not_another_spelling() {
        for (one, other) in [
            ("https://mcp.example.test/mcp", "https://mcp.example.test/MCP"),
            ("https://mcp.example.test/mcp", "https://mcp.example.test/mcp//"),
            ("https://mcp.example.test/mcp", "https://mcp.example.test/mcp/x"),
            ("https://mcp.example.test/", "https://mcp.example.test//"),
            ("https://mcp.example.test/a", "https://mcp.example.test/%61"),
            ("https://mcp.example.test/", "http://mcp.example.test/"),
            ("https://mcp.example.test/", "https://mcp.example.test:80/"),
            ("http://localhost", "http://localhost:443"),
            ("https://mcp.example.test/", "https://mcp.example.test./"),
            ("https://mcp.example.test/?a", "https://mcp.example.test/?A"),
            ("https://mcp.example.test/", "https://x@mcp.example.test/"),
            ("https://mcp.example.test/", "https://mcp.example.test/#"),
            ("https://mcp.example.test/", "https:///mcp.example.test/"),
            ("https://mcp.example.test/", "https:mcp.example.test/"),
            ("urn:example:api", "urn:example:api/"),
            ("urn:example:api", "urn:example:API"),
            ("", "/"),
        ] {
            let (registered, sent) = (ResourceIdentifier::from(one), ResourceIdentifier::from(other));
            assert!(!registered.is_same(other) && !sent.is_same(one), "{one} {other}");
            assert_ne!(registered.canonical(), sent.canonical());
            assert!(!sent.spellings().contains(&registered), "{one}: {:?}", sent.spellings());
        }
    }
}
