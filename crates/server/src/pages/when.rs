//! Times in plain words, and exactly in `<time datetime>` (RFC 3339). Zones are the reader's business: dates are UTC.

use grantwell_core::time::Timestamp;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    Locale,
    escape::escaped,
    messages::{Argument, Messages},
};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// `<time>` with a text relative to `now` for the last week, and a date before that.
pub(super) fn time_element(
    messages: &Messages,
    locale: Locale,
    at: Timestamp,
    now: Timestamp,
) -> Result<String, String> {
    let moment = OffsetDateTime::from_unix_timestamp(at.seconds()).map_err(|error| error.to_string())?;
    let exact = moment.format(&Rfc3339).map_err(|error| error.to_string())?;
    let date = messages.format(
        locale,
        "year-date",
        &[
            ("day", Argument::Number(moment.day().into())),
            ("month", Argument::Number(u8::from(moment.month()).into())),
            ("year", Argument::Number(moment.year().into())),
        ],
        escaped,
    )?;
    let clock = Argument::Text(format!("{:02}:{:02}", moment.hour(), moment.minute()));
    let full = messages.format(
        locale,
        "year-date-time",
        &[("date", Argument::Text(date.clone())), ("time", clock)],
        escaped,
    )?;
    let ago = now.since(at).as_secs();
    let counted = |key, count: u64| {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        messages.format(locale, key, &[("count", Argument::Number(count))], escaped)
    };
    let words = match ago {
        _ if at > now => full.clone(),
        0..MINUTE => messages.format(locale, "ago-now", &[], escaped)?,
        MINUTE..HOUR => counted("ago-minutes", ago / MINUTE)?,
        HOUR..DAY => counted("ago-hours", ago / HOUR)?,
        _ if ago < 7 * DAY => counted("ago-days", ago / DAY)?,
        _ => date,
    };
    Ok(format!(r#"<time datetime="{exact}" title="{full}">{words}</time>"#))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_week_is_relative_and_the_rest_a_date() {
        let messages = Messages::embedded().unwrap();
        let now = Timestamp::from_seconds(1_795_492_800); // 2026-11-24T04:00:00Z
        for (ago, en, de) in [
            (0, "just now", "gerade eben"),
            (59, "just now", "gerade eben"),
            (60, "one minute ago", "vor einer Minute"),
            (3599, "59 minutes ago", "vor 59 Minuten"),
            (3600, "one hour ago", "vor einer Stunde"),
            (86_400, "yesterday", "gestern"),
            (6 * 86_400, "6 days ago", "vor 6 Tagen"),
            (7 * 86_400, "17 November 2026", "17. November 2026"),
            (-60, "24 November 2026, 04:01 UTC", "24. November 2026, 04:01 UTC"),
        ] {
            let at = Timestamp::from_seconds(now.seconds() - ago);
            for (locale, words) in [(Locale::En, en), (Locale::De, de)] {
                let element = time_element(&messages, locale, at, now).unwrap();
                assert!(element.ends_with(&format!(">{words}</time>")), "{element}");
            }
        }
        let element = time_element(&messages, Locale::En, Timestamp::from_seconds(0), now).unwrap();
        assert_eq!(
            element,
            r#"<time datetime="1970-01-01T00:00:00Z" title="1 January 1970, 00:00 UTC">1 January 1970</time>"#
        );
        assert!(time_element(&messages, Locale::En, Timestamp::from_millis(i64::MAX), now).is_err());
    }
}
