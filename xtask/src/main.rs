//! Checks and generators of this repository: `cargo xtask COMMAND`.

mod build;
mod catalogue;
mod command;
mod full;
mod measure;
mod next;
mod packages;
mod source;
mod stages;
mod tidy;

use std::{path::PathBuf, process::ExitCode};

use crate::stages::Group;

/// The text of `help`.
fn usage() -> String {
    let [usual, cluster, foreign, speed] = Group::ALL.map(Group::listed);
    format!(
        "\
Usage: cargo xtask COMMAND

  test [NAME…]     runs tests, by group or by stage; without a name the group `usual`
                     usual    {usual}
                     cluster  {cluster}
                     foreign  {foreign}
                     speed    {speed}
                     all      every stage
  tidy             the rules that clippy cannot hold
  security-tests   writes docs/security-tests.md from xtask/catalogue.txt and the tests
  full PART        one of the long runs: {parts}
  bench [ARG…]     measures a release build beside oidc-provider
                     --against PROGRAM  beside another build of ours, in alternating rounds
                     --quick            half a minute: that everything runs, and no figures
                     --only TEXT        rows whose name has this in it
                     --seconds N, --repeat N, --write FILE; --help lists all: engines, sizes, connections, overload
  instructions     counts the instructions of a request in a release build, beside those recorded in {record}
                     --program FILE   counts another build
                     --write          records what was counted; with --program it takes --commit COMMIT
                     --why TEXT       with --write: why a count grew by more than five percent
  help             this text

Examples:
  cargo xtask test
  cargo xtask test format clippy
  cargo xtask test cluster foreign
  cargo xtask bench --against ../before/grantwell
",
        parts = full::listed(),
        record = measure::RECORD,
    )
}

/// What a command came to.
enum End {
    Good,
    Bad,
    Usage(String),
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let end = match arguments.as_slice() {
        ["test", stages @ ..] => stages::run(stages),
        ["tidy"] => tidy(),
        ["security-tests"] => security_tests(),
        ["full", part] => full::run(part),
        ["full", ..] => End::Usage("`full` takes one part".to_owned()),
        ["bench", rest @ ..] => measure::bench(rest),
        ["instructions", rest @ ..] => measure::instructions(rest),
        ["help" | "--help" | "-h"] => {
            print!("{}", usage());
            End::Good
        }
        [] => End::Usage("a command is missing".to_owned()),
        [other, ..] => End::Usage(format!("`{other}` is not a command with these arguments")),
    };
    match end {
        End::Good => ExitCode::SUCCESS,
        End::Bad => ExitCode::FAILURE,
        End::Usage(what) => {
            eprint!("error: {what}\n\n{}", usage());
            ExitCode::from(2)
        }
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().map(PathBuf::from).unwrap_or_default()
}

fn tidy() -> End {
    match tidy::check(&root()) {
        Ok(()) => End::Good,
        Err(problems) => {
            eprintln!("{problems}");
            End::Bad
        }
    }
}

fn security_tests() -> End {
    match catalogue::write(&root()) {
        Ok(()) => End::Good,
        Err(error) => {
            eprintln!("error: {error}");
            End::Bad
        }
    }
}
