//! Sessions in memory: found by a random id that only the browser's cookie holds.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use grantwell_core::{
    secret::{Digest, Secret},
    time::Timestamp,
};

/// Values that live for a while, under the digest of a secret id.
pub(crate) struct Sessions<T> {
    life: Duration,
    most: usize,
    rows: Mutex<BTreeMap<[u8; 32], Row<T>>>,
}

struct Row<T> {
    expires: Timestamp,
    value: T,
}

impl<T: Clone> Sessions<T> {
    /// At most `most` at once, each for `life`.
    pub(crate) const fn new(life: Duration, most: usize) -> Self {
        Self { life, most, rows: Mutex::new(BTreeMap::new()) }
    }

    /// Keeps `value` under `id`. What has expired goes, and the oldest when there are too many.
    pub(crate) fn insert(&self, id: &Secret, value: T, now: Timestamp) {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.retain(|_, row| row.expires > now);
        if rows.len() >= self.most {
            let oldest = rows.iter().min_by_key(|(_, row)| row.expires).map(|(key, _)| *key);
            oldest.and_then(|key| rows.remove(&key));
        }
        rows.insert(key(id), Row { expires: now + self.life, value });
    }

    /// The value under `id`, unless it has expired.
    pub(crate) fn find(&self, id: &Secret, now: Timestamp) -> Option<T> {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.get(&key(id)).filter(|row| row.expires > now).map(|row| row.value.clone())
    }

    /// Removes the value under `id`; `None` when it had expired.
    pub(crate) fn take(&self, id: &Secret, now: Timestamp) -> Option<T> {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.remove(&key(id)).filter(|row| row.expires > now).map(|row| row.value)
    }
}

fn key(id: &Secret) -> [u8; 32] {
    Digest::of(id.expose()).0
}

/// The text form of an id, a state or a nonce.
pub(crate) fn encode(secret: &Secret) -> String {
    URL_SAFE_NO_PAD.encode(secret.expose())
}

/// Reads the text form.
pub(crate) fn decode(text: &str) -> Option<Secret> {
    let bytes: [u8; 32] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
    Some(Secret::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> Secret {
        Secret::from_bytes([n; 32])
    }

    #[test]
    fn a_session_ends_at_its_time_and_can_be_taken_once() {
        let sessions = Sessions::new(Duration::from_secs(10), 8);
        let start = Timestamp::from_seconds(1000);
        sessions.insert(&id(1), "a", start);
        assert_eq!(sessions.find(&id(1), start + Duration::from_secs(9)), Some("a"));
        assert_eq!(sessions.find(&id(1), start + Duration::from_secs(10)), None);
        assert_eq!(sessions.find(&id(2), start), None);
        assert_eq!(sessions.take(&id(1), start), Some("a"));
        assert_eq!(sessions.take(&id(1), start), None);
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many() {
        let sessions = Sessions::new(Duration::from_secs(10), 2);
        for n in 1..=3 {
            sessions.insert(&id(n), n, Timestamp::from_seconds(1000 + i64::from(n)));
        }
        let now = Timestamp::from_seconds(1004);
        assert_eq!([1, 2, 3].map(|n| sessions.find(&id(n), now)), [None, Some(2), Some(3)]);
    }
}
