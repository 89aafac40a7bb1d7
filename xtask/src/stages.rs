//! `cargo xtask test`: stages, each one row, in groups; a line per stage when it ends, what a failed one had to say, and a table
//! of all with their times at the end.

use std::{
    fmt::Write as _,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    End,
    build::{self, Built, FEATURES},
    command::Command,
    measure, next,
    packages::{CHROMIUM, ETCD, HAPROXY, NODE, NPM, PATRONI, PGBOUNCER, POSTGRESQL, Package, VALGRIND, need},
    root, tidy,
};

/// What is run together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// Without a name: for every change.
    Usual,
    /// Several nodes, and what they stand on breaks.
    Cluster,
    /// Clients and servers of others.
    Foreign,
    /// What a request costs.
    Speed,
}

impl Group {
    pub(crate) const ALL: [Self; 4] = [Self::Usual, Self::Cluster, Self::Foreign, Self::Speed];

    const fn name(self) -> &'static str {
        match self {
            Self::Usual => "usual",
            Self::Cluster => "cluster",
            Self::Foreign => "foreign",
            Self::Speed => "speed",
        }
    }

    /// Its stages, as a list to read.
    pub(crate) fn listed(self) -> String {
        let stages: Vec<&str> =
            STAGES.iter().filter(|stage| stage.group == self).map(|stage| stage.name).collect();
        stages.join(", ")
    }
}

struct Stage {
    name: &'static str,
    group: Group,
    needs: &'static [&'static Package],
    run: Run,
}

/// What a stage starts from.
#[derive(Clone, Copy)]
enum Run {
    Tree(fn(&Path) -> Result<(), String>),
    Built(fn(&Path, &Built) -> Result<(), String>),
}

