//! `/token`, also `/oauth/token` (RFC 6749 §3.2).

use grantwell_core::token::{TokenRefusal, TokenRequest};

use crate::http::{
    client::ClientForm,
    exchange::Exchange,
    response::{Response, json, refused},
};

/// POST.
pub(crate) async fn post(x: Exchange, sent: ClientForm) -> Response {
    let request = TokenRequest::read(&sent.form);
    let grant = request.grant_type();
    x.note(|notes| notes.grant = grant);
    let result = match sent.run(&x, request).await {
        Ok(result) => result,
        Err(response) => return response,
    };
    match result {
        Ok(response) => {
            if let Some(grant) = grant {
                x.app.issued.count(&sent.credential().client_id, grant, x.now);
            }
            json(200, &response)
        }
        Err(refusal) => {
            if refusal == TokenRefusal::RefreshReused {
                metrics::counter!("grantwell_refresh_reuse_total", "decision" => "revoked").increment(1);
            }
            refused(&x, &refusal)
        }
    }
}
