//! The server under test, and a browser for it.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Router,
    body::Body,
    http::{Request, header},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
pub(crate) use grantwell_core::fixtures::{CHALLENGE, VERIFIER};
use grantwell_core::{
    fixtures::{NOW, Seeded, TestClock},
    id::Realm,
    keyring::{self, Place},
    policy::Policy,
    scope::ScopeSet,
    seal::SealKey,
    secret::{Digest, Secret},
    store::{KeyRecord, KeyUse, Outcome, Share, Store as _, Write},
    time::{Clock, Entropy, Timestamp},
};
use grantwell_store::{
    OpenOptions,
    suite::postgres::{self, Schema},
};
use tower::ServiceExt as _;

use super::{Browser, Reply};
use crate::{
    app::{App, ErrorAudience},
    cli::apply::{self, ApplyMode, Applying, Hashing, Undeclared},
    config::{LoginUi, Problems, SourceFile, TrustedProxies},
    http::exchange::Peer,
    keys,
    login::password::{self, PoolSize},
    router,
    start::{self, Parts},
};

/// The issuer of every world.
pub(crate) const ISSUER: &str = "https://id.example.test";
/// The API of every world, whose tokens are JWTs, and one whose tokens are opaque.
pub(crate) const API: &str = "https://api.example.test/";
pub(crate) const OPAQUE_API: &str = "https://opaque.example.test/";
pub(crate) const PASSWORD: &str = "correct horse battery staple";
const SECRET: &str = "a client secret of more than thirty-two characters";

/// What every world holds: the fixtures of the security catalogue, and one client of each further kind.
pub(super) const STATE: &str = r#"
[[resource]]
identifier = "https://api.example.test/"
name = "Notes"
introspection_clients = ["notes-api"]
[resource.scopes]
"notes:read" = "Read your notes"
"notes:write" = "Change your notes"

[[resource]]
identifier = "https://opaque.example.test/"
name = "Files"
access_token_format = "opaque"
introspection_clients = ["notes-api"]
[resource.scopes]
"files:read" = "Read your files"

[[client]]
client_id = "web"
client_name = "Example web application"
client_secret = "a client secret of more than thirty-two characters"
token_endpoint_auth_method = "client_secret_basic"
redirect_uris = ["https://rp.example/cb", "https://rp.example/other"]
post_logout_redirect_uris = ["https://rp.example/signed-out"]
grant_types = ["authorization_code", "refresh_token", "client_credentials"]
scope = "openid profile email offline_access notes:read notes:write files:read"
default_resource = "https://api.example.test/"

[[client]]
client_id = "B"
client_name = "Another application"
client_secret = "another client secret of more than thirty-two characters"
token_endpoint_auth_method = "client_secret_basic"
redirect_uris = ["https://b.example/cb"]
grant_types = ["authorization_code", "refresh_token", "client_credentials"]
scope = "openid profile email offline_access notes:read"

[[client]]
client_id = "post"
client_name = "An application with its secret in the body, without PKCE"
client_secret = "a client secret of more than thirty-two characters"
token_endpoint_auth_method = "client_secret_post"
redirect_uris = ["https://post.example/cb"]
grant_types = ["authorization_code", "refresh_token"]
scope = "openid profile email offline_access notes:read"
require_pkce = false

[[client]]
client_id = "nat"
client_name = "A native application"
token_endpoint_auth_method = "none"
application_type = "native"
redirect_uris = ["http://127.0.0.1/cb", "http://[::1]/cb", "com.example.app:/cb"]
grant_types = ["authorization_code", "refresh_token"]
scope = "openid profile email offline_access notes:read"

[[client]]
client_id = "spa"
client_name = "An application in a browser"
token_endpoint_auth_method = "none"
redirect_uris = ["https://spa.example/cb"]
grant_types = ["authorization_code", "refresh_token"]
scope = "openid profile email offline_access notes:read notes:write"

[[client]]
client_id = "off"
client_name = "A disabled application"
client_secret = "a client secret of more than thirty-two characters"
token_endpoint_auth_method = "client_secret_basic"
redirect_uris = ["https://off.example/cb"]
grant_types = ["authorization_code", "refresh_token"]
scope = "openid"
disabled = true

