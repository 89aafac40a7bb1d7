//! From a configuration to a server that runs: database, realm, keys, pages, listeners, jobs; and its orderly end.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::Router;
use grantwell_core::{
    policy::Policy,
    seal::SealKey,
    store::{Retention, Share, Store, Write},
    time::{Clock, Entropy},
};
use grantwell_store::{Engine, OpenOptions, database};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

use crate::{
    ambient::{SystemClock, SystemEntropy},
    app::{App, Current, ErrorAudience, SERVED, ServedRealm},
    clocks::{self, Clocks},
    config::{Configuration, Hsts, LoginUi, TrustedProxies},
    http::forwarded::UnreadableProxies,
    issued::Issued,
    jobs,
    keys::{self, Vault, WhichKeys},
    listen::{self, Listener},
    login::password::{Passwords, PoolSize},
    master_key::{self, KeyCheck},
    pages::Pages,
    router,
    start_error::StartError,
    telemetry::{self, Metrics},
    turns::Turns,
};

/// All that a server is made of.
pub(crate) struct Parts {
    /// URL of the database.
    pub(crate) database: String,
    /// How it is opened.
    pub(crate) store: OpenOptions,
    /// The master key's file.
    pub(crate) master_key: PathBuf,
    /// About the protocol.
    pub(crate) policy: Policy,
    /// The password pool.
    pub(crate) passwords: PoolSize,
    /// Templates of the operator.
    pub(crate) templates: Option<PathBuf>,
    /// The external login UI.
    pub(crate) login_ui: Option<LoginUi>,
    /// Whose word about the client's address is believed.
    pub(crate) proxies: TrustedProxies,
    /// What `Strict-Transport-Security` covers.
    pub(crate) hsts: Hsts,
    /// Whom error pages are written for.
    pub(crate) audience: ErrorAudience,
}

impl Parts {
    /// What cannot be left out, and for the rest what a small server has.
    pub(crate) fn new(database: String, master_key: PathBuf, policy: Policy) -> Self {
        Self {
            database,
            store: OpenOptions::default(),
            master_key,
            policy,
            passwords: PoolSize { running: 2, admitted: 32 },
            templates: None,
            login_ui: None,
            proxies: TrustedProxies::default(),
            hsts: Hsts::default(),
            audience: ErrorAudience::People,
        }
    }

    /// Those of a configuration.
    pub(crate) fn of(config: &Configuration) -> Self {
        let parts = Self::new(config.database.clone(), config.keys.master.clone(), config.policy.clone());
        Self {
            store: options(config.limits.database_connections),
            passwords: PoolSize {
                running: config.limits.password_hashes,
                admitted: config.limits.password_hashes + config.limits.password_queue,
            },
            templates: config.templates.clone(),
            login_ui: config.login_ui.clone(),
            proxies: config.proxies.clone(),
            hsts: config.hsts,
            ..parts
        }
    }
}

/// A quarter of the connections write: a batch is worth more than another connection.
fn options(connections: usize) -> OpenOptions {
    let writers = (connections / 4).max(1);
    OpenOptions { writers, connections: connections.saturating_sub(writers).max(1), ..OpenOptions::default() }
}

/// Opens the database of a configuration, with the vault its keys open with and the realm claimed for its issuer.
pub(crate) async fn open(
    database: &str,
    master: &std::path::Path,
    issuer: &str,
    entropy: Arc<dyn Entropy>,
) -> Result<(Engine, Vault), StartError> {
    open_with(OpenOptions::default(), database, (master, issuer), entropy).await
}

async fn open_with(
    options: OpenOptions,
    database: &str,
    (master, issuer): (&std::path::Path, &str),
    entropy: Arc<dyn Entropy>,
) -> Result<(Engine, Vault), StartError> {
    let store = grantwell_store::open(database, options).await.map_err(StartError::of)?;
    let claimed = store.realm(SERVED).await.map_err(StartError::of)?;
    let check = if claimed.is_some() { KeyCheck::Present } else { KeyCheck::Absent };
    let master = master_key::load(master, check, entropy.as_ref()).map_err(StartError::of)?;
    let vault = Vault { master: Arc::new(SealKey::new(&master)), realm: SERVED, entropy };
    vault.claim(&store, issuer).await.map_err(StartError::of)?;
    Ok((store, vault))
}

