//! If the store does not respond, the response is 503, never an error of the protocol and never a success (DESIGN 3; catalogue T-09, F-13, D-10,
//! H-10); and what was durable before a restart is the same after it.

use std::time::Duration;

use grantwell_core::{
    store::{Retention, Store as _},
    time::{Clock, Timestamp},
};

use crate::{ambient::SystemClock, clocks, jobs};

use super::{
    Database, World,
    harness::{basic, secret},
    query,
};

/// Takes the tables away under the running server, as a database that has gone wrong.
async fn break_tables(world: &World) {
    let gone = "ALTER TABLE \"authorization\" RENAME TO gone; ALTER TABLE client RENAME TO gone_too";
    world.database.execute(gone).await;
}

async fn mend_tables(world: &World) {
    let back = "ALTER TABLE gone RENAME TO \"authorization\"; ALTER TABLE gone_too RENAME TO client";
    world.database.execute(back).await;
}

#[tokio::test]
async fn f_13_t_09_h_10_without_a_store_the_answer_is_503_and_nothing_is_lost() {
    let world = World::new().await;
    let granted = world.grant("openid offline_access notes:read").await;
    let refresh = granted["refresh_token"].as_str().unwrap();
    let access = granted["access_token"].as_str().unwrap();
    let authorization = basic("web", secret());
    break_tables(&world).await;
    let refreshing = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
    for reply in [
        world.token(&refreshing).await,
        world.post("/revoke", &[("token", refresh)], &[("authorization", &authorization)]).await,
        world.post("/introspect", &[("token", access)], &[("authorization", &authorization)]).await,
        world.get(&format!("/authorize?{}", query(&[]))).await,
    ] {
        assert_eq!(reply.status, 503, "{reply:#?}");
        assert!(reply.header("retry-after").is_some(), "{reply:#?}");
        for inside in ["SQL", "sqlite", "Postgre", "no such table", "authorization\"", ".rs"] {
            assert!(!reply.body.contains(inside), "{inside}: {reply:#?}");
        }
    }
    // What needs no store goes on.
    world.get("/jwks").await.expect_status(200);
    world.get("/.well-known/openid-configuration").await.expect_status(200);
    world.get("/healthz").await.expect_status(200);
    mend_tables(&world).await;
    assert!(world.is_active(access).await, "the revocation that was answered 503 did not half happen");
    world.token(&refreshing).await.expect_status(200);
}

const HALF_A_YEAR: Duration = Duration::from_hours(183 * 24);
const FAR: Duration = Duration::from_mins(30);
const HOUR: i64 = 3_600_000;

/// So many milliseconds from what is right.
struct Apart(i64);

impl Clock for Apart {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(SystemClock.now().millis() + self.0)
    }
}

/// The clock of a test stands in a time of its own: far from that of a server, and the only one that a file has.
#[tokio::test]
async fn ft_09_a_node_whose_clock_is_not_the_databases_is_not_ready() {
    let world = World::new().await;
    world.get("/readyz").await.expect_status(200);
    world.app.clocks.compare(&world.app.store, world.app.clock.as_ref()).await.unwrap();
    // A year later interactions are over and keys are old, by this clock.
    world.browser().get(&format!("/authorize?{}", query(&[]))).await;
    world.clock.advance(Duration::from_hours(365 * 24));
    let before = world.app.store.keys(world.app.realm.id).await.unwrap().len();
    let keep = Retention { audit: HALF_A_YEAR, ended: HALF_A_YEAR, attempts: HALF_A_YEAR };
    let gone = jobs::sweep(&world.app, keep).await.unwrap();
    jobs::tend(&world.app, &world.vault).await.unwrap();
    let made = world.app.store.keys(world.app.realm.id).await.unwrap().len() - before;
    let reply = world.get("/readyz").await;
    match *world.database {
        Database::File(_) => {
            assert_eq!(reply.status, 200, "{reply:#?}");
            assert!(gone > 0 && made > 0, "{gone} rows, {made} keys");
        }
        Database::Server(_) => {
            assert_eq!(reply.status, 503, "{reply:#?}");
            assert!(reply.body.contains("this node's clock is"), "{reply:#?}");
            assert_eq!((gone, made), (0, 0), "nor does it sweep or replace keys");
            let refusal = clocks::check(&world.app.store, world.app.clock.as_ref()).await.unwrap_err();
            assert!(refusal.0.contains("Set it right"), "{}", refusal.0);
            let early = clocks::earlier(&world.app.store, &Apart(-HOUR)).await.unwrap();
            let late = clocks::earlier(&world.app.store, &Apart(HOUR)).await.unwrap();
            assert!(early < SystemClock.now() - FAR && late < SystemClock.now() + FAR, "{early:?}, {late:?}");
        }
    }
    world.get("/healthz").await.expect_status(200);
}

#[tokio::test]
async fn q_07_a_grant_that_cannot_be_recorded_is_not_made() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.code("alice", &[]).await;
    let before = world.rows().await;
    world.database.execute("ALTER TABLE audit RENAME TO gone").await;
    let reply = browser.get(&format!("/authorize?{}", query(&[]))).await;
    assert_eq!(reply.status, 503, "{reply:#?}");
    world.database.execute("ALTER TABLE gone RENAME TO audit").await;
    assert_eq!(world.rows().await, before);
}

#[tokio::test]
async fn t_09_a_writer_that_is_locked_out_is_503() {
    let world = World::new().await;
    let granted = world.grant("openid offline_access notes:read").await;
    let refresh = granted["refresh_token"].as_str().unwrap();
    let held = world.database.hold().await;
    let authorization = basic("web", secret());
    let reply = world.post("/revoke", &[("token", refresh)], &[("authorization", &authorization)]).await;
    assert_eq!(reply.status, 503, "{reply:#?}");
    drop(held);
    assert!(world.is_active(refresh).await);
    world
        .post("/revoke", &[("token", refresh)], &[("authorization", &authorization)])
        .await
        .expect_status(200);
    assert!(!world.is_active(refresh).await);
}

#[tokio::test]
async fn f_04_l_07_a_restart_forgets_neither_rotations_nor_attempts() {
    let world = World::new().await;
    let granted = world.grant("openid offline_access notes:read").await;
    let first = granted["refresh_token"].as_str().unwrap();
    let refresh = |token: String| [("grant_type", "refresh_token".to_owned()), ("refresh_token", token)];
    let send = async |world: &World, fields: [(&'static str, String); 2]| {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        world.token(&fields).await
    };
    let second = send(&world, refresh(first.to_owned())).await.expect_status(200).json();
    let second = second["refresh_token"].as_str().unwrap().to_owned();
    let mut browser = world.browser();
    let page = browser.get(&format!("/authorize?{}", query(&[]))).await;
    for _ in 0..5 {
        browser.sign_in(&page, "mallory", "wrong").await.expect_status(422);
    }
    let cookies = browser.cookies.clone();
    let world = world.restarted().await;
    // The predecessor of an unused token, within thirty seconds: the same successor, not another line.
    let again = send(&world, refresh(first.to_owned())).await.expect_status(200).json();
    assert_eq!(again["refresh_token"].as_str().unwrap(), second);
    send(&world, refresh(second.clone())).await.expect_status(200);
    // Now it is older than the direct predecessor: theft.
    send(&world, refresh(first.to_owned())).await.expect_status(400);
    assert!(!world.is_active(&second).await);
    let mut browser = world.browser();
    browser.cookies = cookies;
    browser.sign_in(&page, "mallory", super::harness::PASSWORD).await.expect_status(429);
}
