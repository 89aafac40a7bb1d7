//! The back channel: discovery (OpenID Connect Discovery 1.0 §4), the token endpoint (RFC 6749 §4.1.3, §4.4.2, §6),
//! revocation (RFC 7009) and the API, each request with a line in the log that the page shows.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{RequestBuilder, Response, redirect};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::OnceCell;
use url::{Url, form_urlencoded};

use crate::{ClientSecret, id_token::IssuerKeys};

/// How a confidential client says who it is: exactly one way, the registered one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientAuthentication {
    /// `client_secret_basic`.
    Basic,
    /// `client_secret_post`.
    Post,
}

/// One of our registrations at the issuer.
#[derive(Clone, Debug)]
pub(crate) struct ClientRegistration {
    pub(crate) id: String,
    pub(crate) secret: ClientSecret,
    pub(crate) authentication: ClientAuthentication,
}

/// What we read of the issuer's metadata.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Metadata {
    issuer: String,
    pub(crate) authorization_endpoint: String,
    pub(crate) token_endpoint: String,
    pub(crate) jwks_uri: String,
    pub(crate) revocation_endpoint: Option<String>,
    pub(crate) end_session_endpoint: Option<String>,
}

/// A successful token response (RFC 6749 §5.1).
#[derive(Clone, Deserialize)]
pub(crate) struct ReceivedTokens {
    pub(crate) access_token: String,
    pub(crate) token_type: String,
    pub(crate) refresh_token: Option<String>,
    pub(crate) id_token: Option<String>,
    pub(crate) scope: Option<String>,
}

/// Why something did not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The issuer said no (RFC 6749 §4.1.2.1, §5.2).
    Refused { error: String, description: String },
    /// No response, or none that the specifications define.
    Unreachable(String),
    /// The response cannot be trusted.
    Untrusted(String),
}

/// One request, as the page shows it. Secrets are cut short.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LoggedRequest {
    method: &'static str,
    url: String,
    sent: Map<String, Value>,
    status: Option<u16>,
    received: Value,
}

/// The requests made so far; only the last are kept.
pub(crate) type Log = Vec<LoggedRequest>;
const LOG_LINES: usize = 40;

/// A response of the API.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ApiResponse {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

/// The issuer, its metadata read once.
pub(crate) struct IssuerClient {
    url: String,
    http: Result<reqwest::Client, String>,
    metadata: OnceCell<Metadata>,
}

impl IssuerClient {
    pub(crate) fn new(url: &str) -> Self {
        let http = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(Duration::from_secs(3))
            .timeout(Duration::from_secs(10))
            .build()
            .map_err(|error| error.to_string());
        Self { url: url.to_owned(), http, metadata: OnceCell::new() }
    }

    fn http(&self) -> Result<&reqwest::Client, Trouble> {
        self.http.as_ref().map_err(|error| Trouble::Unreachable(error.clone()))
    }

    /// The metadata. A document that names another issuer is not believed (Discovery 1.0 §4.3).
    pub(crate) async fn metadata(&self) -> Result<&Metadata, Trouble> {
        self.metadata
            .get_or_try_init(|| async {
                let url = format!("{}/.well-known/openid-configuration", self.url);
                let metadata: Metadata = self.fetch(&url).await?;
                if metadata.issuer == self.url {
                    Ok(metadata)
                } else {
                    Err(Trouble::Untrusted("the metadata names another issuer".to_owned()))
                }
            })
            .await
    }

    /// The issuer's keys. Fetched each time: this is an example, and the response is small.
    pub(crate) async fn keys(&self, log: &mut Log) -> Result<IssuerKeys, Trouble> {
        let url = &self.metadata().await?.jwks_uri;
        let answer = run(self.http()?.get(url), "GET", url, Map::new(), log).await?;
        serde_json::from_value(answer.body)
            .map_err(|_| Trouble::Untrusted("the issuer's keys cannot be read".to_owned()))
    }

