use super::*;
use crate::{
    factor::password::Password,
    fixtures as fx,
    id::UserId,
    policy::{GuessingLimits, Policy},
    store::Backoff,
    time::Timestamp,
};

fn name(typed: &str) -> LoginName {
    LoginName::new(typed)
}

fn device(user: UserId) -> Device {
    Device::remembering(None, user, &fx::context(&fx::policy()))
}

fn budget() -> Budget {
    Budget::of(&name("ada"), Some(&fx::user()), None, "192.0.2.1")
}

fn counters(account: Timestamp, address: Timestamp) -> [Attempts; 2] {
    [Attempts { count: 9, next_at: account }, Attempts { count: 9, next_at: address }]
}

#[test]
fn l_07_an_attempt_is_reserved_before_it_is_checked() {
    let policy = fx::policy();
    let decision = reserve(&budget(), &[Attempts::default(); 2], &fx::context(&policy));
    assert_eq!(decision.outcome, Reserved::Go);
    match decision.writes.as_slice() {
        [Write::ReserveAttempt { key, now, backoff }] => {
            assert_eq!((key, *now, *backoff), (&budget().account, fx::NOW, policy.guessing.account));
        }
        writes => panic!("{writes:?}"),
    }
}

#[test]
fn l_07_after_too_many_an_attempt_is_not_checked_at_all() {
    let (policy, second) = (fx::policy(), Duration::from_secs(1));
    let past = Timestamp::default();
    for (account, address, expected) in [
        (fx::NOW, fx::NOW, None),
        (fx::NOW + second, past, Some(second)),
        (past, fx::NOW + second, Some(second)),
        (fx::NOW + second, fx::NOW + 2 * second, Some(2 * second)),
    ] {
        let decision = reserve(&budget(), &counters(account, address), &fx::context(&policy));
        assert_eq!(decision.outcome, expected.map_or(Reserved::Go, Reserved::Wait));
        assert_eq!(decision.writes.is_empty(), expected.is_some());
    }
}

#[test]
fn l_08_every_spelling_of_an_account_is_one_counter() {
    let user = fx::user();
    let spellings = ["ada", "ADA", " ada ", "ａｄａ", "ada@example.test", "Ada@Example.Test"];
    let keys: Vec<_> =
        spellings.iter().map(|typed| Budget::of(&name(typed), Some(&user), None, "a").account).collect();
    assert!(keys.iter().all(|key| *key == keys[0] && matches!(key, AttemptKey::Account(_))));
    let other = Budget::of(&name("ada"), Some(&fx::person(9)), None, "a").account;
    assert_ne!(other, keys[0]);
    // Names that are nobody's are counted too, each for itself.
    let nobody = |typed| Budget::of(&name(typed), None, None, "a").account;
    assert_eq!(nobody("Nobody"), nobody("nobody "));
    assert_ne!(nobody("nobody"), nobody("somebody"));
}

#[test]
fn l_09_a_known_device_has_a_budget_of_its_own() {
    let (user, policy) = (fx::user(), fx::policy());
    let known = device(user.id);
    let of =
        |device: Option<&Device>, user: Option<&User>| Budget::of(&name("ada"), user, device, "a").account;
    let own = of(Some(&known), Some(&user));
    assert!(matches!(own, AttemptKey::Device(_)));
    assert_ne!(own, of(Some(&device(user.id)), Some(&user)), "each device its own");
    assert_eq!(
        of(Some(&known), Some(&fx::person(9))),
        of(None, Some(&fx::person(9))),
        "for that account only"
    );
    assert!(matches!(of(Some(&known), None), AttemptKey::Account(_)));

    let policy = Policy {
        guessing: GuessingLimits {
            device: Backoff { free: 99, ..policy.guessing.device },
            ..policy.guessing
        },
        ..policy
    };
    let budget = Budget::of(&name("ada"), Some(&user), Some(&known), "a");
    match reserve(&budget, &[Attempts::default(); 2], &fx::context(&policy)).writes.as_slice() {
        [Write::ReserveAttempt { key, backoff, .. }] => assert_eq!((key, backoff.free), (&own, 99)),
        writes => panic!("{writes:?}"),
    }
}

#[test]
fn l_11_failures_count_against_the_address() {
    let (budget, policy) = (budget(), fx::policy());
    match failed(Some(&fx::user()), &budget, &Password, &fx::context(&policy)).first() {
        Some(Write::CountFailure { key, now, backoff }) => {
            assert_eq!((key, *now, *backoff), (&budget.address, fx::NOW, policy.guessing.address));
        }
        write => panic!("{write:?}"),
    }
    assert_ne!(budget.address, Budget::of(&name("ada"), None, None, "192.0.2.2").address);
    assert_eq!(budget.keys(), [budget.account.clone(), budget.address.clone()]);
}
