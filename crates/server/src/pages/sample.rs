//! Every page in every state, with made-up data: an operator's templates are tried on it before they are used, and the tests
//! render it. `others` ends each text that comes from outside.

use grantwell_core::time::Timestamp;

use super::context::{
    AccountChoice, AccountHolder, AccountNotice, AccountValues, ApiName, Application, Aside, Back, Cause,
    Connected, ConsentValues, Developer, ErrorValues, FormPostValues, HtmlForm, Lasts, LogoutValues, Novelty,
    Page, Permission, RedirectUris, ReturnsTo, ScopeLine, SelectAccountValues, SessionLine, SignInProblem,
    SignInValues, SignInWhy, SignedOutValues, Text, WhichSession,
};

/// The present of the samples: 2026-11-24T04:00:00Z.
pub(super) const NOW: Timestamp = Timestamp::from_seconds(1_795_492_800);

fn ago(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(NOW.seconds() - seconds)
}

struct Others<'a>(&'a str);

impl Others<'_> {
    fn text(&self, text: &str) -> Text<'static> {
        format!("{text}{}", self.0).into()
    }

    fn form(&self, action: &'static str, fields: &[(&'static str, &'static str)]) -> HtmlForm<'static> {
        HtmlForm {
            action: action.into(),
            anti_forgery: "sample-anti-forgery".into(),
            interaction: Some("sample-interaction".into()),
            fields: fields.iter().map(|(name, value)| ((*name).into(), self.text(value))).collect(),
        }
    }

    fn application(&self) -> Application<'static> {
        Application { name: self.text("Fieldnotes"), host: Some(self.text("fieldnotes.example")) }
    }

    fn person(&self) -> AccountHolder<'static> {
        AccountHolder { name: self.text("Ada Example"), email: Some(self.text("ada@example.test")) }
    }

    fn back(&self) -> Back<'static> {
        let uri = self.text("https://app.fieldnotes.example/cb?error=access_denied&state=x");
        Back { name: self.text("Fieldnotes"), uri }
    }

    fn line(&self, scope: &'static str, description: &str, novelty: Novelty) -> ScopeLine<'static> {
        let description = (!description.is_empty()).then(|| self.text(description));
        ScopeLine { scope: self.text(scope), description, novelty }
    }

    fn about_you(novelty: Novelty) -> Permission<'static> {
        let line = |scope: &'static str| ScopeLine { scope: scope.into(), description: None, novelty };
        Permission {
            resource: None,
            scopes: ["openid", "profile", "email", "address", "phone"].map(line).to_vec(),
        }
    }

    fn notes(&self, read: Novelty, write: Novelty) -> Permission<'static> {
        Permission {
            resource: Some(ApiName { name: self.text("Notes"), host: Some(self.text("api.example.test")) }),
            scopes: vec![
                self.line("notes:read", "Read your notes", read),
                self.line("notes:write", "Change your notes", write),
                self.line("notes:odd", "", Novelty::First),
            ],
        }
    }

    fn sign_in(&self, why: SignInWhy, problem: Option<SignInProblem>) -> SignInValues<'static> {
        SignInValues {
            form: self.form("/sign-in", &[]),
            application: Some(self.application()),
            username: Text::default(),
            why,
            problem,
            back: None,
            other_accounts: None,
        }
    }

    fn sign_ins(&self) -> Vec<(&'static str, Page<'static>)> {
        let back = Aside::Button { name: "decision".into(), value: "back".into(), action: None };
        let first = SignInValues {
            back: Some(back),
            other_accounts: Some(Aside::Link("/accounts".into())),
            ..self.sign_in(SignInWhy::SignIn, None)
        };
        let mut pages = vec![("sign-in", Page::SignIn(first))];
        for (name, why, problem) in [
            ("sign-in-credentials", SignInWhy::SignIn, SignInProblem::Credentials),
            ("sign-in-too-many", SignInWhy::SignIn, SignInProblem::TooMany { wait: 30 }),
            ("sign-in-too-many-long", SignInWhy::SignIn, SignInProblem::TooMany { wait: 900 }),
            ("sign-in-busy", SignInWhy::SignIn, SignInProblem::Busy),
        ] {
            let page = SignInValues { username: self.text("ada"), ..self.sign_in(why, Some(problem)) };
            pages.push((name, Page::SignIn(page)));
        }
        let confirm = SignInValues { username: self.text("ada"), ..self.sign_in(SignInWhy::Confirm, None) };
        pages.push(("sign-in-confirm", Page::SignIn(confirm)));
        for (name, why) in
            [("sign-in-account", SignInWhy::SignIn), ("sign-in-account-confirm", SignInWhy::Confirm)]
        {
            let page = SignInValues { application: None, ..self.sign_in(why, None) };
            pages.push((name, Page::SignIn(page)));
        }
        pages
    }

    fn consent(&self) -> ConsentValues<'static> {
        ConsentValues {
            form: self.form("/consent", &[]),
            application: self.application(),
            returns_to: ReturnsTo::Host(self.text("app.fieldnotes.example")),
            person: self.person(),
            switch_account: Some(Aside::Button {
                name: "decision".into(),
                value: "switch".into(),
                action: Some("/switch".into()),
            }),
            permissions: vec![Self::about_you(Novelty::First), self.notes(Novelty::First, Novelty::First)],
            offline_access: Some(Novelty::First),
            lasts: Lasts::UntilDisconnected,
            policy_uri: Some(self.text("https://fieldnotes.example/privacy")),
            tos_uri: Some(self.text("https://fieldnotes.example/terms")),
            account_page: "/account".into(),
            changed: false,
        }
    }

    fn consents(&self) -> Vec<(&'static str, Page<'static>)> {
        let identity = ConsentValues {
            application: Application { name: self.text("Example web application"), host: None },
            permissions: vec![Self::about_you(Novelty::First)],
            offline_access: None,
            lasts: Lasts::WhileSignedIn,
            policy_uri: Some("javascript:alert(1)".into()),
            tos_uri: None,
            switch_account: Some(Aside::Link("/accounts".into())),
            ..self.consent()
        };
        let computer = ConsentValues {
            returns_to: ReturnsTo::ThisComputer(self.text("127.0.0.1:8976")),
            permissions: vec![
                self.notes(Novelty::Agreed, Novelty::New),
                Permission {
                    resource: Some(ApiName { name: self.text("Calendar"), host: None }),
                    scopes: Vec::new(),
                },
            ],
            offline_access: Some(Novelty::New),
            ..self.consent()
        };
        let app = ConsentValues {
            returns_to: ReturnsTo::App(self.text("com.example.app")),
            offline_access: Some(Novelty::Agreed),
            ..self.consent()
        };
        let bare = ConsentValues { switch_account: None, changed: true, ..self.consent() };
        [
            ("consent", self.consent()),
            ("consent-identity", identity),
            ("consent-this-computer", computer),
            ("consent-app", app),
            ("consent-bare", bare),
        ]
        .into_iter()
        .map(|(name, page)| (name, Page::Consent(Box::new(page))))
        .collect()
    }

    fn errors(&self) -> Vec<(&'static str, Page<'static>)> {
        let mut pages: Vec<_> = Cause::ALL
            .into_iter()
            .map(|cause| {
                let page = ErrorValues { cause, application: None, back: None, developer: None };
                (cause.as_str(), Page::Error(page))
            })
            .collect();
        let mismatch =
            ErrorValues {
                cause: Cause::RedirectUriMismatch,
                application: Some(self.text("Fieldnotes")),
                back: Some(self.back()),
                developer: Some(Developer {
                    reason: self.text("redirect_uri_not_registered"),
                    redirect_uri: Some(RedirectUris {
                        received: self.text("http://localhost:5174/callback/"),
                        registered: vec![self.text("http://localhost:5173/callback")],
                    }),
                    remedy: Some(self.text(
                        "grantwell client set fieldnotes --add-redirect http://localhost:5174/callback/",
                    )),
                }),
            };
        let none = ErrorValues {
            developer: Some(Developer {
                reason: self.text("redirect_uri_not_registered"),
                redirect_uri: Some(RedirectUris {
                    received: self.text("http://localhost:5174/"),
                    registered: Vec::new(),
                }),
                remedy: None,
            }),
            back: None,
            ..mismatch.clone()
        };
        let expired = ErrorValues {
            cause: Cause::PageExpired,
            application: Some(self.text("Fieldnotes")),
            back: Some(self.back()),
            developer: None,
        };
        pages.push(("error-developer", Page::Error(mismatch)));
        pages.push(("error-none-registered", Page::Error(none)));
        pages.push(("error-expired", Page::Error(expired)));
        pages
    }

    fn session(&self, user_agent: &str, which: WhichSession, handle: &'static str) -> SessionLine<'static> {
        SessionLine {
            user_agent: self.text(user_agent),
            address: self.text("203.0.113.7"),
            signed_in: ago(9 * 86_400),
            last_seen: ago(if which == WhichSession::This { 12 } else { 7_500 }),
            which,
            sign_out: self.form("/account/sign-out", &[("session", handle)]),
        }
    }

    fn accounts(&self) -> Vec<(&'static str, Page<'static>)> {
        let full = AccountValues {
            person: self.person(),
            username: self.text("ada"),
            notice: Some(AccountNotice::Disconnected { name: self.text("Old app") }),
            applications: vec![
                Connected {
                    application: self.application(),
                    permissions: vec![
                        Self::about_you(Novelty::First),
                        self.notes(Novelty::First, Novelty::First),
                    ],
                    offline_access: Some(Novelty::First),
                    since: ago(30 * 86_400),
                    last_used: Some(ago(3_700)),
                    disconnect: self.form("/account/disconnect", &[("consent", "1")]),
                },
                Connected {
                    application: Application { name: self.text("Terminal tool"), host: None },
                    permissions: vec![self.notes(Novelty::First, Novelty::First)],
                    offline_access: None,
                    since: ago(86_400),
                    last_used: None,
                    disconnect: self.form("/account/disconnect", &[("consent", "2")]),
                },
            ],
            sessions: vec![
                self.session("Mozilla/5.0 (X11; Linux) Gecko Firefox/145.0", WhichSession::This, "1"),
                self.session("Mozilla/5.0 (iPhone) AppleWebKit Safari/604", WhichSession::Other, "2"),
                self.session("Mozilla/5.0 (Windows NT 10.0)", WhichSession::Other, "3"),
                self.session("", WhichSession::Other, "4"),
            ],
            sign_out_others: self.form("/account/sign-out-others", &[]),
            sign_out: self.form("/sign-out", &[]),
        };
        let mut pages = Vec::new();
        for (name, notice) in [
            ("account-session-ended", AccountNotice::SessionEnded),
            ("account-others-ended", AccountNotice::OthersEnded),
        ] {
            pages.push((name, AccountValues { notice: Some(notice), ..full.clone() }));
        }
        let empty = AccountValues {
            person: AccountHolder { email: None, ..self.person() },
            notice: None,
            applications: Vec::new(),
            sessions: vec![self.session("curl/8", WhichSession::This, "1")],
            ..full.clone()
        };
        pages.push(("account-empty", empty));
        pages.insert(0, ("account", full));
        pages.into_iter().map(|(name, page)| (name, Page::Account(Box::new(page)))).collect()
    }
}

