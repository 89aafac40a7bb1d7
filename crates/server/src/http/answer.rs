//! Answers: pages, JSON, redirects, errors, each with the headers its kind has (catalogue H-09, L-06, part 3).

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, Response, StatusCode, header},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use grantwell_core::{
    authorize::{AuthorizationResponse, Delivery},
    error::{OAuthError, Refusal},
    store::StoreError,
};
use serde::Serialize;

use crate::{
    app::{App, ErrorAudience},
    http::{body::BodyError, browser::Browser, context::Context},
    pages::{self, Back, Cause, Developer, ErrorPage, FormPost, Locale, Page, View},
};

/// What a handler answers.
pub(crate) type Answer = Response<Body>;

/// What the log line of a request says beside what every log line says. Carried in the response's extensions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Noted {
    /// The typed reason of a refusal.
    pub(crate) reason: Option<String>,
    /// The client concerned.
    pub(crate) client_id: Option<String>,
    /// The grant.
    pub(crate) grant: Option<&'static str>,
}

/// A response with a status and a body.
pub(crate) fn response(status: u16, body: impl Into<Body>) -> Answer {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

/// Sets a header whose name is ours.
pub(crate) fn set(answer: &mut Answer, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(HeaderName::from_static(name), value);
    }
}

/// Adds what the log line says.
pub(crate) fn note(mut answer: Answer, note: impl FnOnce(&mut Noted)) -> Answer {
    let mut noted = answer.extensions().get::<Noted>().cloned().unwrap_or_default();
    note(&mut noted);
    answer.extensions_mut().insert(noted);
    answer
}

/// JSON that nobody may keep.
pub(crate) fn json(status: u16, body: &impl Serialize) -> Answer {
    let mut answer = match serde_json::to_vec(body) {
        Ok(bytes) => response(status, bytes),
        Err(_) => response(500, "{\"error\":\"server_error\"}"),
    };
    set(&mut answer, "content-type", "application/json");
    set(&mut answer, "cache-control", "no-store");
    set(&mut answer, "pragma", "no-cache");
    plain_headers(&mut answer);
    answer
}

/// The headers of answers that are no pages: nothing of them may be framed, sniffed or run.
pub(crate) fn plain_headers(answer: &mut Answer) {
    set(answer, "x-content-type-options", "nosniff");
    set(answer, "x-frame-options", "DENY");
    set(answer, "referrer-policy", "no-referrer");
    set(answer, "content-security-policy", "default-src 'none'; frame-ancestors 'none'");
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
    error_description: &'a str,
    trace_id: &'a str,
}

/// The JSON error of an OAuth endpoint (RFC 6749 §5.2).
pub(crate) fn oauth_error(context: &Context, error: OAuthError) -> Answer {
    let body = ErrorBody {
        error: error.code.as_str(),
        error_description: error.description,
        trace_id: &context.trace_id,
    };
    json(error.code.status(), &body)
}

/// The JSON error of a typed refusal, with its reason for the log.
pub(crate) fn refused(context: &Context, refusal: &dyn Refusal) -> Answer {
    note(oauth_error(context, refusal.public()), |noted| noted.reason = Some(refusal.reason().to_owned()))
}

/// The JSON answer to a body that was not read.
pub(crate) fn bad_body(context: &Context, error: BodyError) -> Answer {
    let body = ErrorBody {
        error: "invalid_request",
        error_description: error.description(),
        trace_id: &context.trace_id,
    };
    note(json(error.status(), &body), |noted| noted.reason = Some(error.reason().to_owned()))
}

/// 503: the store has no answer. Never an OAuth error that would make a client sign its user out (RFC 7009 §2.2.1).
pub(crate) fn unavailable(context: &Context, error: &StoreError) -> Answer {
    let body = ErrorBody {
        error: "temporarily_unavailable",
        error_description: "try again in a moment",
        trace_id: &context.trace_id,
    };
    let mut answer = json(503, &body);
    set(&mut answer, "retry-after", "1");
    note(answer, |noted| noted.reason = Some(error.to_string()))
}

/// 503 after four conflicts in a row.
pub(crate) fn contended(context: &Context) -> Answer {
    unavailable(context, &StoreError::Unavailable("four conflicts in a row".to_owned()))
}

