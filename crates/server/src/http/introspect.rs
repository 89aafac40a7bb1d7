//! `/introspect` (RFC 7662).

use grantwell_core::introspect::IntrospectionRequest;

use crate::http::{
    client::ClientForm,
    exchange::Exchange,
    response::{Response, json, refused},
};

/// POST.
pub(crate) async fn post(x: Exchange, sent: ClientForm) -> Response {
    match sent.run(&x, IntrospectionRequest::read(&sent.form)).await {
        Ok(Ok(introspection)) => json(200, &introspection),
        Ok(Err(refusal)) => refused(&x, &refusal),
        Err(response) => response,
    }
}
