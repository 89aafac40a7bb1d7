//! `/interaction/{id}`: for the back end of an external login UI. It reads what the next step is and reports facts and
//! decisions as JSON, with a credential of its own; no browser may call it (no CORS). Then the browser goes to
//! `/authorize/resume`, where the transaction cookie is checked before anything is issued.

use axum::{body::Body, extract::Path, http::HeaderMap};
use grantwell_core::{
    error::Refusal as _,
    interaction::{
        consent::ConsentChoice,
        external::{Describe, Described, ExternalRefusal, KeepReport, Report},
        next::NextStep,
    },
};
use serde::Deserialize;
use serde_json::{Value, json as object};

use crate::http::{
    body,
    exchange::Exchange,
    form::handle,
    principal::LoginUiBackEnd,
    response::{Response, bad_body, json, unavailable, unregistered_error},
    wire,
};

/// What the login UI reports: exactly one of `login`, `consent` and `cancel`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReportBody {
    login: Option<LoginBody>,
    consent: Option<DecisionBody>,
    /// With `consent`: which question was answered, of the description. A login UI that leaves it out vouches for that itself.
    question: Option<String>,
    cancel: Option<bool>,
}

/// The person proved who they are, to the login UI.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LoginBody {
    /// User name or e-mail.
    username: String,
    /// RFC 8176.
    #[serde(default)]
    amr: Vec<String>,
    /// The class reached.
    #[serde(default)]
    acr: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum DecisionBody {
    Allow,
    Deny,
}

/// GET: what the next step is, and all that a page for it needs.
pub(crate) async fn get(x: Exchange, _: LoginUiBackEnd, Path(id): Path<String>) -> Response {
    match x.run(&Describe(handle(&x, &id))).await {
        Err(why) => unavailable(&x, &why),
        Ok(ran) => match ran.result {
            Ok(described) => json(200, &description(&described)),
            Err(ExternalRefusal::ClientUnknown) => {
                json(200, &object!({ "next": { "step": "error", "error": "client_unknown" } }))
            }
            Err(refusal) => refused(&x, refusal),
        },
    }
}

/// POST: a fact or a decision.
pub(crate) async fn post(
    x: Exchange,
    _: LoginUiBackEnd,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let report: ReportBody = match body::json(&headers, body).await {
        Ok(report) => report,
        Err(error) => return bad_body(&x, error),
    };
    let Some(report) = report.read() else {
        let error = "report_exactly_one_of_login_consent_cancel";
        let words = "a report has exactly one of login, consent and cancel; question belongs to consent";
        return unregistered_error(&x, 409, (error, words), error);
    };
    match x.run(&KeepReport { handle: handle(&x, &id), report }).await {
        Err(why) => unavailable(&x, &why),
        Ok(ran) => match ran.result {
            Ok(id) => {
                let resume = x.realm.policy.url(&format!("/authorize/resume?interaction={id}"));
                json(200, &object!({ "id": id, "resume": resume }))
            }
            Err(refusal) => refused(&x, refusal),
        },
    }
}

fn refused(x: &Exchange, refusal: ExternalRefusal) -> Response {
    let status = if refusal == ExternalRefusal::NotFound { 404 } else { 409 };
    let public = refusal.public();
    unregistered_error(x, status, (refusal.reason(), &public.sentence()), refusal.reason())
}

impl ReportBody {
    /// The one thing that is reported; `None` when it is not exactly one.
    fn read(self) -> Option<Report> {
        match self {
            Self {
                login: Some(LoginBody { username, amr, acr }),
                consent: None,
                question: None,
                cancel: None,
            } => Some(Report::Login { username, amr, acr }),
            Self { login: None, consent: Some(decision), question, cancel: None } => {
                let pressed = match decision {
                    DecisionBody::Allow => ConsentChoice::Allow,
                    DecisionBody::Deny => ConsentChoice::Deny,
                };
                Some(Report::Consent { pressed, question })
            }
            Self { login: None, consent: None, question: None, cancel: Some(true) } => Some(Report::Cancel),
            _ => None,
        }
    }
}

fn description(described: &Described) -> Value {
    let Described { request, client, .. } = described;
    let step = match (&described.next, &described.consent) {
        (NextStep::Login(reason), _) => object!({ "step": "login", "reason": reason.as_str() }),
        (NextStep::SelectAccount, _) => object!({ "step": "select_account" }),
        (NextStep::Consent { asked, missing }, Some(consent)) => object!({
            "step": "consent",
            "subject": consent.subject,
            "asked": wire::permissions_json(asked),
            "missing": wire::permissions_json(missing),
            "question": consent.question,
        }),
        (NextStep::RedirectUriGone, _) => object!({ "step": "error", "error": "redirect_uri_removed" }),
        (NextStep::Issue { .. } | NextStep::Refuse(_) | NextStep::Consent { .. }, _) => {
            object!({ "step": "resume" })
        }
    };
    object!({
        "id": described.id,
        "expires_at": described.expires_at,
        "next": step,
        "client": {
            "client_id": client.client_id, "client_name": client.client_name, "client_uri": client.client_uri,
            "policy_uri": client.policy_uri, "tos_uri": client.tos_uri,
        },
        "redirect_uri": request.route.redirect().map(|redirect| &redirect.uri),
        "permissions": wire::permissions_json(&request.permissions),
        "prompt": { "login": request.prompts.login, "consent": request.prompts.consent },
        "login_hint": request.login_hint,
        "ui_locales": request.ui_locales,
        "acr_values": request.acr_values,
        "max_age": request.max_age,
    })
}
