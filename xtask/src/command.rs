//! Running other programs: bounded in time, ended by their process group, output kept until something fails.

use std::{
    fs::File,
    io::{Read, Seek},
    os::unix::process::CommandExt,
    path::Path,
    process::{self, Child, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// A program and its arguments.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    program: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Command {
    pub(crate) fn new(program: &str) -> Self {
        Self { program: program.to_owned(), arguments: Vec::new(), environment: Vec::new() }
    }

    pub(crate) fn args<'a>(mut self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        self.arguments.extend(arguments.into_iter().map(str::to_owned));
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The line a person would type.
    pub(crate) fn line(&self) -> String {
        let mut line = self.program.clone();
        for argument in &self.arguments {
            line.push(' ');
            line.push_str(argument);
        }
        line
    }

    fn process(&self, folder: &Path) -> process::Command {
        let mut process = process::Command::new(&self.program);
        process
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(folder)
            .stdin(Stdio::null())
            // A group of its own, so that what it starts ends with it.
            .process_group(0);
        process
    }

    /// Runs it in `folder`; its output is part of the error.
    pub(crate) fn quiet(&self, folder: &Path, limit: Duration) -> Result<(), String> {
        self.output(folder, limit).map(|_| ())
    }

    /// Runs it in `folder` for its standard output.
    pub(crate) fn output(&self, folder: &Path, limit: Duration) -> Result<String, String> {
        let fail = |error: std::io::Error| format!("{}: {error}", self.line());
        let (mut out, mut err) = (scratch().map_err(fail)?, scratch().map_err(fail)?);
        let child = self
            .process(folder)
            .stdout(out.try_clone().map_err(fail)?)
            .stderr(err.try_clone().map_err(fail)?)
            .spawn()
            .map_err(fail)?;
        let status = wait(child, limit).map_err(fail)?;
        let text = read(&mut out).map_err(fail)?;
        match status {
            Some(status) if status.success() => Ok(text),
            Some(status) => {
                Err(format!("{text}{}\n`{}`: {status}", read(&mut err).map_err(fail)?, self.line()))
            }
            None => Err(format!(
                "{text}{}\n`{}` was ended after {} s",
                read(&mut err).map_err(fail)?,
                self.line(),
                limit.as_secs()
            )),
        }
    }

    /// Runs it in `folder` with its output on the terminal.
    pub(crate) fn visible(&self, folder: &Path, limit: Duration) -> Result<(), String> {
        let fail = |error: std::io::Error| format!("{}: {error}", self.line());
        let child = self.process(folder).spawn().map_err(fail)?;
        match wait(child, limit).map_err(fail)? {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(format!("`{}`: {status}", self.line())),
            None => Err(format!("`{}` was ended after {} s", self.line(), limit.as_secs())),
        }
    }
}

/// `None` when it had to be ended.
fn wait(mut child: Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() > limit {
            process::Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).status()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// A file without a name: it is gone when it is closed.
fn scratch() -> std::io::Result<File> {
    let path = std::env::temp_dir().join(format!("xtask-{}-{:?}", process::id(), Instant::now()));
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

fn read(file: &mut File) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        Command::new("sh").args(["-c", script])
    }

    #[test]
    fn a_failure_carries_both_outputs() {
        let here = Path::new(".");
        assert_eq!(shell("echo one").output(here, Duration::from_secs(10)).unwrap(), "one\n");
        let error = shell("echo one; echo two >&2; exit 3").quiet(here, Duration::from_secs(10)).unwrap_err();
        assert!(error.contains("one") && error.contains("two") && error.contains('3'), "{error}");
    }

    #[test]
    fn what_takes_too_long_is_ended_with_its_children() {
        let start = Instant::now();
        let error = shell("sleep 60 & wait").quiet(Path::new("."), Duration::from_millis(50)).unwrap_err();
        assert!(error.contains("was ended"), "{error}");
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}
