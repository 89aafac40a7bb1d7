//! What both engines compute alike before they count: where a counter of guesses stands, how its delay grows; and which minute something belongs to.

use std::time::Duration;

use grantwell_core::{
    store::{AttemptKey, Backoff},
    time::Timestamp,
};

/// Kind and digest of a counter.
pub(crate) fn place(key: &AttemptKey) -> (u8, [u8; 32]) {
    match key {
        AttemptKey::Account(digest) => (0, digest.0),
        AttemptKey::Device(digest) => (1, digest.0),
        AttemptKey::Address(digest) => (2, digest.0),
    }
}

/// First and longest delay in milliseconds, and how often the first is doubled until it is no longer under the longest.
pub(crate) fn growth(backoff: &Backoff) -> (i64, i64, u32) {
    // A century is longer than any delay, and leaves room to add it to any time.
    let millis =
        |delay: Duration| i64::try_from(delay.as_millis()).unwrap_or(i64::MAX).min(3_155_760_000_000);
    let first = millis(backoff.first);
    if first == 0 {
        return (0, 0, 0);
    }
    let most = millis(backoff.most);
    let mut doublings = 0;
    let mut delay = first;
    while delay < most {
        delay *= 2;
        doublings += 1;
    }
    (first, most, doublings)
}

const MINUTE: i64 = 60_000;

/// The minute of an instant, in milliseconds.
pub(crate) fn minute(at: Timestamp) -> i64 {
    at.millis().div_euclid(MINUTE).saturating_mul(MINUTE)
}

/// The end of the minute of an instant, in milliseconds: the instant itself where one ends with it.
pub(crate) fn end_of_minute(at: Timestamp) -> i64 {
    minute(Timestamp::from_millis(at.millis().saturating_add(MINUTE - 1)))
}
