//! Rules over the resolved graph of dependencies: a reason for each that we name, licences, sources, duplicates.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use serde_json::Value;

use super::{
    Problems,
    arrows::{dependencies, parse},
};
use crate::{command::Command, source};

const REASONS: &str = "docs/dependencies.md";
const DUPLICATES: &str = "xtask/duplicates.txt";

/// Licences that need nothing but their text to be shipped. Others, MPL-2.0 among them, are added here by name of
/// the crate, with a reason, or not at all.
const LICENCES: [&str; 14] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];
const EXCEPTIONS: [(&str, &str); 0] = [];

/// Every dependency that a manifest names stands in the list with its reason.
pub(super) fn reasons(root: &Path) -> Result<Problems, String> {
    let list = source::read(&root.join(REASONS))?;
    let workspace = parse(&root.join("Cargo.toml"))?;
    let table = workspace.get("workspace").and_then(toml::Value::as_table).ok_or("no [workspace]")?;
    let mut names: BTreeSet<String> = dependencies(table).into_iter().collect();
    let members = table.get("members").and_then(toml::Value::as_array);
    for member in members.into_iter().flatten().filter_map(toml::Value::as_str) {
        let mut manifest = parse(&root.join(member).join("Cargo.toml"))?;
        names.extend(dependencies(&manifest));
        if let Some(tests) = manifest.remove("dev-dependencies") {
            let as_dependencies = toml::Table::from_iter([("dependencies".to_owned(), tests)]);
            names.extend(dependencies(&as_dependencies));
        }
    }
    let outside =
        names.iter().filter(|name| !name.starts_with("grantwell-") && !list.contains(&format!("`{name}`")));
    Ok(outside.map(|name| format!("{REASONS}: says nothing of `{name}`")).collect())
}

struct Package {
    name: String,
    version: String,
    licence: Option<String>,
    source: Option<String>,
}

/// The packages a build for Linux uses, tests and tools included.
fn packages(root: &Path) -> Result<Vec<Package>, String> {
    let target = "--filter-platform=x86_64-unknown-linux-gnu";
    let command = Command::new("cargo").args(["metadata", "--format-version", "1", "--locked", target]);
    let text = command.output(root, Duration::from_mins(5))?;
    let metadata: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let list =
        |pointer: &str| metadata.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
    let used: BTreeSet<String> = list("/resolve/nodes")
        .iter()
        .filter_map(|node| node.get("id")?.as_str().map(str::to_owned))
        .collect();
    let packages = list("/packages").into_iter().filter_map(|package| {
        let text = |name: &str| package.get(name).and_then(Value::as_str).map(str::to_owned);
        let id = text("id")?;
        let (name, version) = (text("name")?, text("version")?);
        used.contains(&id).then(|| Package {
            name,
            version,
            licence: text("license"),
            source: text("source"),
        })
    });
    Ok(packages.collect())
}

pub(super) fn licences(root: &Path) -> Result<Problems, String> {
    let mut problems = Problems::new();
    for Package { name, version, licence, source } in packages(root)? {
        let licence = licence.unwrap_or_default();
        if !is_allowed(&licence) && !EXCEPTIONS.contains(&(name.as_str(), licence.as_str())) {
            problems.push(format!("{name} {version}: licence `{licence}` is not in xtask/src/tidy/graph.rs"));
        }
        if source.is_some_and(|source| source != "registry+https://github.com/rust-lang/crates.io-index") {
            problems.push(format!("{name} {version}: does not come from crates.io"));
        }
    }
    Ok(problems)
}

/// Whether an SPDX expression can be met with the licences of the list: `OR` and the old `/` leave us the choice,
/// `AND` does not.
fn is_allowed(expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    any(&words, &mut at) && at == words.len()
}

fn any(words: &[&str], at: &mut usize) -> bool {
    let mut good = all(words, at);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        good |= all(words, at);
    }
    good
}

fn all(words: &[&str], at: &mut usize) -> bool {
    let mut good = one(words, at);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        good &= one(words, at);
    }
    good
}

fn one(words: &[&str], at: &mut usize) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let good = any(words, at);
        let closed = words.get(*at) == Some(&")");
        *at += 1;
        return good && closed;
    }
    if words.get(*at) == Some(&"WITH") {
        let whole = format!("{word} WITH {}", words.get(*at + 1).copied().unwrap_or_default());
        *at += 2;
        return LICENCES.contains(&whole.as_str());
    }
    LICENCES.contains(word)
}

/// Two versions of one crate that cannot be one: each stands in the list with its reason, and nothing else does.
pub(super) fn duplicates(root: &Path) -> Result<Problems, String> {
    let list = source::read(&root.join(DUPLICATES))?;
    let packages = packages(root)?;
    let found = packages.iter().map(|package| (package.name.as_str(), package.version.as_str()));
    Ok(compare(found, &list))
}

fn compare<'a>(packages: impl Iterator<Item = (&'a str, &'a str)>, list: &str) -> Problems {
    let mut series: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (name, version) in packages {
        series.entry(name).or_default().insert(compatible(version));
    }
    let found: BTreeSet<&str> =
        series.iter().filter(|(_, set)| set.len() > 1).map(|(name, _)| *name).collect();
    let lines = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let listed: BTreeSet<&str> = lines.filter_map(|line| line.split_whitespace().next()).collect();
    let mut problems = Problems::new();
    for name in found.difference(&listed) {
        let versions: Vec<&str> = series.get(name).into_iter().flatten().map(String::as_str).collect();
        problems.push(format!("{name}: versions {}; {DUPLICATES} does not say why", versions.join(", ")));
    }
    for name in listed.difference(&found) {
        problems.push(format!("{DUPLICATES}: {name} is no duplicate any more"));
    }
    problems
}

/// What Cargo takes for compatible: the first number that is not zero, and those before it.
fn compatible(version: &str) -> String {
    let numbers = version.split(['.', '-', '+']).take(3);
    let mut series = Vec::new();
    for number in numbers {
        series.push(number);
        if number != "0" {
            break;
        }
    }
    series.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licence_expressions_are_read() {
        for good in [
            "MIT",
            "MIT OR Apache-2.0",
            "MIT/Apache-2.0",
            "GPL-3.0 OR MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR Apache-2.0",
        ] {
            assert!(is_allowed(good), "{good}");
        }
        for bad in ["", "MPL-2.0", "MIT AND GPL-3.0", "(MIT", "MIT Apache-2.0", "Apache-2.0 WITH Other", "OR"]
        {
            assert!(!is_allowed(bad), "{bad}");
        }
    }

    #[test]
    fn duplicates_are_those_that_cargo_cannot_unify() {
        let packages = || {
            [("a", "1.2.0"), ("a", "1.9.0"), ("b", "0.1.0"), ("b", "0.2.0"), ("c", "1.0.0"), ("c", "2.0.0")]
        };
        assert_eq!(compare(packages().into_iter(), "# why\nb because\nc because\n"), Problems::new());
        assert_eq!(compare(packages().into_iter(), "b because\n").len(), 1, "c is not listed");
        assert_eq!(compare(packages().into_iter(), "a x\nb x\nc x\n").len(), 1, "a is no duplicate");
    }
}
