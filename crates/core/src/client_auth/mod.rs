//! Client authentication at the token, introspection and revocation endpoints (RFC 6749 §2.3, §3.2.1; OpenID Connect
//! Core 1.0 §9): exactly one method in a request, and it must be the one the client registered.
//!
//! Two steps, so that the store is read in between: [`present`] finds the method and the claimed client in the request,
//! [`authenticate`] compares them with the registered client. The second answers alike, and does the same work, whether
//! there is no such client or its secret is wrong.

mod basic;
mod none;
mod post;

use crate::{
    client::{AuthMethod, Client},
    error::{ErrorCode, OAuthError, Refusal},
    form::{Form, Repeated},
    id::ClientId,
    secret::Digest,
};

/// The longest `client_id` and the longest secret that are looked at.
const LONGEST_ID: usize = 512;
const LONGEST_SECRET: usize = 1024;

/// `WWW-Authenticate` of every 401 of these endpoints (RFC 6749 §5.2, RFC 7617 §2).
pub const CHALLENGE: &str = "Basic realm=\"client\", charset=\"UTF-8\"";

/// Where a request can carry a credential.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    authorization: Option<&'a str>,
    form: &'a Form,
}

/// A client authentication method.
pub trait Method: Sync {
    /// The value in a client's registration.
    fn method(&self) -> AuthMethod;
    /// The registered name (`token_endpoint_auth_method`).
    fn name(&self) -> &'static str;
    /// What the request presents by this method; `None` when it does not use it.
    fn present(&self, credentials: &Credentials<'_>) -> Result<Option<Presented>, ClientAuthRefusal>;
}

/// Every method, in the order discovery lists them.
pub static METHODS: &[&dyn Method] = &[&basic::ClientSecretBasic, &post::ClientSecretPost, &none::None];

/// Who a request says it comes from, and the credential for it. Nothing is proven yet.
#[derive(Clone, Debug)]
pub struct Presented {
    /// The client to load.
    pub client_id: ClientId,
    method: AuthMethod,
    // Digested at once, so that no code behind this point has the secret, and so that an unknown client costs as much.
    secret: Option<Digest>,
}

impl Presented {
    fn new(client_id: String, method: AuthMethod, secret: Option<&str>) -> Result<Self, ClientAuthRefusal> {
        if client_id.len() > LONGEST_ID || secret.is_some_and(|secret| secret.len() > LONGEST_SECRET) {
            return Err(ClientAuthRefusal::TooLong);
        }
        let secret = secret.filter(|secret| !secret.is_empty()).map(|secret| Digest::of(secret.as_bytes()));
        Ok(Self { client_id: ClientId(client_id), method, secret })
    }
}

/// The proof that a request comes from a client: only [`authenticate`] makes one. For a public client it proves no more
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
    /// A name or secret longer than any we register.
    TooLong,
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
            Self::TwoMethods => {
                (ErrorCode::InvalidRequest, "the request authenticates the client in more than one way")
            }
            Self::Repeated(_) => (ErrorCode::InvalidRequest, "a parameter is repeated"),
            Self::ClientIdMismatch => {
                (ErrorCode::InvalidRequest, "client_id differs from the client that authenticates")
            }
            // One answer for all that follow: it must not tell which clients exist, or how they authenticate.
            _ => (ErrorCode::InvalidClient, "client authentication failed"),
        };
        OAuthError::new(code, description)
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::TwoMethods => "two_methods",
            Self::Repeated(_) => "repeated_parameter",
            Self::ClientIdMismatch => "client_id_mismatch",
            Self::MalformedHeader => "malformed_header",
            Self::TooLong => "too_long",
            Self::UnsupportedMethod => "unsupported_method",
            Self::Missing => "missing",
            Self::UnknownClient(_) => "unknown_client",
            Self::Disabled(_) => "client_disabled",
            Self::WrongMethod(_) => "wrong_method",
            Self::NoSecret(_) => "no_secret",
            Self::WrongSecret(_) => "wrong_secret",
        }
    }
}

/// Finds the one method a request uses. `authorization` holds the value of every `Authorization` header; one that is not
/// text is given as an empty string.
pub fn present(authorization: &[&str], form: &Form) -> Result<Presented, ClientAuthRefusal> {
    let authorization = match authorization {
        [] => None,
        [one] => Some(*one),
        _ => return Err(ClientAuthRefusal::TwoMethods),
    };
    let credentials = Credentials { authorization, form };
    let assertion = form.one("client_assertion")?.is_some() || form.one("client_assertion_type")?.is_some();
    let mut found = None;
    for method in METHODS {
        if let Some(presented) = method.present(&credentials)?
            && found.replace(presented).is_some()
        {
            return Err(ClientAuthRefusal::TwoMethods);
        }
    }
    let named = form.one("client_id")?;
    match found {
        Some(presented) if assertion && presented.method != AuthMethod::None => {
            Err(ClientAuthRefusal::TwoMethods)
        }
        _ if assertion => Err(ClientAuthRefusal::UnsupportedMethod),
        Some(presented) if named.is_some_and(|named| named != presented.client_id.as_str()) => {
            Err(ClientAuthRefusal::ClientIdMismatch)
        }
        Some(presented) => Ok(presented),
        None => Err(ClientAuthRefusal::Missing),
    }
}

/// Compares what was presented with the client that was loaded for it.
pub fn authenticate<'a>(
    presented: &Presented,
    client: Option<&'a Client>,
) -> Result<AuthenticatedClient<'a>, ClientAuthRefusal> {
    // Compared before anything else is looked at, with a digest of nothing where there is none: every refusal below has
    // cost the same.
    let registered = client.and_then(|client| client.client_secret).unwrap_or(Digest([0; 32]));
    let right = presented.secret.unwrap_or(Digest([0xff; 32])) == registered;

    let id = || presented.client_id.clone();
    let client = client
        .filter(|client| client.client_id == presented.client_id)
        .ok_or_else(|| ClientAuthRefusal::UnknownClient(id()))?;
    if client.disabled {
        return Err(ClientAuthRefusal::Disabled(id()));
    }
    if presented.method != client.token_endpoint_auth_method {
        return Err(ClientAuthRefusal::WrongMethod(id()));
    }
    match presented.method {
        // A client that was given a secret is never public, whatever else its record says.
        AuthMethod::None if client.client_secret.is_some() => Err(ClientAuthRefusal::NoSecret(id())),
        AuthMethod::None => Ok(AuthenticatedClient { client }),
        AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost => {
            if presented.secret.is_none() || client.client_secret.is_none() {
                Err(ClientAuthRefusal::NoSecret(id()))
            } else if right {
                Ok(AuthenticatedClient { client })
            } else {
                Err(ClientAuthRefusal::WrongSecret(id()))
            }
        }
    }
}

#[cfg(test)]
mod tests;
