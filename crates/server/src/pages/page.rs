//! What a page is: the values that its template shows, and what is known of it without them.
//!
//! A page is one file of this folder. It has the values, a [`PageDefinition`] named `PAGE`, and samples; `PAGES` lists it.

use minijinja::value::{Serde, Value};
use serde::Serialize;

use super::{
    Aside, FormAction, HtmlForm,
    sample::{Others, Sample},
};

/// The values of one page, which a handler fills in. A template sees them as `page`, and nothing else of the request.
pub(crate) trait Page: PageValues {
    /// What is the same whatever the values are.
    fn definition(&self) -> &'static PageDefinition;

    /// The forms that the page needs to work. A template of an operator must keep them.
    fn forms(&self) -> Vec<RequiredForm<'_>>;

    /// An attribute of `<main>` with its value, which a template of an operator must keep beside `data-page`.
    fn attribute(&self) -> Option<(&'static str, &str)> {
        None
    }

    /// Whether the page tells of a problem. Then it has one element with `role="alert"`, which gets the focus.
    #[cfg_attr(not(test), expect(dead_code, reason = "the tests compare it with what the template gives"))]
    fn has_alert(&self) -> bool {
        false
    }

    /// Whether the template has a script. It runs by the nonce of the response.
    fn has_script(&self) -> bool {
        false
    }

    /// Why the page must not be shown with these values.
    fn refusal(&self) -> Option<&'static str> {
        None
    }
}

/// Values for a template. Whatever serializes has this.
pub(crate) trait PageValues {
    /// As the template sees them.
    fn values(&self) -> Value;
}

impl<T: Serialize> PageValues for T {
    fn values(&self) -> Value {
        Value::from(Serde(self))
    }
}

/// What is known of a page before its values are.
pub(crate) struct PageDefinition {
    /// The `data-page` of its `<main>`; its template is the file `NAME.html`.
    pub(super) name: &'static str,
    /// The text of that file.
    pub(super) template: &'static str,
    /// Where its forms may lead, for the content security policy.
    pub(crate) form_action: FormAction,
    /// The page in every state, with made-up data.
    pub(super) samples: fn(&Others<'_>) -> Vec<Sample>,
}

impl PageDefinition {
    /// The file of its template.
    pub(super) fn file(&self) -> String {
        format!("{}.html", self.name)
    }
}

/// A form that a template must keep. It posts, and has these controls.
pub(crate) struct RequiredForm<'a> {
    pub(super) action: &'a str,
    pub(super) controls: Vec<RequiredControl<'a>>,
    pub(super) others: OtherForms,
}

/// A field or a button of a required form.
pub(super) enum RequiredControl<'a> {
    /// The name and the value.
    Value(&'a str, &'a str),
    /// The name of a field for a password.
    Password(&'a str),
}

/// Whether a page may have forms beside a required one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OtherForms {
    Allowed,
    Refused,
}

impl<'a> RequiredForm<'a> {
    /// A form of ours, with its hidden fields.
    pub(super) fn of(form: &'a HtmlForm<'_>) -> Self {
        let mut required = Self::to(&form.action).with("anti_forgery", &form.anti_forgery);
        if let Some(handle) = &form.interaction {
            required = required.with("interaction", handle);
        }
        form.fields.iter().fold(required, |required, (name, value)| required.with(name, value))
    }

    /// A form that posts to `action`.
    pub(super) fn to(action: &'a str) -> Self {
        Self { action, controls: Vec::new(), others: OtherForms::Allowed }
    }

    /// With a field or a button of this name and value.
    pub(super) fn with(mut self, name: &'a str, value: &'a str) -> Self {
        self.controls.push(RequiredControl::Value(name, value));
        self
    }

    /// With a field of type `password`.
    pub(super) fn with_password(mut self, name: &'a str) -> Self {
        self.controls.push(RequiredControl::Password(name));
        self
    }

    /// With the way out that is a button of this form; a link is not required.
    pub(super) fn with_aside(self, aside: Option<&'a Aside<'_>>) -> Self {
        match aside {
            Some(Aside::Button { name, value, .. }) => self.with(name, value),
            Some(Aside::Link(_)) | None => self,
        }
    }

    /// The only form of its page.
    pub(super) fn alone(self) -> Self {
        Self { others: OtherForms::Refused, ..self }
    }
}
