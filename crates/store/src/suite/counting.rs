//! What is counted and noted: attempts, revoked access tokens, the audit log, refusals, tokens.

use std::time::Duration;

use grantwell_core::{
    client::GrantType,
    secret::Digest,
    store::{AttemptKey, Attempts, Backoff, Event, Outcome, Store, Write},
    time::{Entropy, Timestamp},
};

use super::{
    fixtures::{self, MINUTE_BEGAN, NOW},
    stage::{BACKOFF, Stage},
};
use crate::Engine;

const SECOND: Duration = Duration::from_secs(1);

fn reserve(key: &AttemptKey, now: Timestamp) -> Write {
    Write::ReserveAttempt { key: key.clone(), now, backoff: BACKOFF }
}

async fn counter(stage: &Stage<'_>, key: &AttemptKey) -> (u32, Duration) {
    let found = stage.store().attempts(stage.realm, std::slice::from_ref(key)).await.unwrap();
    let Attempts { count, next_at } = *found.first().unwrap();
    (count, next_at.since(NOW))
}

/// The count of a counter that holds nothing back.
async fn unheld(stage: &Stage<'_>, key: &AttemptKey) -> Option<u32> {
    let found = stage.store().attempts(stage.realm, std::slice::from_ref(key)).await.unwrap();
    let Attempts { count, next_at } = *found.first().unwrap();
    (next_at == Timestamp::default()).then_some(count)
}

/// How many rows a table has.
async fn rows(stage: &Stage<'_>, table: &str) -> u64 {
    let rows = stage.store().rows().await.unwrap();
    rows.into_iter().find(|(name, _)| *name == table).unwrap().1
}

/// L-07: no delay for the first attempts, then one that doubles up to its bound; none is reserved before its time.
pub async fn l_07_the_delay_doubles_and_an_early_attempt_is_refused(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let key = AttemptKey::Account(Digest::of(b"bob"));
    // Nothing holds back, also not a request that began earlier than those before it.
    for attempt in 1..=4 {
        stage.done(reserve(&key, NOW - SECOND * attempt)).await;
        assert_eq!(unheld(&stage, &key).await, Some(attempt));
    }
    let mut now = NOW;
    for (count, delay) in (5..=14).zip([1, 2, 4, 8, 16, 32, 60, 60, 60, 60]) {
        stage.done(reserve(&key, now)).await;
        assert_eq!(counter(&stage, &key).await, (count, now.since(NOW) + SECOND * delay));
        stage.conflict(reserve(&key, now)).await;
        stage.conflict(reserve(&key, now + SECOND * delay - Duration::from_millis(1))).await;
        now = now + SECOND * delay;
    }
    stage.done(Write::ClearAttempts(key.clone())).await;
    assert_eq!(counter(&stage, &key).await, (0, Duration::ZERO));
    stage.done(Write::ClearAttempts(key.clone())).await;
    stage.done(reserve(&key, now)).await;
    assert_eq!(counter(&stage, &key).await.0, 1);
    stage.end().await;
}

/// A counter starts again once it has not been touched for longer than is remembered.
pub async fn an_old_counter_starts_again(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let key = AttemptKey::Address(Digest::of(b"192.0.2.1"));
    for _ in 0..3 {
        stage.done(reserve(&key, NOW)).await;
    }
    stage.done(reserve(&key, NOW + BACKOFF.forget)).await;
    assert_eq!(counter(&stage, &key).await.0, 4, "not older than is remembered");
    let late = NOW + BACKOFF.forget * 2 + Duration::from_millis(1);
    stage.done(reserve(&key, late)).await;
    assert_eq!(counter(&stage, &key).await.0, 1);

    // Forgotten even though its delay is longer than the memory.
    let long = Backoff { free: 1, first: BACKOFF.forget * 3, most: BACKOFF.forget * 3, ..BACKOFF };
    let held = AttemptKey::Device(Digest::of(b"192.0.2.1"));
    let hold = |now| Write::ReserveAttempt { key: held.clone(), now, backoff: long };
    stage.done(hold(NOW)).await;
    stage.conflict(hold(NOW + BACKOFF.forget)).await;
    stage.done(hold(NOW + BACKOFF.forget + Duration::from_millis(1))).await;
    assert_eq!(counter(&stage, &held).await.0, 1);
    stage.end().await;
}

