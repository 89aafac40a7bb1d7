//! Catalogue H over a real socket: how requests are framed, how long they may take, and which TLS is spoken.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use rustls::{ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion, version};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::watch,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::World;
use crate::listen::{self, Limits, Listener};

/// Of `localhost`, for a hundred years, with a key that guards nothing.
const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBmTCCAT6gAwIBAgIUA7t7Nlkc1OinbmAnpgqkANYwe90wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNDA1MDIwN1oYDzIxMjYxMDMx
MDUwMjA3WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARmo7XSRdXUjuWJLs9YvffJjdmRZeugBm8migEp0SuOKqBNozfdqJfN
nJx3/I+2JI/sh3R8PCd2OjQDuZhH+W6Go2wwajAdBgNVHQ4EFgQUsXFV8RyWsRFj
rrnF9YbodmTviggwHwYDVR0jBBgwFoAUsXFV8RyWsRFjrrnF9YbodmTviggwGgYD
VR0RBBMwEYIJbG9jYWxob3N0hwR/AAABMAwGA1UdEwEB/wQCMAAwCgYIKoZIzj0E
AwIDSQAwRgIhAOsDpnv84EOQfeqFGPRFm3p/Z8tUXkDkAsPB9LFF0ZDyAiEAi4Xj
18yQhjLZnIz9ChVLTHqA+ObUjytRi4GKzufsQqM=
-----END CERTIFICATE-----
";
const KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQggSIDP1NyDtAy7qll
hnwIHgHhdNml2c9bOrBwM8xuoz+hRANCAARmo7XSRdXUjuWJLs9YvffJjdmRZeug
Bm8migEp0SuOKqBNozfdqJfNnJx3/I+2JI/sh3R8PCd2OjQDuZhH+W6G
-----END PRIVATE KEY-----
";
/// A test that waits longer than this has failed.
const PATIENCE: Duration = Duration::from_secs(20);
const LIMITS: Limits =
    Limits { connections: 64, head: Duration::from_secs(10), drain: Duration::from_millis(100) };

/// A server on a port of its own, until it is dropped.
struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

async fn serve(world: &World, limits: Limits, tls: Option<TlsAcceptor>) -> Server {
    let listener = Listener::bind(([127, 0, 0, 1], 0).into(), tls).await.unwrap();
    let address = listener.address().unwrap();
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(listener.serve(world.router(), limits, stopped));
    Server { address, stop }
}

/// All that comes until the other end closes.
async fn until_closed(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut answer = Vec::new();
    // A reset is a close too.
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("was not closed");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Sends bytes as they are; what comes back until the server closes the connection.
async fn exchange(server: &Server, bytes: &str) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    until_closed(&mut stream).await
}

fn statuses(answer: &str) -> Vec<&str> {
    answer.split("HTTP/1.").skip(1).map(|rest| rest.get(2..5).unwrap()).collect()
}

