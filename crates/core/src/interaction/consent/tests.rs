use super::*;
use crate::{
    fixtures as fx,
    interaction::next::{InteractionRefusal, LoginReason},
    store::{Interaction, SessionRecord},
};

type Change<T> = fn(&mut T);

fn asking() -> NextStep {
    NextStep::Consent { asked: fx::request().permissions, missing: Permissions::default() }
}

/// A row of a request, with these facts.
fn row(facts: Facts) -> Interaction {
    fx::interaction(fx::request(), facts)
}

/// Session 2 answers the question of the page.
fn say(interaction: &Interaction, step: &NextStep, by: UserId, pressed: ConsentChoice) -> Decision<Answered> {
    said(interaction, step, ReceivedAnswer { by, pressed, about: QuestionMatch::ThisQuestion })
}

fn said(interaction: &Interaction, step: &NextStep, said: ReceivedAnswer) -> Decision<Answered> {
    let (record, client): (SessionRecord, _) = (fx::session(2), fx::client());
    let view = View {
        request: fx::request_of(interaction),
        facts: &interaction.facts,
        subject: Some(Subject::from(&record)),
        consent: None,
        client: &client,
        now: fx::NOW,
    };
    answer(&fx::stored(interaction), (&view, step), said, &fx::context(&fx::policy()))
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
    let pending = row(Facts::default());
    let yes = say(&pending, &asking(), fx::user_id(2), ConsentChoice::Allow);
    let agreed = Some(fx::request().permissions);
    let expected = Facts { session_id: Some(fx::session_id(2)), agreed, ..Facts::default() };
    assert_eq!(noted(&yes), &expected);
    let no = say(&pending, &asking(), fx::user_id(2), ConsentChoice::Deny);
    let expected = Facts { session_id: Some(fx::session_id(2)), denied: true, ..Facts::default() };
    assert_eq!(noted(&no), &expected);
}

#[test]
fn n_01_an_answer_to_a_question_that_is_not_asked_is_stale() {
    let pending = row(Facts::default());
    for step in [
        NextStep::Login(LoginReason::NoSession),
        NextStep::SelectAccount,
        NextStep::Issue { granted: fx::permissions(&[]) },
        NextStep::Refuse(InteractionRefusal::Denied),
        NextStep::RedirectUriGone,
    ] {
        for pressed in [ConsentChoice::Allow, ConsentChoice::Deny] {
            let decision = say(&pending, &step, fx::user_id(2), pressed);
            assert!(decision.outcome == Answered::Stale && decision.writes.is_empty());
        }
    }
}

#[test]
fn n_02_the_page_of_another_account_is_stale() {
    let pending = row(Facts::default());
    let decision = say(&pending, &asking(), fx::user_id(8), ConsentChoice::Allow);
    assert!(decision.outcome == Answered::Stale && decision.writes.is_empty());
}

#[test]
fn a_22_n_02_what_is_agreed_to_is_what_the_request_asks_for() {
    let pending = row(Facts::default());
    let left = fx::permissions(&[("", "openid")]);
    let missing = fx::permissions(&[(fx::OTHER_API, "other")]);
    let step = NextStep::Consent { asked: left.clone(), missing };
    let decision = say(&pending, &step, fx::user_id(2), ConsentChoice::Allow);
    assert_eq!(noted(&decision).agreed, Some(left), "what the client may still have of it");
}

#[test]
fn the_session_of_the_interaction_and_a_reported_sign_in_stay() {
    let (_, facts) = fx::fresh(9);
    let pending = row(facts.clone());
    let decision = say(&pending, &asking(), fx::user_id(2), ConsentChoice::Allow);
    assert_eq!(noted(&decision).session_id, Some(fx::session_id(9)));
    assert_eq!(noted(&decision).signed_in, facts.signed_in);

    // Reported by an external login UI: the session comes with the browser.
    let reported = Facts { session_id: None, ..facts };
    let decision = say(&row(reported), &asking(), fx::user_id(2), ConsentChoice::Allow);
    assert_eq!(noted(&decision).session_id, None);
}

#[test]
fn a_no_is_on_record_with_who_said_it_to_whom_and_about_what() {
    let pending = row(Facts::default());
    let no = say(&pending, &asking(), fx::user_id(2), ConsentChoice::Deny);
    let [_, Write::Audit(event)] = no.writes.as_slice() else { panic!("{:?}", no.writes) };
    assert_eq!(
        (event.kind.as_str(), event.user_id, event.at),
        ("consent.denied", Some(fx::user_id(2)), fx::NOW)
    );
    assert_eq!(event.client_id, Some("web".into()));
    assert_eq!((event.address.as_deref(), event.trace_id.as_str()), (Some("192.0.2.1"), "trace"));
    assert_eq!(event.detail, serde_json::json!({ "permissions": fx::request().permissions }));
}

