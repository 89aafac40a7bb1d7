//! `client_secret_post`: name and secret in the body (RFC 6749 §2.3.1).

use super::{ClientAuthRefusal, Credential, CredentialSource, Method, secret::SharedSecret};
use crate::client::AuthMethod;

pub(super) struct ClientSecretPost;

impl Method for ClientSecretPost {
    fn method(&self) -> AuthMethod {
        AuthMethod::ClientSecretPost
    }

    fn present(&self, source: &CredentialSource<'_>) -> Result<Option<Credential>, ClientAuthRefusal> {
        let Some(secret) = source.form.one("client_secret")? else { return Ok(None) };
        let Some(id) = source.form.one("client_id")? else {
            // Beside a header it is a second method; without `client_id` no client is named.
            return Err(if source.authorization.is_some() {
                ClientAuthRefusal::TwoMethods
            } else {
                ClientAuthRefusal::Missing
            });
        };
        Credential::new(id.to_owned(), AuthMethod::ClientSecretPost, SharedSecret::read(secret)?).map(Some)
    }
}
