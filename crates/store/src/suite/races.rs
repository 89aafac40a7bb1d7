//! Races: many at once on every conditional write, over every node, exactly one winner. What stays afterwards is what the
//! winner wrote.

use std::{collections::BTreeSet, time::Duration};

use grantwell_core::{
    client::{Client, GrantType},
    id::{AuthorizationId, Realm, SessionId},
    jose::Algorithm,
    resource::Resource,
    scope::Permissions,
    secret::Digest,
    store::{
        AttemptKey, Authorization, Backoff, KeyUse, Outcome, RealmRecord, RefreshState, Seen, SeenKind,
        Session, Share, Store, StoreError, Ticket, TicketKind, TicketUpdate, User, Write,
    },
    time::{Entropy, Timestamp},
};

use super::{
    TESTS,
    fixtures::{self, EPOCH, NOW},
    stage::{BACKOFF, BoxedFuture, Stage, facts, together},
};
use crate::Engine;

const SECOND: Duration = Duration::from_secs(1);
const RACERS: usize = 50;

/// Sends every commit at once, each to the next node.
async fn at_once(
    realm: Realm,
    nodes: &[Engine],
    commits: impl Iterator<Item = Vec<Write>>,
) -> Vec<Result<Outcome, StoreError>> {
    let sent = commits.zip(nodes.iter().cycle()).map(|(writes, node)| {
        let racer: BoxedFuture<'_, _> = Box::pin(node.commit(realm, Share::Grants, writes));
        racer
    });
    together(sent.collect()).await
}

async fn race(stage: &Stage<'_>, writes: Vec<Write>) -> usize {
    race_in(stage.realm, stage.nodes, writes).await
}

/// Sends every write at once, and counts the winners. A loser's conflict is the write that it sent.
async fn race_in(realm: Realm, nodes: &[Engine], writes: Vec<Write>) -> usize {
    let outcomes = at_once(realm, nodes, writes.iter().map(|write| vec![write.clone()])).await;
    let mut won = 0;
    for (outcome, write) in outcomes.into_iter().zip(writes) {
        match outcome.unwrap() {
            Outcome::Done => won += 1,
            Outcome::Conflict(failed) => assert_eq!(*failed, write),
        }
    }
    won
}

fn crowd(write: impl Fn(usize) -> Write) -> Vec<Write> {
    (0..RACERS).map(write).collect()
}

/// The guard of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guard {
    /// The write has none: it is always done.
    None,
    /// Both sides of it are in this test of the suite. Of many at once one is done
    /// ([`every_conditional_write_has_one_winner`]).
    Tested(&'static str),
}

/// The guard of `write`. The match is exhaustive, so a new write does not compile until it says where its guard is tested.
const fn guard(write: &Write) -> Guard {
    match write {
        Write::CountFailure { .. }
        | Write::ClearAttempts(_)
        | Write::TouchSession { .. }
        | Write::EndOtherSessions { .. }
        | Write::RevokeAccessToken { .. }
        | Write::Audit(_)
        | Write::CountRefusal { .. }
        | Write::CountTokens { .. } => Guard::None,
        Write::ClaimRealm(_) | Write::MoveRealm { .. } | Write::RaiseEpoch(_) => {
            Guard::Tested("a_realm_is_claimed_once")
        }
        Write::PutClient { .. } | Write::DeleteClient(_) => {
            Guard::Tested("a_client_is_put_on_the_form_that_was_read")
        }
        Write::PutResource { .. } | Write::DeleteResource(_) => {
            Guard::Tested("a_resource_is_put_with_its_scopes")
        }
        Write::PutUser { .. } => Guard::Tested("l_29_a_login_name_is_one_persons"),
        Write::DeleteUser(_) => Guard::Tested("deleting_a_user_ends_what_hangs_under_it"),
        Write::Rehash { .. } => Guard::Tested("a_hash_is_replaced_where_it_was_verified"),
        Write::InsertKey(_) | Write::RetireKey { .. } | Write::DeleteKey(_) => {
            Guard::Tested("one_key_of_a_use_at_a_time")
        }
        Write::ReserveAttempt { .. } => {
            Guard::Tested("l_07_the_delay_doubles_and_an_early_attempt_is_refused")
        }
        Write::InsertSession(_) | Write::EndSession { .. } => {
            Guard::Tested("a_session_is_ended_once_by_its_owner")
        }
        Write::Reauthenticate { .. } => Guard::Tested("l_03_a_session_gets_a_new_secret_once"),
        Write::InsertInteraction(_) | Write::UpdateInteraction { .. } => {
            Guard::Tested("facts_are_replaced_on_the_version_that_was_read")
        }
        Write::InsertConsent(_) | Write::ExtendConsent { .. } | Write::WithdrawConsent { .. } => {
            Guard::Tested("a_consent_is_one_for_a_pair_and_withdrawn_for_ever")
        }
        Write::InsertAuthorization(_) | Write::RevokeAuthorization { .. } => {
            Guard::Tested("an_authorization_is_born_under_what_lives")
        }
        Write::RedeemCode { .. } | Write::InvalidateCode { .. } => {
            Guard::Tested("c_04_a_code_is_redeemed_once")
        }
        Write::InsertTicket { .. } => Guard::Tested("a_ticket_is_inserted_once"),
        Write::UpdateTicket(_) => Guard::Tested("a_ticket_is_updated_on_the_version_that_was_read"),
        Write::UseTicket { .. } => Guard::Tested("a_ticket_is_used_once"),
        Write::InsertSeen(_) => Guard::Tested("an_id_that_was_seen_is_seen_once"),
        Write::RotateRefresh { .. } => {
            Guard::Tested("f_02_a_refresh_token_goes_from_one_generation_to_the_next")
        }
    }
}

