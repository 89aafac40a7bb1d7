//! Signing in with a user name or e-mail and a password: reserve the attempt, have the hash compared, settle.
//!
//! Unknown, wrong, disabled and password-less are one answer after the same work (catalogue L-12, L-13). An attempt is
//! reserved before the hash is computed, so a hundred parallel guesses are a hundred reservations (L-07). A known device has
//! a budget of its own, so that an attacker cannot lock its owner out (L-09).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    id::{EventId, SessionId, UserId},
    interaction::{Facts, pending::Pending},
    policy::{ACR_PASSWORD, Policy},
    realm_keys::RealmKeys,
    secret::{Digest, Secret},
    step::Decision,
    store::{AttemptKey, Attempts, Authentication, Event, LoginName, Session, User, Write},
    time::{Entropy, Timestamp},
};

/// Longest password that is hashed, bytes (catalogue L-30).
pub const LONGEST_PASSWORD: usize = 4096;
/// Longest user name or e-mail that is looked up, characters; what is beyond is not read.
pub const LONGEST_LOGIN: usize = 256;
/// The authentication method (RFC 8176).
const PASSWORD: &str = "pwd";
const DEVICE_CONTEXT: &[u8] = b"device";
const LONGEST_USER_AGENT: usize = 256;

/// Which counters an attempt is held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Of the account, or of the known device for that account.
    pub account: AttemptKey,
    /// Of the address.
    pub address: AttemptKey,
}

/// A browser that signed in to these accounts before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    id: SessionId,
    accounts: Vec<UserId>,
    since: Timestamp,
}

/// Most accounts one device remembers.
const MOST_ACCOUNTS: usize = 8;

impl Device {
    /// Reads the device cookie; `None` when it is not ours or too old.
    pub fn read(cookie: &[u8], keys: &RealmKeys, policy: &Policy, now: Timestamp) -> Option<Self> {
        let plain = keys.device.open(now, policy.lifetimes.device, DEVICE_CONTEXT, cookie)?;
        let device: Self = serde_json::from_slice(&plain).ok()?;
        (now < device.since + policy.lifetimes.device).then_some(device)
    }

    fn remembering(device: Option<&Self>, user: UserId, now: Timestamp, entropy: &dyn Entropy) -> Self {
        let mut accounts: Vec<_> = device.map(|device| device.accounts.clone()).unwrap_or_default();
        accounts.retain(|known| *known != user);
        accounts.insert(0, user);
        accounts.truncate(MOST_ACCOUNTS);
        Self {
            id: device.map_or_else(|| SessionId::new(now, entropy), |device| device.id),
            accounts,
            since: now,
        }
    }

    /// The device cookie, before it is encoded as text.
    pub fn seal(&self, keys: &RealmKeys, entropy: &dyn Entropy) -> Vec<u8> {
        let plain = serde_json::to_vec(self).unwrap_or_default();
        keys.device.seal(self.since, entropy, DEVICE_CONTEXT, &plain)
    }
}

impl Budget {
    /// The counters of an attempt: the device's own where it signed in to this account before.
    pub fn of(name: &LoginName, user: Option<&User>, device: Option<&Device>, address: &str) -> Self {
        let known = device.zip(user).filter(|(device, user)| device.accounts.contains(&user.id));
        let account = match (known, user) {
            (Some((device, user)), _) => {
                AttemptKey::Device(Digest::of(&[*device.id.as_bytes(), *user.id.as_bytes()].concat()))
            }
            // By id, so that user name and e-mail share one counter (L-08).
            (None, Some(user)) => AttemptKey::Account(Digest::of(user.id.as_bytes())),
            (None, None) => AttemptKey::Account(Digest::of(name.as_str().as_bytes())),
        };
        Self { account, address: AttemptKey::Address(Digest::of(address.as_bytes())) }
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

/// Reserves an attempt before it is checked.
pub fn reserve(
    budget: &Budget,
    counters: &[Attempts],
    policy: &Policy,
    now: Timestamp,
) -> Decision<Reserved> {
    let next_at = counters.iter().map(|counter| counter.next_at).max().unwrap_or_default();
    if now < next_at {
        return Decision::read_only(Reserved::Wait(next_at.since(now)));
    }
    let backoff = match budget.account {
        AttemptKey::Device(_) => policy.guessing.device,
        _ => policy.guessing.account,
    };
    let reservation = Write::ReserveAttempt { key: budget.account.clone(), now, backoff };
    Decision { writes: vec![reservation], outcome: Reserved::Go }
}

/// What the browser that signs in is like.
#[derive(Clone, Copy, Debug)]
pub struct Browser<'a> {
    /// Its address, for people to read.
    pub address: &'a str,
    /// Its `User-Agent`.
    pub user_agent: &'a str,
    /// Its device cookie.
    pub device: Option<&'a Device>,
    /// Its session of the same account, which the new one replaces.
    pub replaces: Option<SessionId>,
}

/// What settling needs beside the result.
#[derive(Clone, Copy)]
pub struct Settling<'a> {
    /// The counters.
    pub budget: &'a Budget,
    /// The browser.
    pub browser: Browser<'a>,
    /// The policy.
    pub policy: &'a Policy,
    /// The realm's present epoch.
    pub epoch: u32,
    /// The present.
    pub now: Timestamp,
    /// For ids and the session's secret.
    pub entropy: &'a dyn Entropy,
    /// Of the request.
    pub trace_id: &'a str,
}

