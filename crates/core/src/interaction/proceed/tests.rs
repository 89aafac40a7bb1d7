use std::time::Duration;

use super::*;
use crate::{
    error::Refusal as _,
    fixtures as fx,
    interaction::{
        consent::{Answered, ConsentAnswer, ConsentChoice},
        form::InteractionForm,
    },
    secret::Digest,
    step::Refused,
    store::{AuthorizationRecord, Session, SessionRecord, Write},
};

type Outcome = Result<Decision<Proceeded>, Refused<ResumeRefusal>>;

/// Ada agreed before to all that [`fx::request`] asks for; sessions 2 (hers) and 8 are live, and were used just now.
fn world() -> fx::World {
    let used = |n| {
        let mut record = fx::session(n);
        record.session.last_seen_at = fx::NOW;
        record
    };
    fx::World {
        client: Some(fx::client()),
        resources: vec![fx::resource(), fx::other_resource()],
        user: Some(fx::user()),
        sessions: vec![used(2), used(8)],
        consent: Some(fx::consent(&[("", "openid"), (fx::API, "notes:read")])),
        ..fx::World::default()
    }
}

fn row(facts: Facts) -> Interaction {
    fx::interaction(fx::request(), facts)
}

/// With this row.
fn holding(interaction: &Interaction) -> fx::World {
    fx::World { interaction: Some(interaction.clone()), ..world() }
}

fn new(interaction: &Interaction) -> Handle {
    Handle::New(Box::new(interaction.clone()))
}

fn sealed(interaction: &Interaction) -> Handle {
    Handle::Sealed(Box::new(interaction.clone()))
}

const fn of_row(interaction: &Interaction) -> Handle {
    Handle::Row(interaction.id)
}

const fn step(handle: Handle, browser: &BrowserCookies) -> Proceed<'_> {
    Proceed { handle: Some(handle), browser, user_agent: "Browser/1" }
}

/// What becomes of a handle in the browser with these sessions.
fn proceed(handle: Handle, sessions: &[u8], world: &fx::World) -> Outcome {
    fx::decide(&step(handle, &fx::browser(sessions)), world, &fx::context(&fx::policy()))
}

fn refusal(outcome: Outcome) -> ResumeRefusal {
    let refused = outcome.unwrap_err();
    assert!(refused.writes.is_empty());
    refused.refusal
}

fn response(decision: &Decision<Proceeded>) -> &AuthorizationResponse {
    match &decision.outcome {
        Proceeded::Respond(_, response) => response,
        outcome => panic!("{outcome:?}"),
    }
}

fn page(decision: Decision<Proceeded>) -> NextPage {
    assert!(decision.writes.is_empty());
    match decision.outcome {
        Proceeded::Page(page) => *page,
        outcome => panic!("{outcome:?}"),
    }
}

/// The write that two tabs cannot both commit, and what the store has after it.
fn authorization(decision: &Decision<Proceeded>) -> (Write, AuthorizationRecord) {
    let write = decision.writes.iter().find(|write| matches!(write, Write::InsertAuthorization(_)));
    let Some(Write::InsertAuthorization(authorization)) = write else { panic!("{decision:?}") };
    let record = AuthorizationRecord {
        authorization: (**authorization).clone(),
        session: Some(fx::session(2).session),
        ..fx::record()
    };
    (Write::InsertAuthorization(authorization.clone()), record)
}

#[test]
fn a_new_interaction_is_issued_without_a_look_for_rows_that_cannot_be_there() {
    let (row, browser) = (row(Facts::default()), fx::browser(&[2]));
    let world = holding(&row);
    for (handle, wanted) in [
        (new(&row), &["sessions", "client", "consent"][..]),
        (sealed(&row), &["interaction", "sessions", "client", "consent", "authorization"]),
        (of_row(&row), &["interaction", "sessions", "client", "consent", "authorization"]),
    ] {
        assert_eq!(fx::wants(&step(handle.clone(), &browser), &world), wanted);
        let decision = proceed(handle, &[2], &world).unwrap();
        assert_eq!(response(&decision).error_code(), None);
        authorization(&decision);
    }
    // Sealed and no row of it: only the conflict tells that it was answered.
    let unstored = fx::World { interaction: None, ..world };
    let wanted = ["interaction", "sessions", "client", "consent"];
    assert_eq!(fx::wants(&step(sealed(&row), &browser), &unstored), wanted);
}

