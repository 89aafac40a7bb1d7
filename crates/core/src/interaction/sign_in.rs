//! Signing in with a user name or e-mail and a password, in two steps: [`Reserve`] counts the attempt, [`SignIn`] has the password
//! compared and settles.
//!
//! An unknown name, a wrong password, a disabled user and a user without a password get the same response after the same work
//! (catalogue L-12, L-13).

use zeroize::Zeroizing;

use super::{
    ResumeRefusal,
    attempts::{self, Budget, Reserved},
    form::InteractionForm,
    session::{self, SignedIn, SigningIn},
};
use crate::{
    factor::password::{self, Password},
    id::InteractionId,
    step::{Context, Decided, Decision, Have, PasswordResult, Step},
    store::{LoginName, Purpose, Share, User, Write},
};

/// Longest user name or e-mail that is looked up, characters; what is beyond is not read.
pub const LONGEST_LOGIN: usize = 256;

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
        Ok(attempts::reserve(&budget, have.attempts(&budget.keys())?, context))
    }
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
            let writes = attempts::failed(user, &budget, &Password, context);
            return Ok(Decision { writes, outcome: SignInResult::Failed });
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

#[cfg(test)]
mod tests;
