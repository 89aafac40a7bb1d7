use std::collections::BTreeMap;

use proptest::{prelude::*, sample::subsequence};

use super::*;
use crate::fixtures as fx;

/// Audience and scopes, or why not.
type Expected = Result<&'static [(&'static str, &'static str)], AudienceRefusal>;

fn asked(scope: &str, resources: &[&str]) -> AudienceRequest {
    let scope = [("scope", scope)].into_iter().filter(|(_, scope)| !scope.is_empty());
    AudienceRequest::read(&Form::from_pairs(scope.chain(resources.iter().map(|id| ("resource", *id)))))
        .unwrap()
}

/// What the store would answer to [`AudienceRequest::to_load`].
fn loaded(asked: &AudienceRequest, client: &Client, all: &[Resource]) -> Vec<Resource> {
    let (identifiers, scopes) = asked.to_load(client);
    let wanted = |r: &&Resource| {
        identifiers.contains(&r.identifier) || scopes.iter().any(|s| r.scopes.contains_key(s))
    };
    all.iter().filter(wanted).cloned().collect()
}

fn resolved(scope: &str, resources: &[&str], client: &Client) -> Result<Permissions, AudienceRefusal> {
    resolved_among(scope, resources, client, &[fx::resource(), fx::other_resource()])
}

fn resolved_among(
    scope: &str,
    resources: &[&str],
    client: &Client,
    all: &[Resource],
) -> Result<Permissions, AudienceRefusal> {
    let asked = asked(scope, resources);
    asked.resolve(client, &loaded(&asked, client, all), fx::ISSUER)
}

fn preferring(default: &str) -> Client {
    Client { default_resource: Some(default.into()), ..fx::client() }
}

#[test]
fn the_audience_is_the_one_named_else_the_owner_else_the_default() {
    let client = fx::client();
    let cases: &[(&str, &[&str], &Client, Expected)] = &[
        // No API scope: the issuer.
        ("openid email", &[], &client, Ok(&[("", "email openid")])),
        // One owner.
        ("openid notes:read", &[], &client, Ok(&[("", "openid"), (fx::API, "notes:read")])),
        ("notes:read notes:write", &[], &client, Ok(&[(fx::API, "notes:read notes:write")])),
        // Two owners, and nothing says which.
        ("notes:read other", &[], &client, Err(AudienceRefusal::AmbiguousResource)),
        // The default decides; what it does not own is dropped.
        ("notes:read other", &[], &preferring(fx::API), Ok(&[(fx::API, "notes:read")])),
        (
            "openid notes:read other",
            &[],
            &preferring(fx::OTHER_API),
            Ok(&[("", "openid"), (fx::OTHER_API, "other")]),
        ),
        // One owner wins over the default.
        ("other", &[], &preferring(fx::API), Ok(&[(fx::OTHER_API, "other")])),
        // Named: that one, whoever owns the scopes.
        ("notes:read other", &[fx::API], &client, Ok(&[(fx::API, "notes:read")])),
        ("openid other", &[fx::API], &client, Ok(&[("", "openid"), (fx::API, "")])),
        ("other", &[fx::API], &client, Err(AudienceRefusal::NoScopeLeft)),
        (
            "openid notes:read other",
            &[fx::OTHER_API, fx::API],
            &client,
            Ok(&[("", "openid"), (fx::API, "notes:read"), (fx::OTHER_API, "other")]),
        ),
        // The issuer named: UserInfo, and no API beside it.
        ("openid notes:read", &[fx::ISSUER], &client, Ok(&[("", "openid")])),
        ("notes:read", &[fx::ISSUER], &client, Err(AudienceRefusal::NoScopeLeft)),
        ("notes:read", &[fx::ISSUER, fx::API], &client, Ok(&[("", ""), (fx::API, "notes:read")])),
        // No scope asked: the registered ones at the one named.
        ("", &[fx::OTHER_API], &client, Ok(&[("", "email profile"), (fx::OTHER_API, "other")])),
    ];
    for (scope, resources, client, expected) in cases {
        let expected = expected.clone().map(fx::permissions);
        assert_eq!(resolved(scope, resources, client), expected, "{scope} {resources:?}");
    }
}

