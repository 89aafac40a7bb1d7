//! A made-up next version of this workspace, to go to and to come back from: the tracked files with one more migration, built apart.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::command::Command;

const LIMIT: Duration = Duration::from_mins(40);

/// Builds the next version; its server.
pub(crate) fn build(root: &Path, target: &Path) -> Result<PathBuf, String> {
    let folder = target.join("next");
    let source = folder.join("source");
    copy(root, &source)?;
    let present = migrations(&source)?;
    let (name, store) = (format!("{:04}_next", present + 1), source.join("crates/store"));
    for engine in ["sqlite", "postgres"] {
        let (from, to) = (format!("src/suite/next/{engine}.sql"), format!("migrations/{engine}/{name}.sql"));
        fs::copy(store.join(from), store.join(to)).map_err(|error| error.to_string())?;
    }
    let file = store.join("src/schema.rs");
    let text = fs::read_to_string(&file).map_err(|error| error.to_string())?;
    let line = format!("    migration!(\"{name}\", oldest {present}, rewrites &[]),\n");
    let text = with_line(&text, &line).ok_or_else(|| format!("{}: no list", file.display()))?;
    fs::write(&file, text).map_err(|error| error.to_string())?;
    let built = folder.join("target");
    let build = ["build", "--quiet", "--locked", "--package", "grantwell"];
    Command::new("cargo")
        .args(build)
        .env("CARGO_TARGET_DIR", &built.to_string_lossy())
        .quiet(&source, LIMIT)?;
    Ok(built.join("debug/grantwell"))
}

/// The files as they are, those that git knows of.
fn copy(root: &Path, to: &Path) -> Result<(), String> {
    let listed = Command::new("git").args(["ls-files", "-z"]).output(root, LIMIT)?;
    let _ = fs::remove_dir_all(to);
    for name in listed.split('\0').filter(|name| !name.is_empty()) {
        let (from, to) = (root.join(name), to.join(name));
        let done = to.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::copy(&from, &to));
        done.map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

/// How many there are of each engine.
fn migrations(source: &Path) -> Result<usize, String> {
    let folder = source.join("crates/store/migrations/postgres");
    let files = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(files.flatten().filter(|file| file.path().extension().is_some_and(|kind| kind == "sql")).count())
}

/// With one more line at the end of the list of migrations.
fn with_line(text: &str, line: &str) -> Option<String> {
    let list = text.find("const MIGRATIONS")?;
    let end = list + text.get(list..)?.find("\n];")? + 1;
    let (before, after) = text.split_at_checked(end)?;
    Some(format!("{before}{line}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_migration_is_added_at_the_end_of_the_list() {
        let text =
            "const OTHER: [u8; 1] = [\n1,\n];\nconst MIGRATIONS: &[M] = &[\n    one,\n];\nlet x = [\n];\n";
        let expected = text.replace("    one,\n", "    one,\n    two,\n");
        assert_eq!(with_line(text, "    two,\n"), Some(expected));
        assert_eq!(with_line("nothing", "two"), None);
    }

    #[test]
    fn every_engine_has_a_next_version_and_there_is_a_list() {
        let store = crate::root().join("crates/store/src");
        for engine in ["sqlite", "postgres"] {
            assert!(store.join(format!("suite/next/{engine}.sql")).exists());
        }
        let text = fs::read_to_string(store.join("schema.rs")).unwrap();
        assert!(with_line(&text, "").is_some());
    }
}
