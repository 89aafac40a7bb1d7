//! Signatures that were found good. A token that is shown again costs one hash in place of a verification.
//!
//! Only the arithmetic is spared: whether the key may have signed, the claims, and whether the token is alive are looked at every
//! time. What was refused is not kept, so strangers can fill nothing.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use aws_lc_rs::digest::{Context, SHA256};

use super::Algorithm;

/// Most signatures of a half. A half that is full becomes the older one, and what was older is forgotten.
const MOST: usize = 4096;

/// The signatures of one key.
#[derive(Debug, Default)]
pub(super) struct KnownSignatures(Mutex<Halves>);

#[derive(Debug, Default)]
struct Halves {
    newer: HashSet<[u8; 32]>,
    older: HashSet<[u8; 32]>,
}

impl KnownSignatures {
    /// Whether it is known, or `verify` says so now.
    pub(super) fn is_good(
        &self,
        algorithm: Algorithm,
        (message, signature): (&[u8], &[u8]),
        verify: impl FnOnce() -> bool,
    ) -> bool {
        let digest = digest(algorithm, message, signature);
        let halves = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if halves().contains(&digest) {
            return true;
        }
        let good = verify();
        if good {
            halves().insert(digest);
        }
        good
    }
}

impl Halves {
    fn contains(&self, digest: &[u8; 32]) -> bool {
        self.newer.contains(digest) || self.older.contains(digest)
    }

    fn insert(&mut self, digest: [u8; 32]) {
        if self.newer.len() >= MOST {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(digest);
    }
}

/// The length of the signature keeps the two apart.
fn digest(algorithm: Algorithm, message: &[u8], signature: &[u8]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(algorithm.as_str().as_bytes());
    context.update(&signature.len().to_be_bytes());
    context.update(signature);
    context.update(message);
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_good_is_verified_once_and_what_is_not_every_time() {
        let known = KnownSignatures::default();
        let mut asked = 0;
        let mut is_good = |message: &[u8], signature: &[u8], verdict| {
            known.is_good(Algorithm::ES256, (message, signature), || {
                asked += 1;
                verdict
            })
        };
        assert!(is_good(b"message", b"signature", true));
        assert!(is_good(b"message", b"signature", false), "it is known");
        for (message, signature) in
            [(&b"messagf"[..], &b"signature"[..]), (b"message", b"signaturf"), (b"emessage", b"signatur")]
        {
            assert!(!is_good(message, signature, false));
            assert!(!is_good(message, signature, false), "a refusal is not kept");
        }
        assert_eq!(asked, 7);
        assert!(!known.is_good(Algorithm::EdDSA, (b"message", b"signature"), || false));
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let known = KnownSignatures::default();
        let is_good =
            |n: usize, verdict| known.is_good(Algorithm::ES256, (&n.to_be_bytes(), b"signature"), || verdict);
        for n in 0..=2 * MOST {
            assert!(is_good(n, true));
        }
        assert!(!is_good(0, false));
        assert!(is_good(2 * MOST - 1, false));
        let halves = known.0.lock().unwrap();
        assert!(halves.newer.len() <= MOST && halves.older.len() <= MOST);
    }
}