/// Every write, raced against itself: of those with a guard one is done, of the others all.
pub async fn every_conditional_write_has_one_winner(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let cast = stage.cast.clone();
    let user = cast.user.id;
    let fresh = || fixtures::authorization(&cast.consent, cast.session.id, entropy);
    let (redeemed, invalidated, revoked) = (cast.authorization.id, fresh(), fresh());
    let given = Authorization { refresh: None, ..fixtures::without_code(&cast.consent, entropy) };
    for authorization in [&invalidated, &revoked, &given] {
        stage.done(Write::InsertAuthorization(Box::new(authorization.clone()))).await;
    }
    let bob = fixtures::user("bob", entropy);
    let session = fixtures::session(user, entropy);
    let interaction = fixtures::interaction(&cast.client, entropy);
    let authorization = fresh();
    let hash = cast.user.password_hash.clone().unwrap();
    let client = |n: usize| Client { client_name: Some(n.to_string()), ..cast.client.clone() };
    let resource = |n: usize| Resource { name: n.to_string(), ..cast.resource.clone() };
    let counter = AttemptKey::Device(Digest::of(b"raced"));
    let ticket = fixtures::ticket(TicketKind::DeviceCode, entropy);
    let twin = || Ticket {
        second_digest: Some(Digest::of(b"raced")),
        ..fixtures::ticket(TicketKind::DeviceCode, entropy)
    };
    let update = |version| TicketUpdate {
        kind: ticket.kind,
        id: ticket.id,
        version,
        at: NOW,
        expires_at: None,
        body: serde_json::Value::Null,
    };

    let heats = vec![
        crowd(|_| Write::RaiseEpoch(EPOCH + 1)),
        crowd(|n| Write::PutClient { client: Box::new(client(n)), was: Some(Box::new(cast.client.clone())) }),
        crowd(|_| Write::PutClient { client: Box::new(fixtures::client("new")), was: None }),
        crowd(|n| Write::PutResource {
            resource: Box::new(resource(n)),
            was: Some(Box::new(cast.resource.clone())),
        }),
        crowd(|_| Write::PutUser { user: Box::new(fixtures::user("carol", entropy)), was: None }),
        crowd(|_| Write::PutUser { user: Box::new(bob.clone()), was: None }),
        crowd(|n| Write::Rehash { user_id: user, from: hash.clone(), to: format!("hash {n}") }),
        crowd(|n| Write::InsertKey(fixtures::key(&format!("e{n}"), KeyUse::Signing(Algorithm::EdDSA)))),
        crowd(|_| Write::RetireKey { kid: "k1".into(), at: NOW }),
        crowd(|_| Write::DeleteKey("k1".into())),
        crowd(|_| Write::InsertSession(Box::new(session.clone()))),
        crowd(|n| {
            let digest = Digest::of(&n.to_be_bytes());
            let again = Session { digest, ..session.clone() };
            Write::Reauthenticate { session: Box::new(again), from: session.digest }
        }),
        crowd(|_| Write::EndSession { id: session.id, user_id: user, at: NOW }),
        crowd(|_| Write::InsertInteraction(Box::new(interaction.clone()))),
        crowd(|_| Write::UpdateInteraction {
            id: cast.interaction.id,
            version: 0,
            facts: Box::new(facts(&cast)),
        }),
        crowd(|_| Write::InsertAuthorization(Box::new(authorization.clone()))),
        crowd(|_| Write::RedeemCode { id: redeemed, at: NOW, refresh: Some(fixtures::refresh(1, entropy)) }),
        crowd(|_| Write::RotateRefresh { id: redeemed, to: fixtures::refresh(2, entropy) }),
        crowd(|_| Write::RotateRefresh { id: given.id, to: fixtures::refresh(1, entropy) }),
        crowd(|_| Write::InvalidateCode { id: invalidated.id, at: NOW }),
        crowd(|_| Write::RevokeAuthorization { id: revoked.id, at: NOW }),
        crowd(|_| Write::ExtendConsent {
            id: cast.consent.id,
            version: 1,
            permissions: Permissions::default(),
            at: NOW,
        }),
        crowd(|_| Write::WithdrawConsent { id: cast.consent.id, user_id: user, at: NOW }),
        crowd(|_| Write::InsertConsent(Box::new(fixtures::consent(user, &cast.client, entropy)))),
        crowd(|_| Write::DeleteResource(cast.resource.identifier.clone())),
        crowd(|_| Write::DeleteClient(cast.client.client_id.clone())),
        crowd(|_| Write::DeleteUser(user)),
        crowd(|n| Write::MoveRealm { from: fixtures::realm().issuer, to: format!("https://{n}.example") }),
        crowd(|_| Write::ReserveAttempt {
            key: counter.clone(),
            now: NOW,
            backoff: Backoff { free: 1, ..BACKOFF },
        }),
        crowd(|_| Write::CountFailure { key: counter.clone(), now: NOW, backoff: BACKOFF }),
        crowd(|_| Write::ClearAttempts(counter.clone())),
        crowd(|_| Write::TouchSession { id: cast.session.id, at: NOW }),
        crowd(|_| Write::EndOtherSessions { user_id: user, keep: cast.session.id, at: NOW }),
        crowd(|_| Write::InsertTicket { ticket: Box::new(ticket.clone()), at: NOW }),
        crowd(|_| Write::InsertTicket { ticket: Box::new(twin()), at: NOW }),
        crowd(|_| Write::UpdateTicket(Box::new(update(1)))),
        crowd(|n| match n % 2 {
            0 => Write::UseTicket { kind: ticket.kind, id: ticket.id, version: Some(2), at: NOW },
            _ => Write::UseTicket { kind: ticket.kind, id: ticket.id, version: None, at: NOW },
        }),
        crowd(|_| {
            Write::InsertSeen(Seen::new(SeenKind::ClientAssertion, "https://client.example", "raced", NOW))
        }),
        crowd(|_| Write::RevokeAccessToken { token: Digest::of(b"raced"), expires_at: NOW }),
        crowd(|_| Write::Audit(Box::new(cast.event.clone()))),
        crowd(|_| Write::CountRefusal { client_id: "raced".into(), reason: "scope", at: NOW }),
        crowd(|_| Write::CountTokens {
            client_id: "raced".into(),
            grant: GrantType::RefreshToken,
            minute: NOW,
            count: 1,
        }),
    ];
    let claims = crowd(|n| {
        Write::ClaimRealm(RealmRecord { issuer: format!("https://{n}.example"), ..fixtures::realm() })
    });
    let heats = heats.into_iter().map(|writes| (stage.realm, writes)).chain([(Realm(9), claims)]);
    let mut raced = BTreeSet::new();
    for (realm, writes) in heats {
        let write = writes.first().unwrap().clone();
        let expected = match guard(&write) {
            Guard::None => RACERS,
            Guard::Tested(by) => {
                assert!(TESTS.contains(&by), "{by} is no test of the suite");
                1
            }
        };
        assert_eq!(race_in(realm, stage.nodes, writes).await, expected, "{write:?}");
        raced.insert(write.kind());
    }
    assert_eq!(raced, Write::KINDS.iter().copied().collect());
    stage.end().await;
}

