use std::time::Duration;

use super::*;
use crate::{
    authorize::Delivery,
    fixtures as fx,
    interaction::{
        next::InteractionRefusal,
        pending::Handle,
        proceed::{Proceed, Proceeded},
    },
    secret::Digest,
    store::{Facts, Interaction},
    time::Timestamp,
};

fn row() -> Interaction {
    fx::interaction(fx::request(), Facts::default())
}

/// What is issued to Ada in session 2.
fn issued(
    client: &Client,
    interaction: &Interaction,
    granted: &Permissions,
    consent: Option<&Consent>,
) -> Decision<AuthorizationResponse> {
    let record = fx::session(2);
    let (pending, request) = (fx::stored(interaction), fx::request_of(interaction));
    let to = Grantee { request, client, subject: Subject::from(&record), consent };
    issue(&pending, fx::redirect(request), granted, &to, &fx::context(&fx::policy()))
}

/// All that [`fx::request`] asks for, for the first time.
fn first() -> Decision<AuthorizationResponse> {
    issued(&fx::client(), &row(), &fx::request().permissions, None)
}

/// Kinds of the events among the writes, all with where and in which request they happened.
fn events(writes: &[Write]) -> Vec<&str> {
    let mut kinds = Vec::new();
    for write in writes {
        if let Write::Audit(event) = write {
            let about = (event.user_id, event.client_id.as_ref().map(|id| id.as_str()), &*event.trace_id);
            assert_eq!(about, (Some(fx::user_id(2)), Some("web"), "trace"));
            assert_eq!(event.address.as_deref(), Some("192.0.2.1"), "{}", event.kind);
            kinds.push(event.kind.as_str());
        }
    }
    kinds
}

fn authorization(writes: &[Write]) -> &Authorization {
    let mut found = writes.iter().filter_map(|write| match write {
        Write::InsertAuthorization(authorization) => Some(&**authorization),
        _ => None,
    });
    let first = found.next().unwrap();
    assert!(found.next().is_none());
    first
}

fn uri(response: &AuthorizationResponse) -> String {
    match response.delivery() {
        Delivery::Redirect(uri) => uri,
        Delivery::Form { .. } => panic!("a form"),
    }
}

#[test]
fn an_authorization_says_all_that_its_tokens_depend_on() {
    let policy = fx::policy();
    let granted = fx::permissions(&[("", "openid")]);
    let decision = issued(&fx::client(), &row(), &granted, None);
    let id = AuthorizationId::from_bytes([6; 16]);
    let code = Code::of(id, &fx::keyring().keys);
    let expected = Authorization {
        id,
        client_id: "web".into(),
        user_id: fx::user_id(2),
        session_id: Some(fx::session_id(2)),
        consent_id: authorization(&decision.writes).consent_id,
        permissions: granted,
        offline: false,
        authentication: fx::authentication(),
        nonce: Some("n-1".to_owned()),
        epoch: fx::EPOCH,
        created_at: fx::NOW,
        expires_at: fx::NOW + policy.lifetimes.refresh_absolute,
        code: Some(CodeState {
            digest: code.digest(),
            redirect_uri: Some(fx::REDIRECT.to_owned()),
            challenge: Some(fx::CHALLENGE.to_owned()),
            expires_at: fx::NOW + Duration::from_mins(1),
            redeemed_at: None,
            invalidated_at: None,
        }),
        refresh: None,
        last_used_at: fx::NOW,
        revoked_at: None,
    };
    assert_eq!(authorization(&decision.writes), &expected);
    let sent = uri(&decision.outcome);
    assert!(
        sent.starts_with(&format!("https://rp.example/cb?code={}&state=s-1&iss=", code.encode())),
        "{sent}"
    );
}

#[test]
fn the_redirect_uri_is_kept_only_if_it_was_sent() {
    let row = fx::interaction(fx::request_to(|to| to.sent = false), Facts::default());
    let decision = issued(&fx::client(), &row, &fx::request().permissions, None);
    assert_eq!(authorization(&decision.writes).code.as_ref().unwrap().redirect_uri, None);
}

#[test]
fn offline_access_and_the_kind_of_client_say_how_long_it_lasts() {
    let policy = fx::policy();
    let day = policy.lifetimes.refresh_absolute_browser;
    for (client, scope, offline, lasts) in [
        (fx::client(), "openid offline_access", true, policy.lifetimes.refresh_absolute),
        (fx::public_client(), "openid", false, day),
        (fx::native_client(), "openid", false, policy.lifetimes.refresh_absolute),
    ] {
        let granted = fx::permissions(&[("", scope)]);
        let decision = issued(&client, &row(), &granted, None);
        let authorization = authorization(&decision.writes);
        assert_eq!((authorization.offline, authorization.expires_at), (offline, fx::NOW + lasts), "{scope}");
    }
}

#[test]
fn a_first_consent_is_made_before_the_authorization_that_needs_it() {
    let decision = first();
    let Some(Write::InsertConsent(consent)) = decision.writes.first() else { panic!("{decision:?}") };
    let expected = Consent {
        id: consent.id,
        version: 0,
        created_at: fx::NOW,
        updated_at: fx::NOW,
        ..fx::consent(&[("", "openid"), (fx::API, "notes:read")])
    };
    assert_eq!(**consent, expected);
    assert_eq!(authorization(&decision.writes).consent_id, consent.id);
    assert_eq!(events(&decision.writes), ["consent.granted", "authorization.granted"]);
}

