//! Guards of what people and their applications do: sessions, interactions, consents, authorizations.

use std::time::Duration;

use grantwell_core::{
    id::{AuthorizationId, ConsentId, InteractionId, SessionId, UserId},
    scope::{Audience, Permissions},
    secret::Digest,
    store::{
        Authentication, Authorization, Consent, Interaction, Outcome, RefreshState, Session, Store, Write,
    },
    time::Entropy,
};

use super::{
    fixtures::{self, EPOCH, NOW},
    stage::{Stage, facts},
};
use crate::Engine;

const SECOND: Duration = Duration::from_secs(1);

/// A session is inserted once, ended once, by its owner, and not touched after its end.
pub async fn a_session_is_ended_once_by_its_owner(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let (store, realm, cast) = (stage.store(), stage.realm, &stage.cast);
    let (id, user_id) = (cast.session.id, cast.user.id);
    let end = |id, user_id, at| Write::EndSession { id, user_id, at };
    let seen = async || store.session(realm, id).await.unwrap().unwrap().session;

    let twin = Session { digest: grantwell_core::secret::Digest([9; 32]), ..cast.session.clone() };
    stage.conflict(Write::InsertSession(Box::new(twin))).await;
    stage.done(Write::TouchSession { id, at: NOW + SECOND * 60 }).await;
    stage.done(Write::TouchSession { id, at: NOW }).await;
    assert_eq!(seen().await.last_seen_at, NOW + SECOND * 60, "never backwards");
    stage.done(Write::TouchSession { id: SessionId::new(NOW, entropy), at: NOW }).await;

    stage.conflict(end(id, UserId::new(NOW, entropy), NOW)).await;
    stage.conflict(end(SessionId::new(NOW, entropy), user_id, NOW)).await;
    stage.done(end(id, user_id, NOW + SECOND)).await;
    stage.conflict(end(id, user_id, NOW + SECOND * 2)).await;
    stage.done(Write::TouchSession { id, at: NOW + SECOND * 120 }).await;
    let ended =
        Session { last_seen_at: NOW + SECOND * 60, ended_at: Some(NOW + SECOND), ..cast.session.clone() };
    assert_eq!(seen().await, ended, "an ended session is read, and left alone");
    assert_eq!(stage.authorization().await.session, Some(ended));
    stage.end().await;
}

/// L-03: signing in again replaces the secret of a session once; the old secret is refused afterwards.
pub async fn l_03_a_session_gets_a_new_secret_once(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let (store, realm, before) = (stage.store(), stage.realm, stage.cast.session.clone());
    let seen = async || store.session(realm, before.id).await.unwrap().unwrap().session;
    let later = NOW + SECOND * 60;
    let again = Session {
        digest: Digest([9; 32]),
        authentication: Authentication { at: later, ..before.authentication.clone() },
        user_agent: "Another/1".to_owned(),
        address: "192.0.2.9".to_owned(),
        last_seen_at: later,
        expires_at: before.expires_at + SECOND * 60,
        ..before.clone()
    };
    let write = |session: &Session, from| Write::Reauthenticate { session: Box::new(session.clone()), from };

    stage.conflict(write(&again, again.digest)).await;
    let of_another = Session { user_id: UserId::new(NOW, entropy), ..again.clone() };
    stage.conflict(write(&of_another, before.digest)).await;
    let absent = Session { id: SessionId::new(NOW, entropy), ..again.clone() };
    stage.conflict(write(&absent, before.digest)).await;
    assert_eq!(seen().await, before);

    stage.done(write(&again, before.digest)).await;
    assert_eq!(seen().await, again);
    assert_eq!(stage.authorization().await.session, Some(again.clone()), "what hangs on it stays");
    stage.conflict(write(&again, before.digest)).await;
    // It never began later, is never seen earlier, and an ended one stays ended.
    let earlier = Session { created_at: later, last_seen_at: NOW, ..again.clone() };
    stage.done(write(&earlier, again.digest)).await;
    assert_eq!(seen().await, again);
    stage.done(Write::EndSession { id: again.id, user_id: again.user_id, at: later }).await;
    stage.conflict(write(&again, again.digest)).await;
    stage.end().await;
}

