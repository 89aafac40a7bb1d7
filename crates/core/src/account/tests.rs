use super::*;
use crate::{fixtures as fx, id::ClientId, interaction::form::SentFrom, step::Refused, store::Event};

type Change = fn(&mut AccountForm);

/// Session `n` of Ada.
fn of_ada(n: u8) -> SessionRecord {
    let mut record = fx::session(2);
    record.session.id = fx::session_id(n);
    record.session.digest = Digest([n; 32]);
    record
}

/// A form of the page of session 2, from the browser with these sessions.
fn form(sessions: &[u8]) -> AccountForm {
    AccountForm {
        anti_forgery: fx::anti_forgery((ACCOUNT, &fx::session_id(2).to_string())),
        browser: fx::browser(sessions),
    }
}

fn connection(n: u8) -> Connection {
    let consent =
        crate::store::Consent { id: ConsentId::from_bytes([n; 16]), ..fx::consent(&[("", "openid")]) };
    Connection { consent, client: None, last_used_at: None }
}

/// Ada has the sessions 2, 3 and 4 and the connections 4 and 5. Another person has session 9 and connection 9.
fn world() -> fx::World {
    let mut other = connection(9);
    other.consent.user_id = fx::user_id(9);
    fx::World {
        sessions: vec![of_ada(2), of_ada(3), of_ada(4), fx::session(9)],
        connections: vec![connection(4), connection(5), other],
        resources: vec![fx::resource(), fx::other_resource()],
        ..fx::World::default()
    }
}

fn decide<S: Step>(step: &S, world: &fx::World) -> Result<Decision<S::Outcome>, Refused<S::Refusal>> {
    fx::decide(step, world, &fx::context(&fx::policy()))
}

fn disconnect(n: Option<u8>) -> Disconnect {
    Disconnect { form: form(&[2]), consent: n.map(|n| ConsentId::from_bytes([n; 16])) }
}

fn sign_out(
    which: WhichSessions,
    world: &fx::World,
) -> Result<Decision<WhichSessions>, Refused<AccountRefusal>> {
    decide(&SignOut { form: form(&[2]), which: Some(which) }, world)
}

/// An event about Ada, with where and in which request it happened.
fn on_record(event: &Event, kind: &str, client: Option<&str>) {
    assert_eq!((event.kind.as_str(), event.user_id, event.at), (kind, Some(fx::user_id(2)), fx::NOW));
    assert_eq!(event.client_id.as_ref().map(ClientId::as_str), client);
    assert_eq!((event.address.as_deref(), event.trace_id.as_str()), (Some("192.0.2.1"), "trace"));
}

/// The sessions that the events among `writes` name.
fn named(writes: &[Write]) -> Vec<SessionId> {
    let named = writes.iter().filter_map(|write| match write {
        Write::Audit(event) => {
            on_record(event, "session.ended", None);
            Some(serde_json::from_value(event.detail["session"].clone()).unwrap())
        }
        _ => None,
    });
    named.collect()
}

#[test]
fn n_05_disconnecting_withdraws_the_consent() {
    let decision = decide(&disconnect(Some(5)), &world()).unwrap();
    match decision.writes.as_slice() {
        [Write::WithdrawConsent { id, user_id, at }, Write::Audit(event)] => {
            assert_eq!((*id, *user_id, *at), (ConsentId::from_bytes([5; 16]), fx::user_id(2), fx::NOW));
            on_record(event, "consent.withdrawn", Some("web"));
        }
        writes => panic!("{writes:?}"),
    }
}

#[test]
fn o_06_what_is_another_persons_is_not_found() {
    for consent in [Some(9), Some(7), None] {
        let refused = decide(&disconnect(consent), &world()).unwrap_err();
        assert!(refused.refusal == AccountRefusal::NotFound && refused.writes.is_empty(), "{consent:?}");
    }
    let which =
        [Some(WhichSessions::One(fx::session_id(9))), Some(WhichSessions::One(fx::session_id(7))), None];
    for which in which {
        let refused = decide(&SignOut { form: form(&[2]), which }, &world()).unwrap_err();
        assert!(refused.refusal == AccountRefusal::NotFound && refused.writes.is_empty(), "{which:?}");
    }
}

