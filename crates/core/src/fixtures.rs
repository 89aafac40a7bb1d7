//! Records that tests start from: one person, a web client with a secret, a browser client without, a machine, an API,
//! and an authorization with its code.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::json;

use crate::{
    client::{AuthMethod, Client, GrantType},
    client_auth::{self, AuthenticatedClient, ClientStep, Credential},
    form::Form,
    id::{AuthorizationId, ClientId, ConsentId, Realm, SessionId, UserId},
    jose::Algorithm,
    keyring::{self, Keyring},
    policy::{ACR_PASSWORD, Policy},
    registry,
    resource::{AccessTokenFormat, Resource},
    scope::{Audience, Permissions, ScopeSet},
    seal::SealKey,
    secret::{Digest, Secret},
    step::{Context, Decided, Decision, Have, Origin, PasswordResult, Refused, Step, Stop, Want},
    store::{
        Attempts, Authentication, Authorization, AuthorizationRecord, CodeState, Connection, Consent,
        Interaction, KeyRecord, KeyUse, Session, SessionRecord, Ticket, TicketValue, User,
    },
    time::{Entropy, Timestamp},
    token::{access::AccessClaims, code::Code, jti},
};

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const API: &str = "https://api.example/";
pub(crate) const OTHER_API: &str = "https://other.example/";
pub(crate) const SECRET: &str = "a secret of thirty-two characters";
pub(crate) const REDIRECT: &str = "https://rp.example/cb";
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_250);
pub(crate) const EPOCH: u32 = 3;

/// The same bytes in every run.
pub(crate) struct Seeded {
    seed: u64,
    calls: AtomicU64,
}

impl Seeded {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed, calls: AtomicU64::new(0) }
    }
}

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        for (at, chunk) in bytes.chunks_mut(32).enumerate() {
            let digest = Digest::of(format!("{} {call} {at}", self.seed).as_bytes());
            let length = chunk.len();
            chunk.copy_from_slice(&digest.0[..length]);
        }
    }
}

pub(crate) fn policy() -> Policy {
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

/// A context at `now` under `policy`.
pub(crate) fn context_at(policy: &Policy, now: Timestamp) -> Context<'_> {
    static ENTROPY: Seeded = Seeded::new(1);
    static ORIGIN: LazyLock<Origin> =
        LazyLock::new(|| Origin { address: "192.0.2.1".parse().ok(), trace_id: "trace".into() });
    Context { policy, keyring: keyring(), epoch: EPOCH, now, entropy: &ENTROPY, origin: &ORIGIN }
}

pub(crate) fn context(policy: &Policy) -> Context<'_> {
    context_at(policy, NOW)
}

pub(crate) fn scopes(text: &str) -> ScopeSet {
    ScopeSet::parse(text).unwrap()
}

