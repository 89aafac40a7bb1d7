//! The authorization endpoint (RFC 6749 §3.1, §4.1.1; OpenID Connect Core 1.0 §3.1.2).

mod request;

pub use request::{AuthorizationRequest, Prompts, ResponseMode};
