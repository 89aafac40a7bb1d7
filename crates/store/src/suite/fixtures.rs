//! Sample records, whole and valid, for the suite and other tests that need a filled store.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use grantwell_core::{
    client::Client,
    id::{AuthorizationId, ConsentId, EventId, InteractionId, KeyId, SessionId, TicketId, UserId},
    jose::Algorithm,
    registry,
    resource::{AccessTokenFormat, Resource},
    scope::{Audience, Permissions},
    secret::{Digest, Secret},
    store::{
        Authentication, Authorization, AuthorizationRequest, CodeState, Consent, Event, Facts, Interaction,
        KeyRecord, KeyUse, Prompts, Purpose, RealmRecord, Redirect, RefreshState, ResponseMode,
        ResponseRoute, Session, Ticket, TicketKind, User,
    },
    time::{Entropy, Timestamp},
};

use serde_json::json;

/// The instant at which all samples are made.
pub const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

const HOUR: Duration = Duration::from_hours(1);

/// A random source that says the same thing every time: SplitMix64.
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
        for chunk in bytes.chunks_mut(8) {
            let state = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let mixed = (mixed ^ (mixed >> 31)).to_le_bytes();
            for (to, from) in chunk.iter_mut().zip(mixed) {
                *to = from;
            }
        }
    }
}

/// A realm in epoch 1.
pub fn realm() -> RealmRecord {
    RealmRecord {
        issuer: "https://issuer.example".to_owned(),
        key_check: vec![0, 1, 255],
        generation: 1,
        epoch: 1,
    }
}

/// `openid` at the issuer, `notes:read` at the sample resource.
pub fn permissions() -> Permissions {
    Permissions(BTreeMap::from([
        (Audience::Issuer, ["openid", "offline_access"].into_iter().collect()),
        (Audience::Resource("https://notes.example/".into()), ["notes:read"].into_iter().collect()),
    ]))
}

/// A confidential client with the code and refresh grants.
pub fn client(id: &str) -> Client {
    let metadata = json!({
        "client_id": id,
        "client_name": "Näme \"quoted\" \u{1f980}",
        "client_uri": "https://app.example/",
        "client_secret": "a secret of thirty-two characters",
        "redirect_uris": ["https://app.example/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid offline_access notes:read",
        "default_resource": "https://notes.example/",
    });
    let client = registry::client::read(metadata.as_object().unwrap(), None).unwrap();
    Client { applied: true, ..client }
}

/// A resource with the scopes `notes:read` and `notes:write`.
pub fn resource(identifier: &str) -> Resource {
    Resource {
        identifier: identifier.into(),
        name: "Notes".to_owned(),
        access_token_format: AccessTokenFormat::Jwt,
        access_token_signing_alg: Algorithm::ES256,
        access_token_lifetime: None,
        introspection_clients: vec!["notes-api".into()],
        scopes: BTreeMap::from([
            ("notes:read".to_owned(), "Read your notes".to_owned()),
            ("notes:write".to_owned(), "Change your notes".to_owned()),
        ]),
        applied: true,
    }
}

/// A person called `name`, with `name@example.com`.
pub fn user(name: &str, entropy: &dyn Entropy) -> User {
    let mut claims = serde_json::Map::new();
    claims.insert("given_name".to_owned(), "Zoë".into());
    claims.insert("email_verified".to_owned(), true.into());
    User {
        id: UserId::new(NOW, entropy),
        username: name.to_owned(),
        email: Some(format!("{name}@example.com")),
        claims,
        groups: vec!["staff".to_owned()],
        password_hash: Some("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA/+".to_owned()),
        disabled: false,
        tokens_not_before: Timestamp::from_millis(0),
        applied: true,
    }
}

/// By password, at [`NOW`].
pub fn authentication() -> Authentication {
    Authentication { at: NOW, amr: vec!["pwd".to_owned()], acr: "urn:grantwell:password".to_owned() }
}

fn digest(entropy: &dyn Entropy) -> Digest {
    Secret::random(entropy).digest()
}

/// A session of `user` that lasts a day.
pub fn session(user: UserId, entropy: &dyn Entropy) -> Session {
    Session {
        id: SessionId::new(NOW, entropy),
        digest: digest(entropy),
        user_id: user,
        authentication: authentication(),
        user_agent: "Browser/1.0".to_owned(),
        address: "192.0.2.1".to_owned(),
        epoch: 1,
        created_at: NOW,
        last_seen_at: NOW,
        expires_at: NOW + HOUR * 24,
        ended_at: None,
    }
}

/// A request of `client` that has a quarter of an hour.
pub fn interaction(client: &Client, entropy: &dyn Entropy) -> Interaction {
    Interaction {
        id: InteractionId::new(NOW, entropy),
        browser: digest(entropy),
        purpose: Purpose::Authorization(Box::new(AuthorizationRequest {
            client_id: client.client_id.clone(),
            route: ResponseRoute::Redirect(Redirect {
                uri: "https://app.example/callback".to_owned(),
                sent: true,
                mode: ResponseMode::Query,
                state: Some("state".to_owned()),
            }),
            nonce: Some("nonce".to_owned()),
            permissions: permissions(),
            code_challenge: Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned()),
            prompts: Prompts::default(),
            max_age: None,
            acr_values: Vec::new(),
            login_hint: None,
            hinted_user: None,
            ui_locales: Vec::new(),
            requested_at: NOW,
        })),
        facts: Facts::default(),
        version: 0,
        created_at: NOW,
        expires_at: NOW + HOUR / 4,
    }
}

