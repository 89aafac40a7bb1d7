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

/// Which sessions end, each with an event.
fn ended(writes: &[Write]) -> Vec<SessionId> {
    let pairs = writes.chunks(2).map(|pair| match pair {
        [Write::EndSession { id, user_id, at }, Write::Audit(event)] => {
            assert_eq!((*user_id, *at), (au::user_id(2), fx::NOW));
            assert_eq!((event.kind.as_str(), event.user_id), ("session.ended", Some(au::user_id(2))));
            *id
        }
        writes => panic!("{writes:?}"),
    });
    pairs.collect()
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
    let one = sign_out(Which::One(au::session_id(3)), &own, &by(&session));
    assert_eq!((one.outcome, ended(&one.writes)), (Done::Yes, vec![au::session_id(3)]));
    let this = sign_out(Which::One(au::session_id(2)), &own, &by(&session));
    assert_eq!(ended(&this.writes), [au::session_id(2)]);
    let others = sign_out(Which::Others, &own, &by(&session));
    assert_eq!((others.outcome, ended(&others.writes)), (Done::Yes, [3, 4].map(au::session_id).to_vec()));
    let none = sign_out(Which::Others, &own[..1], &by(&session));
    assert!(none.outcome == Done::Yes && none.writes.is_empty(), "nothing is left to do");
}
