//! Page `sign-in`: asks for user name and password.

use serde::Serialize;

use super::{
    Application, Aside, FormAction, HtmlForm, Page, PageDefinition, RequiredForm, Text,
    sample::{Others, Sample, sample},
};

pub(super) static PAGE: PageDefinition = PageDefinition {
    name: "sign-in",
    template: include_str!("../templates/sign-in.html"),
    form_action: FormAction::MayLeave,
    samples,
};

/// Page `sign-in`: one form with the fields `username` and `password`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SignInValues<'a> {
    /// Where the form goes.
    pub(crate) form: HtmlForm<'a>,
    /// Who asks; `None` when signing in to the account page.
    pub(crate) application: Option<Application<'a>>,
    /// Prefilled user name: what was typed before, or `login_hint`.
    pub(crate) username: Text<'a>,
    /// Why the page is shown.
    pub(crate) why: SignInWhy,
    /// What was wrong with the last attempt.
    pub(crate) problem: Option<SignInProblem>,
    /// The way back to the application.
    pub(crate) back: Option<Aside<'a>>,
    /// To the page with the other accounts of this browser, where there are any.
    pub(crate) other_accounts: Option<Aside<'a>>,
}

/// Why a person is asked to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SignInWhy {
    /// Nobody is signed in.
    SignIn,
    /// A person is, but must prove it again (`prompt=login`, `max_age`, `acr_values`).
    Confirm,
}

/// What was wrong with an attempt. One text for an unknown name and a wrong password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum SignInProblem {
    /// Unknown name, wrong password, disabled account.
    Credentials,
    /// Too many attempts.
    TooMany {
        /// Seconds until the next is heard.
        wait: u64,
    },
    /// The server is busy.
    Busy,
}

impl Page for SignInValues<'_> {
    fn definition(&self) -> &'static PageDefinition {
        &PAGE
    }

    fn forms(&self) -> Vec<RequiredForm<'_>> {
        let back = self.application.as_ref().and(self.back.as_ref());
        let form = RequiredForm::of(&self.form).with("username", &self.username).with_password("password");
        vec![form.with_aside(self.other_accounts.as_ref()).with_aside(back).alone()]
    }

    fn has_alert(&self) -> bool {
        self.problem.is_some()
    }
}

fn usual(others: &Others<'_>, why: SignInWhy, problem: Option<SignInProblem>) -> SignInValues<'static> {
    SignInValues {
        form: others.form("/sign-in", &[]),
        application: Some(others.application()),
        username: Text::default(),
        why,
        problem,
        back: None,
        other_accounts: None,
    }
}

fn samples(others: &Others<'_>) -> Vec<Sample> {
    let back = Aside::Button { name: "decision".into(), value: "back".into(), action: None };
    let first = SignInValues {
        back: Some(back),
        other_accounts: Some(Aside::Link("/accounts".into())),
        ..usual(others, SignInWhy::SignIn, None)
    };
    let typed = |why, problem| SignInValues { username: others.text("ada"), ..usual(others, why, problem) };
    let failed = |problem| typed(SignInWhy::SignIn, Some(problem));
    let account = |why| SignInValues { application: None, ..usual(others, why, None) };
    vec![
        sample("sign-in", first),
        sample("sign-in-credentials", failed(SignInProblem::Credentials)),
        sample("sign-in-too-many", failed(SignInProblem::TooMany { wait: 30 })),
        sample("sign-in-too-many-long", failed(SignInProblem::TooMany { wait: 900 })),
        sample("sign-in-busy", failed(SignInProblem::Busy)),
        sample("sign-in-confirm", typed(SignInWhy::Confirm, None)),
        sample("sign-in-account", account(SignInWhy::SignIn)),
        sample("sign-in-account-confirm", account(SignInWhy::Confirm)),
    ]
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Locale, Pages, tests::view},
        *,
    };

    #[test]
    fn the_page_is_small_whatever_is_put_in() {
        let pages = Pages::embedded().unwrap();
        let css = pages.asset(pages.css_path()).unwrap().bytes.len();
        let long = "x".repeat(1_000_000);
        let application = Some(Application { name: long.as_str().into(), host: Some(long.as_str().into()) });
        let page = usual(&Others(""), SignInWhy::SignIn, None);
        let page = SignInValues { username: long.as_str().into(), application, ..page };
        assert!(pages.render(&page, &view(Locale::En)).unwrap().len() + css < 50_000);
    }

    #[test]
    fn l_12_the_same_text_for_an_unknown_name_and_a_wrong_password() {
        // There is one variant for both: what differs must be what was typed, and nothing else.
        let pages = Pages::embedded().unwrap();
        let typed = |username: &'static str| {
            let page = usual(&Others(""), SignInWhy::SignIn, Some(SignInProblem::Credentials));
            let page = SignInValues { username: username.into(), ..page };
            pages.render(&page, &view(Locale::En)).unwrap().replace(username, "")
        };
        assert_eq!(typed("ada"), typed("nobody-here"));
    }
}
