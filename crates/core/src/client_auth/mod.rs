//! Client authentication at the token, introspection and revocation endpoints (RFC 6749 §2.3, §3.2.1; OpenID Connect
//! Core 1.0 §9): exactly one method in a request, and it must be the one the client registered.
//!
//! [`present`] finds the method and the claimed client in the request; [`ByClient`] is the step of an endpoint that clients
//! authenticate at: it compares the credential with the registered client and then decides as that client. Its response is the same,
//! and does the same work, whether there is no such client or its secret is wrong.

mod basic;
mod none;
mod post;
mod secret;

use std::sync::Arc;

pub use basic::read_basic;

use crate::{
    check::CheckRow,
    client::{AuthMethod, Client},
    error::{ErrorCode, Mismatch, OAuthError, Refusal},
    form::{Form, Repeated},
    id::ClientId,
    step::{Context, Decided, Have, Step, Stop},
    store::{Share, Write},
};

/// The longest `client_id` that is looked at, bytes.
const LONGEST_ID: usize = 512;

/// `WWW-Authenticate` of every 401 of these endpoints (RFC 6749 §5.2, RFC 7617 §2).
pub const CHALLENGE: &str = "Basic realm=\"client\", charset=\"UTF-8\"";

/// Where a request can carry a credential.
#[derive(Clone, Copy)]
pub struct CredentialSource<'a> {
    authorization: Option<&'a str>,
    form: &'a Form,
}

/// Where in a request a credential stands. A request has one at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// The `Authorization` header.
    Header,
    /// `client_secret` in the body.
    Secret,
    /// `client_assertion` in the body (RFC 7521 §4.2).
    Assertion,
    /// Nowhere: the request only names the client.
    Nothing,
}

/// A client authentication method.
pub trait Method: Sync {
    /// The value in a client's registration.
    fn method(&self) -> AuthMethod;
    /// Where its credential stands.
    fn carrier(&self) -> Carrier;
    /// Takes the credential out of a request that has one there; `None` when it is of another method with that carrier.
    fn present(&self, source: &CredentialSource<'_>) -> Result<Option<Credential>, ClientAuthRefusal>;
}

/// What a method took from the request to prove who sent it.
pub trait ClientProof: Send + Sync {
    /// Compares it with the registered client of that id; `None` when there is none. It does the same work either way. The
    /// writes (a `jti` that was used) join the commit of the endpoint.
    fn verify(
        &self,
        id: &ClientId,
        client: Option<&Client>,
        have: &Have,
        context: &Context<'_>,
    ) -> Result<Vec<Write>, Stop<ClientAuthRefusal>>;
}

/// Every method, in the order discovery lists them.
pub static METHODS: &[&dyn Method] = &[
    &basic::ClientSecretBasic,
    &post::ClientSecretPost,
    // The last: it needs no credential.
    &none::None,
];

/// Who a request says it comes from, and the proof of it. Nothing is compared yet.
pub struct Credential {
    /// The client to load.
    pub client_id: ClientId,
    method: AuthMethod,
    proof: Box<dyn ClientProof>,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential")
            .field("client_id", &self.client_id)
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

impl Credential {
    fn new(
        client_id: String,
        method: AuthMethod,
        proof: impl ClientProof + 'static,
    ) -> Result<Self, ClientAuthRefusal> {
        if client_id.len() > LONGEST_ID {
            return Err(ClientAuthRefusal::TooLong("client_id"));
        }
        Ok(Self { client_id: ClientId(client_id), method, proof: Box::new(proof) })
    }
}

/// The proof that a request comes from a client: only [`ByClient`] makes one. For a public client it proves no more
/// than the name, and that the client is registered as one.
#[derive(Clone, Copy, Debug)]
pub struct AuthenticatedClient<'a> {
    client: &'a Client,
}

impl<'a> AuthenticatedClient<'a> {
    /// The client, for as long as its record lives.
    pub const fn client(&self) -> &'a Client {
        self.client
    }
}

impl std::ops::Deref for AuthenticatedClient<'_> {
    type Target = Client;
    fn deref(&self) -> &Client {
        self.client
    }
}

