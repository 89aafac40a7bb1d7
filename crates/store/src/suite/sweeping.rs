//! Nothing grows for ever, and nothing that still matters goes.

use std::{collections::BTreeMap, time::Duration};

use grantwell_core::{
    client::GrantType,
    id::UserId,
    secret::Digest,
    store::{
        AttemptKey, Authorization, Consent, Outcome, Retention, Seen, SeenKind, Session, Share, Store,
        TicketKind, Write,
    },
    time::{Entropy, Timestamp},
};

use super::{
    fixtures::{self, MINUTE_BEGAN, NOW},
    stage::{BACKOFF, Stage},
};
use crate::Engine;

const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);
const KEEP: Retention =
    Retention { audit: Duration::from_hours(91 * 24), ended: DAY, attempts: Duration::from_hours(36) };

/// Tables whose rows have an owner and no end; those of all others end.
const OWNED: [&str; 8] =
    ["realm", "client", "resource", "resource_scope", "user", "login_name", "key", "consent"];

async fn rows(stage: &Stage<'_>) -> BTreeMap<&'static str, u64> {
    stage.store().rows().await.unwrap().into_iter().collect()
}

/// Sweeps until nothing goes.
async fn sweep(stage: &Stage<'_>, now: Timestamp) -> u64 {
    let mut gone = 0;
    loop {
        match stage.store().sweep(now, KEEP, 7).await.unwrap() {
            0 => return gone,
            some => gone += some,
        }
    }
}

/// Each kind of row goes at its time, in every realm, and not a moment before.
pub async fn every_row_goes_at_its_time_and_not_before(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let before = rows(&stage).await;
    let moment = Duration::from_millis(1);
    let cast = &stage.cast;
    let unredeemed = cast.authorization.code.as_ref().unwrap().expires_at + MINUTE * 15;

    assert_eq!(sweep(&stage, NOW).await, 0);
    // (table, last instant at which its two rows are kept)
    let mut ends = vec![
        ("interaction", cast.interaction.expires_at),
        ("denied", NOW + BACKOFF.forget),
        ("ticket", cast.ticket.expires_at),
        // To the end of its minute, and clocks may differ by one.
        ("seen", MINUTE_BEGAN + BACKOFF.forget + MINUTE * 2),
        ("attempt", NOW + KEEP.attempts),
        ("authorization", unredeemed),
        ("session", cast.session.expires_at + KEEP.ended),
        ("refusal", MINUTE_BEGAN + DAY * 90),
        ("issued", MINUTE_BEGAN + KEEP.audit),
        ("audit", NOW + KEEP.audit),
    ];
    ends.sort_by_key(|(_, at)| *at);
    let mut expected = before.clone();
    for (table, at) in ends {
        sweep(&stage, at).await;
        assert_eq!(rows(&stage).await, expected, "{table} is kept until its time");
        assert_eq!(sweep(&stage, at + moment).await, 2, "{table}");
        expected.insert(table, 0);
        assert_eq!(rows(&stage).await, expected, "{table}");
    }
    assert_eq!(sweep(&stage, NOW + DAY * 10_000).await, 0);
    for (table, left) in rows(&stage).await {
        let expected = if OWNED.contains(&table) { before.get(table).copied() } else { Some(0) };
        assert_eq!(Some(left), expected, "{table}");
    }
    assert_eq!(stage.store().check().await, Ok(Vec::new()));
}

/// What was redeemed is kept until it expired or was revoked that long ago, and a withdrawn consent as long as it.
pub async fn what_ended_is_kept_for_its_time(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let (store, realm, cast) = (stage.store(), stage.realm, &stage.cast);
    let moment = Duration::from_millis(1);
    let fresh = || fixtures::authorization(&cast.consent, cast.session.id, entropy);
    let other =
        Consent { client_id: "other".into(), ..fixtures::consent(cast.user.id, &cast.client, entropy) };
    let (revoked, expired, live, under) = (
        fresh(),
        Authorization { expires_at: NOW + DAY, ..fresh() },
        fresh(),
        fixtures::authorization(&other, cast.session.id, entropy),
    );
    let mut writes = vec![Write::InsertConsent(Box::new(other.clone()))];
    for authorization in [&revoked, &expired, &live, &under] {
        writes.push(Write::InsertAuthorization(Box::new(authorization.clone())));
        writes.push(Write::RedeemCode { id: authorization.id, at: NOW, refresh: None });
    }
    writes.push(Write::RevokeAuthorization { id: revoked.id, at: NOW });
    writes.push(Write::WithdrawConsent { id: other.id, user_id: cast.user.id, at: NOW });
    let ended = fixtures::session(cast.user.id, entropy);
    writes.push(Write::InsertSession(Box::new(ended.clone())));
    writes.push(Write::EndSession { id: ended.id, user_id: cast.user.id, at: NOW });
    assert_eq!(stage.commit(writes).await, Ok(Outcome::Done));
    let there = async |authorization: &Authorization| {
        store.authorization(realm, authorization.id).await.unwrap().is_some()
    };

    sweep(&stage, NOW + KEEP.ended).await;
    assert!(there(&revoked).await && there(&under).await && there(&expired).await);
    assert!(store.session(realm, ended.id).await.unwrap().is_some());
    sweep(&stage, NOW + KEEP.ended + moment).await;
    assert!(!there(&revoked).await && !there(&under).await && there(&expired).await);
    assert!(store.session(realm, ended.id).await.unwrap().is_none());
    assert_eq!(rows(&stage).await.get("consent"), Some(&2), "the withdrawn one went, the live ones did not");
    sweep(&stage, NOW + DAY + KEEP.ended).await;
    assert!(there(&expired).await);
    sweep(&stage, NOW + DAY + KEEP.ended + moment).await;
    assert!(!there(&expired).await && there(&live).await);
    assert_eq!(store.check().await, Ok(Vec::new()));

    // An authorization may outlive its session's row; it then reads without one.
    sweep(&stage, cast.session.expires_at + KEEP.ended + moment).await;
    let record = store.authorization(realm, live.id).await.unwrap().unwrap();
    assert!(record.session.is_none() && record.user.is_some() && record.client.is_some());
}

/// No code of it can be waited for: it goes when it has ended, and not before.
pub async fn what_has_no_code_is_kept_until_its_end(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let given = fixtures::without_code(&stage.cast.consent, entropy);
    stage.done(Write::InsertAuthorization(Box::new(given.clone()))).await;
    let there = async || stage.store().authorization(stage.realm, given.id).await.unwrap().is_some();
    let end = given.expires_at + KEEP.ended;
    sweep(&stage, end).await;
    assert_eq!(rows(&stage).await.get("authorization"), Some(&1), "the codes that nobody came for went");
    assert!(there().await);
    sweep(&stage, end + Duration::from_millis(1)).await;
    assert!(!there().await);
}

/// One call removes at most so many rows of each table.
pub async fn a_step_is_small(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let cast = &stage.cast;
    let mut writes = Vec::new();
    for n in 0..40_u32 {
        let key = AttemptKey::Address(Digest::of(&n.to_be_bytes()));
        let authorization = fixtures::authorization(&cast.consent, cast.session.id, entropy);
        let consent = Consent {
            client_id: format!("{n}").as_str().into(),
            ..fixtures::consent(cast.user.id, &cast.client, entropy)
        };
        let session = fixtures::session(UserId::new(NOW, entropy), entropy);
        writes.extend([
            Write::InsertInteraction(Box::new(fixtures::interaction(&cast.client, entropy))),
            Write::InsertAuthorization(Box::new(authorization.clone())),
            Write::RevokeAuthorization { id: authorization.id, at: NOW },
            Write::InsertConsent(Box::new(consent.clone())),
            Write::WithdrawConsent { id: consent.id, user_id: cast.user.id, at: NOW },
            Write::InsertSession(Box::new(Session { ended_at: Some(NOW), ..session })),
            Write::RevokeAccessToken { token: Digest::of(&n.to_le_bytes()), expires_at: NOW },
            Write::InsertTicket {
                ticket: Box::new(fixtures::ticket(TicketKind::PushedRequest, entropy)),
                at: NOW,
            },
            Write::InsertSeen(Seen::new(
                SeenKind::ClientAssertion,
                "https://client.example",
                &n.to_string(),
                NOW,
            )),
            Write::CountFailure { key, now: NOW, backoff: BACKOFF },
            Write::Audit(Box::new(fixtures::event("old", entropy))),
            Write::CountRefusal { client_id: consent.client_id, reason: "invalid_grant", at: NOW },
            Write::CountTokens {
                client_id: format!("{n}").as_str().into(),
                grant: GrantType::RefreshToken,
                minute: NOW,
                count: 1,
            },
        ]);
    }
    assert_eq!(stage.store().commit(stage.realm, Share::Rest, writes).await, Ok(Outcome::Done));
    let mut before = rows(&stage).await;
    let mut calls = 0;
    loop {
        let gone = stage.store().sweep(NOW + DAY * 1000, KEEP, 5).await.unwrap();
        let after = rows(&stage).await;
        let mut lost = 0;
        for (table, count) in &before {
            let left = after.get(table).unwrap();
            assert!(count - left <= 5, "{table} lost {}", count - left);
            lost += count - left;
        }
        assert_eq!(lost, gone);
        if gone == 0 {
            break;
        }
        before = after;
        calls += 1;
    }
    assert!(calls >= 8, "{calls}");
    for (table, left) in &before {
        assert!(OWNED.contains(table) || *left == 0, "{table}");
    }
    assert_eq!(before.get("consent"), Some(&2), "those that were not withdrawn");
}
