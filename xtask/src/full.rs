//! The long runs, each too slow for `cargo xtask test`. A part is one row. Its report is its output.

use std::{path::Path, time::Duration};

use crate::{End, root, stages};

/// The longest of them.
const LIMIT: Duration = Duration::from_hours(4);

struct Part {
    name: &'static str,
    run: fn(&Path) -> Result<(), String>,
}

const PARTS: &[Part] = &[
    Part { name: "races", run: |root| stages::races(200).visible(root, LIMIT) },
    Part { name: "timing", run: |root| stages::timing(500).visible(root, LIMIT) },
    Part {
        name: "kills",
        run: |root| stages::kills(&stages::prepare("kills", root)?, 50).visible(root, LIMIT),
    },
    Part { name: "model", run: |root| stages::model(root, 400) },
    Part { name: "nodes", run: |root| breaks(root, "nodes", &["--rounds", "200"]) },
    Part {
        name: "outages",
        run: |root| breaks(root, "outages", &["--rounds", "25", "--outages", "2", "--seconds", "60"]),
    },
    Part { name: "pooler", run: |root| breaks(root, "pooler", &["--rounds", "100"]) },
    Part { name: "backups", run: |root| breaks(root, "backups", &["--rounds", "50"]) },
    Part { name: "patroni", run: |root| breaks(root, "patroni", &["--rounds", "52"]) },
    Part { name: "upgrade", run: |root| stages::upgrade_to_next(root)?.visible(root, LIMIT) },
    Part { name: "large", run: large },
];

/// One of the runs that break what several nodes stand on; its report is shown.
fn breaks(root: &Path, what: &str, extent: &[&str]) -> Result<(), String> {
    stages::breaks(&stages::prepare(what, root)?, what, extent).visible(root, LIMIT)
}

/// The parts, as a list to read.
pub(crate) fn listed() -> String {
    let parts: Vec<&str> = PARTS.iter().map(|part| part.name).collect();
    parts.join(", ")
}

pub(crate) fn run(name: &str) -> End {
    let Some(part) = PARTS.iter().find(|part| part.name == name) else {
        return End::Usage(format!("`full` has no part `{name}` (parts: {})", listed()));
    };
    match (part.run)(&root()) {
        Ok(()) => End::Good,
        Err(error) => {
            eprintln!("error: {error}");
            End::Bad
        }
    }
}

/// A million users and clients and ten million authorizations, on each engine.
fn large(root: &Path) -> Result<(), String> {
    for engine in ["sqlite", "postgres"] {
        stages::large(root)?.args(["--engine", engine]).visible(root, LIMIT)?;
    }
    Ok(())
}
