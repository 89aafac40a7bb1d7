//! Signing in with a user name or e-mail and a password, in two steps: [`Reserve`] counts the attempt, [`SignIn`] has the password
//! compared and settles.
//!
//! An unknown name, a wrong password, a disabled user and a user without a password get the same response after the same work
//! (catalogue L-12, L-13). An attempt is reserved before the hash is computed, so a hundred parallel guesses are a hundred
//! reservations (L-07). A known device has a budget of its own, so that an attacker cannot lock its owner out (L-09).

use std::time::Duration;

use serde_json::json;
use zeroize::Zeroizing;

use super::{
    ResumeRefusal,
    browser::Device,
    form::InteractionForm,
    session::{self, SignedIn, SigningIn},
};
use crate::{
    factor::password,
    id::InteractionId,
    secret::Digest,
    step::{Context, Decided, Decision, Have, PasswordResult, Step},
    store::{AttemptKey, Attempts, LoginName, Purpose, Share, User, Write},
};

/// Longest user name or e-mail that is looked up, characters; what is beyond is not read.
pub const LONGEST_LOGIN: usize = 256;

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

/// The form of the sign-in page: who wants to sign in, and where.
#[derive(Clone, Debug)]
pub struct SignInForm {
    /// The form.
    pub form: InteractionForm,
    /// What was typed, as it is looked up.
    pub name: LoginName,
}

impl SignInForm {
    /// `typed` is read up to [`LONGEST_LOGIN`] characters.
    pub fn new(form: InteractionForm, typed: &str) -> Self {
        Self { form, name: LoginName::new(&typed.chars().take(LONGEST_LOGIN).collect::<String>()) }
    }

    fn budget(&self, user: Option<&User>, context: &Context<'_>) -> Budget {
        Budget::of(&self.name, user, self.form.browser.device.as_ref(), &context.origin.network())
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

/// First step: counts the attempt before it is checked.
#[derive(Clone, Copy, Debug)]
pub struct Reserve<'a>(pub &'a SignInForm);

impl Step for Reserve<'_> {
    const NAME: &'static str = "reserve_sign_in";
    const SHARE: Share = Share::SignIns;
    type Outcome = Reserved;
    type Refusal = ResumeRefusal;

    fn decide(&self, have: &Have, context: &Context<'_>) -> Decided<Reserved, ResumeRefusal> {
        self.0.form.open(have, context)?;
        let user = have.user_by_login(&self.0.name)?;
        let budget = self.0.budget(user, context);
        Ok(reserve(&budget, have.attempts(&budget.keys())?, context))
    }
}

/// Reserves an attempt.
fn reserve(budget: &Budget, counters: &[Attempts], context: &Context<'_>) -> Decision<Reserved> {
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

/// Second step: compares the password and settles the attempt.
pub struct SignIn<'a> {
    /// The form that was reserved for.
    pub form: &'a SignInForm,
    /// What was typed.
    pub password: Zeroizing<String>,
    /// The browser's `User-Agent`.
    pub user_agent: &'a str,
}

/// How an attempt ends.
#[derive(Debug)]
pub enum SignInResult {
    /// The person is who they say; the interaction that goes on, or the account page.
    SignedIn(Box<SignedIn>, Option<InteractionId>),
    /// The password was wrong, or there is no such account.
    Failed,
}

impl Step for SignIn<'_> {
    const NAME: &'static str = "sign_in";
    const SHARE: Share = Share::SignIns;
    type Outcome = SignInResult;
    type Refusal = ResumeRefusal;

    fn decide(&self, have: &Have, context: &Context<'_>) -> Decided<SignInResult, ResumeRefusal> {
        let form = &self.form.form;
        let pending = form.open(have, context)?;
        let user = have.user_by_login(&self.form.name)?;
        let budget = self.form.budget(user, context);
        let hash = user.filter(|user| !user.disabled).and_then(|user| user.password_hash.as_deref());
        let result = have.password(&self.password, hash)?;
        // Without a stored hash no password is right.
        let (Some(user), Some(hash), PasswordResult::Right { rehashed }) = (user, hash, result) else {
            return Ok(fail(user, &budget, context));
        };
        let sessions = form.browser.live_sessions(have, context)?;
        let browser = SigningIn {
            user_agent: self.user_agent,
            device: form.browser.device.as_ref(),
            sessions: &sessions,
        };
        let authentication = password::authentication(context.now);
        let mut decision = session::start(user, &authentication, &pending, browser, context);
        decision.writes.push(Write::ClearAttempts(budget.account));
        if let Some(to) = rehashed.clone() {
            decision.writes.push(Write::Rehash { user_id: user.id, from: hash.to_owned(), to });
        }
        let id = match pending.interaction.purpose {
            Purpose::Authorization(_) => Some(pending.interaction.id),
            Purpose::Account => None,
        };
        Ok(decision.map(|signed_in| SignInResult::SignedIn(Box::new(signed_in), id)))
    }
}

/// The same writes for a wrong password and for an unknown name (catalogue L-13).
fn fail(user: Option<&User>, budget: &Budget, context: &Context<'_>) -> Decision<SignInResult> {
    let (key, backoff) = (budget.address.clone(), context.policy.guessing.address);
    let failure = Write::CountFailure { key, now: context.now, backoff };
    let detail = json!({ "amr": [password::AMR] });
    let event = context.audit("sign_in.failed", user.map(|user| user.id), None, detail);
    Decision { writes: vec![failure, event], outcome: SignInResult::Failed }
}

#[cfg(test)]
mod tests;
