//! Values that only the server can read, and only where it put them: AES-256-GCM (NIST SP 800-38D) with the place of the
//! value as additional authenticated data. Used for keys at rest, sealed requests and opaque tokens.
//!
//! A nonce is 96 random bits, so one key seals at most 2³² values (SP 800-38D §8.3); a caller with more derives a key per
//! purpose and period from its secret ([`Secret::mac`]).

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::{secret::Secret, time::Entropy};

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
        assert_eq!(format!("{:?}", key(1)), "SealKey(…)");
    }
}
