//! Everything that our own pages show. Pure: in go a [`Page`] and a [`View`], out comes HTML; the server sends it.
//!
//! Templates, messages and style are embedded; an operator's folder may override them. Nothing here needs JavaScript; the
//! one script (`form-post`) submits a form that has a button too.

mod context;
mod headers;
mod locale;

use std::fmt;

use grantwell_core::time::Timestamp;

pub(crate) use context::*;
pub(crate) use headers::{FormAction, SECURITY_HEADERS, STRICT_TRANSPORT_SECURITY, content_security_policy};
pub(crate) use locale::{Locale, negotiate};

/// What is the same for every page of one answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    /// The language.
    pub(crate) locale: Locale,
    /// The present, for "five minutes ago".
    pub(crate) now: Timestamp,
    /// Name of this service, as its users know it; ends every title.
    pub(crate) site: &'a str,
    /// Nonce of the content security policy; only `form-post` uses it.
    pub(crate) nonce: &'a str,
    /// Id of the trace, for support.
    pub(crate) trace_id: &'a str,
}

/// A file that never changes under its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asset {
    /// `Content-Type`.
    pub(crate) content_type: &'static str,
    /// What is in it.
    pub(crate) bytes: Vec<u8>,
}

/// What is wrong with a template, a message or a style sheet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PageError {
    /// The file.
    pub(crate) file: String,
    /// What is wrong with it.
    pub(crate) problem: String,
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.problem)
    }
}

impl std::error::Error for PageError {}
