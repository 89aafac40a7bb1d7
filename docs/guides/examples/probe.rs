//! `urn:grantwell:example:probe`, an extension grant (RFC 6749 §4.5): a monitoring job asks whether a client would get tokens for
//! an API. It gets one that opens nothing there. Nothing is written but the audit event, where the operator wants one.

use serde_json::json;

use super::{
    Grant, GrantRequest, TokenDecided, TokenRefusal,
    audience::TokenTarget,
    mint::{self, Access, TokenSubject},
    required,
};
use crate::{
    client::GrantType,
    client_auth::AuthenticatedClient,
    form::Form,
    id::ResourceIdentifier,
    resource::Resource,
    scope::ScopeSet,
    step::{Context, Decision, Have},
};

pub(super) struct Probe;

impl Grant for Probe {
    fn grant_type(&self) -> GrantType {
        // `GrantType::Probe`, once the lines of the guide are there; here another one stands in.
        GrantType::ClientCredentials
    }

    fn read(&self, form: &Form) -> Result<Box<dyn GrantRequest>, TokenRefusal> {
        let resource = required(form, "resource")?.as_str().into();
        Ok(Box::new(ProbeRequest { resource }))
    }
}

/// The parameters of a probe.
struct ProbeRequest {
    resource: ResourceIdentifier,
}

impl GrantRequest for ProbeRequest {
    fn decide(&self, client: AuthenticatedClient<'_>, have: &Have, context: &Context<'_>) -> TokenDecided {
        // A public client proves nothing about a credential.
        if client.is_public() {
            return Err(TokenRefusal::PublicClient.into());
        }
        let resources = have.resources(&self.resource.spellings(), &ScopeSet::default())?;
        let resource = Resource::find(resources, &self.resource).ok_or(TokenRefusal::TargetNotGranted)?;
        if !resource.scopes.keys().any(|scope| client.scope.contains(scope)) {
            return Err(TokenRefusal::TargetNotGranted.into());
        }
        let access = Access {
            client,
            subject: TokenSubject::Machine,
            target: TokenTarget::Resource(resource),
            scope: ScopeSet::default(),
            in_effect: ScopeSet::default(),
            nonce: None,
        };
        let response = mint::respond(access, context)?;
        let mut writes = Vec::new();
        if context.policy.audit_every_token {
            let detail = json!({ "grant_type": "probe", "resource": self.resource });
            writes.push(context.audit("token.issued", None, Some(&client.client_id), detail));
        }
        Ok(Decision { writes, outcome: response })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        client::Client,
        client_auth::ClientStep,
        fixtures as fx,
        step::Refused,
        store::Write,
        token::{TokenResponse, access::AccessTokens},
    };

    /// The request as a step of an authenticated client, which [`super::super::TokenRequest`] is for the grants of the list.
    struct Probing(Box<dyn GrantRequest>);

    impl ClientStep for Probing {
        const NAME: &'static str = "token";
        type Outcome = TokenResponse;
        type Refusal = TokenRefusal;

        fn decide(
            &self,
            client: AuthenticatedClient<'_>,
            have: &Have,
            context: &Context<'_>,
        ) -> TokenDecided {
            self.0.decide(client, have, context)
        }
    }

    fn probe(resource: &str) -> Probing {
        Probing(Probe.read(&Form::from_pairs([("resource", resource)])).unwrap())
    }

    fn decide(
        client: &Client,
        resource: &str,
        audited: bool,
    ) -> Result<Decision<TokenResponse>, Refused<TokenRefusal>> {
        let mut policy = fx::policy();
        policy.audit_every_token = audited;
        let world =
            fx::World { resources: vec![fx::resource(), fx::other_resource()], ..fx::World::default() };
        fx::decide_as(client, &probe(resource), &world, &fx::context(&policy))
    }

    #[test]
    fn a_client_gets_a_token_that_opens_nothing() {
        let decision = decide(&fx::machine(), "https://API.example:443", false).unwrap();
        assert!(decision.writes.is_empty());
        let token = decision.outcome.access_token;
        let claims = AccessTokens::read(&token, fx::keyring(), &fx::policy(), fx::NOW).unwrap();
        assert_eq!((claims.aud.as_str(), claims.sub.as_str()), (fx::API, "machine"));
        assert!(claims.scope.is_empty());
    }

    #[test]
    fn who_would_get_no_token_gets_none() {
        let public = Client { scope: fx::machine().scope, ..fx::public_client() };
        for (client, resource, refusal) in [
            (&public, fx::API, TokenRefusal::PublicClient),
            (&fx::machine(), fx::OTHER_API, TokenRefusal::TargetNotGranted),
            (&fx::machine(), "https://nowhere.example/", TokenRefusal::TargetNotGranted),
        ] {
            let refused = decide(client, resource, false).unwrap_err();
            assert!(refused.writes.is_empty());
            assert_eq!(refused.refusal, refusal, "{resource}");
        }
        let read = Probe.read(&Form::default()).err();
        assert_eq!(read, Some(TokenRefusal::Missing("resource")));
    }

    #[test]
    fn the_resource_is_wanted_and_the_token_is_audited() {
        let world = fx::World { resources: vec![fx::resource()], ..fx::World::default() };
        assert_eq!(fx::wants_as(&fx::machine(), &probe(fx::API), &world), ["resources"]);
        let decision = decide(&fx::machine(), fx::API, true).unwrap();
        assert!(matches!(decision.writes.as_slice(), [Write::Audit(event)] if event.kind == "token.issued"));
    }
}
