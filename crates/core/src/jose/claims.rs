//! Registered claims (RFC 7519 §4.1), read by type: a claim of the wrong type is an error, never an absent claim.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::time::Timestamp;

/// The most that clocks may differ.
pub const MAX_LEEWAY: Duration = Duration::from_mins(1);

/// The end of the year 9999: later dates are nonsense or an attempt to overflow something.
const LATEST: i64 = 253_402_300_799;

/// Why the claims of a token are not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimError {
    /// A claim that must be there is not.
    Missing(&'static str),
    /// A claim has another type than RFC 7519 gives it, or is out of range.
    Type(&'static str),
    /// `exp` has passed.
    Expired,
    /// `nbf` is still to come.
    NotYetValid,
    /// `iat` lies in the future.
    IssuedInFuture,
}

/// A claim that is text; `None` when absent.
pub fn text<'a>(claims: &'a Map<String, Value>, name: &'static str) -> Result<Option<&'a str>, ClaimError> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(ClaimError::Type(name)),
    }
}

/// A claim that is text and must be there, not empty.
pub fn required_text<'a>(claims: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, ClaimError> {
    text(claims, name)?.filter(|text| !text.is_empty()).ok_or(ClaimError::Missing(name))
}

/// `aud` (RFC 7519 §4.1.3): one text or an array of texts; empty when absent.
pub fn audience(claims: &Map<String, Value>) -> Result<Vec<&str>, ClaimError> {
    match claims.get("aud") {
        None => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one]),
        Some(Value::Array(many)) => {
            many.iter().map(|one| one.as_str().ok_or(ClaimError::Type("aud"))).collect()
        }
        Some(_) => Err(ClaimError::Type("aud")),
    }
}

/// A claim that is a NumericDate (RFC 7519 §2): seconds since the epoch, whole or not, until the year 9999.
pub fn numeric_date(
    claims: &Map<String, Value>,
    name: &'static str,
) -> Result<Option<Timestamp>, ClaimError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let Value::Number(number) = value else { return Err(ClaimError::Type(name)) };
    let seconds = match (number.as_i64(), number.as_f64()) {
        (Some(whole), _) => whole,
        // The largest whole second the fraction has passed: no token lives longer for it.
        (None, Some(fraction)) if (0.0..=253_402_300_799.0).contains(&fraction) => {
            #[expect(
                clippy::as_conversions,
                clippy::cast_possible_truncation,
                reason = "the range was checked"
            )]
            {
                fraction.floor() as i64
            }
        }
        _ => return Err(ClaimError::Type(name)),
    };
    if (0..=LATEST).contains(&seconds) {
        Ok(Some(Timestamp::from_seconds(seconds)))
    } else {
        Err(ClaimError::Type(name))
    }
}

/// When a token is looked at, and how far the clocks may be apart.
#[derive(Clone, Copy, Debug)]
pub struct Validity {
    now: Timestamp,
    leeway: Duration,
}

impl Validity {
    /// Checks at `now`. A leeway over [`MAX_LEEWAY`] is cut down to it.
    pub fn at(now: Timestamp, leeway: Duration) -> Self {
        Self { now, leeway: leeway.min(MAX_LEEWAY) }
    }

