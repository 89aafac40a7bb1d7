//! What a run has seen: what was acknowledged, what became of it, and how long things took.

use std::time::Duration;

use crate::history::{Counts, Wrong};

/// Most findings of a kind that are printed.
const SHOWN: usize = 5;

/// The counts and findings of a run.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) counts: Counts,
    pub(crate) checks: u64,
    pub(crate) wrong: Vec<Wrong>,
    /// Answers under load or in a check that no rule allows.
    pub(crate) unexpected: Vec<String>,
    /// What else must not be: a limit that was passed, damage.
    pub(crate) broken: Vec<String>,
    times: Vec<(&'static str, Vec<Duration>)>,
}

impl Record {
    /// Notes how long something took.
    pub(crate) fn time(&mut self, what: &'static str, time: Duration) {
        match self.times.iter_mut().find(|(known, _)| *known == what) {
            Some((_, times)) => times.push(time),
            None => self.times.push((what, vec![time])),
        }
    }

    /// Notes how long something took that may not take longer than `most`.
    pub(crate) fn bound(&mut self, what: &'static str, time: Duration, most: Duration) {
        self.time(what, time);
        if time > most {
            self.broken.push(format!("{what}: {time:.1?}, at most {most:.0?} allowed"));
        }
    }

    /// Takes over what another one has.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.counts.add(other.counts);
        self.checks += other.checks;
        self.wrong.extend(other.wrong);
        self.unexpected.extend(other.unexpected);
        self.broken.extend(other.broken);
        for (what, times) in other.times {
            for time in times {
                self.time(what, time);
            }
        }
    }

    pub(crate) fn progress(&self) -> String {
        format!("{} acknowledged, {} wrong", self.counts.acknowledged(), self.wrong.len())
    }

    /// Prints `rows`, what was promised and kept, times, and the findings. True when there are none.
    pub(crate) fn print(&mut self, title: &str, rows: &[(&str, String)]) -> bool {
        let of = |kind: fn(&Wrong) -> bool| self.wrong.iter().filter(|wrong| kind(wrong)).count().to_string();
        let Counts { codes, redemptions, refreshes, revocations, unknown, refused, .. } = self.counts;
        let mut all = rows.to_vec();
        all.extend([
            ("acknowledged: codes", codes.to_string()),
            ("acknowledged: redemptions", redemptions.to_string()),
            ("acknowledged: refreshes", refreshes.to_string()),
            ("acknowledged: revocations", revocations.to_string()),
            ("never answered", unknown.to_string()),
            ("told to try again", refused.to_string()),
            ("authorizations checked afterwards", self.checks.to_string()),
            ("lost", of(|wrong| matches!(wrong, Wrong::Lost(_)))),
            ("doubled", of(|wrong| matches!(wrong, Wrong::Doubled(_)))),
            ("revived", of(|wrong| matches!(wrong, Wrong::Revived(_)))),
            ("answers that no rule allows", self.unexpected.len().to_string()),
        ]);
        self.print_short(title, &all)
    }

    /// Prints `rows`, times, and the findings. True when there are none.
    pub(crate) fn print_short(&mut self, title: &str, rows: &[(&str, String)]) -> bool {
        println!("\n| {title} | |\n|---|---|");
        for (name, value) in rows {
            println!("| {name} | {value} |");
        }
        for (what, times) in &mut self.times {
            times.sort();
            let median = times.get(times.len() / 2).copied().unwrap_or_default();
            let longest = times.last().copied().unwrap_or_default();
            println!("| {what}, median and longest | {median:.1?}, {longest:.1?} |");
        }
        for wrong in self.wrong.iter().take(SHOWN) {
            println!("wrong: {wrong:?}");
        }
        for what in self.unexpected.iter().take(SHOWN) {
            println!("unexpected: {what}");
        }
        for what in self.broken.iter().take(SHOWN) {
            println!("broken: {what}");
        }
        self.wrong.is_empty() && self.unexpected.is_empty() && self.broken.is_empty()
    }
}
