//! The store as the protocol sees it: records, guarded writes, and the trait that two engines implement.
//!
//! Reads return whole, joined records. All that changes goes through [`Store::commit`]: a list of writes, all or nothing,
//! each guarded by its own precondition, which its documentation states. A guard that fails makes the whole commit a
//! [`Outcome::Conflict`]; the caller loads and decides again. A read may be a moment old; a guard never is.

use std::{future::Future, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    authorize::AuthorizationRequest,
    client::Client,
    id::{
        AuthorizationId, ClientId, ConsentId, EventId, InteractionId, KeyId, Realm, ResourceIdentifier,
        SessionId, UserId,
    },
    interaction::Facts,
    jose::Algorithm,
    resource::Resource,
    scope::{Permissions, ScopeSet},
    secret::Digest,
    time::Timestamp,
};

/// A person's account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The `sub`. Never given to anybody else.
    pub id: UserId,
    /// As the person writes it.
    pub username: String,
    /// `email` (Core 1.0 §5.1).
    pub email: Option<String>,
    /// Every other standard claim, `email_verified` among them, by its name in Core 1.0 §5.1.
    pub claims: serde_json::Map<String, serde_json::Value>,
    /// Names of the groups the person is in.
    pub groups: Vec<String>,
    /// argon2id in PHC form; `None`: no password sign-in.
    pub password_hash: Option<String>,
    /// Refused everywhere while true.
    pub disabled: bool,
    /// Tokens and sessions from before this instant are dead; every disable and change of password moves it.
    pub tokens_not_before: Timestamp,
    /// Declared by `apply`.
    pub applied: bool,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("id", &self.id).field("disabled", &self.disabled).finish_non_exhaustive()
    }
}

/// A name that signs a person in: user name or e-mail, in one form whatever way it was typed (NFKC, trimmed, lower case).
/// One table holds both kinds, so that nobody's user name is somebody else's e-mail.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LoginName(String);

impl LoginName {
    /// The form in which `typed` is looked up.
    pub fn new(typed: &str) -> Self {
        use unicode_normalization::UnicodeNormalization;
        // Lower-casing can denormalise (İ), so normalise again after it.
        let lower = typed.nfkc().collect::<String>().trim().to_lowercase();
        Self(lower.nfkc().collect())
    }

    /// The text of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl User {
    /// The names under which the account is found: user name, and e-mail where there is one.
    pub fn login_names(&self) -> Vec<LoginName> {
        let mut names = vec![LoginName::new(&self.username)];
        if let Some(email) = &self.email {
            let email = LoginName::new(email);
            if !names.contains(&email) {
                names.push(email);
            }
        }
        names
    }
}

/// How and when a person proved who they are (`auth_time`, `acr`, `amr` of Core 1.0 §2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authentication {
    /// When.
    pub at: Timestamp,
    /// Which methods (RFC 8176).
    pub amr: Vec<String>,
    /// Which class.
    pub acr: String,
}

/// A browser that signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its public id.
    pub id: SessionId,
    /// Of the secret in the cookie.
    pub digest: Digest,
    /// Who.
    pub user_id: UserId,
    /// How and when.
    pub authentication: Authentication,
    /// `User-Agent` at sign-in, at most 256 characters.
    pub user_agent: String,
    /// Address at sign-in.
    pub address: String,
    /// Sign-in.
    pub created_at: Timestamp,
    /// Last use, to the minute.
    pub last_seen_at: Timestamp,
    /// The absolute end.
    pub expires_at: Timestamp,
    /// Signed out.
    pub ended_at: Option<Timestamp>,
}

/// A session with the account it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// The session.
    pub session: Session,
    /// Its person.
    pub user: User,
}

/// One pending request to `/authorize`, kept from the first fact on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interaction {
    /// Its id, chosen when the request came.
    pub id: InteractionId,
    /// Of the transaction cookie of the browser that started it.
    pub browser: Digest,
    /// The checked request.
    pub request: AuthorizationRequest,
    /// What has happened.
    pub facts: Facts,
    /// Raised by every update.
    pub version: u32,
    /// When the request came.
    pub created_at: Timestamp,
    /// When it is forgotten.
    pub expires_at: Timestamp,
}

