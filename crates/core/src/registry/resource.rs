//! Resources (RFC 8707 §2; RFC 9068 §2 for their tokens): what one may be, how it is put, changed and deleted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Existing, InUse, PlannedChange, RegisteredObject, Registrar, changed_fields,
    field::{self, Errors, FieldError, name_of},
    merged,
    violation::{FieldType, ShownText, Violation},
};
use crate::{
    id::{ClientId, ResourceIdentifier},
    jose::Algorithm,
    redirect_uri::{check_identifier, host_for_display},
    resource::{AccessTokenFormat, Resource},
    scope::{OPENID_SCOPES, ScopeSet},
    store::Write,
};

/// Every name that is read, with what it holds.
const FIELDS: &[(&str, FieldType)] = &[
    ("identifier", FieldType::Text),
    ("name", FieldType::Text),
    ("access_token_format", FieldType::Text),
    ("access_token_signing_alg", FieldType::Text),
    ("access_token_lifetime", FieldType::Number),
    ("introspection_clients", FieldType::List),
    ("scopes", FieldType::Table),
    ("client_id_metadata_documents", FieldType::Later("metadata documents", Some("false"))),
];

const FORMATS: [(&str, AccessTokenFormat); 2] =
    [("jwt", AccessTokenFormat::Jwt), ("opaque", AccessTokenFormat::Opaque)];

/// The shortest and longest life of an access token, in seconds.
const LIFETIMES: (u32, u32) = (1, 86_400);

/// Reads a resource. What no field says is that of `was`.
pub fn read(fields: &Map<String, Value>, was: Option<&Resource>) -> Result<Resource, Vec<FieldError>> {
    let (metadata, mut errors) = field::read::<ResourceMetadata>(fields, FIELDS);
    let mut more = Errors::default();
    let resource = metadata.resource(was, &mut more);
    errors.merge(more);
    errors.into_result(resource)
}

/// The fields of a resource, as [`read`] reads them.
pub fn metadata(resource: &Resource) -> Map<String, Value> {
    field::write(&ResourceMetadata::of(resource))
}

/// Registers `resource`, or replaces `was` by it. The clients it names must be in `beside`, and no other spelling of its identifier.
pub fn put(
    resource: Resource,
    was: Option<&Resource>,
    beside: &Existing,
    with: &Registrar<'_>,
) -> Result<PlannedChange, Vec<FieldError>> {
    let mut errors = Errors::default();
    // The issuer as an audience means UserInfo and nothing else.
    if resource.identifier.is_same(with.issuer) {
        errors.add("identifier", Violation::IssuerIdentifier);
    }
    if was.is_none() && resource.identifier.has_capitals() {
        errors.add("identifier", Violation::Capitals);
    }
    let spellings = resource.identifier.spellings();
    let mut others = spellings.iter().filter(|spelling| **spelling != resource.identifier);
    if others.any(|spelling| beside.resources.contains_key(spelling)) {
        errors.add("identifier", Violation::OtherSpelling);
    }
    for (at, client) in resource.introspection_clients.iter().enumerate() {
        if !beside.clients.contains_key(client) {
            errors.at("introspection_clients", at, Violation::NoSuchClient);
        }
    }
    errors.into_result(())?;
    let object = RegisteredObject::Resource(resource.identifier.clone());
    let fields = changed_fields(was, &resource);
    let write = Write::PutResource { resource: Box::new(resource), was: was.cloned().map(Box::new) };
    Ok(PlannedChange::put(object, fields, write, with))
}

/// Replaces some fields of `was`; null takes a field away (RFC 7396).
pub fn change(
    was: &Resource,
    changes: &Map<String, Value>,
    beside: &Existing,
    with: &Registrar<'_>,
) -> Result<PlannedChange, Vec<FieldError>> {
    let resource = read(&merged(metadata(was), changes), Some(was))?;
    if resource.identifier != was.identifier {
        return Err(vec![FieldError::new("identifier", Violation::Fixed)]);
    }
    put(resource, Some(was), beside, with)
}

