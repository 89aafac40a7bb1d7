//! What the guards mean, once more, in a few maps: random commits go to the store and to [`World`], and both must agree on
//! every outcome and on every read.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use grantwell_core::{
    client::Client,
    id::{
        AuthorizationId, ClientId, ConsentId, InteractionId, KeyId, Realm, ResourceIdentifier, SessionId,
        TicketId, UserId,
    },
    resource::Resource,
    secret::Digest,
    store::{
        Applied, AttemptKey, Attempts, Authorization, Backoff, Consent, Interaction, KeyRecord, LoginName,
        Outcome, RealmRecord, Seen, Session, Store, Ticket, TicketKind, User, Write,
    },
    time::Timestamp,
};

use crate::Engine;

/// Of tickets, between which nothing is shared.
pub const KINDS: [TicketKind; 2] = [TicketKind::PushedRequest, TicketKind::DeviceCode];

/// One realm.
#[derive(Clone, Default)]
pub struct World {
    realm: Option<RealmRecord>,
    clients: BTreeMap<ClientId, Client>,
    resources: BTreeMap<ResourceIdentifier, Resource>,
    users: BTreeMap<UserId, User>,
    keys: BTreeMap<KeyId, KeyRecord>,
    sessions: BTreeMap<SessionId, Session>,
    interactions: BTreeMap<InteractionId, Interaction>,
    consents: BTreeMap<ConsentId, Consent>,
    authorizations: BTreeMap<AuthorizationId, Authorization>,
    tickets: BTreeMap<TicketId, Ticket>,
    seen: BTreeSet<([u8; 32], i64)>,
    revoked_tokens: BTreeSet<[u8; 32]>,
    attempts: BTreeMap<(u8, [u8; 32]), (Attempts, Timestamp)>,
    events: usize,
}

fn counter(key: &AttemptKey) -> (u8, [u8; 32]) {
    match key {
        AttemptKey::Account(digest) => (1, digest.0),
        AttemptKey::Device(digest) => (2, digest.0),
        AttemptKey::Address(digest) => (3, digest.0),
    }
}

/// How long an attempt holds back the next one, where it does.
fn delay(count: u32, backoff: &Backoff) -> Option<Duration> {
    if count < backoff.free {
        return None;
    }
    let mut delay = backoff.first;
    for _ in backoff.free..count {
        delay = (delay * 2).min(backoff.most);
    }
    Some(delay.min(backoff.most)).filter(|delay| !delay.is_zero())
}

fn is_live(ticket: &Ticket, at: Timestamp) -> bool {
    ticket.used_at.is_none() && ticket.expires_at > at
}

/// `Some` while the guard holds.
fn guard(holds: bool) -> Option<()> {
    holds.then_some(())
}

fn insert<K: Ord, V>(into: &mut BTreeMap<K, V>, key: K, value: V) -> Option<()> {
    guard(into.insert(key, value).is_none())
}

fn put<K: Ord, V: PartialEq>(into: &mut BTreeMap<K, V>, key: K, value: V, was: Option<&V>) -> Option<()> {
    guard(into.insert(key, value).as_ref() == was)
}

impl World {
    /// All of `writes`, or the first whose guard fails and no change.
    pub fn commit(&mut self, writes: &[Write]) -> Outcome {
        let mut next = self.clone();
        for write in writes {
            if next.apply(write).is_none() {
                return Outcome::Conflict(Box::new(write.clone()));
            }
        }
        *self = next;
        Outcome::Done
    }

    #[expect(clippy::unnecessary_wraps, reason = "it ends an arm of `apply`")]
    fn changed(&mut self) -> Option<()> {
        if let Some(realm) = &mut self.realm {
            realm.generation += 1;
        }
        Some(())
    }

