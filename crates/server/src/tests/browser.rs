//! An answer, and a browser for a [`World`].

use std::collections::BTreeMap;

use axum::{
    body::Body,
    http::{HeaderMap, Method, Request, Response, header},
};
use http_body_util::BodyExt as _;

use super::harness::{ISSUER, PASSWORD, World, form, query};

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) async fn read(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    /// Fails with the whole answer unless the status is the expected one.
    #[track_caller]
    pub(crate) fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:#?}");
        self
    }

    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// `Location`.
    #[track_caller]
    pub(crate) fn location(&self) -> &str {
        self.header("location").unwrap_or_else(|| panic!("no Location: {self:#?}"))
    }

    /// The parameters of the redirect.
    #[track_caller]
    pub(crate) fn parameters(&self) -> BTreeMap<String, String> {
        let url = url::Url::parse(self.location()).unwrap();
        url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
    }

    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:#?}"))
    }

    /// The marker of the page, `data-page`.
    pub(crate) fn page(&self) -> Option<&str> {
        attribute(&self.body, "data-page")
    }

    /// The cause on an error page, `data-error`.
    pub(crate) fn cause(&self) -> Option<&str> {
        attribute(&self.body, "data-error")
    }

    /// The hidden fields of the page's first form that is posted to `action`.
    #[track_caller]
    pub(crate) fn fields(&self, action: &str) -> Vec<(String, String)> {
        let marker = format!("action=\"{action}\"");
        let rest =
            self.body.split(&marker).nth(1).unwrap_or_else(|| panic!("no form for {action}: {self:#?}"));
        let form = rest.split("</form>").next().unwrap();
        form.split("<input ")
            .skip(1)
            .filter(|input| input.contains("type=\"hidden\""))
            .map(|input| {
                (
                    unescape(attribute(input, "name").unwrap()),
                    unescape(attribute(input, "value").unwrap_or("")),
                )
            })
            .collect()
    }

    /// ERRPAGE of the catalogue: 400, our page, no way to anywhere, no cookie that says who one is.
    #[track_caller]
    pub(crate) fn expect_error_page(&self, cause: &str) {
        assert_eq!((self.status, self.page(), self.cause()), (400, Some("error"), Some(cause)), "{self:#?}");
        assert!(self.header("location").is_none(), "{self:#?}");
        assert!(self.header("content-type").unwrap().starts_with("text/html"), "{self:#?}");
        assert!(!self.signs_in(), "{self:#?}");
    }

    /// RDR(e) of the catalogue: 303 to the registered redirect URI with error, state and iss, and no code.
    #[track_caller]
    pub(crate) fn expect_redirect_error(&self, error: &str) {
        assert_eq!(self.status, 303, "{self:#?}");
        let parameters = self.parameters();
        assert!(self.location().starts_with("https://rp.example/cb?"), "{self:#?}");
        assert_eq!(parameters.get("error").map(String::as_str), Some(error), "{self:#?}");
        assert_eq!(parameters.get("iss").map(String::as_str), Some(ISSUER), "{self:#?}");
        assert!(!parameters.contains_key("code"), "{self:#?}");
        assert!(!self.location().contains('#'), "{self:#?}");
    }
}

fn attribute<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split(&format!("{name}=\"")).nth(1)?.split('"').next()
}

fn unescape(text: &str) -> String {
    let named =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&#39;", "'"), ("&#x2f;", "/")];
    let text = named.iter().fold(text.to_owned(), |text, (entity, plain)| text.replace(entity, plain));
    text.replace("&amp;", "&")
}

/// A browser: keeps cookies, posts forms from the page they are on, follows no redirect by itself.
#[derive(Clone)]
pub(crate) struct Browser<'w> {
    pub(super) world: &'w World,
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Browser<'_> {
    /// GET, with cookies.
    pub(crate) async fn get(&mut self, target: &str) -> Reply {
        self.send(Method::GET, target, Body::empty(), &[]).await
    }

    /// POST of a form, with cookies, from a page of ours.
    pub(crate) async fn post(&mut self, target: &str, fields: &[(&str, &str)]) -> Reply {
        let headers = [("origin", ISSUER), ("sec-fetch-site", "same-origin")];
        self.post_from(target, fields, &headers).await
    }

    /// POST of a form, with cookies and these headers.
    pub(crate) async fn post_from(
        &mut self,
        target: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Reply {
        let mut headers = headers.to_vec();
        headers.push(("content-type", "application/x-www-form-urlencoded"));
        self.send(Method::POST, target, Body::from(form(fields)), &headers).await
    }

    /// Sends the form of `page` for `action` with these fields beside the hidden ones.
    pub(crate) async fn submit(&mut self, page: &Reply, action: &str, fields: &[(&str, &str)]) -> Reply {
        let hidden = page.fields(action);
        let mut all: Vec<(&str, &str)> =
            hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        all.extend_from_slice(fields);
        self.post(action, &all).await
    }

    /// Any request, with cookies.
    pub(crate) async fn send(
        &mut self,
        method: Method,
        target: &str,
        body: Body,
        headers: &[(&str, &str)],
    ) -> Reply {
        let target = target.strip_prefix(ISSUER).unwrap_or(target);
        let mut request = Request::builder().method(method).uri(target);
        if !self.cookies.is_empty() {
            let cookies: Vec<_> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let reply = self.world.send(request.body(body).unwrap()).await;
        for cookie in reply.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        reply
    }

    /// The sign-in page, filled in; the answer.
    pub(crate) async fn sign_in(&mut self, page: &Reply, username: &str, password: &str) -> Reply {
        self.submit(page, "/sign-in", &[("username", username), ("password", password)]).await
    }

    /// A request of `web` with `changes`, through sign-in and consent as far as they are asked; the answer at the end.
    pub(crate) async fn authorize(&mut self, username: &str, changes: &[(&str, &str)]) -> Reply {
        let mut reply = self.get(&format!("/authorize?{}", query(changes))).await;
        if reply.page() == Some("sign-in") {
            reply = self.sign_in(&reply, username, PASSWORD).await.expect_status(303);
            reply = self.get(reply.location()).await;
        }
        if reply.page() == Some("consent") {
            reply = self.submit(&reply, "/consent", &[("decision", "allow")]).await;
        }
        reply
    }

    /// The code at the end of [`Browser::authorize`].
    pub(crate) async fn code(&mut self, username: &str, changes: &[(&str, &str)]) -> String {
        let reply = self.authorize(username, changes).await.expect_status(303);
        reply.parameters().remove("code").unwrap_or_else(|| panic!("no code: {reply:#?}"))
    }
}
