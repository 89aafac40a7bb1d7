//! What came of a run, as a page would show it, and whether it is enough.

use std::{fmt::Write as _, fs, path::Path, time::Duration};

use serde_json::{Map, Value, json};

use crate::{
    load::Measured,
    plan::{WHOLE_FLOW, WorkRow},
};

/// Where nothing was measured.
const NONE: &str = "–";

const BEGIN: &str = "<!-- measured: begin -->";
const END: &str = "<!-- measured: end -->";
/// How much faster than the other server, which keeps nothing.
const FLOOR_RATIO: f64 = 3.0;
/// From a start to its first answer.
const FLOOR_START: Duration = Duration::from_millis(100);

/// One row of work. What was not measured is `None`.
#[derive(Clone, Debug)]
pub(crate) struct ReportLine {
    name: &'static str,
    connections: usize,
    pub(crate) ours: Option<Measured>,
    pub(crate) theirs: Option<Measured>,
    pub(crate) bare: Option<Measured>,
}

impl ReportLine {
    pub(crate) fn new(row: &WorkRow) -> Self {
        Self { name: row.name, connections: row.connections, ours: None, theirs: None, bare: None }
    }

    /// How many times as fast as another.
    fn ratio(&self, other: Option<&Measured>) -> Option<f64> {
        Some(self.ours.as_ref()?.per_second() / other?.per_second().max(f64::EPSILON))
    }

    fn of_peer(&self) -> Option<f64> {
        self.ratio(self.theirs.as_ref())
    }

    /// By processor time: the load cannot ask as fast as the bare server answers.
    fn of_bare(&self) -> Option<f64> {
        let (ours, bare) = (self.ours.as_ref()?.cost(), self.bare.as_ref()?.cost());
        Some(bare.as_secs_f64() / ours.as_secs_f64().max(f64::EPSILON))
    }

    /// For the one who waits.
    pub(crate) fn brief(&self) -> String {
        let peer = self.of_peer().map(|ratio| format!(", {ratio:.1} ×")).unwrap_or_default();
        let bare = self.of_bare().map(|ratio| format!(", {ratio:.2} of bare")).unwrap_or_default();
        format!("{}: {}/s{peer}{bare}", self.name, self.ours.as_ref().map(rate).unwrap_or_default())
    }

    fn markdown(&self) -> String {
        let cell = |measured: &Option<Measured>, of: fn(&Measured) -> String| {
            measured.as_ref().map_or_else(|| NONE.to_owned(), of)
        };
        let ratio = |ratio: Option<f64>, unit: &str, digits: usize| {
            ratio.map_or_else(|| NONE.to_owned(), |ratio| format!("{ratio:.digits$}{unit}"))
        };
        let cells = [
            self.name.to_owned(),
            cell(&self.ours, rate),
            cell(&self.ours, |ours| millis(ours.percentile(50.0))),
            cell(&self.ours, |ours| millis(ours.percentile(99.0))),
            cell(&self.ours, |ours| micros(ours.cost())),
            cell(&self.theirs, rate),
            cell(&self.theirs, |theirs| micros(theirs.cost())),
            ratio(self.of_peer(), " ×", 1),
            cell(&self.bare, |bare| micros(bare.cost())),
            ratio(self.of_bare(), "", 2),
        ];
        format!("| {} |", cells.join(" | "))
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "connections": self.connections,
            "grantwell": self.ours.as_ref().map(measured_json),
            "oidc_provider": self.theirs.as_ref().map(measured_json),
            "bare": self.bare.as_ref().map(measured_json),
            "of_oidc_provider": self.of_peer(),
            "of_bare": self.of_bare(),
        })
    }
}

