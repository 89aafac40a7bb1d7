//! Whether a client reads HTML (RFC 9110 §12.5.1).

use axum::http::{HeaderMap, header};

/// What a request says that it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepts {
    /// HTML by name, as every browser does when it opens a page.
    Html,
    /// HTML with anything else, or it does not say.
    Anything,
    /// No HTML.
    OtherTypes,
}

impl Accepts {
    /// Reads `Accept`.
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let values = headers.get_all(header::ACCEPT).iter().map(|value| value.to_str().unwrap_or_default());
        let ranges: Vec<String> = values
            .flat_map(|value| value.split(','))
            .filter(|range| !is_refused(range))
            .map(|range| range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
            .collect();
        let names = |wanted: &[&str]| ranges.iter().any(|range| wanted.contains(&range.as_str()));
        if names(&["text/html", "application/xhtml+xml"]) {
            Self::Html
        } else if !headers.contains_key(header::ACCEPT) || names(&["*/*", "text/*"]) {
            Self::Anything
        } else {
            Self::OtherTypes
        }
    }
}

/// Whether a range has a weight of zero: "not this" (RFC 9110 §12.4.2).
fn is_refused(range: &str) -> bool {
    range.split(';').skip(1).any(|parameter| {
        let weight = parameter.trim().strip_prefix("q=").or_else(|| parameter.trim().strip_prefix("Q="));
        weight.is_some_and(|weight| weight.trim().parse::<f32>().is_ok_and(|weight| weight <= 0.0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reads_html_says_so() {
        for (accept, expected) in [
            (None, Accepts::Anything),
            (Some("*/*"), Accepts::Anything),
            (Some("text/*"), Accepts::Anything),
            (Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), Accepts::Html),
            (Some("Text/HTML;q=0.5"), Accepts::Html),
            (Some("application/json"), Accepts::OtherTypes),
            (Some("application/json, text/plain, */*"), Accepts::Anything),
            (Some("text/html;q=0, application/json"), Accepts::OtherTypes),
            (Some(""), Accepts::OtherTypes),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(accept) = accept {
                headers.insert(header::ACCEPT, accept.parse().unwrap());
            }
            assert_eq!(Accepts::read(&headers), expected, "{accept:?}");
        }
    }
}