/// Opens the database of a configuration only to compare something with it: none is made, nor a master key. `None` where there
/// is nothing yet.
pub(crate) async fn open_to_look(
    database: &str,
    master: &std::path::Path,
    issuer: &str,
    entropy: Arc<dyn Entropy>,
) -> Result<Option<Engine>, StartError> {
    if !grantwell_store::is_there(database).await.map_err(StartError::of)? {
        return Ok(None);
    }
    // Opening migrates, so it is looked at first.
    if database::inspect(database)
        .is_ok_and(|found| found.version.is_some_and(|version| version < found.known))
    {
        return Err(StartError(
            "the schema of the database is older than this release: \"grantwell db migrate\" comes first"
                .to_owned(),
        ));
    }
    let store = grantwell_store::open(database, OpenOptions::default()).await.map_err(StartError::of)?;
    let claimed = store.realm(SERVED).await.map_err(StartError::of)?.is_some();
    drop(store);
    if !claimed {
        return Ok(None);
    }
    let (store, _) = open(database, master, issuer, entropy).await?;
    Ok(Some(store))
}

/// `grantwell dev` takes its issuer from its port: a database of another port is taken over.
pub(crate) async fn adopt_issuer(database: &str, issuer: &str) -> Result<(), StartError> {
    let store = grantwell_store::open(database, OpenOptions::default()).await.map_err(StartError::of)?;
    if let Some(record) = store.realm(SERVED).await.map_err(StartError::of)?
        && record.issuer != issuer
    {
        let moved = vec![Write::MoveRealm { from: record.issuer, to: issuer.to_owned() }];
        let _ = store.commit(SERVED, Share::Rest, moved).await.map_err(StartError::of)?;
    }
    Ok(())
}

