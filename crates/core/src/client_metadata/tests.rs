use serde_json::json;

use super::*;

const SECRET: &str = "a secret of thirty-two characters";
const NOW: Timestamp = Timestamp::from_seconds(1_000);

fn from(value: Value) -> Result<Client, Vec<MetadataError>> {
    let (metadata, mut errors) = ClientMetadata::read(value.as_object().unwrap());
    match metadata.client(NOW) {
        Ok(client) if errors.is_empty() => Ok(client),
        Ok(_) => Err(errors),
        Err(more) => {
            errors.extend(more);
            Err(errors)
        }
    }
}

/// The client of `base` with `changes` made to it; a null removes a field.
fn with(changes: Value) -> Result<Client, Vec<MetadataError>> {
    let mut base = json!({"client_id": "web", "redirect_uris": ["https://rp.example/cb"]});
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            base.as_object_mut().unwrap().remove(name);
        } else {
            base[name] = value.clone();
        }
    }
    from(base)
}

fn fields(result: Result<Client, Vec<MetadataError>>) -> Vec<String> {
    result.map(|_| ()).unwrap_err().into_iter().map(|error| error.field).collect()
}

#[test]
fn a_public_client_needs_two_fields() {
    let client = with(json!({})).unwrap();
    assert!(client.is_public() && client.require_pkce && !client.disabled && !client.applied);
    assert_eq!(client.client_secret, None);
    assert_eq!(client.application_type, ApplicationType::Web);
    assert_eq!(client.grant_types, BTreeSet::from([GrantType::AuthorizationCode]));
    assert_eq!(client.scope.to_string(), "openid");
    assert_eq!(client.id_token_signed_response_alg, Algorithm::RS256);
    assert_eq!(client.tokens_not_before, NOW);
}

#[test]
fn a_confidential_client_keeps_a_digest() {
    let client =
        with(json!({"client_secret": SECRET, "require_pkce": false, "scope": "openid  b a"})).unwrap();
    assert_eq!(client.token_endpoint_auth_method, AuthMethod::ClientSecretBasic);
    assert_eq!(client.client_secret, Some(Digest::of(SECRET.as_bytes())));
    assert!(!client.require_pkce);
    assert_eq!(client.scope.to_string(), "a b openid");
    let machine =
        from(json!({"client_id": "m", "client_secret": SECRET, "grant_types": ["client_credentials"],
        "token_endpoint_auth_method": "client_secret_post"}))
        .unwrap();
    assert!(machine.scope.is_empty());
    assert_eq!(machine.token_endpoint_auth_method, AuthMethod::ClientSecretPost);
}

#[test]
fn secrets_belong_to_the_methods_that_use_one() {
    assert_eq!(fields(with(json!({"token_endpoint_auth_method": "client_secret_post"}))), ["client_secret"]);
    assert_eq!(
        fields(with(json!({"token_endpoint_auth_method": "none", "client_secret": SECRET}))),
        ["client_secret"]
    );
    let errors = with(json!({"client_secret": "x".repeat(31)})).unwrap_err();
    assert_eq!((errors[0].field.as_str(), &errors[0].value), ("client_secret", &None));
    assert!(with(json!({"client_secret": "x".repeat(32)})).is_ok());
    assert_eq!(fields(with(json!({"client_secret": "ä".repeat(40)}))), ["client_secret"]);
}

#[test]
fn public_clients_get_no_machine_grant_and_no_waiver_of_pkce() {
    assert_eq!(
        fields(with(json!({"grant_types": ["authorization_code", "client_credentials"]}))),
        ["grant_types"]
    );
    assert_eq!(fields(with(json!({"require_pkce": false}))), ["require_pkce"]);
    assert!(with(json!({"require_pkce": true})).is_ok());
}

#[test]
fn grants_and_response_types_agree() {
    for (grants, types, wrong) in [
        (json!(["authorization_code"]), json!(["code"]), None),
        (json!(["authorization_code", "refresh_token"]), json!(["code"]), None),
        (json!(["authorization_code"]), json!([]), Some("response_types")),
        (json!(["authorization_code"]), json!(["code", "token"]), Some("response_types")),
        (json!(["client_credentials"]), json!([]), None),
        (json!(["client_credentials"]), json!(["code"]), Some("response_types")),
        (json!(["refresh_token"]), json!([]), Some("grant_types")),
        (json!([]), json!([]), Some("grant_types")),
        (json!(["authorization_code", "password"]), json!(["code"]), Some("grant_types")),
        (
            json!(["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"]),
            json!(["code"]),
            Some("grant_types"),
        ),
    ] {
        let result = with(json!({"grant_types": grants, "response_types": types, "client_secret": SECRET}));
        match wrong {
            None => assert!(result.is_ok(), "{grants} {types} {result:?}"),
            Some(field) => assert_eq!(fields(result), [field], "{grants} {types}"),
        }
    }
    assert_eq!(fields(with(json!({"redirect_uris": null}))), ["redirect_uris"]);
    assert_eq!(fields(with(json!({"redirect_uris": []}))), ["redirect_uris"]);
}

