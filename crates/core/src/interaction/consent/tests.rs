use super::*;
use crate::{
    authorize::fixtures as au,
    fixtures as fx,
    interaction::LoginReason,
    scope::Permissions,
    store::{SessionRecord, Write},
};

fn asking(session: &SessionRecord) -> NextStep<'_> {
    NextStep::Consent { session, asked: au::request().permissions, missing: Permissions::default() }
}

type Change<T> = fn(&mut T);

static ENTROPY: fx::Seeded = fx::Seeded::new(5);

fn say(pending: &Pending, step: &NextStep<'_>, by: UserId, pressed: Answer) -> Decision<Answered> {
    said(pending, step, Said { by, answer: pressed, about: About::ThisQuestion })
}

fn said(pending: &Pending, step: &NextStep<'_>, said: Said) -> Decision<Answered> {
    let origin = Origin { address: "192.0.2.1".parse().ok(), trace_id: "trace".into() };
    answer(pending, step, said, &Answering { now: fx::NOW, entropy: &ENTROPY, origin: &origin })
}

fn noted(decision: &Decision<Answered>) -> &Facts {
    assert_eq!(decision.outcome, Answered::Noted);
    match decision.writes.as_slice() {
        [Write::UpdateInteraction { facts, version: 3, .. }] if facts.agreed.is_some() => facts,
        [Write::UpdateInteraction { facts, version: 3, .. }, Write::Audit(_)] if facts.denied => facts,
        writes => panic!("{writes:?}"),
    }
}

#[test]
fn yes_and_no_are_facts_about_the_person_who_was_asked() {
    let (record, pending) = (au::session(2), au::pending(au::request(), Facts::default()));
    let yes = say(&pending, &asking(&record), au::user_id(2), Answer::Allow);
    let agreed = Some(au::request().permissions);
    let expected = Facts { session_id: Some(au::session_id(2)), agreed, ..Facts::default() };
    assert_eq!(noted(&yes), &expected);
    let no = say(&pending, &asking(&record), au::user_id(2), Answer::Deny);
    let expected = Facts { session_id: Some(au::session_id(2)), denied: true, ..Facts::default() };
    assert_eq!(noted(&no), &expected);
}

#[test]
fn n_01_an_answer_to_a_question_that_is_not_asked_is_stale() {
    let (record, pending) = (au::session(2), au::pending(au::request(), Facts::default()));
    for step in [
        NextStep::Login(LoginReason::NoSession),
        NextStep::SelectAccount,
        NextStep::Issue { session: &record, granted: fx::permissions(&[]) },
        NextStep::Refuse(crate::interaction::InteractionRefusal::Denied),
    ] {
        for pressed in [Answer::Allow, Answer::Deny] {
            let decision = say(&pending, &step, au::user_id(2), pressed);
            assert!(decision.outcome == Answered::Stale && decision.writes.is_empty());
        }
    }
}

#[test]
fn n_02_the_page_of_another_account_is_stale() {
    let (record, pending) = (au::session(2), au::pending(au::request(), Facts::default()));
    let decision = say(&pending, &asking(&record), au::user_id(8), Answer::Allow);
    assert!(decision.outcome == Answered::Stale && decision.writes.is_empty());
}

#[test]
fn a_22_n_02_what_is_agreed_to_is_what_the_request_asks_for() {
    let record = au::session(2);
    let pending = au::pending(au::request(), Facts::default());
    let left = fx::permissions(&[("", "openid")]);
    let missing = fx::permissions(&[(fx::OTHER_API, "other")]);
    let step = NextStep::Consent { session: &record, asked: left.clone(), missing };
    let decision = say(&pending, &step, au::user_id(2), Answer::Allow);
    assert_eq!(noted(&decision).agreed, Some(left), "what the client may still have of it");
}

#[test]
fn the_session_of_the_interaction_and_a_reported_sign_in_stay() {
    let (record, facts) = au::fresh(9);
    let pending = au::pending(au::request(), facts.clone());
    let decision = say(&pending, &asking(&record), au::user_id(2), Answer::Allow);
    assert_eq!(noted(&decision).session_id, Some(au::session_id(9)));
    assert_eq!(noted(&decision).signed_in, facts.signed_in);

    // Reported by another front end: the session comes with the browser.
    let reported = Facts { session_id: None, ..facts };
    let decision =
        say(&au::pending(au::request(), reported), &asking(&record), au::user_id(2), Answer::Allow);
    assert_eq!(noted(&decision).session_id, None);
}

