//! What the endpoints share that take the forms of our own pages.

use std::sync::Arc;

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::HeaderMap,
};
use grantwell_core::{
    form::Form,
    interaction::{
        form::{AntiForgery, InteractionForm},
        pending::Handle,
    },
};

use crate::{
    app::App,
    http::{
        body,
        browser::{self, Browser},
        exchange::Exchange,
        renderer::Renderer,
        response::Response,
    },
};

/// A form of a page, with the browser that sent it. Whether it is ours, the step says.
pub(crate) struct PageForm {
    /// Its fields.
    pub(crate) form: Form,
    /// The browser.
    pub(crate) browser: Browser,
    /// The headers, for the language.
    pub(crate) headers: HeaderMap,
}

impl FromRequest<Arc<App>> for PageForm {
    type Rejection = Response;
    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let Ok(x) = Exchange::from_request_parts(&mut parts, app).await;
        let form = body::form(&parts.headers, body).await;
        let form = form.map_err(|error| Renderer::new(&x, &parts.headers, &[]).bad_body(error))?;
        let browser = Browser::read(&x, &parts.headers);
        Ok(Self { form, browser, headers: parts.headers })
    }
}

impl PageForm {
    /// The value of a field; empty when it is not there or stands twice.
    pub(crate) fn field(&self, name: &'static str) -> &str {
        self.form.one(name).ok().flatten().unwrap_or_default()
    }

    /// What says whether the form is ours.
    pub(crate) fn anti_forgery(&self, x: &Exchange) -> AntiForgery {
        AntiForgery {
            received: self.field("anti_forgery").to_owned(),
            sent_from: browser::sent_from(&x.realm, &self.headers),
        }
    }

    /// The form as one of an interaction.
    pub(crate) fn interaction(&self, x: &Exchange) -> InteractionForm {
        InteractionForm {
            handle: handle(x, self.field("interaction")),
            anti_forgery: self.anti_forgery(x),
            browser: self.browser.cookies.clone(),
        }
    }
}

/// The interaction that a form or an URL names.
pub(crate) fn handle(x: &Exchange, text: &str) -> Option<Handle> {
    Handle::read(text, &x.realm.current().keyring.keys, &x.realm.policy.lifetimes, x.now)
}
