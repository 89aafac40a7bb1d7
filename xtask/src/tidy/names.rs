//! One name, one type: no two public or crate-visible types of the workspace share a name. Private types and those of
//! tests do not count, nor do types that a macro names by pasting.

use std::{collections::BTreeMap, path::Path};

use super::Problems;
use crate::source::{RepositoryFile, files, lex};

/// Folders with Rust of ours.
const FOLDERS: [&str; 4] = ["crates", "examples", "bench", "xtask"];
const KINDS: [&str; 4] = ["struct ", "enum ", "trait ", "type "];
/// Marks an item, a module or a file of tests.
const TEST: &str = "#[cfg(test)]";
/// Names that stand twice, with the reason. Both types are private to their folder and never meet.
const TWICE: &[(&str, &str)] = &[];

pub(super) fn check(root: &Path) -> Result<Problems, String> {
    let mut all = Vec::new();
    for folder in FOLDERS {
        all.extend(files(root, folder, &[".rs"])?);
    }
    Ok(doubles(&all, TWICE))
}

/// A line for each name that several types have, and for each exception that is not needed.
fn doubles(sources: &[RepositoryFile], twice: &[(&str, &str)]) -> Problems {
    let codes: Vec<(&str, String)> =
        sources.iter().map(|source| (source.path.as_str(), lex(&source.text).code)).collect();
    let tests: Vec<String> = codes.iter().flat_map(|(path, code)| test_modules(path, code)).collect();
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, code) in codes.iter().filter(|(path, _)| !is_test(path, &tests)) {
        for (line, name) in types(&without_tests(code)) {
            places.entry(name).or_default().push(format!("{path}:{line}"));
        }
    }
    let allowed = |name: &str| twice.iter().any(|(one, _)| *one == name);
    let shared = |name: &str| places.get(name).is_some_and(|places| places.len() > 1);
    let mut problems: Problems = places
        .iter()
        .filter(|(name, places)| places.len() > 1 && !allowed(name))
        .map(|(name, places)| format!("{}: the name {name} is taken by {}", last(places), others(places)))
        .collect();
    let stale = twice.iter().filter(|(name, _)| !shared(name));
    problems.extend(stale.map(|(name, _)| format!("xtask/src/tidy/names.rs: {name} no longer stands twice")));
    problems
}

fn last(places: &[String]) -> &str {
    places.last().map(String::as_str).unwrap_or_default()
}

fn others(places: &[String]) -> String {
    places.split_last().map(|(_, others)| others.join(", ")).unwrap_or_default()
}

/// Where the modules are that `code` declares for tests: `a/b/name.rs` and all under `a/b/name/`, without the ending.
fn test_modules(path: &str, code: &str) -> Vec<String> {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = file.trim_end_matches(".rs");
    let folder =
        if matches!(stem, "mod" | "lib" | "main") { folder.to_owned() } else { format!("{folder}/{stem}") };
    let declared = code.split(TEST).skip(1).filter_map(|rest| {
        let (item, _) = rest.split_once(';')?;
        let (_, name) = item.split_once("mod ")?;
        name.chars().all(|c| c.is_alphanumeric() || c == '_').then_some(name)
    });
    declared.map(|name| format!("{folder}/{name}")).collect()
}

fn is_test(path: &str, modules: &[String]) -> bool {
    path.split('/').any(|part| part == "tests")
        || modules.iter().any(|module| {
            path.strip_prefix(module.as_str()).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        })
}

/// `code` with each item that is for tests alone blanked; lines stay where they are.
fn without_tests(code: &str) -> String {
    let mut rest = code;
    let mut kept = String::with_capacity(code.len());
    while let Some((before, item)) = rest.split_once(TEST) {
        kept.push_str(before);
        let (inside, after) = item.split_at(end_of_item(item));
        kept.extend(inside.chars().filter(|c| *c == '\n'));
        rest = after;
    }
    kept + rest
}

