use zeroize::Zeroizing;

use super::*;
use crate::{
    fixtures as fx,
    id::InteractionId,
    interaction::{
        consent::{ConsentAnswer, ConsentChoice},
        select::SelectAccount,
        sign_in::{Reserve, SignIn, SignInForm},
    },
    secret::{Digest, Secret},
    step::{Refused, Step},
    store::{Facts, Interaction},
};

type Change = fn(&mut InteractionForm);

fn row() -> Interaction {
    fx::interaction(fx::request(), Facts::default())
}

/// Ada is signed in, and all that a step could want is there.
fn world() -> fx::World {
    fx::World {
        client: Some(fx::client()),
        resources: vec![fx::resource(), fx::other_resource()],
        user: Some(fx::user()),
        sessions: vec![fx::session(2)],
        interaction: Some(row()),
        attempts: vec![crate::store::Attempts::default(); 2],
        ..fx::World::default()
    }
}

/// Why a step refuses; `None` when it does not.
fn refusal<S: Step<Refusal = ResumeRefusal>>(step: &S) -> Option<ResumeRefusal> {
    let decided = fx::decide(step, &world(), &fx::context(&fx::policy()));
    decided.err().map(|Refused { refusal, writes, .. }| {
        assert!(writes.is_empty(), "{}", S::NAME);
        refusal
    })
}

/// What each step that takes a form says to this one.
fn every_step(form: &InteractionForm) -> [Option<ResumeRefusal>; 4] {
    let sign_in = SignInForm::new(form.clone(), "ada");
    let settle =
        SignIn { form: &sign_in, password: Zeroizing::new("typed".to_owned()), user_agent: "Browser/1" };
    let answer = ConsentAnswer {
        form: form.clone(),
        by: fx::user_id(2),
        pressed: ConsentChoice::Deny,
        question: String::new(),
    };
    let select = SelectAccount { form: form.clone(), chosen: fx::session_id(2) };
    [refusal(&Reserve(&sign_in)), refusal(&settle), refusal(&answer), refusal(&select)]
}

#[test]
fn l_01_l_02_n_01_every_step_wants_a_form_that_was_made_for_it() {
    let form = fx::form(&row(), &[2]);
    assert_eq!(every_step(&form), [const { None }; 4]);
    let forged: &[(&str, Change)] = &[
        ("sent by another site", |form| form.anti_forgery.sent_from = SentFrom::Elsewhere),
        ("no value", |form| form.anti_forgery.received.clear()),
        ("another interaction's", |form| {
            let other = InteractionId::from_bytes([7; 16]).to_string();
            form.anti_forgery = fx::anti_forgery((FORM, &other));
        }),
        ("another form's", |form| {
            form.anti_forgery = fx::anti_forgery(("account", &row().id.to_string()));
        }),
        ("another browser's", |form| {
            let (keys, other) = (&fx::keyring().keys, Secret::from_bytes([8; 32]).digest());
            let about = row().id.to_string();
            form.anti_forgery.received = super::super::pending::anti_forgery(keys, &other, FORM, &about);
        }),
    ];
    for (what, change) in forged {
        let mut form = form.clone();
        change(&mut form);
        assert_eq!(every_step(&form), [const { Some(ResumeRefusal::Forged) }; 4], "{what}");
    }
}

#[test]
fn a_21_n_01_a_right_form_goes_on_only_with_its_interaction_in_its_browser() {
    let cases: &[(Change, ResumeRefusal)] = &[
        (|form| form.handle = None, ResumeRefusal::Unknown),
        (|form| form.handle = Some(Handle::Row(InteractionId::from_bytes([9; 16]))), ResumeRefusal::Unknown),
        (|form| form.browser.transaction = Some(Digest([8; 32])), ResumeRefusal::OtherBrowser),
        (|form| form.browser.transaction = None, ResumeRefusal::OtherBrowser),
    ];
    for (change, expected) in cases {
        let mut form = fx::form(&row(), &[2]);
        change(&mut form);
        let all = every_step(&form);
        assert!(all.iter().all(|refusal| refusal.as_ref() == Some(expected)), "{all:?}");
    }
}

#[test]
fn l_01_nothing_is_read_for_a_form_of_another_site() {
    let mut form = fx::form(&row(), &[2]);
    form.anti_forgery.sent_from = SentFrom::Elsewhere;
    let step = SelectAccount { form, chosen: fx::session_id(2) };
    assert_eq!(fx::wants(&step, &world()), [""; 0]);
}

#[test]
fn a_browser_without_a_transaction_fits_no_value() {
    let (policy, mut browser) = (fx::policy(), fx::browser(&[]));
    let value = fx::anti_forgery(("form", "matter"));
    assert!(value.fits(&browser, ("form", "matter"), &fx::context(&policy)));
    assert!(!value.fits(&browser, ("form", "other"), &fx::context(&policy)));
    browser.transaction = None;
    assert!(!value.fits(&browser, ("form", "matter"), &fx::context(&policy)));
}
