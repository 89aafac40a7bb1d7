use serde_json::json;

use super::*;
use crate::{
    fixtures as fx,
    interaction::{form::SentFrom, pending},
    jose::Algorithm,
    step::Refused,
    store::Write,
};

const AFTER: &str = "https://rp.example/after";

fn client() -> Client {
    Client { post_logout_redirect_uris: vec![AFTER.to_owned(), format!("{AFTER}?a=b")], ..fx::client() }
}

fn hint(aud: &str, user: u8, session: Option<u8>) -> String {
    let claims = json!({
        "iss": fx::ISSUER, "aud": aud, "sub": fx::user_id(user), "sid": session.map(fx::session_id), "exp": 1,
    });
    fx::keyring().signer(Algorithm::ES256, fx::NOW).unwrap().sign("JWT", &claims).unwrap()
}

/// The parameters of a request.
fn form(pairs: &[(&str, &str)]) -> Form {
    Form::from_pairs(pairs.iter().copied())
}

/// A yes of our page, about these sessions.
fn yes(named: &[u8]) -> LogoutConfirmation {
    LogoutConfirmation {
        anti_forgery: fx::anti_forgery(MATTER),
        pressed: SignOutChoice::SignOut,
        sessions: named.iter().copied().map(fx::session_id).collect(),
    }
}

type Decided = Result<Decision<SignOutOutcome>, Refused<EndSessionRefusal>>;

/// What is decided on a request in a browser with sessions of these people. A session of another person is live in another browser.
fn whole(
    client: &Client,
    pairs: &[(&str, &str)],
    people: &[u8],
    confirmation: Option<LogoutConfirmation>,
) -> Decided {
    arrived(client, pairs, people, confirmation.map_or(Arrival::Navigation, Arrival::Answered))
}

fn arrived(client: &Client, pairs: &[(&str, &str)], people: &[u8], arrival: Arrival) -> Decided {
    let sessions = people.iter().copied().chain([5]).map(fx::session).collect();
    let world = fx::World { client: Some(client.clone()), sessions, ..fx::World::default() };
    let (browser, policy) = (fx::browser(people), fx::policy());
    let context = fx::context(&policy);
    fx::decide(&EndSessionRequest::read(&form(pairs), arrival, &browser, &context), &world, &context)
}

/// What comes of a request about the client `web`.
fn decided(
    pairs: &[(&str, &str)],
    people: &[u8],
    confirmation: Option<LogoutConfirmation>,
) -> Result<SignOutOutcome, EndSessionRefusal> {
    match whole(&client(), pairs, people, confirmation) {
        Ok(decision) => {
            let ends = matches!(&decision.outcome, SignOutOutcome::SignedOut { sessions, .. } if !sessions.is_empty());
            assert_eq!(decision.writes.is_empty(), !ends, "{decision:?}");
            let mut outcome = decision.outcome;
            if let SignOutOutcome::Ask { request, .. } = &mut outcome {
                request.clear();
            }
            Ok(outcome)
        }
        Err(refused) => {
            assert!(refused.writes.is_empty());
            Err(refused.refusal)
        }
    }
}

fn out(people: &[u8], then: Option<&str>) -> SignOutOutcome {
    let sessions = people.iter().copied().map(fx::session_id).collect();
    SignOutOutcome::SignedOut { sessions, then: then.map(str::to_owned), others_stay: false }
}

/// The same where other accounts stay.
fn one_out(people: &[u8], then: Option<&str>) -> SignOutOutcome {
    let SignOutOutcome::SignedOut { sessions, then, .. } = out(people, then) else { unreachable!() };
    SignOutOutcome::SignedOut { sessions, then, others_stay: true }
}

/// The page that asks these people, for `web` or for nobody. What it gives back is left out.
fn ask(application: Option<&str>, people: &[u8]) -> SignOutOutcome {
    let people = people.iter().map(|n| (fx::session_id(*n), fx::person(*n))).collect();
    SignOutOutcome::Ask { application: application.map(str::to_owned), people, request: String::new() }
}

#[test]
fn o_01_without_a_genuine_hint_the_person_is_asked() {
    let genuine = hint("web", 2, Some(2));
    let tampered = format!("{}x", &genuine[..genuine.len() - 1]);
    let requests = [
        (&[][..], None),
        (&[("client_id", "web")], Some("Example")),
        (&[("client_id", "nobody")], None),
        (&[("post_logout_redirect_uri", AFTER), ("client_id", "web")], Some("Example")),
        (&[("id_token_hint", "ey.ey.")], None),
        (&[("id_token_hint", &tampered)], None),
    ];
    for (request, application) in requests {
        assert_eq!(decided(request, &[2, 8], None), Ok(ask(application, &[2, 8])), "{request:?}");
    }
}

