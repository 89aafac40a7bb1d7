//! Whom an access token is for (RFC 8707 §2.2) and what it may do there.
//!
//! `audience` is accepted as another name of `resource`. Several may be granted together; an access token is for one.

use super::TokenRefusal;
use crate::{
    client::Client,
    form::Form,
    id::ResourceIdentifier,
    policy::Policy,
    resource::{Resource, is_same},
    scope::{Audience, Permissions, ScopeSet},
    step::{Have, Stop},
};

/// Where an access token is going.
#[derive(Clone, Copy, Debug)]
pub(super) enum TokenTarget<'a> {
    /// UserInfo.
    Issuer,
    /// An API.
    Resource(&'a Resource),
}

impl<'a> TokenTarget<'a> {
    /// The audience with its record; one that is gone is no target any more.
    pub(super) fn find(audience: &Audience, resources: &'a [Resource]) -> Result<Self, TokenRefusal> {
        match audience {
            Audience::Issuer => Ok(Self::Issuer),
            Audience::Resource(identifier) => Resource::find(resources, identifier)
                .map(Self::Resource)
                .ok_or(TokenRefusal::TargetNotGranted),
        }
    }

    /// The same, with the record read for it.
    pub(super) fn load(audience: &Audience, have: &'a Have) -> Result<Self, Stop<TokenRefusal>> {
        let named = match audience {
            Audience::Issuer => &[][..],
            Audience::Resource(identifier) => std::slice::from_ref(identifier),
        };
        Ok(Self::find(audience, have.resources(named, &ScopeSet::default())?)?)
    }
}

/// The audience that a request names, as it was written. [`TokenTarget`] tells the issuer from a resource, once the policy is known.
#[derive(Clone)]
pub(super) struct Named(Option<String>);

impl Named {
    pub(super) fn read(form: &Form) -> Result<Self, TokenRefusal> {
        let mut named = form.many("resource").chain(form.many("audience"));
        let Some(first) = named.next() else { return Ok(Self(None)) };
        if named.any(|other| !is_same(other, first)) {
            return Err(TokenRefusal::TwoTargets);
        }
        Ok(Self(Some(first.to_owned())))
    }

    /// Under which a resource of that name may be registered.
    pub(super) fn spellings(&self) -> Vec<ResourceIdentifier> {
        let named = self.0.as_deref().map(ResourceIdentifier::from);
        named.map(|named| named.spellings()).unwrap_or_default()
    }

    pub(super) fn audience(&self, policy: &Policy) -> Option<Audience> {
        self.0.as_deref().map(|named| {
            if is_same(named, &policy.issuer) { Audience::Issuer } else { Audience::Resource(named.into()) }
        })
    }
}

/// What a request makes of a grant: the audience that it names, and the scopes that it narrows the grant to.
pub(super) struct Wanted {
    pub(super) named: Named,
    pub(super) scope: Option<ScopeSet>,
}

/// The audience that a request under an authorization names, if it was granted. The issuer always is.
pub(super) fn granted(named: Audience, permissions: &Permissions) -> Result<Audience, TokenRefusal> {
    match named {
        Audience::Issuer => Ok(Audience::Issuer),
        audience if permissions.0.contains_key(&audience) => Ok(audience),
        Audience::Resource(named) => permissions
            .resources()
            .find(|granted| granted.is_same(named.as_str()))
            .cloned()
            .map(Audience::Resource)
            .ok_or(TokenRefusal::TargetNotGranted),
    }
}

/// The audience under an authorization of a request that names none. The scopes that it narrows the grant to decide, as they do at
/// `/authorize`: the issuer where none is an API's, else the one API that has all of the APIs'. Without scopes the only API granted. Else
/// the client's default.
pub(super) fn implied(
    asked: Option<&ScopeSet>,
    permissions: &Permissions,
    client: &Client,
) -> Result<Audience, TokenRefusal> {
    let apis = || {
        permissions.0.iter().filter_map(|(audience, scopes)| match audience {
            Audience::Issuer => None,
            Audience::Resource(identifier) => Some((identifier, scopes)),
        })
    };
    let wanted = asked.map(|asked| asked.filtered(|scope| apis().any(|(_, scopes)| scopes.contains(scope))));
    if apis().next().is_none() || wanted.as_ref().is_some_and(ScopeSet::is_empty) {
        return Ok(Audience::Issuer);
    }
    let mut owners = apis()
        .filter(|(_, scopes)| wanted.as_ref().is_none_or(|wanted| wanted.is_subset(scopes)))
        .map(|(identifier, _)| identifier);
    if let (Some(only), None) = (owners.next(), owners.next()) {
        return Ok(Audience::Resource(only.clone()));
    }
    let owns =
        |scopes: &ScopeSet| wanted.as_ref().is_none_or(|wanted| !wanted.intersection(scopes).is_empty());
    apis()
        .find(|(identifier, scopes)| client.default_resource.as_ref() == Some(identifier) && owns(scopes))
        .map(|(identifier, _)| Audience::Resource(identifier.clone()))
        .ok_or(TokenRefusal::TargetAmbiguous)
}

/// The `scope` parameter; one that names nothing counts as absent.
pub(super) fn scope(form: &Form) -> Result<Option<ScopeSet>, TokenRefusal> {
    let scope = form.one("scope")?.map(ScopeSet::parse).transpose().map_err(|_| TokenRefusal::ScopeSyntax)?;
    Ok(scope.filter(|scope| !scope.is_empty()))
}

/// The scopes in effect: what was granted and the client may still have, or the part of it that was asked for (RFC 6749
/// §6). A narrower scope holds for this token only.
pub(super) fn in_effect(
    asked: Option<&ScopeSet>,
    permissions: &Permissions,
    client: &Client,
) -> Result<ScopeSet, TokenRefusal> {
    let granted = permissions.scopes();
    let asked = match asked {
        Some(asked) if !asked.is_subset(&granted) => return Err(TokenRefusal::Scope),
        Some(asked) => asked,
        None => &granted,
    };
    Ok(asked.intersection(&client.scope))
}
