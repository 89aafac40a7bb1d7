//! Proof Key for Code Exchange (RFC 7636; OAuth 2.1 §4.1.1, §4.1.3). `S256` is the only method: `plain` protects nothing
//! once the request leaks.
//!
//! ```
//! use grantwell_core::pkce;
//!
//! // The pair of RFC 7636 Appendix B.
//! let (verifier, challenge) =
//!     ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
//! assert!(pkce::matches(challenge, verifier));
//! assert!(!pkce::matches(verifier, verifier), "`plain` is no method");
//! ```

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::secret::is_same;

/// `code_challenge_method` values that exist.
pub const METHODS: &[&str] = &["S256"];

/// Whether `text` can be an S256 challenge: base64url of 32 bytes, in its one canonical form (RFC 7636 §4.2).
pub fn is_challenge(text: &str) -> bool {
    text.len() == 43 && URL_SAFE_NO_PAD.decode(text).is_ok()
}

/// Whether `text` can be a verifier: 43 to 128 unreserved characters (RFC 7636 §4.1).
pub fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'))
}

/// Whether `verifier` is one and hashes to `challenge` (RFC 7636 §4.6), compared in constant time.
pub fn matches(challenge: &str, verifier: &str) -> bool {
    let hashed = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
    is_verifier(verifier) && is_same(hashed.as_bytes(), challenge.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{CHALLENGE, VERIFIER};

    fn challenge_of(verifier: &str) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
    }

    #[test]
    fn the_example_of_the_specification_matches() {
        assert!(is_challenge(CHALLENGE) && is_verifier(VERIFIER) && matches(CHALLENGE, VERIFIER));
        for length in [43, 128] {
            let verifier = "~".repeat(length);
            assert!(matches(&challenge_of(&verifier), &verifier), "{length}");
        }
    }

    #[test]
    fn p_03_a_malformed_challenge_is_none() {
        for bad in ["", "E", &CHALLENGE[..42], &format!("{CHALLENGE}A"), &format!("{CHALLENGE}=")] {
            assert!(!is_challenge(bad), "{bad:?}");
        }
        for bad in ['+', '/', '=', '\n', '\0', '~', 'é'] {
            assert!(!is_challenge(&format!("{bad}{}", &CHALLENGE[bad.len_utf8()..])), "{bad:?}");
        }
        // The last character has two bits that must be zero.
        assert!(!is_challenge(&format!("{}N", &CHALLENGE[..42])));
    }

    #[test]
    fn p_03_a_malformed_verifier_is_refused_even_if_its_hash_would_match() {
        let long = "a".repeat(129);
        let bad = ["", "a", &VERIFIER[..42], long.as_str()];
        let replaced = ['+', '/', '=', '\n', '\0', ' ', '%', 'é'].map(|bad| format!("{bad}{VERIFIER}"));
        for verifier in bad.into_iter().chain(replaced.iter().map(String::as_str)) {
            assert!(!matches(&challenge_of(verifier), verifier), "{verifier:?}");
        }
    }

    #[test]
    fn p_05_p_07_another_verifier_does_not_match() {
        assert!(!matches(CHALLENGE, CHALLENGE), "the challenge itself");
        assert!(!matches(CHALLENGE, &VERIFIER.replace('d', "e")));
        assert!(!matches(CHALLENGE, &VERIFIER.to_lowercase()));
        assert!(!matches("", VERIFIER));
    }
}
