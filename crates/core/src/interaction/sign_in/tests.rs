use super::*;
use crate::{authorize::fixtures as au, fixtures as fx, interaction::next, store::Backoff};

static ENTROPY: fx::Seeded = fx::Seeded::new(5);

fn name(typed: &str) -> LoginName {
    LoginName::new(typed)
}

fn device(user: UserId) -> Device {
    Device::remembering(None, user, fx::NOW, &ENTROPY)
}

fn settling<'a>(budget: &'a Budget, policy: &'a Policy) -> Settling<'a> {
    Settling {
        budget,
        browser: Browser { address: "192.0.2.1", user_agent: "Browser/1", device: None, replaces: None },
        policy,
        epoch: fx::EPOCH,
        now: fx::NOW,
        entropy: &ENTROPY,
        trace_id: "trace",
    }
}

fn budget() -> Budget {
    Budget::of(&name("ada"), Some(&fx::user()), None, "192.0.2.1")
}

fn counters(account: Timestamp, address: Timestamp) -> [Attempts; 2] {
    [Attempts { count: 9, next_at: account }, Attempts { count: 9, next_at: address }]
}

/// The names of the writes, with what distinguishes them.
fn shapes(writes: &[Write]) -> Vec<String> {
    let shape = |write: &Write| match write {
        Write::Audit(event) => format!("Audit {}", event.kind),
        other => format!("{other:?}").split([' ', '(', '{']).next().unwrap().to_owned(),
    };
    writes.iter().map(shape).collect()
}

#[test]
fn l_07_an_attempt_is_reserved_before_it_is_checked() {
    let policy = fx::policy();
    let decision = reserve(&budget(), &[Attempts::default(); 2], &policy, fx::NOW);
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
        let decision = reserve(&budget(), &counters(account, address), &policy, fx::NOW);
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
    let other = Budget::of(&name("ada"), Some(&au::person(9)), None, "a").account;
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
        of(Some(&known), Some(&au::person(9))),
        of(None, Some(&au::person(9))),
        "for that account only"
    );
    assert!(matches!(of(Some(&known), None), AttemptKey::Account(_)));

    let policy = Policy {
        guessing: crate::policy::GuessingLimits {
            device: Backoff { free: 99, ..policy.guessing.device },
            ..policy.guessing
        },
        ..policy
    };
    let budget = Budget::of(&name("ada"), Some(&user), Some(&known), "a");
    match reserve(&budget, &[Attempts::default(); 2], &policy, fx::NOW).writes.as_slice() {
        [Write::ReserveAttempt { key, backoff, .. }] => assert_eq!((key, backoff.free), (&own, 99)),
        writes => panic!("{writes:?}"),
    }
}

#[test]
fn l_11_failures_count_against_the_address_and_successes_do_not() {
    let (budget, policy) = (budget(), fx::policy());
    match fail(Some(&fx::user()), &settling(&budget, &policy)).writes.first() {
        Some(Write::CountFailure { key, now, backoff }) => {
            assert_eq!((key, *now, *backoff), (&budget.address, fx::NOW, policy.guessing.address));
        }
        write => panic!("{write:?}"),
    }
    assert_ne!(budget.address, Budget::of(&name("ada"), None, None, "192.0.2.2").address);
    assert_eq!(budget.keys(), [budget.account.clone(), budget.address.clone()]);
}

#[test]
fn l_12_l_13_unknown_and_wrong_are_the_same_work() {
    let policy = fx::policy();
    let known = fail(Some(&fx::user()), &settling(&budget(), &policy)).writes;
    let stranger = Budget::of(&name("nobody"), None, None, "192.0.2.1");
    let unknown = fail(None, &settling(&stranger, &policy)).writes;
    assert_eq!(shapes(&known), ["CountFailure", "Audit sign_in.failed"]);
    assert_eq!(shapes(&known), shapes(&unknown));
    for budget in [&budget(), &stranger] {
        let decision = reserve(budget, &[Attempts::default(); 2], &policy, fx::NOW);
        assert_eq!(shapes(&decision.writes), ["ReserveAttempt"]);
    }
    let user_of = |writes: &[Write]| match &writes[1] {
        Write::Audit(event) => event.user_id,
        write => panic!("{write:?}"),
    };
    assert_eq!((user_of(&known), user_of(&unknown)), (Some(au::user_id(2)), None));
}