    async fn fetch<T: serde::de::DeserializeOwned>(&self, url: &str) -> Result<T, Trouble> {
        let response = self.http()?.get(url).send().await.map_err(unreachable)?;
        response.error_for_status().map_err(unreachable)?.json().await.map_err(unreachable)
    }

    /// The URL to send the browser to (RFC 6749 §4.1.1), and the line of the log for what the browser will do.
    pub(crate) async fn authorize(
        &self,
        parameters: &[(&str, &str)],
    ) -> Result<(String, LoggedRequest), Trouble> {
        let endpoint = &self.metadata().await?.authorization_endpoint;
        let sent = masked(parameters.iter().map(|(name, value)| (*name, Value::from(*value))));
        let by_browser = Value::from("The browser went there, and came back with the response.");
        let line =
            LoggedRequest { method: "GET", url: endpoint.clone(), sent, status: None, received: by_browser };
        Ok((with_query(endpoint, parameters)?, line))
    }

    /// The URL that signs the person out at the issuer (RP-Initiated Logout 1.0 §2); `None` when there is none.
    pub(crate) async fn end_session(&self, parameters: &[(&str, &str)]) -> Result<Option<String>, Trouble> {
        let endpoint = &self.metadata().await?.end_session_endpoint;
        endpoint.as_ref().map(|endpoint| with_query(endpoint, parameters)).transpose()
    }

    /// Asks for tokens.
    pub(crate) async fn token(
        &self,
        form: &[(&str, &str)],
        client: &ClientRegistration,
        log: &mut Log,
    ) -> Result<ReceivedTokens, Trouble> {
        let endpoint = &self.metadata().await?.token_endpoint;
        let (status, body) = self.post(endpoint, form, client, log).await?;
        if status != 200 {
            let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
            return Err(match text("error") {
                Some(error) => {
                    Trouble::Refused { error, description: text("error_description").unwrap_or_default() }
                }
                None => Trouble::Unreachable(format!("the token endpoint responded with {status}")),
            });
        }
        let tokens: ReceivedTokens = serde_json::from_value(body)
            .map_err(|_| Trouble::Untrusted("the token response is incomplete".to_owned()))?;
        // RFC 6749 §7.1: a token of a type that we do not know must not be used.
        if tokens.token_type.eq_ignore_ascii_case("Bearer") {
            Ok(tokens)
        } else {
            Err(Trouble::Untrusted("the token has a type we do not know".to_owned()))
        }
    }

    /// Gives a refresh token back (RFC 7009 §2.1). Nothing depends on the response.
    pub(crate) async fn revoke(&self, token: &str, client: &ClientRegistration, log: &mut Log) {
        let form = [("token", token), ("token_type_hint", "refresh_token")];
        if let Ok(Metadata { revocation_endpoint: Some(endpoint), .. }) = self.metadata().await {
            let _ = self.post(endpoint, &form, client, log).await;
        }
    }

    async fn post(
        &self,
        endpoint: &str,
        form: &[(&str, &str)],
        client: &ClientRegistration,
        log: &mut Log,
    ) -> Result<(u16, Value), Trouble> {
        let mut form = form.to_vec();
        let request = self.http()?.post(endpoint);
        let request = match client.authentication {
            ClientAuthentication::Basic => request.header("authorization", basic(client)),
            ClientAuthentication::Post => {
                form.extend([("client_id", client.id.as_str()), ("client_secret", client.secret.0.as_str())]);
                request
            }
        };
        let mut sent = masked(form.iter().map(|(name, value)| (*name, Value::from(*value))));
        if client.authentication == ClientAuthentication::Basic {
            sent.insert("authorization".to_owned(), format!("Basic {}:…", client.id).into());
        }
        let answer = run(request.form(&form), "POST", endpoint, sent, log).await?;
        Ok((answer.status, answer.body))
    }

