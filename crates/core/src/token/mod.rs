//! The token endpoint (RFC 6749 §3.2, §5; OAuth 2.1 §3.2; OpenID Connect Core 1.0 §3.1.3, §12).
//!
//! [`TokenRequest`] is the step of the endpoint. A grant is a file here and a line in [`GRANTS`]: it parses the form once
//! into a [`GrantRequest`] and decides on that; nothing behind it sees the form.
//!
//! A machine asks for a token. The step says what it wants; here that is put into [`Have`] by hand:
//!
//! ```
//! use std::sync::Arc;
//!
//! use grantwell_core::{
//!     client_auth::{self, ByClient},
//!     form::Form,
//!     id::Realm,
//!     jose::Algorithm,
//!     keyring::{self, Keyring},
//!     policy::Policy,
//!     registry::{client, resource},
//!     seal::SealKey,
//!     secret::Secret,
//!     step::{Context, Have, Origin, Step, Stop, Want},
//!     store::KeyUse,
//!     time::{Entropy, Timestamp},
//!     token::TokenRequest,
//! };
//! use serde_json::json;
//!
//! /// Random in production.
//! struct Sevens;
//!
//! impl Entropy for Sevens {
//!     fn fill(&self, bytes: &mut [u8]) {
//!         bytes.fill(7);
//!     }
//! }
//!
//! // What is registered.
//! let machine = json!({
//!     "client_id": "machine",
//!     "client_secret": "a secret of thirty-two characters",
//!     "token_endpoint_auth_method": "client_secret_post",
//!     "grant_types": ["client_credentials"],
//!     "scope": "notes:read",
//! });
//! let machine = client::read(machine.as_object().unwrap(), None).unwrap();
//! let api = json!({ "identifier": "https://api.example/", "scopes": { "notes:read": "Read notes" } });
//! let api = resource::read(api.as_object().unwrap(), None).unwrap();
//!
//! // What the decision is made in.
//! let (master, now) = (SealKey::new(&Secret::random(&Sevens)), Timestamp::from_seconds(1_800_000_000));
//! let place = keyring::Place { master: &master, realm: Realm::MAIN, entropy: &Sevens };
//! let records = [KeyUse::Realm, KeyUse::Signing(Algorithm::ES256)]
//!     .map(|usage| keyring::make(usage, now, now, &place).unwrap());
//! let keyring = Keyring::open(&records, |record| keyring::unwrap(record, Realm::MAIN, &master)).unwrap();
//! let policy = Policy::new("https://id.example");
//! let origin = Origin { address: None, trace_id: "trace".into() };
//! let context =
//!     Context { policy: &policy, keyring: &keyring, epoch: 0, now, entropy: &Sevens, origin: &origin };
//!
//! // The request.
//! let form = Form::parse(
//!     b"grant_type=client_credentials&client_id=machine&client_secret=a+secret+of+thirty-two+characters",
//! )
//! .unwrap();
//! let credential = client_auth::present(&[], &form).unwrap();
//! let step = ByClient { credential: &credential, step: TokenRequest::read(&form) };
//!
//! let mut have = Have::default();
//! let decision = loop {
//!     match step.decide(&have, &context) {
//!         Ok(decision) => break decision,
//!         Err(Stop::Want(Want::Client(id))) => have.client.put(id, Some(Arc::new(machine.clone()))),
//!         Err(Stop::Want(Want::Resources(names, scopes))) => {
//!             have.resources.put((names, scopes), [api.clone()].into());
//!         }
//!         Err(other) => panic!("{other:?}"),
//!     }
//! };
//! assert!(decision.writes.is_empty(), "a machine's token leaves no row");
//! assert_eq!(decision.outcome.scope.to_string(), "notes:read");
//! assert_eq!(decision.outcome.expires_in, 600);
//! ```

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

use std::fmt;

use serde::Serialize;

pub(crate) use self::lookup::alive;
pub use self::{
    lookup::{Ended, PresentedToken, TokenText},
    refusal::TokenRefusal,
};
use crate::{
    client::GrantType,
    client_auth::{AuthenticatedClient, ClientStep},
    form::Form,
    scope::ScopeSet,
    step::{Context, Decided, Have},
};

