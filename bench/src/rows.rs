//! The work that is measured, one row each; the same for every server that can do it.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use crate::{
    flow::{BenchClient, DISCOVERY, FormBrowser, Paths, tokens},
    grantwell::person,
    http::{Call, Fault, HttpConnection},
    load::{LoopOutcome, Measured, drain, measure},
    process::RunningProcess,
};

/// Connections at once, unless a row says otherwise.
pub(crate) const CONNECTIONS: usize = 16;
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

    /// Browsers with a session of their own, to which everything is agreed.
    async fn browsers(&self, client: &BenchClient, count: usize) -> Result<Vec<String>, Fault> {
        let mut connection = HttpConnection::new(self.server.address);
        let mut cookies = Vec::new();
        for number in 0..count {
            let mut browser = FormBrowser::default();
            browser.authorize(&mut connection, client, &person(number % CONNECTIONS)).await?;
            cookies.push(browser.cookies());
        }
        Ok(cookies)
    }

    async fn tokens(
        &self,
        client: &BenchClient,
        count: usize,
    ) -> Result<Vec<crate::flow::TokenReply>, Fault> {
        let mut connection = HttpConnection::new(self.server.address);
        let mut all = Vec::new();
        for cookies in self.browsers(client, count).await? {
            let code = client.authorize(&mut connection, &cookies).await?;
            all.push(tokens(&client.redeem(&mut connection, &code).await?)?);
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
            let client = self.machine(signed);
            async move |c: &mut HttpConnection| {
                client.client_credentials(c).await.map(|_| LoopOutcome::Counts)
            }
        });
        measure(self.server, effort.time, workers).await
    }

    async fn authorize(&self, effort: Effort) -> Result<Measured, Fault> {
        let client = self.client(Signed::Es256);
        let browsers = self.browsers(&client, effort.connections).await?;
        let workers = browsers.into_iter().map(|cookies| {
            let client = client.clone();
            async move |c: &mut HttpConnection| {
                client.authorize(c, &cookies).await.map(|_| LoopOutcome::Counts)
            }
        });
        measure(self.server, effort.time, workers).await
    }

    async fn code_flow(&self, signed: Signed, effort: Effort) -> Result<Measured, Fault> {
        let client = self.client(signed);
        let browsers = self.browsers(&client, effort.connections).await?;
        let workers = browsers.into_iter().map(|cookies| {
            let client = client.clone();
            async move |c: &mut HttpConnection| {
                let code = client.authorize(c, &cookies).await?;
                tokens(&client.redeem(c, &code).await?)?;
                Ok(LoopOutcome::Counts)
            }
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
            let makers = browsers.iter().map(|cookies| {
                let (client, cookies, codes) = (client.clone(), cookies.clone(), Rc::clone(&codes));
                async move |c: &mut HttpConnection| {
                    if codes.borrow().len() >= BATCH {
                        return Ok(LoopOutcome::Over);
                    }
                    let code = client.authorize(c, &cookies).await?;
                    codes.borrow_mut().push(code);
                    Ok(LoopOutcome::Counts)
                }
            });
            drain(self.server, makers).await?;
            let redeemers = (0..effort.connections).map(|_| {
                let (client, codes) = (client.clone(), Rc::clone(&codes));
                async move |c: &mut HttpConnection| {
                    let Some(code) = codes.borrow_mut().pop() else { return Ok(LoopOutcome::Over) };
                    tokens(&client.redeem(c, &code).await?)?;
                    Ok(LoopOutcome::Counts)
                }
            });
            total.add(&drain(self.server, redeemers).await?);
        }
        Ok(total)
    }

    async fn refresh(&self, effort: Effort) -> Result<Measured, Fault> {
        let client = self.client(Signed::Es256);
        let lines = self.tokens(&client, effort.connections).await?;
        let workers = lines.into_iter().map(|line| {
            let (client, mut newest) = (client.clone(), line.refresh);
            async move |c: &mut HttpConnection| {
                newest = tokens(&client.refresh(c, &newest).await?)?.refresh;
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
        let workers = lines.into_iter().map(|line| {
            let client = client.clone();
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
        let workers = lines.into_iter().map(|line| {
            let client = client.clone();
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
        let client = self.client(Signed::Es256);
        (0..count).map(move |number| {
            let (client, enough) = (client.clone(), Rc::clone(&enough));
            async move |c: &mut HttpConnection| {
                if enough.get() {
                    return Ok(LoopOutcome::Over);
                }
                let reply = FormBrowser::default().sign_in(c, &client, &person(number)).await?;
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
