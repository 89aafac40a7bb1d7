//! Made-up data that the samples of the pages share. An operator's templates are tried on the samples before they are used, and
//! the tests render them.

use grantwell_core::time::Timestamp;

use super::{
    AccountHolder, ApiName, Application, Back, HtmlForm, Novelty, Page, PageDefinition, Permission,
    ScopeLine, Text,
};

/// The present of the samples: 2026-11-24T04:00:00Z.
pub(super) const NOW: Timestamp = Timestamp::from_seconds(1_795_492_800);

pub(super) fn ago(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(NOW.seconds() - seconds)
}

/// A page with made-up data, and the name of the page and its state: `sign-in-busy`. No two samples share a name.
pub(super) type Sample = (&'static str, Box<dyn Page>);

pub(super) fn sample(name: &'static str, page: impl Page + 'static) -> Sample {
    (name, Box::new(page))
}

/// The samples of these pages; `others` ends each text that comes from outside.
pub(super) fn samples(pages: &[&PageDefinition], others: &str) -> Vec<Sample> {
    pages.iter().flat_map(|page| (page.samples)(&Others(others))).collect()
}

/// Makes what comes from outside: each text ends with the one in here.
pub(super) struct Others<'a>(pub(super) &'a str);

impl Others<'_> {
    pub(super) fn text(&self, text: &str) -> Text<'static> {
        format!("{text}{}", self.0).into()
    }

    pub(super) fn form(
        &self,
        action: &'static str,
        fields: &[(&'static str, &'static str)],
    ) -> HtmlForm<'static> {
        HtmlForm {
            action: action.into(),
            anti_forgery: "sample-anti-forgery".into(),
            interaction: Some("sample-interaction".into()),
            fields: fields.iter().map(|(name, value)| ((*name).into(), self.text(value))).collect(),
        }
    }

    pub(super) fn application(&self) -> Application<'static> {
        Application { name: self.text("Fieldnotes"), host: Some(self.text("fieldnotes.example")) }
    }

    pub(super) fn person(&self) -> AccountHolder<'static> {
        AccountHolder { name: self.text("Ada Example"), email: Some(self.text("ada@example.test")) }
    }

    pub(super) fn back(&self) -> Back<'static> {
        let uri = self.text("https://app.fieldnotes.example/cb?error=access_denied&state=x");
        Back { name: self.text("Fieldnotes"), uri }
    }

    /// What the issuer tells.
    pub(super) fn about_you(novelty: Novelty) -> Permission<'static> {
        let line = |scope: &'static str| ScopeLine { scope: scope.into(), description: None, novelty };
        Permission {
            resource: None,
            scopes: ["openid", "profile", "email", "address", "phone"].map(line).to_vec(),
        }
    }

    /// What an API allows.
    pub(super) fn notes(&self, read: Novelty, write: Novelty) -> Permission<'static> {
        Permission {
            resource: Some(ApiName { name: self.text("Notes"), host: Some(self.text("api.example.test")) }),
            scopes: vec![
                self.line("notes:read", "Read your notes", read),
                self.line("notes:write", "Change your notes", write),
                self.line("notes:odd", "", Novelty::First),
            ],
        }
    }

    fn line(&self, scope: &'static str, description: &str, novelty: Novelty) -> ScopeLine<'static> {
        let description = (!description.is_empty()).then(|| self.text(description));
        ScopeLine { scope: self.text(scope), description, novelty }
    }
}