#[test]
fn an_api_is_granted_as_it_is_registered_however_the_request_spells_it() {
    let granted = fx::permissions(&[("", "openid"), (fx::API, "notes:read")]);
    let bare = Resource { identifier: "https://api.example".into(), ..fx::resource() };
    let bare_granted = fx::permissions(&[("", "openid"), ("https://api.example", "notes:read")]);
    for sent in
        ["https://api.example", "https://api.example/", "https://API.example", "https://api.example:443/"]
    {
        let scope = "openid notes:read";
        assert_eq!(resolved(scope, &[sent], &fx::client()), Ok(granted.clone()), "{sent}");
        assert_eq!(resolved(scope, &[fx::API, sent], &fx::client()), Ok(granted.clone()), "{sent}, twice");
        let one = std::slice::from_ref(&bare);
        assert_eq!(resolved_among(scope, &[sent], &fx::client(), one), Ok(bare_granted.clone()), "{sent}");
        // Without a scope that leads to the API.
        let default = Client { scope: fx::scopes("openid"), ..preferring(fx::API) };
        let expected = Ok(fx::permissions(&[("", "openid"), (fx::API, "")]));
        assert_eq!(resolved("openid", &[sent], &default), expected, "{sent}");
    }
    for issuer in ["https://id.example/", "https://ID.example:443"] {
        let expected = Ok(fx::permissions(&[("", "openid")]));
        assert_eq!(resolved("openid notes:read", &[issuer], &fx::client()), expected, "{issuer}");
    }
    // Registered as two before they were one: the one that is spelled like the request.
    let both = [fx::resource(), bare];
    for sent in [fx::API, "https://api.example"] {
        let expected = fx::permissions(&[("", "openid"), (sent, "notes:read")]);
        assert_eq!(resolved_among("openid notes:read", &[sent], &fx::client(), &both), Ok(expected));
    }
}

#[test]
fn no_scope_asked_means_the_registered_ones_without_openid_and_offline_access() {
    let client = Client { scope: fx::scopes("openid email offline_access notes:read"), ..fx::client() };
    for scope in ["", " "] {
        let expected = fx::permissions(&[("", "email"), (fx::API, "notes:read")]);
        assert_eq!(resolved(scope, &[], &client), Ok(expected));
    }
    let signs_in = Client { scope: fx::scopes("openid offline_access"), ..fx::client() };
    assert_eq!(resolved("", &[], &signs_in), Err(AudienceRefusal::NoScopeLeft));
}

#[test]
fn a_07_a_scope_that_is_not_the_clients_is_dropped() {
    let client = Client { scope: fx::scopes("openid notes:read"), ..fx::client() };
    let expected = fx::permissions(&[("", "openid"), (fx::API, "notes:read")]);
    assert_eq!(resolved("openid email notes:read notes:write other", &[], &client), Ok(expected));
    assert_eq!(resolved("notes:write", &[], &client), Err(AudienceRefusal::NoScopeLeft));
    assert_eq!(resolved("notes:write", &[fx::API], &client), Err(AudienceRefusal::NoScopeLeft));
}

#[test]
fn a_20_only_a_registered_resource_that_is_the_clients_to_ask_for() {
    let client = Client { scope: fx::scopes("openid notes:read"), ..fx::client() };
    for unknown in ["/api", "https://api.example/x", "https://api.example/#x", "https://nobody.example/"] {
        assert_eq!(
            resolved("openid", &[unknown], &client),
            Err(AudienceRefusal::UnknownResource),
            "{unknown}"
        );
    }
    let foreign = resolved("openid", &[fx::OTHER_API], &client);
    assert_eq!(foreign, Err(AudienceRefusal::ResourceNotAllowed));
    let default = Client { default_resource: Some(fx::OTHER_API.into()), ..client };
    let expected = fx::permissions(&[("", "openid"), (fx::OTHER_API, "")]);
    assert_eq!(resolved("openid", &[fx::OTHER_API], &default), Ok(expected), "its default, without a scope");
    for refusal in [
        AudienceRefusal::UnknownResource,
        AudienceRefusal::ResourceNotAllowed,
        AudienceRefusal::AmbiguousResource,
        AudienceRefusal::TooManyResources,
    ] {
        assert_eq!(refusal.public().code, ErrorCode::InvalidTarget);
    }
}

#[test]
fn a_default_that_owns_nothing_asked_for_decides_nothing() {
    let third = Resource {
        identifier: "https://third.example/".into(),
        scopes: BTreeMap::from([("third".to_owned(), "Third".to_owned())]),
        ..fx::resource()
    };
    let all = [fx::resource(), fx::other_resource(), third];
    let client = preferring("https://third.example/");
    let refused = resolved_among("notes:read other", &[], &client, &all);
    assert_eq!(refused, Err(AudienceRefusal::AmbiguousResource));
}

#[test]
fn two_apis_with_one_name_for_a_scope_are_ambiguous() {
    let twin = Resource { identifier: "https://twin.example/".into(), ..fx::resource() };
    let all = [fx::resource(), twin];
    let refused = resolved_among("notes:read", &[], &fx::client(), &all);
    assert_eq!(refused, Err(AudienceRefusal::AmbiguousResource));
    let chosen = resolved_among("notes:read", &["https://twin.example/"], &fx::client(), &all);
    assert_eq!(chosen, Ok(fx::permissions(&[("https://twin.example/", "notes:read")])));
}