/// Why client authentication failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientAuthRefusal {
    /// More than one `Authorization` header, or more than one method (RFC 6749 §2.3).
    TwoMethods,
    /// A parameter stands more than once.
    Repeated(&'static str),
    /// `client_id` in the body names another client than the credential.
    ClientIdMismatch,
    /// The header is not a Basic credential (RFC 7617 §2, RFC 6749 §2.3.1).
    MalformedHeader,
    /// A value longer than any we register; names it.
    TooLong(&'static str),
    /// A method that does not exist here, an assertion for one.
    UnsupportedMethod,
    /// Nothing says which client it is.
    Missing,
    /// No such client.
    UnknownClient(ClientId),
    /// The client is disabled.
    Disabled(ClientId),
    /// Another method than the registered one.
    WrongMethod(ClientId),
    /// The same, by who holds the right credential: told which method it is.
    ProvedByWrongMethod(ClientId, AuthMethod),
    /// No secret, or an empty one.
    NoSecret(ClientId),
    /// The wrong secret.
    WrongSecret(ClientId),
}

impl From<Repeated> for ClientAuthRefusal {
    fn from(Repeated(name): Repeated) -> Self {
        Self::Repeated(name)
    }
}

impl Refusal for ClientAuthRefusal {
    fn public(&self) -> OAuthError {
        let (code, description) = match self {
            Self::Repeated(name) => {
                return OAuthError::about(ErrorCode::InvalidRequest, name, "is repeated");
            }
            // These follow from the request alone and say nothing of what is registered.
            Self::TooLong(name) => return OAuthError::about(ErrorCode::InvalidClient, name, "is too long"),
            Self::Missing => return OAuthError::about(ErrorCode::InvalidClient, "client_id", "is missing"),
            Self::MalformedHeader => (
                ErrorCode::InvalidClient,
                "the Authorization header is not client_id and client_secret as Basic",
            ),
            Self::UnsupportedMethod => {
                (ErrorCode::InvalidClient, "this way of authenticating the client is not supported")
            }
            Self::TwoMethods => {
                (ErrorCode::InvalidRequest, "the request authenticates the client in more than one way")
            }
            Self::ClientIdMismatch => {
                (ErrorCode::InvalidRequest, "client_id differs from the client that authenticates")
            }
            Self::ProvedByWrongMethod(_, AuthMethod::ClientSecretBasic) => (
                ErrorCode::InvalidClient,
                "the client is registered for client_secret_basic: its secret belongs into the Authorization header",
            ),
            Self::ProvedByWrongMethod(_, AuthMethod::ClientSecretPost) => (
                ErrorCode::InvalidClient,
                "the client is registered for client_secret_post: its secret belongs into the body, as client_secret",
            ),
            Self::ProvedByWrongMethod(_, AuthMethod::None) => {
                (ErrorCode::InvalidClient, "the client is registered for none: it sends client_id alone")
            }
            // The same response for all of them: it must not show which clients exist, or how they authenticate.
            Self::UnknownClient(_)
            | Self::Disabled(_)
            | Self::WrongMethod(_)
            | Self::NoSecret(_)
            | Self::WrongSecret(_) => (ErrorCode::InvalidClient, "client authentication failed"),
        };
        OAuthError::new(code, description)
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::TwoMethods => "two_methods",
            Self::Repeated(_) => "repeated_parameter",
            Self::ClientIdMismatch => "client_id_mismatch",
            Self::MalformedHeader => "malformed_header",
            Self::TooLong(_) => "too_long",
            Self::UnsupportedMethod => "unsupported_method",
            Self::Missing => "missing",
            Self::UnknownClient(_) => "unknown_client",
            Self::Disabled(_) => "client_disabled",
            Self::WrongMethod(_) | Self::ProvedByWrongMethod(..) => "wrong_method",
            Self::NoSecret(_) => "no_secret",
            Self::WrongSecret(_) => "wrong_secret",
        }
    }
}

/// Finds the one method a request uses. `authorization` holds the value of every `Authorization` header; one that is not
/// text is given as an empty string.
pub fn present(authorization: &[&str], form: &Form) -> Result<Credential, ClientAuthRefusal> {
    let authorization = match authorization {
        [] => None,
        [one] => Some(*one),
        _ => return Err(ClientAuthRefusal::TwoMethods),
    };
    let has = |name| form.one(name).map(|value| value.is_some());
    let carriers = [
        (Carrier::Header, authorization.is_some()),
        (Carrier::Secret, has("client_secret")?),
        (Carrier::Assertion, has("client_assertion")? || has("client_assertion_type")?),
    ];
    let mut used = carriers.into_iter().filter_map(|(carrier, is_used)| is_used.then_some(carrier));
    let carrier = used.next().unwrap_or(Carrier::Nothing);
    if used.next().is_some() {
        return Err(ClientAuthRefusal::TwoMethods);
    }
    let source = CredentialSource { authorization, form };
    let mut methods = METHODS.iter().filter(|method| method.carrier() == carrier);
    let credential = methods
        .find_map(|method| method.present(&source).transpose())
        .unwrap_or(Err(ClientAuthRefusal::UnsupportedMethod))?;
    match form.one("client_id")? {
        Some(named) if named != credential.client_id.as_str() => Err(ClientAuthRefusal::ClientIdMismatch),
        Some(_) | None => Ok(credential),
    }
}

