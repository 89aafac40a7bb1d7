//! FT-20 and Q-05 in process: what a restore leaves alive of what was issued before (nothing), and what a move does (all).

use std::sync::Arc;

use grantwell_core::{
    store::{Outcome, Share, Store as _, Write},
    time::{Clock as _, Timestamp},
};
use grantwell_store::{
    copy::{self, Occupied},
    database,
};
use serde_json::json;

use super::{
    Database, ISSUER, World,
    sign_in::{SID, is_signed_in, signed_in},
};
use crate::keys::{self, WhichKeys};

const OFFLINE: &str = "openid notes:read offline_access";

/// The database as it would be from a copy of this moment; `restored` ends what was issued before.
async fn copied(world: &World, name: &str, restored: Option<Timestamp>) -> Arc<Database> {
    let to = Arc::new(Database::new(world.folder(), name).await);
    let mut source = database::source(&world.database.url()).unwrap();
    let mut target = database::target(&to.url(), ISSUER, Occupied::Refuse).unwrap();
    let tallies = copy::transfer(source.as_mut(), target.as_mut(), &mut |_, _| {}).unwrap();
    assert_eq!(tallies.len(), copy::shapes(copy::known()).unwrap().len());
    if let Some(now) = restored {
        target.end_all(now).unwrap();
    }
    target.commit().unwrap();
    to
}

async fn keys_made(world: &World) {
    world.vault.tend(&world.app.store, world.clock.now(), WhichKeys::All).await.unwrap();
    keys::refresh(&world.app, &world.vault).await.unwrap();
}

async fn refresh(world: &World, answer: &serde_json::Value) -> super::Reply {
    let token = answer["refresh_token"].as_str().unwrap();
    world.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn q_05_ft_20_nothing_that_was_issued_before_a_restore_is_alive() {
    let world = World::new().await;
    let session = signed_in(&world, "alice").await.cookies[SID].clone();
    let (kept, revoked) = (world.grant(OFFLINE).await, world.grant(OFFLINE).await);
    let code = world.browser().code("alice", &[]).await;
    let copy = copied(&world, "restored.db", Some(world.clock.now())).await;
    // Revoked after the backup: its row in the backup knows nothing of it.
    let token = revoked["refresh_token"].as_str().unwrap();
    let headers = [("authorization", &*super::harness::basic("web", super::harness::secret()))];
    world.post("/revoke", &[("token", token)], &headers).await.expect_status(200);
    let before = world.app.store.keys(world.app.realm.id).await.unwrap();

    let world = world.restarted_on(copy).await;
    keys_made(&world).await;
    for answer in [&kept, &revoked] {
        refresh(&world, answer).await.expect_oauth_error(400, "invalid_grant");
        for token in [&answer["access_token"], &answer["refresh_token"]] {
            assert_eq!(world.introspect(token.as_str().unwrap()).await, json!({ "active": false }));
        }
    }
    world.redeem(&code).await.expect_oauth_error(400, "invalid_grant");
    let mut browser = world.browser();
    browser.cookies.insert(SID.to_owned(), session);
    assert!(!is_signed_in(&mut browser).await);
    let after = world.app.store.keys(world.app.realm.id).await.unwrap();
    assert!(after.iter().all(|key| before.iter().all(|old| old.wrapped != key.wrapped)), "every key is new");

    // Signing in with the password works, and consent is asked for again.
    let mut browser = world.browser();
    let page = browser.get(&format!("/authorize?{}", super::query(&[]))).await;
    let reply = browser.sign_in(&page, "alice", super::harness::PASSWORD).await.expect_status(303);
    assert_eq!(browser.get(reply.location()).await.page(), Some("consent"));
    let fresh = world.grant(OFFLINE).await;
    refresh(&world, &fresh).await.expect_status(200);
    assert_eq!(world.app.store.check().await, Ok(Vec::new()));
}

/// The rows of a session and an authorization alone cannot tell: the epoch must.
#[tokio::test]
async fn q_05_a_raised_epoch_alone_ends_a_session() {
    let world = World::new().await;
    let mut alice = signed_in(&world, "alice").await;
    assert!(is_signed_in(&mut alice).await);
    let cookies = alice.cookies.clone();
    let epoch = world.app.realm.current().record.epoch;
    let raise = vec![Write::RaiseEpoch(epoch + 1)];
    let raised = world.app.store.commit(world.app.realm.id, Share::Rest, raise).await;
    assert_eq!(raised, Ok(Outcome::Done));
    keys::refresh(&world.app, &world.vault).await.unwrap();
    let mut alice = world.browser();
    alice.cookies = cookies;
    assert!(!is_signed_in(&mut alice).await);
    assert!(is_signed_in(&mut signed_in(&world, "alice").await).await, "a new one is of the new epoch");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_move_everything_that_was_issued_is_alive() {
    let world = World::new().await;
    let session = signed_in(&world, "alice").await.cookies[SID].clone();
    let answer = world.grant(OFFLINE).await;
    let (rows, copy) = (world.rows().await, copied(&world, "moved.db", None).await);
    let world = world.restarted_on(copy).await;
    assert_eq!(world.rows().await, rows);
    assert_eq!(world.introspect(answer["access_token"].as_str().unwrap()).await["active"], true);
    refresh(&world, &answer).await.expect_status(200);
    let mut browser = world.browser();
    browser.cookies.insert(SID.to_owned(), session);
    assert!(is_signed_in(&mut browser).await);
}
