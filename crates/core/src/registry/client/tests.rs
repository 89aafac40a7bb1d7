use std::time::Duration;

use serde_json::json;

use super::{
    super::tests::{kinds, registrar},
    *,
};
use crate::{
    client::AuthMethod,
    fixtures as fx,
    registry::{Action, NamesToLoad},
};

const SECRET: &str = "another secret of more than thirty-two characters";

fn written(change: &PlannedChange) -> &Client {
    let Write::PutClient { client, .. } = &change.writes[0] else { panic!("{:?}", change.writes) };
    client
}

#[test]
fn the_default_resource_exists() {
    let client = Client { default_resource: Some(fx::API.into()), ..fx::client() };
    let mut beside = Existing::default();
    let errors = put(client.clone(), None, &beside, &registrar()).unwrap_err();
    assert_eq!(errors, [FieldError::new("default_resource", Violation::NoSuchResource)]);
    beside.resources.insert(fx::API.into(), fx::resource());
    let change = put(client.clone(), None, &beside, &registrar()).unwrap();
    assert_eq!((change.action, kinds(&change.writes)), (Action::Create, vec!["client.created"]));

    // Kept as the resource is spelled, so that a second run changes nothing.
    for spelling in ["https://api.example", "https://API.example:443/"] {
        let spelled = Client { default_resource: Some(spelling.into()), ..client.clone() };
        let change = put(spelled.clone(), None, &beside, &registrar()).unwrap();
        assert_eq!(written(&change).default_resource, client.default_resource);
        let was = written(&change).clone();
        assert_eq!(put(spelled.clone(), Some(&was), &beside, &registrar()).unwrap().action, Action::Leave);
        let mut names = NamesToLoad::default();
        names.client(&spelled);
        assert!(names.resources.contains(&fx::API.into()), "{:?}", names.resources);
    }
}

#[test]
fn a_client_registered_anew_takes_over_nothing_of_its_predecessor() {
    for disabled in [false, true] {
        let change =
            put(Client { disabled, ..fx::client() }, None, &Existing::default(), &registrar()).unwrap();
        assert_eq!(written(&change).tokens_not_before, fx::NOW);
    }
}

#[test]
fn a_disable_ends_what_was_issued_and_an_enable_does_not_bring_it_back() {
    let (on, beside, with) = (fx::client(), Existing::default(), registrar());
    let off = put(Client { disabled: true, ..on.clone() }, Some(&on), &beside, &with).unwrap();
    assert_eq!(off.fields, ["disabled", "tokens_not_before"]);
    assert_eq!(written(&off).tokens_not_before, fx::NOW);
    let off = written(&off).clone();
    let later = Registrar { now: fx::NOW + Duration::from_secs(9), ..with };
    let named = Client { client_name: None, ..off.clone() };
    assert_eq!(written(&put(named, Some(&off), &beside, &later).unwrap()).tokens_not_before, fx::NOW);
    let on = put(Client { disabled: false, ..off.clone() }, Some(&off), &beside, &later).unwrap();
    assert_eq!(on.fields, ["disabled"]);
    assert_eq!(written(&on).tokens_not_before, fx::NOW);
}

#[test]
fn some_fields_change_and_the_rest_stays() {
    let was = fx::client();
    let changed =
        |changes: Value| change(&was, changes.as_object().unwrap(), &Existing::default(), &registrar());
    for (changes, fields) in [
        (json!({}), &[][..]),
        (json!({"client_name": null}), &["client_name"]),
        (json!({"redirect_uris": ["https://rp.example/new"]}), &["redirect_uris"]),
        (json!({"client_secret": SECRET}), &["client_secret"]),
        (json!({"token_endpoint_auth_method": "none"}), &["token_endpoint_auth_method", "client_secret"]),
        (json!({"grant_types": ["client_credentials"]}), &["grant_types"]),
    ] {
        let change = changed(changes.clone()).unwrap();
        let mut names = change.fields.clone();
        names.sort_unstable();
        let mut wanted = fields.to_vec();
        wanted.sort_unstable();
        assert_eq!(names, wanted, "{changes}");
        assert_eq!(change.action, if fields.is_empty() { Action::Leave } else { Action::Change });
    }
    let change = changed(json!({"client_name": "marker"})).unwrap();
    let Write::PutClient { client, was: Some(guard) } = &change.writes[0] else {
        panic!("{:?}", change.writes)
    };
    assert_eq!(**guard, was, "the guard is the form it was decided on");
    assert_eq!(client.client_secret, was.client_secret);
    assert_eq!(client.token_endpoint_auth_method, AuthMethod::ClientSecretBasic);
    for (changes, error) in [
        (json!({"client_id": "other"}), FieldError::new("client_id", Violation::Fixed)),
        (json!({"client_secret": "short"}), FieldError::new("client_secret", Violation::SecretTooShort)),
        (
            json!({"default_resource": fx::API}),
            FieldError::new("default_resource", Violation::NoSuchResource),
        ),
    ] {
        assert_eq!(changed(changes).unwrap_err(), [error]);
    }
}

#[test]
fn a_client_that_a_resource_names_is_not_deleted() {
    let id = ClientId::from("web");
    let errors = delete(&id, &[fx::API.into()], &registrar()).unwrap_err();
    assert_eq!(errors, [InUse::IntrospectionClient { client: id.clone(), resource: fx::API.into() }]);
    let change = delete(&id, &[], &registrar()).unwrap();
    assert!(matches!(&change.writes[0], Write::DeleteClient(gone) if *gone == id));
    assert_eq!(kinds(&change.writes), ["client.removed"]);
}
