use super::*;
use crate::{fixtures as fx, fixtures::NOW};

const FAST: [Algorithm; 3] = [Algorithm::ES256, Algorithm::EdDSA, Algorithm::ES384];

fn record(usage: KeyUse, name: &str, active_from: Timestamp, retired_at: Option<Timestamp>) -> KeyRecord {
    KeyRecord { created_at: active_from, active_from, retired_at, ..fx::key(name, usage) }
}

/// One current key of every use, active since `at`.
fn complete(at: Timestamp) -> Vec<KeyRecord> {
    MAKING_ORDER
        .iter()
        .map(|algorithm| record(KeyUse::Signing(*algorithm), algorithm.as_str(), at, None))
        .chain([record(KeyUse::Realm, "realm", at, None)])
        .collect()
}

#[test]
fn every_algorithm_has_its_turn() {
    let mut sorted = MAKING_ORDER.to_vec();
    sorted.sort();
    let mut all = Algorithm::ALL.to_vec();
    all.sort();
    assert_eq!(sorted, all);
}

#[test]
fn an_empty_realm_gets_its_secret_and_a_key_of_every_algorithm_for_use_at_once() {
    let actions = plan(NOW, &[]);
    let created: Vec<_> = actions
        .iter()
        .map(|action| match action {
            KeyAction::Create { usage, active_from, replaces: None } => {
                assert_eq!(*active_from, NOW);
                *usage
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(created.first(), Some(&KeyUse::Realm));
    assert_eq!(created.len(), 1 + Algorithm::ALL.len());
    assert_eq!(created.last(), Some(&KeyUse::Signing(Algorithm::PS256)), "RSA last");
}

#[test]
fn a_successor_is_published_before_the_old_key_stops() {
    let records = complete(NOW);
    assert_eq!(plan(NOW, &records), []);
    let due = NOW + ROTATION - JWKS_CACHE;
    assert_eq!(plan(due - Duration::from_millis(1), &records), []);
    let actions = plan(due, &records);
    assert_eq!(actions.len(), Algorithm::ALL.len(), "the realm's secret is never replaced");
    assert_eq!(
        actions[0],
        KeyAction::Create {
            usage: KeyUse::Signing(Algorithm::ES256),
            active_from: due + JWKS_CACHE,
            replaces: Some("ES256".into()),
        }
    );
    // The old one stops in the same commit, before the new one is there: the guard of the insert asks for it.
    let made = record(KeyUse::Signing(Algorithm::ES256), "new", due + JWKS_CACHE, None);
    match actions[0].writes(Some(made)).as_slice() {
        [Write::RetireKey { kid, at }, Write::InsertKey(new)] => {
            assert_eq!((kid.as_str(), *at), ("ES256", new.active_from));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_rotation_that_was_carried_out_is_not_planned_again() {
    let due = NOW + ROTATION;
    let mut records = complete(NOW);
    for algorithm in MAKING_ORDER {
        records.push(record(KeyUse::Signing(*algorithm), "new", due + JWKS_CACHE, None));
    }
    for old in records.iter_mut().filter(|record| record.active_from == NOW && record.usage != KeyUse::Realm)
    {
        old.retired_at = Some(due + JWKS_CACHE);
    }
    assert_eq!(plan(due, &records), []);
    assert_eq!(rotate(due, &records), [], "nor by command, while the successor waits");
    assert_eq!(rotate(due + JWKS_CACHE, &records).len(), Algorithm::ALL.len());
}

#[test]
fn t_16_a_key_goes_when_its_last_token_is_gone() {
    let retired = NOW - LONGEST_TOKEN - JWKS_CACHE;
    let mut records = complete(NOW - Duration::from_hours(1));
    records.push(record(KeyUse::Signing(Algorithm::ES256), "old", Timestamp::default(), Some(retired)));
    assert_eq!(plan(NOW - Duration::from_millis(1), &records), []);
    assert_eq!(plan(NOW, &records), [KeyAction::Delete("old".into())]);
    let delete = KeyAction::Delete("old".into());
    assert!(matches!(delete.writes(None).as_slice(), [Write::DeleteKey(kid)] if kid.as_str() == "old"));
}

#[test]
fn q_02_a_key_opens_only_in_its_place() {
    let (master, other) = (fx::master(), SealKey::new(&Secret::from_bytes([6; 32])));
    let records = fx::shared_key_records();
    let (one, two) = (&records[0], &records[1]);
    assert!(unwrap(one, Realm::MAIN, &master).is_some());
    assert!(unwrap(one, Realm::MAIN, &other).is_none(), "another master key");
    assert!(unwrap(one, Realm(2), &master).is_none(), "another realm");
    let pasted = KeyRecord { wrapped: one.wrapped.clone(), ..two.clone() };
    assert!(unwrap(&pasted, Realm::MAIN, &master).is_none(), "another row");
    let failed = Keyring::open(records, |record| unwrap(record, Realm::MAIN, &other)).unwrap_err();
    assert_eq!(failed, KeyringError::Unwrap(one.kid.clone()));
    assert_eq!(failed.to_string(), format!("key {} is not encrypted under this master key", one.kid));
}

#[test]
fn a_damaged_key_or_a_missing_secret_is_an_error() {
    let records = fx::shared_key_records();
    let signing: Vec<_> = records.iter().filter(|record| record.usage != KeyUse::Realm).cloned().collect();
    let open = |record: &KeyRecord| unwrap(record, Realm::MAIN, &fx::master());
    assert_eq!(Keyring::open(&signing, open).unwrap_err(), KeyringError::NoRealmSecret);
    let short = |_: &KeyRecord| Some(Zeroizing::new(vec![1; 7]));
    assert_eq!(Keyring::open(records, short).unwrap_err(), KeyringError::Key(records[0].kid.clone()));
}

#[test]
fn the_newest_active_key_signs() {
    let mut records = fx::shared_key_records().to_vec();
    let mut newer = fx::key_records().into_iter().find(|r| r.usage == records[0].usage).unwrap();
    newer.active_from = NOW;
    records[0].retired_at = Some(NOW);
    let (old, new) = (records[0].kid.clone(), newer.kid.clone());
    records.push(newer);
    let keyring = fx::open(&records);
    let signer = |now| keyring.signer(Algorithm::ES256, now).unwrap().kid().clone();
    assert_eq!(signer(NOW - Duration::from_millis(1)), old);
    assert_eq!(signer(NOW), new);
    assert!(keyring.signer(Algorithm::RS256, NOW).is_none(), "still being made");
    // Published from the start, and as long as a token of it can live.
    let published = |now| {
        let jwks = keyring.jwks(now);
        jwks["keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|key| key["kid"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert!(published(NOW - JWKS_CACHE).contains(&new.to_string()));
    let end = NOW + LONGEST_TOKEN + JWKS_CACHE;
    assert!(published(end - Duration::from_millis(1)).contains(&old.to_string()));
    assert!(!published(end).contains(&old.to_string()));
}

#[test]
fn t_16_q_01_only_public_members_are_published() {
    let jwks = fx::keyring().jwks(NOW);
    let keys = jwks["keys"].as_array().unwrap();
    assert_eq!(keys.len(), FAST.len());
    for key in keys {
        for member in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(key.get(member).is_none(), "{member}");
        }
        assert!(FAST.iter().any(|algorithm| key["alg"] == algorithm.as_str()));
        assert_eq!(key["use"], "sig");
    }
    for record in fx::shared_key_records().iter().filter(|record| record.usage == KeyUse::Realm) {
        assert_eq!(record.public, Value::Null);
    }
}
