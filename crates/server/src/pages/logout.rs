//! Page `logout`: asks before signing out (OpenID Connect RP-Initiated Logout 1.0 §2).

use serde::Serialize;

use super::{
    AccountHolder, FormAction, HtmlForm, Page, PageDefinition, RequiredForm, Text,
    sample::{Others, Sample, sample},
};

pub(super) static PAGE: PageDefinition = PageDefinition {
    name: "logout",
    template: include_str!("../templates/logout.html"),
    // Signing out ends at the application, by a redirect.
    form_action: FormAction::MayLeave,
    samples,
};

/// Page `logout`. Submit buttons: `decision` = `stay` | `sign-out`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LogoutValues<'a> {
    /// Where the answer goes.
    pub(crate) form: HtmlForm<'a>,
    /// Who asks, where it is known.
    pub(crate) application: Option<Text<'a>>,
    /// The accounts that would be signed out.
    pub(crate) people: Vec<AccountHolder<'a>>,
}

impl Page for LogoutValues<'_> {
    fn definition(&self) -> &'static PageDefinition {
        &PAGE
    }

    fn forms(&self) -> Vec<RequiredForm<'_>> {
        vec![RequiredForm::of(&self.form).with("decision", "stay").with("decision", "sign-out")]
    }
}

fn samples(others: &Others<'_>) -> Vec<Sample> {
    let page = |application, people| LogoutValues { form: others.form("/logout", &[]), application, people };
    let second = AccountHolder { email: None, ..others.person() };
    vec![
        sample("logout", page(Some(others.text("Fieldnotes")), vec![others.person()])),
        sample("logout-bare", page(None, vec![others.person(), second])),
    ]
}
