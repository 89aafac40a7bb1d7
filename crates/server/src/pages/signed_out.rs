//! Page `signed-out`: says that the person is signed out.

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
    vec![
        sample("signed-out", SignedOutValues { back: Some(others.back()), sign_in: None }),
        sample("signed-out-sign-in", SignedOutValues { back: None, sign_in: Some("/account".into()) }),
        sample("signed-out-bare", SignedOutValues { back: None, sign_in: None }),
    ]
}
