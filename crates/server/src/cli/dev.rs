//! `grantwell dev`: everything on loopback with nothing to configure. The one place that uses the examples.

use std::{
    fs,
    io::Write as _,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::Arc,
    time::Duration,
};

use grantwell_core::{
    policy::Policy,
    secret::{Bearer, Secret},
    store::Retention,
    time::{Clock as _, Entropy},
};
use grantwell_notes_api as notes_api;
use grantwell_third_party as third_party;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use third_party::ClientSecret;

use super::{
    apply::{self, ApplyMode, Applying, Hashing, Undeclared},
    hash,
};
use crate::{
    ambient::{SystemClock, SystemEntropy},
    app::{App, ErrorAudience},
    config::SourceFile,
    keys::Vault,
    listen::Listener,
    login::password,
    router,
    start::{self, DEV_LIMITS, Parts, Running},
    start_error::StartError,
};

/// What was made on the first start and is the same ever after: nothing has a default.
#[derive(Serialize, Deserialize)]
struct Credentials {
    ada: String,
    grace: String,
    backend: String,
    web: String,
    machine: String,
    notes_api: String,
}

/// Where everything is.
struct Places {
    issuer: String,
    third_party: String,
    api: String,
}

struct Sockets {
    issuer: Vec<Listener>,
    third_party: Listener,
    api: Listener,
}

/// Runs it until it is stopped.
pub(crate) async fn run(data: &Path, port: u16, json: bool) -> Result<(), StartError> {
    fs::create_dir_all(data)
        .map_err(|error| StartError(format!("cannot create {}: {error}", data.display())))?;
    let (sockets, places) = sockets(port).await?;
    let entropy = Arc::new(SystemEntropy);
    let credentials = credentials(&data.join("credentials.toml"), entropy.as_ref())?;
    let mut policy = Policy::new(&places.issuer);
    // Short enough to watch one expire.
    policy.lifetimes.access_token = Duration::from_mins(5);
    let database = format!("sqlite:{}", data.join("dev.db").display());
    let parts = Parts {
        audience: ErrorAudience::Developers,
        ..Parts::new(database, data.join("master.key"), policy)
    };
    start::adopt_issuer(&parts.database, &places.issuer).await?;
    let (app, vault) = start::build(parts, Arc::new(SystemClock), entropy.clone()).await?;
    seed(&app, &vault, &places, &credentials).await?;

    let keep = Retention {
        audit: Duration::from_hours(24 * 90),
        ended: Duration::from_hours(24 * 30),
        attempts: app.realm.policy.guessing.longest_memory(),
    };
    let mut running = Running::start(&app, vault, keep, None)?;
    for listener in sockets.issuer {
        running.serve(listener, router::router(&app), DEV_LIMITS);
    }
    running.serve(sockets.third_party, fieldnotes(&places, &credentials, entropy), DEV_LIMITS);
    running.serve(sockets.api, notes(&places, &credentials)?, DEV_LIMITS);
    announce(&describe(&places, &credentials, data), json).map_err(StartError::of)?;
    running.until_stopped(Duration::ZERO).await;
    Ok(())
}

async fn sockets(port: u16) -> Result<(Sockets, Places), StartError> {
    let next = |offset: u16| if port == 0 { 0 } else { port.saturating_add(offset) };
    let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let issuer = start::bind(local(port), None).await?;
    let chosen = issuer.address().map_err(StartError::of)?.port();
    let third_party = start::bind(local(next(1)), None).await?;
    let api = start::bind(local(next(2)), None).await?;
    let origin = |listener: &Listener| {
        listener.address().map(|address| format!("http://{address}")).map_err(StartError::of)
    };
    let places = Places {
        issuer: format!("http://localhost:{chosen}"),
        third_party: origin(&third_party)?,
        api: origin(&api)?,
    };
    // `localhost` may mean either family; a machine without IPv6 does without.
    let second = Listener::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, chosen)), None).await.ok();
    let issuer = std::iter::once(issuer).chain(second).collect();
    Ok((Sockets { issuer, third_party, api }, places))
}

fn credentials(path: &Path, entropy: &dyn Entropy) -> Result<Credentials, StartError> {
    let failed = |error: &dyn std::fmt::Display| StartError(format!("{}: {error}", path.display()));
    if path.exists() {
        let text = fs::read_to_string(path).map_err(|error| failed(&error))?;
        return toml::from_str(&text).map_err(|error| failed(&error));
    }
    let secret = || Bearer::ClientSecret.encode(Secret::random(entropy).expose());
    let made = Credentials {
        ada: typed_password(entropy),
        grace: typed_password(entropy),
        backend: secret(),
        web: secret(),
        machine: secret(),
        notes_api: secret(),
    };
    let text = toml::to_string(&made).map_err(|error| failed(&error))?;
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| failed(&error))?;
    Ok(made)
}

