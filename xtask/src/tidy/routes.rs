//! Every route of the server stands in `crates/server/src/router.rs` and says its class: public, user or admin. What
//! `fn management` mounts has none: it has a listener of its own.

use std::path::Path;

use super::Problems;
use crate::source::{self, files, lex};

const ROUTER: &str = "crates/server/src/router.rs";
/// How a route is written: a call on axum's router, or a row of a table.
const ROUTES: [&str; 3] = [".route(", ".route_service(", "Route {"];
/// How it is classified: a constructor of its row, or a field.
const CLASSES: [&str; 6] = ["public(", "user(", "admin(", "Class::Public", "Class::User", "Class::Admin"];

pub(super) fn check(root: &Path) -> Result<Problems, String> {
    let text = source::read(&root.join(ROUTER))?;
    let code = lex(&text).code;
    let mut problems = unclassified(&without("fn management(", &code));
    for file in files(root, "crates/server/src", &[".rs"])? {
        if file.path == ROUTER
            || source::is_test(&file.path)
            || file.path.starts_with("crates/server/src/cli/dev")
        {
            continue;
        }
        let code = lex(&file.text).code;
        // What a test module routes to is its own.
        let code = code.split("mod tests").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate() {
            if line.contains(".route(") || line.contains(".route_service(") {
                problems.push(format!("{}:{}: a route outside {ROUTER}", file.path, number + 1));
            }
        }
    }
    Ok(problems)
}

/// `code` with the body of the function that starts like this blanked; lines stay where they are.
fn without(function: &str, code: &str) -> String {
    let Some((before, rest)) = code.split_once(function) else { return code.to_owned() };
    let Some((signature, body)) = rest.split_once('{') else { return code.to_owned() };
    let inside = bracketed(rest.get(signature.len()..).unwrap_or_default()).len();
    let after = body.get(inside.saturating_sub(1)..).unwrap_or_default();
    let lines = rest.get(..signature.len() + inside).unwrap_or_default().matches('\n').count();
    format!("{before}{}{after}", "\n".repeat(lines))
}

fn unclassified(code: &str) -> Problems {
    let code = code.split("mod tests").next().unwrap_or_default();
    let mut problems = Problems::new();
    let mut classified = 0_u32;
    for marker in ROUTES {
        for (at, _) in code.match_indices(marker) {
            let before = code.get(..at).unwrap_or_default();
            // The type itself, or code that takes rows apart, is no route.
            let is_type =
                ["struct ", "impl ", "for ", "-> ", "let ", "|"].iter().any(|word| before.ends_with(word));
            if is_type {
                continue;
            }
            let whole = bracketed(code.get(at..).unwrap_or_default());
            // A table's rows are mounted by one loop: `.route(row.path, …)` has the class in the row.
            let from_row =
                marker == ".route(" && ["class", "route.", "row."].iter().any(|word| whole.contains(word));
            if from_row || CLASSES.iter().any(|class| whole.contains(class)) {
                classified += 1;
            } else {
                problems
                    .push(format!("{ROUTER}:{}: says not whose route it is", before.lines().count().max(1)));
            }
        }
    }
    classified += u32::try_from(rows(code)).unwrap_or(u32::MAX);
    if problems.is_empty() && classified == 0 {
        problems.push(format!(
            "{ROUTER}: no route found; adapt xtask/src/tidy/routes.rs to how they are written"
        ));
    }
    problems
}

/// Rows written as `public("…", …)` and the like.
fn rows(code: &str) -> usize {
    CLASSES.iter().map(|class| code.matches(class).count()).sum()
}

/// From the start of `code` to the bracket that closes its first one.
fn bracketed(code: &str) -> &str {
    let mut depth = 0_i32;
    for (at, c) in code.char_indices() {
        match c {
            '(' | '{' | '[' => depth += 1,
            ')' | '}' | ']' => {
                depth -= 1;
                if depth == 0 {
                    return code.get(..=at).unwrap_or(code);
                }
            }
            _ => {}
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_listener_of_its_own_is_left_out() {
        let code =
            "a\nfn management(x: &App) -> Router {\n  router.route(m, get(x))\n}\nrouter.route(b, get(y))";
        assert_eq!(
            unclassified(&without("fn management(", code)),
            [format!("{ROUTER}:5: says not whose route it is")]
        );
        assert_eq!(unclassified(code).len(), 2);
    }

    #[test]
    fn a_route_that_does_not_say_whose_it_is_is_found() {
        for code in [
            "router.route(path, get(handler))",
            "const T: &[Route] = &[Route { path: p, handler: h }];",
            "router\n  .route(a, public(get(x)))\n  .route(b, get(y))",
            "fn nothing() {}",
        ] {
            assert_eq!(unclassified(code).len(), 1, "{code}");
        }
        for code in [
            "router.route(path, public(get(handler)))",
            "router.route(\n  path,\n  user(\n get(handler)))",
            "struct Route { path: P, class: Class }\nconst T: &[Route] = &[Route { path: p, class: Class::Admin, handler: h }];",
            "for row in T { router = router.route(row.path, row.handler); } const T: &[R] = &[public(a, b)];",
        ] {
            assert!(unclassified(code).is_empty(), "{code}");
        }
    }
}
