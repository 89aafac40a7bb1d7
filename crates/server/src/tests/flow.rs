//! The flow of RFC 6749 §4.1 from end to end, and the lines a developer would try.

use super::{ISSUER, World, query};

#[tokio::test]
async fn a_code_becomes_tokens_at_both_token_paths() {
    let world = World::new().await;
    for path in ["/token", "/oauth/token"] {
        let code =
            world.browser().code("alice", &[("scope", "openid profile offline_access notes:read")]).await;
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", "https://rp.example/cb"),
            ("code_verifier", super::harness::VERIFIER),
        ];
        let authorization = super::harness::basic("web", super::harness::secret());
        let reply = world.post(path, &fields, &[("authorization", &authorization)]).await.expect_status(200);
        let answer = reply.json();
        for member in ["access_token", "refresh_token", "id_token", "token_type", "expires_in"] {
            assert!(!answer[member].is_null(), "{member}: {answer}");
        }
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
}

#[tokio::test]
async fn the_second_sign_in_asks_nothing_and_carries_iss_and_state() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.code("alice", &[]).await;
    let reply = browser.get(&format!("/authorize?{}", query(&[]))).await.expect_status(303);
    let parameters = reply.parameters();
    assert_eq!(parameters["iss"], ISSUER);
    assert_eq!(parameters["state"], "the state");
    assert!(parameters["code"].starts_with("gwc_"));
}