/// A successful response (RFC 6749 §5.1, Core 1.0 §3.1.3.3).
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
    /// What the access token may do (RFC 6749 §5.1). There is always one: a client takes a missing one for what it asked for. Empty
    /// where the token carries no scope.
    pub scope: ScopeSet,
}

impl fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenResponse").field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// How a token request ends.
pub type TokenDecided = Decided<TokenResponse, TokenRefusal>;

/// A grant type (RFC 6749 §4).
pub trait Grant: Sync {
    /// Its name in a client's registration.
    fn grant_type(&self) -> GrantType;
    /// Parses the parameters of the grant.
    fn read(&self, form: &Form) -> Result<Box<dyn GrantRequest>, TokenRefusal>;
}

/// A parsed request by one grant.
pub trait GrantRequest: Send + Sync {
    /// The decision, for a client that is registered for the grant.
    fn decide(&self, client: AuthenticatedClient<'_>, have: &Have, context: &Context<'_>) -> TokenDecided;
}

/// Every grant, in the order discovery lists them.
pub static GRANTS: &[&dyn Grant] = &[
    &authorization_code::AuthorizationCode,
    &refresh_token::RefreshTokenGrant,
    &client_credentials::ClientCredentials,
];

/// A request to the token endpoint.
pub struct TokenRequest(Result<Parsed, TokenRefusal>);

struct Parsed {
    grant_type: GrantType,
    // Refused in its turn: whose request it is comes first.
    request: Result<Box<dyn GrantRequest>, TokenRefusal>,
}

impl TokenRequest {
    /// Finds the grant and has it parse its parameters (RFC 6749 §3.2, §5.2).
    pub fn read(form: &Form) -> Self {
        Self(parse(form))
    }

    /// Which grant it is, for logs and metrics; `None` when there is no such grant.
    pub fn grant_type(&self) -> Option<GrantType> {
        self.0.as_ref().ok().map(|parsed| parsed.grant_type)
    }

    fn by_grant(&self, client: AuthenticatedClient<'_>, have: &Have, context: &Context<'_>) -> TokenDecided {
        let parsed = self.0.as_ref().map_err(|refusal| *refusal)?;
        if !client.grant_types.contains(&parsed.grant_type) {
            return Err(TokenRefusal::GrantNotAllowed.into());
        }
        parsed.request.as_ref().map_err(|refusal| *refusal)?.decide(client, have, context)
    }
}

fn parse(form: &Form) -> Result<Parsed, TokenRefusal> {
    if let Some(repeated) = form.repeated(&["resource", "audience"]) {
        return Err(repeated.into());
    }
    let name = form.one("grant_type")?.ok_or(TokenRefusal::Missing("grant_type"))?;
    let grant = GRANTS
        .iter()
        .find(|grant| grant.grant_type().as_str() == name)
        .ok_or(TokenRefusal::UnsupportedGrantType)?;
    Ok(Parsed { grant_type: grant.grant_type(), request: grant.read(form) })
}

impl ClientStep for TokenRequest {
    const NAME: &'static str = "token";
    type Outcome = TokenResponse;
    type Refusal = TokenRefusal;

    /// The refusal of a client that proved who it is, is counted; one that only says so is a stranger, and strangers write
    /// nothing of their own.
    fn decide(&self, client: AuthenticatedClient<'_>, have: &Have, context: &Context<'_>) -> TokenDecided {
        self.by_grant(client, have, context)
            .map_err(|stop| stop.map(|refused| refusal::counted(refused, client.client(), context.now)))
    }
}

/// A parameter that the grant cannot do without.
fn required(form: &Form, name: &'static str) -> Result<String, TokenRefusal> {
    Ok(form.one(name)?.ok_or(TokenRefusal::Missing(name))?.to_owned())
}

#[cfg(test)]
#[path = "../../../../docs/guides/examples/probe.rs"]
mod example_probe;
#[cfg(test)]
mod tests;
