//! Records as both engines read them from a row, column by column from left to right, and the bodies they write.
//!
//! A list of columns and the function that reads it stand together: an engine puts the list into its statement.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use grantwell_core::{
    client::Client,
    id::{AuthorizationId, ClientId, ConsentId, InteractionId, KeyId, SessionId, TicketId, UserId},
    scope::Permissions,
    secret::Digest,
    store::{
        Authentication, Authorization, AuthorizationRecord, CodeState, Connection, Consent, Interaction,
        KeyRecord, RealmRecord, RefreshState, Session, SessionRecord, Ticket, TicketKind, User,
    },
    time::Timestamp,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The columns of a row. Each call reads the next one; one that holds something else is an error.
pub(crate) trait Columns {
    type Error;

    /// A number that may be smaller than its column.
    fn number<T: TryFrom<i64>>(&mut self) -> Result<T, Self::Error>;
    fn time_or_none(&mut self) -> Result<Option<Timestamp>, Self::Error>;
    fn text(&mut self) -> Result<String, Self::Error>;
    fn text_or_none(&mut self) -> Result<Option<String>, Self::Error>;
    fn bytes(&mut self) -> Result<Vec<u8>, Self::Error>;
    /// Bytes of one length: ids and digests.
    fn exactly<const N: usize>(&mut self) -> Result<[u8; N], Self::Error>;
    fn json<T: DeserializeOwned>(&mut self) -> Result<T, Self::Error>;
    /// The body of a client, by [`client`].
    fn client(&mut self) -> Result<Arc<Client>, Self::Error>;
    /// Passes over `columns` of an outer join that found nothing: true, and moved, when the next column is NULL.
    fn absent(&mut self, columns: usize) -> Result<bool, Self::Error>;

    fn time(&mut self) -> Result<Timestamp, Self::Error> {
        self.number().map(Timestamp::from_millis)
    }

    fn digest(&mut self) -> Result<Digest, Self::Error> {
        self.exactly().map(Digest)
    }
}

/// What is read, or why it cannot be.
type Read<T, C> = Result<T, <C as Columns>::Error>;

/// A client, whose text is parsed once: every use of a token reads the client as it is now, and it is hardly ever another. The text
/// itself is the key, so what is found is what the text says.
pub(crate) fn client<E>(text: &str, parse: impl FnOnce(&str) -> Result<Client, E>) -> Result<Arc<Client>, E> {
    const MOST: usize = 1024;
    static PARSED: Mutex<Option<HashMap<Box<str>, Arc<Client>>>> = Mutex::new(None);
    let parsed = || PARSED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(client) = parsed().as_ref().and_then(|clients| clients.get(text)) {
        return Ok(Arc::clone(client));
    }
    let client = Arc::new(parse(text)?);
    let mut parsed = parsed();
    let clients = parsed.get_or_insert_default();
    if clients.len() >= MOST {
        clients.clear();
    }
    clients.insert(text.into(), Arc::clone(&client));
    Ok(client)
}

/// For [`realm`].
macro_rules! realm_columns {
    () => {
        "issuer, key_check, generation, epoch"
    };
}

pub(crate) fn realm<C: Columns>(columns: &mut C) -> Read<RealmRecord, C> {
    Ok(RealmRecord {
        issuer: columns.text()?,
        key_check: columns.bytes()?,
        generation: columns.number()?,
        epoch: columns.number()?,
    })
}

/// For [`user`], of a table called `u`. The password hash stands beside the body.
macro_rules! user_columns {
    () => {
        "u.body, u.password_hash"
    };
}

pub(crate) fn user<C: Columns>(columns: &mut C) -> Read<User, C> {
    let user: User = columns.json()?;
    Ok(User { password_hash: columns.text_or_none()?, ..user })
}

/// The body holds all but the hash, which has a column.
pub(crate) fn without_hash(user: &User) -> User {
    User { password_hash: None, ..user.clone() }
}

/// For [`key`].
macro_rules! key_columns {
    () => {
        "kid, usage, wrapped, public, created_at, active_from, retired_at"
    };
}

pub(crate) fn key<C: Columns>(columns: &mut C) -> Read<KeyRecord, C> {
    Ok(KeyRecord {
        kid: KeyId(columns.text()?),
        usage: columns.json()?,
        wrapped: columns.bytes()?,
        public: columns.json()?,
        created_at: columns.time()?,
        active_from: columns.time()?,
        retired_at: columns.time_or_none()?,
    })
}

