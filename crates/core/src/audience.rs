//! From what a request asks for (`scope`, `resource`, `audience`) to permissions: which scopes at which audience
//! (RFC 6749 §3.3, RFC 8707 §2). The same for a person at `/authorize` and for a machine at `/token`.

use std::collections::BTreeMap;

use crate::{
    client::{Client, GrantType},
    error::{ErrorCode, OAuthError, Refusal},
    form::Form,
    id::ResourceIdentifier,
    resource::Resource,
    scope::{Audience, OPENID_SCOPES, Permissions, ScopeSet, ScopeSyntax},
};

/// Most resources one request may name.
const MOST_RESOURCES: usize = 8;

/// What a request asks for, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudienceRequest {
    /// `scope`; `None` when the request has none.
    pub scope: Option<ScopeSet>,
    /// Every `resource` and `audience`, in order, each once, as it was first spelled.
    pub resources: Vec<ResourceIdentifier>,
    /// All spellings of these under which a resource may be registered.
    spellings: Vec<ResourceIdentifier>,
}

/// Why what is asked for cannot be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AudienceRefusal {
    /// RFC 6749 §3.3: not a list of scope tokens.
    ScopeSyntax(ScopeSyntax),
    /// Nothing the client may ask for is left.
    NoScopeLeft,
    /// More than eight resources.
    TooManyResources,
    /// RFC 8707 §2: no such resource.
    UnknownResource,
    /// Neither the client's default nor the owner of a scope it is registered for.
    ResourceNotAllowed,
    /// Several resources own the scopes and nothing says which.
    AmbiguousResource,
    /// `scope` was repeated.
    Repeated,
}

impl Refusal for AudienceRefusal {
    fn public(&self) -> OAuthError {
        match self {
            Self::ScopeSyntax(ScopeSyntax::Character) => OAuthError::new(
                ErrorCode::InvalidScope,
                "scope is not a space-separated list of scope tokens",
            ),
            Self::ScopeSyntax(ScopeSyntax::TooMany) => {
                OAuthError::about(ErrorCode::InvalidScope, "scope", "is too long")
            }
            Self::NoScopeLeft => OAuthError::new(
                ErrorCode::InvalidScope,
                "the client may not have any of the scopes it asked for",
            ),
            Self::TooManyResources => OAuthError::new(ErrorCode::InvalidTarget, "too many resources"),
            Self::UnknownResource => {
                OAuthError::new(ErrorCode::InvalidTarget, "resource is not a registered resource")
            }
            Self::ResourceNotAllowed => {
                OAuthError::new(ErrorCode::InvalidTarget, "the client has no scope of this resource")
            }
            Self::AmbiguousResource => OAuthError::new(
                ErrorCode::InvalidTarget,
                "several resources own these scopes: name one with resource, or register a default_resource",
            ),
            Self::Repeated => OAuthError::about(ErrorCode::InvalidRequest, "scope", "is repeated"),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::ScopeSyntax(_) => "scope_syntax",
            Self::NoScopeLeft => "no_scope_left",
            Self::TooManyResources => "too_many_resources",
            Self::UnknownResource => "unknown_resource",
            Self::ResourceNotAllowed => "resource_not_allowed",
            Self::AmbiguousResource => "ambiguous_resource",
            Self::Repeated => "scope_repeated",
        }
    }
}

impl AudienceRequest {
    /// Reads the parameters.
    pub fn read(form: &Form) -> Result<Self, AudienceRefusal> {
        let scope = form.one("scope").map_err(|_| AudienceRefusal::Repeated)?;
        let scope = scope.map(ScopeSet::parse).transpose().map_err(AudienceRefusal::ScopeSyntax)?;
        let mut resources: Vec<ResourceIdentifier> = Vec::new();
        for identifier in form.many("resource").chain(form.many("audience")) {
            if !resources.iter().any(|known| known.is_same(identifier)) {
                resources.push(identifier.into());
            }
        }
        if resources.len() > MOST_RESOURCES {
            return Err(AudienceRefusal::TooManyResources);
        }
        Ok(Self::new(scope.filter(|scope| !scope.is_empty()), resources))
    }

