//! Group T: tokens at `/userinfo`, `/introspect` and `/revoke` (RFC 6750, RFC 7009, RFC 7662, RFC 8725, RFC 9068). T-09 is
//! among the faults. Open: T-14 has nothing that maps claims, T-11 has no JWE, and is tested as that.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use grantwell_core::{
    id::{KeyId, Realm},
    jose::{Algorithm, SigningKey},
    keyring::{self, Place},
    store::{KeyUse, Write},
};
use serde_json::{Value, json};

use super::{
    ISSUER, Reply, World,
    expect::{but_refusals, claims_of},
    harness::{API, basic, secret},
};

/// A token for UserInfo, in an access token answer.
async fn for_userinfo(world: &World) -> Value {
    world.grant("openid email").await
}

/// Refused at UserInfo, and nothing to introspection and revocation.
async fn expect_no_token(world: &World, token: &str) {
    let reply = world.userinfo(&token.into()).await;
    reply.expect_oauth_error(401, "invalid_token");
    let challenge = reply.header("www-authenticate").unwrap();
    assert!(challenge.starts_with("Bearer error=\"invalid_token\""), "{reply:#?}");
    assert_eq!(world.introspect_as_web(token).await, json!({ "active": false }), "{token}");
    let before = world.rows().await;
    revoke(world, token, &basic("web", secret())).await.expect_status(200);
    assert_eq!(world.rows().await, before, "{token}");
}

