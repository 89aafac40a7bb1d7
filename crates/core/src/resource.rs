//! Registered resources: the APIs that access tokens are for (RFC 8707).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    id::{ClientId, ResourceIdentifier},
    jose::Algorithm,
};

/// How an access token looks to whom it is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessTokenFormat {
    /// RFC 9068.
    #[default]
    Jwt,
    /// Sealed: only the issuer can read it, the API introspects (RFC 7662).
    Opaque,
}

/// A registered resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// An absolute URI without a fragment: the `aud` of its tokens.
    pub identifier: ResourceIdentifier,
    /// The name that pages show.
    pub name: String,
    /// What its access tokens look like.
    pub access_token_format: AccessTokenFormat,
    /// How its JWT access tokens are signed.
    pub access_token_signing_alg: Algorithm,
    /// Seconds an access token for it lives; the realm's default when `None`.
    pub access_token_lifetime: Option<u32>,
    /// Clients whose credentials may introspect its tokens.
    pub introspection_clients: Vec<ClientId>,
    /// Scope → what it lets an application do, in plain words.
    pub scopes: BTreeMap<String, String>,
    /// Declared by `apply`.
    pub applied: bool,
}
