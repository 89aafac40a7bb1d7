//! The one loop: load → decide → commit, for every [`Step`].
//!
//! A step is asked; what it wants is supplied, until it decides; its writes are committed. After a conflict all records are
//! read anew and it is asked again, four times at most. What became of it is one [`StepEvent`], from which log and metrics are
//! fed.

use std::time::Duration;

use grantwell_core::{
    error::Refusal,
    jose::Algorithm,
    step::{Have, PasswordCheck, PasswordResult, Refused, Step, Stop, Want},
    store::{Outcome, Store, Write},
};

use crate::{
    http::exchange::Exchange,
    login::password::{HashError, QueuePlace},
    step_event::{StepEnd, StepEvent, Unavailable},
};

/// Looks of one step at what there is, each after a conflict.
const ROUNDS: usize = 4;
/// Most wants of one look. More than any step has: one that wants without end is a mistake of ours and answered with 503.
const MOST_WANTS: usize = 16;
/// How long a request waits for a key that is being made, and how often it looks.
const KEY_PATIENCE: Duration = Duration::from_secs(10);
const KEY_LOOKS: Duration = Duration::from_millis(50);

/// A step that was decided and whose writes are durable.
pub(crate) struct Ran<S: Step> {
    /// What it was decided on.
    pub(crate) have: Have,
    /// What it came to.
    pub(crate) result: Result<S::Outcome, S::Refusal>,
}

impl Exchange {
    /// Runs a step.
    pub(crate) async fn run<S: Step>(&self, step: &S) -> Result<Ran<S>, Unavailable> {
        self.run_from(step, Have::default(), None).await
    }

    /// Runs a step that compares a password in the place of the queue that is held. It begins with what another step of this
    /// request had.
    pub(crate) async fn run_holding<S: Step>(
        &self,
        step: &S,
        have: Have,
        place: &QueuePlace,
    ) -> Result<Ran<S>, Unavailable> {
        self.run_from(step, have, Some(place)).await
    }

    async fn run_from<S: Step>(
        &self,
        step: &S,
        have: Have,
        place: Option<&QueuePlace>,
    ) -> Result<Ran<S>, Unavailable> {
        let mut event = StepEvent {
            step: S::NAME,
            wants: Vec::new(),
            checks: || S::checks().map(|row| row.name).collect(),
            writes: Vec::new(),
            conflicts: Vec::new(),
            end: StepEnd::Done,
        };
        let ran = self.look_and_commit(step, (have, place), &mut event).await;
        if let Err(unavailable) = &ran {
            event.end = StepEnd::Unavailable(unavailable.clone());
        }
        self.note(|notes| notes.steps.push(event));
        ran
    }

    async fn look_and_commit<S: Step>(
        &self,
        step: &S,
        (mut have, place): (Have, Option<&QueuePlace>),
        event: &mut StepEvent,
    ) -> Result<Ran<S>, Unavailable> {
        for _ in 0..ROUNDS {
            let (result, writes) = self.look(step, place, &mut have, event).await?;
            if writes.is_empty() {
                return Ok(Ran { have, result });
            }
            let kinds = writes.iter().map(Write::kind).collect();
            match self.app.store.commit(self.realm.id, S::SHARE, writes).await? {
                Outcome::Done => {
                    event.writes = kinds;
                    return Ok(Ran { have, result });
                }
                Outcome::Conflict(failed) => {
                    event.conflicts.push(failed.kind());
                    have = have.after_conflict(failed);
                }
            }
        }
        Err(Unavailable::Contended)
    }

