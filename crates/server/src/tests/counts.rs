//! What is counted instead of recorded: tokens, and refusals of clients that proved who they are (DESIGN 3).

use super::{
    World,
    harness::{basic, secret},
};

async fn rows(world: &World, table: &str) -> u64 {
    world.rows().await.iter().find(|(name, _)| *name == table).unwrap().1
}

#[tokio::test]
async fn tokens_are_counted_in_memory_and_written_by_the_minute() {
    let world = World::new().await;
    let tokens = world.grant("openid notes:read offline_access").await;
    let machine = [("grant_type", "client_credentials"), ("scope", "notes:read")];
    for _ in 0..3 {
        world.token(&machine).await.expect_status(200);
    }
    let refresh =
        [("grant_type", "refresh_token"), ("refresh_token", tokens["refresh_token"].as_str().unwrap())];
    world.token(&refresh).await.expect_status(200);
    world.token(&[("grant_type", "refresh_token"), ("refresh_token", "wrong")]).await.expect_status(400);
    assert_eq!(rows(&world, "issued").await, 0, "no token request writes it");
    let flush = async || world.app.issued.flush(&world.app.store, world.app.realm.id).await.unwrap();
    flush().await;
    assert_eq!(rows(&world, "issued").await, 3, "one for each grant");
    flush().await;
    world.token(&machine).await.expect_status(200);
    flush().await;
    assert_eq!(rows(&world, "issued").await, 3, "the same minute");
    world.clock.advance(std::time::Duration::from_mins(1));
    world.token(&machine).await.expect_status(200);
    flush().await;
    assert_eq!(rows(&world, "issued").await, 4);
}

#[tokio::test]
async fn counts_that_the_store_does_not_take_wait_for_it() {
    let world = World::new().await;
    let machine = [("grant_type", "client_credentials"), ("scope", "notes:read")];
    world.token(&machine).await.expect_status(200);
    world.database.execute("ALTER TABLE issued RENAME TO gone").await;
    assert!(world.app.issued.flush(&world.app.store, world.app.realm.id).await.is_err());
    world.token(&machine).await.expect_status(200);
    world.database.execute("ALTER TABLE gone RENAME TO issued").await;
    world.app.issued.flush(&world.app.store, world.app.realm.id).await.unwrap();
    // Fails unless what was counted is the sum.
    world.database.execute("ALTER TABLE issued ADD CONSTRAINT two CHECK (count = 2)").await;
}

#[tokio::test]
async fn c_09_c_10_a_request_whose_grant_is_not_the_clients_is_counted() {
    let world = World::new().await;
    for (fields, reasons) in [
        (vec![("grant_type", "password")], 1),
        (vec![("grant_type", "password")], 1),
        (vec![], 2),
        (vec![("grant_type", "refresh_token"), ("grant_type", "refresh_token")], 3),
    ] {
        world.token(&fields).await.expect_status(400);
        assert_eq!(rows(&world, "refusal").await, reasons, "{fields:?}");
    }
    let notes = basic("notes-api", secret());
    let fields = [("grant_type", "refresh_token"), ("refresh_token", "x")];
    world
        .post("/token", &fields, &[("authorization", &notes)])
        .await
        .expect_oauth_error(400, "unauthorized_client");
    assert_eq!(rows(&world, "refusal").await, 4, "of another client");
    // A public client only says who it is: a stranger.
    let fields = [("grant_type", "client_credentials"), ("client_id", "spa")];
    world.post("/token", &fields, &[]).await.expect_oauth_error(400, "unauthorized_client");
    assert_eq!(rows(&world, "refusal").await, 4);
}
