//! How many tokens each client was given, by grant and minute. Machine tokens and refreshes leave no row of their own, so
//! the token endpoint counts them here, in memory, and a job writes the counts once a minute: no request waits for it. What
//! a process that is killed has not written is in its log, one line a request.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use grantwell_core::{
    client::GrantType,
    id::{ClientId, Realm},
    store::{Outcome, Share, Store, StoreError, Write},
    time::Timestamp,
};

/// Most counts that wait in memory; beyond them a token is a log line only. Client ids are those of registered clients, so
/// this many are never reached while the store responds.
const MOST: usize = 65_536;
/// Most counts of one commit.
const PORTION: usize = 256;
const MINUTE: i64 = 60;

type Key = (ClientId, GrantType, i64);

/// Counts that wait to be written.
#[derive(Debug, Default)]
pub(crate) struct Issued(Mutex<BTreeMap<Key, u32>>);

impl Issued {
    /// A client was given a token.
    pub(crate) fn count(&self, client: &ClientId, grant: GrantType, at: Timestamp) {
        self.add((client.clone(), grant, at.seconds().div_euclid(MINUTE)), 1);
    }

    fn add(&self, key: Key, more: u32) {
        let mut waiting = self.waiting();
        if waiting.len() < MOST || waiting.contains_key(&key) {
            let count = waiting.entry(key).or_default();
            *count = count.saturating_add(more);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<Key, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what has been counted. What the store does not take waits for the next time.
    pub(crate) async fn flush(&self, store: &impl Store, realm: Realm) -> Result<(), StoreError> {
        let counts: Vec<(Key, u32)> = std::mem::take(&mut *self.waiting()).into_iter().collect();
        let mut portions = counts.chunks(PORTION);
        while let Some(portion) = portions.next() {
            let writes = portion.iter().map(|((client_id, grant, minute), count)| Write::CountTokens {
                client_id: client_id.clone(),
                grant: *grant,
                minute: Timestamp::from_seconds(minute.saturating_mul(MINUTE)),
                count: *count,
            });
            let outcome = store.commit(realm, Share::Rest, writes.collect()).await;
            if !matches!(outcome, Ok(Outcome::Done)) {
                for (key, count) in portion.iter().chain(portions.flatten()) {
                    self.add(key.clone(), *count);
                }
                return outcome.map(|_| ());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_bounded_and_a_client_that_waits_is_counted_on() {
        let issued = Issued::default();
        let name = |n: usize| ClientId::from(n.to_string().as_str());
        for n in 0..MOST + 10 {
            issued.count(&name(n), GrantType::RefreshToken, Timestamp::from_seconds(0));
        }
        assert_eq!(issued.waiting().len(), MOST);
        issued.count(&name(1), GrantType::RefreshToken, Timestamp::from_seconds(59));
        assert_eq!(issued.waiting().get(&(name(1), GrantType::RefreshToken, 0)), Some(&2));
    }
}
