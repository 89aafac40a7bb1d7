//! Attempts to prove who one is, counted before they are checked. Every factor reserves its attempts here.
//!
//! An attempt is reserved before anything is compared, so a hundred parallel guesses are a hundred reservations (catalogue L-07). A
//! known device has a budget of its own, so that an attacker cannot lock its owner out (L-09).

use std::time::Duration;

use serde_json::json;

use super::browser::Device;
use crate::{
    factor::Factor,
    secret::Digest,
    step::{Context, Decision},
    store::{AttemptKey, Attempts, LoginName, User, Write},
};

/// Which counters an attempt is held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Of the account, or of the known device for that account.
    pub account: AttemptKey,
    /// Of the address.
    pub address: AttemptKey,
}

impl Budget {
    /// The counters of an attempt: the device's own where it signed in to this account before. `network` is that of the address.
    pub fn of(name: &LoginName, user: Option<&User>, device: Option<&Device>, network: &str) -> Self {
        let known = device.zip(user).filter(|(device, user)| device.accounts.contains(&user.id));
        let account = match (known, user) {
            (Some((device, user)), _) => {
                AttemptKey::Device(Digest::of(&[*device.id.as_bytes(), *user.id.as_bytes()].concat()))
            }
            // By id, so that user name and e-mail share one counter (L-08).
            (None, Some(user)) => AttemptKey::Account(Digest::of(user.id.as_bytes())),
            (None, None) => AttemptKey::Account(Digest::of(name.as_str().as_bytes())),
        };
        Self { account, address: AttemptKey::Address(Digest::of(network.as_bytes())) }
    }

    /// Both, in the order [`reserve`] wants their counters.
    pub fn keys(&self) -> [AttemptKey; 2] {
        [self.account.clone(), self.address.clone()]
    }
}

/// Whether an attempt may be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// It is counted: compare the hash.
    Go,
    /// Too many before it: not compared at all.
    Wait(Duration),
}

/// Reserves an attempt, unless too many were before it.
pub(super) fn reserve(budget: &Budget, counters: &[Attempts], context: &Context<'_>) -> Decision<Reserved> {
    let now = context.now;
    let next_at = counters.iter().map(|counter| counter.next_at).max().unwrap_or_default();
    if now < next_at {
        return Decision::read_only(Reserved::Wait(next_at.since(now)));
    }
    let guessing = &context.policy.guessing;
    let backoff = match budget.account {
        AttemptKey::Device(_) => guessing.device,
        AttemptKey::Account(_) | AttemptKey::Address(_) => guessing.account,
    };
    let reservation = Write::ReserveAttempt { key: budget.account.clone(), now, backoff };
    Decision { writes: vec![reservation], outcome: Reserved::Go }
}

/// The writes of an attempt that failed: the same for a wrong proof and for an unknown name (catalogue L-13).
pub(super) fn failed(
    user: Option<&User>,
    budget: &Budget,
    factor: &dyn Factor,
    context: &Context<'_>,
) -> Vec<Write> {
    let (key, backoff) = (budget.address.clone(), context.policy.guessing.address);
    let failure = Write::CountFailure { key, now: context.now, backoff };
    let detail = json!({ "amr": [factor.amr()] });
    vec![failure, context.audit("sign_in.failed", user.map(|user| user.id), None, detail)]
}

#[cfg(test)]
mod tests;
