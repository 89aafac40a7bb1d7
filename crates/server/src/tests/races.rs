//! Races: many identical requests at the same instant, and what must be true afterwards (catalogue part 1, `N-race`; FT-15).
//!
//! A short form here; `cargo xtask full races` runs two hundred rounds of each.

use std::{collections::BTreeSet, future::Future, sync::Arc, time::Duration};

use grantwell_core::store::{AttemptKey, LoginName, Store as _};
use tokio::task::JoinSet;

use super::{
    Reply, World, form,
    harness::{VERIFIER, basic, secret},
};
use crate::http::exchange::Peer;

/// Rounds of each race.
#[expect(clippy::disallowed_methods, reason = "the long form is the same test with more rounds")]
fn rounds() -> usize {
    std::env::var("GRANTWELL_RACE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(10)
}

/// What a race saw, for whoever runs the long form.
fn report(race: &str, saw: &str) {
    println!("| {race} | {} | {saw} |", rounds());
}

/// Runs `count` of `one` at the same time.
async fn at_once<F, R>(count: usize, one: impl Fn(usize) -> F) -> Vec<R>
where
    F: Future<Output = R> + Send + 'static,
    R: Send + 'static,
{
    let gate = Arc::new(tokio::sync::Barrier::new(count));
    let mut racers = JoinSet::new();
    for number in 0..count {
        let (gate, racer) = (Arc::clone(&gate), one(number));
        racers.spawn(async move {
            gate.wait().await;
            racer.await
        });
    }
    racers.join_all().await
}

fn token(
    world: &Arc<World>,
    fields: &[(&'static str, String)],
) -> impl Future<Output = Reply> + Send + 'static + use<> {
    let (world, fields) = (Arc::clone(world), fields.to_vec());
    async move {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        world.token(&fields).await
    }
}

fn text(answer: &serde_json::Value, member: &str) -> String {
    answer[member].as_str().unwrap_or_else(|| panic!("no {member}: {answer}")).to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn c_04_fifty_redemptions_of_one_code_have_one_winner_at_most() {
    let world = Arc::new(World::new().await);
    let browser = &mut world.browser();
    let (mut redeemed, mut refused) = (0, 0);
    for round in 0..rounds() {
        let code = browser.code("alice", &[]).await;
        let fields = [
            ("grant_type", "authorization_code".to_owned()),
            ("code", code),
            ("redirect_uri", "https://rp.example/cb".to_owned()),
            ("code_verifier", VERIFIER.to_owned()),
        ];
        let replies = at_once(50, |_| token(&world, &fields)).await;
        let (won, lost): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 200);
        assert_eq!(won.len(), 1, "round {round}");
        (redeemed, refused) = (redeemed + won.len(), refused + lost.len());
        for reply in lost {
            assert_eq!(
                (reply.status, reply.json()["error"].as_str()),
                (400, Some("invalid_grant")),
                "round {round}"
            );
        }
        // Forty-nine of them were valid replays: what the winner got is dead (OAuth 2.1 §7.5.2).
        let won = won[0].json();
        assert!(!world.is_active(&text(&won, "access_token")).await, "round {round}");
        assert!(!world.is_active(&text(&won, "refresh_token")).await, "round {round}");
    }
    report(
        "50 redemptions of one code",
        &format!("{redeemed} tokens given, {refused} refused, 0 alive at the end"),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f_02_twenty_refreshes_of_one_token_have_one_successor() {
    let world = Arc::new(World::new().await);
    let mut refresh = text(&world.grant("openid offline_access notes:read").await, "refresh_token");
    let (mut answered, mut generations) = (0, 0);
    for round in 0..rounds() {
        let fields = [("grant_type", "refresh_token".to_owned()), ("refresh_token", refresh.clone())];
        let replies = at_once(20, |_| token(&world, &fields)).await;
        let mut successors = BTreeSet::new();
        for reply in &replies {
            assert_eq!(reply.status, 200, "round {round}: {reply:#?}");
            successors.insert(text(&reply.json(), "refresh_token"));
        }
        assert_eq!(successors.len(), 1, "round {round}: never two current generations");
        (answered, generations) = (answered + replies.len(), generations + successors.len());
        let successor = successors.pop_first().unwrap();
        assert!(world.is_active(&successor).await, "round {round}");
        refresh = successor;
    }
    report("20 refreshes of one token", &format!("{answered} answered, with {generations} successors"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f_12_nothing_lives_after_a_revocation_was_answered() {
    let world = Arc::new(World::new().await);
    let browser = &mut world.browser();
    let (mut before, mut refused) = (0, 0);
    for round in 0..rounds() {
        let code = browser.code("alice", &[("scope", "openid offline_access notes:read")]).await;
        let first = world.redeem(&code).await.expect_status(200).json();
        let refresh = text(&first, "refresh_token");
        let fields = [("grant_type", "refresh_token".to_owned()), ("refresh_token", refresh.clone())];
        let revoke = |number| {
            let (world, refresh) = (Arc::clone(&world), refresh.clone());
            let racing = token(&world, &fields);
            async move {
                if number == 0 {
                    let authorization = basic("web", secret());
                    world.post("/revoke", &[("token", &refresh)], &[("authorization", &authorization)]).await
                } else {
                    racing.await
                }
            }
        };
        let replies = at_once(8, revoke).await;
        for (number, reply) in replies.iter().enumerate() {
            assert!([200, 400].contains(&reply.status), "round {round}, {number}: {reply:#?}");
            refused += usize::from(reply.status == 400);
            if let Some(access) = reply.body.contains("access_token").then(|| reply.json()) {
                before += 1;
                assert!(!world.is_active(&text(&access, "access_token")).await, "round {round}");
                assert!(!world.is_active(&text(&access, "refresh_token")).await, "round {round}");
            }
        }
        assert!(!world.is_active(&text(&first, "access_token")).await, "round {round}");
        world.token(&[("grant_type", "refresh_token"), ("refresh_token", &refresh)]).await.expect_status(400);
    }
    let saw = format!("{before} refreshes before it and {refused} refused after it, 0 alive at the end");
    report("7 refreshes beside a revocation", &saw);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn l_07_a_hundred_wrong_passwords_at_once_are_counted_exactly() {
    let world = Arc::new(World::new().await);
    let page = world.browser().get(&format!("/authorize?{}", super::query(&[]))).await;
    let (mut all_compared, mut all_limited) = (0, 0);
    for round in 0..rounds() {
        // A name that nobody has counts like one that somebody has; each round has a counter and an address of its own.
        let username = format!("nobody-{round}");
        let hidden = page.fields("/sign-in");
        let cookie = page.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        let guess = |number: usize| {
            let (world, hidden, cookie, username) =
                (Arc::clone(&world), hidden.clone(), cookie.clone(), username.clone());
            async move {
                let password = format!("guess {number}");
                let mut fields: Vec<(&str, &str)> =
                    hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                fields.extend([("username", username.as_str()), ("password", password.as_str())]);
                let mut request = axum::http::Request::post("/sign-in")
                    .header("content-type", "application/x-www-form-urlencoded")
                    .header("cookie", cookie)
                    .header("origin", super::ISSUER)
                    .body(axum::body::Body::from(form(&fields)))
                    .unwrap();
                let round = u16::try_from(round).unwrap().to_be_bytes();
                request.extensions_mut().insert(Peer(([198, 51, round[0], round[1]], 1).into()));
                world.send(request).await
            }
        };
        let replies = at_once(100, guess).await;
        let compared = replies.iter().filter(|reply| reply.status == 422).count();
        let limited = replies.iter().filter(|reply| reply.status == 429).count();
        assert_eq!(
            (compared, limited),
            (5, 95),
            "round {round}: what is past the limit is not compared at all"
        );
        let name = LoginName::new(&username);
        let key = AttemptKey::Account(grantwell_core::secret::Digest::of(name.as_str().as_bytes()));
        let counted = world.app.store.attempts(world.app.realm.id, &[key]).await.unwrap();
        assert_eq!(counted[0].count, 5, "round {round}");
        (all_compared, all_limited) = (all_compared + compared, all_limited + limited);
    }
    let saw = format!("{all_compared} compared, {all_limited} refused before that, each counter exact");
    report("100 wrong passwords for one account", &saw);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn n_06_a_consent_pressed_many_times_gives_one_authorization() {
    let world = Arc::new(World::new().await);
    let mut browser = world.browser();
    let page = browser.get(&format!("/authorize?{}", super::query(&[]))).await;
    let reply = browser.sign_in(&page, "alice", super::harness::PASSWORD).await;
    let consent = browser.get(reply.location()).await;
    let hidden = consent.fields("/consent");
    let cookies: Vec<_> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let press = |_| {
        let (world, hidden, cookies) = (Arc::clone(&world), hidden.clone(), cookies.join("; "));
        async move {
            let mut fields: Vec<(&str, &str)> =
                hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            fields.push(("decision", "allow"));
            world.post("/consent", &fields, &[("cookie", &cookies), ("origin", super::ISSUER)]).await
        }
    };
    let replies = at_once(10, press).await;
    let mut codes = BTreeSet::new();
    for reply in replies {
        // Either the redirect with the code, or (pressed after the first was noted) the way back into the interaction.
        assert_eq!(reply.status, 303, "{reply:#?}");
        let location = reply.location().to_owned();
        let end =
            if location.contains("/authorize/resume") { browser.clone().get(&location).await } else { reply };
        codes.insert(end.parameters().remove("code").unwrap());
    }
    assert_eq!(codes.len(), 1);
    assert_eq!(world.rows().await.iter().find(|(table, _)| *table == "authorization").unwrap().1, 1);
}

#[tokio::test]
async fn l_07_a_delay_ends_when_its_time_is_over() {
    let world = World::new().await;
    let mut browser = world.browser();
    let page = browser.get(&format!("/authorize?{}", super::query(&[]))).await;
    for _ in 0..5 {
        browser.sign_in(&page, "alice", "wrong").await.expect_status(422);
    }
    let reply = browser.sign_in(&page, "alice", super::harness::PASSWORD).await.expect_status(429);
    assert_eq!(reply.header("retry-after"), Some("1"));
    world.clock.advance(Duration::from_secs(1));
    browser.sign_in(&page, "alice", super::harness::PASSWORD).await.expect_status(303);
}
