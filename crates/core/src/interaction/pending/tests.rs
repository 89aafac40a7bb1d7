use std::{sync::LazyLock, time::Duration};

use proptest::prelude::*;

use super::*;
use crate::{
    authorize::LONGEST_REQUEST,
    fixtures as fx,
    seal::DailyKey,
    store::{AuthorizationRequest, Prompts, ResponseMode},
};

static ENTROPY: fx::Seeded = fx::Seeded::new(11);

fn keys() -> &'static RealmKeys {
    &fx::keyring().keys
}

fn other_realm() -> &'static RealmKeys {
    static KEYS: LazyLock<RealmKeys> = LazyLock::new(|| RealmKeys::derive(&Secret::from_bytes([1; 32])));
    &KEYS
}

fn read(text: &str, keys: &RealmKeys) -> Option<Handle> {
    Handle::read(text, keys, &fx::policy().lifetimes, fx::NOW)
}

fn begin(request: AuthorizationRequest, browser: Option<Digest>) -> Interaction {
    let policy = fx::policy();
    let purpose = Purpose::Authorization(Box::new(request));
    match Handle::begin(purpose, browser, &fx::context(&policy)) {
        Handle::New(interaction) => *interaction,
        handle => panic!("{handle:?}"),
    }
}

fn begun() -> Interaction {
    begin(fx::request(), Some(fx::COOKIE.digest()))
}

/// An interaction that travels in its page.
const fn unstored(interaction: &Interaction) -> Pending<'_> {
    Pending { interaction, stored: false }
}

/// What becomes of a handle in a browser, in a store with this row; whether a row was found.
fn resumed(
    handle: &Handle,
    browser: Option<Digest>,
    row: Option<&Interaction>,
) -> Result<(Interaction, bool), ResumeRefusal> {
    let mut have = Have::default();
    let policy = fx::policy();
    loop {
        match handle.resume(browser, &have, &fx::context(&policy)) {
            Ok(pending) => return Ok((pending.interaction.clone(), pending.stored)),
            Err(Stop::Refuse(refused)) => {
                assert!(refused.writes.is_empty());
                return Err(refused.refusal);
            }
            Err(Stop::Want(Want::Interaction(id))) => {
                have.interaction.put(id, row.filter(|row| row.id == id).cloned());
            }
            Err(Stop::Want(want)) => panic!("{want:?}"),
        }
    }
}

#[test]
fn a_new_interaction_knows_its_request_and_browser_and_nothing_else() {
    let interaction = begun();
    assert_eq!(fx::request_of(&interaction), &fx::request());
    assert_eq!(interaction.browser, fx::COOKIE.digest());
    assert_eq!(interaction.facts, Facts::default());
    assert_ne!(interaction.id, begun().id);
    let end = fx::NOW + Duration::from_mins(15);
    let pending = unstored(&interaction);
    assert!(!pending.is_expired(end - Duration::from_millis(1)) && pending.is_expired(end));
}

#[test]
fn a_21_an_interaction_belongs_to_the_browser_that_started_it() {
    let interaction = begun();
    let row = Some(&interaction);
    for handle in [
        Handle::New(Box::new(interaction.clone())),
        Handle::Sealed(Box::new(interaction.clone())),
        Handle::Row(interaction.id),
    ] {
        let resumed = |browser| resumed(&handle, browser, row).map(|(found, _)| found);
        assert_eq!(resumed(Some(fx::COOKIE.digest())), Ok(interaction.clone()));
        let other = Secret::from_bytes([8; 32]).digest();
        assert_eq!(resumed(Some(other)), Err(ResumeRefusal::OtherBrowser));
        assert_eq!(resumed(None), Err(ResumeRefusal::OtherBrowser));
    }
}

