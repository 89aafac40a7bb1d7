//! What the endpoints share that clients call: the form, and who says it sends it (RFC 6749 §2.3, §3.2).

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, header},
};
use grantwell_core::{
    client_auth::{self, ByClient, CHALLENGE, ClientAuthRefusal, ClientRefusal, ClientStep, Credential},
    error::{ErrorCode, OAuthError},
    form::Form,
    id::ClientId,
};

use crate::{
    app::App,
    http::{
        body::{self, BodyError},
        exchange::Exchange,
        response::{Response, bad_body, oauth_error, refused, set_static, unavailable},
    },
};

/// The form of a client, with its credential. Nothing is compared yet.
pub(crate) struct ClientForm {
    /// The parameters.
    pub(crate) form: Form,
    credential: Credential,
}

impl FromRequest<Arc<App>> for ClientForm {
    type Rejection = Response;
    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let Ok(x) = Exchange::from_request_parts(&mut parts, app).await;
        read(&x, &parts.headers, parts.uri.query(), body).await
    }
}

/// Parameters stand in the body only (RFC 6749 §3.2).
async fn read(
    x: &Exchange,
    headers: &HeaderMap,
    query: Option<&str>,
    body: Body,
) -> Result<ClientForm, Response> {
    if query.is_some_and(|query| !query.is_empty()) {
        let error =
            OAuthError::new(ErrorCode::InvalidRequest, "parameters belong into the body, not into the URL");
        return Err(oauth_error(x, error, "parameters_in_url"));
    }
    let form = body::form(headers, body).await.map_err(|error| match error {
        // RFC 6749 §5.2: a body of another type is a malformed request like any other.
        BodyError::MediaType => oauth_error(x, error.public(), error.reason()),
        BodyError::TooLarge | BodyError::TooSlow | BodyError::Encoding(_) | BodyError::Malformed(_) => {
            bad_body(x, error)
        }
    })?;
    let authorization = authorization(headers);
    match client_auth::present(&authorization, &form) {
        Ok(credential) => Ok(ClientForm { form, credential }),
        Err(refusal) => {
            if let Some(id) = client_auth::claimed(&authorization, &form) {
                note_registered(x, &id).await;
            }
            Err(unauthenticated(x, &refusal))
        }
    }
}

impl ClientForm {
    /// Runs a step as the client, once it has proved who it is; else the response that says why not.
    pub(crate) async fn run<S: ClientStep>(
        &self,
        x: &Exchange,
        step: S,
    ) -> Result<Result<S::Outcome, S::Refusal>, Response> {
        let turn = x.turn(&self.credential.client_id).await;
        let _turn = turn.map_err(|why| unavailable(x, &why))?;
        let step = ByClient { credential: &self.credential, step };
        let ran = x.run(&step).await.map_err(|why| unavailable(x, &why))?;
        let result = match ran.result {
            Err(ClientRefusal::Authentication(refusal)) => {
                note_registered(x, &self.credential.client_id).await;
                return Err(unauthenticated(x, &refusal));
            }
            Err(ClientRefusal::Request(refusal)) => Err(refusal),
            Ok(outcome) => Ok(outcome),
        };
        x.note(|notes| notes.client_id = Some(self.credential.client_id.clone()));
        Ok(result)
    }

    /// The client that sent it; proved once [`ClientForm::run`] has an outcome.
    pub(crate) const fn credential(&self) -> &Credential {
        &self.credential
    }
}

/// The value of every `Authorization` header.
pub(crate) fn authorization(headers: &HeaderMap) -> Vec<&str> {
    headers.get_all(header::AUTHORIZATION).iter().map(|value| value.to_str().unwrap_or_default()).collect()
}

/// The log line names the client, if it is a registered one: what a stranger made up stays out of the log.
async fn note_registered(x: &Exchange, id: &ClientId) {
    if let Ok(Some(client)) = x.realm.client(&x.app.store, id).await {
        x.note(|notes| notes.client_id = Some(client.client_id.clone()));
    }
}

/// Every 401 has a challenge (RFC 9110 §15.5.2).
fn unauthenticated(x: &Exchange, refusal: &ClientAuthRefusal) -> Response {
    let mut response = refused(x, refusal);
    if response.status() == 401 {
        set_static(&mut response, "www-authenticate", CHALLENGE);
    }
    response
}
