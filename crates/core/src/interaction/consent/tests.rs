use super::*;
use crate::{
    authorize::fixtures as au,
    fixtures as fx,
    interaction::LoginReason,
    scope::Permissions,
    store::{SessionRecord, Write},
};

fn asking(session: &SessionRecord) -> NextStep<'_> {
    NextStep::Consent { session, missing: Permissions::default() }
}

fn noted(decision: &Decision<Answered>) -> &Facts {
    assert_eq!(decision.outcome, Answered::Noted);
    match decision.writes.as_slice() {
        [Write::UpdateInteraction { facts, version: 3, .. }] => facts,
        writes => panic!("{writes:?}"),
    }
}

#[test]
fn yes_and_no_are_facts_about_the_person_who_was_asked() {
    let (record, pending) = (au::session(2), au::pending(au::request(), Facts::default()));
    let yes = answer(&pending, &asking(&record), au::user_id(2), Answer::Allow);
    let agreed = Some(au::request().permissions);
    let expected = Facts { session_id: Some(au::session_id(2)), agreed, ..Facts::default() };
    assert_eq!(noted(&yes), &expected);
    let no = answer(&pending, &asking(&record), au::user_id(2), Answer::Deny);
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
            let decision = answer(&pending, &step, au::user_id(2), pressed);
            assert!(decision.outcome == Answered::Stale && decision.writes.is_empty());
        }
    }
}

#[test]
fn n_02_the_page_of_another_account_is_stale() {
    let (record, pending) = (au::session(2), au::pending(au::request(), Facts::default()));
    let decision = answer(&pending, &asking(&record), au::user_id(8), Answer::Allow);
    assert!(decision.outcome == Answered::Stale && decision.writes.is_empty());
}

#[test]
fn a_22_n_02_what_is_agreed_to_is_what_the_request_asks_for() {
    let record = au::session(2);
    let pending = au::pending(au::request(), Facts::default());
    let step = NextStep::Consent { session: &record, missing: fx::permissions(&[(fx::OTHER_API, "other")]) };
    let decision = answer(&pending, &step, au::user_id(2), Answer::Allow);
    assert_eq!(noted(&decision).agreed, Some(au::request().permissions));
}

#[test]
fn the_session_of_the_interaction_and_a_reported_sign_in_stay() {
    let (record, facts) = au::fresh(9);
    let pending = au::pending(au::request(), facts.clone());
    let decision = answer(&pending, &asking(&record), au::user_id(2), Answer::Allow);
    assert_eq!(noted(&decision).session_id, Some(au::session_id(9)));
    assert_eq!(noted(&decision).signed_in, facts.signed_in);

    // Reported by another front end: the session comes with the browser.
    let reported = Facts { session_id: None, ..facts };
    let decision =
        answer(&au::pending(au::request(), reported), &asking(&record), au::user_id(2), Answer::Allow);
    assert_eq!(noted(&decision).session_id, None);
}
