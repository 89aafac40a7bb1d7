//! The stage every test of the suite plays on: two realms that hold the same names and the same ids, of which a test touches
//! only one. At its end the other must be as it was.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

use grantwell_core::{
    client::{Client, GrantType},
    id::Realm,
    jose::Algorithm,
    resource::Resource,
    secret::Digest,
    store::{
        AttemptKey, Authorization, AuthorizationRecord, Backoff, Consent, Event, Facts, Interaction,
        KeyRecord, KeyUse, Outcome, Seen, SeenKind, Session, Share, Store, StoreError, Ticket, TicketKind,
        User, Write,
    },
    time::Entropy,
};

use super::fixtures::{self, NOTES, NOW};
use crate::{
    Engine, OpenOptions,
    copy::{Row, encode},
    open,
};

/// One of every record, the same in both realms.
#[derive(Clone, Debug)]
pub struct Cast {
    /// `app`.
    pub client: Client,
    /// [`NOTES`].
    pub resource: Resource,
    /// `ada`.
    pub user: User,
    /// Hers.
    pub session: Session,
    /// Pending.
    pub interaction: Interaction,
    /// Hers for the client.
    pub consent: Consent,
    /// Under it, unredeemed.
    pub authorization: Authorization,
    /// ES256, kid `k1`.
    pub key: KeyRecord,
    /// A device code.
    pub ticket: Ticket,
    /// An id that a client chose.
    pub seen: Seen,
    /// A counter that stands at one.
    pub attempt: AttemptKey,
    /// A token that is revoked.
    pub revoked_token: Digest,
    /// In the log.
    pub event: Event,
}

/// How the sample counter was raised.
pub const BACKOFF: Backoff = Backoff {
    free: 5,
    first: std::time::Duration::from_secs(1),
    most: std::time::Duration::from_mins(1),
    forget: std::time::Duration::from_hours(1),
};

impl Cast {
    fn new(entropy: &dyn Entropy) -> Self {
        let client = fixtures::client("app");
        let user = fixtures::user("ada", entropy);
        let session = fixtures::session(user.id, entropy);
        let consent = fixtures::consent(user.id, &client, entropy);
        Self {
            interaction: fixtures::interaction(&client, entropy),
            authorization: fixtures::authorization(&consent, session.id, entropy),
            resource: fixtures::resource(NOTES),
            key: fixtures::key("k1", KeyUse::Signing(Algorithm::ES256)),
            ticket: fixtures::ticket(TicketKind::DeviceCode, entropy),
            seen: Seen::new(
                SeenKind::ClientAssertion,
                "https://client.example",
                "cast",
                NOW + BACKOFF.forget,
            ),
            attempt: AttemptKey::Account(Digest::of(b"ada")),
            revoked_token: Digest::of(b"jti"),
            event: fixtures::event("sign_in.succeeded", entropy),
            client,
            user,
            session,
            consent,
        }
    }

    fn writes(&self) -> Vec<Write> {
        vec![
            Write::ClaimRealm(fixtures::realm()),
            Write::PutClient { client: Box::new(self.client.clone()), was: None },
            Write::PutResource { resource: Box::new(self.resource.clone()), was: None },
            Write::PutUser { user: Box::new(self.user.clone()), was: None },
            Write::InsertKey(self.key.clone()),
            Write::InsertSession(Box::new(self.session.clone())),
            Write::InsertInteraction(Box::new(self.interaction.clone())),
            Write::InsertConsent(Box::new(self.consent.clone())),
            Write::InsertAuthorization(Box::new(self.authorization.clone())),
            Write::InsertTicket { ticket: Box::new(self.ticket.clone()), at: NOW },
            Write::InsertSeen(self.seen),
            Write::ReserveAttempt { key: self.attempt.clone(), now: NOW, backoff: BACKOFF },
            Write::RevokeAccessToken { token: self.revoked_token, expires_at: NOW + BACKOFF.forget },
            Write::Audit(Box::new(self.event.clone())),
            Write::CountRefusal {
                client_id: self.client.client_id.clone(),
                reason: "invalid_grant",
                at: NOW,
            },
            Write::CountTokens {
                client_id: self.client.client_id.clone(),
                grant: GrantType::RefreshToken,
                minute: NOW,
                count: 3,
            },
        ]
    }
}

/// Every row of a realm, by table, in no order that matters.
pub type Contents = Vec<(&'static str, Vec<Row>)>;

/// All of a realm, of every table that the schema has.
pub async fn contents(engine: &Engine, realm: Realm) -> Contents {
    let contents = match engine {
        Engine::Sqlite(store) => store.contents(realm).await,
        Engine::Postgres(store) => store.contents(realm).await,
    };
    let mut contents = contents.unwrap();
    for (_, rows) in &mut contents {
        rows.sort_by_cached_key(|row| encode(row));
    }
    contents
}

/// Two realms with one cast.
pub struct Stage<'a> {
    /// Open engines on one database; a test of races uses them all.
    pub nodes: &'a [Engine],
    /// Seeded.
    pub entropy: &'a dyn Entropy,
    /// Where the test plays.
    pub realm: Realm,
    /// Where nothing may change.
    pub beside: Realm,
    /// In both.
    pub cast: Cast,
    before: Contents,
}

