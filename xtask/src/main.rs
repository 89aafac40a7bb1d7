//! Checks and generators of this repository: `cargo xtask COMMAND`.

mod catalogue;
mod command;
mod full;
mod source;
mod stages;
mod tidy;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use crate::command::Command;

const USAGE: &str = "\
Usage: cargo xtask COMMAND

  test [STAGE…]    everything that must pass, or only the named stages
                   (stages: format, clippy, tidy, cargo, browser, foreign)
  tidy             the rules that clippy cannot hold
  security-tests   writes docs/security-tests.md from xtask/catalogue.txt and the tests
  full PART        one of the long runs
  bench [ARG…]     the load generator in bench/, built for release
  help             this text

Examples:
  cargo xtask test
  cargo xtask test format clippy
";

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
        ["bench", rest @ ..] => bench(rest),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            End::Good
        }
        [] => End::Usage("a command is missing".to_owned()),
        [other, ..] => End::Usage(format!("`{other}` is not a command with these arguments")),
    };
    match end {
        End::Good => ExitCode::SUCCESS,
        End::Bad => ExitCode::FAILURE,
        End::Usage(what) => {
            eprint!("error: {what}\n\n{USAGE}");
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

fn bench(rest: &[&str]) -> End {
    let command = Command::new("cargo")
        .args(["run", "--quiet", "--release", "--package", "grantwell-bench", "--"])
        .args(rest.iter().copied());
    match command.visible(&root(), Duration::from_hours(2)) {
        Ok(()) => End::Good,
        Err(error) => {
            eprintln!("error: {error}");
            End::Bad
        }
    }
}
