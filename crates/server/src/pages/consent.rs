//! Page `consent`: asks whether the client may do what it asks for.

use serde::Serialize;

use super::{
    AccountHolder, ApiName, Application, Aside, FormAction, HtmlForm, Novelty, Page, PageDefinition,
    Permission, RequiredForm, Text,
    sample::{Others, Sample, sample},
};

pub(super) static PAGE: PageDefinition = PageDefinition {
    name: "consent",
    template: include_str!("../templates/consent.html"),
    form_action: FormAction::MayLeave,
    samples,
};

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
pub(crate) struct ReturnsTo<'a> {
    kind: ReturnsToKind,
    at: Text<'a>,
    /// Whether the person must be warned of it.
    warning: bool,
}

impl<'a> ReturnsTo<'a> {
    /// `at` is the host, or the scheme of an app.
    pub(crate) fn new(kind: ReturnsToKind, at: impl Into<Text<'a>>) -> Self {
        let warning = match kind {
            ReturnsToKind::ThisComputer => true,
            ReturnsToKind::Host | ReturnsToKind::App => false,
        };
        Self { kind, at: at.into(), warning }
    }
}

/// What kind of place an authorization response goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ReturnsToKind {
    /// A host.
    Host,
    /// A loopback address: any program on this computer may be listening.
    ThisComputer,
    /// A private-use scheme (RFC 8252 §7.1).
    App,
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

impl Page for ConsentValues<'_> {
    fn definition(&self) -> &'static PageDefinition {
        &PAGE
    }

    fn forms(&self) -> Vec<RequiredForm<'_>> {
        let form = RequiredForm::of(&self.form).with("decision", "deny").with("decision", "allow");
        vec![form.with_aside(self.switch_account.as_ref()).alone()]
    }
}

fn usual(others: &Others<'_>) -> ConsentValues<'static> {
    ConsentValues {
        form: others.form("/consent", &[]),
        application: others.application(),
        returns_to: ReturnsTo::new(ReturnsToKind::Host, others.text("app.fieldnotes.example")),
        person: others.person(),
        switch_account: Some(Aside::Button {
            name: "decision".into(),
            value: "switch".into(),
            action: Some("/switch".into()),
        }),
        permissions: vec![Others::about_you(Novelty::First), others.notes(Novelty::First, Novelty::First)],
        offline_access: Some(Novelty::First),
        lasts: Lasts::UntilDisconnected,
        policy_uri: Some(others.text("https://fieldnotes.example/privacy")),
        tos_uri: Some(others.text("https://fieldnotes.example/terms")),
        account_page: "/account".into(),
        changed: false,
    }
}

fn samples(others: &Others<'_>) -> Vec<Sample> {
    let identity = ConsentValues {
        application: Application { name: others.text("Example web application"), host: None },
        permissions: vec![Others::about_you(Novelty::First)],
        offline_access: None,
        lasts: Lasts::WhileSignedIn,
        policy_uri: Some("javascript:alert(1)".into()),
        tos_uri: None,
        switch_account: Some(Aside::Link("/accounts".into())),
        ..usual(others)
    };
    let calendar = ApiName { name: others.text("Calendar"), host: None };
    let computer = ConsentValues {
        returns_to: ReturnsTo::new(ReturnsToKind::ThisComputer, others.text("127.0.0.1:8976")),
        permissions: vec![
            others.notes(Novelty::Agreed, Novelty::New),
            Permission { resource: Some(calendar), scopes: Vec::new() },
        ],
        offline_access: Some(Novelty::New),
        ..usual(others)
    };
    let app = ConsentValues {
        returns_to: ReturnsTo::new(ReturnsToKind::App, others.text("com.example.app")),
        offline_access: Some(Novelty::Agreed),
        ..usual(others)
    };
    let mut notes = others.notes(Novelty::Agreed, Novelty::Agreed);
    notes.scopes.retain(|line| line.novelty == Novelty::Agreed);
    let repeated = ConsentValues {
        permissions: vec![Others::about_you(Novelty::Agreed), notes],
        offline_access: Some(Novelty::Agreed),
        ..usual(others)
    };
    let bare = ConsentValues { switch_account: None, changed: true, ..usual(others) };
    vec![
        sample("consent", usual(others)),
        sample("consent-identity", identity),
        sample("consent-this-computer", computer),
        sample("consent-app", app),
        sample("consent-repeated", repeated),
        sample("consent-bare", bare),
    ]
}