[[client]]
client_id = "notes-api"
client_name = "Notes"
client_secret = "a client secret of more than thirty-two characters"
token_endpoint_auth_method = "client_secret_basic"
grant_types = ["client_credentials"]
scope = "introspect"

[[user]]
username = "alice"
name = "Alice Example"
email = "alice@example.test"
email_verified = true
password = "correct horse battery staple"

[[user]]
username = "mallory"
name = "Mallory Example"
email = "mallory@example.test"
password = "correct horse battery staple"

[[user]]
username = "gone"
name = "A disabled person"
password = "correct horse battery staple"
disabled = true
"#;

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Where a world's database is: in its folder, or on the server that `GRANTWELL_TEST_POSTGRES` names.
pub(crate) enum Database {
    File(PathBuf),
    Server(Schema),
}

impl Database {
    /// An empty one, of the kind that this run is about.
    pub(crate) async fn new(folder: &std::path::Path, name: &str) -> Self {
        match postgres::server() {
            Some(_) => Self::Server(Schema::new().await),
            None => Self::File(folder.join(name)),
        }
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::File(path) => format!("sqlite:{}", path.display()),
            Self::Server(schema) => schema.url(),
        }
    }

    /// Does something to it behind the server's back. Names of tables are quoted: two are words of SQL.
    pub(crate) async fn execute(&self, sql: &str) {
        match self {
            Self::File(path) => rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap(),
            Self::Server(schema) => schema.execute(sql).await,
        }
    }

    /// Takes the tables that are written to for itself, until it is dropped.
    pub(crate) async fn hold(&self) -> Held {
        match self {
            Self::File(path) => {
                let connection = rusqlite::Connection::open(path).unwrap();
                connection.execute_batch("BEGIN EXCLUSIVE").unwrap();
                Held::File(connection)
            }
            Self::Server(schema) => {
                let client = schema.connect().await;
                client.batch_execute("BEGIN; LOCK TABLE \"authorization\"").await.unwrap();
                Held::Server(client)
            }
        }
    }
}

/// See [`Database::hold`].
pub(crate) enum Held {
    File(#[expect(dead_code, reason = "its transaction ends with it")] rusqlite::Connection),
    Server(#[expect(dead_code, reason = "its transaction ends with it")] tokio_postgres::Client),
}

/// A server under test.
pub(crate) struct World {
    pub(crate) app: Arc<App>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) vault: keys::Vault,
    router: Router,
    folder: Arc<Folder>,
    pub(crate) database: Arc<Database>,
}

/// What differs from world to world.
pub(crate) struct Setting {
    pub(crate) policy: Policy,
    pub(crate) audience: ErrorAudience,
    pub(crate) login_ui: Option<LoginUi>,
    pub(crate) trusted_proxies: Vec<ipnet::IpNet>,
    pub(crate) passwords: PoolSize,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            policy: Policy::new(ISSUER),
            audience: ErrorAudience::People,
            login_ui: None,
            trusted_proxies: Vec::new(),
            passwords: PoolSize { running: 4, admitted: 256 },
        }
    }
}

impl World {
    /// With the defaults.
    pub(crate) async fn new() -> Self {
        Self::with(Setting::default()).await
    }

