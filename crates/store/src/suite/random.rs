//! Random commits against the [`model`](super::model): in two realms with the same ids, mostly sensible, often too late.

use std::{collections::BTreeSet, time::Duration};

use grantwell_core::{
    client::{Client, GrantType},
    id::{AuthorizationId, ConsentId, InteractionId, Realm, SessionId, TicketId, UserId},
    jose::Algorithm,
    resource::Resource,
    scope::Permissions,
    secret::Digest,
    store::{
        AttemptKey, Authorization, Backoff, Consent, Interaction, KeyRecord, KeyUse, Outcome, RefreshState,
        Seen, Session, Share, Store, Ticket, TicketUpdate, User, Write,
    },
    time::{Entropy, Timestamp},
};

use super::{
    fixtures::{self, NOW},
    model::{Ids, KINDS, World},
    stage::Dice,
};
use crate::Engine;

/// Rounds, unless a long run asks for more.
const ROUNDS: u32 = 10;
const STEPS: usize = 500;
const BACKOFF: Backoff = Backoff {
    free: 3,
    first: Duration::from_secs(1),
    most: Duration::from_secs(10),
    forget: Duration::from_mins(1),
};

#[expect(clippy::disallowed_methods, reason = "the long form is the same test with more rounds")]
fn rounds() -> u32 {
    std::env::var("GRANTWELL_MODEL_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(ROUNDS)
}

/// 500 commits of one to three writes in each round, which starts with an empty pair of realms.
pub async fn random_commits_agree_with_the_model(nodes: &[Engine], entropy: &dyn Entropy) {
    let dice = Dice(entropy);
    let mut outcomes = [0_usize; 2];
    let mut kinds = BTreeSet::new();
    for round in 0..rounds() {
        let ids = ids(entropy);
        let realms = [Realm(round * 2 + 1), Realm(round * 2 + 2)];
        let mut worlds = [World::default(), World::default()];
        let mut now = NOW;
        for (realm, world) in realms.iter().zip(&mut worlds) {
            let claim = vec![Write::ClaimRealm(fixtures::realm())];
            assert_eq!(world.commit(&claim), Outcome::Done);
            assert_eq!(dice.pick(nodes).commit(*realm, Share::Rest, claim).await, Ok(Outcome::Done));
        }
        for step in 0..STEPS {
            now = now + Duration::from_millis(u64::try_from(dice.roll(3000)).unwrap());
            let at = dice.roll(2);
            let (realm, world) = (*realms.get(at).unwrap(), worlds.get_mut(at).unwrap());
            let store = dice.pick(nodes);
            let mut author = Author { dice: &dice, ids: &ids, world, now };
            let writes = (0..=dice.roll(3)).map(|_| author.write()).collect::<Vec<_>>();
            let before = world.realm_generation();
            kinds.extend(writes.iter().map(Write::kind));
            let expected = world.commit(&writes);
            let raised = world.realm_generation() > before;
            *outcomes.get_mut(usize::from(expected == Outcome::Done)).unwrap() += 1;
            let seen = store.realm(realm).await.unwrap().unwrap().generation;
            let outcome = store.commit(realm, Share::Grants, writes.clone()).await;
            assert_eq!(outcome, Ok(expected), "round {round}, step {step}: {writes:?}");
            let raised_there = store.realm(realm).await.unwrap().unwrap().generation > seen;
            assert_eq!(raised_there, raised, "round {round}, step {step}: {writes:?}");
            if step % 50 == 49 {
                for (realm, world) in realms.iter().zip(&worlds) {
                    world.agrees_with(dice.pick(nodes), *realm, &ids, now).await;
                }
            }
        }
    }
    assert_eq!(kinds, Write::KINDS.iter().copied().collect());
    let [conflicts, done] = outcomes;
    assert!(conflicts > 500 && done > 500, "both sides are exercised: {done} done, {conflicts} conflicts");
    assert_eq!(nodes.first().unwrap().check().await, Ok(Vec::new()));
}

fn ids(entropy: &dyn Entropy) -> Ids {
    Ids {
        clients: vec!["a".into(), "b".into(), "c".into()],
        resources: vec!["https://a/".into(), "https://b/".into(), "https://c/".into()],
        users: (0..3).map(|_| UserId::new(NOW, entropy)).collect(),
        names: vec!["ada", "bob", "Ada", "carol", "ada@example.com", "BOB@example.com"],
        keys: vec!["1".into(), "2".into(), "3".into(), "4".into()],
        sessions: (0..6).map(|_| SessionId::new(NOW, entropy)).collect(),
        interactions: (0..6).map(|_| InteractionId::new(NOW, entropy)).collect(),
        consents: (0..12).map(|_| ConsentId::new(NOW, entropy)).collect(),
        authorizations: (0..24).map(|_| AuthorizationId::new(NOW, entropy)).collect(),
        tickets: (0..24).map(|_| TicketId::new(NOW, entropy)).collect(),
        digests: (0..3_u8).map(|n| Digest([n; 32])).collect(),
    }
}

/// Who thinks of the next write.
struct Author<'a> {
    dice: &'a Dice<'a>,
    ids: &'a Ids,
    world: &'a World,
    now: Timestamp,
}

