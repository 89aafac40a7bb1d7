//! For an external login UI: what the next step is, and the facts and decisions that its back end reports. Nothing is issued here;
//! the browser comes back with its transaction cookie first.

use std::sync::Arc;

use super::{
    consent::{self, Answered, ConsentChoice, Question, QuestionMatch, ReceivedAnswer},
    next::{NextStep, Subject, View, next},
    pending::{Handle, Pending},
};
use crate::{
    client::Client,
    error::{ErrorCode, OAuthError, Refusal},
    id::{InteractionId, UserId},
    resource::Resource,
    step::{Context, Decided, Decision, Have, Step, Stop, Want},
    store::{Authentication, AuthorizationRequest, Facts, LoginName, Purpose, Share},
};

/// Why a report is not kept, or nothing can be said of an interaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExternalRefusal {
    /// There is no such interaction, or its time is over.
    NotFound,
    /// No such account, or a disabled one.
    UserUnknown,
    /// The client was deleted or disabled meanwhile.
    ClientUnknown,
    /// A decision without a person: the sign-in comes first.
    LoginRequired,
    /// Consent is not what the interaction waits for.
    ConsentNotAsked,
    /// Another question was answered than the one that is asked now.
    QuestionChanged,
}

impl Refusal for ExternalRefusal {
    fn public(&self) -> OAuthError {
        let description = match self {
            Self::NotFound => "there is no such interaction, or its time is over",
            Self::UserUnknown => "no account has this user name or e-mail, or it is disabled",
            Self::ClientUnknown => "the client was deleted or disabled",
            Self::LoginRequired => "nobody has signed in yet: report login first",
            Self::ConsentNotAsked => "the interaction does not wait for consent",
            Self::QuestionChanged => "another question was answered than the one that is asked now",
        };
        OAuthError::new(ErrorCode::InvalidRequest, description)
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::UserUnknown => "user_unknown",
            Self::ClientUnknown => "client_unknown",
            Self::LoginRequired => "login_required",
            Self::ConsentNotAsked => "consent_not_asked",
            Self::QuestionChanged => "question_changed",
        }
    }
}

/// What the person did at the external login UI.
#[derive(Clone, Debug)]
pub enum Report {
    /// They proved who they are.
    Login {
        /// User name or e-mail.
        username: String,
        /// RFC 8176.
        amr: Vec<String>,
        /// The class that was reached.
        acr: String,
    },
    /// They decided on the question.
    Consent {
        /// What they pressed.
        pressed: ConsentChoice,
        /// Which question was answered; `None`: the UI vouches that it is this one.
        question: Option<String>,
    },
    /// They gave up.
    Cancel,
}

/// Keeps a report.
#[derive(Clone, Debug)]
pub struct KeepReport {
    /// The interaction that it is about.
    pub handle: Option<Handle>,
    /// What is reported.
    pub report: Report,
}

impl Step for KeepReport {
    const NAME: &'static str = "external_report";
    const SHARE: Share = Share::SignIns;
    type Outcome = InteractionId;
    type Refusal = ExternalRefusal;

    fn decide(&self, have: &Have, context: &Context<'_>) -> Decided<InteractionId, ExternalRefusal> {
        let (pending, request) = find(self.handle.as_ref(), have, context)?;
        let id = pending.interaction.id;
        let decision = match &self.report {
            Report::Login { username, amr, acr } => {
                let user = have.user_by_login(&LoginName::new(username))?.filter(|user| !user.disabled);
                let user = user.ok_or(ExternalRefusal::UserUnknown)?;
                let authentication = Authentication { at: context.now, amr: amr.clone(), acr: acr.clone() };
                let signed_in = Some((user.id, authentication));
                let facts = Facts { signed_in, selected: true, ..Facts::default() };
                Decision { writes: vec![pending.keep(facts)], outcome: () }
            }
            Report::Consent { pressed, question } => {
                decided(&pending, request, (*pressed, question.as_deref()), have, context)?
            }
            // Once is enough.
            Report::Cancel if pending.interaction.facts.denied => Decision::read_only(()),
            Report::Cancel => {
                let by = who(&pending, have)?.map(|subject| subject.user.id);
                let facts = Facts { denied: true, ..pending.interaction.facts.clone() };
                let writes = vec![pending.keep(facts), consent::denied(request, by, context)];
                Decision { writes, outcome: () }
            }
        };
        Ok(decision.map(|()| id))
    }
}

