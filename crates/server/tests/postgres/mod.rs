//! The program on PostgreSQL: the same commands, one changed line, and a second node.

use std::fs;

use grantwell_store::suite::postgres::Schema;

use super::{CONFIG, Place, get};

/// A place whose database is a schema of the server that the tests were given.
struct Served {
    place: Place,
    runtime: tokio::runtime::Runtime,
    schema: Schema,
}

impl Served {
    fn new() -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let schema = runtime.block_on(Schema::new());
        let served = Self { place: Place::new(), runtime, schema };
        served.place.write("passphrase", "a passphrase of a few words\n");
        served.uses(&served.schema);
        served
    }

    /// The one changed line.
    fn uses(&self, schema: &Schema) {
        let config = CONFIG.replace("sqlite:data/grantwell.db", &schema.url());
        self.place.write("grantwell.toml", &config);
    }

    fn another(&self) -> Schema {
        self.runtime.block_on(Schema::new())
    }

    /// What a command that must work printed.
    #[track_caller]
    fn db(&self, arguments: &[&str]) -> String {
        let output = self.place.run(&[&["db"], arguments, &["--config", "grantwell.toml"]].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{said}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn refuses(&self, arguments: &[&str]) -> String {
        self.place.fails(&[&["db"], arguments, &["--config", "grantwell.toml"]].concat())
    }

    fn status(&self) -> serde_json::Value {
        serde_json::from_str(&self.db(&["status", "--json"])).unwrap()
    }
}

#[test]
fn a_plan_changes_nothing_and_the_first_apply_makes_the_database() {
    let served = Served::new();
    assert!(served.db(&["plan"]).contains("there is no database yet"));
    assert!(served.db(&["status"]).contains("no database yet"));
    let dry = served.place.apply(&["--dry-run"]);
    assert!(dry.contains("3 created"), "{dry}");
    assert!(served.db(&["status"]).contains("no database yet"), "a dry run makes none");
    assert!(served.db(&["migrate"]).contains("0001_initial"));
    assert!(served.place.apply(&[]).contains("3 created, 0 changed, 0 left, 0 removed"));
    assert!(served.place.apply(&[]).contains("0 created, 0 changed, 3 left, 0 removed"));
    let status = served.status();
    assert_eq!((status["engine"].as_str(), status["rows"]["user"].as_u64()), (Some("postgres"), Some(1)));
    assert_eq!(status["check"], serde_json::json!([]));
    assert!(served.db(&["verify"]).contains("nothing is wrong"));
    assert!(served.db(&["plan"]).contains("nothing to do"));
}

#[test]
fn ft_20_a_backup_is_restored_into_an_empty_database_and_into_no_other() {
    let mut served = Served::new();
    served.place.apply(&[]);
    let before = served.status();
    served.db(&["backup", "--out", "backup", "--passphrase-file", "passphrase"]);
    let restore = ["restore", "backup", "--passphrase-file", "passphrase"];
    assert!(served.refuses(&restore).contains("holds rows already"));
    let schema = served.another();
    served.uses(&schema);
    let said = served.db(&restore);
    assert!(said.contains("as of 20") && said.contains("dead: "), "{said}");
    let after = served.status();
    assert_eq!(after["rows"]["user"], before["rows"]["user"]);
    assert!(after["epoch"].as_u64() > before["epoch"].as_u64(), "{after}");
    assert_eq!(after["rows"]["key"], 0, "the next start makes new ones");
    assert!(served.place.apply(&[]).contains("0 created, 0 changed, 3 left"));
    let address = served.place.serve();
    assert!(get(&address, "/readyz").starts_with("HTTP/1.1 200"));
}

#[test]
fn a_database_moves_from_a_file_to_a_server_and_the_file_is_of_no_more_use() {
    let mut served = Served::new();
    served.place.write("grantwell.toml", CONFIG);
    served.place.apply(&[]);
    let old = served.place.serve();
    let url = served.schema.url();
    let login = format!("{}@", url.split_once("://").unwrap().1.split('@').next().unwrap());
    served.place.write("url", &format!("{url}\n"));
    let said = served.db(&["move", "--to-file", "url"]);
    assert!(said.contains("counted and compared") && !said.contains(&login), "{said}");
    assert!(get(&old, "/readyz").starts_with("HTTP/1.1 503"));
    let said = served.place.fails(&["serve", "--config", "grantwell.toml"]);
    assert!(said.contains("was moved to postgres://") && !said.contains(&login), "{said}");
    served.uses(&served.schema);
    assert!(served.place.apply(&[]).contains("0 created, 0 changed, 3 left"));
    // Two nodes on it, and back to a file.
    let nodes = [served.place.serve(), served.place.serve()];
    for node in &nodes {
        assert!(get(node, "/readyz").starts_with("HTTP/1.1 200"), "{node}");
    }
    served.db(&["move", "--to", "sqlite:back.db"]);
    for node in &nodes {
        assert!(get(node, "/readyz").starts_with("HTTP/1.1 503"), "{node}");
    }
    served.place.write("grantwell.toml", &CONFIG.replace("data/grantwell.db", "back.db"));
    assert!(served.place.apply(&[]).contains("0 created, 0 changed, 3 left"));
}

#[test]
fn what_cannot_be_opened_is_one_sentence_without_the_password() {
    let served = Served::new();
    let fails_with = |url: &str| {
        served.place.write("grantwell.toml", &CONFIG.replace("sqlite:data/grantwell.db", url));
        let said = served.place.fails(&["serve", "--config", "grantwell.toml"]);
        assert!(!said.contains("hunter2"), "{said}");
        said
    };
    let said = fails_with("postgres://ada:hunter2@127.0.0.1:1/grantwell");
    assert!(said.contains("the database postgres://127.0.0.1:1/grantwell cannot be reached"), "{said}");
    let url = served.schema.url();
    let (before, after) = url.split_once('?').unwrap();
    let said = fails_with(&format!("{}/nowhere?{after}", before.rsplit_once('/').unwrap().0));
    assert!(said.contains("cannot be reached") && said.contains("nowhere"), "{said}");
    // Of another issuer.
    served.uses(&served.schema);
    served.place.apply(&[]);
    let config = CONFIG.replace("localhost:8080", "localhost:9999").replace("sqlite:data/grantwell.db", &url);
    served.place.write("grantwell.toml", &config);
    let said = served.place.fails(&["serve", "--config", "grantwell.toml"]);
    assert!(said.contains("http://localhost:8080") && said.contains("http://localhost:9999"), "{said}");
    // With the key of another.
    served.uses(&served.schema);
    fs::remove_file(served.place.path("grantwell.key")).unwrap();
    assert!(served.place.fails(&["serve", "--config", "grantwell.toml"]).contains("grantwell.key"));
}

/// What it wrote would begin in an hour for all others.
#[test]
fn a_machine_whose_clock_is_wrong_changes_nothing() {
    let served = Served::new();
    served.place.apply(&[]);
    let wrong = "CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql
                 AS 'SELECT pg_catalog.clock_timestamp() - interval ''1 hour'''";
    served.runtime.block_on(served.schema.execute(wrong));
    let url = format!("{}%2Cpg_catalog", served.schema.url());
    served.place.write("grantwell.toml", &CONFIG.replace("sqlite:data/grantwell.db", &url));
    for command in [&["apply", "state.toml"][..], &["key", "rotate"]] {
        let said = served.place.fails(&[command, &["--config", "grantwell.toml"]].concat());
        assert!(said.contains("ahead of the database's") && said.contains("Set it right"), "{said}");
    }
    served.uses(&served.schema);
    served.place.apply(&[]);
}