/// Four groups of four letters without the ones that look alike: 72 bits that can be typed.
fn typed_password(entropy: &dyn Entropy) -> String {
    const LETTERS: &[u8; 24] = b"abcdefghjkmnpqrstuvwxyz3";
    let mut random = [0; 16];
    entropy.fill(&mut random);
    let letters: Vec<char> = random
        .iter()
        .filter_map(|byte| LETTERS.get(usize::from(byte % 24)).copied())
        .map(char::from)
        .collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// Declares users, clients and the API, by the way `apply` does.
async fn seed(
    app: &App,
    vault: &Vault,
    places: &Places,
    credentials: &Credentials,
) -> Result<(), StartError> {
    let source = SourceFile { name: "the seeds of dev".to_owned(), text: state(places, credentials) };
    let hash = |text: &str| hash(text, vault.entropy.as_ref());
    let with = Applying {
        now: SystemClock.now(),
        entropy: vault.entropy.as_ref(),
        hashing: Hashing { hash: &hash, verify: &password::verify },
        undeclared: Undeclared::Prune,
        issuer: &app.realm.policy.issuer,
    };
    apply::apply(&app.store, &source, ApplyMode::Commit, &with).await.map(|_| ()).map_err(StartError::of)
}

fn state(places: &Places, credentials: &Credentials) -> String {
    let Places { third_party: origin, api, .. } = places;
    let scope = third_party::SCOPE;
    let signed_out = third_party::post_logout_redirect_uri(origin);
    let client = |id: &str, name: &str, redirect: &str, more: &str| {
        format!(
            "[[client]]\nclient_id = \"{id}\"\nclient_name = \"{name}\"\nclient_uri = \"{origin}/\"\n\
             redirect_uris = [\"{redirect}\"]\npost_logout_redirect_uris = [\"{signed_out}\"]\n\
             grant_types = [\"authorization_code\", \"refresh_token\"]\nscope = \"{scope}\"\n{more}\n\n"
        )
    };
    let user = |username: &str, name: &str, password: &str| {
        format!(
            "[[user]]\nusername = \"{username}\"\nname = \"{name}\"\nemail = \"{username}@example.test\"\n\
             email_verified = true\npassword = \"{password}\"\n\n"
        )
    };
    let Credentials { backend, web, machine, notes_api, .. } = credentials;
    let secret = |method: &str, secret: &str| {
        format!("token_endpoint_auth_method = \"{method}\"\nclient_secret = \"{secret}\"")
    };
    [
        format!(
            "[[resource]]\nidentifier = \"{api}/\"\nname = \"Notes\"\nintrospection_clients = [\"notes-api\"]\n\
             [resource.scopes]\n\"notes:read\" = \"Read your notes\"\n\"notes:write\" = \"Change your notes\"\n\n"
        ),
        client(
            third_party::SPA_CLIENT,
            "Fieldnotes in the browser",
            &third_party::spa_redirect_uri(origin),
            "token_endpoint_auth_method = \"none\"",
        ),
        client(
            third_party::BACKEND_CLIENT,
            "Fieldnotes",
            &third_party::backend_redirect_uri(origin),
            &secret("client_secret_basic", backend),
        ),
        client(
            third_party::WEB_CLIENT,
            "Fieldnotes classic",
            &third_party::web_redirect_uri(origin),
            &format!("require_pkce = false\n{}", secret("client_secret_post", web)),
        ),
        format!(
            "[[client]]\nclient_id = \"{}\"\nclient_name = \"Fieldnotes at night\"\n\
             grant_types = [\"client_credentials\"]\nscope = \"{}\"\n{}\n\n",
            third_party::MACHINE_CLIENT,
            third_party::MACHINE_SCOPE,
            secret("client_secret_basic", machine)
        ),
        format!(
            "[[client]]\nclient_id = \"cli-demo\"\nclient_name = \"Command line\"\napplication_type = \"native\"\n\
             token_endpoint_auth_method = \"none\"\nredirect_uris = [\"http://127.0.0.1/callback\", \
             \"http://localhost/callback\", \"http://[::1]/callback\"]\n\
             grant_types = [\"authorization_code\", \"refresh_token\"]\nscope = \"{scope}\"\n\n"
        ),
        format!(
            "[[client]]\nclient_id = \"notes-api\"\nclient_name = \"Notes\"\ngrant_types = [\"client_credentials\"]\n\
             scope = \"introspect\"\n{}\n\n",
            secret("client_secret_basic", notes_api)
        ),
        user("ada", "Ada Example", &credentials.ada),
        user("grace", "Grace Example", &credentials.grace),
    ]
    .concat()
}

fn fieldnotes(places: &Places, credentials: &Credentials, entropy: Arc<dyn Entropy>) -> axum::Router {
    third_party::router(third_party::ThirdPartyConfig {
        origin: places.third_party.clone(),
        issuer: places.issuer.clone(),
        api: places.api.clone(),
        resource: format!("{}/", places.api),
        secrets: third_party::Secrets {
            backend: ClientSecret(credentials.backend.clone()),
            web: ClientSecret(credentials.web.clone()),
            machine: ClientSecret(credentials.machine.clone()),
        },
        clock: Arc::new(SystemClock),
        entropy,
    })
}

fn notes(places: &Places, credentials: &Credentials) -> Result<axum::Router, StartError> {
    notes_api::router(notes_api::NotesConfig {
        issuer: places.issuer.clone(),
        resource: format!("{}/", places.api),
        introspection_client_id: "notes-api".to_owned(),
        introspection_client_secret: credentials.notes_api.clone(),
        allowed_origins: vec![places.third_party.clone()],
    })
    .map_err(StartError::of)
}

fn describe(places: &Places, credentials: &Credentials, data: &Path) -> Value {
    let user = |username: &str, name: &str, password: &str| json!({ "username": username, "email": format!("{username}@example.test"), "name": name, "password": password });
    let client = |id: &str, secret: &str, redirect: Option<String>| json!({ "client_id": id, "client_secret": secret, "redirect_uris": redirect.as_slice() });
    let origin = &places.third_party;
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "issuer": places.issuer,
        "discovery": format!("{}/.well-known/openid-configuration", places.issuer),
        "account": format!("{}/account", places.issuer),
        "third_party": origin,
        "api": places.api,
        "resource": format!("{}/", places.api),
        "users": [
            user("ada", "Ada Example", &credentials.ada),
            user("grace", "Grace Example", &credentials.grace),
        ],
        "clients": [
            { "client_id": third_party::SPA_CLIENT, "redirect_uris": [third_party::spa_redirect_uri(origin)] },
            client(third_party::BACKEND_CLIENT, &credentials.backend, Some(third_party::backend_redirect_uri(origin))),
            client(third_party::WEB_CLIENT, &credentials.web, Some(third_party::web_redirect_uri(origin))),
            client(third_party::MACHINE_CLIENT, &credentials.machine, None),
            { "client_id": "cli-demo", "redirect_uris": ["http://127.0.0.1/callback"] },
            client("notes-api", &credentials.notes_api, None),
        ],
        "data": data,
    })
}