#[test]
fn o_01_o_06_a_yes_ends_what_the_page_named() {
    let said = |named: &[u8], people: &[u8]| decided(&[("client_id", "web")], people, Some(yes(named)));
    assert_eq!(said(&[2, 8], &[2, 8]), Ok(out(&[2, 8], None)));
    assert_eq!(said(&[2], &[2, 8]), Ok(one_out(&[2], None)), "8 signed in after the page was made");
    assert_eq!(said(&[2, 8], &[8]), Ok(out(&[8], None)), "2 is gone already");
    assert_eq!(said(&[2], &[]), Ok(out(&[], None)));
    for named in [&[][..], &[3]] {
        assert_eq!(said(named, &[2, 8]), Ok(ask(Some("Example"), &[2, 8])));
    }
}

#[test]
fn o_03_a_genuine_hint_ends_the_session_it_is_about_and_no_other() {
    let by_session = hint("web", 2, Some(2));
    assert_eq!(decided(&[("id_token_hint", &by_session)], &[8, 2], None), Ok(one_out(&[2], None)));
    let by_person = hint("web", 2, None);
    assert_eq!(decided(&[("id_token_hint", &by_person)], &[8, 2], None), Ok(one_out(&[2], None)));
}

#[test]
fn o_03_a_hint_about_nobody_here_is_no_confirmation() {
    for (user, session) in [(8, Some(8)), (8, None), (2, Some(3)), (8, Some(2))] {
        let hint = hint("web", user, session);
        let outcome = decided(&[("id_token_hint", &hint)], &[2], None);
        assert_eq!(outcome, Ok(ask(Some("Example"), &[2])), "{user} {session:?}");
    }
}

#[test]
fn o_03_a_hint_of_another_client_is_refused() {
    let hint = hint("other", 2, Some(2));
    let refused = decided(&[("id_token_hint", &hint), ("client_id", "web")], &[2], None);
    assert_eq!(refused, Err(EndSessionRefusal::OtherClient));
    // Without the parameter the hint says which client it is.
    let other = Client { client_id: "other".into(), ..client() };
    let request = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", AFTER)];
    assert_eq!(whole(&other, &request, &[2], None).unwrap().outcome, out(&[2], Some(AFTER)));
}

#[test]
fn o_02_the_browser_goes_only_to_a_registered_uri_of_a_known_client() {
    let (web, other) = (hint("web", 2, Some(2)), hint("other", 2, Some(2)));
    let refused = Err(EndSessionRefusal::RedirectUriNotRegistered);
    for uri in [
        "https://evil.example/",
        "https://rp.example/after/",
        "https://rp.example/afterx",
        "https://rp.example/after?x=y",
        "https://rp.example/after#x",
        "HTTPS://rp.example/after",
        "https://rp.example@evil.example/after",
        "javascript:alert(1)",
        // A redirect URI is not a place to go after signing out.
        fx::REDIRECT,
    ] {
        for people in [&[2][..], &[]] {
            let request = [("id_token_hint", web.as_str()), ("post_logout_redirect_uri", uri)];
            assert_eq!(decided(&request, people, None), refused, "{uri}");
            assert_eq!(decided(&request, people, Some(yes(&[2]))), refused, "{uri}");
        }
    }
    let to = ("post_logout_redirect_uri", AFTER);
    for request in [&[to][..], &[to, ("client_id", "nobody")], &[to, ("id_token_hint", &other)]] {
        assert_eq!(decided(request, &[], Some(yes(&[2]))), refused);
    }
    let disabled = Client { disabled: true, ..client() };
    let outcome = whole(&disabled, &[to, ("client_id", "web")], &[], Some(yes(&[2])));
    assert_eq!(outcome.unwrap_err().refusal, EndSessionRefusal::RedirectUriNotRegistered);
}

