//! One shape for every protocol operation: load → decide → commit (`docs/adr/0001-load-decide-commit.md`).
//!
//! A [`Step`] is a request, parsed once into typed fields, and one pure function. [`Step::decide`] reads what it needs from
//! [`Have`]; what is not there yet leaves the function as a [`Want`], the runner gets it, and asks again. What it decides is a
//! [`Decision`] or a [`Refused`], each with the writes that are committed before the response is sent.
//!
//! ```
//! use grantwell_core::{
//!     error::NoRefusal,
//!     id::UserId,
//!     step::{Context, Decided, Decision, Have, Step},
//!     store::Share,
//! };
//!
//! /// Says whether an account may sign in.
//! struct IsEnabled(UserId);
//!
//! impl Step for IsEnabled {
//!     const NAME: &'static str = "is_enabled";
//!     const SHARE: Share = Share::Rest;
//!     type Outcome = bool;
//!     type Refusal = NoRefusal;
//!
//!     fn decide(&self, have: &Have, _: &Context<'_>) -> Decided<bool, NoRefusal> {
//!         let user = have.user(self.0)?;
//!         Ok(Decision::read_only(user.is_some_and(|user| !user.disabled)))
//!     }
//! }
//! ```

mod have;

use std::{net::IpAddr, sync::Arc};

pub use have::{Evidence, Have, PasswordCheck, PasswordResult, Slot, Want};

use crate::{
    check::CheckRow,
    error::Refusal,
    id::{ClientId, EventId, UserId},
    jose::{Algorithm, SigningKey},
    keyring::Keyring,
    policy::Policy,
    store::{Event, Share, Write},
    time::{Entropy, Timestamp},
};

/// What every decision is made in.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// What the operator set.
    pub policy: &'a Policy,
    /// The realm's keys.
    pub keyring: &'a Keyring,
    /// The realm's present epoch.
    pub epoch: u32,
    /// The present.
    pub now: Timestamp,
    /// Where ids and secrets come from.
    pub entropy: &'a dyn Entropy,
    /// Where the request comes from.
    pub origin: &'a Origin,
}

/// Where a request comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The address, as trusted proxies tell it; `None` for the command line.
    pub address: Option<IpAddr>,
    /// The trace id that log, error page, JSON error and audit event share.
    pub trace_id: Arc<str>,
}

impl Origin {
    /// The address as the audit log and the account page show it.
    pub fn address_text(&self) -> Option<String> {
        self.address.map(|address| address.to_string())
    }

    /// An audit event from here, without user and client.
    pub(crate) fn event(&self, kind: &str, now: Timestamp, entropy: &dyn Entropy) -> Event {
        Event {
            id: EventId::new(now, entropy),
            at: now,
            kind: kind.to_owned(),
            user_id: None,
            client_id: None,
            address: self.address_text(),
            trace_id: self.trace_id.to_string(),
            detail: serde_json::Value::Null,
        }
    }

    /// Under which an address is counted: IPv6 by its /64, which one customer has alone.
    pub fn network(&self) -> String {
        match self.address.map(|address| address.to_canonical()) {
            None => String::new(),
            Some(IpAddr::V4(v4)) => v4.to_string(),
            Some(IpAddr::V6(v6)) => {
                let [a, b, c, d, ..] = v6.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
        }
    }
}

impl<'a> Context<'a> {
    /// An audit event of this request, as a write.
    pub fn audit(
        &self,
        kind: &str,
        user_id: Option<UserId>,
        client_id: Option<&ClientId>,
        detail: serde_json::Value,
    ) -> Write {
        let event = self.origin.event(kind, self.now, self.entropy);
        Write::Audit(Box::new(Event { user_id, client_id: client_id.cloned(), detail, ..event }))
    }

    /// The key that signs with `algorithm` now; wanted while it is being made.
    pub fn signer(&self, algorithm: Algorithm) -> Result<&'a SigningKey, Want> {
        self.keyring.signer(algorithm, self.now).ok_or(Want::SigningKey(algorithm))
    }
}

