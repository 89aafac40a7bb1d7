//! A program under callgrind, and its counters while it runs.

use std::{fs, path::PathBuf, process::Command};

/// Where one writes what it counted.
#[derive(Debug)]
pub(super) struct Callgrind {
    folder: PathBuf,
}

impl Callgrind {
    pub(super) fn new(folder: PathBuf) -> Result<Self, String> {
        fs::create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(Self { folder })
    }

    /// What comes before the program and its arguments. Lines and jumps are of no use to a sum.
    pub(super) fn command(&self) -> Vec<String> {
        let counts = format!("--callgrind-out-file={}", self.counts().display());
        let fixed = ["valgrind", "--tool=callgrind", "--dump-line=no", "--fair-sched=try"];
        fixed.map(str::to_owned).into_iter().chain([self.prefix(), counts]).collect()
    }

    fn counts(&self) -> PathBuf {
        self.folder.join("counts")
    }

    fn prefix(&self) -> String {
        format!("--vgdb-prefix={}", self.folder.join("pipe").display())
    }

    /// Sets the counters of a process to zero.
    pub(super) fn zero(&self, process: u32) -> Result<(), String> {
        self.tell(process, "zero")
    }

    /// The instructions of a process since they were zero.
    pub(super) fn read(&self, process: u32) -> Result<u64, String> {
        self.tell(process, "dump")?;
        let mut sum = None;
        for entry in fs::read_dir(&self.folder).map_err(|error| error.to_string())?.flatten() {
            let path = entry.path();
            let is_counted = entry.file_name().to_string_lossy().starts_with("counts.");
            if is_counted {
                let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
                sum = Some(sum.unwrap_or(0) + total(&text).ok_or("callgrind told no total")?);
                fs::remove_file(&path).map_err(|error| error.to_string())?;
            }
        }
        sum.ok_or_else(|| "callgrind wrote nothing".to_owned())
    }

    fn tell(&self, process: u32, what: &str) -> Result<(), String> {
        let process = format!("--pid={process}");
        let output = Command::new("vgdb").args([&self.prefix(), &process, what]).output();
        let output = output.map_err(|error| format!("vgdb: {error}"))?;
        if output.status.success() {
            Ok(())
        } else {
            Err(format!("vgdb {what}: {}", String::from_utf8_lossy(&output.stderr)))
        }
    }
}

/// The line of a file with the sum of everything in it.
fn total(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("totals: "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_found() {
        let file = "version: 1\nevents: Ir\nsummary: 12\n\nfn=(1)\n0 12\n\ntotals: 34\n";
        assert_eq!(total(file), Some(34));
        assert_eq!(total("summary: 12\n"), None);
    }
}
