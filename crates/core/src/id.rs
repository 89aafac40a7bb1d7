//! Names of things. A record that is ours has a UUID version 7 (RFC 9562 §5.7), so that its key grows with time and an
//! insert appends; a record that an administrator names keeps that name.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::time::{Entropy, Timestamp};

/// An issuer with keys, clients, users, resources and policy of its own. The first release serves [`Realm::MAIN`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Realm(pub u32);

impl Realm {
    /// The realm at the root of the issuer.
    pub const MAIN: Self = Self(1);
}

macro_rules! uuid_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id: time-ordered, with 74 random bits. An id is never a secret.
            pub fn new(now: Timestamp, entropy: &dyn Entropy) -> Self {
                let mut random = [0; 10];
                entropy.fill(&mut random);
                let millis = u64::try_from(now.millis()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
            }

            /// From the 16 bytes a bearer value carries.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The 16 bytes of the id, in order of time.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// Reads the hyphenated form; `None` for any other.
            pub fn parse(text: &str) -> Option<Self> {
                (text.len() == 36).then(|| Uuid::try_parse(text).ok().map(Self)).flatten()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }
    )*};
}

uuid_id! {
    /// A person's account. Its hyphenated form is the `sub` of tokens (OpenID Connect Core 1.0 §2); never used again.
    UserId;
    /// A browser that signed in. Its hyphenated form is the `sid` of ID tokens.
    SessionId;
    /// One pending request to `/authorize`.
    InteractionId;
    /// What a person agreed to for a client.
    ConsentId;
    /// The result of a completed interaction: codes, refresh and access tokens hang under it.
    AuthorizationId;
    /// A line of the audit log.
    EventId;
    /// Something that is handed out for a short time: a pushed request, a device code.
    TicketId;
}

impl From<InteractionId> for AuthorizationId {
    /// An interaction gives at most one authorization, and the store's primary key says so: they share the id.
    fn from(id: InteractionId) -> Self {
        Self(id.0)
    }
}

macro_rules! text_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The name as it was registered.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

text_id! {
    /// `client_id` (RFC 6749 §2.2).
    ClientId;
    /// The registered identifier of a resource (RFC 8707 §2), byte for byte: the `aud` of its tokens.
    ResourceIdentifier;
    /// `kid` of a key (RFC 7517 §4.5).
    KeyId;
}
