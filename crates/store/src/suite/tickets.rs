//! Guards of what lives for a short time: tickets, and ids that others chose.

use std::time::Duration;

use grantwell_core::{
    id::TicketId,
    secret::Digest,
    store::{Seen, SeenKind, Store, Ticket, TicketKind, TicketUpdate, Write},
    time::{Entropy, Timestamp},
};
use serde_json::json;

use super::{
    fixtures::{self, MINUTE_BEGAN, NOW},
    stage::Stage,
};
use crate::Engine;

const SECOND: Duration = Duration::from_secs(1);
const MOMENT: Duration = Duration::from_millis(1);

fn insert(ticket: &Ticket, at: Timestamp) -> Write {
    Write::InsertTicket { ticket: Box::new(ticket.clone()), at }
}

fn update(ticket: &Ticket, at: Timestamp) -> TicketUpdate {
    let Ticket { kind, id, version, .. } = *ticket;
    TicketUpdate { kind, id, version, at, expires_at: None, body: json!({ "polled": 1 }) }
}

fn use_up(ticket: &Ticket, version: Option<u32>, at: Timestamp) -> Write {
    Write::UseTicket { kind: ticket.kind, id: ticket.id, version, at }
}

/// A ticket is inserted once. A second digest is one live ticket's of its kind, and free again when that was used or has expired.
pub async fn a_ticket_is_inserted_once(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let (store, realm, first) = (stage.store(), stage.realm, &stage.cast.ticket);
    let second = first.second_digest.unwrap();
    let fresh = |kind, second_digest| Ticket { second_digest, ..fixtures::ticket(kind, entropy) };
    let by_second = async |kind, at| store.ticket_by_second(realm, kind, &second, at).await.unwrap();
    let (device, pushed) = (TicketKind::DeviceCode, TicketKind::PushedRequest);
    assert_eq!(store.ticket(realm, device, first.id).await, Ok(Some(first.clone())));
    assert_eq!(store.ticket(realm, pushed, first.id).await, Ok(None), "it is of another kind");
    assert_eq!(store.ticket(realm, device, TicketId::new(NOW, entropy)).await, Ok(None));
    assert_eq!(by_second(device, NOW).await.as_ref(), Some(first));
    assert_eq!(by_second(pushed, NOW).await, None);

    let last = first.expires_at - MOMENT;
    stage.conflict(insert(&Ticket { id: first.id, ..fresh(device, None) }, NOW)).await;
    stage.conflict(insert(&Ticket { id: first.id, ..fresh(pushed, None) }, NOW)).await;
    stage.conflict(insert(&fresh(device, Some(second)), NOW)).await;
    stage.conflict(insert(&fresh(device, Some(second)), last)).await;
    stage.done(insert(&fresh(pushed, Some(second)), NOW)).await;
    stage.done(insert(&fresh(device, Some(Digest::of(b"another"))), NOW)).await;
    for _ in 0..2 {
        stage.done(insert(&fresh(device, None), NOW)).await;
    }

    // Expired at its instant, though it is still there.
    assert_eq!(by_second(device, last).await.as_ref(), Some(first));
    assert_eq!(by_second(device, first.expires_at).await, None);
    let after = Ticket { expires_at: first.expires_at + SECOND, ..fresh(device, Some(second)) };
    stage.done(insert(&after, first.expires_at)).await;
    assert_eq!(by_second(device, first.expires_at).await.as_ref(), Some(&after));

    stage.done(use_up(&after, None, first.expires_at)).await;
    assert_eq!(by_second(device, first.expires_at).await, None, "it was used");
    let again = Ticket { expires_at: first.expires_at + SECOND, ..fresh(device, Some(second)) };
    stage.done(insert(&again, first.expires_at)).await;
    assert_eq!(by_second(device, first.expires_at).await, Some(again));
    stage.end().await;
}