/// One protocol operation.
pub trait Step: Sync {
    /// Its name in logs, metrics and traces.
    const NAME: &'static str;
    /// The share of the writer's queue that its commit waits in.
    const SHARE: Share;
    /// The result, released when the writes are durable.
    type Outcome: Send;
    /// Why it is refused.
    type Refusal: Refusal + Send;

    /// Decides on what is had, or says what is missing. It is asked again after every want and after every conflict, so it
    /// is pure: the same `have` and `context` give the same decision (but for random ids and secrets).
    fn decide(&self, have: &Have, context: &Context<'_>) -> Decided<Self::Outcome, Self::Refusal>;

    /// The ordered checks that it runs; the first refusal wins. None where the order is that of the code.
    fn checks() -> impl Iterator<Item = &'static CheckRow> {
        std::iter::empty()
    }
}

/// How one look of a step at what is had ends.
pub type Decided<T, R> = Result<Decision<T>, Stop<R>>;

/// What a step decides. The writes are committed together; the outcome is released only after they are durable.
#[derive(Debug)]
#[must_use]
pub struct Decision<T> {
    /// What to commit; may be empty.
    pub writes: Vec<Write>,
    /// What to answer.
    pub outcome: T,
}

impl<T> Decision<T> {
    /// Nothing to write.
    pub const fn read_only(outcome: T) -> Self {
        Self { writes: Vec::new(), outcome }
    }

    /// The same writes with another outcome.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Decision<U> {
        Decision { writes: self.writes, outcome: f(self.outcome) }
    }
}

/// A refusal, with the writes to commit before the response is sent.
#[derive(Debug)]
#[must_use]
pub struct Refused<R> {
    /// Why.
    pub refusal: R,
    /// What to commit; may be empty.
    pub writes: Vec<Write>,
    /// The row of [`Step::checks`] that refused; `None` where the order is that of the code.
    pub check: Option<&'static CheckRow>,
}

impl<R> Refused<R> {
    /// The same with another refusal.
    pub fn map<S>(self, f: impl FnOnce(R) -> S) -> Refused<S> {
        Refused { refusal: f(self.refusal), writes: self.writes, check: self.check }
    }
}

impl<R> From<R> for Refused<R> {
    /// A refusal that changes nothing.
    fn from(refusal: R) -> Self {
        Self { refusal, writes: Vec::new(), check: None }
    }
}

/// Why a step did not decide yes.
#[derive(Debug)]
pub enum Stop<R> {
    /// Something is missing: get it, and ask again.
    Want(Want),
    /// It is refused.
    Refuse(Refused<R>),
}

impl<R> Stop<R> {
    /// The same, with the refusal changed.
    pub fn map<S>(self, f: impl FnOnce(Refused<R>) -> Refused<S>) -> Stop<S> {
        match self {
            Self::Want(want) => Stop::Want(want),
            Self::Refuse(refused) => Stop::Refuse(f(refused)),
        }
    }
}

/// Lets a want leave at once, and keeps a refusal for its turn. A step begins anew after each want, so what it needs is read before
/// anything costly is computed.
///
/// # Errors
/// The want.
pub fn in_turn<T, R>(result: Result<T, Stop<R>>) -> Result<Result<T, Refused<R>>, Want> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(Stop::Refuse(refused)) => Ok(Err(refused)),
        Err(Stop::Want(want)) => Err(want),
    }
}

impl<R> From<Want> for Stop<R> {
    fn from(want: Want) -> Self {
        Self::Want(want)
    }
}

impl<R: Refusal> From<R> for Stop<R> {
    fn from(refusal: R) -> Self {
        Self::Refuse(refusal.into())
    }
}

impl<R: Refusal> From<Refused<R>> for Stop<R> {
    fn from(refused: Refused<R>) -> Self {
        Self::Refuse(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l_07_an_ipv6_address_is_counted_by_its_network() {
        for (address, network) in [
            (Some("192.0.2.1"), "192.0.2.1"),
            (Some("::ffff:192.0.2.1"), "192.0.2.1"),
            (Some("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64"),
            (Some("2001:db8:1:2::9"), "2001:db8:1:2::/64"),
            (None, ""),
        ] {
            let address = address.map(|text| text.parse().unwrap());
            assert_eq!(Origin { address, trace_id: "trace".into() }.network(), network);
        }
    }
}
