//! How fast the server is: `cargo xtask bench` and `cargo xtask instructions`, both with release builds.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    End, build,
    command::Command,
    packages::{NODE, NPM, VALGRIND, need},
    root,
};

const LIMIT: Duration = Duration::from_hours(2);
/// Where the counts are recorded.
pub(crate) const RECORD: &str = "bench/instructions.json";
/// What a build is made of.
const SOURCES: [&str; 3] = ["crates", "Cargo.toml", "Cargo.lock"];

/// Options that measure nothing beside the peer.
const WITHOUT_PEER: [&str; 3] = ["--against", "--concurrency", "--growth"];

/// Measures the server, beside another build of it, or beside the peer, whose packages it fetches.
pub(crate) fn bench(rest: &[&str]) -> End {
    ended(measure(&root(), rest))
}

fn measure(root: &Path, rest: &[&str]) -> Result<(), String> {
    let (server, bench) = build::released(root)?;
    let peer = root.join("bench/oidc-provider");
    let (server, peer_text) = (server.to_string_lossy(), peer.to_string_lossy());
    let mut fixed = vec!["run", "--server", &server];
    if !rest.iter().any(|argument| WITHOUT_PEER.iter().any(|option| is(argument, option))) {
        need(&NODE, root)?;
        need(&NPM, root)?;
        let install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
        // Standard output is the measurement's alone.
        Command::new("npm").args(install).quiet(&peer, LIMIT)?;
        fixed.extend(["--peer", &peer_text]);
    }
    Command::new(&bench.to_string_lossy())
        .args(fixed.into_iter().chain(rest.iter().copied()))
        .visible(root, LIMIT)
}

/// `--name` or `--name=value`.
fn is(argument: &str, name: &str) -> bool {
    argument.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
}

/// Counts the instructions of the requests that are made most, beside the record.
pub(crate) fn instructions(rest: &[&str]) -> End {
    match Counting::parse(rest) {
        Ok(counting) => ended(counting.run(&root())),
        Err(what) => End::Usage(what),
    }
}

/// What is counted, and whether it becomes the record.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counting<'a> {
    /// Without one the working tree is built.
    program: Option<&'a str>,
    writes: bool,
    /// That the program was built from; the working tree knows its own.
    commit: Option<&'a str>,
    /// Why one count grew by more than five percent.
    why: Option<&'a str>,
}

impl<'a> Counting<'a> {
    fn parse(arguments: &[&'a str]) -> Result<Self, String> {
        let mut counting = Self::default();
        let mut rest = arguments;
        while let [first, after @ ..] = rest {
            rest = match (*first, after) {
                ("--write", _) => {
                    counting.writes = true;
                    after
                }
                ("--program", [program, after @ ..]) => {
                    counting.program = Some(program);
                    after
                }
                ("--commit", [commit, after @ ..]) => {
                    counting.commit = Some(commit);
                    after
                }
                ("--why", [why, after @ ..]) => {
                    counting.why = Some(why);
                    after
                }
                _ => return Err(format!("`instructions` does not take `{first}` like this")),
            };
        }
        match counting {
            Self { writes: true, program: Some(_), commit: None, .. } => {
                Err("a record of another program needs the commit it was built from: --commit COMMIT"
                    .to_owned())
            }
            Self { writes: false, commit: Some(_), .. } => Err("`--commit` is for `--write`".to_owned()),
            Self { writes: false, why: Some(_), .. } => Err("`--why` is for `--write`".to_owned()),
            counting => Ok(counting),
        }
    }

    fn run(&self, root: &Path) -> Result<(), String> {
        need(&VALGRIND, root)?;
        let commit = match (self.writes, self.commit) {
            (false, _) => None,
            (true, Some(commit)) => Some(commit.to_owned()),
            (true, None) => Some(present_commit(root)?),
        };
        let (server, bench) = match self.program {
            None => build::released(root)?,
            Some(program) => (PathBuf::from(program), build::released_as(root, "grantwell-bench")?),
        };
        let (server, record) = (server.to_string_lossy(), root.join(RECORD));
        let record = record.to_string_lossy();
        let fixed = ["instructions", "--server", &server, "--record", &record];
        let write = commit.iter().flat_map(|commit| ["--write", commit.as_str()]);
        let why = self.why.iter().flat_map(|why| ["--why", why]);
        Command::new(&bench.to_string_lossy())
            .args(fixed.into_iter().chain(write).chain(why))
            .visible(root, LIMIT)
    }
}

/// Counts those of the working tree; an error when one takes more than the record allows. `bench` may be a debug build: it is not what is
/// counted.
pub(crate) fn compared(root: &Path, bench: &str) -> Result<(), String> {
    let server = build::released_as(root, "grantwell")?;
    let (server, record) = (server.to_string_lossy(), root.join(RECORD));
    let record = record.to_string_lossy();
    Command::new(bench).args(["instructions", "--server", &server, "--record", &record]).quiet(root, LIMIT)
}

/// The commit that the working tree is of, when what is built is as it was committed.
fn present_commit(root: &Path) -> Result<String, String> {
    let status = ["status", "--porcelain", "--"];
    let changed = Command::new("git").args(status.into_iter().chain(SOURCES)).output(root, LIMIT)?;
    if !changed.trim().is_empty() {
        return Err(format!("what would be recorded is not committed:\n{}", changed.trim_end()));
    }
    let commit = Command::new("git").args(["rev-parse", "--short", "HEAD"]).output(root, LIMIT)?;
    Ok(commit.trim().to_owned())
}

fn ended(done: Result<(), String>) -> End {
    match done {
        Ok(()) => End::Good,
        Err(error) => {
            eprintln!("error: {error}");
            End::Bad
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_another_program_needs_its_commit() {
        let parse = Counting::parse;
        assert_eq!(parse(&[]), Ok(Counting::default()));
        let other = Counting { program: Some("x"), ..Counting::default() };
        assert_eq!(parse(&["--program", "x"]), Ok(other));
        let written = Counting { program: Some("x"), writes: true, commit: Some("abc"), why: None };
        assert_eq!(parse(&["--program", "x", "--write", "--commit", "abc"]), Ok(written));
        for wrong in [
            &["--program"][..],
            &["--program", "x", "--write"],
            &["--commit", "abc"],
            &["--what"],
            &["--why", "a check more"],
            &["--write", "abc"],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_option_is_known_with_its_value_too() {
        assert!(is("--against", "--against") && is("--against=x", "--against"));
        assert!(WITHOUT_PEER.iter().any(|option| is("--growth=1000,2000", option)));
        assert!(!is("--again", "--against") && !is("--againsted", "--against"));
    }
}
