//! What a configuration key is: what it holds, what it is by default, and what the reference page says of it.

/// What a key holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ValueKind {
    /// A string.
    Text,
    /// A string that is never shown.
    Secret,
    /// A path, relative to the file.
    Path,
    /// True or false.
    Flag,
    /// A whole number between the two.
    Count(u32, u32),
    /// A number with `ms`, `s`, `min`, `h` or `d`.
    Duration,
    /// Address and port.
    Address,
    /// A list of networks in CIDR form.
    Networks,
    /// One of the first; the second exist by name only.
    OneOf(&'static [&'static str], &'static [&'static str]),
    /// Only its default, until the feature that the text names exists.
    Later(&'static str),
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: ValueKind,
    /// As it would stand in the file; `None`: not set.
    pub(crate) default: Option<&'static str>,
    /// One sentence.
    pub(crate) about: &'static str,
}

/// A table of the file.
#[derive(Debug)]
pub(crate) struct Section {
    /// Empty for the keys that stand before the first table.
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) keys: &'static [Key],
}

impl Section {
    /// The key of that name.
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The name by which code and messages call one of its keys.
    pub(crate) fn dotted(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    /// The environment variable that overrides one of its keys.
    pub(crate) fn variable(&self, key: &str) -> String {
        format!("GRANTWELL_{}", self.dotted(key).replace('.', "__").to_uppercase())
    }
}

impl ValueKind {
    /// What the reference page calls it.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Text => "string".to_owned(),
            Self::Secret => "secret string".to_owned(),
            Self::Path => "path".to_owned(),
            Self::Flag => "true or false".to_owned(),
            Self::Count(least, most) => format!("number, {least} to {most}"),
            Self::Duration => "duration".to_owned(),
            Self::Address => "address:port".to_owned(),
            Self::Networks => "list of networks".to_owned(),
            Self::OneOf(now, _) => {
                now.iter().map(|name| format!("`\"{name}\"`")).collect::<Vec<_>>().join(" or ")
            }
            Self::Later(feature) => format!("not available yet ({feature})"),
        }
    }
}
