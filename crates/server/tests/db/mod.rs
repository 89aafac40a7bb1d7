//! `grantwell db` as an operator meets it.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
};

use grantwell_store::copy;

use super::{CONFIG, Place, get, sql};

const PASSPHRASE: &str = "a passphrase of a few words\n";

impl Place {
    /// A database with what the state file declares, and a passphrase.
    fn filled() -> Self {
        let place = Self::new();
        place.apply(&[]);
        place.write("passphrase", PASSPHRASE);
        place
    }

    /// What a command that must work printed.
    #[track_caller]
    fn db(&self, arguments: &[&str]) -> String {
        let output = self.run(&[&["db"], arguments, &["--config", "grantwell.toml"]].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{said}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn refuses(&self, arguments: &[&str]) -> String {
        self.fails(&[&["db"], arguments, &["--config", "grantwell.toml"]].concat())
    }

    fn backed_up() -> Self {
        let place = Self::filled();
        place.db(&["backup", "--out", "backup", "--passphrase-file", "passphrase"]);
        place
    }

    fn rows(&self, table: &str) -> i64 {
        let database = rusqlite::Connection::open(self.path("data/grantwell.db")).unwrap();
        database.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    }

    fn lose_everything(&self) {
        fs::remove_dir_all(self.path("data")).unwrap();
        fs::remove_file(self.path("grantwell.key")).unwrap();
    }
}

/// What takes a database back to the first version of the schema: all that came since goes.
fn back_to_version_1() -> String {
    let (first, present) = (copy::shapes(1).unwrap(), copy::shapes(copy::known()).unwrap());
    let mut statements = Vec::new();
    for shape in present {
        let table = shape.table.name;
        match first.iter().find(|was| was.table.name == table) {
            None => statements.push(format!("DROP TABLE {table}")),
            Some(was) => {
                // A column that only lost its NOT NULL stays: version 1 reads it as well.
                let new = shape
                    .columns
                    .iter()
                    .filter(|column| was.columns.iter().all(|old| old.name != column.name));
                statements.extend(new.map(|new| format!("ALTER TABLE {table} DROP COLUMN {}", new.name)));
            }
        }
    }
    statements.push("PRAGMA user_version = 1; PRAGMA journal_mode = DELETE".to_owned());
    statements.join("; ")
}

#[test]
fn a_backup_is_all_that_is_needed_to_restore() {
    let mut place = Place::backed_up();
    assert_eq!(fs::metadata(place.path("backup")).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(place.db(&["verify", "backup", "--passphrase-file", "passphrase"]).contains("is whole"));
    fs::rename(place.path("grantwell.toml"), place.path("away.toml")).unwrap();
    assert!(place.db(&["verify", "backup", "--passphrase-file", "passphrase"]).contains("is whole"));
    fs::rename(place.path("away.toml"), place.path("grantwell.toml")).unwrap();
    assert!(!place.db(&["status"]).contains("none is known"), "the database knows of its backup");
    let key = fs::read_to_string(place.path("grantwell.key")).unwrap();

    let restore = ["restore", "backup", "--passphrase-file", "passphrase"];
    assert!(place.refuses(&restore).contains("holds rows already"));
    place.lose_everything();
    let said = place.db(&restore);
    assert!(said.contains("as of 20") && said.contains("passwords") && said.contains("dead: "), "{said}");
    assert_eq!(fs::read_to_string(place.path("grantwell.key")).unwrap(), key);
    assert_eq!(fs::metadata(place.path("grantwell.key")).unwrap().permissions().mode() & 0o777, 0o400);
    assert_eq!((place.rows("user"), place.rows("key")), (1, 0));
    assert_eq!(place.rows("audit WHERE body LIKE '%database.restored%'"), 1);
    assert!(place.apply(&[]).contains("leave"), "nothing is lost");
    let address = place.serve();
    assert!(get(&address, "/readyz").starts_with("HTTP/1.1 200"));
    assert!(place.db(&["verify"]).contains("nothing is wrong"));
}

#[test]
fn q_01_a_backup_shows_nothing_to_who_does_not_hold_its_key() {
    let place = Place::backed_up();
    let backup = fs::read(place.path("backup")).unwrap();
    let key = fs::read_to_string(place.path("grantwell.key")).unwrap();
    for secret in ["ada@example.test", "localhost:8080", "argon2id", key.trim()] {
        let secret = secret.as_bytes();
        assert!(!backup.windows(secret.len()).any(|window| window == secret));
    }
    place.write("other", "another passphrase of a few words");
    let said = place.refuses(&["verify", "backup", "--passphrase-file", "other"]);
    assert!(said.contains("not encrypted to this passphrase"), "{said}");
    place.write("short", "short");
    assert!(place.refuses(&["backup", "--out", "b", "--passphrase-file", "short"]).contains("12 characters"));
    assert!(place.refuses(&["backup", "--out", "b", "--recipient", "age1x"]).contains("age1"));
    assert!(!place.path("b").exists());
    let said = place.refuses(&["backup", "--out", "nowhere/b", "--passphrase-file", "passphrase"]);
    assert!(said.contains("the folder nowhere does not exist"), "{said}");
    let said = place.refuses(&["backup", "--out", "backup", "--passphrase-file", "passphrase"]);
    assert!(said.contains("--force"), "{said}");
    assert_eq!(fs::read(place.path("backup")).unwrap(), backup);
    place.db(&["backup", "--out", "backup", "--passphrase-file", "passphrase", "--force"]);
    assert_ne!(fs::read(place.path("backup")).unwrap(), backup);
    let left = fs::read_dir(&place.folder).unwrap().filter_map(Result::ok);
    assert!(left.into_iter().all(|file| !file.file_name().to_string_lossy().contains("partial")));
}

#[test]
fn a_backup_goes_through_standard_output_and_input() {
    let place = Place::filled();
    let key = ["--passphrase-file", "passphrase", "--config", "grantwell.toml"];
    let output = place.run(&[&["db", "backup", "--out", "-"][..], &key].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        output.stdout.starts_with(b"age-encryption.org/v1"),
        "nothing but the backup is on standard output"
    );
    assert!(said.contains("the backup is complete"), "{said}");
    assert!(!place.path("-").exists());
    assert_eq!(place.rows("audit WHERE body LIKE '%database.backed_up%'"), 1);
    place.lose_everything();
    for (command, part) in [("verify", "the backup is whole"), ("restore", "restored ")] {
        let mut child = place
            .command(&[&["db", command, "-"][..], &key].concat())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&output.stdout).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && said.contains(part), "{said}");
    }
    assert_eq!(place.rows("user"), 1);
    // Who reads it left before the end: that is no backup.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output =
        place.command(&[&["db", "backup", "--out", "-"][..], &key].concat()).stdout(writer).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.contains("cannot write the backup"), "{said}");
}

