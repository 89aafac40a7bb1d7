//! Client metadata from outside (RFC 7591 §2, OpenID Connect Dynamic Client Registration 1.0 §2), and how it becomes a
//! [`Client`] and a client becomes metadata again: all errors at once.
//!
//! Names are the registered ones. Ours are `require_pkce`, `consent`, `profile`, `assertion_audience`, `default_resource`,
//! `id_token_claims` and `disabled`. A name that is registered but belongs to a feature that does not exist yet is an error that says so,
//! unless its value asks for what is done anyway.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    client::{ApplicationType, AuthMethod, Client, ConsentMode, GrantType},
    client_auth::METHODS,
    id::{ClientId, ResourceIdentifier, UserId},
    jose::Algorithm,
    redirect_uri::{check_identifier, check_page, check_registered},
    registry::{
        field::{self, Errors, FieldError, name_of},
        violation::{FieldType, SHORTEST_SECRET, Violation, has_outer_white_space},
    },
    scope::ScopeSet,
    secret::Digest,
};

/// Every name that is read or known to come, with what it holds.
const FIELDS: &[(&str, FieldType)] = &[
    ("client_id", FieldType::Text),
    ("client_name", FieldType::Text),
    ("client_secret", FieldType::Text),
    ("client_uri", FieldType::Text),
    ("logo_uri", FieldType::Text),
    ("policy_uri", FieldType::Text),
    ("tos_uri", FieldType::Text),
    ("token_endpoint_auth_method", FieldType::Text),
    ("redirect_uris", FieldType::List),
    ("post_logout_redirect_uris", FieldType::List),
    ("application_type", FieldType::Text),
    ("grant_types", FieldType::List),
    ("response_types", FieldType::List),
    ("scope", FieldType::Text),
    ("require_pkce", FieldType::Flag),
    ("consent", FieldType::Text),
    ("profile", FieldType::Text),
    ("assertion_audience", FieldType::Text),
    ("default_resource", FieldType::Text),
    ("id_token_signed_response_alg", FieldType::Text),
    ("id_token_claims", FieldType::Flag),
    ("default_max_age", FieldType::Number),
    ("default_acr_values", FieldType::List),
    ("require_auth_time", FieldType::Flag),
    ("disabled", FieldType::Flag),
    ("subject_type", FieldType::Later("pairwise subjects", Some("public"))),
    ("sector_identifier_uri", FieldType::Later("pairwise subjects", None)),
    ("jwks", FieldType::Later("client keys", None)),
    ("jwks_uri", FieldType::Later("client keys", None)),
    ("token_endpoint_auth_signing_alg", FieldType::Later("client assertions", None)),
    ("request_uris", FieldType::Later("request objects", None)),
    ("request_object_signing_alg", FieldType::Later("request objects", None)),
    ("request_object_encryption_alg", FieldType::Later("request objects", None)),
    ("request_object_encryption_enc", FieldType::Later("request objects", None)),
    ("require_signed_request_object", FieldType::Later("request objects", Some("false"))),
    (
        "require_pushed_authorization_requests",
        FieldType::Later("pushed authorization requests", Some("false")),
    ),
    ("dpop_bound_access_tokens", FieldType::Later("DPoP", Some("false"))),
    ("tls_client_certificate_bound_access_tokens", FieldType::Later("mutual TLS", Some("false"))),
    ("tls_client_auth_subject_dn", FieldType::Later("mutual TLS", None)),
    ("tls_client_auth_san_dns", FieldType::Later("mutual TLS", None)),
    ("tls_client_auth_san_uri", FieldType::Later("mutual TLS", None)),
    ("tls_client_auth_san_ip", FieldType::Later("mutual TLS", None)),
    ("tls_client_auth_san_email", FieldType::Later("mutual TLS", None)),
    ("id_token_encrypted_response_alg", FieldType::Later("encryption", None)),
    ("id_token_encrypted_response_enc", FieldType::Later("encryption", None)),
    ("userinfo_signed_response_alg", FieldType::Later("signed UserInfo responses", None)),
    ("userinfo_encrypted_response_alg", FieldType::Later("encryption", None)),
    ("userinfo_encrypted_response_enc", FieldType::Later("encryption", None)),
    ("introspection_signed_response_alg", FieldType::Later("signed introspection responses", None)),
    ("authorization_signed_response_alg", FieldType::Later("signed responses", None)),
    ("authorization_details_types", FieldType::Later("rich authorization requests", None)),
    ("backchannel_logout_uri", FieldType::Later("back-channel logout", None)),
    ("backchannel_logout_session_required", FieldType::Later("back-channel logout", Some("false"))),
    ("frontchannel_logout_uri", FieldType::Later("front-channel logout", None)),
    ("frontchannel_logout_session_required", FieldType::Later("front-channel logout", Some("false"))),
    ("backchannel_token_delivery_mode", FieldType::Later("CIBA", None)),
    ("backchannel_client_notification_endpoint", FieldType::Later("CIBA", None)),
    ("initiate_login_uri", FieldType::Later("sign-in started by a third party", None)),
    ("contacts", FieldType::Later("contacts of a client", None)),
    ("software_id", FieldType::Later("software statements", None)),
    ("software_version", FieldType::Later("software statements", None)),
    ("software_statement", FieldType::Later("software statements", None)),
];

