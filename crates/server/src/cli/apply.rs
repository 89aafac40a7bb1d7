//! `grantwell apply`: makes the database hold what a state file declares, in one commit. The rules are those of
//! [`grantwell_core::registry`]; here each error gets its place in the file.

use std::fmt;

use grantwell_core::{
    id::ResourceIdentifier,
    registry::{
        self, Action, Declaration, Existing, InUse, NamesToLoad, Pruning, Registrar, RegistryPlan, SetError,
        user::{PasswordChange, UserMetadata},
    },
    resource::Resource,
    scope::ScopeSet,
    step::Origin,
    store::{Applied, Outcome, References, Share, Store, StoreError, User},
    time::{Entropy, Timestamp},
};
use serde_json::json;

use super::{
    state::{self, StateFile},
    state_warnings,
};
use crate::{
    app::SERVED,
    config::{Problem, Problems, SourceFile},
};

/// How often a plan is made anew because the database changed meanwhile.
const ROUNDS: usize = 4;

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

/// All that a file is applied with.
pub(crate) struct Applying<'a> {
    pub(crate) now: Timestamp,
    pub(crate) entropy: &'a dyn Entropy,
    pub(crate) hashing: Hashing<'a>,
    pub(crate) undeclared: Undeclared,
    /// The issuer, which no resource may be called.
    pub(crate) issuer: &'a str,
}

impl Applying<'_> {
    fn registrar<'a>(&'a self, origin: &'a Origin) -> Registrar<'a> {
        Registrar { by: "apply", issuer: self.issuer, now: self.now, entropy: self.entropy, origin }
    }
}

/// Whether the plan is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ApplyMode {
    /// It is.
    Commit,
    /// It is only shown.
    DryRun,
}

/// What was done, or would be.
#[derive(Debug)]
pub(crate) struct ApplyReport {
    plan: RegistryPlan,
    mode: ApplyMode,
    /// What is allowed and probably not meant.
    pub(crate) warnings: Problems,
}

/// Reads the file, compares, commits. On any mistake nothing changes.
pub(crate) async fn apply(
    store: &impl Store,
    source: &SourceFile,
    mode: ApplyMode,
    with: &Applying<'_>,
) -> Result<ApplyReport, Problems> {
    let state = state::parse(source)?;
    let unowned = state_warnings::unowned(&state);
    let owners = store.resources(SERVED, &[], &unowned).await.map_err(unavailable)?;
    // Those that stay as they are: not what the file declares anew, nor what goes.
    let declared =
        |id: &ResourceIdentifier| state.resources.iter().any(|resource| resource.value.identifier == *id);
    let stays = |resource: &&Resource| {
        let goes = resource.applied && with.undeclared == Undeclared::Prune;
        !goes && !declared(&resource.identifier)
    };
    let scopes = owners.iter().filter(stays).flat_map(|resource| resource.scopes.keys());
    let elsewhere = scopes.map(String::as_str).collect();
    let warnings = state_warnings::warnings(source, &state, &elsewhere);
    let origin = command_line(with.entropy);
    let registrar = with.registrar(&origin);
    for _ in 0..ROUNDS {
        let existing = existing(store, &state).await.map_err(unavailable)?;
        let declaration = declaration(source, &state, &existing, &with.hashing, &registrar)?;
        let pruning = match with.undeclared {
            Undeclared::Keep => None,
            Undeclared::Prune => Some(pruning(store, &declaration).await.map_err(unavailable)?),
        };
        let plan = registry::plan(&declaration, &existing, pruning.as_ref(), &registrar)
            .map_err(|errors| problems(source, &state, &errors))?;
        if mode == ApplyMode::DryRun || plan.writes.is_empty() {
            return Ok(ApplyReport { plan, mode, warnings });
        }
        match store.commit(SERVED, Share::Rest, plan.writes.clone()).await.map_err(unavailable)? {
            Outcome::Done => return Ok(ApplyReport { plan, mode, warnings }),
            Outcome::Conflict(_) => {}
        }
    }
    Err("the database changed while the state was compared with it; nothing was changed, run it again"
        .to_owned()
        .into())
}

/// What applying the file to a database that was not made yet would do.
pub(crate) fn from_nothing(source: &SourceFile, with: &Applying<'_>) -> Result<ApplyReport, Problems> {
    let (state, existing) = (state::parse(source)?, Existing::default());
    let origin = command_line(with.entropy);
    let registrar = with.registrar(&origin);
    let declaration = declaration(source, &state, &existing, &with.hashing, &registrar)?;
    let plan = registry::plan(&declaration, &existing, None, &registrar)
        .map_err(|errors| problems(source, &state, &errors))?;
    let warnings = state_warnings::warnings(source, &state, &ScopeSet::default());
    Ok(ApplyReport { plan, mode: ApplyMode::DryRun, warnings })
}

/// The command line, with a trace id that the audit events of one run share.
fn command_line(entropy: &dyn Entropy) -> Origin {
    let mut random = [0; 16];
    entropy.fill(&mut random);
    let trace_id = random.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    Origin { address: None, trace_id: trace_id.into() }
}

fn unavailable(why: StoreError) -> Problems {
    format!("nothing was changed: {why}").into()
}