/// A ticket is updated only by who saw its present version, while it is live.
pub async fn a_ticket_is_updated_on_the_version_that_was_read(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let (store, realm, first) = (stage.store(), stage.realm, &stage.cast.ticket);
    let write = |to: TicketUpdate| Write::UpdateTicket(Box::new(to));
    let read = async || store.ticket(realm, first.kind, first.id).await.unwrap().unwrap();
    let of = |version, at| TicketUpdate { version, ..update(first, at) };

    stage.conflict(write(of(first.version + 1, NOW))).await;
    stage.conflict(write(TicketUpdate { kind: TicketKind::PushedRequest, ..update(first, NOW) })).await;
    stage.conflict(write(TicketUpdate { id: TicketId::new(NOW, entropy), ..update(first, NOW) })).await;
    stage.conflict(write(of(first.version, first.expires_at))).await;

    stage.done(write(of(first.version, first.expires_at - MOMENT))).await;
    let once = Ticket { version: first.version + 1, body: json!({ "polled": 1 }), ..first.clone() };
    assert_eq!(read().await, once, "its expiry stays");
    stage.conflict(write(of(first.version, NOW))).await;

    let later = first.expires_at + SECOND;
    stage.done(write(TicketUpdate { expires_at: Some(later), ..of(once.version, NOW) })).await;
    let twice = Ticket { version: once.version + 1, expires_at: later, ..once };
    assert_eq!(read().await, twice);
    stage.done(write(TicketUpdate { version: twice.version, ..update(first, first.expires_at) })).await;

    stage.done(use_up(first, None, NOW)).await;
    stage.conflict(write(of(twice.version + 1, NOW))).await;
    stage.end().await;
}

/// A ticket is used once, while it is live, and on the version that was read where one is named.
pub async fn a_ticket_is_used_once(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let (store, realm, first) = (stage.store(), stage.realm, &stage.cast.ticket);
    let last = first.expires_at - MOMENT;
    let other = Ticket { second_digest: None, ..fixtures::ticket(first.kind, entropy) };
    stage.done(insert(&other, NOW)).await;

    stage.conflict(use_up(first, None, first.expires_at)).await;
    stage.conflict(use_up(first, Some(first.version + 1), NOW)).await;
    stage.conflict(use_up(&Ticket { id: TicketId::new(NOW, entropy), ..first.clone() }, None, NOW)).await;
    stage.conflict(use_up(&Ticket { kind: TicketKind::PushedRequest, ..first.clone() }, None, NOW)).await;
    stage.done(use_up(first, Some(first.version), last)).await;
    let used = Ticket { used_at: Some(last), ..first.clone() };
    assert_eq!(store.ticket(realm, first.kind, first.id).await, Ok(Some(used)), "a used ticket is read");
    stage.conflict(use_up(first, Some(first.version), last)).await;
    stage.conflict(use_up(first, None, NOW)).await;
    stage.done(use_up(&other, None, NOW)).await;
    stage.end().await;
}

/// An id is taken once: of its kind, by who chose it, to the end of the minute in which what carries it expires.
pub async fn an_id_that_was_seen_is_seen_once(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let first = stage.cast.seen;
    let of = |kind, by, id, expires_at| Write::InsertSeen(Seen::new(kind, by, id, expires_at));
    let seen = |by, id, expires_at| of(SeenKind::ClientAssertion, by, id, expires_at);
    stage.conflict(Write::InsertSeen(first)).await;

    let (begin, end) = (MINUTE_BEGAN, MINUTE_BEGAN + SECOND * 60);
    stage.done(seen("https://client.example", "jti", NOW)).await;
    stage.conflict(seen("https://client.example", "jti", NOW)).await;
    stage.conflict(seen("https://client.example", "jti", begin + MOMENT)).await;
    stage.conflict(seen("https://client.example", "jti", end)).await;
    stage.done(seen("https://client.example", "jti", begin)).await;
    stage.done(seen("https://client.example", "jti", end + MOMENT)).await;
    stage.done(seen("https://other.example", "jti", NOW)).await;
    stage.done(seen("https://client.example", "jti 2", NOW)).await;
    stage.done(of(SeenKind::DpopProof, "https://client.example", "jti", NOW)).await;
    stage.end().await;
}
