//! What is refused before it reaches an endpoint, or finds none. Browsers get a page; whoever does not say that it reads HTML
//! gets the JSON error of the other endpoints.

use axum::http::{HeaderMap, header};

use crate::{
    http::{
        exchange::Exchange,
        renderer::Renderer,
        response::{Response, unrouted},
    },
    pages::error::Cause,
};

/// Why no endpoint answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unrouted {
    /// 404.
    NotFound,
    /// 404: no such asset.
    NoAsset,
    /// 405.
    MethodNotAllowed,
    /// 414.
    TargetTooLong,
    /// 400: two `Host` headers.
    TwoHosts,
    /// 400: a transfer encoding that is not read here.
    TransferEncoding,
}

/// Endpoints that a person's browser is sent to: they answer with pages, unless a client says that it reads none.
const FOR_PEOPLE: [&str; 7] = [
    "/authorize",
    "/authorize/resume",
    "/sign-in",
    "/select-account",
    "/consent",
    "/end_session",
    "/account",
];

impl Unrouted {
    /// The response for a request with these headers.
    pub(crate) fn response(self, x: &Exchange, headers: &HeaderMap, path: &str) -> Response {
        let (status, cause) = match self {
            Self::NotFound | Self::NoAsset => (404, Cause::NotFound),
            Self::MethodNotAllowed => (405, Cause::MethodNotAllowed),
            Self::TargetTooLong => (414, Cause::InvalidRequest),
            Self::TwoHosts | Self::TransferEncoding => (400, Cause::InvalidRequest),
        };
        let page = || Renderer::new(x, headers, &[]).error(status, cause, self.reason());
        let error = || unrouted(x, status, (cause.as_str(), self.description()), self.reason());
        match Accepts::read(headers) {
            Accepts::Html => page(),
            Accepts::Anything if FOR_PEOPLE.contains(&path) => page(),
            Accepts::Anything | Accepts::OtherTypes => error(),
        }
    }

    const fn reason(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::NoAsset => "asset",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::TargetTooLong => "target_too_long",
            Self::TwoHosts => "two_host_headers",
            Self::TransferEncoding => "transfer_encoding",
        }
    }

    const fn description(self) -> &'static str {
        match self {
            Self::NotFound => "no endpoint has this path; a slash at its end counts",
            Self::NoAsset => "there is no such asset",
            Self::MethodNotAllowed => {
                "the endpoint does not take this method; Allow lists those that it takes"
            }
            Self::TargetTooLong => "path and query are too long",
            Self::TwoHosts => "the request has two Host headers",
            Self::TransferEncoding => "the transfer encoding is not supported",
        }
    }
}

/// What a request says that it reads (RFC 9110 §12.5.1).
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