#[test]
fn n_03_a_consent_grows_by_what_is_new_and_not_otherwise() {
    let granted = fx::request().permissions;
    let known = fx::consent(&[("", "openid email"), (fx::API, "notes:read")]);
    let decision = issued(&fx::client(), &row(), &granted, Some(&known));
    assert_eq!(authorization(&decision.writes).consent_id, known.id);
    assert_eq!(events(&decision.writes), ["authorization.granted"]);
    assert_eq!(decision.writes.len(), 2);

    let less = fx::consent(&[("", "email")]);
    let decision = issued(&fx::client(), &row(), &granted, Some(&less));
    match decision.writes.first() {
        Some(Write::ExtendConsent { id, version: 5, permissions, at }) => {
            assert_eq!((*id, *at), (less.id, fx::NOW));
            assert_eq!(*permissions, fx::permissions(&[("", "email openid"), (fx::API, "notes:read")]));
        }
        write => panic!("{write:?}"),
    }
    assert_eq!(authorization(&decision.writes).consent_id, less.id);
    assert_eq!(events(&decision.writes), ["consent.granted", "authorization.granted"]);
}

/// What the store has after [`row`] was answered.
fn answered() -> AuthorizationRecord {
    let authorization = authorization(&first().writes).clone();
    AuthorizationRecord { authorization, session: Some(fx::session(2).session), ..fx::record() }
}

fn repeated(record: &AuthorizationRecord, session: u8, now: Timestamp) -> Option<String> {
    let policy = fx::policy();
    let context = fx::context_at(&policy, now);
    repeat(fx::redirect(&fx::request()), record, fx::session_id(session), &context)
        .map(|response| uri(&response))
}

#[test]
fn n_06_a_double_submit_gives_the_same_redirect_while_the_code_is_unredeemed() {
    let (first, again) = (first(), first());
    assert_eq!(uri(&first.outcome), uri(&again.outcome), "whichever of two tabs wins");
    let end = fx::NOW + fx::policy().lifetimes.code;
    assert_eq!(repeated(&answered(), 2, fx::NOW), Some(uri(&first.outcome)));
    assert!(repeated(&answered(), 2, end - Duration::from_millis(1)).is_some());
    assert_eq!(repeated(&answered(), 2, end), None);
}

#[test]
fn n_06_afterwards_there_is_only_the_way_back() {
    let cases: &[fn(&mut AuthorizationRecord)] = &[
        |r| r.authorization.code.as_mut().unwrap().redeemed_at = Some(fx::NOW),
        |r| r.authorization.code.as_mut().unwrap().invalidated_at = Some(fx::NOW),
        |r| r.authorization.code = None,
        |r| r.authorization.session_id = None,
        |r| r.authorization.revoked_at = Some(fx::NOW),
        |r| r.consent_withdrawn_at = Some(fx::NOW),
        |r| r.user.as_mut().unwrap().disabled = true,
        |r| fx::client_of(r).disabled = true,
        |r| r.session.as_mut().unwrap().ended_at = Some(fx::NOW),
        |r| r.epoch += 1,
    ];
    for (at, change) in cases.iter().enumerate() {
        let mut record = answered();
        change(&mut record);
        assert_eq!(repeated(&record, 2, fx::NOW), None, "case {at}");
    }
}

#[test]
fn l_32_a_code_is_repeated_only_to_the_session_it_was_given_in() {
    assert_eq!(repeated(&answered(), 8, fx::NOW), None);
    // A refusal is given, not the code of the authorization that there is.
    for (facts, same) in [(Facts::default(), true), (Facts { denied: true, ..Facts::default() }, false)] {
        let interaction = fx::interaction(fx::request(), facts);
        let world = fx::World {
            client: Some(fx::client()),
            sessions: vec![fx::session(2)],
            consent: Some(fx::consent(&[("", "openid"), (fx::API, "notes:read")])),
            interaction: Some(interaction.clone()),
            authorization: Some(answered()),
            ..fx::World::default()
        };
        let browser = fx::browser(&[2]);
        let handle = Some(Handle::Row(interaction.id));
        let step = Proceed { handle, browser: &browser, user_agent: "Browser/1" };
        let decision = fx::decide(&step, &world, &fx::context(&fx::policy())).unwrap();
        let Proceeded::Respond(_, response) = decision.outcome else { panic!("a page") };
        assert_eq!(response.error_code(), (!same).then_some("access_denied"));
        assert_eq!(uri(&response) == uri(&first().outcome), same);
    }
}

#[test]
fn a_19_n_06_a_refusal_goes_back_with_state_and_issuer() {
    let response = refuse(fx::redirect(&fx::request()), &InteractionRefusal::Denied, fx::ISSUER);
    assert_eq!(response.error_code(), Some("access_denied"));
    let sent = uri(&response);
    assert!(sent.starts_with("https://rp.example/cb?error=access_denied&error_description="), "{sent}");
    assert!(sent.ends_with("&state=s-1&iss=https%3A%2F%2Fid.example"), "{sent}");
}

#[test]
fn q_01_only_a_digest_of_the_code_is_kept() {
    let record = answered();
    let stored = serde_json::to_string(&record.authorization).unwrap();
    let code = Code::of(record.authorization.id, &fx::keyring().keys).encode();
    assert!(!stored.contains(&code) && !stored.contains("gwc_"));
    assert_ne!(record.authorization.code.as_ref().unwrap().digest, Digest([0; 32]));
}