#[test]
fn a_damaged_or_foreign_backup_restores_nothing() {
    let place = Place::backed_up();
    let backup = fs::read(place.path("backup")).unwrap();
    place.lose_everything();
    let restore = ["restore", "backup", "--passphrase-file", "passphrase"];
    let mut flipped = backup.clone();
    let at = flipped.len() - 40;
    flipped[at] ^= 1;
    for damaged in [&backup[..backup.len() - 1], &backup[..backup.len() / 2], &flipped, b"not a backup"] {
        fs::write(place.path("backup"), damaged).unwrap();
        let said = place.refuses(&restore);
        assert!(said.contains("damaged") || said.contains("not a backup"), "{said}");
        assert!(!place.path("grantwell.key").exists());
        if place.path("data/grantwell.db").exists() {
            assert_eq!((place.rows("realm"), place.rows("user")), (0, 0));
        }
    }
    fs::write(place.path("backup"), &backup).unwrap();
    place.write("grantwell.toml", &CONFIG.replace("localhost:8080", "localhost:9999"));
    assert!(place.refuses(&restore).contains("an issuer never changes"));
    place.write("grantwell.toml", CONFIG);
    let key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
    place.write("grantwell.key", key);
    assert!(place.refuses(&restore).contains("is not the one in the backup"));
    assert_eq!(fs::read_to_string(place.path("grantwell.key")).unwrap(), key);
    fs::remove_file(place.path("grantwell.key")).unwrap();
    place.db(&restore);
}

