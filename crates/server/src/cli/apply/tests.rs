use std::{
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use grantwell_core::{
    client::Client,
    fixtures as fx,
    id::ClientId,
    store::{LoginName, Write},
};
use grantwell_store::{Engine, OpenOptions};

use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

static ENTROPY: fx::Seeded = fx::Seeded::new(1);
static CALLS: AtomicU64 = AtomicU64::new(1);

struct Database {
    folder: PathBuf,
    store: Engine,
}

impl Database {
    async fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("grantwell-apply-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let url = format!("sqlite:{}", folder.join("test.db").display());
        let store = grantwell_store::open(&url, OpenOptions::default()).await.unwrap();
        let claimed = store.commit(SERVED, Share::Rest, vec![Write::ClaimRealm(fx::realm())]).await.unwrap();
        assert_eq!(claimed, Outcome::Done);
        Self { folder, store }
    }

    async fn apply(
        &self,
        text: &str,
        mode: ApplyMode,
        undeclared: Undeclared,
    ) -> Result<ApplyReport, Problems> {
        let source = SourceFile { name: "state.toml".to_owned(), text: text.to_owned() };
        // Another hash at every call, as a salt makes it.
        let hash = |password: &str| Ok(format!("{}:{password}", CALLS.fetch_add(1, Ordering::Relaxed)));
        let verify = |password: &str, hash: &str| hash.ends_with(&format!(":{password}"));
        let with = Applying {
            now: Timestamp::from_seconds(1_000),
            entropy: &ENTROPY,
            hashing: Hashing { hash: &hash, verify: &verify },
            undeclared,
            issuer: fx::ISSUER,
        };
        apply(&self.store, &source, mode, &with).await
    }

    async fn rows(&self) -> Vec<(&'static str, u64)> {
        self.store.rows().await.unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn text() -> String {
    format!(
        "[[resource]]\nidentifier = \"https://api.example/\"\nintrospection_clients = [\"web\"]\n[resource.scopes]\nread = \"Read\"\n\
         [[client]]\nclient_id = \"web\"\nclient_secret = \"{SECRET}\"\nredirect_uris = [\"https://rp.example/cb\"]\n\
         default_resource = \"https://api.example/\"\n\
         [[user]]\nusername = \"ada\"\npassword = \"correct horse\"\nemail = \"ada@example.test\"\nname = \"Ada\"\ngroups = [\"staff\"]\n"
    )
}

#[tokio::test]
async fn applying_twice_changes_nothing() {
    let database = Database::new("twice").await;
    let first = database.apply(&text(), ApplyMode::Commit, Undeclared::Keep).await.unwrap();
    assert!(first.to_string().ends_with("3 created, 0 changed, 0 left, 0 removed"), "{first}");
    let rows = database.rows().await;
    for undeclared in [Undeclared::Keep, Undeclared::Prune] {
        let second = database.apply(&text(), ApplyMode::Commit, undeclared).await.unwrap();
        assert!(second.to_string().ends_with("0 created, 0 changed, 3 left, 0 removed"), "{second}");
    }
    assert_eq!(database.rows().await, rows);
}

#[tokio::test]
async fn five_mistakes_are_five_errors_and_nothing_changes() {
    let database = Database::new("mistakes").await;
    let rows = database.rows().await;
    let wrong = format!(
        "{}[[client]]\nclient_id = \"spa\"\nredirect_uri = [\"https://rp.example/cb\"]\n\
         [[client]]\nclient_id = \"app\"\nredirect_uris = [\"http://rp.example/cb\"]\n\
         [[user]]\nusername = \"bob\"\nemail_verified = 1\nemail = \"bob@example.test\"\n\
         [[resource]]\nidentifier = \"not a uri\"\n[[user]]\nusername = \"ADA\"\n",
        text()
    );
    let problems = database.apply(&wrong, ApplyMode::Commit, Undeclared::Keep).await.unwrap_err();
    assert_eq!(problems.0.len(), 5, "{problems}");
    assert!(problems.0.iter().all(|problem| problem.place.is_some()), "{problems}");
    assert_eq!(database.rows().await, rows);
}

#[tokio::test]
async fn a_dry_run_changes_nothing_and_says_what_would() {
    let database = Database::new("dry").await;
    let rows = database.rows().await;
    let report = database.apply(&text(), ApplyMode::DryRun, Undeclared::Keep).await.unwrap();
    assert!(report.to_string().contains("create  client    web"), "{report}");
    assert_eq!(report.json()["changes"].as_array().map(Vec::len), Some(3));
    assert_eq!(report.json()["dry_run"], true);
    assert_eq!(database.rows().await, rows);
}

#[tokio::test]
async fn prune_removes_what_is_declared_no_longer_and_a_change_is_kept() {
    let database = Database::new("prune").await;
    database.apply(&text(), ApplyMode::Commit, Undeclared::Keep).await.unwrap();
    let kept = format!(
        "[[client]]\nclient_id = \"web\"\nclient_secret = \"{SECRET}\"\nredirect_uris = [\"https://rp.example/new\"]\n"
    );
    let report = database.apply(&kept, ApplyMode::Commit, Undeclared::Prune).await.unwrap();
    assert!(report.to_string().ends_with("0 created, 1 changed, 0 left, 2 removed"), "{report}");
    let client = database.store.client(SERVED, &ClientId::from("web")).await.unwrap().unwrap();
    assert_eq!(client.redirect_uris, ["https://rp.example/new"]);
    assert!(database.store.user_by_login(SERVED, &LoginName::new("ada")).await.unwrap().is_none());
    let kinds: Vec<String> =
        database.store.events(SERVED, 100).await.unwrap().into_iter().map(|event| event.kind).collect();
    for kind in ["user.removed", "resource.removed", "client.changed", "user.created"] {
        assert!(kinds.iter().any(|found| found == kind), "{kind} {kinds:?}");
    }
}

#[tokio::test]
async fn a_password_that_is_not_declared_stays_and_another_one_is_a_change() {
    let database = Database::new("password").await;
    database.apply(&text(), ApplyMode::Commit, Undeclared::Keep).await.unwrap();
    let silent = text().replace("password = \"correct horse\"\n", "");
    let report = database.apply(&silent, ApplyMode::Commit, Undeclared::Keep).await.unwrap();
    assert!(report.to_string().contains("3 left"), "{report}");
    let other = text().replace("correct horse", "another horse");
    let report = database.apply(&other, ApplyMode::Commit, Undeclared::Keep).await.unwrap();
    assert!(report.to_string().contains("change  user      ada (password, tokens_not_before)"), "{report}");
    let ada = database.store.user_by_login(SERVED, &LoginName::new("ada")).await.unwrap().unwrap();
    assert!(ada.password_hash.unwrap().ends_with(":another horse"));
}

#[tokio::test]
async fn errors_of_the_registry_stand_at_their_fields() {
    let database = Database::new("places").await;
    database.apply(&text(), ApplyMode::Commit, Undeclared::Keep).await.unwrap();
    let wrong = "[[resource]]\nidentifier = \"https://other.example/\"\nintrospection_clients = [\"web\", \"api\"]\n\
                 [[client]]\nclient_id = \"spa\"\nredirect_uris = [\"https://rp.example/cb\"]\n\
                 default_resource = \"https://nowhere.example/\"\n\
                 [[user]]\nusername = \"bob\"\nemail = \"ada@example.test\"\n";
    let problems = database.apply(wrong, ApplyMode::Commit, Undeclared::Keep).await.unwrap_err();
    let found: Vec<_> = problems
        .0
        .iter()
        .map(|problem| {
            let place = problem.place.as_ref().unwrap();
            (place.line, place.column, problem.message.as_str())
        })
        .collect();
    assert_eq!(
        found,
        [
            (
                3,
                33,
                "resource \"https://other.example/\": introspection_clients names a client that does not exist"
            ),
            (7, 20, "client \"spa\": default_resource names a resource that does not exist"),
            (10, 9, "user \"bob\": email signs another user in"),
        ]
    );
}

#[tokio::test]
async fn a_resource_has_one_spelling() {
    let database = Database::new("spellings").await;
    let other = "is another spelling of a resource that exists: case of the host, the default port and one slash at the end make no difference";
    let twins = format!("{}[[resource]]\nidentifier = \"https://API.example:443\"\n", text());
    let problems = database.apply(&twins, ApplyMode::Commit, Undeclared::Keep).await.unwrap_err().to_string();
    assert!(
        problems.contains(&format!("resource \"https://API.example:443\": identifier {other}")),
        "{problems}"
    );

    // Beside one that is registered; with --prune it is renamed.
    database.apply(&text(), ApplyMode::Commit, Undeclared::Keep).await.unwrap();
    let rows = database.rows().await;
    let bare =
        text().replace("identifier = \"https://api.example/\"", "identifier = \"https://api.example\"");
    let problems = database.apply(&bare, ApplyMode::Commit, Undeclared::Keep).await.unwrap_err().to_string();
    assert!(
        problems.contains(&format!("resource \"https://api.example\": identifier {other}")),
        "{problems}"
    );
    assert_eq!(database.rows().await, rows);
    database.apply(&bare, ApplyMode::Commit, Undeclared::Prune).await.unwrap();
    let web = database.store.client(SERVED, &"web".into()).await.unwrap().unwrap();
    assert_eq!(web.default_resource, Some("https://api.example".into()), "as it is registered");
    let again = database.apply(&bare, ApplyMode::Commit, Undeclared::Prune).await.unwrap();
    assert!(again.to_string().contains("3 left"), "{again}");
}

#[tokio::test]
async fn prune_leaves_nothing_of_the_database_that_leads_nowhere() {
    let database = Database::new("references").await;
    database.apply(&text(), ApplyMode::Commit, Undeclared::Keep).await.unwrap();
    let web = database.store.client(SERVED, &ClientId::from("web")).await.unwrap().unwrap();
    let by_hand = Client { client_id: "by-hand".into(), applied: false, ..web };
    let put = Write::PutClient { client: Box::new(by_hand), was: None };
    let _ = database.store.commit(SERVED, Share::Rest, vec![put]).await.unwrap();
    let rows = database.rows().await;
    let problems = database.apply("", ApplyMode::Commit, Undeclared::Prune).await.unwrap_err().to_string();
    assert!(problems.contains("the resource https://api.example/"), "{problems}");
    assert!(problems.contains("the client by-hand"), "{problems}");
    assert_eq!(database.rows().await, rows);
}

/// However much of what goes refers to it too.
#[tokio::test]
async fn prune_sees_what_still_refers_to_what_would_go() {
    let database = Database::new("referred").await;
    let client = |n: u8| {
        format!(
            "[[client]]\nclient_id = \"app-{n}\"\nclient_secret = \"{SECRET}\"\nredirect_uris = [\"https://rp.example/cb\"]\n\
             default_resource = \"https://api.example/\"\n"
        )
    };
    let declared: String = std::iter::once(text()).chain((0..120).map(client)).collect();
    database.apply(&declared, ApplyMode::Commit, Undeclared::Keep).await.unwrap();
    let web = database.store.client(SERVED, &"web".into()).await.unwrap().unwrap();
    let by_hand = Client { client_id: "zz-by-hand".into(), applied: false, ..web };
    let put = vec![Write::PutClient { client: Box::new(by_hand), was: None }];
    assert_eq!(database.store.commit(SERVED, Share::Rest, put).await.unwrap(), Outcome::Done);
    let rows = database.rows().await;
    let said = database.apply("", ApplyMode::Commit, Undeclared::Prune).await.unwrap_err().to_string();
    assert!(said.contains("default_resource of the client zz-by-hand"), "{said}");
    assert_eq!(database.rows().await, rows);
}

#[tokio::test]
async fn a_scope_of_a_resource_that_stays_is_no_warning() {
    let database = Database::new("warnings").await;
    let resource = |scope: &str| {
        format!(
            "[[resource]]\nidentifier = \"https://api.example/\"\n[resource.scopes]\n{scope} = \"Read\"\n"
        )
    };
    let client =
        "[[client]]\nclient_id = \"web\"\nredirect_uris = [\"https://rp.example/\"]\nscope = \"read\"\n";
    database.apply(&resource("read"), ApplyMode::Commit, Undeclared::Keep).await.unwrap();
    let other = format!("{}{client}", resource("other"));
    for (text, undeclared, warnings) in
        [(client, Undeclared::Keep, 0), (client, Undeclared::Prune, 1), (&other, Undeclared::Keep, 1)]
    {
        let report = database.apply(text, ApplyMode::DryRun, undeclared).await.unwrap();
        assert_eq!(report.warnings.0.len(), warnings, "{text} {undeclared:?}");
    }
}