impl Author<'_> {
    fn write(&mut self) -> Write {
        // The short-lived records more often: they are what the rest hangs on.
        match self.dice.roll(18) {
            _ if self.dice.roll(100) == 0 => self.about_the_realm(),
            0 => self.about_clients_and_resources(),
            1..=2 => self.about_users(),
            3 => self.about_keys(),
            4..=5 => self.about_counters(),
            6..=7 => self.about_sessions(),
            8..=9 => self.about_interactions(),
            10..=12 => self.about_consents(),
            13..=14 => self.about_tickets(),
            _ => self.about_authorizations(),
        }
    }

    /// The form it has, mostly; otherwise the one it might have had.
    fn was<T: Clone>(&self, present: Option<&T>, other: &T) -> Option<Box<T>> {
        match self.dice.roll(6) {
            0 => None,
            1 => Some(Box::new(other.clone())),
            _ => present.cloned().map(Box::new),
        }
    }

    fn about_clients_and_resources(&self) -> Write {
        let id = self.dice.pick(&self.ids.clients);
        let client = Client { disabled: self.dice.roll(2) == 0, ..fixtures::client(id.as_str()) };
        let identifier = self.dice.pick(&self.ids.resources);
        let mut resource = Resource { applied: false, ..fixtures::resource(identifier.as_str()) };
        if self.dice.roll(2) == 0 {
            resource.scopes.remove("notes:write");
        }
        match self.dice.roll(10) {
            0 => Write::DeleteClient(id.clone()),
            1..=4 => {
                let was = self.was(self.world.client(id), &client);
                Write::PutClient { client: Box::new(client), was }
            }
            5 => Write::DeleteResource(identifier.clone()),
            _ => {
                let was = self.was(self.world.resource(identifier), &resource);
                Write::PutResource { resource: Box::new(resource), was }
            }
        }
    }

    /// Rarely: whatever was begun in an earlier epoch is over.
    fn about_the_realm(&self) -> Write {
        let issuer = |n| format!("https://{n}.example");
        match self.dice.roll(4) {
            0 => Write::ClaimRealm(fixtures::realm()),
            1 => Write::RaiseEpoch(self.world.epoch() + u32::try_from(self.dice.roll(2)).unwrap()),
            2 => Write::MoveRealm { from: fixtures::realm().issuer, to: issuer(self.dice.roll(3)) },
            _ => Write::MoveRealm { from: issuer(self.dice.roll(3)), to: fixtures::realm().issuer },
        }
    }

    fn about_users(&self) -> Write {
        let id = *self.dice.pick(&self.ids.users);
        match self.dice.roll(12) {
            0 => Write::DeleteUser(id),
            1..=2 => {
                let known = self.world.user(id).and_then(|user| user.password_hash.clone());
                let from = known.filter(|_| self.dice.roll(4) > 0).unwrap_or_default();
                Write::Rehash { user_id: id, from, to: format!("hash {}", self.dice.roll(100)) }
            }
            _ => {
                let user = User {
                    id,
                    username: (*self.dice.pick(&self.ids.names)).to_owned(),
                    email: (self.dice.roll(2) == 0).then(|| (*self.dice.pick(&self.ids.names)).to_owned()),
                    ..fixtures::user("nobody", self.dice.0)
                };
                let was = self.was(self.world.user(id), &user);
                Write::PutUser { user: Box::new(user), was }
            }
        }
    }

    fn about_keys(&self) -> Write {
        let kid = self.dice.pick(&self.ids.keys).clone();
        match self.dice.roll(5) {
            0 => Write::RetireKey { kid, at: self.now + Duration::from_secs(5) },
            1 => Write::DeleteKey(kid),
            _ => {
                let usage = *self.dice.pick(&[KeyUse::Realm, KeyUse::Signing(Algorithm::ES256)]);
                Write::InsertKey(KeyRecord { active_from: self.now, ..fixtures::key(kid.as_str(), usage) })
            }
        }
    }

    fn about_counters(&self) -> Write {
        let digest = *self.dice.pick(&self.ids.digests);
        let key = AttemptKey::Account(digest);
        match self.dice.roll(12) {
            0 => Write::ClearAttempts(key),
            1..=5 => Write::ReserveAttempt { key, now: self.now, backoff: BACKOFF },
            6..=7 => Write::CountFailure { key, now: self.now, backoff: BACKOFF },
            8 => Write::CountRefusal { client_id: "a".into(), reason: "scope", at: self.now },
            9 => Write::CountTokens {
                client_id: "a".into(),
                grant: GrantType::RefreshToken,
                minute: self.now,
                count: 1,
            },
            10 => Write::RevokeAccessToken { token: digest, expires_at: self.now },
            _ => Write::Audit(Box::new(fixtures::event("test", self.dice.0))),
        }
    }

    fn about_sessions(&self) -> Write {
        let (id, user_id) = (*self.dice.pick(&self.ids.sessions), *self.dice.pick(&self.ids.users));
        let digest = || Digest([u8::from(self.dice.roll(2) == 0); 32]);
        match self.dice.roll(12) {
            0 => Write::EndOtherSessions { user_id, keep: id, at: self.now },
            1..=2 => Write::EndSession { id, user_id, at: self.now },
            3..=4 => Write::TouchSession { id, at: self.now },
            // Few digests, so that `from` is now and then the one there is.
            5..=7 => {
                let session = Session { id, digest: digest(), ..fixtures::session(user_id, self.dice.0) };
                Write::Reauthenticate { session: Box::new(session), from: digest() }
            }
            _ => {
                let session = Session { id, digest: digest(), ..fixtures::session(user_id, self.dice.0) };
                Write::InsertSession(Box::new(session))
            }
        }
    }

    fn about_interactions(&self) -> Write {
        let id = *self.dice.pick(&self.ids.interactions);
        let client = fixtures::client(self.dice.pick(&self.ids.clients).as_str());
        if self.dice.roll(2) == 0 {
            let interaction = Interaction { id, ..fixtures::interaction(&client, self.dice.0) };
            return Write::InsertInteraction(Box::new(interaction));
        }
        let version = u32::try_from(self.dice.roll(3)).unwrap();
        Write::UpdateInteraction { id, version, facts: Box::default() }
    }

    /// Ids and second digests are few, and a ticket lives for some of the steps that are about it.
    fn about_tickets(&self) -> Write {
        let (id, kind) = (*self.dice.pick(&self.ids.tickets), *self.dice.pick(&KINDS));
        let version = self.world.ticket_version(id) + u32::try_from(self.dice.roll(5)).unwrap() / 4;
        let (now, lifetime) = (self.now, Duration::from_secs(60 * u64::try_from(self.dice.roll(5)).unwrap()));
        match self.dice.roll(8) {
            0 => {
                let digest = *self.dice.pick(&self.ids.digests);
                Write::InsertSeen(Seen { digest, expires_at: now })
            }
            1..=2 => Write::UpdateTicket(Box::new(TicketUpdate {
                kind,
                id,
                version,
                at: now,
                expires_at: (self.dice.roll(3) == 0).then(|| now + lifetime),
                body: serde_json::json!(self.dice.roll(100)),
            })),
            3 => {
                let version = (self.dice.roll(2) == 0).then_some(version);
                Write::UseTicket { kind, id, version, at: now }
            }
            _ => {
                let second_digest = (self.dice.roll(3) > 0).then(|| *self.dice.pick(&self.ids.digests));
                let ticket = Ticket { id, second_digest, ..fixtures::ticket(kind, self.dice.0) };
                let ticket = Box::new(Ticket { expires_at: now + lifetime, ..ticket });
                Write::InsertTicket { ticket, at: now }
            }
        }
    }

    fn consent(&self) -> Consent {
        let client = fixtures::client(self.dice.pick(&self.ids.clients).as_str());
        let user = *self.dice.pick(&self.ids.users);
        Consent { id: *self.dice.pick(&self.ids.consents), ..fixtures::consent(user, &client, self.dice.0) }
    }

    fn about_consents(&self) -> Write {
        let consent = self.consent();
        match self.dice.roll(6) {
            0 => Write::ExtendConsent {
                id: consent.id,
                version: u32::try_from(self.dice.roll(3)).unwrap(),
                permissions: Permissions::default(),
                at: self.now,
            },
            1 => Write::WithdrawConsent { id: consent.id, user_id: consent.user_id, at: self.now },
            _ => Write::InsertConsent(Box::new(consent)),
        }
    }

    fn about_authorizations(&self) -> Write {
        let id = *self.dice.pick(&self.ids.authorizations);
        let refresh =
            |generation| RefreshState { rotated_at: self.now, ..fixtures::refresh(generation, self.dice.0) };
        match self.dice.roll(12) {
            0 => Write::RevokeAuthorization { id, at: self.now },
            1 => Write::InvalidateCode { id, at: self.now },
            2..=3 => Write::RedeemCode { id, at: self.now, refresh: Some(refresh(1)) },
            4 => Write::RedeemCode { id, at: self.now, refresh: None },
            5..=7 => {
                let next = u32::try_from(self.dice.roll(8)).unwrap().min(1);
                Write::RotateRefresh { id, to: refresh(self.world.generation(id) + next) }
            }
            _ => {
                let session = *self.dice.pick(&self.ids.sessions);
                let consent = self.world_consent();
                let given = match self.dice.roll(5) {
                    0 => fixtures::without_code(&consent, self.dice.0),
                    1 => Authorization { refresh: None, ..fixtures::without_code(&consent, self.dice.0) },
                    2 => Authorization {
                        session_id: None,
                        ..fixtures::authorization(&consent, session, self.dice.0)
                    },
                    _ => fixtures::authorization(&consent, session, self.dice.0),
                };
                Write::InsertAuthorization(Box::new(Authorization { id, ..given }))
            }
        }
    }

    /// A consent that exists, with its own user: whose an authorization is, its consent says.
    fn world_consent(&self) -> Consent {
        let id = *self.dice.pick(&self.ids.consents);
        self.world.consent(id).cloned().unwrap_or_else(|| Consent { id, ..self.consent() })
    }
}
