use super::*;
use crate::{
    fixtures as fx,
    interaction::next::{InteractionRefusal, LoginReason},
    step::Refused,
    store::{Interaction, User, Write},
};

/// All that is known of the world, Ada's session in some browser too. She never agreed to anything.
fn world(facts: Facts) -> fx::World {
    fx::World {
        client: Some(fx::client()),
        resources: vec![fx::resource(), fx::other_resource()],
        user: Some(fx::user()),
        sessions: vec![fx::session(2), fx::session(8)],
        interaction: Some(fx::interaction(fx::request(), facts)),
        ..fx::World::default()
    }
}

const ROW: Handle = Handle::Row(InteractionId::from_bytes([6; 16]));

/// Ada signed in at the external login UI.
fn reported() -> Facts {
    Facts { signed_in: Some((fx::user_id(2), fx::authentication())), selected: true, ..Facts::default() }
}

fn login(username: &str) -> Report {
    Report::Login {
        username: username.to_owned(),
        amr: vec!["hwk".to_owned(), "pin".to_owned()],
        acr: "phr".to_owned(),
    }
}

fn consent(pressed: ConsentChoice, question: Option<&str>) -> Report {
    Report::Consent { pressed, question: question.map(str::to_owned) }
}

fn every_report() -> [Report; 4] {
    [login("ada"), consent(ConsentChoice::Allow, None), consent(ConsentChoice::Deny, None), Report::Cancel]
}

type Kept = Result<Decision<InteractionId>, Refused<ExternalRefusal>>;

fn keep(report: Report, world: &fx::World) -> Kept {
    let step = KeepReport { handle: Some(ROW), report };
    fx::decide(&step, world, &fx::context(&fx::policy()))
}

fn refusal(kept: Kept) -> ExternalRefusal {
    let refused = kept.unwrap_err();
    assert!(refused.writes.is_empty());
    refused.refusal
}

/// The facts that are kept, and the event beside them.
fn kept(decision: &Decision<InteractionId>) -> (&Facts, Option<&crate::store::Event>) {
    assert_eq!(decision.outcome, InteractionId::from_bytes([6; 16]));
    match decision.writes.as_slice() {
        [Write::UpdateInteraction { facts, version: 3, .. }] => (facts, None),
        [Write::UpdateInteraction { facts, version: 3, .. }, Write::Audit(event)] => (facts, Some(event)),
        writes => panic!("{writes:?}"),
    }
}

fn describe(world: &fx::World) -> Result<Described, ExternalRefusal> {
    match fx::decide(&Describe(Some(ROW)), world, &fx::context(&fx::policy())) {
        Ok(decision) => {
            assert!(decision.writes.is_empty());
            Ok(decision.outcome)
        }
        Err(refused) => {
            assert!(refused.writes.is_empty());
            Err(refused.refusal)
        }
    }
}

#[test]
fn l_32_a_sign_in_is_a_fact_and_what_was_said_before_it_is_forgotten() {
    let before = Facts {
        signed_in: Some((fx::user_id(8), fx::authentication())),
        session_id: Some(fx::session_id(8)),
        selected: true,
        agreed: Some(fx::request().permissions),
        denied: true,
    };
    for (username, before) in [("ada", Facts::default()), ("Ada@Example.test", before)] {
        let decision = keep(login(username), &world(before)).unwrap();
        let authentication = Authentication {
            at: fx::NOW,
            amr: vec!["hwk".to_owned(), "pin".to_owned()],
            acr: "phr".to_owned(),
        };
        let expected =
            Facts { signed_in: Some((fx::user_id(2), authentication)), selected: true, ..Facts::default() };
        assert_eq!(kept(&decision), (&expected, None));
    }
}

#[test]
fn l_10_nobody_and_a_disabled_person_do_not_sign_in() {
    assert_eq!(refusal(keep(login("nobody"), &world(reported()))), ExternalRefusal::UserUnknown);
    let disabled = Some(User { disabled: true, ..fx::user() });
    let world = fx::World { user: disabled, ..world(Facts::default()) };
    assert_eq!(refusal(keep(login("ada"), &world)), ExternalRefusal::UserUnknown);
}

#[test]
fn n_01_a_decision_of_nobody_is_none() {
    for pressed in [ConsentChoice::Allow, ConsentChoice::Deny] {
        let decided = keep(consent(pressed, None), &world(Facts::default()));
        assert_eq!(refusal(decided), ExternalRefusal::LoginRequired, "sessions of browsers do not count");
        let gone = fx::World { user: None, ..world(reported()) };
        assert_eq!(refusal(keep(consent(pressed, None), &gone)), ExternalRefusal::LoginRequired);
    }
}

