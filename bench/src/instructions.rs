//! Instructions per request of the endpoints that are used most, counted by callgrind: they differ by less than a hundredth from run
//! to run, where times differ by more than what one change costs.
//!
//! Sign-in, consent and the tokens come from a server that runs as always. Then it is started on the same
//! database under callgrind, with one worker thread. Each request is sent [`BATCH`] times, one after the other on one connection; the
//! counters are set to zero before and read after. The first batch warms up and is not counted. Because the seeds of hash tables differ from
//! start to start, there are [`STARTS`] of them, and the median of all batches counts. Instructions of all threads count, those of the
//! kernel do not. No password is compared meanwhile.

mod callgrind;
mod figures;

use std::{path::Path, time::Duration};

use time::OffsetDateTime;

use self::{
    callgrind::Callgrind,
    figures::{Count, Figures, RecordedBuild},
};
use crate::{
    flow::{BenchClient, DISCOVERY, FormBrowser, Paths, tokens},
    grantwell::{Installation, person},
    http::{Call, Fault, HttpConnection},
    process::RunningProcess,
    rows::{BrowserPool, Format, LoadTarget, Signed},
};

/// Requests that are counted together.
const BATCH: u32 = 50;
/// Of each start, without the first.
const BATCHES: usize = 4;
const STARTS: usize = 3;
/// Looks at the keys until all are there: RSA keys take a while.
const LOOKS: u32 = 600;

/// The requests, and the names they are recorded by.
const REQUESTS: [(&str, Request); 9] = [
    ("client_credentials", Request::ClientCredentials),
    ("authorize", Request::Authorize),
    ("authorization_code", Request::Redeem),
    ("refresh_token", Request::Refresh),
    ("introspection of a JWT", Request::Introspect(Format::Jwt)),
    ("introspection of an opaque token", Request::Introspect(Format::Opaque)),
    ("userinfo", Request::UserInfo),
    ("discovery", Request::Discovery),
    ("jwks", Request::Jwks),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    ClientCredentials,
    Authorize,
    Redeem,
    Refresh,
    Introspect(Format),
    UserInfo,
    Discovery,
    Jwks,
}

/// What becomes the record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewRecord<'a> {
    /// The commit that the program was built from.
    pub(crate) commit: &'a str,
    /// Why something takes much more than before.
    pub(crate) why: Option<&'a str>,
}

/// Counts every request of `program`, and prints what came of it beside the record. An error when one takes more than five percent
/// above its record, unless the counts become the record and say why.
pub(crate) async fn run(program: &Path, record: &Path, new: Option<NewRecord<'_>>) -> Result<(), String> {
    let recorded = Figures::read(record)?;
    let counts = count(program).await?;
    println!("{}", figures::table(recorded.as_ref(), &counts));
    let grown = recorded.map(|recorded| recorded.grown(&counts)).unwrap_or_default();
    if !grown.is_empty() && new.is_none_or(|new| new.why.is_none()) {
        return Err(format!(
            "more instructions than {} allows ({}): take them away, or record them with --write --why TEXT",
            record.display(),
            grown.join(", ")
        ));
    }
    if let Some(NewRecord { commit, why }) = new {
        let date = OffsetDateTime::now_utc().date().to_string();
        Figures::new(RecordedBuild { commit, date: &date }, why, &counts).write(record)?;
    }
    Ok(())
}

async fn count(program: &Path) -> Result<Vec<Count>, String> {
    let installation = Installation::new(program, 1)?;
    installation.apply().await?;
    let mut server = installation.serve(None, &[]).await?;
    let held = Held::new(&server).await.map_err(|fault| fault.to_string())?;
    server.stop().await?;

    let mut asking = Asking { held, connection: HttpConnection::new(server.address), codes: Vec::new() };
    let mut all = REQUESTS.map(|(name, request)| (name, request, Vec::new()));
    for start in 1..=STARTS {
        let callgrind = Callgrind::new(installation.path(&format!("callgrind{start}")))?;
        let one = [("TOKIO_WORKER_THREADS", "1")];
        let mut server = installation.serve_under(&callgrind.command(), &one).await?;
        asking.connection = HttpConnection::new(server.address);
        for (name, request, batches) in &mut all {
            let counted = asking.count(*request, &callgrind, server.id()).await;
            batches.extend(counted.map_err(|error| format!("{name}: {error}"))?);
        }
        server.stop().await?;
        eprintln!("start {start} of {STARTS}");
    }
    Ok(all.into_iter().map(|(name, _, batches)| Count::of(name, batches)).collect())
}

