//! Puts defaults, file and environment together and turns each value into what its key holds. Every mistake is noted and
//! the rest is read all the same.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    ops::Range,
    path::{Path, PathBuf},
    time::Duration,
};

use grantwell_core::nearest::nearest;
use ipnet::IpNet;
use toml::de::{DeTable, DeValue};

use super::{
    key::{Section, ValueKind},
    problem::{Problem, SourceFile},
    service_links::is_service_link,
};
use crate::one_line::{self, LineDefect};

/// A value before its key said what it should be.
#[derive(Clone, Debug, PartialEq)]
enum Raw {
    Text(String),
    Flag(bool),
    Whole(i64),
    List(Vec<Raw>),
    Other(&'static str),
}

/// A value as its key wants it.
#[derive(Clone, Debug)]
enum Value {
    Text(String),
    Path(PathBuf),
    Flag(bool),
    Count(u32),
    Duration(Duration),
    Address(SocketAddr),
    Networks(Vec<IpNet>),
    Nothing,
}

#[derive(Clone, Debug)]
enum Origin {
    File(Range<usize>),
    Variable(String),
}

/// All values of one configuration.
pub(crate) struct Reader<'a> {
    sections: &'static [&'static Section],
    source: &'a SourceFile,
    folder: &'a Path,
    values: BTreeMap<String, Value>,
    origins: BTreeMap<String, Origin>,
    /// What is wrong so far.
    pub(crate) problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    /// Reads what the sections know from all three; relative paths start at `folder`.
    pub(crate) fn new(
        sections: &'static [&'static Section],
        source: &'a SourceFile,
        folder: &'a Path,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let mut reader = Self {
            sections,
            source,
            folder,
            values: BTreeMap::new(),
            origins: BTreeMap::new(),
            problems: Vec::new(),
        };
        reader.read_defaults();
        reader.read_file();
        reader.read_environment(environment);
        reader
    }

    fn read_defaults(&mut self) {
        for section in self.sections {
            for key in section.keys {
                if let Some(Ok(raw)) = key.default.map(|text| DeValue::parse(text).map(|v| raw(v.get_ref())))
                    && let Ok(value) = self.convert(key.kind, raw, key.default)
                {
                    self.values.insert(section.dotted(key.name), value);
                }
            }
        }
    }

    fn read_file(&mut self) {
        let (table, errors) = DeTable::parse_recoverable(&self.source.text);
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            self.wrong(Some(&Origin::File(span)), format!("not TOML: {}", error.message()), None);
        }
        let sections = self.sections;
        let root = sections.iter().find(|section| section.name.is_empty());
        for (name, value) in table.get_ref() {
            let word = name.get_ref().as_ref();
            let section = sections.iter().find(|section| !section.name.is_empty() && section.name == word);
            match (section, value.get_ref(), root) {
                (Some(section), DeValue::Table(table), _) => self.read_table(section, table),
                (Some(_), _, _) => {
                    self.wrong(
                        Some(&Origin::File(value.span())),
                        format!("\"{word}\" must be a table: [{word}]"),
                        None,
                    );
                }
                (None, _, Some(root)) => self.read_key(root, word, &name.span(), value),
                (None, _, None) => {}
            }
        }
    }

    fn read_table(&mut self, section: &Section, table: &DeTable<'_>) {
        for (name, value) in table {
            self.read_key(section, name.get_ref().as_ref(), &name.span(), value);
        }
    }

    fn read_key(
        &mut self,
        section: &Section,
        name: &str,
        span: &Range<usize>,
        value: &toml::Spanned<DeValue<'_>>,
    ) {
        if section.key(name).is_none() {
            let (message, near) = unknown(self.sections, section, name, value.get_ref());
            self.wrong(Some(&Origin::File(span.clone())), message, near);
            return;
        }
        self.put(section, name, raw(value.get_ref()), Origin::File(value.span()));
    }

    fn read_environment(&mut self, environment: impl IntoIterator<Item = (String, String)>) {
        let mut variables = BTreeMap::new();
        for section in self.sections {
            for key in section.keys {
                variables.insert(section.variable(key.name), (*section, key.name));
            }
        }
        let given: BTreeMap<String, String> =
            environment.into_iter().filter(|(name, _)| name.starts_with("GRANTWELL_")).collect();
        for (name, text) in &given {
            let base = name.strip_suffix("_FILE").filter(|base| variables.contains_key(*base));
            if let Some((section, key)) = variables.get(name) {
                self.put(section, key, Raw::Text(text.clone()), Origin::Variable(name.clone()));
            } else if let Some((base, (section, key))) =
                base.and_then(|base| Some((base, variables.get(base)?)))
            {
                if given.contains_key(base) {
                    self.problems.push(Problem::nowhere(format!("{base} and {name} are both set; set one")));
                    continue;
                }
                match one_line::read(&self.folder.join(text.trim())) {
                    Ok(text) => {
                        self.put(section, key, Raw::Text(text.to_string()), Origin::Variable(name.clone()));
                    }
                    Err(why) => self.problems.push(Problem::nowhere(format!("{name}: {why}"))),
                }
            } else if !is_service_link(name, text) {
                self.problems.push(Problem {
                    place: None,
                    message: format!("unknown environment variable {name}"),
                    nearest: nearest(name, variables.keys().map(String::as_str)).map(str::to_owned),
                });
            }
        }
    }

    fn put(&mut self, section: &Section, name: &str, raw: Raw, origin: Origin) {
        let Some(key) = section.key(name) else { return };
        let raw = match (&origin, raw) {
            (Origin::Variable(_), Raw::Text(text)) => match one_line::value_of(&text) {
                Ok(value) => from_variable(key.kind, value.to_owned()),
                // An empty variable is how many tools say "not set".
                Err(LineDefect::Empty) => return,
                Err(defect @ (LineDefect::Lines | LineDefect::Invisible)) => {
                    let message = format!("{} cannot be used: {defect}", section.dotted(name));
                    return self.wrong(Some(&origin), message, None);
                }
            },
            (_, raw) => raw,
        };
        match self.convert(key.kind, raw, key.default) {
            Ok(value) => {
                self.values.insert(section.dotted(name), value);
            }
            Err(message) => {
                let near = message.1;
                self.wrong(Some(&origin), format!("{} {}", section.dotted(name), message.0), near);
            }
        }
        self.origins.insert(section.dotted(name), origin);
    }

    fn convert(
        &self,
        kind: ValueKind,
        raw: Raw,
        default: Option<&str>,
    ) -> Result<Value, (String, Option<String>)> {
        let wanted = |what: &str| Err((format!("must be {what}"), None));
        match (kind, raw) {
            (ValueKind::Text | ValueKind::Secret, Raw::Text(text)) => Ok(Value::Text(text)),
            (ValueKind::Text | ValueKind::Secret, _) => wanted("a string"),
            (ValueKind::Path, Raw::Text(text)) if text == "~" || text.starts_with("~/") => {
                wanted("a whole path: \"~\" does not become a folder here")
            }
            (ValueKind::Path, Raw::Text(text)) if !text.is_empty() => Ok(Value::Path(self.folder.join(text))),
            (ValueKind::Path, _) => wanted("the path of a file"),
            (ValueKind::Flag, Raw::Flag(flag)) => Ok(Value::Flag(flag)),
            (ValueKind::Flag, _) => wanted("true or false"),
            (ValueKind::Count(least, most), raw) => match raw {
                Raw::Whole(n) => match u32::try_from(n) {
                    Ok(n) if (least..=most).contains(&n) => Ok(Value::Count(n)),
                    _ => wanted(&format!("a whole number from {least} to {most}")),
                },
                _ => wanted(&format!("a whole number from {least} to {most}")),
            },
            (ValueKind::Duration, Raw::Text(text)) => match duration(&text) {
                Some(duration) => Ok(Value::Duration(duration)),
                None => wanted("a duration such as \"60s\", \"10min\", \"24h\" or \"30d\""),
            },
            (ValueKind::Duration, _) => {
                wanted("a duration in quotes such as \"60s\", \"10min\", \"24h\" or \"30d\"")
            }
            (ValueKind::Address, Raw::Text(text)) => match text.parse() {
                Ok(address) => Ok(Value::Address(address)),
                Err(_) => wanted("an address with a port, such as \"127.0.0.1:8080\" or \"[::]:8080\""),
            },
            (ValueKind::Address, _) => wanted("an address with a port, such as \"127.0.0.1:8080\""),
            (ValueKind::Networks, Raw::List(items)) => {
                let read = |item: &Raw| match item {
                    Raw::Text(text) => {
                        text.parse().ok().or_else(|| text.parse::<std::net::IpAddr>().ok().map(IpNet::from))
                    }
                    _ => None,
                };
                match items.iter().map(read).collect::<Option<Vec<IpNet>>>() {
                    Some(networks) => Ok(Value::Networks(networks)),
                    None => wanted("a list of networks such as [\"10.0.0.0/8\", \"fd00::/8\"]"),
                }
            }
            (ValueKind::Networks, _) => wanted("a list of networks such as [\"10.0.0.0/8\", \"fd00::/8\"]"),
            (ValueKind::OneOf(now, later), Raw::Text(text)) => {
                if now.contains(&text.as_str()) {
                    Ok(Value::Text(text))
                } else if later.contains(&text.as_str()) {
                    Err((format!("= \"{text}\" is not available yet; available: {}", now.join(", ")), None))
                } else {
                    let near = nearest(&text, now.iter().copied()).map(str::to_owned);
                    Err((format!("must be one of {}", now.join(", ")), near))
                }
            }
            (ValueKind::OneOf(now, _), _) => wanted(&format!("one of {}", now.join(", "))),
            (ValueKind::Later(feature), value) => {
                let same =
                    default.and_then(|text| DeValue::parse(text).ok()).map(|v| raw_of(&v)) == Some(value);
                if same {
                    Ok(Value::Nothing)
                } else {
                    Err((format!("is not available yet ({feature})"), None))
                }
            }
        }
    }

    fn wrong(&mut self, origin: Option<&Origin>, message: String, nearest: Option<String>) {
        let (place, message) = match origin {
            Some(Origin::File(span)) => (Some(self.source.place(span.clone())), message),
            Some(Origin::Variable(name)) => (None, format!("{name}: {message}")),
            None => (None, message),
        };
        self.problems.push(Problem { place, message, nearest });
    }

    /// Notes a mistake where the value of `key` stands.
    pub(crate) fn refuse(&mut self, key: &str, message: &str) {
        let origin = self.origins.get(key).cloned();
        self.wrong(origin.as_ref(), format!("{key} {message}"), None);
    }

    /// Whether the file or the environment sets `key`.
    pub(crate) fn is_set(&self, key: &str) -> bool {
        self.origins.contains_key(key)
    }

    /// The string at `key`.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        match self.values.get(key) {
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }

    /// The path at `key`, relative to the file.
    pub(crate) fn path(&self, key: &str) -> Option<PathBuf> {
        match self.values.get(key) {
            Some(Value::Path(path)) => Some(path.clone()),
            _ => None,
        }
    }

    /// The flag at `key`.
    pub(crate) fn flag(&self, key: &str) -> bool {
        matches!(self.values.get(key), Some(Value::Flag(true)))
    }

    /// The number at `key`.
    pub(crate) fn count(&self, key: &str) -> u32 {
        match self.values.get(key) {
            Some(Value::Count(count)) => *count,
            _ => 0,
        }
    }

    /// The duration at `key`.
    pub(crate) fn duration(&self, key: &str) -> Duration {
        match self.values.get(key) {
            Some(Value::Duration(duration)) => *duration,
            _ => Duration::ZERO,
        }
    }

    /// The address at `key`.
    pub(crate) fn address(&self, key: &str) -> Option<SocketAddr> {
        match self.values.get(key) {
            Some(Value::Address(address)) => Some(*address),
            _ => None,
        }
    }

    /// The networks at `key`.
    pub(crate) fn networks(&self, key: &str) -> Vec<IpNet> {
        match self.values.get(key) {
            Some(Value::Networks(networks)) => networks.clone(),
            _ => Vec::new(),
        }
    }

    /// The folder that relative paths start at.
    pub(crate) fn folder(&self) -> &Path {
        self.folder
    }
}