/// Loads what the declared objects are compared with.
async fn existing(store: &impl Store, state: &StateFile) -> Result<Existing, StoreError> {
    let mut names = NamesToLoad::default();
    state.clients.iter().for_each(|client| names.client(&client.value));
    state.resources.iter().for_each(|resource| names.resource(&resource.value));
    state.users.iter().for_each(|user| names.user(&user.value));
    let mut existing = Existing::default();
    for id in names.clients {
        if let Some(client) = store.client(SERVED, &id).await? {
            existing.clients.insert(id, client);
        }
    }
    for identifier in names.resources {
        if let Some(resource) = store.resource(SERVED, &identifier).await? {
            existing.resources.insert(identifier, resource);
        }
    }
    for name in names.login_names {
        if let Some(user) = store.user_by_login(SERVED, &name).await? {
            existing.users.insert(name, user);
        }
    }
    Ok(existing)
}

/// Loads what earlier runs made, and what refers to that of it which the file declares no longer.
async fn pruning(store: &impl Store, declared: &Declaration) -> Result<Pruning, StoreError> {
    let applied = store.applied(SERVED).await?;
    let Applied { mut clients, mut resources, .. } = applied.clone();
    clients.retain(|id| declared.clients.iter().all(|client| client.client_id != *id));
    resources.retain(|id| declared.resources.iter().all(|resource| resource.identifier != *id));
    let references = store.references(SERVED, &clients, &resources).await?;
    Ok(Pruning { applied, references })
}

/// The declared objects as records.
fn declaration(
    source: &SourceFile,
    state: &StateFile,
    existing: &Existing,
    hashing: &Hashing<'_>,
    registrar: &Registrar<'_>,
) -> Result<Declaration, Problems> {
    let mut declaration = Declaration {
        resources: state.resources.iter().map(|declared| declared.value.clone()).collect(),
        clients: state.clients.iter().map(|declared| declared.value.clone()).collect(),
        users: Vec::new(),
    };
    declaration.resources.iter_mut().for_each(|resource| resource.applied = true);
    declaration.clients.iter_mut().for_each(|client| client.applied = true);
    let mut problems = Vec::new();
    for declared in &state.users {
        let was = existing.account(&declared.value.username);
        match password(&declared.value, was, hashing) {
            Ok(password) => {
                let user = declared.value.user(password, was, registrar);
                declaration.users.push(User { applied: true, ..user });
            }
            Err(why) => {
                let why = format!("cannot be hashed: {why}");
                problems.push(declared.spans.problem_of("password", source, &why));
            }
        }
    }
    if problems.is_empty() { Ok(declaration) } else { Err(Problems::sorted(problems)) }
}

/// A password that matches the stored hash keeps that hash.
fn password(
    declared: &UserMetadata,
    was: Option<&User>,
    hashing: &Hashing<'_>,
) -> Result<PasswordChange, String> {
    let old = was.and_then(|was| was.password_hash.as_deref());
    match &declared.password {
        Some(password) if old.is_some_and(|old| (hashing.verify)(password, old)) => Ok(PasswordChange::Keep),
        Some(password) => (hashing.hash)(password).map(PasswordChange::Set),
        None => Ok(PasswordChange::Keep),
    }
}

/// The errors with their places.
fn problems(source: &SourceFile, state: &StateFile, errors: &[SetError]) -> Problems {
    let problem = |error: &SetError| match error {
        SetError::Field(object, error) => match state.spans(*object) {
            Some(spans) => spans.problem(source, error),
            None => Problem::nowhere(error.to_string()),
        },
        SetError::InUse(InUse::IntrospectionClient { client, resource }) => Problem::nowhere(format!(
            "--prune would remove the client {client}, which the resource {resource} of the database names in \
             introspection_clients: declare one of them, or change the resource first"
        )),
        SetError::InUse(InUse::DefaultResource { resource, client }) => Problem::nowhere(format!(
            "--prune would remove the resource {resource}, which is the default_resource of the client {client} \
             of the database: declare one of them, or change the client first"
        )),
        SetError::TooManyReferences => Problem::nowhere(format!(
            "more than {} clients or resources of the database name what --prune would remove: apply the file without \
             --prune first, or change them",
            References::MOST
        )),
    };
    Problems::sorted(errors.iter().map(problem).collect())
}

impl ApplyReport {
    /// For programs.
    pub(crate) fn json(&self) -> serde_json::Value {
        let changes = self.plan.changes.iter().map(|change| {
            json!({
                "action": change.action.as_str(),
                "kind": change.object.kind(),
                "name": change.object.name(),
                "fields": change.fields,
            })
        });
        json!({
            "dry_run": self.mode == ApplyMode::DryRun,
            "changes": changes.collect::<Vec<_>>(),
            "warnings": self.warnings.list(),
        })
    }
}

impl fmt::Display for ApplyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.plan.changes {
            let (kind, name) = (change.object.kind(), change.object.name());
            write!(f, "{:<7} {kind:<9} {name}", change.action.as_str())?;
            if !change.fields.is_empty() {
                write!(f, " ({})", change.fields.join(", "))?;
            }
            writeln!(f)?;
        }
        let count = |action| self.plan.changes.iter().filter(|change| change.action == action).count();
        write!(
            f,
            "{} created, {} changed, {} left, {} removed",
            count(Action::Create),
            count(Action::Change),
            count(Action::Leave),
            count(Action::Remove)
        )?;
        if self.mode == ApplyMode::DryRun { f.write_str("; a dry run: nothing was changed") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