#[test]
fn ft_20_a_restore_killed_in_the_middle_leaves_nothing() {
    let place = Place::filled();
    // More than a block of the cipher, which is read as a whole.
    sql(
        &place.path("data/grantwell.db"),
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 9000)
         INSERT INTO denied (realm, token, expires_at) SELECT 1, randomblob(32), 4000000000000 FROM n",
    );
    place.db(&["backup", "--out", "backup", "--passphrase-file", "passphrase"]);
    let backup = fs::read(place.path("backup")).unwrap();
    place.lose_everything();
    // A pipe that stops in the middle: the restore waits for the rest, and is killed.
    assert!(Command::new("mkfifo").arg(place.path("pipe")).status().unwrap().success());
    let mut child = place
        .command(&["db", "restore", "pipe", "--passphrase-file", "passphrase", "--config", "grantwell.toml"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = fs::OpenOptions::new().write(true).open(place.path("pipe")).unwrap();
    pipe.write_all(&backup[..backup.len() - 100]).unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(said.any(|line| line == "user: 1 rows"), "it wrote users");
    child.kill().unwrap();
    child.wait().unwrap();
    drop(pipe);
    assert!(place.path("data/grantwell.db").exists());
    assert_eq!((place.rows("realm"), place.rows("user"), place.rows("denied")), (0, 0, 0));
    assert!(!place.path("grantwell.key").exists());
    place.db(&["restore", "backup", "--passphrase-file", "passphrase"]);
    assert_eq!((place.rows("user"), place.rows("denied")), (1, 9000));
}

#[test]
fn a_backup_of_an_older_schema_is_restored_into_the_present_one() {
    let place = Place::filled();
    let database = place.path("data/grantwell.db");
    sql(
        &database,
        "INSERT INTO session (realm, id, digest, user_id, created_at, last_seen_at, expires_at, body)
         VALUES (1, x'01', x'02', x'03', 1, 2, 3, '{}')",
    );
    sql(&database, &back_to_version_1());
    place.db(&["backup", "--out", "old", "--passphrase-file", "passphrase"]);
    let said = place.db(&["verify", "old", "--passphrase-file", "passphrase", "--json"]);
    assert!(said.contains("\"schema\":1") && !said.contains("issued"), "{said}");
    place.lose_everything();
    place.db(&["restore", "old", "--passphrase-file", "passphrase"]);
    assert_eq!((place.rows("session WHERE epoch = 0 AND ended_at > 0"), place.rows("issued")), (1, 0));
    assert!(place.db(&["plan"]).contains("nothing to do"));
}

#[test]
fn a_plan_changes_nothing_and_migrate_does_what_it_says() {
    let place = Place::new();
    assert!(place.db(&["plan"]).contains("there is no database yet"));
    assert!(place.db(&["status"]).contains("no database yet"));
    assert!(!place.path("data").exists(), "nothing was made");

    let place = Place::filled();
    let database = place.path("data/grantwell.db");
    sql(&database, &back_to_version_1());
    let before = fs::read(&database).unwrap();
    let said = place.db(&["plan"]);
    for part in [
        "schema version 1",
        "ALTER TABLE session ADD COLUMN epoch",
        "CREATE TABLE issued",
        "lock",
        "grantwell.db.version-1",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let json: serde_json::Value = serde_json::from_str(&place.db(&["plan", "--json"])).unwrap();
    assert_eq!(json["schema"]["found"], 1);
    let (known, pending) = (json["schema"]["known"].as_u64().unwrap(), json["pending"].as_array().unwrap());
    assert_eq!(u64::try_from(pending.len()), Ok(known - 1));
    assert!(place.db(&["status"]).contains("not made: the schema is older"));
    let said = place.fails(&["apply", "--config", "grantwell.toml", "state.toml", "--dry-run"]);
    assert!(said.contains("db migrate"), "{said}");
    assert_eq!(fs::read(&database).unwrap(), before, "nothing was changed");

    let said = place.db(&["migrate"]);
    assert!(said.contains("0002_session_epoch") && said.contains("grantwell.db.version-1"), "{said}");
    assert!(place.path("data/grantwell.db.version-1").exists());
    assert!(place.db(&["migrate"]).contains("is the present one"));
    let json: serde_json::Value = serde_json::from_str(&place.db(&["status", "--json"])).unwrap();
    assert_eq!(json["issuer"], "http://localhost:8080");
    assert_eq!((&json["rows"]["user"], &json["check"]), (&1.into(), &serde_json::json!([])));
    sql(&database, "PRAGMA user_version = 99");
    assert!(place.refuses(&["status"]).contains("schema version 99"));
}

#[test]
fn a_move_leaves_a_database_that_nobody_can_use() {
    let mut place = Place::filled();
    let address = place.serve();
    assert!(get(&address, "/readyz").starts_with("HTTP/1.1 200"));
    assert!(
        place.refuses(&["move", "--to", "sqlite:data/grantwell.db"]).contains("the target exists already")
    );
    assert!(place.refuses(&["move", "--to-file", "url"]).contains("cannot read url: there is no such file"));
    let said = place.db(&["move", "--to", "sqlite:new/grantwell.db"]);
    let line = said.lines().find(|line| line.starts_with("database = ")).unwrap();
    assert!(line.ends_with("/new/grantwell.db\""), "{said}");

    // The server that still has the old file open has no answer; a new one is told where it went.
    assert!(get(&address, "/readyz").starts_with("HTTP/1.1 503"));
    let said = place.fails(&["serve", "--config", "grantwell.toml"]);
    assert!(said.contains("was moved to sqlite:") && said.contains("new/grantwell.db"), "{said}");
    assert!(
        place.refuses(&["backup", "--out", "b", "--passphrase-file", "passphrase"]).contains("was moved")
    );

    place.write("grantwell.toml", &CONFIG.replace("database = \"sqlite:data/grantwell.db\"", line));
    assert!(place.apply(&[]).contains("leave"));
    assert!(place.db(&["verify"]).contains("nothing is wrong"));
}

#[test]
fn a_move_takes_no_place_that_is_taken() {
    let place = Place::filled();
    // What an interrupted move can leave: the copy, while the source is not yet left.
    fs::create_dir(place.path("new")).unwrap();
    sql(&place.path("data/grantwell.db"), "PRAGMA wal_checkpoint(TRUNCATE)");
    fs::copy(place.path("data/grantwell.db"), place.path("new/grantwell.db")).unwrap();
    let said = place.refuses(&["move", "--to", "sqlite:new/grantwell.db"]);
    assert!(said.contains("--replace"), "{said}");
    assert!(place.db(&["status"]).contains("nothing is wrong"), "the source is as it was");
    sql(&place.path("new/grantwell.db"), "UPDATE realm SET issuer = 'https://other.example'");
    let said = place.refuses(&["move", "--to", "sqlite:new/grantwell.db", "--replace"]);
    assert!(said.contains("another issuer"), "{said}");
    sql(
        &place.path("new/grantwell.db"),
        "UPDATE realm SET issuer = 'http://localhost:8080'; DELETE FROM user",
    );
    place.db(&["move", "--to", "sqlite:new/grantwell.db", "--replace"]);
    place.write("grantwell.toml", &CONFIG.replace("sqlite:data", "sqlite:new"));
    assert!(place.apply(&[]).contains("leave"), "the user is back");
}

/// A script whose variable is empty must not be told that its backup is whole.
#[test]
fn what_opens_a_backup_is_for_a_backup() {
    let place = Place::filled();
    for wrong in [
        &["db", "verify", "--passphrase-file", "passphrase", "--config", "grantwell.toml"][..],
        &["db", "verify", "backup"],
        &["db", "restore", "backup", "--config", "grantwell.toml"],
    ] {
        let output = place.run(wrong);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("FILE"), "{said}");
    }
}

#[test]
fn who_looks_at_an_empty_database_is_not_in_the_way_of_a_restore() {
    let place = Place::backed_up();
    place.lose_everything();
    // What a restore leaves that was killed.
    place.db(&["migrate"]);
    assert!(place.db(&["status"]).contains("nothing is wrong"));
    assert!(place.refuses(&["verify"]).contains("nothing in the database yet"));
    assert!(!place.path("grantwell.key").exists());
    place.db(&["restore", "backup", "--passphrase-file", "passphrase"]);
    assert_eq!(place.rows("user"), 1);
}

/// The release that serves it could not be started again.
#[test]
fn a_refused_restore_or_move_migrates_nothing() {
    let place = Place::backed_up();
    let version = |name: &str| -> i64 {
        let database = rusqlite::Connection::open(place.path(name)).unwrap();
        database.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
    };
    fs::create_dir(place.path("old")).unwrap();
    sql(&place.path("data/grantwell.db"), "PRAGMA wal_checkpoint(TRUNCATE)");
    fs::copy(place.path("data/grantwell.db"), place.path("old/grantwell.db")).unwrap();
    sql(&place.path("old/grantwell.db"), &back_to_version_1());
    assert!(place.refuses(&["move", "--to", "sqlite:old/grantwell.db"]).contains("holds rows already"));
    assert_eq!(version("old/grantwell.db"), 1);
    place.write("grantwell.toml", &CONFIG.replace("sqlite:data", "sqlite:old"));
    let said = place.refuses(&["restore", "backup", "--passphrase-file", "passphrase"]);
    assert!(said.contains("holds rows already"), "{said}");
    assert_eq!(version("old/grantwell.db"), 1);
}

/// Two slashes are part of an URL, not of a path.
#[test]
fn a_path_after_two_slashes_is_relative_to_where_it_is_read() {
    let place = Place::filled();
    let said = place.db(&["move", "--to", "sqlite://new.db"]);
    let line = format!("database = \"sqlite:{}\"", place.path("new.db").display());
    assert!(said.contains(&line), "{said}");
    place.write("grantwell.toml", &CONFIG.replace("sqlite:data/grantwell.db", "sqlite://new.db"));
    assert!(place.apply(&[]).contains("leave"));
}

#[test]
fn a_damaged_database_has_a_status_of_its_own() {
    let place = Place::filled();
    sql(&place.path("data/grantwell.db"), "PRAGMA foreign_keys = OFF; DELETE FROM user");
    for shown in [&["db", "status"][..], &["db", "status", "--json"], &["db", "verify"]] {
        let output = place.run(&[shown, &["--config", "grantwell.toml"]].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("a row of login_name refers to a row of user"), "{said}");
    }
}
