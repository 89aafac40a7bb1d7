//! The tower layer: finds the token (RFC 6750 §2.1), has it checked, and calls on with [`AccessToken`] in the request's
//! extensions, or responds in place of the service.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use grantwell_core::scope::ScopeSet;
use http::{HeaderMap, Request, Response, Uri, header};
use tower::{Layer, Service};
use url::form_urlencoded;

use crate::{ResourceServer, challenge::CallRefusal, verify::AccessToken};

/// How a token is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Here, with the issuer's keys.
    Local,
    /// By the issuer, at every call.
    Introspecting,
}

/// Lets through what carries a good access token with the needed scopes.
#[derive(Clone)]
pub struct TokenLayer {
    server: ResourceServer,
    mode: Mode,
    needed: ScopeSet,
}

impl TokenLayer {
    pub(crate) fn new(server: ResourceServer, mode: Mode) -> Self {
        Self { server, mode, needed: ScopeSet::default() }
    }

    /// Demands `scope`, or several separated by spaces: all of them, and all of those demanded before.
    pub fn require(mut self, scope: &str) -> Self {
        for scope in scope.split_ascii_whitespace() {
            self.needed.insert(scope);
        }
        self
    }

    async fn check(&self, authorization: Result<String, CallRefusal>) -> Result<AccessToken, CallRefusal> {
        let token = authorization?;
        let token = match self.mode {
            Mode::Local => self.server.verify(&token).await?,
            Mode::Introspecting => self.server.introspect(&token).await?,
        };
        if self.needed.is_subset(token.scopes()) { Ok(token) } else { Err(CallRefusal::InsufficientScope) }
    }
}

impl fmt::Debug for TokenLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenLayer")
            .field("server", &self.server)
            .field("mode", &self.mode)
            .field("needed", &self.needed)
            .finish()
    }
}

impl<S> Layer<S> for TokenLayer {
    type Service = TokenService<S>;
    fn layer(&self, inner: S) -> Self::Service {
        TokenService { layer: self.clone(), inner }
    }
}

/// A service behind [`TokenLayer`].
#[derive(Clone, Debug)]
pub struct TokenService<S> {
    layer: TokenLayer,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for TokenService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let fresh = self.inner.clone();
        // The instance that was polled ready is the one to call.
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        let layer = self.layer.clone();
        let authorization = bearer(request.headers(), request.uri());
        Box::pin(async move {
            match layer.check(authorization).await {
                Ok(token) => {
                    request.extensions_mut().insert(token);
                    inner.call(request).await
                }
                Err(refusal) => {
                    tracing::debug!(reason = ?refusal, "call refused");
                    Ok(refusal.response(&layer.server.0.metadata_url, &layer.needed))
                }
            }
        })
    }
}

/// The token of a request: in one `Authorization` header and nowhere else (RFC 6750 §2, OAuth 2.1 §5.1).
fn bearer(headers: &HeaderMap, uri: &Uri) -> Result<String, CallRefusal> {
    let in_query = uri.query().is_some_and(|query| {
        form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "access_token")
    });
    if in_query {
        return Err(CallRefusal::TokenInQuery);
    }
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Err(CallRefusal::NoToken) };
    if values.next().is_some() {
        return Err(CallRefusal::TwoAuthorizations);
    }
    let value = value.to_str().map_err(|_| CallRefusal::Malformed)?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(CallRefusal::NoToken);
    }
    let token = token.trim_matches(' ');
    // RFC 6750 §2.1, b64token.
    let body = token.trim_end_matches('=');
    let b64token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    if body.is_empty() || !body.bytes().all(b64token) {
        return Err(CallRefusal::Malformed);
    }
    Ok(token.to_owned())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(values: &[&'static str], uri: &'static str) -> Result<String, CallRefusal> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_static(value));
        }
        bearer(&headers, &Uri::from_static(uri))
    }

    #[test]
    fn t_13_a_token_comes_once_and_in_the_header() {
        assert_eq!(of(&["Bearer abc"], "/notes?a=b"), Ok("abc".to_owned()));
        assert_eq!(of(&["bEARER  a.b-c_d~e+f/g=="], "/"), Ok("a.b-c_d~e+f/g==".to_owned()));
        assert_eq!(of(&[], "/"), Err(CallRefusal::NoToken));
        assert_eq!(of(&["Basic YTpi"], "/"), Err(CallRefusal::NoToken));
        assert_eq!(of(&["Bearerabc"], "/"), Err(CallRefusal::NoToken));
        assert_eq!(of(&["Bearer abc", "Bearer abc"], "/"), Err(CallRefusal::TwoAuthorizations));
        assert_eq!(of(&["Basic YTpi", "Bearer abc"], "/"), Err(CallRefusal::TwoAuthorizations));
        for uri in ["/?access_token=abc", "/?a=b&access_token=", "/?access%5Ftoken=abc"] {
            assert_eq!(of(&["Bearer abc"], uri), Err(CallRefusal::TokenInQuery), "{uri}");
            assert_eq!(of(&[], uri), Err(CallRefusal::TokenInQuery), "{uri}");
        }
        for malformed in ["Bearer", "Bearer ", "Bearer =", "Bearer a b", "Bearer a,b", "Bearer \"a\""] {
            assert_eq!(of(&[malformed], "/"), Err(CallRefusal::Malformed), "{malformed}");
        }
    }
}
