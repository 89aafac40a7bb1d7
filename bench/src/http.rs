//! A client that keeps one connection open and sends one request at a time: plain HTTP/1.1 to loopback.

use std::{net::SocketAddr, time::Duration};

use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, body::Bytes, client::conn::http1::SendRequest, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpStream, task::JoinHandle, time::timeout};

/// After so long a request counts as lost.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why there is no answer, or none of use.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The connection broke or nothing came in time: the request may have taken effect.
    Lost(String),
    /// The server asks to try again in a moment; what it was asked for may have happened, or not.
    Busy(String),
    /// An answer that the flow has no use for.
    Unexpected(String),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lost(why) => write!(f, "no answer: {why}"),
            Self::Busy(what) => write!(f, "try again: {what}"),
            Self::Unexpected(what) => write!(f, "an answer that does not fit: {what}"),
        }
    }
}

fn lost(error: impl std::fmt::Display) -> Fault {
    Fault::Lost(error.to_string())
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    method: Method,
    target: String,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

impl Call {
    pub(crate) fn get(target: &str) -> Self {
        Self { method: Method::GET, target: target.to_owned(), headers: Vec::new(), body: Bytes::new() }
    }

    pub(crate) fn post(target: &str, fields: &[(&str, &str)]) -> Self {
        let kind = ("content-type", "application/x-www-form-urlencoded".to_owned());
        Self { method: Method::POST, headers: vec![kind], body: form(fields).into(), ..Self::get(target) }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// `application/x-www-form-urlencoded`.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// An answer, read whole.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) cookies: Vec<String>,
    pub(crate) retry_after: Option<String>,
    body: Bytes,
}

impl Reply {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// Whether the body holds these bytes, without reading it as anything.
    pub(crate) fn holds(&self, bytes: &[u8]) -> bool {
        self.body.windows(bytes.len()).any(|window| window == bytes)
    }

    pub(crate) fn expect(self, status: u16) -> Result<Self, Fault> {
        if self.status == status { Ok(self) } else { Err(self.unexpected()) }
    }

    pub(crate) fn unexpected(&self) -> Fault {
        let body: String = self.text().chars().take(200).collect();
        let what = format!("{} {} {body}", self.status, self.location.as_deref().unwrap_or_default());
        match (self.status, &self.retry_after) {
            (429 | 503, Some(_)) => Fault::Busy(what),
            // A proxy had no answer, or lost it.
            (502 | 504, _) => Fault::Lost(what),
            _ => Fault::Unexpected(what),
        }
    }

    /// A parameter of the redirect.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let (_, query) = self.location.as_deref()?.split_once('?')?;
        form_urlencoded::parse(query.as_bytes())
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.into_owned())
    }
}

/// One connection, kept open, opened again when the other side closed it.
#[derive(Debug)]
pub(crate) struct HttpConnection {
    address: SocketAddr,
    host: String,
    open: Option<(SendRequest<Full<Bytes>>, JoinHandle<()>)>,
}

impl Drop for HttpConnection {
    fn drop(&mut self) {
        if let Some((_, driver)) = &self.open {
            driver.abort();
        }
    }
}

impl HttpConnection {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, host: address.to_string(), open: None }
    }

    async fn sender(&mut self) -> Result<&mut SendRequest<Full<Bytes>>, Fault> {
        let usable = match &mut self.open {
            Some((sender, _)) => sender.ready().await.is_ok(),
            None => false,
        };
        if !usable {
            let stream = TcpStream::connect(self.address).await.map_err(lost)?;
            stream.set_nodelay(true).map_err(lost)?;
            let io = TokioIo::new(stream);
            let (sender, driver) = hyper::client::conn::http1::handshake(io).await.map_err(lost)?;
            let driver = tokio::spawn(async move {
                // Errors go to the task that waits for the answer.
                let _ = driver.await;
            });
            self.open = Some((sender, driver));
        }
        self.open.as_mut().map(|(sender, _)| sender).ok_or_else(|| Fault::Lost("not connected".to_owned()))
    }

    pub(crate) async fn send(&mut self, call: Call) -> Result<Reply, Fault> {
        let done = timeout(PATIENCE, self.exchange(call)).await;
        let done = done.unwrap_or_else(|_| Err(Fault::Lost(format!("{} s passed", PATIENCE.as_secs()))));
        if done.is_err() {
            self.open = None;
        }
        done
    }

    async fn exchange(&mut self, call: Call) -> Result<Reply, Fault> {
        let mut request = Request::builder()
            .method(call.method)
            .uri(call.target)
            .header(header::HOST, &self.host)
            .header(header::ACCEPT, "*/*");
        for (name, value) in call.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(call.body)).map_err(lost)?;
        let (parts, body) = self.sender().await?.send_request(request).await.map_err(lost)?.into_parts();
        let body = body.collect().await.map_err(lost)?.to_bytes();
        let text = |value: &header::HeaderValue| value.to_str().unwrap_or_default().to_owned();
        Ok(Reply {
            status: parts.status.as_u16(),
            location: parts.headers.get(header::LOCATION).map(text),
            retry_after: parts.headers.get(header::RETRY_AFTER).map(text),
            cookies: parts.headers.get_all(header::SET_COOKIE).iter().map(text).collect(),
            body,
        })
    }
}