#[test]
fn yes_and_no_of_the_person_who_was_reported() {
    let world = world(reported());
    let decision = keep(consent(ConsentChoice::Allow, None), &world).unwrap();
    let agreed = Some(fx::request().permissions);
    assert_eq!(kept(&decision), (&Facts { agreed, ..reported() }, None));
    let decision = keep(consent(ConsentChoice::Deny, None), &world).unwrap();
    let (facts, event) = kept(&decision);
    assert_eq!(facts, &Facts { denied: true, ..reported() });
    let event = event.unwrap();
    assert_eq!((event.kind.as_str(), event.user_id), ("consent.denied", Some(fx::user_id(2))));
    assert_eq!((event.address.as_deref(), event.trace_id.as_str()), (Some("192.0.2.1"), "trace"));
}

#[test]
fn n_01_n_02_consent_counts_only_while_it_is_what_is_waited_for() {
    let remembered = fx::consent(&[("", "openid"), (fx::API, "notes:read")]);
    let mut again = fx::request();
    again.prompts.login = true;
    // The session of this interaction is older than the sign-in that the request wants.
    let older = Facts { session_id: Some(fx::session_id(2)), ..Facts::default() };
    let elsewhere = crate::client::Client { redirect_uris: Vec::new(), ..fx::client() };
    for world in [
        fx::World { consent: Some(remembered), ..world(reported()) },
        world(Facts { denied: true, ..reported() }),
        fx::World { interaction: Some(fx::interaction(again, older)), ..world(reported()) },
        fx::World { client: Some(elsewhere), ..world(reported()) },
    ] {
        for pressed in [ConsentChoice::Allow, ConsentChoice::Deny] {
            assert_eq!(refusal(keep(consent(pressed, None), &world)), ExternalRefusal::ConsentNotAsked);
        }
    }
}

#[test]
fn n_02_a_yes_to_another_question_is_refused_and_a_no_is_a_no() {
    let world = world(reported());
    let question = describe(&world).unwrap().consent.unwrap().question;
    let yes = |question: &str, world: &fx::World| keep(consent(ConsentChoice::Allow, Some(question)), world);
    assert!(kept(&yes(&question, &world).unwrap()).0.agreed.is_some());
    assert_eq!(refusal(yes("another", &world)), ExternalRefusal::QuestionChanged);
    let renamed = crate::client::Client { client_name: Some("Bank".to_owned()), ..fx::client() };
    let renamed = fx::World { client: Some(renamed), ..world.clone() };
    assert_eq!(refusal(yes(&question, &renamed)), ExternalRefusal::QuestionChanged);
    let no = keep(consent(ConsentChoice::Deny, Some("another")), &world).unwrap();
    assert!(kept(&no).0.denied);
}

#[test]
fn giving_up_at_an_external_login_ui_is_a_no_at_any_step() {
    let session = Facts { session_id: Some(fx::session_id(2)), ..Facts::default() };
    for (facts, by) in
        [(Facts::default(), None), (reported(), Some(fx::user_id(2))), (session, Some(fx::user_id(2)))]
    {
        let decision = keep(Report::Cancel, &world(facts.clone())).unwrap();
        let (now, event) = kept(&decision);
        assert_eq!(now, &Facts { denied: true, ..facts });
        let event = event.unwrap();
        assert_eq!((event.kind.as_str(), event.user_id), ("consent.denied", by));
        assert_eq!(event.client_id, Some("web".into()));
        let again = keep(Report::Cancel, &world(now.clone())).unwrap();
        assert!(again.writes.is_empty(), "on record once");
    }
}

#[test]
fn l_32_nothing_is_made_up_for_a_person_without_a_session() {
    for report in every_report() {
        let what = format!("{report:?}");
        let step = KeepReport { handle: Some(ROW), report };
        let world = world(reported());
        // A fact and its event; no session, no authorization.
        let decision = fx::decide(&step, &world, &fx::context(&fx::policy())).unwrap();
        assert_eq!(kept(&decision).0.session_id, None, "{what}");
        assert!(!fx::wants(&step, &world).contains(&"sessions"), "{what}");
    }
    let described = describe(&world(reported())).unwrap();
    let permissions = fx::request().permissions;
    assert_eq!(described.next, NextStep::Consent { asked: permissions.clone(), missing: permissions });
    let consent = described.consent.unwrap();
    assert_eq!((consent.subject, consent.resources), (fx::user_id(2), vec![fx::resource()]));
    let wanted = ["interaction", "user", "client", "consent", "resources"];
    assert_eq!(fx::wants(&Describe(Some(ROW)), &world(reported())), wanted);
}

