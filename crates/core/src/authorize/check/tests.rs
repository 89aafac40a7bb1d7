use serde_json::json;

use super::*;
use crate::{authorize::Delivery, fixtures as fx, scope::Audience, step::Refused, store::Prompts};

type Changes<'a> = &'a [(&'a str, &'a str)];

const VALID: &[(&str, &str)] = &[
    ("client_id", "web"),
    ("redirect_uri", fx::REDIRECT),
    ("response_type", "code"),
    ("scope", "openid notes:read"),
    ("state", "s-1"),
    ("nonce", "n-1"),
    ("code_challenge", fx::CHALLENGE),
    ("code_challenge_method", "S256"),
];

/// The valid request with some values replaced; an empty one is as good as none (RFC 6749 §3.1).
fn form(changes: Changes<'_>) -> Form {
    let kept = VALID.iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    Form::from_pairs(kept.chain(changes).copied())
}

fn placed<'a>(form: &Form, client: &'a Client) -> Result<Destination<'a>, PageRefusal> {
    destination(form, &client.client_id, Some(client))
}

fn checked_by(client: &Client, form: &Form) -> Result<AuthorizationRequest, RequestRefusal> {
    let resources = [fx::resource(), fx::other_resource()];
    let policy = fx::policy();
    let (audience, destination) = (AudienceRequest::read(form), placed(form, client).unwrap());
    let (audience, destination, resources) = (&audience, &destination, &resources);
    run(&Input { form, audience, destination, resources, context: &fx::context(&policy) })
        .map_err(|(refusal, _)| refusal)
}

fn checked(changes: Changes<'_>) -> Result<AuthorizationRequest, RequestRefusal> {
    checked_by(&fx::client(), &form(changes))
}

fn refused(changes: Changes<'_>) -> RequestRefusal {
    checked(changes).unwrap_err()
}

