//! The records of the core's tests as the suite needs them: with ids of their own, and with values that prove how they are encoded.

use grantwell_core::{
    client::Client,
    fixtures as fx,
    id::{AuthorizationId, ConsentId, InteractionId, SessionId, UserId},
    resource::Resource,
    scope::Permissions,
    secret::{Digest, Secret},
    store::{
        Authorization, AuthorizationRequest, CodeState, Consent, Event, Facts, Interaction, RefreshState,
        Session, Ticket, TicketKind, TicketValue, User,
    },
    time::{Entropy, Timestamp},
};
use serde_json::json;

pub use fx::{EPOCH, NOW, Seeded, authentication, key, realm};

/// The beginning of the minute in which [`NOW`] lies.
pub const MINUTE_BEGAN: Timestamp = Timestamp::from_millis(NOW.millis() - NOW.millis() % 60_000);

/// The resource of the [`permissions`].
pub const NOTES: &str = "https://notes.example/";

/// `openid` at the issuer, `notes:read` at [`NOTES`].
pub fn permissions() -> Permissions {
    fx::permissions(&[("", "openid offline_access"), (NOTES, "notes:read")])
}

/// A confidential client with the code and refresh grants.
pub fn client(id: &str) -> Client {
    Client {
        client_id: id.into(),
        client_name: Some("Näme \"quoted\" \u{1f980}".to_owned()),
        client_uri: Some("https://app.example/".to_owned()),
        default_resource: Some(NOTES.into()),
        applied: true,
        ..fx::client()
    }
}

/// A resource with the scopes `notes:read` and `notes:write`.
pub fn resource(identifier: &str) -> Resource {
    Resource { identifier: identifier.into(), applied: true, ..fx::resource() }
}

/// A person called `name`, with `name@example.com`.
pub fn user(name: &str, entropy: &dyn Entropy) -> User {
    let mut user = User {
        id: UserId::new(NOW, entropy),
        username: name.to_owned(),
        email: Some(format!("{name}@example.com")),
        groups: vec!["staff".to_owned()],
        password_hash: Some("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA/+".to_owned()),
        applied: true,
        ..fx::user()
    };
    user.claims.insert("given_name".to_owned(), "Zoë".into());
    user
}

fn digest(entropy: &dyn Entropy) -> Digest {
    Secret::random(entropy).digest()
}

/// A session of `user` that lasts a day.
pub fn session(user: UserId, entropy: &dyn Entropy) -> Session {
    let id = SessionId::new(NOW, entropy);
    Session { id, digest: digest(entropy), user_id: user, ..fx::session(2).session }
}

/// A request of `client` that has a quarter of an hour.
pub fn interaction(client: &Client, entropy: &dyn Entropy) -> Interaction {
    let request = AuthorizationRequest { client_id: client.client_id.clone(), ..fx::request() };
    Interaction {
        id: InteractionId::new(NOW, entropy),
        browser: digest(entropy),
        version: 0,
        ..fx::interaction(request, Facts::default())
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
        ..fx::consent(&[])
    }
}

/// An authorization under `consent` in `session`, its code unredeemed.
pub fn authorization(consent: &Consent, session: SessionId, entropy: &dyn Entropy) -> Authorization {
    let given = fx::authorization();
    Authorization {
        id: AuthorizationId::new(NOW, entropy),
        client_id: consent.client_id.clone(),
        user_id: consent.user_id,
        session_id: Some(session),
        consent_id: consent.id,
        permissions: permissions(),
        code: given.code.map(|code| CodeState { digest: digest(entropy), ..code }),
        ..given
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
    fx::refresh(generation, digest(entropy))
}

/// An event at [`NOW`], about a client.
pub fn event(kind: &str, entropy: &dyn Entropy) -> Event {
    let detail = json!({ "reason": "test" });
    Event { client_id: Some("app".into()), detail, ..fx::event(kind, entropy) }
}

/// A ticket of that kind that has a minute, with a second value.
pub fn ticket(kind: TicketKind, entropy: &dyn Entropy) -> Ticket {
    Ticket {
        second_digest: Some(digest(entropy)),
        version: 1,
        body: json!({ "client_id": "app", "name": "Näme \u{1f980}" }),
        ..fx::ticket(&TicketValue::new(kind, NOW, entropy))
    }
}
