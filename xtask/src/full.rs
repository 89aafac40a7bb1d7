//! The long runs, each too slow for `cargo xtask test`. A part is one row.

use crate::{End, root, stages};

struct Part {
    name: &'static str,
    run: fn() -> Result<(), String>,
}

const PARTS: &[Part] = &[
    Part { name: "races", run: || stages::races(&root()) },
    Part { name: "kills", run: || stages::kills(&root(), 50) },
];

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
