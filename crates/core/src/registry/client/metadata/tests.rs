use serde_json::json;

use super::*;
use crate::registry::Element;

const SECRET: &str = "a secret of thirty-two characters";

fn from(value: Value) -> Result<Client, Vec<FieldError>> {
    read(value.as_object().unwrap(), None)
}

/// The client of `base` with `changes` made to it; a null removes a field.
fn with(changes: Value) -> Result<Client, Vec<FieldError>> {
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

fn fields(result: Result<Client, Vec<FieldError>>) -> Vec<String> {
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
    assert_eq!(errors, [FieldError::new("client_secret", Violation::SecretTooShort)]);
    assert!(with(json!({"client_secret": "x".repeat(32)})).is_ok());
    let words = format!("{} {}", "x".repeat(16), "x".repeat(16));
    assert!(with(json!({ "client_secret": words })).is_ok());
    for (before, after) in [("", "\n"), ("", "\r\n"), ("", " "), (" ", ""), ("", "\u{a0}"), ("\u{feff}", "")]
    {
        let errors = with(json!({"client_secret": format!("{before}{words}{after}")})).unwrap_err();
        let expected = [FieldError::new("client_secret", Violation::OuterWhiteSpace)];
        assert_eq!(errors, expected, "{before:?} {after:?}");
    }
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
            assert_eq!(
                (errors[0].field.as_str(), &errors[0].element),
                (field, &Some(Element::Index(1))),
                "{uri:?}"
            );
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
        assert!(matches!(errors[0].violation, Violation::NotAvailable(_)), "{errors:?}");
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
    let nearest = |field: &str| find(field).violation.nearest();
    assert_eq!(nearest("redirect_uri"), Some("redirect_uris"));
    assert_eq!(nearest("profile"), Some("oauth2.1"));
    assert_eq!(nearest("token_endpoint_auth_method"), Some("client_secret_basic"));
    assert_eq!(find("redirect_uris").element, Some(Element::Index(0)));
    assert_eq!(find("scope").violation, Violation::WrongType(FieldType::Text));
    assert!(matches!(find("client_name#de").violation, Violation::NotAvailable(_)));
    assert_eq!(find("default_max_age").violation, Violation::WrongType(FieldType::Number));
    assert_eq!(find("require_pkce").to_string(), "require_pkce: must be true or false");
    assert_eq!(
        find("redirect_uri").to_string(),
        "redirect_uri: is not a known name (did you mean \"redirect_uris\"?)"
    );
    assert_eq!(errors.len(), 8);
}

#[test]
fn q_03_a_wrong_secret_is_not_echoed() {
    for secret in [json!("marker"), json!(["marker"])] {
        let errors = with(json!({"client_secret": secret})).unwrap_err();
        assert!(!format!("{errors:?} {}", errors[0]).contains("marker"), "{errors:?}");
    }
}

#[test]
fn a_field_that_could_not_be_read_is_not_also_missing() {
    for (value, wrong) in [
        (json!({"client_id": 1, "redirect_uris": ["https://rp.example/cb"]}), &["client_id"][..]),
        (json!({"client_id": "web", "redirect_uris": "https://rp.example/cb"}), &["redirect_uris"]),
        (json!({"client_id": "web", "redirect_uri": ["https://rp.example/cb"]}), &["redirect_uri"]),
        (json!({"client_id": "web", "client_nam": "x"}), &["client_nam", "redirect_uris"]),
    ] {
        assert_eq!(fields(from(value)), wrong);
    }
}

#[test]
fn what_no_field_says_is_that_of_the_client_there_was() {
    let mut was = with(json!({"client_secret": SECRET})).unwrap();
    was.applied = true;
    was.tokens_not_before = crate::time::Timestamp::from_seconds(7);
    let read_after = |value: Value| read(value.as_object().unwrap(), Some(&was));
    let base = json!({"client_id": "web", "redirect_uris": ["https://rp.example/cb"]});
    assert_eq!(read_after(base.clone()).unwrap(), was);
    let mut public = base;
    public["token_endpoint_auth_method"] = json!("none");
    assert_eq!(read_after(public).unwrap().client_secret, None, "a public client keeps no secret");
}

#[test]
fn metadata_is_what_is_read() {
    for value in [
        json!({"client_id": "web", "redirect_uris": ["https://rp.example/cb"]}),
        json!({
            "client_id": "web", "client_name": "Example", "client_uri": "https://rp.example/",
            "logo_uri": "https://rp.example/logo", "policy_uri": "https://rp.example/policy",
            "tos_uri": "https://rp.example/tos", "client_secret": SECRET,
            "token_endpoint_auth_method": "client_secret_post", "redirect_uris": ["https://rp.example/cb"],
            "post_logout_redirect_uris": ["https://rp.example/bye"], "application_type": "native",
            "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
            "response_types": ["code"], "scope": "a openid", "require_pkce": false,
            "default_resource": "https://api.example/", "id_token_signed_response_alg": "ES384",
            "default_max_age": 60, "default_acr_values": ["urn:a"], "id_token_claims": true, "disabled": true
        }),
        json!({"client_id": "m", "client_secret": SECRET, "grant_types": ["client_credentials"]}),
    ] {
        let client = from(value.clone()).unwrap();
        let shown = metadata(&client);
        assert_eq!(read(&shown, Some(&client)).unwrap(), client, "{shown:?}");
        assert!(!shown.contains_key("client_secret"), "{shown:?}");
        for (field, value) in value.as_object().unwrap().iter().filter(|(field, _)| *field != "client_secret")
        {
            assert_eq!(&shown[field], value, "{field}");
        }
    }
    let shown = metadata(&with(json!({})).unwrap());
    assert_eq!(shown["response_types"], json!(["code"]));
    assert_eq!(shown["token_endpoint_auth_method"], "none");
    assert!(shown.values().all(|value| !value.is_null()), "{shown:?}");
}

#[test]
fn names_that_change_the_page_are_refused() {
    for name in ["", " ", "a\u{202e}b", "a\nb", &"x".repeat(257)] {
        assert_eq!(fields(with(json!({"client_name": name}))), ["client_name"], "{name:?}");
    }
}

#[test]
fn n_04_only_a_client_that_is_known_by_something_goes_without_a_consent_page() {
    let client = |changes: &[(&str, Value)]| {
        let mut fields = Map::from_iter([("client_id".to_owned(), json!("own"))]);
        fields.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        read(&fields, None)
    };
    let (web, local) = (json!(["https://rp.example/cb"]), json!(["http://127.0.0.1/cb"]));
    let secret = ("client_secret", json!("0123456789abcdef0123456789abcdef"));
    for (fields, expected) in [
        (vec![("redirect_uris", web.clone())], Ok(ConsentMode::None)),
        (vec![("redirect_uris", local.clone()), secret], Ok(ConsentMode::None)),
        (vec![("redirect_uris", local)], Err(Violation::ConsentOfUnclaimedClient)),
    ] {
        let fields: Vec<_> = fields.into_iter().chain([("consent", json!("none"))]).collect();
        let read = client(&fields).map(|client| client.consent);
        let read = read.map_err(|errors| errors.into_iter().next().unwrap());
        assert_eq!(read.clone().map_err(|error| error.violation), expected, "{fields:?}");
        if let Err(error) = read {
            assert_eq!(error.field, "consent");
        }
    }
    let default = client(&[("redirect_uris", web.clone())]).unwrap();
    assert_eq!(default.consent, ConsentMode::Remember);
    assert_eq!(metadata(&default)["consent"], "remember");
    let wrong = client(&[("redirect_uris", web), ("consent", json!("nome"))]).unwrap_err();
    assert_eq!(wrong[0].violation.nearest(), Some("none"));
}

#[test]
fn a_client_that_names_no_method_is_registered_for_both_ways_of_sending_a_secret() {
    let client = |method: Option<&str>| {
        let mut fields = json!({
            "client_id": "web",
            "client_secret": "0123456789abcdef0123456789abcdef",
            "redirect_uris": ["https://rp.example/cb"],
        });
        if let Some(method) = method {
            fields["token_endpoint_auth_method"] = json!(method);
        }
        read(fields.as_object().unwrap(), None).unwrap()
    };
    let (either, post) = (client(None), client(Some("client_secret_post")));
    assert!(either.takes(AuthMethod::ClientSecretBasic) && either.takes(AuthMethod::ClientSecretPost));
    assert!(post.takes(AuthMethod::ClientSecretPost) && !post.takes(AuthMethod::ClientSecretBasic));
    assert!(!either.takes(AuthMethod::None));
    // It stays so when another field changes.
    assert_eq!(read(&metadata(&either), Some(&either)).unwrap(), either);
    assert_eq!(read(&metadata(&post), Some(&post)).unwrap(), post);
}
