use std::process::Command;

use rusqlite::types::Value;

use super::*;
use crate::schema::MIGRATIONS;

/// A folder that goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("grantwell-migrate-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("grantwell.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A database of an old release, with a session in it, and an authorization under a consent.
fn old(path: &Path, version: i64) {
    let c = Connection::open(path).unwrap();
    for migration in MIGRATIONS.iter().take(usize::try_from(version).unwrap()) {
        c.execute_batch(migration.sqlite).unwrap();
    }
    c.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
    c.pragma_update(None, "user_version", version).unwrap();
    c.execute_batch(
        "INSERT INTO realm VALUES (1, 'https://issuer.example', x'00', 0, 0);
         INSERT INTO session (realm, id, digest, user_id, created_at, last_seen_at, expires_at, body)
         VALUES (1, x'01', x'02', x'03', 1, 2, 3, '{}');
         INSERT INTO consent VALUES (1, x'04', x'03', 'app', '{}', 5, 6, 7, 8);
         INSERT INTO authorization VALUES (1, x'05', 'app', x'03', x'01', x'04', 9, 10, 11, 12, 13, x'06', 14, 15, 16, 17,
                                           x'07', 18, 19, '{}')",
    )
    .unwrap();
}

fn schema(c: &Connection) -> Vec<String> {
    let mut all = c.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").unwrap();
    let sql = all.query_map([], |row| row.get::<_, String>(0)).unwrap();
    sql.map(|sql| sql.unwrap().split_whitespace().collect()).collect()
}

fn version(path: &Path) -> i64 {
    let c = Connection::open(path).unwrap();
    c.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

#[test]
fn a_library_with_the_wal_reset_bug_is_refused() {
    assert!(library_is_new_enough(3_051_003).is_ok());
    let refusal = library_is_new_enough(3_051_002).unwrap_err();
    assert!(refusal.to_string().starts_with("SQLite 3.51.2 is too old"), "{refusal}");
}

#[test]
fn the_statements_of_the_migrations_are_the_migrations() {
    let (whole, single) = (Connection::open_in_memory().unwrap(), Connection::open_in_memory().unwrap());
    for migration in MIGRATIONS {
        whole.execute_batch(migration.sqlite).unwrap();
        for statement in statements(migration.sqlite) {
            single.execute_batch(&statement).unwrap();
        }
    }
    assert_eq!(schema(&whole), schema(&single));
}

#[test]
fn an_old_database_is_copied_beside_itself_and_brought_up_to_date() {
    let folder = Folder::new("old");
    old(&folder.file(), 1);
    let c = open(&folder.file()).unwrap();
    let fresh = Folder::new("fresh");
    assert_eq!(schema(&c), schema(&open(&fresh.file()).unwrap()));
    let epoch: i64 = c.query_row("SELECT epoch FROM session", [], |row| row.get(0)).unwrap();
    assert_eq!(epoch, 0, "a session of before is of the first epoch");
    // Its table is made anew.
    let said = "SELECT id, client_id, user_id, session_id, consent_id, epoch, created_at, expires_at, last_used_at, revoked_at,
                  code_digest, code_expires_at, redeemed_at, burnt_at, generation, refresh_digest, rotated_at,
                  refresh_expires_at, body, realm FROM authorization";
    let row = |c: &Connection| {
        let all = |row: &rusqlite::Row<'_>| (0..20).map(|at| row.get(at)).collect::<Result<Vec<Value>>>();
        c.query_row(said, [], all).unwrap()
    };
    assert_eq!(row(&c), row(&Connection::open(kept_as(&folder.file(), 1)).unwrap()));
    let orphan = "INSERT INTO authorization SELECT realm, x'08', client_id, user_id, NULL, x'09', epoch, created_at, expires_at,
                    last_used_at, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, body FROM authorization";
    let refused = c.execute(orphan, []).unwrap_err();
    assert_eq!(refused.sqlite_error_code(), Some(ErrorCode::ConstraintViolation), "{refused}");
    assert!(refused.to_string().contains("FOREIGN KEY"), "{refused}");
    assert!(!kept_as(&fresh.file(), 0).exists(), "there was nothing to keep");

    let kept = kept_as(&folder.file(), 1);
    assert_eq!(version(&kept), 1);
    let rows: i64 =
        Connection::open(&kept).unwrap().query_row("SELECT count(*) FROM session", [], |r| r.get(0)).unwrap();
    assert_eq!(rows, 1);
    #[cfg(unix)]
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&kept).unwrap().permissions()) & 0o777,
        0o600
    );
    drop(c);
    let before = fs::metadata(&kept).unwrap().modified().unwrap();
    drop(open(&folder.file()).unwrap());
    assert_eq!(
        fs::metadata(&kept).unwrap().modified().unwrap(),
        before,
        "the next start has nothing to keep"
    );
}

