//! What was counted, the record of it in the repository, and the difference of the two.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use serde_json::{Value, json};

/// Instructions of one kind of request.
#[derive(Clone, Debug)]
pub(crate) struct Count {
    pub(super) name: &'static str,
    /// Of one request: the median of the batches.
    pub(super) instructions: u64,
    /// How far the middle half of the batches went from it, percent.
    pub(super) spread: f64,
}

impl Count {
    pub(super) fn of(name: &'static str, mut batches: Vec<u64>) -> Self {
        batches.sort_unstable();
        let at = |quarter: usize| batches.get(batches.len() * quarter / 4).copied().unwrap_or(0);
        let instructions = at(2);
        let spread = [at(1), at(3)].map(|quartile| difference(instructions, quartile).abs());
        let spread = spread.into_iter().fold(0.0, f64::max);
        Self { name, instructions, spread }
    }
}

/// What was counted, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordedBuild<'a> {
    pub(crate) commit: &'a str,
    pub(crate) date: &'a str,
}

/// The figures that the repository holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    commit: String,
    date: String,
    /// Why something grew by more than [`MOST_GROWTH`], where it did.
    why: Option<String>,
    instructions: BTreeMap<String, u64>,
}

/// What a count may be above its record without a word why, percent: more than runs differ by.
const MOST_GROWTH: f64 = 5.0;

impl Figures {
    /// Those of a file; none without it.
    pub(crate) fn read(file: &Path) -> Result<Option<Self>, String> {
        if !file.exists() {
            return Ok(None);
        }
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
        let text = fs::read_to_string(file).map_err(|error| failed(&error))?;
        Self::parse(&text).map(Some).ok_or_else(|| failed(&"not a record of instructions"))
    }

    fn parse(text: &str) -> Option<Self> {
        let record: Value = serde_json::from_str(text).ok()?;
        let own = |name: &str| record.get(name).and_then(Value::as_str).map(str::to_owned);
        let instructions = record.get("instructions")?.as_object()?.iter();
        let instructions = instructions.map(|(name, count)| Some((name.clone(), count.as_u64()?)));
        Some(Self {
            commit: own("commit")?,
            date: own("date")?,
            why: own("why"),
            instructions: instructions.collect::<Option<_>>()?,
        })
    }

    pub(crate) fn new(origin: RecordedBuild<'_>, why: Option<&str>, counts: &[Count]) -> Self {
        let instructions = counts.iter().map(|count| (count.name.to_owned(), count.instructions)).collect();
        let [commit, date] = [origin.commit, origin.date].map(str::to_owned);
        Self { commit, date, why: why.map(str::to_owned), instructions }
    }

    /// What grew by more than it may without a word why.
    pub(crate) fn grown(&self, counts: &[Count]) -> Vec<String> {
        let grown = |count: &Count| {
            let growth = difference(*self.instructions.get(count.name)?, count.instructions);
            (growth > MOST_GROWTH).then(|| format!("{}: {growth:+.1} %", count.name))
        };
        counts.iter().filter_map(grown).collect()
    }

    pub(crate) fn write(&self, file: &Path) -> Result<(), String> {
        fs::write(file, self.text()).map_err(|error| format!("{}: {error}", file.display()))
    }

    fn text(&self) -> String {
        let Self { commit, date, why, instructions } = self;
        let mut record = json!({ "commit": commit, "date": date, "instructions": instructions });
        if let (Some(why), Some(members)) = (why, record.as_object_mut()) {
            members.insert("why".to_owned(), why.as_str().into());
        }
        format!("{record:#}\n")
    }
}

/// The counts, beside what is recorded.
pub(crate) fn table(recorded: Option<&Figures>, counts: &[Count]) -> String {
    let title = recorded.map_or_else(
        || "nothing recorded".to_owned(),
        |figures| format!("recorded ({}, {})", figures.commit, figures.date),
    );
    let mut text = format!(
        "| instructions of one request | {title} | measured | difference | spread |\n|---|---:|---:|---:|---:|\n"
    );
    for Count { name, instructions, spread } in counts {
        let before = recorded.and_then(|figures| figures.instructions.get(*name)).copied();
        let difference = before.map(|before| format!("{:+.2} %", difference(before, *instructions)));
        let before = before.map_or_else(|| "–".to_owned(), |before| before.to_string());
        let difference = difference.unwrap_or_else(|| "–".to_owned());
        let _ = writeln!(text, "| {name} | {before} | {instructions} | {difference} | ± {spread:.2} % |");
    }
    text
}

/// Percent.
fn difference(before: u64, after: u64) -> f64 {
    // Counts of one request are far below what this loses digits of.
    let number = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    (number(after) / number(before).max(1.0) - 1.0) * 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts() -> Vec<Count> {
        vec![Count::of("jwks", vec![1, 200, 98, 101, 300, 100, 110, 99]), Count::of("userinfo", vec![50])]
    }

    #[test]
    fn the_median_counts_and_the_spread_is_that_of_the_middle_half() {
        let count = &counts()[0];
        assert_eq!(count.instructions, 101);
        assert!((count.spread - 9_900.0 / 101.0).abs() < 1e-6, "{}", count.spread);
    }

    #[test]
    fn what_was_written_is_read() {
        for why in [None, Some("a check more")] {
            let figures = Figures::new(RecordedBuild { commit: "abc", date: "2026-01-02" }, why, &counts());
            assert_eq!(Figures::parse(&figures.text()), Some(figures));
        }
        assert_eq!(Figures::parse("{\"commit\": \"abc\"}"), None);
    }

    #[test]
    fn the_table_tells_differences_from_the_record() {
        let mut figures = Figures::new(RecordedBuild { commit: "abc", date: "2026-01-02" }, None, &counts());
        figures.instructions.insert("jwks".to_owned(), 80);
        figures.instructions.remove("userinfo");
        let text = table(Some(&figures), &counts());
        assert!(text.contains("| recorded (abc, 2026-01-02) |"), "{text}");
        assert!(text.contains("| jwks | 80 | 101 | +26.25 % | ± 98.02 % |"), "{text}");
        assert!(text.contains("| userinfo | – | 50 | – | ± 0.00 % |"), "{text}");
        assert!(table(None, &counts()).contains("nothing recorded"));
        assert_eq!(figures.grown(&counts()), ["jwks: +26.2 %"]);
        figures.instructions.insert("jwks".to_owned(), 97);
        assert!(figures.grown(&counts()).is_empty());
    }
}
