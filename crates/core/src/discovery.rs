//! Authorization server metadata (RFC 8414 §2, OpenID Connect Discovery 1.0 §3, RFC 9207 §3), the same document at both
//! well-known paths. What it lists comes from the lists the code works with, so it cannot promise what is not there.

use serde_json::{Value, json};

use crate::{
    authorize::{Prompts, ResponseMode},
    claims::{GROUPS, SCOPE_CLAIMS},
    client_auth,
    factor::FACTORS,
    jose::Algorithm,
    pkce,
    policy::Policy,
    scope::OPENID_SCOPES,
    token,
};

/// Paths below the issuer.
pub mod path {
    /// RFC 6749 §3.1.
    pub const AUTHORIZE: &str = "/authorize";
    /// RFC 6749 §3.2.
    pub const TOKEN: &str = "/token";
    /// Core 1.0 §5.3.
    pub const USERINFO: &str = "/userinfo";
    /// RFC 7517 §5.
    pub const JWKS: &str = "/jwks";
    /// RFC 7662 §2.
    pub const INTROSPECT: &str = "/introspect";
    /// RFC 7009 §2.
    pub const REVOKE: &str = "/revoke";
    /// OpenID Connect RP-Initiated Logout 1.0 §2.
    pub const END_SESSION: &str = "/end_session";
    /// Discovery 1.0 §4.
    pub const OPENID_CONFIGURATION: &str = "/.well-known/openid-configuration";
    /// RFC 8414 §3.
    pub const AUTHORIZATION_SERVER: &str = "/.well-known/oauth-authorization-server";
}

/// The document. `ui_locales` are the languages that the pages speak.
pub fn metadata(policy: &Policy, ui_locales: &[&str]) -> Value {
    let methods: Vec<_> = client_auth::METHODS.iter().map(|method| method.method().as_str()).collect();
    // What a public client may not use does not offer its method.
    let confidential: Vec<_> = methods.iter().filter(|name| **name != "none").collect();
    let grants: Vec<_> = token::GRANTS.iter().map(|grant| grant.grant_type().as_str()).collect();
    let algorithms: Vec<_> = Algorithm::ALL.iter().map(|algorithm| algorithm.as_str()).collect();
    let modes: Vec<_> = ResponseMode::ALL.iter().map(|mode| mode.as_str()).collect();
    let prompts: Vec<_> = Prompts::VALUES.iter().map(|(name, _)| name).collect();
    let token_claims =
        ["iss", "sub", "aud", "exp", "iat", "auth_time", "acr", "amr", "sid", "nonce", "at_hash"];
    let scope_claims = SCOPE_CLAIMS.iter().flat_map(|(_, names)| names.iter());
    let claims: Vec<_> = token_claims.iter().chain(scope_claims).chain([&GROUPS]).collect();
    json!({
        "issuer": policy.issuer,
        "authorization_endpoint": policy.url(path::AUTHORIZE),
        "token_endpoint": policy.url(path::TOKEN),
        "userinfo_endpoint": policy.url(path::USERINFO),
        "jwks_uri": policy.url(path::JWKS),
        "introspection_endpoint": policy.url(path::INTROSPECT),
        "revocation_endpoint": policy.url(path::REVOKE),
        "end_session_endpoint": policy.url(path::END_SESSION),
        "scopes_supported": OPENID_SCOPES,
        "response_types_supported": ["code"],
        "response_modes_supported": modes,
        "grant_types_supported": grants,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": algorithms,
        "token_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_methods_supported": confidential,
        "revocation_endpoint_auth_methods_supported": methods,
        "code_challenge_methods_supported": pkce::METHODS,
        "claim_types_supported": ["normal"],
        "claims_supported": claims,
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "authorization_response_iss_parameter_supported": true,
        "prompt_values_supported": prompts,
        "acr_values_supported": FACTORS.iter().map(|factor| factor.acr()).collect::<Vec<_>>(),
        "display_values_supported": ["page"],
        "ui_locales_supported": ui_locales,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{client::GrantType, fixtures as fx};

    #[test]
    fn every_url_is_below_the_issuer_and_every_list_is_what_the_code_has() {
        let document = metadata(&fx::policy(), &["en", "de"]);
        let object = document.as_object().unwrap();
        assert_eq!(document["issuer"], fx::ISSUER);
        let urls = object.iter().filter(|(name, _)| name.ends_with("_endpoint") || name.ends_with("_uri"));
        assert_eq!(urls.clone().count(), 7);
        for (name, url) in urls {
            assert!(url.as_str().unwrap().starts_with(&format!("{}/", fx::ISSUER)), "{name}");
        }
        let grants: Vec<_> = GrantType::ALL.iter().map(|grant| grant.as_str()).collect();
        assert_eq!(document["grant_types_supported"], json!(grants));
        assert_eq!(
            document["token_endpoint_auth_methods_supported"],
            json!(["client_secret_basic", "client_secret_post", "none"])
        );
        assert_eq!(
            document["introspection_endpoint_auth_methods_supported"],
            json!(["client_secret_basic", "client_secret_post"])
        );
        assert_eq!(document["ui_locales_supported"], json!(["en", "de"]));
        assert_eq!(document["response_modes_supported"], json!(["query", "form_post"]));
        assert_eq!(
            document["prompt_values_supported"],
            json!(["none", "login", "consent", "select_account"])
        );
    }

    #[test]
    fn p_02_only_s256_and_never_an_unsigned_token_is_offered() {
        let document = metadata(&fx::policy(), &[]);
        assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
        let algorithms = document["id_token_signing_alg_values_supported"].as_array().unwrap();
        assert!(algorithms.contains(&json!("RS256")), "Discovery 1.0 §3 requires it");
        assert!(!algorithms.contains(&json!("none")));
        assert_eq!(document["authorization_response_iss_parameter_supported"], true);
    }

    #[test]
    fn an_issuer_with_a_path_keeps_it() {
        let document = metadata(&Policy::new("https://id.example/realms/a/"), &[]);
        assert_eq!(document["token_endpoint"], "https://id.example/realms/a/token");
    }
}
