//! Checks and generators of this repository: `cargo xtask COMMAND`.

mod catalogue;
mod command;
mod full;
mod next;
mod packages;
mod source;
mod stages;
mod tidy;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use crate::command::Command;

const USAGE: &str = "\
Usage: cargo xtask COMMAND

  test [STAGE…]    everything that must pass, or only the named stages
                   (stages: format, clippy, tidy, cargo, postgres, kills, nodes, outages, pooler,
                   patroni, upgrade, browser, foreign)
  tidy             the rules that clippy cannot hold
  security-tests   writes docs/security-tests.md from xtask/catalogue.txt and the tests
  full PART        one of the long runs: races, timing, kills, model, nodes, outages, pooler,
                   patroni, upgrade, large
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

/// Builds the server for release, fetches the peer it is measured beside, and measures both.
fn bench(rest: &[&str]) -> End {
    let (root, hours) = (root(), Duration::from_hours(2));
    let build = ["build", "--quiet", "--release", "--locked", "-p", "grantwell", "-p", "grantwell-bench"];
    let install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    let peer = root.join("bench/oidc-provider");
    let ready = Command::new("cargo").args(build).visible(&root, hours);
    let ready = ready.and_then(|()| Command::new("npm").args(install).visible(&peer, hours));
    let measured = ready.and_then(|()| stages::program(&root)).and_then(|debug| {
        let server = debug.with_file_name("../release/grantwell");
        let (bench, server) = (server.with_file_name("grantwell-bench"), server.to_string_lossy());
        let peer = peer.to_string_lossy();
        let fixed = ["run", "--server", &server, "--peer", &peer];
        Command::new(&bench.to_string_lossy())
            .args(fixed.into_iter().chain(rest.iter().copied()))
            .visible(&root, hours)
    });
    match measured {
        Ok(()) => End::Good,
        Err(error) => {
            eprintln!("error: {error}");
            End::Bad
        }
    }
}