#[test]
fn after_signing_out_the_browser_goes_back_with_state() {
    let hint = hint("web", 2, Some(2));
    let with_query = format!("{AFTER}?a=b");
    for (uri, state, expected) in [
        (AFTER, "", AFTER.to_owned()),
        (AFTER, "a b", format!("{AFTER}?state=a+b")),
        (&with_query, "s", format!("{AFTER}?a=b&state=s")),
        // J-05: no new line, no new parameter.
        (AFTER, "a\r\nX: y&z=#", format!("{AFTER}?state=a%0D%0AX%3A+y%26z%3D%23")),
    ] {
        let request = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", uri), ("state", state)];
        assert_eq!(decided(&request, &[2], None), Ok(out(&[2], Some(&expected))));
        assert_eq!(decided(&request, &[], None), Ok(out(&[], Some(&expected))), "nobody signed in");
    }
}

#[test]
fn a_refusal_names_the_parameter_that_is_wrong() {
    let long = "a".repeat(2049);
    let said = |pairs: &[(&str, &str)]| {
        let refusal = decided(pairs, &[2], None).unwrap_err();
        (refusal.public().sentence().into_owned(), refusal.public().parameter, refusal.reason())
    };
    for name in ["id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales", "request"] {
        let expected = (format!("{name} is repeated"), Some(name), "repeated_parameter");
        assert_eq!(said(&[(name, "a"), (name, "a")]), expected);
    }
    for name in ["client_id", "post_logout_redirect_uri", "state", "ui_locales"] {
        let expected = (format!("{name} is too long"), Some(name), "parameter_too_long");
        assert_eq!(said(&[(name, &long)]), expected);
    }
    let hint = hint("other", 2, Some(2));
    for (pairs, parameter, sentence, reason) in [
        (
            &[("id_token_hint", hint.as_str()), ("client_id", "web")][..],
            "client_id",
            "client_id is not the client of id_token_hint",
            "client_mismatch",
        ),
        (
            &[("client_id", "web"), ("post_logout_redirect_uri", "https://evil.example/")],
            "post_logout_redirect_uri",
            "post_logout_redirect_uri is not registered for the client",
            "post_logout_redirect_uri_mismatch",
        ),
        (
            &[("request", "x")],
            "request",
            "request is too old, or was not made by this server",
            "request_expired",
        ),
    ] {
        assert_eq!(said(pairs), (sentence.to_owned(), Some(parameter), reason));
    }
    let forged = EndSessionRefusal::Forged;
    assert_eq!((forged.public().parameter, forged.reason()), (None, "anti_forgery"));
}

#[test]
fn o_06_only_sessions_of_this_browser_end_each_with_its_event() {
    // Session 5 is live in another browser.
    let decision = whole(&client(), &[], &[2, 8], Some(yes(&[8, 5]))).unwrap();
    assert_eq!(decision.outcome, one_out(&[8], None));
    match decision.writes.as_slice() {
        [Write::EndSession { id, user_id, at }, Write::Audit(event)] => {
            assert_eq!((*id, *user_id, *at), (fx::session_id(8), fx::user_id(8), fx::NOW));
            assert_eq!((event.kind.as_str(), event.user_id), ("session.ended", Some(fx::user_id(8))));
            assert_eq!((event.address.as_deref(), event.trace_id.as_str()), (Some("192.0.2.1"), "trace"));
        }
        writes => panic!("{writes:?}"),
    }
}

#[test]
fn o_01_l_02_a_yes_that_our_page_did_not_send_is_refused() {
    let browser = crate::secret::Secret::from_bytes([8; 32]).digest();
    let foreign = pending::anti_forgery(&fx::keyring().keys, &browser, MATTER.0, MATTER.1);
    let forged: [fn(&mut LogoutConfirmation, String); 4] = [
        |yes, _| yes.anti_forgery.sent_from = SentFrom::Elsewhere,
        |yes, _| yes.anti_forgery.received.clear(),
        |yes, _| yes.anti_forgery = fx::anti_forgery(("form", "another")),
        |yes, foreign| yes.anti_forgery.received = foreign,
    ];
    let genuine = hint("web", 2, Some(2));
    for change in forged {
        for pressed in [SignOutChoice::SignOut, SignOutChoice::Stay] {
            let mut confirmation = LogoutConfirmation { pressed, ..yes(&[2]) };
            change(&mut confirmation, foreign.clone());
            // Not even with a hint that would do without a page.
            let decided = decided(&[("id_token_hint", &genuine)], &[2], Some(confirmation));
            assert_eq!(decided, Err(EndSessionRefusal::Forged));
        }
    }
}

