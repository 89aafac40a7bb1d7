use std::time::Duration;

use super::*;
use crate::fixtures as fx;

type Change = fn(&mut SessionRecord);

#[test]
fn l_31_a_session_ends_by_sign_out_age_disuse_and_disabling() {
    let cases: &[(Change, bool)] = &[
        (|_| {}, true),
        (|r| r.session.ended_at = Some(fx::NOW), false),
        (|r| r.session.expires_at = fx::NOW, false),
        (|r| r.session.expires_at = fx::NOW + Duration::from_millis(1), true),
        (|r| r.session.last_seen_at = fx::NOW - fx::policy().lifetimes.session_idle, false),
        (
            |r| {
                r.session.last_seen_at =
                    fx::NOW - fx::policy().lifetimes.session_idle + Duration::from_millis(1);
            },
            true,
        ),
        (|r| r.epoch += 1, false),
        (|r| r.user.disabled = true, false),
        (|r| r.user.tokens_not_before = r.session.authentication.at + Duration::from_millis(1), false),
        (|r| r.user.tokens_not_before = r.session.authentication.at, true),
        // The last sign-in counts, not the first.
        (
            |r| {
                r.user.tokens_not_before = r.session.created_at + Duration::from_millis(1);
                r.session.authentication.at = r.user.tokens_not_before;
            },
            true,
        ),
    ];
    for (at, (change, live)) in cases.iter().enumerate() {
        let mut record = fx::session(2);
        change(&mut record);
        assert_eq!(session_is_live(&record, &fx::policy().lifetimes, fx::NOW), *live, "case {at}");
    }
}

#[test]
fn l_05_a_session_counts_only_with_its_secret_and_in_the_order_of_the_cookies() {
    let mut ended = fx::session(4);
    ended.session.ended_at = Some(fx::NOW);
    let world = fx::World {
        sessions: vec![fx::session(2), fx::session(3), ended, fx::session(8)],
        ..fx::World::default()
    };
    let live = |browser: &BrowserCookies| {
        let policy = fx::policy();
        let mut have = Have::default();
        let ids: Vec<_> = browser.sessions.iter().map(|claimed| claimed.id).collect();
        if !ids.is_empty() {
            assert_eq!(browser.live_sessions(&have, &fx::context(&policy)), Err(Want::Sessions(ids.clone())));
            let find = |id: &SessionId| world.sessions.iter().find(|r| r.session.id == *id).cloned();
            have.sessions.put(ids.clone(), ids.iter().filter_map(find).collect());
        }
        let records = browser.live_sessions(&have, &fx::context(&policy)).unwrap();
        records.iter().map(|record| record.session.id.as_bytes()[0]).collect::<Vec<_>>()
    };
    assert_eq!(live(&fx::browser(&[8, 2])), [8, 2]);
    assert_eq!(live(&fx::browser(&[2, 4, 9, 8])), [2, 8], "4 has ended, 9 never was");
    assert_eq!(live(&fx::browser(&[])), [0; 0]);
    // The secret of another session does not open this one.
    let mut swapped = fx::browser(&[2, 8]);
    swapped.sessions[0].digest = Digest([8; 32]);
    assert_eq!(live(&swapped), [8]);
}

#[test]
fn the_use_of_a_session_is_noted_a_minute_after_the_last_note() {
    let mut record = fx::session(2);
    for (age, noted) in [(59_999, false), (60_000, true)] {
        record.session.last_seen_at = fx::NOW - Duration::from_millis(age);
        let touch = Write::TouchSession { id: fx::session_id(2), at: fx::NOW };
        let expected = if noted { vec![touch] } else { Vec::new() };
        assert_eq!(super::touch(&[&record], fx::NOW), expected);
    }
}
