//! A code from an authenticator application (RFC 6238, RFC 4226): something the person has. Left out on purpose: where the secret
//! comes from, which is sealed in the user's record.

use aws_lc_rs::hmac;

use super::Factor;
use crate::{secret::is_same, store::Authentication, time::Timestamp};

/// The authentication method (RFC 8176).
pub const AMR: &str = "otp";
/// The authentication class of a sign-in with such a code.
pub const ACR: &str = "urn:grantwell:acr:otp";
/// For how long one code is shown, seconds (RFC 6238 §4.1).
const PERIOD: i64 = 30;

/// Something the person has.
pub struct Totp;

impl Factor for Totp {
    fn amr(&self) -> &'static str {
        AMR
    }

    fn acr(&self) -> &'static str {
        ACR
    }
}

/// The period whose code this is: the present one, or the one before (RFC 6238 §5.2). Whoever accepts a code remembers its period:
/// a code is good once (§5.2).
pub fn period(secret: &[u8], code: &str, now: Timestamp) -> Option<i64> {
    let present = now.seconds().div_euclid(PERIOD);
    [present, present - 1]
        .into_iter()
        .find(|period| is_same(code_of(secret, *period).as_bytes(), code.as_bytes()))
}

/// What a right code proves.
pub fn authentication(at: Timestamp) -> Authentication {
    Authentication { at, amr: vec![AMR.to_owned()], acr: ACR.to_owned() }
}

/// Six digits (RFC 4226 §5.3).
fn code_of(secret: &[u8], period: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &period.to_be_bytes());
    let at = usize::from(tag.as_ref().last().copied().unwrap_or_default() & 0xf);
    let chosen = tag.as_ref().get(at..).and_then(|bytes| bytes.first_chunk::<4>()).copied();
    let number = u32::from_be_bytes(chosen.unwrap_or_default()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 Appendix B, SHA-1; the last six of its eight digits.
    const SECRET: &[u8] = b"12345678901234567890";
    const VECTORS: [(i64, &str); 4] =
        [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (2_000_000_000, "279037")];

    #[test]
    fn the_codes_are_those_of_the_specification() {
        for (seconds, code) in VECTORS {
            let now = Timestamp::from_seconds(seconds);
            assert_eq!(period(SECRET, code, now), Some(seconds / 30), "{seconds}");
            assert_eq!(period(b"another secret of twenty", code, now), None, "{seconds}");
        }
    }

    #[test]
    fn a_code_lives_for_its_period_and_the_next() {
        let (_, code) = VECTORS[0];
        for (seconds, expected) in [(29, None), (30, Some(1)), (59, Some(1)), (89, Some(1)), (90, None)] {
            assert_eq!(period(SECRET, code, Timestamp::from_seconds(seconds)), expected, "{seconds}");
        }
        for wrong in ["", "28708", "2870820", "287083", "287o82"] {
            assert_eq!(period(SECRET, wrong, Timestamp::from_seconds(59)), None, "{wrong}");
        }
    }

    #[test]
    fn it_proves_one_method_and_its_class() {
        let proved = authentication(Timestamp::from_seconds(1));
        assert_eq!((proved.amr, proved.acr.as_str()), (vec![Totp.amr().to_owned()], Totp.acr()));
    }
}