/// The client that a request says it comes from, also one that presents no credential which could be compared: for the log.
pub fn claimed(authorization: &[&str], form: &Form) -> Option<ClientId> {
    let in_header = authorization.first().and_then(|header| read_basic(header).ok()).map(|(id, _)| id);
    let id = in_header.or_else(|| form.many("client_id").next().map(str::to_owned))?;
    (id.len() <= LONGEST_ID).then_some(ClientId(id))
}

/// Compares a credential with the client that was loaded for it.
pub(crate) fn authenticate<'a>(
    credential: &Credential,
    client: Option<&'a Client>,
    have: &Have,
    context: &Context<'_>,
) -> Result<(AuthenticatedClient<'a>, Vec<Write>), Stop<ClientAuthRefusal>> {
    // Compared before anything else is looked at: every refusal below has cost the same.
    let proved = credential.proof.verify(&credential.client_id, client, have, context);
    let id = || credential.client_id.clone();
    let client = client
        .filter(|client| client.client_id == credential.client_id)
        .ok_or_else(|| ClientAuthRefusal::UnknownClient(id()))?;
    if client.disabled {
        return Err(ClientAuthRefusal::Disabled(id()).into());
    }
    if !client.takes(credential.method) {
        let is_holder = credential.method.sends_secret() && proved.is_ok();
        return Err(if is_holder {
            ClientAuthRefusal::ProvedByWrongMethod(id(), client.token_endpoint_auth_method)
        } else {
            ClientAuthRefusal::WrongMethod(id())
        }
        .into());
    }
    Ok((AuthenticatedClient { client }, proved?))
}

/// A step of an authenticated client.
pub trait ClientStep: Sync {
    /// As of [`Step`].
    const NAME: &'static str;
    /// As of [`Step`].
    type Outcome: Send;
    /// As of [`Step`].
    type Refusal: Refusal + Send;
    /// As of [`Step`], for the client that proved who it is.
    fn decide(
        &self,
        client: AuthenticatedClient<'_>,
        have: &Have,
        context: &Context<'_>,
    ) -> Decided<Self::Outcome, Self::Refusal>;
    /// As of [`Step`].
    fn checks() -> impl Iterator<Item = &'static CheckRow> {
        std::iter::empty()
    }
}

/// Authenticates the client, then decides as that client.
#[derive(Debug)]
pub struct ByClient<'a, S> {
    /// Who says it sends the request.
    pub credential: &'a Credential,
    /// What it asks for.
    pub step: S,
}

/// Why a request of a client is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientRefusal<R> {
    /// It did not prove who it is.
    Authentication(ClientAuthRefusal),
    /// It did, and what it asks for is refused.
    Request(R),
}

impl<R: Refusal> Refusal for ClientRefusal<R> {
    fn public(&self) -> OAuthError {
        match self {
            Self::Authentication(refusal) => refusal.public(),
            Self::Request(refusal) => refusal.public(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Authentication(refusal) => refusal.reason(),
            Self::Request(refusal) => refusal.reason(),
        }
    }

    fn mismatch(&self) -> Option<Mismatch> {
        match self {
            Self::Authentication(refusal) => refusal.mismatch(),
            Self::Request(refusal) => refusal.mismatch(),
        }
    }
}

impl<S: ClientStep> Step for ByClient<'_, S> {
    const NAME: &'static str = S::NAME;
    const SHARE: Share = Share::Grants;
    type Outcome = S::Outcome;
    type Refusal = ClientRefusal<S::Refusal>;

    fn decide(&self, have: &Have, context: &Context<'_>) -> Decided<Self::Outcome, Self::Refusal> {
        let client = have.client(&self.credential.client_id)?.map(Arc::as_ref);
        let (client, proved) = authenticate(self.credential, client, have, context)
            .map_err(|stop| stop.map(|refused| refused.map(ClientRefusal::Authentication)))?;
        match self.step.decide(client, have, context) {
            Ok(mut decision) => {
                decision.writes.extend(proved);
                Ok(decision)
            }
            Err(stop) => Err(stop.map(|mut refused| {
                refused.writes.extend(proved);
                refused.map(ClientRefusal::Request)
            })),
        }
    }

    fn checks() -> impl Iterator<Item = &'static CheckRow> {
        S::checks()
    }
}

#[cfg(test)]
#[path = "../../../../docs/guides/examples/client_mac.rs"]
mod example_client_mac;
#[cfg(test)]
mod tests;
