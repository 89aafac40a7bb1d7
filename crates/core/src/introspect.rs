//! Token introspection (RFC 7662).
//!
//! Who may ask: a confidential client that the token's resource lists, or the client the token was issued to. Everybody
//! else, and every token that is not valid, gets the response `{"active":false}`.

use serde::Serialize;

use crate::{
    client_auth::{AuthenticatedClient, ClientStep},
    error::{ErrorCode, OAuthError, Refusal},
    form::{Form, Repeated},
    id::ClientId,
    resource::Resource,
    scope::{Audience, ScopeSet},
    step::{Context, Decided, Decision, Have, Want},
    token::{self, PresentedToken, TokenText, access::AccessClaims, liveness, refresh::RefreshToken},
};

/// Why a request is refused, before any token is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntrospectionRefusal {
    /// A public client proves nothing (RFC 7662 §2.1: the endpoint must require authorization).
    PublicClient,
    /// `token` is missing.
    NoToken,
    /// A parameter stands more than once.
    Repeated(&'static str),
}

impl From<Repeated> for IntrospectionRefusal {
    fn from(Repeated(name): Repeated) -> Self {
        Self::Repeated(name)
    }
}

impl Refusal for IntrospectionRefusal {
    fn public(&self) -> OAuthError {
        match self {
            Self::PublicClient => OAuthError::new(ErrorCode::InvalidClient, "client authentication failed"),
            Self::NoToken => OAuthError::about(ErrorCode::InvalidRequest, "token", "is missing"),
            Self::Repeated(name) => OAuthError::about(ErrorCode::InvalidRequest, name, "is repeated"),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::PublicClient => "public_client",
            Self::NoToken => "no_token",
            Self::Repeated(_) => "repeated_parameter",
        }
    }
}

/// The response (RFC 7662 §2.2). An inactive one has no other member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Introspection {
    /// `{"active":false}`.
    Inactive {
        /// Always false.
        active: bool,
    },
    /// All that is said of a token that is alive.
    Active(Box<ActiveToken>),
}

/// What is said of a token that is alive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ActiveToken {
    active: bool,
    iss: String,
    sub: String,
    client_id: ClientId,
    exp: i64,
    #[serde(skip_serializing_if = "ScopeSet::is_empty")]
    scope: ScopeSet,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    amr: Vec<String>,
}

impl Introspection {
    /// The response for every token that is not valid, and for every client that may not know of the token.
    pub const INACTIVE: Self = Self::Inactive { active: false };
}

/// A request to the endpoint.
pub struct IntrospectionRequest(Result<TokenText, IntrospectionRefusal>);

impl IntrospectionRequest {
    /// Reads the parameters.
    pub fn read(form: &Form) -> Self {
        let token = || {
            if let Some(repeated) = form.repeated(&[]) {
                return Err(repeated.into());
            }
            form.one("token")?.ok_or(IntrospectionRefusal::NoToken)
        };
        Self(token().map(|token| TokenText::new(token.to_owned())))
    }
}

impl ClientStep for IntrospectionRequest {
    const NAME: &'static str = "introspect";
    type Outcome = Introspection;
    type Refusal = IntrospectionRefusal;

    fn decide(
        &self,
        client: AuthenticatedClient<'_>,
        have: &Have,
        context: &Context<'_>,
    ) -> Decided<Introspection, IntrospectionRefusal> {
        if client.is_public() {
            return Err(IntrospectionRefusal::PublicClient.into());
        }
        let token = self.0.as_ref().map_err(|refusal| *refusal)?;
        let active = match token.read(context) {
            Ok(PresentedToken::Access(claims)) => access(claims, client, have, context)?,
            Ok(PresentedToken::Refresh(token)) => refresh(token, client, have, context)?,
            Err(_) => None,
        };
        Ok(Decision::read_only(
            active.map_or(Introspection::INACTIVE, |active| Introspection::Active(Box::new(active))),
        ))
    }
}

fn access(
    claims: &AccessClaims,
    client: AuthenticatedClient<'_>,
    have: &Have,
    context: &Context<'_>,
) -> Result<Option<ActiveToken>, Want> {
    let asks = claims.client_id == client.client_id || is_listed(claims, client, have, context)?;
    if !asks || token::alive(claims, have, context)?.is_err() {
        return Ok(None);
    }
    Ok(Some(ActiveToken {
        active: true,
        iss: claims.iss.clone(),
        sub: claims.sub.clone(),
        client_id: claims.client_id.clone(),
        exp: claims.exp,
        scope: claims.scope.clone(),
        token_type: Some("Bearer"),
        aud: Some(claims.aud.clone()),
        iat: Some(claims.iat),
        jti: Some(claims.jti.clone()),
        auth_time: claims.auth_time,
        acr: claims.acr.clone(),
        amr: claims.amr.clone(),
    }))
}

/// Whether the resource that the token is for lists the client.
fn is_listed(
    claims: &AccessClaims,
    client: AuthenticatedClient<'_>,
    have: &Have,
    context: &Context<'_>,
) -> Result<bool, Want> {
    let Audience::Resource(identifier) = claims.audience(context.policy) else { return Ok(false) };
    // The API may have been registered anew since, in another spelling.
    let resources = have.resources(&identifier.spellings(), &ScopeSet::default())?;
    Ok(Resource::find(resources, &identifier)
        .is_some_and(|resource| resource.introspection_clients.contains(&client.client_id)))
}

/// A refresh token is its client's business alone, and alive in its current generation only.
fn refresh(
    token: &RefreshToken,
    client: AuthenticatedClient<'_>,
    have: &Have,
    context: &Context<'_>,
) -> Result<Option<ActiveToken>, Want> {
    let Some(record) = have.authorization(token.authorization)? else { return Ok(None) };
    let authorization = &record.authorization;
    let Some(current) = &authorization.refresh else { return Ok(None) };
    let same = authorization.client_id == client.client_id
        && current.generation == token.generation
        && current.digest == token.digest()
        && context.now < current.expires_at;
    if !same || liveness::alive(record, &context.policy.lifetimes, context.now).is_err() {
        return Ok(None);
    }
    Ok(Some(ActiveToken {
        active: true,
        iss: context.policy.issuer.clone(),
        sub: authorization.user_id.to_string(),
        client_id: authorization.client_id.clone(),
        exp: current.expires_at.seconds(),
        scope: authorization.permissions.scopes(),
        token_type: None,
        aud: None,
        iat: Some(current.rotated_at.seconds()),
        jti: None,
        auth_time: Some(authorization.authentication.at.seconds()),
        acr: Some(authorization.authentication.acr.clone()),
        amr: authorization.authentication.amr.clone(),
    }))
}

#[cfg(test)]
mod tests;
