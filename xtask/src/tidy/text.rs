//! Rules over the source text: where SQL and HTTP types may stand, who may use the examples, and how long a file may be.

use std::path::Path;

use super::Problems;
use crate::source::{RepositoryFile, files, lex};

const LONGEST: usize = 600;

/// All Rust of the repository but this tool's own, which quotes what it looks for.
fn rust(root: &Path) -> Result<Vec<RepositoryFile>, String> {
    let mut all = Vec::new();
    for folder in ["crates", "examples", "bench", "fuzz", "tests"] {
        all.extend(files(root, folder, &[".rs"])?);
    }
    Ok(all)
}

pub(super) fn length(root: &Path) -> Result<Problems, String> {
    let mut all = rust(root)?;
    all.extend(files(root, "xtask", &[".rs"])?);
    let long =
        all.iter().map(|file| (&file.path, file.text.lines().count())).filter(|(_, lines)| *lines > LONGEST);
    Ok(long.map(|(path, lines)| format!("{path}: {lines} lines, at most {LONGEST}")).collect())
}

pub(super) fn sql(root: &Path) -> Result<Problems, String> {
    // A test may break a database on purpose, and quote what an attacker types.
    let elsewhere = rust(root)?
        .into_iter()
        .filter(|file| !file.path.starts_with("crates/store/") && !crate::source::is_test(&file.path));
    Ok(elsewhere.flat_map(|file| sql_in(&file)).collect())
}

fn sql_in(file: &RepositoryFile) -> Problems {
    let strings = lex(&file.text).strings;
    let lines = strings.into_iter().filter(|(_, text)| is_sql(text)).map(|(line, _)| line);
    lines.map(|line| format!("{}:{line}: SQL belongs to crates/store", file.path)).collect()
}

/// Statements are written in capitals here; a sentence that says "Select an account" is none.
fn is_sql(text: &str) -> bool {
    let after = |first: &str, then: &str| text.split_once(first).is_some_and(|(_, rest)| rest.contains(then));
    after("SELECT ", " FROM ")
        || after("UPDATE ", " SET ")
        || [
            "INSERT INTO ",
            "DELETE FROM ",
            "CREATE TABLE ",
            "DROP TABLE ",
            "PRAGMA ",
            "SELECT count",
            "BEGIN IMMEDIATE",
        ]
        .iter()
        .any(|statement| text.contains(statement))
}

pub(super) fn http(root: &Path) -> Result<Problems, String> {
    let mut inside = files(root, "crates/core", &[".rs"])?;
    inside.extend(files(root, "crates/store", &[".rs"])?);
    Ok(inside.iter().flat_map(http_in).collect())
}

const HTTP_CRATES: [&str; 7] = ["axum", "http", "hyper", "hyper_util", "reqwest", "tower", "tower_http"];

fn http_in(file: &RepositoryFile) -> Problems {
    let code = lex(&file.text).code;
    let mut problems = Problems::new();
    for (number, line) in code.lines().enumerate() {
        for name in HTTP_CRATES.iter().filter(|name| has_path(line, name)) {
            problems.push(format!("{}:{}: {name} belongs to crates/server", file.path, number + 1));
        }
    }
    problems
}

/// Whether `line` uses something of the crate `name`: `name::…`, as a word of its own.
fn has_path(line: &str, name: &str) -> bool {
    line.match_indices(&format!("{name}::")).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

pub(super) fn examples(root: &Path) -> Result<Problems, String> {
    let mut problems = Problems::new();
    for file in files(root, "crates", &[".rs"])? {
        // `dev.rs`, or the folder it may become.
        if file.path.starts_with("crates/server/src/cli/dev") {
            continue;
        }
        let code = lex(&file.text).code;
        for (number, line) in code.lines().enumerate() {
            if ["grantwell_third_party", "grantwell_notes_api"].iter().any(|name| has_path(line, name)) {
                problems.push(format!(
                    "{}:{}: only crates/server/src/cli/dev.rs may use an example",
                    file.path,
                    number + 1
                ));
            }
        }
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> RepositoryFile {
        RepositoryFile { path: "x.rs".to_owned(), text: text.to_owned() }
    }

    #[test]
    fn statements_are_found_and_sentences_are_not() {
        for text in [
            "SELECT a FROM b",
            "UPDATE code SET used = 1",
            "INSERT INTO t VALUES (1)",
            "DELETE FROM t",
            "PRAGMA integrity_check",
        ] {
            assert_eq!(sql_in(&file(&format!("let x = \"{text}\";"))).len(), 1, "{text}");
            assert!(sql_in(&file(&format!("// {text}"))).is_empty(), "{text} in a comment");
        }
        for text in ["Select an account from the list", "UPDATE your password", "select a from b"] {
            assert!(sql_in(&file(&format!("let x = \"{text}\";"))).is_empty(), "{text}");
        }
    }

    #[test]
    fn http_types_are_found_and_look_alikes_are_not() {
        for text in ["use axum::Router;", "fn f(x: http::StatusCode) {}", "let y = (reqwest::get)(1);"] {
            assert_eq!(http_in(&file(text)).len(), 1, "{text}");
        }
        for text in ["use crate::http::x;", "my_http::x()", "// use axum::Router;", "let s = \"http::x\";"] {
            assert!(http_in(&file(text)).is_empty(), "{text}");
        }
    }
}
