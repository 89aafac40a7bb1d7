//! Small things that live for a short time: tickets, which are handed out and come back, and ids that others chose, which must not
//! come back.
//!
//! Left out on purpose: what is in the body of a ticket, which belongs to its kind; and who may leave how many, which is
//! counted before.

use serde_json::Value;

use crate::{id::TicketId, secret::Digest, time::Timestamp};

/// What a ticket is for. A variant, its name and its prefix are all that a new kind needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TicketKind {
    /// A pushed authorization request (RFC 9126).
    PushedRequest,
    /// A device code, with its user code as the second value (RFC 8628).
    DeviceCode,
}

impl TicketKind {
    /// The name in the store. Never changed once released.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PushedRequest => "pushed_request",
            Self::DeviceCode => "device_code",
        }
    }

    /// What the values of this kind start with ([`super::TicketValue`]).
    pub const fn prefix(self) -> &'static str {
        match self {
            // RFC 9126 §2.2.
            Self::PushedRequest => "urn:ietf:params:oauth:request_uri:",
            Self::DeviceCode => "gwd_",
        }
    }
}

/// Something that is handed out, used once or updated with a version, and forgotten. It is live until it was used or has expired.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket {
    /// What it is for.
    pub kind: TicketKind,
    /// Beside the secret in the value that was handed out ([`super::TicketValue`]).
    pub id: TicketId,
    /// Of that secret.
    pub digest: Digest,
    /// Of another value that finds it while it is live; no other live ticket of the kind has the same.
    pub second_digest: Option<Digest>,
    /// Raised by every update.
    pub version: u32,
    /// It is expired from this instant on, and forgotten then.
    pub expires_at: Timestamp,
    /// When it was used.
    pub used_at: Option<Timestamp>,
    /// The rest, in the form of its kind.
    pub body: Value,
}

// The body may hold what a person typed.
impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticket")
            .field("kind", &self.kind)
            .field("id", &self.id)
            .field("version", &self.version)
            .field("expires_at", &self.expires_at)
            .field("used_at", &self.used_at)
            .finish_non_exhaustive()
    }
}

/// A change of a live ticket.
#[derive(Clone, PartialEq, Eq)]
pub struct TicketUpdate {
    /// What it is for.
    pub kind: TicketKind,
    /// Which.
    pub id: TicketId,
    /// The version it was decided on.
    pub version: u32,
    /// The present.
    pub at: Timestamp,
    /// The new expiry; `None`: it stays.
    pub expires_at: Option<Timestamp>,
    /// The new body.
    pub body: Value,
}

impl std::fmt::Debug for TicketUpdate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TicketUpdate")
            .field("kind", &self.kind)
            .field("id", &self.id)
            .field("version", &self.version)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// What carries an id that is good once. The same id in two kinds is two ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeenKind {
    /// An assertion that a client proves itself with (RFC 7523 §3).
    ClientAssertion,
    /// A proof that a key is held (RFC 9449 §11.1).
    DpopProof,
}

impl SeenKind {
    /// Its name in the digest, one word. Never changed once released: an id that was seen before would be good again.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientAssertion => "client_assertion",
            Self::DpopProof => "dpop_proof",
        }
    }
}

/// An id that a client chose, and that is good once: the `jti` of an assertion or of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Of the kind, who chose the id, and the id.
    pub digest: Digest,
    /// When what carries the id is accepted no longer, from any sender. The store keeps it to the end of that minute, which is part of
    /// the key: it must follow from what carries the id, never from when it was shown.
    pub expires_at: Timestamp,
}

impl Seen {
    /// `by` names who chose `id`: a client, an issuer, or the thumbprint of a key.
    pub fn new(kind: SeenKind, by: &str, id: &str, expires_at: Timestamp) -> Self {
        // The length keeps `by` and `id` apart.
        let text = format!("{} {} {by} {id}", kind.as_str(), by.len());
        Self { digest: Digest::of(text.as_bytes()), expires_at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_its_kind_and_who_chose_it_and_what_was_chosen() {
        let of = |kind, by, id| Seen::new(kind, by, id, Timestamp::from_millis(0)).digest;
        let digest = |by, id| of(SeenKind::ClientAssertion, by, id);
        let all = [
            digest("a", "b c"),
            digest("a b", "c"),
            digest("a", "b"),
            digest("b", "a"),
            digest("", "a b c"),
            of(SeenKind::DpopProof, "a", "b"),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(!all[at + 1..].contains(one), "{at}");
        }
        assert_eq!(digest("a", "b"), digest("a", "b"));
    }
}
