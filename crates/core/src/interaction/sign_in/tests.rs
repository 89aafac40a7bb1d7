use std::time::Duration;

use super::*;
use crate::{
    fixtures as fx,
    id::UserId,
    interaction::{
        browser::Device,
        next::{NextStep, Subject, View, next},
    },
    policy::ACR_PASSWORD,
    realm_keys::RealmKeys,
    secret::{Digest, Secret},
    step::{Refused, Stop, Want},
    store::{Attempts, Authentication, Facts, Interaction, Session, SessionRecord, Write},
};

static ENTROPY: fx::Seeded = fx::Seeded::new(5);

fn name(typed: &str) -> LoginName {
    LoginName::new(typed)
}

fn device(user: UserId) -> Device {
    Device::remembering(None, user, &fx::context(&fx::policy()))
}

/// Ada, with a password.
fn ada() -> User {
    User { password_hash: Some("hash".to_owned()), ..fx::user() }
}

fn row() -> Interaction {
    fx::interaction(fx::request(), Facts::default())
}

const RIGHT: PasswordResult = PasswordResult::Right { rehashed: None };

/// The store of an interaction, and what a comparison with the person's hash comes to.
fn world(interaction: &Interaction, user: &User, result: PasswordResult) -> fx::World {
    fx::World {
        interaction: Some(interaction.clone()),
        user: Some(user.clone()),
        password: Some(result),
        attempts: vec![Attempts::default(); 2],
        sessions: vec![fx::session(2), fx::session(8)],
        ..fx::World::default()
    }
}

/// The form of the sign-in page, from the browser with these sessions.
fn form(interaction: &Interaction, sessions: &[u8], typed: &str) -> SignInForm {
    SignInForm::new(fx::form(interaction, sessions), typed)
}

fn step(form: &SignInForm) -> SignIn<'_> {
    SignIn { form, password: Zeroizing::new("typed".to_owned()), user_agent: "Browser/1" }
}

fn settle(form: &SignInForm, world: &fx::World) -> Result<Decision<SignInResult>, Refused<ResumeRefusal>> {
    fx::decide(&step(form), world, &fx::context(&fx::policy()))
}

fn signed_in(decision: Decision<SignInResult>) -> Decision<SignedIn> {
    let SignInResult::SignedIn(signed_in, _) = decision.outcome else { panic!("failed") };
    Decision { writes: decision.writes, outcome: *signed_in }
}

/// A right password of `user`, who signs in as `ada` in a browser with these sessions.
fn succeed(user: &User, interaction: &Interaction, sessions: &[u8]) -> Decision<SignedIn> {
    let decision = settle(&form(interaction, sessions, "ada"), &world(interaction, user, RIGHT));
    signed_in(decision.unwrap())
}

fn new_session(writes: &[Write]) -> &Session {
    let mut found = writes.iter().filter_map(|write| match write {
        Write::InsertSession(session) => Some(&**session),
        _ => None,
    });
    let first = found.next().unwrap();
    assert!(found.next().is_none());
    first
}

