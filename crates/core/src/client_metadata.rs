//! Client metadata from outside (RFC 7591 §2, OpenID Connect Dynamic Client Registration 1.0 §2) and how it becomes a
//! [`Client`]: every rule of it, all errors at once.
//!
//! Names are the registered ones. Ours are `require_pkce`, `profile`, `assertion_audience`, `default_resource` and
//! `disabled`. A name that is registered but belongs to a feature that does not exist yet is an error that says so,
//! unless its value asks for what is done anyway.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    client::{ApplicationType, AuthMethod, Client, GrantType},
    id::{ClientId, ResourceIdentifier, UserId},
    jose::Algorithm,
    nearest::nearest,
    redirect_uri::{check_identifier, check_page, check_registered},
    scope::ScopeSet,
    secret::Digest,
    time::Timestamp,
};

/// The shortest client secret: what is stored of it is a plain SHA-256, so it must not be guessable.
pub const SHORTEST_SECRET: usize = 32;

/// What one value of metadata is wrong with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataError {
    /// The registered name of the field.
    pub field: String,
    /// Which element, where the field is a list.
    pub at: Option<usize>,
    /// One sentence without the name of the field and without the value.
    pub message: String,
    /// The offending value; `None` where there is none or it is a secret.
    pub value: Option<String>,
    /// The nearest name or value that would be right.
    pub nearest: Option<String>,
}

impl std::fmt::Display for MetadataError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.field, self.message)?;
        match &self.nearest {
            Some(nearest) => write!(f, " (did you mean \"{nearest}\"?)"),
            None => Ok(()),
        }
    }
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A string.
    Text,
    /// A list of strings.
    List,
    /// True or false.
    Flag,
    /// A number of seconds, from 0.
    Number,
    /// A table of strings.
    Table,
    /// Belongs to a feature that does not exist yet; the text names it. The value, where there is one, is accepted
    /// because it asks for what happens anyway.
    Later(&'static str, Option<&'static str>),
}

/// Every name that is read or known to come, with its shape.
pub const FIELDS: &[(&str, Shape)] = &[
    ("client_id", Shape::Text),
    ("client_name", Shape::Text),
    ("client_secret", Shape::Text),
    ("client_uri", Shape::Text),
    ("logo_uri", Shape::Text),
    ("policy_uri", Shape::Text),
    ("tos_uri", Shape::Text),
    ("token_endpoint_auth_method", Shape::Text),
    ("redirect_uris", Shape::List),
    ("post_logout_redirect_uris", Shape::List),
    ("application_type", Shape::Text),
    ("grant_types", Shape::List),
    ("response_types", Shape::List),
    ("scope", Shape::Text),
    ("require_pkce", Shape::Flag),
    ("profile", Shape::Text),
    ("assertion_audience", Shape::Text),
    ("default_resource", Shape::Text),
    ("id_token_signed_response_alg", Shape::Text),
    ("default_max_age", Shape::Number),
    ("default_acr_values", Shape::List),
    ("require_auth_time", Shape::Flag),
    ("disabled", Shape::Flag),
    ("subject_type", Shape::Later("pairwise subjects", Some("public"))),
    ("sector_identifier_uri", Shape::Later("pairwise subjects", None)),
    ("jwks", Shape::Later("client keys", None)),
    ("jwks_uri", Shape::Later("client keys", None)),
    ("token_endpoint_auth_signing_alg", Shape::Later("client assertions", None)),
    ("request_uris", Shape::Later("request objects", None)),
    ("request_object_signing_alg", Shape::Later("request objects", None)),
    ("request_object_encryption_alg", Shape::Later("request objects", None)),
    ("request_object_encryption_enc", Shape::Later("request objects", None)),
    ("require_signed_request_object", Shape::Later("request objects", Some("false"))),
    ("require_pushed_authorization_requests", Shape::Later("pushed authorization requests", Some("false"))),
    ("dpop_bound_access_tokens", Shape::Later("DPoP", Some("false"))),
    ("tls_client_certificate_bound_access_tokens", Shape::Later("mutual TLS", Some("false"))),
    ("tls_client_auth_subject_dn", Shape::Later("mutual TLS", None)),
    ("tls_client_auth_san_dns", Shape::Later("mutual TLS", None)),
    ("tls_client_auth_san_uri", Shape::Later("mutual TLS", None)),
    ("tls_client_auth_san_ip", Shape::Later("mutual TLS", None)),
    ("tls_client_auth_san_email", Shape::Later("mutual TLS", None)),
    ("id_token_encrypted_response_alg", Shape::Later("encryption", None)),
    ("id_token_encrypted_response_enc", Shape::Later("encryption", None)),
    ("userinfo_signed_response_alg", Shape::Later("signed UserInfo answers", None)),
    ("userinfo_encrypted_response_alg", Shape::Later("encryption", None)),
    ("userinfo_encrypted_response_enc", Shape::Later("encryption", None)),
    ("introspection_signed_response_alg", Shape::Later("signed introspection answers", None)),
    ("authorization_signed_response_alg", Shape::Later("signed responses", None)),
    ("authorization_details_types", Shape::Later("rich authorization requests", None)),
    ("backchannel_logout_uri", Shape::Later("back-channel logout", None)),
    ("backchannel_logout_session_required", Shape::Later("back-channel logout", Some("false"))),
    ("frontchannel_logout_uri", Shape::Later("front-channel logout", None)),
    ("frontchannel_logout_session_required", Shape::Later("front-channel logout", Some("false"))),
    ("backchannel_token_delivery_mode", Shape::Later("CIBA", None)),
    ("backchannel_client_notification_endpoint", Shape::Later("CIBA", None)),
    ("initiate_login_uri", Shape::Later("sign-in started by a third party", None)),
    ("contacts", Shape::Later("contacts of a client", None)),
    ("software_id", Shape::Later("software statements", None)),
    ("software_version", Shape::Later("software statements", None)),
    ("software_statement", Shape::Later("software statements", None)),
];