/// What a person agreed to for a client. One live row for each pair; a withdrawal is final.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Its id.
    pub id: ConsentId,
    /// Who agreed.
    pub user_id: UserId,
    /// For which client.
    pub client_id: ClientId,
    /// To what.
    pub permissions: Permissions,
    /// Raised by every extension.
    pub version: u32,
    /// First agreed.
    pub created_at: Timestamp,
    /// Last extended.
    pub updated_at: Timestamp,
    /// Withdrawn: every token under it is dead.
    pub withdrawn_at: Option<Timestamp>,
}

/// The authorization code of an authorization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeState {
    /// Of the code's secret.
    pub digest: Digest,
    /// The `redirect_uri` of the request; `None` when the request had none.
    pub redirect_uri: Option<String>,
    /// The S256 `code_challenge`; `None` only for a client with PKCE waived that sent none.
    pub challenge: Option<String>,
    /// End of its life.
    pub expires_at: Timestamp,
    /// Redeemed.
    pub redeemed_at: Option<Timestamp>,
    /// Killed by a wrong verifier or redirect URI from the right client.
    pub burnt_at: Option<Timestamp>,
}

/// The living refresh token of an authorization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshState {
    /// Starts at 1, raised by every rotation.
    pub generation: u32,
    /// Of the living generation's secret.
    pub digest: Digest,
    /// When this generation was made.
    pub rotated_at: Timestamp,
    /// When it dies of disuse.
    pub expires_at: Timestamp,
}

/// What came of a completed interaction. Codes, refresh and access tokens hang under it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization {
    /// That of the interaction.
    pub id: AuthorizationId,
    /// To whom it was given.
    pub client_id: ClientId,
    /// By whom.
    pub user_id: UserId,
    /// The session it was given in.
    pub session_id: SessionId,
    /// The consent it was born under.
    pub consent_id: ConsentId,
    /// What was granted.
    pub permissions: Permissions,
    /// Whether `offline_access` was granted: it outlives the session.
    pub offline: bool,
    /// How the person had signed in.
    pub authentication: Authentication,
    /// `nonce` of the request, for the ID token.
    pub nonce: Option<String>,
    /// The realm's epoch it was issued in.
    pub epoch: u32,
    /// Issued.
    pub created_at: Timestamp,
    /// The absolute end of its refresh tokens.
    pub expires_at: Timestamp,
    /// Its code.
    pub code: CodeState,
    /// Its refresh token, once the code was redeemed by a client with that grant.
    pub refresh: Option<RefreshState>,
    /// Last time a token was issued under it.
    pub last_used_at: Timestamp,
    /// Revoked: every token under it is dead.
    pub revoked_at: Option<Timestamp>,
}

/// An authorization with all that its tokens' lives depend on.
#[derive(Clone, Debug)]
pub struct AuthorizationRecord {
    /// The authorization.
    pub authorization: Authorization,
    /// When its consent was withdrawn.
    pub consent_withdrawn_at: Option<Timestamp>,
    /// The client; `None` when it was deleted.
    pub client: Option<Client>,
    /// The person; `None` when deleted.
    pub user: Option<User>,
    /// Its session; `None` when the row is gone.
    pub session: Option<Session>,
    /// The realm's present epoch.
    pub epoch: u32,
}

/// What a person sees on the account page about one application.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The live consent.
    pub consent: Consent,
    /// The client, where it still exists.
    pub client: Option<Client>,
    /// Last time a token was issued under the consent.
    pub last_used_at: Option<Timestamp>,
}

/// What guesses are counted under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttemptKey {
    /// An account, or a name that is none: SHA-256 of the login name.
    Account(Digest),
    /// A known device of an account: SHA-256 of both.
    Device(Digest),
    /// An address (IPv6: its /64): SHA-256.
    Address(Digest),
}

/// The counter behind an [`AttemptKey`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    /// Attempts reserved, or failures settled, since the last success.
    pub count: u32,
    /// Earliest instant of the next attempt.
    pub next_at: Timestamp,
}

/// How a delay grows with the count: none below `free`, then `first`, doubling up to `most`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Attempts that cost no delay.
    pub free: u32,
    /// The delay after the attempt that reaches `free`.
    pub first: Duration,
    /// The longest delay.
    pub most: Duration,
    /// A counter untouched this long is forgotten.
    pub forget: Duration,
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyUse {
    /// Signing tokens.
    Signing(Algorithm),
    /// The realm's own secret, from which codes, refresh tokens and seals are derived.
    Realm,
}

