//! The catalogue of attacks, and which test shows each: `docs/security-tests.md` is written from both.
//!
//! `xtask/catalogue.txt` has a line per attack: id, `P0` or `-`, the attack, and what is still open, with tabs between.
//! A Rust test belongs to the ids its name starts with (`c_06_t_10_…`), a test of another language to those its title
//! has in brackets (`[L-01]`).

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::Path,
};

use crate::source::{self, files, lex};

const CATALOGUE: &str = "xtask/catalogue.txt";
const PAGE: &str = "docs/security-tests.md";

struct Item {
    id: String,
    is_first: bool,
    attack: String,
    open: Option<String>,
}

type Tests = BTreeMap<String, BTreeSet<String>>;

/// Writes the page.
pub(crate) fn write(root: &Path) -> Result<(), String> {
    let page = page(&items(root)?, &tests(root)?);
    let path = root.join(PAGE);
    path.parent().map_or(Ok(()), fs::create_dir_all).map_err(|error| error.to_string())?;
    fs::write(&path, page).map_err(|error| format!("{}: {error}", path.display()))
}

/// The page is up to date, every P0 has a test or says what it waits for, and no test names an id that does not exist.
pub(crate) fn check(root: &Path) -> Result<Vec<String>, String> {
    let (items, tests) = (items(root)?, tests(root)?);
    let mut problems = gaps(&items, &tests);
    let current = fs::read_to_string(root.join(PAGE)).unwrap_or_default();
    if current != page(&items, &tests) {
        problems.push(format!("{PAGE}: out of date; run: cargo xtask security-tests"));
    }
    Ok(problems)
}

fn gaps(items: &[Item], tests: &Tests) -> Vec<String> {
    let mut problems = Vec::new();
    for item in items.iter().filter(|item| item.is_first && item.open.is_none()) {
        if !tests.contains_key(&item.id) {
            problems.push(format!("{CATALOGUE}: {} has neither a test nor a note on what is open", item.id));
        }
    }
    for (id, names) in tests.iter().filter(|(id, _)| items.iter().all(|item| item.id != **id)) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        problems.push(format!("{CATALOGUE}: {id} is missing, named by {}", names.join(", ")));
    }
    problems
}

fn items(root: &Path) -> Result<Vec<Item>, String> {
    parse(&source::read(&root.join(CATALOGUE))?)
}

fn parse(text: &str) -> Result<Vec<Item>, String> {
    let mut items: Vec<Item> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let bad = |why: &str| format!("{CATALOGUE}:{}: {why}", number + 1);
        let mut columns = line.split('\t');
        let (Some(id), Some(priority), Some(attack)) = (columns.next(), columns.next(), columns.next())
        else {
            return Err(bad("id, P0 or -, and the attack are needed, with tabs between"));
        };
        if items.iter().any(|item| item.id == id) {
            return Err(bad("this id stands twice"));
        }
        items.push(Item {
            id: id.to_owned(),
            is_first: match priority {
                "P0" => true,
                "-" => false,
                _ => return Err(bad("the second column is P0 or -")),
            },
            attack: attack.to_owned(),
            open: columns.next().map(str::to_owned),
        });
    }
    Ok(items)
}

fn tests(root: &Path) -> Result<Tests, String> {
    let mut tests = Tests::new();
    for folder in ["crates", "examples", "bench", "tests"] {
        for file in files(root, folder, &[".rs"])? {
            for name in rust_tests(&lex(&file.text).code) {
                for id in ids_of_name(&name) {
                    tests.entry(id).or_default().insert(format!("`{name}` ({})", file.path));
                }
            }
        }
    }
    for file in files(root, "tests", &[".mjs", ".js"])? {
        for title in titles(&file.text) {
            for id in ids_of_title(&title) {
                let words = title.rsplit(']').next().unwrap_or(&title).trim();
                tests.entry(id).or_default().insert(format!("“{words}” ({})", file.path));
            }
        }
    }
    Ok(tests)
}

/// Names of the functions under `#[test]` or `#[tokio::test]`.
fn rust_tests(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_test = false;
    for line in code.lines().map(str::trim) {
        if line.starts_with("#[") {
            is_test |=
                ["#[test]", "#[tokio::test]", "#[tokio::test("].iter().any(|start| line.starts_with(start));
        }
        if let Some((before, rest)) = line.split_once("fn ") {
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if is_test && before.chars().all(|c| c.is_ascii_lowercase() || "#[]:() ".contains(c)) {
                names.push(name);
            }
            is_test = false;
        }
    }
    names
}

