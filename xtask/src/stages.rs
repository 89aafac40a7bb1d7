//! `cargo xtask test`: stages, each one row; a line per stage with its time, and what a failed one had to say.

use std::{
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    End,
    command::Command,
    next,
    packages::{CHROMIUM, ETCD, HAPROXY, NODE, NPM, PATRONI, PGBOUNCER, POSTGRESQL, need},
    root, tidy,
};

struct Stage {
    name: &'static str,
    run: fn(&Path) -> Result<(), String>,
}

const STAGES: &[Stage] = &[
    Stage { name: "format", run: format },
    Stage { name: "clippy", run: clippy },
    Stage { name: "tidy", run: tidy::check },
    Stage { name: "cargo", run: cargo },
    Stage { name: "postgres", run: postgres },
    Stage { name: "kills", run: |root| kills(root, 8)?.quiet(root, LONG) },
    Stage { name: "nodes", run: |root| breaks(root, "nodes", &["--rounds", "3"])?.quiet(root, LONG) },
    Stage {
        name: "outages",
        run: |root| breaks(root, "outages", &["--rounds", "1", "--seconds", "3"])?.quiet(root, LONG),
    },
    Stage { name: "pooler", run: |root| breaks(root, "pooler", &["--rounds", "2"])?.quiet(root, LONG) },
    Stage { name: "backups", run: |root| breaks(root, "backups", &["--rounds", "2"])?.quiet(root, LONG) },
    Stage { name: "patroni", run: |root| breaks(root, "patroni", &["--rounds", "2"])?.quiet(root, LONG) },
    Stage {
        name: "upgrade",
        run: |root| breaks(root, "upgrade", &["--rounds", "1", "--mixed", "2"])?.quiet(root, LONG),
    },
    Stage { name: "browser", run: browser },
    Stage { name: "foreign", run: foreign },
];

/// What the packages of the lock files ask for.
const OLDEST_NODE: u32 = 20;
const SHORT: Duration = Duration::from_mins(5);
const LONG: Duration = Duration::from_mins(25);

/// Runs the named stages, or all. A failed stage does not keep the others from running.
pub(crate) fn run(names: &[&str]) -> End {
    if let Some(unknown) = names.iter().find(|name| STAGES.iter().all(|stage| stage.name != **name)) {
        let known: Vec<&str> = STAGES.iter().map(|stage| stage.name).collect();
        return End::Usage(format!("`test` has no stage `{unknown}` (stages: {})", known.join(", ")));
    }
    let (root, start) = (root(), Instant::now());
    let mut failed = Vec::new();
    let chosen = STAGES.iter().filter(|stage| names.is_empty() || names.contains(&stage.name));
    let mut count = 0_u32;
    for stage in chosen {
        count += 1;
        print!("{:<10}", stage.name);
        let _ = std::io::stdout().flush();
        let begun = Instant::now();
        let result = (stage.run)(&root);
        let word = if result.is_ok() { "ok" } else { "FAILED" };
        println!("{word:<8}{:>7.1} s", begun.elapsed().as_secs_f64());
        if let Err(error) = result {
            eprintln!("{error}");
            failed.push(stage.name);
        }
    }
    let time = start.elapsed().as_secs_f64();
    println!(
        "stages: {} passed, {} failed",
        usize::try_from(count).unwrap_or(0) - failed.len(),
        failed.len()
    );
    if failed.is_empty() {
        println!("total     {count} stages ok in {time:.1} s");
        End::Good
    } else {
        println!("total     {} of {count} stages failed in {time:.1} s: {}", failed.len(), failed.join(", "));
        End::Bad
    }
}

fn format(root: &Path) -> Result<(), String> {
    Command::new("cargo").args(["fmt", "--all", "--check"]).quiet(root, SHORT)
}

fn clippy(root: &Path) -> Result<(), String> {
    let arguments = [
        "clippy",
        "--quiet",
        "--workspace",
        "--all-targets",
        "--features",
        "grantwell/postgres-tests,grantwell-store/postgres-tests",
        "--locked",
        "--",
        "-D",
        "warnings",
    ];
    Command::new("cargo").args(arguments).quiet(root, LONG)
}

fn cargo(root: &Path) -> Result<(), String> {
    Command::new("cargo").args(["test", "--quiet", "--workspace", "--locked"]).quiet(root, LONG)
}

/// The store's suite, the in-process HTTP tests and the commands again, each beside a PostgreSQL of its own.
fn postgres(root: &Path) -> Result<(), String> {
    need(&POSTGRESQL, root)?;
    let (_, bench) = built(root)?;
    let store = ["grantwell-store", "--lib", "--test", "postgres", "--features", "postgres-tests"];
    let exchanges = ["grantwell", "--bin", "grantwell", "tests::"];
    let commands = ["grantwell", "--test", "cli", "--features", "postgres-tests", "postgres::"];
    for tests in [&store[..], &exchanges[..], &commands[..]] {
        let cargo = ["with-postgres", "--", "cargo", "test", "--quiet", "--locked", "--package"];
        Command::new(&bench).args(cargo.iter().chain(tests).copied()).quiet(root, LONG)?;
    }
    Ok(())
}

/// What kills the server under load that often, and checks what it had acknowledged.
pub(crate) fn kills(root: &Path, rounds: u32) -> Result<Command, String> {
    let (server, bench) = built(root)?;
    Ok(Command::new(&bench).args(["kills", "--server", &server, "--rounds", &rounds.to_string()]))
}