/// Who was slower with the copy than another process with the migration would keep the new schema under the old one's name.
#[test]
fn a_copy_that_comes_too_late_is_not_kept() {
    let folder = Folder::new("late");
    old(&folder.file(), 1);
    let c = open(&folder.file()).unwrap();
    let kept = kept_as(&folder.file(), 1);
    fs::remove_file(&kept).unwrap();
    keep(&c, &folder.file(), 1).unwrap();
    let left = fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.filter(|name| name.to_string_lossy().contains(".version-")).count(), 0);
    keep(&c, &folder.file(), known()).unwrap();
    assert!(kept_as(&folder.file(), known()).exists());
}

/// It is not encrypted, and the next try would leave another.
#[test]
fn a_copy_that_cannot_be_kept_leaves_nothing() {
    let folder = Folder::new("unkept");
    old(&folder.file(), 1);
    let kept = kept_as(&folder.file(), 1);
    fs::create_dir_all(kept.join("taken")).unwrap();
    assert!(open(&folder.file()).is_err());
    let left = fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().path());
    let left: Vec<PathBuf> = left.filter(|path| path.to_string_lossy().contains(".version-")).collect();
    assert_eq!(left, [kept]);
}

/// In a process of its own, which is killed after that many statements.
#[test]
#[ignore = "ends its process: started by the test below"]
#[expect(clippy::disallowed_methods, reason = "how the test below tells it what to do")]
fn dies_after_some_statements() {
    let (Ok(path), Ok(left)) = (std::env::var("GRANTWELL_TEST_FILE"), std::env::var("GRANTWELL_TEST_LEFT"))
    else {
        return;
    };
    let mut left: u32 = left.parse().unwrap();
    let c = Connection::open(path).unwrap();
    enter_wal(&c).unwrap();
    let _ = migrate(&c, &mut || {
        if left == 0 {
            std::process::abort();
        }
        left -= 1;
    });
}

#[test]
fn ft_13_a_migration_killed_after_any_statement_is_finished_by_the_next_start() {
    let mut deaths = 0;
    for had in [0, 1] {
        for left in 0.. {
            let folder = Folder::new(&format!("killed-{had}-{left}"));
            if had > 0 {
                old(&folder.file(), had);
            }
            let name = "sqlite::migrate::tests::dies_after_some_statements";
            let died = !Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "--ignored", name])
                .env("GRANTWELL_TEST_FILE", folder.file())
                .env("GRANTWELL_TEST_LEFT", left.to_string())
                .output()
                .unwrap()
                .status
                .success();
            let found = version(&folder.file());
            assert!((had..=known()).contains(&found));
            let c = open(&folder.file()).unwrap();
            let fresh = Folder::new(&format!("like-{had}-{left}"));
            assert_eq!(schema(&c), schema(&open(&fresh.file()).unwrap()));
            let rows: i64 = c.query_row("SELECT count(*) FROM session", [], |row| row.get(0)).unwrap();
            assert_eq!(rows, i64::from(had > 0));
            if !died {
                assert_eq!(found, known());
                break;
            }
            deaths += 1;
        }
    }
    let statements_from = |first| {
        MIGRATIONS.iter().skip(first).map(|migration| statements(migration.sqlite).len()).sum::<usize>()
    };
    // And once after each of the two commits.
    assert_eq!(deaths, statements_from(0) + 1 + statements_from(1) + 1);
}