/// A live consent of `user` for `client`.
pub fn consent(user: UserId, client: &Client, entropy: &dyn Entropy) -> Consent {
    Consent {
        id: ConsentId::new(NOW, entropy),
        user_id: user,
        client_id: client.client_id.clone(),
        permissions: permissions(),
        version: 1,
        created_at: NOW,
        updated_at: NOW,
        withdrawn_at: None,
    }
}

/// An authorization under `consent` in `session`, its code unredeemed.
pub fn authorization(consent: &Consent, session: SessionId, entropy: &dyn Entropy) -> Authorization {
    Authorization {
        id: AuthorizationId::new(NOW, entropy),
        client_id: consent.client_id.clone(),
        user_id: consent.user_id,
        session_id: Some(session),
        consent_id: consent.id,
        permissions: permissions(),
        offline: true,
        authentication: authentication(),
        nonce: Some("nonce".to_owned()),
        epoch: 1,
        created_at: NOW,
        expires_at: NOW + HOUR * 24 * 180,
        code: Some(CodeState {
            digest: digest(entropy),
            redirect_uri: Some("https://app.example/callback".to_owned()),
            challenge: Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned()),
            expires_at: NOW + Duration::from_mins(1),
            redeemed_at: None,
            invalidated_at: None,
        }),
        refresh: None,
        last_used_at: NOW,
        revoked_at: None,
    }
}

/// An authorization under `consent` that was given in no browser, with its first refresh token.
pub fn without_code(consent: &Consent, entropy: &dyn Entropy) -> Authorization {
    Authorization {
        session_id: None,
        code: None,
        refresh: Some(refresh(1, entropy)),
        ..authorization(consent, SessionId::new(NOW, entropy), entropy)
    }
}

/// A refresh token of that generation, made at [`NOW`].
pub fn refresh(generation: u32, entropy: &dyn Entropy) -> RefreshState {
    RefreshState { generation, digest: digest(entropy), rotated_at: NOW, expires_at: NOW + HOUR * 24 * 30 }
}

/// A key that signs from [`NOW`] on, with no successor planned.
pub fn key(kid: &str, usage: KeyUse) -> KeyRecord {
    KeyRecord {
        kid: KeyId(kid.to_owned()),
        usage,
        wrapped: vec![0, 200, 3],
        public: serde_json::json!({ "kty": "EC", "kid": kid }),
        created_at: NOW,
        active_from: NOW,
        retired_at: None,
    }
}

/// An event at [`NOW`].
pub fn event(kind: &str, entropy: &dyn Entropy) -> Event {
    Event {
        id: EventId::new(NOW, entropy),
        at: NOW,
        kind: kind.to_owned(),
        user_id: None,
        client_id: Some("app".into()),
        address: Some("192.0.2.1".to_owned()),
        trace_id: "0af7651916cd43dd8448eb211c80319c".to_owned(),
        detail: serde_json::json!({ "reason": "test" }),
    }
}

/// A ticket of that kind that has ten minutes, with a second value.
pub fn ticket(kind: TicketKind, entropy: &dyn Entropy) -> Ticket {
    Ticket {
        kind,
        id: TicketId::new(NOW, entropy),
        digest: digest(entropy),
        second_digest: Some(digest(entropy)),
        version: 1,
        expires_at: NOW + Duration::from_mins(10),
        used_at: None,
        body: serde_json::json!({ "client_id": "app", "name": "Näme \u{1f980}" }),
    }
}
