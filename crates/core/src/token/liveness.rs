//! Whether what hangs under an authorization is alive. Every code, refresh and access token is looked at through this one
//! function, so that a revocation anywhere above it reaches all of them at once.

use std::time::Duration;

use crate::{
    policy::Lifetimes,
    store::{AuthorizationRecord, Session, Write},
    time::Timestamp,
};

/// What ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dead {
    /// The authorization was revoked.
    Revoked,
    /// The authorization reached its absolute end.
    Expired,
    /// It was issued before a restore.
    Epoch,
    /// The person withdrew the consent it was born under.
    ConsentWithdrawn,
    /// The client was deleted.
    ClientGone,
    /// The client is disabled.
    ClientDisabled,
    /// It was issued before the client's tokens became void.
    ClientTokensVoid,
    /// The person's account was deleted.
    UserGone,
    /// The person's account is disabled.
    UserDisabled,
    /// It was issued before the person's tokens became void.
    UserTokensVoid,
    /// The session's row is gone, or is another person's.
    SessionGone,
    /// The person signed out.
    SessionEnded,
    /// The session reached its absolute end.
    SessionExpired,
    /// The session was not used for too long.
    SessionIdle,
}

impl Dead {
    /// The variant's name, for logs and metrics.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::Epoch => "epoch",
            Self::ConsentWithdrawn => "consent_withdrawn",
            Self::ClientGone => "client_gone",
            Self::ClientDisabled => "client_disabled",
            Self::ClientTokensVoid => "client_tokens_void",
            Self::UserGone => "user_gone",
            Self::UserDisabled => "user_disabled",
            Self::UserTokensVoid => "user_tokens_void",
            Self::SessionGone => "session_gone",
            Self::SessionEnded => "session_ended",
            Self::SessionExpired => "session_expired",
            Self::SessionIdle => "session_idle",
        }
    }
}

/// Whether tokens of the authorization are alive: an offline one (Core 1.0 §11) outlives its session, and one without a session
/// needs none.
pub fn alive(record: &AuthorizationRecord, lifetimes: &Lifetimes, now: Timestamp) -> Result<(), Dead> {
    grant_alive(record, now)?;
    if record.authorization.offline { Ok(()) } else { session_alive(record, lifetimes, now) }
}

/// Between two notes of a session's last use.
const TOUCH_EVERY: Duration = Duration::from_mins(1);

/// Notes that a session was used, once a minute at most.
pub fn touch(session: &Session, now: Timestamp) -> Option<Write> {
    let due = now.since(session.last_seen_at) >= TOUCH_EVERY;
    due.then_some(Write::TouchSession { id: session.id, at: now })
}

/// Notes that tokens of an authorization were used. Those that end with the session keep it from idling; it still ends at its time.
pub fn used(record: &AuthorizationRecord, now: Timestamp) -> Option<Write> {
    let session = record.session.as_ref().filter(|_| !record.authorization.offline)?;
    touch(session, now)
}

/// Whether the code of the authorization is alive: it needs the session where there is one, offline or not, because signing out
/// before the redemption says no to what has not happened yet.
pub fn code_alive(record: &AuthorizationRecord, lifetimes: &Lifetimes, now: Timestamp) -> Result<(), Dead> {
    grant_alive(record, now)?;
    session_alive(record, lifetimes, now)
}

fn grant_alive(record: &AuthorizationRecord, now: Timestamp) -> Result<(), Dead> {
    let authorization = &record.authorization;
    if authorization.revoked_at.is_some() {
        return Err(Dead::Revoked);
    }
    if now >= authorization.expires_at {
        return Err(Dead::Expired);
    }
    if authorization.epoch != record.epoch {
        return Err(Dead::Epoch);
    }
    if record.consent_withdrawn_at.is_some() {
        return Err(Dead::ConsentWithdrawn);
    }
    let client = record.client.as_ref().ok_or(Dead::ClientGone)?;
    if client.disabled {
        return Err(Dead::ClientDisabled);
    }
    if authorization.created_at < client.tokens_not_before {
        return Err(Dead::ClientTokensVoid);
    }
    let user = record.user.as_ref().ok_or(Dead::UserGone)?;
    if user.disabled {
        return Err(Dead::UserDisabled);
    }
    if authorization.created_at < user.tokens_not_before {
        return Err(Dead::UserTokensVoid);
    }
    Ok(())
}

