//! Records that the tests of all crates start from: one person with a session, a web client with a secret, a browser client without,
//! a machine, an API, a request, a consent, and an authorization with its code. The feature `fixtures` is for tests alone.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a record that is wrong fails the test")]

use std::{
    collections::BTreeMap,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::json;

use crate::{
    client::{AuthMethod, Client, GrantType},
    error::NoRefusal,
    id::{AuthorizationId, ConsentId, InteractionId, Realm, SessionId, TicketId, UserId},
    jose::Algorithm,
    keyring::{self, Keyring},
    policy::{ACR_PASSWORD, Policy},
    registry,
    resource::{AccessTokenFormat, Resource},
    scope::{Audience, Permissions, ScopeSet},
    seal::SealKey,
    secret::{Digest, Secret},
    step::{Context, Decided, Decision, Have, Origin, Step},
    store::{
        Authentication, Authorization, AuthorizationRecord, AuthorizationRequest, CodeState, Consent, Event,
        Facts, Interaction, KeyRecord, KeyUse, Purpose, RealmRecord, Redirect, RefreshState, ResponseMode,
        ResponseRoute, Session, SessionRecord, Share, Ticket, TicketKind, TicketValue, User,
    },
    time::{Clock, Entropy, Timestamp},
    token::code::Code,
};

#[cfg(test)]
mod world;
#[cfg(test)]
pub(crate) use world::*;

/// The issuer of [`policy`].
pub const ISSUER: &str = "https://id.example";
/// The identifier of [`resource`].
pub const API: &str = "https://api.example/";
/// The identifier of [`other_resource`].
pub const OTHER_API: &str = "https://other.example/";
/// The secret of every client that has one.
pub const SECRET: &str = "a secret of thirty-two characters";
/// The redirect URI of [`client`].
pub const REDIRECT: &str = "https://rp.example/cb";
/// A code verifier, whose challenge is [`CHALLENGE`] (RFC 7636 Appendix B).
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// The S256 challenge of [`VERIFIER`].
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// When all happens: between two seconds and within a minute, so that tests see what is rounded.
pub const NOW: Timestamp = Timestamp::from_millis(1_800_000_020_250);
/// The epoch of the realm.
pub const EPOCH: u32 = 3;
/// The transaction cookie of the browser that started [`interaction`].
pub(crate) const COOKIE: Secret = Secret::from_bytes([7; 32]);

/// A random source that says the same in every run, and nothing twice in one: SplitMix64.
#[derive(Debug)]
pub struct Seeded(AtomicU64);

impl Seeded {
    /// The same seed, the same bytes.
    pub const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        for chunk in bytes.chunks_mut(8) {
            let state = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            for (to, from) in chunk.iter_mut().zip((mixed ^ (mixed >> 31)).to_le_bytes()) {
                *to = from;
            }
        }
    }
}

/// A clock that stands still until it is told.
#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl TestClock {
    /// Stands at `now`.
    pub const fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.millis()))
    }

    /// Moves on.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// As it is where nothing is set.
pub fn policy() -> Policy {
    Policy::new(ISSUER)
}

pub(crate) fn master() -> SealKey {
    SealKey::new(&Secret::from_bytes([5; 32]))
}

/// Records of the realm's secret and one key of each fast algorithm, active since the epoch.
pub(crate) fn key_records() -> Vec<KeyRecord> {
    let entropy = Seeded::new(9);
    let master = master();
    let place = keyring::Place { master: &master, realm: Realm::MAIN, entropy: &entropy };
    [Algorithm::ES256, Algorithm::EdDSA, Algorithm::ES384]
        .into_iter()
        .map(KeyUse::Signing)
        .chain([KeyUse::Realm])
        .map(|usage| keyring::make(usage, Timestamp::default(), Timestamp::default(), &place).unwrap())
        .collect()
}

pub(crate) fn open(records: &[KeyRecord]) -> Keyring {
    Keyring::open(records, |record| keyring::unwrap(record, Realm::MAIN, &master())).unwrap()
}

/// The records of [`keyring`].
pub(crate) fn shared_key_records() -> &'static [KeyRecord] {
    static RECORDS: LazyLock<Vec<KeyRecord>> = LazyLock::new(key_records);
    &RECORDS
}

pub(crate) fn keyring() -> &'static Keyring {
    static KEYRING: LazyLock<Keyring> = LazyLock::new(|| open(shared_key_records()));
    &KEYRING
}

/// The realm of [`ISSUER`] in [`EPOCH`].
pub fn realm() -> RealmRecord {
    RealmRecord { issuer: ISSUER.to_owned(), key_check: vec![0, 1, 255], generation: 1, epoch: EPOCH }
}

