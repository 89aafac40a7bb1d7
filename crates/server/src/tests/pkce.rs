//! Group P: PKCE (RFC 7636). Open, with the features they are about: P-08, P-09.

use grantwell_core::{id::ClientId, store::Store as _};

use super::{
    Browser, Reply, World,
    authorization::each_way,
    harness::{CHALLENGE, VERIFIER},
    query,
};

/// Redeems a code of `web` with this verifier.
async fn redeem_with(world: &World, code: &str, verifier: &str) -> Reply {
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", "https://rp.example/cb"),
        ("code_verifier", verifier),
    ];
    world.token(&fields).await
}

#[tokio::test]
async fn p_01_p_02_p_03_a_request_without_a_s256_challenge_goes_back() {
    let world = World::new().await;
    // Which challenges and methods are refused is a table in the core; here one of each kind, as a form carries it.
    let wrong: [&[(&str, &str)]; 5] = [
        &[("code_challenge", ""), ("code_challenge_method", "")],
        &[("code_challenge_method", "")],
        &[("code_challenge_method", "plain")],
        &[("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+c=")],
        &[("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c\n")],
    ];
    let before = world.rows().await;
    for changes in wrong {
        for (client, uri) in [("web", "https://rp.example/cb"), ("nat", "com.example.app:/cb")] {
            let changes =
                [changes, &[("client_id", client), ("redirect_uri", uri), ("scope", "openid")]].concat();
            for reply in each_way(&world, &query(&changes)).await {
                let expected = format!("{uri}?error=invalid_request&");
                assert!(reply.expect_status(303).location().starts_with(&expected), "{changes:?}");
            }
        }
    }
    assert_eq!(world.rows().await, before);
}

#[tokio::test]
async fn p_03_p_04_p_05_p_07_a_wrong_verifier_is_refused_and_invalidates_the_code() {
    let world = World::new().await;
    let mut browser = world.browser();
    let another = "another verifier".replace(' ', "-").repeat(3);
    for wrong in [
        CHALLENGE,
        another.as_str(),
        &format!("{VERIFIER}\n"),
        "+/=+/=+/=+/=+/=+/=+/=+/=+/=+/=+/=+/=+/=+/=+/=",
    ] {
        let code = browser.code("alice", &[]).await;
        redeem_with(&world, &code, wrong).await.expect_oauth_error(400, "invalid_grant");
        redeem_with(&world, &code, VERIFIER).await.expect_oauth_error(400, "invalid_grant");
    }
    // Left out, it is missing; the code is good for a request that has it.
    let code = browser.code("alice", &[]).await;
    let missing = redeem_with(&world, &code, "").await;
    missing.expect_oauth_error(400, "invalid_grant");
    assert!(missing.json()["error_description"].as_str().unwrap().starts_with("code_verifier is missing"));
    redeem_with(&world, &code, VERIFIER).await.expect_status(200);
    // The verifier of one flow with the code of another, in one browser.
    let other_challenge = challenge_of(&another);
    let (first, second) = (
        browser.code("alice", &[]).await,
        browser.code("alice", &[("code_challenge", &other_challenge)]).await,
    );
    redeem_with(&world, &first, &another).await.expect_oauth_error(400, "invalid_grant");
    redeem_with(&world, &second, &another).await.expect_status(200);
}

/// BASE64URL(SHA256(verifier)) (RFC 7636 §4.2).
fn challenge_of(verifier: &str) -> String {
    String::from(grantwell_core::secret::Digest::of(verifier.as_bytes()))
}

#[tokio::test]
async fn p_06_a_challenge_cannot_be_taken_away() {
    let world = World::new().await;
    let bare = [
        ("client_id", "post"),
        ("redirect_uri", "https://post.example/cb"),
        ("scope", "openid"),
        ("code_challenge", ""),
        ("code_challenge_method", ""),
    ];
    let mut browser: Browser<'_> = world.browser();
    let fields = |code: &str, verifier: Option<&str>| {
        let mut fields = vec![
            ("grant_type", "authorization_code".to_owned()),
            ("code", code.to_owned()),
            ("redirect_uri", "https://post.example/cb".to_owned()),
            ("client_id", "post".to_owned()),
            ("client_secret", super::harness::secret().to_owned()),
        ];
        fields.extend(verifier.map(|verifier| ("code_verifier", verifier.to_owned())));
        fields
    };
    let send = |fields: Vec<(&'static str, String)>| {
        let world = &world;
        async move {
            let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            world.post("/token", &fields, &[]).await
        }
    };
    let code = browser.code("alice", &bare).await;
    send(fields(&code, Some(VERIFIER))).await.expect_oauth_error(400, "invalid_grant");
    send(fields(&code, None)).await.expect_oauth_error(400, "invalid_grant");
    let code = browser.code("alice", &bare).await;
    send(fields(&code, None)).await.expect_status(200);
    // And a challenge that was sent is one that must be met, whoever may do without.
    let code = browser.code("alice", &bare[..3]).await;
    send(fields(&code, None)).await.expect_oauth_error(400, "invalid_grant");
    assert!(
        world
            .app
            .store
            .client(world.app.realm.id, &ClientId::from("post"))
            .await
            .unwrap()
            .is_some_and(|c| !c.require_pkce)
    );
}