/// A key at rest.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// Its id.
    pub kid: KeyId,
    /// What it is for.
    pub usage: KeyUse,
    /// Private part, encrypted under the master key with realm and `kid` as associated data.
    pub wrapped: Vec<u8>,
    /// Public part, a JWK; null for the realm's secret.
    pub public: serde_json::Value,
    /// Made and published.
    pub created_at: Timestamp,
    /// Signs from here on.
    pub active_from: Timestamp,
    /// Signs no more from here on; `None` while no successor is planned.
    pub retired_at: Option<Timestamp>,
}

impl std::fmt::Debug for KeyRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRecord")
            .field("kid", &self.kid)
            .field("usage", &self.usage)
            .finish_non_exhaustive()
    }
}

/// What a realm is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealmRecord {
    /// The frozen issuer.
    pub issuer: String,
    /// Encrypted under the master key: proves that a key is the one this database was made with.
    pub key_check: Vec<u8>,
    /// Raised in the commit of every change of clients, users, resources and keys.
    pub generation: u64,
    /// Raised by a restore: all that was issued in an earlier epoch is dead.
    pub epoch: u32,
}

/// A line of the audit log. Carries no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// When.
    pub at: Timestamp,
    /// What: `sign_in.succeeded`, `consent.granted`, `authorization.revoked` …
    pub kind: String,
    /// The person concerned.
    pub user_id: Option<UserId>,
    /// The client concerned.
    pub client_id: Option<ClientId>,
    /// Address it came from.
    pub address: Option<String>,
    /// The trace id that log, error page and JSON error share.
    pub trace_id: String,
    /// Anything else worth knowing.
    pub detail: serde_json::Value,
}

/// The objects that `apply` declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Clients that an `apply` made.
    pub clients: Vec<ClientId>,
    /// Resources that an `apply` made.
    pub resources: Vec<ResourceIdentifier>,
    /// Users that an `apply` made.
    pub users: Vec<(UserId, String)>,
}

/// One guarded change.
#[derive(Clone, Debug)]
pub enum Write {
    /// Claims a realm for an issuer. Guard: the realm has no row.
    ClaimRealm(RealmRecord),
    /// Gives the realm another issuer: all that was issued for the old one is worthless. Only `grantwell dev` does that,
    /// whose issuer holds its port. Guard: the issuer is `from`. Raises the generation.
    MoveRealm {
        /// Before.
        from: String,
        /// After.
        to: String,
    },
    /// Raises the epoch. Guard: the epoch is one less than this.
    RaiseEpoch(u32),
    /// Inserts or replaces a client. Guard: its stored form equals `was` (`None`: there is no row). Raises the generation.
    PutClient {
        /// The new form.
        client: Box<Client>,
        /// The form it was decided on.
        was: Option<Box<Client>>,
    },
    /// Deletes a client. Guard: it exists. Raises the generation.
    DeleteClient(ClientId),
    /// Inserts or replaces a resource with its scopes. Guard as for clients. Raises the generation.
    PutResource {
        /// The new form.
        resource: Box<Resource>,
        /// The form it was decided on.
        was: Option<Box<Resource>>,
    },
    /// Deletes a resource. Guard: it exists. Raises the generation.
    DeleteResource(ResourceIdentifier),
    /// Inserts or replaces a user with the login names. Guard as for clients, and that no login name is another user's.
    /// Raises the generation.
    PutUser {
        /// The new form.
        user: Box<User>,
        /// The form it was decided on.
        was: Option<Box<User>>,
    },
    /// Deletes a user and the login names, and ends what hangs under the user: sessions, consents, authorizations.
    /// Guard: it exists. Raises the generation.
    DeleteUser(UserId),
    /// Replaces the password hash by one of the same password (new parameters). Guard: the hash is `from`.
    Rehash {
        /// Whose.
        user_id: UserId,
        /// Before.
        from: String,
        /// After.
        to: String,
    },
    /// Inserts a key. Guard: no key of that id, and no other key of the same use that is not yet retired at
    /// `active_from` (so that several nodes make one). Raises the generation.
    InsertKey(KeyRecord),
    /// Sets when a key stops signing. Guard: the key exists and has no such time yet. Raises the generation.
    RetireKey {
        /// Which.
        kid: KeyId,
        /// When it stops signing.
        at: Timestamp,
    },
    /// Deletes a key. Guard: it exists. Raises the generation.
    DeleteKey(KeyId),

