use super::*;
use crate::{
    fixtures as fx,
    fixtures::SECRET,
    id::UserId,
    secret::Digest,
    step::{Decision, Refused},
    token::TokenRefusal,
};

fn by(method: AuthMethod) -> Client {
    Client { token_endpoint_auth_method: method, ..fx::client() }
}

/// The whole way of a request, as the server goes it; the registered clients are `web` (of `method`) and `spa` (public).
fn outcome(method: AuthMethod, headers: &[&str], body: &str) -> Result<String, ClientAuthRefusal> {
    let registered = [by(method), fx::public_client()];
    let credential = present(headers, &Form::parse(body.as_bytes()).unwrap())?;
    let client = registered.iter().find(|client| client.client_id == credential.client_id);
    compare(&credential, client)
}

fn compare(credential: &Credential, client: Option<&Client>) -> Result<String, ClientAuthRefusal> {
    let policy = fx::policy();
    match authenticate(credential, client, &Have::default(), &fx::context(&policy)) {
        Ok((client, writes)) => {
            assert!(writes.is_empty());
            Ok(client.client_id.to_string())
        }
        Err(Stop::Refuse(refused)) => Err(refused.refusal),
        Err(Stop::Want(want)) => panic!("{want:?}"),
    }
}

use AuthMethod::{ClientSecretBasic as Basic, ClientSecretPost as Post, None as Public};
use ClientAuthRefusal as R;

#[test]
fn each_method_authenticates_the_client_registered_for_it() {
    let body = format!("client_id=web&client_secret={SECRET}");
    let header = fx::basic("web", SECRET);
    assert_eq!(outcome(Basic, &[&header], "").as_deref(), Ok("web"));
    assert_eq!(outcome(Basic, &[&header], "client_id=web").as_deref(), Ok("web"));
    assert_eq!(outcome(Basic, &[&header.replace("Basic", "bASIC")], "").as_deref(), Ok("web"));
    assert_eq!(outcome(Post, &[], &body).as_deref(), Ok("web"));
    assert_eq!(outcome(Basic, &[], "client_id=spa").as_deref(), Ok("spa"));
    assert_eq!(outcome(Basic, &[], "client_id=spa&client_secret=").as_deref(), Ok("spa"));
}

#[test]
fn basic_halves_are_form_encoded() {
    let secret = "p:/ +%ä and thirty-two characters";
    let client = Client {
        client_id: "a b:c".into(),
        client_secret: Some(Digest::of(secret.as_bytes())),
        ..fx::client()
    };
    let header = fx::basic("a+b%3Ac", "p%3A%2F+%2B%25%C3%A4+and+thirty-two+characters");
    let credential = present(&[&header], &Form::default()).unwrap();
    assert_eq!(credential.client_id, client.client_id);
    assert!(compare(&credential, Some(&client)).is_ok());
    // Everything behind the first colon is the secret, as it came.
    let credential = present(&[&fx::basic("a+b%3Ac", "x:y")], &Form::default()).unwrap();
    let colon = Client { client_secret: Some(Digest::of(b"x:y")), ..client };
    assert!(compare(&credential, Some(&colon)).is_ok());
}

#[test]
fn k_01_two_methods_at_once_are_refused() {
    let header = fx::basic("web", SECRET);
    let secret = format!("client_id=web&client_secret={SECRET}");
    let assertion = "client_assertion=x.y.z&client_assertion_type=jwt-bearer";
    for (headers, body) in [
        (&[header.as_str()][..], secret.clone()),
        (&[header.as_str()], format!("client_secret={SECRET}")),
        (&[header.as_str(), header.as_str()], String::new()),
        (&[header.as_str()], assertion.to_owned()),
        (&[], format!("{secret}&{assertion}")),
    ] {
        let refusal = outcome(Basic, headers, &body).unwrap_err();
        assert_eq!(refusal, R::TwoMethods, "{body}");
        assert_eq!(refusal.public().code, ErrorCode::InvalidRequest);
    }
    let repeated = format!("{secret}&client_secret=x");
    assert_eq!(outcome(Post, &[], &repeated), Err(R::Repeated("client_secret")));
}

