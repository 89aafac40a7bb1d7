//! What the attack tests send and expect beside what the harness knows.

use std::time::Duration;

use axum::{
    body::Body,
    http::{Request, header},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use grantwell_core::{
    id::{Realm, UserId},
    store::{LoginName, Outcome, Share, Store as _, Write},
};

use super::{
    Reply, World,
    harness::{STATE, basic, secret},
};

impl World {
    /// GET `/userinfo` with a token.
    pub(crate) async fn userinfo(&self, token: &serde_json::Value) -> Reply {
        let bearer = format!("Bearer {}", token.as_str().unwrap());
        self.raw("GET", "/userinfo", &[("authorization", &bearer)], "").await
    }

    /// Writes that must go through.
    pub(crate) async fn commit(&self, writes: Vec<Write>) {
        assert_eq!(self.app.store.commit(Realm::MAIN, Share::Rest, writes).await.unwrap(), Outcome::Done);
    }

    /// What `web` is told about a token.
    pub(crate) async fn introspect_as_web(&self, token: &str) -> serde_json::Value {
        let headers = [("authorization", basic("web", secret()))];
        let headers = headers.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>();
        self.post("/introspect", &[("token", token)], &headers).await.expect_status(200).json()
    }

    /// The id of a person.
    pub(crate) async fn user(&self, name: &str) -> UserId {
        self.app.store.user_by_login(Realm::MAIN, &LoginName::new(name)).await.unwrap().unwrap().id
    }

    /// A request with any method, without cookies, and a body as it stands.
    pub(crate) async fn raw(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    /// Applies the state of every world with one change, a second later: what began before is older than the change.
    pub(crate) async fn change(&self, from: &str, to: &str) {
        assert!(STATE.contains(from), "the state does not say {from}");
        self.clock.advance(Duration::from_secs(1));
        self.apply(&STATE.replacen(from, to, 1)).await;
    }
}

impl Reply {
    /// Whether a cookie comes with it that says who one is.
    pub(crate) fn signs_in(&self) -> bool {
        let cookies = self.headers.get_all(header::SET_COOKIE);
        cookies.iter().any(|cookie| cookie.to_str().unwrap().starts_with("__Host-sid="))
    }

    /// `error` of the JSON error of an OAuth endpoint, with its status and what must stand beside it.
    #[track_caller]
    pub(crate) fn expect_oauth_error(&self, status: u16, error: &str) {
        assert_eq!((self.status, self.json()["error"].as_str()), (status, Some(error)), "{self:#?}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self:#?}");
        assert!(self.json()["access_token"].is_null(), "{self:#?}");
    }
}

/// The headers of a form that [`World::raw`] sends.
pub(crate) const fn form_headers() -> &'static [(&'static str, &'static str)] {
    &[("content-type", "application/x-www-form-urlencoded")]
}

/// Rows, without the counts of the refusals of clients that proved who they are.
pub(crate) fn but_refusals(mut rows: Vec<(&'static str, u64)>) -> Vec<(&'static str, u64)> {
    rows.retain(|(table, _)| *table != "refusal");
    rows
}

/// The claims of a JWT, as anybody can read them.
#[track_caller]
pub(crate) fn claims_of(token: &serde_json::Value) -> serde_json::Value {
    let token = token.as_str().unwrap_or_else(|| panic!("no token: {token}"));
    let payload = token.split('.').nth(1).unwrap_or_else(|| panic!("not a JWT: {token}"));
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}
