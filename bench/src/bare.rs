//! What the machine gives at best: a server that does nothing but answer, and signatures without a server. Rows are told as fractions
//! of it, because rates alone say nothing about another machine.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
        ParsedPublicKey,
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::{
    figure::Figure,
    http::{Call, Fault, HttpConnection},
    load::{LoopOutcome, Measured, measure},
    process::{Folder, Program, RunningProcess},
    rows::Effort,
};

/// Bytes of an answer.
const LENGTH: usize = 900;
/// What a signature is made over: about the claims of a token.
const CLAIMS: [u8; 500] = [b'c'; 500];
/// The address that the server listens on.
const LISTEN: &str = "GRANTWELL_BENCH_LISTEN";
/// Signatures between two looks at the clock.
const BATCH: u32 = 32;

/// What the bare server does for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BareAnswer {
    /// Nothing else.
    Plain,
    /// So many signatures.
    Es256(u8),
    EdDsa(u8),
}

const ANSWERS: [(&str, BareAnswer); 5] = [
    ("/", BareAnswer::Plain),
    ("/es256", BareAnswer::Es256(1)),
    ("/es256/2", BareAnswer::Es256(2)),
    ("/eddsa", BareAnswer::EdDsa(1)),
    ("/eddsa/2", BareAnswer::EdDsa(2)),
];

impl BareAnswer {
    fn path(self) -> &'static str {
        ANSWERS.iter().find(|(_, answer)| *answer == self).map_or("/", |(path, _)| path)
    }

    fn at(path: &str) -> Self {
        ANSWERS.iter().find(|(known, _)| *known == path).map_or(Self::Plain, |(_, answer)| *answer)
    }
}

/// The keys, which no one has to trust.
struct Signer {
    es256: EcdsaKeyPair,
    eddsa: Ed25519KeyPair,
    random: SystemRandom,
}

impl Signer {
    fn new() -> Result<Self, String> {
        Ok(Self {
            es256: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(told)?,
            eddsa: Ed25519KeyPair::generate().map_err(told)?,
            random: SystemRandom::new(),
        })
    }

    fn es256(&self) -> Result<Vec<u8>, String> {
        self.es256.sign(&self.random, &CLAIMS).map(|signature| signature.as_ref().to_vec()).map_err(told)
    }

    fn eddsa(&self) -> Result<Vec<u8>, String> {
        self.eddsa.try_sign(&CLAIMS).map(|signature| signature.as_ref().to_vec()).map_err(told)
    }

    /// A JSON object of [`LENGTH`] bytes.
    fn body(&self, answer: BareAnswer) -> Result<String, String> {
        let mut text = String::with_capacity(LENGTH);
        text.push_str("{\"access_token\":\"");
        match answer {
            BareAnswer::Plain => {}
            BareAnswer::Es256(count) => {
                for _ in 0..count {
                    URL_SAFE_NO_PAD.encode_string(self.es256()?, &mut text);
                }
            }
            BareAnswer::EdDsa(count) => {
                for _ in 0..count {
                    URL_SAFE_NO_PAD.encode_string(self.eddsa()?, &mut text);
                }
            }
        }
        text.extend(std::iter::repeat_n('x', (LENGTH - 2).saturating_sub(text.len())));
        text.push_str("\"}");
        Ok(text)
    }
}

