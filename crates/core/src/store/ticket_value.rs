//! What is handed out for a ticket: the prefix of its kind, then the id and a secret. The store has the digest of the secret.

use super::{Ticket, TicketKind};
use crate::{
    id::TicketId,
    secret::{self, Digest, Secret},
    time::{Entropy, Timestamp},
};

/// The value that finds a ticket, and proves that it was handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketValue {
    /// Of the ticket.
    pub kind: TicketKind,
    /// Of the ticket: what a step reads it by.
    pub id: TicketId,
    secret: Secret,
}

impl TicketValue {
    /// One for a ticket that is inserted with its `kind`, `id` and [`Self::digest`].
    pub fn new(kind: TicketKind, now: Timestamp, entropy: &dyn Entropy) -> Self {
        Self { kind, id: TicketId::new(now, entropy), secret: Secret::random(entropy) }
    }

    /// Reads the text form of a value of `kind`; says nothing about whether there is such a ticket.
    pub fn read(kind: TicketKind, text: &str) -> Option<Self> {
        let payload = secret::decode(kind.prefix(), text)?;
        let (id, secret) = payload.split_first_chunk::<16>()?;
        let secret = Secret::from_bytes(secret.try_into().ok()?);
        Some(Self { kind, id: TicketId::from_bytes(*id), secret })
    }

    /// What is handed out.
    pub fn encode(&self) -> String {
        let payload = [self.id.as_bytes().as_slice(), self.secret.expose()].concat();
        secret::encode(self.kind.prefix(), &payload)
    }

    /// What the store keeps.
    pub fn digest(&self) -> Digest {
        self.secret.digest()
    }

    /// Whether it was handed out for this ticket. Takes the same time wherever the digests differ.
    pub fn fits(&self, ticket: &Ticket) -> bool {
        self.kind == ticket.kind && self.id == ticket.id && self.digest() == ticket.digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures as fx;

    const KINDS: [TicketKind; 2] = [TicketKind::PushedRequest, TicketKind::DeviceCode];

    fn value(kind: TicketKind) -> TicketValue {
        TicketValue::new(kind, fx::NOW, &fx::Seeded::new(1))
    }

    #[test]
    fn a_value_is_read_as_it_was_handed_out_and_by_its_kind_alone() {
        for kind in KINDS {
            let value = value(kind);
            let text = value.encode();
            assert!(text.starts_with(kind.prefix()), "{text}");
            assert_eq!(TicketValue::read(kind, &text), Some(value));
            for other in KINDS.into_iter().filter(|other| *other != kind) {
                assert_eq!(TicketValue::read(other, &text), None);
                let renamed = text.replace(kind.prefix(), other.prefix());
                assert_eq!(TicketValue::read(other, &renamed), None, "the checksum covers the prefix");
            }
        }
    }

    #[test]
    fn what_was_not_handed_out_is_not_read() {
        for kind in KINDS {
            let text = value(kind).encode();
            for at in 0..text.len() {
                let mut changed = text.clone().into_bytes();
                changed[at] ^= 1;
                let changed = String::from_utf8(changed).unwrap();
                assert_eq!(TicketValue::read(kind, &changed), None, "{changed}");
            }
            for length in [0, 15, 16, 47, 49, 64] {
                let text = secret::encode(kind.prefix(), &vec![1; length]);
                assert_eq!(TicketValue::read(kind, &text), None, "{length}");
            }
        }
    }

    #[test]
    fn a_value_fits_the_ticket_of_its_kind_id_and_secret() {
        let (kind, entropy) = (TicketKind::DeviceCode, fx::Seeded::new(1));
        let value = TicketValue::new(kind, fx::NOW, &entropy);
        let ticket = fx::ticket(&value);
        assert!(value.fits(&ticket));
        let another = TicketValue::new(kind, fx::NOW, &entropy);
        assert!(!another.fits(&ticket));
        assert!(!value.fits(&Ticket { kind: TicketKind::PushedRequest, ..ticket.clone() }), "kind");
        assert!(!value.fits(&Ticket { id: another.id, ..ticket.clone() }), "id");
        assert!(!value.fits(&Ticket { digest: another.digest(), ..ticket }), "secret");
    }
}