#[test]
fn n_02_a_yes_to_another_question_is_none_and_a_no_is_a_no() {
    let pending = row(Facts::default());
    let to_another =
        |pressed| ReceivedAnswer { by: fx::user_id(2), pressed, about: QuestionMatch::AnotherQuestion };
    let yes = said(&pending, &asking(), to_another(ConsentChoice::Allow));
    assert!(yes.outcome == Answered::Changed && yes.writes.is_empty());
    assert!(noted(&said(&pending, &asking(), to_another(ConsentChoice::Deny))).denied);
}

#[test]
fn n_02_all_that_a_page_shows_is_in_its_fingerprint() {
    let keys = &fx::keyring().keys;
    let (client, row, request) = (fx::client(), row(Facts::default()), fx::request());
    let pending = fx::stored(&row);
    let (asked, resources) = (fx::request().permissions, vec![fx::resource()]);
    let question =
        Question { pending, request: &request, client: &client, asked: &asked, resources: &resources };
    let shown = question.fingerprint(keys);
    assert_eq!(question.compare(keys, &shown), QuestionMatch::ThisQuestion);
    let differs = |question: Question<'_>, what: &str| {
        assert_eq!(question.compare(keys, &shown), QuestionMatch::AnotherQuestion, "{what}");
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
    let elsewhere = fx::request_to(|to| to.uri = "https://rp.example/other".to_owned());
    differs(Question { request: &elsewhere, ..question }, "elsewhere");
    let other = Interaction { id: crate::id::InteractionId::from_bytes([7; 16]), ..row.clone() };
    differs(Question { pending: fx::stored(&other), ..question }, "another interaction");
    let other = Interaction { browser: crate::secret::Digest([9; 32]), ..row.clone() };
    differs(Question { pending: fx::stored(&other), ..question }, "another browser");
    // What the page does not show may change under it.
    let mut client = fx::client();
    client.scope = fx::scopes("openid notes:read and:more");
    assert_eq!(Question { client: &client, ..question }.compare(keys, &shown), QuestionMatch::ThisQuestion);
}

/// An answer of Ada on our page to the question that she was shown.
fn on_page(interaction: &Interaction, pressed: ConsentChoice, question: &str) -> ConsentAnswer {
    ConsentAnswer {
        form: fx::form(interaction, &[2]),
        by: fx::user_id(2),
        pressed,
        question: question.to_owned(),
    }
}

#[test]
fn n_01_n_02_an_answer_on_our_page_is_held_against_the_world_as_it_is_now() {
    let interaction = row(Facts::default());
    let (client, resources, request) = (fx::client(), [fx::resource()], fx::request());
    let question = Question {
        pending: fx::stored(&interaction),
        request: &request,
        client: &client,
        asked: &request.permissions,
        resources: &resources,
    };
    let shown = question.fingerprint(&fx::keyring().keys);
    let world = fx::World {
        client: Some(fx::client()),
        resources: vec![fx::resource(), fx::other_resource()],
        sessions: vec![fx::session(2), fx::session(8)],
        interaction: Some(interaction.clone()),
        ..fx::World::default()
    };
    let decide = |step: &ConsentAnswer, world: &fx::World| {
        fx::decide(step, world, &fx::context(&fx::policy())).unwrap()
    };
    let yes = on_page(&interaction, ConsentChoice::Allow, &shown);
    assert_eq!(noted(&decide(&yes, &world)).agreed, Some(request.permissions.clone()));
    assert!(noted(&decide(&on_page(&interaction, ConsentChoice::Deny, ""), &world)).denied);
    let other = decide(&on_page(&interaction, ConsentChoice::Allow, "another"), &world);
    assert!(other.outcome == Answered::Changed && other.writes.is_empty());

    let remembered = fx::consent(&[("", "openid"), (fx::API, "notes:read")]);
    let account = fx::account_interaction(Facts::default());
    let worlds = [
        ("no client", fx::World { client: None, ..world.clone() }),
        ("disabled", fx::World { client: Some(Client { disabled: true, ..fx::client() }), ..world.clone() }),
        ("signed out", fx::World { sessions: Vec::new(), ..world.clone() }),
        ("agreed in another tab", fx::World { consent: Some(remembered), ..world.clone() }),
        ("for the account page", fx::World { interaction: Some(account), ..world.clone() }),
    ];
    for (what, world) in worlds {
        for pressed in [ConsentChoice::Allow, ConsentChoice::Deny] {
            let decision = decide(&ConsentAnswer { pressed, ..yes.clone() }, &world);
            assert!(decision.outcome == Answered::Stale && decision.writes.is_empty(), "{what}");
        }
    }
    let another = decide(&ConsentAnswer { by: fx::user_id(8), ..yes }, &world);
    assert_eq!(another.outcome, Answered::Stale, "made for another account");
}