#[test]
fn a_scope_that_no_api_owns_is_the_issuers() {
    let client = Client { scope: fx::scopes("openid reports"), ..fx::client() };
    assert_eq!(resolved("reports", &[], &client), Ok(fx::permissions(&[("", "reports")])));
    // An API cannot take a scope of OpenID Connect for itself.
    let greedy = Resource {
        scopes: BTreeMap::from([("openid".to_owned(), "All of it".to_owned())]),
        ..fx::resource()
    };
    assert!(!asked("openid", &[]).to_load(&client).1.contains("openid"));
    let granted = asked("openid", &[]).resolve(&client, &[greedy], fx::ISSUER);
    assert_eq!(granted, Ok(fx::permissions(&[("", "openid")])));
}

#[test]
fn offline_access_is_for_clients_that_can_refresh() {
    let client = Client { grant_types: [GrantType::AuthorizationCode].into(), ..fx::client() };
    let scope = "openid offline_access";
    assert_eq!(resolved(scope, &[], &client), Ok(fx::permissions(&[("", "openid")])));
    assert_eq!(resolved(scope, &[], &fx::client()), Ok(fx::permissions(&[("", scope)])));
}

#[test]
fn what_is_asked_is_read_once_and_bounded() {
    let form = Form::from_pairs([("resource", "a"), ("audience", "b"), ("resource", "b"), ("audience", "a")]);
    assert_eq!(AudienceRequest::read(&form).unwrap().resources, ["a".into(), "b".into()]);
    let names: Vec<String> = (0..9).map(|n| n.to_string()).collect();
    let nine = Form::from_pairs(names.iter().map(|name| ("resource", name.as_str())));
    assert_eq!(AudienceRequest::read(&nine), Err(AudienceRefusal::TooManyResources));
    let eight = Form::from_pairs(names.iter().take(8).map(|name| ("audience", name.as_str())));
    assert_eq!(AudienceRequest::read(&eight).unwrap().resources.len(), 8);
    let twice = Form::from_pairs([("scope", "a"), ("scope", "a")]);
    assert_eq!(AudienceRequest::read(&twice), Err(AudienceRefusal::Repeated));
    assert_eq!(AudienceRefusal::Repeated.public().code, ErrorCode::InvalidRequest);
    let malformed = AudienceRequest::read(&Form::from_pairs([("scope", "a\"")])).unwrap_err();
    assert_eq!((malformed.public().code, malformed.reason()), (ErrorCode::InvalidScope, "scope_syntax"));
}

#[test]
fn the_default_and_the_owners_are_loaded() {
    let (identifiers, scopes) = asked("openid notes:read admin", &["x"]).to_load(&preferring(fx::API));
    assert_eq!(identifiers, ["x".into(), fx::API.into()]);
    assert_eq!(scopes, fx::scopes("notes:read"));
}

const SOME_SCOPES: &[&str] =
    &["openid", "email", "offline_access", "notes:read", "notes:write", "other", "reports"];
const SOME_RESOURCES: &[&str] = &[fx::ISSUER, fx::API, fx::OTHER_API, "https://nobody.example/"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_07_a_20_no_permission_that_was_not_asked_for_registered_and_owned(
        asked_scopes in subsequence(SOME_SCOPES, 0..=SOME_SCOPES.len()),
        registered in subsequence(SOME_SCOPES, 0..=SOME_SCOPES.len()),
        resources in subsequence(SOME_RESOURCES, 0..=SOME_RESOURCES.len()),
        default in proptest::option::of(proptest::sample::select(SOME_RESOURCES)),
    ) {
        let client = Client {
            scope: registered.into_iter().collect(),
            default_resource: default.map(Into::into),
            ..fx::client()
        };
        let asked_scopes: ScopeSet = asked_scopes.into_iter().collect();
        let Ok(permissions) = resolved(&asked_scopes.to_string(), &resources, &client) else { return Ok(()) };
        prop_assert!(!permissions.is_empty());
        prop_assert!(permissions.scopes().is_subset(&client.scope));
        prop_assert!(asked_scopes.is_empty() || permissions.scopes().is_subset(&asked_scopes));
        let all = [fx::resource(), fx::other_resource()];
        for (audience, scopes) in &permissions.0 {
            match audience {
                Audience::Issuer => {
                    prop_assert!(scopes.iter().all(|s| all.iter().all(|r| !r.scopes.contains_key(s))));
                }
                Audience::Resource(identifier) => {
                    let owner = all.iter().find(|r| r.identifier == *identifier);
                    let owner = owner.expect("a registered one");
                    prop_assert!(scopes.iter().all(|s| owner.scopes.contains_key(s)));
                    prop_assert!(resources.is_empty() || resources.contains(&identifier.as_str()));
                }
            }
        }
        let named = resources.iter().filter(|id| **id != fx::ISSUER).count();
        let apis = permissions.resources().count();
        let fits = if resources.is_empty() { apis <= 1 } else { apis == named };
        prop_assert!(fits);
    }
}