/// Only sessions that live, newest first, at most a hundred, of one person.
pub async fn sessions_of_a_person_are_the_living_ones(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let (store, realm, user) = (stage.store(), stage.realm, stage.cast.user.id);
    let mut writes = Vec::new();
    for at in 1..=120 {
        let made = NOW + SECOND * at;
        let session = Session {
            created_at: made,
            expires_at: made + SECOND * 1000,
            ..fixtures::session(user, entropy)
        };
        writes.push(Write::InsertSession(Box::new(session)));
    }
    let unlisted = writes.first().and_then(|write| match write {
        Write::InsertSession(session) => Some(session.id),
        _ => None,
    });
    let (unlisted, bob) = (unlisted.unwrap(), fixtures::user("bob", entropy));
    writes.push(Write::InsertSession(Box::new(fixtures::session(bob.id, entropy))));
    assert_eq!(stage.commit(writes).await, Ok(Outcome::Done));

    let newest = store.sessions_of(realm, user, NOW).await.unwrap();
    assert_eq!(newest.len(), 100);
    assert!(newest.iter().map(|session| session.created_at).is_sorted_by(|a, b| a > b));
    assert!(newest.iter().all(|session| session.user_id == user));
    let last = newest.first().unwrap();
    stage.done(Write::EndSession { id: last.id, user_id: user, at: NOW }).await;
    let (first, all) = (stage.cast.session.id, NOW + SECOND);
    let later = NOW + SECOND * 1119;
    let live = store.sessions_of(realm, user, later).await.unwrap();
    assert_eq!(
        live.iter().map(|session| session.id).collect::<Vec<_>>(),
        [stage.cast.session.id],
        "expired, ended"
    );

    // All but one end, those too that are not listed, and no other user's.
    let oldest = store.session(realm, unlisted).await.unwrap().unwrap();
    assert!(oldest.session.ended_at.is_none() && !newest.iter().any(|session| session.id == unlisted));
    stage.done(Write::EndOtherSessions { user_id: user, keep: first, at: all }).await;
    let left = store.sessions_of(realm, user, NOW).await.unwrap();
    assert_eq!(left.iter().map(|session| session.id).collect::<Vec<_>>(), [first]);
    let ended = async |id| store.session(realm, id).await.unwrap().unwrap().session.ended_at;
    assert_eq!(
        (ended(unlisted).await, ended(last.id).await),
        (Some(all), Some(NOW)),
        "what ended stays as it is"
    );
    assert_eq!(store.sessions_of(realm, bob.id, NOW).await.unwrap().len(), 1);
    stage.end().await;
}

/// Facts are replaced only by who saw the present version.
pub async fn facts_are_replaced_on_the_version_that_was_read(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let (store, realm, cast) = (stage.store(), stage.realm, &stage.cast);
    let id = cast.interaction.id;
    let update = |id, version| Write::UpdateInteraction { id, version, facts: Box::new(facts(cast)) };

    let twin = Interaction { version: 7, ..cast.interaction.clone() };
    stage.conflict(Write::InsertInteraction(Box::new(twin))).await;
    stage.conflict(update(id, 1)).await;
    stage.conflict(update(InteractionId::new(NOW, entropy), 0)).await;
    stage.done(update(id, 0)).await;
    stage.conflict(update(id, 0)).await;
    stage.done(update(id, 1)).await;
    let now = Interaction { version: 2, facts: facts(cast), ..cast.interaction.clone() };
    assert_eq!(store.interaction(realm, id).await, Ok(Some(now)));
    assert_eq!(store.interaction(realm, InteractionId::new(NOW, entropy)).await, Ok(None));
    stage.end().await;
}