/// Metadata as it was sent or declared, with the registered names.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each field is the registered metadata of that name")]
pub struct ClientMetadata {
    pub client_id: Option<String>,
    pub client_name: Option<String>,
    pub client_secret: Option<String>,
    pub client_uri: Option<String>,
    pub logo_uri: Option<String>,
    pub policy_uri: Option<String>,
    pub tos_uri: Option<String>,
    pub token_endpoint_auth_method: Option<String>,
    pub redirect_uris: Option<Vec<String>>,
    pub post_logout_redirect_uris: Option<Vec<String>>,
    pub application_type: Option<String>,
    pub grant_types: Option<Vec<String>>,
    pub response_types: Option<Vec<String>>,
    pub scope: Option<String>,
    pub require_pkce: Option<bool>,
    pub profile: Option<String>,
    pub assertion_audience: Option<String>,
    pub default_resource: Option<String>,
    pub id_token_signed_response_alg: Option<String>,
    pub default_max_age: Option<u32>,
    pub default_acr_values: Option<Vec<String>>,
    /// Every ID token has `auth_time`, so either value is kept.
    pub require_auth_time: Option<bool>,
    pub disabled: Option<bool>,
}

impl std::fmt::Debug for ClientMetadata {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientMetadata").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

impl ClientMetadata {
    /// Reads JSON metadata. What is unknown, of a wrong type or of a feature to come is among the errors, and the rest is
    /// read all the same, so that its errors can be told in the same pass.
    pub fn read(fields: &Map<String, Value>) -> (Self, Vec<MetadataError>) {
        read_fields(fields, FIELDS)
    }

