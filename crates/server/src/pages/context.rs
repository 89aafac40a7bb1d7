//! The values of each page. The handlers fill these in; a template sees its page as `page`, never more.
//!
//! A [`Text`] may come from anybody (a client's name, a user agent, a login hint): the templates escape it and isolate its
//! direction. A [`Text`] that becomes a link is shown only when its scheme cannot run script.

use std::borrow::Cow;

use grantwell_core::time::Timestamp;
use serde::Serialize;

/// Text from outside or from the handler: `"…".into()` and `string.into()` both make one.
pub(crate) type Text<'a> = Cow<'a, str>;

/// One page with what it shows.
#[derive(Clone, Debug)]
pub(crate) enum Page<'a> {
    /// Asks for user name and password.
    SignIn(SignInValues<'a>),
    /// Asks which of the signed-in accounts to go on with.
    SelectAccount(SelectAccountValues<'a>),
    /// Asks whether the client may do what it asks for.
    Consent(Box<ConsentValues<'a>>),
    /// Posts an authorization response to the client (OAuth 2.0 Form Post Response Mode §2).
    FormPost(FormPostValues<'a>),
    /// Says that the person is signed out.
    SignedOut(SignedOutValues<'a>),
    /// Says what went wrong and what to do next.
    Error(ErrorValues<'a>),
    /// Who am I, which applications are connected, where am I signed in.
    Account(Box<AccountValues<'a>>),
    /// Asks before signing out (OpenID Connect RP-Initiated Logout 1.0 §2).
    Logout(LogoutValues<'a>),
}

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

/// Page `consent`: one form with the submit buttons `decision` = `deny` | `allow`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ConsentValues<'a> {
    /// Where the decision goes.
    pub(crate) form: HtmlForm<'a>,
    /// Who asks.
    pub(crate) application: Application<'a>,
    /// Where the answer goes.
    pub(crate) returns_to: ReturnsTo<'a>,
    /// Who is signed in.
    pub(crate) person: AccountHolder<'a>,
    /// "Not you?": leads to another account.
    pub(crate) switch_account: Option<Aside<'a>>,
    /// What is asked, by resource. `offline_access` goes into `offline_access`, not in here.
    pub(crate) permissions: Vec<Permission<'a>>,
    /// Whether access goes on while the person is away.
    pub(crate) offline_access: Option<Novelty>,
    /// How long.
    pub(crate) lasts: Lasts,
    /// `policy_uri` (RFC 7591 §2).
    pub(crate) policy_uri: Option<Text<'a>>,
    /// `tos_uri` (RFC 7591 §2).
    pub(crate) tos_uri: Option<Text<'a>>,
    /// Path of the account page, where the consent can be withdrawn.
    pub(crate) account_page: Text<'a>,
    /// Whether an answer came to a page that showed something else.
    pub(crate) changed: bool,
}

/// Where an authorization response goes.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", content = "at", rename_all = "kebab-case")]
pub(crate) enum ReturnsTo<'a> {
    /// A host.
    Host(Text<'a>),
    /// A loopback address: any program on this computer may be listening.
    ThisComputer(Text<'a>),
    /// A private-use scheme (RFC 8252 §7.1).
    App(Text<'a>),
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

/// How long an application keeps what it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Lasts {
    /// Until the person signs out.
    WhileSignedIn,
    /// Until it is disconnected.
    UntilDisconnected,
}

/// Page `form-post`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FormPostValues<'a> {
    /// The redirect URI, byte for byte.
    pub(crate) action: Text<'a>,
    /// The response parameters.
    pub(crate) parameters: Vec<(Text<'a>, Text<'a>)>,
    /// To whom.
    pub(crate) name: Text<'a>,
}

/// Page `signed-out`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SignedOutValues<'a> {
    /// The way back to the application, where it gave a good `post_logout_redirect_uri`.
    pub(crate) back: Option<Back<'a>>,
    /// Path of the sign-in to the account page.
    pub(crate) sign_in: Option<Text<'a>>,
}

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
    /// The redirect URI that was received, against those registered.
    pub(crate) redirect_uri: Option<RedirectUris<'a>>,
    /// The line that fixes it.
    pub(crate) remedy: Option<Text<'a>>,
}

/// A redirect URI beside those it should have been one of.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RedirectUris<'a> {
    /// What came.
    pub(crate) received: Text<'a>,
    /// What is registered; the nearest is shown.
    pub(crate) registered: Vec<Text<'a>>,
}

/// Page `account`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct AccountValues<'a> {
    /// Who am I.
    pub(crate) person: AccountHolder<'a>,
    /// The user name.
    pub(crate) username: Text<'a>,
    /// What has just been done here.
    pub(crate) notice: Option<AccountNotice<'a>>,
    /// Applications that live consents exist for.
    pub(crate) applications: Vec<Connected<'a>>,
    /// Sessions that have not ended.
    pub(crate) sessions: Vec<SessionLine<'a>>,
    /// Signs out all sessions but this; shown when there are others.
    pub(crate) sign_out_others: HtmlForm<'a>,
    /// Signs out this session.
    pub(crate) sign_out: HtmlForm<'a>,
}

/// What has just been done on the account page.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum AccountNotice<'a> {
    /// An application was disconnected.
    Disconnected {
        /// Its name.
        name: Text<'a>,
    },
    /// One session was signed out.
    SessionEnded,
    /// All other sessions were signed out.
    OthersEnded,
}

/// A connected application.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Connected<'a> {
    /// Which.
    pub(crate) application: Application<'a>,
    /// What it may do.
    pub(crate) permissions: Vec<Permission<'a>>,
    /// Whether it may do so while the person is away.
    pub(crate) offline_access: Option<Novelty>,
    /// First agreed.
    pub(crate) since: Timestamp,
    /// Last used, where that is known.
    pub(crate) last_used: Option<Timestamp>,
    /// Disconnects it.
    pub(crate) disconnect: HtmlForm<'a>,
}

/// A session.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SessionLine<'a> {
    /// `User-Agent` at sign-in.
    pub(crate) user_agent: Text<'a>,
    /// Address at sign-in.
    pub(crate) address: Text<'a>,
    /// Sign-in.
    pub(crate) signed_in: Timestamp,
    /// Last use.
    pub(crate) last_seen: Timestamp,
    /// Whether it is the one that looks at the page.
    pub(crate) which: WhichSession,
    /// Signs it out.
    pub(crate) sign_out: HtmlForm<'a>,
}

/// This session or another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WhichSession {
    /// The one that looks at the page.
    This,
    /// Another.
    Other,
}