/// For [`session`], of a table called `s`.
macro_rules! session_columns {
    () => {
        "s.id, s.digest, s.user_id, s.created_at, s.last_seen_at, s.expires_at, s.ended_at, s.epoch, s.body"
    };
}

/// What of a session is written when its person signs in.
#[derive(Deserialize)]
struct SessionBody {
    authentication: Authentication,
    user_agent: String,
    address: String,
}

/// [`SessionBody`], borrowed.
#[derive(Serialize)]
pub(crate) struct SessionBodyOf<'a> {
    authentication: &'a Authentication,
    user_agent: &'a str,
    address: &'a str,
}

impl<'a> From<&'a Session> for SessionBodyOf<'a> {
    fn from(session: &'a Session) -> Self {
        Self {
            authentication: &session.authentication,
            user_agent: &session.user_agent,
            address: &session.address,
        }
    }
}

pub(crate) fn session<C: Columns>(columns: &mut C) -> Read<Session, C> {
    let id = SessionId::from_bytes(columns.exactly()?);
    let digest = columns.digest()?;
    let user_id = UserId::from_bytes(columns.exactly()?);
    let created_at = columns.time()?;
    let last_seen_at = columns.time()?;
    let expires_at = columns.time()?;
    let ended_at = columns.time_or_none()?;
    let epoch = columns.number()?;
    let SessionBody { authentication, user_agent, address } = columns.json()?;
    Ok(Session {
        id,
        digest,
        user_id,
        authentication,
        user_agent,
        address,
        epoch,
        created_at,
        last_seen_at,
        expires_at,
        ended_at,
    })
}

/// The columns of a session, of its user, and the realm's epoch.
pub(crate) fn session_record<C: Columns>(columns: &mut C) -> Read<SessionRecord, C> {
    Ok(SessionRecord { session: session(columns)?, user: user(columns)?, epoch: columns.number()? })
}

/// For [`interaction`].
macro_rules! interaction_columns {
    () => {
        "browser, request, facts, version, created_at, expires_at"
    };
}

pub(crate) fn interaction<C: Columns>(id: InteractionId, columns: &mut C) -> Read<Interaction, C> {
    Ok(Interaction {
        id,
        browser: columns.digest()?,
        purpose: columns.json()?,
        facts: columns.json()?,
        version: columns.number()?,
        created_at: columns.time()?,
        expires_at: columns.time()?,
    })
}

/// For [`consent`], of a table called `c`.
macro_rules! consent_columns {
    () => {
        "c.id, c.user_id, c.client_id, c.permissions, c.version, c.created_at, c.updated_at, c.withdrawn_at"
    };
}

pub(crate) fn consent<C: Columns>(columns: &mut C) -> Read<Consent, C> {
    Ok(Consent {
        id: ConsentId::from_bytes(columns.exactly()?),
        user_id: UserId::from_bytes(columns.exactly()?),
        client_id: ClientId(columns.text()?),
        permissions: columns.json()?,
        version: columns.number()?,
        created_at: columns.time()?,
        updated_at: columns.time()?,
        withdrawn_at: columns.time_or_none()?,
    })
}

/// All of a [`Write::ExtendConsent`](grantwell_core::store::Write::ExtendConsent) but its id.
pub(crate) struct ConsentExtension<'a> {
    pub(crate) version: u32,
    pub(crate) permissions: &'a Permissions,
    pub(crate) at: Timestamp,
}

/// The columns of a consent, the body of its client where there is one, and when it was last used.
pub(crate) fn connection<C: Columns>(columns: &mut C) -> Read<Connection, C> {
    Ok(Connection {
        consent: consent(columns)?,
        client: if columns.absent(1)? { None } else { Some(columns.json()?) },
        last_used_at: columns.time_or_none()?,
    })
}

/// For [`ticket`].
macro_rules! ticket_columns {
    () => {
        "id, digest, second_digest, version, expires_at, used_at, body"
    };
}

pub(crate) fn ticket<C: Columns>(kind: TicketKind, columns: &mut C) -> Read<Ticket, C> {
    Ok(Ticket {
        kind,
        id: TicketId::from_bytes(columns.exactly()?),
        digest: columns.digest()?,
        second_digest: if columns.absent(1)? { None } else { Some(columns.digest()?) },
        version: columns.number()?,
        expires_at: columns.time()?,
        used_at: columns.time_or_none()?,
        body: columns.json()?,
    })
}