/// The message for an unknown key.
fn unknown(
    sections: &[&Section],
    section: &Section,
    name: &str,
    value: &DeValue<'_>,
) -> (String, Option<String>) {
    let elsewhere = sections.iter().find(|other| other.name != section.name && other.key(name).is_some());
    let tables = sections.iter().map(|section| section.name).filter(|name| !name.is_empty());
    let keys = section.keys.iter().map(|key| key.name);
    let is_table = matches!(value, DeValue::Table(_));
    let known: BTreeSet<&str> = match (section.name.is_empty(), is_table) {
        (true, true) => tables.collect(),
        (true, false) => keys.chain(tables).collect(),
        (false, _) => keys.collect(),
    };
    let near = nearest(name, known).map(str::to_owned);
    let message = match (section.name, is_table) {
        ("", true) => format!("unknown section [{name}]"),
        ("", false) => format!("unknown key \"{name}\""),
        (table, _) => format!("unknown key \"{name}\" in [{table}]"),
    };
    match elsewhere {
        Some(other) if near.is_none() && other.name.is_empty() => {
            (format!("{message}; it belongs before the first section"), None)
        }
        Some(other) if near.is_none() => (format!("{message}; it belongs in [{}]", other.name), None),
        _ => (message, near),
    }
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Boolean(flag) => Raw::Flag(*flag),
        DeValue::Integer(n) => {
            i64::from_str_radix(n.as_str(), n.radix()).map_or(Raw::Other("integer"), Raw::Whole)
        }
        DeValue::Array(items) => Raw::List(items.iter().map(raw_of).collect()),
        other => Raw::Other(other.type_str()),
    }
}

