//! The password. How it is hashed and compared is the server's; that an attempt is reserved first is
//! [`crate::interaction::sign_in`]'s.

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use super::Factor;
use crate::{policy::ACR_PASSWORD, store::Authentication, time::Timestamp};

/// Longest password that is hashed, bytes (catalogue L-30).
pub const LONGEST_PASSWORD: usize = 4096;
/// The authentication method (RFC 8176).
pub const AMR: &str = "pwd";

/// Something the person knows.
pub struct Password;

impl Factor for Password {
    fn amr(&self) -> &'static str {
        AMR
    }

    fn acr(&self) -> &'static str {
        ACR_PASSWORD
    }
}

/// A password as text (RFC 8265 §4.2, OpaqueString): what a keyboard composes and what it puts together from parts are the same, and any
/// space is a space. Nothing else is changed; letter case counts.
pub fn opaque_string(password: &str) -> Zeroizing<String> {
    // Zs but U+0020 (RFC 8265 §4.2.2, step 2).
    let is_space = |c| {
        matches!(c, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
    };
    Zeroizing::new(password.chars().map(|c| if is_space(c) { ' ' } else { c }).nfc().collect())
}

/// What a right password proves.
pub fn authentication(at: Timestamp) -> Authentication {
    Authentication { at, amr: vec![AMR.to_owned()], acr: ACR_PASSWORD.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_text() {
        for (typed, same) in [
            ("Z\u{fc}rich", "Zu\u{308}rich"),
            ("correct horse", "correct\u{a0}horse"),
            ("correct horse", "correct\u{2003}horse"),
            ("correct horse", "correct\u{3000}horse"),
        ] {
            assert_eq!(opaque_string(typed), opaque_string(same), "{typed}");
        }
        for (typed, other) in
            [("ada", "Ada"), ("a b", "a  b"), ("ﬁ", "fi"), ("x ", "x"), ("a b", "a\u{200b}b")]
        {
            assert_ne!(opaque_string(typed), opaque_string(other), "{typed}");
        }
    }
}
