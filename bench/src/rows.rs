//! The work that is measured, one row each; the same for every server that can do it.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use crate::{
    flow::{BenchClient, DISCOVERY, FormBrowser, Paths, TokenReply, tokens},
    grantwell::person,
    http::{Call, Fault, HttpConnection},
    load::{LoopOutcome, Measured, drain, measure},
    population::Population,
    process::RunningProcess,
};

/// Connections at once, unless a row says otherwise.
pub(crate) const CONNECTIONS: usize = 16;
/// BrowserPool that are made for a row.
const SESSIONS: usize = 64;
/// Codes that wait to be redeemed, so that none of them ages.
const BATCH: usize = 320;

const API: &str = "https://api.example.test/";
const EDDSA_API: &str = "https://eddsa.example.test/";
const OPAQUE_API: &str = "https://opaque.example.test/";

/// One kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WorkKind {
    ClientCredentials(Signed),
    Authorize,
    Redeem,
    CodeFlow(Signed),
    Refresh,
    Introspect(Format),
    UserInfo,
    Jwks,
    Discovery,
    SignIn,
    /// Machine tokens while sign-ins queue.
    BesideSignIns,
}

/// With what tokens are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signed {
    Es256,
    EdDsa,
}

/// What access tokens are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Jwt,
    Opaque,
}

/// How long, and on how many connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    pub(crate) time: Duration,
    pub(crate) connections: usize,
}

/// A server under load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoadTarget<'s> {
    pub(crate) server: &'s RunningProcess,
    pub(crate) paths: &'s Paths,
    /// Whom the rows draw from; without it they use what the configuration made.
    pub(crate) population: Option<&'s Rc<Population>>,
    pub(crate) sessions: &'s BrowserPool,
}

/// The browsers that rows have made: the next row that asks for the same takes them.
#[derive(Debug, Default)]
pub(crate) struct BrowserPool(RefCell<Vec<(BenchClient, Vec<ReadyBrowser>)>>);

impl BrowserPool {
    fn of(&self, asked: &BenchClient) -> Vec<ReadyBrowser> {
        let kept = self.0.borrow();
        let found = kept.iter().find(|(client, _)| asks_for_the_same(client, asked));
        found.map(|(_, browsers)| browsers.clone()).unwrap_or_default()
    }

    fn keep(&self, asked: &BenchClient, browsers: &[ReadyBrowser]) {
        let mut kept = self.0.borrow_mut();
        kept.retain(|(client, _)| !asks_for_the_same(client, asked));
        kept.push((asked.clone(), browsers.to_vec()));
    }
}

fn asks_for_the_same(one: &BenchClient, other: &BenchClient) -> bool {
    (&one.id, one.scope, one.resource) == (&other.id, other.scope, other.resource)
}

/// A browser with a session and a consent to all that its client asks for.
#[derive(Clone, Debug)]
pub(crate) struct ReadyBrowser {
    pub(crate) client: BenchClient,
    pub(crate) cookies: String,
}

impl ReadyBrowser {
    /// The whole code flow; the tokens.
    pub(crate) async fn flow(&self, connection: &mut HttpConnection) -> Result<TokenReply, Fault> {
        let code = self.client.authorize(connection, &self.cookies).await?;
        tokens(&self.client.redeem(connection, &code).await?)
    }
}

/// The same request by any client. Those that were filled in are like `web`.
fn drawn(client: &BenchClient, population: Option<&Rc<Population>>) -> BenchClient {
    match population {
        Some(population) if client.id == "web" => BenchClient { id: population.client(), ..client.clone() },
        _ => client.clone(),
    }
}

/// A person by number, or any.
fn username(number: usize, population: Option<&Rc<Population>>) -> String {
    population.map_or_else(|| person(number % CONNECTIONS), |population| population.username())
}

