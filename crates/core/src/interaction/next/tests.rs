use proptest::prelude::*;

use super::*;
use crate::{
    client::ApplicationType,
    fixtures as fx,
    store::{Authentication, Prompts},
};

type Change = fn(&mut World);

/// A world in which nothing is missing: Ada is signed in and agreed before.
#[derive(Clone, Debug)]
struct World {
    request: AuthorizationRequest,
    facts: Facts,
    sessions: Vec<SessionRecord>,
    consent: Option<Consent>,
    client: Client,
}

impl World {
    fn complete() -> Self {
        Self {
            request: fx::request(),
            facts: Facts::default(),
            sessions: vec![fx::session(2)],
            consent: Some(fx::consent(&[("", "openid email"), (fx::API, "notes:read")])),
            client: fx::client(),
        }
    }

    /// Ada has just signed in, in this interaction.
    fn fresh() -> Self {
        let (record, facts) = fx::fresh(9);
        Self { facts, sessions: vec![record], ..Self::complete() }
    }

    /// The session that answers.
    fn answers(&self) -> Option<&SessionRecord> {
        subject(&self.request, &self.facts, &self.sessions.iter().collect::<Vec<_>>())
    }

    fn view(&self) -> View<'_> {
        View {
            request: &self.request,
            facts: &self.facts,
            subject: self.answers().map(Subject::from),
            consent: self.consent.as_ref(),
            client: &self.client,
            now: fx::NOW,
        }
    }

    fn next(&self) -> NextStep {
        next(&self.view()).0
    }

    /// The row that said so.
    fn row(&self) -> &'static str {
        next(&self.view()).1.name
    }

    fn quietly(&self) -> Self {
        let mut quiet = self.clone();
        quiet.request.prompts = Prompts { none: true, ..Prompts::default() };
        quiet
    }

    fn refusal(&self) -> Option<InteractionRefusal> {
        match self.next() {
            NextStep::Refuse(refusal) => Some(refusal),
            _ => None,
        }
    }

    fn missing(&self) -> Option<Permissions> {
        match self.next() {
            NextStep::Consent { missing, .. } => Some(missing),
            _ => None,
        }
    }

    fn granted(&self) -> Option<Permissions> {
        match self.next() {
            NextStep::Issue { granted } => Some(granted),
            _ => None,
        }
    }

    /// The session that is asked or that the authorization is given in.
    fn session(&self) -> Option<u8> {
        match self.next() {
            NextStep::Issue { .. } | NextStep::Consent { .. } => {
                self.answers().map(|record| record.session.id.as_bytes()[0])
            }
            _ => None,
        }
    }
}

#[test]
fn nothing_missing_is_issued_and_silently_too() {
    let world = World::complete();
    assert_eq!(world.granted(), Some(world.request.permissions.clone()));
    assert_eq!(world.quietly().granted(), world.granted());
}

#[test]
fn n_06_a_denied_interaction_is_over_whatever_else_is_true() {
    for mut world in [World::complete(), World::fresh(), World::complete().quietly()] {
        world.facts.denied = true;
        world.facts.agreed = Some(world.request.permissions.clone());
        assert_eq!(world.refusal(), Some(InteractionRefusal::Denied));
    }
    assert_eq!(InteractionRefusal::Denied.public().code, ErrorCode::AccessDenied);
}

#[test]
fn a_08_without_a_session_somebody_signs_in() {
    let world = World { sessions: Vec::new(), ..World::complete() };
    assert_eq!(world.next(), NextStep::Login(LoginReason::NoSession));
    assert_eq!(world.quietly().refusal(), Some(InteractionRefusal::LoginRequired(LoginReason::NoSession)));
    for (reason, sentence) in [
        (LoginReason::NoSession, "nobody is signed in"),
        (LoginReason::TooOld, "the last sign-in is longer ago than max_age allows"),
        (LoginReason::OtherAccount, "the person whom id_token_hint names is not signed in"),
    ] {
        let public = InteractionRefusal::LoginRequired(reason).public();
        assert_eq!((public.code, public.description), (ErrorCode::LoginRequired, sentence));
    }
}

