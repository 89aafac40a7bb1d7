//! The composition root: all that a handler needs, put together once.

use std::sync::{Arc, PoisonError, RwLock, atomic::AtomicBool};

use grantwell_core::{
    client::Client,
    id::{ClientId, Realm},
    keyring::Keyring,
    policy::Policy,
    resource::Resource,
    store::{Read, RealmRecord},
    time::{Clock, Entropy, Timestamp},
};
use grantwell_store::Engine;

use crate::{
    clocks::Clocks,
    config::{Hsts, LoginUi, TrustedProxies},
    http::{
        discovery::{JwksDocument, MetadataDocument},
        forwarded::UnreadableProxies,
    },
    issued::Issued,
    login::password::Passwords,
    pages::Pages,
    registered::{Registered, ResourceQuery},
    turns::Turns,
};

/// The realm that this release serves, at the root of the issuer; the commands work on it too.
pub(crate) const SERVED: Realm = Realm::MAIN;

/// The process.
pub(crate) struct App {
    /// Where everything durable is.
    pub(crate) store: Engine,
    /// The realm that is served at the root of the issuer; requests take theirs from [`crate::http::exchange::Exchange`].
    pub(crate) realm: Arc<ServedRealm>,
    /// Our own pages.
    pub(crate) pages: Pages,
    /// The password pool.
    pub(crate) passwords: Passwords,
    /// The present.
    pub(crate) clock: Arc<dyn Clock>,
    /// Randomness.
    pub(crate) entropy: Arc<dyn Entropy>,
    /// Whose word about the client's address is believed.
    pub(crate) proxies: TrustedProxies,
    /// Of them, those that could not be read lately.
    pub(crate) unreadable_proxies: UnreadableProxies,
    /// What `Strict-Transport-Security` covers.
    pub(crate) hsts: Hsts,
    /// Whether error pages show developers the cause.
    pub(crate) audience: ErrorAudience,
    /// The external login UI, where there is one.
    pub(crate) login_ui: Option<LoginUi>,
    /// Whose requests are worked on.
    pub(crate) turns: Turns,
    /// Tokens that were issued and not yet written down.
    pub(crate) issued: Issued,
    /// How far our clock is from the database's.
    pub(crate) clocks: Clocks,
    /// The server is shutting down; `/readyz` says so to load balancers.
    pub(crate) leaving: AtomicBool,
}

/// A realm that this process serves.
pub(crate) struct ServedRealm {
    /// Its id.
    pub(crate) id: Realm,
    /// What the operator set about the protocol.
    pub(crate) policy: Policy,
    /// The document that discovery serves.
    pub(crate) metadata: MetadataDocument,
    current: RwLock<Arc<Current>>,
}

/// What changes with the realm's generation.
pub(crate) struct Current {
    /// The keys in use.
    pub(crate) keyring: Keyring,
    /// The realm as it was read with them.
    pub(crate) record: RealmRecord,
    /// The document of its public keys.
    pub(crate) jwks: JwksDocument,
    /// What was read under the realm's generation.
    pub(crate) registered: Registered,
}

impl Current {
    /// With nothing read under it yet.
    pub(crate) fn new(keyring: Keyring, record: RealmRecord) -> Self {
        Self { keyring, record, jwks: JwksDocument::default(), registered: Registered::default() }
    }
}

/// Whom error pages are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorAudience {
    /// People.
    People,
    /// People, and the developer at the same machine (`grantwell dev`).
    Developers,
}

impl App {
    /// The present.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The time, for work that depends on the clock alone (sweep, key rotation); `None` while ours is wrong. With one
    /// that is ahead, revocations would be swept while they still matter, and signing keys replaced that the other nodes need.
    pub(crate) fn shared_now(&self) -> Option<Timestamp> {
        self.clocks.apart().is_none().then(|| self.now())
    }
}

impl ServedRealm {
    /// A realm with what was read of it at the start.
    pub(crate) fn new(id: Realm, policy: Policy, current: Current) -> Self {
        Self { id, policy, metadata: MetadataDocument::default(), current: RwLock::new(Arc::new(current)) }
    }

    /// The keys and the realm as they are now.
    pub(crate) fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces them: the generation moved.
    pub(crate) fn replace(&self, fresh: Current) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
    }

    /// A client as registered.
    pub(crate) async fn client(&self, store: &Engine, id: &ClientId) -> Read<Option<Arc<Client>>> {
        // What is read now is kept under the generation of before: an older form is never kept under a newer one.
        self.current().registered.client(self.id, store, id).await
    }

    /// Resources as registered.
    pub(crate) async fn resources(&self, store: &Engine, named: &ResourceQuery) -> Read<Arc<[Resource]>> {
        self.current().registered.resources(self.id, store, named).await
    }

    /// Whether browsers reach us by https: names and attributes of cookies follow.
    pub(crate) fn is_https(&self) -> bool {
        self.policy.issuer.starts_with("https://")
    }
}