#[test]
fn k_02_a_right_secret_by_another_method_is_refused() {
    let (header, body) = (fx::basic("web", SECRET), format!("client_id=web&client_secret={SECRET}"));
    for (registered, headers, body) in [
        (Post, &[header.as_str()][..], ""),
        (Basic, &[], &body),
        (Public, &[], &body),
        (Public, &[header.as_str()], ""),
    ] {
        let refused = outcome(registered, headers, body).unwrap_err();
        assert_eq!(refused, R::ProvedByWrongMethod("web".into(), registered));
        // Only a request with the right secret gets the registered method.
        assert!(refused.public().sentence().contains(registered.as_str()), "{refused:?}");
        let wrong = body.replace(SECRET, "x");
        let (wrong, others) = (wrong.as_str(), [fx::basic("web", "x")]);
        let headers: Vec<&str> = if headers.is_empty() { Vec::new() } else { vec![&others[0]] };
        let refused = outcome(registered, &headers, wrong).unwrap_err();
        assert_eq!(refused, R::WrongMethod("web".into()));
        assert_eq!(refused.public().sentence(), "client authentication failed");
    }
    let assertion = "client_id=web&client_assertion=x.y.&client_assertion_type=jwt-bearer";
    assert_eq!(outcome(Basic, &[], assertion), Err(R::UnsupportedMethod));
    assert_eq!(R::UnsupportedMethod.public().code.status(), 401);
}

#[test]
fn a_client_that_is_registered_for_no_method_sends_its_secret_either_way() {
    let registered = Client { any_secret_method: true, ..fx::client() };
    let (header, body) = (fx::basic("web", SECRET), format!("client_id=web&client_secret={SECRET}"));
    for (headers, body) in [(&[header.as_str()][..], ""), (&[], body.as_str())] {
        let credential = present(headers, &Form::parse(body.as_bytes()).unwrap()).unwrap();
        assert_eq!(compare(&credential, Some(&registered)).as_deref(), Ok("web"));
    }
    for (headers, body, refusal) in [
        (&[fx::basic("web", "x")][..], "", R::WrongSecret("web".into())),
        (&[], "client_id=web&client_secret=x", R::WrongSecret("web".into())),
        (&[], "client_id=web", R::WrongMethod("web".into())),
    ] {
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        let credential = present(&headers, &Form::parse(body.as_bytes()).unwrap()).unwrap();
        assert_eq!(compare(&credential, Some(&registered)), Err(refusal), "{body}");
    }
}

#[test]
fn k_03_a_confidential_client_without_its_secret_is_refused() {
    for (method, headers, body, refusal) in [
        (Basic, &[][..], "client_id=web", R::WrongMethod("web".into())),
        (Post, &[], "client_id=web", R::WrongMethod("web".into())),
        (Post, &[], "client_id=web&client_secret=", R::WrongMethod("web".into())),
        (Basic, &[fx::basic("web", "").as_str()], "", R::NoSecret("web".into())),
        // Registered as public, and yet it was given a secret.
        (Public, &[], "client_id=web", R::NoSecret("web".into())),
        (Basic, &[], "", R::Missing),
        (Basic, &[], "client_secret=x", R::Missing),
    ] {
        let refused = outcome(method, headers, body).unwrap_err();
        assert_eq!(refused, refusal, "{body}");
        assert_eq!(refused.public().code.status(), 401);
    }
    // A record without its digest authenticates no request.
    let client = Client { client_secret: None, ..by(Basic) };
    let credential = present(&[&fx::basic("web", SECRET)], &Form::default()).unwrap();
    assert_eq!(compare(&credential, Some(&client)).unwrap_err(), R::NoSecret("web".into()));
}

