use super::*;
use crate::{fixtures as fx, store::Write};

fn selected(facts: Facts, chosen: u8) -> Facts {
    let sessions = [fx::session(8), fx::session(2)];
    let interaction = fx::interaction(fx::request(), facts);
    let sessions: Vec<_> = sessions.iter().collect();
    let decision = select(&fx::stored(&interaction), fx::session_id(chosen), &sessions);
    assert_eq!(
        decision.outcome,
        Selected::Session(fx::session_id(chosen), InteractionId::from_bytes([6; 16]))
    );
    match decision.writes.as_slice() {
        [Write::UpdateInteraction { facts, .. }] => *facts.clone(),
        writes => panic!("{writes:?}"),
    }
}

#[test]
fn l_32_a_choice_forgets_what_was_agreed_to_and_said_before() {
    let (_, signed_in) = fx::fresh(2);
    let facts = Facts { agreed: Some(fx::request().permissions), denied: true, ..signed_in.clone() };
    let other = Facts { session_id: Some(fx::session_id(8)), selected: true, ..Facts::default() };
    assert_eq!(selected(facts.clone(), 8), other);
    let same = Facts { session_id: Some(fx::session_id(2)), selected: true, ..signed_in };
    assert_eq!(selected(facts, 2), same, "the sign-in was this person's");
}

#[test]
fn l_32_only_a_live_session_of_this_browser_can_be_chosen() {
    let interaction = fx::interaction(fx::request(), Facts::default());
    let mut ended = fx::session(6);
    ended.session.ended_at = Some(fx::NOW);
    let sessions = vec![fx::session(8), fx::session(2), fx::session(5), ended];
    let world = fx::World { sessions, interaction: Some(interaction.clone()), ..fx::World::default() };
    let chosen = |n| {
        // Session 5 is live in another browser.
        let step = SelectAccount { form: fx::form(&interaction, &[8, 2, 6]), chosen: fx::session_id(n) };
        fx::decide(&step, &world, &fx::context(&fx::policy())).unwrap()
    };
    for n in [5, 6, 7] {
        let decision = chosen(n);
        assert!(decision.outcome == Selected::Unknown && decision.writes.is_empty(), "{n}");
    }
    assert_eq!(chosen(2).outcome, Selected::Session(fx::session_id(2), InteractionId::from_bytes([6; 16])));
}