#[test]
fn l_32_another_session_never_stands_in_for_the_one_that_was_chosen() {
    let mut world = World { sessions: vec![fx::session(8), fx::session(2)], ..World::complete() };
    assert_eq!(world.session(), Some(8), "the one used last");
    world.facts.session_id = Some(fx::session_id(2));
    assert_eq!(world.session(), Some(2));
    world.sessions.pop();
    assert_eq!(world.next(), NextStep::Login(LoginReason::NoSession), "signed out meanwhile");
}

#[test]
fn l_32_what_was_reported_of_one_person_is_never_another_ones() {
    let mut world = World { sessions: vec![fx::session(8)], ..World::complete() };
    world.facts.signed_in = Some((fx::user_id(2), fx::authentication()));
    world.facts.agreed = Some(world.request.permissions.clone());
    assert_eq!(world.next(), NextStep::Login(LoginReason::NoSession));
    world.sessions.push(fx::session(2));
    assert_eq!(world.session(), Some(2));
}

#[test]
fn a_10_only_the_hinted_person_answers() {
    let mut world = World { sessions: vec![fx::session(8), fx::session(2)], ..World::complete() };
    world.request.hinted_user = Some(fx::user_id(2));
    assert_eq!(world.session(), Some(2), "hers among several");
    world.sessions.pop();
    assert_eq!(world.next(), NextStep::Login(LoginReason::OtherAccount));
    assert_eq!(world.quietly().refusal(), Some(InteractionRefusal::LoginRequired(LoginReason::OtherAccount)));

    let mut other = World::fresh();
    other.request.hinted_user = Some(fx::user_id(8));
    assert_eq!(other.refusal(), Some(InteractionRefusal::OtherPerson));
    assert_eq!(InteractionRefusal::OtherPerson.public().code, ErrorCode::LoginRequired);
}

#[test]
fn select_account_asks_until_an_account_was_chosen_or_somebody_signed_in() {
    let mut world = World::complete();
    world.request.prompts.select_account = true;
    assert_eq!(world.next(), NextStep::SelectAccount);
    world.facts.selected = true;
    assert!(world.granted().is_some());

    let mut fresh = World::fresh();
    fresh.request.prompts.select_account = true;
    fresh.facts.selected = false;
    assert!(fresh.granted().is_some());
    let nobody = World { sessions: Vec::new(), ..world };
    assert_eq!(nobody.next(), NextStep::Login(LoginReason::NoSession), "nobody to choose");
}

#[test]
fn a_09_prompt_login_wants_a_sign_in_of_this_interaction() {
    let mut world = World::complete();
    world.request.prompts.login = true;
    assert_eq!(world.next(), NextStep::Login(LoginReason::Asked));
    let mut fresh = World::fresh();
    fresh.request.prompts.login = true;
    assert!(fresh.granted().is_some());
    // Back to an older session of the same person: its `auth_time` is not new.
    fresh.sessions.push(fx::session(2));
    fresh.facts.session_id = Some(fx::session_id(2));
    assert_eq!(fresh.next(), NextStep::Login(LoginReason::Asked));
}

#[test]
fn a_09_a_sign_in_stays_fresh_when_a_later_one_follows_in_the_session() {
    let mut world = World::fresh();
    world.request.prompts.login = true;
    world.sessions[0].session.authentication.at = fx::NOW;
    assert!(world.granted().is_some());
    // What happened in another session does not count.
    world.facts.session_id = None;
    assert_eq!(world.next(), NextStep::Login(LoginReason::Asked));
}