    /// Asks the step and supplies what it wants, until it decides.
    async fn look<S: Step>(
        &self,
        step: &S,
        place: Option<&QueuePlace>,
        have: &mut Have,
        event: &mut StepEvent,
    ) -> Result<(Result<S::Outcome, S::Refusal>, Vec<Write>), Unavailable> {
        let mut last = S::NAME;
        for _ in 0..MOST_WANTS {
            let current = self.realm.current();
            let stop = match step.decide(have, &self.context(&current)) {
                Ok(decision) => {
                    event.end = StepEnd::Done;
                    return Ok((Ok(decision.outcome), decision.writes));
                }
                Err(stop) => stop,
            };
            match stop {
                Stop::Refuse(Refused { refusal, writes, check }) => {
                    event.end = StepEnd::Refused {
                        reason: refusal.reason(),
                        check: check.map(|row| row.name),
                        mismatch: refusal.mismatch(),
                    };
                    return Ok((Err(refusal), writes));
                }
                Stop::Want(want) => {
                    last = want.name();
                    event.wants.push(last);
                    self.supply(want, place, have).await?;
                }
            }
        }
        Err(Unavailable::Endless(last))
    }

    async fn supply(
        &self,
        want: Want,
        place: Option<&QueuePlace>,
        have: &mut Have,
    ) -> Result<(), Unavailable> {
        let (store, realm) = (&self.app.store, self.realm.id);
        match want {
            Want::Client(id) => {
                let client = self.realm.client(store, &id).await?;
                have.client.put(id, client);
            }
            Want::ClientState(id) => {
                let client = store.client(realm, &id).await?;
                have.client_state.put(id, client);
            }
            Want::Resources(identifiers, scopes) => {
                let key = (identifiers, scopes);
                let resources = self.realm.resources(store, &key).await?;
                have.resources.put(key, resources);
            }
            Want::User(id) => have.user.put(id, store.user(realm, id).await?),
            Want::UserByLogin(name) => {
                let user = store.user_by_login(realm, &name).await?;
                have.user_by_login.put(name, user);
            }
            Want::Sessions(ids) => {
                let mut sessions = Vec::with_capacity(ids.len());
                for id in &ids {
                    sessions.extend(store.session(realm, *id).await?);
                }
                have.sessions.put(ids, sessions);
            }
            Want::SessionsOf(user) => {
                have.sessions_of.put(user, store.sessions_of(realm, user, self.now).await?);
            }
            Want::Interaction(id) => have.interaction.put(id, store.interaction(realm, id).await?),
            Want::Consent(user, client) => {
                let consent = store.consent(realm, user, &client).await?;
                have.consent.put((user, client), consent);
            }
            Want::Connections(user) => {
                have.connections.put(user, store.connections_of(realm, user).await?);
            }
            Want::Authorization(id) => have.authorization.put(id, store.authorization(realm, id).await?),
            Want::Ticket(kind, id) => have.ticket.put((kind, id), store.ticket(realm, kind, id).await?),
            Want::TicketBySecond(kind, second) => {
                let ticket = store.ticket_by_second(realm, kind, &second, self.now).await?;
                have.ticket_by_second.put((kind, second), ticket);
            }
            Want::RevokedToken(token) => {
                have.revoked_tokens.put(token, store.is_token_revoked(realm, &token).await?);
            }
            Want::Attempts(keys) => {
                let attempts = store.attempts(realm, &keys).await?;
                have.attempts.put(keys, attempts);
            }
            Want::SigningKey(algorithm) => self.wait_for_key(algorithm).await?,
            Want::Password(check) => {
                let hash = check.hash.clone();
                let result = self.compare(check, place).await.map_err(Unavailable::Passwords)?;
                have.evidence.password.put(hash, result);
            }
        }
        Ok(())
    }

    /// RSA keys are made in the background; what needs one waits.
    async fn wait_for_key(&self, algorithm: Algorithm) -> Result<(), Unavailable> {
        let mut waited = Duration::ZERO;
        while waited < KEY_PATIENCE {
            tokio::time::sleep(KEY_LOOKS).await;
            waited += KEY_LOOKS;
            if self.realm.current().keyring.signer(algorithm, self.now).is_some() {
                return Ok(());
            }
        }
        Err(Unavailable::KeyBeingMade(algorithm))
    }

    async fn compare(
        &self,
        check: PasswordCheck,
        place: Option<&QueuePlace>,
    ) -> Result<PasswordResult, HashError> {
        let place = place.ok_or(HashError::Busy)?;
        let mut salt = [0; 16];
        self.app.entropy.fill(&mut salt);
        self.app.passwords.compare(check.password, check.hash, salt, place).await
    }
}