#[test]
fn r_14_dangerous_uris_are_refused_in_every_field() {
    for uri in [
        "javascript:alert(1)",
        "JaVaScRiPt:x",
        "\tjavascript:x",
        "data:text/html,x",
        "vbscript:x",
        "file:///x",
        "blob:x",
    ] {
        for field in ["client_uri", "logo_uri", "policy_uri", "tos_uri", "default_resource"] {
            assert_eq!(fields(with(json!({field: uri}))), [field], "{uri:?}");
        }
        for field in ["redirect_uris", "post_logout_redirect_uris"] {
            let errors = with(json!({field: ["https://rp.example/", uri]})).unwrap_err();
            assert_eq!((errors[0].field.as_str(), errors[0].at), (field, Some(1)), "{uri:?}");
        }
    }
    assert_eq!(fields(with(json!({"logo_uri": "http://rp.example/logo"}))), ["logo_uri"]);
}

#[test]
fn t_17_a_client_is_never_named_like_a_subject() {
    assert_eq!(fields(with(json!({"client_id": "0190b5a0-7a5b-7c3d-8e9f-0123456789ab"}))), ["client_id"]);
    assert_eq!(fields(with(json!({"client_id": "0190B5A0-7A5B-7C3D-8E9F-0123456789AB"}))), ["client_id"]);
    for id in ["", "a b", "ä", "a\n"] {
        assert_eq!(fields(with(json!({"client_id": id}))), ["client_id"], "{id:?}");
    }
    assert_eq!(fields(with(json!({"client_id": "a".repeat(256)}))), ["client_id"]);
    assert!(with(json!({"client_id": "a".repeat(255)})).is_ok());
    assert_eq!(fields(with(json!({"client_id": null}))), ["client_id"]);
}

#[test]
fn what_comes_later_says_so() {
    for (field, value) in [
        ("token_endpoint_auth_method", json!("private_key_jwt")),
        ("token_endpoint_auth_method", json!("tls_client_auth")),
        ("profile", json!("fapi2-security")),
        ("assertion_audience", json!("token_endpoint")),
        ("jwks_uri", json!("https://rp.example/jwks")),
        ("jwks", json!({"keys": []})),
        ("subject_type", json!("pairwise")),
        ("dpop_bound_access_tokens", json!(true)),
        ("backchannel_logout_uri", json!("https://rp.example/bye")),
        ("id_token_encrypted_response_alg", json!("RSA-OAEP")),
        ("request_uris", json!([])),
        ("profile", json!("oidc")),
    ] {
        let errors = with(json!({field: value})).unwrap_err();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(errors[0].message.contains("not available yet"), "{errors:?}");
        assert_eq!(errors[0].field, field);
    }
    for (field, value) in [
        ("subject_type", json!("public")),
        ("dpop_bound_access_tokens", json!(false)),
        ("profile", json!("oauth2.1")),
        ("assertion_audience", json!("issuer")),
        ("require_auth_time", json!(true)),
    ] {
        assert!(with(json!({field: value})).is_ok(), "{field}");
    }
}

#[test]
fn all_errors_are_told_at_once_with_the_nearest_name() {
    let errors = from(json!({
        "client_id": "web", "redirect_uri": ["https://rp.example/cb"], "scope": 7, "profile": "oauth21",
        "token_endpoint_auth_method": "client_secret_bsic", "redirect_uris": ["https://rp.example/#"],
        "client_name#de": "x", "default_max_age": -1, "require_pkce": "yes"
    }))
    .unwrap_err();
    let find =
        |field: &str| errors.iter().find(|error| error.field == field).unwrap_or_else(|| panic!("{field}"));
    assert_eq!(find("redirect_uri").nearest.as_deref(), Some("redirect_uris"));
    assert_eq!(find("profile").nearest.as_deref(), Some("oauth2.1"));
    assert_eq!(find("token_endpoint_auth_method").nearest.as_deref(), Some("client_secret_basic"));
    assert_eq!(find("redirect_uris").at, Some(0));
    assert_eq!(find("scope").message, "must be a string");
    assert!(find("client_name#de").message.contains("not available yet"));
    assert!(find("default_max_age").message.starts_with("must be a whole number"));
    assert_eq!(find("require_pkce").message, "must be true or false");
    assert_eq!(errors.len(), 8);
}

#[test]
fn q_03_a_wrong_secret_is_not_echoed() {
    let errors = with(json!({"client_secret": 123_456})).unwrap_err();
    assert_eq!(errors[0].value, None);
    let (metadata, _) =
        ClientMetadata::read(json!({"client_id": "x", "client_secret": SECRET}).as_object().unwrap());
    assert!(!format!("{metadata:?}").contains(SECRET));
}

#[test]
fn a_disabled_client_has_no_living_tokens() {
    assert_eq!(with(json!({"disabled": true})).unwrap().tokens_not_before, NOW);
}

#[test]
fn names_that_change_the_page_are_refused() {
    for name in ["", " ", "a\u{202e}b", "a\nb", &"x".repeat(257)] {
        assert_eq!(fields(with(json!({"client_name": name}))), ["client_name"], "{name:?}");
    }
}