#[test]
fn a_09_max_age_wants_a_sign_in_that_is_not_older() {
    // The session is 60 seconds old.
    for (most, too_old) in
        [(None, false), (Some(61), false), (Some(60), false), (Some(59), true), (Some(0), true)]
    {
        let mut world = World::complete();
        world.request.max_age = most;
        let expected = too_old.then_some(NextStep::Login(LoginReason::TooOld));
        assert_eq!(world.granted().is_none(), too_old, "{most:?}");
        if let Some(expected) = expected {
            assert_eq!(world.next(), expected);
            assert_eq!(
                world.quietly().refusal(),
                Some(InteractionRefusal::LoginRequired(LoginReason::TooOld))
            );
        }
        let mut fresh = World::fresh();
        fresh.request.max_age = most;
        assert!(fresh.granted().is_some(), "{most:?}");
    }
    let mut this_moment = World::complete();
    this_moment.sessions[0].session.authentication.at = fx::NOW;
    this_moment.request.max_age = Some(0);
    assert_eq!(this_moment.next(), NextStep::Login(LoginReason::TooOld), "max_age=0 is prompt=login");
}

#[test]
fn n_03_consent_is_remembered_and_asked_anew_for_what_is_new() {
    let mut world = World { consent: None, ..World::complete() };
    assert_eq!(world.missing(), Some(world.request.permissions.clone()), "never asked");
    world.consent = Some(fx::consent(&[("", "openid"), (fx::API, "notes:read")]));
    assert!(world.granted().is_some(), "remembered");
    world.request.permissions = fx::permissions(&[("", "email openid"), (fx::API, "notes:read notes:write")]);
    assert_eq!(world.missing(), Some(fx::permissions(&[("", "email"), (fx::API, "notes:write")])));
    world.request.permissions = fx::permissions(&[("", "openid"), (fx::OTHER_API, "")]);
    assert_eq!(world.missing(), Some(fx::permissions(&[(fx::OTHER_API, "")])), "an audience counts");
    world.request.permissions = fx::permissions(&[(fx::OTHER_API, "notes:read")]);
    let elsewhere = Some(fx::permissions(&[(fx::OTHER_API, "notes:read")]));
    assert_eq!(world.missing(), elsewhere, "a scope agreed to for one API is not agreed to for another");
    assert_eq!(world.quietly().refusal(), Some(InteractionRefusal::ConsentRequired));
    assert_eq!(InteractionRefusal::ConsentRequired.public().code, ErrorCode::ConsentRequired);
}

#[test]
fn n_05_without_a_live_consent_even_nothing_new_is_asked() {
    let mut world = World { consent: None, ..World::complete() };
    world.request.permissions = fx::permissions(&[(fx::API, "")]);
    assert!(world.missing().is_some());
}

#[test]
fn n_03_what_was_agreed_to_is_asked_again_when_request_or_client_say_so() {
    let remembered = fx::permissions(&[("", "openid offline_access")]);
    let offline = |consent| {
        let mut world = World::complete();
        world.request.permissions.clone_from(&remembered);
        world.consent = Some(fx::consent(&[("", "openid offline_access")]));
        world.client.consent = consent;
        world
    };
    assert_eq!(offline(ConsentMode::Remember).granted(), Some(remembered.clone()), "access while away too");
    assert_eq!(offline(ConsentMode::None).granted(), Some(remembered.clone()));
    let asks = offline(ConsentMode::Ask);
    assert_eq!(asks.quietly().refusal(), Some(InteractionRefusal::ConsentRequired));
    let mut requested = offline(ConsentMode::None);
    requested.request.prompts.consent = true;
    for mut world in [offline(ConsentMode::Ask), requested] {
        assert_eq!(world.missing(), Some(Permissions::default()));
        world.facts.agreed = Some(world.request.permissions.clone());
        assert_eq!(world.granted(), Some(world.request.permissions.clone()), "asked once, not twice");
    }
}

#[test]
fn an_application_of_the_operators_own_asks_nobody() {
    let mut own = World { consent: None, ..World::complete() };
    own.client.consent = ConsentMode::None;
    assert_eq!(own.granted(), Some(own.request.permissions.clone()));
    assert_eq!(own.quietly().refusal(), None);
    // Not one that any program can pretend to be, whatever its record says.
    own.client = Client { consent: ConsentMode::None, ..fx::native_client() };
    fx::reroute(&mut own.request, |to| to.uri = fx::LOOPBACK.to_owned());
    own.client.redirect_uris.push(fx::LOOPBACK.to_owned());
    assert!(own.missing().is_some());
}

