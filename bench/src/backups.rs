//! Catalogue FT-20: backups are taken under load and restored elsewhere. There nothing works that was issued before, whoever has
//! an account signs in again, and the database is whole; where the backup was taken nothing is lost.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    crew::{Crew, Manner, PEOPLE},
    flow::{BenchClient, FormBrowser, path_of, tokens},
    grantwell::{Installation, person},
    history::{Line, Wrong},
    http::{Call, Fault, HttpConnection},
    nodes::Nodes,
    postgres::{Durability, PostgresCluster},
    random::Random,
    record::Record,
};

/// Authorizations that are checked in a restored database, in each round.
const ASKED: usize = 200;
/// A start on a restored database may take so long.
const STARTED: Duration = Duration::from_secs(5);

/// On each engine `rounds` backups. True when nothing was wrong.
pub(crate) async fn run(program: &Path, rounds: u32, seed: u64) -> Result<bool, String> {
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let installation = Installation::new(program, PEOPLE)?;
    installation.apply().await?;
    let mut server = installation.serve(None, &[]).await?;
    let mut record = Record::default();
    let servers = [server.address];
    let mut crew = Crew::sign_in(&servers, &mut random).await?;
    let begun = Instant::now();
    for number in 1..=rounds {
        let restored = installation.path("restored.db");
        let url = format!("sqlite:{}", restored.display());
        let round = Round { installation: &installation, servers: &servers, restored: &url };
        round.run(&mut crew, &mut random, &mut record).await?;
        fs::remove_file(&restored).map_err(told)?;
        println!("SQLite, round {number}: {}, {} s", record.progress(), begun.elapsed().as_secs());
    }
    crew.check_all(&servers, &mut record).await;
    server.stop().await?;
    let on_sqlite = record.print("backups under load: SQLite", &rows(rounds));

    let mut postgres = PostgresCluster::new(Durability::Kept).await?;
    postgres.create_database("grantwell")?;
    let mut nodes = Nodes::start(program, PEOPLE, &postgres.url("grantwell")).await?;
    let mut record = Record::default();
    let servers = nodes.addresses();
    let mut crew = Crew::sign_in(&servers, &mut random).await?;
    for number in 1..=rounds {
        postgres.create_database("restored")?;
        let url = postgres.url("restored");
        let round = Round { installation: &nodes.installation, servers: &servers, restored: &url };
        round.run(&mut crew, &mut random, &mut record).await?;
        postgres.drop_database("restored")?;
        println!("PostgreSQL, round {number}: {}, {} s", record.progress(), begun.elapsed().as_secs());
    }
    crew.check_all(&servers, &mut record).await;
    nodes.stop().await?;
    postgres.stop().await?;
    let on_postgres = record.print("backups under load: PostgreSQL, three nodes", &rows(rounds));
    Ok(nodes.explained(on_sqlite && on_postgres))
}

fn rows(rounds: u32) -> [(&'static str, String); 1] {
    [("backups, each restored", rounds.to_string())]
}

/// One backup.
struct Round<'a> {
    installation: &'a Installation,
    servers: &'a [SocketAddr],
    /// An empty database.
    restored: &'a str,
}

impl Round<'_> {
    async fn run(&self, crew: &mut Crew, random: &mut Random, record: &mut Record) -> Result<(), String> {
        let (before, after) = (random.millis(200, 800), random.millis(0, 300));
        let backup = async {
            tokio::time::sleep(before).await;
            let took = self.command("backup", &["--force", "--out", &self.backup()], &[]).await?;
            tokio::time::sleep(after).await;
            Ok::<_, String>(took)
        };
        let (took, lines) = crew.work(self.servers, Manner::Once, record, backup).await?;
        record.time("a backup beside the load", took?);
        let there = [("GRANTWELL_DATABASE", self.restored)];
        self.command("verify", &[&self.backup()], &[]).await?;
        let took = self.command("restore", &[&self.backup()], &there).await?;
        record.time("its restore into an empty database", took);
        let mut server = self.installation.serve(None, &there).await?;
        record.bound("a start on that", server.started_in, STARTED);
        let mut connection = HttpConnection::new(server.address);
        self.look(&mut connection, crew, &lines, record).await.map_err(told)?;
        server.stop().await?;
        // Catalogue I10: nothing is damaged.
        self.installation.run(&["db", "verify"], &there).await?;
        crew.check(lines, self.servers, record).await;
        Ok(())
    }

    /// What was issued before is dead; accounts and clients are there.
    async fn look(
        &self,
        connection: &mut HttpConnection,
        crew: &Crew,
        lines: &[Line],
        record: &mut Record,
    ) -> Result<(), Fault> {
        let client = crew.client();
        for line in lines.iter().rev().take(ASKED) {
            record.checks += 1;
            record.wrong.extend(line.check_ended(client, connection).await?);
        }
        for cookies in crew.cookies() {
            if client.authorize(connection, &cookies).await.is_ok() {
                record.wrong.push(Wrong::Revived("a session".to_owned()));
            }
        }
        for number in 0..PEOPLE {
            if let Err(fault) = signs_in(connection, client, &person(number)).await {
                record.wrong.push(Wrong::Lost(format!("an account: {fault}")));
            }
        }
        Ok(())
    }

    fn backup(&self) -> String {
        self.installation.path("backup").display().to_string()
    }

    async fn command(
        &self,
        what: &str,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<Duration, String> {
        let passphrase = self.installation.path("passphrase");
        fs::write(&passphrase, "a passphrase of the bench\n").map_err(told)?;
        let passphrase = passphrase.to_string_lossy();
        let opened = ["db", what, "--passphrase-file", &passphrase];
        let all: Vec<&str> = opened.into_iter().chain(arguments.iter().copied()).collect();
        self.installation.run(&all, environment).await
    }
}

/// A person signs in anew, is asked for consent, and the application has tokens that live.
async fn signs_in(connection: &mut HttpConnection, client: &BenchClient, name: &str) -> Result<(), Fault> {
    let mut browser = FormBrowser::default();
    let reply = browser.sign_in(connection, client, name).await?;
    let resume = reply.location.clone().ok_or_else(|| reply.unexpected())?;
    let page = browser.send(connection, Call::get(path_of(&resume))).await?.expect(200)?;
    if !page.holds(b"data-page=\"consent\"") {
        return Err(Fault::Unexpected("a consent of before counts".to_owned()));
    }
    let code = browser.authorize(connection, client, name).await?;
    let given = tokens(&client.redeem(connection, &code).await?)?;
    if client.is_active(connection, &given.access).await? {
        return Ok(());
    }
    Err(Fault::Unexpected("its token is dead".to_owned()))
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}