    /// The client that this metadata describes, or everything that is wrong with it. The client is not `applied`.
    pub fn client(&self, now: Timestamp) -> Result<Client, Vec<MetadataError>> {
        let mut errors = Errors::default();
        let client_id = self.client_id(&mut errors);
        let method = self.auth_method(&mut errors);
        let grant_types = self.grants(&mut errors);
        let application_type = one_of(
            &mut errors,
            "application_type",
            self.application_type.as_deref().unwrap_or("web"),
            &[("web", ApplicationType::Web), ("native", ApplicationType::Native)],
        )
        .unwrap_or_default();
        self.uris(application_type, &grant_types, &mut errors);
        self.ours(method, &grant_types, &mut errors);

        let algorithm = self.id_token_signed_response_alg.as_deref().unwrap_or("RS256");
        let algorithm = one_of(&mut errors, "id_token_signed_response_alg", algorithm, ALGORITHMS);
        let code = grant_types.contains(&GrantType::AuthorizationCode);
        // Without a list of its own a client that signs people in may ask who they are and nothing else.
        let scope = self.scope.as_deref().unwrap_or(if code { "openid" } else { "" });
        let scope = ScopeSet::parse(scope).map_err(|_| {
            errors.add("scope", "is not a list of scope names with single spaces between", Some(scope));
        });
        if let Some(name) = &self.client_name {
            check_shown(&mut errors, "client_name", name);
        }
        for (at, value) in self.default_acr_values.iter().flatten().enumerate() {
            if value.is_empty() || value.contains(' ') {
                errors.add_at("default_acr_values", at, "is not one acr value", value);
            }
        }
        if !errors.0.is_empty() {
            return Err(errors.0);
        }
        let secret = self.client_secret.as_ref().map(|secret| Digest::of(secret.as_bytes()));
        Ok(Client {
            client_id,
            client_name: self.client_name.clone(),
            client_uri: self.client_uri.clone(),
            logo_uri: self.logo_uri.clone(),
            policy_uri: self.policy_uri.clone(),
            tos_uri: self.tos_uri.clone(),
            token_endpoint_auth_method: method,
            client_secret: secret,
            redirect_uris: self.redirect_uris.clone().unwrap_or_default(),
            post_logout_redirect_uris: self.post_logout_redirect_uris.clone().unwrap_or_default(),
            application_type,
            grant_types,
            scope: scope.unwrap_or_default(),
            require_pkce: self.require_pkce.unwrap_or(true),
            default_resource: self.default_resource.as_deref().map(ResourceIdentifier::from),
            id_token_signed_response_alg: algorithm.unwrap_or(Algorithm::RS256),
            default_max_age: self.default_max_age,
            default_acr_values: self.default_acr_values.clone().unwrap_or_default(),
            disabled: self.disabled.unwrap_or(false),
            // A client that is registered anew under an old id takes over nothing of its predecessor.
            tokens_not_before: now,
            applied: false,
        })
    }

    /// RFC 6749 §2.2. A client named like a person's `sub` could pass for that person (RFC 9700 §4.15).
    fn client_id(&self, errors: &mut Errors) -> ClientId {
        let id = self.client_id.as_deref().unwrap_or_default();
        if self.client_id.is_none() {
            errors.add("client_id", "is missing", None);
        } else if !(1..=255).contains(&id.len()) || !id.bytes().all(|b| b.is_ascii_graphic()) {
            errors.add("client_id", "must be 1 to 255 visible ASCII characters", Some(id));
        } else if UserId::parse(id).is_some() {
            errors.add("client_id", "has the form of a user's subject (a UUID)", Some(id));
        }
        ClientId::from(id)
    }