/// Commits that wait at the same time share batches. Each conflict names the commit's own write that failed first, and the
/// others are done.
pub async fn each_commit_of_a_batch_is_told_its_own_write(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let (store, realm, user_id) = (stage.store(), stage.realm, stage.cast.user.id);
    let put = |client: Client| Write::PutClient { client: Box::new(client), was: None };
    let commits = (0..RACERS).map(|n| {
        let session = fixtures::session(user_id, entropy);
        let insert = Write::InsertSession(Box::new(session.clone()));
        let absent = Write::EndSession { id: SessionId::new(NOW, entropy), user_id, at: NOW };
        let also_absent = Write::EndSession { id: SessionId::new(NOW, entropy), user_id, at: NOW };
        let (writes, failing) = match n % 4 {
            0 => (vec![insert, Write::EndSession { id: session.id, user_id, at: NOW }], None),
            1 => (vec![insert, absent.clone(), also_absent], Some(absent)),
            2 => (vec![absent.clone()], Some(absent)),
            _ => {
                let taken = put(stage.cast.client.clone());
                (vec![insert, put(fixtures::client(&n.to_string())), taken.clone(), absent], Some(taken))
            }
        };
        (session.id, writes, failing)
    });
    let commits = commits.collect::<Vec<_>>();
    let outcomes = at_once(realm, stage.nodes, commits.iter().map(|(_, writes, _)| writes.clone())).await;
    for ((id, writes, failing), outcome) in commits.into_iter().zip(outcomes) {
        let expected = failing.map_or(Outcome::Done, |write| Outcome::Conflict(Box::new(write)));
        assert_eq!(outcome, Ok(expected.clone()), "{writes:?}");
        let kept = store.session(realm, id).await.unwrap().is_some();
        assert_eq!(kept, expected == Outcome::Done, "{writes:?}");
    }
    stage.end().await;
}

