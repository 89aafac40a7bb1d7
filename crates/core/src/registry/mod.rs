//! What may be registered: clients, resources and users, how each is put, changed and deleted, and what follows from it.
//!
//! Fields come as a JSON object ([`client::read`], [`resource::read`], [`user::UserMetadata::read`]), errors name the
//! field ([`FieldError`]), and what is allowed becomes a [`PlannedChange`]: the guarded write and its audit event. A
//! caller loads what [`NamesToLoad`] lists before. [`plan`] does the same for a whole set.
//!
//! ```
//! use grantwell_core::registry::{Violation, client};
//! use serde_json::json;
//!
//! let fields = json!({ "client_id": "web", "redirect_uri": ["https://rp.example/cb"] });
//! let errors = client::read(fields.as_object().unwrap(), None).unwrap_err();
//! assert_eq!(errors[0].field, "redirect_uri");
//! assert_eq!(errors[0].violation, Violation::UnknownField { nearest: Some("redirect_uris") });
//! ```

pub mod client;
mod field;
mod plan;
pub mod resource;
pub mod user;
mod violation;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value, json};

pub use self::{
    field::{Element, FieldError},
    plan::{Declaration, DeclaredObject, Pruning, RegistryPlan, SetError, duplicates, plan},
    violation::{FieldType, PASSWORD_LENGTH, SHORTEST_SECRET, ShownText, Violation},
};
use crate::{
    client::Client,
    id::{ClientId, ResourceIdentifier, UserId},
    resource::Resource,
    step::Origin,
    store::{Event, LoginName, User, Write},
    time::{Entropy, Timestamp},
};

/// Who changes what is registered, when and from where. Not a [`Context`](crate::step::Context): the command line changes
/// what is registered before the realm has keys.
#[derive(Clone, Copy)]
pub struct Registrar<'a> {
    /// Who, for the audit log: `apply`.
    pub by: &'a str,
    /// The issuer, which no resource may be called.
    pub issuer: &'a str,
    /// The present.
    pub now: Timestamp,
    /// For ids.
    pub entropy: &'a dyn Entropy,
    /// Where the change comes from.
    pub origin: &'a Origin,
}

/// What is registered, as far as a change depends on it.
#[derive(Clone, Debug, Default)]
pub struct Existing {
    /// Clients by their ids.
    pub clients: BTreeMap<ClientId, Client>,
    /// Resources by their identifiers.
    pub resources: BTreeMap<ResourceIdentifier, Resource>,
    /// Users by each of their login names.
    pub users: BTreeMap<LoginName, User>,
}

impl Existing {
    /// The resource of that identifier, however it is spelled.
    pub fn resource(&self, identifier: &ResourceIdentifier) -> Option<&Resource> {
        let alike = self.resources.get(identifier);
        let other =
            || self.resources.values().find(|resource| resource.identifier.is_same(identifier.as_str()));
        alike.or_else(other)
    }

    /// The user of that user name; one that has it for an e-mail is another.
    pub fn account(&self, username: &str) -> Option<&User> {
        let name = LoginName::new(username);
        self.users.get(&name).filter(|user| LoginName::new(&user.username) == name)
    }
}

/// What must be in an [`Existing`] for a change to be judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamesToLoad {
    /// Clients.
    pub clients: BTreeSet<ClientId>,
    /// Resources.
    pub resources: BTreeSet<ResourceIdentifier>,
    /// Users.
    pub login_names: BTreeSet<LoginName>,
}

impl NamesToLoad {
    /// Adds what a client and its change depend on.
    pub fn client(&mut self, client: &Client) {
        self.clients.insert(client.client_id.clone());
        self.resources.extend(client.default_resource.iter().flat_map(ResourceIdentifier::spellings));
    }

    /// Adds what a resource and its change depend on.
    pub fn resource(&mut self, resource: &Resource) {
        self.resources.extend(resource.identifier.spellings());
        self.clients.extend(resource.introspection_clients.iter().cloned());
    }

    /// Adds what a user and its change depend on.
    pub fn user(&mut self, user: &user::UserMetadata) {
        self.login_names.extend(user.login_names());
    }
}

/// What is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegisteredObject {
    /// A client.
    Client(ClientId),
    /// A resource.
    Resource(ResourceIdentifier),
    /// A user, with the user name.
    User(UserId, String),
}

