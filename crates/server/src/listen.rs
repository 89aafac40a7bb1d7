//! Listening: HTTP/1.1 and HTTP/2, with or without TLS, bounded in connections, headers and time (catalogue H-01 to H-04,
//! H-11, Z-01), drained on shutdown.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use axum::{Router, body::Body, http::Request};
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Notify, Semaphore, watch},
};
use tokio_rustls::TlsAcceptor;
use tower::Service;

use crate::{
    http::exchange::Peer,
    tls_files::{self, TlsFileError, TlsFiles},
};

/// Largest head of a request.
const LARGEST_HEAD: usize = 16 * 1024;
/// A TLS handshake must be done by then.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// After a failed accept (no file descriptors left) it waits so long, instead of spinning.
const BACK_OFF: Duration = Duration::from_millis(50);

/// What connections may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Open at once.
    pub(crate) connections: usize,
    /// The head of a request must have come by then.
    pub(crate) head: Duration,
    /// How long a shutdown waits for requests under way.
    pub(crate) drain: Duration,
}

/// A bound socket.
pub(crate) struct Listener {
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
}

impl Listener {
    /// Binds.
    pub(crate) async fn bind(address: SocketAddr, tls: Option<TlsAcceptor>) -> std::io::Result<Self> {
        Ok(Self { tcp: TcpListener::bind(address).await?, tls })
    }

    /// The address, with the port that was chosen for port 0.
    pub(crate) fn address(&self) -> std::io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Serves until `stop` turns true, then drains.
    pub(crate) async fn serve(self, router: Router, limits: Limits, mut stop: watch::Receiver<bool>) {
        let graceful = GracefulShutdown::new();
        let slots = Arc::new(Semaphore::new(limits.connections));
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .max_buf_size(LARGEST_HEAD)
            .max_headers(64);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(64)
            .max_header_list_size(16 * 1024)
            .max_pending_accept_reset_streams(16)
            .keep_alive_interval(Duration::from_secs(20));
        let builder = Arc::new(builder);
        loop {
            let slot = Arc::clone(&slots).acquire_owned();
            let accepted = tokio::select! {
                accepted = async { (slot.await, self.tcp.accept().await) } => accepted,
                _ = stop.changed() => break,
            };
            let (Ok(slot), Ok((stream, peer))) = accepted else {
                tracing::warn!("a connection could not be accepted");
                tokio::time::sleep(BACK_OFF).await;
                continue;
            };
            let (router, builder, tls) = (router.clone(), Arc::clone(&builder), self.tls.clone());
            let watcher = graceful.watcher();
            tokio::spawn(async move {
                let _slot = slot;
                let _ = stream.set_nodelay(true);
                let from = (peer, limits.head);
                match secure(stream, tls).await {
                    Some(Stream::Plain(stream)) => connection(&builder, stream, from, router, watcher).await,
                    Some(Stream::Tls(stream)) => connection(&builder, *stream, from, router, watcher).await,
                    None => {}
                }
            });
        }
        drop(self.tcp);
        if tokio::time::timeout(limits.drain, graceful.shutdown()).await.is_err() {
            tracing::warn!("limits.shutdown is over and requests are still running; they are cut off");
        }
    }
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::server::TlsStream<TcpStream>>),
}

async fn secure(stream: TcpStream, tls: Option<TlsAcceptor>) -> Option<Stream> {
    let Some(acceptor) = tls else { return Some(Stream::Plain(stream)) };
    match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => Some(Stream::Tls(Box::new(stream))),
        Ok(Err(_)) | Err(_) => None,
    }
}

async fn connection<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    builder: &auto::Builder<TokioExecutor>,
    stream: S,
    (peer, patience): (SocketAddr, Duration),
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let asked = Arc::new(Notify::new());
    let first = Arc::clone(&asked);
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        asked.notify_one();
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        router.clone().call(request)
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    // hyper's own timeout begins only once it knows which version of HTTP is spoken; before that nothing ends a connection
    // that says nothing (catalogue H-03).
    let silent = async {
        if tokio::time::timeout(patience, first.notified()).await.is_ok() {
            std::future::pending::<()>().await;
        }
    };
    // What goes wrong on a connection is the peer's doing; the requests on it have had their log lines.
    tokio::select! {
        _ = watcher.watch(connection.into_owned()) => {}
        () = silent => {}
    }
}

/// Why TLS cannot be set up.
#[derive(Debug)]
pub(crate) enum TlsError {
    /// The files cannot be used.
    File(TlsFileError),
    /// Certificate and key do not fit.
    Pair(String),
}

impl std::fmt::Display for TlsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(why) => why.fmt(f),
            Self::Pair(why) => write!(f, "the TLS certificate and key do not fit together: {why}"),
        }
    }
}

/// TLS 1.2 and 1.3 with the safe defaults of rustls; HTTP/2 is offered.
pub(crate) fn tls(certificate: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
    let TlsFiles { chain, key } = tls_files::read(certificate, key).map_err(TlsError::File)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Pair(error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                TlsError::Pair("the key is of another certificate".to_owned())
            }
            error => TlsError::Pair(error.to_string()),
        })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
