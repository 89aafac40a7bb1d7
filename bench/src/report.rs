//! What came of a run, as a page would show it, and whether it is enough.

use std::{fmt::Write as _, fs, path::Path, time::Duration};

use crate::load::Measured;

const BEGIN: &str = "<!-- measured: begin -->";
const END: &str = "<!-- measured: end -->";
/// The row that the floor is set for.
const FLOOR_ROW: &str = "**whole code flow**, ES256";
/// How much faster than the other server, which keeps nothing.
const FLOOR_RATIO: f64 = 3.0;
/// From a start to its first answer.
const FLOOR_START: Duration = Duration::from_millis(100);

/// One row of work.
#[derive(Clone, Debug)]
pub(crate) struct ReportLine {
    pub(crate) name: &'static str,
    pub(crate) ours: Measured,
    pub(crate) theirs: Option<Measured>,
}

impl ReportLine {
    fn ratio(&self) -> Option<f64> {
        Some(self.ours.per_second() / self.theirs.as_ref()?.per_second().max(f64::EPSILON))
    }

    /// For the one who waits.
    pub(crate) fn brief(&self) -> String {
        let ratio = self.ratio().map(|ratio| format!(", {ratio:.1} ×")).unwrap_or_default();
        format!("{}: {:.0}/s{ratio}", self.name, self.ours.per_second())
    }

    fn markdown(&self) -> String {
        let ours = &self.ours;
        let (theirs, their_cost) = match &self.theirs {
            Some(theirs) => (rate(theirs), micros(theirs.cost())),
            None => ("–".to_owned(), "–".to_owned()),
        };
        let ratio = self.ratio().map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.1} ×"));
        format!(
            "| {} | {} | {} | {} | {} | {theirs} | {their_cost} | {ratio} |",
            self.name,
            rate(ours),
            millis(ours.percentile(50.0)),
            millis(ours.percentile(99.0)),
            micros(ours.cost()),
        )
    }
}

fn rate(measured: &Measured) -> String {
    format!("{:.0}", measured.per_second())
}

fn millis(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1e3)
}

fn micros(time: Duration) -> String {
    format!("{:.0}", time.as_secs_f64() * 1e6)
}

fn mebibytes(kibibytes: u64) -> String {
    format!("{}.{}", kibibytes / 1024, kibibytes % 1024 * 10 / 1024)
}

/// A whole run. Memory in KiB.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunReport {
    pub(crate) pinned: bool,
    pub(crate) lines: Vec<ReportLine>,
    pub(crate) first_start: Duration,
    pub(crate) second_start: Duration,
    pub(crate) peer_started_in: Duration,
    pub(crate) idle: u64,
    pub(crate) after: u64,
    pub(crate) peer_idle: u64,
    pub(crate) peer_after: u64,
    pub(crate) program_size: u64,
}

impl RunReport {
    /// The tables.
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::from(
            "| work | Grantwell, per second | p50 ms | p99 ms | processor µs each | oidc-provider, per second | processor µs each | ratio |\n\
             |---|---:|---:|---:|---:|---:|---:|---:|\n",
        );
        for line in &self.lines {
            let _ = writeln!(text, "{}", line.markdown());
        }
        let _ = writeln!(text, "\n| | Grantwell | oidc-provider |\n|---|---:|---:|");
        let _ = writeln!(text, "| first start ever to first answer, ms | {} | – |", millis(self.first_start));
        let (second, peer) = (millis(self.second_start), millis(self.peer_started_in));
        let _ = writeln!(text, "| start to first answer, ms | {second} | {peer} |");
        let (idle, peer) = (mebibytes(self.idle), mebibytes(self.peer_idle));
        let _ = writeln!(text, "| memory when idle, MiB | {idle} | {peer} |");
        let (after, peer) = (mebibytes(self.after), mebibytes(self.peer_after));
        let _ = writeln!(text, "| memory after this run, MiB | {after} | {peer} |");
        let _ = writeln!(text, "| program, MiB | {} | – |", mebibytes(self.program_size / 1024));
        text
    }

    /// What is not as good as it has to be.
    pub(crate) fn missed(&self) -> Vec<String> {
        let mut missed = Vec::new();
        let flow = self.lines.iter().find(|line| line.name == FLOOR_ROW).and_then(ReportLine::ratio);
        if let Some(ratio) = flow.filter(|ratio| *ratio < FLOOR_RATIO) {
            missed.push(format!("the whole code flow is {ratio:.1} × oidc-provider, not {FLOOR_RATIO} ×"));
        }
        for start in [self.first_start, self.second_start] {
            if start > FLOOR_START {
                missed.push(format!("a start took {} ms, not {} ms", millis(start), FLOOR_START.as_millis()));
            }
        }
        missed
    }

    /// Puts the tables into a page, between its two marks.
    pub(crate) fn write(&self, page: &Path) -> Result<(), String> {
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", page.display());
        let text = fs::read_to_string(page).map_err(|error| failed(&error))?;
        let text = replaced(&text, &self.markdown()).ok_or_else(|| failed(&"the marks are missing"))?;
        fs::write(page, text).map_err(|error| failed(&error))
    }
}

fn replaced(page: &str, tables: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{tables}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_go_between_the_marks_of_a_page() {
        let page = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let expected = format!("before\n{BEGIN}\n\nnew\n\n{END}\nafter\n");
        assert_eq!(replaced(&page, "new\n"), Some(expected.clone()));
        assert_eq!(replaced(&expected, "new\n"), Some(expected));
        assert_eq!(replaced("no marks", "new\n"), None);
    }

    #[test]
    fn a_slow_start_misses_the_floor() {
        let good = RunReport { first_start: Duration::from_millis(99), ..RunReport::default() };
        assert!(good.missed().is_empty());
        let slow = RunReport { second_start: Duration::from_millis(101), ..good };
        assert_eq!(slow.missed().len(), 1);
    }

    #[test]
    fn memory_is_told_in_tenths() {
        assert_eq!(mebibytes(1024 * 16 + 512), "16.5");
    }
}