#[test]
fn n_06_after_a_conflict_the_same_redirect_is_repeated() {
    let (row, browser) = (row(Facts::default()), fx::browser(&[2]));
    let first = proceed(new(&row), &[2], &world()).unwrap();
    let (write, record) = authorization(&first);
    let after = |handle, record: &AuthorizationRecord| {
        let world = fx::World { authorization: Some(record.clone()), ..world() };
        let have = Have::default().after_conflict(Box::new(write.clone()));
        fx::look(&step(handle, &browser), &world, have, &fx::context(&fx::policy()))
    };
    for handle in [new(&row), sealed(&row)] {
        let (decided, wanted) = after(handle.clone(), &record);
        let decision = decided.unwrap();
        assert_eq!(response(&decision), response(&first));
        assert!(decision.writes.is_empty(), "nothing is issued twice");
        assert!(wanted.contains(&"interaction") && wanted.contains(&"authorization"), "{wanted:?}");

        let mut redeemed = record.clone();
        redeemed.authorization.code.as_mut().unwrap().redeemed_at = Some(fx::NOW);
        let (decided, _) = after(handle, &redeemed);
        assert_eq!(refusal(decided), ResumeRefusal::Answered(Box::new(row.clone())));
    }
    // A row can have been answered before: no conflict is needed to know.
    let answered = fx::World { authorization: Some(record), ..holding(&row) };
    let again = proceed(of_row(&row), &[2], &answered).unwrap();
    assert!(response(&again) == response(&first) && again.writes.is_empty());
}

#[test]
fn a_conflict_about_something_else_is_decided_anew() {
    let (row, browser) = (row(Facts::default()), fx::browser(&[2]));
    let less = fx::consent(&[("", "email")]);
    let facts = Facts { agreed: Some(fx::request().permissions), ..Facts::default() };
    let row = Interaction { facts, ..row };
    let never = fx::World { consent: None, ..holding(&row) };
    let first = proceed(of_row(&row), &[2], &never).unwrap();
    let Some(conflict @ Write::InsertConsent(_)) = first.writes.first() else { panic!("{first:?}") };
    let have = Have::default().after_conflict(Box::new(conflict.clone()));
    let meanwhile = fx::World { consent: Some(less.clone()), ..never };
    let decided = fx::look(&step(of_row(&row), &browser), &meanwhile, have, &fx::context(&fx::policy())).0;
    let decision = decided.unwrap();
    assert_eq!(response(&decision), response(&first));
    assert!(matches!(decision.writes.first(), Some(Write::ExtendConsent { id, .. }) if *id == less.id));
    assert_eq!(authorization(&decision).1.authorization.consent_id, less.id);
}

#[test]
fn a_21_only_the_browser_that_began_it_goes_on_and_only_in_time() {
    let (policy, row) = (fx::policy(), row(Facts::default()));
    let other = BrowserCookies { transaction: Some(Digest([8; 32])), ..fx::browser(&[2]) };
    let stranger = BrowserCookies { transaction: None, ..fx::browser(&[2]) };
    for handle in [new(&row), sealed(&row), of_row(&row)] {
        for browser in [&other, &stranger] {
            let decided = fx::decide(&step(handle.clone(), browser), &holding(&row), &fx::context(&policy));
            assert_eq!(refusal(decided), ResumeRefusal::OtherBrowser);
        }
        let browser = fx::browser(&[2]);
        let at =
            |now| fx::decide(&step(handle.clone(), &browser), &holding(&row), &fx::context_at(&policy, now));
        let expired = refusal(at(row.expires_at));
        assert_eq!(expired, ResumeRefusal::Expired(Box::new(row.clone())));
        assert!(at(row.expires_at - Duration::from_millis(1)).is_ok());
    }
    // Nobody's yet: it has to be claimed first.
    let unclaimed = Handle::begin(row.purpose.clone(), None, &fx::context(&policy));
    let Handle::New(interaction) = unclaimed else { panic!("{unclaimed:?}") };
    assert_eq!(refusal(proceed(sealed(&interaction), &[2], &world())), ResumeRefusal::OtherBrowser);
}

#[test]
fn n_01_what_is_not_there_is_unknown() {
    let browser = fx::browser(&[2]);
    let unnamed = Proceed { handle: None, browser: &browser, user_agent: "Browser/1" };
    let decided = fx::decide(&unnamed, &world(), &fx::context(&fx::policy()));
    assert_eq!(refusal(decided), ResumeRefusal::Unknown);
    assert_eq!(refusal(proceed(of_row(&row(Facts::default())), &[2], &world())), ResumeRefusal::Unknown);
}

#[test]
fn r_01_n_02_of_a_client_that_is_gone_or_changed_nobody_is_sent_anywhere() {
    let row = row(Facts::default());
    let elsewhere = Client { redirect_uris: vec!["https://rp.example/new".to_owned()], ..fx::client() };
    for (client, expected) in [
        (None, ResumeRefusal::ClientUnknown),
        (Some(Client { disabled: true, ..fx::client() }), ResumeRefusal::ClientUnknown),
        (Some(elsewhere), ResumeRefusal::RedirectUriGone),
    ] {
        let world = fx::World { client, ..holding(&row) };
        assert_eq!(refusal(proceed(of_row(&row), &[2], &world)), expected);
    }
}