impl RegisteredObject {
    /// `client`, `resource` or `user`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Client(_) => "client",
            Self::Resource(_) => "resource",
            Self::User(..) => "user",
        }
    }

    /// The name that it was registered under.
    pub fn name(&self) -> &str {
        match self {
            Self::Client(id) => id.as_str(),
            Self::Resource(identifier) => identifier.as_str(),
            Self::User(_, username) => username,
        }
    }
}

/// What happens to one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It did not exist.
    Create,
    /// Some of its fields change.
    Change,
    /// It is what it should be already.
    Leave,
    /// It is deleted.
    Remove,
}

impl Action {
    /// As output says it: `create`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Change => "change",
            Self::Leave => "leave",
            Self::Remove => "remove",
        }
    }

    /// As the audit log says it: `created`; `None` when nothing happens.
    const fn past(self) -> Option<&'static str> {
        match self {
            Self::Create => Some("created"),
            Self::Change => Some("changed"),
            Self::Leave => None,
            Self::Remove => Some("removed"),
        }
    }
}

/// A change of one object that keeps every rule.
#[derive(Clone, Debug)]
pub struct PlannedChange {
    /// What happens.
    pub action: Action,
    /// To what.
    pub object: RegisteredObject,
    /// Names of the fields that change; never their values.
    pub fields: Vec<String>,
    /// To commit together; nothing for [`Action::Leave`].
    pub writes: Vec<Write>,
}

/// Why an object cannot be deleted: another one names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InUse {
    /// The resource names the client in `introspection_clients`.
    IntrospectionClient {
        /// What would be deleted.
        client: ClientId,
        /// What names it.
        resource: ResourceIdentifier,
    },
    /// The resource is the `default_resource` of the client.
    DefaultResource {
        /// What would be deleted.
        resource: ResourceIdentifier,
        /// What names it.
        client: ClientId,
    },
}

impl PlannedChange {
    /// `fields` are those that differ from what there was; `None`: there was nothing.
    fn put(
        object: RegisteredObject,
        fields: Option<Vec<String>>,
        write: Write,
        with: &Registrar<'_>,
    ) -> Self {
        let action = match &fields {
            None => Action::Create,
            Some(fields) if fields.is_empty() => Action::Leave,
            Some(_) => Action::Change,
        };
        Self { action, object, fields: fields.unwrap_or_default(), writes: vec![write] }.audited(with)
    }

    fn delete(object: RegisteredObject, write: Write, with: &Registrar<'_>) -> Self {
        Self { action: Action::Remove, object, fields: Vec::new(), writes: vec![write] }.audited(with)
    }

    fn audited(mut self, with: &Registrar<'_>) -> Self {
        let Some(past) = self.action.past() else {
            self.writes.clear();
            return self;
        };
        let (user_id, client_id) = match &self.object {
            RegisteredObject::Client(id) => (None, Some(id.clone())),
            RegisteredObject::Resource(_) => (None, None),
            RegisteredObject::User(id, _) => (Some(*id), None),
        };
        let detail = json!({ "by": with.by, "name": self.object.name(), "fields": self.fields });
        let event = with.origin.event(&format!("{}.{past}", self.object.kind()), with.now, with.entropy);
        self.writes.push(Write::Audit(Box::new(Event { user_id, client_id, detail, ..event })));
        self
    }
}

/// The names of the fields in which a record differs from what it was; `None`: it was not there.
fn changed_fields<T: Serialize>(was: Option<&T>, new: &T) -> Option<Vec<String>> {
    let was = record(was?);
    let differs = |(name, value): &(String, Value)| was.get(name) != Some(value);
    Some(record(new).into_iter().filter(differs).map(|(name, _)| name).collect())
}

fn record(record: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(record) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// `fields` with `changes` made to them (RFC 7396): null takes a field away, an object changes members.
fn merged(mut fields: Map<String, Value>, changes: &Map<String, Value>) -> Map<String, Value> {
    for (name, change) in changes {
        match (fields.remove(name), change) {
            (_, Value::Null) => {}
            (Some(Value::Object(members)), Value::Object(changes)) => {
                fields.insert(name.clone(), Value::Object(merged(members, changes)));
            }
            (_, Value::Object(changes)) => {
                fields.insert(name.clone(), Value::Object(merged(Map::new(), changes)));
            }
            (_, value) => {
                fields.insert(name.clone(), value.clone());
            }
        }
    }
    fields
}

#[cfg(test)]
mod tests;