const SMUGGLED: &str = "GET /jwks HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn h_01_a_request_with_two_lengths_is_refused_and_ends_the_connection() {
    let world = World::new().await;
    let server = serve(&world, LIMITS, None).await;
    let post = "POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    for (head, body) in [
        ("Content-Length: 3\r\nContent-Length: 5\r\n", "a=b"),
        ("Content-Length: 3, 5\r\n", "a=b"),
        ("Content-Length: +3\r\n", "a=b"),
        ("Content-Length: 0x3\r\n", "a=b"),
        ("Content-Length: -1\r\n", ""),
        ("Content-Length : 3\r\n", "a=b"),
        ("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n\tfolded\r\n", "0\r\n\r\n"),
        ("X: a\r\n folded\r\nContent-Length: 3\r\n", "a=b"),
        ("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "3\na=b\n0\n\n"),
        ("Transfer-Encoding: chunked\r\n", "3;x\na=b\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "+3\r\na=b\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\na=b\r\n0\r\n\r\n"),
    ] {
        let answer = exchange(&server, &format!("{post}{head}\r\n{body}{SMUGGLED}")).await;
        assert_eq!(statuses(&answer), ["400"], "{head:?} {body:?}: {answer}");
    }
    // With a length beside the chunks, the chunks count (RFC 9112 §6.3), and nothing behind them is read as a request.
    for head in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n",
    ] {
        let answer = exchange(&server, &format!("{post}{head}\r\n3\r\na=b\r\n0\r\n\r\n{SMUGGLED}")).await;
        assert!(!answer.contains("\"keys\"") && statuses(&answer).len() == 1, "{answer}");
        assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
    }
    // HTTP/1.0 has no chunks; and other broken heads.
    for request in [
        "POST /token HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /jwks HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n",
        "GET /jwks HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
        "GET /jwks HTTP/1.1\r\nHost: x\r\n: empty\r\n\r\n",
        "GET /jwks\tHTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /jwks HTTP/9.9\r\nHost: x\r\n\r\n",
        "GET /jwks HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n",
    ] {
        let answer = exchange(&server, &format!("{request}{SMUGGLED}")).await;
        assert_eq!(statuses(&answer), ["400"], "{request:?}: {answer}");
    }
    // A body where none belongs is read as a body.
    for (method, path) in [("GET", "/healthz"), ("GET", "/nowhere"), ("DELETE", "/token")] {
        let length = SMUGGLED.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{SMUGGLED}\
             GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        );
        let answer = exchange(&server, &request).await;
        assert!(!answer.contains("\"keys\"") && statuses(&answer).len() <= 2, "{answer}");
    }
    // What is refused here would have been an answer: the same request, framed right.
    let answer = exchange(&server, SMUGGLED).await;
    assert!(answer.contains("\"keys\""), "{answer}");
}

#[tokio::test]
async fn h_02_a_body_that_says_it_is_too_large_is_refused_before_it_comes() {
    let world = World::new().await;
    let server = serve(&world, LIMITS, None).await;
    let post = "POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    for length in ["65537", "10000000", "4294967296", "9223372036854775807"] {
        let answer = exchange(&server, &format!("{post}Content-Length: {length}\r\n\r\na=b")).await;
        assert_eq!(statuses(&answer), ["413"], "{length}: {answer}");
    }
    // In chunks nobody says so; it is refused when it is too much.
    let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    let answer =
        exchange(&server, &format!("{post}Transfer-Encoding: chunked\r\n\r\n{}", chunk.repeat(5))).await;
    assert_eq!(statuses(&answer), ["413"], "{answer}");
    // Heads are bounded too.
    for head in [format!("X: {}\r\n", "y".repeat(20 * 1024)), "X: y\r\n".repeat(100)] {
        let answer = exchange(&server, &format!("GET /jwks HTTP/1.1\r\nHost: x\r\n{head}\r\n")).await;
        assert_eq!(statuses(&answer), ["431"], "{answer}");
    }
}

#[tokio::test]
async fn h_03_a_head_that_does_not_come_ends_the_connection() {
    let world = World::new().await;
    let limits = Limits { head: Duration::from_millis(250), ..LIMITS };
    let server = serve(&world, limits, None).await;
    let mut waiting = tokio::task::JoinSet::new();
    for begun in [
        "",
        "P",
        "PRI * HTTP/2.0\r\n\r\nS",
        "GET",
        "GET /jwks HTTP/1.1\r\nHost: x\r\n",
        "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /jwks HTTP/1.1\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let address = server.address;
        waiting.spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(begun.as_bytes()).await.unwrap();
            let answer = until_closed(&mut stream).await;
            assert!(!answer.contains("\"keys\""), "{begun:?}: {answer}");
        });
    }
    // Meanwhile others are served.
    let answer = exchange(&server, SMUGGLED).await;
    assert!(answer.contains("\"keys\""), "{answer}");
    while let Some(ended) = waiting.join_next().await {
        ended.unwrap();
    }
}

#[tokio::test]
async fn h_03_connections_that_say_nothing_do_not_keep_the_others_out_for_ever() {
    let world = World::new().await;
    let limits = Limits { connections: 4, head: Duration::from_millis(250), ..LIMITS };
    let server = serve(&world, limits, None).await;
    let mut silent = Vec::new();
    for _ in 0..16 {
        silent.push(TcpStream::connect(server.address).await.unwrap());
    }
    let answer = exchange(&server, SMUGGLED).await;
    assert!(answer.contains("\"keys\""), "{answer}");
}

