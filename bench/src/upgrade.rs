//! Catalogue FT-13: three nodes go from one version to the next and back, one after the other, under load. Both versions serve one
//! database meanwhile, whose schema is the next one's from the first new node on.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    crew::{Crew, Manner, PEOPLE, RETRY_AFTER},
    flow::{BenchClient, FormBrowser, tokens},
    haproxy::Haproxy,
    http::{Fault, HttpConnection},
    nodes::{NODES, Nodes},
    postgres::{Durability, PostgresCluster},
    random::Random,
    record::Record,
};

/// How long a node may take to end after SIGTERM.
const DRAINED: Duration = Duration::from_secs(10);
/// A node of a version that the schema is new to has started by then.
const STARTED: Duration = Duration::from_secs(10);
/// Between two nodes, so that the proxy has seen the last one come back.
const BETWEEN: Duration = Duration::from_millis(700);

/// What a run takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upgrade<'a> {
    pub(crate) program: &'a Path,
    /// The program of the next version. Without one the schema alone goes on.
    pub(crate) next: Option<&'a Path>,
    /// There and back so often.
    pub(crate) rounds: u32,
    /// How long both versions serve, there and back.
    pub(crate) mixed: Duration,
}

/// Goes there and back. True when nothing was wrong.
pub(crate) async fn run(upgrade: Upgrade<'_>, seed: u64) -> Result<bool, String> {
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let mut postgres = PostgresCluster::new(Durability::Kept).await?;
    postgres.create_database("grantwell")?;
    let database = postgres.url("grantwell");
    let mut nodes = Nodes::start(upgrade.program, PEOPLE, &database).await?;
    let haproxy = Haproxy::start(&nodes.addresses()).await?;
    let servers = [haproxy.address];
    let mut crew = Crew::sign_in(&servers, &mut random).await?;
    let client = crew.client().clone();
    let mut record = Record::default();
    let begun = Instant::now();
    for round in 1..=upgrade.rounds {
        let way = Way { upgrade, database: &database, client: &client, is_first: round == 1 };
        let mut seen = Record::default();
        let there_and_back = way.there_and_back(&mut nodes, &mut seen);
        let (done, lines) = crew.work(&servers, Manner::Again, &mut record, there_and_back).await?;
        done.map_err(|error| format!("round {round}: {error}"))?;
        record.absorb(seen);
        let everywhere: Vec<_> = servers.into_iter().chain(nodes.addresses()).collect();
        crew.check(lines, &everywhere, &mut record).await;
        println!("round {round}: {}, {} s", record.progress(), begun.elapsed().as_secs());
    }
    crew.check_all(&servers, &mut record).await;
    let failed = record.counts.failed + record.counts.spent;
    if failed > 0 {
        record.broken.push(format!("{failed} requests failed with one more try"));
    }
    let (unknown, damage) = (record.counts.unknown, nodes.said("time to drain was over").len());
    if damage > 0 {
        record.broken.push(format!("{damage} nodes cut requests off"));
    }
    nodes.stop().await?;
    postgres.stop().await?;
    let next = if upgrade.next.is_some() { "a program and its schema" } else { "its schema alone" };
    let rows = [
        ("what is made up of the next version", next.to_owned()),
        ("there and back", upgrade.rounds.to_string()),
        ("nodes replaced under load", (upgrade.rounds * 6).to_string()),
        ("answers that did not come the first time", unknown.to_string()),
        ("requests that failed with one more try", failed.to_string()),
        ("seconds", begun.elapsed().as_secs().to_string()),
    ];
    let good = record.print("three nodes go to the next version and back, behind HAProxy", &rows);
    Ok(nodes.explained(good))
}

struct Way<'a> {
    upgrade: Upgrade<'a>,
    database: &'a str,
    client: &'a BenchClient,
    is_first: bool,
}

impl Way<'_> {
    async fn there_and_back(&self, nodes: &mut Nodes, seen: &mut Record) -> Result<(), String> {
        let (program, next) = (self.upgrade.program, self.upgrade.next.unwrap_or(self.upgrade.program));
        tokio::time::sleep(BETWEEN).await;
        if self.is_first && self.upgrade.next.is_none() {
            let expanded = grantwell_store::suite::postgres::expand(self.database).await;
            expanded.map_err(|error| format!("the next version's schema: {error}"))?;
        }
        for (at, to) in [next, program].into_iter().enumerate() {
            for node in 0..NODES {
                let (ended, started) = nodes.replace(node, to).await?;
                seen.bound("from SIGTERM to the end of a node", ended, DRAINED);
                let what =
                    if at == 0 { "a start of the next version" } else { "a start of the version before" };
                seen.bound(what, started, STARTED);
                tokio::time::sleep(BETWEEN).await;
                if node + 1 < NODES {
                    self.cross(nodes, node, node + 1).await?;
                    self.cross(nodes, node + 1, node).await?;
                    tokio::time::sleep(self.upgrade.mixed / 4).await;
                }
            }
        }
        Ok(())
    }

    /// What one of two nodes of different versions has given, the other takes: the cookies of a sign-in, its code, its refresh
    /// token and the next one; and a session there is one here.
    async fn cross(&self, nodes: &Nodes, one: usize, other: usize) -> Result<(), String> {
        let addresses = nodes.addresses();
        let at = |node: usize| addresses.get(node).copied().map(HttpConnection::new).ok_or("no such node");
        let (mut one, mut other) = (at(one)?, at(other)?);
        let done = match self.across(&mut one, &mut other).await {
            Err(Fault::Busy(_)) => {
                tokio::time::sleep(RETRY_AFTER).await;
                self.across(&mut one, &mut other).await
            }
            done => done,
        };
        done.map_err(|fault| format!("across two versions: {fault}"))
    }

    async fn across(&self, one: &mut HttpConnection, other: &mut HttpConnection) -> Result<(), Fault> {
        let (client, name) = (self.client, Crew::stranger(0));
        let mut browser = FormBrowser::default();
        let request = client.request();
        let code = browser.walk(&mut [one, other], &request, &name).await?;
        let first = tokens(&client.redeem(other, &code).await?)?;
        let second = tokens(&client.refresh(one, &first.refresh).await?)?;
        let third = tokens(&client.refresh(other, &second.refresh).await?)?;
        for token in [&first.access, &third.access, &third.refresh] {
            if !client.is_active(one, token).await? || !client.is_active(other, token).await? {
                return Err(Fault::Unexpected("a token is not active".to_owned()));
            }
        }
        // A browser with a session sees no page.
        client.authorize(one, &browser.cookies()).await?;
        client.authorize(other, &browser.cookies()).await?;
        client.revoke(one, &third.refresh).await?.expect(200)?;
        if client.is_active(other, &third.access).await? {
            return Err(Fault::Unexpected("what was revoked is active".to_owned()));
        }
        Ok(())
    }
}