/// Where the item that begins `code` ends: after its `;`, or after the brace that closes its body.
fn end_of_item(code: &str) -> usize {
    let mut depth = 0_u32;
    for (at, c) in code.char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => {
                depth = depth.saturating_sub(1);
                if c == '}' && depth == 0 {
                    return at + 1;
                }
            }
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

/// The types that others can see, each with its line: declarations, and names listed in a macro `…_id! { … }`.
fn types(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut in_ids = false;
    for (number, line) in code.lines().enumerate() {
        let line = line.trim();
        let name = if in_ids { line.strip_suffix(';') } else { declared(line) };
        if let Some(name) = name.filter(|name| name.starts_with(char::is_uppercase)) {
            found.push((number + 1, name.to_owned()));
        }
        in_ids = line.ends_with("_id! {") || (in_ids && line != "}");
    }
    found
}

/// The name in `pub struct Name …`, whatever the visibility after `pub`.
fn declared(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("pub")?;
    let rest = match rest.strip_prefix('(') {
        Some(scope) => scope.split_once(')')?.1,
        None => rest,
    };
    let rest = rest.strip_prefix(' ')?;
    let name = KINDS.iter().find_map(|kind| rest.strip_prefix(kind))?;
    let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
    name.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)], twice: &[(&str, &str)]) -> Problems {
        let sources =
            files.iter().map(|(path, text)| RepositoryFile { path: (*path).into(), text: (*text).into() });
        doubles(&sources.collect::<Vec<_>>(), twice)
    }

    #[test]
    fn a_name_that_two_types_have_is_found_whatever_they_are() {
        let first = ("a/src/lib.rs", "pub struct Answer(u8);");
        for second in [
            "pub struct Answer {",
            "pub(crate) enum Answer {",
            "    pub(super) trait Answer: Sized {",
            "pub type Answer<T> = Result<T, ()>;",
            "pub(in crate::x) struct Answer;",
            "text_id! {\n    /// Doc.\n    Answer;\n}",
        ] {
            let problems = found(&[first, ("b/src/lib.rs", second)], &[]);
            assert_eq!(problems.len(), 1, "{second}: {problems:?}");
            assert!(problems[0].ends_with("the name Answer is taken by a/src/lib.rs:1"), "{problems:?}");
        }
    }

    #[test]
    fn private_types_comments_and_longer_names_do_not_count() {
        for second in ["struct Answer;", "// pub struct Answer;", "pub struct Answers;", "pub fn Answer() {}"]
        {
            let problems = found(&[("a.rs", "pub struct Answer;"), ("b.rs", second)], &[]);
            assert!(problems.is_empty(), "{second}: {problems:?}");
        }
    }

    #[test]
    fn what_is_for_tests_alone_does_not_count_and_what_follows_does() {
        let item = "#[cfg(test)]\npub(crate) mod stage {\n    pub struct Answer;\n}\npub struct Later;";
        let all = [
            ("c/src/lib.rs", "pub struct Answer;\n#[cfg(test)]\npub(crate) mod fixtures;\n"),
            ("c/src/fixtures.rs", "pub struct Answer;"),
            ("c/src/fixtures/more.rs", "pub struct Answer;"),
            ("c/src/code.rs", "#[cfg(test)]\nmod tests;\n"),
            ("c/src/code/tests.rs", "pub struct Answer;"),
            ("c/tests/all.rs", "pub struct Answer;"),
            ("c/src/item.rs", item),
        ];
        assert!(found(&all, &[]).is_empty(), "{:?}", found(&all, &[]));
        let mut with_later = all.to_vec();
        with_later.push(("d/src/lib.rs", "pub struct Later;"));
        assert_eq!(found(&with_later, &[]), ["d/src/lib.rs:1: the name Later is taken by c/src/item.rs:5"]);
    }

    #[test]
    fn an_exception_holds_while_it_is_needed() {
        let both = [("a.rs", "pub struct Answer;"), ("b.rs", "pub struct Answer;")];
        assert!(found(&both, &[("Answer", "a reason")]).is_empty());
        let stale = found(&both[..1], &[("Answer", "a reason")]);
        assert_eq!(stale, ["xtask/src/tidy/names.rs: Answer no longer stands twice"]);
    }
}
