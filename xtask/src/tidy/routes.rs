//! Every route of the server stands in the table of `crates/server/src/router.rs`, whose rows have a class. One call there mounts
//! the table, behind the check of each row's class; `fn management` has a listener of its own.

use std::path::Path;

use super::Problems;
use crate::source::{self, files, lex};

const ROUTER: &str = "crates/server/src/router.rs";
/// The calls that mount a route.
const MOUNTS: [&str; 2] = [".route(", ".route_service("];
/// The one call outside `fn management`.
const TABLE: &str = "router.route(route.path,";

pub(super) fn check(root: &Path) -> Result<Problems, String> {
    let mut problems = Problems::new();
    for file in files(root, "crates/server/src", &[".rs"])? {
        if source::is_test(&file.path) || file.path.starts_with("crates/server/src/cli/dev") {
            continue;
        }
        problems.extend(mounted(&file.path, &lex(&file.text).code));
    }
    Ok(problems)
}

/// Routes that are mounted by another way than the table. What a test module routes to is its own.
fn mounted(path: &str, code: &str) -> Problems {
    let code = code.split("mod tests").next().unwrap_or_default();
    let mut in_management = false;
    let mut problems = Problems::new();
    for (number, line) in (1..).zip(code.lines()) {
        let is_start = path == ROUTER && line.contains("fn management(");
        in_management = is_start || (in_management && !line.starts_with('}'));
        let mounts = MOUNTS.iter().any(|mount| line.contains(mount));
        if mounts && !in_management && !(path == ROUTER && line.contains(TABLE)) {
            problems.push(format!("{path}:{number}: a route outside the table of {ROUTER}"));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_outside_the_table_is_found() {
        let management =
            "fn management(app: &App) -> Router {\n    Router::new()\n        .route(m, get(x))\n}\n";
        let table = "router = router.route(route.path, with_cors(route.cors, methods));\n";
        assert!(mounted(ROUTER, &format!("{management}{table}")).is_empty());
        assert_eq!(mounted(ROUTER, &format!("{management}.route(b, get(y))")).len(), 1);
        assert_eq!(mounted(ROUTER, "router.route(path, get(handler))").len(), 1);
        assert_eq!(mounted("crates/server/src/http/token.rs", table).len(), 1);
        assert_eq!(mounted("crates/server/src/http/token.rs", "x.route_service(a, b)").len(), 1);
        assert!(mounted("a.rs", "fn nothing() {}\nmod tests {\n.route(a, b)").is_empty());
    }
}
