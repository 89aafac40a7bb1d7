//! A large database: what everything takes that an operator waits for, and whether what was issued outlives a move.

use std::{
    collections::HashSet,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use grantwell_store::{copy, database};

use crate::{
    databases::EngineName,
    fill::{Filling, Size},
    flow::{BenchClient, FormBrowser, Paths, tokens},
    grantwell::Installation,
    http::{Fault, HttpConnection},
    load::Measured,
    postgres::{Durability, PostgresCluster},
    process::RunningProcess,
    random::Random,
};

/// Settings for a database of this size.
const SETTINGS: [&str; 4] =
    ["shared_buffers=1GB", "max_wal_size=4GB", "maintenance_work_mem=256MB", "checkpoint_timeout=15min"];
/// The sweep says how many rows it removed.
const LOG: (&str, &str) = ("GRANTWELL_LOG__LEVEL", "debug");
const FLOWS: u32 = 200;
const REFRESHES: u32 = 2000;
/// Refresh tokens that must work after the move: some that were used before, and as many that were not.
const MOVED: usize = 200;
/// How long the sweep is watched.
const SWEEP: Duration = Duration::from_secs(20);

/// Fills a database of `engine` and measures. True when every answer was as it must be.
pub(crate) async fn run(program: &Path, size: Size, engine: EngineName) -> Result<bool, String> {
    let seed = Random::seed();
    println!("seed {seed}");
    println!(
        "\n| {engine:?}, {} users, {} clients, {} authorizations | |",
        size.users, size.clients, size.authorizations
    );
    println!("|---|---|");
    let mut postgres = PostgresCluster::with(Durability::Kept, &SETTINGS).await?;
    for name in ["grantwell", "restored"] {
        postgres.create_database(name)?;
    }
    let installation = match engine {
        EngineName::Sqlite => Installation::new(program, 1)?,
        EngineName::Postgres => Installation::on(program, 1, &postgres.url("grantwell"))?,
    };
    let file = |name: &str| format!("sqlite:{}", installation.path(name).display());
    let (database, restored, other) = match engine {
        EngineName::Sqlite => (installation.database(), file("restored.db"), postgres.url("grantwell")),
        EngineName::Postgres => (postgres.url("grantwell"), postgres.url("restored"), file("moved.db")),
    };
    installation.apply().await?;
    // The first start makes the keys.
    installation.serve(None, &[]).await?.stop().await?;
    let filling = Filling::of(&installation, &database, size).await?;
    let filling = fill(filling, &installation, &database).await?;
    let mut random = Random::new(seed);
    let mut server = installation.serve(None, &[]).await?;
    row("a start, to the first 200 of /readyz", seconds(server.started_in));
    let mut load =
        Load { filling: &filling, paths: discover(&server).await?, used: HashSet::new(), live: Vec::new() };
    server.stop().await?;
    server = installation.serve(None, &[LOG]).await?;
    sweep(&mut load, &server, &installation, &mut random).await?;
    server.stop().await?;
    server = installation.serve(None, &[]).await?;
    load.measure(&server, &mut random).await?;
    row("memory of the server, MiB", (server.memory() / 1024).to_string());
    copies(&installation, &restored).await?;
    if engine == EngineName::Postgres {
        postgres.drop_database("restored")?;
    }
    server.stop().await?;
    let url = installation.path("other");
    fs::write(&url, &other).map_err(told)?;
    let moved = installation.run(&["db", "move", "--to-file", &url.to_string_lossy()], &[]).await?;
    row("`db move` to the other engine", seconds(moved));
    row("its size there, MiB", mebibytes(inspected(&other).await?.size));
    let mut server = installation.serve(None, &[("GRANTWELL_DATABASE", &other)]).await?;
    row("a start there, to the first 200 of /readyz", seconds(server.started_in));
    let failed = load.check(&server, &mut random).await?;
    row("refresh tokens from before the move: used there, refused", format!("{MOVED}, {failed}"));
    server.stop().await?;
    postgres.stop().await?;
    Ok(failed == 0)
}

async fn fill(filling: Filling, installation: &Installation, database: &str) -> Result<Filling, String> {
    let (url, folder) = (database.to_owned(), installation.path(""));
    let begun = Instant::now();
    let filled = tokio::task::spawn_blocking(move || {
        let filled = filling.fill(&url, &folder)?;
        Ok::<_, String>((filling, filled))
    });
    let (filling, filled) = filled.await.map_err(told)??;
    for (table, count, time) in filled {
        row(&format!("fill: {table}, rows and time"), format!("{count}, {}", seconds(time)));
    }
    row("fill, all of it", seconds(begun.elapsed()));
    row("size, MiB", mebibytes(inspected(database).await?.size));
    Ok(filling)
}

async fn inspected(database: &str) -> Result<copy::Inspection, String> {
    let url = database.to_owned();
    tokio::task::spawn_blocking(move || database::inspect(&url)).await.map_err(told)?.map_err(told)
}

/// A backup of the database while it is served, read, and put into another one.
async fn copies(installation: &Installation, restored: &str) -> Result<(), String> {
    let (backup, passphrase) = (installation.path("backup"), installation.path("passphrase"));
    fs::write(&passphrase, "a passphrase of the bench\n").map_err(told)?;
    let (backup_text, passphrase) = (backup.to_string_lossy(), passphrase.to_string_lossy());
    let opener = ["--passphrase-file", &passphrase];
    let with = |first: &[&'static str]| -> Vec<String> {
        first.iter().copied().chain(opener).map(str::to_owned).collect()
    };
    let took = run_all(installation, &with(&["db", "backup"]), &["--out", &backup_text], &[]).await?;
    row("`db backup` beside the server", seconds(took));
    row("its size, MiB", mebibytes(backup.metadata().map_or(0, |file| file.len())));
    let took = run_all(installation, &with(&["db", "verify"]), &[&backup_text], &[]).await?;
    row("`db verify` of the backup", seconds(took));
    let there = [("GRANTWELL_DATABASE", restored)];
    let took = run_all(installation, &with(&["db", "restore"]), &[&backup_text], &there).await?;
    row("`db restore` into an empty database", seconds(took));
    let mut server = installation.serve(None, &there).await?;
    row("a start on it, to the first 200 of /readyz", seconds(server.started_in));
    server.stop().await?;
    // There is not room for everything at once.
    fs::remove_file(&backup).map_err(told)?;
    if let Some(file) = restored.strip_prefix("sqlite:") {
        fs::remove_file(file).map_err(told)?;
    }
    Ok(())
}

async fn run_all(
    installation: &Installation,
    first: &[String],
    then: &[&str],
    environment: &[(&str, &str)],
) -> Result<Duration, String> {
    let arguments: Vec<&str> = first.iter().map(String::as_str).chain(then.iter().copied()).collect();
    installation.run(&arguments, environment).await
}

/// Flows while rows that expired long ago go, until the watch is over.
async fn sweep(
    load: &mut Load<'_>,
    server: &RunningProcess,
    installation: &Installation,
    random: &mut Random,
) -> Result<(), String> {
    let before = swept(installation);
    let begun = Instant::now();
    let mut flows = 0_u32;
    let mut connection = HttpConnection::new(server.address);
    while begun.elapsed() < SWEEP {
        load.refresh(&mut connection, random).await.map_err(told)?;
        flows += 1;
    }
    let (rows, time) = (swept(installation) - before, begun.elapsed().as_secs_f64());
    let rate = f64::from(u32::try_from(rows).unwrap_or(u32::MAX)) / time;
    row("sweep: rows in all, in the last 20 s, a second", format!("{}, {rows}, {rate:.0}", before + rows));
    row("refreshes of one client meanwhile, a second", format!("{:.0}", f64::from(flows) / time));
    Ok(())
}

/// Rows that the sweep has removed, by the server's log.
fn swept(installation: &Installation) -> u64 {
    let log = fs::read_to_string(installation.log()).unwrap_or_default();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let counts = lines.filter_map(|line| match line.get("fields") {
        Some(fields) => fields.get("rows")?.as_u64(),
        None => line.get("rows")?.as_u64(),
    });
    counts.sum()
}

/// Who asks, one request at a time.
struct Load<'a> {
    filling: &'a Filling,
    paths: Paths,
    /// Authorizations whose refresh token, as it was filled in, was used.
    used: HashSet<u64>,
    /// Refresh tokens that were given, and whose.
    live: Vec<(BenchClient, String)>,
}

