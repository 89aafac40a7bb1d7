//! The times behind the tests of equal work (catalogue K-06, L-12, L-13): they depend on the machine, so they are reported and
//! not judged. That the work is the same is shown in `sign_in.rs` and `client_auth.rs`.
//!
//! A short form here; `cargo xtask full timing` takes five hundred samples of each.

use std::time::{Duration, Instant};

use super::{
    World,
    harness::{PASSWORD, Setting, basic},
};

/// Samples of each case.
#[expect(clippy::disallowed_methods, reason = "the long form is the same test with more samples")]
fn samples() -> usize {
    std::env::var("GRANTWELL_TIMING_SAMPLES").ok().and_then(|samples| samples.parse().ok()).unwrap_or(2)
}

/// A line of the report: the quartiles.
fn report(case: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |quarter: usize| times[(times.len() * quarter / 4).min(times.len() - 1)].as_secs_f64() * 1e3;
    println!("| {case} | {} | {:.3} | {:.3} | {:.3} |", times.len(), at(1), at(2), at(3));
}

/// A world in which nobody is slowed down for guessing.
async fn patient_world() -> World {
    let mut setting = Setting::default();
    for limit in [
        &mut setting.policy.guessing.account,
        &mut setting.policy.guessing.device,
        &mut setting.policy.guessing.address,
    ] {
        limit.free = u32::MAX;
    }
    World::with(setting).await
}

#[tokio::test]
async fn l_13_the_times_of_sign_ins_that_fail() {
    let world = patient_world().await;
    world.apply("[[user]]\nusername = \"keyed\"\nname = \"Without a password\"\n").await;
    let (long, too_long) = ("x".repeat(4096), "x".repeat(5000));
    let cases = [
        ("an unknown name", "noone", "a wrong password"),
        ("a wrong password", "alice", "a wrong password"),
        ("disabled, the right password", "gone", PASSWORD),
        ("an account without a password", "keyed", "a wrong password"),
        ("an empty password, unknown", "noone", ""),
        ("an empty password, known", "alice", ""),
        ("4096 bytes, unknown", "noone", long.as_str()),
        ("4096 bytes, known", "alice", long.as_str()),
        ("5000 bytes, unknown", "noone", too_long.as_str()),
        ("5000 bytes, known", "alice", too_long.as_str()),
    ];
    let mut browser = world.browser();
    let page = browser.get("/account").await;
    let mut times = cases.map(|_| Vec::new());
    // In turns: whatever else the machine does meanwhile falls on all of them.
    for _ in 0..samples() {
        for ((_, name, password), times) in cases.iter().zip(&mut times) {
            let begun = Instant::now();
            let reply = browser.sign_in(&page, name, password).await;
            times.push(begun.elapsed());
            reply.expect_status(422);
        }
    }
    for ((case, ..), times) in cases.iter().zip(times) {
        report(case, times);
    }
}

#[tokio::test]
async fn k_06_the_times_of_client_authentication_that_fails() {
    let world = patient_world().await;
    let wrong = "a wrong client secret of more than thirty-two characters";
    let cases = [("an unknown client", "nobody"), ("a wrong secret", "web"), ("a disabled client", "off")];
    let mut times = cases.map(|_| Vec::new());
    for _ in 0..2 * samples() {
        for ((_, id), times) in cases.iter().zip(&mut times) {
            let authorization = basic(id, wrong);
            // As in a server that runs: clients are kept while the generation is looked at.
            world.app.realm.current().registered.confirm(Instant::now());
            let begun = Instant::now();
            let fields = [("grant_type", "client_credentials")];
            let reply = world.post("/token", &fields, &[("authorization", &authorization)]).await;
            times.push(begun.elapsed());
            reply.expect_status(401);
        }
    }
    for ((case, _), times) in cases.iter().zip(times) {
        report(case, times);
    }
}