#[test]
fn n_04_a_public_client_without_a_web_address_of_its_own_always_asks() {
    let native = fx::native_client();
    let confidential = Client { application_type: ApplicationType::Native, ..fx::client() };
    for (client, uri, asks) in [
        (&native, fx::LOOPBACK, true),
        (&native, "http://localhost:1/cb", true),
        (&native, "com.example.app:/cb", true),
        (&native, "https://app.example/cb", false),
        (&fx::public_client(), "http://127.0.0.1:8080/cb", true),
        (&fx::public_client(), fx::REDIRECT, false),
        (&confidential, fx::LOOPBACK, false),
    ] {
        let mut world = World { client: client.clone(), ..World::complete() };
        fx::reroute(&mut world.request, |to| to.uri = uri.to_owned());
        world.client.redirect_uris.push(uri.to_owned());
        assert_eq!(world.missing().is_some(), asks, "{uri}");
        let silent = world.quietly();
        assert_eq!(silent.refusal().is_some(), asks, "{uri}");
    }
}

#[test]
fn what_was_agreed_to_is_granted_without_a_remembered_consent() {
    let mut world = World { consent: None, ..World::complete() };
    world.facts.agreed = Some(world.request.permissions.clone());
    assert_eq!(world.granted(), Some(world.request.permissions.clone()));
}

#[test]
fn n_02_what_the_client_may_no_longer_have_is_not_granted() {
    let mut world = World { consent: None, ..World::complete() };
    world.facts.agreed = Some(world.request.permissions.clone());
    world.client.scope = fx::scopes("openid");
    assert_eq!(world.granted(), Some(fx::permissions(&[("", "openid")])));
    world.facts.agreed = None;
    assert_eq!(world.missing(), Some(fx::permissions(&[("", "openid")])));
    world.client.scope = fx::scopes("other");
    assert_eq!(world.refusal(), Some(InteractionRefusal::NothingLeft));
    assert_eq!(InteractionRefusal::NothingLeft.public().code, ErrorCode::InvalidScope);
}

#[test]
fn n_02_agreeing_to_one_thing_is_not_agreeing_to_another() {
    let mut world = World { consent: None, ..World::complete() };
    world.facts.agreed = Some(fx::permissions(&[(fx::OTHER_API, "other")]));
    assert!(world.missing().is_some());
    world.facts.agreed = Some(fx::permissions(&[("", "openid email")]));
    assert_eq!(world.granted(), Some(fx::permissions(&[("", "openid")])), "no more than both");
}

#[test]
fn refusals_have_reasons_of_their_own() {
    let all = [
        InteractionRefusal::Denied,
        InteractionRefusal::LoginRequired(LoginReason::NoSession),
        InteractionRefusal::LoginRequired(LoginReason::TooOld),
        InteractionRefusal::LoginRequired(LoginReason::OtherAccount),
        InteractionRefusal::ConsentRequired,
        InteractionRefusal::OtherPerson,
        InteractionRefusal::NothingLeft,
    ];
    let reasons: std::collections::BTreeSet<_> = all.iter().map(Refusal::reason).collect();
    assert_eq!(reasons.len(), all.len());
}

