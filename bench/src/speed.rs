//! What a measurement of speed takes, and all that it prints.

use std::{fs, path::PathBuf, time::Duration};

use serde_json::{Map, Value};

use crate::{
    against, bare,
    databases::EngineName,
    figure::{self, Figure},
    fill::Size,
    flows, growth, overload,
    plan::Plan,
    report, run,
    stand::TestStand,
    sweep, threads,
};

/// How many of a kind are filled in when only another kind was asked for.
const FEW: u64 = 1000;
/// Code flows of a run without figures.
const QUICK_FLOWS: u32 = 64;
const QUICK_CONCURRENCY: [u32; 2] = [1, 4];
const QUICK_GROWTH: [u64; 2] = [1000, 2000];

/// What a measurement takes.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("drawn").args(["concurrency", "growth", "quick"]).multiple(true))]
pub(crate) struct Speed {
    /// The program `grantwell`, built for release
    #[arg(long, value_name = "FILE")]
    server: PathBuf,
    /// The folder with oidc-provider and its packages, which takes turns with it; the best round counts
    #[arg(long, value_name = "DIR")]
    peer: Option<PathBuf>,
    /// Another build of `grantwell`, which takes turns with it; the median of the rounds counts
    #[arg(long, value_name = "FILE", conflicts_with_all = ["peer", "write"])]
    against: Option<PathBuf>,
    /// How long each row is measured in a round
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Rounds; 3 without it, 5 beside another build
    #[arg(long)]
    repeat: Option<u32>,
    /// A fifth of a second, one round: that everything runs, and no figures
    #[arg(long, conflicts_with_all = ["seconds", "repeat", "write"])]
    quick: bool,
    /// Only the rows and phases whose name has this in it
    #[arg(long, value_name = "TEXT", conflicts_with = "write")]
    only: Option<String>,
    /// The page that the tables are written to
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// One JSON document instead of tables
    #[arg(long)]
    json: bool,
    /// Where Grantwell keeps its records; PostgreSQL is started for the run, on the same two processors
    #[arg(long, default_value = "sqlite")]
    database: EngineName,
    /// Users that are in the database before anything is measured
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(FEW..))]
    users: Option<u64>,
    /// Clients that are in the database before anything is measured
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(FEW..))]
    clients: Option<u64>,
    /// Authorizations with a live refresh token that are in the database before anything is measured
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(FEW..))]
    tokens: Option<u64>,
    /// Whole code flows that are run in the end, for the memory of the server after them
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    flows: Option<u32>,
    /// Instead of the rows as they are, on so many connections each: the whole code flow, or the rows of `--only`
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=8192),
          conflicts_with_all = ["against", "write"])]
    concurrency: Vec<u32>,
    /// Instead of the rows as they are, in databases with so many users, clients and tokens of each
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', value_parser = clap::value_parser!(u64).range(FEW..),
          num_args = 0..=1, require_equals = true, default_missing_value = "1000,1000000",
          conflicts_with_all = ["against", "write", "users", "clients", "tokens", "concurrency"])]
    growth: Vec<u64>,
    /// The SVG that the concurrency or the growth is drawn in
    #[arg(long, value_name = "FILE", requires = "drawn")]
    plot: Option<PathBuf>,
}

impl Speed {
    fn plan(&self) -> Plan {
        let rounds = self.repeat.unwrap_or(if self.against.is_some() { 5 } else { 3 });
        let (seconds, repeat) =
            if self.quick { (0.2, 1) } else { (self.seconds.clamp(0.1, 600.0), rounds.max(1)) };
        Plan {
            server: self.server.clone(),
            peer: self.peer.clone(),
            time: Duration::from_secs_f64(seconds),
            repeat,
            only: self.only.clone(),
            engine: self.database,
            size: self.size(),
            quick: self.quick,
        }
    }

    fn size(&self) -> Option<Size> {
        let counts = [self.users, self.clients, self.tokens];
        let [users, clients, authorizations] = counts.map(|count| count.unwrap_or(FEW));
        counts.iter().any(Option::is_some).then_some(Size { users, clients, authorizations, expired: 0 })
    }

    /// Whether there is something else instead of the rows.
    fn is_special(&self) -> bool {
        !self.concurrency.is_empty() || !self.growth.is_empty()
    }

    /// Whether a phase of this name runs. Beside another build it has to be asked for.
    fn has_phase(&self, name: &str) -> bool {
        match &self.only {
            Some(only) => name.contains(only.as_str()),
            None => self.quick || (self.against.is_none() && !self.is_special()),
        }
    }

    /// Of a run without figures, everything runs, and this little of it.
    fn flows(&self) -> Option<u32> {
        self.flows.or(self.quick.then_some(QUICK_FLOWS))
    }

    fn concurrency(&self) -> &[u32] {
        if self.quick && self.concurrency.is_empty() { &QUICK_CONCURRENCY } else { &self.concurrency }
    }

    fn growth(&self) -> &[u64] {
        if self.quick && self.growth.is_empty() { &QUICK_GROWTH } else { &self.growth }
    }
}

/// What is printed: tables as they come, or one document in the end.
#[derive(Debug, Default)]
struct Output {
    is_json: bool,
    text: String,
    document: Map<String, Value>,
}

impl Output {
    fn section(&mut self, text: &str, document: Map<String, Value>) {
        if !self.is_json {
            println!("{text}");
        }
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(text);
        self.document.extend(document);
    }

    fn figures(&mut self, name: &str, title: &str, figures: &[Figure]) {
        let document = Map::from_iter([(name.to_owned(), figure::json(figures))]);
        self.section(&figure::markdown(title, figures), document);
    }

    fn value(&mut self, name: &str, value: impl Into<Value>) {
        self.document.insert(name.to_owned(), value.into());
    }