#[test]
fn o_06_one_session_or_all_others_end() {
    let world = world();
    for n in [2, 3] {
        let (id, user_id) = (fx::session_id(n), fx::user_id(2));
        let one = sign_out(WhichSessions::One(id), &world).unwrap();
        assert_eq!((one.outcome, named(&one.writes)), (WhichSessions::One(id), vec![id]));
        assert_eq!(one.writes.first(), Some(&Write::EndSession { id, user_id, at: fx::NOW }));
    }
    let all = Write::EndOtherSessions { user_id: fx::user_id(2), keep: fx::session_id(2), at: fx::NOW };
    let others = sign_out(WhichSessions::Others, &world).unwrap();
    assert_eq!(
        (others.outcome, named(&others.writes)),
        (WhichSessions::Others, [3, 4].map(fx::session_id).to_vec())
    );
    assert_eq!(others.writes.first(), Some(&all));
    let alone = fx::World { sessions: vec![of_ada(2)], ..world };
    let none = sign_out(WhichSessions::Others, &alone).unwrap();
    assert_eq!(none.writes, [all], "some may not be among the newest");
}

#[test]
fn l_02_a_form_that_was_not_made_for_this_browser_and_session_does_nothing() {
    let cases: &[(Change, AccountRefusal)] = &[
        (|form| form.anti_forgery.sent_from = SentFrom::Elsewhere, AccountRefusal::Forged),
        (|form| form.anti_forgery.received.clear(), AccountRefusal::Forged),
        (
            |form| form.anti_forgery = fx::anti_forgery(("form", &fx::session_id(2).to_string())),
            AccountRefusal::Forged,
        ),
        // Made for another session, and sent to another browser.
        (
            |form| form.anti_forgery = fx::anti_forgery((ACCOUNT, &fx::session_id(3).to_string())),
            AccountRefusal::Forged,
        ),
        (|form| form.browser = fx::browser(&[3, 2]), AccountRefusal::Forged),
        (|form| form.browser.transaction = Some(Digest([8; 32])), AccountRefusal::Forged),
        (|form| form.browser.transaction = None, AccountRefusal::Forged),
        (|form| form.browser.sessions.clear(), AccountRefusal::SignedOut),
        (|form| form.browser.sessions[0].digest = Digest([9; 32]), AccountRefusal::SignedOut),
    ];
    for (at, (change, expected)) in cases.iter().enumerate() {
        let mut form = form(&[2]);
        change(&mut form);
        let consent = Some(ConsentId::from_bytes([5; 16]));
        let refused = decide(&Disconnect { form: form.clone(), consent }, &world()).unwrap_err();
        assert!(refused.refusal == *expected && refused.writes.is_empty(), "case {at}");
        let refused = decide(&SignOut { form, which: Some(WhichSessions::Others) }, &world()).unwrap_err();
        assert!(refused.refusal == *expected && refused.writes.is_empty(), "case {at}");
    }
}

#[test]
fn the_page_shows_what_is_the_persons_own() {
    let mut world = world();
    world.connections[0].consent.permissions =
        fx::permissions(&[("", "openid"), (fx::API, "notes:read"), (fx::OTHER_API, "other")]);
    world.connections[1].consent.permissions = fx::permissions(&[(fx::API, "notes:write")]);
    let browser = fx::browser(&[2, 9]);
    let transaction = fx::COOKIE.digest();
    let decision = decide(&ShowAccount { browser: &browser, transaction }, &world).unwrap();
    let view = decision.outcome;
    assert_eq!(view.record, of_ada(2));
    let connected: Vec<_> = view.connections.iter().map(|c| c.consent.id.as_bytes()[0]).collect();
    assert_eq!(connected, [4, 5]);
    let sessions: Vec<_> = view.sessions.iter().map(|session| session.id).collect();
    assert_eq!(sessions, [2, 3, 4].map(fx::session_id));
    assert_eq!(view.resources, [fx::resource(), fx::other_resource()]);
    // Its forms come back.
    assert_eq!(view.anti_forgery, form(&[2]).anti_forgery.received);
    assert_eq!(decision.writes, [Write::TouchSession { id: fx::session_id(2), at: fx::NOW }]);

    world.sessions[0].session.last_seen_at = fx::NOW;
    let again = decide(&ShowAccount { browser: &browser, transaction }, &world).unwrap();
    assert!(again.writes.is_empty(), "noted less than a minute ago");
    let nobody = fx::browser(&[]);
    let refused = decide(&ShowAccount { browser: &nobody, transaction }, &world).unwrap_err();
    assert_eq!(refused.refusal, AccountRefusal::SignedOut);
}
