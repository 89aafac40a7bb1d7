//! Whom an access token is for (RFC 8707 §2.2) and what it may do there.
//!
//! `audience` is accepted as another name of `resource`. Several may be granted together; an access token is for one.

use super::{ResourcesWanted, TokenRefusal};
use crate::{
    client::Client,
    form::Form,
    policy::Policy,
    resource::Resource,
    scope::{Audience, Permissions, ScopeSet},
    store::Authorization,
};

/// Where an access token is going.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target<'a> {
    /// UserInfo.
    Issuer,
    /// An API.
    Resource(&'a Resource),
}

impl<'a> Target<'a> {
    /// The audience with its record; one that is gone is no target any more.
    pub(super) fn find(audience: &Audience, resources: &'a [Resource]) -> Result<Self, TokenRefusal> {
        match audience {
            Audience::Issuer => Ok(Self::Issuer),
            Audience::Resource(identifier) => resources
                .iter()
                .find(|resource| resource.identifier == *identifier)
                .map(Self::Resource)
                .ok_or(TokenRefusal::TargetNotGranted),
        }
    }
}

/// The audience that the request names, if it names one.
pub(super) fn named(form: &Form, policy: &Policy) -> Result<Option<Audience>, TokenRefusal> {
    let mut named = form.many("resource").chain(form.many("audience"));
    let Some(first) = named.next() else { return Ok(None) };
    if named.any(|other| other != first) {
        return Err(TokenRefusal::TwoTargets);
    }
    Ok(Some(if first == policy.issuer { Audience::Issuer } else { Audience::Resource(first.into()) }))
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
        Some(_) => Err(TokenRefusal::TargetNotGranted),
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

/// What must be loaded to mint for the audience that the request will get; nothing when it will be refused.
pub(super) fn wanted(
    form: &Form,
    authorization: &Authorization,
    client: &Client,
    policy: &Policy,
) -> ResourcesWanted {
    // A target that cannot be had is refused by the decision, where what the refusal changes is known.
    let audience = named(form, policy)
        .and_then(|named| granted(named, &authorization.permissions, client))
        .unwrap_or(Audience::Issuer);
    match audience {
        Audience::Issuer => ResourcesWanted::default(),
        Audience::Resource(identifier) => {
            ResourcesWanted { identifiers: vec![identifier], scopes: ScopeSet::default() }
        }
    }
}

/// The `scope` parameter.
pub(super) fn scope(form: &Form) -> Result<Option<ScopeSet>, TokenRefusal> {
    form.one("scope")?.map(|text| ScopeSet::parse(text).map_err(|_| TokenRefusal::ScopeSyntax)).transpose()
}

/// The scopes in effect: what was granted and the client may still have, or the part of it that was asked for (RFC 6749
/// §6). Narrower is for this answer only.
pub(super) fn in_effect(
    asked: Option<ScopeSet>,
    permissions: &Permissions,
    client: &Client,
) -> Result<ScopeSet, TokenRefusal> {
    let granted = permissions.scopes();
    let asked = match asked {
        Some(asked) if !asked.is_subset(&granted) => return Err(TokenRefusal::Scope),
        Some(asked) => asked,
        None => granted,
    };
    Ok(asked.intersection(&client.scope))
}
