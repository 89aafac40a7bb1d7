//! Page `error`: says what went wrong and what to do next.

use serde::Serialize;

use super::{
    Back, FormAction, Page, PageDefinition, RequiredForm, Text,
    sample::{Others, Sample, sample},
};

pub(super) static PAGE: PageDefinition = PageDefinition {
    name: "error",
    template: include_str!("../templates/error.html"),
    form_action: FormAction::MayLeave,
    samples,
};

/// Page `error`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ErrorValues<'a> {
    /// Why; becomes `data-error`.
    pub(crate) cause: Cause,
    /// Name of the application, where one is known.
    pub(crate) application: Option<Text<'a>>,
    /// The way back to the application.
    pub(crate) back: Option<Back<'a>>,
    /// Only for developers: given in development, or to an administrator.
    pub(crate) developer: Option<Developer<'a>>,
}

/// Why an error page is shown. The texts are ours; nothing of the request is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cause {
    /// The request itself is wrong.
    InvalidRequest,
    /// No such client, or a disabled one.
    UnknownClient,
    /// No redirect URI, and the client has several.
    RedirectUriMissing,
    /// The redirect URI is not a registered one.
    RedirectUriMismatch,
    /// The interaction is over or its time is.
    PageExpired,
    /// The page belongs to another browser, or cookies are off.
    OtherBrowser,
    /// The form was not sent by our own page.
    CrossSite,
    /// The person may not do this.
    AccessDenied,
    /// A bad request to sign out.
    InvalidLogout,
    /// No such page.
    NotFound,
    /// Not with this method.
    MethodNotAllowed,
    /// The store does not respond, or the server is busy.
    TemporarilyUnavailable,
}

impl Cause {
    /// Every one.
    pub(crate) const ALL: [Self; 12] = [
        Self::InvalidRequest,
        Self::UnknownClient,
        Self::RedirectUriMissing,
        Self::RedirectUriMismatch,
        Self::PageExpired,
        Self::OtherBrowser,
        Self::CrossSite,
        Self::AccessDenied,
        Self::InvalidLogout,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::TemporarilyUnavailable,
    ];

    /// The machine-readable form: `data-error` of the page, and what the log says.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::UnknownClient => "unknown_client",
            Self::RedirectUriMissing => "redirect_uri_missing",
            Self::RedirectUriMismatch => "redirect_uri_mismatch",
            Self::PageExpired => "page_expired",
            Self::OtherBrowser => "other_browser",
            Self::CrossSite => "cross_site",
            Self::AccessDenied => "access_denied",
            Self::InvalidLogout => "invalid_logout",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }
}

/// What a developer wants to know.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Developer<'a> {
    /// The typed reason, in its machine-readable form.
    pub(crate) reason: Text<'a>,
    /// The parameter that is wrong, by a name of ours.
    pub(crate) parameter: Option<&'static str>,
    /// The redirect URI that was received, against those registered.
    pub(crate) redirect_uri: Option<RedirectUris<'a>>,
    /// The line that fixes it.
    pub(crate) remedy: Option<Text<'a>>,
}

impl<'a> Developer<'a> {
    /// A reason alone.
    pub(crate) fn of(reason: &'a str) -> Self {
        Self { reason: reason.into(), parameter: None, redirect_uri: None, remedy: None }
    }
}

/// A redirect URI beside those it should have been one of.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RedirectUris<'a> {
    /// What came.
    pub(crate) received: Text<'a>,
    /// What is registered; the nearest is shown.
    pub(crate) registered: Vec<Text<'a>>,
}

impl Page for ErrorValues<'_> {
    fn definition(&self) -> &'static PageDefinition {
        &PAGE
    }

    fn forms(&self) -> Vec<RequiredForm<'_>> {
        Vec::new()
    }

    fn attribute(&self) -> Option<(&'static str, &str)> {
        Some(("data-error", self.cause.as_str()))
    }

    fn has_alert(&self) -> bool {
        true
    }
}

fn samples(others: &Others<'_>) -> Vec<Sample> {
    let plain = |cause| ErrorValues { cause, application: None, back: None, developer: None };
    let developer = |received, registered, remedy: Option<&str>| Developer {
        reason: others.text("redirect_uri_mismatch"),
        parameter: None,
        redirect_uri: Some(RedirectUris { received: others.text(received), registered }),
        remedy: remedy.map(|remedy| others.text(remedy)),
    };
    let mismatch = developer(
        "http://localhost:5174/callback/",
        vec![others.text("http://localhost:5173/callback")],
        Some("grantwell client set fieldnotes --add-redirect http://localhost:5174/callback/"),
    );
    let mismatch = ErrorValues {
        application: Some(others.text("Fieldnotes")),
        back: Some(others.back()),
        developer: Some(mismatch),
        ..plain(Cause::RedirectUriMismatch)
    };
    let none = ErrorValues {
        developer: Some(developer("http://localhost:5174/", Vec::new(), None)),
        back: None,
        ..mismatch.clone()
    };
    let repeated = Developer {
        reason: others.text("repeated_parameter"),
        parameter: Some("post_logout_redirect_uri"),
        redirect_uri: None,
        remedy: None,
    };
    let repeated = ErrorValues { developer: Some(repeated), ..plain(Cause::InvalidLogout) };
    let expired = ErrorValues {
        application: Some(others.text("Fieldnotes")),
        back: Some(others.back()),
        ..plain(Cause::PageExpired)
    };
    let mut samples: Vec<_> = Cause::ALL.map(|cause| sample(cause.as_str(), plain(cause))).into();
    samples.extend([
        sample("error-developer", mismatch),
        sample("error-none-registered", none),
        sample("error-parameter", repeated),
        sample("error-expired", expired),
    ]);
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_sees_the_cause_that_the_log_says() {
        for cause in Cause::ALL {
            assert_eq!(serde_json::to_value(cause).unwrap(), cause.as_str());
        }
    }
}
