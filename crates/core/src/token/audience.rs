//! Whom an access token is for (RFC 8707 §2.2) and what it may do there.
//!
//! `audience` is accepted as another name of `resource`. Several may be granted together; an access token is for one.

use super::TokenRefusal;
use crate::{
    client::Client,
    form::Form,
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

/// The audience of an access token under an authorization: the one named, if it was granted (the issuer always is), else
/// the only API granted, else the client's default.
pub(super) fn granted(
    named: Option<Audience>,
    permissions: &Permissions,
    client: &Client,
) -> Result<Audience, TokenRefusal> {
    match named {
        Some(Audience::Issuer) => Ok(Audience::Issuer),
        Some(audience) if permissions.0.contains_key(&audience) => Ok(audience),
        Some(Audience::Resource(named)) => permissions
            .resources()
            .find(|granted| granted.is_same(named.as_str()))
            .cloned()
            .map(Audience::Resource)
            .ok_or(TokenRefusal::TargetNotGranted),
        None => {
            let mut apis = permissions.resources();
            match (apis.next(), apis.next()) {
                (None, _) => Ok(Audience::Issuer),
                (Some(only), None) => Ok(Audience::Resource(only.clone())),
                (Some(_), Some(_)) => client
                    .default_resource
                    .clone()
                    .map(Audience::Resource)
                    .filter(|default| permissions.0.contains_key(default))
                    .ok_or(TokenRefusal::TargetAmbiguous),
            }
        }
    }
}

/// The `scope` parameter.
pub(super) fn scope(form: &Form) -> Result<Option<ScopeSet>, TokenRefusal> {
    form.one("scope")?.map(|text| ScopeSet::parse(text).map_err(|_| TokenRefusal::ScopeSyntax)).transpose()
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