#[test]
fn the_rows_are_read_in_order() {
    // Wrong in every way; each row says what is found and then it is put right.
    let mut world = World { sessions: Vec::new(), consent: None, ..World::complete() };
    world.client.redirect_uris.clear();
    world.client.scope = fx::scopes("nothing");
    world.facts = Facts { denied: true, agreed: Some(fx::request().permissions), ..Facts::default() };
    world.request.hinted_user = Some(fx::user_id(8));
    world.request.max_age = Some(0);
    world.request.prompts = Prompts { login: true, consent: true, select_account: true, none: false };
    let permissions = fx::request().permissions;
    let login = NextStep::Login;
    let refuse = NextStep::Refuse;
    let steps: &[(&str, NextStep, Change)] = &[
        ("redirect_uri", NextStep::RedirectUriGone, |w| w.client.redirect_uris = fx::client().redirect_uris),
        ("denied", refuse(InteractionRefusal::Denied), |w| w.facts.denied = false),
        ("session", login(LoginReason::NoSession), |w| w.sessions.push(fx::session(2))),
        ("hinted_user", login(LoginReason::OtherAccount), |w| w.request.hinted_user = Some(fx::user_id(2))),
        ("select_account", NextStep::SelectAccount, |w| w.facts.selected = true),
        ("prompt_login", login(LoginReason::Asked), |w| w.request.prompts.login = false),
        ("max_age", login(LoginReason::TooOld), |w| w.request.max_age = None),
        ("client_scope", refuse(InteractionRefusal::NothingLeft), |w| w.client.scope = fx::client().scope),
        ("agreed", NextStep::Issue { granted: permissions.clone() }, |w| w.facts.agreed = None),
        ("consent", NextStep::Consent { asked: permissions.clone(), missing: permissions.clone() }, |w| {
            w.consent = World::complete().consent;
            w.request.prompts.consent = false;
        }),
        ("issue", NextStep::Issue { granted: permissions }, |_| {}),
    ];
    for (name, expected, put_right) in steps {
        assert_eq!((world.row(), &world.next()), (*name, expected));
        put_right(&mut world);
    }
    let names: Vec<_> = steps.iter().map(|(name, ..)| *name).collect();
    assert_eq!(rows().map(|row| row.name).collect::<Vec<_>>(), names, "every row, and no other");
    let distinct: std::collections::BTreeSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len());
}

const SCOPES: &[(&str, &str)] = &[
    ("", "openid"),
    ("", "email"),
    ("", "offline_access"),
    (fx::API, "notes:read"),
    (fx::API, "notes:write"),
    (fx::OTHER_API, "other"),
];

fn some_permissions() -> impl Strategy<Value = Permissions> {
    proptest::sample::subsequence(SCOPES, 0..=SCOPES.len()).prop_map(|pairs| {
        pairs.iter().fold(Permissions::default(), |all, pair| all.union(&fx::permissions(&[*pair])))
    })
}

fn some_request() -> impl Strategy<Value = AuthorizationRequest> {
    let prompts = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(none, a, b, c)| {
        // `none` stands alone: the check of the request saw to it.
        Prompts { none, login: a && !none, consent: b && !none, select_account: c && !none }
    });
    let age = proptest::option::of(proptest::sample::select(vec![0, 30, 3600]));
    let uri = proptest::sample::select(vec![fx::REDIRECT, fx::LOOPBACK]);
    (some_permissions(), prompts, age, proptest::option::of(1_u8..4), uri).prop_map(
        |(permissions, prompts, max_age, hinted, uri)| AuthorizationRequest {
            permissions,
            prompts,
            max_age,
            hinted_user: hinted.map(fx::user_id),
            ..fx::request_to(|to| to.uri = uri.to_owned())
        },
    )
}

fn some_facts() -> impl Strategy<Value = Facts> {
    let signed_in = proptest::option::of((1_u8..4, any::<bool>()).prop_map(|(n, same)| {
        let at = if same { fx::authentication().at } else { fx::NOW };
        (fx::user_id(n), Authentication { at, ..fx::authentication() })
    }));
    let session = proptest::option::of((1_u8..5).prop_map(fx::session_id));
    let agreed = proptest::option::of(some_permissions());
    (signed_in, session, any::<bool>(), agreed, any::<bool>()).prop_map(
        |(signed_in, session_id, selected, agreed, denied)| Facts {
            signed_in,
            session_id,
            selected,
            agreed,
            denied,
        },
    )
}