/// What a client and a browser hold when the counting begins.
#[derive(Debug)]
struct Held {
    web: BenchClient,
    machine: BenchClient,
    profile: BenchClient,
    opaque: BenchClient,
    cookies: String,
    refresh_token: String,
    jwt: String,
    opaque_token: String,
    profile_token: String,
}

impl Held {
    async fn new(server: &RunningProcess) -> Result<Self, Fault> {
        let mut connection = HttpConnection::new(server.address);
        let paths = Paths::discover(&mut connection).await?;
        until_all_keys_are_there(&mut connection, &paths).await?;
        let target =
            LoadTarget { server, paths: &paths, population: None, sessions: &BrowserPool::default() };
        let web = target.client(Signed::Es256);
        let (profile, opaque) = (target.profile(), target.opaque());
        let mut browser = FormBrowser::default();
        let mut given = Vec::new();
        for client in [&web, &profile, &opaque] {
            let code = browser.authorize(&mut connection, client, &person(0)).await?;
            given.push(tokens(&client.redeem(&mut connection, &code).await?)?);
        }
        let [jwt, profile_tokens, opaque_tokens] = given.try_into().map_err(|_| none())?;
        Ok(Self {
            machine: target.machine(Signed::Es256),
            cookies: browser.cookies(),
            refresh_token: jwt.refresh,
            jwt: jwt.access,
            opaque_token: opaque_tokens.access,
            profile_token: profile_tokens.access,
            web,
            profile,
            opaque,
        })
    }
}

fn none() -> Fault {
    Fault::Unexpected("not the tokens that were asked for".to_owned())
}

/// Keys that are made while requests are counted would count.
async fn until_all_keys_are_there(connection: &mut HttpConnection, paths: &Paths) -> Result<(), Fault> {
    for _ in 0..LOOKS {
        let keys = connection.send(Call::get(&paths.jwks)).await?.expect(200)?;
        if keys.holds(b"\"RS256\"") && keys.holds(b"\"PS256\"") {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(Fault::Unexpected("no RSA keys".to_owned()))
}

/// The client at work.
#[derive(Debug)]
struct Asking {
    held: Held,
    connection: HttpConnection,
    codes: Vec<String>,
}

impl Asking {
    /// Instructions of one request, for each batch.
    async fn count(
        &mut self,
        request: Request,
        callgrind: &Callgrind,
        server: u32,
    ) -> Result<Vec<u64>, String> {
        let told = |fault: Fault| fault.to_string();
        let mut batches = Vec::new();
        for number in 0..=BATCHES {
            self.prepare(request).await.map_err(told)?;
            callgrind.zero(server)?;
            for _ in 0..BATCH {
                self.ask(request).await.map_err(told)?;
            }
            let sum = callgrind.read(server)?;
            if number > 0 {
                batches.push(sum / u64::from(BATCH));
            }
        }
        Ok(batches)
    }

    /// What has to be there before a batch, and is not counted.
    async fn prepare(&mut self, request: Request) -> Result<(), Fault> {
        if request == Request::Redeem {
            for _ in 0..BATCH {
                let code = self.held.web.authorize(&mut self.connection, &self.held.cookies).await?;
                self.codes.push(code);
            }
        }
        Ok(())
    }

    async fn ask(&mut self, request: Request) -> Result<(), Fault> {
        let (held, connection) = (&mut self.held, &mut self.connection);
        match request {
            Request::ClientCredentials => held.machine.client_credentials(connection).await.map(drop),
            Request::Authorize => held.web.authorize(connection, &held.cookies).await.map(drop),
            Request::Redeem => {
                let code = self.codes.pop().ok_or_else(none)?;
                tokens(&held.web.redeem(connection, &code).await?).map(drop)
            }
            Request::Refresh => {
                let reply = held.web.refresh(connection, &held.refresh_token).await?;
                held.refresh_token = tokens(&reply)?.refresh;
                Ok(())
            }
            Request::Introspect(Format::Jwt) => active(held.web.is_active(connection, &held.jwt).await?),
            Request::Introspect(Format::Opaque) => {
                active(held.opaque.is_active(connection, &held.opaque_token).await?)
            }
            Request::UserInfo => held.profile.user_info(connection, &held.profile_token).await.map(drop),
            Request::Discovery => document(connection, DISCOVERY).await,
            Request::Jwks => document(connection, &held.web.paths.jwks).await,
        }
    }
}

fn active(is_active: bool) -> Result<(), Fault> {
    if is_active {
        Ok(())
    } else {
        Err(Fault::Unexpected("a token that is alive is called inactive".to_owned()))
    }
}

async fn document(connection: &mut HttpConnection, path: &str) -> Result<(), Fault> {
    connection.send(Call::get(path)).await?.expect(200).map(drop)
}