/// A frame of HTTP/2 (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// `:method: GET`, `:scheme: http`, `:path: /`, `:authority: x` (RFC 7541 Appendix A), and the same with POST.
const GET: &[u8] = &[0x82, 0x86, 0x84, 0x41, 1, b'x'];
const POST: &[u8] = &[0x83, 0x86, 0x84, 0x41, 1, b'x'];

/// Sends frames until the server has enough; the types of the frames it sent, and the code of its last word.
async fn flood(server: &Server, frames: Vec<u8>) -> (Vec<u8>, Option<u32>) {
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (mut from, mut to) = stream.into_split();
    let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    sent.extend(frame(SETTINGS, 0, 0, &[]));
    sent.extend(frames);
    // It may close before all of it is sent.
    let sending = tokio::spawn(async move {
        let _ = to.write_all(&sent).await;
        to
    });
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, from.read_to_end(&mut answer)).await.expect("was not closed");
    drop(sending);
    let (mut kinds, mut code, mut rest) = (Vec::new(), None, answer.as_slice());
    while let Some((head, behind)) = rest.split_first_chunk::<9>() {
        let length = usize::try_from(u32::from_be_bytes([0, head[0], head[1], head[2]])).unwrap();
        kinds.push(head[3]);
        let Some((payload, behind)) = behind.split_at_checked(length) else { break };
        if head[3] == GOAWAY {
            code = Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
        }
        rest = behind;
    }
    (kinds, code)
}

#[tokio::test]
async fn h_04_floods_of_http_2_end_the_connection() {
    const ENHANCE_YOUR_CALM: u32 = 11;
    let world = World::new().await;
    let server = serve(&world, LIMITS, None).await;
    let rapid_reset = (0..5000).flat_map(|number| {
        let stream = 2 * number + 1;
        let cancel = 8_u32.to_be_bytes();
        [frame(HEADERS, END_STREAM | END_HEADERS, stream, GET), frame(RST_STREAM, 0, stream, &cancel)]
            .concat()
    });
    let endless = |payload: &[u8]| {
        let mut frames = frame(HEADERS, END_STREAM, 1, GET);
        for _ in 0..20_000 {
            frames.extend(frame(CONTINUATION, 0, 1, payload));
        }
        frames
    };
    let mut empty = frame(HEADERS, END_HEADERS, 1, POST);
    for _ in 0..200_000 {
        empty.extend(frame(DATA, 0, 1, &[]));
    }
    // `x: yyyy…`, never indexed.
    let field = [&[0x10, 1, b'x', 100][..], &[b'y'; 100]].concat();
    for (what, frames) in [
        ("rapid reset", rapid_reset.collect()),
        ("empty continuations", endless(&[])),
        ("continuations", endless(&field)),
        ("empty data", empty),
    ] {
        let (kinds, code) = flood(&server, frames).await;
        assert_eq!(code, Some(ENHANCE_YOUR_CALM), "{what}: {kinds:?}");
        let answer = exchange(&server, SMUGGLED).await;
        assert!(answer.contains("\"keys\""), "{what}: {answer}");
    }
}

/// TLS with the certificate above, from files, as the configuration names them.
fn acceptor(world: &World) -> TlsAcceptor {
    let (certificate, key) = (world.folder().join("tls.pem"), world.folder().join("tls.key"));
    std::fs::write(&certificate, CERTIFICATE).unwrap();
    std::fs::write(&key, KEY).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o400)).unwrap();
    listen::tls(&certificate, &key).unwrap()
}

