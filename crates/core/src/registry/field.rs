//! Fields from outside: which names there are, what each holds, and how a JSON object of them is read.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::violation::{FieldType, ShownText, Violation};
use crate::{jose::Algorithm, nearest::nearest};

/// One element of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Element {
    /// Of a list, counted from 0.
    Index(usize),
    /// Of a table.
    Member(String),
}

/// What is wrong with one field. Holds no value, so that no secret is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The name of the field, as it was given.
    pub field: String,
    /// The element, where the field is a list or a table.
    pub element: Option<Element>,
    /// The rule that is broken.
    pub violation: Violation,
}

impl FieldError {
    /// The whole field is wrong.
    pub fn new(field: &str, violation: Violation) -> Self {
        Self { field: field.to_owned(), element: None, violation }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.violation)?;
        match self.violation.nearest() {
            Some(nearest) => write!(f, " (did you mean \"{nearest}\"?)"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for FieldError {}

/// Errors as they are found.
#[derive(Default)]
pub(super) struct Errors(pub(super) Vec<FieldError>);

impl Errors {
    pub(super) fn add(&mut self, field: &str, violation: Violation) {
        self.0.push(FieldError::new(field, violation));
    }

    pub(super) fn at(&mut self, field: &str, index: usize, violation: Violation) {
        self.0.push(FieldError { element: Some(Element::Index(index)), ..FieldError::new(field, violation) });
    }

    pub(super) fn member(&mut self, field: &str, member: &str, violation: Violation) {
        let element = Some(Element::Member(member.to_owned()));
        self.0.push(FieldError { element, ..FieldError::new(field, violation) });
    }

    /// The value that is called `name`, or an error that lists the names there are.
    pub(super) fn one_of<T: Copy>(
        &mut self,
        field: &str,
        name: &str,
        known: impl IntoIterator<Item = (&'static str, T)> + Clone,
    ) -> Option<T> {
        let found = known.clone().into_iter().find(|(known, _)| *known == name);
        if found.is_none() {
            self.add(field, Violation::not_one_of(name, known.into_iter().map(|(name, _)| name)));
        }
        found.map(|(_, value)| value)
    }

    pub(super) fn shown(&mut self, field: &str, text: &str) {
        if let Err(why) = ShownText::check(text) {
            self.add(field, Violation::Text(why));
        }
    }

    /// Adds what was found of the fields that could be read. A field that was given and could not be read, or under a
    /// mistyped name, is not also missing.
    pub(super) fn merge(&mut self, later: Self) {
        let is_known = |error: &FieldError| {
            let is_its = |known: &FieldError| {
                known.field == error.field || known.violation.nearest() == Some(error.field.as_str())
            };
            self.0.iter().any(is_its)
        };
        let is_new = |error: &FieldError| !(error.violation.is_absence() && is_known(error));
        let more: Vec<_> = later.0.into_iter().filter(is_new).collect();
        self.0.extend(more);
    }

    pub(super) fn into_result<T>(self, value: T) -> Result<T, Vec<FieldError>> {
        if self.0.is_empty() { Ok(value) } else { Err(self.0) }
    }
}

/// The name of a value in a list of names.
pub(super) fn name_of<T: PartialEq>(
    known: impl IntoIterator<Item = (&'static str, T)>,
    value: &T,
) -> Option<String> {
    known.into_iter().find(|(_, known)| known == value).map(|(name, _)| name.to_owned())
}

/// The signature algorithms by their names.
pub(super) fn algorithms() -> impl Iterator<Item = (&'static str, Algorithm)> + Clone {
    Algorithm::ALL.iter().map(|algorithm| (algorithm.as_str(), *algorithm))
}

/// Reads every field that has its type, and tells what is wrong with the others.
pub(super) fn read<T: for<'de> Deserialize<'de> + Default>(
    fields: &Map<String, Value>,
    known: &[(&'static str, FieldType)],
) -> (T, Errors) {
    let mut errors = Errors::default();
    let mut good = Map::new();
    for (name, value) in fields {
        let Some(expected) = known.iter().find(|(known, _)| known == name).map(|(_, expected)| *expected)
        else {
            errors.add(name, unknown(name, known));
            continue;
        };
        match (expected, misfit(expected, value)) {
            (FieldType::Later(feature, accepted), _) => {
                if accepted.is_none_or(|accepted| shown(value) != accepted) {
                    errors.add(name, Violation::NotAvailable(Some(feature)));
                }
            }
            (_, None) => {
                good.insert(name.clone(), value.clone());
            }
            (_, Some(element)) => {
                let violation = Violation::WrongType(expected);
                errors.0.push(FieldError { element, ..FieldError::new(name, violation) });
            }
        }
    }
    // Every field was just found to have its type, so this reads.
    (serde_json::from_value(Value::Object(good)).unwrap_or_default(), errors)
}

/// The object that [`read`] reads as this one. Fields without a value are left out.
pub(super) fn write(fields: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(fields) {
        Ok(Value::Object(fields)) => fields.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        _ => Map::new(),
    }
}

fn unknown(name: &str, known: &[(&'static str, FieldType)]) -> Violation {
    let base = name.split_once('#').map(|(base, _)| base);
    if base.is_some_and(|base| known.iter().any(|(known, _)| *known == base)) {
        return Violation::NotAvailable(Some("one language for each text"));
    }
    let now = known.iter().filter(|(_, expected)| !matches!(expected, FieldType::Later(..)));
    let nearest = nearest(name, now.map(|(name, _)| *name))
        .or_else(|| nearest(name, known.iter().map(|(name, _)| *name)));
    Violation::UnknownField { nearest }
}

/// Which element of `value` has not its type, where it is one; `None` when the value has the type.
fn misfit(expected: FieldType, value: &Value) -> Option<Option<Element>> {
    match (expected, value) {
        (FieldType::Text, Value::String(_))
        | (FieldType::Flag, Value::Bool(_))
        | (FieldType::Later(..), _) => None,
        (FieldType::Number, Value::Number(n)) if n.as_u64().is_some_and(|n| u32::try_from(n).is_ok()) => None,
        (FieldType::List, Value::Array(items)) => {
            items.iter().position(|item| !item.is_string()).map(|at| Some(Element::Index(at)))
        }
        (FieldType::Table, Value::Object(members)) => members
            .iter()
            .find(|(_, value)| !value.is_string())
            .map(|(member, _)| Some(Element::Member(member.clone()))),
        (FieldType::Text | FieldType::Flag | FieldType::Number | FieldType::List | FieldType::Table, _) => {
            Some(None)
        }
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