impl<'a> Stage<'a> {
    /// Fills two realms of an empty database.
    pub async fn set(nodes: &'a [Engine], entropy: &'a dyn Entropy) -> Self {
        let cast = Cast::new(entropy);
        let store = nodes.first().unwrap();
        let (realm, beside) = (Realm(1), Realm(2));
        for realm in [beside, realm] {
            assert_eq!(store.commit(realm, Share::Rest, cast.writes()).await, Ok(Outcome::Done));
        }
        let before = contents(store, beside).await;
        assert!(before.iter().all(|(_, rows)| !rows.is_empty()), "the cast has one of everything");
        Self { nodes, entropy, realm, beside, cast, before }
    }

    /// Any engine on the database.
    pub fn store(&self) -> &'a Engine {
        self.nodes.first().unwrap()
    }

    /// Commits to the realm of the test.
    pub async fn commit(&self, writes: Vec<Write>) -> Result<Outcome, StoreError> {
        self.store().commit(self.realm, Share::Grants, writes).await
    }

    /// The guard holds.
    pub async fn done(&self, write: Write) {
        let shown = format!("{write:?}");
        assert_eq!(self.commit(vec![write]).await, Ok(Outcome::Done), "{shown}");
    }

    /// The guard fails, nothing changes, and the conflict names this write: alone, and with writes before and after it in the same
    /// commit.
    pub async fn conflict(&self, write: Write) {
        let shown = format!("{write:?}");
        let before = self.contents().await;
        for writes in [
            vec![write.clone()],
            vec![self.harmless(), write.clone()],
            vec![write.clone(), self.harmless()],
            vec![self.touching(), self.harmless(), write.clone()],
        ] {
            assert_eq!(self.commit(writes).await, Ok(Outcome::Conflict(Box::new(write.clone()))), "{shown}");
        }
        assert!(self.contents().await == before, "a commit that conflicted left something: {shown}");
    }

    fn harmless(&self) -> Write {
        Write::Audit(Box::new(fixtures::event("test", self.entropy)))
    }

    fn touching(&self) -> Write {
        Write::CountFailure { key: self.cast.attempt.clone(), now: NOW, backoff: BACKOFF }
    }

    /// All of the realm of the test.
    pub async fn contents(&self) -> Contents {
        contents(self.store(), self.realm).await
    }

    /// The generation of the realm.
    pub async fn generation(&self) -> u64 {
        self.store().realm(self.realm).await.unwrap().unwrap().generation
    }

    /// The cast's authorization as it is.
    pub async fn authorization(&self) -> AuthorizationRecord {
        self.store().authorization(self.realm, self.cast.authorization.id).await.unwrap().unwrap()
    }

    /// The realm beside is as it was, and the database is whole.
    pub async fn end(self) {
        let after = contents(self.store(), self.beside).await;
        assert!(after == self.before, "the realm beside has changed");
        assert_eq!(self.store().check().await, Ok(Vec::new()));
    }
}

/// Facts of a person who signed in and agreed.
pub fn facts(cast: &Cast) -> Facts {
    Facts {
        signed_in: Some((cast.user.id, fixtures::authentication())),
        session_id: Some(cast.session.id),
        selected: true,
        agreed: Some(fixtures::permissions()),
        denied: false,
    }
}

/// A future whose kind does not matter.
pub type BoxedFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Runs all of `futures` at the same time, and gives what came of each, in order.
pub async fn together<T>(futures: Vec<BoxedFuture<'_, T>>) -> Vec<T> {
    let mut running = futures.into_iter().map(|future| (Some(future), None)).collect::<Vec<_>>();
    poll_fn(|context| {
        let mut waiting = false;
        for (future, result) in &mut running {
            if let Some(pending) = future {
                match pending.as_mut().poll(context) {
                    Poll::Ready(value) => {
                        *result = Some(value);
                        *future = None;
                    }
                    Poll::Pending => waiting = true,
                }
            }
        }
        if waiting { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    running.into_iter().filter_map(|(_, result)| result).collect()
}

/// Eight engines on one database, all opened at the same time, on the threads that the test has.
pub async fn open_at_once(url: String) -> Vec<Engine> {
    let start = |url: String| async move { open(&url, OpenOptions::default()).await };
    let starts = [(); 8].map(|()| tokio::spawn(start(url.clone())));
    let mut engines = Vec::new();
    for start in starts {
        engines.push(start.await.unwrap().unwrap());
    }
    engines
}

/// Draws numbers from an entropy.
pub struct Dice<'a>(pub &'a dyn Entropy);

impl Dice<'_> {
    /// Below `sides`, about evenly.
    pub fn roll(&self, sides: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        let sides = u64::try_from(sides).unwrap();
        usize::try_from(u64::from_le_bytes(bytes) % sides).unwrap()
    }

    /// One of them.
    pub fn pick<'b, T>(&self, from: &'b [T]) -> &'b T {
        from.get(self.roll(from.len())).unwrap()
    }
}
