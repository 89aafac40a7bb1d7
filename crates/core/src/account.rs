//! What a person does on the account page: disconnect an application, sign out a session. And what the page shows.

use crate::{
    error::{ErrorCode, OAuthError, Refusal},
    id::{ConsentId, SessionId},
    interaction::{
        browser::BrowserCookies,
        form::AntiForgery,
        pending,
        session::{self, SessionEnd},
    },
    resource::Resource,
    scope::{Audience, ScopeSet},
    secret::Digest,
    step::{Context, Decided, Decision, Have, Step, Stop},
    store::{Connection, Session, SessionRecord, Share, Write},
};

/// The matter of the anti-forgery value of the page's forms, beside the session's id.
const ACCOUNT: &str = "account";

/// Why an action is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountRefusal {
    /// Nobody is signed in in this browser any more.
    SignedOut,
    /// The form was not made for this browser and session, or was sent by another site (catalogue L-02).
    Forged,
    /// Not this person's, or gone already.
    NotFound,
}

impl Refusal for AccountRefusal {
    fn public(&self) -> OAuthError {
        OAuthError::new(ErrorCode::AccessDenied, "the account page cannot do that")
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::Forged => "anti_forgery",
            Self::NotFound => "not_yours_or_gone",
        }
    }
}

/// The account that the page is about: that of the session used last.
fn signed_in<'h>(
    browser: &BrowserCookies,
    have: &'h Have,
    context: &Context<'_>,
) -> Result<&'h SessionRecord, Stop<AccountRefusal>> {
    Ok(*browser.live_sessions(have, context)?.first().ok_or(AccountRefusal::SignedOut)?)
}

/// Shows the page.
#[derive(Clone, Debug)]
pub struct ShowAccount<'a> {
    /// The browser.
    pub browser: &'a BrowserCookies,
    /// SHA-256 of its transaction secret, for the forms.
    pub transaction: Digest,
}

/// What the page shows.
#[derive(Debug)]
pub struct AccountView {
    /// The session that asks, with its person.
    pub record: SessionRecord,
    /// The anti-forgery value of the page's forms.
    pub anti_forgery: String,
    /// What is connected, newest first.
    pub connections: Vec<Connection>,
    /// Where the person is signed in, newest first.
    pub sessions: Vec<Session>,
    /// The resources that the connections are about.
    pub resources: Vec<Resource>,
}

impl Step for ShowAccount<'_> {
    const NAME: &'static str = "account";
    const SHARE: Share = Share::Rest;
    type Outcome = AccountView;
    type Refusal = AccountRefusal;

    fn decide(&self, have: &Have, context: &Context<'_>) -> Decided<AccountView, AccountRefusal> {
        let record = signed_in(self.browser, have, context)?;
        let connections = have.connections(record.user.id)?;
        let mut named: Vec<_> = connections
            .iter()
            .flat_map(|connection| connection.consent.permissions.0.keys())
            .filter_map(|audience| match audience {
                Audience::Issuer => None,
                Audience::Resource(identifier) => Some(identifier.clone()),
            })
            .collect();
        named.sort();
        named.dedup();
        let about = record.session.id.to_string();
        let view = AccountView {
            anti_forgery: pending::anti_forgery(&context.keyring.keys, &self.transaction, ACCOUNT, &about),
            connections: connections.to_vec(),
            sessions: have.sessions_of(record.user.id)?.to_vec(),
            resources: have.resources(&named, &ScopeSet::default())?.to_vec(),
            record: record.clone(),
        };
        let writes = crate::interaction::browser::touch(&[record], context.now);
        Ok(Decision { writes, outcome: view })
    }
}

/// A form of the page, as it comes back.
#[derive(Clone, Debug)]
pub struct AccountForm {
    /// Whether it is ours.
    pub anti_forgery: AntiForgery,
    /// The browser that sent it.
    pub browser: BrowserCookies,
}

impl AccountForm {
    /// The session that asks, if the form is ours and was made for it (catalogue L-02).
    fn open<'h>(
        &self,
        have: &'h Have,
        context: &Context<'_>,
    ) -> Result<&'h SessionRecord, Stop<AccountRefusal>> {
        let record = signed_in(&self.browser, have, context)?;
        let about = record.session.id.to_string();
        if !self.anti_forgery.fits(&self.browser, (ACCOUNT, &about), context) {
            return Err(AccountRefusal::Forged.into());
        }
        Ok(record)
    }
}

/// Disconnects an application: withdraws the consent, and with it every token.
#[derive(Clone, Debug)]
pub struct Disconnect {
    /// The form.
    pub form: AccountForm,
    /// What is withdrawn; `None` when the form names none.
    pub consent: Option<ConsentId>,
}

impl Step for Disconnect {
    const NAME: &'static str = "disconnect";
    const SHARE: Share = Share::Grants;
    type Outcome = ();
    type Refusal = AccountRefusal;

    fn decide(&self, have: &Have, context: &Context<'_>) -> Decided<(), AccountRefusal> {
        let record = self.form.open(have, context)?;
        let user_id = record.user.id;
        let own = have.connections(user_id)?.iter();
        let connection = own.clone().find(|connection| Some(connection.consent.id) == self.consent);
        let consent = &connection.ok_or(AccountRefusal::NotFound)?.consent;
        let event = context.audit(
            "consent.withdrawn",
            Some(user_id),
            Some(&consent.client_id),
            serde_json::Value::Null,
        );
        let withdraw = Write::WithdrawConsent { id: consent.id, user_id, at: context.now };
        Ok(Decision { writes: vec![withdraw, event], outcome: () })
    }
}

/// Which sessions a person signs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhichSessions {
    /// This one.
    One(SessionId),
    /// All but the one that asks.
    Others,
}

/// Signs sessions of the person out; another person's id is not found (catalogue O-06).
#[derive(Clone, Debug)]
pub struct SignOut {
    /// The form.
    pub form: AccountForm,
    /// Which; `None` when the form names none.
    pub which: Option<WhichSessions>,
}

impl Step for SignOut {
    const NAME: &'static str = "sign_out";
    const SHARE: Share = Share::Grants;
    type Outcome = WhichSessions;
    type Refusal = AccountRefusal;

    fn decide(&self, have: &Have, context: &Context<'_>) -> Decided<WhichSessions, AccountRefusal> {
        let record = self.form.open(have, context)?;
        let which = self.which.ok_or(AccountRefusal::NotFound)?;
        let (user_id, keep) = (record.user.id, record.session.id);
        let own = have.sessions_of(user_id)?;
        let writes = match which {
            WhichSessions::One(id) => {
                let session = own.iter().find(|session| session.id == id).ok_or(AccountRefusal::NotFound)?;
                session::end(session, SessionEnd::AccountPage, context).into()
            }
            // The others end whether or not they are among the newest, which are what is read.
            WhichSessions::Others => {
                let others = own.iter().filter(|session| session.id != keep);
                let events = others.map(|session| session::ended(session, SessionEnd::AccountPage, context));
                std::iter::once(Write::EndOtherSessions { user_id, keep, at: context.now })
                    .chain(events)
                    .collect()
            }
        };
        Ok(Decision { writes, outcome: which })
    }
}

#[cfg(test)]
mod tests;