#[test]
fn each_reason_not_to_go_on_has_its_own_name() {
    let interaction = Box::new(row(Facts::default()));
    let all = [
        ResumeRefusal::Forged,
        ResumeRefusal::Unknown,
        ResumeRefusal::OtherBrowser,
        ResumeRefusal::Expired(interaction.clone()),
        ResumeRefusal::Answered(interaction),
        ResumeRefusal::ClientUnknown,
        ResumeRefusal::RedirectUriGone,
        ResumeRefusal::UserGone,
    ];
    let reasons: std::collections::BTreeSet<_> = all.iter().map(|refusal| refusal.reason()).collect();
    assert_eq!(reasons.len(), all.len());
}

/// What an external login UI reported: Ada signed in, and agreed.
fn reported() -> Facts {
    Facts {
        signed_in: Some((fx::user_id(2), fx::authentication())),
        selected: true,
        agreed: Some(fx::request().permissions),
        ..Facts::default()
    }
}

#[test]
fn l_32_the_person_whom_the_external_login_ui_reported_gets_a_session_here() {
    let row = row(reported());
    let decision = proceed(of_row(&row), &[8], &holding(&row)).unwrap();
    let Proceeded::Adopted(signed_in, _) = decision.outcome else { panic!("{decision:?}") };
    assert_eq!(signed_in.beside, [fx::session_id(8)]);
    let [
        Write::InsertSession(session),
        Write::UpdateInteraction { facts, version: 3, .. },
        Write::Audit(event),
    ] = decision.writes.as_slice()
    else {
        panic!("{:?}", decision.writes)
    };
    let expected = Session {
        id: signed_in.session_id,
        digest: signed_in.secret.digest(),
        user_agent: "Browser/1".to_owned(),
        created_at: fx::NOW,
        last_seen_at: fx::NOW,
        expires_at: fx::NOW + fx::policy().lifetimes.session_absolute,
        ..fx::session(2).session
    };
    assert_eq!(**session, expected, "with the sign-in as it was reported");
    assert_eq!(**facts, Facts { session_id: Some(signed_in.session_id), ..reported() });
    assert_eq!((event.kind.as_str(), event.user_id), ("sign_in.succeeded", Some(fx::user_id(2))));
    assert_eq!(event.address.as_deref(), Some("192.0.2.1"));

    // With that session the interaction goes on, and nobody is adopted again.
    let adopted = Interaction { facts: (**facts).clone(), ..row };
    let record = SessionRecord { session: (**session).clone(), user: fx::user(), epoch: fx::EPOCH };
    let world = fx::World { sessions: vec![record], ..holding(&adopted) };
    let claimed = browser::ClaimedSession { id: signed_in.session_id, digest: signed_in.secret.digest() };
    let browser = BrowserCookies { sessions: vec![claimed], ..fx::browser(&[]) };
    let decided = fx::decide(&step(of_row(&adopted), &browser), &world, &fx::context(&fx::policy()));
    let (_, record) = authorization(&decided.unwrap());
    assert_eq!(record.authorization.session_id, Some(signed_in.session_id));
    // Not in a browser that has only another session of hers.
    let world = fx::World { sessions: vec![fx::session(2)], ..world };
    assert!(matches!(
        proceed(of_row(&adopted), &[2], &world).unwrap().outcome,
        Proceeded::Page(page) if matches!(page.kind, PageKind::SignIn(LoginReason::NoSession))
    ));
}

#[test]
fn l_10_a_reported_person_who_is_disabled_or_gone_gets_no_session() {
    let row = row(reported());
    for user in [None, Some(User { disabled: true, ..fx::user() })] {
        let world = fx::World { user, ..holding(&row) };
        assert_eq!(refusal(proceed(of_row(&row), &[8, 2], &world)), ResumeRefusal::UserGone);
    }
}

#[test]
fn the_account_page_wants_somebody_signed_in() {
    let row = fx::account_interaction(Facts::default());
    for handle in [new(&row), of_row(&row)] {
        let page = page(proceed(handle.clone(), &[], &holding(&row)).unwrap());
        assert!(matches!(page.kind, PageKind::SignIn(LoginReason::NoSession)));
        assert!(page.client.is_none() && page.accounts.is_empty());
        let decision = proceed(handle, &[2], &holding(&row)).unwrap();
        assert!(matches!(decision.outcome, Proceeded::Account) && decision.writes.is_empty());
    }
    // Nothing is asked for, so nothing is loaded for it.
    assert_eq!(fx::wants(&step(new(&row), &fx::browser(&[2])), &world()), ["sessions"]);
}

