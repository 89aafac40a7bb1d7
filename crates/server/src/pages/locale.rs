//! Which language a page speaks: `ui_locales` (OpenID Connect Core 1.0 §3.1.2.1), then the cookie, then
//! `Accept-Language` (RFC 9110 §12.5.4), then English.

use fluent_langneg::{
    LanguageIdentifier, NegotiationStrategy, convert_vec_str_to_langids_lossy, negotiate_languages,
};

/// A language we speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Locale {
    /// English.
    #[default]
    En,
    /// German.
    De,
}

impl Locale {
    /// Every one.
    pub(crate) const ALL: [Self; 2] = [Self::En, Self::De];

    /// Its BCP 47 tag: the `lang` of a page, and the value of the cookie.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
        }
    }

    /// The `dir` of a page.
    pub(crate) const fn direction(self) -> &'static str {
        match self {
            Self::En | Self::De => "ltr",
        }
    }
}

/// Most languages that are looked at, and the longest header. Bounds the work a stranger can cause.
const MOST_WISHES: usize = 16;
const LONGEST_HEADER: usize = 512;

/// The first language we speak among those asked for.
pub(crate) fn negotiate(
    ui_locales: &[String],
    cookie: Option<&str>,
    accept_language: Option<&str>,
) -> Locale {
    first_spoken(&convert_vec_str_to_langids_lossy(ui_locales.iter().take(MOST_WISHES)))
        .or_else(|| first_spoken(&convert_vec_str_to_langids_lossy(cookie)))
        .or_else(|| {
            let header = accept_language.filter(|header| header.len() <= LONGEST_HEADER)?;
            first_spoken(&convert_vec_str_to_langids_lossy(by_weight(header)))
        })
        .unwrap_or_default()
}

/// The languages of an `Accept-Language`, most wanted first (RFC 9110 §12.4.2); those with weight zero are not wanted.
fn by_weight(header: &str) -> Vec<&str> {
    let mut wishes: Vec<(u16, &str)> = header
        .split(',')
        .take(MOST_WISHES)
        .filter_map(|wish| {
            let (tag, parameter) = wish.split_once(';').unwrap_or((wish, "q=1"));
            let weight = parameter.trim().strip_prefix("q=")?;
            Some((thousandths(weight)?, tag.trim()))
        })
        .filter(|(weight, _)| *weight > 0)
        .collect();
    wishes.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    wishes.into_iter().map(|(_, tag)| tag).collect()
}

/// `qvalue` of RFC 9110 §12.4.2: at most 1, at most three digits after the point.
fn thousandths(qvalue: &str) -> Option<u16> {
    let (whole, fraction) = qvalue.split_once('.').unwrap_or((qvalue, ""));
    let fraction = fraction.get(..fraction.len().min(3))?;
    let value =
        whole.parse::<u16>().ok()?.checked_mul(1000)?.checked_add(format!("{fraction:0<3}").parse().ok()?)?;
    (value <= 1000).then_some(value)
}

fn first_spoken(wishes: &[LanguageIdentifier]) -> Option<Locale> {
    let spoken = convert_vec_str_to_langids_lossy(Locale::ALL.iter().map(|locale| locale.tag()));
    let found = negotiate_languages(wishes, &spoken, None, NegotiationStrategy::Lookup);
    let best = found.first()?.language;
    Locale::ALL.into_iter().find(|locale| best.as_str() == locale.tag())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ui_locales_then_cookie_then_header_then_english() {
        let de = ["fr-CA".to_owned(), "de-AT".to_owned()];
        for (ui_locales, cookie, header, expected) in [
            (&[][..], None, None, Locale::En),
            (&[], None, Some("fr, de;q=0.5, en;q=0.4"), Locale::De),
            (&[], None, Some("en-GB, de;q=0.9"), Locale::En),
            (&[], None, Some("de;q=0.2, en;q=0.9"), Locale::En),
            (&[], None, Some("en;q=0, de; q=0.001"), Locale::De),
            (&[], None, Some("en;q=0.75, de;q=0.8"), Locale::De),
            (&[], None, Some("de;q=7, de;q=x, de;q=-1, *"), Locale::En),
            (&[], Some("de"), Some("en"), Locale::De),
            (&de, Some("en"), Some("en"), Locale::De),
            (&["fr".to_owned()], Some("de"), None, Locale::De),
            (&[], Some("xx-klingon!"), Some("\"><svg onload=alert(1)>"), Locale::En),
        ] {
            assert_eq!(
                negotiate(ui_locales, cookie, header),
                expected,
                "{ui_locales:?} {cookie:?} {header:?}"
            );
        }
    }

    #[test]
    fn j_01_hostile_language_lists_are_bounded() {
        let many = vec!["zz".to_owned(); 100_000];
        assert_eq!(negotiate(&many, None, None), Locale::En);
        assert_eq!(negotiate(&[], None, Some(&"de,".repeat(10_000))), Locale::En);
    }
}