/// One live consent for a pair; extended on the version that was read; withdrawn once, by its owner, for ever.
pub async fn a_consent_is_one_for_a_pair_and_withdrawn_for_ever(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let (store, realm, cast) = (stage.store(), stage.realm, &stage.cast);
    let (id, user_id) = (cast.consent.id, cast.user.id);
    let more = Permissions([(Audience::Issuer, ["email"].into_iter().collect())].into());
    let extend =
        |id, version| Write::ExtendConsent { id, version, permissions: more.clone(), at: NOW + SECOND };
    let withdraw = |id, user_id| Write::WithdrawConsent { id, user_id, at: NOW + SECOND };
    let fresh = || fixtures::consent(user_id, &cast.client, entropy);

    stage.conflict(Write::InsertConsent(Box::new(fresh()))).await;
    let other_client = Consent { client_id: "other".into(), ..fresh() };
    stage.conflict(Write::InsertConsent(Box::new(Consent { id, ..other_client.clone() }))).await;
    stage.done(Write::InsertConsent(Box::new(other_client.clone()))).await;
    let other_user = Consent { user_id: UserId::new(NOW, entropy), ..fresh() };
    stage.done(Write::InsertConsent(Box::new(other_user))).await;

    stage.conflict(extend(id, 2)).await;
    stage.conflict(extend(ConsentId::new(NOW, entropy), 1)).await;
    stage.done(extend(id, 1)).await;
    stage.conflict(extend(id, 1)).await;
    let now =
        Consent { version: 2, updated_at: NOW + SECOND, permissions: more.clone(), ..cast.consent.clone() };
    assert_eq!(store.consent(realm, user_id, &cast.client.client_id).await, Ok(Some(now)));

    stage.conflict(withdraw(id, UserId::new(NOW, entropy))).await;
    stage.conflict(withdraw(ConsentId::new(NOW, entropy), user_id)).await;
    stage.done(withdraw(id, user_id)).await;
    stage.conflict(withdraw(id, user_id)).await;
    stage.conflict(extend(id, 2)).await;
    assert_eq!(store.consent(realm, user_id, &cast.client.client_id).await, Ok(None));
    assert_eq!(stage.authorization().await.consent_withdrawn_at, Some(NOW + SECOND));

    let again = Consent { created_at: NOW + SECOND * 2, ..fresh() };
    stage.done(Write::InsertConsent(Box::new(again.clone()))).await;
    assert_eq!(store.consent(realm, user_id, &cast.client.client_id).await, Ok(Some(again.clone())));
    assert_eq!(
        stage.authorization().await.consent_withdrawn_at,
        Some(NOW + SECOND),
        "agreeing again revives nothing"
    );
    let shown = store.connections_of(realm, user_id).await.unwrap();
    assert_eq!(
        shown.iter().map(|c| c.consent.id).collect::<Vec<_>>(),
        [again.id, other_client.id],
        "newest first"
    );
    assert_eq!(shown.iter().map(|c| c.client.is_some()).collect::<Vec<_>>(), [true, false]);
    stage.end().await;
}

/// An application was last used when the last token was issued under the consent.
pub async fn a_connection_was_used_when_a_token_was_issued(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let used = async || {
        let shown = stage.store().connections_of(stage.realm, stage.cast.user.id).await.unwrap();
        shown.first().unwrap().last_used_at
    };
    let id = stage.cast.authorization.id;
    assert_eq!(used().await, None);
    stage
        .done(Write::RedeemCode { id, at: NOW + SECOND, refresh: Some(fixtures::refresh(1, entropy)) })
        .await;
    assert_eq!(used().await, Some(NOW + SECOND));
    let to = RefreshState { rotated_at: NOW + SECOND * 5, ..fixtures::refresh(2, entropy) };
    stage.done(Write::RotateRefresh { id, to }).await;
    assert_eq!(used().await, Some(NOW + SECOND * 5));
    stage.end().await;
}

/// An authorization is born once, under a consent that lives, in a session that has not ended.
pub async fn an_authorization_is_born_under_what_lives(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let (store, realm, cast) = (stage.store(), stage.realm, &stage.cast);
    let insert = |authorization: Authorization| Write::InsertAuthorization(Box::new(authorization));
    let fresh = || fixtures::authorization(&cast.consent, cast.session.id, entropy);

    let record = stage.authorization().await;
    assert_eq!(record.authorization, cast.authorization);
    assert_eq!(record.client.as_deref(), Some(&cast.client));
    assert!(record.user.as_ref() == Some(&cast.user));
    assert_eq!(record.session.as_ref(), Some(&cast.session));
    assert_eq!((record.consent_withdrawn_at, record.epoch), (None, EPOCH));
    assert!(store.authorization(realm, AuthorizationId::new(NOW, entropy)).await.unwrap().is_none());

    stage.conflict(insert(Authorization { id: cast.authorization.id, ..fresh() })).await;
    stage.conflict(insert(Authorization { consent_id: ConsentId::new(NOW, entropy), ..fresh() })).await;
    stage.conflict(insert(Authorization { session_id: Some(SessionId::new(NOW, entropy)), ..fresh() })).await;
    let mut whole = fresh();
    whole.refresh = Some(fixtures::refresh(3, entropy));
    let code = whole.code.as_mut().unwrap();
    (code.challenge, code.redirect_uri, code.redeemed_at) = (None, None, Some(NOW));
    whole.nonce = None;
    whole.offline = false;
    stage.done(insert(whole.clone())).await;
    let read = store.authorization(realm, whole.id).await.unwrap().unwrap();
    assert_eq!(read.authorization, whole);

    let ended = fixtures::session(cast.user.id, entropy);
    stage.done(Write::InsertSession(Box::new(ended.clone()))).await;
    stage.done(Write::EndSession { id: ended.id, user_id: cast.user.id, at: NOW }).await;
    stage.conflict(insert(Authorization { session_id: Some(ended.id), ..fresh() })).await;
    stage.done(insert(fresh())).await;
    stage.done(Write::WithdrawConsent { id: cast.consent.id, user_id: cast.user.id, at: NOW }).await;
    stage.conflict(insert(fresh())).await;
    stage.end().await;
}