/// A key that signs from [`NOW`] on, with no successor planned. It cannot be unwrapped.
pub fn key(kid: &str, usage: KeyUse) -> KeyRecord {
    KeyRecord {
        kid: kid.into(),
        usage,
        wrapped: vec![0, 200, 3],
        public: json!({ "kty": "EC", "kid": kid }),
        created_at: NOW,
        active_from: NOW,
        retired_at: None,
    }
}

/// Where every request comes from.
pub(crate) fn origin() -> &'static Origin {
    static ORIGIN: LazyLock<Origin> =
        LazyLock::new(|| Origin { address: "192.0.2.1".parse().ok(), trace_id: "trace".into() });
    &ORIGIN
}

/// An event at [`NOW`], about nobody.
pub fn event(kind: &str, entropy: &dyn Entropy) -> Event {
    origin().event(kind, NOW, entropy)
}

/// A set that can be read.
pub fn scopes(text: &str) -> ScopeSet {
    ScopeSet::parse(text).unwrap()
}

/// Scopes of each audience; that of the issuer is empty.
pub fn permissions(pairs: &[(&str, &str)]) -> Permissions {
    Permissions(
        pairs.iter().map(|(audience, text)| (Audience::from((*audience).to_owned()), scopes(text))).collect(),
    )
}

/// The confidential web client `web`.
pub fn client() -> Client {
    let metadata = json!({
        "client_id": "web",
        "client_name": "Example",
        "client_secret": SECRET,
        "token_endpoint_auth_method": "client_secret_basic",
        "redirect_uris": [REDIRECT],
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid profile email offline_access notes:read notes:write other",
        "id_token_signed_response_alg": "ES256",
    });
    registry::client::read(metadata.as_object().unwrap(), None).unwrap()
}

/// The public client `spa`.
pub fn public_client() -> Client {
    Client {
        client_id: "spa".into(),
        token_endpoint_auth_method: AuthMethod::None,
        client_secret: None,
        ..client()
    }
}

/// The confidential client `machine`.
pub fn machine() -> Client {
    Client {
        client_id: "machine".into(),
        grant_types: [GrantType::ClientCredentials].into(),
        scope: scopes("openid email offline_access notes:read notes:write"),
        ..client()
    }
}

/// The API [`API`] with `notes:read` and `notes:write`.
pub fn resource() -> Resource {
    Resource {
        identifier: API.into(),
        name: "Notes".to_owned(),
        access_token_format: AccessTokenFormat::Jwt,
        access_token_signing_alg: Algorithm::ES256,
        access_token_lifetime: None,
        introspection_clients: vec!["api".into()],
        scopes: BTreeMap::from([
            ("notes:read".to_owned(), "Read".to_owned()),
            ("notes:write".to_owned(), "Write".to_owned()),
        ]),
        applied: false,
    }
}

/// The API [`OTHER_API`] with `other`.
pub fn other_resource() -> Resource {
    Resource {
        identifier: OTHER_API.into(),
        name: "Other".to_owned(),
        introspection_clients: Vec::new(),
        scopes: BTreeMap::from([("other".to_owned(), "Other".to_owned())]),
        ..resource()
    }
}

/// The id of person `n`.
pub const fn user_id(n: u8) -> UserId {
    UserId::from_bytes([n; 16])
}

/// The id of session `n`.
pub const fn session_id(n: u8) -> SessionId {
    SessionId::from_bytes([n; 16])
}

/// Ada, person 2.
pub fn user() -> User {
    let claims = json!({ "name": "Ada Example", "email_verified": true });
    User {
        id: user_id(2),
        username: "ada".to_owned(),
        email: Some("ada@example.test".to_owned()),
        claims: claims.as_object().unwrap().clone(),
        groups: Vec::new(),
        password_hash: None,
        disabled: false,
        tokens_not_before: Timestamp::default(),
        applied: false,
    }
}

/// A person of their own for every number; 2 is Ada.
pub fn person(n: u8) -> User {
    User { id: user_id(n), ..user() }
}

/// How the person of [`session`] signed in, a minute ago.
pub fn authentication() -> Authentication {
    Authentication {
        at: NOW - Duration::from_mins(1),
        amr: vec!["pwd".to_owned()],
        acr: ACR_PASSWORD.to_owned(),
    }
}

/// The live session `n` of person `n`.
pub fn session(n: u8) -> SessionRecord {
    let authentication = authentication();
    let session = Session {
        id: session_id(n),
        digest: Digest([n; 32]),
        user_id: user_id(n),
        user_agent: "Browser/1".to_owned(),
        address: "192.0.2.1".to_owned(),
        epoch: EPOCH,
        created_at: authentication.at,
        last_seen_at: authentication.at,
        expires_at: authentication.at + policy().lifetimes.session_absolute,
        authentication,
        ended_at: None,
    };
    SessionRecord { session, user: person(n), epoch: EPOCH }
}