/// The `error` that a client receives.
fn error(changes: Changes<'_>) -> &'static str {
    refused(changes).public().code.as_str()
}

fn hint_for(client: &str) -> String {
    let claims = json!({ "iss": fx::ISSUER, "aud": client, "sub": fx::user_id(2), "exp": 1 });
    fx::keyring().signer(crate::jose::Algorithm::ES256, fx::NOW).unwrap().sign("JWT", &claims).unwrap()
}

fn mode(checked: Result<AuthorizationRequest, RequestRefusal>) -> ResponseMode {
    fx::redirect(&checked.unwrap()).mode
}

/// What the whole step decides on a form.
fn decided(form: Form, client: &Client) -> Result<Decision<CheckedRequest>, Refused<AuthorizeRefusal>> {
    let world = fx::World {
        client: Some(client.clone()),
        resources: vec![fx::resource(), fx::other_resource()],
        ..fx::World::default()
    };
    fx::decide(&AuthorizeRequest::read(form), &world, &fx::context(&fx::policy()))
}

#[test]
fn a_request_that_passes_says_what_was_asked() {
    let hint = hint_for("web");
    let request = checked(&[
        ("prompt", "login consent select_account"),
        ("max_age", "300"),
        ("acr_values", "a  b"),
        ("login_hint", "ada"),
        ("ui_locales", "de en"),
        ("display", "popup"),
        ("response_mode", "form_post"),
        ("id_token_hint", &hint),
        ("something", "unknown"),
    ]);
    let expected = AuthorizationRequest {
        prompts: Prompts { none: false, login: true, consent: true, select_account: true },
        max_age: Some(300),
        acr_values: vec!["a".to_owned(), "b".to_owned()],
        login_hint: Some("ada".to_owned()),
        hinted_user: Some(fx::user_id(2)),
        ui_locales: vec!["de".to_owned(), "en".to_owned()],
        ..fx::request_to(|to| to.mode = ResponseMode::FormPost)
    };
    assert_eq!(request, Ok(expected));
    let quiet = checked(&[("prompt", "none")]).unwrap().prompts;
    assert_eq!(quiet, Prompts { none: true, ..Prompts::default() });
    assert_eq!(checked(&[]), Ok(fx::request()));
}

#[test]
fn the_checks_are_made_in_order() {
    let long = "a".repeat(2049);
    let quotes = "\"".repeat(2048);
    // Wrong in every way; each row says what is found and then put right.
    let steps: &[(&str, &str, &str)] = &[
        ("foo", "foo", "repeated_parameter"),
        ("request", "ey", "request_object"),
        ("response_type", "token", "response_type_unsupported"),
        ("response_mode", "fragment", "response_mode"),
        ("code_challenge", "", "code_challenge_missing"),
        ("scope", "\"", "scope_syntax"),
        ("prompt", "none login", "prompt"),
        ("max_age", "abc", "max_age"),
        ("acr_values", &long, "parameter_too_long"),
        ("id_token_hint", "ey", "id_token_hint"),
        ("state", &quotes, "request_too_long"),
    ];
    assert_eq!(steps.len(), CHECKS.len());
    for (at, (name, _, reason)) in steps.iter().enumerate() {
        let mut wrong: Vec<_> = steps[at..].iter().map(|(name, value, _)| (*name, *value)).collect();
        if *name == "foo" {
            wrong.push(("foo", "again"));
        }
        assert_eq!(refused(&wrong).reason(), *reason, "{name}");
        let whole = decided(form(&wrong), &fx::client()).unwrap_err();
        assert_eq!(whole.refusal.reason(), *reason, "{name}");
        assert_eq!(whole.check, AuthorizeRequest::checks().nth(at), "{name}");
    }
}

#[test]
fn a_01_a_repeated_client_or_redirect_uri_is_a_page() {
    for name in ["client_id", "redirect_uri"] {
        for again in ["x", VALID.iter().find(|(known, _)| *known == name).unwrap().1] {
            let mut form = form(&[]);
            form.append(Form::from_pairs([(name, again)]));
            let refusal =
                client_id(&form).and_then(|_| placed(&form, &fx::client()).map(|_| ())).unwrap_err();
            assert_eq!(refusal, PageRefusal::Repeated(name));
        }
    }
}

#[test]
fn a_01_any_other_repeated_parameter_is_told_to_the_client() {
    let once =
        ["prompt", "max_age", "acr_values", "login_hint", "ui_locales", "display", "id_token_hint", "foo"];
    let sent =
        VALID.iter().map(|(name, _)| *name).filter(|name| !matches!(*name, "client_id" | "redirect_uri"));
    for name in sent.chain(once) {
        for values in [["x", "x"], ["x", "y"], ["", "x"]] {
            let changes = values.map(|value| (name, value));
            let named = if name == "foo" { "an unknown parameter" } else { name };
            assert_eq!(refused(&changes), RequestRefusal::Repeated(named));
            assert_eq!(refused(&changes).public().sentence(), format!("{named} is repeated"));
            assert_eq!(error(&changes), "invalid_request");
        }
    }
}

#[test]
fn a_01_resource_and_audience_may_be_repeated() {
    let request = checked(&[
        ("resource", fx::API),
        ("resource", fx::OTHER_API),
        ("audience", fx::API),
        ("scope", "notes:read other"),
    ]);
    let expected = fx::permissions(&[(fx::API, "notes:read"), (fx::OTHER_API, "other")]);
    assert_eq!(request.unwrap().permissions, expected);
}

#[test]
fn a_02_only_code_is_a_response_type() {
    for other in
        ["token", "id_token", "id_token token", "code token", "code id_token", "none", "CODE", "code "]
    {
        assert_eq!(error(&[("response_type", other)]), "unsupported_response_type", "{other}");
    }
    assert_eq!(refused(&[("response_type", "")]), RequestRefusal::ResponseTypeMissing);
    assert_eq!(error(&[("response_type", "")]), "invalid_request");
    let machine = Client { redirect_uris: vec![fx::REDIRECT.to_owned()], ..fx::machine() };
    assert_eq!(checked_by(&machine, &form(&[])).unwrap_err().public().code, ErrorCode::UnauthorizedClient);
}

#[test]
fn a_03_a_response_mode_that_is_not_there_or_cannot_arrive_is_refused() {
    for mode in ["fragment", "form_post.jwt", "query.jwt", "jwt", "web_message", "QUERY"] {
        assert_eq!(error(&[("response_mode", mode)]), "invalid_request", "{mode}");
    }
    let app = [("redirect_uri", "com.example.app:/cb"), ("response_mode", "form_post")];
    let client = fx::native_client();
    assert_eq!(checked_by(&client, &form(&app)), Err(RequestRefusal::ResponseMode));
    assert_eq!(placed(&form(&app), &client).unwrap().redirect.mode, ResponseMode::Query);
    let local = [("redirect_uri", fx::LOOPBACK), ("response_mode", "form_post")];
    assert_eq!(mode(checked_by(&client, &form(&local))), ResponseMode::FormPost);
    assert_eq!(mode(checked(&[("response_mode", "query")])), ResponseMode::Query);
}

#[test]
fn a_04_an_unknown_a_disabled_and_an_absurd_client_are_one_page() {
    let disabled = Client { disabled: true, ..fx::client() };
    let id = ClientId::from("web");
    let unknown = destination(&form(&[]), &id, None).unwrap_err();
    assert_eq!(unknown, PageRefusal::ClientUnknown(id.clone()));
    assert_eq!(destination(&form(&[]), &id, Some(&disabled)).unwrap_err(), unknown);
    assert_eq!(client_id(&form(&[("client_id", "")])), Err(PageRefusal::ClientIdMissing));
    let long = "c".repeat(4096);
    assert_eq!(client_id(&form(&[("client_id", &long)])).unwrap_err().reason(), "client_unknown");
    assert_eq!(client_id(&form(&[("client_id", "ключ")])), Ok("ключ".into()));
}

#[test]
fn a_05_long_values_are_refused_and_a_long_state_is_not_given_back() {
    let long = "a".repeat(16 * 1024 + 1);
    for (name, most) in [
        ("state", 2048),
        ("nonce", 512),
        ("login_hint", 256),
        ("acr_values", 2048),
        ("ui_locales", 2048),
        ("display", 256),
        ("prompt", 256),
        ("max_age", 10),
        ("code_challenge", 256),
        ("id_token_hint", 16 * 1024),
    ] {
        assert_eq!(refused(&[(name, &long[..=most])]), RequestRefusal::TooLong(name));
        assert_eq!(RequestRefusal::TooLong(name).public().sentence(), format!("{name} is too long"));
    }
    for (name, most) in [("state", 2048), ("nonce", 512), ("login_hint", 256)] {
        assert!(checked(&[(name, &long[..most])]).is_ok(), "{name}");
    }
    let client = fx::client();
    let given_back = |changes: &[(&str, &str)]| placed(&form(changes), &client).unwrap().redirect.state;
    assert_eq!(given_back(&[("state", &long[..2049])]).as_deref(), Some(&long[..2049]), "though too long");
    assert_eq!(given_back(&[("state", "a"), ("state", "b")]).as_deref(), Some("a"), "the first of two");
    assert_eq!(given_back(&[("state", "a\nb")]).as_deref(), Some("a\nb"));
    let (most, redirect_uri) =
        (LONGEST_URL - OTHER_PARAMETERS, placed(&form(&[]), &client).unwrap().redirect.uri);
    let most = most - redirect_uri.len();
    assert!(given_back(&[("state", &long[..most])]).is_some());
    assert_eq!(given_back(&[("state", &long[..=most])]), None, "longer than a URL");
    assert_eq!(given_back(&[("state", &"%".repeat(most / 3 + 1))]), None, "as it is encoded");
    let many = vec!["x"; 40].join(" ");
    assert_eq!(checked(&[("acr_values", &many), ("ui_locales", &many)]).unwrap().acr_values.len(), 16);
}

#[test]
fn a_05_what_cannot_be_carried_to_the_next_page_is_refused_at_once() {
    let state = "s".repeat(2048);
    let with_state = |extra: usize| {
        let base = [("state", state.as_str()), ("ui_locales", "a")];
        let size = serde_json::to_vec(&checked(&base).unwrap()).unwrap().len();
        let locales = "a".repeat(LONGEST_REQUEST - size + 1 + extra);
        checked(&[("state", state.as_str()), ("ui_locales", &locales)])
    };
    assert_eq!(serde_json::to_vec(&with_state(0).unwrap()).unwrap().len(), LONGEST_REQUEST);
    assert_eq!(with_state(1), Err(RequestRefusal::RequestTooLong));
    assert_eq!(RequestRefusal::RequestTooLong.public().code.as_str(), "invalid_request");
}

#[test]
fn j_05_control_characters_are_refused_and_given_back_only_where_they_are_encoded() {
    for bad in ["a\r\nb", "a\nb", "a\rb", "a\0b", "\u{85}", "\u{7f}"] {
        for name in ["state", "nonce", "login_hint", "ui_locales", "acr_values", "code_challenge", "prompt"] {
            assert_eq!(refused(&[(name, bad)]), RequestRefusal::ControlCharacter(name), "{bad:?}");
        }
        let client = fx::client();
        let given_back = |changes: &[(&str, &str)]| placed(&form(changes), &client).unwrap().redirect.state;
        assert_eq!(given_back(&[("state", bad)]).as_deref(), Some(bad));
        assert_eq!(given_back(&[("state", bad), ("response_mode", "form_post")]), None);
    }
    // Not a line feed, whatever its last byte is.
    let request = checked(&[("state", "\u{10a} \"<&")]).unwrap();
    assert_eq!(fx::redirect(&request).state.as_deref(), Some("\u{10a} \"<&"));
}

#[test]
fn a_06_a_scope_that_is_none_is_refused() {
    let many = (0..10_000).map(|n| format!("s{n}")).collect::<Vec<_>>().join(" ");
    for bad in ["a\"b", "a\\b", "a\tb", "ä", &many] {
        assert_eq!(error(&[("scope", bad)]), "invalid_scope");
    }
}

#[test]
fn a_07_scopes_of_others_are_dropped_and_none_left_is_refused() {
    let request = checked(&[("scope", "openid admin notes:read phone")]).unwrap();
    assert_eq!(request.permissions, fx::request().permissions);
    assert_eq!(error(&[("scope", "admin phone")]), "invalid_scope");
}

#[test]
fn a_08_prompt_none_stands_alone_and_unknown_prompts_are_refused() {
    for bad in ["none login", "consent none", "select_account none", "create", "Login", "login,consent"] {
        assert_eq!(error(&[("prompt", bad)]), "invalid_request", "{bad}");
    }
    assert_eq!(checked(&[("prompt", "")]).unwrap().prompts, Prompts::default());
}

#[test]
fn a_09_max_age_is_a_number_of_seconds() {
    for bad in ["-1", "abc", "1.5", "+1", " 1", "0x10", "4294967296", "9999999999"] {
        assert_eq!(refused(&[("max_age", bad)]), RequestRefusal::MaxAge, "{bad}");
    }
    assert_eq!(error(&[("max_age", "-1")]), "invalid_request");
    let patient = Client { default_max_age: Some(600), ..fx::client() };
    assert_eq!(checked_by(&patient, &form(&[])).unwrap().max_age, Some(600));
    assert_eq!(checked_by(&patient, &form(&[("max_age", "0")])).unwrap().max_age, Some(0));
}

#[test]
fn a_11_classes_are_those_asked_for_else_the_registered_ones() {
    let client = Client { default_acr_values: vec!["d".to_owned()], ..fx::client() };
    assert_eq!(checked_by(&client, &form(&[])).unwrap().acr_values, ["d"]);
    assert_eq!(checked_by(&client, &form(&[("acr_values", "b a")])).unwrap().acr_values, ["b", "a"]);
}

#[test]
fn a_10_a_hint_must_be_ours_and_this_clients() {
    let (mine, theirs) = (hint_for("web"), hint_for("other"));
    assert_eq!(checked(&[("id_token_hint", &mine)]).unwrap().hinted_user, Some(fx::user_id(2)));
    assert_eq!(refused(&[("id_token_hint", &theirs)]), RequestRefusal::Hint(HintError::Audience));
    assert_eq!(error(&[("id_token_hint", &theirs)]), "invalid_request");
    assert_eq!(refused(&[("id_token_hint", &mine[1..])]), RequestRefusal::Hint(HintError::Signature));
}

#[test]
fn a_13_a_15_request_objects_and_references_are_not_read() {
    for (name, expected) in [
        ("request", "request_not_supported"),
        ("request_uri", "request_uri_not_supported"),
        ("registration", "registration_not_supported"),
    ] {
        assert_eq!(error(&[(name, "https://canary.example/")]), expected);
        assert!(checked(&[(name, "")]).is_ok(), "without a value it is as if it were not there");
    }
}

#[test]
fn a_12_what_is_not_supported_is_not_even_parsed() {
    let deep = "[".repeat(10_000);
    let request = checked(&[("claims", &deep), ("authorization_details", &deep), ("dpop_jkt", "\"")]);
    assert_eq!(request, Ok(fx::request()));
}

#[test]
fn a_20_a_resource_that_is_not_registered_is_refused() {
    for bad in ["/api", "https://api.example/#x", "https://api.example/x", "https://unknown.example/"] {
        for name in ["resource", "audience"] {
            assert_eq!(error(&[(name, bad)]), "invalid_target", "{bad}");
        }
    }
    for sent in [fx::API, "https://api.example", "https://API.example:443"] {
        let request = checked(&[("audience", sent), ("scope", "notes:read")]).unwrap();
        assert!(request.permissions.0.contains_key(&Audience::Resource(fx::API.into())), "{sent}");
    }
}

#[test]
fn p_01_no_challenge_is_refused() {
    let none = form(&[("code_challenge", ""), ("code_challenge_method", "")]);
    let waived = Client { require_pkce: false, ..fx::client() };
    let unsafe_public = Client { require_pkce: false, ..fx::public_client() };
    for client in [fx::client(), fx::public_client(), unsafe_public] {
        assert_eq!(checked_by(&client, &none), Err(RequestRefusal::ChallengeMissing));
    }
    assert_eq!(checked_by(&waived, &none).unwrap().code_challenge, None);
    // What is sent is enforced all the same.
    assert_eq!(checked_by(&waived, &form(&[])).unwrap().code_challenge.as_deref(), Some(fx::CHALLENGE));
    assert_eq!(checked_by(&waived, &form(&[("code_challenge", "")])), Err(RequestRefusal::ChallengeMissing));
    let plain = form(&[("code_challenge_method", "")]);
    assert_eq!(checked_by(&waived, &plain), Err(RequestRefusal::ChallengeMethod));
    assert_eq!(RequestRefusal::ChallengeMissing.public().code, ErrorCode::InvalidRequest);
}

#[test]
fn p_02_only_s256_is_a_method() {
    for method in ["plain", "", "s256", "SHA256", "S512"] {
        assert_eq!(refused(&[("code_challenge_method", method)]), RequestRefusal::ChallengeMethod);
    }
    assert_eq!(error(&[("code_challenge_method", "plain")]), "invalid_request");
}

#[test]
fn p_03_a_malformed_challenge_is_refused() {
    let (short, long) = (&fx::CHALLENGE[..42], format!("{}A", fx::CHALLENGE));
    let long128 = "a".repeat(129);
    for bad in [short, &long, &long128, "x", &fx::CHALLENGE.replace('-', "+"), &format!("{short}=")] {
        assert_eq!(refused(&[("code_challenge", bad)]), RequestRefusal::ChallengeSyntax, "{bad}");
    }
    assert_eq!(error(&[("code_challenge", "x")]), "invalid_request");
}

#[test]
fn r_01_r_03_r_18_an_unregistered_redirect_uri_is_a_page_whatever_else_is_wrong() {
    let wrong: [Changes<'_>; 4] =
        [&[], &[("response_type", "token")], &[("scope", "\"")], &[("code_challenge", "")]];
    for uri in ["https://evil.example/cb", "https://rp.example/cbx", "https://rp.example/cb/", "javascript:x"]
    {
        for more in wrong {
            let changes: Vec<_> = more.iter().copied().chain([("redirect_uri", uri)]).collect();
            let refusal = placed(&form(&changes), &fx::client()).unwrap_err();
            let expected = PageRefusal::RedirectUriMismatch {
                client_id: "web".into(),
                received: uri.to_owned(),
                registered: vec![fx::REDIRECT.to_owned()],
            };
            assert_eq!(refusal, expected);
            let stranger = destination(&form(&changes), &"web".into(), None).unwrap_err();
            assert_eq!(stranger.reason(), "client_unknown");
        }
    }
}

#[test]
fn r_02_redirect_uri_may_be_left_out_only_where_it_cannot_be_mistaken() {
    let missing = Err("redirect_uri_missing");
    let one = Client { default_resource: Some(fx::API.into()), ..fx::client() };
    let two = Client {
        redirect_uris: vec![fx::REDIRECT.to_owned(), "https://rp.example/2".to_owned()],
        ..fx::client()
    };
    let none = Client { redirect_uris: Vec::new(), ..fx::client() };
    for (client, scope, expected) in [
        (&one, "notes:read", Ok(fx::REDIRECT)),
        (&one, "", Ok(fx::REDIRECT)),
        (&one, "notes:read openid", missing),
        (&two, "notes:read", missing),
        (&none, "notes:read", Err("no_redirect_uri_registered")),
    ] {
        let form = form(&[("redirect_uri", ""), ("scope", scope)]);
        let placed = placed(&form, client);
        let found = placed.as_ref().map(|d| d.redirect.uri.as_str()).map_err(PageRefusal::reason);
        assert_eq!(found, expected, "{scope}");
        if found.is_ok() {
            assert!(!fx::redirect(&checked_by(client, &form).unwrap()).sent);
        }
    }
    assert!(fx::redirect(&checked(&[]).unwrap()).sent);
}

#[test]
fn r_11_r_12_any_loopback_port_for_a_native_client_only() {
    let native = fx::native_client();
    let received = [("redirect_uri", fx::LOOPBACK)];
    assert_eq!(fx::redirect(&checked_by(&native, &form(&received)).unwrap()).uri, fx::LOOPBACK);
    let web = Client { application_type: crate::client::ApplicationType::Web, ..native };
    assert_eq!(placed(&form(&received), &web).unwrap_err().reason(), "redirect_uri_mismatch");
}

#[test]
fn a_19_every_refusal_goes_back_with_state_and_issuer_in_the_mode_that_was_asked_for() {
    let (challenge, client) = ([("code_challenge", "")], fx::client());
    for (mode, posted) in [("query", false), ("form_post", true), ("fragment", false)] {
        let changes: Vec<_> = challenge.iter().copied().chain([("response_mode", mode)]).collect();
        let form = form(&changes);
        let AuthorizeRefusal::Redirect(refusal, to) = decided(form, &client).unwrap_err().refusal else {
            panic!("a page")
        };
        let response = to.refuse(&refusal, fx::ISSUER);
        assert_eq!(response.error_code(), Some("invalid_request"));
        match response.delivery() {
            Delivery::Form { action, parameters } => {
                assert!(posted && action == fx::REDIRECT);
                assert!(parameters.contains(&("state", "s-1".to_owned())));
                assert!(parameters.contains(&("iss", fx::ISSUER.to_owned())));
            }
            Delivery::Redirect(uri) => {
                assert!(!posted && uri.starts_with("https://rp.example/cb?error=invalid_request&"));
                assert!(uri.ends_with("&state=s-1&iss=https%3A%2F%2Fid.example"), "{uri}");
                assert!(!uri.contains('#') && !uri.contains("code="));
            }
        }
    }
}

#[test]
fn the_step_passes_on_what_the_checks_say() {
    let client = fx::client();
    let decision = decided(form(&[]), &client).unwrap();
    assert!(decision.writes.is_empty());
    assert_eq!((&decision.outcome.request, &*decision.outcome.client), (&fx::request(), &client));
    // A page, with the client where it is known.
    for (changes, cause, known) in [
        (&[("client_id", "")][..], "client_id_missing", false),
        (&[("client_id", "nobody")], "client_unknown", false),
        (&[("redirect_uri", "https://evil.example/")], "redirect_uri_mismatch", true),
    ] {
        let refused = decided(form(changes), &client).unwrap_err();
        assert_eq!((refused.refusal.reason(), refused.check), (cause, None));
        let AuthorizeRefusal::Page(_, client) = &refused.refusal else { panic!("{refused:?}") };
        assert_eq!(client.is_some(), known, "{cause}");
        let differs = refused.refusal.mismatch().map(|mismatch| mismatch.received);
        assert_eq!(differs.as_deref(), known.then_some("https://evil.example/"));
    }
    let world = fx::World { client: Some(client), ..fx::World::default() };
    assert_eq!(fx::wants(&AuthorizeRequest::read(form(&[])), &world), ["client", "resources"]);
    assert_eq!(fx::wants(&AuthorizeRequest::read(form(&[("client_id", "")])), &world), [""; 0]);
}

#[test]
fn every_refusal_has_a_reason_of_its_own_and_a_registered_code() {
    let refusals = [
        RequestRefusal::Repeated("state"),
        RequestRefusal::TooLong("state"),
        RequestRefusal::ControlCharacter("state"),
        RequestRefusal::RequestObject,
        RequestRefusal::RequestUri,
        RequestRefusal::Registration,
        RequestRefusal::ResponseTypeMissing,
        RequestRefusal::ResponseTypeUnsupported,
        RequestRefusal::GrantNotAllowed,
        RequestRefusal::ResponseMode,
        RequestRefusal::ChallengeMissing,
        RequestRefusal::ChallengeMethod,
        RequestRefusal::ChallengeSyntax,
        RequestRefusal::Audience(AudienceRefusal::NoScopeLeft),
        RequestRefusal::Prompt,
        RequestRefusal::MaxAge,
        RequestRefusal::Hint(HintError::Issuer),
    ];
    let reasons: std::collections::BTreeSet<_> = refusals.iter().map(Refusal::reason).collect();
    assert_eq!(reasons.len(), refusals.len());
    // RFC 6749 §4.1.2.1: what `error_description` may hold.
    let printable = |text: &str| text.bytes().all(|b| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e));
    assert!(refusals.iter().all(|refusal| printable(&refusal.public().sentence())));
}
