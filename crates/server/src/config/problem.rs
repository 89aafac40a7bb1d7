//! An error in a file of the operator's, shown where it stands: file, line, column, the offending text underlined, and
//! the nearest thing that would have been right. Values of secrets are never shown.

use std::{fmt, ops::Range, path::Path};

/// A text file as it was read.
#[derive(Clone, Debug)]
pub(crate) struct SourceFile {
    /// The name that messages carry.
    pub(crate) name: String,
    /// What is in it.
    pub(crate) text: String,
}

impl SourceFile {
    /// Reads a file; the error is one sentence.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Self { name, text }),
            Err(why) => Err(format!("cannot read {name}: {}", reason(&why))),
        }
    }

    /// Where the bytes of `span` stand.
    pub(crate) fn place(&self, span: Range<usize>) -> Location {
        let start = floor(&self.text, span.start);
        let before = self.text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let rest = self.text.get(line_start..).unwrap_or_default();
        let text = rest.split(['\n', '\r']).next().unwrap_or_default();
        let end = floor(&self.text, span.end).min(line_start + text.len()).max(start);
        let (excerpt, at, length) = masked(text, start - line_start..end - line_start);
        Location {
            file: self.name.clone(),
            line: before.matches('\n').count() + 1,
            column: self.text.get(line_start..start).unwrap_or_default().chars().count() + 1,
            excerpt,
            at,
            length: length.max(1),
        }
    }
}

/// An I/O error in words that need no number.
pub(crate) fn reason(why: &std::io::Error) -> String {
    match why.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => why.to_string(),
    }
}

fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// The line with every quoted value hidden that is not the offending part, and that part too where the line speaks of
/// secrets; and where the offending part went. A misspelt name of a secret is why other values are hidden everywhere.
fn masked(line: &str, span: Range<usize>) -> (String, usize, usize) {
    let lower = line.to_lowercase();
    let secret = ["secret", "password", "postgres:"].iter().any(|word| lower.contains(word));
    let (mut out, mut shown, mut quote, mut escaped) = (String::new(), 0, None, false);
    let (mut at, mut end) = (None, None);
    for (byte, c) in line.char_indices() {
        if byte >= span.start {
            at.get_or_insert(shown);
        }
        if byte >= span.end {
            end.get_or_insert(shown);
        }
        let closes = quote == Some(c) && !escaped;
        let hidden = quote.is_some() && !closes && (secret || !span.contains(&byte));
        escaped = quote == Some('"') && c == '\\' && !escaped;
        match quote {
            None if c == '"' || c == '\'' => quote = Some(c),
            Some(_) if closes => quote = None,
            _ => {}
        }
        if !hidden {
            out.push(c);
            shown += 1;
        } else if !out.ends_with('…') {
            out.push('…');
            shown += 1;
        }
    }
    let at = at.unwrap_or(shown);
    (out, at, end.unwrap_or(shown).saturating_sub(at))
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    /// Its name.
    pub(crate) file: String,
    /// From 1.
    pub(crate) line: usize,
    /// From 1, in characters.
    pub(crate) column: usize,
    excerpt: String,
    at: usize,
    length: usize,
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Where; `None` for one of the environment or of the whole.
    pub(crate) place: Option<Location>,
    /// What, without a full stop.
    pub(crate) message: String,
    /// What was probably meant.
    pub(crate) nearest: Option<String>,
}

impl Problem {
    /// A mistake that stands nowhere in a file.
    pub(crate) fn nowhere(message: impl Into<String>) -> Self {
        Self { place: None, message: message.into(), nearest: None }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{}:{}:{}: ", place.file, place.line, place.column)?;
        }
        f.write_str(&self.message)?;
        if let Some(nearest) = &self.nearest {
            write!(f, "; did you mean \"{nearest}\"?")?;
        }
        if let Some(place) = &self.place {
            let number = place.line.to_string();
            let gap = " ".repeat(number.len());
            let indent: String =
                place.excerpt.chars().take(place.at).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            write!(f, "\n  {number} | {}\n  {gap} | {indent}{}", place.excerpt, "^".repeat(place.length))?;
        }
        Ok(())
    }
}

/// All mistakes of one pass, in the order they stand in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problems(pub(crate) Vec<Problem>);

impl Problems {
    /// In order of place; those without one first.
    pub(crate) fn sorted(mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.place.as_ref().map(|place| (place.line, place.column)));
        problems.dedup();
        Self(problems)
    }
}

impl Problems {
    /// For programs.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::json!({ "errors": self.list() })
    }

    /// Each for programs; what is shown of the line stays out.
    pub(crate) fn list(&self) -> Vec<serde_json::Value> {
        let each = self.0.iter().map(|problem| {
            let place = problem.place.as_ref();
            serde_json::json!({
                "file": place.map(|place| &place.file),
                "line": place.map(|place| place.line),
                "column": place.map(|place| place.column),
                "message": problem.message,
                "nearest": problem.nearest,
            })
        });
        each.collect()
    }
}

impl From<String> for Problems {
    fn from(message: String) -> Self {
        Self(vec![Problem::nowhere(message)])
    }
}

/// What follows `error: `; each further problem has its own.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\nerror: ")?;
            }
            problem.fmt(f)?;
        }
        if self.0.len() > 1 { write!(f, "\n{} errors", self.0.len()) } else { Ok(()) }
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> SourceFile {
        SourceFile { name: "x.toml".to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_problem_shows_its_line_and_underlines_the_text() {
        let text = "a = 1\nlisen = \"x\"\n";
        let problem = Problem {
            place: Some(source(text).place(6..11)),
            message: "unknown key \"lisen\"".to_owned(),
            nearest: Some("listen".to_owned()),
        };
        assert_eq!(
            problem.to_string(),
            "x.toml:2:1: unknown key \"lisen\"; did you mean \"listen\"?\n  2 | lisen = \"…\"\n    | ^^^^^"
        );
    }

    #[test]
    fn columns_count_characters_and_spans_may_be_anywhere() {
        let place = source("ä = \"ö\" # x").place(5..9);
        assert_eq!((place.line, place.column, place.length), (1, 5, 3));
        for at in 0..40 {
            for length in 0..40 {
                let _ = source("ä\r\n\nb = \"…\"\n").place(at..at + length);
            }
        }
        assert_eq!(source("a\nb").place(9..12).line, 2);
    }

    #[test]
    fn q_03_secrets_are_not_shown() {
        let text = "client_secret = \"hunter2 \\\" more\", x = 'hunter3'";
        let place = source(text).place(16..33);
        assert_eq!(place.excerpt, "client_secret = \"…\", x = '…'");
        assert_eq!((place.at, place.length), (16, 3));
        assert!(!source("password = \"hunter2").place(11..19).excerpt.contains("hunter2"));
        assert!(!source("database = \"postgres://a:hunter2@h/d\"").place(0..8).excerpt.contains("hunter2"));
        assert!(!source("pasword = \"hunter2\"").place(0..7).excerpt.contains("hunter2"));
        assert_eq!(source("name = \"shown\"").place(7..14).excerpt, "name = \"shown\"");
    }
}
