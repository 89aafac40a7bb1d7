//! What is refused before it reaches an endpoint, or finds none. Browsers get a page; whoever does not say that it reads HTML
//! gets the JSON error of the other endpoints.

use axum::http::HeaderMap;

use crate::{
    http::{
        accepts::Accepts,
        exchange::Exchange,
        renderer::Renderer,
        response::{Response, unregistered_error},
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
        let error = || unregistered_error(x, status, (cause.as_str(), self.description()), self.reason());
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
