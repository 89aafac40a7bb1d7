//! Scopes (RFC 6749 §3.3) and what a set of them means for each audience.

use std::{collections::BTreeMap, collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use crate::id::ResourceIdentifier;

/// The scopes that OpenID Connect defines and the issuer answers for itself (Core 1.0 §3.1.2.1, §5.4, §11).
pub const OPENID_SCOPES: &[&str] = &["openid", "profile", "email", "address", "phone", "offline_access"];

/// Most scope tokens one request may carry, and the longest a token may be. Bounds the work a stranger can cause.
const MOST_TOKENS: usize = 64;
const LONGEST_TOKEN: usize = 256;

/// A set of scope tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ScopeSet(BTreeSet<String>);

/// Why a scope parameter is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeSyntax {
    /// A character outside `scope-token` of RFC 6749 Appendix A.4.
    Character,
    /// More or longer tokens than are read.
    TooMany,
}

impl ScopeSet {
    /// Reads a space-separated list.
    pub fn parse(text: &str) -> Result<Self, ScopeSyntax> {
        let mut set = BTreeSet::new();
        for token in text.split(' ').filter(|token| !token.is_empty()) {
            if !token.bytes().all(|b| b == 0x21 || (0x23..=0x5b).contains(&b) || (0x5d..=0x7e).contains(&b)) {
                return Err(ScopeSyntax::Character);
            }
            if token.len() > LONGEST_TOKEN || set.len() >= MOST_TOKENS {
                return Err(ScopeSyntax::TooMany);
            }
            set.insert(token.to_owned());
        }
        Ok(Self(set))
    }

    /// Whether the set holds `scope`.
    pub fn contains(&self, scope: &str) -> bool {
        self.0.contains(scope)
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tokens in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Adds one token.
    pub fn insert(&mut self, scope: &str) {
        self.0.insert(scope.to_owned());
    }

    /// Whether every token of `self` is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// The tokens that `keep` says yes to.
    pub fn filtered(&self, keep: impl Fn(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|scope| keep(scope)).cloned().collect())
    }

    /// What is in both.
    pub fn intersection(&self, other: &Self) -> Self {
        self.filtered(|scope| other.contains(scope))
    }

    /// What is in `self` and not in `other`.
    pub fn difference(&self, other: &Self) -> Self {
        self.filtered(|scope| !other.contains(scope))
    }

    /// Adds all of `other`.
    pub fn extend(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, scope) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope)?;
        }
        Ok(())
    }
}

impl<'a> FromIterator<&'a str> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = &'a str>>(scopes: I) -> Self {
        Self(scopes.into_iter().map(str::to_owned).collect())
    }
}

impl From<ScopeSet> for String {
    fn from(set: ScopeSet) -> Self {
        set.to_string()
    }
}

impl TryFrom<String> for ScopeSet {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        // Registered and stored lists are ours and may be longer than a request's.
        Ok(Self(text.split(' ').filter(|token| !token.is_empty()).map(str::to_owned).collect()))
    }
}

/// Whom an access token is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum Audience {
    /// The issuer itself: UserInfo.
    Issuer,
    /// A registered API.
    Resource(ResourceIdentifier),
}

impl From<Audience> for String {
    fn from(audience: Audience) -> Self {
        match audience {
            Audience::Issuer => Self::new(),
            Audience::Resource(identifier) => identifier.0,
        }
    }
}

impl From<String> for Audience {
    fn from(text: String) -> Self {
        if text.is_empty() { Self::Issuer } else { Self::Resource(ResourceIdentifier(text)) }
    }
}

/// Which scopes may be used at which audience: what is asked, what a person agreed to, what was granted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Permissions(pub BTreeMap<Audience, ScopeSet>);

impl Permissions {
    /// All scopes, whatever their audience: the `scope` of a response.
    pub fn scopes(&self) -> ScopeSet {
        let mut all = ScopeSet::default();
        for scopes in self.0.values() {
            all.extend(scopes);
        }
        all
    }

    /// The registered APIs among the audiences.
    pub fn resources(&self) -> impl Iterator<Item = &ResourceIdentifier> {
        self.0.keys().filter_map(|audience| match audience {
            Audience::Issuer => None,
            Audience::Resource(identifier) => Some(identifier),
        })
    }

    /// What is in `self` and not in `other`. An audience that `other` lacks counts even with no scope.
    pub fn difference(&self, other: &Self) -> Self {
        let mut missing = BTreeMap::new();
        for (audience, scopes) in &self.0 {
            match other.0.get(audience) {
                None => {
                    missing.insert(audience.clone(), scopes.clone());
                }
                Some(had) if !scopes.is_subset(had) => {
                    missing.insert(audience.clone(), scopes.difference(had));
                }
                Some(_) => {}
            }
        }
        Self(missing)
    }

    /// Both together.
    pub fn union(&self, other: &Self) -> Self {
        let mut all = self.clone();
        for (audience, scopes) in &other.0 {
            all.0.entry(audience.clone()).or_default().extend(scopes);
        }
        all
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_06_scope_syntax_is_checked_and_bounded() {
        for bad in ["a\"b", "a\\b", "a\tb", "a\nb", "ä", "a\u{7f}"] {
            assert_eq!(ScopeSet::parse(bad), Err(ScopeSyntax::Character), "{bad:?}");
        }
        let many = (0..10_000).map(|n| format!("s{n}")).collect::<Vec<_>>().join(" ");
        assert_eq!(ScopeSet::parse(&many), Err(ScopeSyntax::TooMany));
        assert_eq!(ScopeSet::parse(&"a".repeat(300)), Err(ScopeSyntax::TooMany));
        assert_eq!(ScopeSet::parse("b a  b").unwrap().to_string(), "a b");
    }

    #[test]
    fn missing_is_what_was_not_agreed_to() {
        let api = Audience::Resource("https://api/".into());
        let asked = Permissions(BTreeMap::from([
            (Audience::Issuer, ["openid", "email"].into_iter().collect()),
            (api.clone(), ["read"].into_iter().collect()),
        ]));
        let agreed = Permissions(BTreeMap::from([(Audience::Issuer, ["openid"].into_iter().collect())]));
        let missing = asked.difference(&agreed);
        assert_eq!(missing.scopes().to_string(), "email read");
        assert_eq!(agreed.union(&missing), asked);
        assert!(asked.difference(&asked).is_empty());
    }
}