    /// `exp`, which must be there, and `nbf` and `iat`, if they are (RFC 7519 §4.1.4 to §4.1.6).
    pub fn check(&self, claims: &Map<String, Value>) -> Result<(), ClaimError> {
        let expires = numeric_date(claims, "exp")?.ok_or(ClaimError::Missing("exp"))?;
        let not_before = numeric_date(claims, "nbf")?;
        let issued = numeric_date(claims, "iat")?;
        if expires + self.leeway <= self.now {
            return Err(ClaimError::Expired);
        }
        if not_before.is_some_and(|at| at > self.now + self.leeway) {
            return Err(ClaimError::NotYetValid);
        }
        if issued.is_some_and(|at| at > self.now + self.leeway) {
            return Err(ClaimError::IssuedInFuture);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::jose::json::parse_object;

    fn claims(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }

    fn check(value: Value, leeway: u64) -> Result<(), ClaimError> {
        Validity::at(Timestamp::from_seconds(1_000_000), Duration::from_secs(leeway)).check(&claims(value))
    }

    #[test]
    fn t_04_a_date_of_another_type_is_an_error() {
        for name in ["exp", "nbf", "iat"] {
            for wrong in [
                json!("2000000"),
                json!(null),
                json!(true),
                json!([2_000_000]),
                json!({}),
                json!(-1),
                json!(-0.5),
                json!(1e300),
                json!(253_402_300_800_i64),
                json!(i64::MAX),
                json!(u64::MAX),
            ] {
                let mut map = claims(json!({ "exp": 2_000_000 }));
                map.insert(name.to_owned(), wrong.clone());
                let at = Validity::at(Timestamp::from_seconds(1_000_000), Duration::ZERO);
                assert_eq!(at.check(&map), Err(ClaimError::Type(name)), "{name} {wrong}");
            }
        }
        assert!(parse_object(br#"{"exp":1e309}"#).is_err(), "a number beyond doubles is no JSON to us");
        assert_eq!(check(json!({}), 0), Err(ClaimError::Missing("exp")));
    }

    #[test]
    fn t_04_expiry_start_and_issue_hold_to_the_second_with_leeway() {
        assert_eq!(check(json!({ "exp": 1_000_000 }), 0), Err(ClaimError::Expired), "on or after (§4.1.4)");
        assert_eq!(check(json!({ "exp": 1_000_000.9 }), 0), Err(ClaimError::Expired));
        assert_eq!(check(json!({ "exp": 1_000_001 }), 0), Ok(()));
        assert_eq!(check(json!({ "exp": 1_000_001.5 }), 0), Ok(()));
        assert_eq!(check(json!({ "exp": 999_990 }), 10), Err(ClaimError::Expired));
        assert_eq!(check(json!({ "exp": 999_991 }), 10), Ok(()));
        assert_eq!(check(json!({ "exp": 2e6, "nbf": 1_000_000 }), 0), Ok(()));
        assert_eq!(check(json!({ "exp": 2e6, "nbf": 1_000_001 }), 0), Err(ClaimError::NotYetValid));
        assert_eq!(check(json!({ "exp": 2e6, "nbf": 1_000_010 }), 10), Ok(()));
        assert_eq!(check(json!({ "exp": 2e6, "iat": 1_000_001 }), 0), Err(ClaimError::IssuedInFuture));
        assert_eq!(check(json!({ "exp": 2e6, "iat": 1_000_010 }), 10), Ok(()));
    }

    #[test]
    fn t_04_leeway_never_exceeds_a_minute() {
        assert_eq!(check(json!({ "exp": 999_941 }), 3600), Ok(()));
        assert_eq!(check(json!({ "exp": 999_940 }), 3600), Err(ClaimError::Expired));
        assert_eq!(check(json!({ "exp": 2e6, "nbf": 1_000_061 }), 3600), Err(ClaimError::NotYetValid));
    }

    #[test]
    fn audience_is_one_text_or_several() {
        assert_eq!(audience(&claims(json!({ "aud": "a" }))), Ok(vec!["a"]));
        assert_eq!(audience(&claims(json!({ "aud": ["a", "b"] }))), Ok(vec!["a", "b"]));
        assert_eq!(audience(&claims(json!({}))), Ok(vec![]));
        for wrong in [json!(null), json!(1), json!(["a", 1]), json!({ "a": "a" }), json!([["a"]])] {
            assert_eq!(audience(&claims(json!({ "aud": wrong }))), Err(ClaimError::Type("aud")));
        }
    }

    #[test]
    fn text_claims_are_text() {
        let map = claims(json!({ "iss": "a", "sub": 1, "jti": "" }));
        assert_eq!(text(&map, "iss"), Ok(Some("a")));
        assert_eq!(text(&map, "client_id"), Ok(None));
        assert_eq!(text(&map, "sub"), Err(ClaimError::Type("sub")));
        assert_eq!(required_text(&map, "jti"), Err(ClaimError::Missing("jti")));
        assert_eq!(required_text(&map, "client_id"), Err(ClaimError::Missing("client_id")));
    }
}