/// Failures are counted with the same delays and without a guard; each kind of key has its own counter.
pub async fn failures_are_counted_whatever_the_delay(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let name = Digest::of(b"carol");
    let address = AttemptKey::Address(name);
    for count in 1..=7 {
        stage.done(Write::CountFailure { key: address.clone(), now: NOW, backoff: BACKOFF }).await;
        assert_eq!(counter(&stage, &address).await.0, count);
        assert_eq!(unheld(&stage, &address).await.is_some(), count < BACKOFF.free);
    }
    assert_eq!(counter(&stage, &address).await.1, SECOND * 4);
    let earlier = NOW - SECOND * 10;
    stage.done(Write::CountFailure { key: address.clone(), now: earlier, backoff: BACKOFF }).await;
    assert_eq!(counter(&stage, &address).await, (8, SECOND * 4), "a late report never shortens a delay");

    let keys = [AttemptKey::Account(name), address.clone(), AttemptKey::Device(name)];
    let found = stage.store().attempts(stage.realm, &keys).await.unwrap();
    assert_eq!(
        found.iter().map(|attempts| attempts.count).collect::<Vec<_>>(),
        [0, 8, 0],
        "in order of the keys"
    );

    // Delays at the edges of their numbers.
    for (free, first, most, expected) in [
        (1, Duration::ZERO, SECOND * 9, Duration::ZERO),
        (1, SECOND * 9, SECOND, SECOND),
        (0, SECOND, SECOND * 100, SECOND * 2),
        (2, SECOND, SECOND, Duration::ZERO),
    ] {
        let backoff = Backoff { free, first, most, forget: BACKOFF.forget };
        let key = AttemptKey::Device(Digest::of(format!("{free}{first:?}{most:?}").as_bytes()));
        stage.done(Write::CountFailure { key: key.clone(), now: NOW, backoff }).await;
        assert_eq!(counter(&stage, &key).await, (1, expected), "{backoff:?}");
        assert_eq!(unheld(&stage, &key).await.is_some(), expected.is_zero(), "{backoff:?}");
    }
    let endless = Backoff { free: 1, first: SECOND, most: Duration::MAX, forget: Duration::MAX };
    let key = AttemptKey::Device(Digest::of(b"endless"));
    let many = |n| vec![Write::CountFailure { key: key.clone(), now: NOW, backoff: endless }; n];
    assert_eq!(stage.commit(many(200)).await, Ok(Outcome::Done));
    let (count, delay) = counter(&stage, &key).await;
    assert_eq!(count, 200);
    assert!(delay >= Duration::from_hours(24 * 365 * 99), "{delay:?}");
    stage.end().await;
}

/// A second revocation changes nothing.
pub async fn a_token_may_be_revoked_twice(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let (store, realm) = (stage.store(), stage.realm);
    let token = Digest::of(b"another jti");
    assert_eq!(store.is_token_revoked(realm, &token).await, Ok(false));
    stage.done(Write::RevokeAccessToken { token, expires_at: NOW }).await;
    stage.done(Write::RevokeAccessToken { token, expires_at: NOW + SECOND }).await;
    assert_eq!(store.is_token_revoked(realm, &token).await, Ok(true));
    assert_eq!(store.is_token_revoked(stage.beside, &token).await, Ok(false));
    stage.end().await;
}

/// The newest events come first, whole, as many as are asked for.
pub async fn events_are_read_newest_first(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let (store, realm) = (stage.store(), stage.realm);
    let event = |at, kind: &str| Event { at, ..fixtures::event(kind, entropy) };
    let (old, new) = (event(NOW - SECOND, "old"), event(NOW + SECOND, "new"));
    let new = Event { user_id: Some(stage.cast.user.id), client_id: None, address: None, ..new };
    for event in [&new, &old] {
        stage.done(Write::Audit(Box::new(event.clone()))).await;
    }
    let all = vec![new.clone(), stage.cast.event.clone(), old];
    assert_eq!(store.events(realm, 10).await, Ok(all));
    assert_eq!(store.events(realm, 1).await, Ok(vec![new]));
    assert_eq!(store.events(realm, 0).await, Ok(Vec::new()));
    stage.end().await;
}

/// However often a client is refused for one reason in one minute, it is one row.
pub async fn refusals_are_one_row_a_minute(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let rows = async || rows(&stage, "refusal").await;
    let refuse = |reason, at| Write::CountRefusal { client_id: "other".into(), reason, at };
    let before = rows().await;
    for at in [NOW, MINUTE_BEGAN + SECOND * 59, MINUTE_BEGAN] {
        stage.done(refuse("invalid_grant", at)).await;
    }
    assert_eq!(rows().await, before + 1);
    stage.done(refuse("invalid_scope", NOW)).await;
    stage.done(refuse("invalid_grant", MINUTE_BEGAN + SECOND * 60)).await;
    stage.done(refuse("invalid_grant", MINUTE_BEGAN - SECOND)).await;
    assert_eq!(rows().await, before + 4);
    stage.end().await;
}

/// However often and in whatever portions a client's tokens of one grant and minute are reported, it is one row.
pub async fn tokens_are_counted_by_client_grant_and_minute(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let rows = async || rows(&stage, "issued").await;
    let count = |grant, minute, count| Write::CountTokens { client_id: "other".into(), grant, minute, count };
    let before = rows().await;
    for (minute, many) in [(NOW, 1), (MINUTE_BEGAN + SECOND * 59, 41), (MINUTE_BEGAN, u32::MAX)] {
        stage.done(count(GrantType::RefreshToken, minute, many)).await;
    }
    assert_eq!(rows().await, before + 1);
    stage.done(count(GrantType::ClientCredentials, NOW, 1)).await;
    stage.done(count(GrantType::RefreshToken, MINUTE_BEGAN + SECOND * 60, 1)).await;
    assert_eq!(rows().await, before + 3);
    stage.end().await;
}
