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
        let line = line_start..line_start + text.len();
        let (excerpt, at, length) = masked(&self.text, line, &(start..end));
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

/// A line with every quoted value hidden that is not the offending part; and where the offending part went. Where a key speaks of
/// secrets, all that follows it is hidden, quoted or not, on further lines too. A misspelt name of a secret is why other values are
/// hidden everywhere.
fn masked(text: &str, line: Range<usize>, span: &Range<usize>) -> (String, usize, usize) {
    let strings = strings(text);
    let value = secret_value(text, &line, &strings);
    let is_hidden = |byte| match value {
        Some(begin) => byte >= begin,
        None => !span.contains(&byte) && strings.iter().any(|string| string.contains(&byte)),
    };
    let (mut out, mut shown, mut at, mut end) = (String::new(), 0, None, None);
    for (offset, c) in text.get(line.clone()).unwrap_or_default().char_indices() {
        let byte = line.start + offset;
        if byte >= span.start {
            at.get_or_insert(shown);
        }
        if byte >= span.end {
            end.get_or_insert(shown);
        }
        if !is_hidden(byte) {
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

/// Where the value begins of the key that the line belongs to, if it speaks of secrets. The key may stand on an earlier line.
fn secret_value(text: &str, line: &Range<usize>, strings: &[Range<usize>]) -> Option<usize> {
    let line_of = |at| text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let before = text.get(..line.start).unwrap_or_default().trim_end();
    // A string that is not closed may go on, whatever TOML says.
    let begin = match strings.iter().find(|string| string.start < line.start && string.end >= before.len()) {
        Some(string) => line_of(string.start),
        None if before.ends_with('=') => line_of(before.len()),
        None => line.start,
    };
    let statement = text.get(begin..line.end).unwrap_or_default();
    let lower = statement.to_lowercase();
    let is_secret = ["secret", "password", "postgres:"].iter().any(|word| lower.contains(word));
    let after = statement.find('=').filter(|_| is_secret)? + 1;
    let blanks = statement.get(after..).unwrap_or_default();
    Some(begin + after + (blanks.len() - blanks.trim_start().len()))
}

/// What stands between the quotes of each string of a TOML document. A string of one line that is not closed ends with its line.
fn strings(text: &str) -> Vec<Range<usize>> {
    let (mut found, mut from) = (Vec::new(), 0);
    while let Some(offset) = text.get(from..).and_then(|rest| rest.find(['"', '\'', '#'])) {
        let tail = text.get(from + offset..).unwrap_or_default();
        let Some(quote) = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| tail.starts_with(quote))
        else {
            from += offset + tail.find('\n').unwrap_or(tail.len());
            continue;
        };
        let begin = from + offset + quote.len();
        let inner = text.get(begin..).unwrap_or_default();
        let length = length_of_string(inner, quote);
        found.push(begin..begin + length);
        let closes = inner.get(length..).is_some_and(|rest| rest.starts_with(quote));
        from = begin + length + if closes { quote.len() } else { 0 };
    }
    found
}

/// How long the string is that `inner` begins with, up to the quote that closes it.
fn length_of_string(inner: &str, quote: &str) -> usize {
    let mut escaped = false;
    let ends = |(at, c): &(usize, char)| {
        let ends_line = quote.len() == 1 && *c == '\n';
        let closes = !escaped && inner.get(*at..).is_some_and(|rest| rest.starts_with(quote));
        escaped = !escaped && quote.starts_with('"') && *c == '\\';
        ends_line || closes
    };
    inner.char_indices().find(ends).map_or(inner.len(), |(at, _)| at)
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
        assert_eq!(place.excerpt, "client_secret = …");
        assert_eq!((place.at, place.length), (16, 1));
        for (text, span) in [
            ("a = 1\nclient_secret = hunter2", 22..29),
            ("client_secret = hunter2 'x'", 16..17),
            ("client_secret = \"hun\"ter2\"", 21..26),
            ("client_secret =\n  hunter2", 16..25),
            ("client_secret = \"x\nhunter2\"", 19..26),
            ("client_secret = \"\"\"\n\nhunter2 \"\" hunter3\n\"\"\"", 21..30),
            ("client_secret = '''\nx\nhunter2'''", 22..32),
            ("client_secret = '''\nx''' hunter2", 25..32),
            ("# it's\nclient_secret = \"\"\"\nhunter2", 28..30),
            ("database = \"\"\"\npostgres://a:hunter2@h/d\"\"\"", 15..20),
            ("name = \"x\\\"hunter2\"", 0..4),
        ] {
            let excerpt = source(text).place(span).excerpt;
            assert!(!excerpt.contains("hunter") && !excerpt.contains("ter2"), "{text}\n{excerpt}");
        }
        assert!(!source("password = \"hunter2").place(11..19).excerpt.contains("hunter2"));
        assert!(!source("database = \"postgres://a:hunter2@h/d\"").place(0..8).excerpt.contains("hunter2"));
        assert!(!source("pasword = \"hunter2\"").place(0..7).excerpt.contains("hunter2"));
        assert_eq!(source("name = \"shown\"").place(7..14).excerpt, "name = \"shown\"");
        let after = "client_secret = \"\"\"\nhunter2\n\"\"\"\nport = 99999";
        assert_eq!(source(after).place(40..45).excerpt, "port = 99999");
    }
}