/// C-04: the refresh token that is kept is the one of the redemption that won.
pub async fn c_04_the_winner_of_a_code_keeps_its_refresh_token(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    for _ in 0..20 {
        let fresh = fixtures::authorization(&stage.cast.consent, stage.cast.session.id, entropy);
        let id = fresh.id;
        stage.done(Write::InsertAuthorization(Box::new(fresh))).await;
        let tokens = (0..8).map(|_| fixtures::refresh(1, entropy)).collect();
        the_winner_is_kept(&stage, id, tokens, |refresh| Write::RedeemCode {
            id,
            at: NOW,
            refresh: Some(refresh),
        })
        .await;
    }
    stage.end().await;
}

/// F-02: of many first refresh tokens of an authorization without a code one is kept, that of who won.
pub async fn f_02_the_winner_without_a_code_keeps_its_refresh_token(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    for _ in 0..20 {
        let fresh = Authorization { refresh: None, ..fixtures::without_code(&stage.cast.consent, entropy) };
        let id = fresh.id;
        stage.done(Write::InsertAuthorization(Box::new(fresh))).await;
        let tokens = (0..8).map(|_| fixtures::refresh(1, entropy)).collect();
        the_winner_is_kept(&stage, id, tokens, |to| Write::RotateRefresh { id, to }).await;
    }
    stage.end().await;
}

/// Races the writes of all tokens. One wins, and its token is the one that the authorization has then.
async fn the_winner_is_kept(
    stage: &Stage<'_>,
    id: AuthorizationId,
    tokens: Vec<RefreshState>,
    write: impl Fn(RefreshState) -> Write,
) {
    let commits = tokens.iter().map(|refresh| vec![write(*refresh)]);
    let outcomes = at_once(stage.realm, stage.nodes, commits).await;
    let winners = tokens
        .iter()
        .zip(&outcomes)
        .filter(|(_, outcome)| **outcome == Ok(Outcome::Done))
        .map(|(token, _)| *token)
        .collect::<Vec<RefreshState>>();
    let kept = stage.store().authorization(stage.realm, id).await.unwrap().unwrap();
    assert_eq!(winners, [kept.authorization.refresh.unwrap()]);
}

/// F-12: after a revocation was answered nothing is issued, whichever of the two came first.
pub async fn f_12_a_revocation_beats_what_comes_after_it(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    for round in 0..40 {
        let fresh = fixtures::authorization(&stage.cast.consent, stage.cast.session.id, entropy);
        let id = fresh.id;
        stage.done(Write::InsertAuthorization(Box::new(fresh))).await;
        stage.done(Write::RedeemCode { id, at: NOW, refresh: Some(fixtures::refresh(1, entropy)) }).await;
        let rotate = Write::RotateRefresh { id, to: fixtures::refresh(2, entropy) };
        let revoke = Write::RevokeAuthorization { id, at: NOW + SECOND };
        let writes = if round % 2 == 0 { vec![rotate, revoke] } else { vec![revoke, rotate] };
        let winners = race(&stage, writes).await;
        let kept = stage.store().authorization(stage.realm, id).await.unwrap().unwrap().authorization;
        assert_eq!(kept.revoked_at, Some(NOW + SECOND), "nothing prevents a revocation");
        assert_eq!(kept.refresh.unwrap().generation == 2, winners == 2);
        let next = fixtures::refresh(kept.refresh.unwrap().generation + 1, entropy);
        stage.conflict(Write::RotateRefresh { id, to: next }).await;
    }
    stage.end().await;
}

