//! What pages share of their values.
//!
//! A [`Text`] may come from anybody (a client's name, a user agent, a login hint): the templates escape it and isolate its
//! direction. A [`Text`] that becomes a link is shown only when its scheme cannot run script.

use std::borrow::Cow;

use serde::Serialize;

/// Text from outside or from the handler: `"…".into()` and `string.into()` both make one.
pub(crate) type Text<'a> = Cow<'a, str>;

/// A form that posts to us.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct HtmlForm<'a> {
    /// Path on our own origin.
    pub(crate) action: Text<'a>,
    /// The token that proves the form is ours; field `anti_forgery`.
    pub(crate) anti_forgery: Text<'a>,
    /// Handle of the interaction; field `interaction`, left out when `None`.
    pub(crate) interaction: Option<Text<'a>>,
    /// Further hidden fields, in order.
    pub(crate) fields: Vec<(Text<'a>, Text<'a>)>,
}

/// The client as a person should see it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Application<'a> {
    /// `client_name`, or the client id where there is none.
    pub(crate) name: Text<'a>,
    /// Host of its client id (when that is a URL) or of its home page.
    pub(crate) host: Option<Text<'a>>,
}

/// The way back to the application.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Back<'a> {
    /// Its name, for the label.
    pub(crate) name: Text<'a>,
    /// Where it is. One whose scheme could run script is not shown.
    pub(crate) uri: Text<'a>,
}

/// A way out of a page that is one form: a link, or a further submit button of that form, so that there stays one form.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Aside<'a> {
    /// A plain link.
    Link(Text<'a>),
    /// A submit button of the page's own form: its hidden fields come along.
    Button {
        /// Name of the button.
        name: Text<'a>,
        /// Its value.
        value: Text<'a>,
        /// Another path than the form's own (`formaction`).
        action: Option<Text<'a>>,
    },
}

/// An account as its owner knows it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct AccountHolder<'a> {
    /// The name, or the user name where there is none.
    pub(crate) name: Text<'a>,
    /// E-mail, where there is one.
    pub(crate) email: Option<Text<'a>>,
}

/// What is asked at one audience.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Permission<'a> {
    /// The API; `None` for what the issuer itself tells (OpenID Connect Core 1.0 §5.4).
    pub(crate) resource: Option<ApiName<'a>>,
    /// The scopes. May be empty: access to the API and no more.
    pub(crate) scopes: Vec<ScopeLine<'a>>,
}

/// The name of an API.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ApiName<'a> {
    /// As registered.
    pub(crate) name: Text<'a>,
    /// Host of its identifier, where it has one.
    pub(crate) host: Option<Text<'a>>,
}

/// One scope.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ScopeLine<'a> {
    /// The scope token.
    pub(crate) scope: Text<'a>,
    /// What the API says it means. The scopes of OpenID Connect need none.
    pub(crate) description: Option<Text<'a>>,
    /// Whether it was agreed to before.
    pub(crate) novelty: Novelty,
}

/// Whether something was agreed to before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Novelty {
    /// Nothing was agreed to before: nothing needs a mark.
    First,
    /// This was agreed to before.
    Agreed,
    /// Something was agreed to before, and this is new.
    New,
}