#[test]
fn a_21_what_nobody_has_claimed_is_claimed_by_one_browser_under_an_id_of_its_own() {
    let (policy, browser) = (fx::policy(), fx::COOKIE.digest());
    let context = fx::context(&policy);
    let unclaimed = begin(fx::request(), None);
    let sealed = Handle::Sealed(Box::new(unclaimed.clone()));
    assert!(sealed.is_unclaimed());
    assert_eq!(resumed(&sealed, Some(browser), None), Err(ResumeRefusal::OtherBrowser));
    assert_eq!(resumed(&sealed, None, None), Err(ResumeRefusal::OtherBrowser));

    let claimed = sealed.clone().claimed_by(browser, &context);
    let Handle::New(mine) = &claimed else { panic!("{claimed:?}") };
    assert!(!claimed.is_unclaimed());
    assert_ne!(mine.id, unclaimed.id);
    assert_eq!(**mine, Interaction { id: mine.id, browser, ..unclaimed.clone() });
    assert_eq!(resumed(&claimed, Some(browser), None), Ok(((**mine).clone(), false)));
    // Another browser that follows the same URL gets a separate interaction.
    let Handle::New(other) = sealed.claimed_by(Digest([8; 32]), &context) else { panic!("not new") };
    assert!(other.id != mine.id && other.id != unclaimed.id);
    assert_eq!(resumed(&Handle::New(other), Some(browser), None), Err(ResumeRefusal::OtherBrowser));
    // An interaction that a browser claimed stays as it is.
    let begun = begun();
    for handle in
        [Handle::Sealed(Box::new(begun.clone())), Handle::New(Box::new(begun.clone())), Handle::Row(begun.id)]
    {
        assert!(!handle.is_unclaimed());
        assert_eq!(handle.clone().claimed_by(Digest([8; 32]), &context), handle);
    }
}

#[test]
fn a_row_says_more_than_what_travelled() {
    let (begun, browser) = (begun(), Some(fx::COOKIE.digest()));
    let row = Interaction { facts: Facts { denied: true, ..Facts::default() }, version: 1, ..begun.clone() };
    let (new, sealed) = (Handle::New(Box::new(begun.clone())), Handle::Sealed(Box::new(begun.clone())));
    assert_eq!(resumed(&new, browser, Some(&row)), Ok((begun.clone(), false)), "nobody can know of it yet");
    assert_eq!(resumed(&sealed, browser, Some(&row)), Ok((row.clone(), true)));
    assert_eq!(resumed(&sealed, browser, None), Ok((begun.clone(), false)));
    assert_eq!(resumed(&Handle::Row(begun.id), browser, Some(&row)), Ok((row.clone(), true)));
    assert_eq!(resumed(&Handle::Row(begun.id), browser, None), Err(ResumeRefusal::Unknown));
    // Another browser claimed it first: the step asks for a new one.
    let conflict = Box::new(Write::InsertInteraction(Box::new(begun.clone())));
    let mut have = Have::default().after_conflict(conflict);
    assert_eq!(new.find(&have).unwrap_err(), Want::Interaction(begun.id));
    have.interaction.put(begun.id, Some(row.clone()));
    let pending = new.find(&have).unwrap().unwrap();
    assert!(pending.stored && *pending.interaction == row);
}

#[test]
fn strangers_write_nothing_and_the_first_fact_makes_a_row() {
    let facts = Facts { selected: true, ..Facts::default() };
    let begun = begun();
    let Write::InsertInteraction(row) = unstored(&begun).keep(facts.clone()) else { panic!("no row") };
    assert_eq!(*row, Interaction { facts: facts.clone(), ..begun.clone() });
    let stored = fx::interaction(fx::request(), Facts::default());
    match fx::stored(&stored).keep(facts.clone()) {
        Write::UpdateInteraction { id, version, facts: kept } => {
            assert_eq!((id, version, *kept), (stored.id, 3, facts));
        }
        write => panic!("{write:?}"),
    }
}

#[test]
fn a_stored_interaction_is_named_by_its_id_and_a_sealed_one_carries_itself() {
    let stored = fx::interaction(fx::request(), Facts::default());
    let handle = fx::stored(&stored).handle(keys(), &ENTROPY);
    assert_eq!(handle, stored.id.to_string());
    assert_eq!(read(&handle, keys()), Some(Handle::Row(stored.id)));
    let sealed = begun();
    let handle = unstored(&sealed).handle(keys(), &ENTROPY);
    assert_eq!(read(&handle, keys()), Some(Handle::Sealed(Box::new(sealed))));
}

