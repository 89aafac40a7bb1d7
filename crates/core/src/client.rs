//! Registered clients (RFC 6749 §2, RFC 7591 §2, OpenID Connect Dynamic Client Registration 1.0 §2).
//!
//! [`Client`] is what the store holds and every decision reads. How metadata from outside becomes one, with every
//! check of it, is in [`crate::registry::client`].

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use crate::redirect_uri::ApplicationType;
use crate::{
    id::{ClientId, ResourceIdentifier},
    jose::Algorithm,
    redirect_uri,
    scope::ScopeSet,
    secret::Digest,
    time::Timestamp,
};

/// `token_endpoint_auth_method`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// A public client: it has no credential and says who it is.
    None,
    /// RFC 6749 §2.3.1, the `Authorization` header.
    ClientSecretBasic,
    /// RFC 6749 §2.3.1, the body.
    ClientSecretPost,
}

impl AuthMethod {
    /// The registered name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
        }
    }

    /// Whether the request carries the `client_secret` itself.
    pub const fn sends_secret(self) -> bool {
        match self {
            Self::None => false,
            Self::ClientSecretBasic | Self::ClientSecretPost => true,
        }
    }

    /// Whether a client of this method has a `client_secret`.
    pub const fn uses_secret(self) -> bool {
        match self {
            Self::None => false,
            Self::ClientSecretBasic | Self::ClientSecretPost => true,
        }
    }
}

/// `consent` (ours): whether the person is asked for what the client wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentMode {
    /// Each time.
    Ask,
    /// Once; then for what is new.
    #[default]
    Remember,
    /// Never: an application of the operator's own.
    None,
}

impl ConsentMode {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Ask, Self::Remember, Self::None];

    /// Its name in a registration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Remember => "remember",
            Self::None => "none",
        }
    }
}

/// `grant_types` that exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// RFC 6749 §4.1.
    AuthorizationCode,
    /// RFC 6749 §6.
    RefreshToken,
    /// RFC 6749 §4.4.
    ClientCredentials,
}

impl GrantType {
    /// All of them, in the order discovery lists them.
    pub const ALL: &'static [Self] = &[Self::AuthorizationCode, Self::RefreshToken, Self::ClientCredentials];

    /// The registered name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
        }
    }

    /// Whether a person signs in for it: its tokens can speak for a person, and its client can be given refresh tokens.
    pub const fn signs_people_in(self) -> bool {
        match self {
            Self::AuthorizationCode => true,
            Self::RefreshToken | Self::ClientCredentials => false,
        }
    }
}

/// A registered client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// `client_id`.
    pub client_id: ClientId,
    /// `client_name`; pages show the id when there is none.
    pub client_name: Option<String>,
    /// `client_uri`, `logo_uri`, `policy_uri`, `tos_uri`: https, or loopback.
    pub client_uri: Option<String>,
    /// See `client_uri`.
    pub logo_uri: Option<String>,
    /// See `client_uri`.
    pub policy_uri: Option<String>,
    /// See `client_uri`.
    pub tos_uri: Option<String>,
    /// The method this client authenticates with; see [`Client::any_secret_method`].
    pub token_endpoint_auth_method: AuthMethod,
    /// The registration names no method: the secret is taken in the header and in the body.
    #[serde(default)]
    pub any_secret_method: bool,
    /// SHA-256 of the secret; `Some` exactly when the method uses one.
    pub client_secret: Option<Digest>,
    /// Exact redirect URIs.
    pub redirect_uris: Vec<String>,
    /// Where a browser may be sent after signing out.
    pub post_logout_redirect_uris: Vec<String>,
    /// Web or native.
    pub application_type: ApplicationType,
    /// Grants it may use.
    pub grant_types: BTreeSet<GrantType>,
    /// Scopes it may ask for.
    pub scope: ScopeSet,
    /// Whether PKCE may not be left out. Always true of a public client.
    pub require_pkce: bool,
    /// Whether the person is asked.
    #[serde(default)]
    pub consent: ConsentMode,
    /// The audience when several resources own the scopes asked for.
    pub default_resource: Option<ResourceIdentifier>,
    /// How its ID tokens are signed.
    pub id_token_signed_response_alg: Algorithm,
    /// Whether the claims of the granted scopes, and `groups`, always stand in its ID tokens.
    #[serde(default)]
    pub id_token_claims: bool,
    /// `default_max_age`, seconds (Registration 1.0 §2).
    pub default_max_age: Option<u32>,
    /// `default_acr_values`, in order of preference (Registration 1.0 §2).
    #[serde(default)]
    pub default_acr_values: Vec<String>,
    /// Refused everywhere while true.
    pub disabled: bool,
    /// Tokens issued before this instant are dead; every disable moves it.
    pub tokens_not_before: Timestamp,
    /// Declared by `apply`, so that `apply --prune` may remove it.
    pub applied: bool,
}

impl Client {
    /// The name that pages show.
    pub fn display_name(&self) -> &str {
        self.client_name.as_deref().unwrap_or(self.client_id.as_str())
    }

    /// Whether a response may go to `uri`, by the present registration of the client.
    pub fn has_redirect_uri(&self, uri: &str) -> bool {
        !self.disabled && redirect_uri::find_match(uri, &self.redirect_uris, self.application_type).is_some()
    }

    /// Whether the client may authenticate with `method`.
    pub fn takes(&self, method: AuthMethod) -> bool {
        self.token_endpoint_auth_method == method || (self.any_secret_method && method.sends_secret())
    }

    /// Whether the client has no credential (RFC 6749 §2.1).
    pub fn is_public(&self) -> bool {
        self.token_endpoint_auth_method == AuthMethod::None
    }
}