    fn apply(&mut self, write: &Write) -> Option<()> {
        match write.clone() {
            Write::ClaimRealm(record) => guard(self.realm.replace(record).is_none()),
            Write::MoveRealm { from, to } => {
                let realm = self.realm.as_mut()?;
                guard(std::mem::replace(&mut realm.issuer, to) == from)?;
                self.changed()
            }
            Write::RaiseEpoch(to) => {
                let realm = self.realm.as_mut()?;
                realm.epoch += 1;
                guard(realm.epoch == to)
            }
            Write::PutClient { client, was } => {
                put(&mut self.clients, client.client_id.clone(), *client, was.as_deref())?;
                self.changed()
            }
            Write::DeleteClient(id) => {
                self.clients.remove(&id)?;
                self.changed()
            }
            Write::PutResource { resource, was } => {
                put(&mut self.resources, resource.identifier.clone(), *resource, was.as_deref())?;
                self.changed()
            }
            Write::DeleteResource(id) => {
                self.resources.remove(&id)?;
                self.changed()
            }
            Write::PutUser { user, was } => {
                put(&mut self.users, user.id, *user, was.as_deref())?;
                let names = self.users.values().flat_map(User::login_names).collect::<Vec<_>>();
                guard(names.len() == names.iter().collect::<BTreeSet<_>>().len())?;
                self.changed()
            }
            Write::DeleteUser(id) => {
                self.users.remove(&id)?;
                self.end_all_of(id);
                self.changed()
            }
            Write::Rehash { user_id, from, to } => {
                let user = self.users.get_mut(&user_id)?;
                guard(user.password_hash.replace(to) == Some(from))
            }
            Write::InsertKey(key) => {
                let rival = self.keys.values().find(|other| {
                    other.usage == key.usage && other.retired_at.is_none_or(|at| at > key.active_from)
                });
                guard(rival.is_none())?;
                insert(&mut self.keys, key.kid.clone(), key)?;
                self.changed()
            }
            Write::RetireKey { kid, at } => {
                guard(self.keys.get_mut(&kid)?.retired_at.replace(at).is_none())?;
                self.changed()
            }
            Write::DeleteKey(kid) => {
                self.keys.remove(&kid)?;
                self.changed()
            }
            Write::ReserveAttempt { key, now, backoff } => {
                let (attempts, updated_at) = self.attempts.get(&counter(&key)).copied().unwrap_or_default();
                guard(attempts.next_at <= now || updated_at < now - backoff.forget)?;
                self.count(&key, now, &backoff)
            }
            Write::CountFailure { key, now, backoff } => self.count(&key, now, &backoff),
            Write::ClearAttempts(key) => {
                self.attempts.remove(&counter(&key));
                Some(())
            }
            Write::InsertTicket { ticket, at } => {
                let second = ticket.second_digest;
                guard(second.is_none_or(|second| self.live_ticket(ticket.kind, &second, at).is_none()))?;
                insert(&mut self.tickets, ticket.id, *ticket)
            }
            Write::UpdateTicket(to) => {
                let ticket = self.tickets.get_mut(&to.id).filter(|ticket| ticket.kind == to.kind)?;
                guard(is_live(ticket, to.at) && ticket.version == to.version)?;
                (ticket.version, ticket.body) = (to.version + 1, to.body);
                ticket.expires_at = to.expires_at.unwrap_or(ticket.expires_at);
                Some(())
            }
            Write::UseTicket { kind, id, version, at } => {
                let ticket = self.tickets.get_mut(&id).filter(|ticket| ticket.kind == kind)?;
                guard(is_live(ticket, at) && version.is_none_or(|version| version == ticket.version))?;
                ticket.used_at = Some(at);
                Some(())
            }
            Write::InsertSeen(Seen { digest, expires_at }) => {
                let minute = (expires_at.millis() + 59_999).div_euclid(60_000);
                guard(self.seen.insert((digest.0, minute)))
            }
            Write::RevokeAccessToken { token, .. } => {
                self.revoked_tokens.insert(token.0);
                Some(())
            }
            Write::Audit(_) => {
                self.events += 1;
                Some(())
            }
            Write::CountRefusal { .. } | Write::CountTokens { .. } => Some(()),
            Write::InsertSession(session) => insert(&mut self.sessions, session.id, *session),
            Write::Reauthenticate { session, from } => {
                let before = self.sessions.get_mut(&session.id)?;
                let held = before.user_id == session.user_id && before.digest == from;
                guard(held && before.ended_at.is_none())?;
                let last_seen_at = before.last_seen_at.max(session.last_seen_at);
                let (created_at, epoch) = (before.created_at, before.epoch);
                *before = Session { last_seen_at, created_at, epoch, ended_at: None, ..*session };
                Some(())
            }
            Write::TouchSession { id, at } => {
                if let Some(session) = self.sessions.get_mut(&id).filter(|session| session.ended_at.is_none())
                {
                    session.last_seen_at = session.last_seen_at.max(at);
                }
                Some(())
            }
            Write::EndSession { id, user_id, at } => {
                let session = self.sessions.get_mut(&id)?;
                guard(session.user_id == user_id && session.ended_at.replace(at).is_none())
            }
            Write::EndOtherSessions { user_id, keep, at } => {
                let of_user = self.sessions.values_mut().filter(|session| session.user_id == user_id);
                for session in of_user.filter(|session| session.id != keep) {
                    session.ended_at.get_or_insert(at);
                }
                Some(())
            }
            Write::InsertInteraction(interaction) => {
                insert(&mut self.interactions, interaction.id, *interaction)
            }
            Write::UpdateInteraction { id, version, facts } => {
                let interaction = self.interactions.get_mut(&id)?;
                guard(interaction.version == version)?;
                (interaction.version, interaction.facts) = (version + 1, *facts);
                Some(())
            }
            Write::InsertConsent(consent) => {
                guard(self.live_consent(consent.user_id, &consent.client_id).is_none())?;
                insert(&mut self.consents, consent.id, *consent)
            }
            Write::ExtendConsent { id, version, permissions, at } => {
                let consent = self.consents.get_mut(&id)?;
                guard(consent.withdrawn_at.is_none() && consent.version == version)?;
                (consent.version, consent.permissions, consent.updated_at) = (version + 1, permissions, at);
                Some(())
            }
            Write::WithdrawConsent { id, user_id, at } => {
                let consent = self.consents.get_mut(&id)?;
                guard(consent.user_id == user_id && consent.withdrawn_at.replace(at).is_none())
            }
            Write::InsertAuthorization(authorization) => {
                guard(self.consents.get(&authorization.consent_id)?.withdrawn_at.is_none())?;
                if let Some(id) = authorization.session_id {
                    guard(self.sessions.get(&id)?.ended_at.is_none())?;
                }
                insert(&mut self.authorizations, authorization.id, *authorization)
            }
            Write::RedeemCode { id, at, refresh } => {
                let authorization = self.authorizations.get_mut(&id)?;
                let code = authorization.code.as_mut()?;
                guard(authorization.revoked_at.is_none() && code.invalidated_at.is_none())?;
                (authorization.refresh, authorization.last_used_at) = (refresh, at);
                guard(code.redeemed_at.replace(at).is_none())
            }
            Write::InvalidateCode { id, at } => {
                let code = self.authorizations.get_mut(&id)?.code.as_mut()?;
                guard(code.redeemed_at.is_none() && code.invalidated_at.replace(at).is_none())
            }
            Write::RotateRefresh { id, to } => {
                let authorization = self.authorizations.get_mut(&id)?;
                guard(authorization.revoked_at.is_none())?;
                authorization.last_used_at = to.rotated_at;
                let before = authorization.refresh.replace(to).map(|refresh| refresh.generation);
                let before = before.or(authorization.code.is_none().then_some(0))?;
                guard(before + 1 == to.generation)
            }
            Write::RevokeAuthorization { id, at } => {
                guard(self.authorizations.get_mut(&id)?.revoked_at.replace(at).is_none())
            }
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "it ends an arm of `apply`")]
    fn count(&mut self, key: &AttemptKey, now: Timestamp, backoff: &Backoff) -> Option<()> {
        let (mut attempts, mut updated_at) = self.attempts.get(&counter(key)).copied().unwrap_or_default();
        if updated_at < now - backoff.forget {
            attempts = Attempts::default();
        }
        attempts.count += 1;
        if let Some(delay) = delay(attempts.count, backoff) {
            attempts.next_at = attempts.next_at.max(now + delay);
        }
        updated_at = updated_at.max(now);
        self.attempts.insert(counter(key), (attempts, updated_at));
        Some(())
    }

