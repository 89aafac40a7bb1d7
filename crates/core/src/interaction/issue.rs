//! The end of an interaction: an authorization with its code, or the refusal.
//!
//! An interaction gives at most one authorization: they share the id, and the store's primary key says no to a second. The
//! code's secret is derived from that id, so a doubled click gets the same redirect while the code is unredeemed.

use crate::{
    authorize::{AuthorizationRequest, AuthorizationResponse},
    client::{ApplicationType, Client},
    error::Refusal,
    id::{AuthorizationId, ConsentId, EventId},
    interaction::{NextStep, pending::Pending},
    policy::Policy,
    realm_keys::RealmKeys,
    scope::Permissions,
    step::Decision,
    store::{Authorization, AuthorizationRecord, CodeState, Consent, Event, SessionRecord, Write},
    time::{Entropy, Timestamp},
    token::{code::Code, liveness},
};

/// What issuing needs beside the step.
#[derive(Clone, Copy)]
pub struct Issuing<'a> {
    /// Who asks.
    pub client: &'a Client,
    /// The live consent of the person for the client.
    pub consent: Option<&'a Consent>,
    /// The realm's present epoch.
    pub epoch: u32,
    /// The realm's keys.
    pub keys: &'a RealmKeys,
    /// The policy.
    pub policy: &'a Policy,
    /// The present.
    pub now: Timestamp,
    /// For ids.
    pub entropy: &'a dyn Entropy,
    /// Of the request.
    pub trace_id: &'a str,
}

/// What an interaction that already gave an authorization answers.
#[derive(Debug)]
pub enum Repeat {
    /// The code is unredeemed: the same redirect again.
    Same(Box<AuthorizationResponse>),
    /// It is over: the way back to the application.
    Over,
}

/// Issues the code that nothing is missing for.
pub fn issue(
    pending: &Pending,
    session: &SessionRecord,
    granted: &Permissions,
    with: &Issuing<'_>,
) -> Decision<AuthorizationResponse> {
    let request = &pending.interaction.request;
    let id = AuthorizationId::from(pending.interaction.id);
    let mut writes = Vec::with_capacity(4);
    let consent_id = consent(session, granted, with, &mut writes);
    if !writes.is_empty() {
        writes.push(audit("consent.granted", session, request, granted, with));
    }
    let absolute = match with.client.application_type {
        ApplicationType::Web if with.client.is_public() => with.policy.lifetimes.refresh_absolute_browser,
        _ => with.policy.lifetimes.refresh_absolute,
    };
    let code = Code::of(id, with.keys);
    writes.push(Write::InsertAuthorization(Box::new(Authorization {
        id,
        client_id: request.client_id.clone(),
        user_id: session.user.id,
        session_id: session.session.id,
        consent_id,
        permissions: granted.clone(),
        offline: granted.scopes().contains("offline_access"),
        authentication: session.session.authentication.clone(),
        nonce: request.nonce.clone(),
        epoch: with.epoch,
        created_at: with.now,
        expires_at: with.now + absolute,
        code: CodeState {
            digest: code.digest(),
            redirect_uri: request.redirect_uri_sent.then(|| request.redirect_uri.clone()),
            challenge: request.code_challenge.clone(),
            expires_at: with.now + with.policy.lifetimes.code,
            redeemed_at: None,
            burnt_at: None,
        },
        refresh: None,
        last_used_at: with.now,
        revoked_at: None,
    })));
    writes.push(audit("authorization.granted", session, request, granted, with));
    Decision { writes, outcome: AuthorizationResponse::code(request, code.encode(), &with.policy.issuer) }
}

/// The consent the authorization is born under, with the write that makes or extends it.
fn consent(
    session: &SessionRecord,
    granted: &Permissions,
    with: &Issuing<'_>,
    writes: &mut Vec<Write>,
) -> ConsentId {
    match with.consent {
        Some(consent) if granted.difference(&consent.permissions).is_empty() => consent.id,
        Some(consent) => {
            writes.push(Write::ExtendConsent {
                id: consent.id,
                version: consent.version,
                permissions: consent.permissions.union(granted),
                at: with.now,
            });
            consent.id
        }
        None => {
            let id = ConsentId::new(with.now, with.entropy);
            writes.push(Write::InsertConsent(Box::new(Consent {
                id,
                user_id: session.user.id,
                client_id: with.client.client_id.clone(),
                permissions: granted.clone(),
                version: 0,
                created_at: with.now,
                updated_at: with.now,
                withdrawn_at: None,
            })));
            id
        }
    }
}

fn audit(
    kind: &str,
    session: &SessionRecord,
    request: &AuthorizationRequest,
    granted: &Permissions,
    with: &Issuing<'_>,
) -> Write {
    Write::Audit(Box::new(Event {
        id: EventId::new(with.now, with.entropy),
        at: with.now,
        kind: kind.to_owned(),
        user_id: Some(session.user.id),
        client_id: Some(request.client_id.clone()),
        address: None,
        trace_id: with.trace_id.to_owned(),
        detail: serde_json::json!({ "permissions": granted }),
    }))
}

/// The refusal that ends an interaction, as the client is told it.
pub fn refuse(request: &AuthorizationRequest, refusal: &dyn Refusal, issuer: &str) -> AuthorizationResponse {
    let (uri, state) = (request.redirect_uri.clone(), request.state.clone());
    AuthorizationResponse::error(uri, request.response_mode, state, refusal.public(), issuer)
}

/// What an interaction answers that gave `record` before. The same only to the session it was given in.
pub fn repeat(
    pending: &Pending,
    record: &AuthorizationRecord,
    step: &NextStep<'_>,
    with: &Issuing<'_>,
) -> Repeat {
    let authorization = &record.authorization;
    let same_session =
        matches!(step, NextStep::Issue { session, .. } if session.session.id == authorization.session_id);
    let code_state = &authorization.code;
    let unused = code_state.redeemed_at.is_none() && code_state.burnt_at.is_none();
    let alive = liveness::code_alive(record, &with.policy.lifetimes, with.now).is_ok();
    if same_session && unused && with.now < code_state.expires_at && alive {
        let code = Code::of(authorization.id, with.keys).encode();
        let request = &pending.interaction.request;
        Repeat::Same(Box::new(AuthorizationResponse::code(request, code, &with.policy.issuer)))
    } else {
        Repeat::Over
    }
}

#[cfg(test)]
mod tests;
