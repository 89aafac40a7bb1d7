//! What a step reads: records as the store has them now, and evidence that only the outside can supply.

use std::{fmt, sync::Arc};

use zeroize::Zeroizing;

use crate::{
    client::Client,
    id::{AuthorizationId, ClientId, InteractionId, ResourceIdentifier, SessionId, TicketId, UserId},
    jose::Algorithm,
    resource::Resource,
    scope::{Permissions, ScopeSet},
    secret::Digest,
    store::{
        AttemptKey, Attempts, AuthorizationRecord, Connection, Consent, Interaction, LoginName, Session,
        SessionRecord, Ticket, TicketKind, User, Write,
    },
};

/// What a step cannot decide without. A variant is a line here, a slot in [`Have`] and an arm of the runner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Want {
    /// A client as it is registered; may be a second old.
    Client(ClientId),
    /// A client as the store has it now, for what its tokens' lives depend on.
    ClientState(ClientId),
    /// The resources named or owning one of the scopes ([`crate::store::Store::resources`]).
    Resources(Vec<ResourceIdentifier>, ScopeSet),
    /// A user.
    User(UserId),
    /// The user that a login name belongs to.
    UserByLogin(LoginName),
    /// Sessions with their users; those that are gone are left out.
    Sessions(Vec<SessionId>),
    /// The live sessions of a user.
    SessionsOf(UserId),
    /// An interaction.
    Interaction(InteractionId),
    /// The live consent of a user for a client.
    Consent(UserId, ClientId),
    /// The live consents of a user with their clients.
    Connections(UserId),
    /// An authorization with all that its tokens' lives depend on.
    Authorization(AuthorizationId),
    /// A ticket, used and expired ones too.
    Ticket(TicketKind, TicketId),
    /// The live ticket with that second digest.
    TicketBySecond(TicketKind, Digest),
    /// Whether a single access token was revoked.
    RevokedToken(Digest),
    /// Counters of attempts, in the order of the keys.
    Attempts(Vec<AttemptKey>),
    /// Evidence: a signing key that is being made.
    SigningKey(Algorithm),
    /// Evidence: a password compared with a hash.
    Password(PasswordCheck),
}

impl Want {
    /// Its name in logs and traces.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Client(_) => "client",
            Self::ClientState(_) => "client_state",
            Self::Resources(..) => "resources",
            Self::User(_) => "user",
            Self::UserByLogin(_) => "user_by_login",
            Self::Sessions(_) => "sessions",
            Self::SessionsOf(_) => "sessions_of",
            Self::Interaction(_) => "interaction",
            Self::Consent(..) => "consent",
            Self::Connections(_) => "connections",
            Self::Authorization(_) => "authorization",
            Self::Ticket(..) => "ticket",
            Self::TicketBySecond(..) => "ticket_by_second",
            Self::RevokedToken(_) => "denied",
            Self::Attempts(_) => "attempts",
            Self::SigningKey(_) => "signing_key",
            Self::Password(_) => "password",
        }
    }
}

/// A password to be compared. Without a hash it is compared with one that nothing fits: the same work.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordCheck {
    /// What was typed.
    pub password: Zeroizing<String>,
    /// The PHC string it is compared with.
    pub hash: Option<String>,
}

impl fmt::Debug for PasswordCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordCheck").finish_non_exhaustive()
    }
}

/// What a comparison came to.
#[derive(Clone, PartialEq, Eq)]
pub enum PasswordResult {
    /// The password is not the one the hash was made of.
    Wrong,
    /// It is.
    Right {
        /// The hash with present parameters, where the stored one has others.
        rehashed: Option<String>,
    },
}

impl fmt::Debug for PasswordResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wrong => "Wrong",
            Self::Right { .. } => "Right",
        })
    }
}

/// What was loaded for one kind of [`Want`], with the key it was loaded by; for another key it counts as not loaded.
/// Boxed, because most slots of a step are empty and all of them are moved with it.
#[derive(Clone)]
pub struct Slot<K, V>(Option<Box<(K, V)>>);

impl<K, V> Default for Slot<K, V> {
    fn default() -> Self {
        Self(None)
    }
}

impl<K: PartialEq, V> Slot<K, V> {
    /// Fills it.
    pub fn put(&mut self, key: K, value: V) {
        self.0 = Some(Box::new((key, value)));
    }

    fn find(&self, key: &K) -> Option<&V> {
        self.find_by(|known| known == key)
    }

    fn find_by(&self, is_key: impl FnOnce(&K) -> bool) -> Option<&V> {
        self.0.as_deref().filter(|(known, _)| is_key(known)).map(|(_, value)| value)
    }
}

/// What only the outside can supply; all of it outlives a conflict. Each slot has the key it is evidence for, and says nothing about
/// another. Keys that were made ([`Want::SigningKey`]) are in the keyring.
#[derive(Clone, Default)]
pub struct Evidence {
    /// [`Want::Password`], by the hash it was compared with.
    pub password: Slot<Option<String>, PasswordResult>,
}

