//! Values that only the server can read, and only where it put them: AES-256-GCM (NIST SP 800-38D) with the place of the
//! value as additional authenticated data. Used for keys at rest, sealed requests and opaque tokens.
//!
//! A nonce is 96 random bits, so one key seals at most 2³² values (SP 800-38D §8.3). What is sealed at the pace of requests is
//! sealed with a [`DailyKey`], a key for each purpose and day; a plain [`SealKey`] is for what is sealed a few times ever.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::{
    secret::Secret,
    time::{Entropy, Timestamp},
};

/// A key that seals and opens.
pub struct SealKey(LessSafeKey);

impl SealKey {
    /// From 256 secret bits that nothing else uses.
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "AES-256 takes every key of 32 bytes, and a `Secret` is 32 bytes"
    )]
    pub fn new(secret: &Secret) -> Self {
        Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, secret.expose()).expect("32 bytes")))
    }

    /// Nonce, ciphertext and tag of `plain`. `aad` names the place: it is needed again to open.
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "GCM refuses only lengths over 64 GiB"
    )]
    pub fn seal(&self, entropy: &dyn Entropy, aad: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce);
        let mut text = Vec::with_capacity(plain.len().saturating_add(AES_256_GCM.tag_len()));
        text.extend_from_slice(plain);
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut text)
            .expect("a length that GCM takes");
        let mut sealed = Vec::with_capacity(NONCE_LEN.saturating_add(text.len()));
        sealed.extend_from_slice(&nonce);
        sealed.append(&mut text);
        sealed
    }

    /// What was sealed under the same key and `aad`; `None` for everything else.
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = text.to_vec();
        let length = self.0.open_in_place(nonce, Aad::from(aad), &mut text).ok()?.len();
        text.truncate(length);
        Some(text)
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(…)")
    }
}

/// A key for each day of UTC, all derived from one secret with the day as the only input (a key derivation function in
/// counter mode, SP 800-108 §4.1, over HMAC-SHA-256). The day stands in clear before the nonce; another one there is another
/// key, under which the value does not open.
pub struct DailyKey {
    secret: Secret,
    /// The two latest days, the later first: all that is sealed, and all but a few of what is opened.
    latest: RwLock<Vec<(u32, Arc<SealKey>)>>,
}

const DAY: i64 = 24 * 60 * 60;
const KEPT: usize = 2;

impl DailyKey {
    /// From 256 secret bits that nothing else uses.
    pub const fn new(secret: Secret) -> Self {
        Self { secret, latest: RwLock::new(Vec::new()) }
    }

    /// As [`SealKey::seal`], with the key of the day of `at`.
    pub fn seal(&self, at: Timestamp, entropy: &dyn Entropy, aad: &[u8], plain: &[u8]) -> Vec<u8> {
        let day = day(at);
        let mut sealed = day.to_be_bytes().to_vec();
        sealed.append(&mut self.key(day).seal(entropy, aad, plain));
        sealed
    }

    /// As [`SealKey::open`]. Nothing that lives no longer than `longest` can be of another day than from then to `now`, or of
    /// the day after it where clocks differ: no key is made for any other.
    pub fn open(&self, now: Timestamp, longest: Duration, aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (day_of, sealed) = sealed.split_first_chunk::<4>()?;
        let day_of = u32::from_be_bytes(*day_of);
        let possible = day(now - longest)..=day(now).saturating_add(1);
        possible.contains(&day_of).then(|| self.key(day_of).open(aad, sealed))?
    }

    fn key(&self, day: u32) -> Arc<SealKey> {
        let known = |latest: &[(u32, Arc<SealKey>)]| {
            latest.iter().find(|(known, _)| *known == day).map(|(_, key)| Arc::clone(key))
        };
        if let Some(key) = known(&self.latest.read().unwrap_or_else(PoisonError::into_inner)) {
            return key;
        }
        let key = Arc::new(SealKey::new(&self.secret.mac("day", &[&day.to_be_bytes()])));
        let mut latest = self.latest.write().unwrap_or_else(PoisonError::into_inner);
        if known(&latest).is_none() {
            latest.push((day, Arc::clone(&key)));
            latest.sort_by_key(|(day, _)| std::cmp::Reverse(*day));
            latest.truncate(KEPT);
        }
        key
    }
}

fn day(at: Timestamp) -> u32 {
    u32::try_from(at.seconds().div_euclid(DAY)).unwrap_or_default()
}

