//! Checking a token: a JWT access token here (RFC 9068 §4), or any token by asking its issuer (RFC 7662 §2).

use std::fmt;

use grantwell_core::{
    jose::{
        ClaimError, Expected, JwsError, Validity,
        claims::{audience, required_text, text},
        jws,
    },
    scope::ScopeSet,
};
use serde_json::{Map, Value};

use crate::{ResourceServer, challenge::CallRefusal};

/// A token that was found good: in the extensions of every request that a [`crate::TokenLayer`] lets through.
#[derive(Clone, PartialEq)]
pub struct AccessToken {
    subject: String,
    client_id: String,
    scopes: ScopeSet,
    claims: Map<String, Value>,
}

impl AccessToken {
    /// Whom the caller acts for: a person, or the client itself.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The application that calls.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// What was granted.
    pub fn scopes(&self) -> &ScopeSet {
        &self.scopes
    }

    /// Whether `scope` was granted.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.contains(scope)
    }

    /// All claims of the token, or all members of the introspection response.
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    fn new(claims: Map<String, Value>) -> Result<Self, CallRefusal> {
        Ok(Self {
            subject: required_text(&claims, "sub")?.to_owned(),
            client_id: required_text(&claims, "client_id")?.to_owned(),
            scopes: ScopeSet::parse(text(&claims, "scope")?.unwrap_or_default())
                .map_err(|_| ClaimError::Type("scope"))?,
            claims,
        })
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("subject", &self.subject)
            .field("client_id", &self.client_id)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

impl ResourceServer {
    /// Checks a JWT access token (RFC 9068 §4).
    pub(crate) async fn verify(&self, token: &str) -> Result<AccessToken, CallRefusal> {
        let expected = Expected { typ: &["at+jwt"], algorithms: &self.0.algorithms };
        let keys = self.0.issuer.keys(&self.0.clock).await?;
        let verified = match jws::verify(token, &keys, &expected) {
            Err(JwsError::UnknownKey) => {
                let newer = self.0.issuer.newer_keys(&self.0.clock, &keys).await?;
                jws::verify(token, &newer, &expected)
            }
            other => other,
        }?;
        let claims = verified.claims;
        if required_text(&claims, "iss")? != self.0.issuer.identifier() {
            return Err(CallRefusal::Issuer);
        }
        self.check_audience(&claims)?;
        Validity::at(self.0.clock.now(), self.0.clock_skew).check(&claims)?;
        unbound(&claims)?;
        AccessToken::new(claims)
    }

    /// Asks the issuer about a token (RFC 7662 §2).
    pub(crate) async fn introspect(&self, token: &str) -> Result<AccessToken, CallRefusal> {
        if token.len() > jws::MAX_LENGTH {
            return Err(CallRefusal::Jws(JwsError::TooLong));
        }
        let response = self.0.issuer.introspect(&self.0.clock, token).await?;
        match response.get("active") {
            Some(Value::Bool(true)) => {}
            Some(Value::Bool(false)) => return Err(CallRefusal::Inactive),
            _ => return Err(CallRefusal::Unavailable),
        }
        if text(&response, "iss")?.is_some_and(|issuer| issuer != self.0.issuer.identifier()) {
            return Err(CallRefusal::Issuer);
        }
        self.check_audience(&response)?;
        Validity::at(self.0.clock.now(), self.0.clock_skew).check(&response)?;
        unbound(&response)?;
        AccessToken::new(response)
    }

    fn check_audience(&self, claims: &Map<String, Value>) -> Result<(), CallRefusal> {
        if audience(claims)?.contains(&self.0.identifier.as_str()) {
            Ok(())
        } else {
            Err(CallRefusal::Audience)
        }
    }
}

/// A token with a confirmation (RFC 7800) is no bearer token: its sender must prove a key (RFC 9449 §7.2,
/// RFC 8705 §3).
fn unbound(claims: &Map<String, Value>) -> Result<(), CallRefusal> {
    if claims.contains_key("cnf") { Err(CallRefusal::Bound) } else { Ok(()) }
}
