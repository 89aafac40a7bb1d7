use std::sync::LazyLock;

use super::*;
use crate::fixtures::{self as fx, Seeded};

pub(super) fn registrar() -> Registrar<'static> {
    static ENTROPY: Seeded = Seeded::new(4);
    static ORIGIN: LazyLock<Origin> =
        LazyLock::new(|| Origin { address: "192.0.2.1".parse().ok(), trace_id: "trace".into() });
    Registrar { by: "test", issuer: fx::ISSUER, now: fx::NOW, entropy: &ENTROPY, origin: &ORIGIN }
}

/// The kinds of the audit events among `writes`.
pub(super) fn kinds(writes: &[Write]) -> Vec<&str> {
    let events =
        writes.iter().filter_map(|write| if let Write::Audit(event) = write { Some(event) } else { None });
    events.map(|event| event.kind.as_str()).collect()
}

#[test]
fn a_change_is_an_audit_event_without_values() {
    let client = Client { client_name: Some("marker".to_owned()), ..fx::client() };
    for (was, kind, fields) in
        [(None, "client.created", json!([])), (Some(fx::client()), "client.changed", json!(["client_name"]))]
    {
        let change = client::put(client.clone(), was.as_ref(), &Existing::default(), &registrar()).unwrap();
        let [_, Write::Audit(event)] = change.writes.as_slice() else { panic!("{:?}", change.writes) };
        assert_eq!((event.kind.as_str(), event.at), (kind, fx::NOW));
        assert_eq!((event.client_id.clone(), event.user_id), (Some("web".into()), None));
        assert_eq!((event.address.as_deref(), event.trace_id.as_str()), (Some("192.0.2.1"), "trace"));
        assert_eq!(event.detail, json!({ "by": "test", "name": "web", "fields": fields }));
    }
    let change = client::put(client.clone(), Some(&client), &Existing::default(), &registrar()).unwrap();
    assert_eq!(change.action, Action::Leave);
    assert!(change.writes.is_empty(), "nothing happens, and nothing is noted");
}

#[test]
fn a_merge_takes_away_replaces_and_goes_into_objects() {
    for (fields, changes, wanted) in [
        (json!({"a": 1}), json!({}), json!({"a": 1})),
        (json!({"a": 1}), json!({"a": null, "b": null}), json!({})),
        (json!({"a": 1}), json!({"a": [2], "b": 3}), json!({"a": [2], "b": 3})),
        (json!({"a": {"b": 1, "c": 2}}), json!({"a": {"b": null, "d": 4}}), json!({"a": {"c": 2, "d": 4}})),
        (json!({"a": 1}), json!({"a": {"b": null, "c": 1}}), json!({"a": {"c": 1}})),
    ] {
        let (Value::Object(fields), Value::Object(changes)) = (fields, changes) else { panic!("no objects") };
        assert_eq!(Value::Object(merged(fields, &changes)), wanted, "{changes:?}");
    }
}

#[test]
fn what_a_change_depends_on_is_loaded() {
    let mut names = NamesToLoad::default();
    names.client(&Client { default_resource: Some(fx::API.into()), ..fx::client() });
    names.resource(&fx::other_resource());
    names.resource(&fx::resource());
    let fields = json!({"username": "Ada", "email": "ada@example.test"});
    names.user(&user::UserMetadata::read(fields.as_object().unwrap()).unwrap());
    assert_eq!(names.clients, ["api".into(), "web".into()].into());
    let resources = [fx::API, fx::OTHER_API].map(ResourceIdentifier::from);
    assert_eq!(names.resources, resources.iter().flat_map(ResourceIdentifier::spellings).collect());
    assert_eq!(names.login_names, [LoginName::new("ada"), LoginName::new("ada@example.test")].into());
}
