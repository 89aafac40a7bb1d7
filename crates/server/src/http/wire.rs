//! Records as pages show them.

use std::borrow::Cow;

use grantwell_core::{
    authorize::{AuthorizationRequest, Delivery},
    client::Client,
    error::Refusal,
    interaction::issue,
    redirect_uri,
    resource::Resource,
    scope::{Audience, Permissions},
    store::{Redirect, ResponseRoute, User},
};
use serde_json::{Value, json};

use crate::pages::{
    AccountHolder, ApiName, Application, Back, Novelty, Permission, ScopeLine,
    consent::{ReturnsTo, ReturnsToKind},
    sign_in::SignInProblem,
};

/// The client as a person should see it.
pub(crate) fn application<'a>(client: &'a Client, request: &AuthorizationRequest) -> Application<'a> {
    let redirect_uri = request.route.redirect().map(|redirect| redirect.uri.as_str());
    let host = client.client_uri.as_deref().or(redirect_uri);
    Application {
        name: client.display_name().into(),
        host: host.map(|host| redirect_uri::host_for_display(host).into()),
    }
}

/// An account as its owner knows it.
pub(crate) fn person(user: &User) -> AccountHolder<'_> {
    let name = user.claims.get("name").and_then(|name| name.as_str()).unwrap_or(&user.username);
    AccountHolder { name: name.into(), email: user.email.as_deref().map(Into::into) }
}

/// The URI that brings the person back to the application without a code and says why, if the redirect URI is still the
/// application's.
pub(crate) fn back_uri(
    client: &Client,
    request: &AuthorizationRequest,
    why: &dyn Refusal,
    issuer: &str,
) -> Option<String> {
    let redirect = request.route.redirect()?;
    if !client.has_redirect_uri(&redirect.uri) {
        return None;
    }
    let response = issue::refuse(redirect, why, issuer);
    Some(match response.delivery() {
        Delivery::Redirect(uri) => uri,
        // A form cannot be a link: the application's own page, or the origin it is sent back to.
        Delivery::Form { action, .. } => {
            client.client_uri.clone().or_else(|| redirect_uri::origin_of(action)).unwrap_or_default()
        }
    })
}

/// The way back to the application.
pub(crate) fn way_back(
    client: &Client,
    request: &AuthorizationRequest,
    why: &dyn Refusal,
    issuer: &str,
) -> Option<Back<'static>> {
    let name = client.display_name().to_owned();
    back_uri(client, request, why, issuer).map(|uri| Back { name: name.into(), uri: uri.into() })
}

/// Where an authorization response goes.
pub(crate) fn returns_to(route: &ResponseRoute) -> ReturnsTo<'_> {
    let ResponseRoute::Redirect(Redirect { uri, .. }) = route;
    let kind = if redirect_uri::is_loopback(uri) {
        ReturnsToKind::ThisComputer
    } else if uri.starts_with("https:") {
        ReturnsToKind::Host
    } else {
        ReturnsToKind::App
    };
    ReturnsTo::new(kind, redirect_uri::host_for_display(uri))
}

/// The status of a sign-in page: the same for everything that is wrong with a credential.
pub(crate) fn status_of(problem: Option<SignInProblem>) -> u16 {
    match problem {
        None => 200,
        Some(SignInProblem::Credentials) => 422,
        Some(SignInProblem::TooMany { .. }) => 429,
        Some(SignInProblem::Busy) => 503,
    }
}

/// Permissions in plain words: what the resources say their scopes mean.
pub(crate) fn permissions(
    permissions: &Permissions,
    resources: &[Resource],
    novelty: impl Fn(&Audience, &str) -> Novelty,
) -> Vec<Permission<'static>> {
    let mut lines = Vec::new();
    for (audience, scopes) in &permissions.0 {
        let resource = match audience {
            Audience::Issuer => None,
            Audience::Resource(id) => resources.iter().find(|resource| resource.identifier == *id),
        };
        let scopes = scopes
            .iter()
            .filter(|scope| *scope != "offline_access")
            .map(|scope| ScopeLine {
                scope: scope.to_owned().into(),
                description: resource.and_then(|r| r.scopes.get(scope)).map(|text| text.clone().into()),
                novelty: novelty(audience, scope),
            })
            .collect();
        let api = match audience {
            Audience::Issuer => None,
            Audience::Resource(id) => {
                let name = resource.map_or_else(|| id.as_str().to_owned(), |resource| resource.name.clone());
                Some(ApiName {
                    name: Cow::Owned(name),
                    host: Some(redirect_uri::host_for_display(id.as_str()).into()),
                })
            }
        };
        lines.push(Permission { resource: api, scopes });
    }
    lines
}

/// Permissions as JSON: one object for each audience, the issuer's without `resource`.
pub(crate) fn permissions_json(permissions: &Permissions) -> Value {
    let each = permissions.0.iter().map(|(audience, scopes)| match audience {
        Audience::Issuer => json!({ "scope": scopes }),
        Audience::Resource(id) => json!({ "resource": id, "scope": scopes }),
    });
    each.collect()
}
