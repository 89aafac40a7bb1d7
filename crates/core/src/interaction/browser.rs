//! What a browser brings: sessions, the secret that ties interactions to it, the device it is known as.

use serde::{Deserialize, Serialize};

use crate::{
    error::NoRefusal,
    id::{SessionId, UserId},
    policy::{Lifetimes, Policy},
    realm_keys::RealmKeys,
    secret::Digest,
    step::{Context, Decided, Decision, Have, Step, Want},
    store::{SessionRecord, Share, Write},
    time::{Entropy, Timestamp},
    token::liveness,
};

/// Most accounts one device remembers.
const MOST_ACCOUNTS: usize = 8;
const DEVICE_CONTEXT: &[u8] = b"device";

/// What the cookies of a browser say. Sessions are claimed: the store says which are live.
#[derive(Clone, Debug, Default)]
pub struct BrowserCookies {
    /// Sessions, the one used last first.
    pub sessions: Vec<ClaimedSession>,
    /// SHA-256 of the secret that ties interactions to this browser.
    pub transaction: Option<Digest>,
    /// The accounts that signed in here before.
    pub device: Option<Device>,
}

/// A session as a cookie names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimedSession {
    /// Which.
    pub id: SessionId,
    /// SHA-256 of the secret beside it.
    pub digest: Digest,
}

impl BrowserCookies {
    /// The live sessions, the one used last first: the right secret, and still good.
    pub fn live_sessions<'h>(
        &self,
        have: &'h Have,
        context: &Context<'_>,
    ) -> Result<Vec<&'h SessionRecord>, Want> {
        let ids: Vec<SessionId> = self.sessions.iter().map(|claimed| claimed.id).collect();
        let records = have.sessions(&ids)?;
        let lifetimes = &context.policy.lifetimes;
        let live = |record: &&SessionRecord| {
            self.sessions
                .iter()
                .any(|claimed| claimed.id == record.session.id && claimed.digest == record.session.digest)
                && session_is_live(record, lifetimes, context.now)
        };
        Ok(records.iter().filter(live).collect())
    }
}

/// Who is signed in in this browser: the live session used last. Where nobody is, the outcome is `None`.
#[derive(Clone, Copy, Debug)]
pub struct WhoIsSignedIn<'a>(pub &'a BrowserCookies);

impl Step for WhoIsSignedIn<'_> {
    const NAME: &'static str = "who_is_signed_in";
    const SHARE: Share = Share::Rest;
    type Outcome = Option<UserId>;
    type Refusal = NoRefusal;

    fn decide(&self, have: &Have, context: &Context<'_>) -> Decided<Option<UserId>, NoRefusal> {
        let sessions = self.0.live_sessions(have, context)?;
        Ok(Decision::read_only(sessions.first().map(|record| record.user.id)))
    }
}

/// Notes the use of sessions whose last note is a minute old.
pub fn touch(sessions: &[&SessionRecord], now: Timestamp) -> Vec<Write> {
    sessions.iter().filter_map(|record| liveness::touch(&record.session, now)).collect()
}

/// Whether a session still stands for its person (catalogue L-31), and began after the last restore.
pub fn session_is_live(record: &SessionRecord, lifetimes: &Lifetimes, now: Timestamp) -> bool {
    let session = &record.session;
    session.ended_at.is_none()
        && session.epoch == record.epoch
        && now < session.expires_at
        && now < session.last_seen_at + lifetimes.session_idle
        && !record.user.disabled
        && session.authentication.at >= record.user.tokens_not_before
}

/// A browser that signed in to these accounts before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    pub(super) id: SessionId,
    pub(super) accounts: Vec<UserId>,
    since: Timestamp,
}

impl Device {
    /// Reads the device cookie; `None` when it is not ours or too old.
    pub fn read(cookie: &[u8], keys: &RealmKeys, policy: &Policy, now: Timestamp) -> Option<Self> {
        let plain = keys.device.open(now, policy.lifetimes.device, DEVICE_CONTEXT, cookie)?;
        let device: Self = serde_json::from_slice(&plain).ok()?;
        (now < device.since + policy.lifetimes.device).then_some(device)
    }

    /// The device once `user` has signed in there.
    pub(super) fn remembering(device: Option<&Self>, user: UserId, context: &Context<'_>) -> Self {
        let mut accounts: Vec<_> = device.map(|device| device.accounts.clone()).unwrap_or_default();
        accounts.retain(|known| *known != user);
        accounts.insert(0, user);
        accounts.truncate(MOST_ACCOUNTS);
        Self {
            id: device.map_or_else(|| SessionId::new(context.now, context.entropy), |device| device.id),
            accounts,
            since: context.now,
        }
    }

    /// The device cookie, before it is encoded as text.
    pub fn seal(&self, keys: &RealmKeys, entropy: &dyn Entropy) -> Vec<u8> {
        let plain = serde_json::to_vec(self).unwrap_or_default();
        keys.device.seal(self.since, entropy, DEVICE_CONTEXT, &plain)
    }
}

#[cfg(test)]
mod tests;