const fn usual(name: &'static str, needs: &'static [&'static Package], run: Run) -> Stage {
    Stage { name, group: Group::Usual, needs, run }
}

const fn cluster(name: &'static str, needs: &'static [&'static Package], run: Run) -> Stage {
    Stage { name, group: Group::Cluster, needs, run }
}

const STAGES: &[Stage] = &[
    usual("format", &[], Run::Tree(format)),
    usual("clippy", &[], Run::Tree(clippy)),
    usual("tidy", &[], Run::Tree(tidy::check)),
    usual("cargo", &[], Run::Built(cargo)),
    usual("postgres", &[&POSTGRESQL], Run::Built(postgres)),
    usual("kills", &[], Run::Built(|root, built| kills(built, 8).quiet(root, LONG))),
    usual("bench", &[], Run::Built(bench)),
    usual("browser", &[&CHROMIUM, &NODE, &NPM], Run::Built(|root, built| node("tests/browser", root, built))),
    cluster(
        "nodes",
        &[&POSTGRESQL, &HAPROXY],
        Run::Built(|root, built| breaks(built, "nodes", &["--rounds", "3"]).quiet(root, LONG)),
    ),
    cluster(
        "outages",
        &[&POSTGRESQL],
        Run::Built(|root, built| {
            breaks(built, "outages", &["--rounds", "1", "--seconds", "3"]).quiet(root, LONG)
        }),
    ),
    cluster(
        "pooler",
        &[&POSTGRESQL, &PGBOUNCER],
        Run::Built(|root, built| breaks(built, "pooler", &["--rounds", "2"]).quiet(root, LONG)),
    ),
    cluster(
        "backups",
        &[&POSTGRESQL],
        Run::Built(|root, built| breaks(built, "backups", &["--rounds", "2"]).quiet(root, LONG)),
    ),
    cluster(
        "patroni",
        &[&POSTGRESQL, &ETCD, &PATRONI],
        Run::Built(|root, built| breaks(built, "patroni", &["--rounds", "2"]).quiet(root, LONG)),
    ),
    cluster(
        "upgrade",
        &[&POSTGRESQL, &HAPROXY],
        Run::Built(|root, built| {
            breaks(built, "upgrade", &["--rounds", "1", "--mixed", "2"]).quiet(root, LONG)
        }),
    ),
    Stage {
        name: "npm",
        group: Group::Foreign,
        needs: &[&NODE, &NPM],
        run: Run::Built(|root, built| node("tests/foreign", root, built)),
    },
    Stage {
        name: "instructions",
        group: Group::Speed,
        needs: &[&VALGRIND],
        run: Run::Built(|root, built| measure::compared(root, &built.bench)),
    },
];

/// What the packages of the lock files ask for.
const OLDEST_NODE: u32 = 20;
const SHORT: Duration = Duration::from_mins(5);
const LONG: Duration = Duration::from_mins(25);

/// The name of the row for the build, which the first stage that starts from it waits for.
const BUILD: &str = "build";
const EVERY: &str = "all";

/// The stages of the groups and names; of the usual group without any.
fn chosen(names: &[&str]) -> Result<Vec<&'static Stage>, String> {
    let is_named = |stage: &Stage, name: &str| match name {
        EVERY => true,
        name => name == stage.name || name == stage.group.name(),
    };
    for name in names {
        if !STAGES.iter().any(|stage| is_named(stage, name)) {
            let groups: Vec<String> =
                Group::ALL.iter().map(|group| format!("{}: {}", group.name(), group.listed())).collect();
            return Err(format!("`test` has no group or stage `{name}` ({})", groups.join("; ")));
        }
    }
    let names = if names.is_empty() { &[Group::Usual.name()] } else { names };
    Ok(STAGES.iter().filter(|stage| names.iter().any(|name| is_named(stage, name))).collect())
}

/// Runs the stages of the groups and names. A failed stage does not keep the others from running.
pub(crate) fn run(names: &[&str]) -> End {
    let chosen = match chosen(names) {
        Ok(chosen) => chosen,
        Err(what) => return End::Usage(what),
    };
    let root = root();
    let (mut ran, mut built) = (Ran::default(), None);
    for stage in chosen {
        match stage.run {
            Run::Tree(run) => {
                ran.row(stage.name, || provided(stage, &root).and_then(|()| run(&root)));
            }
            Run::Built(run) => {
                let built = built.get_or_insert_with(|| ran.row(BUILD, || build::build(&root)));
                let built = built.as_ref().ok_or("not run, because the build failed");
                ran.row(stage.name, || provided(stage, &root).and_then(|()| run(&root, built?)));
            }
        }
    }
    print!("{}", ran.table());
    if ran.failed() == 0 { End::Good } else { End::Bad }
}

fn provided(stage: &Stage, root: &Path) -> Result<(), String> {
    stage.needs.iter().try_for_each(|package| need(package, root))
}

/// What has run, how long it took, and whether it passed.
#[derive(Debug, Default)]
struct Ran(Vec<(&'static str, Duration, bool)>);

impl Ran {
    /// Runs one row and says how it went; what it made, when it passed.
    fn row<T>(&mut self, name: &'static str, run: impl FnOnce() -> Result<T, String>) -> Option<T> {
        print!("{name:<14}");
        let _ = std::io::stdout().flush();
        let begun = Instant::now();
        let result = run();
        let (time, passed) = (begun.elapsed(), result.is_ok());
        println!("{:<8}{:>8.1} s", word(passed), time.as_secs_f64());
        self.0.push((name, time, passed));
        result.map_err(|error| eprintln!("{error}")).ok()
    }

    fn failed(&self) -> usize {
        self.0.iter().filter(|(_, _, passed)| !passed).count()
    }

    /// Each row with its time, and the count.
    fn table(&self) -> String {
        let mut text = String::from("\n");
        let mut all = Duration::ZERO;
        for (name, time, passed) in &self.0 {
            let _ = writeln!(text, "{name:<14}{:<8}{:>8.1} s", word(*passed), time.as_secs_f64());
            all += *time;
        }
        let _ = writeln!(text, "{:<22}{:>8.1} s", "in all", all.as_secs_f64());
        let failed = self.failed();
        let _ = writeln!(text, "stages: {} passed, {failed} failed", self.0.len() - failed);
        text
    }
}

const fn word(passed: bool) -> &'static str {
    if passed { "ok" } else { "FAILED" }
}

fn format(root: &Path) -> Result<(), String> {
    Command::new("cargo").args(["fmt", "--all", "--check"]).quiet(root, SHORT)
}

/// Everything with every feature, and the server as it is built for users: what only tests need is not there then.
fn clippy(root: &Path) -> Result<(), String> {
    let everything = ["--workspace", "--all-targets", "--features", FEATURES];
    for what in [&everything[..], &["--package", "grantwell"]] {
        let clippy = ["clippy", "--quiet", "--locked"].iter().chain(what).chain(&["--", "-D", "warnings"]);
        Command::new("cargo").args(clippy.copied()).quiet(root, LONG)?;
    }
    Ok(())
}

/// The file with the tests of the store on PostgreSQL, and the modules of other targets that have such tests.
const ON_POSTGRES: &str = "postgres";
const POSTGRES_MODULES: &str = "postgres::";

/// Every test that needs no database server.
fn cargo(root: &Path, built: &Built) -> Result<(), String> {
    for test in built.tests.iter().filter(|test| test.name != ON_POSTGRES) {
        let skipped: &[&str] = match test.name.as_str() {
            "grantwell_store" | "cli" => &["--quiet", "--skip", POSTGRES_MODULES],
            _ => &["--quiet"],
        };
        let (command, folder) = test.command(skipped);
        command.quiet(folder, LONG)?;
    }
    let examples = ["test", "--doc", "--quiet", "--workspace", "--features", FEATURES, "--locked"];
    Command::new("cargo").args(examples).quiet(root, LONG)
}

/// The store's suite, the in-process HTTP tests and the commands, each beside a PostgreSQL of its own.
fn postgres(_: &Path, built: &Built) -> Result<(), String> {
    for (name, tests) in [
        ("grantwell_store", POSTGRES_MODULES),
        (ON_POSTGRES, ""),
        ("grantwell", "tests::"),
        ("cli", POSTGRES_MODULES),
    ] {
        let test = built.tests.iter().find(|test| test.name == name);
        let test = test.ok_or_else(|| format!("there are no tests `{name}`"))?;
        let (command, folder) = test.command_by(&[&built.bench, "with-postgres", "--"], &["--quiet", tests]);
        command.quiet(folder, LONG)?;
    }
    Ok(())
}

/// What measures the server does so: each row once, and no figures.
fn bench(root: &Path, built: &Built) -> Result<(), String> {
    let run = ["run", "--quick", "--server", &built.server, "--against", &built.server];
    Command::new(&built.bench).args(run).quiet(root, SHORT)
}

/// Makes sure of the packages of a stage, and builds.
pub(crate) fn prepare(name: &str, root: &Path) -> Result<Built, String> {
    if let Some(stage) = STAGES.iter().find(|stage| stage.name == name) {
        provided(stage, root)?;
    }
    build::build(root)
}

/// What kills the server under load that often, and checks what it had acknowledged.
pub(crate) fn kills(built: &Built, rounds: u32) -> Command {
    Command::new(&built.bench).args(["kills", "--server", &built.server, "--rounds", &rounds.to_string()])
}

/// The run that breaks what several nodes stand on, again and again, and checks what was acknowledged.
pub(crate) fn breaks(built: &Built, what: &str, extent: &[&str]) -> Command {
    let fixed = [what, "--server", &built.server];
    Command::new(&built.bench).args(fixed.iter().chain(extent).copied())
}

/// Three servers go to a made-up next version, and back.
pub(crate) fn upgrade_to_next(root: &Path) -> Result<Command, String> {
    let next = next::build(root, &build::folder(root)?)?;
    let built = prepare("upgrade", root)?;
    // Catalogue FT-13: 200 ends of a node, and half an hour of two versions.
    let extent = ["--next", &next.to_string_lossy(), "--rounds", "34", "--mixed", "53"];
    Ok(breaks(&built, "upgrade", &extent))
}

/// What fills a large database and measures; the engine is missing.
pub(crate) fn large(root: &Path) -> Result<Command, String> {
    need(&POSTGRESQL, root)?;
    let (server, bench) = build::released(root)?;
    let server = server.to_string_lossy();
    Ok(Command::new(&bench.to_string_lossy()).args(["large", "--server", &server]))
}

/// The store's suite with that many rounds of random commits against the model, on both engines.
pub(crate) fn model(root: &Path, rounds: u32) -> Result<(), String> {
    need(&POSTGRESQL, root)?;
    let built = build::build(root)?;
    let cargo = ["with-postgres", "--", "cargo", "test", "--locked", "--workspace", "--features", FEATURES];
    let tests = ["--test", "sqlite", "--test", "postgres", "random"];
    Command::new(&built.bench)
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

/// The long form of in-process tests, and what they print.
fn long(tests: &str) -> Command {
    let what = ["test", "--quiet", "--locked", "--workspace", "--features", FEATURES];
    let test = what.into_iter().chain(["--bin", "grantwell", tests]);
    Command::new("cargo").args(test).args(["--", "--nocapture"])
}

/// Fetches the packages of the lock file, and runs node's own test runner in `folder`.
fn node(folder: &str, root: &Path, built: &Built) -> Result<(), String> {
    let version = Command::new("node").args(["--version"]).output(root, SHORT)?;
    if !is_recent(&version) {
        return Err(format!(
            "node is {}, and {OLDEST_NODE} or newer is needed: https://nodejs.org",
            version.trim()
        ));
    }
    let folder = root.join(folder);
    let install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    Command::new("npm").args(install).quiet(&folder, SHORT)?;
    Command::new("node")
        .args(["--test", "--test-reporter=spec"])
        .env("GRANTWELL", &built.server)
        .quiet(&folder, LONG)
}

/// `v20.1.2` is recent, `v18.0.0` is not.
fn is_recent(version: &str) -> bool {
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok());
    major.is_some_and(|major: u32| major >= OLDEST_NODE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(asked: &[&str]) -> Vec<&'static str> {
        chosen(asked).unwrap().iter().map(|stage| stage.name).collect()
    }

    #[test]
    fn groups_and_stages_are_chosen_by_name_each_once_and_in_order() {
        let usual = ["format", "clippy", "tidy", "cargo", "postgres", "kills", "bench", "browser"];
        assert_eq!(names(&[]), usual);
        assert_eq!(names(&["usual"]), usual);
        let cluster = ["nodes", "outages", "pooler", "backups", "patroni", "upgrade"];
        assert_eq!(names(&["cluster"]), cluster);
        assert_eq!(names(&["foreign"]), ["npm"]);
        assert_eq!(names(&["all"]).len(), STAGES.len());
        assert_eq!(names(&["speed"]), ["instructions"]);
        assert_eq!(names(&["usual", "cluster", "foreign", "speed"]), names(&["all"]));
        assert_eq!(names(&["tidy", "format", "tidy"]), ["format", "tidy"]);
        assert_eq!(names(&["npm", "cluster", "nodes"]).len(), cluster.len() + 1);
        let error = chosen(&["format", "nothing"]).err().unwrap();
        assert!(error.contains("`nothing`") && error.contains("cluster: nodes, outages"), "{error}");
    }

    #[test]
    fn a_name_means_one_thing() {
        let mut names: Vec<&str> = STAGES.iter().map(|stage| stage.name).collect();
        names.extend(Group::ALL.map(Group::name));
        names.extend([BUILD, EVERY]);
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn a_newcomer_needs_no_cluster() {
        let allowed = ["postgresql", "chromium", "nodejs", "npm"];
        for stage in chosen(&[]).unwrap() {
            assert!(stage.needs.iter().all(|package| allowed.contains(&package.name)), "{}", stage.name);
        }
    }

    #[test]
    fn contributing_names_every_stage() {
        let text = std::fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
        let missing: Vec<&str> = STAGES
            .iter()
            .map(|stage| stage.name)
            .filter(|name| !text.contains(&format!("`{name}`")))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn a_failure_is_counted_and_the_others_run() {
        let mut ran = Ran::default();
        assert_eq!(ran.row("one", || Ok(7)), Some(7));
        assert_eq!(ran.row("two", || Err::<(), _>("wrong".to_owned())), None);
        assert_eq!(ran.row("three", || Ok(())), Some(()));
        let text = ran.table();
        let words: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert!(
            words.iter().any(|row| row.starts_with(&["two", "FAILED"]) && row.ends_with(&["s"])),
            "{text}"
        );
        assert!(text.ends_with("stages: 2 passed, 1 failed\n"), "{text}");
    }

    #[test]
    fn old_versions_of_node_are_told_apart() {
        assert!(is_recent("v20.20.2\n") && is_recent("v120.0.0"));
        assert!(!is_recent("v18.20.4\n") && !is_recent("") && !is_recent("node"));
    }
}