/// Serves until it is killed.
pub(crate) async fn serve() -> Result<(), String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the process that starts this one tells it where to listen"
    )]
    let address = std::env::var(LISTEN).map_err(told)?;
    let listener = TcpListener::bind(address).await.map_err(told)?;
    let signer = Arc::new(Signer::new()?);
    loop {
        let (stream, _) = listener.accept().await.map_err(told)?;
        stream.set_nodelay(true).map_err(told)?;
        let signer = Arc::clone(&signer);
        tokio::spawn(async move {
            let service = service_fn(move |request| respond(request, Arc::clone(&signer)));
            // A client that goes away is no error.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn respond(
    request: Request<Incoming>,
    signer: Arc<Signer>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let form = body.collect().await.map(|body| body.to_bytes());
    let read = form.is_ok_and(|form| form_urlencoded::parse(&form).all(|(name, _)| !name.is_empty()));
    let body = if read { signer.body(BareAnswer::at(parts.uri.path())) } else { Err(String::new()) };
    let is_good = body.is_ok();
    let mut response = Response::new(Full::new(Bytes::from(body.unwrap_or_default())));
    if !is_good {
        *response.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
    }
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// The bare server at work.
#[derive(Debug)]
pub(crate) struct BareServer {
    server: RunningProcess,
    _folder: Folder,
}

impl BareServer {
    pub(crate) async fn start(processors: Option<&'static str>) -> Result<Self, String> {
        let folder = Folder::new().map_err(told)?;
        let program = Program {
            command: std::env::current_exe().map_err(told)?,
            arguments: vec!["bare".to_owned()],
            environment: Vec::new(),
            log: folder.path("log"),
            processors,
            probe: "/",
        };
        let listen = |command: &mut std::process::Command, address: SocketAddr| {
            command.env(LISTEN, address.to_string());
        };
        Ok(Self { server: program.start(listen).await?, _folder: folder })
    }

    /// One step is these answers, one after the other.
    pub(crate) async fn measure(
        &self,
        answers: &'static [BareAnswer],
        effort: Effort,
    ) -> Result<Measured, Fault> {
        let fields = [("grant_type", "authorization_code"), ("code", &*"c".repeat(80)), ("scope", "openid")];
        let calls: Vec<Call> = answers.iter().map(|answer| Call::post(answer.path(), &fields)).collect();
        let workers = (0..effort.connections).map(|_| {
            let calls = calls.clone();
            async move |c: &mut HttpConnection| {
                for call in &calls {
                    c.send(call.clone()).await?.expect(200)?;
                }
                Ok(LoopOutcome::Counts)
            }
        });
        measure(&self.server, effort.time, workers).await
    }
}

/// What one processor signs and verifies a second.
pub(crate) fn signatures(time: Duration) -> Result<Vec<Figure>, String> {
    let signer = Signer::new()?;
    let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, signer.es256.public_key().as_ref());
    let (key, signature) = (key.map_err(told)?, signer.es256()?);
    let figure = |name: &str, per_second: f64| Figure::new(name, per_second, "a second", None);
    Ok(vec![
        figure("sign ES256", per_second(time, || signer.es256().map(drop))?),
        figure("sign EdDSA", per_second(time, || signer.eddsa().map(drop))?),
        figure("verify ES256", per_second(time, || key.verify_sig(&CLAIMS, &signature).map_err(told))?),
    ])
}

fn per_second(time: Duration, mut once: impl FnMut() -> Result<(), String>) -> Result<f64, String> {
    let begun = Instant::now();
    let mut count = 0_u32;
    while begun.elapsed() < time {
        for _ in 0..BATCH {
            once()?;
        }
        count += BATCH;
    }
    Ok(f64::from(count) / begun.elapsed().as_secs_f64().max(f64::EPSILON))
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_is_json_of_one_length_and_has_its_path() {
        let signer = Signer::new().unwrap();
        for (path, answer) in ANSWERS {
            assert_eq!((BareAnswer::at(path), answer.path()), (answer, path));
            let body = signer.body(answer).unwrap();
            assert_eq!(body.len(), LENGTH);
            assert!(serde_json::from_str::<serde_json::Value>(&body).is_ok(), "{body}");
        }
    }

    #[test]
    fn what_is_signed_is_verified() {
        let figures = signatures(Duration::from_millis(1)).unwrap();
        assert!(figures.iter().all(|figure| figure.value > 0.0), "{figures:?}");
        assert_eq!(figures.len(), 3);
    }
}
