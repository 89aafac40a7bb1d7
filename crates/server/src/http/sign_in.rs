//! `/sign-in`: reserve the attempt, have the password compared, settle.

use grantwell_core::interaction::{
    ResumeRefusal,
    attempts::Reserved,
    next::LoginReason,
    proceed::{ShowPage, ShownPage},
    sign_in::{Reserve, SignIn, SignInForm, SignInResult},
};
use zeroize::Zeroizing;

use crate::{
    http::{
        exchange::Exchange,
        form::PageForm,
        interaction_pages::{self, Failed},
        proceed::refused,
        renderer::Renderer,
        response::{RETRY_AFTER, Response, see_other, set, set_static, with_cookies},
    },
    pages::sign_in::SignInProblem,
    step_event::Unavailable,
};

/// POST.
pub(crate) async fn post(x: Exchange, mut page: PageForm) -> Response {
    let form = SignInForm::new(page.interaction(&x), page.field("username"));
    let password = Zeroizing::new(page.field("password").to_owned());
    let attempted = attempt(&x, &form, password, &mut page).await;
    let (outcome, response) = match attempted {
        Ok(Attempted::SignedIn(resume)) => ("ok", see_other(&x.realm.policy.url(&resume))),
        Ok(Attempted::Failed(problem)) => {
            let outcome = match problem {
                SignInProblem::TooMany { .. } => "limited",
                SignInProblem::Busy => "busy",
                SignInProblem::Credentials => "failed",
            };
            (outcome, show_again(&x, &form, &page, problem).await)
        }
        Ok(Attempted::Refused(refusal)) => return refused(&x, &page.headers, &refusal).await,
        Err(why) => return Renderer::new(&x, &page.headers, &[]).unavailable(&why),
    };
    metrics::counter!("grantwell_login_total", "method" => "password", "outcome" => outcome).increment(1);
    with_cookies(response, page.browser)
}

enum Attempted {
    /// Where to go on.
    SignedIn(String),
    Failed(SignInProblem),
    Refused(ResumeRefusal),
}

async fn attempt(
    x: &Exchange,
    form: &SignInForm,
    password: Zeroizing<String>,
    page: &mut PageForm,
) -> Result<Attempted, Unavailable> {
    // A place in the queue first: who is sent away because the server is busy has not used up an attempt.
    let Ok(place) = x.app.passwords.admit() else { return Ok(Attempted::Failed(SignInProblem::Busy)) };
    let reserved = x.run(&Reserve(form)).await?;
    match reserved.result {
        Err(refusal) => return Ok(Attempted::Refused(refusal)),
        Ok(Reserved::Wait(wait)) => {
            metrics::counter!("grantwell_ratelimited_total", "rule" => "sign_in").increment(1);
            return Ok(Attempted::Failed(SignInProblem::TooMany { wait: wait.as_secs().max(1) }));
        }
        Ok(Reserved::Go) => {}
    }
    let step = SignIn { form, password, user_agent: &page.browser.user_agent };
    // What the first step has read of the account is what the password is compared with.
    let settled = match x.run_holding(&step, reserved.have, &place).await {
        Err(Unavailable::Passwords(_)) => return Ok(Attempted::Failed(SignInProblem::Busy)),
        settled => settled?,
    };
    match settled.result {
        Err(refusal) => Ok(Attempted::Refused(refusal)),
        Ok(SignInResult::Failed) => Ok(Attempted::Failed(SignInProblem::Credentials)),
        Ok(SignInResult::SignedIn(signed_in, id)) => {
            page.browser.begin_session(x, &signed_in);
            Ok(Attempted::SignedIn(match id {
                Some(id) => format!("/authorize/resume?interaction={id}"),
                None => "/account".to_owned(),
            }))
        }
    }
}

/// The page again, with what was wrong.
async fn show_again(x: &Exchange, form: &SignInForm, page: &PageForm, problem: SignInProblem) -> Response {
    let step = ShowPage { form: &form.form, page: ShownPage::SignIn };
    let next = match x.run(&step).await {
        Err(why) => return Renderer::new(x, &page.headers, &[]).unavailable(&why),
        Ok(ran) => match ran.result {
            Err(refusal) => return refused(x, &page.headers, &refusal).await,
            Ok(next) => next,
        },
    };
    let failed = Failed { typed: page.field("username"), problem };
    let why = (LoginReason::NoSession, Some(failed));
    let mut response = interaction_pages::sign_in(x, &page.headers, &next, why);
    match problem {
        SignInProblem::TooMany { wait } => set(&mut response, "retry-after", &wait.to_string()),
        SignInProblem::Busy => set_static(&mut response, "retry-after", RETRY_AFTER),
        SignInProblem::Credentials => {}
    }
    x.note(|notes| notes.reason = Some("sign_in_failed".to_owned()));
    response
}