    /// RFC 7591 §2, with one default of our own: who has no secret and names no method is a public client.
    fn auth_method(&self, errors: &mut Errors) -> AuthMethod {
        let default = if self.client_secret.is_some() { "client_secret_basic" } else { "none" };
        let name = self.token_endpoint_auth_method.as_deref().unwrap_or(default);
        let later = [
            "client_secret_jwt",
            "private_key_jwt",
            "tls_client_auth",
            "self_signed_tls_client_auth",
            "attest_jwt_client_auth",
        ];
        if later.contains(&name) {
            errors.add("token_endpoint_auth_method", "is not available yet", Some(name));
            return AuthMethod::None;
        }
        let field = "token_endpoint_auth_method";
        let Some(method) = one_of(errors, field, name, AUTH_METHODS) else { return AuthMethod::None };
        match (method, &self.client_secret) {
            (AuthMethod::None, Some(_)) => {
                errors.add("client_secret", "is not for a client whose method is \"none\"", None);
            }
            (AuthMethod::None, None) => {}
            (_, None) => errors.add("client_secret", format!("is needed for {name}"), None),
            (_, Some(secret)) if secret.chars().count() < SHORTEST_SECRET => {
                errors.add("client_secret", format!("must have at least {SHORTEST_SECRET} characters"), None);
            }
            // RFC 6749 Appendix A.2: visible characters and space.
            (_, Some(secret)) if !secret.bytes().all(|b| b.is_ascii_graphic() || b == b' ') => {
                errors.add("client_secret", "may hold visible ASCII characters only", None);
            }
            (_, Some(_)) => {}
        }
        method
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
                            errors.add_at("grant_types", at, "is not a grant of OAuth 2.1", name);
                        }
                        (None, urn) if urn.starts_with("urn:") => {
                            errors.add_at("grant_types", at, "is not available yet", name);
                        }
                        (None, _) => {
                            let names = GrantType::ALL.iter().map(|grant| grant.as_str());
                            errors.unknown("grant_types", Some(at), name, names);
                        }
                    }
                }
                if names.is_empty() {
                    errors.add("grant_types", "is empty: the client could do nothing", None);
                }
            }
        }
        if errors.0.len() > before {
            // A name that was mistyped is one mistake: what would follow from its absence is not told as more of them.
            if self.redirect_uris.is_some() {
                grants.insert(GrantType::AuthorizationCode);
            }
            return grants;
        }
        let code = grants.contains(&GrantType::AuthorizationCode);
        if grants.contains(&GrantType::RefreshToken) && !code {
            errors.add("grant_types", "has refresh_token without a grant that gives refresh tokens", None);
        }
        match self.response_types.as_deref() {
            None => {}
            Some([]) if code => {
                errors.add("response_types", "must hold \"code\" for the authorization_code grant", None);
            }
            Some(types) => {
                for (at, name) in types.iter().enumerate() {
                    if name != "code" {
                        errors.add_at("response_types", at, "is not available; \"code\" is", name);
                    } else if !code {
                        errors.add_at("response_types", at, "needs the authorization_code grant", name);
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
                    errors.add_at(field, at, why.to_string(), uri);
                }
            }
        }
        let none = self.redirect_uris.as_ref().is_none_or(Vec::is_empty);
        if none && grants.contains(&GrantType::AuthorizationCode) {
            errors.add("redirect_uris", "is needed for the authorization_code grant", None);
        }
        let pages = [
            ("client_uri", &self.client_uri),
            ("logo_uri", &self.logo_uri),
            ("policy_uri", &self.policy_uri),
            ("tos_uri", &self.tos_uri),
        ];
        for (field, uri) in pages {
            if let Some(Err(why)) = uri.as_deref().map(check_page) {
                errors.add(field, why.to_string(), uri.as_deref());
            }
        }
        if let Some(Err(why)) = self.default_resource.as_deref().map(check_identifier) {
            errors.add("default_resource", why.to_string(), self.default_resource.as_deref());
        }
    }

    /// What is left of our own names, and the two things a client without a credential never gets.
    fn ours(&self, method: AuthMethod, grants: &BTreeSet<GrantType>, errors: &mut Errors) {
        // OAuth 2.1 §4.2: the machine itself is the owner, so it must prove who it is.
        if method == AuthMethod::None && grants.contains(&GrantType::ClientCredentials) {
            errors.add("grant_types", "has client_credentials, which a public client cannot have", None);
        }
        if method == AuthMethod::None && self.require_pkce == Some(false) {
            errors.add("require_pkce", "can be false only for a client with a secret", None);
        }
        match self.profile.as_deref() {
            None | Some("oauth2.1") => {}
            Some(name @ ("oidc" | "fapi2-security" | "fapi2-message-signing" | "fapi-ciba")) => {
                errors.add("profile", "is not available yet", Some(name));
            }
            Some(name) => errors.unknown("profile", None, name, ["oauth2.1"]),
        }
        match self.assertion_audience.as_deref() {
            None | Some("issuer") => {}
            Some("token_endpoint") => {
                errors.add("assertion_audience", "is not available yet", Some("token_endpoint"));
            }
            Some(name) => errors.unknown("assertion_audience", None, name, ["issuer", "token_endpoint"]),
        }
    }
}

const AUTH_METHODS: &[(&str, AuthMethod)] = &[
    ("none", AuthMethod::None),
    ("client_secret_basic", AuthMethod::ClientSecretBasic),
    ("client_secret_post", AuthMethod::ClientSecretPost),
];

pub(crate) const ALGORITHMS: &[(&str, Algorithm)] = &[
    ("RS256", Algorithm::RS256),
    ("PS256", Algorithm::PS256),
    ("ES256", Algorithm::ES256),
    ("ES384", Algorithm::ES384),
    ("EdDSA", Algorithm::EdDSA),
];

/// Errors as they are found.
#[derive(Default)]
pub(crate) struct Errors(pub(crate) Vec<MetadataError>);

impl Errors {
    pub(crate) fn add(&mut self, field: &str, message: impl Into<String>, value: Option<&str>) {
        self.0.push(MetadataError {
            field: field.to_owned(),
            at: None,
            message: message.into(),
            value: value.map(str::to_owned),
            nearest: None,
        });
    }