    fn end(self) {
        if self.is_json {
            println!("{}", Value::Object(self.document));
        }
    }
}

/// Measures. False when a floor is missed.
pub(crate) async fn measure(speed: &Speed) -> Result<bool, String> {
    let stand = TestStand::new(speed.plan()).await?;
    let mut output = Output { is_json: speed.json, ..Output::default() };
    output.value("pinned", stand.pinned);
    output.value("database", speed.database.name());
    if !stand.pinned {
        output.section("Not pinned: there is no taskset, or only one processor.\n", Map::new());
    }
    let mut missed = Vec::new();
    if !speed.is_special() && stand.plan.has_rows() {
        missed = rows(speed, &stand, &mut output).await?;
    }
    let signatures = bare::signatures(stand.plan.time)?;
    output.figures("signatures", "signatures of one processor", &signatures);
    if speed.has_phase(overload::NAME) {
        output.figures(overload::NAME, overload::NAME, &overload::run(&stand).await?);
    }
    if speed.has_phase(threads::NAME) {
        output.figures(threads::NAME, "one thread and two", &threads::run(&stand).await?);
    }
    if let Some(count) = speed.flows() {
        output.figures("flows", "memory", &flows::run(&stand, count).await?);
    }
    let mut chart = None;
    if !speed.growth().is_empty() {
        let growth = growth::run(&stand, speed.growth()).await?;
        output.section(&growth.markdown(), growth.json());
        chart = Some(growth.chart());
    }
    if !speed.concurrency().is_empty() {
        let sweep = sweep::run(&stand, speed.concurrency()).await?;
        output.section(&sweep.markdown(), sweep.json());
        chart = chart.filter(|_| speed.concurrency.is_empty()).or_else(|| Some(sweep.chart()));
    }
    if let (Some(file), Some(chart)) = (&speed.plot, chart) {
        fs::write(file, chart.svg()).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    if let Some(page) = &speed.write {
        report::write(page, &output.text)?;
    }
    if !missed.is_empty() {
        let lines: Vec<String> = missed.iter().map(|what| format!("missed: {what}\n")).collect();
        output.section(&lines.concat(), Map::new());
    }
    output.value("missed", missed.clone());
    output.end();
    Ok(missed.is_empty())
}

/// The rows as they are; the floors that they miss.
async fn rows(speed: &Speed, stand: &TestStand, output: &mut Output) -> Result<Vec<String>, String> {
    if let Some(other) = &speed.against {
        let comparison = against::run(stand, other).await?;
        output.section(&comparison.markdown(), comparison.json());
        return Ok(Vec::new());
    }
    let report = run::run(stand).await?;
    output.section(&report.markdown(), report.json());
    // A round of a fifth of a second shows no floor.
    Ok(if speed.quick { Vec::new() } else { report.missed() })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        speed: Speed,
    }

    fn parse(arguments: &[&str]) -> Speed {
        Line::try_parse_from(["bench", "--server", "x"].iter().chain(arguments)).unwrap().speed
    }

    #[test]
    fn a_size_has_a_few_of_what_was_not_asked_for() {
        assert!(parse(&[]).size().is_none());
        let size = parse(&["--tokens", "5000"]).size().unwrap();
        assert_eq!((size.users, size.clients, size.authorizations, size.expired), (FEW, FEW, 5000, 0));
    }

    #[test]
    fn a_quick_run_has_one_short_round_of_everything() {
        let quick = parse(&["--quick"]);
        let plan = quick.plan();
        assert_eq!((plan.time, plan.repeat), (Duration::from_millis(200), 1));
        assert_eq!((quick.flows(), parse(&[]).flows()), (Some(QUICK_FLOWS), None));
        assert_eq!(parse(&["--against", "y"]).plan().repeat, 5);
    }

    #[test]
    fn sizes_and_connections_are_lists_and_a_growth_has_two_sizes_without_any() {
        assert_eq!(parse(&["--growth"]).growth(), [1000, 1_000_000]);
        assert_eq!(parse(&["--growth=1000,5000,9000", "--json"]).growth(), [1000, 5000, 9000]);
        assert_eq!(parse(&["--concurrency", "1,4,16"]).concurrency(), [1, 4, 16]);
        assert!(parse(&[]).growth().is_empty() && parse(&[]).concurrency().is_empty());
        assert!(!parse(&["--growth"]).has_phase("overload"));
    }

    #[test]
    fn a_plot_needs_something_to_draw() {
        let plot = |arguments: &[&str]| {
            let fixed = ["bench", "--server", "x", "--plot", "x.svg"];
            Line::try_parse_from(fixed.iter().chain(arguments)).is_ok()
        };
        assert!(plot(&["--growth"]) && plot(&["--concurrency", "1,4"]) && plot(&["--quick"]));
        assert!(!plot(&[]) && !plot(&["--only", "refresh"]));
    }

    #[test]
    fn phases_are_chosen_by_their_name() {
        assert!(parse(&[]).has_phase("overload") && parse(&["--only", "overload"]).has_phase("overload"));
        assert!(!parse(&["--only", "overload"]).has_phase("threads"));
        assert!(!parse(&["--against", "y"]).has_phase("threads"));
        assert!(parse(&["--against", "y", "--quick"]).has_phase("threads"));
    }

    #[test]
    fn the_document_holds_every_section() {
        let mut output = Output { is_json: true, ..Output::default() };
        output.value("pinned", true);
        output.figures("signatures", "signatures", &[Figure::new("sign", 1.0, "a second", None)]);
        let document = Value::Object(output.document);
        assert_eq!((&document["pinned"], &document["signatures"][0]["value"]), (&true.into(), &1.0.into()));
    }
}