    /// The write carries no time: what it ends has ended when it was last used. Whose an authorization is, its consent says.
    fn end_all_of(&mut self, user: UserId) {
        for session in self.sessions.values_mut().filter(|session| session.user_id == user) {
            session.ended_at.get_or_insert(session.last_seen_at);
        }
        for consent in self.consents.values_mut().filter(|consent| consent.user_id == user) {
            consent.withdrawn_at.get_or_insert(consent.updated_at);
        }
        let of_user = |id: &ConsentId| self.consents.get(id).is_some_and(|consent| consent.user_id == user);
        for authorization in self.authorizations.values_mut().filter(|a| of_user(&a.consent_id)) {
            authorization.revoked_at.get_or_insert(authorization.last_used_at);
        }
    }

    fn live_consent(&self, user: UserId, client: &ClientId) -> Option<&Consent> {
        self.consents
            .values()
            .find(|c| c.user_id == user && c.client_id == *client && c.withdrawn_at.is_none())
    }

    fn live_ticket(&self, kind: TicketKind, second: &Digest, at: Timestamp) -> Option<&Ticket> {
        let mut of_kind = self.tickets.values().filter(|ticket| ticket.kind == kind);
        of_kind.find(|ticket| ticket.second_digest.as_ref() == Some(second) && is_live(ticket, at))
    }

