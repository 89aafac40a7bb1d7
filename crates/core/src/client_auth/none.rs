//! `none`: a public client says who it is and proves nothing (RFC 6749 §3.2.1); PKCE binds the code to it.

use super::{ClientAuthRefusal, Credentials, Method, Presented};
use crate::client::AuthMethod;

pub(super) struct None;

impl Method for None {
    fn method(&self) -> AuthMethod {
        AuthMethod::None
    }

    fn name(&self) -> &'static str {
        "none"
    }

    /// Only where there is no credential at all. An empty `client_secret` is one that was left out (RFC 6749 §3.2).
    fn present(&self, credentials: &Credentials<'_>) -> Result<Option<Presented>, ClientAuthRefusal> {
        if credentials.authorization.is_some() || credentials.form.one("client_secret")?.is_some() {
            return Ok(Option::None);
        }
        credentials
            .form
            .one("client_id")?
            .map(|id| Presented::new(id.to_owned(), AuthMethod::None, Option::None))
            .transpose()
    }
}