/// Puts the server together. Nothing listens yet.
pub(crate) async fn build(
    parts: Parts,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
) -> Result<(Arc<App>, Vault), StartError> {
    let pages = match &parts.templates {
        None => Pages::embedded().map_err(StartError::of)?,
        Some(folder) => Pages::with_overrides(folder).map_err(|errors| {
            StartError(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        })?,
    };
    let claimed = (parts.master_key.as_path(), parts.policy.issuer.as_str());
    let (store, vault) = open_with(parts.store, &parts.database, claimed, entropy).await?;
    let now = clocks::earlier(&store, clock.as_ref()).await.map_err(StartError::of)?;
    vault.tend(&store, now, WhichKeys::Quick).await.map_err(StartError::of)?;
    let keyring = vault.open(&store.keys(SERVED).await.map_err(StartError::of)?).map_err(StartError::of)?;
    let record = vault.claim(&store, &parts.policy.issuer).await.map_err(StartError::of)?;
    let passwords = Passwords::new(parts.passwords, vault.entropy.as_ref())
        .map_err(|error| StartError(format!("the password pool cannot be made: {error:?}")))?;
    let app = App {
        store,
        realm: Arc::new(ServedRealm::new(vault.realm, parts.policy, Current::new(keyring, record))),
        pages,
        passwords,
        clock,
        entropy: Arc::clone(&vault.entropy),
        proxies: parts.proxies,
        unreadable_proxies: UnreadableProxies::default(),
        hsts: parts.hsts,
        audience: parts.audience,
        login_ui: parts.login_ui,
        turns: Turns::default(),
        issued: Issued::default(),
        clocks: Clocks::default(),
        leaving: AtomicBool::new(false),
    };
    Ok((Arc::new(app), vault))
}

/// What asks a server to end. Listened to before anything is answered: a SIGTERM that comes with the first answer already drains.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Result<Self, StartError> {
        let of = |kind| {
            signal(kind).map_err(|error| StartError(format!("signals cannot be listened to: {error}")))
        };
        Ok(Self { terminate: of(SignalKind::terminate())?, interrupt: of(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// A running server.
pub(crate) struct Running {
    signals: Signals,
    app: Arc<App>,
    stop: watch::Sender<bool>,
    listeners: tokio::task::JoinSet<()>,
    jobs: tokio::task::JoinSet<()>,
}

impl Running {
    /// Starts the jobs; listeners are added.
    pub(crate) fn start(
        app: &Arc<App>,
        vault: Vault,
        keep: Retention,
        metrics: Option<Metrics>,
    ) -> Result<Self, StartError> {
        let signals = Signals::listen()?;
        let (stop, stopped) = watch::channel(false);
        let jobs = jobs::start(app, vault, keep, metrics, &stopped);
        Ok(Self { signals, app: Arc::clone(app), stop, listeners: tokio::task::JoinSet::new(), jobs })
    }

    /// Serves `router` on a bound socket.
    pub(crate) fn serve(&mut self, listener: Listener, router: Router, limits: listen::Limits) {
        self.listeners.spawn(listener.serve(router, limits, self.stop.subscribe()));
    }

    /// Waits for SIGTERM or SIGINT; says for as long as `notice` that it is not ready, while it still takes requests; then drains
    /// and ends. A second signal ends the notice.
    pub(crate) async fn until_stopped(mut self, notice: Duration) {
        self.signals.next().await;
        tracing::info!("stopping");
        self.app.leaving.store(true, Ordering::Relaxed);
        tokio::select! {
            () = tokio::time::sleep(notice) => {}
            () = self.signals.next() => {}
        }
        let _ = self.stop.send(true);
        while self.listeners.join_next().await.is_some() {}
        while self.jobs.join_next().await.is_some() {}
        // After the last request.
        if let Err(error) = self.app.issued.flush(&self.app.store, self.app.realm.id).await {
            tracing::warn!(%error, "the last counts of tokens could not be written");
        }
        tracing::info!("stopped");
    }
}

/// Binds, with the sentence that a taken port deserves.
pub(crate) async fn bind(
    address: SocketAddr,
    tls: Option<tokio_rustls::TlsAcceptor>,
) -> Result<Listener, StartError> {
    Listener::bind(address, tls).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            StartError(format!("{address} is taken: another program listens there"))
        }
        _ => StartError(format!("cannot listen on {address}: {error}")),
    })
}

/// `grantwell serve`.
pub(crate) async fn serve(config: Configuration) -> Result<(), StartError> {
    // Where nobody can read metrics, nothing is counted.
    let metrics = match config.management {
        None => None,
        Some(_) => Some(telemetry::metrics().map_err(StartError::of)?),
    };
    let tls = match &config.tls {
        None => None,
        Some(tls) => Some(listen::tls(&tls.certificate, &tls.key).map_err(StartError::of)?),
    };
    let limits = listen::Limits {
        connections: config.limits.connections,
        head: config.limits.header_timeout,
        drain: config.limits.shutdown,
    };
    let listener = bind(config.listen, tls).await?;
    let management = match config.management {
        None => None,
        Some(address) => Some(bind(address, None).await?),
    };
    let (app, vault) = build(Parts::of(&config), Arc::new(SystemClock), Arc::new(SystemEntropy)).await?;
    keys::refresh(&app, &vault).await.map_err(StartError::of)?;
    app.clocks.compare(&app.store, app.clock.as_ref()).await.map_err(StartError::of)?;
    let keep = Retention {
        audit: config.audit.retention,
        ended: config.audit.ended,
        attempts: config.policy.guessing.longest_memory(),
    };
    let mut running = Running::start(&app, vault, keep, metrics.clone())?;
    let address = listener.address().map_err(StartError::of)?;
    running.serve(listener, router::router(&app), limits);
    if let Some((management, metrics)) = management.zip(metrics) {
        running.serve(management, router::management(&app, metrics), limits);
    }
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    tracing::info!(%address, issuer = app.realm.policy.issuer, "ready on {scheme}://{address}");
    running.until_stopped(config.limits.shutdown_notice).await;
    Ok(())
}

/// The defaults of `grantwell dev`.
pub(crate) const DEV_LIMITS: listen::Limits =
    listen::Limits { connections: 256, head: Duration::from_secs(10), drain: Duration::from_secs(3) };