impl fmt::Debug for DailyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DailyKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashSet,
        sync::atomic::{AtomicU64, Ordering},
    };

    use super::*;

    struct Counting(AtomicU64);

    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            let count = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            for (to, from) in bytes.iter_mut().zip(count.iter().cycle()) {
                *to = *from;
            }
        }
    }

    fn key(byte: u8) -> SealKey {
        SealKey::new(&Secret::from_bytes([byte; 32]))
    }

    #[test]
    fn q_02_a_sealed_value_opens_only_in_its_place() {
        let entropy = Counting(AtomicU64::new(1));
        let sealed = key(1).seal(&entropy, b"realm 1, key a", b"plain");
        assert_eq!(key(1).open(b"realm 1, key a", &sealed).as_deref(), Some(&b"plain"[..]));
        assert_eq!(key(1).open(b"realm 1, key b", &sealed), None, "row A under row B's name");
        assert_eq!(key(1).open(b"", &sealed), None);
        assert_eq!(key(2).open(b"realm 1, key a", &sealed), None, "another master key");
    }

    #[test]
    fn q_02_any_flipped_bit_or_cut_is_refused() {
        let entropy = Counting(AtomicU64::new(1));
        let sealed = key(1).seal(&entropy, b"a", b"plain");
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut changed = sealed.clone();
                changed[at] ^= 1 << bit;
                assert_eq!(key(1).open(b"a", &changed), None, "byte {at} bit {bit}");
            }
        }
        for length in 0..sealed.len() {
            assert_eq!(key(1).open(b"a", &sealed[..length]), None, "{length}");
        }
    }

    #[test]
    fn q_02_every_value_has_a_nonce_of_its_own_from_the_entropy() {
        let entropy = Counting(AtomicU64::new(0));
        let (sealing, mut nonces, mut values) = (key(1), HashSet::new(), HashSet::new());
        for _ in 0..10_000 {
            let sealed = sealing.seal(&entropy, b"a", b"plain");
            assert!(nonces.insert(sealed[..NONCE_LEN].to_vec()));
            assert!(values.insert(sealed[NONCE_LEN..].to_vec()));
        }
        assert_eq!(entropy.0.into_inner(), 10_000, "one draw each");
    }

    #[test]
    fn the_empty_value_and_the_empty_place_work() {
        let sealed = key(1).seal(&Counting(AtomicU64::new(7)), b"", b"");
        assert_eq!(sealed.len(), NONCE_LEN + 16);
        assert_eq!(key(1).open(b"", &sealed), Some(Vec::new()));
    }

    #[test]
    fn q_03_debug_shows_no_key() {
        assert_eq!(format!("{:?} {:?}", key(1), daily()), "SealKey(…) DailyKey(…)");
    }

    const HOUR: Duration = Duration::from_hours(1);

    fn daily() -> DailyKey {
        DailyKey::new(Secret::from_bytes([3; 32]))
    }

    /// Noon of a day.
    fn noon(day: i64) -> Timestamp {
        Timestamp::from_seconds(day * DAY + DAY / 2)
    }

    #[test]
    fn q_02_every_day_has_a_key_of_its_own() {
        let (keys, entropy) = (daily(), Counting(AtomicU64::new(1)));
        let (monday, tuesday) = (noon(20_000), noon(20_001));
        let sealed = keys.seal(monday, &entropy, b"a", b"plain");
        assert_eq!(keys.open(monday, HOUR, b"a", &sealed).as_deref(), Some(&b"plain"[..]));
        assert_eq!(keys.open(monday, HOUR, b"b", &sealed), None, "another place");
        let mut moved = sealed.clone();
        moved[..4].copy_from_slice(&20_001_u32.to_be_bytes());
        assert_eq!(keys.open(tuesday, HOUR, b"a", &moved), None, "Monday's value as Tuesday's");
        assert_ne!(
            keys.key(20_000).seal(&Counting(AtomicU64::new(1)), b"", b"x"),
            keys.key(20_001).seal(&Counting(AtomicU64::new(1)), b"", b"x")
        );
        let other = DailyKey::new(Secret::from_bytes([4; 32]));
        assert_eq!(other.open(monday, HOUR, b"a", &sealed), None, "another realm");
        // After a restart and on another node.
        assert_eq!(daily().open(monday, HOUR, b"a", &sealed).as_deref(), Some(&b"plain"[..]));
    }

    #[test]
    fn a_value_opens_for_as_long_as_it_lives_and_across_midnight() {
        let (keys, entropy) = (daily(), Counting(AtomicU64::new(1)));
        let sealed = keys.seal(noon(20_000), &entropy, b"a", b"plain");
        let opens = |now, longest| keys.open(now, longest, b"a", &sealed).is_some();
        assert!(opens(noon(20_000), HOUR) && opens(noon(20_000) + HOUR * 12, HOUR));
        assert!(!opens(noon(20_000) + HOUR * 13, HOUR), "past midnight and its life");
        assert!(opens(noon(20_180), HOUR * 24 * 180) && !opens(noon(20_181), HOUR * 24 * 180));
        assert!(
            opens(noon(19_999), HOUR) && !opens(noon(19_998), HOUR),
            "a clock that is behind, a day at most"
        );
    }

    #[test]
    fn a_made_up_day_costs_no_key_and_old_ones_are_not_kept() {
        let (keys, entropy) = (daily(), Counting(AtomicU64::new(1)));
        let days =
            |keys: &DailyKey| keys.latest.read().unwrap().iter().map(|(day, _)| *day).collect::<Vec<_>>();
        for day in [0, 1, 19_998, 20_002, u32::MAX] {
            let made_up = [day.to_be_bytes().as_slice(), &[0; 40]].concat();
            assert_eq!(keys.open(noon(20_000), HOUR * 24, b"a", &made_up), None);
        }
        assert!(days(&keys).is_empty());
        for cut in 0..4 {
            assert_eq!(keys.open(noon(20_000), HOUR, b"a", &[0; 4][..cut]), None);
        }
        for day in [20_000, 20_001, 19_000, 20_002] {
            let _ = keys.seal(noon(day), &entropy, b"a", b"plain");
        }
        assert_eq!(days(&keys), [20_002, 20_001]);
    }
}
