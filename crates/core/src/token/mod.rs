//! The token endpoint (RFC 6749 §3.2, §5; OAuth 2.1 §3.2; OpenID Connect Core 1.0 §3.1.3, §12).
//!
//! The server reads a [`Request`], loads what it names ([`Request::authorization`], then [`Request::resources`]), and has
//! it decided by [`Request::decide`]; after a conflict it loads and decides again. A grant is a file here and a line in
//! [`GRANTS`].

pub mod access;
mod audience;
mod authorization_code;
mod client_credentials;
pub mod code;
pub mod jti;
pub mod liveness;
mod lookup;
mod mint;
pub mod refresh;
mod refresh_token;
mod refusal;

use std::{fmt, sync::Arc};

use serde::Serialize;

pub(crate) use self::lookup::alive;
pub use self::{
    lookup::{Ended, Presented, Records},
    mint::LONGEST_TOKEN,
    refusal::TokenRefusal,
};
pub use crate::step::{Context, Origin};
use crate::{
    client::GrantType,
    client_auth::AuthenticatedClient,
    form::Form,
    id::{AuthorizationId, ResourceIdentifier},
    policy::Policy,
    resource::Resource,
    scope::ScopeSet,
    step::{Decision, Refused},
    store::AuthorizationRecord,
    time::Timestamp,
};

/// A successful answer (RFC 6749 §5.1, Core 1.0 §3.1.3.3).
#[derive(Clone, Serialize)]
pub struct TokenResponse {
    /// The access token.
    pub access_token: String,
    /// How it is used: always `Bearer` (RFC 6750).
    pub token_type: &'static str,
    /// Its life in seconds.
    pub expires_in: i64,
    /// The next refresh token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// The ID token, where `openid` is granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    /// What is granted, of every audience.
    #[serde(skip_serializing_if = "ScopeSet::is_empty")]
    pub scope: ScopeSet,
}

impl fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenResponse").field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// What a decision is made on: what [`Request::authorization`] and [`Request::resources`] named, as the store has it now.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The authorization; `None` when none was named or there is none.
    pub authorization: Option<AuthorizationRecord>,
    /// The resources, in any order.
    pub resources: Arc<[Resource]>,
}

/// The arguments of [`Store::resources`](crate::store::Store::resources); nothing to load when both are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourcesWanted {
    /// By name.
    pub identifiers: Vec<ResourceIdentifier>,
    /// By a scope they own.
    pub scopes: ScopeSet,
}

impl ResourcesWanted {
    /// Whether the store need not be asked.
    pub fn is_empty(&self) -> bool {
        self.identifiers.is_empty() && self.scopes.is_empty()
    }
}

/// How a token request ends.
pub type Decided = Result<Decision<TokenResponse>, Refused<TokenRefusal>>;

/// A grant type (RFC 6749 §4).
pub trait Grant: Sync {
    /// Its name in a client's registration.
    fn grant_type(&self) -> GrantType;
    /// The authorization that the request's credential belongs to.
    fn authorization(&self, request: &Request<'_>) -> Result<Option<AuthorizationId>, TokenRefusal>;
    /// The resources the decision depends on.
    fn resources(
        &self,
        request: &Request<'_>,
        authorization: Option<&AuthorizationRecord>,
        policy: &Policy,
    ) -> Result<ResourcesWanted, TokenRefusal>;
    /// The decision.
    fn decide(&self, request: &Request<'_>, loaded: &Loaded, context: &Context<'_>) -> Decided;
}

/// Every grant, in the order discovery lists them.
pub static GRANTS: &[&dyn Grant] = &[
    &authorization_code::AuthorizationCode,
    &refresh_token::RefreshToken,
    &client_credentials::ClientCredentials,
];

/// A token request of an authenticated client, whose grant exists and is the client's.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    client: AuthenticatedClient<'a>,
    form: &'a Form,
    grant: &'static dyn Grant,
}

impl<'a> Request<'a> {
    /// Finds the grant (RFC 6749 §3.2, §5.2).
    pub fn read(form: &'a Form, client: AuthenticatedClient<'a>) -> Result<Self, TokenRefusal> {
        if form.repeated(&["resource", "audience"]).is_some() {
            return Err(TokenRefusal::Repeated);
        }
        let name = form.one("grant_type")?.ok_or(TokenRefusal::Missing("grant_type"))?;
        let grant = GRANTS
            .iter()
            .find(|grant| grant.grant_type().as_str() == name)
            .ok_or(TokenRefusal::UnsupportedGrantType)?;
        if !client.grant_types.contains(&grant.grant_type()) {
            return Err(TokenRefusal::GrantNotAllowed);
        }
        Ok(Self { client, form, grant: *grant })
    }

    /// Which grant it is, for logs and metrics.
    pub fn grant_type(&self) -> GrantType {
        self.grant.grant_type()
    }

    /// The authorization to load.
    pub fn authorization(&self) -> Result<Option<AuthorizationId>, TokenRefusal> {
        self.grant.authorization(self)
    }

    /// The resources to load, once the authorization is.
    pub fn resources(
        &self,
        authorization: Option<&AuthorizationRecord>,
        policy: &Policy,
    ) -> Result<ResourcesWanted, TokenRefusal> {
        self.grant.resources(self, authorization, policy)
    }

    /// The decision. The refusal of a client that proved who it is, is counted; one that only says so is a stranger, and
    /// strangers write nothing of their own.
    pub fn decide(&self, loaded: &Loaded, context: &Context<'_>) -> Decided {
        self.grant.decide(self, loaded, context).map_err(|refused| self.counted(refused, context.now))
    }

    /// A refusal with its count, also for those of the steps before [`Request::decide`].
    pub fn counted(
        &self,
        refused: impl Into<Refused<TokenRefusal>>,
        now: Timestamp,
    ) -> Refused<TokenRefusal> {
        refusal::counted(refused.into(), self.client.client(), now)
    }

    fn required(&self, name: &'static str) -> Result<&'a str, TokenRefusal> {
        self.form.one(name)?.ok_or(TokenRefusal::Missing(name))
    }
}

/// A refusal of [`Request::read`] with its count: the client that proved who it is, is the same whatever it asked for.
pub fn counted(
    refusal: TokenRefusal,
    client: AuthenticatedClient<'_>,
    now: Timestamp,
) -> Refused<TokenRefusal> {
    refusal::counted(refusal.into(), client.client(), now)
}

#[cfg(test)]
mod tests;