const APPLICATION_TYPES: [(&str, ApplicationType); 2] =
    [("web", ApplicationType::Web), ("native", ApplicationType::Native)];

/// What needs `code` among the response types, and redirect URIs.
const CODE_GRANT: &str = "the authorization_code grant";

/// Registered methods that do not exist yet.
const LATER_AUTH_METHODS: [&str; 5] = [
    "client_secret_jwt",
    "private_key_jwt",
    "tls_client_auth",
    "self_signed_tls_client_auth",
    "attest_jwt_client_auth",
];

fn auth_methods() -> impl Iterator<Item = (&'static str, AuthMethod)> + Clone {
    METHODS.iter().map(|method| (method.method().as_str(), method.method()))
}

/// Reads a client. A secret that is left out, and what no field says, is that of `was`.
pub fn read(fields: &Map<String, Value>, was: Option<&Client>) -> Result<Client, Vec<FieldError>> {
    let (metadata, mut errors) = field::read::<ClientMetadata>(fields, FIELDS);
    let mut more = Errors::default();
    let client = metadata.client(was, &mut more);
    errors.merge(more);
    errors.into_result(client)
}

/// The registered metadata of a client, as RFC 7591 §3.2.1 and RFC 7592 §3 show it. Without the secret, of which only a
/// digest is stored.
pub fn metadata(client: &Client) -> Map<String, Value> {
    field::write(&ClientMetadata::of(client))
}

/// Metadata as it was sent or declared, with the registered names.
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
struct ClientMetadata {
    client_id: Option<String>,
    client_name: Option<String>,
    client_secret: Option<String>,
    client_uri: Option<String>,
    logo_uri: Option<String>,
    policy_uri: Option<String>,
    tos_uri: Option<String>,
    token_endpoint_auth_method: Option<String>,
    redirect_uris: Option<Vec<String>>,
    post_logout_redirect_uris: Option<Vec<String>>,
    application_type: Option<String>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
    scope: Option<String>,
    require_pkce: Option<bool>,
    consent: Option<String>,
    profile: Option<String>,
    assertion_audience: Option<String>,
    default_resource: Option<String>,
    id_token_signed_response_alg: Option<String>,
    id_token_claims: Option<bool>,
    default_max_age: Option<u32>,
    default_acr_values: Option<Vec<String>>,
    /// Every ID token has `auth_time`, so either value is accepted.
    require_auth_time: Option<bool>,
    disabled: Option<bool>,
}