/// A person who signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// The new session.
    pub session_id: SessionId,
    /// Its secret, for the cookie.
    pub secret: Secret,
    /// What the device cookie says from now on.
    pub device: Device,
}

/// The password was right: a new session, the counters forgotten, the fact kept. `rehashed` replaces a hash of older
/// parameters.
pub fn succeed(
    user: &User,
    pending: Option<&Pending>,
    rehashed: Option<String>,
    with: &Settling<'_>,
) -> Decision<SignedIn> {
    let authentication =
        Authentication { at: with.now, amr: vec![PASSWORD.to_owned()], acr: ACR_PASSWORD.to_owned() };
    let mut writes = vec![Write::ClearAttempts(with.budget.account.clone())];
    if let (Some(to), Some(from)) = (rehashed, user.password_hash.clone()) {
        writes.push(Write::Rehash { user_id: user.id, from, to });
    }
    let mut decision = start_session(user, &authentication, pending, with);
    writes.append(&mut decision.writes);
    decision.writes = writes;
    decision
}

/// Starts a session for a person who proved who they are, here or at a front end of somebody else.
pub fn start_session(
    user: &User,
    authentication: &Authentication,
    pending: Option<&Pending>,
    with: &Settling<'_>,
) -> Decision<SignedIn> {
    let secret = Secret::random(with.entropy);
    let session_id = SessionId::new(with.now, with.entropy);
    let mut writes = Vec::with_capacity(4);
    if let Some(id) = with.browser.replaces {
        writes.push(Write::EndSession { id, user_id: user.id, at: with.now });
    }
    writes.push(Write::InsertSession(Box::new(Session {
        id: session_id,
        digest: secret.digest(),
        user_id: user.id,
        authentication: authentication.clone(),
        user_agent: with.browser.user_agent.chars().take(LONGEST_USER_AGENT).collect(),
        address: with.browser.address.to_owned(),
        epoch: with.epoch,
        created_at: with.now,
        last_seen_at: with.now,
        expires_at: with.now + with.policy.lifetimes.session_absolute,
        ended_at: None,
    })));
    if let Some(pending) = pending {
        // What another front end reported of this person before the browser came back still holds; what another person
        // agreed to does not.
        let before = &pending.interaction.facts;
        let reported =
            before.session_id.is_none() && before.signed_in.as_ref().is_some_and(|(id, _)| *id == user.id);
        writes.push(pending.keep(Facts {
            signed_in: Some((user.id, authentication.clone())),
            session_id: Some(session_id),
            selected: true,
            agreed: before.agreed.clone().filter(|_| reported),
            denied: before.denied && reported,
        }));
    }
    writes.push(event("sign_in.succeeded", Some(user.id), &authentication.amr, with));
    let device = Device::remembering(with.browser.device, user.id, with.now, with.entropy);
    Decision { writes, outcome: SignedIn { session_id, secret, device } }
}

/// The password was wrong, or there is nobody it could be right for: the same writes (catalogue L-13).
pub fn fail(user: Option<&User>, with: &Settling<'_>) -> Decision<()> {
    let (key, backoff) = (with.budget.address.clone(), with.policy.guessing.address);
    let failure = Write::CountFailure { key, now: with.now, backoff };
    let event = event("sign_in.failed", user.map(|user| user.id), &[PASSWORD], with);
    Decision { writes: vec![failure, event], outcome: () }
}

fn event(kind: &str, user_id: Option<UserId>, amr: &[impl AsRef<str>], with: &Settling<'_>) -> Write {
    let amr: Vec<_> = amr.iter().map(AsRef::as_ref).collect();
    Write::Audit(Box::new(Event {
        id: EventId::new(with.now, with.entropy),
        at: with.now,
        kind: kind.to_owned(),
        user_id,
        client_id: None,
        address: Some(with.browser.address.to_owned()),
        trace_id: with.trace_id.to_owned(),
        detail: serde_json::json!({ "amr": amr }),
    }))
}

#[cfg(test)]
mod tests;