#[test]
fn the_use_of_a_session_is_noted_once_a_minute() {
    let (minute, less) = (Duration::from_mins(1), Duration::from_millis(59_999));
    for purpose in [row(Facts::default()), fx::account_interaction(Facts::default())] {
        for (ages, noted) in [
            ([minute, minute], &[8, 2][..]),
            ([minute, Duration::ZERO], &[8]),
            ([less, minute * 2], &[2]),
            ([Duration::ZERO, less], &[]),
        ] {
            let mut world = holding(&purpose);
            world.sessions = vec![fx::session(8), fx::session(2)];
            for (record, age) in world.sessions.iter_mut().zip(ages) {
                record.session.last_seen_at = fx::NOW - age;
            }
            let decision = proceed(of_row(&purpose), &[8, 2], &world).unwrap();
            let touches: Vec<_> =
                noted.iter().map(|n| Write::TouchSession { id: fx::session_id(*n), at: fx::NOW }).collect();
            let written: Vec<_> =
                decision.writes.into_iter().filter(|w| matches!(w, Write::TouchSession { .. })).collect();
            assert_eq!(written, touches, "{ages:?}");
        }
    }
}

#[test]
fn a_page_says_who_is_signed_in_and_carries_its_interaction() {
    let row = row(Facts::default());
    let read = |handle: &str| {
        let policy = fx::policy();
        Handle::read(handle, &fx::keyring().keys, &policy.lifetimes, fx::NOW).unwrap()
    };
    let sign_in = page(proceed(new(&row), &[], &world()).unwrap());
    assert!(matches!(sign_in.kind, PageKind::SignIn(LoginReason::NoSession)));
    assert_eq!(read(&sign_in.handle), sealed(&row));
    assert_eq!((sign_in.client.as_deref(), &sign_in.interaction), (Some(&fx::client()), &row));

    let mut select = row.clone();
    let mut request = fx::request();
    request.prompts.select_account = true;
    select.purpose = Purpose::Authorization(Box::new(request));
    let page = page(proceed(of_row(&select), &[8, 2], &holding(&select)).unwrap());
    assert!(matches!(page.kind, PageKind::SelectAccount));
    assert_eq!(read(&page.handle), of_row(&select));
    let account = |n| Account { session_id: fx::session_id(n), user: fx::person(n) };
    assert_eq!(page.accounts, [account(8), account(2)]);
}

#[test]
fn n_01_n_02_an_answer_to_the_question_of_the_page_is_what_lets_it_go_on() {
    let begun = row(Facts::default());
    let never = fx::World { consent: None, ..world() };
    let page = page(proceed(new(&begun), &[2], &never).unwrap());
    let PageKind::Consent(asked) = page.kind else { panic!("{:?}", page.kind) };
    let permissions = fx::request().permissions;
    assert_eq!((&asked.asked, &asked.missing), (&permissions, &permissions));
    assert_eq!((asked.agreed_before, asked.user.id), (false, fx::user_id(2)));
    assert_eq!(asked.resources, [fx::resource()]);

    let policy = fx::policy();
    let keys = &fx::keyring().keys;
    let answer = |question: &str, world: &fx::World| {
        let handle = Handle::read(&page.handle, keys, &policy.lifetimes, fx::NOW);
        let step = ConsentAnswer {
            form: InteractionForm { handle, ..fx::form(&begun, &[2]) },
            by: asked.user.id,
            pressed: ConsentChoice::Allow,
            question: question.to_owned(),
        };
        fx::decide(&step, world, &fx::context(&policy)).unwrap()
    };
    let another = answer("another", &never);
    assert!(another.outcome == Answered::Changed && another.writes.is_empty());
    let renamed = Client { client_name: Some("Bank".to_owned()), ..fx::client() };
    let renamed = fx::World { client: Some(renamed), ..never.clone() };
    assert_eq!(answer(&asked.question, &renamed).outcome, Answered::Changed);
    let noted = answer(&asked.question, &never);
    assert_eq!(noted.outcome, Answered::Noted);
    let [Write::InsertInteraction(kept)] = noted.writes.as_slice() else { panic!("{:?}", noted.writes) };
    let world = fx::World { interaction: Some((**kept).clone()), ..never };
    let decision = proceed(sealed(&begun), &[2], &world).unwrap();
    assert_eq!(authorization(&decision).1.authorization.permissions, permissions);
}

#[test]
fn a_08_a_19_a_refusal_is_told_to_the_client_and_writes_nothing() {
    let mut request = fx::request();
    request.prompts.none = true;
    let silent = fx::interaction(request, Facts::default());
    let decision = proceed(new(&silent), &[], &world()).unwrap();
    assert_eq!(response(&decision).error_code(), Some("login_required"));
    assert!(decision.writes.is_empty());
    let never = fx::World { consent: None, ..world() };
    let decision = proceed(new(&silent), &[2], &never).unwrap();
    assert_eq!(response(&decision).error_code(), Some("consent_required"));
}