/// What a step has so far. A slot tells "not read" (it is wanted) from "not there".
#[derive(Clone, Default)]
pub struct Have {
    /// [`Want::Client`].
    pub client: Slot<ClientId, Option<Arc<Client>>>,
    /// [`Want::ClientState`].
    pub client_state: Slot<ClientId, Option<Client>>,
    /// [`Want::Resources`].
    pub resources: Slot<(Vec<ResourceIdentifier>, ScopeSet), Arc<[Resource]>>,
    /// [`Want::User`].
    pub user: Slot<UserId, Option<User>>,
    /// [`Want::UserByLogin`].
    pub user_by_login: Slot<LoginName, Option<User>>,
    /// [`Want::Sessions`].
    pub sessions: Slot<Vec<SessionId>, Vec<SessionRecord>>,
    /// [`Want::SessionsOf`].
    pub sessions_of: Slot<UserId, Vec<Session>>,
    /// [`Want::Interaction`].
    pub interaction: Slot<InteractionId, Option<Interaction>>,
    /// [`Want::Consent`].
    pub consent: Slot<(UserId, ClientId), Option<Consent>>,
    /// [`Want::Connections`].
    pub connections: Slot<UserId, Vec<Connection>>,
    /// [`Want::Authorization`].
    pub authorization: Slot<AuthorizationId, Option<AuthorizationRecord>>,
    /// [`Want::Ticket`].
    pub ticket: Slot<(TicketKind, TicketId), Option<Ticket>>,
    /// [`Want::TicketBySecond`].
    pub ticket_by_second: Slot<(TicketKind, Digest), Option<Ticket>>,
    /// [`Want::RevokedToken`].
    pub revoked_tokens: Slot<Digest, bool>,
    /// [`Want::Attempts`].
    pub attempts: Slot<Vec<AttemptKey>, Vec<Attempts>>,
    /// What the outside supplied.
    pub evidence: Evidence,
    /// The write whose guard failed in the commit before this look; `None` at the first.
    pub conflict: Option<Box<Write>>,
}

/// Records hold hashes and digests.
impl fmt::Debug for Have {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Have").finish_non_exhaustive()
    }
}

impl Have {
    /// What the look after a conflict begins with: evidence stays, records are read anew.
    pub fn after_conflict(self, conflict: Box<Write>) -> Self {
        Self { evidence: self.evidence, conflict: Some(conflict), ..Self::default() }
    }

    /// A client as it is registered.
    pub fn client(&self, id: &ClientId) -> Result<Option<&Arc<Client>>, Want> {
        self.client.find(id).map(Option::as_ref).ok_or_else(|| Want::Client(id.clone()))
    }

    /// A client as the store has it now.
    pub fn client_state(&self, id: &ClientId) -> Result<Option<&Client>, Want> {
        self.client_state.find(id).map(Option::as_ref).ok_or_else(|| Want::ClientState(id.clone()))
    }

    /// Resources by name or by a scope they own; none where nothing is named.
    pub fn resources(
        &self,
        identifiers: &[ResourceIdentifier],
        scopes: &ScopeSet,
    ) -> Result<&[Resource], Want> {
        if identifiers.is_empty() && scopes.is_empty() {
            return Ok(&[]);
        }
        let found = self.resources.find_by(|(known, of)| known == identifiers && of == scopes);
        found
            .map(|resources| &**resources)
            .ok_or_else(|| Want::Resources(identifiers.to_vec(), scopes.clone()))
    }

    /// The resources that permissions are about.
    pub fn resources_of(&self, permissions: &Permissions) -> Result<&[Resource], Want> {
        self.resources(&permissions.resources().cloned().collect::<Vec<_>>(), &ScopeSet::default())
    }

    /// A user.
    pub fn user(&self, id: UserId) -> Result<Option<&User>, Want> {
        self.user.find(&id).map(Option::as_ref).ok_or(Want::User(id))
    }

    /// The user that a login name belongs to.
    pub fn user_by_login(&self, name: &LoginName) -> Result<Option<&User>, Want> {
        self.user_by_login.find(name).map(Option::as_ref).ok_or_else(|| Want::UserByLogin(name.clone()))
    }

    /// Sessions with their users, in the order of the ids; none where none is named.
    pub fn sessions(&self, ids: &[SessionId]) -> Result<&[SessionRecord], Want> {
        if ids.is_empty() {
            return Ok(&[]);
        }
        let found = self.sessions.find_by(|known| known == ids);
        found.map(Vec::as_slice).ok_or_else(|| Want::Sessions(ids.to_vec()))
    }

    /// The live sessions of a user.
    pub fn sessions_of(&self, user: UserId) -> Result<&[Session], Want> {
        self.sessions_of.find(&user).map(Vec::as_slice).ok_or(Want::SessionsOf(user))
    }

    /// An interaction.
    pub fn interaction(&self, id: InteractionId) -> Result<Option<&Interaction>, Want> {
        self.interaction.find(&id).map(Option::as_ref).ok_or(Want::Interaction(id))
    }

    /// The live consent of a user for a client.
    pub fn consent(&self, user: UserId, client: &ClientId) -> Result<Option<&Consent>, Want> {
        let key = (user, client.clone());
        self.consent.find(&key).map(Option::as_ref).ok_or(Want::Consent(key.0, key.1))
    }