/// Deletes a resource. `named_by` are the clients whose `default_resource` it is and stays.
pub fn delete(
    identifier: &ResourceIdentifier,
    named_by: &[ClientId],
    with: &Registrar<'_>,
) -> Result<PlannedChange, Vec<InUse>> {
    let in_use =
        |client: &ClientId| InUse::DefaultResource { client: client.clone(), resource: identifier.clone() };
    if !named_by.is_empty() {
        return Err(named_by.iter().map(in_use).collect());
    }
    let object = RegisteredObject::Resource(identifier.clone());
    Ok(PlannedChange::delete(object, Write::DeleteResource(identifier.clone()), with))
}

/// A resource as it is sent or declared.
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
struct ResourceMetadata {
    identifier: Option<String>,
    name: Option<String>,
    access_token_format: Option<String>,
    access_token_signing_alg: Option<String>,
    access_token_lifetime: Option<u32>,
    introspection_clients: Option<Vec<String>>,
    scopes: Option<BTreeMap<String, String>>,
}

impl ResourceMetadata {
    fn of(resource: &Resource) -> Self {
        let Resource {
            identifier,
            name,
            access_token_format,
            access_token_signing_alg,
            access_token_lifetime,
            introspection_clients,
            scopes,
            applied: _,
        } = resource.clone();
        Self {
            identifier: Some(identifier.0),
            name: Some(name),
            access_token_format: name_of(FORMATS, &access_token_format),
            access_token_signing_alg: Some(access_token_signing_alg.as_str().to_owned()),
            access_token_lifetime,
            introspection_clients: Some(introspection_clients.into_iter().map(|client| client.0).collect()),
            scopes: Some(scopes),
        }
    }

    fn resource(&self, was: Option<&Resource>, errors: &mut Errors) -> Resource {
        match self.identifier.as_deref().map(check_identifier) {
            None => errors.add("identifier", Violation::Missing),
            Some(Err(why)) => errors.add("identifier", Violation::Uri(why)),
            Some(Ok(())) => {}
        }
        if let Some(name) = &self.name {
            errors.shown("name", name);
        }
        let format = self.access_token_format.as_deref().unwrap_or("jwt");
        let format = errors.one_of("access_token_format", format, FORMATS);
        let algorithm = self.access_token_signing_alg.as_deref().unwrap_or("ES256");
        let algorithm = errors.one_of("access_token_signing_alg", algorithm, field::algorithms());
        let (shortest, longest) = LIFETIMES;
        if self.access_token_lifetime.is_some_and(|seconds| !(shortest..=longest).contains(&seconds)) {
            errors.add("access_token_lifetime", Violation::OutOfRange(shortest, longest));
        }
        for (scope, description) in self.scopes.iter().flatten() {
            for violation in wrong_scope(scope, description) {
                errors.member("scopes", scope, violation);
            }
        }
        let identifier = self.identifier.clone().unwrap_or_default();
        let unnamed = || match host_for_display(&identifier) {
            host if host == "urn" => identifier.clone(),
            host => host,
        };
        let clients = self.introspection_clients.iter().flatten();
        Resource {
            name: self.name.clone().unwrap_or_else(unnamed),
            access_token_format: format.unwrap_or_default(),
            access_token_signing_alg: algorithm.unwrap_or(Algorithm::ES256),
            access_token_lifetime: self.access_token_lifetime,
            introspection_clients: clients.map(|id| ClientId::from(id.as_str())).collect(),
            scopes: self.scopes.clone().unwrap_or_default(),
            applied: was.is_some_and(|was| was.applied),
            identifier: ResourceIdentifier(identifier),
        }
    }
}

