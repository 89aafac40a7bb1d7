//! The races of the catalogue (C-04, F-02, F-12, L-07), a sign-in that changes its server with each step, and a client that is
//! disabled: across several nodes on one database.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::Barrier, task::JoinSet};

use crate::{
    crew::PEOPLE,
    flow::{BenchClient, FormBrowser, Paths, filled_in, tokens},
    grantwell::{IsDisabled, person},
    http::{Call, Fault, HttpConnection, Reply},
    nodes::{NODES, Nodes},
    record::Record,
};

/// A client that was disabled is refused everywhere after so long.
const BOUND: Duration = Duration::from_secs(1);
/// The client that is disabled and enabled.
const MACHINE: &str = "web-eddsa";

/// The nodes.
#[derive(Debug)]
pub(crate) struct Ground<'n> {
    nodes: &'n Nodes,
    client: BenchClient,
    connections: Vec<HttpConnection>,
    /// Requests of races that were answered with 503.
    pub(crate) busy: u64,
}

/// A round went wrong.
fn wrong<T>(what: String) -> Result<T, Fault> {
    Err(Fault::Unexpected(what))
}

impl<'n> Ground<'n> {
    pub(crate) async fn new(nodes: &'n Nodes) -> Result<Self, Fault> {
        let mut connections: Vec<HttpConnection> =
            nodes.addresses().into_iter().map(HttpConnection::new).collect();
        let first = connections.first_mut().ok_or_else(|| Fault::Unexpected("no nodes".to_owned()))?;
        let client = BenchClient::web(Paths::discover(first).await?);
        Ok(Self { nodes, client, connections, busy: 0 })
    }

    /// All of it, `rounds` times.
    pub(crate) async fn run(&mut self, rounds: u32, record: &mut Record) -> Result<(), Fault> {
        for round in 0..rounds {
            let round = usize::try_from(round).unwrap_or(0);
            let done = [
                ("a sign-in across nodes", self.sign_in(round, record).await),
                ("C-04", self.redeem_at_once(round).await),
                ("F-02", self.refresh_at_once(round).await),
                ("F-12", self.revoke_at_once(round).await),
                ("L-07", self.guess_at_once(round).await),
                ("a client disabled", self.disable(record).await),
            ];
            for (name, done) in done {
                if let Err(fault) = done {
                    record.broken.push(format!("{name}, round {round}: {fault}"));
                }
            }
        }
        Ok(())
    }

    async fn code(&mut self, round: usize) -> Result<String, Fault> {
        let mut connections = in_order(&mut self.connections, round);
        FormBrowser::default().walk(&mut connections, &self.client.request(), &person(round % PEOPLE)).await
    }

    async fn grant(&mut self, round: usize) -> Result<crate::flow::TokenReply, Fault> {
        let code = self.code(round).await?;
        let mut connections = in_order(&mut self.connections, round);
        let connection = connections.first_mut().ok_or_else(|| Fault::Unexpected("no nodes".to_owned()))?;
        tokens(&self.client.redeem(connection, &code).await?)
    }

    /// The same request several times, each node in turn. An answer for each.
    async fn at_once(&mut self, calls: Vec<Call>) -> Result<Vec<Reply>, Fault> {
        let replies = at_once(&self.nodes.addresses(), calls).await?;
        let (busy, others): (Vec<_>, Vec<_>) = replies
            .into_iter()
            .partition(|reply| matches!(reply.unexpected(), Fault::Busy(_)) && reply.status == 503);
        self.busy += u64::try_from(busy.len()).unwrap_or(0);
        Ok(others)
    }

    /// A token is alive on every node, or on none.
    async fn is_active(&mut self, token: &str) -> Result<bool, Fault> {
        let mut answers = BTreeSet::new();
        for connection in &mut self.connections {
            answers.insert(self.client.is_active(connection, token).await?);
        }
        match answers.len() {
            1 => Ok(answers.contains(&true)),
            _ => wrong("a token is alive on one node and dead on another".to_owned()),
        }
    }

    /// It starts on one node, every step goes to the next, and another one redeems. Consent is asked every time.
    async fn sign_in(&mut self, round: usize, record: &mut Record) -> Result<(), Fault> {
        let request = format!("{}&prompt=consent", self.client.request());
        let mut connections = in_order(&mut self.connections, round);
        let begun = Instant::now();
        let code = FormBrowser::default().walk(&mut connections, &request, &person(round % PEOPLE)).await?;
        let last = connections.last_mut().ok_or_else(|| Fault::Unexpected("no nodes".to_owned()))?;
        tokens(&self.client.redeem(last, &code).await?)?;
        record.time("sign-in across nodes, from its start to its tokens", begun.elapsed());
        Ok(())
    }

