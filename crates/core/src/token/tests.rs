use super::*;
use crate::{client::Client, error::Refusal, fixtures as fx, store::Write};

fn read(client: &Client, body: &str) -> Result<GrantType, TokenRefusal> {
    let request = TokenRequest::read(&Form::parse(body.as_bytes()).unwrap());
    let policy = fx::policy();
    match fx::decide_as(client, &request, &fx::World::default(), &fx::context(&policy)) {
        // What the grant itself asks for is its own tests' matter.
        Err(refused)
            if request.grant_type().is_none() || refused.refusal == TokenRefusal::GrantNotAllowed =>
        {
            Err(refused.refusal)
        }
        _ => Ok(request.grant_type().unwrap()),
    }
}

#[test]
fn every_grant_that_a_client_can_register_is_in_the_list() {
    let listed: Vec<_> = GRANTS.iter().map(|grant| grant.grant_type()).collect();
    assert_eq!(listed, GrantType::ALL);
}

#[test]
fn c_09_the_grant_must_exist_and_be_the_clients() {
    for (client, body, expected) in [
        (fx::client(), "grant_type=authorization_code", Ok(GrantType::AuthorizationCode)),
        (fx::client(), "grant_type=refresh_token", Ok(GrantType::RefreshToken)),
        (fx::machine(), "grant_type=client_credentials", Ok(GrantType::ClientCredentials)),
        (fx::client(), "grant_type=client_credentials", Err(TokenRefusal::GrantNotAllowed)),
        (fx::machine(), "grant_type=authorization_code", Err(TokenRefusal::GrantNotAllowed)),
        (fx::machine(), "grant_type=refresh_token", Err(TokenRefusal::GrantNotAllowed)),
        (fx::client(), "grant_type=password", Err(TokenRefusal::UnsupportedGrantType)),
        (fx::client(), "grant_type=Authorization_Code", Err(TokenRefusal::UnsupportedGrantType)),
        (fx::client(), "grant_type=", Err(TokenRefusal::Missing("grant_type"))),
        (fx::client(), "", Err(TokenRefusal::Missing("grant_type"))),
    ] {
        assert_eq!(read(&client, body), expected, "{body}");
    }
    assert_eq!(TokenRefusal::GrantNotAllowed.public().code.as_str(), "unauthorized_client");
    assert_eq!(TokenRefusal::UnsupportedGrantType.public().code.as_str(), "unsupported_grant_type");
}

#[test]
fn c_10_a_repeated_parameter_is_refused_but_resource_may_be() {
    for (body, name) in [
        ("grant_type=authorization_code&grant_type=authorization_code", "grant_type"),
        ("grant_type=authorization_code&code=a&code=a", "code"),
        ("grant_type=authorization_code&code=a&unknown=1&unknown=2", "an unknown parameter"),
    ] {
        let refusal = read(&fx::client(), body).unwrap_err();
        assert_eq!(refusal, TokenRefusal::Repeated(name), "{body}");
        assert_eq!(refusal.public().sentence(), format!("{name} is repeated"));
    }
    let body = "grant_type=authorization_code&resource=a&resource=b&audience=c&audience=d";
    assert!(read(&fx::client(), body).is_ok());
}

#[test]
fn refusals_of_a_client_that_proved_itself_are_counted_and_those_of_a_stranger_are_not() {
    for (client, counted) in [(fx::client(), 1), (fx::public_client(), 0)] {
        for (body, reason) in [
            ("grant_type=authorization_code&code=x", "unknown_code"),
            ("grant_type=client_credentials", "grant_not_allowed"),
            ("grant_type=password", "unsupported_grant_type"),
        ] {
            let request = TokenRequest::read(&Form::parse(body.as_bytes()).unwrap());
            let policy = fx::policy();
            let context = fx::context(&policy);
            let refused = fx::decide_as(&client, &request, &fx::World::default(), &context).unwrap_err();
            assert_eq!(refused.writes.len(), counted);
            for write in refused.writes {
                assert!(
                    matches!(write, Write::CountRefusal { reason: why, .. } if why == reason),
                    "{write:?}"
                );
            }
        }
    }
}

#[test]
fn the_answer_has_the_members_of_the_specification() {
    let answer = |refresh: Option<&str>, scope: &str| {
        serde_json::to_value(TokenResponse {
            access_token: "a".to_owned(),
            token_type: "Bearer",
            expires_in: 600,
            refresh_token: refresh.map(str::to_owned),
            id_token: None,
            scope: fx::scopes(scope),
        })
        .unwrap()
    };
    assert_eq!(
        answer(Some("r"), "b a"),
        serde_json::json!({
            "access_token": "a", "token_type": "Bearer", "expires_in": 600, "refresh_token": "r", "scope": "a b"
        })
    );
    assert_eq!(
        answer(None, ""),
        serde_json::json!({ "access_token": "a", "token_type": "Bearer", "expires_in": 600, "scope": "" })
    );
}

#[test]
fn q_03_debug_shows_no_token() {
    let response = TokenResponse {
        access_token: "marker".to_owned(),
        token_type: "Bearer",
        expires_in: 600,
        refresh_token: Some("marker".to_owned()),
        id_token: Some("marker".to_owned()),
        scope: fx::scopes("a"),
    };
    assert!(!format!("{response:?}").contains("marker"));
}