#[test]
fn a_right_password_starts_a_session_and_clears_the_counter_it_was_held_against() {
    let (budget, policy) = (budget(), fx::policy());
    let decision = succeed(&fx::user(), None, None, &settling(&budget, &policy));
    assert_eq!(shapes(&decision.writes), ["ClearAttempts", "InsertSession", "Audit sign_in.succeeded"]);
    assert!(matches!(&decision.writes[0], Write::ClearAttempts(key) if *key == budget.account));
    let Write::InsertSession(session) = &decision.writes[1] else { panic!("{decision:?}") };
    let expected = Session {
        id: decision.outcome.session_id,
        digest: decision.outcome.secret.digest(),
        user_id: au::user_id(2),
        authentication: Authentication {
            at: fx::NOW,
            amr: vec!["pwd".to_owned()],
            acr: ACR_PASSWORD.to_owned(),
        },
        user_agent: "Browser/1".to_owned(),
        address: "192.0.2.1".to_owned(),
        epoch: fx::EPOCH,
        created_at: fx::NOW,
        last_seen_at: fx::NOW,
        expires_at: fx::NOW + policy.lifetimes.session_absolute,
        ended_at: None,
    };
    assert_eq!(**session, expected);
}

#[test]
fn l_03_a_new_session_each_time_and_the_old_one_of_the_person_ends() {
    let (budget, policy) = (budget(), fx::policy());
    let with = settling(&budget, &policy);
    let with = Settling { browser: Browser { replaces: Some(au::session_id(2)), ..with.browser }, ..with };
    let (one, two) = (succeed(&fx::user(), None, None, &with), succeed(&fx::user(), None, None, &with));
    assert_ne!(one.outcome.session_id, two.outcome.session_id);
    assert_ne!(one.outcome.secret, two.outcome.secret);
    let ended = one.writes.iter().any(|write| {
        matches!(write, Write::EndSession { id, user_id, at }
            if *id == au::session_id(2) && *user_id == au::user_id(2) && *at == fx::NOW)
    });
    assert!(ended);
}

#[test]
fn a_hash_of_older_parameters_is_replaced() {
    let (budget, policy) = (budget(), fx::policy());
    let user = User { password_hash: Some("old".to_owned()), ..fx::user() };
    let decision = succeed(&user, None, Some("new".to_owned()), &settling(&budget, &policy));
    assert!(
        decision
            .writes
            .iter()
            .any(|write| { matches!(write, Write::Rehash { from, to, .. } if from == "old" && to == "new") })
    );
}

fn fact(before: Facts, user: &User) -> Facts {
    let (budget, policy) = (budget(), fx::policy());
    let pending = au::pending(au::request(), before);
    let decision = succeed(user, Some(&pending), None, &settling(&budget, &policy));
    let id = decision.outcome.session_id;
    let facts = decision.writes.into_iter().find_map(|write| match write {
        Write::UpdateInteraction { facts, .. } => Some(*facts),
        _ => None,
    });
    let facts = facts.unwrap();
    let authentication =
        Authentication { at: fx::NOW, amr: vec!["pwd".to_owned()], acr: ACR_PASSWORD.to_owned() };
    assert_eq!(facts.signed_in, Some((user.id, authentication)));
    assert_eq!((facts.session_id, facts.selected), (Some(id), true));
    facts
}

