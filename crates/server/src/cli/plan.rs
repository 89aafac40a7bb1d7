//! What `apply` would do: a pure comparison of what is declared with what there is.

use std::collections::{BTreeMap, BTreeSet};

use grantwell_core::{
    client::Client,
    id::{ClientId, EventId, ResourceIdentifier, UserId},
    resource::Resource,
    store::{Applied, Event, LoginName, References, User, Write},
    time::{Entropy, Timestamp},
    user_metadata::UserMetadata,
};
use serde_json::{Value, json};

use super::state::{Declared, State};
use crate::config::{Problem, Problems, Source};

/// What there is, as far as the declared objects touch it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Existing {
    /// Clients that the file declares or names.
    pub(crate) clients: BTreeMap<ClientId, Client>,
    /// Resources that the file declares or names.
    pub(crate) resources: BTreeMap<ResourceIdentifier, Resource>,
    /// Users that have one of the declared login names.
    pub(crate) users: BTreeMap<LoginName, User>,
    /// What earlier runs made.
    pub(crate) applied: Applied,
    /// What refers to those of them that the file declares no longer.
    pub(crate) references: References,
}

/// How passwords become hashes and are compared with them.
pub(crate) struct Hashing<'a> {
    /// Password → PHC string.
    pub(crate) hash: &'a dyn Fn(&str) -> Result<String, String>,
    /// Whether the password is the one the PHC string was made of.
    pub(crate) verify: &'a dyn Fn(&str, &str) -> bool,
}

/// What becomes of objects that an earlier run made and the file declares no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undeclared {
    /// They stay.
    Keep,
    /// They go.
    Prune,
}

/// All that a plan is made with besides the two sides.
pub(crate) struct Circumstances<'a> {
    pub(crate) now: Timestamp,
    pub(crate) entropy: &'a dyn Entropy,
    pub(crate) hashing: Hashing<'a>,
    pub(crate) undeclared: Undeclared,
    /// The issuer, which no resource may be called.
    pub(crate) issuer: &'a str,
}

/// What happens to one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Create,
    Change,
    Leave,
    Remove,
}

impl Action {
    /// For output and for the audit log.
    pub(crate) const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Create => ("create", "created"),
            Self::Change => ("change", "changed"),
            Self::Leave => ("leave", "left"),
            Self::Remove => ("remove", "removed"),
        }
    }
}

/// One line of the plan.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) action: Action,
    /// `resource`, `client` or `user`.
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    /// Names of the fields that change; never their values.
    pub(crate) fields: Vec<String>,
    /// Of a user.
    user_id: Option<UserId>,
}

/// What will be done.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    pub(crate) writes: Vec<Write>,
}

/// Compares the two sides. Removals come first, so that a name they free can be given anew.
pub(crate) fn plan(
    source: &Source,
    state: &State,
    existing: &Existing,
    with: &Circumstances<'_>,
) -> Result<Plan, Problems> {
    let (plan, released) = (Plan::default(), BTreeMap::new());
    let mut planning = Planning { source, existing, with, plan, released, problems: Vec::new() };
    let mut trace = [0; 16];
    with.entropy.fill(&mut trace);
    let trace = trace.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    planning.check_references(state);
    if with.undeclared == Undeclared::Prune {
        planning.remove(state);
    }
    for resource in &state.resources {
        planning.resource(resource);
    }
    for client in &state.clients {
        planning.client(client);
    }
    planning.release(state);
    for user in &state.users {
        planning.user(user);
    }
    if !planning.problems.is_empty() {
        return Err(Problems::sorted(planning.problems));
    }
    let events: Vec<Write> = planning
        .plan
        .steps
        .iter()
        .filter(|step| step.action != Action::Leave)
        .map(|step| Write::Audit(Box::new(event(step, &trace, with))))
        .collect();
    planning.plan.writes.extend(events);
    Ok(planning.plan)
}

fn event(step: &Step, trace: &str, with: &Circumstances<'_>) -> Event {
    Event {
        id: EventId::new(with.now, with.entropy),
        at: with.now,
        kind: format!("{}.{}", step.kind, step.action.words().1),
        user_id: step.user_id,
        client_id: (step.kind == "client").then(|| ClientId::from(step.name.as_str())),
        address: None,
        trace_id: trace.to_owned(),
        detail: json!({ "by": "apply", "name": step.name, "fields": step.fields }),
    }
}

struct Planning<'a> {
    source: &'a Source,
    existing: &'a Existing,
    with: &'a Circumstances<'a>,
    plan: Plan,
    /// Users who give up an address that somebody else takes in the same run, as they are once they have.
    released: BTreeMap<UserId, User>,
    problems: Vec<Problem>,
}

