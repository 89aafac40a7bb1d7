use std::time::Duration;

use super::*;
use crate::{authorize::fixtures as au, fixtures as fx};

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
        (|r| r.user.tokens_not_before = r.session.created_at + Duration::from_millis(1), false),
        (|r| r.user.tokens_not_before = r.session.created_at, true),
    ];
    for (at, (change, live)) in cases.iter().enumerate() {
        let mut record = au::session(2);
        change(&mut record);
        assert_eq!(session_is_live(&record, &fx::policy().lifetimes, fx::NOW), *live, "case {at}");
    }
}
