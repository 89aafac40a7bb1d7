//! `grantwell apply`: makes the database hold what a state file declares, in one commit.

use std::fmt;

use grantwell_core::{
    id::{ClientId, Realm, ResourceIdentifier},
    store::{Applied, LoginName, Outcome, Share, Store, StoreError},
};
use serde_json::json;

use super::{
    plan::{Action, Circumstances, Existing, Plan, Undeclared, plan},
    state::{self, State},
};
use crate::config::{Problems, Source};

/// How often a plan is made anew because the database changed meanwhile.
const ROUNDS: usize = 4;

/// Whether the plan is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It is.
    Commit,
    /// It is only shown.
    DryRun,
}

/// What was done, or would be.
#[derive(Debug)]
pub(crate) struct Report {
    plan: Plan,
    mode: Mode,
}

/// Reads the file, compares, commits. On any mistake nothing changes.
pub(crate) async fn apply(
    store: &impl Store,
    source: &Source,
    mode: Mode,
    with: &Circumstances<'_>,
) -> Result<Report, Problems> {
    let state = state::parse(source, with.now)?;
    for _ in 0..ROUNDS {
        let existing = existing(store, &state, with.undeclared).await.map_err(unavailable)?;
        let plan = plan(source, &state, &existing, with)?;
        if mode == Mode::DryRun || plan.writes.is_empty() {
            return Ok(Report { plan, mode });
        }
        match store.commit(Realm::MAIN, Share::Rest, plan.writes.clone()).await.map_err(unavailable)? {
            Outcome::Done => return Ok(Report { plan, mode }),
            Outcome::Conflict(_) => {}
        }
    }
    Err("the database changed while the state was compared with it; nothing was changed, run it again"
        .to_owned()
        .into())
}

/// What applying the file to a database that was not made yet would do.
pub(crate) fn from_nothing(source: &Source, with: &Circumstances<'_>) -> Result<Report, Problems> {
    let state = state::parse(source, with.now)?;
    let plan = plan(source, &state, &Existing::default(), with)?;
    Ok(Report { plan, mode: Mode::DryRun })
}

fn unavailable(why: StoreError) -> Problems {
    format!("nothing was changed: {why}").into()
}

/// Loads what the declared objects are compared with.
async fn existing(store: &impl Store, state: &State, undeclared: Undeclared) -> Result<Existing, StoreError> {
    let mut existing = Existing { applied: store.applied(Realm::MAIN).await?, ..Existing::default() };
    let named = state.resources.iter().flat_map(|resource| &resource.value.introspection_clients);
    for id in state.clients.iter().map(|client| &client.value.client_id).chain(named) {
        if let Some(client) = store.client(Realm::MAIN, id).await? {
            existing.clients.insert(id.clone(), client);
        }
    }
    let named = state.clients.iter().filter_map(|client| client.value.default_resource.as_ref());
    for id in state.resources.iter().map(|resource| &resource.value.identifier).chain(named) {
        if let Some(resource) = store.resource(Realm::MAIN, id).await? {
            existing.resources.insert(id.clone(), resource);
        }
    }
    let removable = existing.applied.users.iter().map(|(_, name)| LoginName::new(name)).collect::<Vec<_>>();
    for name in state.users.iter().flat_map(|user| user.value.login_names()).chain(removable) {
        if let Some(user) = store.user_by_login(Realm::MAIN, &name).await? {
            existing.users.insert(name, user);
        }
    }
    if undeclared == Undeclared::Prune {
        let Applied { clients, resources, .. } = &existing.applied;
        let gone = |id: &&ClientId| state.clients.iter().all(|client| client.value.client_id != **id);
        let clients: Vec<_> = clients.iter().filter(gone).cloned().collect();
        let gone =
            |id: &&ResourceIdentifier| state.resources.iter().all(|other| other.value.identifier != **id);
        let resources: Vec<_> = resources.iter().filter(gone).cloned().collect();
        existing.references = store.references(Realm::MAIN, &clients, &resources).await?;
    }
    Ok(existing)
}

impl Report {
    /// For programs.
    pub(crate) fn json(&self) -> serde_json::Value {
        let steps = self.plan.steps.iter().map(|step| {
            json!({ "action": step.action.words().0, "kind": step.kind, "name": step.name, "fields": step.fields })
        });
        json!({ "dry_run": self.mode == Mode::DryRun, "changes": steps.collect::<Vec<_>>() })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.plan.steps {
            write!(f, "{:<7} {:<9} {}", step.action.words().0, step.kind, step.name)?;
            if !step.fields.is_empty() {
                write!(f, " ({})", step.fields.join(", "))?;
            }
            writeln!(f)?;
        }
        let count = |action| self.plan.steps.iter().filter(|step| step.action == action).count();
        write!(
            f,
            "{} created, {} changed, {} left, {} removed",
            count(Action::Create),
            count(Action::Change),
            count(Action::Leave),
            count(Action::Remove)
        )?;
        if self.mode == Mode::DryRun { f.write_str("; a dry run: nothing was changed") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
