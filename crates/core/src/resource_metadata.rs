//! What a registered resource may be (RFC 8707 §2; RFC 9068 §2 for its tokens), all errors at once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    client_metadata::{ALGORITHMS, Errors, MetadataError, Shape, check_shown, one_of, read_fields},
    id::{ClientId, ResourceIdentifier},
    jose::Algorithm,
    redirect_uri::{check_identifier, host_for_display},
    resource::{AccessTokenFormat, Resource},
    scope::{OPENID_SCOPES, ScopeSet},
};

/// Every name that is read, with its shape.
pub const FIELDS: &[(&str, Shape)] = &[
    ("identifier", Shape::Text),
    ("name", Shape::Text),
    ("access_token_format", Shape::Text),
    ("access_token_signing_alg", Shape::Text),
    ("access_token_lifetime", Shape::Number),
    ("introspection_clients", Shape::List),
    ("scopes", Shape::Table),
    ("client_id_metadata_documents", Shape::Later("metadata documents", Some("false"))),
];

/// A resource as it was declared.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each field is described on `Resource`")]
pub struct ResourceMetadata {
    pub identifier: Option<String>,
    pub name: Option<String>,
    pub access_token_format: Option<String>,
    pub access_token_signing_alg: Option<String>,
    pub access_token_lifetime: Option<u32>,
    pub introspection_clients: Option<Vec<String>>,
    pub scopes: Option<BTreeMap<String, String>>,
}

impl ResourceMetadata {
    /// Reads a declared table; what is unknown, of a wrong type or of a feature to come is among the errors.
    pub fn read(fields: &Map<String, Value>) -> (Self, Vec<MetadataError>) {
        read_fields(fields, FIELDS)
    }

    /// The resource that this describes, or everything that is wrong with it. The resource is not `applied`.
    pub fn resource(&self) -> Result<Resource, Vec<MetadataError>> {
        let mut errors = Errors::default();
        match self.identifier.as_deref() {
            None => errors.add("identifier", "is missing", None),
            Some(uri) => {
                if let Err(why) = check_identifier(uri) {
                    errors.add("identifier", why.to_string(), Some(uri));
                }
            }
        }
        if let Some(name) = &self.name {
            check_shown(&mut errors, "name", name);
        }
        let format = self.access_token_format.as_deref().unwrap_or("jwt");
        let formats = [("jwt", AccessTokenFormat::Jwt), ("opaque", AccessTokenFormat::Opaque)];
        let format = one_of(&mut errors, "access_token_format", format, &formats);
        let algorithm = self.access_token_signing_alg.as_deref().unwrap_or("ES256");
        let algorithm = one_of(&mut errors, "access_token_signing_alg", algorithm, ALGORITHMS);
        if self.access_token_lifetime.is_some_and(|seconds| !(1..=86_400).contains(&seconds)) {
            let shown = self.access_token_lifetime.map(|seconds| seconds.to_string());
            errors.add("access_token_lifetime", "must be 1 to 86400 seconds", shown.as_deref());
        }
        for (scope, description) in self.scopes.iter().flatten() {
            check_scope(&mut errors, scope, description);
        }
        if !errors.0.is_empty() {
            return Err(errors.0);
        }
        let identifier = self.identifier.clone().unwrap_or_default();
        let unnamed = || match host_for_display(&identifier) {
            host if host == "urn" => identifier.clone(),
            host => host,
        };
        Ok(Resource {
            name: self.name.clone().unwrap_or_else(unnamed),
            access_token_format: format.unwrap_or_default(),
            access_token_signing_alg: algorithm.unwrap_or(Algorithm::ES256),
            access_token_lifetime: self.access_token_lifetime,
            introspection_clients: self
                .introspection_clients
                .iter()
                .flatten()
                .map(|id| ClientId::from(id.as_str()))
                .collect(),
            scopes: self.scopes.clone().unwrap_or_default(),
            applied: false,
            identifier: ResourceIdentifier(identifier),
        })
    }
}

/// One scope and what it means. The issuer answers for OpenID's names itself, so no resource may own one.
fn check_scope(errors: &mut Errors, scope: &str, description: &str) {
    if scope.is_empty() || scope.contains(' ') || ScopeSet::parse(scope).is_err() {
        errors.add("scopes", "has a name that is not one scope of RFC 6749 §3.3", Some(scope));
    } else if OPENID_SCOPES.contains(&scope) {
        errors.add("scopes", "has a name that OpenID Connect gives a meaning of its own", Some(scope));
    }
    let before = errors.0.len();
    check_shown(errors, "scopes", description);
    for error in errors.0.iter_mut().skip(before) {
        error.message = format!("has a description that {}", error.message);
        error.value = Some(scope.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn from(value: Value) -> Result<Resource, Vec<MetadataError>> {
        let (metadata, mut errors) = ResourceMetadata::read(value.as_object().unwrap());
        match metadata.resource() {
            Ok(resource) if errors.is_empty() => Ok(resource),
            Ok(_) => Err(errors),
            Err(more) => {
                errors.extend(more);
                Err(errors)
            }
        }
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
}