    /// Reserves an attempt before it is checked: raises the count, sets the earliest next time. A counter older than
    /// `backoff.forget` starts at zero. Guard: its earliest next time is not after `now`.
    ReserveAttempt {
        /// Under which key.
        key: AttemptKey,
        /// The present.
        now: Timestamp,
        /// How the delay grows.
        backoff: Backoff,
    },
    /// Counts a settled failure, with the same delays. No guard.
    CountFailure {
        /// Under which key.
        key: AttemptKey,
        /// The present.
        now: Timestamp,
        /// How the delay grows.
        backoff: Backoff,
    },
    /// Forgets a counter after a success. No guard.
    ClearAttempts(AttemptKey),

    /// Inserts a session. Guard: no session of that id.
    InsertSession(Box<Session>),
    /// Notes the last use. Guard: none; an ended session is left alone.
    TouchSession {
        /// Which.
        id: SessionId,
        /// When.
        at: Timestamp,
    },
    /// Ends a session. Guard: it belongs to the user and has not ended.
    EndSession {
        /// Which.
        id: SessionId,
        /// Whose.
        user_id: UserId,
        /// When.
        at: Timestamp,
    },

    /// Inserts an interaction. Guard: no interaction of that id.
    InsertInteraction(Box<Interaction>),
    /// Replaces the facts. Guard: the version is `version`; it is raised by one.
    UpdateInteraction {
        /// Which.
        id: InteractionId,
        /// The version it was decided on.
        version: u32,
        /// The new facts.
        facts: Box<Facts>,
    },

    /// Inserts a consent. Guard: no live consent of the user for the client.
    InsertConsent(Box<Consent>),
    /// Replaces what was agreed to. Guard: the consent is live and its version is `version`; it is raised by one.
    ExtendConsent {
        /// Which.
        id: ConsentId,
        /// The version it was decided on.
        version: u32,
        /// All that is agreed to now.
        permissions: Permissions,
        /// When.
        at: Timestamp,
    },
    /// Withdraws a consent. Guard: it belongs to the user and is live.
    WithdrawConsent {
        /// Which.
        id: ConsentId,
        /// Whose.
        user_id: UserId,
        /// When.
        at: Timestamp,
    },

    /// Inserts an authorization with its code. Guard: no authorization of that id; its consent is live, its session has
    /// not ended.
    InsertAuthorization(Box<Authorization>),
    /// Marks the code redeemed and, for a client with that grant, sets the first refresh token. Guard: the code is neither
    /// redeemed nor burnt, the authorization not revoked.
    RedeemCode {
        /// Of which authorization.
        id: AuthorizationId,
        /// When.
        at: Timestamp,
        /// The first generation.
        refresh: Option<RefreshState>,
    },
    /// Kills an unused code. Guard: the code is neither redeemed nor burnt.
    BurnCode {
        /// Of which authorization.
        id: AuthorizationId,
        /// When.
        at: Timestamp,
    },
    /// Rotates the refresh token in place. Guard: the generation is one less than `to.generation`, the authorization not
    /// revoked.
    RotateRefresh {
        /// Of which authorization.
        id: AuthorizationId,
        /// The new generation.
        to: RefreshState,
    },
    /// Revokes an authorization. Guard: it is not revoked.
    RevokeAuthorization {
        /// Which.
        id: AuthorizationId,
        /// When.
        at: Timestamp,
    },
    /// Denies one access token until it expires. No guard: denying twice is denying.
    DenyToken {
        /// SHA-256 of its `jti`.
        token: Digest,
        /// The end of its life.
        expires_at: Timestamp,
    },
    /// Appends to the audit log. No guard.
    Audit(Box<Event>),
    /// Counts what an authenticated client was refused, by minute. No guard.
    CountRefusal {
        /// The client.
        client_id: ClientId,
        /// The reason, one of a fixed list.
        reason: &'static str,
        /// The minute, rounded down by the engine.
        at: Timestamp,
    },
}

/// Which share of the writer's queue a commit waits in; a full share is [`StoreError::Busy`] for that share alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// Grants and revocations.
    Grants,
    /// Sign-ins.
    SignIns,
    /// The rest.
    Rest,
}

/// What became of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// Durable.
    Done,
    /// A guard failed; nothing changed.
    Conflict,
}

/// Why the store has no answer. The caller answers 503, never an OAuth error and never yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// The queue is full.
    Busy,
    /// The engine failed; the text is for the log and holds no value of a row.
    Unavailable(String),
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Busy => f.write_str("the writer's queue is full"),
            Self::Unavailable(why) => write!(f, "the store is unavailable: {why}"),
        }
    }
}