fn announce(what: &Value, json: bool) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{what}")?;
        return out.flush();
    }
    let text = |name: &str| what.get(name).and_then(Value::as_str).unwrap_or_default();
    writeln!(
        out,
        "\nGrantwell {}  DEV MODE · loopback only · plain HTTP · data in {} (delete it to start over)\n\n  \
         Start here  {}          the example application: press one of its buttons\n  \
         Account     {}   who you are, what is connected\n  \
         Issuer      {}\n  \
         API         {}\n  \
         Discovery   {}\n",
        text("version"),
        text("data"),
        text("third_party"),
        text("account"),
        text("issuer"),
        text("api"),
        text("discovery"),
    )?;
    let list = |name: &str| what.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    for user in list("users") {
        let field = |name: &str| user.get(name).and_then(Value::as_str).unwrap_or_default();
        writeln!(out, "  User        {:<8} password {}", field("username"), field("password"))?;
    }
    for client in list("clients") {
        let field = |name: &str| client.get(name).and_then(Value::as_str).unwrap_or_default();
        let secret = field("client_secret");
        let secret = if secret.is_empty() { "public, PKCE".to_owned() } else { format!("secret {secret}") };
        writeln!(out, "  Client      {:<20} {secret}", field("client_id"))?;
    }
    writeln!(out, "\n  Ctrl-C ends it.")?;
    out.flush()
}