impl ClientMetadata {
    fn of(client: &Client) -> Self {
        let Client {
            client_id,
            client_name,
            client_uri,
            logo_uri,
            policy_uri,
            tos_uri,
            token_endpoint_auth_method,
            any_secret_method,
            client_secret: _,
            redirect_uris,
            post_logout_redirect_uris,
            application_type,
            grant_types,
            scope,
            require_pkce,
            consent,
            default_resource,
            id_token_signed_response_alg,
            id_token_claims,
            default_max_age,
            default_acr_values,
            disabled,
            tokens_not_before: _,
            applied: _,
        } = client.clone();
        let code = grant_types.contains(&GrantType::AuthorizationCode);
        Self {
            client_id: Some(client_id.0),
            client_name,
            client_secret: None,
            client_uri,
            logo_uri,
            policy_uri,
            tos_uri,
            token_endpoint_auth_method: (!any_secret_method)
                .then(|| token_endpoint_auth_method.as_str().to_owned()),
            redirect_uris: Some(redirect_uris),
            post_logout_redirect_uris: Some(post_logout_redirect_uris),
            application_type: name_of(APPLICATION_TYPES, &application_type),
            grant_types: Some(grant_types.iter().map(|grant| grant.as_str().to_owned()).collect()),
            response_types: Some(code.then(|| "code".to_owned()).into_iter().collect()),
            scope: Some(scope.to_string()),
            require_pkce: Some(require_pkce),
            consent: Some(consent.as_str().to_owned()),
            profile: None,
            assertion_audience: None,
            default_resource: default_resource.map(|resource| resource.0),
            id_token_signed_response_alg: Some(id_token_signed_response_alg.as_str().to_owned()),
            id_token_claims: Some(id_token_claims),
            default_max_age,
            default_acr_values: Some(default_acr_values),
            require_auth_time: None,
            disabled: Some(disabled),
        }
    }

    fn client(&self, was: Option<&Client>, errors: &mut Errors) -> Client {
        let kept = was.and_then(|was| was.client_secret);
        let method = self.auth_method(kept, errors);
        let grant_types = self.grants(errors);
        let application_type = self.application_type.as_deref().unwrap_or("web");
        let application_type =
            errors.one_of("application_type", application_type, APPLICATION_TYPES).unwrap_or_default();
        self.uris(application_type, &grant_types, errors);
        self.ours(method, &grant_types, errors);
        if let Some(name) = &self.client_name {
            errors.shown("client_name", name);
        }
        for (at, value) in self.default_acr_values.iter().flatten().enumerate() {
            if value.is_empty() || value.contains(' ') {
                errors.at("default_acr_values", at, Violation::AcrValue);
            }
        }
        let algorithm = self.id_token_signed_response_alg.as_deref().unwrap_or("RS256");
        let algorithm = errors.one_of("id_token_signed_response_alg", algorithm, field::algorithms());
        let given = self.client_secret.as_ref().map(|secret| Digest::of(secret.as_bytes()));
        Client {
            client_id: self.client_id(errors),
            client_name: self.client_name.clone(),
            client_uri: self.client_uri.clone(),
            logo_uri: self.logo_uri.clone(),
            policy_uri: self.policy_uri.clone(),
            tos_uri: self.tos_uri.clone(),
            token_endpoint_auth_method: method,
            any_secret_method: self.token_endpoint_auth_method.is_none() && method.uses_secret(),
            client_secret: given.or(kept).filter(|_| method.uses_secret()),
            redirect_uris: self.redirect_uris.clone().unwrap_or_default(),
            post_logout_redirect_uris: self.post_logout_redirect_uris.clone().unwrap_or_default(),
            application_type,
            scope: self.scope(&grant_types, errors),
            grant_types,
            require_pkce: self.require_pkce.unwrap_or(true),
            consent: self.consent(method, errors),
            default_resource: self.default_resource.as_deref().map(ResourceIdentifier::from),
            id_token_signed_response_alg: algorithm.unwrap_or(Algorithm::RS256),
            id_token_claims: self.id_token_claims.unwrap_or(false),
            default_max_age: self.default_max_age,
            default_acr_values: self.default_acr_values.clone().unwrap_or_default(),
            disabled: self.disabled.unwrap_or(false),
            tokens_not_before: was.map(|was| was.tokens_not_before).unwrap_or_default(),
            applied: was.is_some_and(|was| was.applied),
        }
    }

