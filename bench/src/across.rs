//! Several nodes on one database: what must hold across them, and what it costs when one of them is killed (catalogue FT-03).

use std::{
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    crew::{Crew, Manner, PEOPLE},
    flow::{BenchClient, FormBrowser, tokens},
    haproxy::Haproxy,
    history::Counts,
    http::{Fault, HttpConnection},
    nodes::{NODES, Nodes},
    postgres::{Durability, PostgresCluster},
    races::Ground,
    random::Random,
    record::Record,
};

/// How long after a kill requests may still notice it.
const FAILOVER: Duration = Duration::from_secs(3);
/// How many of a thousand requests may fail, with one retry.
const FAILURES: u64 = 1;
/// Fewer requests than these cannot show a thousandth.
const ENOUGH: u64 = 20_000;
/// Every order of the nodes.
const ORDERS: [[usize; NODES]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

/// Runs each race `rounds` times, and kills a node `kills` times. True when nothing was wrong.
pub(crate) async fn run(program: &Path, rounds: u32, kills: u32, seed: u64) -> Result<bool, String> {
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let mut postgres = PostgresCluster::new(Durability::Kept).await?;
    postgres.create_database("grantwell")?;
    let mut nodes = Nodes::start(program, PEOPLE, &postgres.url("grantwell")).await?;
    let mut races = Record::default();
    let begun = Instant::now();
    let mut ground = Ground::new(&nodes).await.map_err(|fault| fault.to_string())?;
    ground.run(rounds, &mut races).await.map_err(|fault| fault.to_string())?;
    let rows = [
        ("nodes", NODES.to_string()),
        ("rounds of each", rounds.to_string()),
        ("requests of races that were told to try again", ground.busy.to_string()),
        ("seconds", begun.elapsed().as_secs().to_string()),
    ];
    let raced = races.print_short("races across nodes: sign-in, C-04, F-02, F-12, L-07, disable", &rows);
    let killed = kill_each(&mut nodes, kills, &mut random).await?;
    nodes.stop().await?;
    postgres.stop().await?;
    Ok(nodes.explained(raced && killed))
}

/// Kills one node after the other, in every order, behind a proxy.
async fn kill_each(nodes: &mut Nodes, rounds: u32, random: &mut Random) -> Result<bool, String> {
    let haproxy = Haproxy::start(&nodes.addresses()).await?;
    let servers = [haproxy.address];
    let mut record = Record::default();
    let mut crew = Crew::sign_in(&servers, random).await?;
    let client = crew.client().clone();
    let victims = ORDERS.iter().flatten().cycle();
    for (round, victim) in (1..=rounds).zip(victims) {
        let load = random.millis(300, 1000);
        let kill = kill(nodes, *victim, load, &client);
        let (done, lines) = crew.work(&servers, Manner::Again, &mut record, kill).await?;
        let killed = done.map_err(|error| format!("round {round}: {error}"))?;
        let failover = crew.last_fault.map_or(Duration::ZERO, |last| last.saturating_duration_since(killed));
        record.bound("from the kill to the last request that went wrong", failover, FAILOVER);
        let everywhere: Vec<_> = servers.into_iter().chain(nodes.addresses()).collect();
        crew.check(lines, &everywhere, &mut record).await;
        if round % 10 == 0 {
            println!("kill {round}: {}", record.progress());
        }
    }
    crew.check_all(&servers, &mut record).await;
    let Counts { failed, spent, .. } = record.counts;
    let all = failed + spent + record.counts.acknowledged();
    for failures in [failed, failed + if all < ENOUGH { 0 } else { spent }] {
        if failures * 1000 > FAILURES * all {
            record.broken.push(format!("{failures} of {all} requests failed with one more try"));
        }
    }
    let rows = [
        ("nodes killed", rounds.to_string()),
        ("sign-ins that a kill interrupted and another node finished", rounds.to_string()),
        ("codes that were redeemed by a request that was never answered", spent.to_string()),
        ("other requests that failed with one more try", failed.to_string()),
    ];
    Ok(record.print("kill -9 of one of three nodes behind HAProxy", &rows))
}

/// A sign-in begins on the node that is killed, and goes on elsewhere. Answers when it was killed.
async fn kill(
    nodes: &mut Nodes,
    victim: usize,
    load: Duration,
    client: &BenchClient,
) -> Result<Instant, String> {
    let addresses = nodes.addresses();
    let at =
        |node: usize| addresses.get(node % NODES).copied().map(HttpConnection::new).ok_or("no such node");
    let told = |fault: Fault| format!("a sign-in that goes on elsewhere: {fault}");
    tokio::time::sleep(load).await;
    let mut browser = FormBrowser::default();
    let reply = browser.sign_in(&mut at(victim)?, client, &Crew::stranger(victim)).await.map_err(told)?;
    let resume = reply.location.clone().ok_or_else(|| told(reply.unexpected()))?;
    nodes.kill(victim);
    let killed = Instant::now();
    let (mut next, mut last) = (at(victim + 1)?, at(victim + 2)?);
    let code = browser.walk(&mut [&mut next], &resume, &Crew::stranger(victim)).await.map_err(told)?;
    client.redeem(&mut last, &code).await.and_then(|reply| tokens(&reply)).map_err(told)?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    nodes.restart(victim).await?;
    // The proxy has seen it, and gives it its share again.
    tokio::time::sleep(Duration::from_millis(700)).await;
    Ok(killed)
}
