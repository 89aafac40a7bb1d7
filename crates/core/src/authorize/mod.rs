//! The authorization endpoint (RFC 6749 §3.1, §4.1.1; OpenID Connect Core 1.0 §3.1.2).

mod check;
pub mod id_token_hint;
mod request;
mod response;

pub use check::{Destination, LONGEST_REQUEST, PageRefusal, RequestRefusal, check, client_id, destination};
pub use request::{AuthorizationRequest, Prompts, ResponseMode};
pub use response::{AuthorizationResponse, Delivery};

#[cfg(test)]
pub(crate) mod fixtures;