/// One that was given in no browser is born under a live consent alone, and one that is not a code's has none to redeem or to invalidate.
pub async fn an_authorization_needs_no_session_and_no_code(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let (store, realm, cast) = (stage.store(), stage.realm, &stage.cast);
    let insert = |authorization: &Authorization| Write::InsertAuthorization(Box::new(authorization.clone()));
    let read = async |id| store.authorization(realm, id).await.unwrap().unwrap();
    let fresh = || fixtures::without_code(&cast.consent, entropy);

    let given = fresh();
    stage
        .conflict(insert(&Authorization { consent_id: ConsentId::new(NOW, entropy), ..given.clone() }))
        .await;
    stage.done(insert(&given)).await;
    stage.conflict(insert(&given)).await;
    let record = read(given.id).await;
    assert_eq!(record.authorization, given);
    assert_eq!(record.client.as_deref(), Some(&cast.client));
    assert!(record.user.as_ref() == Some(&cast.user) && record.session.is_none());
    assert_eq!((record.consent_withdrawn_at, record.epoch), (None, EPOCH));
    let shown = store.connections_of(realm, cast.user.id).await.unwrap();
    assert_eq!(shown.first().unwrap().last_used_at, Some(given.last_used_at), "it began with a token");

    // One without the other.
    let of_session = Authorization { session_id: Some(cast.session.id), ..fresh() };
    let code = cast.authorization.code.clone();
    let of_code = Authorization { code, refresh: None, ..fresh() };
    for authorization in [&of_session, &of_code] {
        stage.done(insert(authorization)).await;
        assert_eq!(read(authorization.id).await.authorization, *authorization);
    }
    assert_eq!(read(of_session.id).await.session.as_ref(), Some(&cast.session));
    stage
        .conflict(insert(&Authorization { session_id: Some(SessionId::new(NOW, entropy)), ..fresh() }))
        .await;

    let id = given.id;
    stage.conflict(Write::RedeemCode { id, at: NOW, refresh: None }).await;
    stage.conflict(Write::InvalidateCode { id, at: NOW }).await;
    stage.done(Write::RedeemCode { id: of_code.id, at: NOW, refresh: None }).await;
    let second = RefreshState { rotated_at: NOW + SECOND, ..fixtures::refresh(2, entropy) };
    stage.done(Write::RotateRefresh { id, to: second }).await;
    stage.conflict(Write::RotateRefresh { id, to: second }).await;
    let refreshed = Authorization { refresh: Some(second), last_used_at: NOW + SECOND, ..given };
    assert_eq!(read(id).await.authorization, refreshed);
    stage.done(Write::RevokeAuthorization { id, at: NOW + SECOND }).await;
    stage.conflict(Write::RevokeAuthorization { id, at: NOW + SECOND }).await;
    stage.conflict(Write::RotateRefresh { id, to: fixtures::refresh(3, entropy) }).await;
    assert_eq!(read(id).await.authorization.revoked_at, Some(NOW + SECOND));

    stage.done(Write::WithdrawConsent { id: cast.consent.id, user_id: cast.user.id, at: NOW }).await;
    stage.conflict(insert(&fresh())).await;
    stage.end().await;
}