/// A checked request of the client `web`.
pub fn request() -> AuthorizationRequest {
    let route = ResponseRoute::Redirect(Redirect {
        uri: REDIRECT.to_owned(),
        sent: true,
        mode: ResponseMode::Query,
        state: Some("s-1".to_owned()),
    });
    AuthorizationRequest {
        nonce: Some("n-1".to_owned()),
        permissions: permissions(&[("", "openid"), (API, "notes:read")]),
        code_challenge: Some(CHALLENGE.to_owned()),
        ..AuthorizationRequest::new("web".into(), route, NOW)
    }
}

/// A row of version 3, of one browser.
pub fn interaction(request: AuthorizationRequest, facts: Facts) -> Interaction {
    Interaction {
        id: InteractionId::from_bytes([6; 16]),
        browser: COOKIE.digest(),
        purpose: Purpose::Authorization(Box::new(request)),
        facts,
        version: 3,
        created_at: NOW,
        expires_at: NOW + policy().lifetimes.interaction,
    }
}

/// A live consent of Ada for `web`, of version 5.
pub fn consent(pairs: &[(&str, &str)]) -> Consent {
    Consent {
        id: ConsentId::from_bytes([4; 16]),
        user_id: user_id(2),
        client_id: "web".into(),
        permissions: permissions(pairs),
        version: 5,
        created_at: NOW,
        updated_at: NOW,
        withdrawn_at: None,
    }
}

/// Ada's authorization of `web` in session 3, with an unused code, issued ten seconds ago, for UserInfo alone and offline.
pub fn authorization() -> Authorization {
    let id = AuthorizationId::from_bytes([1; 16]);
    let created_at = NOW - Duration::from_secs(10);
    Authorization {
        id,
        client_id: "web".into(),
        user_id: user_id(2),
        session_id: Some(session_id(3)),
        consent_id: ConsentId::from_bytes([4; 16]),
        permissions: permissions(&[("", "openid email offline_access")]),
        offline: true,
        authentication: authentication(),
        nonce: Some("n-0S6_WzA2Mj".to_owned()),
        epoch: EPOCH,
        created_at,
        expires_at: created_at + policy().lifetimes.refresh_absolute,
        code: Some(CodeState {
            digest: Code::of(id, &keyring().keys).digest(),
            redirect_uri: Some(REDIRECT.to_owned()),
            challenge: Some(CHALLENGE.to_owned()),
            expires_at: created_at + policy().lifetimes.code,
            redeemed_at: None,
            invalidated_at: None,
        }),
        refresh: None,
        last_used_at: created_at,
        revoked_at: None,
    }
}

/// The [`authorization`] of `client`, with all that it hangs on.
pub fn record_of(client: Client) -> AuthorizationRecord {
    let session = session(2).session;
    AuthorizationRecord {
        authorization: Authorization { client_id: client.client_id.clone(), ..authorization() },
        consent_withdrawn_at: None,
        client: Some(client.into()),
        user: Some(user()),
        session: Some(Session { id: session_id(3), digest: Digest([3; 32]), ..session }),
        epoch: EPOCH,
    }
}

/// The same of `web`.
pub fn record() -> AuthorizationRecord {
    record_of(client())
}

/// The client of a record, to be changed.
pub fn client_of(record: &mut AuthorizationRecord) -> &mut Client {
    Arc::make_mut(record.client.as_mut().unwrap())
}

/// A refresh token that was rotated at [`NOW`].
pub fn refresh(generation: u32, digest: Digest) -> RefreshState {
    RefreshState { generation, digest, rotated_at: NOW, expires_at: NOW + policy().lifetimes.refresh_idle }
}

/// The ticket of that value, for a minute from [`NOW`] on, with an empty body.
pub fn ticket(value: &TicketValue) -> Ticket {
    Ticket {
        kind: value.kind,
        id: value.id,
        digest: value.digest(),
        second_digest: None,
        version: 0,
        expires_at: NOW + Duration::from_mins(1),
        used_at: None,
        body: serde_json::Value::Null,
    }
}

/// A step that finds the live ticket of a kind with a second digest.
#[derive(Debug)]
pub struct FindsBySecond(pub TicketKind, pub Digest);

impl Step for FindsBySecond {
    const NAME: &'static str = "finds_by_second";
    const SHARE: Share = Share::Rest;
    type Outcome = Option<TicketId>;
    type Refusal = NoRefusal;

    fn decide(&self, have: &Have, _: &Context<'_>) -> Decided<Option<TicketId>, NoRefusal> {
        Ok(Decision::read_only(have.ticket_by_second(self.0, self.1)?.map(|ticket| ticket.id)))
    }
}
