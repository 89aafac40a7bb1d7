//! The end of an interaction: an authorization with its code, or the refusal.
//!
//! An interaction gives at most one authorization: they share the id, and the store's primary key says no to a second. The
//! code's secret is derived from that id, so a doubled click gets the same redirect while the code is unredeemed.

use serde_json::json;

use super::{next::Subject, pending::Pending};
use crate::{
    authorize::AuthorizationResponse,
    client::{ApplicationType, Client},
    error::Refusal,
    id::{AuthorizationId, ConsentId, SessionId},
    scope::Permissions,
    step::{Context, Decision},
    store::{Authorization, AuthorizationRecord, AuthorizationRequest, CodeState, Consent, Redirect, Write},
    token::{code::Code, liveness},
};

/// What is issued, to whom.
#[derive(Clone, Copy, Debug)]
pub struct Grantee<'a> {
    /// What is asked for.
    pub request: &'a AuthorizationRequest,
    /// Who asks.
    pub client: &'a Client,
    /// Whose authorization it is.
    pub subject: Subject<'a>,
    /// The live consent of the person for the client.
    pub consent: Option<&'a Consent>,
}

/// Issues the code that nothing is missing for.
pub fn issue(
    pending: &Pending<'_>,
    redirect: &Redirect,
    granted: &Permissions,
    to: &Grantee<'_>,
    context: &Context<'_>,
) -> Decision<AuthorizationResponse> {
    let id = AuthorizationId::from(pending.interaction.id);
    let code = Code::of(id, &context.keyring.keys);
    let state = CodeState {
        digest: code.digest(),
        redirect_uri: redirect.sent.then(|| redirect.uri.clone()),
        challenge: to.request.code_challenge.clone(),
        expires_at: context.now + context.policy.lifetimes.code,
        redeemed_at: None,
        invalidated_at: None,
    };
    let writes = authorize(id, Some(state), granted, to, context);
    Decision { writes, outcome: AuthorizationResponse::code(redirect, code.encode(), &context.policy.issuer) }
}

/// The writes of an authorization: the consent that it is born under, itself, and their events.
fn authorize(
    id: AuthorizationId,
    code: Option<CodeState>,
    granted: &Permissions,
    to: &Grantee<'_>,
    context: &Context<'_>,
) -> Vec<Write> {
    let client_id = &to.client.client_id;
    let event = |kind| {
        let detail = json!({ "permissions": granted });
        context.audit(kind, Some(to.subject.user.id), Some(client_id), detail)
    };
    let mut writes = Vec::with_capacity(4);
    let consent_id = consent(granted, to, context, &mut writes);
    if !writes.is_empty() {
        writes.push(event("consent.granted"));
    }
    let lifetimes = &context.policy.lifetimes;
    let absolute = match to.client.application_type {
        ApplicationType::Web if to.client.is_public() => lifetimes.refresh_absolute_browser,
        ApplicationType::Web | ApplicationType::Native => lifetimes.refresh_absolute,
    };
    writes.push(Write::InsertAuthorization(Box::new(Authorization {
        id,
        client_id: client_id.clone(),
        user_id: to.subject.user.id,
        session_id: to.subject.session_id,
        consent_id,
        permissions: granted.clone(),
        offline: granted.scopes().contains("offline_access"),
        authentication: to.subject.authentication.clone(),
        nonce: to.request.nonce.clone(),
        epoch: context.epoch,
        created_at: context.now,
        expires_at: context.now + absolute,
        code,
        refresh: None,
        last_used_at: context.now,
        revoked_at: None,
    })));
    writes.push(event("authorization.granted"));
    writes
}

/// The consent the authorization is born under, with the write that makes or extends it.
fn consent(
    granted: &Permissions,
    to: &Grantee<'_>,
    context: &Context<'_>,
    writes: &mut Vec<Write>,
) -> ConsentId {
    match to.consent {
        Some(consent) if granted.difference(&consent.permissions).is_empty() => consent.id,
        Some(consent) => {
            writes.push(Write::ExtendConsent {
                id: consent.id,
                version: consent.version,
                permissions: consent.permissions.union(granted),
                at: context.now,
            });
            consent.id
        }
        None => {
            let id = ConsentId::new(context.now, context.entropy);
            writes.push(Write::InsertConsent(Box::new(Consent {
                id,
                user_id: to.subject.user.id,
                client_id: to.client.client_id.clone(),
                permissions: granted.clone(),
                version: 0,
                created_at: context.now,
                updated_at: context.now,
                withdrawn_at: None,
            })));
            id
        }
    }
}

/// The OAuth error that the client receives when an interaction is refused.
pub fn refuse(redirect: &Redirect, refusal: &dyn Refusal, issuer: &str) -> AuthorizationResponse {
    AuthorizationResponse::error(redirect, refusal.public(), issuer)
}

/// The redirect of an interaction that gave `record` before, once more: to the session it was given in, while the code is
/// unredeemed. `None`: it is over.
pub fn repeat(
    redirect: &Redirect,
    record: &AuthorizationRecord,
    session_id: SessionId,
    context: &Context<'_>,
) -> Option<AuthorizationResponse> {
    let authorization = &record.authorization;
    let code = authorization.code.as_ref()?;
    let unused = code.redeemed_at.is_none() && code.invalidated_at.is_none() && context.now < code.expires_at;
    let alive = liveness::code_alive(record, &context.policy.lifetimes, context.now).is_ok();
    (authorization.session_id == Some(session_id) && unused && alive).then(|| {
        let code = Code::of(authorization.id, &context.keyring.keys).encode();
        AuthorizationResponse::code(redirect, code, &context.policy.issuer)
    })
}

#[cfg(test)]
mod tests;
