//! Secrets, and other values of one line, as files and variables hold them. Editors, `echo` and mounted secrets put a line end, a
//! blank or a byte order mark around them, which is never part of the value.

use std::{fmt, fs, path::Path};

use zeroize::Zeroizing;

use crate::config::problem::reason;

/// Why a text is no single value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineDefect {
    /// There is nothing but blanks.
    Empty,
    /// More than one line.
    Lines,
    /// A character that nobody types: a control character or a byte order mark in the middle.
    Invisible,
}

impl fmt::Display for LineDefect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "it is empty",
            Self::Lines => "it has more than one line",
            Self::Invisible => "it has a control character in it",
        })
    }
}

/// The value in a text: without the byte order mark at its begin, and without blanks and line ends around it.
pub(crate) fn value_of(text: &str) -> Result<&str, LineDefect> {
    let value = without_mark(text).trim();
    let has = |is: fn(char) -> bool| value.chars().any(is);
    match value {
        "" => Err(LineDefect::Empty),
        _ if has(|c| matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')) => {
            Err(LineDefect::Lines)
        }
        _ if has(|c| c.is_control() || c == '\u{feff}') => Err(LineDefect::Invisible),
        value => Ok(value),
    }
}

/// A text without the byte order mark that some editors begin a file with.
pub(crate) fn without_mark(text: &str) -> &str {
    text.trim_start_matches('\u{feff}')
}

/// The value in a file. The error names the file in one sentence, and shows nothing of what is in it.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<String>, String> {
    let refuse = |why: &dyn fmt::Display| format!("cannot read {}: {why}", path.display());
    let text = fs::read_to_string(path).map(Zeroizing::new).map_err(|why| refuse(&reason(&why)))?;
    value_of(&text).map(|value| Zeroizing::new(value.to_owned())).map_err(|defect| refuse(&defect))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_around_a_value_is_no_part_of_it() {
        for text in [
            "hunter 2",
            "hunter 2\n",
            "hunter 2\r\n",
            "hunter 2\n\n",
            "hunter 2 ",
            "hunter 2\t\n",
            " hunter 2",
            "\u{feff}hunter 2\n",
            "\u{feff} hunter 2\u{a0}\r\n",
        ] {
            assert_eq!(value_of(text), Ok("hunter 2"), "{text:?}");
        }
        for (text, defect) in [
            ("", LineDefect::Empty),
            (" \n", LineDefect::Empty),
            ("\u{feff}\n", LineDefect::Empty),
            ("hunter\n2", LineDefect::Lines),
            ("hunter\r2\n", LineDefect::Lines),
            ("hunter\u{2028}2", LineDefect::Lines),
            ("hunter\0two", LineDefect::Invisible),
            ("hunter 2\0", LineDefect::Invisible),
            ("hunter\u{feff}2", LineDefect::Invisible),
        ] {
            assert_eq!(value_of(text), Err(defect), "{text:?}");
        }
    }

    #[test]
    fn a_file_that_holds_no_value_is_named_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        for (bytes, why) in [
            (&b"hunter\n2"[..], "it has more than one line"),
            (b"", "it is empty"),
            (b"\xff\xfeh\0u\0", "it is not UTF-8 text"),
        ] {
            fs::write(&path, bytes).unwrap();
            assert_eq!(read(&path).unwrap_err(), format!("cannot read {}: {why}", path.display()));
        }
        fs::write(&path, "\u{feff}hunter2 \r\n").unwrap();
        assert_eq!(read(&path).unwrap().as_str(), "hunter2");
        let missing = read(&folder.path().join("none")).unwrap_err();
        assert!(missing.ends_with("there is no such file"), "{missing}");
    }
}
