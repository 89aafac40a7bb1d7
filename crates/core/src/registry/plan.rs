//! A whole set: what must be done so that everything in it is registered, and what is wrong with it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Existing, FieldError, InUse, PlannedChange, Registrar, Violation, client, resource, user};
use crate::{
    client::Client,
    id::{ClientId, ResourceIdentifier, UserId},
    resource::Resource,
    store::{Applied, LoginName, References, User, Write},
};

/// What is to be registered when the plan is done.
#[derive(Clone, Debug, Default)]
pub struct Declaration {
    /// Resources.
    pub resources: Vec<Resource>,
    /// Clients.
    pub clients: Vec<Client>,
    /// Users; one that exists has its id.
    pub users: Vec<User>,
}

/// What an earlier set made: of it goes what this one does not declare.
#[derive(Clone, Debug, Default)]
pub struct Pruning {
    /// What was made.
    pub applied: Applied,
    /// What refers to that of it which goes.
    pub references: References,
}

/// An object of a [`Declaration`], by its place there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeclaredObject {
    /// In `resources`.
    Resource(usize),
    /// In `clients`.
    Client(usize),
    /// In `users`.
    User(usize),
}

/// What is wrong with a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetError {
    /// A field of one object.
    Field(DeclaredObject, FieldError),
    /// What would go is named by something that is not in the set.
    InUse(InUse),
    /// More than [`References::MOST`] clients or resources name what would go: not all of them were looked at.
    TooManyReferences,
}

/// The changes of a set.
#[derive(Clone, Debug, Default)]
pub struct RegistryPlan {
    /// One for each object, also for those that stay as they are. Their writes are in `writes`.
    pub changes: Vec<PlannedChange>,
    /// To commit together, in this order.
    pub writes: Vec<Write>,
}

/// Compares a set with what there is. Removals come first, so that a name they free can be given anew.
pub fn plan(
    declared: &Declaration,
    existing: &Existing,
    pruning: Option<&Pruning>,
    with: &Registrar<'_>,
) -> Result<RegistryPlan, Vec<SetError>> {
    let pruned = pruning.map_or_else(Pruned::default, |pruning| Pruned::of(declared, &pruning.applied));
    let beside = beside(declared, existing, &pruned);
    let accounts: BTreeMap<_, _> = existing.users.values().map(|user| (user.id, user)).collect();
    let errors = duplicates(
        declared.resources.iter().map(|resource| &resource.identifier),
        declared.clients.iter().map(|client| &client.client_id),
        declared.users.iter().map(|user| (user.username.as_str(), user.email.as_deref())),
    );
    let mut planning = Planning { plan: RegistryPlan::default(), errors };
    if let Some(pruning) = pruning {
        if pruning.references.is_cut {
            planning.errors.push(SetError::TooManyReferences);
        }
        planning.remove(&pruned, &pruned.still_named(declared, &pruning.references), with);
    }
    for (at, resource) in declared.resources.iter().enumerate() {
        let was = existing.resources.get(&resource.identifier);
        planning.add(DeclaredObject::Resource(at), resource::put(resource.clone(), was, &beside, with));
    }
    for (at, client) in declared.clients.iter().enumerate() {
        let was = existing.clients.get(&client.client_id);
        planning.add(DeclaredObject::Client(at), client::put(client.clone(), was, &beside, with));
    }
    let released = released(declared, existing, &beside);
    for user in released.values() {
        let was = accounts.get(&user.id).map(|was| Box::new((*was).clone()));
        planning.plan.writes.push(Write::PutUser { user: Box::new(user.clone()), was });
    }
    for (at, user) in declared.users.iter().enumerate() {
        let change = user::put(user.clone(), accounts.get(&user.id).copied(), &beside, with);
        let change = change.map(|change| after(released.get(&user.id), change));
        planning.add(DeclaredObject::User(at), change);
    }
    if planning.errors.is_empty() { Ok(planning.plan) } else { Err(planning.errors) }
}

/// Names that a set gives to two objects. `logins` are the user name and the e-mail of each user.
pub fn duplicates<'a>(
    resources: impl IntoIterator<Item = &'a ResourceIdentifier>,
    clients: impl IntoIterator<Item = &'a ClientId>,
    logins: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
) -> Vec<SetError> {
    let twice = |object, field| SetError::Field(object, FieldError::new(field, Violation::GivenTwice));
    let mut errors = Vec::new();
    let (mut seen, mut canonical) = (BTreeSet::new(), BTreeSet::new());
    for (at, identifier) in resources.into_iter().enumerate() {
        if !seen.insert(identifier) {
            errors.push(twice(DeclaredObject::Resource(at), "identifier"));
        } else if !canonical.insert(identifier.canonical()) {
            let error = FieldError::new("identifier", Violation::OtherSpelling);
            errors.push(SetError::Field(DeclaredObject::Resource(at), error));
        }
    }
    let mut seen = BTreeSet::new();
    for (at, client_id) in clients.into_iter().enumerate() {
        if !seen.insert(client_id) {
            errors.push(twice(DeclaredObject::Client(at), "client_id"));
        }
    }
    let mut seen = BTreeSet::new();
    for (at, (username, email)) in logins.into_iter().enumerate() {
        let username = LoginName::new(username);
        let email = email.map(LoginName::new).filter(|email| *email != username);
        if !seen.insert(username) {
            errors.push(twice(DeclaredObject::User(at), "username"));
        }
        if email.is_some_and(|email| !seen.insert(email)) {
            errors.push(twice(DeclaredObject::User(at), "email"));
        }
    }
    errors
}