/// One scope and what it means. The issuer answers for OpenID's names itself, so no resource may own one.
fn wrong_scope(scope: &str, description: &str) -> impl Iterator<Item = Violation> {
    let name = if scope.is_empty() || scope.contains(' ') || ScopeSet::parse(scope).is_err() {
        Some(Violation::ScopeName)
    } else if OPENID_SCOPES.contains(&scope) {
        Some(Violation::OpenIdScope)
    } else {
        None
    };
    name.into_iter().chain(ShownText::check(description).err().map(Violation::Description))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::tests::{kinds, registrar},
        *,
    };
    use crate::{
        fixtures as fx,
        registry::{Action, Element, NamesToLoad},
    };

    fn from(value: Value) -> Result<Resource, Vec<FieldError>> {
        read(value.as_object().unwrap(), None)
    }

    #[test]
    fn a_resource_needs_its_identifier() {
        let resource =
            from(json!({"identifier": "https://api.example.test/", "scopes": {"notes:read": "Read"}}))
                .unwrap();
        assert_eq!(resource.name, "api.example.test");
        assert_eq!(resource.access_token_format, AccessTokenFormat::Jwt);
        assert_eq!(resource.access_token_signing_alg, Algorithm::ES256);
        assert_eq!(resource.scopes["notes:read"], "Read");
        assert_eq!(from(json!({"identifier": "urn:example:api"})).unwrap().name, "urn:example:api");
        assert_eq!(from(json!({})).unwrap_err()[0].field, "identifier");
    }

    #[test]
    fn every_rule_has_its_error() {
        for (field, changes) in [
            ("identifier", json!({"identifier": "api"})),
            ("identifier", json!({"identifier": "https://api.example/#x"})),
            ("identifier", json!({"identifier": "javascript:x"})),
            ("access_token_format", json!({"access_token_format": "jwe"})),
            ("access_token_signing_alg", json!({"access_token_signing_alg": "HS256"})),
            ("access_token_lifetime", json!({"access_token_lifetime": 0})),
            ("access_token_lifetime", json!({"access_token_lifetime": 86_401})),
            ("introspection_clients", json!({"introspection_clients": "web"})),
            ("scopes", json!({"scopes": {"openid": "x"}})),
            ("scopes", json!({"scopes": {"a b": "x"}})),
            ("scopes", json!({"scopes": {"": "x"}})),
            ("scopes", json!({"scopes": {"a": ""}})),
            ("scopes", json!({"scopes": {"a": 1}})),
            ("client_id_metadata_documents", json!({"client_id_metadata_documents": true})),
            ("nmae", json!({"nmae": "x"})),
        ] {
            let mut value =
                json!({"identifier": "https://api.example/", "client_id_metadata_documents": false});
            value.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            let errors = from(value).unwrap_err();
            assert_eq!(errors.len(), 1, "{errors:?}");
            assert_eq!(errors[0].field, field, "{errors:?}");
        }
    }

    #[test]
    fn a_scope_that_is_wrong_is_named() {
        let value =
            json!({"identifier": "https://api.example/", "scopes": {"a": "A", "openid": "x", "b": ""}});
        let errors = from(value).unwrap_err();
        let at = |member: &str, violation| FieldError {
            field: "scopes".to_owned(),
            element: Some(Element::Member(member.to_owned())),
            violation,
        };
        assert_eq!(
            errors,
            [at("b", Violation::Description(ShownText::Empty)), at("openid", Violation::OpenIdScope)]
        );
    }

    #[test]
    fn metadata_is_what_is_read() {
        let value = json!({
            "identifier": "https://api.example/", "name": "Notes", "access_token_format": "opaque",
            "access_token_signing_alg": "EdDSA", "access_token_lifetime": 60,
            "introspection_clients": ["api"], "scopes": {"notes:read": "Read"}
        });
        let resource = from(value.clone()).unwrap();
        assert_eq!(Value::Object(metadata(&resource)), value);
        let applied = Resource { applied: true, ..resource };
        assert_eq!(read(&metadata(&applied), Some(&applied)).unwrap(), applied);
    }

    #[test]
    fn a_resource_is_never_called_like_the_issuer() {
        for identifier in [fx::ISSUER, "https://id.example/", "https://id.example:443"] {
            let resource = from(json!({ "identifier": identifier })).unwrap();
            let errors = put(resource, None, &Existing::default(), &registrar()).unwrap_err();
            assert_eq!(errors, [FieldError::new("identifier", Violation::IssuerIdentifier)], "{identifier}");
        }
    }

    #[test]
    fn a_resource_is_registered_in_one_spelling() {
        let resource = |identifier: &str| from(json!({ "identifier": identifier })).unwrap();
        for (registered, another, is_twin) in [
            ("https://mcp.example/", "https://mcp.example", true),
            ("https://mcp.example", "https://mcp.example:443/", true),
            ("https://mcp.example:443/mcp/", "https://mcp.example/mcp", true),
            ("https://mcp.example/mcp", "https://mcp.example/Mcp", false),
            ("https://mcp.example/mcp", "https://mcp.example/", false),
        ] {
            let mut beside = Existing::default();
            let was = resource(registered);
            beside.resources.insert(was.identifier.clone(), was.clone());
            let change = put(resource(another), None, &beside, &registrar());
            let twin = vec![FieldError::new("identifier", Violation::OtherSpelling)];
            assert_eq!(
                change.map(|change| change.action),
                if is_twin { Err(twin) } else { Ok(Action::Create) }
            );
            assert_eq!(put(was.clone(), Some(&was), &beside, &registrar()).unwrap().action, Action::Leave);
            let mut names = NamesToLoad::default();
            names.resource(&resource(another));
            assert_eq!(names.resources.contains(&was.identifier), is_twin);
        }
    }

    #[test]
    fn scheme_and_host_are_registered_in_lower_case() {
        let put_new = |identifier: &str, was: Option<&Resource>| {
            let resource = from(json!({ "identifier": identifier })).unwrap();
            put(resource, was, &Existing::default(), &registrar()).map(|change| change.action)
        };
        for identifier in ["https://MCP.example/", "HTTPS://mcp.example/", "app://Notes"] {
            let refused = vec![FieldError::new("identifier", Violation::Capitals)];
            assert_eq!(put_new(identifier, None), Err(refused), "{identifier}");
            // Registered before this was a rule.
            let was = from(json!({ "identifier": identifier })).unwrap();
            assert_eq!(put_new(identifier, Some(&was)), Ok(Action::Leave));
        }
        for identifier in ["https://mcp.example/Notes?A", "urn:example:API"] {
            assert_eq!(put_new(identifier, None), Ok(Action::Create), "{identifier}");
        }
    }

    #[test]
    fn clients_that_may_introspect_exist() {
        let resource = from(json!({
            "identifier": "https://api.example/", "introspection_clients": ["web", "api"]
        }))
        .unwrap();
        let mut beside = Existing::default();
        beside.clients.insert("web".into(), fx::client());
        let errors = put(resource.clone(), None, &beside, &registrar()).unwrap_err();
        let element = Some(Element::Index(1));
        let wanted = FieldError::new("introspection_clients", Violation::NoSuchClient);
        assert_eq!(errors, [FieldError { element, ..wanted }]);
        beside.clients.insert("api".into(), fx::client());
        assert_eq!(put(resource, None, &beside, &registrar()).unwrap().action, Action::Create);
    }

    #[test]
    fn some_fields_change_and_the_identifier_never_does() {
        let was =
            from(json!({"identifier": "https://api.example/", "scopes": {"a": "A", "b": "B"}})).unwrap();
        let changed =
            |changes: Value| change(&was, changes.as_object().unwrap(), &Existing::default(), &registrar());
        let change = changed(json!({"scopes": {"b": null, "c": "C"}, "name": "Notes"})).unwrap();
        assert_eq!(
            (change.action, change.fields),
            (Action::Change, vec!["name".to_owned(), "scopes".to_owned()])
        );
        let Write::PutResource { resource, was: Some(guard) } = &change.writes[0] else {
            panic!("{:?}", change.writes)
        };
        assert_eq!(resource.scopes.keys().collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(**guard, was);
        let errors = changed(json!({"identifier": "https://other.example/"})).unwrap_err();
        assert_eq!(errors, [FieldError::new("identifier", Violation::Fixed)]);
        assert_eq!(
            changed(json!({"access_token_lifetime": 0})).unwrap_err()[0].field,
            "access_token_lifetime"
        );
    }

    #[test]
    fn a_resource_that_a_client_names_is_not_deleted() {
        let identifier = ResourceIdentifier::from("https://api.example/");
        let errors = delete(&identifier, &["web".into()], &registrar()).unwrap_err();
        assert_eq!(errors, [InUse::DefaultResource { resource: identifier.clone(), client: "web".into() }]);
        let change = delete(&identifier, &[], &registrar()).unwrap();
        assert!(matches!(&change.writes[0], Write::DeleteResource(gone) if *gone == identifier));
        assert_eq!(kinds(&change.writes), ["resource.removed"]);
    }
}