#[test]
fn a_no_is_on_record_with_who_said_it_to_whom_and_about_what() {
    let (record, pending) = (au::session(2), au::pending(au::request(), Facts::default()));
    let no = say(&pending, &asking(&record), au::user_id(2), Answer::Deny);
    let [_, Write::Audit(event)] = no.writes.as_slice() else { panic!("{:?}", no.writes) };
    assert_eq!(
        (event.kind.as_str(), event.user_id, event.at),
        ("consent.denied", Some(au::user_id(2)), fx::NOW)
    );
    assert_eq!(event.client_id, Some("web".into()));
    assert_eq!((event.address.as_deref(), event.trace_id.as_str()), (Some("192.0.2.1"), "trace"));
    assert_eq!(event.detail, serde_json::json!({ "permissions": au::request().permissions }));
}

#[test]
fn giving_up_at_a_front_end_is_a_no_at_any_step() {
    let pending = au::pending(au::request(), Facts::default());
    let origin = Origin { address: None, trace_id: "trace".into() };
    let with = Answering { now: fx::NOW, entropy: &ENTROPY, origin: &origin };
    let decision = cancel(&pending, None, &with);
    let [Write::UpdateInteraction { facts, .. }, Write::Audit(event)] = decision.writes.as_slice() else {
        panic!("{:?}", decision.writes)
    };
    assert!(facts.denied && event.kind == "consent.denied" && event.user_id.is_none());
    let again = au::pending(au::request(), facts.as_ref().clone());
    assert!(cancel(&again, None, &with).writes.is_empty(), "on record once");
}

#[test]
fn n_02_a_yes_to_another_question_is_none_and_a_no_is_a_no() {
    let (record, pending) = (au::session(2), au::pending(au::request(), Facts::default()));
    let to_another = |answer| Said { by: au::user_id(2), answer, about: About::AnotherQuestion };
    let yes = said(&pending, &asking(&record), to_another(Answer::Allow));
    assert!(yes.outcome == Answered::Changed && yes.writes.is_empty());
    assert!(noted(&said(&pending, &asking(&record), to_another(Answer::Deny))).denied);
}

#[test]
fn n_02_all_that_a_page_shows_is_in_its_fingerprint() {
    let keys = &fx::keyring().keys;
    let (client, pending) = (fx::client(), au::pending(au::request(), Facts::default()));
    let (asked, resources) = (au::request().permissions, vec![fx::resource()]);
    let question = Question { pending: &pending, client: &client, asked: &asked, resources: &resources };
    let shown = question.fingerprint(keys);
    assert_eq!(question.compare(keys, &shown), About::ThisQuestion);
    let differs = |question: Question<'_>, what: &str| {
        assert_eq!(question.compare(keys, &shown), About::AnotherQuestion, "{what}");
    };
    let changes: [(&str, Change<Client>); 5] = [
        ("name", |client| client.client_name = Some("Bank".to_owned())),
        ("site", |client| client.client_uri = Some("https://bank.example/".to_owned())),
        ("policy", |client| client.policy_uri = Some("https://bank.example/p".to_owned())),
        ("terms", |client| client.tos_uri = Some("https://bank.example/t".to_owned())),
        ("logo", |client| client.logo_uri = Some("https://bank.example/l".to_owned())),
    ];
    for (what, change) in changes {
        let mut client = fx::client();
        change(&mut client);
        differs(Question { client: &client, ..question }, what);
    }
    let changes: [(&str, Change<Resource>); 3] = [
        ("name", |resource| resource.name = "Payments".to_owned()),
        ("scope", |resource| resource.scopes.clear()),
        ("text", |resource| {
            resource.scopes.insert("notes:read".to_owned(), "Delete everything".to_owned());
        }),
    ];
    for (what, change) in changes {
        let mut resource = fx::resource();
        change(&mut resource);
        differs(Question { resources: &[resource], ..question }, what);
    }
    differs(Question { resources: &[], ..question }, "no resource");
    differs(Question { asked: &fx::permissions(&[("", "openid")]), ..question }, "less");
    let elsewhere = crate::authorize::AuthorizationRequest {
        redirect_uri: "https://rp.example/other".to_owned(),
        ..au::request()
    };
    differs(Question { pending: &au::pending(elsewhere, Facts::default()), ..question }, "elsewhere");
    let mut other = pending.clone();
    other.interaction.id = crate::id::InteractionId::from_bytes([7; 16]);
    differs(Question { pending: &other, ..question }, "another interaction");
    other = pending.clone();
    other.interaction.browser = crate::secret::Digest([9; 32]);
    differs(Question { pending: &other, ..question }, "another browser");
    // What the page does not show may change under it.
    let mut client = fx::client();
    client.scope = fx::scopes("openid notes:read and:more");
    assert_eq!(Question { client: &client, ..question }.compare(keys, &shown), About::ThisQuestion);
}