    /// With a setting.
    pub(crate) async fn with(setting: Setting) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let folder = std::env::temp_dir().join(format!("grantwell-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let folder = Arc::new(Folder(folder));
        let clock = Arc::new(TestClock::at(NOW));
        let entropy = Arc::new(Seeded::new(number));
        let database = Arc::new(Database::new(&folder.0, "test.db").await);
        let master_key = folder.0.join("master.key");
        seed_keys(&database.url(), &master_key, &setting.policy.issuer, entropy.clone()).await;
        let parts = parts(&folder.0, database.url(), setting);
        let (app, vault) = start::build(parts, clock.clone(), entropy).await.unwrap();
        let router = router::router(&app);
        let world = Self { app, clock, vault, router, folder, database };
        world.apply(STATE).await;
        world.neighbour().await;
        world
    }

    /// The same database under a new process: everything that was only in memory is gone.
    pub(crate) async fn restarted(self) -> Self {
        let database = Arc::clone(&self.database);
        self.restarted_on(database).await
    }

    /// The same on another database.
    pub(crate) async fn restarted_on(self, database: Arc<Database>) -> Self {
        let Self { app, clock, folder, .. } = self;
        let setting =
            Setting { policy: app.realm.policy.clone(), audience: app.audience, ..Setting::default() };
        let entropy = Arc::clone(&app.entropy);
        drop(app);
        let parts = parts(&folder.0, database.url(), setting);
        let (app, vault) = start::build(parts, clock.clone(), entropy).await.unwrap();
        let router = router::router(&app);
        Self { app, clock, vault, router, folder, database }
    }

    /// Applies a state file, as `grantwell apply` beside a running server.
    pub(crate) async fn apply(&self, state: &str) {
        self.try_apply(state).await.unwrap();
        keys::refresh(&self.app, &self.vault).await.unwrap();
    }

    /// The same, where the file may be wrong.
    pub(crate) async fn try_apply(&self, state: &str) -> Result<apply::ApplyReport, Problems> {
        let entropy = self.app.entropy.as_ref();
        let hash = |password: &str| Ok(hash_once(password, entropy));
        let with = Applying {
            now: self.clock.now(),
            entropy,
            hashing: Hashing { hash: &hash, verify: &password::verify },
            undeclared: Undeclared::Keep,
            issuer: ISSUER,
        };
        let source = SourceFile { name: "state.toml".to_owned(), text: state.to_owned() };
        apply::apply(&self.app.store, &source, ApplyMode::Commit, &with).await
    }

    /// The second realm: the same names, other secrets, nothing that counts here.
    async fn neighbour(&self) {
        let (store, other) = (&self.app.store, Realm(2));
        let mut realm = store.realm(Realm::MAIN).await.unwrap().unwrap();
        realm.issuer = "https://other.example.test".to_owned();
        let mut writes = vec![Write::ClaimRealm(realm)];
        let mut client = store.client(Realm::MAIN, &"web".into()).await.unwrap().unwrap();
        client.redirect_uris = vec!["https://neighbour.example/cb".to_owned()];
        client.client_secret =
            Some(Digest::of(b"the neighbour's secret, of more than thirty-two characters"));
        writes.push(Write::PutClient { client: Box::new(client), was: None });
        let names = ["notes:read"].into_iter().collect::<ScopeSet>();
        for mut resource in store.resources(Realm::MAIN, &[], &names).await.unwrap() {
            resource.name = "The neighbour's notes".to_owned();
            writes.push(Write::PutResource { resource: Box::new(resource), was: None });
        }
        assert_eq!(store.commit(other, Share::Rest, writes).await.unwrap(), Outcome::Done);
    }

    /// Sends a request from 192.0.2.1.
    pub(crate) async fn send(&self, mut request: Request<Body>) -> Reply {
        let from = *request.extensions().get::<Peer>().unwrap_or(&Peer(([192, 0, 2, 1], 4711).into()));
        request.extensions_mut().insert(from);
        Reply::read(self.router.clone().oneshot(request).await.unwrap()).await
    }

    /// GET without cookies.
    pub(crate) async fn get(&self, target: &str) -> Reply {
        self.send(Request::get(target).body(Body::empty()).unwrap()).await
    }

    /// POST of a form without cookies, with further headers.
    pub(crate) async fn post(
        &self,
        target: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Reply {
        let mut request =
            Request::post(target).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(form(fields))).unwrap()).await
    }

    /// POST to `/token` as the client `web`.
    pub(crate) async fn token(&self, fields: &[(&str, &str)]) -> Reply {
        self.post("/token", fields, &[("authorization", &basic("web", SECRET))]).await
    }

    /// What `notes-api` is told about a token.
    pub(crate) async fn introspect(&self, token: &str) -> serde_json::Value {
        let headers = [("authorization", basic("notes-api", SECRET))];
        let headers = headers.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>();
        self.post("/introspect", &[("token", token)], &headers).await.json()
    }

    /// Whether `web` is told that its own token is alive.
    pub(crate) async fn is_active(&self, token: &str) -> bool {
        let headers = [("authorization", basic("web", SECRET))];
        let headers = headers.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>();
        self.post("/introspect", &[("token", token)], &headers).await.json()["active"] == true
    }

    /// The whole server, for a listener.
    pub(crate) fn router(&self) -> Router {
        self.router.clone()
    }