    /// RFC 6749 §2.2. A client named like a person's `sub` could pass for that person (RFC 9700 §4.15).
    fn client_id(&self, errors: &mut Errors) -> ClientId {
        let id = self.client_id.as_deref().unwrap_or_default();
        if self.client_id.is_none() {
            errors.add("client_id", Violation::Missing);
        } else if !(1..=255).contains(&id.len()) || !id.bytes().all(|b| b.is_ascii_graphic()) {
            errors.add("client_id", Violation::ClientId);
        } else if UserId::parse(id).is_some() {
            errors.add("client_id", Violation::SubjectForm);
        }
        ClientId::from(id)
    }

    /// RFC 7591 §2, with two defaults of our own. Without a secret and without a method it is a public client; with a secret and without
    /// a method, both ways of sending the secret are taken.
    fn auth_method(&self, kept: Option<Digest>, errors: &mut Errors) -> AuthMethod {
        let secret = self.client_secret.as_deref();
        let default = if secret.or(kept.map(|_| "")).is_some() { "client_secret_basic" } else { "none" };
        let name = self.token_endpoint_auth_method.as_deref().unwrap_or(default);
        let field = "token_endpoint_auth_method";
        if LATER_AUTH_METHODS.contains(&name) {
            errors.add(field, Violation::NotAvailable(None));
            return AuthMethod::None;
        }
        let Some(method) = errors.one_of(field, name, auth_methods()) else { return AuthMethod::None };
        let wrong = match secret {
            _ if method.uses_secret() => wrong_secret(secret, kept),
            Some(_) => Some(Violation::SecretNotUsed(method)),
            None => None,
        };
        if let Some(violation) = wrong {
            errors.add("client_secret", violation);
        }
        method
    }

    fn scope(&self, grants: &BTreeSet<GrantType>, errors: &mut Errors) -> ScopeSet {
        // Without a list of its own a client that signs people in may ask who they are and nothing else.
        let default = if grants.iter().any(|grant| grant.signs_people_in()) { "openid" } else { "" };
        ScopeSet::parse(self.scope.as_deref().unwrap_or(default)).unwrap_or_else(|_| {
            errors.add("scope", Violation::ScopeList);
            ScopeSet::default()
        })
    }

    /// Any program can pretend to be a public client whose redirect URI is no web address (RFC 8252 §8.6): its person is asked.
    fn consent(&self, method: AuthMethod, errors: &mut Errors) -> ConsentMode {
        let Some(name) = &self.consent else { return ConsentMode::default() };
        let known = ConsentMode::ALL.iter().map(|mode| (mode.as_str(), *mode));
        let mode = errors.one_of("consent", name, known).unwrap_or_default();
        let claimed = self.redirect_uris.iter().flatten().all(|uri| uri.starts_with("https:"));
        if mode == ConsentMode::None && method == AuthMethod::None && !claimed {
            errors.add("consent", Violation::ConsentOfUnclaimedClient);
        }
        mode
    }

    /// RFC 7591 §2 and §2.1: `grant_types` and `response_types` say the same.
    fn grants(&self, errors: &mut Errors) -> BTreeSet<GrantType> {
        let mut grants = BTreeSet::new();
        let before = errors.0.len();
        match &self.grant_types {
            None => {
                grants.insert(GrantType::AuthorizationCode);
            }
            Some(names) => {
                for (at, name) in names.iter().enumerate() {
                    let known = GrantType::ALL.iter().find(|grant| grant.as_str() == name);
                    match (known, name.as_str()) {
                        (Some(grant), _) => {
                            grants.insert(*grant);
                        }
                        (None, "password" | "implicit") => {
                            errors.at("grant_types", at, Violation::NotOAuth21);
                        }
                        (None, urn) if urn.starts_with("urn:") => {
                            errors.at("grant_types", at, Violation::NotAvailable(None));
                        }
                        (None, _) => {
                            let names = GrantType::ALL.iter().map(|grant| grant.as_str());
                            errors.at("grant_types", at, Violation::not_one_of(name, names));
                        }
                    }
                }
                if names.is_empty() {
                    errors.add("grant_types", Violation::NoGrant);
                }
            }
        }
        if errors.0.len() > before {
            // A name that was mistyped is one mistake: what would follow from its absence is not reported as well.
            if self.redirect_uris.is_some() {
                grants.insert(GrantType::AuthorizationCode);
            }
            return grants;
        }
        let code = grants.contains(&GrantType::AuthorizationCode);
        let signs_in = grants.iter().any(|grant| grant.signs_people_in());
        if grants.contains(&GrantType::RefreshToken) && !signs_in {
            errors.add("grant_types", Violation::RefreshTokenAlone);
        }
        match self.response_types.as_deref() {
            None => {}
            Some([]) if code => {
                errors.add("response_types", Violation::NoCode);
            }
            Some(types) => {
                for (at, name) in types.iter().enumerate() {
                    if name != "code" {
                        errors.at("response_types", at, Violation::not_one_of(name, ["code"]));
                    } else if !code {
                        errors.at("response_types", at, Violation::Needs(CODE_GRANT));
                    }
                }
            }
        }
        grants
    }