    /// C-04: of fifty redemptions of one code one has tokens, and they are dead, for the others were replays.
    async fn redeem_at_once(&mut self, round: usize) -> Result<(), Fault> {
        let code = self.code(round).await?;
        let replies = self.at_once(vec![self.client.redemption(&code); 50]).await?;
        let (won, lost): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 200);
        let [won] = won.as_slice() else { return wrong(format!("{} redemptions of one code", won.len())) };
        refused(&lost)?;
        let won = tokens(won)?;
        if !lost.is_empty() && (self.is_active(&won.access).await? || self.is_active(&won.refresh).await?) {
            return wrong("a code was replayed, and its tokens live".to_owned());
        }
        Ok(())
    }

    /// F-02: twenty uses of one refresh token have one successor.
    async fn refresh_at_once(&mut self, round: usize) -> Result<(), Fault> {
        let granted = self.grant(round).await?;
        let replies = self.at_once(vec![self.client.use_of(&granted.refresh); 20]).await?;
        let mut successors = BTreeSet::new();
        for reply in &replies {
            successors.insert(tokens(reply)?.refresh);
        }
        match (successors.len(), successors.first()) {
            (1, Some(successor)) if self.is_active(successor).await? => Ok(()),
            (1, _) => wrong("the one successor is dead".to_owned()),
            (count, _) => wrong(format!("{count} successors of one refresh token")),
        }
    }

    /// F-12: after the answer to a revocation nothing lives, whatever came at the same time.
    async fn revoke_at_once(&mut self, round: usize) -> Result<(), Fault> {
        let granted = self.grant(round).await?;
        let mut calls = vec![self.client.use_of(&granted.refresh); 8];
        calls.insert(round % 8, self.client.revocation(&granted.refresh));
        let replies = self.at_once(calls).await?;
        let mut given = vec![granted.clone()];
        given.extend(replies.iter().filter_map(|reply| tokens(reply).ok()));
        // A revocation that got 503 is retried.
        if replies.len() < 9 {
            let connection =
                self.connections.first_mut().ok_or_else(|| Fault::Unexpected("no nodes".to_owned()))?;
            self.client.revoke(connection, &granted.refresh).await?.expect(200)?;
        }
        for tokens in given {
            if self.is_active(&tokens.access).await? || self.is_active(&tokens.refresh).await? {
                return wrong("a token lives after its revocation".to_owned());
            }
        }
        let replies = self.at_once(vec![self.client.use_of(&granted.refresh); NODES]).await?;
        refused(&replies)
    }

    /// L-07: of a hundred guesses at once five are compared. An unknown name counts like a known one.
    async fn guess_at_once(&mut self, round: usize) -> Result<(), Fault> {
        let mut browser = FormBrowser::default();
        let connection =
            self.connections.first_mut().ok_or_else(|| Fault::Unexpected("no nodes".to_owned()))?;
        let page = browser.send(connection, Call::get(&self.client.request())).await?.expect(200)?;
        let (name, address) = (format!("nobody-{round}"), format!("198.51.{}.{}", round / 256, round % 256));
        let guesses = (0..100).map(|number| {
            let password = format!("guess {number}");
            let call = filled_in(&page, &[("username", &name), ("password", &password)])?;
            Ok(call.with("cookie", &browser.cookies()).with("x-forwarded-for", &address))
        });
        let guesses = guesses.collect::<Result<Vec<_>, Fault>>()?;
        let replies = self.at_once(guesses).await?;
        let of = |status: u16| replies.iter().filter(|reply| reply.status == status).count();
        match (of(422), of(429), replies.len()) {
            (5, limited, all) if limited + 5 == all => Ok(()),
            (compared, limited, all) => {
                wrong(format!("{compared} of {all} guesses were compared, {limited} told to wait"))
            }
        }
    }

    /// A client that `apply` disabled is refused by every node at once, or nearly.
    async fn disable(&mut self, record: &mut Record) -> Result<(), Fault> {
        let told = |error: String| Fault::Unexpected(error);
        let client = BenchClient { id: MACHINE.into(), scope: "notes:read", ..self.client.clone() };
        for connection in &mut self.connections {
            client.client_credentials(connection).await?;
        }
        self.nodes.installation.apply_client(MACHINE, IsDisabled::Yes).await.map_err(told)?;
        let disabled = until(&mut self.connections, &client, 401).await?;
        record.bound("from `apply` of a disabled client to its refusal everywhere", disabled, BOUND);
        self.nodes.installation.apply_client(MACHINE, IsDisabled::No).await.map_err(told)?;
        let enabled = until(&mut self.connections, &client, 200).await?;
        record.bound("from `apply` of an enabled client to its tokens everywhere", enabled, BOUND);
        Ok(())
    }
}

/// The connections in one of their orders.
fn in_order(connections: &mut [HttpConnection], round: usize) -> Vec<&mut HttpConnection> {
    let count = connections.len().max(1);
    let mut order: Vec<&mut HttpConnection> = connections.iter_mut().collect();
    order.rotate_left(round % count);
    if round / count % 2 == 1 {
        order.reverse();
    }
    order
}

/// How long it takes until every node answers with this status.
async fn until(
    connections: &mut [HttpConnection],
    client: &BenchClient,
    status: u16,
) -> Result<Duration, Fault> {
    let begun = Instant::now();
    for connection in connections {
        while connection.send(client.machine_request()).await?.status != status {
            if begun.elapsed() > 10 * BOUND {
                return wrong(format!("no {status} after {} s", 10 * BOUND.as_secs()));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    Ok(begun.elapsed())
}

/// Each is a refusal for good.
fn refused(replies: &[Reply]) -> Result<(), Fault> {
    let is_refusal = |reply: &Reply| reply.status == 400 && reply.holds(b"\"invalid_grant\"");
    replies.iter().find(|reply| !is_refusal(reply)).map_or(Ok(()), |reply| Err(reply.unexpected()))
}

/// Sends all at the same time, on connections that are open already, to each server in turn.
async fn at_once(servers: &[SocketAddr], calls: Vec<Call>) -> Result<Vec<Reply>, Fault> {
    let gate = Arc::new(Barrier::new(calls.len()));
    let mut racers = JoinSet::new();
    for (call, server) in calls.into_iter().zip(servers.iter().copied().cycle()) {
        let gate = Arc::clone(&gate);
        racers.spawn(async move {
            let mut connection = HttpConnection::new(server);
            let open = connection.send(Call::get("/healthz")).await;
            gate.wait().await;
            open?;
            connection.send(call).await
        });
    }
    racers.join_all().await.into_iter().collect()
}
