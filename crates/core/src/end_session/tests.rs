use serde_json::json;

use super::*;
use crate::{authorize::fixtures as au, fixtures as fx, jose::Algorithm};

const AFTER: &str = "https://rp.example/after";

fn client() -> Client {
    Client { post_logout_redirect_uris: vec![AFTER.to_owned(), format!("{AFTER}?a=b")], ..fx::client() }
}

fn hint(aud: &str, user: u8, session: Option<u8>) -> String {
    let claims = json!({
        "iss": fx::ISSUER, "aud": aud, "sub": au::user_id(user), "sid": session.map(au::session_id), "exp": 1,
    });
    fx::keyring().signer(Algorithm::ES256, fx::NOW).unwrap().sign("JWT", &claims).unwrap()
}

fn asked(pairs: &[(&str, &str)]) -> Result<Request, EndSessionRefusal> {
    read(&Form::from_pairs(pairs.iter().copied()), fx::keyring().verifying(), &fx::policy())
}

/// What comes of a request in a browser with sessions of these people.
fn decided(
    pairs: &[(&str, &str)],
    people: &[u8],
    confirmation: Confirmation<'_>,
) -> Result<Outcome, EndSessionRefusal> {
    let request = asked(pairs)?;
    let client = request.client_id.as_ref().filter(|id| id.as_str() == "web").map(|_| client());
    let sessions: Vec<_> = people.iter().copied().map(au::session).collect();
    decide(&request, client.as_ref(), &sessions, confirmation)
}

fn out(people: &[u8], then: Option<&str>) -> Outcome {
    let sessions = people.iter().copied().map(au::session_id).collect();
    Outcome::SignOut { sessions, then: then.map(str::to_owned) }
}

#[test]
fn o_01_without_a_genuine_hint_the_person_is_asked() {
    let genuine = hint("web", 2, Some(2));
    let tampered = format!("{}x", &genuine[..genuine.len() - 1]);
    let requests: [&[(&str, &str)]; 5] = [
        &[],
        &[("client_id", "web")],
        &[("post_logout_redirect_uri", AFTER), ("client_id", "web")],
        &[("id_token_hint", "ey.ey.")],
        &[("id_token_hint", &tampered)],
    ];
    for request in requests {
        assert_eq!(decided(request, &[2], Confirmation::None), Ok(Outcome::Ask), "{request:?}");
    }
}

#[test]
fn o_01_o_06_a_yes_ends_what_the_page_named() {
    let yes = |named: &[u8], people: &[u8]| {
        let named: Vec<_> = named.iter().copied().map(au::session_id).collect();
        decided(&[("client_id", "web")], people, Confirmation::Given(&named))
    };
    assert_eq!(yes(&[2, 8], &[2, 8]), Ok(out(&[2, 8], None)));
    assert_eq!(yes(&[2], &[2, 8]), Ok(out(&[2], None)), "8 signed in after the page was made");
    assert_eq!(yes(&[2, 8], &[8]), Ok(out(&[8], None)), "2 is gone already");
    assert_eq!(yes(&[2], &[]), Ok(out(&[], None)));
    for named in [&[][..], &[3]] {
        assert_eq!(yes(named, &[2, 8]), Ok(Outcome::Ask));
    }
}

#[test]
fn o_03_a_genuine_hint_ends_the_session_it_is_about_and_no_other() {
    let by_session = hint("web", 2, Some(2));
    assert_eq!(decided(&[("id_token_hint", &by_session)], &[8, 2], Confirmation::None), Ok(out(&[2], None)));
    let by_person = hint("web", 2, None);
    assert_eq!(decided(&[("id_token_hint", &by_person)], &[8, 2], Confirmation::None), Ok(out(&[2], None)));
}

#[test]
fn o_03_a_hint_about_nobody_here_is_no_confirmation() {
    for (user, session) in [(8, Some(8)), (8, None), (2, Some(3)), (8, Some(2))] {
        let hint = hint("web", user, session);
        let outcome = decided(&[("id_token_hint", &hint)], &[2], Confirmation::None);
        assert_eq!(outcome, Ok(Outcome::Ask), "{user} {session:?}");
    }
}

#[test]
fn o_03_a_hint_of_another_client_is_refused() {
    let hint = hint("other", 2, Some(2));
    let refused = decided(&[("id_token_hint", &hint), ("client_id", "web")], &[2], Confirmation::None);
    assert_eq!(refused, Err(EndSessionRefusal::OtherClient));
    assert_eq!(asked(&[("id_token_hint", &hint)]).unwrap().client_id, Some("other".into()));
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
            assert_eq!(decided(&request, people, Confirmation::None), refused, "{uri}");
            assert_eq!(
                decided(&request, people, Confirmation::Given(&[au::session_id(2)])),
                refused,
                "{uri}"
            );
        }
    }
    let to = ("post_logout_redirect_uri", AFTER);
    for request in [&[to][..], &[to, ("client_id", "nobody")], &[to, ("id_token_hint", &other)]] {
        assert_eq!(decided(request, &[], Confirmation::Given(&[au::session_id(2)])), refused);
    }
    let disabled = Client { disabled: true, ..client() };
    let request = asked(&[to, ("client_id", "web")]).unwrap();
    assert_eq!(decide(&request, Some(&disabled), &[], Confirmation::Given(&[au::session_id(2)])), refused);
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
        assert_eq!(decided(&request, &[2], Confirmation::None), Ok(out(&[2], Some(&expected))));
        assert_eq!(
            decided(&request, &[], Confirmation::None),
            Ok(out(&[], Some(&expected))),
            "nobody signed in"
        );
    }
}

#[test]
fn a_repeated_or_long_parameter_is_refused() {
    let long = "a".repeat(2049);
    for name in ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"] {
        assert_eq!(asked(&[(name, "a"), (name, "a")]), Err(EndSessionRefusal::Malformed), "{name}");
    }
    for name in ["client_id", "post_logout_redirect_uri", "state"] {
        assert_eq!(asked(&[(name, &long)]), Err(EndSessionRefusal::Malformed), "{name}");
    }
    let causes = [
        EndSessionRefusal::Malformed,
        EndSessionRefusal::OtherClient,
        EndSessionRefusal::RedirectUriNotRegistered,
    ];
    let causes = causes.map(EndSessionRefusal::cause);
    assert_eq!(causes, ["malformed_request", "client_mismatch", "post_logout_redirect_uri_mismatch"]);
}

#[test]
fn o_06_only_sessions_of_this_browser_end_each_with_its_event() {
    static ENTROPY: fx::Seeded = fx::Seeded::new(2);
    let sessions = [au::session(2), au::session(8)];
    let ending = [au::session_id(8), au::session_id(5)];
    let decision = end(&ending, &sessions, fx::NOW, &ENTROPY, "trace");
    match decision.writes.as_slice() {
        [Write::EndSession { id, user_id, at }, Write::Audit(event)] => {
            assert_eq!((*id, *user_id, *at), (au::session_id(8), au::user_id(8), fx::NOW));
            assert_eq!((event.kind.as_str(), event.user_id), ("session.ended", Some(au::user_id(8))));
        }
        writes => panic!("{writes:?}"),
    }
}