    fn uris(&self, kind: ApplicationType, grants: &BTreeSet<GrantType>, errors: &mut Errors) {
        let lists = [
            ("redirect_uris", &self.redirect_uris),
            ("post_logout_redirect_uris", &self.post_logout_redirect_uris),
        ];
        for (field, list) in lists {
            for (at, uri) in list.iter().flatten().enumerate() {
                if let Err(why) = check_registered(uri, kind) {
                    errors.at(field, at, Violation::Uri(why));
                }
            }
        }
        let none = self.redirect_uris.as_ref().is_none_or(Vec::is_empty);
        if none && grants.contains(&GrantType::AuthorizationCode) {
            errors.add("redirect_uris", Violation::NeededFor(CODE_GRANT));
        }
        let pages = [
            ("client_uri", &self.client_uri),
            ("logo_uri", &self.logo_uri),
            ("policy_uri", &self.policy_uri),
            ("tos_uri", &self.tos_uri),
        ];
        for (field, uri) in pages {
            if let Some(Err(why)) = uri.as_deref().map(check_page) {
                errors.add(field, Violation::Uri(why));
            }
        }
        if let Some(Err(why)) = self.default_resource.as_deref().map(check_identifier) {
            errors.add("default_resource", Violation::Uri(why));
        }
    }

    /// What is left of our own names, and the two things a client without a credential never gets.
    fn ours(&self, method: AuthMethod, grants: &BTreeSet<GrantType>, errors: &mut Errors) {
        // OAuth 2.1 §4.2: the machine itself is the owner, so it must prove who it is.
        if method == AuthMethod::None && grants.contains(&GrantType::ClientCredentials) {
            errors.add("grant_types", Violation::MachineGrantOfPublicClient);
        }
        if method == AuthMethod::None && self.require_pkce == Some(false) {
            errors.add("require_pkce", Violation::PkceOfPublicClient);
        }
        match self.profile.as_deref() {
            None | Some("oauth2.1") => {}
            Some("oidc" | "fapi2-security" | "fapi2-message-signing" | "fapi-ciba") => {
                errors.add("profile", Violation::NotAvailable(None));
            }
            Some(name) => errors.add("profile", Violation::not_one_of(name, ["oauth2.1"])),
        }
        match self.assertion_audience.as_deref() {
            None | Some("issuer") => {}
            Some("token_endpoint") => {
                errors.add("assertion_audience", Violation::NotAvailable(None));
            }
            Some(name) => {
                errors.add("assertion_audience", Violation::not_one_of(name, ["issuer", "token_endpoint"]));
            }
        }
    }
}

/// What is wrong with the secret of a client whose method needs one.
fn wrong_secret(secret: Option<&str>, kept: Option<Digest>) -> Option<Violation> {
    match secret {
        None if kept.is_some() => None,
        None => Some(Violation::NeededFor("this token_endpoint_auth_method")),
        // RFC 6749 Appendix A.2 allows a blank at the ends. Many programs remove it when the secret is copied into them, and then the
        // client cannot authenticate.
        Some(secret) if has_outer_white_space(secret) => Some(Violation::OuterWhiteSpace),
        Some(secret) if secret.chars().count() < SHORTEST_SECRET => Some(Violation::SecretTooShort),
        // RFC 6749 Appendix A.2: visible characters and space.
        Some(secret) if !secret.bytes().all(|b| b.is_ascii_graphic() || b == b' ') => {
            Some(Violation::SecretCharacters)
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests;