/// 303 to somewhere, with a referrer for nobody (RFC 9700 §4.12).
pub(crate) fn see_other(uri: &str) -> Answer {
    let mut answer = response(303, Body::empty());
    match HeaderValue::from_str(uri) {
        Ok(location) => {
            answer.headers_mut().insert(header::LOCATION, location);
        }
        Err(_) => *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
    }
    set(&mut answer, "cache-control", "no-store");
    plain_headers(&mut answer);
    answer
}

/// A page for a browser.
pub(crate) struct Sheet<'a> {
    /// The server.
    pub(crate) app: &'a App,
    /// Of the request.
    pub(crate) context: &'a Context,
    /// The language.
    pub(crate) locale: Locale,
}

impl Sheet<'_> {
    /// Renders.
    pub(crate) fn page(&self, status: u16, page: &Page<'_>) -> Answer {
        let mut nonce = [0; 16];
        self.app.entropy.fill(&mut nonce);
        let nonce = URL_SAFE_NO_PAD.encode(nonce);
        let view = View {
            locale: self.locale,
            now: self.context.now,
            site: "Grantwell",
            nonce: &nonce,
            trace_id: &self.context.trace_id,
        };
        let html = match self.app.pages.render(page, &view) {
            Ok(html) => html,
            Err(error) => {
                tracing::error!(%error, trace_id = %self.context.trace_id, "a page did not render");
                let mut answer = response(500, "This page cannot be shown.");
                set(&mut answer, "content-type", "text/plain; charset=utf-8");
                plain_headers(&mut answer);
                return answer;
            }
        };
        let mut answer = response(status, html);
        for (name, value) in pages::SECURITY_HEADERS {
            set(&mut answer, name, value);
        }
        let nonce = matches!(page, Page::FormPost(_)).then_some(nonce.as_str());
        set(
            &mut answer,
            "content-security-policy",
            &pages::content_security_policy(nonce, page.form_action()),
        );
        answer
    }

    /// An error page.
    pub(crate) fn error(&self, status: u16, cause: Cause, reason: &str) -> Answer {
        self.error_page(status, cause, reason, None)
    }

    /// An error page with the way back to the application.
    pub(crate) fn error_page(
        &self,
        status: u16,
        cause: Cause,
        reason: &str,
        back: Option<Back<'_>>,
    ) -> Answer {
        let developer = Developer { reason: reason.into(), redirect_uri: None, remedy: None };
        let page = ErrorPage {
            cause,
            application: back.as_ref().map(|back| back.name.clone()),
            back,
            developer: self.for_developers(developer),
        };
        let answer = self.page(status, &Page::Error(page));
        note(answer, |noted| noted.reason = Some(reason.to_owned()))
    }

    /// The details, where developers are who reads them.
    pub(crate) fn for_developers<'d>(&self, developer: Developer<'d>) -> Option<Developer<'d>> {
        (self.app.audience == ErrorAudience::Developers).then_some(developer)
    }

    /// The page for a store that does not answer.
    pub(crate) fn unavailable(&self, error: &StoreError) -> Answer {
        let mut answer = self.error(503, Cause::TemporarilyUnavailable, &error.to_string());
        set(&mut answer, "retry-after", "1");
        answer
    }

    /// The page for a body that was not read.
    pub(crate) fn bad_body(&self, error: BodyError) -> Answer {
        self.error(error.status(), Cause::InvalidRequest, error.description())
    }

    /// Delivers an authorization response.
    pub(crate) fn deliver(&self, to: &str, response: &AuthorizationResponse) -> Answer {
        let answer = match response.delivery() {
            Delivery::Redirect(uri) => see_other(&uri),
            Delivery::Form { action, parameters } => {
                let parameters =
                    parameters.iter().map(|(name, value)| ((*name).into(), value.as_str().into())).collect();
                self.page(
                    200,
                    &Page::FormPost(FormPost { action: action.into(), parameters, name: to.into() }),
                )
            }
        };
        note(answer, |noted| noted.reason = response.error_code().map(str::to_owned))
    }
}

/// Adds the cookies that the browser is given.
pub(crate) fn with_cookies(mut answer: Answer, browser: Browser) -> Answer {
    for cookie in browser.into_cookies() {
        answer.headers_mut().append(header::SET_COOKIE, cookie);
    }
    answer
}