/// No authorization is born under a consent once its withdrawal was answered.
pub async fn a_withdrawal_beats_what_comes_after_it(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let cast = &stage.cast;
    stage.done(Write::WithdrawConsent { id: cast.consent.id, user_id: cast.user.id, at: NOW }).await;
    for round in 0..40 {
        let consent = fixtures::consent(cast.user.id, &cast.client, entropy);
        stage.done(Write::InsertConsent(Box::new(consent.clone()))).await;
        let fresh = if round % 4 < 2 {
            fixtures::authorization(&consent, cast.session.id, entropy)
        } else {
            fixtures::without_code(&consent, entropy)
        };
        let insert = Write::InsertAuthorization(Box::new(fresh.clone()));
        let withdraw = Write::WithdrawConsent { id: consent.id, user_id: cast.user.id, at: NOW };
        let writes = if round % 2 == 0 { vec![insert, withdraw] } else { vec![withdraw, insert] };
        let winners = race(&stage, writes).await;
        let born = stage.store().authorization(stage.realm, fresh.id).await.unwrap();
        assert_eq!(born.is_some(), winners == 2);
        assert!(born.is_none_or(|record| record.consent_withdrawn_at.is_some()));
        let late = fixtures::authorization(&consent, cast.session.id, entropy);
        stage.conflict(Write::InsertAuthorization(Box::new(late))).await;
    }
    stage.end().await;
}

/// L-07: a hundred guesses at once are a hundred reservations, or as many as the delay lets through.
pub async fn l_07_a_hundred_reservations_are_counted_as_a_hundred(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let count = async |key: &AttemptKey| {
        let found = stage.store().attempts(stage.realm, std::slice::from_ref(key)).await.unwrap();
        found.first().unwrap().count
    };
    let backoff = |free| Backoff { free, first: SECOND, most: SECOND * 60, forget: SECOND * 3600 };
    for (name, free, expected) in [("open", 1000, 100_usize), ("closed", 10, 10)] {
        let key = AttemptKey::Account(Digest::of(name.as_bytes()));
        let guess = Write::ReserveAttempt { key: key.clone(), now: NOW, backoff: backoff(free) };
        assert_eq!(race(&stage, vec![guess; 100]).await, expected, "{name}");
        assert_eq!(usize::try_from(count(&key).await), Ok(expected), "{name}");
    }
    // Requests reach the store in any order: those that are free are let through, whenever each began.
    for (name, direction) in [("later and later", 1_i64), ("earlier and earlier", -1)] {
        let key = AttemptKey::Account(Digest::of(name.as_bytes()));
        let guess = |n: i64| Write::ReserveAttempt {
            key: key.clone(),
            now: Timestamp::from_millis(NOW.millis() + direction * n),
            backoff: backoff(5),
        };
        assert_eq!(race(&stage, (0..40).map(guess).collect()).await, 5, "{name}");
        assert_eq!(count(&key).await, 5, "{name}");
    }
    let key = AttemptKey::Address(Digest::of(b"address"));
    let failure = Write::CountFailure { key: key.clone(), now: NOW, backoff: backoff(1) };
    assert_eq!(race(&stage, vec![failure; 100]).await, 100);
    assert_eq!(count(&key).await, 100);
    stage.end().await;
}

/// Two changes of one user on one form: one of them sees a conflict, and its change is not half there.
pub async fn two_changes_of_a_user_leave_one_whole(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let was = stage.cast.user.clone();
    let named = |n: usize| User {
        username: format!("ada{n}"),
        email: Some(format!("ada{n}@example.com")),
        ..was.clone()
    };
    let put = |n| Write::PutUser { user: Box::new(named(n)), was: Some(Box::new(was.clone())) };
    assert_eq!(race(&stage, crowd(put)).await, 1);
    let kept = stage.store().user(stage.realm, was.id).await.unwrap().unwrap();
    let mut names = 0;
    for n in 0..RACERS {
        for name in named(n).login_names() {
            if let Some(found) = stage.store().user_by_login(stage.realm, &name).await.unwrap() {
                assert!(found == kept && kept.login_names().contains(&name));
                names += 1;
            }
        }
    }
    assert_eq!(names, 2);
    stage.end().await;
}
