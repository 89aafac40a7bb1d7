//! What the store holds, as the protocol reads it.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::AuthorizationRequest;
use crate::{
    client::Client,
    id::{
        AuthorizationId, ClientId, ConsentId, EventId, InteractionId, KeyId, ResourceIdentifier, SessionId,
        UserId,
    },
    jose::Algorithm,
    scope::Permissions,
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
/// One table holds both kinds, so that no user name is another user's e-mail.
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
    /// The realm's epoch it began in.
    pub epoch: u32,
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
    /// The realm's present epoch.
    pub epoch: u32,
}

/// What has happened in an interaction. Facts only: the next step is derived from them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The person who signed in during this interaction, and how.
    pub signed_in: Option<(UserId, Authentication)>,
    /// The session that the person is using: made by that sign-in, or chosen.
    pub session_id: Option<SessionId>,
    /// The person chose the account.
    pub selected: bool,
    /// What the person agreed to in this interaction: all of it that was asked for and may be granted.
    pub agreed: Option<Permissions>,
    /// The person said no.
    pub denied: bool,
}

/// What an interaction is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A client asks for an authorization.
    Authorization(Box<AuthorizationRequest>),
    /// The person wants to see the account page.
    Account,
}

/// One pending request for a person, kept from the first fact on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interaction {
    /// Its id, chosen when the request came.
    pub id: InteractionId,
    /// Of the transaction cookie of the browser that started it.
    pub browser: Digest,
    /// What it is for.
    pub purpose: Purpose,
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
    /// Invalidated by a wrong verifier or redirect URI from the right client.
    pub invalidated_at: Option<Timestamp>,
}

/// The current generation of an authorization's refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshState {
    /// Starts at 1, raised by every rotation.
    pub generation: u32,
    /// The digest of the current generation's secret.
    pub digest: Digest,
    /// When this generation was made.
    pub rotated_at: Timestamp,
    /// When it dies of disuse.
    pub expires_at: Timestamp,
}

/// The result of a completed interaction. Codes, refresh and access tokens hang under it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization {
    /// That of the interaction.
    pub id: AuthorizationId,
    /// To whom it was given.
    pub client_id: ClientId,
    /// By whom.
    pub user_id: UserId,
    /// The session it was given in; `None` when it was given in no browser.
    pub session_id: Option<SessionId>,
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
    /// Its code; `None` when it is not a code's.
    pub code: Option<CodeState>,
    /// Its refresh token, once its client was given one: with the code, or by the first [`super::Write::RotateRefresh`] where
    /// there is no code.
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
    pub client: Option<Arc<Client>>,
    /// The person; `None` when deleted.
    pub user: Option<User>,
    /// Its session; `None` when it has none, or the row is gone.
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
    /// An address (IPv6: its /64): SHA-256. What is counted apart from sign-ins has its name before the address.
    Address(Digest),
}

/// The counter behind an [`AttemptKey`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    /// Attempts reserved, or failures settled, since the last success.
    pub count: u32,
    /// Earliest instant of the next attempt. The beginning of all time while nothing holds it back: a request that began earlier, and
    /// comes later, does not wait for one that was free.
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

/// What would lead nowhere if some clients and resources were gone. What an `apply` made is left out: the next one declares it again,
/// or removes it too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// Resources that name one of the clients in `introspection_clients`.
    pub introspection_clients: Vec<(ResourceIdentifier, ClientId)>,
    /// Clients of which one of the resources is the `default_resource`.
    pub default_resources: Vec<(ClientId, ResourceIdentifier)>,
    /// Whether there are more, of either kind, than [`References::MOST`].
    pub is_cut: bool,
}

impl References {
    /// Most that are read of each kind.
    pub const MOST: u32 = 1000;

    /// Keeps the first of each kind, and says whether there were more.
    pub fn bounded(
        mut introspection_clients: Vec<(ResourceIdentifier, ClientId)>,
        mut default_resources: Vec<(ClientId, ResourceIdentifier)>,
    ) -> Self {
        let most = usize::try_from(Self::MOST).unwrap_or(usize::MAX);
        let is_cut = introspection_clients.len().max(default_resources.len()) > most;
        introspection_clients.truncate(most);
        default_resources.truncate(most);
        Self { introspection_clients, default_resources, is_cut }
    }
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