/// Every page, each with a name for it.
pub(super) fn pages(others: &str) -> Vec<(&'static str, Page<'static>)> {
    let others = Others(others);
    let mut pages = others.sign_ins();
    pages.push((
        "select-account",
        Page::SelectAccount(SelectAccountValues {
            form: others.form("/select-account", &[]),
            application: others.application(),
            accounts: vec![
                AccountChoice { handle: "handle-1".into(), person: others.person() },
                AccountChoice {
                    handle: "handle-2".into(),
                    person: AccountHolder { name: others.text("grace"), email: None },
                },
            ],
            another: "another".into(),
            back: Some(Aside::Link("/back".into())),
        }),
    ));
    pages.extend(others.consents());
    let parameters = [("code", "gwc_sample"), ("state", "xyz"), ("submit", "1")];
    pages.push((
        "form-post",
        Page::FormPost(FormPostValues {
            action: "https://app.fieldnotes.example/cb?a=1&b=2".into(),
            parameters: parameters.map(|(name, value)| (name.into(), others.text(value))).to_vec(),
            name: others.text("Fieldnotes"),
        }),
    ));
    let signed_out = |back, sign_in| Page::SignedOut(SignedOutValues { back, sign_in });
    pages.push(("signed-out", signed_out(Some(others.back()), None)));
    pages.push(("signed-out-sign-in", signed_out(None, Some("/account".into()))));
    pages.push(("signed-out-bare", signed_out(None, None)));
    for (name, application, people) in [
        ("logout", Some(others.text("Fieldnotes")), vec![others.person()]),
        ("logout-bare", None, vec![others.person(), AccountHolder { email: None, ..others.person() }]),
    ] {
        let form = others.form("/logout", &[]);
        pages.push((name, Page::Logout(LogoutValues { form, application, people })));
    }
    pages.extend(others.errors());
    pages.extend(others.accounts());
    pages
}
