//! `client_secret_post`: name and secret in the body (RFC 6749 §2.3.1).

use super::{ClientAuthRefusal, Credentials, Method, Presented};
use crate::client::AuthMethod;

pub(super) struct ClientSecretPost;

impl Method for ClientSecretPost {
    fn method(&self) -> AuthMethod {
        AuthMethod::ClientSecretPost
    }

    fn name(&self) -> &'static str {
        "client_secret_post"
    }

    fn present(&self, credentials: &Credentials<'_>) -> Result<Option<Presented>, ClientAuthRefusal> {
        let Some(secret) = credentials.form.one("client_secret")? else { return Ok(None) };
        let Some(id) = credentials.form.one("client_id")? else {
            // Beside a header it is a second method; alone it belongs to nobody.
            return Err(if credentials.authorization.is_some() {
                ClientAuthRefusal::TwoMethods
            } else {
                ClientAuthRefusal::Missing
            });
        };
        Presented::new(id.to_owned(), AuthMethod::ClientSecretPost, Some(secret)).map(Some)
    }
}