impl Load<'_> {
    fn client(&self, number: u64) -> BenchClient {
        BenchClient { id: Filling::client_id(number).into(), ..BenchClient::web(self.paths.clone()) }
    }

    async fn measure(&mut self, server: &RunningProcess, random: &mut Random) -> Result<(), String> {
        let mut connection = HttpConnection::new(server.address);
        let (mut codes, mut redemptions) = (Vec::new(), Vec::new());
        for _ in 0..FLOWS {
            let (code, redemption) = self.flow(&mut connection, random).await.map_err(told)?;
            codes.push(code);
            redemptions.push(redemption);
        }
        let mut refreshes = Vec::new();
        for _ in 0..REFRESHES {
            refreshes.push(self.refresh(&mut connection, random).await.map_err(told)?);
        }
        let tell = |what: &str, times: Vec<Duration>| {
            let count = times.len();
            let measured = Measured::of(&times);
            let (median, most) = (measured.percentile(50.0), measured.percentile(99.0));
            row(&format!("{what}: how many, p50 and p99"), format!("{count}, {median:.1?}, {most:.1?}"));
        };
        tell("sign-in with a password, consent, code", codes);
        tell("code → tokens, refresh", redemptions);
        tell("refresh of any authorization", refreshes);
        Ok(())
    }

    /// Anybody signs in for the first time at any client, and consents; the code is redeemed, and its token refreshed.
    async fn flow(
        &mut self,
        connection: &mut HttpConnection,
        random: &mut Random,
    ) -> Result<(Duration, Duration), Fault> {
        let (user, client) = self.filling.strangers(random);
        let client = self.client(client);
        let begun = Instant::now();
        let code = FormBrowser::default().authorize(connection, &client, &Filling::username(user)).await?;
        let authorized = Instant::now();
        let first = tokens(&client.redeem(connection, &code).await?)?;
        let second = tokens(&client.refresh(connection, &first.refresh).await?)?;
        if self.live.len() < MOVED / 4 {
            self.live.push((client, second.refresh));
        }
        Ok((authorized.duration_since(begun), authorized.elapsed()))
    }

    /// A refresh token that was filled in and not used since, and whose it is.
    fn unused(&mut self, random: &mut Random) -> (BenchClient, String) {
        let mut number = self.filling.living(random);
        while !self.used.insert(number) {
            number = self.filling.living(random);
        }
        (self.client(self.filling.parties(number).1), self.filling.refresh_token(number))
    }

    async fn refresh(
        &mut self,
        connection: &mut HttpConnection,
        random: &mut Random,
    ) -> Result<Duration, Fault> {
        let (client, token) = self.unused(random);
        let begun = Instant::now();
        let reply = client.refresh(connection, &token).await?;
        let time = begun.elapsed();
        let next = tokens(&reply)?.refresh;
        if self.live.len() < MOVED / 2 {
            self.live.push((client, next));
        }
        Ok(time)
    }

    /// How many refresh tokens work no more: those that were given, and as many that were never used.
    async fn check(&mut self, server: &RunningProcess, random: &mut Random) -> Result<usize, String> {
        let mut live = std::mem::take(&mut self.live);
        while live.len() < MOVED {
            live.push(self.unused(random));
        }
        let mut connection = HttpConnection::new(server.address);
        let mut failed = 0;
        for (client, token) in live {
            let reply = client.refresh(&mut connection, &token).await.map_err(told)?;
            if let Err(fault) = tokens(&reply) {
                println!("refused: {fault}");
                failed += 1;
            }
        }
        Ok(failed)
    }
}

async fn discover(server: &RunningProcess) -> Result<Paths, String> {
    Paths::discover(&mut HttpConnection::new(server.address)).await.map_err(told)
}

fn row(what: &str, value: String) {
    println!("| {what} | {value} |");
}

fn seconds(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        return format!("{} ms", time.as_millis());
    }
    format!("{:.1} s", time.as_secs_f64())
}

fn mebibytes(bytes: u64) -> String {
    (bytes / (1 << 20)).to_string()
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}