#[test]
fn o_01_who_stays_stays() {
    let stay = || Some(LogoutConfirmation { pressed: SignOutChoice::Stay, ..yes(&[2]) });
    assert_eq!(decided(&[("client_id", "web")], &[2], stay()), Ok(SignOutOutcome::Stay));
    let genuine = hint("web", 2, Some(2));
    assert_eq!(decided(&[("id_token_hint", &genuine)], &[2], stay()), Ok(SignOutOutcome::Stay));
}

#[test]
fn o_06_a_sign_out_by_hint_is_on_record_with_its_address() {
    let genuine = hint("web", 2, Some(2));
    let decision = whole(&client(), &[("id_token_hint", &genuine)], &[8, 2], None).unwrap();
    let [Write::EndSession { id, .. }, Write::Audit(event)] = decision.writes.as_slice() else {
        panic!("{decision:?}")
    };
    assert_eq!((*id, event.kind.as_str()), (fx::session_id(2), "session.ended"));
    assert_eq!((event.user_id, event.address.as_deref()), (Some(fx::user_id(2)), Some("192.0.2.1")));
}

/// What a posted request goes on as.
fn carried(pairs: &[(&str, &str)]) -> String {
    match arrived(&client(), pairs, &[], Arrival::Posted).unwrap().outcome {
        SignOutOutcome::GoOn(request) => request,
        outcome => panic!("{outcome:?}"),
    }
}

#[test]
fn a_posted_request_goes_on_with_all_it_says_and_decides_nothing() {
    let hint = hint("web", 2, Some(2));
    let filled = "s".repeat(LONGEST);
    let all = [
        ("id_token_hint", hint.as_str()),
        ("client_id", "web"),
        ("post_logout_redirect_uri", AFTER),
        ("state", &filled),
        ("ui_locales", "de en"),
    ];
    let request = carried(&all);
    assert!(request.len() < hint.len() + LONGEST_SEALED);
    // The form of another site brought no cookie; the request that follows does.
    let uri = format!("{AFTER}?state={filled}");
    assert_eq!(decided(&[("request", &request)], &[2], None), Ok(out(&[2], Some(&uri))));
    let (browser, policy) = (fx::browser(&[2]), fx::policy());
    let context = fx::context(&policy);
    let read =
        EndSessionRequest::read(&form(&[("request", &request)]), Arrival::Navigation, &browser, &context);
    assert_eq!(read.ui_locales(), ["de", "en"]);
    // Without a hint the person is asked, and the answer says the same once more.
    let request = carried(&[("client_id", "web"), ("post_logout_redirect_uri", AFTER)]);
    let Ok(Decision { outcome: SignOutOutcome::Ask { request, .. }, .. }) =
        self::whole(&client(), &[("request", &request)], &[2], None)
    else {
        panic!("not asked")
    };
    assert_eq!(decided(&[("request", &request)], &[2], Some(yes(&[2]))), Ok(out(&[2], Some(AFTER))));
    // What is wrong with it is said at once.
    let refused =
        arrived(&client(), &[("post_logout_redirect_uri", "https://evil.example/")], &[2], Arrival::Posted);
    assert_eq!(refused.unwrap_err().refusal, EndSessionRefusal::RedirectUriNotRegistered);
}

#[test]
fn what_was_not_sealed_here_or_long_ago_is_refused() {
    let request = carried(&[("client_id", "web")]);
    let changed = format!("{}A", &request[..request.len() - 1]);
    for wrong in ["x", &changed, &"A".repeat(LONGEST_SEALED + 4)] {
        assert_eq!(decided(&[("request", wrong)], &[2], None), Err(EndSessionRefusal::Expired), "{wrong}");
    }
    assert_eq!(
        decided(&[("request", "a"), ("request", "b")], &[2], None),
        Err(EndSessionRefusal::Repeated("request"))
    );
    let (browser, policy) = (fx::browser(&[2]), fx::policy());
    let later = Context {
        now: fx::NOW + policy.lifetimes.session_absolute + policy.lifetimes.session_absolute,
        ..fx::context(&policy)
    };
    let read =
        EndSessionRequest::read(&form(&[("request", &request)]), Arrival::Navigation, &browser, &later);
    assert_eq!(read.parameters, Err(EndSessionRefusal::Expired));
    // One that no URL could carry.
    let long = "\u{1}".repeat(LONGEST);
    let refused = arrived(&client(), &[("state", &long)], &[2], Arrival::Posted).unwrap_err().refusal;
    assert_eq!(refused, EndSessionRefusal::RequestTooLong);
}