#[test]
fn k_04_c_03_another_client_in_the_body_is_refused() {
    let header = fx::basic("web", SECRET);
    assert_eq!(outcome(Basic, &[&header], "client_id=spa"), Err(R::ClientIdMismatch));
    // A record of another client than the one presented proves nothing.
    let credential = present(&[&header], &Form::default()).unwrap();
    let other = Client { client_id: "other".into(), ..fx::client() };
    assert_eq!(compare(&credential, Some(&other)).unwrap_err(), R::UnknownClient("web".into()));
}

#[test]
fn k_05_a_malformed_header_is_refused_and_never_a_panic() {
    let long = format!("Basic {}", "A".repeat(64 * 1024));
    let long_id = fx::basic(&"a".repeat(600), "x");
    for (header, refusal) in [
        ("", R::MalformedHeader),
        ("Basic", R::MalformedHeader),
        ("Basic ", R::MalformedHeader),
        ("Basic ====", R::MalformedHeader),
        ("Basic d2Vi", R::MalformedHeader),         // web: no colon
        ("Basic OnNlY3JldA==", R::MalformedHeader), // :secret
        ("Basic d2ViOiV6eg==", R::MalformedHeader), // web:%zz
        ("Basic d2ViOiU=", R::MalformedHeader),     // web:%
        ("Basic d2ViOv8=", R::MalformedHeader),     // web:\xff
        ("Bearer", R::MalformedHeader),
        ("Bearer d2ViOng=", R::MalformedHeader),
        ("Digest username=\"web\"", R::MalformedHeader),
        (long.as_str(), R::TooLong("the Authorization header")),
        (long_id.as_str(), R::TooLong("client_id")),
    ] {
        assert_eq!(outcome(Basic, &[header], "").unwrap_err(), refusal, "{header:.40}");
        assert_eq!(refusal.public().code.status(), 401);
    }
}

#[test]
fn what_the_request_alone_shows_says_which_parameter_it_is() {
    let long = format!("client_id=web&client_secret={}", "s".repeat(1025));
    let long_id = format!("client_id={}", "s".repeat(513));
    for (headers, body, sentence) in [
        (&[][..], "", "client_id is missing"),
        (&[], "client_secret=x", "client_id is missing"),
        (&[], &long, "client_secret is too long"),
        (&[], &long_id, "client_id is too long"),
        (&[], "client_id=web&client_id=web", "client_id is repeated"),
        (&["Basic x"], "", "the Authorization header is not client_id and client_secret as Basic"),
    ] {
        let refusal = outcome(Post, headers, body).unwrap_err();
        assert_eq!(refusal.public().sentence(), sentence, "{body:.40}");
    }
}

#[test]
fn k_06_unknown_client_and_wrong_secret_cannot_be_told_apart() {
    let wrong = outcome(Basic, &[&fx::basic("web", "another secret")], "").unwrap_err();
    let unknown = outcome(Basic, &[&fx::basic("nobody", SECRET)], "").unwrap_err();
    let credential = present(&[&fx::basic("web", SECRET)], &Form::default()).unwrap();
    let disabled = Client { disabled: true, ..fx::client() };
    let disabled = compare(&credential, Some(&disabled)).unwrap_err();
    assert_eq!(
        (&wrong, &unknown, &disabled),
        (&R::WrongSecret("web".into()), &R::UnknownClient("nobody".into()), &R::Disabled("web".into()))
    );
    assert_eq!(wrong.public(), unknown.public());
    assert_eq!(wrong.public(), disabled.public());
}

#[test]
fn q_02_the_stored_digest_is_no_secret() {
    let digest = fx::client().client_secret.unwrap();
    let text = String::from(digest);
    assert_eq!(outcome(Basic, &[&fx::basic("web", &text)], ""), Err(R::WrongSecret("web".into())));
}

/// A proof that may be used once, as a `jti` is.
struct Once(Digest);

impl Once {
    const fn used(&self) -> Write {
        Write::RevokeAccessToken { token: self.0, expires_at: fx::NOW }
    }
}