    /// Every read of the store says what is here at `now`. Ids that were never inserted are read too.
    pub async fn agrees_with(&self, store: &Engine, realm: Realm, ids: &Ids, now: Timestamp) {
        let record = store.realm(realm).await.unwrap();
        // How far a commit raises the generation is the engine's, that it does is not.
        assert_eq!(
            record.as_ref().map(|r| (&r.issuer, r.epoch)),
            self.realm.as_ref().map(|r| (&r.issuer, r.epoch))
        );
        for id in &ids.clients {
            assert_eq!(store.client(realm, id).await.unwrap().as_ref(), self.clients.get(id));
        }
        for id in &ids.resources {
            assert_eq!(store.resource(realm, id).await.unwrap().as_ref(), self.resources.get(id));
        }
        for scope in ["notes:read", "notes:write"] {
            let found = store.resources(realm, &[], &[scope].into_iter().collect()).await.unwrap();
            let owning = self.resources.values().filter(|resource| resource.scopes.contains_key(scope));
            assert!(found.iter().eq(owning.take(2)));
        }
        for name in &ids.names {
            let name = LoginName::new(name);
            let found = store.user_by_login(realm, &name).await.unwrap();
            assert!(found.as_ref() == self.users.values().find(|user| user.login_names().contains(&name)));
        }
        for id in &ids.users {
            self.agrees_about_a_person(store, realm, *id, ids).await;
        }
        let keys = store.keys(realm).await.unwrap().into_iter().map(|key| (key.kid.clone(), key));
        assert!(keys.collect::<BTreeMap<_, _>>() == self.keys);
        for id in &ids.interactions {
            assert_eq!(store.interaction(realm, *id).await.unwrap().as_ref(), self.interactions.get(id));
        }
        for id in &ids.authorizations {
            self.agrees_about_an_authorization(store, realm, *id).await;
        }
        for kind in KINDS {
            for id in &ids.tickets {
                let known = self.tickets.get(id).filter(|ticket| ticket.kind == kind);
                assert_eq!(store.ticket(realm, kind, *id).await.unwrap().as_ref(), known);
            }
            for second in &ids.digests {
                let found = store.ticket_by_second(realm, kind, second, now).await.unwrap();
                assert_eq!(found.as_ref(), self.live_ticket(kind, second, now));
            }
        }
        for digest in &ids.digests {
            assert_eq!(
                store.is_token_revoked(realm, digest).await,
                Ok(self.revoked_tokens.contains(&digest.0))
            );
            let key = AttemptKey::Account(*digest);
            let known = self.attempts.get(&counter(&key)).copied().unwrap_or_default().0;
            assert_eq!(store.attempts(realm, &[key]).await, Ok(vec![known]));
        }
        let applied = Applied {
            clients: self.clients.values().filter(|c| c.applied).map(|c| c.client_id.clone()).collect(),
            resources: self.resources.values().filter(|r| r.applied).map(|r| r.identifier.clone()).collect(),
            users: self.users.values().filter(|u| u.applied).map(|u| (u.id, u.username.clone())).collect(),
        };
        assert_eq!(store.applied(realm).await, Ok(applied));
        assert_eq!(store.events(realm, 10_000).await.unwrap().len(), self.events);
    }