/// The confidential web client `web`.
pub(crate) fn client() -> Client {
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

/// The claims of an access token of [`record`] for `audience`.
pub(crate) fn access_claims(audience: &str, scope: &str) -> AccessClaims {
    let authorization = record().authorization;
    AccessClaims {
        iss: ISSUER.to_owned(),
        sub: authorization.user_id.to_string(),
        aud: audience.to_owned(),
        client_id: authorization.client_id,
        exp: NOW.seconds() + 600,
        iat: NOW.seconds(),
        jti: jti::person(authorization.id, &Seeded::new(1)),
        scope: scopes(scope),
        auth_time: None,
        acr: None,
        amr: Vec::new(),
    }
}

/// The public client `spa`.
pub(crate) fn public_client() -> Client {
    Client {
        client_id: "spa".into(),
        token_endpoint_auth_method: AuthMethod::None,
        client_secret: None,
        ..client()
    }
}

/// The confidential client `machine`.
pub(crate) fn machine() -> Client {
    Client {
        client_id: "machine".into(),
        grant_types: [GrantType::ClientCredentials].into(),
        scope: scopes("openid email offline_access notes:read notes:write"),
        ..client()
    }
}

/// The API `API` with `notes:read` and `notes:write`.
pub(crate) fn resource() -> Resource {
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

/// The API `OTHER_API` with `other`.
pub(crate) fn other_resource() -> Resource {
    Resource {
        identifier: OTHER_API.into(),
        name: "Other".to_owned(),
        introspection_clients: Vec::new(),
        scopes: BTreeMap::from([("other".to_owned(), "Other".to_owned())]),
        ..resource()
    }
}

pub(crate) fn user() -> User {
    let claims = json!({ "name": "Ada Example", "email_verified": true });
    User {
        id: UserId::from_bytes([2; 16]),
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

pub(crate) fn authentication() -> Authentication {
    Authentication {
        at: NOW - Duration::from_mins(1),
        amr: vec!["pwd".to_owned()],
        acr: ACR_PASSWORD.to_owned(),
    }
}

pub(crate) fn permissions(pairs: &[(&str, &str)]) -> Permissions {
    Permissions(
        pairs.iter().map(|(audience, text)| (Audience::from((*audience).to_owned()), scopes(text))).collect(),
    )
}

/// An authorization of `client` with an unused code, issued ten seconds ago, for UserInfo alone and offline.
pub(crate) fn record_of(client: Client) -> AuthorizationRecord {
    let id = AuthorizationId::from_bytes([1; 16]);
    let (user, authentication) = (user(), authentication());
    let created_at = NOW - Duration::from_secs(10);
    let session = Session {
        id: SessionId::from_bytes([3; 16]),
        digest: Digest([3; 32]),
        user_id: user.id,
        authentication: authentication.clone(),
        user_agent: String::new(),
        address: String::new(),
        epoch: EPOCH,
        created_at: authentication.at,
        last_seen_at: authentication.at,
        expires_at: authentication.at + policy().lifetimes.session_absolute,
        ended_at: None,
    };
    let authorization = Authorization {
        id,
        client_id: client.client_id.clone(),
        user_id: user.id,
        session_id: Some(session.id),
        consent_id: ConsentId::from_bytes([4; 16]),
        permissions: permissions(&[("", "openid email offline_access")]),
        offline: true,
        authentication,
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
    };
    AuthorizationRecord {
        authorization,
        consent_withdrawn_at: None,
        client: Some(client),
        user: Some(user),
        session: Some(session),
        epoch: EPOCH,
    }
}

pub(crate) fn record() -> AuthorizationRecord {
    record_of(client())
}

/// The ticket of that value, for a minute from [`NOW`] on, with an empty body.
pub(crate) fn ticket(value: &TicketValue) -> Ticket {
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

/// What `authenticate` answers to a client's right credential.
pub(crate) fn authenticated(client: &Client) -> AuthenticatedClient<'_> {
    let policy = policy();
    client_auth::authenticate(&credential(client), Some(client), &Have::default(), &context(&policy))
        .unwrap()
        .0
}

/// A client's right credential.
pub(crate) fn credential(client: &Client) -> Credential {
    let id = client.client_id.as_str();
    let mut form = Form::from_pairs([("client_id", id), ("client_secret", SECRET)]);
    let header = basic(id, SECRET);
    let mut headers = Vec::new();
    match client.token_endpoint_auth_method {
        AuthMethod::None => form = Form::from_pairs([("client_id", id)]),
        AuthMethod::ClientSecretPost => {}
        AuthMethod::ClientSecretBasic => {
            form = Form::default();
            headers.push(header.as_str());
        }
    }
    client_auth::present(&headers, &form).unwrap()
}

/// All that the store and the outside of a test have: what a step wants is found here, or is not there.
#[derive(Clone, Default)]
pub(crate) struct World {
    pub(crate) client: Option<Client>,
    pub(crate) resources: Vec<Resource>,
    pub(crate) user: Option<User>,
    pub(crate) sessions: Vec<SessionRecord>,
    pub(crate) interaction: Option<Interaction>,
    pub(crate) consent: Option<Consent>,
    pub(crate) connections: Vec<Connection>,
    pub(crate) authorization: Option<AuthorizationRecord>,
    pub(crate) ticket: Option<Ticket>,
    pub(crate) token_revoked: bool,
    pub(crate) attempts: Vec<Attempts>,
    pub(crate) password: Option<PasswordResult>,
}

impl World {
    pub(crate) fn of(record: AuthorizationRecord) -> Self {
        let resources = vec![resource(), other_resource()];
        Self { authorization: Some(record), resources, ..Self::default() }
    }

    fn supply(&self, have: &mut Have, want: Want, now: Timestamp) {
        let client = |id: &ClientId| self.client.clone().filter(|client| client.client_id == *id);
        match want {
            Want::Client(id) => have.client.put(id.clone(), client(&id).map(Arc::new)),
            Want::ClientState(id) => have.client_state.put(id.clone(), client(&id)),
            Want::Resources(ids, scopes) => {
                let wanted = |resource: &&Resource| {
                    ids.contains(&resource.identifier)
                        || resource.scopes.keys().any(|scope| scopes.contains(scope))
                };
                let found: Vec<_> = self.resources.iter().filter(wanted).cloned().collect();
                have.resources.put((ids, scopes), found.into());
            }
            Want::User(id) => have.user.put(id, self.user.clone().filter(|user| user.id == id)),
            Want::UserByLogin(name) => {
                let user = self.user.clone().filter(|user| user.login_names().contains(&name));
                have.user_by_login.put(name, user);
            }
            Want::Sessions(ids) => {
                let find = |id: &SessionId| self.sessions.iter().find(|r| r.session.id == *id).cloned();
                let found = ids.iter().filter_map(find).collect();
                have.sessions.put(ids, found);
            }
            Want::SessionsOf(user) => {
                let own = self.sessions.iter().filter(|record| record.user.id == user);
                have.sessions_of.put(user, own.map(|record| record.session.clone()).collect());
            }
            Want::Interaction(id) => {
                have.interaction.put(id, self.interaction.clone().filter(|found| found.id == id));
            }
            Want::Consent(user, client) => {
                let found = self.consent.clone();
                let found = found.filter(|found| found.user_id == user && found.client_id == client);
                have.consent.put((user, client), found);
            }
            Want::Connections(user) => {
                let own = self.connections.iter().filter(|found| found.consent.user_id == user);
                have.connections.put(user, own.cloned().collect());
            }
            Want::Authorization(id) => {
                let found = self.authorization.clone();
                have.authorization.put(id, found.filter(|record| record.authorization.id == id));
            }
            Want::Ticket(kind, id) => {
                let found = self.ticket.clone();
                have.ticket.put((kind, id), found.filter(|found| found.kind == kind && found.id == id));
            }
            Want::TicketBySecond(kind, second) => {
                let is_it = |found: &Ticket| found.kind == kind && found.second_digest == Some(second);
                let is_live = |found: &Ticket| found.used_at.is_none() && found.expires_at > now;
                let found = self.ticket.clone().filter(|found| is_it(found) && is_live(found));
                have.ticket_by_second.put((kind, second), found);
            }
            Want::RevokedToken(token) => have.revoked_tokens.put(token, self.token_revoked),
            Want::Attempts(keys) => have.attempts.put(keys, self.attempts.clone()),
            Want::SigningKey(algorithm) => panic!("no key for {algorithm:?} in this test"),
            Want::Password(check) => {
                let result = self.password.clone().unwrap_or(PasswordResult::Wrong);
                have.evidence.password.put(check.hash, result);
            }
        }
    }
}

/// What was decided, and the names of what was wanted for it.
type Looked<T, R> = (Result<Decision<T>, Refused<R>>, Vec<&'static str>);

/// Supplies what is wanted until it is decided.
fn drive<T, R>(
    world: &World,
    mut have: Have,
    now: Timestamp,
    mut decide: impl FnMut(&Have) -> Decided<T, R>,
) -> Looked<T, R> {
    let mut wanted = Vec::new();
    loop {
        match decide(&have) {
            Ok(decision) => return (Ok(decision), wanted),
            Err(Stop::Refuse(refused)) => return (Err(refused), wanted),
            Err(Stop::Want(want)) => {
                wanted.push(want.name());
                assert!(wanted.len() < 20, "wanted again and again: {wanted:?}");
                world.supply(&mut have, want, now);
            }
        }
    }
}

/// What a step decides in this world.
pub(crate) fn decide<S: Step>(
    step: &S,
    world: &World,
    context: &Context<'_>,
) -> Result<Decision<S::Outcome>, Refused<S::Refusal>> {
    look(step, world, Have::default(), context).0
}

/// What a step decides that has something already, and what it wants beside.
pub(crate) fn look<S: Step>(
    step: &S,
    world: &World,
    have: Have,
    context: &Context<'_>,
) -> Looked<S::Outcome, S::Refusal> {
    drive(world, have, context.now, |have| step.decide(have, context))
}

/// What a step wants in this world.
pub(crate) fn wants<S: Step>(step: &S, world: &World) -> Vec<&'static str> {
    look(step, world, Have::default(), &context(&policy())).1
}

/// What a step of an authenticated client decides in this world.
pub(crate) fn decide_as<S: ClientStep>(
    client: &Client,
    step: &S,
    world: &World,
    context: &Context<'_>,
) -> Result<Decision<S::Outcome>, Refused<S::Refusal>> {
    let decide = |have: &Have| step.decide(authenticated(client), have, context);
    drive(world, Have::default(), context.now, decide).0
}

/// What a step of an authenticated client wants in this world.
pub(crate) fn wants_as<S: ClientStep>(client: &Client, step: &S, world: &World) -> Vec<&'static str> {
    let policy = policy();
    let decide = |have: &Have| step.decide(authenticated(client), have, &context(&policy));
    drive(world, Have::default(), NOW, decide).1
}

pub(crate) fn basic(id: &str, secret: &str) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}