/// What goes.
#[derive(Default)]
struct Pruned {
    clients: BTreeSet<ClientId>,
    resources: BTreeSet<ResourceIdentifier>,
    users: BTreeMap<UserId, String>,
}

/// What stays and names something that goes.
#[derive(Default)]
struct StillNamed {
    clients: BTreeMap<ClientId, Vec<ResourceIdentifier>>,
    resources: BTreeMap<ResourceIdentifier, Vec<ClientId>>,
}

impl Pruned {
    fn of(declared: &Declaration, applied: &Applied) -> Self {
        let Applied { clients, resources, users } = applied.clone();
        let mut pruned = Self {
            clients: clients.into_iter().collect(),
            resources: resources.into_iter().collect(),
            users: users.into_iter().collect(),
        };
        for client in &declared.clients {
            pruned.clients.remove(&client.client_id);
        }
        for resource in &declared.resources {
            pruned.resources.remove(&resource.identifier);
        }
        for user in &declared.users {
            pruned.users.remove(&user.id);
        }
        pruned
    }

    /// What the set declares is checked as it will be, and what goes needs nothing.
    fn still_named(&self, declared: &Declaration, references: &References) -> StillNamed {
        let resources: BTreeSet<_> = declared.resources.iter().map(|resource| &resource.identifier).collect();
        let clients: BTreeSet<_> = declared.clients.iter().map(|client| &client.client_id).collect();
        let mut named = StillNamed::default();
        for (resource, client) in &references.introspection_clients {
            if !resources.contains(resource) && !self.resources.contains(resource) {
                named.clients.entry(client.clone()).or_default().push(resource.clone());
            }
        }
        for (client, resource) in &references.default_resources {
            if !clients.contains(client) && !self.clients.contains(client) {
                named.resources.entry(resource.clone()).or_default().push(client.clone());
            }
        }
        named
    }
}

/// What there will be when the plan is done, as far as it is known; of users, the names that are not given up.
fn beside(declared: &Declaration, existing: &Existing, pruned: &Pruned) -> Existing {
    let mut beside = existing.clone();
    beside.clients.retain(|id, _| !pruned.clients.contains(id));
    beside.clients.extend(declared.clients.iter().map(|client| (client.client_id.clone(), client.clone())));
    beside.resources.retain(|identifier, _| !pruned.resources.contains(identifier));
    let resources = declared.resources.iter();
    beside.resources.extend(resources.map(|resource| (resource.identifier.clone(), resource.clone())));
    let users: BTreeMap<_, _> = declared.users.iter().map(|user| (user.id, user)).collect();
    beside.users.retain(|name, holder| {
        let keeps =
            |user: &&User| user.login_names().contains(name) || LoginName::new(&holder.username) == *name;
        !pruned.users.contains_key(&holder.id) && users.get(&holder.id).is_none_or(keeps)
    });
    beside
}

/// Users whose e-mail another one takes, as they are once they gave it up: the order of the set does not matter, and two
/// people can swap theirs.
fn released(declared: &Declaration, existing: &Existing, beside: &Existing) -> BTreeMap<UserId, User> {
    let ids: BTreeSet<_> = declared.users.iter().map(|user| user.id).collect();
    let mut released = BTreeMap::new();
    for taker in &declared.users {
        for name in taker.login_names().iter().filter(|name| !beside.users.contains_key(name)) {
            if let Some(holder) = existing.users.get(name)
                && holder.id != taker.id
                && ids.contains(&holder.id)
            {
                released.insert(holder.id, User { email: None, ..holder.clone() });
            }
        }
    }
    released
}

/// The change with the guard that fits after what the user gave up.
fn after(released: Option<&User>, mut change: PlannedChange) -> PlannedChange {
    if let Some(released) = released {
        for write in &mut change.writes {
            if let Write::PutUser { was, .. } = write {
                *was = Some(Box::new(released.clone()));
            }
        }
    }
    change
}

struct Planning {
    plan: RegistryPlan,
    errors: Vec<SetError>,
}

impl Planning {
    fn add(&mut self, object: DeclaredObject, change: Result<PlannedChange, Vec<FieldError>>) {
        match change {
            Ok(change) => self.keep(change),
            Err(errors) => {
                let errors = errors.into_iter().map(|error| SetError::Field(object, error));
                for error in errors {
                    // Two spellings in one set were found before.
                    if !self.errors.contains(&error) {
                        self.errors.push(error);
                    }
                }
            }
        }
    }

    fn remove(&mut self, pruned: &Pruned, named: &StillNamed, with: &Registrar<'_>) {
        for id in &pruned.clients {
            let named_by = named.clients.get(id).map_or(&[][..], Vec::as_slice);
            self.removed(client::delete(id, named_by, with));
        }
        for identifier in &pruned.resources {
            let named_by = named.resources.get(identifier).map_or(&[][..], Vec::as_slice);
            self.removed(resource::delete(identifier, named_by, with));
        }
        for (id, username) in &pruned.users {
            self.keep(user::delete(*id, username, with));
        }
    }

    fn removed(&mut self, change: Result<PlannedChange, Vec<InUse>>) {
        match change {
            Ok(change) => self.keep(change),
            Err(errors) => self.errors.extend(errors.into_iter().map(SetError::InUse)),
        }
    }

    fn keep(&mut self, mut change: PlannedChange) {
        self.plan.writes.append(&mut change.writes);
        self.plan.changes.push(change);
    }
}

#[cfg(test)]
mod tests;