/// For [`authorization_record`]: of the authorization `a`, its consent `c`, and where they are there its client `cl`, its user `u`
/// and its session `s`; and of the realm `r`.
macro_rules! authorization_columns {
    () => {
        concat!(
            "a.client_id, a.user_id, a.session_id, a.consent_id, a.epoch, a.created_at, a.expires_at,
             a.last_used_at, a.revoked_at, a.code_digest, a.code_expires_at, a.redeemed_at, a.burnt_at,
             a.generation, a.refresh_digest, a.rotated_at, a.refresh_expires_at, a.body,
             c.withdrawn_at, cl.body, ",
            $crate::records::user_columns!(),
            ", ",
            $crate::records::session_columns!(),
            ", r.epoch"
        )
    };
}

/// What of an authorization is written once and never asked for.
#[derive(Deserialize)]
struct AuthorizationBody {
    permissions: Permissions,
    offline: bool,
    authentication: Authentication,
    nonce: Option<String>,
    redirect_uri: Option<String>,
    challenge: Option<String>,
}

/// [`AuthorizationBody`], borrowed.
#[derive(Serialize)]
pub(crate) struct AuthorizationBodyOf<'a> {
    permissions: &'a Permissions,
    offline: bool,
    authentication: &'a Authentication,
    nonce: Option<&'a str>,
    redirect_uri: Option<&'a str>,
    challenge: Option<&'a str>,
}

impl<'a> From<&'a Authorization> for AuthorizationBodyOf<'a> {
    fn from(authorization: &'a Authorization) -> Self {
        Self {
            permissions: &authorization.permissions,
            offline: authorization.offline,
            authentication: &authorization.authentication,
            nonce: authorization.nonce.as_deref(),
            redirect_uri: authorization.code.as_ref().and_then(|code| code.redirect_uri.as_deref()),
            challenge: authorization.code.as_ref().and_then(|code| code.challenge.as_deref()),
        }
    }
}

pub(crate) fn authorization_record<C: Columns>(
    id: AuthorizationId,
    columns: &mut C,
) -> Read<AuthorizationRecord, C> {
    const USER: usize = 2;
    const SESSION: usize = 9;
    Ok(AuthorizationRecord {
        authorization: authorization(id, columns)?,
        consent_withdrawn_at: columns.time_or_none()?,
        client: if columns.absent(1)? { None } else { Some(columns.client()?) },
        user: if columns.absent(USER)? { None } else { Some(user(columns)?) },
        session: if columns.absent(SESSION)? { None } else { Some(session(columns)?) },
        epoch: columns.number()?,
    })
}

fn authorization<C: Columns>(id: AuthorizationId, columns: &mut C) -> Read<Authorization, C> {
    let client_id = ClientId(columns.text()?);
    let user_id = UserId::from_bytes(columns.exactly()?);
    let session_id = if columns.absent(1)? { None } else { Some(SessionId::from_bytes(columns.exactly()?)) };
    let consent_id = ConsentId::from_bytes(columns.exactly()?);
    let epoch = columns.number()?;
    let created_at = columns.time()?;
    let expires_at = columns.time()?;
    let last_used_at = columns.time()?;
    let revoked_at = columns.time_or_none()?;
    let mut code = if columns.absent(4)? {
        None
    } else {
        Some(CodeState {
            digest: columns.digest()?,
            redirect_uri: None,
            challenge: None,
            expires_at: columns.time()?,
            redeemed_at: columns.time_or_none()?,
            invalidated_at: columns.time_or_none()?,
        })
    };
    let refresh = if columns.absent(4)? {
        None
    } else {
        Some(RefreshState {
            generation: columns.number()?,
            digest: columns.digest()?,
            rotated_at: columns.time()?,
            expires_at: columns.time()?,
        })
    };
    let AuthorizationBody { permissions, offline, authentication, nonce, redirect_uri, challenge } =
        columns.json()?;
    if let Some(code) = &mut code {
        (code.redirect_uri, code.challenge) = (redirect_uri, challenge);
    }
    Ok(Authorization {
        id,
        client_id,
        user_id,
        session_id,
        consent_id,
        permissions,
        offline,
        authentication,
        nonce,
        epoch,
        created_at,
        expires_at,
        code,
        refresh,
        last_used_at,
        revoked_at,
    })
}

pub(crate) use {
    authorization_columns, consent_columns, interaction_columns, key_columns, realm_columns, session_columns,
    ticket_columns, user_columns,
};
