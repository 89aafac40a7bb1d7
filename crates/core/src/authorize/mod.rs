//! The authorization endpoint (RFC 6749 §3.1, §4.1.1; OpenID Connect Core 1.0 §3.1.2).

mod check;
pub mod id_token_hint;
mod response;

pub use check::{
    AuthorizeRefusal, AuthorizeRequest, CheckedRequest, Destined, LONGEST_REQUEST, PageRefusal,
    RequestRefusal,
};
pub use response::{AuthorizationResponse, Delivery};

pub use crate::store::{AuthorizationRequest, Prompts, Redirect, ResponseMode, ResponseRoute};

#[cfg(test)]
#[path = "../../../../docs/guides/examples/pushed_request.rs"]
pub mod example_pushed_request;