impl std::error::Error for StoreError {}

/// How long ended things are kept before the sweep removes them.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Audit events.
    pub audit: Duration,
    /// Ended sessions, withdrawn consents, revoked or expired authorizations.
    pub ended: Duration,
}

/// Result of a read.
pub type Read<T> = Result<T, StoreError>;

/// What an engine does. Every call names its realm.
pub trait Store: Send + Sync {
    /// The realm; `None` before it was claimed.
    fn realm(&self, realm: Realm) -> impl Future<Output = Read<Option<RealmRecord>>> + Send;
    /// A client.
    fn client(&self, realm: Realm, id: &ClientId) -> impl Future<Output = Read<Option<Client>>> + Send;
    /// The resource of that identifier.
    fn resource(
        &self,
        realm: Realm,
        id: &ResourceIdentifier,
    ) -> impl Future<Output = Read<Option<Resource>>> + Send;
    /// Every resource that is named in `identifiers` or owns one of `scopes`, in order of identifier, at most 64.
    fn resources(
        &self,
        realm: Realm,
        identifiers: &[ResourceIdentifier],
        scopes: &ScopeSet,
    ) -> impl Future<Output = Read<Vec<Resource>>> + Send;
    /// A user.
    fn user(&self, realm: Realm, id: UserId) -> impl Future<Output = Read<Option<User>>> + Send;
    /// The user that a login name belongs to.
    fn user_by_login(
        &self,
        realm: Realm,
        name: &LoginName,
    ) -> impl Future<Output = Read<Option<User>>> + Send;
    /// A session with its user, ended ones too.
    fn session(
        &self,
        realm: Realm,
        id: SessionId,
    ) -> impl Future<Output = Read<Option<SessionRecord>>> + Send;
    /// The sessions of a user that have neither ended nor expired, newest first, at most 100.
    fn sessions_of(
        &self,
        realm: Realm,
        user: UserId,
        now: Timestamp,
    ) -> impl Future<Output = Read<Vec<Session>>> + Send;
    /// An interaction.
    fn interaction(
        &self,
        realm: Realm,
        id: InteractionId,
    ) -> impl Future<Output = Read<Option<Interaction>>> + Send;
    /// The live consent of a user for a client.
    fn consent(
        &self,
        realm: Realm,
        user: UserId,
        client: &ClientId,
    ) -> impl Future<Output = Read<Option<Consent>>> + Send;
    /// The live consents of a user, newest first, at most 200.
    fn connections_of(
        &self,
        realm: Realm,
        user: UserId,
    ) -> impl Future<Output = Read<Vec<Connection>>> + Send;
    /// An authorization with all its tokens' lives depend on.
    fn authorization(
        &self,
        realm: Realm,
        id: AuthorizationId,
    ) -> impl Future<Output = Read<Option<AuthorizationRecord>>> + Send;
    /// Whether a single access token was denied.
    fn is_denied(&self, realm: Realm, token: &Digest) -> impl Future<Output = Read<bool>> + Send;
    /// Counters, in the order of the keys; zero for those that are not there.
    fn attempts(&self, realm: Realm, keys: &[AttemptKey])
    -> impl Future<Output = Read<Vec<Attempts>>> + Send;
    /// All keys of the realm, oldest first.
    fn keys(&self, realm: Realm) -> impl Future<Output = Read<Vec<KeyRecord>>> + Send;
    /// What earlier `apply`s made.
    fn applied(&self, realm: Realm) -> impl Future<Output = Read<Applied>> + Send;
    /// The newest audit events, newest first.
    fn events(&self, realm: Realm, most: u32) -> impl Future<Output = Read<Vec<Event>>> + Send;
    /// Table → rows, of all realms, for metrics and for tests that nothing changed.
    fn rows(&self) -> impl Future<Output = Read<Vec<(&'static str, u64)>>> + Send;
    /// Finds what is wrong with the database itself; empty when nothing is.
    fn check(&self) -> impl Future<Output = Read<Vec<String>>> + Send;
    /// All of `writes` or none, durable when it answers `Done`.
    fn commit(
        &self,
        realm: Realm,
        share: Share,
        writes: Vec<Write>,
    ) -> impl Future<Output = Result<Outcome, StoreError>> + Send;
    /// Removes what expired, in all realms, at most `most` rows a table; says how many rows went.
    fn sweep(
        &self,
        now: Timestamp,
        keep: Retention,
        most: u32,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;
}
