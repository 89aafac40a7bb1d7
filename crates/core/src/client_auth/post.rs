//! `client_secret_post`: name and secret in the body (RFC 6749 §2.3.1).

use super::{Carrier, ClientAuthRefusal, Credential, CredentialSource, Method, secret::SharedSecret};
use crate::client::AuthMethod;

pub(super) struct ClientSecretPost;

impl Method for ClientSecretPost {
    fn method(&self) -> AuthMethod {
        AuthMethod::ClientSecretPost
    }

    fn carrier(&self) -> Carrier {
        Carrier::Secret
    }

    fn present(&self, source: &CredentialSource<'_>) -> Result<Option<Credential>, ClientAuthRefusal> {
        let Some(secret) = source.form.one("client_secret")? else { return Ok(None) };
        let id = source.form.one("client_id")?.ok_or(ClientAuthRefusal::Missing)?;
        Credential::new(id.to_owned(), AuthMethod::ClientSecretPost, SharedSecret::read(secret)?).map(Some)
    }
}