fn session_alive(record: &AuthorizationRecord, lifetimes: &Lifetimes, now: Timestamp) -> Result<(), Dead> {
    if record.authorization.session_id.is_none() {
        return Ok(());
    }
    let session: &Session = record
        .session
        .as_ref()
        .filter(|session| session.user_id == record.authorization.user_id)
        .ok_or(Dead::SessionGone)?;
    if session.ended_at.is_some() {
        Err(Dead::SessionEnded)
    } else if session.epoch != record.epoch {
        Err(Dead::Epoch)
    } else if now >= session.expires_at {
        Err(Dead::SessionExpired)
    } else if now >= session.last_seen_at + lifetimes.session_idle {
        Err(Dead::SessionIdle)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fixtures as fx, id::UserId};

    type Change = fn(&mut AuthorizationRecord);

    #[test]
    fn the_use_of_tokens_that_end_with_the_session_is_a_use_of_the_session() {
        for (since, offline, noted) in [(60, false, true), (59, false, false), (60, true, false)] {
            let mut record = fx::record();
            record.authorization.offline = offline;
            let session = record.session.as_mut().unwrap();
            session.last_seen_at = fx::NOW - Duration::from_secs(since);
            let write = Write::TouchSession { id: session.id, at: fx::NOW };
            assert_eq!(used(&record, fx::NOW), noted.then_some(write), "{since} {offline}");
        }
        assert_eq!(used(&AuthorizationRecord { session: None, ..fx::record() }, fx::NOW), None);
    }

    #[test]
    fn c_08_f_08_n_05_q_05_l_32_whatever_ends_above_a_token_ends_it() {
        let before =
            |record: &AuthorizationRecord| record.authorization.created_at + Duration::from_millis(1);
        let at_birth = |record: &AuthorizationRecord| record.authorization.created_at;
        let cases: &[(Change, Result<(), Dead>)] = &[
            (|_| {}, Ok(())),
            (|r| r.authorization.revoked_at = Some(fx::NOW), Err(Dead::Revoked)),
            (|r| r.authorization.expires_at = fx::NOW, Err(Dead::Expired)),
            (|r| r.epoch += 1, Err(Dead::Epoch)),
            (|r| r.consent_withdrawn_at = Some(fx::NOW), Err(Dead::ConsentWithdrawn)),
            (|r| r.client = None, Err(Dead::ClientGone)),
            (|r| fx::client_of(r).disabled = true, Err(Dead::ClientDisabled)),
            (|r| r.user = None, Err(Dead::UserGone)),
            (|r| r.user.as_mut().unwrap().disabled = true, Err(Dead::UserDisabled)),
        ];
        for (at, (change, expected)) in cases.iter().enumerate() {
            for offline in [true, false] {
                let mut record = fx::record();
                record.authorization.offline = offline;
                change(&mut record);
                assert_eq!(alive(&record, &fx::policy().lifetimes, fx::NOW), *expected, "case {at}");
                assert_eq!(code_alive(&record, &fx::policy().lifetimes, fx::NOW), *expected, "case {at}");
            }
        }
        let mut record = fx::record();
        fx::client_of(&mut record).tokens_not_before = before(&record);
        assert_eq!(alive(&record, &fx::policy().lifetimes, fx::NOW), Err(Dead::ClientTokensVoid));
        fx::client_of(&mut record).tokens_not_before = at_birth(&record);
        record.user.as_mut().unwrap().tokens_not_before = before(&record);
        assert_eq!(alive(&record, &fx::policy().lifetimes, fx::NOW), Err(Dead::UserTokensVoid));
        record.user.as_mut().unwrap().tokens_not_before = at_birth(&record);
        assert_eq!(alive(&record, &fx::policy().lifetimes, fx::NOW), Ok(()));
    }

    #[test]
    fn o_06_l_31_l_32_without_offline_access_a_token_ends_with_the_session_and_a_code_always_does() {
        let cases: &[(Change, Dead)] = &[
            (|r| r.session = None, Dead::SessionGone),
            (|r| r.session.as_mut().unwrap().user_id = UserId::from_bytes([9; 16]), Dead::SessionGone),
            (|r| r.session.as_mut().unwrap().ended_at = Some(fx::NOW), Dead::SessionEnded),
            (|r| r.session.as_mut().unwrap().epoch -= 1, Dead::Epoch),
            (|r| r.session.as_mut().unwrap().expires_at = fx::NOW, Dead::SessionExpired),
            (
                |r| {
                    r.session.as_mut().unwrap().last_seen_at = fx::NOW - fx::policy().lifetimes.session_idle;
                },
                Dead::SessionIdle,
            ),
        ];
        for (change, dead) in cases {
            let mut record = fx::record();
            change(&mut record);
            record.authorization.offline = false;
            assert_eq!(alive(&record, &fx::policy().lifetimes, fx::NOW), Err(*dead));
            assert_eq!(code_alive(&record, &fx::policy().lifetimes, fx::NOW), Err(*dead));
            record.authorization.offline = true;
            assert_eq!(alive(&record, &fx::policy().lifetimes, fx::NOW), Ok(()));
            assert_eq!(code_alive(&record, &fx::policy().lifetimes, fx::NOW), Err(*dead));
        }
    }

    #[test]
    fn without_a_session_an_authorization_lives_as_long_as_the_rest() {
        let cases: &[(Change, Result<(), Dead>)] = &[
            (|_| {}, Ok(())),
            (|r| r.authorization.revoked_at = Some(fx::NOW), Err(Dead::Revoked)),
            (|r| r.authorization.expires_at = fx::NOW, Err(Dead::Expired)),
            (|r| r.epoch += 1, Err(Dead::Epoch)),
            (|r| r.user.as_mut().unwrap().disabled = true, Err(Dead::UserDisabled)),
        ];
        for (at, (change, expected)) in cases.iter().enumerate() {
            for offline in [true, false] {
                let mut record = fx::record();
                (record.authorization.session_id, record.session) = (None, None);
                record.authorization.offline = offline;
                change(&mut record);
                assert_eq!(alive(&record, &fx::policy().lifetimes, fx::NOW), *expected, "case {at}");
                assert_eq!(code_alive(&record, &fx::policy().lifetimes, fx::NOW), *expected, "case {at}");
            }
        }
    }
}
