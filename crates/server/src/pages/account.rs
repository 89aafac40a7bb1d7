//! Page `account`: who am I, which applications are connected, where am I signed in.

use grantwell_core::time::Timestamp;
use serde::Serialize;

use super::{
    AccountHolder, Application, FormAction, HtmlForm, Novelty, Page, PageDefinition, Permission,
    RequiredForm, Text,
    sample::{Others, Sample, ago, sample},
};

pub(super) static PAGE: PageDefinition = PageDefinition {
    name: "account",
    template: include_str!("../templates/account.html"),
    form_action: FormAction::SelfOnly,
    samples,
};

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

impl Page for AccountValues<'_> {
    fn definition(&self) -> &'static PageDefinition {
        &PAGE
    }

    fn forms(&self) -> Vec<RequiredForm<'_>> {
        let disconnects = self.applications.iter().map(|connected| &connected.disconnect);
        let sign_outs = self.sessions.iter().map(|session| &session.sign_out);
        let others = (self.sessions.len() > 1).then_some(&self.sign_out_others);
        [&self.sign_out]
            .into_iter()
            .chain(disconnects)
            .chain(sign_outs)
            .chain(others)
            .map(RequiredForm::of)
            .collect()
    }
}

fn session(
    others: &Others<'_>,
    user_agent: &str,
    which: WhichSession,
    handle: &'static str,
) -> SessionLine<'static> {
    SessionLine {
        user_agent: others.text(user_agent),
        address: others.text("203.0.113.7"),
        signed_in: ago(9 * 86_400),
        last_seen: ago(if which == WhichSession::This { 12 } else { 7_500 }),
        which,
        sign_out: others.form("/account/sign-out", &[("session", handle)]),
    }
}

fn samples(others: &Others<'_>) -> Vec<Sample> {
    let notes = || others.notes(Novelty::First, Novelty::First);
    let full = AccountValues {
        person: others.person(),
        username: others.text("ada"),
        notice: Some(AccountNotice::Disconnected { name: others.text("Old app") }),
        applications: vec![
            Connected {
                application: others.application(),
                permissions: vec![Others::about_you(Novelty::First), notes()],
                offline_access: Some(Novelty::First),
                since: ago(30 * 86_400),
                last_used: Some(ago(3_700)),
                disconnect: others.form("/account/disconnect", &[("consent", "1")]),
            },
            Connected {
                application: Application { name: others.text("Terminal tool"), host: None },
                permissions: vec![notes()],
                offline_access: None,
                since: ago(86_400),
                last_used: None,
                disconnect: others.form("/account/disconnect", &[("consent", "2")]),
            },
        ],
        sessions: vec![
            session(others, "Mozilla/5.0 (X11; Linux) Gecko Firefox/145.0", WhichSession::This, "1"),
            session(others, "Mozilla/5.0 (iPhone) AppleWebKit Safari/604", WhichSession::Other, "2"),
            session(others, "Mozilla/5.0 (Windows NT 10.0)", WhichSession::Other, "3"),
            session(others, "", WhichSession::Other, "4"),
        ],
        sign_out_others: others.form("/account/sign-out-others", &[]),
        sign_out: others.form("/sign-out", &[]),
    };
    let after = |notice| AccountValues { notice: Some(notice), ..full.clone() };
    let empty = AccountValues {
        person: AccountHolder { email: None, ..others.person() },
        notice: None,
        applications: Vec::new(),
        sessions: vec![session(others, "curl/8", WhichSession::This, "1")],
        ..full.clone()
    };
    vec![
        sample("account-session-ended", after(AccountNotice::SessionEnded)),
        sample("account-others-ended", after(AccountNotice::OthersEnded)),
        sample("account-empty", empty),
        sample("account", full),
    ]
}
