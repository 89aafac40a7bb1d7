//! What an operator can set about the protocol. One value, handed to every decision.

use std::time::Duration;

use crate::{resource::AccessTokenFormat, store::Backoff};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// The longest life of any signed token, whatever is configured: for so long after its last use a key stays published.
pub const LONGEST_TOKEN: Duration = Duration::from_hours(24);

/// How long things live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// Authorization code.
    pub code: Duration,
    /// Interaction, and the sealed request before it.
    pub interaction: Duration,
    /// Access token.
    pub access_token: Duration,
    /// ID token.
    pub id_token: Duration,
    /// Refresh token that is not used.
    pub refresh_idle: Duration,
    /// Refresh token however often it is used.
    pub refresh_absolute: Duration,
    /// The same for a client that lives in a browser only (public, `application_type` web).
    pub refresh_absolute_browser: Duration,
    /// For how long the direct predecessor of an unused refresh token gets the same successor again.
    pub refresh_grace: Duration,
    /// Session that is not used.
    pub session_idle: Duration,
    /// Session however often it is used.
    pub session_absolute: Duration,
    /// A known device.
    pub device: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            code: MINUTE,
            interaction: 15 * MINUTE,
            access_token: 10 * MINUTE,
            id_token: 10 * MINUTE,
            refresh_idle: 30 * DAY,
            refresh_absolute: 180 * DAY,
            refresh_absolute_browser: DAY,
            refresh_grace: Duration::from_secs(30),
            session_idle: HOUR,
            session_absolute: DAY,
            device: 180 * DAY,
        }
    }
}

/// How guessing is slowed down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuessingLimits {
    /// For one account (or a name that is none).
    pub account: Backoff,
    /// For one known device of an account.
    pub device: Backoff,
    /// For one address; settled failures only.
    pub address: Backoff,
}

impl GuessingLimits {
    /// After so long no counter counts any more.
    pub fn longest_memory(&self) -> Duration {
        self.account.forget.max(self.device.forget).max(self.address.forget)
    }
}

impl Default for GuessingLimits {
    fn default() -> Self {
        let second = Duration::from_secs(1);
        let account = Backoff { free: 5, first: second, most: 15 * MINUTE, forget: DAY };
        Self {
            account,
            device: account,
            address: Backoff { free: 20, first: second, most: MINUTE, forget: 5 * MINUTE },
        }
    }
}

/// What an operator can set about the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The issuer identifier, byte for byte (RFC 8414 §2). Every URL of ours starts with it.
    pub issuer: String,
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// How guessing is slowed down.
    pub guessing: GuessingLimits,
    /// Access tokens whose audience is the issuer.
    pub access_token_format: AccessTokenFormat,
    /// Writes an audit row for every machine token and refresh.
    pub audit_every_token: bool,
}

impl Policy {
    /// The defaults for an issuer.
    pub fn new(issuer: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            lifetimes: Lifetimes::default(),
            guessing: GuessingLimits::default(),
            access_token_format: AccessTokenFormat::Jwt,
            audit_every_token: false,
        }
    }

    /// An URL of ours: the issuer followed by `path`, which starts with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer.trim_end_matches('/'))
    }
}

/// The authentication class of a sign-in by password alone.
pub const ACR_PASSWORD: &str = "urn:grantwell:acr:password";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l_07_a_counter_is_remembered_as_long_as_any_limit_says() {
        let changes: [fn(&mut GuessingLimits, Duration); 3] = [
            |limits, forget| limits.account.forget = forget,
            |limits, forget| limits.device.forget = forget,
            |limits, forget| limits.address.forget = forget,
        ];
        for change in changes {
            let mut limits = GuessingLimits::default();
            change(&mut limits, 9 * DAY);
            assert_eq!(limits.longest_memory(), 9 * DAY);
        }
    }
}
