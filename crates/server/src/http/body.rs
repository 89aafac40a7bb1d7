//! Bodies, bounded in size and time before they are parsed (catalogue H-02, H-03, Z-07).

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use grantwell_core::{
    error::{ErrorCode, OAuthError},
    form::{Form, FormError},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body as _;
use serde_json::error::Category;

/// Largest form.
const LARGEST_FORM: usize = 64 * 1024;
/// Largest JSON document.
const LARGEST_JSON: usize = 256 * 1024;
/// A body must have come whole by then.
const PATIENCE: Duration = Duration::from_secs(15);

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// 413.
    TooLarge,
    /// 408.
    TooSlow,
    /// 415: another content type, or an encoding.
    MediaType,
    /// 400: a parameter is not percent-encoded UTF-8; names it.
    Encoding(&'static str),
    /// 400: not what the type says.
    Malformed(&'static str),
}

impl BodyError {
    /// The reason, for the log.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::TooLarge => "body_too_large",
            Self::TooSlow => "body_too_slow",
            Self::MediaType => "body_media_type",
            Self::Encoding(_) | Self::Malformed(_) => "body_malformed",
        }
    }

    /// The status of the response.
    pub(crate) const fn status(self) -> u16 {
        match self {
            Self::TooLarge => 413,
            Self::TooSlow => 408,
            Self::MediaType => 415,
            Self::Encoding(_) | Self::Malformed(_) => 400,
        }
    }

    /// The error that the response carries.
    pub(crate) const fn public(self) -> OAuthError {
        let description = match self {
            Self::TooLarge => "the body is too large",
            Self::TooSlow => "the body came too slowly",
            Self::MediaType => "the content type of the body is not the one this endpoint reads",
            Self::Encoding(name) => {
                return OAuthError::about(ErrorCode::InvalidRequest, name, "is not percent-encoded UTF-8");
            }
            Self::Malformed(description) => description,
        };
        OAuthError::new(ErrorCode::InvalidRequest, description)
    }
}

/// Reads a form.
pub(crate) async fn form(headers: &HeaderMap, body: Body) -> Result<Form, BodyError> {
    expect_type(headers, "application/x-www-form-urlencoded")?;
    parse_form(&whole(body, LARGEST_FORM, PATIENCE).await?)
}

/// Parses the query of a URL or a body as a form.
pub(crate) fn parse_form(bytes: &[u8]) -> Result<Form, BodyError> {
    Form::parse(bytes).map_err(|error| match error {
        FormError::TooMany => BodyError::Malformed("too many parameters"),
        FormError::Encoding(name) => BodyError::Encoding(name),
    })
}

/// Reads a JSON object.
pub(crate) async fn json<T: serde::de::DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
) -> Result<T, BodyError> {
    expect_type(headers, "application/json")?;
    let bytes = whole(body, LARGEST_JSON, PATIENCE).await?;
    serde_json::from_slice(&bytes).map_err(|error| {
        BodyError::Malformed(match error.classify() {
            Category::Data => "a member of the JSON body is unknown, missing or of another type",
            Category::Syntax | Category::Eof | Category::Io => "the body is not JSON",
        })
    })
}

fn expect_type(headers: &HeaderMap, expected: &str) -> Result<(), BodyError> {
    let received =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = received.split(';').next().unwrap_or_default().trim();
    let encoded = headers.contains_key(header::CONTENT_ENCODING);
    if essence.eq_ignore_ascii_case(expected) && !encoded { Ok(()) } else { Err(BodyError::MediaType) }
}

async fn whole(body: Body, most: usize, patience: Duration) -> Result<Vec<u8>, BodyError> {
    // One that says so is not waited for.
    if usize::try_from(body.size_hint().lower()).map_or(true, |length| length > most) {
        return Err(BodyError::TooLarge);
    }
    let collected = tokio::time::timeout(patience, Limited::new(body, most).collect()).await;
    match collected {
        Err(_) => Err(BodyError::TooSlow),
        Ok(Ok(body)) => Ok(body.to_bytes().to_vec()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge),
        Ok(Err(_)) => Err(BodyError::Malformed("the body broke off")),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        pin::Pin,
        task::{Context, Poll},
    };

    use axum::body::Bytes;
    use hyper::body::Frame;

    use super::*;

    /// The beginning of a body, whose end does not come.
    struct Beginning(Option<Bytes>);

    impl hyper::body::Body for Beginning {
        type Data = Bytes;
        type Error = Infallible;
        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            self.0.take().map_or(Poll::Pending, |bytes| Poll::Ready(Some(Ok(Frame::data(bytes)))))
        }
    }

    #[tokio::test]
    async fn h_03_a_body_whose_end_does_not_come_is_given_up() {
        let body = Body::new(Beginning(Some(Bytes::from_static(b"grant_type="))));
        assert_eq!(whole(body, LARGEST_FORM, Duration::ZERO).await, Err(BodyError::TooSlow));
        let body = Body::from("grant_type=refresh_token");
        assert!(whole(body, LARGEST_FORM, Duration::ZERO).await.is_ok());
        assert_eq!((PATIENCE, BodyError::TooSlow.status()), (Duration::from_secs(15), 408));
    }
}