#[test]
fn l_32_signing_in_forgets_what_another_person_agreed_to_or_denied() {
    let agreed = Some(au::request().permissions);
    let before = Facts {
        session_id: Some(au::session_id(8)),
        agreed: agreed.clone(),
        denied: true,
        ..Facts::default()
    };
    let facts = fact(before, &fx::user());
    assert_eq!((facts.agreed, facts.denied), (None, false));

    // What another front end reported of this person before the browser came back holds, of another it does not.
    let reported = Facts {
        signed_in: Some((au::user_id(2), au::authentication())),
        agreed: agreed.clone(),
        denied: true,
        ..Facts::default()
    };
    let facts = fact(reported.clone(), &fx::user());
    assert_eq!((facts.agreed, facts.denied), (agreed, true));
    let facts = fact(reported, &au::person(9));
    assert_eq!((facts.agreed, facts.denied), (None, false));
}

#[test]
fn a_09_a_sign_in_satisfies_prompt_login_with_its_own_session() {
    let (budget, policy, user) = (budget(), fx::policy(), fx::user());
    let mut request = au::request();
    request.prompts.login = true;
    let pending = au::pending(request.clone(), Facts::default());
    let decision = succeed(&user, Some(&pending), None, &settling(&budget, &policy));
    let mut session = None;
    let mut facts = Facts::default();
    for write in decision.writes {
        match write {
            Write::InsertSession(new) => session = Some(*new),
            Write::UpdateInteraction { facts: kept, .. } => facts = *kept,
            _ => {}
        }
    }
    let record = crate::store::SessionRecord { session: session.unwrap(), user, epoch: fx::EPOCH };
    let (client, sessions) = (fx::client(), [record]);
    let view = next_view(&request, &facts, &sessions, &client);
    assert!(matches!(next(&view), crate::interaction::NextStep::Consent { .. }));
}

fn next_view<'a>(
    request: &'a crate::authorize::AuthorizationRequest,
    facts: &'a Facts,
    sessions: &'a [crate::store::SessionRecord],
    client: &'a crate::client::Client,
) -> crate::interaction::View<'a> {
    crate::interaction::View {
        request,
        facts,
        sessions,
        consent: None,
        client,
        now: fx::NOW + Duration::from_mins(5),
    }
}

#[test]
fn what_a_browser_says_of_itself_is_bounded() {
    let (budget, policy) = (budget(), fx::policy());
    let (with, long) = (settling(&budget, &policy), "ä".repeat(5000));
    let with = Settling { browser: Browser { user_agent: &long, ..with.browser }, ..with };
    let decision = succeed(&fx::user(), None, None, &with);
    let Write::InsertSession(session) = &decision.writes[1] else { panic!("{decision:?}") };
    assert_eq!(session.user_agent.chars().count(), 256);
}

#[test]
fn l_09_the_device_cookie_is_ours_bounded_in_time_and_in_accounts() {
    let (keys, policy) = (&fx::keyring().keys, fx::policy());
    let known = device(au::user_id(2));
    let cookie = known.seal(keys, &ENTROPY);
    let end = fx::NOW + policy.lifetimes.device;
    assert_eq!(Device::read(&cookie, keys, &policy, fx::NOW), Some(known.clone()));
    assert_eq!(Device::read(&cookie, keys, &policy, end), None);
    let other = RealmKeys::derive(&Secret::from_bytes([1; 32]));
    assert_eq!(Device::read(&cookie, &other, &policy, fx::NOW), None);
    for at in 0..cookie.len() {
        let mut changed = cookie.clone();
        changed[at] ^= 1;
        assert_eq!(Device::read(&changed, keys, &policy, fx::NOW), None, "{at}");
    }

    let mut device = known;
    for n in 10..30 {
        device = Device::remembering(Some(&device), au::user_id(n), fx::NOW, &ENTROPY);
    }
    device = Device::remembering(Some(&device), au::user_id(25), fx::NOW, &ENTROPY);
    let expected = [25, 29, 28, 27, 26, 24, 23, 22].map(au::user_id);
    assert_eq!(device.accounts, expected, "the latest eight, each once");
}