    /// Calls the API with an access token (RFC 6750 §2.1). With a body it is a POST.
    pub(crate) async fn api(
        &self,
        url: &str,
        access_token: &str,
        body: Option<&Value>,
        log: &mut Log,
    ) -> Result<ApiResponse, Trouble> {
        let http = self.http()?;
        let (request, method) = match body {
            Some(body) => (http.post(url).json(body), "POST"),
            None => (http.get(url), "GET"),
        };
        let mut sent = body.and_then(Value::as_object).cloned().unwrap_or_default();
        sent.insert("authorization".to_owned(), format!("Bearer {}", shortened(access_token)).into());
        run(request.bearer_auth(access_token), method, url, sent, log).await
    }
}

async fn run(
    request: RequestBuilder,
    method: &'static str,
    url: &str,
    sent: Map<String, Value>,
    log: &mut Log,
) -> Result<ApiResponse, Trouble> {
    let mut line = LoggedRequest { method, url: url.to_owned(), sent, status: None, received: Value::Null };
    let answer = match request.send().await {
        Ok(response) => Ok(read(response).await),
        Err(error) => Err(unreachable(error)),
    };
    if let Ok(answer) = &answer {
        line.status = Some(answer.status);
        line.received = match &answer.body {
            Value::Object(members) => {
                masked(members.iter().map(|(name, value)| (name.as_str(), value.clone()))).into()
            }
            other => other.clone(),
        };
    }
    if log.len() >= LOG_LINES {
        log.remove(0);
    }
    log.push(line);
    answer
}

async fn read(response: Response) -> ApiResponse {
    let status = response.status().as_u16();
    let challenge =
        response.headers().get("www-authenticate").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let text = response.text().await.unwrap_or_default();
    let body = match serde_json::from_str(&text) {
        Ok(Value::Null) | Err(_) => challenge.map_or(Value::Null, Value::String),
        Ok(body) => body,
    };
    ApiResponse { status, body }
}

/// RFC 6749 §2.3.1: both halves are form-encoded before they are joined.
fn basic(client: &ClientRegistration) -> String {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(&client.id), encode(&client.secret.0))))
}

fn with_query(endpoint: &str, parameters: &[(&str, &str)]) -> Result<String, Trouble> {
    let mut url = Url::parse(endpoint)
        .map_err(|_| Trouble::Untrusted("the metadata holds something that is no URL".to_owned()))?;
    url.query_pairs_mut().extend_pairs(parameters);
    Ok(url.into())
}

fn unreachable(error: reqwest::Error) -> Trouble {
    Trouble::Unreachable(error.without_url().to_string())
}

const SECRETS: [&str; 6] =
    ["client_secret", "code", "code_verifier", "access_token", "refresh_token", "id_token"];

fn masked<'a>(pairs: impl Iterator<Item = (&'a str, Value)>) -> Map<String, Value> {
    pairs
        .map(|(name, value)| match value {
            Value::String(text) if SECRETS.contains(&name) || name == "token" => {
                let shown = if name == "client_secret" { "…".to_owned() } else { shortened(&text) };
                (name.to_owned(), shown.into())
            }
            other => (name.to_owned(), other),
        })
        .collect()
}

fn shortened(secret: &str) -> String {
    let start: String = secret.chars().take(8).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_form_encoded_first() {
        let client = ClientRegistration {
            id: "a:b".to_owned(),
            secret: ClientSecret("p%+é".to_owned()),
            authentication: ClientAuthentication::Basic,
        };
        let decoded = STANDARD.decode(basic(&client).trim_start_matches("Basic ")).unwrap();
        assert_eq!(decoded, b"a%3Ab:p%25%2B%C3%A9");
    }

    #[test]
    fn the_log_shows_no_secret() {
        let secret = "0123456789abcdef0123456789abcdef";
        for name in SECRETS {
            let shown = Value::from(masked([(name, Value::from(secret))].into_iter())).to_string();
            assert!(!shown.contains("89abcdef"), "{name}: {shown}");
        }
    }
}
