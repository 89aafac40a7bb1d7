//! `client_credentials` (RFC 6749 §4.4): a client acting in its own name. No row is written and no refresh token given;
//! the token lives while the client is enabled.

use serde_json::json;

use super::{
    Context, Decided, Grant, Loaded, Request, ResourcesWanted, TokenRefusal,
    audience::{self, Target},
    mint::{self, Access, Subject},
};
use crate::{
    audience::{Asked, AudienceRefusal, is_api_scope},
    client::{Client, GrantType},
    id::AuthorizationId,
    policy::Policy,
    resource::Resource,
    scope::{Audience, ScopeSet},
    step::Decision,
    store::AuthorizationRecord,
};

pub(super) struct ClientCredentials;

impl Grant for ClientCredentials {
    fn grant_type(&self) -> GrantType {
        GrantType::ClientCredentials
    }

    fn authorization(&self, _: &Request<'_>) -> Result<Option<AuthorizationId>, TokenRefusal> {
        Ok(None)
    }

    fn resources(
        &self,
        request: &Request<'_>,
        _: Option<&AuthorizationRecord>,
        policy: &Policy,
    ) -> Result<ResourcesWanted, TokenRefusal> {
        let mut identifiers: Vec<_> = request.client.default_resource.iter().cloned().collect();
        if let Some(Audience::Resource(named)) = audience::named(request.form, policy)? {
            identifiers.push(named);
        }
        Ok(ResourcesWanted { identifiers, scopes: machine_scopes(&request.client) })
    }

    fn decide(&self, request: &Request<'_>, loaded: &Loaded, context: &Context<'_>) -> Decided {
        let client = request.client.client();
        if client.is_public() {
            return Err(TokenRefusal::PublicClient.into());
        }
        let registered = machine_scopes(client);
        let asked = audience::scope(request.form)?;
        let wanted =
            asked.as_ref().map_or_else(|| registered.clone(), |asked| asked.intersection(&registered));
        if wanted.is_empty() && asked.is_some() {
            return Err(TokenRefusal::Scope.into());
        }
        let named = audience::named(request.form, context.policy)?;
        let audience = match named {
            Some(named) => permitted(named, &registered, client, &loaded.resources)?,
            None => owner(wanted.clone(), client, loaded, context.policy)?,
        };
        let target = Target::find(&audience, &loaded.resources)?;
        let scope = match target {
            Target::Resource(resource) => wanted.filtered(|scope| resource.scopes.contains_key(scope)),
            Target::Issuer => {
                wanted.filtered(|scope| loaded.resources.iter().all(|r| !r.scopes.contains_key(scope)))
            }
        };
        if scope.is_empty() && asked.is_some() {
            return Err(TokenRefusal::Scope.into());
        }
        let access = Access { client, subject: Subject::Machine, target, scope: scope.clone() };
        let response = mint::answer(access, scope, None, context)?;
        let mut writes = Vec::new();
        if context.policy.audit_every_token {
            let detail = json!({ "grant_type": self.grant_type().as_str() });
            writes.push(context.audit("token.issued", None, Some(&client.client_id), detail));
        }
        Ok(Decision { writes, outcome: response })
    }
}

/// What the client is registered for and can use without a person.
fn machine_scopes(client: &Client) -> ScopeSet {
    client.scope.filtered(is_api_scope)
}

/// A named audience, if it is the client's to name: the issuer, its default, or the owner of a scope it is registered for.
fn permitted(
    named: Audience,
    registered: &ScopeSet,
    client: &Client,
    resources: &[Resource],
) -> Result<Audience, TokenRefusal> {
    let Audience::Resource(identifier) = &named else { return Ok(named) };
    let owns = |resource: &Resource| resource.scopes.keys().any(|scope| registered.contains(scope));
    let permitted = client.default_resource.as_ref() == Some(identifier)
        || resources.iter().any(|resource| resource.identifier == *identifier && owns(resource));
    permitted.then_some(named).ok_or(TokenRefusal::TargetNotGranted)
}

/// The audience of a request that names none, by the rule that holds for people too.
fn owner(
    wanted: ScopeSet,
    client: &Client,
    loaded: &Loaded,
    policy: &Policy,
) -> Result<Audience, TokenRefusal> {
    if wanted.is_empty() {
        return Ok(Audience::Issuer);
    }
    let permissions = Asked { scope: Some(wanted), resources: Vec::new() }
        .resolve(client, &loaded.resources, &policy.issuer)
        .map_err(|refusal| match refusal {
            AudienceRefusal::AmbiguousResource => TokenRefusal::TargetAmbiguous,
            _ => TokenRefusal::Scope,
        })?;
    Ok(permissions.resources().next().cloned().map_or(Audience::Issuer, Audience::Resource))
}

#[cfg(test)]
mod tests;