    /// The live consents of a user.
    pub fn connections(&self, user: UserId) -> Result<&[Connection], Want> {
        self.connections.find(&user).map(Vec::as_slice).ok_or(Want::Connections(user))
    }

    /// An authorization.
    pub fn authorization(&self, id: AuthorizationId) -> Result<Option<&AuthorizationRecord>, Want> {
        self.authorization.find(&id).map(Option::as_ref).ok_or(Want::Authorization(id))
    }

    /// A ticket, used and expired ones too.
    pub fn ticket(&self, kind: TicketKind, id: TicketId) -> Result<Option<&Ticket>, Want> {
        self.ticket.find(&(kind, id)).map(Option::as_ref).ok_or(Want::Ticket(kind, id))
    }

    /// The live ticket with that second digest; one that was used or has expired is not there.
    pub fn ticket_by_second(&self, kind: TicketKind, second: Digest) -> Result<Option<&Ticket>, Want> {
        let found = self.ticket_by_second.find(&(kind, second)).map(Option::as_ref);
        found.ok_or(Want::TicketBySecond(kind, second))
    }

    /// Whether a single access token was revoked.
    pub fn is_token_revoked(&self, token: Digest) -> Result<bool, Want> {
        self.revoked_tokens.find(&token).copied().ok_or(Want::RevokedToken(token))
    }

    /// Counters of attempts, in the order of the keys.
    pub fn attempts(&self, keys: &[AttemptKey]) -> Result<&[Attempts], Want> {
        let found = self.attempts.find_by(|known| known == keys);
        found.map(Vec::as_slice).ok_or_else(|| Want::Attempts(keys.to_vec()))
    }

    /// What comparing a password with a hash came to.
    pub fn password(
        &self,
        password: &Zeroizing<String>,
        hash: Option<&str>,
    ) -> Result<&PasswordResult, Want> {
        let hash = hash.map(str::to_owned);
        self.evidence
            .password
            .find(&hash)
            .ok_or_else(|| Want::Password(PasswordCheck { password: password.clone(), hash }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fixtures as fx, store::TicketValue};

    #[test]
    fn not_read_is_wanted_and_not_there_is_an_answer() {
        let id = UserId::from_bytes([1; 16]);
        let mut have = Have::default();
        assert_eq!(have.user(id), Err(Want::User(id)));
        have.user.put(id, None);
        assert_eq!(have.user(id), Ok(None));
        let other = UserId::from_bytes([2; 16]);
        assert_eq!(have.user(other), Err(Want::User(other)), "an answer to another question");
    }

    #[test]
    fn a_live_ticket_is_found_by_its_second_digest_and_kind() {
        let (kind, second) = (TicketKind::DeviceCode, Digest::of(b"second"));
        let value = TicketValue::new(kind, fx::NOW, &fx::Seeded::new(1));
        let ticket = Ticket { second_digest: Some(second), ..fx::ticket(&value) };
        let policy = fx::policy();
        let find = |ticket: &Ticket, kind, digest, now| {
            let world = fx::World { ticket: Some(ticket.clone()), ..fx::World::default() };
            fx::decide(&fx::FindsBySecond(kind, digest), &world, &fx::context_at(&policy, now))
                .unwrap()
                .outcome
        };
        assert_eq!(find(&ticket, kind, second, fx::NOW), Some(ticket.id));
        assert_eq!(find(&ticket, kind, ticket.digest, fx::NOW), None);
        assert_eq!(find(&ticket, TicketKind::PushedRequest, second, fx::NOW), None);
        assert_eq!(find(&ticket, kind, second, ticket.expires_at), None);
        let used = Ticket { used_at: Some(fx::NOW), ..ticket };
        assert_eq!(find(&used, kind, second, fx::NOW), None);
    }

    #[test]
    fn evidence_outlives_a_conflict_and_records_do_not() {
        let (id, password) = (UserId::from_bytes([1; 16]), Zeroizing::new("pw".to_owned()));
        let mut have = Have::default();
        have.user.put(id, None);
        have.evidence.password.put(Some("hash".to_owned()), PasswordResult::Wrong);
        let have = have.after_conflict(Box::new(Write::DeleteUser(id)));
        assert_eq!(have.user(id), Err(Want::User(id)));
        assert_eq!(have.password(&password, Some("hash")), Ok(&PasswordResult::Wrong));
        assert!(have.password(&password, Some("another")).is_err(), "of another hash");
        assert!(have.conflict.is_some());
    }

    #[test]
    fn q_03_debug_shows_no_password() {
        let password = Zeroizing::new("marker".to_owned());
        let check = PasswordCheck { password, hash: Some("marker".to_owned()) };
        let result = PasswordResult::Right { rehashed: Some("marker".to_owned()) };
        assert!(!format!("{check:?} {result:?}").contains("marker"));
        let mut have = Have::default();
        have.evidence.password.put(Some("marker".to_owned()), result);
        assert!(!format!("{have:?}").contains("marker"));
    }
}