impl LoadTarget<'_> {
    pub(crate) fn client(&self, signed: Signed) -> BenchClient {
        let (id, scope, resource) = match signed {
            Signed::Es256 => ("web", "openid notes:read", API),
            Signed::EdDsa => ("web-eddsa", "openid cards:read", EDDSA_API),
        };
        BenchClient { paths: self.paths.clone(), id: id.into(), scope, resource: Some(resource) }
    }

    pub(crate) fn machine(&self, signed: Signed) -> BenchClient {
        let scope = match signed {
            Signed::Es256 => "notes:read",
            Signed::EdDsa => "cards:read",
        };
        BenchClient { scope, ..self.client(signed) }
    }

    /// Tokens for the issuer itself.
    pub(crate) fn profile(&self) -> BenchClient {
        BenchClient { scope: "openid profile", resource: None, ..self.client(Signed::Es256) }
    }

    pub(crate) fn opaque(&self) -> BenchClient {
        BenchClient { scope: "openid files:read", resource: Some(OPAQUE_API), ..self.client(Signed::Es256) }
    }

    /// Browsers with a session each, but no more of them than [`SESSIONS`]: beyond that several share one.
    pub(crate) async fn browsers(
        &self,
        client: &BenchClient,
        count: usize,
    ) -> Result<Vec<ReadyBrowser>, Fault> {
        let mut connection = HttpConnection::new(self.server.address);
        let mut ready = self.sessions.of(client);
        for number in ready.len()..count.min(SESSIONS) {
            let client = drawn(client, self.population);
            let mut browser = FormBrowser::default();
            browser.authorize(&mut connection, &client, &username(number, self.population)).await?;
            ready.push(ReadyBrowser { client, cookies: browser.cookies() });
        }
        self.sessions.keep(client, &ready);
        Ok(ready.iter().cycle().take(count).cloned().collect())
    }

    async fn tokens(
        &self,
        client: &BenchClient,
        count: usize,
    ) -> Result<Vec<(BenchClient, TokenReply)>, Fault> {
        let mut connection = HttpConnection::new(self.server.address);
        let mut all = Vec::new();
        for browser in self.browsers(client, count).await? {
            let tokens = browser.flow(&mut connection).await?;
            all.push((browser.client, tokens));
        }
        Ok(all)
    }

    /// Does the work and measures it.
    pub(crate) async fn measure(&self, work: WorkKind, effort: Effort) -> Result<Measured, Fault> {
        match work {
            WorkKind::ClientCredentials(signed) => self.client_credentials(signed, effort).await,
            WorkKind::Authorize => self.authorize(effort).await,
            WorkKind::Redeem => self.redeem(effort).await,
            WorkKind::CodeFlow(signed) => self.code_flow(signed, effort).await,
            WorkKind::Refresh => self.refresh(effort).await,
            WorkKind::Introspect(format) => self.introspect(format, effort).await,
            WorkKind::UserInfo => self.user_info(effort).await,
            WorkKind::Jwks => self.document(&self.paths.jwks, effort).await,
            WorkKind::Discovery => self.document(DISCOVERY, effort).await,
            WorkKind::SignIn => self.sign_in(effort).await,
            WorkKind::BesideSignIns => self.beside_sign_ins(effort).await,
        }
    }

    async fn client_credentials(&self, signed: Signed, effort: Effort) -> Result<Measured, Fault> {
        let workers = (0..effort.connections).map(|_| {
            let (client, population) = (self.machine(signed), self.population.cloned());
            async move |c: &mut HttpConnection| {
                drawn(&client, population.as_ref()).client_credentials(c).await.map(|_| LoopOutcome::Counts)
            }
        });
        measure(self.server, effort.time, workers).await
    }

    async fn authorize(&self, effort: Effort) -> Result<Measured, Fault> {
        let client = self.client(Signed::Es256);
        let browsers = self.browsers(&client, effort.connections).await?;
        let workers = browsers.into_iter().map(|ReadyBrowser { client, cookies }| {
            async move |c: &mut HttpConnection| {
                client.authorize(c, &cookies).await.map(|_| LoopOutcome::Counts)
            }
        });
        measure(self.server, effort.time, workers).await
    }

    async fn code_flow(&self, signed: Signed, effort: Effort) -> Result<Measured, Fault> {
        let client = self.client(signed);
        let browsers = self.browsers(&client, effort.connections).await?;
        let workers = browsers.into_iter().map(|browser| {
            async move |c: &mut HttpConnection| browser.flow(c).await.map(|_| LoopOutcome::Counts)
        });
        measure(self.server, effort.time, workers).await
    }

    /// Codes are made in batches, which is not counted, and redeemed.
    async fn redeem(&self, effort: Effort) -> Result<Measured, Fault> {
        let client = self.client(Signed::Es256);
        let browsers = self.browsers(&client, effort.connections).await?;
        let mut total = Measured::default();
        while total.elapsed() < effort.time {
            let codes = Rc::new(RefCell::new(Vec::new()));
            let makers = browsers.iter().map(|browser| {
                let (ReadyBrowser { client, cookies }, codes) = (browser.clone(), Rc::clone(&codes));
                async move |c: &mut HttpConnection| {
                    if codes.borrow().len() >= BATCH {
                        return Ok(LoopOutcome::Over);
                    }
                    let code = client.authorize(c, &cookies).await?;
                    codes.borrow_mut().push((client.clone(), code));
                    Ok(LoopOutcome::Counts)
                }
            });
            drain(self.server, makers).await?;
            let redeemers = (0..effort.connections).map(|_| {
                let codes = Rc::clone(&codes);
                async move |c: &mut HttpConnection| {
                    let Some((client, code)) = codes.borrow_mut().pop() else { return Ok(LoopOutcome::Over) };
                    tokens(&client.redeem(c, &code).await?)?;
                    Ok(LoopOutcome::Counts)
                }
            });
            total.add(&drain(self.server, redeemers).await?);
        }
        Ok(total)
    }

    async fn refresh(&self, effort: Effort) -> Result<Measured, Fault> {
        if let Some(population) = self.population {
            return self.refresh_any(population, effort).await;
        }
        let lines = self.tokens(&self.client(Signed::Es256), effort.connections).await?;
        let workers = lines.into_iter().map(|(client, line)| {
            let mut newest = line.refresh;
            async move |c: &mut HttpConnection| {
                newest = tokens(&client.refresh(c, &newest).await?)?.refresh;
                Ok(LoopOutcome::Counts)
            }
        });
        measure(self.server, effort.time, workers).await
    }

    async fn refresh_any(&self, population: &Rc<Population>, effort: Effort) -> Result<Measured, Fault> {
        let client = self.client(Signed::Es256);
        let workers = (0..effort.connections).map(|_| {
            let (client, population) = (client.clone(), Rc::clone(population));
            async move |c: &mut HttpConnection| {
                let drawn = population.draw();
                let client = BenchClient { id: drawn.client.clone(), ..client.clone() };
                let next = tokens(&client.refresh(c, &drawn.token).await?)?.refresh;
                population.give_back(&drawn, next);
                Ok(LoopOutcome::Counts)
            }
        });
        measure(self.server, effort.time, workers).await
    }

    async fn introspect(&self, format: Format, effort: Effort) -> Result<Measured, Fault> {
        let client = match format {
            Format::Jwt => self.client(Signed::Es256),
            Format::Opaque => self.opaque(),
        };
        let lines = self.tokens(&client, effort.connections).await?;
        let workers = lines.into_iter().map(|(client, line)| {
            async move |c: &mut HttpConnection| {
                if client.is_active(c, &line.access).await? {
                    Ok(LoopOutcome::Counts)
                } else {
                    Err(Fault::Unexpected("a token that is alive is called inactive".to_owned()))
                }
            }
        });
        measure(self.server, effort.time, workers).await
    }

    async fn user_info(&self, effort: Effort) -> Result<Measured, Fault> {
        let client = self.profile();
        let lines = self.tokens(&client, effort.connections).await?;
        let workers = lines.into_iter().map(|(client, line)| {
            async move |c: &mut HttpConnection| {
                client.user_info(c, &line.access).await.map(|_| LoopOutcome::Counts)
            }
        });
        measure(self.server, effort.time, workers).await
    }

    async fn document(&self, path: &str, effort: Effort) -> Result<Measured, Fault> {
        let workers = (0..effort.connections).map(|_| {
            let path = path.to_owned();
            async move |c: &mut HttpConnection| {
                c.send(Call::get(&path)).await?.expect(200)?;
                Ok(LoopOutcome::Counts)
            }
        });
        measure(self.server, effort.time, workers).await
    }

    async fn sign_in(&self, effort: Effort) -> Result<Measured, Fault> {
        measure(self.server, effort.time, self.people(effort.connections, Rc::default())).await
    }

    /// People who sign in, each in a browser that was never here, until `enough` is set.
    fn people(
        &self,
        count: usize,
        enough: Rc<Cell<bool>>,
    ) -> impl Iterator<Item = impl AsyncFnMut(&mut HttpConnection) -> Result<LoopOutcome, Fault> + 'static>
    {
        let (client, population) = (self.client(Signed::Es256), self.population.cloned());
        (0..count).map(move |number| {
            let (client, population, enough) = (client.clone(), population.clone(), Rc::clone(&enough));
            async move |c: &mut HttpConnection| {
                if enough.get() {
                    return Ok(LoopOutcome::Over);
                }
                let client = drawn(&client, population.as_ref());
                let username = username(number, population.as_ref());
                let reply = FormBrowser::default().sign_in(c, &client, &username).await?;
                reply.expect(303).map(|_| LoopOutcome::Counts)
            }
        })
    }

    async fn beside_sign_ins(&self, effort: Effort) -> Result<Measured, Fault> {
        let enough = Rc::<Cell<bool>>::default();
        let people = self.people(effort.connections, Rc::clone(&enough));
        let queue = measure(self.server, 2 * effort.time, people);
        let machines = async {
            let few = Effort { connections: 4, ..effort };
            let measured = self.client_credentials(Signed::Es256, few).await;
            enough.set(true);
            measured
        };
        let (queue, machines) = tokio::join!(queue, machines);
        queue?;
        machines
    }
}
