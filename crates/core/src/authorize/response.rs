//! The authorization response (RFC 6749 §4.1.2, RFC 9207 §2): parameters, and how each response mode carries them.

use crate::{
    error::OAuthError,
    store::{Redirect, ResponseMode},
};

/// A response to the client by way of the browser. It can be made only with a checked destination.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthorizationResponse {
    redirect_uri: String,
    mode: ResponseMode,
    parameters: Vec<(&'static str, String)>,
}

/// How the browser is made to deliver it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery<'a> {
    /// 303 to this URI.
    Redirect(String),
    /// A page with a form that posts these parameters to this URI.
    Form {
        /// The registered redirect URI.
        action: &'a str,
        /// Names and values, in order.
        parameters: &'a [(&'static str, String)],
    },
}

/// The code is a secret.
impl std::fmt::Debug for AuthorizationResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.parameters.iter().map(|(name, _)| name).collect();
        f.debug_struct("AuthorizationResponse").field("parameters", &names).finish_non_exhaustive()
    }
}

impl AuthorizationResponse {
    /// A code.
    pub fn code(to: &Redirect, code: String, issuer: &str) -> Self {
        Self::new(to, vec![("code", code)], issuer)
    }

    /// A refusal.
    pub fn error(to: &Redirect, error: OAuthError, issuer: &str) -> Self {
        let parameters = vec![
            ("error", error.code.as_str().to_owned()),
            ("error_description", error.sentence().into_owned()),
        ];
        Self::new(to, parameters, issuer)
    }

    fn new(to: &Redirect, mut parameters: Vec<(&'static str, String)>, issuer: &str) -> Self {
        parameters.extend(to.state.clone().map(|state| ("state", state)));
        parameters.push(("iss", issuer.to_owned()));
        Self { redirect_uri: to.uri.clone(), mode: to.mode, parameters }
    }

    /// How to deliver it.
    pub fn delivery(&self) -> Delivery<'_> {
        match self.mode {
            ResponseMode::FormPost => {
                Delivery::Form { action: &self.redirect_uri, parameters: &self.parameters }
            }
            ResponseMode::Query => {
                let mut query = form_urlencoded::Serializer::new(String::new());
                for (name, value) in &self.parameters {
                    query.append_pair(name, value);
                }
                // RFC 6749 §3.1.2: a query that the registered URI has is kept.
                let separator = if self.redirect_uri.contains('?') { '&' } else { '?' };
                Delivery::Redirect(format!("{}{separator}{}", self.redirect_uri, query.finish()))
            }
        }
    }

    /// The `error`, where it is one.
    pub fn error_code(&self) -> Option<&str> {
        self.parameters.iter().find(|(name, _)| *name == "error").map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests;