/// `c_06_t_10_a_bearer_value…` names C-06 and T-10.
fn ids_of_name(name: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut words = name.split('_');
    while let (Some(group), Some(number)) = (words.next(), words.next()) {
        let is_group = group.len() == 1 && group.chars().all(|c| c.is_ascii_lowercase());
        let is_number = number.len() == 2 && number.chars().all(|c| c.is_ascii_digit());
        if !is_group || !is_number {
            break;
        }
        ids.push(format!("{}-{number}", group.to_ascii_uppercase()));
    }
    ids
}

/// Titles given to node's test runner: the first argument of `test(` or `it(`.
fn titles(text: &str) -> Vec<String> {
    let mut titles = Vec::new();
    for call in ["test(", "it("] {
        for (at, _) in text.match_indices(call) {
            let mut rest = text.get(at + call.len()..).unwrap_or_default().trim_start().chars();
            if let Some(quote) = rest.next().filter(|c| "\"'`".contains(*c)) {
                titles.push(rest.take_while(|c| *c != quote).collect());
            }
        }
    }
    titles
}

/// `[L-01] [L-02] a title` names both.
fn ids_of_title(title: &str) -> Vec<String> {
    let parts = title.split('[').skip(1).filter_map(|part| part.split_once(']')).map(|(id, _)| id);
    parts.filter(|id| is_id(id)).map(str::to_owned).collect()
}

fn is_id(text: &str) -> bool {
    text.split_once('-').is_some_and(|(group, number)| {
        group.len() == 1
            && group.chars().all(|c| c.is_ascii_uppercase())
            && number.len() == 2
            && number.chars().all(|c| c.is_ascii_digit())
    })
}

fn page(items: &[Item], tests: &Tests) -> String {
    let mut page = String::from(
        "# Security tests\n\n\
         Written by `cargo xtask security-tests` from `xtask/catalogue.txt` and the names of the tests; not by hand.\n\
         An attack with a star comes first: it must have a test, or say which feature it waits for.\n\n\
         | id | attack | shown by |\n|---|---|---|\n",
    );
    for item in items {
        let mut shown: Vec<String> = tests.get(&item.id).into_iter().flatten().cloned().collect();
        shown.extend(item.open.iter().map(|open| format!("open: {open}")));
        if shown.is_empty() {
            shown.push("no test".to_owned());
        }
        let star = if item.is_first { "*" } else { "" };
        let cell = |text: &str| text.replace('|', "\\|");
        let _ =
            writeln!(page, "| {}{star} | {} | {} |", item.id, cell(&item.attack), cell(&shown.join("<br>")));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_from_names_and_titles() {
        assert_eq!(ids_of_name("c_06_t_10_a_bearer_value"), ["C-06", "T-10"]);
        assert_eq!(ids_of_name("r_03_prefix_and_suffix_are_refused"), ["R-03"]);
        assert!(ids_of_name("a_plain_name_with_12").is_empty());
        assert_eq!(ids_of_title("[L-01] [L-02] another site [x]"), ["L-01", "L-02"]);
        assert_eq!(
            titles("test(\"[L-01] a\", async () => {});\n  it('b', f); test(name)"),
            ["[L-01] a", "b"]
        );
    }

    #[test]
    fn only_functions_under_a_test_attribute_count() {
        let code = "fn r_01_x() {}\n#[test]\nfn r_02_x() {}\n#[tokio::test(flavor = )]\n#[ignore]\nasync fn r_03_x() {}\nfn r_04_x() {}";
        assert_eq!(rust_tests(code), ["r_02_x", "r_03_x"]);
    }

    #[test]
    fn a_first_attack_without_a_test_or_a_note_is_found() {
        let items = parse("R-01\tP0\tone\nR-02\tP0\ttwo\ta feature\nR-03\t-\tthree\n").unwrap();
        assert_eq!(gaps(&items, &Tests::new()).len(), 1);
        let tests = Tests::from([("R-01".to_owned(), BTreeSet::from(["`r_01`".to_owned()]))]);
        assert!(gaps(&items, &tests).is_empty());
        let tests = Tests::from([("Z-99".to_owned(), BTreeSet::from(["`z_99`".to_owned()]))]);
        assert_eq!(gaps(&items, &tests).len(), 2, "R-01 has none, and Z-99 is unknown");
        assert!(page(&items, &Tests::new()).contains("| R-02* | two | open: a feature |"));
    }

    #[test]
    fn a_line_that_is_not_three_columns_is_an_error() {
        for text in ["R-01\tP0", "R-01\tP1\tx", "R-01\t-\tx\nR-01\t-\ty"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
