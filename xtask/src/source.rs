//! The files of the repository, and Rust source split into code, comments and string literals.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A file: its path from the root with `/` between the parts, and its text.
pub(crate) struct RepositoryFile {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// All files under `folder` of `root` with one of these endings, in order; generated and fetched ones left out.
pub(crate) fn files(root: &Path, folder: &str, endings: &[&str]) -> Result<Vec<RepositoryFile>, String> {
    let mut found = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.map_err(|error| error.to_string())?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if path.is_dir() {
                if !matches!(name.as_str(), "target" | "node_modules" | "test-output")
                    && !name.starts_with('.')
                {
                    folders.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(RepositoryFile { text: read(&path)?, path: relative(root, &path) });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Whether a file of the server holds nothing but tests.
pub(crate) fn is_test(path: &str) -> bool {
    path.starts_with("crates/server/src/tests/") || path.starts_with("crates/server/tests/")
}

/// The text of one file.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn relative(root: &Path, path: &Path) -> String {
    let path: PathBuf = path.strip_prefix(root).map_or_else(|_| path.to_owned(), Path::to_owned);
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// Rust source in two halves of the same length in lines.
pub(crate) struct Lexed {
    /// The source with comments and the insides of literals blanked.
    pub(crate) code: String,
    /// String literals with the line they start on, counted from one.
    pub(crate) strings: Vec<(usize, String)>,
}

/// Splits Rust source. It knows line and nested block comments, plain, byte and raw strings, and characters.
pub(crate) fn lex(text: &str) -> Lexed {
    let chars: Vec<char> = text.chars().collect();
    let mut lexer =
        Lexer { chars: &chars, at: 0, line: 1, code: String::with_capacity(text.len()), strings: Vec::new() };
    while lexer.peek(0).is_some() {
        lexer.step();
    }
    Lexed { code: lexer.code, strings: lexer.strings }
}

struct Lexer<'a> {
    chars: &'a [char],
    at: usize,
    line: usize,
    code: String,
    strings: Vec<(usize, String)>,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn keep(&mut self) {
        if let Some(c) = self.peek(0) {
            self.line += usize::from(c == '\n');
            self.code.push(c);
            self.at += 1;
        }
    }

    fn blank(&mut self) -> Option<char> {
        let c = self.peek(0)?;
        self.line += usize::from(c == '\n');
        self.code.push(if c == '\n' { '\n' } else { ' ' });
        self.at += 1;
        Some(c)
    }

    fn step(&mut self) {
        let word_before = self
            .at
            .checked_sub(1)
            .and_then(|at| self.chars.get(at))
            .is_some_and(|c| c.is_alphanumeric() || *c == '_');
        match (self.peek(0), self.peek(1)) {
            (Some('/'), Some('/')) => {
                while self.peek(0).is_some_and(|c| c != '\n') {
                    self.blank();
                }
            }
            (Some('/'), Some('*')) => self.block_comment(),
            (Some('"'), _) => self.string(),
            (Some('r'), Some('"' | '#')) if !word_before => self.raw_string(),
            (Some('b'), Some('r')) if !word_before && matches!(self.peek(2), Some('"' | '#')) => {
                self.keep();
                self.raw_string();
            }
            (Some('\''), _) => self.character(),
            _ => self.keep(),
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0_u32;
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some('/'), Some('*')) => depth += 1,
                (Some('*'), Some('/')) => depth -= 1,
                (None, _) => return,
                _ => {
                    self.blank();
                    continue;
                }
            }
            self.blank();
            self.blank();
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        let line = self.line;
        let mut text = String::new();
        self.keep();
        while let Some(c) = self.peek(0) {
            if c == '"' {
                break;
            }
            text.extend(self.blank());
            if c == '\\' {
                text.extend(self.blank());
            }
        }
        self.keep();
        self.strings.push((line, text));
    }

    fn raw_string(&mut self) {
        let line = self.line;
        let hashes = (1..=255).take_while(|ahead| self.peek(*ahead) == Some('#')).count();
        if self.peek(1 + hashes) != Some('"') {
            // `r#type`: a raw identifier.
            self.keep();
            return;
        }
        for _ in 0..hashes + 2 {
            self.keep();
        }
        let mut text = String::new();
        let ends = |lexer: &Self| {
            lexer.peek(0) == Some('"') && (1..=hashes).all(|ahead| lexer.peek(ahead) == Some('#'))
        };
        while self.peek(0).is_some() && !ends(self) {
            text.extend(self.blank());
        }
        for _ in 0..=hashes {
            self.keep();
        }
        self.strings.push((line, text));
    }

    /// A character literal, or the tick of a lifetime.
    fn character(&mut self) {
        let length = match (self.peek(1), self.peek(2)) {
            (Some('\\'), _) => (3..14).find(|ahead| self.peek(*ahead) == Some('\'')),
            (Some(_), Some('\'')) => Some(2),
            _ => None,
        };
        match length {
            Some(length) => {
                for _ in 0..=length {
                    self.blank();
                }
            }
            None => self.keep(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_comments_and_strings_are_told_apart() {
        let source = [
            "// SELECT in a comment",
            "fn a<'x>(b: &'x str) -> char { /* x /* y */ \"no\" */ '\"' }",
            "const S: &str = \"a \\\" // b\";",
            "const R: &str = r#\"SELECT \"1\"\"#;",
            "let r#type = b'\\'';",
            "call(\"last\")",
        ]
        .join("\n");
        let lexed = lex(&source);
        let strings: Vec<_> = lexed.strings.iter().map(|(line, text)| (*line, text.as_str())).collect();
        assert_eq!(strings, [(3, "a \\\" // b"), (4, "SELECT \"1\""), (6, "last")]);
        assert!(!lexed.code.contains("SELECT") && !lexed.code.contains("no"), "{}", lexed.code);
        assert!(lexed.code.contains("fn a<'x>(b: &'x str)") && lexed.code.contains("let r#type"));
        assert_eq!(lexed.code.lines().count(), source.lines().count());
    }
}