    /// Asks for these scopes, at these resources if any are named.
    pub fn new(scope: Option<ScopeSet>, resources: Vec<ResourceIdentifier>) -> Self {
        let spellings = resources.iter().flat_map(ResourceIdentifier::spellings).collect();
        Self { scope, resources, spellings }
    }

    /// The scopes in question for `client`: those asked, or its registered ones without `openid` and `offline_access`,
    /// never one it may not have. A client that cannot refresh has no use for `offline_access` (Core 1.0 §11).
    pub fn scopes(&self, client: &Client) -> ScopeSet {
        let refreshes = client.grant_types.contains(&GrantType::RefreshToken);
        match &self.scope {
            Some(asked) => {
                let is_wanted = |scope: &str| refreshes || scope != "offline_access";
                asked.filtered(|scope| client.scope.contains(scope) && is_wanted(scope))
            }
            None => client.scope.filtered(|scope| scope != "openid" && scope != "offline_access"),
        }
    }

    /// What [`crate::store::Store::resources`] must be asked for before [`AudienceRequest::resolve`].
    pub fn to_load(&self, client: &Client) -> (Vec<ResourceIdentifier>, ScopeSet) {
        let named = self.spellings.iter().chain(&client.default_resource).cloned().collect();
        (named, self.scopes(client).filtered(is_api_scope))
    }

    /// The permissions that are asked for. `resources` are those of [`AudienceRequest::to_load`].
    pub fn resolve(
        &self,
        client: &Client,
        resources: &[Resource],
        issuer: &str,
    ) -> Result<Permissions, AudienceRefusal> {
        let scopes = self.scopes(client);
        let api_scopes = scopes.filtered(is_api_scope);
        let owned = api_scopes.filtered(|scope| resources.iter().any(|r| r.scopes.contains_key(scope)));
        let issuer_scopes = scopes.difference(&owned);

        let mut permissions = BTreeMap::new();
        for resource in self.audiences(client, resources, issuer, &owned)? {
            let scopes = owned.filtered(|scope| resource.scopes.contains_key(scope));
            permissions.insert(Audience::Resource(resource.identifier.clone()), scopes);
        }
        let names_issuer = self.resources.iter().any(|identifier| identifier.is_same(issuer));
        if !issuer_scopes.is_empty() || names_issuer {
            permissions.insert(Audience::Issuer, issuer_scopes);
        }
        let permissions = Permissions(permissions);
        // An API that is named can be granted without a scope; nothing at all is no grant (RFC 6749 §3.3).
        let bare = self.scope.is_none() && permissions.resources().next().is_some();
        if permissions.scopes().is_empty() && !bare {
            return Err(AudienceRefusal::NoScopeLeft);
        }
        Ok(permissions)
    }

    fn audiences<'a>(
        &self,
        client: &Client,
        resources: &'a [Resource],
        issuer: &str,
        owned: &ScopeSet,
    ) -> Result<Vec<&'a Resource>, AudienceRefusal> {
        let find = |identifier: &ResourceIdentifier| Resource::find(resources, identifier);
        let owns =
            |resource: &Resource, scopes: &ScopeSet| scopes.iter().any(|s| resource.scopes.contains_key(s));
        if !self.resources.is_empty() {
            let apis = self.resources.iter().filter(|identifier| !identifier.is_same(issuer));
            let allowed = |resource: &&Resource| {
                client.default_resource.as_ref() == Some(&resource.identifier)
                    || owns(resource, &client.scope)
            };
            let api = |identifier| {
                let resource = find(identifier).ok_or(AudienceRefusal::UnknownResource)?;
                Some(resource).filter(allowed).ok_or(AudienceRefusal::ResourceNotAllowed)
            };
            return apis.map(api).collect();
        }
        if owned.is_empty() {
            return Ok(Vec::new());
        }
        let mut owners = resources.iter().filter(|r| owned.iter().all(|scope| r.scopes.contains_key(scope)));
        if let (Some(only), None) = (owners.next(), owners.next()) {
            return Ok(vec![only]);
        }
        let default = client.default_resource.as_ref().and_then(find).filter(|default| owns(default, owned));
        Ok(vec![default.ok_or(AudienceRefusal::AmbiguousResource)?])
    }
}

/// Whether a scope is an API's to define.
pub fn is_api_scope(scope: &str) -> bool {
    !OPENID_SCOPES.contains(&scope)
}

#[cfg(test)]
mod tests;
