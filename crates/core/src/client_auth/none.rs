//! `none`: a public client says who it is and proves nothing (RFC 6749 §3.2.1); PKCE binds the code to it.

use super::{Carrier, ClientAuthRefusal, ClientProof, Credential, CredentialSource, Method};
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

    /// An empty `client_secret` is one that was left out (RFC 6749 §3.2).
    fn carrier(&self) -> Carrier {
        Carrier::Nothing
    }

    fn present(&self, source: &CredentialSource<'_>) -> Result<Option<Credential>, ClientAuthRefusal> {
        let id = source.form.one("client_id")?.ok_or(ClientAuthRefusal::Missing)?;
        Credential::new(id.to_owned(), AuthMethod::None, Nothing).map(Some)
    }
}

struct Nothing;

impl ClientProof for Nothing {
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