    async fn agrees_about_a_person(&self, store: &Engine, realm: Realm, id: UserId, ids: &Ids) {
        assert!(store.user(realm, id).await.unwrap().as_ref() == self.users.get(&id));
        for session in &ids.sessions {
            let found = store.session(realm, *session).await.unwrap();
            let known = self.sessions.get(session).filter(|known| self.users.contains_key(&known.user_id));
            assert_eq!(found.as_ref().map(|record| &record.session), known);
            assert!(found.is_none_or(|record| self.users.get(&record.session.user_id) == Some(&record.user)));
        }
        let ended = Timestamp::from_millis(0);
        let found = store.sessions_of(realm, id, ended).await.unwrap();
        let epoch = self.realm.as_ref().map(|realm| realm.epoch);
        let live = self
            .sessions
            .values()
            .filter(|known| known.user_id == id && known.ended_at.is_none() && Some(known.epoch) == epoch);
        assert_eq!(found.len(), live.count());
        let mut live = 0;
        for client in &ids.clients {
            let known = self.live_consent(id, client);
            live += usize::from(known.is_some());
            assert_eq!(store.consent(realm, id, client).await.unwrap().as_ref(), known);
        }
        let connections = store.connections_of(realm, id).await.unwrap();
        assert_eq!(connections.len(), live);
        for connection in connections {
            let consent = &connection.consent;
            assert_eq!(connection.client.as_ref(), self.clients.get(&consent.client_id));
            let used = self
                .authorizations
                .values()
                .filter(|a| a.consent_id == consent.id)
                .filter(|a| a.code.as_ref().is_none_or(|code| code.redeemed_at.is_some()))
                .map(|a| a.last_used_at)
                .max();
            assert_eq!(connection.last_used_at, used);
        }
    }

    async fn agrees_about_an_authorization(&self, store: &Engine, realm: Realm, id: AuthorizationId) {
        let found = store.authorization(realm, id).await.unwrap();
        let known = self.authorizations.get(&id);
        assert_eq!(found.as_ref().map(|record| &record.authorization), known);
        let (Some(found), Some(known)) = (found, known) else { return };
        assert_eq!(found.client.as_deref(), self.clients.get(&known.client_id));
        assert!(found.user.as_ref() == self.users.get(&known.user_id));
        assert_eq!(found.session.as_ref(), known.session_id.and_then(|id| self.sessions.get(&id)));
        let consent = self.consents.get(&known.consent_id);
        assert_eq!(found.consent_withdrawn_at, consent.and_then(|consent| consent.withdrawn_at));
        assert_eq!(Some(found.epoch), self.realm.as_ref().map(|realm| realm.epoch));
    }

    /// The present form of a client, to decide on.
    pub fn client(&self, id: &ClientId) -> Option<&Client> {
        self.clients.get(id)
    }

    /// The present form of a resource, to decide on.
    pub fn resource(&self, id: &ResourceIdentifier) -> Option<&Resource> {
        self.resources.get(id)
    }

    /// The present form of a user, to decide on.
    pub fn user(&self, id: UserId) -> Option<&User> {
        self.users.get(&id)
    }

    /// A consent, live or withdrawn.
    pub fn consent(&self, id: ConsentId) -> Option<&Consent> {
        self.consents.get(&id)
    }

    /// The version of a ticket; zero when there is none.
    pub fn ticket_version(&self, id: TicketId) -> u32 {
        self.tickets.get(&id).map_or(0, |ticket| ticket.version)
    }

    /// The present generation of a refresh token; zero when there is none.
    pub fn generation(&self, id: AuthorizationId) -> u32 {
        let refresh = self.authorizations.get(&id).and_then(|authorization| authorization.refresh);
        refresh.map_or(0, |refresh| refresh.generation)
    }

    /// The epoch of the realm.
    pub fn epoch(&self) -> u32 {
        self.realm.as_ref().map_or(0, |realm| realm.epoch)
    }

    /// The generation of the realm.
    pub fn realm_generation(&self) -> u64 {
        self.realm.as_ref().map_or(0, |realm| realm.generation)
    }
}

/// The few ids that random commits are about, so that they meet.
pub struct Ids {
    /// Of clients.
    pub clients: Vec<ClientId>,
    /// Of resources.
    pub resources: Vec<ResourceIdentifier>,
    /// Of users.
    pub users: Vec<UserId>,
    /// That users may have, as user name or as e-mail.
    pub names: Vec<&'static str>,
    /// Of keys.
    pub keys: Vec<KeyId>,
    /// Of sessions.
    pub sessions: Vec<SessionId>,
    /// Of interactions.
    pub interactions: Vec<InteractionId>,
    /// Of consents.
    pub consents: Vec<ConsentId>,
    /// Of authorizations.
    pub authorizations: Vec<AuthorizationId>,
    /// Of tickets.
    pub tickets: Vec<TicketId>,
    /// Of tokens, login names and the second values of tickets.
    pub digests: Vec<Digest>,
}