impl ClientProof for Once {
    fn verify(
        &self,
        id: &ClientId,
        _: Option<&Client>,
        have: &Have,
        _: &Context<'_>,
    ) -> Result<Vec<Write>, Stop<ClientAuthRefusal>> {
        if have.is_token_revoked(self.0)? {
            Err(R::WrongSecret(id.clone()).into())
        } else {
            Ok(vec![self.used()])
        }
    }
}

/// Looks at a user, writes, and decides yes for Ada and no for everybody else.
struct Asks(UserId);

impl Asks {
    const fn write(&self) -> Write {
        Write::DeleteUser(self.0)
    }
}

impl ClientStep for Asks {
    const NAME: &'static str = "asks";
    type Outcome = ClientId;
    type Refusal = TokenRefusal;

    fn decide(
        &self,
        client: AuthenticatedClient<'_>,
        have: &Have,
        _: &Context<'_>,
    ) -> Decided<ClientId, TokenRefusal> {
        match have.user(self.0)? {
            Some(_) => Ok(Decision { writes: vec![self.write()], outcome: client.client_id.clone() }),
            None => {
                let refused = Refused::from(TokenRefusal::Repeated("scope"));
                Err(Refused { writes: vec![self.write()], ..refused }.into())
            }
        }
    }
}

const TICKET: Digest = Digest([7; 32]);

fn once(id: &str) -> Credential {
    Credential::new(id.to_owned(), Basic, Once(TICKET)).unwrap()
}

fn world() -> fx::World {
    fx::World { client: Some(fx::client()), user: Some(fx::user()), ..fx::World::default() }
}

type Answer = Result<Decision<ClientId>, Refused<ClientRefusal<TokenRefusal>>>;

fn by_client(id: &str, user: UserId, world: &fx::World) -> (Answer, Vec<&'static str>) {
    let credential = once(id);
    let step = ByClient { credential: &credential, step: Asks(user) };
    (fx::decide(&step, world, &fx::context(&fx::policy())), fx::wants(&step, world))
}

#[test]
fn what_a_proof_writes_joins_the_commit_of_the_endpoint_whatever_it_decides() {
    let (ada, nobody) = (fx::user().id, UserId::from_bytes([9; 16]));
    let decision = by_client("web", ada, &world()).0.unwrap();
    assert_eq!(decision.outcome, "web".into());
    assert_eq!(decision.writes, [Asks(ada).write(), Once(TICKET).used()]);
    let refused = by_client("web", nobody, &world()).0.unwrap_err();
    assert_eq!(refused.refusal, ClientRefusal::Request(TokenRefusal::Repeated("scope")));
    assert_eq!(refused.writes, [Asks(nobody).write(), Once(TICKET).used()]);
}

#[test]
fn what_a_proof_wants_leaves_the_step_before_the_endpoint_is_asked() {
    assert_eq!(by_client("web", fx::user().id, &world()).1, ["client", "denied", "user"]);
    let used = fx::World { token_revoked: true, ..world() };
    let (answer, wanted) = by_client("web", fx::user().id, &used);
    let refused = answer.unwrap_err();
    assert_eq!(refused.refusal, ClientRefusal::Authentication(R::WrongSecret("web".into())));
    assert!(refused.writes.is_empty());
    assert_eq!(wanted, ["client", "denied"]);
}

#[test]
fn k_02_k_06_who_is_not_authenticated_writes_nothing_and_is_not_decided_for() {
    let disabled = Client { disabled: true, ..fx::client() };
    for (client, expected) in [
        (None, R::UnknownClient("web".into())),
        (Some(disabled), R::Disabled("web".into())),
        (Some(by(Post)), R::WrongMethod("web".into())),
    ] {
        let world = fx::World { client, ..world() };
        let (answer, wanted) = by_client("web", fx::user().id, &world);
        let refused = answer.unwrap_err();
        let public = refused.refusal.public();
        assert_eq!(refused.refusal, ClientRefusal::Authentication(expected.clone()));
        assert_eq!((public, refused.refusal.reason()), (expected.public(), expected.reason()));
        assert!(refused.writes.is_empty());
        assert!(!wanted.contains(&"user"), "{wanted:?}");
    }
}