impl Planning<'_> {
    fn step(&mut self, action: Action, kind: &'static str, name: impl ToString, fields: Vec<String>) {
        self.plan.steps.push(Step { action, kind, name: name.to_string(), fields, user_id: None });
    }

    fn user_step(&mut self, action: Action, id: UserId, name: &str, fields: Vec<String>) {
        let name = name.to_owned();
        self.plan.steps.push(Step { action, kind: "user", name, fields, user_id: Some(id) });
    }

    fn wrong<T>(&mut self, declared: &Declared<T>, field: &str, at: Option<usize>, message: String) {
        self.problems.push(declared.problem(self.source, field, at, message));
    }

    /// What a declared object names must be there when the plan is done.
    fn check_references(&mut self, state: &State) {
        let resources: BTreeSet<_> = state.resources.iter().map(|r| r.value.identifier.clone()).collect();
        let clients: BTreeSet<_> = state.clients.iter().map(|c| c.value.client_id.clone()).collect();
        let prune = self.with.undeclared == Undeclared::Prune;
        for client in &state.clients {
            let Some(wanted) = &client.value.default_resource else { continue };
            let goes = prune && self.existing.applied.resources.contains(wanted);
            if !resources.contains(wanted) && (goes || !self.existing.resources.contains_key(wanted)) {
                let message = format!("default_resource names a resource that does not exist: {wanted}");
                self.wrong(client, "default_resource", None, message);
            }
        }
        for resource in &state.resources {
            for (at, wanted) in resource.value.introspection_clients.iter().enumerate() {
                let goes = prune && self.existing.applied.clients.contains(wanted);
                if !clients.contains(wanted) && (goes || !self.existing.clients.contains_key(wanted)) {
                    let message =
                        format!("introspection_clients names a client that does not exist: {wanted}");
                    self.wrong(resource, "introspection_clients", Some(at), message);
                }
            }
            // The issuer as an audience means UserInfo and nothing else.
            if resource.value.identifier.as_str().trim_end_matches('/')
                == self.with.issuer.trim_end_matches('/')
            {
                self.wrong(
                    resource,
                    "identifier",
                    None,
                    "a resource cannot have the identifier of the issuer".to_owned(),
                );
            }
        }
    }

    fn remove(&mut self, state: &State) {
        let applied = &self.existing.applied;
        let clients: BTreeSet<_> = state.clients.iter().map(|client| &client.value.client_id).collect();
        let resources: BTreeSet<_> =
            state.resources.iter().map(|resource| &resource.value.identifier).collect();
        // What the file declares is checked where it stands, and what goes with them needs nothing.
        for (resource, client) in &self.existing.references.introspection_clients {
            if !resources.contains(resource) && !applied.resources.contains(resource) {
                self.problems.push(Problem::nowhere(format!(
                    "--prune would remove the client {client}, which the resource {resource} of the database names in \
                     introspection_clients: declare one of them, or change the resource first"
                )));
            }
        }
        for (client, resource) in &self.existing.references.default_resources {
            if !clients.contains(client) && !applied.clients.contains(client) {
                self.problems.push(Problem::nowhere(format!(
                    "--prune would remove the resource {resource}, which is the default_resource of the client {client} \
                     of the database: declare one of them, or change the client first"
                )));
            }
        }
        if self.existing.references.is_cut {
            self.problems.push(Problem::nowhere(format!(
                "more than {} clients or resources of the database name what --prune would remove: apply the file without \
                 --prune first, or change them",
                References::MOST
            )));
        }
        for id in applied.clients.iter().filter(|id| !clients.contains(id)) {
            self.step(Action::Remove, "client", id, Vec::new());
            self.plan.writes.push(Write::DeleteClient(id.clone()));
        }
        for id in applied.resources.iter().filter(|id| !resources.contains(id)) {
            self.step(Action::Remove, "resource", id, Vec::new());
            self.plan.writes.push(Write::DeleteResource(id.clone()));
        }
        for (id, name) in self.pruned_users(state) {
            self.user_step(Action::Remove, id, &name, Vec::new());
            self.plan.writes.push(Write::DeleteUser(id));
        }
    }

    fn pruned_users(&self, state: &State) -> Vec<(UserId, String)> {
        let declared: BTreeSet<_> =
            state.users.iter().map(|user| LoginName::new(&user.value.username)).collect();
        let goes = |(_, name): &&(UserId, String)| !declared.contains(&LoginName::new(name));
        self.existing.applied.users.iter().filter(goes).cloned().collect()
    }

    fn resource(&mut self, declared: &Declared<Resource>) {
        let new = Resource { applied: true, ..declared.value.clone() };
        let was = self.existing.resources.get(&new.identifier).cloned();
        let fields = changed(was.as_ref().map(serde_json::to_value), serde_json::to_value(&new));
        let action = action(was.is_some(), &fields);
        self.step(action, "resource", &new.identifier, fields);
        if action != Action::Leave {
            self.plan.writes.push(Write::PutResource { resource: Box::new(new), was: was.map(Box::new) });
        }
    }

    fn client(&mut self, declared: &Declared<Client>) {
        let mut new = Client { applied: true, ..declared.value.clone() };
        let was = self.existing.clients.get(&new.client_id).cloned();
        if let Some(was) = &was {
            let disabled_now = new.disabled && !was.disabled;
            new.tokens_not_before = if disabled_now { self.with.now } else { was.tokens_not_before };
        }
        let fields = changed(was.as_ref().map(serde_json::to_value), serde_json::to_value(&new));
        let action = action(was.is_some(), &fields);
        self.step(action, "client", &new.client_id, fields);
        if action != Action::Leave {
            self.plan.writes.push(Write::PutClient { client: Box::new(new), was: was.map(Box::new) });
        }
    }

    /// Addresses that go from one declared user to another are given up first, so that the order of the file does not
    /// matter and two people can swap theirs.
    fn release(&mut self, state: &State) {
        let declared: BTreeMap<_, _> =
            state.users.iter().map(|user| (LoginName::new(&user.value.username), &user.value)).collect();
        for (name, taker) in declared.values().flat_map(|user| user.login_names().into_iter().zip([*user; 2]))
        {
            let Some(holder) = self.existing.users.get(&name) else { continue };
            let own = LoginName::new(&holder.username);
            let gives_up = own != name
                && own != LoginName::new(&taker.username)
                && declared.get(&own).is_some_and(|holder| !holder.login_names().contains(&name));
            if gives_up && !self.released.contains_key(&holder.id) {
                let without = User { email: None, ..holder.clone() };
                let (user, was) = (Box::new(without.clone()), Some(Box::new(holder.clone())));
                self.plan.writes.push(Write::PutUser { user, was });
                self.released.insert(holder.id, without);
            }
        }
    }

    /// Who has a login name, once everybody has given up what they do.
    fn holder(&self, name: &LoginName) -> Option<&User> {
        let holder = self.existing.users.get(name)?;
        let gave_up = self.released.get(&holder.id).is_some_and(|left| !left.login_names().contains(name));
        (!gave_up).then_some(holder)
    }

    fn user(&mut self, declared: &Declared<UserMetadata>) {
        let name = LoginName::new(&declared.value.username);
        let was = self.holder(&name).cloned();
        if was.as_ref().is_some_and(|was| LoginName::new(&was.username) != name) {
            let message = format!("username \"{}\" is the e-mail of another user", declared.value.username);
            return self.wrong(declared, "username", None, message);
        }
        let id = was.as_ref().map_or_else(|| UserId::new(self.with.now, self.with.entropy), |was| was.id);
        if let Some(email) = &declared.value.email {
            let holder = self.holder(&LoginName::new(email)).map(|user| user.id);
            let freed = self
                .plan
                .writes
                .iter()
                .any(|write| matches!(write, Write::DeleteUser(gone) if Some(*gone) == holder));
            if holder.is_some_and(|holder| holder != id) && !freed {
                let message = format!("email \"{email}\" signs another user in");
                return self.wrong(declared, "email", None, message);
            }
        }
        let new = match self.new_user(id, declared, was.as_ref()) {
            Ok(new) => new,
            Err(why) => {
                return self.wrong(declared, "password", None, format!("password cannot be hashed: {why}"));
            }
        };
        let mut fields = changed(was.as_ref().map(serde_json::to_value), serde_json::to_value(&new));
        for field in fields.iter_mut().filter(|field| *field == "password_hash") {
            "password".clone_into(field);
        }
        let action = action(was.is_some(), &fields);
        self.user_step(action, new.id, &new.username, fields);
        if action != Action::Leave {
            let was = self.released.get(&id).cloned().or(was);
            self.plan.writes.push(Write::PutUser { user: Box::new(new), was: was.map(Box::new) });
        }
    }

    /// A password that the file leaves out stays; one that matches the stored hash keeps that hash.
    fn new_user(
        &self,
        id: UserId,
        declared: &Declared<UserMetadata>,
        was: Option<&User>,
    ) -> Result<User, String> {
        let metadata = &declared.value;
        let old = was.and_then(|was| was.password_hash.clone());
        let password_hash = match (&metadata.password, &metadata.password_hash, &old) {
            (Some(password), _, Some(old)) if (self.with.hashing.verify)(password, old) => Some(old.clone()),
            (Some(password), ..) => Some((self.with.hashing.hash)(password)?),
            (None, Some(hash), _) => Some(hash.clone()),
            (None, None, _) => old.clone(),
        };
        let password_changed = was.is_some() && password_hash != old;
        let disabled_now = metadata.disabled && !was.is_some_and(|was| was.disabled);
        let tokens_not_before = match was {
            _ if password_changed || disabled_now => self.with.now,
            Some(was) => was.tokens_not_before,
            None => Timestamp::default(),
        };
        Ok(User {
            id,
            username: metadata.username.clone(),
            email: metadata.email.clone(),
            claims: metadata.claims.clone(),
            groups: metadata.groups.clone(),
            password_hash,
            disabled: metadata.disabled,
            tokens_not_before,
            applied: true,
        })
    }
}

fn action(exists: bool, fields: &[String]) -> Action {
    match (exists, fields.is_empty()) {
        (false, _) => Action::Create,
        (true, true) => Action::Leave,
        (true, false) => Action::Change,
    }
}

/// The names of the fields that differ.
fn changed(was: Option<serde_json::Result<Value>>, new: serde_json::Result<Value>) -> Vec<String> {
    match (was, new) {
        (Some(Ok(Value::Object(was))), Ok(Value::Object(new))) => new
            .iter()
            .filter(|(name, value)| was.get(*name) != Some(value))
            .map(|(name, _)| name.clone())
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
