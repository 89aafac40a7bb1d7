//! Page `signed-out`: says that the person is signed out, or one account of several.

use serde::Serialize;

use super::{
    Back, FormAction, Page, PageDefinition, RequiredForm, Text,
    sample::{Others, Sample, sample},
};

pub(super) static PAGE: PageDefinition = PageDefinition {
    name: "signed-out",
    template: include_str!("../templates/signed-out.html"),
    form_action: FormAction::MayLeave,
    samples,
};

/// Page `signed-out`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SignedOutValues<'a> {
    /// The way back to the application, where it gave a good `post_logout_redirect_uri`.
    pub(crate) back: Option<Back<'a>>,
    /// Path of the sign-in to the account page.
    pub(crate) sign_in: Option<Text<'a>>,
    /// Whether other accounts are still signed in in this browser.
    pub(crate) others_stay: bool,
}

impl Page for SignedOutValues<'_> {
    fn definition(&self) -> &'static PageDefinition {
        &PAGE
    }

    fn forms(&self) -> Vec<RequiredForm<'_>> {
        Vec::new()
    }
}

fn samples(others: &Others<'_>) -> Vec<Sample> {
    let page = |back, sign_in: Option<&'static str>, others_stay| SignedOutValues {
        back,
        sign_in: sign_in.map(Into::into),
        others_stay,
    };
    vec![
        sample("signed-out", page(Some(others.back()), None, false)),
        sample("signed-out-sign-in", page(None, Some("/account"), false)),
        sample("signed-out-bare", page(None, None, false)),
        sample("signed-out-others-stay", page(None, Some("/account"), true)),
    ]
}
