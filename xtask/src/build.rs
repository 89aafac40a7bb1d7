//! The one build of everything that stages run: the programs, and every test with what it needs switched on. Another choice of packages
//! or features would build most of the workspace once more. And the release builds, of which things are measured.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;

use crate::command::Command;

/// What the tests beside a PostgreSQL are switched on with.
pub(crate) const FEATURES: &str = "grantwell/postgres-tests,grantwell-store/postgres-tests";
const LIMIT: Duration = Duration::from_mins(40);

/// What was built.
#[derive(Clone, Debug, Default)]
pub(crate) struct Built {
    pub(crate) server: String,
    pub(crate) bench: String,
    pub(crate) tests: Vec<Test>,
}

/// The tests of one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Test {
    /// Of the target: a library, a program, or a file below `tests`.
    pub(crate) name: String,
    program: String,
    /// Where cargo would run it.
    folder: PathBuf,
}

impl Test {
    /// Runs it, with arguments for its harness.
    pub(crate) fn command(&self, arguments: &[&str]) -> (Command, &Path) {
        (Command::new(&self.program).args(arguments.iter().copied()), &self.folder)
    }

    /// The same by way of another program, which gets the line as its last arguments.
    pub(crate) fn command_by(&self, runner: &[&str], arguments: &[&str]) -> (Command, &Path) {
        let (first, rest) = runner.split_first().unwrap_or((&"env", &[]));
        let line = rest.iter().copied().chain([self.program.as_str()]).chain(arguments.iter().copied());
        (Command::new(first).args(line), &self.folder)
    }
}

/// Builds it.
pub(crate) fn build(root: &Path) -> Result<Built, String> {
    let what = ["build", "--quiet", "--workspace", "--all-targets", "--features", FEATURES, "--locked"];
    let messages = ["--message-format", "json-render-diagnostics"];
    let text = Command::new("cargo").args(what.into_iter().chain(messages)).output(root, LIMIT)?;
    let mut built = Built::default();
    for message in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        built.take(&message);
    }
    if built.server.is_empty() || built.bench.is_empty() || built.tests.is_empty() {
        return Err("cargo did not tell where it put what it built".to_owned());
    }
    Ok(built)
}

/// Builds for release; the server and the bench. One after the other: the server is as its users build it, without what the bench
/// switches on in the store.
pub(crate) fn released(root: &Path) -> Result<(PathBuf, PathBuf), String> {
    Ok((released_as(root, "grantwell")?, released_as(root, "grantwell-bench")?))
}

/// Builds a package for release; answers its program.
pub(crate) fn released_as(root: &Path, package: &str) -> Result<PathBuf, String> {
    let build = ["build", "--quiet", "--release", "--locked", "--package", package];
    Command::new("cargo").args(build).visible(root, LIMIT)?;
    Ok(folder(root)?.join("release").join(package))
}

/// Where cargo puts what it builds.
pub(crate) fn folder(root: &Path) -> Result<PathBuf, String> {
    let arguments = ["metadata", "--format-version", "1", "--no-deps", "--locked"];
    let text = Command::new("cargo").args(arguments).output(root, LIMIT)?;
    let metadata: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let folder = metadata.get("target_directory").and_then(Value::as_str).ok_or("no target directory")?;
    Ok(PathBuf::from(folder))
}

impl Built {
    fn take(&mut self, message: &Value) {
        let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str);
        let (Some(program), Some(name)) = (text("/executable"), text("/target/name")) else { return };
        let is_test = message.pointer("/profile/test").and_then(Value::as_bool) == Some(true);
        match (is_test, name) {
            (true, _) => {
                let folder = text("/manifest_path").and_then(|path| Path::new(path).parent());
                let (name, program) = (name.to_owned(), program.to_owned());
                self.tests.push(Test {
                    name,
                    program,
                    folder: folder.map(PathBuf::from).unwrap_or_default(),
                });
            }
            (false, "grantwell") => program.clone_into(&mut self.server),
            (false, "grantwell-bench") => program.clone_into(&mut self.bench),
            (false, _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn programs_and_tests_are_told_apart() {
        let artifact = |name: &str, test: bool, path: &str| {
            json!({
                "reason": "compiler-artifact",
                "manifest_path": "/w/crates/server/Cargo.toml",
                "target": { "name": name },
                "profile": { "test": test },
                "executable": path,
            })
        };
        let mut built = Built::default();
        built.take(&artifact("grantwell", true, "/t/deps/grantwell-1"));
        built.take(&artifact("grantwell", false, "/t/grantwell"));
        built.take(&artifact("grantwell-bench", false, "/t/grantwell-bench"));
        built.take(
            &json!({ "reason": "compiler-artifact", "target": { "name": "core" }, "executable": null }),
        );
        built.take(&json!({ "reason": "build-finished", "success": true }));
        let folder = PathBuf::from("/w/crates/server");
        let test = Test { name: "grantwell".to_owned(), program: "/t/deps/grantwell-1".to_owned(), folder };
        assert_eq!((built.server.as_str(), built.bench.as_str()), ("/t/grantwell", "/t/grantwell-bench"));
        assert_eq!(built.tests, [test]);
    }
}
