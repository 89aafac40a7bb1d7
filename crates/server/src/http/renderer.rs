//! Pages and redirects for a browser, each with the headers its kind has (catalogue H-09, L-06, part 3).

use axum::http::HeaderMap;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use grantwell_core::{
    authorize::{AuthorizationResponse, Delivery},
    error::OAuthError,
};

use crate::{
    app::ErrorAudience,
    http::{
        accepts::Accepts,
        body::BodyError,
        exchange::{Exchange, locale},
        response::{
            RETRY_AFTER, Response, plain_headers, response as plain, see_other, set, set_static,
            unregistered_error,
        },
    },
    pages::{
        self, Back, Locale, Page, PageView,
        error::{Cause, Developer, ErrorValues},
        form_post::FormPostValues,
    },
    step_event::Unavailable,
};

/// Renders for one request.
pub(crate) struct Renderer<'a> {
    /// The request.
    pub(crate) x: &'a Exchange,
    /// The language.
    pub(crate) locale: Locale,
    accepts: Accepts,
}

impl<'a> Renderer<'a> {
    /// In the language that the browser asks for, or one of `ui_locales` before it.
    pub(crate) fn new(x: &'a Exchange, headers: &HeaderMap, ui_locales: &[String]) -> Self {
        Self { x, locale: locale(headers, ui_locales), accepts: Accepts::read(headers) }
    }

    /// Renders.
    pub(crate) fn page(&self, status: u16, page: &dyn Page) -> Response {
        let mut nonce = [0; 16];
        self.x.app.entropy.fill(&mut nonce);
        let nonce = URL_SAFE_NO_PAD.encode(nonce);
        let view = PageView {
            locale: self.locale,
            now: self.x.now,
            site: "Grantwell",
            nonce: &nonce,
            trace_id: &self.x.origin.trace_id,
        };
        let html = match self.x.app.pages.render(page, &view) {
            Ok(html) => html,
            Err(error) => {
                tracing::error!(%error, trace_id = %self.x.origin.trace_id, "a page could not be rendered");
                let mut response = plain(500, "This page cannot be shown.");
                set_static(&mut response, "content-type", "text/plain; charset=utf-8");
                plain_headers(&mut response);
                return response;
            }
        };
        let mut response = plain(status, html);
        for (name, value) in pages::SECURITY_HEADERS {
            set_static(&mut response, name, value);
        }
        let nonce = page.has_script().then_some(nonce.as_str());
        set(
            &mut response,
            "content-security-policy",
            &pages::content_security_policy(nonce, page.definition().form_action),
        );
        response
    }

    /// An error page.
    pub(crate) fn error(&self, status: u16, cause: Cause, reason: &str) -> Response {
        self.error_page(status, cause, reason, None)
    }

    /// An error page with the way back to the application.
    pub(crate) fn error_page(
        &self,
        status: u16,
        cause: Cause,
        reason: &str,
        back: Option<Back<'_>>,
    ) -> Response {
        let page = ErrorValues {
            cause,
            application: back.as_ref().map(|back| back.name.clone()),
            back,
            developer: self.for_developers(Developer::of(reason)),
        };
        self.error_of(status, &page, reason, "the response of this endpoint is a page for a person")
    }

    /// The error page of a refused request: it names the parameter that is wrong to developers, and everybody who reads JSON.
    pub(crate) fn refused(&self, status: u16, cause: Cause, reason: &str, public: &OAuthError) -> Response {
        let developer = Developer { parameter: public.parameter, ..Developer::of(reason) };
        let developer = self.for_developers(developer);
        let page = ErrorValues { cause, application: None, back: None, developer };
        self.x.note(|notes| notes.parameter = public.parameter);
        self.error_of(status, &page, reason, &public.sentence())
    }

    /// An error page; the JSON error for a client that reads no HTML, with a description.
    pub(crate) fn error_of(
        &self,
        status: u16,
        page: &ErrorValues<'_>,
        reason: &str,
        description: &str,
    ) -> Response {
        self.x.note(|notes| notes.reason = Some(reason.to_owned()));
        match self.accepts {
            Accepts::Html | Accepts::Anything => self.page(status, page),
            Accepts::OtherTypes => {
                unregistered_error(self.x, status, (page.cause.as_str(), description), reason)
            }
        }
    }

    /// The details, where developers are who reads them.
    pub(crate) fn for_developers<'d>(&self, developer: Developer<'d>) -> Option<Developer<'d>> {
        (self.x.app.audience == ErrorAudience::Developers).then_some(developer)
    }

    /// The page for a store that does not respond.
    pub(crate) fn unavailable(&self, why: &Unavailable) -> Response {
        let mut response = self.error(503, Cause::TemporarilyUnavailable, &why.to_string());
        set_static(&mut response, "retry-after", RETRY_AFTER);
        response
    }

    /// The page for a body that was not read.
    pub(crate) fn bad_body(&self, error: BodyError) -> Response {
        self.refused(error.status(), Cause::InvalidRequest, error.reason(), &error.public())
    }

    /// Delivers an authorization response.
    pub(crate) fn deliver(&self, to: &str, response: &AuthorizationResponse) -> Response {
        self.x.note(|notes| notes.reason = response.error_code().map(str::to_owned));
        match response.delivery() {
            Delivery::Redirect(uri) => see_other(&uri),
            Delivery::Form { action, parameters } => {
                let parameters =
                    parameters.iter().map(|(name, value)| ((*name).into(), value.as_str().into())).collect();
                self.page(200, &FormPostValues { action: action.into(), parameters, name: to.into() })
            }
        }
    }
}