    pub(crate) fn add_at(&mut self, field: &str, at: usize, message: impl Into<String>, value: &str) {
        self.add(field, message, Some(value));
        if let Some(last) = self.0.last_mut() {
            last.at = Some(at);
        }
    }

    fn unknown<'a>(
        &mut self,
        field: &str,
        at: Option<usize>,
        value: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) {
        let known: Vec<&str> = known.into_iter().collect();
        self.add(field, format!("is not one of {}", known.join(", ")), Some(value));
        if let Some(last) = self.0.last_mut() {
            last.at = at;
            last.nearest = nearest(value, known).map(str::to_owned);
        }
    }
}

pub(crate) fn one_of<T: Copy>(
    errors: &mut Errors,
    field: &str,
    name: &str,
    known: &[(&str, T)],
) -> Option<T> {
    let found = known.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    if found.is_none() {
        errors.unknown(field, None, name, known.iter().map(|(name, _)| *name));
    }
    found
}

/// Text that pages show: short, and nothing that changes how the rest of the page reads.
pub(crate) fn check_shown(errors: &mut Errors, field: &str, text: &str) {
    let turns =
        |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
    if text.trim().is_empty() {
        errors.add(field, "is empty", Some(text));
    } else if text.chars().count() > 256 {
        errors.add(field, "is longer than 256 characters", None);
    } else if text.chars().any(|c| c.is_control() || turns(c)) {
        errors.add(field, "holds control or direction-changing characters", Some(text));
    }
}

/// Reads what can be read and tells the rest.
pub(crate) fn read_fields<T: for<'de> Deserialize<'de> + Default>(
    fields: &Map<String, Value>,
    known: &[(&str, Shape)],
) -> (T, Vec<MetadataError>) {
    let mut errors = Errors::default();
    let mut good = Map::new();
    for (name, value) in fields {
        let shown = if name.contains("secret") { None } else { Some(shown(value)) };
        match known.iter().find(|(known, _)| known == name).map(|(_, shape)| *shape) {
            None => {
                let base = name.split_once('#').map(|(base, _)| base);
                if base.is_some_and(|base| known.iter().any(|(known, _)| *known == base)) {
                    errors.add(name, "is not available yet: one language for each text", shown.as_deref());
                    continue;
                }
                let names = known.iter().filter(|(_, shape)| !matches!(shape, Shape::Later(..)));
                let near = nearest(name, names.map(|(name, _)| *name))
                    .or_else(|| nearest(name, known.iter().map(|(name, _)| *name)));
                errors.0.push(MetadataError {
                    field: name.clone(),
                    at: None,
                    message: "is not a known name".to_owned(),
                    value: None,
                    nearest: near.map(str::to_owned),
                });
            }
            Some(Shape::Later(feature, fine)) => {
                if shown.as_deref() != fine || fine.is_none() {
                    errors.add(name, format!("is not available yet ({feature})"), shown.as_deref());
                }
            }
            Some(shape) => match misfit(shape, value) {
                None => {
                    good.insert(name.clone(), value.clone());
                }
                Some((at, wanted)) => {
                    errors.add(name, format!("must be {wanted}"), shown.as_deref());
                    if let Some(last) = errors.0.last_mut() {
                        last.at = at;
                    }
                }
            },
        }
    }
    // Every field was just found to have its shape, so this reads.
    (serde_json::from_value(Value::Object(good)).unwrap_or_default(), errors.0)
}

/// What `value` should have been, and which element of it is wrong.
fn misfit(shape: Shape, value: &Value) -> Option<(Option<usize>, &'static str)> {
    match (shape, value) {
        (Shape::Text, Value::String(_)) | (Shape::Flag, Value::Bool(_)) | (Shape::Later(..), _) => None,
        (Shape::Number, Value::Number(n)) if n.as_u64().is_some_and(|n| u32::try_from(n).is_ok()) => None,
        (Shape::List, Value::Array(items)) => {
            items.iter().position(|item| !item.is_string()).map(|at| (Some(at), "a list of strings"))
        }
        (Shape::Table, Value::Object(items)) if items.values().all(Value::is_string) => None,
        (Shape::Text, _) => Some((None, "a string")),
        (Shape::Flag, _) => Some((None, "true or false")),
        (Shape::Number, _) => Some((None, "a whole number of seconds from 0 to 4294967295")),
        (Shape::List, _) => Some((None, "a list of strings")),
        (Shape::Table, _) => Some((None, "a table of strings")),
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests;