#[test]
fn what_must_happen_next_is_described() {
    let described = describe(&world(Facts::default())).unwrap();
    assert_eq!(described.id, InteractionId::from_bytes([6; 16]));
    assert_eq!(described.expires_at, fx::interaction(fx::request(), Facts::default()).expires_at.seconds());
    assert_eq!((&described.request, &*described.client), (&fx::request(), &fx::client()));
    assert_eq!(described.next, NextStep::Login(LoginReason::NoSession));
    assert!(described.consent.is_none());

    let denied = describe(&world(Facts { denied: true, ..reported() })).unwrap();
    assert_eq!(denied.next, NextStep::Refuse(InteractionRefusal::Denied));
    let remembered = fx::consent(&[("", "openid"), (fx::API, "notes:read")]);
    let world = fx::World { consent: Some(remembered), ..world(reported()) };
    let described = describe(&world).unwrap();
    assert_eq!(described.next, NextStep::Issue { granted: fx::request().permissions });
    assert!(described.consent.is_none());
}

#[test]
fn the_session_of_the_interaction_is_that_of_the_person() {
    let facts = Facts { session_id: Some(fx::session_id(2)), ..Facts::default() };
    let described = describe(&world(facts.clone())).unwrap();
    assert_eq!(described.consent.unwrap().subject, fx::user_id(2));
    let decision = keep(consent(ConsentChoice::Allow, None), &world(facts)).unwrap();
    assert_eq!(kept(&decision).0.session_id, Some(fx::session_id(2)));
}

#[test]
fn n_01_what_is_not_there_is_over_or_is_for_nobody_elses_eyes_is_not_found() {
    let policy = fx::policy();
    let row = fx::interaction(fx::request(), reported());
    let end = row.expires_at;
    let account = Some(fx::account_interaction(reported()));
    let cases = [
        ("unnamed", None, world(reported()), fx::NOW),
        ("no row", Some(ROW), fx::World { interaction: None, ..world(reported()) }, fx::NOW),
        ("over", Some(ROW), world(reported()), end),
        ("the account page", Some(ROW), fx::World { interaction: account, ..world(reported()) }, fx::NOW),
    ];
    for (what, handle, world, now) in cases {
        let context = fx::context_at(&policy, now);
        for report in every_report() {
            let step = KeepReport { handle: handle.clone(), report };
            let decided = fx::decide(&step, &world, &context);
            assert_eq!(refusal(decided), ExternalRefusal::NotFound, "{what}");
        }
        let described = fx::decide(&Describe(handle), &world, &context).unwrap_err();
        assert_eq!(described.refusal, ExternalRefusal::NotFound, "{what}");
    }
}

#[test]
fn of_a_client_that_is_gone_nothing_is_said_and_nothing_agreed_to() {
    let disabled = crate::client::Client { disabled: true, ..fx::client() };
    for client in [None, Some(disabled)] {
        let world = fx::World { client, ..world(reported()) };
        assert_eq!(describe(&world).unwrap_err(), ExternalRefusal::ClientUnknown);
        let decided = keep(consent(ConsentChoice::Allow, None), &world);
        assert_eq!(refusal(decided), ExternalRefusal::ClientUnknown);
    }
}

#[test]
fn an_interaction_that_travels_in_its_page_becomes_a_row_with_the_first_report() {
    let begun = Interaction { version: 0, ..fx::interaction(fx::request(), Facts::default()) };
    let handle = Some(Handle::Sealed(Box::new(begun.clone())));
    let world = fx::World { interaction: None, ..world(Facts::default()) };
    let step = KeepReport { handle, report: login("ada") };
    let decision = fx::decide(&step, &world, &fx::context(&fx::policy())).unwrap();
    let [Write::InsertInteraction(row)] = decision.writes.as_slice() else { panic!("{decision:?}") };
    assert_eq!(
        (row.id, row.facts.signed_in.as_ref().map(|(user, _)| *user)),
        (begun.id, Some(fx::user_id(2)))
    );
}

#[test]
fn each_refusal_has_its_own_name() {
    let all = [
        ExternalRefusal::NotFound,
        ExternalRefusal::UserUnknown,
        ExternalRefusal::ClientUnknown,
        ExternalRefusal::LoginRequired,
        ExternalRefusal::ConsentNotAsked,
        ExternalRefusal::QuestionChanged,
    ];
    let reasons: std::collections::BTreeSet<_> = all.iter().map(Refusal::reason).collect();
    assert_eq!(reasons.len(), all.len());
}