/// The run that breaks what several nodes stand on, again and again, and checks what was acknowledged.
pub(crate) fn breaks(root: &Path, what: &str, extent: &[&str]) -> Result<Command, String> {
    for package in [POSTGRESQL, HAPROXY, PGBOUNCER, ETCD, PATRONI] {
        need(&package, root)?;
    }
    let (server, bench) = built(root)?;
    let fixed = [what, "--server", &server];
    Ok(Command::new(&bench).args(fixed.iter().chain(extent).copied()))
}

/// Three servers go to a made-up next version, and back.
pub(crate) fn upgrade_to_next(root: &Path) -> Result<Command, String> {
    let debug = program(root)?;
    let target = debug.parent().and_then(Path::parent).ok_or("no target directory")?;
    let next = next::build(root, target)?;
    // Catalogue FT-13: 200 ends of a node, and half an hour of two versions.
    breaks(root, "upgrade", &["--next", &next.to_string_lossy(), "--rounds", "34", "--mixed", "53"])
}

/// What fills a large database and measures; the engine is missing.
pub(crate) fn large(root: &Path) -> Result<Command, String> {
    need(&POSTGRESQL, root)?;
    let build = [
        "build",
        "--quiet",
        "--release",
        "--locked",
        "--package",
        "grantwell",
        "--package",
        "grantwell-bench",
    ];
    Command::new("cargo").args(build).quiet(root, LONG)?;
    let server = program(root)?.with_file_name("../release/grantwell");
    let bench = server.with_file_name("grantwell-bench");
    let server = server.to_string_lossy();
    Ok(Command::new(&bench.to_string_lossy()).args(["large", "--server", &server]))
}

/// Builds the server, and what puts load on it.
fn built(root: &Path) -> Result<(String, String), String> {
    let build = ["build", "--quiet", "--locked", "--package", "grantwell", "--package", "grantwell-bench"];
    Command::new("cargo").args(build).quiet(root, LONG)?;
    let server = program(root)?;
    let bench = server.with_file_name("grantwell-bench");
    Ok((server.to_string_lossy().into_owned(), bench.to_string_lossy().into_owned()))
}

/// The store's suite with that many rounds of random commits against the model, on both engines.
pub(crate) fn model(root: &Path, rounds: u32) -> Result<(), String> {
    need(&POSTGRESQL, root)?;
    let (_, bench) = built(root)?;
    let cargo = ["with-postgres", "--", "cargo", "test", "--locked", "--package", "grantwell-store"];
    let tests = ["--test", "sqlite", "--test", "postgres", "--features", "postgres-tests", "random"];
    Command::new(&bench)
        .args(cargo.into_iter().chain(tests))
        .env("GRANTWELL_MODEL_ROUNDS", &rounds.to_string())
        .visible(root, Duration::from_hours(4))
}

/// The races of the in-process tests, with more rounds than they have by themselves; each says what it saw.
pub(crate) fn races(rounds: u32) -> Command {
    long("tests::races").env("GRANTWELL_RACE_ROUNDS", &rounds.to_string())
}

/// How long sign-ins and client authentications take that fail.
pub(crate) fn timing(samples: u32) -> Command {
    long("tests::timing").args(["--test-threads=1"]).env("GRANTWELL_TIMING_SAMPLES", &samples.to_string())
}

/// In-process tests of which more is asked than in their short form, and what they print.
fn long(tests: &str) -> Command {
    let test = ["test", "--quiet", "--locked", "--package", "grantwell", "--bin", "grantwell", tests];
    Command::new("cargo").args(test).args(["--", "--nocapture"])
}

fn browser(root: &Path) -> Result<(), String> {
    need(&CHROMIUM, root)?;
    node_tests("tests/browser", root)
}

fn foreign(root: &Path) -> Result<(), String> {
    node_tests("tests/foreign", root)
}

/// Builds the server, fetches the packages of the lock file, and runs node's own test runner in `folder`.
fn node_tests(folder: &str, root: &Path) -> Result<(), String> {
    need(&NODE, root)?;
    need(&NPM, root)?;
    let version = Command::new("node").args(["--version"]).output(root, SHORT)?;
    if !is_recent(&version) {
        return Err(format!(
            "node is {}, and {OLDEST_NODE} or newer is needed: https://nodejs.org",
            version.trim()
        ));
    }
    Command::new("cargo")
        .args(["build", "--quiet", "--locked", "--package", "grantwell"])
        .quiet(root, LONG)?;
    let folder = root.join(folder);
    let install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    Command::new("npm").args(install).quiet(&folder, SHORT)?;
    Command::new("node")
        .args(["--test", "--test-reporter=spec"])
        .env("GRANTWELL", &program(root)?.to_string_lossy())
        .quiet(&folder, LONG)
}

/// `v20.1.2` is recent, `v18.0.0` is not.
fn is_recent(version: &str) -> bool {
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok());
    major.is_some_and(|major: u32| major >= OLDEST_NODE)
}

/// The server as `cargo build` leaves it.
pub(crate) fn program(root: &Path) -> Result<PathBuf, String> {
    let arguments = ["metadata", "--format-version", "1", "--no-deps", "--locked"];
    let text = Command::new("cargo").args(arguments).output(root, SHORT)?;
    let metadata: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let folder = metadata.get("target_directory").and_then(Value::as_str).ok_or("no target directory")?;
    Ok(Path::new(folder).join("debug").join("grantwell"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_versions_of_node_are_told_apart() {
        assert!(is_recent("v20.20.2\n") && is_recent("v120.0.0"));
        assert!(!is_recent("v18.20.4\n") && !is_recent("") && !is_recent("node"));
    }
}
