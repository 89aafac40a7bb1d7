//! The long runs, each too slow for `cargo xtask test`. A part is one row. Its report is its output.

use std::{path::Path, time::Duration};

use crate::{End, root, stages};

struct Part {
    name: &'static str,
    run: fn(&Path) -> Result<(), String>,
}

const PARTS: &[Part] = &[
    Part { name: "races", run: |root| stages::races(200).visible(root, LIMIT) },
    Part { name: "timing", run: |root| stages::timing(500).visible(root, LIMIT) },
    Part { name: "kills", run: |root| stages::kills(root, 50)?.visible(root, LIMIT) },
];

const LIMIT: Duration = Duration::from_hours(2);

pub(crate) fn run(name: &str) -> End {
    let Some(part) = PARTS.iter().find(|part| part.name == name) else {
        let known: Vec<&str> = PARTS.iter().map(|part| part.name).collect();
        return End::Usage(format!("`full` has no part `{name}` (parts: {})", known.join(", ")));
    };
    match (part.run)(&root()) {
        Ok(()) => End::Good,
        Err(error) => {
            eprintln!("error: {error}");
            End::Bad
        }
    }
}