/// C-04: a code is redeemed once, and never after it was invalidated or its authorization revoked.
pub async fn c_04_a_code_is_redeemed_once(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let id = stage.cast.authorization.id;
    let redeem =
        |id| Write::RedeemCode { id, at: NOW + SECOND, refresh: Some(fixtures::refresh(1, entropy)) };
    let invalidate = |id| Write::InvalidateCode { id, at: NOW + SECOND };
    let another = async || {
        let fresh = fixtures::authorization(&stage.cast.consent, stage.cast.session.id, entropy);
        stage.done(Write::InsertAuthorization(Box::new(fresh.clone()))).await;
        fresh.id
    };

    stage.conflict(redeem(AuthorizationId::new(NOW, entropy))).await;
    let refresh = fixtures::refresh(1, entropy);
    stage.done(Write::RedeemCode { id, at: NOW + SECOND, refresh: Some(refresh) }).await;
    let now = stage.authorization().await.authorization;
    let code = now.code.unwrap();
    assert_eq!((code.redeemed_at, code.invalidated_at), (Some(NOW + SECOND), None));
    assert_eq!(now.last_used_at, NOW + SECOND);
    assert_eq!(now.refresh, Some(refresh));
    stage.conflict(redeem(id)).await;
    stage.conflict(invalidate(id)).await;

    let invalidated = another().await;
    stage.done(invalidate(invalidated)).await;
    stage.conflict(redeem(invalidated)).await;
    stage.conflict(invalidate(invalidated)).await;
    stage.conflict(Write::RotateRefresh { id: invalidated, to: fixtures::refresh(1, entropy) }).await;
    stage.conflict(invalidate(AuthorizationId::new(NOW, entropy))).await;

    let revoked = another().await;
    stage.done(Write::RevokeAuthorization { id: revoked, at: NOW }).await;
    stage.conflict(redeem(revoked)).await;
    stage.done(invalidate(revoked)).await;

    let without = another().await;
    stage.done(Write::RedeemCode { id: without, at: NOW, refresh: None }).await;
    let read = stage.store().authorization(stage.realm, without).await.unwrap().unwrap();
    assert_eq!(read.authorization.refresh, None);
    stage.conflict(Write::RotateRefresh { id: without, to: fixtures::refresh(1, entropy) }).await;
    stage.end().await;
}

/// F-02: a refresh token goes from one generation to the next, until its authorization is revoked. The first is that of the redeemed
/// code, or generation 1 where there is no code.
pub async fn f_02_a_refresh_token_goes_from_one_generation_to_the_next(
    nodes: &[Engine],
    entropy: &dyn Entropy,
) {
    let stage = Stage::set(nodes, entropy).await;
    let id = stage.cast.authorization.id;
    let rotate = |id, generation| Write::RotateRefresh { id, to: fixtures::refresh(generation, entropy) };

    stage.conflict(rotate(id, 1)).await;
    stage.done(Write::RedeemCode { id, at: NOW, refresh: Some(fixtures::refresh(1, entropy)) }).await;
    stage.conflict(rotate(id, 1)).await;
    stage.conflict(rotate(id, 3)).await;
    stage.conflict(rotate(AuthorizationId::new(NOW, entropy), 2)).await;
    let second = RefreshState {
        rotated_at: NOW + SECOND * 9,
        expires_at: NOW + SECOND * 99,
        ..fixtures::refresh(2, entropy)
    };
    stage.done(Write::RotateRefresh { id, to: second }).await;
    let now = stage.authorization().await.authorization;
    assert_eq!((now.refresh, now.last_used_at), (Some(second), NOW + SECOND * 9));
    stage.conflict(rotate(id, 2)).await;

    stage.conflict(Write::RevokeAuthorization { id: AuthorizationId::new(NOW, entropy), at: NOW }).await;
    stage.done(Write::RevokeAuthorization { id, at: NOW + SECOND }).await;
    assert_eq!(stage.authorization().await.authorization.revoked_at, Some(NOW + SECOND));
    stage.conflict(Write::RevokeAuthorization { id, at: NOW + SECOND * 2 }).await;
    stage.conflict(rotate(id, 3)).await;

    let bare = || Authorization { refresh: None, ..fixtures::without_code(&stage.cast.consent, entropy) };
    let (given, revoked) = (bare(), bare());
    for authorization in [&given, &revoked] {
        stage.done(Write::InsertAuthorization(Box::new(authorization.clone()))).await;
    }
    stage.done(Write::RevokeAuthorization { id: revoked.id, at: NOW }).await;
    stage.conflict(rotate(revoked.id, 1)).await;
    stage.conflict(rotate(given.id, 0)).await;
    stage.conflict(rotate(given.id, 2)).await;
    let first = RefreshState { rotated_at: NOW + SECOND * 9, ..fixtures::refresh(1, entropy) };
    stage.done(Write::RotateRefresh { id: given.id, to: first }).await;
    let read = stage.store().authorization(stage.realm, given.id).await.unwrap().unwrap().authorization;
    let expected = Authorization { refresh: Some(first), last_used_at: NOW + SECOND * 9, ..given };
    assert_eq!(read, expected);
    stage.conflict(rotate(read.id, 1)).await;
    stage.done(rotate(read.id, 2)).await;
    stage.end().await;
}
