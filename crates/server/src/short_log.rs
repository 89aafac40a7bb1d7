//! The log of `grantwell dev`: short lines for the person at the terminal. A request is
//! `POST /token 401 wrong_secret client_id=web trace_id=…`; any other event is its level, its message and its fields.

use std::fmt::{Debug, Write as _};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

/// The format.
pub(crate) struct ShortLines;

impl<S, N> FormatEvent<S, N> for ShortLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut line = String::new();
        if fields.message == "request" {
            for name in ["method", "route", "status", "reason"] {
                line.extend(fields.take(name).map(|value| format!("{value} ")));
            }
            // What a line about one's own machine can do without.
            for name in ["address", "duration_ms"] {
                fields.take(name);
            }
        } else {
            if *event.metadata().level() != Level::INFO {
                write!(line, "{}: ", event.metadata().level())?;
            }
            write!(line, "{} ", fields.message)?;
        }
        for (name, value) in &fields.others {
            write!(line, "{name}={value} ")?;
        }
        writeln!(writer, "{}", one_line(line.trim_end()))
    }
}

/// Control characters are written as escapes, so that a line stays one line (catalogue J-07).
fn one_line(text: &str) -> String {
    text.chars().fold(String::new(), |mut line, c| {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
        line
    })
}

/// The fields of an event, in order.
#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, String)>,
}

impl Fields {
    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.others.iter().position(|(known, _)| *known == name)?;
        Some(self.others.remove(at).1)
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" { self.message = text } else { self.others.push((field.name(), text)) }
    }
}
