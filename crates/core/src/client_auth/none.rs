//! `none`: a public client says who it is and proves nothing (RFC 6749 §3.2.1); PKCE binds the code to it.

use super::{ClientAuthRefusal, Credential, CredentialSource, Method, Proof};
use crate::{
    client::{AuthMethod, Client},
    id::ClientId,
    step::{Context, Have, Stop},
    store::Write,
};

pub(super) struct None;

impl Method for None {
    fn method(&self) -> AuthMethod {
        AuthMethod::None
    }

    /// Only where there is no credential at all. An empty `client_secret` is one that was left out (RFC 6749 §3.2).
    fn present(&self, source: &CredentialSource<'_>) -> Result<Option<Credential>, ClientAuthRefusal> {
        if source.authorization.is_some() || source.form.one("client_secret")?.is_some() {
            return Ok(Option::None);
        }
        source
            .form
            .one("client_id")?
            .map(|id| Credential::new(id.to_owned(), AuthMethod::None, Nothing))
            .transpose()
    }
}

struct Nothing;

impl Proof for Nothing {
    /// A client that was given a secret is never public, whatever else its record says.
    fn verify(
        &self,
        id: &ClientId,
        client: Option<&Client>,
        _: &Have,
        _: &Context<'_>,
    ) -> Result<Vec<Write>, Stop<ClientAuthRefusal>> {
        if client.is_some_and(|client| client.client_secret.is_some()) {
            return Err(ClientAuthRefusal::NoSecret(id.clone()).into());
        }
        Ok(Vec::new())
    }
}
