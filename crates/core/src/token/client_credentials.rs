//! `client_credentials` (RFC 6749 §4.4): a client acting in its own name. No row is written and no refresh token given;
//! the token lives while the client is enabled.

use serde_json::json;

use super::{
    Grant, GrantRequest, TokenDecided, TokenRefusal,
    audience::{self, Named, TokenTarget},
    mint::{self, Access, TokenSubject},
};
use crate::{
    audience::{AudienceRefusal, AudienceRequest, is_api_scope},
    client::{Client, GrantType},
    client_auth::AuthenticatedClient,
    form::Form,
    id::ResourceIdentifier,
    policy::Policy,
    resource::Resource,
    scope::{Audience, ScopeSet},
    step::{Context, Decision, Have},
};

pub(super) struct ClientCredentials;

impl Grant for ClientCredentials {
    fn grant_type(&self) -> GrantType {
        GrantType::ClientCredentials
    }

    fn read(&self, form: &Form) -> Result<Box<dyn GrantRequest>, TokenRefusal> {
        let named = Named::read(form)?;
        Ok(Box::new(Machine { spellings: named.spellings(), named, scope: audience::scope(form) }))
    }
}

/// The parameters of a machine's request.
struct Machine {
    named: Named,
    /// Under which what is named may be registered.
    spellings: Vec<ResourceIdentifier>,
    scope: Result<Option<ScopeSet>, TokenRefusal>,
}

impl GrantRequest for Machine {
    fn decide(&self, client: AuthenticatedClient<'_>, have: &Have, context: &Context<'_>) -> TokenDecided {
        if client.is_public() {
            return Err(TokenRefusal::PublicClient.into());
        }
        let registered = machine_scopes(&client);
        let named = self.named.audience(context.policy);
        let identifiers: Vec<_> = client.default_resource.iter().chain(&self.spellings).cloned().collect();
        let resources = have.resources(&identifiers, &registered)?;
        let asked = self.scope.as_ref().map_err(|refusal| *refusal)?;
        let wanted =
            asked.as_ref().map_or_else(|| registered.clone(), |asked| asked.intersection(&registered));
        if wanted.is_empty() && asked.is_some() {
            return Err(TokenRefusal::Scope.into());
        }
        let audience = match named {
            Some(named) => permitted(named, &registered, &client, resources)?,
            None => owner(wanted.clone(), &client, resources, context.policy)?,
        };
        let target = TokenTarget::find(&audience, resources)?;
        let scope = match target {
            TokenTarget::Resource(resource) => wanted.filtered(|scope| resource.scopes.contains_key(scope)),
            TokenTarget::Issuer => {
                wanted.filtered(|scope| resources.iter().all(|r| !r.scopes.contains_key(scope)))
            }
        };
        if scope.is_empty() && asked.is_some() {
            return Err(TokenRefusal::Scope.into());
        }
        let (subject, in_effect) = (TokenSubject::Machine, scope.clone());
        let access = Access { client, subject, target, scope, in_effect, nonce: None };
        let response = mint::respond(access, context)?;
        let mut writes = Vec::new();
        if context.policy.audit_every_token {
            let detail = json!({ "grant_type": GrantType::ClientCredentials.as_str() });
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
    let permitted = |resource: &&Resource| {
        client.default_resource.as_ref() == Some(&resource.identifier)
            || resource.scopes.keys().any(|scope| registered.contains(scope))
    };
    Resource::find(resources, identifier)
        .filter(permitted)
        .map(|resource| Audience::Resource(resource.identifier.clone()))
        .ok_or(TokenRefusal::TargetNotGranted)
}

/// The audience of a request that names none, by the rule that holds for people too.
fn owner(
    wanted: ScopeSet,
    client: &Client,
    resources: &[Resource],
    policy: &Policy,
) -> Result<Audience, TokenRefusal> {
    if wanted.is_empty() {
        return Ok(Audience::Issuer);
    }
    let permissions = AudienceRequest::new(Some(wanted), Vec::new())
        .resolve(client, resources, &policy.issuer)
        .map_err(|refusal| match refusal {
            AudienceRefusal::AmbiguousResource => TokenRefusal::TargetAmbiguous,
            AudienceRefusal::Repeated
            | AudienceRefusal::ScopeSyntax(_)
            | AudienceRefusal::NoScopeLeft
            | AudienceRefusal::TooManyResources
            | AudienceRefusal::UnknownResource
            | AudienceRefusal::ResourceNotAllowed => TokenRefusal::Scope,
        })?;
    Ok(permissions.resources().next().cloned().map_or(Audience::Issuer, Audience::Resource))
}

#[cfg(test)]
mod tests;