async fn revoke(world: &World, token: &str, authorization: &str) -> Reply {
    world.post("/revoke", &[("token", token)], &[("authorization", authorization)]).await
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// Signed with the realm's own key, as whatever it says it is.
fn signed(world: &World, typ: &str, claims: &Value) -> String {
    let current = world.app.realm.current();
    let key = current.keyring.signer(Algorithm::ES256, world.app.now()).unwrap();
    key.sign(typ, claims).unwrap()
}

#[tokio::test]
async fn t_01_t_02_t_12_a_forged_token_is_none() {
    let world = World::new().await;
    let tokens = for_userinfo(&world).await;
    let token = tokens["access_token"].as_str().unwrap();
    world.userinfo(&tokens["access_token"]).await.expect_status(200);
    let canary = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    canary.set_nonblocking(true).unwrap();
    let here = format!("http://{}/", canary.local_addr().unwrap());
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let honest: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    let with = |name: &str, value: Value| {
        let mut header = honest.clone();
        header[name] = value;
        encode(&header)
    };
    let mut forged: Vec<String> =
        ["none", "None", "NONE", "nOnE", "HS256", "RS256", "PS256", "ES384", "ES512", "ES256K", ""]
            .into_iter()
            .flat_map(|alg| {
                let header = with("alg", alg.into());
                [format!("{header}.{payload}."), format!("{header}.{payload}.{signature}")]
            })
            .collect();
    let own = SigningKey::from_pkcs8(
        KeyId::from("x"),
        Algorithm::ES256,
        &SigningKey::generate(Algorithm::ES256).unwrap(),
    )
    .unwrap();
    for (name, value) in [
        ("jwk", own.public_jwk()),
        ("jku", here.as_str().into()),
        ("x5u", here.as_str().into()),
        ("x5c", json!(["x"])),
        ("kid", "../../../dev/null".into()),
        ("kid", "' OR 1=1 --".into()),
        ("kid", 1.into()),
        ("crit", json!(["exp"])),
        ("b64", false.into()),
        ("typ", "JWT".into()),
    ] {
        forged.push(format!("{}.{payload}.{signature}", with(name, value)));
    }
    forged.push(own.sign("at+jwt", &claims_of(&token.into())).unwrap());
    let zero = URL_SAFE_NO_PAD.encode([0; 64]);
    let der = URL_SAFE_NO_PAD.encode([0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01]);
    let mut more = claims_of(&token.into());
    more["scope"] = "openid email notes:write".into();
    forged.extend([
        format!("{header}.{payload}."),
        format!("{header}.{payload}.{zero}"),
        format!("{header}.{payload}.{der}"),
        format!("{header}.{}.{signature}", encode(&more)),
        format!("{header}.{payload}"),
        format!("{token}.x"),
        format!("{header}.x.{payload}.x.{signature}"),
        format!("{token}="),
        json!({ "payload": payload, "protected": header, "signature": signature }).to_string(),
        "x".repeat(17 * 1024),
        "\"".to_owned(),
        "[[".repeat(1000),
    ]);
    for token in &forged {
        if token.contains([' ', '"']) {
            assert_eq!(world.introspect_as_web(token).await, json!({ "active": false }), "{token}");
        } else {
            expect_no_token(&world, token).await;
        }
    }
    assert_eq!(canary.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nobody came");
    for hint in ["refresh_token", "access_token", "nonsense"] {
        let fields = [("token", token), ("token_type_hint", hint)];
        let reply = world.post("/introspect", &fields, &[("authorization", &basic("web", secret()))]).await;
        assert_eq!(reply.json()["active"], true, "the hint decides nothing");
    }
}

#[tokio::test]
async fn t_03_t_04_t_05_t_11_a_signature_alone_makes_no_access_token() {
    let world = World::new().await;
    let tokens = for_userinfo(&world).await;
    let claims = claims_of(&tokens["access_token"]);
    let now = world.app.now().seconds();
    let good = signed(&world, "at+jwt", &claims);
    world.userinfo(&good.as_str().into()).await.expect_status(200);
    assert!(world.is_active(&good).await, "made the same way, it is one");

    expect_no_token(&world, tokens["id_token"].as_str().unwrap()).await;
    for typ in [
        "JWT",
        "logout+jwt",
        "dpop+jwt",
        "oauth-authz-req+jwt",
        "client-authentication+jwt",
        "token-introspection+jwt",
    ] {
        expect_no_token(&world, &signed(&world, typ, &claims)).await;
    }
    let changed = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        signed(&world, "at+jwt", &claims)
    };
    let slash = format!("{ISSUER}/");
    for (name, value) in [
        ("iss", json!(slash)),
        ("iss", json!("https://other.example.test")),
        ("exp", json!(now)),
        ("exp", json!(now - 60)),
        ("exp", json!((now + 60).to_string())),
        ("exp", Value::Null),
        ("exp", json!(-1)),
        ("nbf", json!(now + 120)),
        ("jti", json!("x")),
    ] {
        expect_no_token(&world, &changed(name, value)).await;
    }
    // A person or client other than the authorization's.
    for (name, value) in [("sub", world.user("mallory").await.to_string()), ("client_id", "B".to_owned())] {
        let token = changed(name, json!(value));
        world.userinfo(&token.as_str().into()).await.expect_oauth_error(401, "invalid_token");
        assert_eq!(world.introspect_as_web(&token).await, json!({ "active": false }));
    }
    let payload = claims.to_string();
    for payload in [
        payload.replace(&format!("\"exp\":{}", claims["exp"]), "\"exp\":1e309"),
        payload.replacen('{', "{\"sub\":\"x\",", 1),
    ] {
        assert_ne!(payload, claims.to_string());
        let raw = serde_json::value::RawValue::from_string(payload);
        let token = world
            .app
            .realm
            .current()
            .keyring
            .signer(Algorithm::ES256, world.app.now())
            .unwrap()
            .sign("at+jwt", &raw.unwrap());
        expect_no_token(&world, &token.unwrap()).await;
    }
    // For another audience it is a token, but not here.
    for aud in [API, slash.as_str()] {
        world
            .userinfo(&changed("aud", json!(aud)).as_str().into())
            .await
            .expect_oauth_error(401, "invalid_token");
    }
    let api = world.grant("openid email notes:read").await;
    let reply = world.userinfo(&api["access_token"]).await;
    reply.expect_oauth_error(401, "invalid_token");
    let said = format!("the access token is for another API: ask for one with resource={ISSUER}");
    assert_eq!(reply.json()["error_description"], said);
    assert!(reply.header("www-authenticate").unwrap().contains(&said), "{reply:#?}");
    // What it would have said stands in the ID token, and the issuer's own token is one request away.
    assert!(claims_of(&api["id_token"])["email"].is_string(), "{api:#}");
    let refresh = api["refresh_token"].as_str().unwrap();
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh), ("scope", "openid email")];
    let issuer = world.token(&fields).await.expect_status(200).json();
    assert_eq!(issuer["scope"], "email openid");
    assert!(claims_of(&issuer["id_token"])["email"].is_null(), "{issuer:#}");
    assert!(world.userinfo(&issuer["access_token"]).await.expect_status(200).json()["email"].is_string());
    let encrypted = format!(
        "{}.x.x.x.x",
        encode(
            &json!({ "alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 2_147_483_648_u64, "zip": "DEF" })
        )
    );
    expect_no_token(&world, &encrypted).await;
    // And an access token is no hint.
    let hint = api["access_token"].as_str().unwrap();
    let reply = world
        .get(&format!("/authorize?{}", super::query(&[("id_token_hint", hint), ("prompt", "none")])))
        .await;
    reply.expect_redirect_error("invalid_request");
}

#[tokio::test]
async fn t_06_what_ended_is_inactive_at_once() {
    let world = World::new().await;
    for scope in ["openid email", "openid email offline_access", "files:read"] {
        let both = |tokens: &Value| {
            [
                tokens["access_token"].as_str().unwrap().to_owned(),
                tokens["refresh_token"].as_str().unwrap().to_owned(),
            ]
        };
        let expect_over = |tokens: [String; 2]| {
            let world = &world;
            async move {
                for token in &tokens {
                    assert_eq!(world.introspect_as_web(token).await, json!({ "active": false }), "{scope}");
                }
                world.userinfo(&tokens[0].as_str().into()).await.expect_oauth_error(401, "invalid_token");
            }
        };
        // Revoked: an access token alone, a refresh token with everything.
        let tokens = both(&world.grant(scope).await);
        revoke(&world, &tokens[0], &basic("web", secret())).await.expect_status(200);
        assert_eq!(world.introspect_as_web(&tokens[0]).await, json!({ "active": false }), "{scope}");
        assert!(world.is_active(&tokens[1]).await, "{scope}");
        let tokens = both(&world.grant(scope).await);
        revoke(&world, &tokens[1], &basic("web", secret())).await.expect_status(200);
        expect_over(tokens).await;
        // Signed out.
        let mut browser = world.browser();
        let tokens = both(&world.redeem(&browser.code("alice", &[("scope", scope)]).await).await.json());
        let page = browser.get("/end_session").await.expect_status(200);
        browser.submit(&page, "/end_session", &[("decision", "sign-out")]).await.expect_status(200);
        if scope.contains("offline_access") {
            assert!(world.is_active(&tokens[0]).await && world.is_active(&tokens[1]).await);
        } else {
            expect_over(tokens).await;
        }
        // Disabled, and what began before when enabled again.
        let tokens = both(&world.grant(scope).await);
        world.change("username = \"alice\"", "username = \"alice\"\ndisabled = true").await;
        expect_over(tokens.clone()).await;
        world.change("username", "username").await;
        expect_over(tokens).await;
    }
}

#[tokio::test]
async fn t_06_a_token_ends_to_the_second() {
    let world = World::new().await;
    let tokens = for_userinfo(&world).await;
    let lifetime = tokens["expires_in"].as_u64().unwrap();
    world.clock.advance(Duration::from_secs(lifetime - 1));
    world.userinfo(&tokens["access_token"]).await.expect_status(200);
    world.clock.advance(Duration::from_secs(1));
    expect_no_token(&world, tokens["access_token"].as_str().unwrap()).await;
}

#[tokio::test]
async fn t_07_only_whom_it_concerns_is_told_about_a_token() {
    let world = World::new().await;
    let tokens = world.grant("openid notes:read").await;
    let token = tokens["access_token"].as_str().unwrap();
    let b = basic("B", "another client secret of more than thirty-two characters");
    world.post("/introspect", &[("token", token)], &[]).await.expect_oauth_error(401, "invalid_client");
    let public = [("token", token), ("client_id", "spa")];
    world.post("/introspect", &public, &[]).await.expect_oauth_error(401, "invalid_client");
    let bearer = format!("Bearer {token}");
    let reply = world.post("/introspect", &[("token", token)], &[("authorization", &bearer)]).await;
    reply.expect_oauth_error(401, "invalid_client");
    let reply =
        world.post("/introspect", &[("token", token)], &[("authorization", &b)]).await.expect_status(200);
    assert_eq!(reply.body, "{\"active\":false}");
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let told = world.introspect(token).await;
    assert_eq!(
        (&told["active"], &told["scope"], &told["aud"]),
        (&json!(true), &json!("notes:read"), &json!(API))
    );
    // An API is told about the tokens for it, not about those for UserInfo, nor about refresh tokens.
    let others = for_userinfo(&world).await;
    for other in [&others["access_token"], &others["refresh_token"], &tokens["refresh_token"]] {
        assert_eq!(world.introspect(other.as_str().unwrap()).await, json!({ "active": false }));
    }
    let api = basic("notes-api", secret());
    let reply =
        world.post("/introspect", &[("token", token), ("token", token)], &[("authorization", &api)]).await;
    reply.expect_oauth_error(400, "invalid_request");
    world
        .post("/introspect", &[], &[("authorization", &api)])
        .await
        .expect_oauth_error(400, "invalid_request");
    let reply =
        world.raw("POST", &format!("/introspect?token={token}"), &[("authorization", &api)], "").await;
    reply.expect_oauth_error(400, "invalid_request");
    assert_eq!(
        world.raw("GET", &format!("/introspect?token={token}"), &[("authorization", &api)], "").await.status,
        405
    );
}

#[tokio::test]
async fn t_08_nobody_revokes_what_is_not_theirs() {
    let world = World::new().await;
    let tokens = world.grant("openid notes:read offline_access").await;
    let opaque = world.grant("files:read").await;
    let all = [
        &tokens["access_token"],
        &tokens["refresh_token"],
        &opaque["access_token"],
        &opaque["refresh_token"],
    ];
    let before = world.rows().await;
    let b = basic("B", "another client secret of more than thirty-two characters");
    for token in all {
        let token = token.as_str().unwrap();
        revoke(&world, token, &b).await.expect_status(200);
        revoke(&world, token, &basic("notes-api", secret())).await.expect_status(200);
        world.post("/revoke", &[("token", token), ("client_id", "spa")], &[]).await.expect_status(200);
        world.post("/revoke", &[("token", token)], &[]).await.expect_oauth_error(401, "invalid_client");
        assert!(world.is_active(token).await);
    }
    for unknown in ["x", "gwr_x", "gwa_x", "a.b.c"] {
        revoke(&world, unknown, &basic("web", secret())).await.expect_status(200);
    }
    revoke(&world, "", &basic("web", secret())).await.expect_oauth_error(400, "invalid_request");
    assert_eq!(but_refusals(world.rows().await), but_refusals(before));
}

#[tokio::test]
async fn t_10_an_opaque_token_with_any_change_is_inactive() {
    let world = World::new().await;
    let tokens = world.grant("files:read").await;
    let token = tokens["access_token"].as_str().unwrap();
    assert!(token.starts_with("gwa_"), "{token}");
    assert_eq!(world.introspect(token).await["scope"], "files:read");
    let mut changed = vec![
        token[..token.len() - 1].to_owned(),
        format!("{token}A"),
        format!("{token}="),
        token.replace("gwa_", "gwA_"),
        token.replace("gwa_", ""),
        token.to_uppercase(),
        token.to_lowercase(),
    ];
    for at in (4..token.len()).step_by(17) {
        let mut bytes = token.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        changed.push(String::from_utf8(bytes).unwrap());
    }
    for token in changed {
        assert_eq!(world.introspect(&token).await, json!({ "active": false }), "{token}");
        expect_no_token(&world, &token).await;
    }
    assert!(world.is_active(token).await);
}

#[tokio::test]
async fn t_13_one_token_and_never_in_the_url() {
    let world = World::new().await;
    let tokens = for_userinfo(&world).await;
    let token = tokens["access_token"].as_str().unwrap();
    let bearer = format!("Bearer {token}");
    let reply = world.get(&format!("/userinfo?access_token={token}")).await;
    reply.expect_oauth_error(400, "invalid_request");
    let reply =
        world.raw("GET", &format!("/userinfo?access_token={token}"), &[("authorization", &bearer)], "").await;
    reply.expect_oauth_error(400, "invalid_request");
    let body = [("access_token", token)];
    let reply = world.post("/userinfo", &body, &[("authorization", &bearer)]).await;
    reply.expect_oauth_error(400, "invalid_request");
    let twice = [("access_token", token), ("access_token", token)];
    world.post("/userinfo", &twice, &[]).await.expect_oauth_error(400, "invalid_request");
    let two = [("authorization", bearer.as_str()), ("authorization", bearer.as_str())];
    world.raw("GET", "/userinfo", &two, "").await.expect_oauth_error(400, "invalid_request");
    let bare = world.get("/userinfo").await;
    bare.expect_oauth_error(401, "invalid_token");
    assert_eq!(bare.header("www-authenticate"), Some("Bearer"));
    world.post("/userinfo", &body, &[]).await.expect_status(200);
    assert_eq!(world.userinfo(&tokens["access_token"]).await.json()["email"], "alice@example.test");
}

#[tokio::test]
async fn t_15_who_comes_again_under_the_same_name_is_somebody_else() {
    let world = World::new().await;
    let mut browser = world.browser();
    let tokens =
        world.redeem(&browser.code("alice", &[("scope", "openid email offline_access")]).await).await.json();
    let code = browser.code("alice", &[("scope", "openid email offline_access")]).await;
    let old = world.user("alice").await;
    assert_eq!(world.userinfo(&tokens["access_token"]).await.json()["sub"], old.to_string());
    world.commit(vec![Write::DeleteUser(old)]).await;
    let expect_gone = || async {
        for token in ["access_token", "refresh_token"] {
            let token = tokens[token].as_str().unwrap();
            assert_eq!(world.introspect_as_web(token).await, json!({ "active": false }));
        }
        world.userinfo(&tokens["access_token"]).await.expect_oauth_error(401, "invalid_token");
        let fields =
            [("grant_type", "refresh_token"), ("refresh_token", tokens["refresh_token"].as_str().unwrap())];
        world.token(&fields).await.expect_oauth_error(400, "invalid_grant");
        world.redeem(&code).await.expect_oauth_error(400, "invalid_grant");
    };
    expect_gone().await;
    world.change("username", "username").await;
    let new = world.user("alice").await;
    assert_ne!(new, old);
    expect_gone().await;
    // Not signed in any more, and asked like anybody who was never here.
    assert_eq!(browser.get("/account").await.page(), Some("sign-in"));
    let page = browser.get(&format!("/authorize?{}", super::query(&[]))).await;
    assert_eq!(page.page(), Some("sign-in"));
    let done = browser.sign_in(&page, "alice", super::harness::PASSWORD).await.expect_status(303);
    assert_eq!(browser.get(done.location()).await.page(), Some("consent"));
    let fresh = for_userinfo(&world).await;
    assert_eq!(world.userinfo(&fresh["access_token"]).await.json()["sub"], new.to_string());
}

#[tokio::test]
async fn t_16_only_a_key_that_may_sign_now_makes_tokens() {
    let world = World::new().await;
    let tokens = for_userinfo(&world).await;
    let claims = claims_of(&tokens["access_token"]);
    let place =
        Place { master: &world.vault.master, realm: Realm::MAIN, entropy: world.app.entropy.as_ref() };
    let now = world.app.now();
    let soon =
        keyring::make(KeyUse::Signing(Algorithm::ES256), now + Duration::from_mins(15), now, &place).unwrap();
    let private = keyring::unwrap(&soon, Realm::MAIN, &world.vault.master).unwrap();
    let key = SigningKey::from_pkcs8(soon.kid.clone(), Algorithm::ES256, &private).unwrap();
    let early = key.sign("at+jwt", &claims).unwrap();
    let current = world.app.realm.current().keyring.signer(Algorithm::ES256, now).unwrap().kid().clone();
    let retire = Write::RetireKey { kid: current.clone(), at: soon.active_from };
    world.commit(vec![retire, Write::InsertKey(soon.clone())]).await;
    crate::keys::refresh(&world.app, &world.vault).await.unwrap();

    // Published, and not believed yet.
    let published = world.get("/jwks").await.expect_status(200).json();
    let keys = published["keys"].as_array().unwrap();
    assert!(keys.iter().any(|key| key["kid"] == soon.kid.as_str()), "{published}");
    for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
        assert!(keys.iter().all(|key| key.get(private).is_none()), "{private}: {published}");
    }
    expect_no_token(&world, &early).await;
    world.userinfo(&tokens["access_token"]).await.expect_status(200);
    // Removed: what it signed is nothing.
    world.commit(vec![Write::DeleteKey(current)]).await;
    crate::keys::refresh(&world.app, &world.vault).await.unwrap();
    expect_no_token(&world, tokens["access_token"].as_str().unwrap()).await;
}

#[tokio::test]
async fn t_17_a_machine_is_no_person() {
    let world = World::new().await;
    for fields in [
        &[("grant_type", "client_credentials")][..],
        &[("grant_type", "client_credentials"), ("resource", ISSUER)],
    ] {
        let reply = world.token(fields).await;
        let Some(token) = reply.json().get("access_token").cloned() else { continue };
        let reply = world.userinfo(&token).await;
        assert!([401, 403].contains(&reply.status), "{reply:#?}");
        assert!(reply.json().get("sub").is_none());
    }
}