    /// A browser that has never been here.
    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser { world: self, cookies: BTreeMap::new() }
    }

    /// The rows of every table: equal before and after means that nothing changed.
    pub(crate) async fn rows(&self) -> Vec<(&'static str, u64)> {
        self.app.store.rows().await.unwrap()
    }

    /// Alice signs in and allows what `web` asks for with `scope`; the token answer.
    pub(crate) async fn grant(&self, scope: &str) -> serde_json::Value {
        let code = self.browser().code("alice", &[("scope", scope)]).await;
        self.redeem(&code).await.expect_status(200).json()
    }

    /// Redeems a code of `web`.
    pub(crate) async fn redeem(&self, code: &str) -> Reply {
        self.token(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", "https://rp.example/cb"),
            ("code_verifier", VERIFIER),
        ])
        .await
    }

    /// A folder of its own, which goes with it.
    pub(crate) fn folder(&self) -> &std::path::Path {
        &self.folder.0
    }
}

fn parts(folder: &std::path::Path, database: String, setting: Setting) -> Parts {
    Parts {
        store: OpenOptions { connections: 4, writers: 2, ..OpenOptions::default() },
        passwords: setting.passwords,
        login_ui: setting.login_ui,
        proxies: TrustedProxies { networks: setting.trusted_proxies, ..TrustedProxies::default() },
        audience: setting.audience,
        ..Parts::new(database, folder.join("master.key"), setting.policy)
    }
}

/// The `Authorization` header of `client_secret_basic`.
pub(crate) fn basic(client: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{client}:{secret}")))
}

/// The secret of `web`, `post`, `off` and `notes-api`.
pub(crate) const fn secret() -> &'static str {
    SECRET
}

/// A form body.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// The query of a good request of `web`, with `changes`: a value replaces, an empty one removes.
pub(crate) fn query(changes: &[(&str, &str)]) -> String {
    let good = [
        ("response_type", "code"),
        ("client_id", "web"),
        ("redirect_uri", "https://rp.example/cb"),
        ("scope", "openid profile notes:read"),
        ("state", "the state"),
        ("nonce", "the nonce"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let kept = good.iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    let fields: Vec<_> = kept.chain(changes.iter().filter(|(_, value)| !value.is_empty())).copied().collect();
    form(&fields)
}

/// One hash for each password of all tests: hashing takes long.
fn hash_once(password: &str, entropy: &dyn Entropy) -> String {
    static HASHES: std::sync::Mutex<BTreeMap<String, String>> = std::sync::Mutex::new(BTreeMap::new());
    let mut hashes = HASHES.lock().unwrap();
    hashes.entry(password.to_owned()).or_insert_with(|| password::hash(password, entropy).unwrap()).clone()
}

/// One set of signing keys for all tests: RSA keys take long to make.
async fn seed_keys(database: &str, master: &std::path::Path, issuer: &str, entropy: Arc<dyn Entropy>) {
    static KEYS: OnceLock<Vec<(zeroize::Zeroizing<Vec<u8>>, KeyRecord)>> = OnceLock::new();
    let (store, vault) = start::open(database, master, issuer, entropy.clone()).await.unwrap();
    let early = Timestamp::from_seconds(1_799_000_000);
    let first = SealKey::new(&Secret::from_bytes([7; 32]));
    let made = KEYS.get_or_init(|| {
        let place = Place { master: &first, realm: Realm::MAIN, entropy: entropy.as_ref() };
        let uses = grantwell_core::jose::Algorithm::ALL.iter().map(|algorithm| KeyUse::Signing(*algorithm));
        uses.chain([KeyUse::Realm])
            .map(|usage| {
                let record = keyring::make(usage, early, early, &place).unwrap();
                (keyring::unwrap(&record, Realm::MAIN, &first).unwrap(), record)
            })
            .collect()
    });
    let place = Place { master: &vault.master, realm: Realm::MAIN, entropy: entropy.as_ref() };
    for (private, record) in made {
        let wrapped = keyring::wrap(&record.kid, private, &place);
        let insert = Write::InsertKey(KeyRecord { wrapped, ..record.clone() });
        assert_eq!(store.commit(Realm::MAIN, Share::Rest, vec![insert]).await.unwrap(), Outcome::Done);
    }
}
