//! Clients and resources as they are registered, kept while the generation says that nothing of them changed.
//!
//! A copy answers what is registered: which secret a client has, what it may ask for, who owns a scope. It
//! is at most a second old ([`FRESH`]; the generation is read four times as often), and is not used at all when the generation
//! could not be read for so long: then the store is read. Token state is never kept here.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use grantwell_core::{
    client::Client,
    id::{ClientId, Realm, ResourceIdentifier},
    resource::Resource,
    scope::ScopeSet,
    store::{Read, Store},
};
use grantwell_store::Engine;

/// How long a look at the generation counts.
const FRESH: Duration = Duration::from_secs(1);
/// Most entries of each kind, and most bytes that a key may name. What is asked for is for strangers to choose: they may push
/// something out, never pile anything up.
const MOST: usize = 1024;
const LONGEST: usize = 1024;

/// Resources by their identifiers, or by a scope that they own.
pub(crate) type ResourceQuery = (Vec<ResourceIdentifier>, ScopeSet);

/// What was read under one generation.
#[derive(Default)]
pub(crate) struct Registered {
    confirmed: Mutex<Option<Instant>>,
    /// Absent clients are cached too: otherwise the response time would show which clients exist (catalogue K-06).
    clients: Kept<ClientId, Option<Arc<Client>>>,
    resources: Kept<ResourceQuery, Arc<[Resource]>>,
}

impl Registered {
    /// The generation was read at `at`, and is still the one all this belongs to.
    pub(crate) fn confirm(&self, at: Instant) {
        *self.confirmed.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }

    fn is_fresh(&self) -> bool {
        let confirmed = *self.confirmed.lock().unwrap_or_else(PoisonError::into_inner);
        confirmed.is_some_and(|at| at.elapsed() < FRESH)
    }

    /// A client as registered.
    pub(crate) async fn client(
        &self,
        realm: Realm,
        store: &Engine,
        id: &ClientId,
    ) -> Read<Option<Arc<Client>>> {
        if self.is_fresh()
            && let Some(client) = self.clients.find(id)
        {
            return Ok(client);
        }
        let found = store.client(realm, id).await?.map(Arc::new);
        if id.as_str().len() <= LONGEST {
            self.clients.keep(id.clone(), found.clone());
        }
        Ok(found)
    }

    /// Resources as registered, found as [`Store::resources`] finds them.
    pub(crate) async fn resources(
        &self,
        realm: Realm,
        store: &Engine,
        named: &ResourceQuery,
    ) -> Read<Arc<[Resource]>> {
        if self.is_fresh()
            && let Some(resources) = self.resources.find(named)
        {
            return Ok(resources);
        }
        let found: Arc<[Resource]> = store.resources(realm, &named.0, &named.1).await?.into();
        if size(named) <= LONGEST {
            self.resources.keep(named.clone(), Arc::clone(&found));
        }
        Ok(found)
    }
}

struct Kept<K, V>(Mutex<HashMap<K, V>>);

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq, V: Clone> Kept<K, V> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, key: &K) -> Option<V> {
        self.lock().get(key).cloned()
    }

    fn keep(&self, key: K, value: V) {
        let mut kept = self.lock();
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert(key, value);
    }
}

fn size((identifiers, scopes): &ResourceQuery) -> usize {
    identifiers.iter().map(|id| id.as_str().len()).chain(scopes.iter().map(str::len)).sum()
}