#[test]
fn a_22_a_sealed_request_is_this_realms_and_this_uses() {
    let handle = unstored(&begun()).handle(keys(), &ENTROPY);
    assert_eq!(read(&handle, other_realm()), None);
    let plain = serde_json::to_vec(&begun()).unwrap();
    let sealed_as =
        |key: &DailyKey, context: &[u8]| URL_SAFE_NO_PAD.encode(key.seal(fx::NOW, &ENTROPY, context, &plain));
    assert!(read(&sealed_as(&keys().request, SEAL_CONTEXT), keys()).is_some());
    assert_eq!(read(&sealed_as(&keys().request, b"other"), keys()), None);
    assert_eq!(read(&sealed_as(&keys().access_token, SEAL_CONTEXT), keys()), None);
    assert_eq!(read(&URL_SAFE_NO_PAD.encode(&plain), keys()), None);
    for nonsense in ["", "x", "=", "\0", &"A".repeat(100_000)] {
        assert_eq!(read(nonsense, keys()), None);
    }
}

#[test]
fn a_05_the_longest_request_is_opened_again() {
    let size = |request: &AuthorizationRequest| serde_json::to_vec(request).unwrap().len();
    let mut request = AuthorizationRequest { login_hint: Some(String::new()), ..fx::request() };
    request.login_hint = Some("a".repeat(LONGEST_REQUEST - size(&request)));
    assert_eq!(size(&request), LONGEST_REQUEST);
    let interaction = begin(request, Some(Digest([1; 32])));
    let handle = unstored(&interaction).handle(keys(), &ENTROPY);
    assert!(handle.len() <= LONGEST_HANDLE && handle.len() > LONGEST_HANDLE - 512, "{}", handle.len());
    assert!(matches!(read(&handle, keys()), Some(Handle::Sealed(_))));
}

prop_compose! {
    fn some_request()(
        state in proptest::option::of(".{0,40}"),
        nonce in proptest::option::of(".{0,40}"),
        hint in proptest::option::of("\\PC{0,20}"),
        locales in proptest::collection::vec("[a-z]{2}", 0..3),
        max_age in any::<Option<u32>>(),
        login in any::<bool>(),
        posted in any::<bool>(),
    ) -> AuthorizationRequest {
        AuthorizationRequest {
            nonce,
            login_hint: hint,
            ui_locales: locales,
            max_age,
            prompts: Prompts { login, ..Prompts::default() },
            hinted_user: login.then(|| fx::user_id(2)),
            ..fx::request_to(|to| {
                to.state = state;
                to.mode = if posted { ResponseMode::FormPost } else { ResponseMode::Query };
            })
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_22_a_sealed_request_survives_the_way_and_no_change(
        request in some_request(),
        at in any::<proptest::sample::Index>(),
        bit in 0_u8..8,
    ) {
        let browser = Digest::of(b"browser");
        let interaction = begin(request, Some(browser));
        let handle = unstored(&interaction).handle(keys(), &ENTROPY);
        let opened = read(&handle, keys());
        prop_assert_eq!(opened, Some(Handle::Sealed(Box::new(interaction))));
        let mut sealed = URL_SAFE_NO_PAD.decode(&handle).unwrap();
        let at = at.index(sealed.len());
        sealed[at] ^= 1 << bit;
        prop_assert_eq!(read(&URL_SAFE_NO_PAD.encode(&sealed), keys()), None);
        sealed[at] ^= 1 << bit;
        sealed.truncate(at);
        prop_assert_eq!(read(&URL_SAFE_NO_PAD.encode(&sealed), keys()), None);
    }

    #[test]
    fn l_01_l_02_n_02_an_anti_forgery_value_fits_one_browser_purpose_and_subject(
        made in (0_u8..3, "form|account|f", "[ab]{0,2}"),
        used in (0_u8..3, "form|account|f", "[ab]{0,2}"),
    ) {
        let value = anti_forgery(keys(), &Digest([made.0; 32]), &made.1, &made.2);
        let fits = anti_forgery_fits(keys(), &Digest([used.0; 32]), (&used.1, &used.2), &value);
        prop_assert_eq!(fits, made == used);
        prop_assert!(!anti_forgery_fits(other_realm(), &Digest([made.0; 32]), (&made.1, &made.2), &value));
    }

    #[test]
    fn l_01_nothing_else_is_an_anti_forgery_value(text in "\\PC{0,60}", cut in 0_usize..43) {
        let browser = Digest([1; 32]);
        let value = anti_forgery(keys(), &browser, "form", "a");
        prop_assert!(!anti_forgery_fits(keys(), &browser, ("form", "a"), &text));
        prop_assert!(!anti_forgery_fits(keys(), &browser, ("form", "a"), &value[..cut]));
    }
}