fn connector(world: &World, versions: &[&'static SupportedProtocolVersion]) -> TlsConnector {
    use rustls::pki_types::{CertificateDer, pem::PemObject as _};
    let mut roots = RootCertStore::empty();
    let certificate = world.folder().join("tls.pem");
    roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    TlsConnector::from(Arc::new(config))
}

#[tokio::test]
async fn h_11_tls_1_3_and_1_2_are_spoken_with_forward_secrecy() {
    let world = World::new().await;
    let server = serve(&world, LIMITS, Some(acceptor(&world))).await;
    for (offered, negotiated) in [
        (&[&version::TLS12, &version::TLS13][..], ProtocolVersion::TLSv1_3),
        (&[&version::TLS13], ProtocolVersion::TLSv1_3),
        (&[&version::TLS12], ProtocolVersion::TLSv1_2),
    ] {
        let stream = TcpStream::connect(server.address).await.unwrap();
        let name = "localhost".try_into().unwrap();
        let mut stream = connector(&world, offered).connect(name, stream).await.unwrap();
        let (_, session) = stream.get_ref();
        assert_eq!(session.protocol_version(), Some(negotiated));
        let suite = format!("{:?}", session.negotiated_cipher_suite().unwrap().suite());
        assert!(suite.contains("ECDHE") || suite.starts_with("TLS13_"), "{suite}");
        assert!(suite.contains("GCM") || suite.contains("CHACHA20_POLY1305"), "{suite}");
        stream.write_all(SMUGGLED.as_bytes()).await.unwrap();
        let answer = until_closed(&mut stream).await;
        assert!(answer.contains("\"keys\""), "{answer}");
    }
    // Plain HTTP on the TLS port is no HTTP.
    let answer = exchange(&server, SMUGGLED).await;
    assert_eq!(statuses(&answer), Vec::<&str>::new(), "{answer}");
}

/// A hello that offers one version and these suites (RFC 5246 §7.4.1.2).
fn hello(version: [u8; 2], suites: &[u16]) -> Vec<u8> {
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap().to_be_bytes();
    let suites: Vec<u8> = suites.iter().flat_map(|suite| suite.to_be_bytes()).collect();
    // secp256r1; points uncompressed; ecdsa_secp256r1_sha256 and ecdsa_sha1.
    let extensions = b"\0\x0a\0\x04\0\x02\0\x17\0\x0b\0\x02\x01\0\0\x0d\0\x06\0\x04\x04\x03\x02\x03";
    let mut body = [&version[..], &[7; 32], &[0], &length(&suites), &suites, &[1, 0]].concat();
    body.extend_from_slice(&length(extensions));
    body.extend_from_slice(extensions);
    let handshake = [&[1, 0][..], &length(&body), &body].concat();
    [&[0x16, 3, 1][..], &length(&handshake), &handshake].concat()
}

#[tokio::test]
async fn h_11_older_versions_and_weak_suites_are_refused() {
    const ECDHE_CBC: [u16; 4] = [0xc009, 0xc00a, 0xc013, 0xc014];
    const RSA_AND_OLDER: [u16; 6] = [0x002f, 0x0035, 0x009c, 0x009d, 0x000a, 0x0005];
    const GOOD: [u16; 2] = [0xc02b, 0xc02c];
    let world = World::new().await;
    let server = serve(&world, LIMITS, Some(acceptor(&world))).await;
    let (protocol_version, handshake_failure) = (70, 40);
    for (version, suites, alert) in [
        ([3, 0], &ECDHE_CBC[..], protocol_version),
        ([3, 1], &ECDHE_CBC, protocol_version),
        ([3, 2], &ECDHE_CBC, protocol_version),
        ([3, 2], &GOOD, protocol_version),
        ([3, 3], &ECDHE_CBC, handshake_failure),
        ([3, 3], &RSA_AND_OLDER, handshake_failure),
    ] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(&hello(version, suites)).await.unwrap();
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
        // One alert record: type 21, fatal, why.
        assert_eq!(answer.first(), Some(&0x15), "{version:?} {suites:x?}: {answer:x?}");
        assert_eq!(answer.get(5..), Some(&[2, alert][..]), "{version:?} {suites:x?}: {answer:x?}");
    }
    // The same hello with what is allowed gets a ServerHello, so that it was not the hello that was wrong.
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(&hello([3, 3], &GOOD)).await.unwrap();
    let mut answer = [0; 6];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!((answer[0], answer[5]), (0x16, 2), "{answer:x?}");
}
