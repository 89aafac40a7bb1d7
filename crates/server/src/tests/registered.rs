//! What is kept of clients and resources serves for as long as the generation was read within the last second, and no longer
//! (DESIGN 4, "One truth for several nodes").

use std::time::{Duration, Instant};

use grantwell_core::{
    id::{ClientId, Realm},
    store::{Outcome, Share, Store, Write},
};

use super::{World, query};
use crate::keys;

const MACHINE: [(&str, &str); 2] = [("grant_type", "client_credentials"), ("scope", "notes:read")];

/// As another node does it: this one is told nothing.
async fn disable(world: &World, id: &str) {
    let store = &world.app.store;
    let was = store.client(Realm::MAIN, &ClientId(id.to_owned())).await.unwrap().unwrap();
    let mut client = was.clone();
    client.disabled = true;
    let write = Write::PutClient { client: Box::new(client), was: Some(Box::new(was)) };
    assert_eq!(store.commit(Realm::MAIN, Share::Rest, vec![write]).await.unwrap(), Outcome::Done);
}

fn confirm(world: &World, at: Instant) {
    world.app.realm.current().registered.confirm(at);
}

#[tokio::test]
async fn t_06_a_client_disabled_elsewhere_is_refused_once_the_generation_was_read() {
    let world = World::new().await;
    confirm(&world, Instant::now() + Duration::from_hours(1));
    world.token(&MACHINE).await.expect_status(200);
    disable(&world, "web").await;
    world.token(&MACHINE).await.expect_status(200);
    keys::refresh(&world.app, &world.vault).await.unwrap();
    confirm(&world, Instant::now() + Duration::from_hours(1));
    world.token(&MACHINE).await.expect_status(401);
    world.get(&format!("/authorize?{}", query(&[]))).await.expect_status(400);
}

#[tokio::test]
async fn what_was_kept_is_not_used_when_the_generation_was_not_read_for_a_second() {
    let world = World::new().await;
    confirm(&world, Instant::now() + Duration::from_hours(1));
    world.token(&MACHINE).await.expect_status(200);
    disable(&world, "web").await;
    confirm(&world, Instant::now().checked_sub(Duration::from_secs(1)).unwrap());
    world.token(&MACHINE).await.expect_status(401);
}

#[tokio::test]
async fn k_06_a_client_that_is_unknown_costs_what_a_known_one_costs_and_is_found_once_it_is_there() {
    let world = World::new().await;
    confirm(&world, Instant::now() + Duration::from_hours(1));
    let fields = [("grant_type", "client_credentials"), ("client_id", "late")];
    world.post("/token", &fields, &[]).await.expect_status(401);
    // Nothing is read again for it, as for a client that exists: what is there now is not seen yet.
    let (store, mut client) = (
        &world.app.store,
        (*world.app.realm.client(&world.app.store, &"web".into()).await.unwrap().unwrap()).clone(),
    );
    client.client_id = "late".into();
    let write = Write::PutClient { client: Box::new(client), was: None };
    assert_eq!(store.commit(Realm::MAIN, Share::Rest, vec![write]).await.unwrap(), Outcome::Done);
    assert!(world.app.realm.client(&world.app.store, &"late".into()).await.unwrap().is_none());
    keys::refresh(&world.app, &world.vault).await.unwrap();
    confirm(&world, Instant::now() + Duration::from_hours(1));
    assert!(world.app.realm.client(&world.app.store, &"late".into()).await.unwrap().is_some());
}
