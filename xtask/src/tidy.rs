//! The rules that clippy cannot hold: `docs/` and DESIGN name them, this list checks them. A rule is one row.

mod arrows;
mod graph;
mod guides;
mod names;
mod routes;
mod text;

use std::{fmt::Write, path::Path};

use crate::catalogue;

/// What a rule found: one line each, `path:line: what is wrong`.
type Problems = Vec<String>;

struct Rule {
    name: &'static str,
    check: fn(&Path) -> Result<Problems, String>,
}

const RULES: &[Rule] = &[
    Rule { name: "dependencies point the right way", check: arrows::check },
    Rule { name: "HTTP types only where HTTP is", check: text::http },
    Rule { name: "SQL only in the store", check: text::sql },
    Rule { name: "examples are used by `grantwell dev` alone", check: text::examples },
    Rule { name: "no file over 600 lines", check: text::length },
    Rule { name: "one name per type", check: names::check },
    Rule { name: "every route on one page, and classified", check: routes::check },
    Rule { name: "every dependency has a reason", check: graph::reasons },
    Rule { name: "licences and sources", check: graph::licences },
    Rule { name: "duplicates", check: graph::duplicates },
    Rule { name: "the security tests are listed", check: catalogue::check },
    Rule { name: "the guides say what the code says", check: guides::check },
];

/// Every rule, whatever the others found.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    let mut report = String::new();
    for rule in RULES {
        let problems = (rule.check)(root).unwrap_or_else(|error| vec![error]);
        if !problems.is_empty() {
            let _ = writeln!(report, "tidy: {}", rule.name);
            for problem in problems {
                let _ = writeln!(report, "  {problem}");
            }
        }
    }
    if report.is_empty() { Ok(()) } else { Err(report.trim_end().to_owned()) }
}