prop_compose! {
    fn some_world()(
        request in some_request(),
        facts in some_facts(),
        numbers in proptest::sample::subsequence(vec![1_u8, 2, 3], 0..=3).prop_shuffle(),
        remembered in proptest::option::of(some_permissions()),
        allowed in some_permissions(),
        public in any::<bool>(),
    ) -> World {
        let mut client = if public { fx::public_client() } else { fx::client() };
        client.redirect_uris.push(fx::redirect(&request).uri.clone());
        World {
            request,
            facts,
            sessions: numbers.into_iter().map(fx::session).collect(),
            consent: remembered.map(|permissions| Consent { permissions, ..fx::consent(&[]) }),
            client: Client { scope: allowed.scopes(), ..client },
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_row_is_always_true(world in some_world()) {
        prop_assert!(rows().any(|row| row.name == world.row()));
    }

    #[test]
    fn n_01_n_06_a_denied_interaction_never_issues(mut world in some_world()) {
        world.facts.denied = true;
        prop_assert_eq!(world.refusal(), Some(InteractionRefusal::Denied));
    }

    #[test]
    fn n_01_without_a_session_nothing_is_issued_or_asked(mut world in some_world()) {
        world.sessions.clear();
        prop_assert!(world.session().is_none());
    }

    #[test]
    fn a_08_prompt_none_issues_what_needed_no_page_and_shows_none(mut world in some_world()) {
        world.request.prompts = Prompts::default();
        let quiet = world.quietly();
        prop_assert_eq!(quiet.granted(), world.granted());
        prop_assert_eq!(quiet.granted().is_none(), quiet.refusal().is_some());
    }

    #[test]
    fn n_02_no_more_is_granted_than_was_asked_allowed_and_agreed_to(world in some_world()) {
        if let Some(granted) = world.granted() {
            prop_assert!(!granted.is_empty());
            prop_assert!(granted.difference(&world.request.permissions).is_empty());
            prop_assert!(granted.scopes().is_subset(&world.client.scope));
            let remembered = world.consent.as_ref().map(|consent| consent.permissions.clone());
            let agreed = world.facts.agreed.clone().unwrap_or_default();
            prop_assert!(granted.difference(&agreed.union(&remembered.unwrap_or_default())).is_empty());
        }
    }

    #[test]
    fn l_32_a_10_the_session_that_answers_is_the_settled_and_hinted_one(world in some_world()) {
        if world.session().is_some() {
            let session = world.answers().unwrap();
            prop_assert!(world.request.hinted_user.is_none_or(|user| user == session.user.id));
            prop_assert!(world.facts.session_id.is_none_or(|id| id == session.session.id));
            if world.request.prompts.login || world.request.max_age == Some(0) {
                let fact = world.facts.signed_in.as_ref();
                let expected = (session.user.id, session.session.authentication.at);
                prop_assert_eq!(fact.map(|(user, how)| (*user, how.at)), Some(expected));
            }
        }
    }
}

#[test]
fn r_01_n_02_a_redirect_uri_that_was_removed_is_not_used_whatever_else_is_true() {
    let changes: [fn(&mut Client); 3] = [
        |client| client.redirect_uris = vec!["https://rp.example/new".to_owned()],
        |client| client.redirect_uris.clear(),
        |client| client.disabled = true,
    ];
    for change in changes {
        let mut worlds = [World::complete(), World::fresh(), World::complete(), World::complete().quietly()];
        worlds[2].facts.denied = true;
        worlds[3].sessions.clear();
        for mut world in worlds {
            assert_ne!(world.next(), NextStep::RedirectUriGone);
            change(&mut world.client);
            assert_eq!(world.next(), NextStep::RedirectUriGone);
        }
    }
}

#[test]
fn a_loopback_redirect_on_another_port_is_still_the_native_clients() {
    let mut world = World::complete();
    world.client = fx::native_client();
    fx::reroute(&mut world.request, |to| to.uri = fx::LOOPBACK.to_owned());
    assert_ne!(world.next(), NextStep::RedirectUriGone);
    world.client.application_type = ApplicationType::Web;
    assert_eq!(world.next(), NextStep::RedirectUriGone);
}