/// One measurement.
pub(crate) fn measured_json(measured: &Measured) -> Value {
    let milliseconds = |percent| measured.percentile(percent).as_secs_f64() * 1e3;
    json!({
        "per_second": measured.per_second(),
        "p50_ms": milliseconds(50.0),
        "p99_ms": milliseconds(99.0),
        "processor_us": measured.cost().as_secs_f64() * 1e6,
    })
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

/// All rows. Memory in KiB.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunReport {
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
            "| work | Grantwell, per second | p50 ms | p99 ms | processor µs each | oidc-provider, per second | processor µs each | ratio \
             | bare server, processor µs each | of the bare server |\n\
             |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
        );
        for line in &self.lines {
            let _ = writeln!(text, "{}", line.markdown());
        }
        let _ = writeln!(text, "\n| | Grantwell | oidc-provider |\n|---|---:|---:|");
        let _ = writeln!(text, "| first start ever to first answer, ms | {} | – |", millis(self.first_start));
        let there = |is: bool, text: String| if is { text } else { NONE.to_owned() };
        let second = millis(self.second_start);
        let peer = there(!self.peer_started_in.is_zero(), millis(self.peer_started_in));
        let _ = writeln!(text, "| start to first answer, ms | {second} | {peer} |");
        let (idle, peer) = (mebibytes(self.idle), there(self.peer_idle > 0, mebibytes(self.peer_idle)));
        let _ = writeln!(text, "| memory when idle, MiB | {idle} | {peer} |");
        let (after, peer) = (mebibytes(self.after), there(self.peer_after > 0, mebibytes(self.peer_after)));
        let _ = writeln!(text, "| memory after this run, MiB | {after} | {peer} |");
        let _ = writeln!(text, "| program, MiB | {} | – |", mebibytes(self.program_size / 1024));
        text
    }

    /// What is not as good as it has to be.
    pub(crate) fn missed(&self) -> Vec<String> {
        let mut missed = Vec::new();
        let flow = self.lines.iter().find(|line| line.name == WHOLE_FLOW.name).and_then(ReportLine::of_peer);
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

    pub(crate) fn json(&self) -> Map<String, Value> {
        let milliseconds = |time: Duration| (!time.is_zero()).then_some(time.as_secs_f64() * 1e3);
        let known = |kibibytes: u64| (kibibytes > 0).then_some(kibibytes);
        let rows: Vec<Value> = self.lines.iter().map(ReportLine::json).collect();
        let starts = json!({
            "first_ever_ms": milliseconds(self.first_start),
            "next_ms": milliseconds(self.second_start),
            "oidc_provider_ms": milliseconds(self.peer_started_in),
        });
        let memory = json!({
            "idle_kib": known(self.idle),
            "after_kib": known(self.after),
            "oidc_provider_idle_kib": known(self.peer_idle),
            "oidc_provider_after_kib": known(self.peer_after),
        });
        let all = [
            ("rows", rows.into()),
            ("starts", starts),
            ("memory", memory),
            ("program_bytes", self.program_size.into()),
        ];
        all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// Puts tables into a page, between its two marks.
pub(crate) fn write(page: &Path, tables: &str) -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", page.display());
    let text = fs::read_to_string(page).map_err(|error| failed(&error))?;
    let text = replaced(&text, tables).ok_or_else(|| failed(&"the marks are missing"))?;
    fs::write(page, text).map_err(|error| failed(&error))
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
    fn a_row_tells_its_ratios_as_a_table_and_as_json() {
        let of = |count: u32, processor: u64| {
            let times = vec![Duration::from_millis(1); usize::try_from(count).unwrap()];
            Some(Measured::of(&times).within(Duration::from_secs(1), Duration::from_millis(processor)))
        };
        let line =
            ReportLine { ours: of(3, 60), theirs: of(1, 1), bare: of(6, 60), ..ReportLine::new(&WHOLE_FLOW) };
        assert_eq!(line.brief(), "**whole code flow**, ES256: 3/s, 3.0 ×, 0.50 of bare");
        assert!(line.markdown().ends_with("| 1 | 1000 | 3.0 × | 10000 | 0.50 |"), "{}", line.markdown());
        let alone = ReportLine::new(&WHOLE_FLOW);
        let report = RunReport { lines: vec![line, alone], idle: 1024, ..RunReport::default() };
        let json = Value::Object(report.json());
        assert_eq!(json["rows"][0]["grantwell"]["per_second"], 3.0);
        assert_eq!(
            (&json["rows"][0]["of_oidc_provider"], &json["rows"][0]["of_bare"]),
            (&json!(3.0), &json!(0.5))
        );
        assert!(
            json["rows"][0]["grantwell"]["p99_ms"].as_f64().is_some_and(|time| (time - 1.0).abs() < 0.01)
        );
        assert_eq!(json["rows"][1]["of_bare"], Value::Null);
        assert_eq!((&json["memory"]["idle_kib"], &json["starts"]["next_ms"]), (&json!(1024), &Value::Null));
    }

    #[test]
    fn memory_is_told_in_tenths() {
        assert_eq!(mebibytes(1024 * 16 + 512), "16.5");
    }
}
