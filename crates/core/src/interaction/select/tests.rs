use super::*;
use crate::{authorize::fixtures as au, fixtures as fx, store::Write};

fn selected(facts: Facts, chosen: u8) -> Facts {
    let sessions = [au::session(8), au::session(2)];
    let interaction = au::interaction(au::request(), facts);
    let sessions: Vec<_> = sessions.iter().collect();
    let decision = select(&au::stored(&interaction), au::session_id(chosen), &sessions);
    assert_eq!(
        decision.outcome,
        Selected::Session(au::session_id(chosen), InteractionId::from_bytes([6; 16]))
    );
    match decision.writes.as_slice() {
        [Write::UpdateInteraction { facts, .. }] => *facts.clone(),
        writes => panic!("{writes:?}"),
    }
}

#[test]
fn l_32_a_choice_forgets_what_was_agreed_to_and_said_before() {
    let (_, signed_in) = au::fresh(2);
    let facts = Facts { agreed: Some(au::request().permissions), denied: true, ..signed_in.clone() };
    let other = Facts { session_id: Some(au::session_id(8)), selected: true, ..Facts::default() };
    assert_eq!(selected(facts.clone(), 8), other);
    let same = Facts { session_id: Some(au::session_id(2)), selected: true, ..signed_in };
    assert_eq!(selected(facts, 2), same, "the sign-in was this person's");
}

#[test]
fn l_32_only_a_live_session_of_this_browser_can_be_chosen() {
    let interaction = au::interaction(au::request(), Facts::default());
    let mut ended = au::session(6);
    ended.session.ended_at = Some(fx::NOW);
    let sessions = vec![au::session(8), au::session(2), au::session(5), ended];
    let world = fx::World { sessions, interaction: Some(interaction.clone()), ..fx::World::default() };
    let chosen = |n| {
        // Session 5 is live in another browser.
        let step = SelectAccount { form: au::form(&interaction, &[8, 2, 6]), chosen: au::session_id(n) };
        fx::decide(&step, &world, &fx::context(&fx::policy())).unwrap()
    };
    for n in [5, 6, 7] {
        let decision = chosen(n);
        assert!(decision.outcome == Selected::Unknown && decision.writes.is_empty(), "{n}");
    }
    assert_eq!(chosen(2).outcome, Selected::Session(au::session_id(2), InteractionId::from_bytes([6; 16])));
}
