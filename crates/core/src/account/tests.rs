use super::*;
use crate::{authorize::fixtures as au, fixtures as fx, store::Consent};

static ENTROPY: fx::Seeded = fx::Seeded::new(4);

fn by(session: &SessionRecord) -> Acting<'_> {
    Acting { session, now: fx::NOW, entropy: &ENTROPY, trace_id: "trace" }
}

fn connection(n: u8) -> Connection {
    let consent = Consent {
        id: ConsentId::from_bytes([n; 16]),
        user_id: au::user_id(2),
        client_id: "web".into(),
        permissions: fx::permissions(&[("", "openid")]),
        version: 0,
        created_at: fx::NOW,
        updated_at: fx::NOW,
        withdrawn_at: None,
    };
    Connection { consent, client: None, last_used_at: None }
}

/// The sessions that the events among `writes` name.
fn told(writes: &[Write]) -> Vec<SessionId> {
    let named = writes.iter().filter_map(|write| match write {
        Write::Audit(event) => {
            assert_eq!((event.kind.as_str(), event.user_id), ("session.ended", Some(au::user_id(2))));
            Some(serde_json::from_value(event.detail["session"].clone()).unwrap())
        }
        _ => None,
    });
    named.collect()
}

#[test]
fn n_05_disconnecting_withdraws_the_consent() {
    let session = au::session(2);
    let decision = disconnect(ConsentId::from_bytes([5; 16]), &[connection(4), connection(5)], &by(&session));
    assert_eq!(decision.outcome, Done::Yes);
    match decision.writes.as_slice() {
        [Write::WithdrawConsent { id, user_id, at }, Write::Audit(event)] => {
            assert_eq!((*id, *user_id, *at), (ConsentId::from_bytes([5; 16]), au::user_id(2), fx::NOW));
            assert_eq!((event.kind.as_str(), event.user_id), ("consent.withdrawn", Some(au::user_id(2))));
            assert_eq!((event.client_id.clone(), event.trace_id.as_str()), (Some("web".into()), "trace"));
        }
        writes => panic!("{writes:?}"),
    }
}

#[test]
fn o_06_what_is_another_persons_is_not_found() {
    let session = au::session(2);
    let consent = disconnect(ConsentId::from_bytes([9; 16]), &[connection(4)], &by(&session));
    assert!(consent.outcome == Done::NotFound && consent.writes.is_empty());
    let own = [session.session.clone()];
    let other = sign_out(Which::One(au::session_id(9)), &own, &by(&session));
    assert!(other.outcome == Done::NotFound && other.writes.is_empty());
}

#[test]
fn o_06_one_session_or_all_others_end() {
    let session = au::session(2);
    let of = |n| Session { user_id: au::user_id(2), ..au::session(n).session };
    let own = [of(2), of(3), of(4)];
    for n in [2, 3] {
        let (id, user_id) = (au::session_id(n), au::user_id(2));
        let one = sign_out(Which::One(id), &own, &by(&session));
        assert_eq!((one.outcome, told(&one.writes)), (Done::Yes, vec![id]));
        assert_eq!(one.writes.first(), Some(&Write::EndSession { id, user_id, at: fx::NOW }));
    }
    let all = Write::EndOtherSessions { user_id: au::user_id(2), keep: au::session_id(2), at: fx::NOW };
    let others = sign_out(Which::Others, &own, &by(&session));
    assert_eq!((others.outcome, told(&others.writes)), (Done::Yes, [3, 4].map(au::session_id).to_vec()));
    assert_eq!(others.writes.first(), Some(&all));
    let unknown = sign_out(Which::Others, &own[..1], &by(&session));
    assert_eq!((unknown.outcome, unknown.writes), (Done::Yes, vec![all]), "some may not be among the newest");
}
