//! `/revoke` (RFC 7009). The response is 200 only when the revocation is durable.

use grantwell_core::revoke::RevocationRequest;
use serde_json::json as object;

use crate::http::{
    client::ClientForm,
    exchange::Exchange,
    response::{Response, json, refused},
};

/// POST.
pub(crate) async fn post(x: Exchange, sent: ClientForm) -> Response {
    match sent.run(&x, RevocationRequest::read(&sent.form)).await {
        Ok(Ok(_)) => json(200, &object!({})),
        Ok(Err(refusal)) => refused(&x, &refusal),
        Err(response) => response,
    }
}
