//! A number beside the one that is wanted.

use serde_json::{Value, json};

/// What a number should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    /// Beside a number.
    pub(crate) fn told(self, value: f64) -> String {
        let (sign, bound) = match self {
            Self::AtLeast(bound) => ("≥", bound),
            Self::AtMost(bound) => ("≤", bound),
        };
        let word = if self.is_met(value) { "met" } else { "missed" };
        format!("{sign} {}: {word}", number(bound))
    }

    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        }
    }
}

/// What was measured, beside what is wanted where something is.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    name: String,
    pub(crate) value: f64,
    unit: &'static str,
    wanted: Option<Goal>,
}

impl Figure {
    pub(crate) fn new(name: &str, value: f64, unit: &'static str, wanted: Option<Goal>) -> Self {
        Self { name: name.to_owned(), value, unit, wanted }
    }

    /// Of KiB.
    pub(crate) fn memory(name: &str, kibibytes: u64, wanted: Goal) -> Self {
        let kibibytes = u32::try_from(kibibytes).unwrap_or(u32::MAX);
        Self::new(name, f64::from(kibibytes) / 1024.0, "MiB", Some(wanted))
    }

    fn markdown(&self) -> String {
        let wanted = match self.wanted {
            None => "–".to_owned(),
            Some(wanted) => wanted.told(self.value),
        };
        format!("| {}, {} | {} | {wanted} |", self.name, self.unit, number(self.value))
    }

    fn json(&self) -> Value {
        let (least, most) = match self.wanted {
            None => (None, None),
            Some(Goal::AtLeast(bound)) => (Some(bound), None),
            Some(Goal::AtMost(bound)) => (None, Some(bound)),
        };
        json!({
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "at_least": least,
            "at_most": most,
            "met": self.wanted.map(|wanted| wanted.is_met(self.value)),
        })
    }
}

/// Three digits, or all of a whole number.
pub(crate) fn number(value: f64) -> String {
    let digits = match value.abs() {
        zero if zero < 1e-9 => 0,
        small if small < 1.0 => 3,
        small if small < 10.0 => 2,
        middle if middle < 100.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Figures under a title, as a table.
pub(crate) fn markdown(title: &str, figures: &[Figure]) -> String {
    let lines: Vec<String> = figures.iter().map(Figure::markdown).collect();
    format!("| {title} | measured | wanted |\n|---|---:|---:|\n{}\n", lines.join("\n"))
}

pub(crate) fn json(figures: &[Figure]) -> Value {
    figures.iter().map(Figure::json).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_says_whether_it_is_what_is_wanted() {
        let of = |value, wanted| Figure::new("useful rate", value, "of the peak", wanted);
        let least = of(0.85, Some(Goal::AtLeast(0.9)));
        assert_eq!(least.markdown(), "| useful rate, of the peak | 0.85 | ≥ 0.9: missed |");
        assert_eq!(least.json()["met"], false);
        assert_eq!(of(100.0, Some(Goal::AtMost(100.0))).json()["met"], true);
        assert_eq!(of(123.4, None).markdown(), "| useful rate, of the peak | 123 | – |");
        assert_eq!(of(123.4, None).json()["met"], Value::Null);
    }

    #[test]
    fn numbers_are_short() {
        let all = [0.0, 0.123_45, 1.0, 12.34, 99.96, 1234.5].map(number);
        assert_eq!(all, ["0", "0.123", "1", "12.3", "100", "1234"]);
    }
}