fn raw_of(value: &toml::Spanned<DeValue<'_>>) -> Raw {
    raw(value.get_ref())
}

/// The environment has text only: lists are separated by commas.
fn from_variable(kind: ValueKind, text: String) -> Raw {
    match kind {
        ValueKind::Flag if text == "true" || text == "false" => Raw::Flag(text == "true"),
        ValueKind::Count(..) => text.parse().map_or(Raw::Text(text), Raw::Whole),
        ValueKind::Networks => Raw::List(
            text.split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| Raw::Text(item.to_owned()))
                .collect(),
        ),
        ValueKind::Later(_) => DeValue::parse(&text).map(|value| raw_of(&value)).unwrap_or(Raw::Text(text)),
        _ => Raw::Text(text),
    }
}

/// `250ms`, `60s`, `10min`, `24h`, `30d`; at most ten years.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let seconds = |each: u64| number.checked_mul(each).map(Duration::from_secs);
    let duration = match unit.trim_start() {
        "ms" => Duration::from_millis(number),
        "s" => seconds(1)?,
        "min" => seconds(60)?,
        "h" => seconds(60 * 60)?,
        "d" => seconds(24 * 60 * 60)?,
        _ => return None,
    };
    (duration <= Duration::from_hours(10 * 366 * 24)).then_some(duration)
}