fn budget() -> Budget {
    Budget::of(&name("ada"), Some(&fx::user()), None, "192.0.2.1")
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
fn l_11_a_success_counts_no_failure() {
    let writes = succeed(&ada(), &row(), &[]).writes;
    assert!(!shapes(&writes).contains(&"CountFailure".to_owned()));
}

#[test]
fn l_12_l_13_unknown_and_wrong_are_the_same_work() {
    let row = row();
    let disabled = User { disabled: true, ..ada() };
    // Who is looked up, and what a comparison with that person's hash would come to.
    let cases = [
        ("wrong", "ada", ada(), PasswordResult::Wrong, Some(fx::user_id(2))),
        ("unknown", "nobody", ada(), PasswordResult::Wrong, None),
        ("disabled", "ada", disabled.clone(), PasswordResult::Wrong, Some(fx::user_id(2))),
        ("disabled, right", "ada", disabled, RIGHT, Some(fx::user_id(2))),
        ("without a password", "ada", fx::user(), RIGHT, Some(fx::user_id(2))),
        ("unknown, right", "nobody", ada(), RIGHT, None),
    ];
    for (what, typed, user, result, about) in cases {
        let (form, world) = (form(&row, &[2], typed), world(&row, &user, result));
        let decision = settle(&form, &world).unwrap();
        assert!(matches!(decision.outcome, SignInResult::Failed), "{what}");
        assert_eq!(shapes(&decision.writes), ["CountFailure", "Audit sign_in.failed"], "{what}");
        let Write::Audit(event) = &decision.writes[1] else { panic!("{decision:?}") };
        assert_eq!((event.user_id, event.address.as_deref()), (about, Some("192.0.2.1")), "{what}");
        assert_eq!(fx::wants(&step(&form), &world), ["interaction", "user_by_login", "password"], "{what}");

        let reserve = Reserve(&form);
        let decision = fx::decide(&reserve, &world, &fx::context(&fx::policy())).unwrap();
        assert_eq!(shapes(&decision.writes), ["ReserveAttempt"], "{what}");
        assert_eq!(fx::wants(&reserve, &world), ["interaction", "user_by_login", "attempts"], "{what}");
    }
}

#[test]
fn l_13_who_may_not_sign_in_is_compared_with_no_hash_of_theirs() {
    let row = row();
    for (typed, user, compared) in [
        ("ada", ada(), Some("hash")),
        ("ada", User { disabled: true, ..ada() }, None),
        ("ada", fx::user(), None),
        ("nobody", ada(), None),
    ] {
        let (form, mut have) = (form(&row, &[], typed), Have::default());
        have.interaction.put(row.id, Some(row.clone()));
        let known = Some(user).filter(|user| user.login_names().contains(&form.name));
        have.user_by_login.put(form.name.clone(), known);
        match step(&form).decide(&have, &fx::context(&fx::policy())) {
            Err(Stop::Want(Want::Password(check))) => {
                assert_eq!((check.hash.as_deref(), check.password.as_str()), (compared, "typed"));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_right_password_starts_a_session_and_clears_the_counter_it_was_held_against() {
    let decision = succeed(&ada(), &row(), &[]);
    let expected = ["InsertSession", "UpdateInteraction", "Audit sign_in.succeeded", "ClearAttempts"];
    assert_eq!(shapes(&decision.writes), expected);
    assert!(matches!(&decision.writes[3], Write::ClearAttempts(key) if *key == budget().account));
    let expected = Session {
        id: decision.outcome.session_id,
        digest: decision.outcome.secret.digest(),
        authentication: Authentication { at: fx::NOW, ..fx::authentication() },
        created_at: fx::NOW,
        last_seen_at: fx::NOW,
        expires_at: fx::NOW + fx::policy().lifetimes.session_absolute,
        ..fx::session(2).session
    };
    assert_eq!(new_session(&decision.writes), &expected);
}

#[test]
fn l_03_the_same_person_goes_on_in_the_same_session_with_a_new_secret() {
    let (one, two) = (succeed(&ada(), &row(), &[8, 2]), succeed(&ada(), &row(), &[8, 2]));
    assert_eq!((one.outcome.session_id, two.outcome.session_id), (fx::session_id(2), fx::session_id(2)));
    assert_ne!(one.outcome.secret, two.outcome.secret);
    assert_eq!(one.outcome.beside, [fx::session_id(8)]);
    let before = fx::session(2).session;
    let [Write::Reauthenticate { session, from }, Write::Audit(event), ..] = one.writes.as_slice() else {
        panic!("{:?}", one.writes)
    };
    assert_eq!(*from, before.digest);
    let expected = Session {
        digest: one.outcome.secret.digest(),
        authentication: Authentication { at: fx::NOW, ..before.authentication.clone() },
        last_seen_at: fx::NOW,
        expires_at: fx::NOW + fx::policy().lifetimes.session_absolute,
        ..before
    };
    assert_eq!(**session, expected);
    assert_eq!((event.kind.as_str(), event.user_id), ("session.reauthenticated", Some(fx::user_id(2))));
    // In another browser the person has a session of its own, and session 2 lives on.
    let elsewhere = succeed(&ada(), &row(), &[8]);
    assert_ne!(elsewhere.outcome.session_id, fx::session_id(2));
    assert!(
        !shapes(&elsewhere.writes).iter().any(|shape| shape == "Reauthenticate" || shape == "EndSession")
    );
}

#[test]
fn l_03_of_two_sessions_of_one_person_in_a_browser_one_is_kept() {
    let row = row();
    let mut second = fx::session(2);
    (second.session.id, second.session.digest) = (fx::session_id(9), Digest([9; 32]));
    let world = fx::World { sessions: vec![fx::session(2), second], ..world(&row, &ada(), RIGHT) };
    let decision = signed_in(settle(&form(&row, &[2, 9], "ada"), &world).unwrap());
    let [Write::EndSession { id, .. }, Write::Audit(event), Write::Reauthenticate { session, .. }, ..] =
        decision.writes.as_slice()
    else {
        panic!("{:?}", decision.writes)
    };
    assert_eq!((*id, session.id), (fx::session_id(9), fx::session_id(2)));
    assert_eq!((event.kind.as_str(), &event.detail["reason"]), ("session.ended", &"replaced".into()));
}

#[test]
fn a_hash_of_older_parameters_is_replaced() {
    let row = row();
    let user = User { password_hash: Some("old".to_owned()), ..fx::user() };
    let result = PasswordResult::Right { rehashed: Some("new".to_owned()) };
    let decision = settle(&form(&row, &[], "ada"), &world(&row, &user, result)).unwrap();
    let rehash = Write::Rehash { user_id: fx::user_id(2), from: "old".to_owned(), to: "new".to_owned() };
    assert!(decision.writes.contains(&rehash));
}

/// What is decided after a conflict on another write, with evidence about the hash `hash`; and what is wanted for it.
fn after_conflict(user: &User, evidence: PasswordResult) -> (Decision<SignInResult>, Vec<&'static str>) {
    let row = row();
    let mut have = Have::default();
    have.evidence.password.put(Some("hash".to_owned()), evidence);
    let conflict = fx::stored(&row).keep(Facts::default());
    let form = form(&row, &[2], "ada");
    let world = world(&row, user, PasswordResult::Wrong);
    let have = have.after_conflict(Box::new(conflict));
    let (decided, wanted) = fx::look(&step(&form), &world, have, &fx::context(&fx::policy()));
    (decided.unwrap(), wanted)
}

#[test]
fn l_10_evidence_about_another_hash_is_not_used_after_a_conflict() {
    let (decision, wanted) = after_conflict(&ada(), RIGHT);
    assert!(matches!(decision.outcome, SignInResult::SignedIn(..)));
    assert_eq!(wanted, ["interaction", "user_by_login", "sessions"], "not compared twice");
    let changed = User { password_hash: Some("another".to_owned()), ..ada() };
    let without = fx::user();
    let disabled = User { disabled: true, ..ada() };
    for user in [changed, without, disabled] {
        let (decision, wanted) = after_conflict(&user, RIGHT);
        assert!(matches!(decision.outcome, SignInResult::Failed));
        assert_eq!(wanted, ["interaction", "user_by_login", "password"]);
    }
}

#[test]
fn a_hash_is_replaced_also_after_a_conflict_about_another_write() {
    let (decision, wanted) =
        after_conflict(&ada(), PasswordResult::Right { rehashed: Some("new".to_owned()) });
    let rehash = Write::Rehash { user_id: fx::user_id(2), from: "hash".to_owned(), to: "new".to_owned() };
    assert!(decision.writes.contains(&rehash));
    assert!(!wanted.contains(&"password"));
}

fn fact(before: Facts, user: &User) -> Facts {
    let decision = succeed(user, &fx::interaction(fx::request(), before), &[]);
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
    let agreed = Some(fx::request().permissions);
    let before = Facts {
        session_id: Some(fx::session_id(8)),
        agreed: agreed.clone(),
        denied: true,
        ..Facts::default()
    };
    let facts = fact(before, &ada());
    assert_eq!((facts.agreed, facts.denied), (None, false));

    // What an external login UI reported of this person before the browser came back holds, of another it does not.
    let reported = Facts {
        signed_in: Some((fx::user_id(2), fx::authentication())),
        agreed: agreed.clone(),
        denied: true,
        ..Facts::default()
    };
    let facts = fact(reported.clone(), &ada());
    assert_eq!((facts.agreed, facts.denied), (agreed, true));
    let facts = fact(reported, &User { id: fx::user_id(9), ..ada() });
    assert_eq!((facts.agreed, facts.denied), (None, false));
}

#[test]
fn a_09_a_sign_in_satisfies_prompt_login_with_its_own_session() {
    let mut request = fx::request();
    request.prompts.login = true;
    let interaction = fx::interaction(request.clone(), Facts::default());
    let decision = succeed(&ada(), &interaction, &[]);
    let session = new_session(&decision.writes).clone();
    let kept = decision.writes.iter().find_map(|write| match write {
        Write::UpdateInteraction { facts, .. } => Some(&**facts),
        _ => None,
    });
    let (record, client) = (SessionRecord { session, user: ada(), epoch: fx::EPOCH }, fx::client());
    let nothing = Facts::default();
    for (facts, asked) in [(kept.unwrap(), true), (&nothing, false)] {
        let view = View {
            request: &request,
            facts,
            subject: Some(Subject::from(&record)),
            consent: None,
            client: &client,
            now: fx::NOW + Duration::from_mins(5),
        };
        assert_eq!(matches!(next(&view).0, NextStep::Consent { .. }), asked);
    }
}

#[test]
fn what_a_browser_says_of_itself_is_bounded() {
    let (row, long) = (row(), "ä".repeat(5000));
    let (form, world) = (form(&row, &[], "ada"), world(&row, &ada(), RIGHT));
    let step = SignIn { user_agent: &long, ..step(&form) };
    let decision = fx::decide(&step, &world, &fx::context(&fx::policy())).unwrap();
    let session = new_session(&decision.writes);
    assert_eq!(session.user_agent.chars().count(), 256);
}

#[test]
fn what_is_typed_is_read_up_to_a_length() {
    let (row, long) = (row(), "ä".repeat(5000));
    assert_eq!(form(&row, &[], &long).name, name(&long[..2 * LONGEST_LOGIN]));
}

#[test]
fn l_09_the_device_cookie_is_ours_bounded_in_time_and_in_accounts() {
    let (keys, policy) = (&fx::keyring().keys, fx::policy());
    let known = device(fx::user_id(2));
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

    let context = fx::context(&policy);
    let mut device = known;
    for n in 10..30 {
        device = Device::remembering(Some(&device), fx::user_id(n), &context);
    }
    device = Device::remembering(Some(&device), fx::user_id(25), &context);
    let expected = [25, 29, 28, 27, 26, 24, 23, 22].map(fx::user_id);
    assert_eq!(device.accounts, expected, "the latest eight, each once");
}
