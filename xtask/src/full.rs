//! The long runs, each too slow for `cargo xtask test`. A part is one row.

use std::time::Duration;

use crate::{End, root, stages};

/// The longest of them.
const LIMIT: Duration = Duration::from_hours(4);

struct Part {
    name: &'static str,
    run: fn() -> Result<(), String>,
}

const PARTS: &[Part] = &[
    Part { name: "races", run: || stages::races(&root()) },
    Part { name: "kills", run: || stages::kills(&root(), 50) },
    Part { name: "nodes", run: || breaks("nodes", &["--rounds", "200"]) },
    Part {
        name: "outages",
        run: || breaks("outages", &["--rounds", "25", "--outages", "2", "--seconds", "60"]),
    },
    Part { name: "pooler", run: || breaks("pooler", &["--rounds", "100"]) },
    Part { name: "patroni", run: || breaks("patroni", &["--rounds", "50"]) },
];

/// One of the runs that break what several nodes stand on; its report is shown.
fn breaks(what: &str, extent: &[&str]) -> Result<(), String> {
    stages::breaks(&root(), what, extent)?.visible(&root(), LIMIT)
}

pub(crate) fn run(name: &str) -> End {
    let Some(part) = PARTS.iter().find(|part| part.name == name) else {
        let known: Vec<&str> = PARTS.iter().map(|part| part.name).collect();
        let known = if known.is_empty() { "none so far".to_owned() } else { known.join(", ") };
        return End::Usage(format!("`full` has no part `{name}` (parts: {known})"));
    };
    match (part.run)() {
        Ok(()) => End::Good,
        Err(error) => {
            eprintln!("error: {error}");
            End::Bad
        }
    }
}