fn decided(
    pending: &Pending<'_>,
    request: &AuthorizationRequest,
    (pressed, question): (ConsentChoice, Option<&str>),
    have: &Have,
    context: &Context<'_>,
) -> Decided<(), ExternalRefusal> {
    let (view, client) = view(pending, request, have, context)?;
    let by = view.subject.ok_or(ExternalRefusal::LoginRequired)?.user.id;
    let (step, _) = next(&view);
    let about = match (question, &step) {
        (Some(received), NextStep::Consent { asked, .. }) => {
            let resources = have.resources_of(asked)?;
            let question = Question { pending: *pending, request, client, asked, resources };
            question.compare(&context.keyring.keys, received)
        }
        (Some(_) | None, _) => QuestionMatch::ThisQuestion,
    };
    let decision = consent::answer(pending, (&view, &step), ReceivedAnswer { by, pressed, about }, context);
    match decision.outcome {
        Answered::Noted => Ok(decision.map(|_| ())),
        Answered::Stale => Err(ExternalRefusal::ConsentNotAsked.into()),
        Answered::Changed => Err(ExternalRefusal::QuestionChanged.into()),
    }
}

/// Says what the next step is, with all that a page for it needs.
#[derive(Clone, Debug)]
pub struct Describe(pub Option<Handle>);

/// An interaction, as an external login UI sees it.
#[derive(Debug)]
pub struct Described {
    /// The interaction.
    pub id: InteractionId,
    /// The end of its life, seconds since 1970.
    pub expires_at: i64,
    /// Its request.
    pub request: AuthorizationRequest,
    /// Who asks.
    pub client: Arc<Client>,
    /// What must happen next.
    pub next: NextStep,
    /// What the consent page must show, where that is next.
    pub consent: Option<DescribedConsent>,
}

/// A question, as an external login UI sees it.
#[derive(Debug)]
pub struct DescribedConsent {
    /// The person who is asked to consent.
    pub subject: UserId,
    /// What to report with the answer.
    pub question: String,
    /// The resources that are asked about.
    pub resources: Vec<Resource>,
}

impl Step for Describe {
    const NAME: &'static str = "external_describe";
    const SHARE: Share = Share::Rest;
    type Outcome = Described;
    type Refusal = ExternalRefusal;

    fn decide(&self, have: &Have, context: &Context<'_>) -> Decided<Described, ExternalRefusal> {
        let (pending, request) = find(self.0.as_ref(), have, context)?;
        let (view, client) = view(&pending, request, have, context)?;
        let (step, _) = next(&view);
        let mut consent = None;
        if let NextStep::Consent { asked, .. } = &step
            && let Some(subject) = view.subject
        {
            let resources = have.resources_of(asked)?;
            let question = Question { pending, request, client, asked, resources };
            consent = Some(DescribedConsent {
                subject: subject.user.id,
                question: question.fingerprint(&context.keyring.keys),
                resources: resources.to_vec(),
            });
        }
        Ok(Decision::read_only(Described {
            id: pending.interaction.id,
            expires_at: pending.interaction.expires_at.seconds(),
            request: request.clone(),
            client: Arc::clone(client),
            next: step,
            consent,
        }))
    }
}

fn find<'a>(
    handle: Option<&'a Handle>,
    have: &'a Have,
    context: &Context<'_>,
) -> Result<(Pending<'a>, &'a AuthorizationRequest), Stop<ExternalRefusal>> {
    let pending = handle.ok_or(ExternalRefusal::NotFound)?.find(have)?.ok_or(ExternalRefusal::NotFound)?;
    match &pending.interaction.purpose {
        Purpose::Authorization(request) if !pending.is_expired(context.now) => Ok((pending, request)),
        Purpose::Authorization(_) | Purpose::Account => Err(ExternalRefusal::NotFound.into()),
    }
}

/// What a back end can know: the person that it reported, or the session of this interaction.
fn who<'a>(pending: &Pending<'a>, have: &'a Have) -> Result<Option<Subject<'a>>, Want> {
    let facts = &pending.interaction.facts;
    Ok(match (&facts.session_id, &facts.signed_in) {
        (Some(id), _) => have.sessions(&[*id])?.first().map(Subject::from),
        (None, Some((user, authentication))) => {
            have.user(*user)?.map(|user| Subject { user, authentication, session_id: None })
        }
        (None, None) => None,
    })
}

fn view<'a>(
    pending: &Pending<'a>,
    request: &'a AuthorizationRequest,
    have: &'a Have,
    context: &Context<'_>,
) -> Result<(View<'a>, &'a Arc<Client>), Stop<ExternalRefusal>> {
    let facts = &pending.interaction.facts;
    let view = View::load(request, facts, who(pending, have)?, have, context.now)?;
    Ok(view.ok_or(ExternalRefusal::ClientUnknown)?)
}

#[cfg(test)]
mod tests;
