//! Page `select-account`: asks which of the signed-in accounts to go on with.

use serde::Serialize;

use super::{
    AccountHolder, Application, Aside, FormAction, HtmlForm, Page, PageDefinition, RequiredForm, Text,
    sample::{Others, Sample, sample},
};

pub(super) static PAGE: PageDefinition = PageDefinition {
    name: "select-account",
    template: include_str!("../templates/select-account.html"),
    form_action: FormAction::MayLeave,
    samples,
};

/// Page `select-account`. Each account is a submit button named `account`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SelectAccountValues<'a> {
    /// Where a choice goes.
    pub(crate) form: HtmlForm<'a>,
    /// Who asks.
    pub(crate) application: Application<'a>,
    /// The accounts to choose from.
    pub(crate) accounts: Vec<AccountChoice<'a>>,
    /// To sign in with another: the same form with `account` = this value.
    pub(crate) another: Text<'a>,
    /// The way back to the application.
    pub(crate) back: Option<Aside<'a>>,
}

/// One account to choose.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct AccountChoice<'a> {
    /// Value of `account`.
    pub(crate) handle: Text<'a>,
    /// Whose.
    pub(crate) person: AccountHolder<'a>,
}

impl Page for SelectAccountValues<'_> {
    fn definition(&self) -> &'static PageDefinition {
        &PAGE
    }

    fn forms(&self) -> Vec<RequiredForm<'_>> {
        let form = RequiredForm::of(&self.form);
        let form = self.accounts.iter().fold(form, |form, account| form.with("account", &account.handle));
        vec![form.with("account", &self.another).with_aside(self.back.as_ref())]
    }
}

fn samples(others: &Others<'_>) -> Vec<Sample> {
    let page = SelectAccountValues {
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
    };
    vec![sample("select-account", page)]
}
