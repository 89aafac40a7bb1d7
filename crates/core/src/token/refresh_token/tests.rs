use std::time::Duration;

use super::*;
use crate::{
    client::Client,
    fixtures as fx,
    fixtures::NOW,
    id::AuthorizationId,
    jose::{Algorithm, Expected, verify},
    policy::Policy,
    store::AuthorizationRecord,
    time::Timestamp,
    token::{
        TokenRequest, TokenResponse, access::AccessTokens, liveness::Dead, refresh::RefreshToken as Token,
    },
};

type Change = fn(&mut AuthorizationRecord);
type Outcome = Result<Decision<TokenResponse>, Refused<TokenRefusal>>;

/// The first generation under the fixture's authorization.
fn first() -> Token {
    Token::first(AuthorizationId::from_bytes([1; 16]), &fx::Seeded::new(7))
}

fn after(token: &Token) -> Token {
    token.next(&fx::keyring().keys).unwrap()
}

/// A record whose current token is `current`, rotated at `at`.
fn record(current: &Token, at: Timestamp) -> AuthorizationRecord {
    let mut record = fx::record();
    record.authorization.code.as_mut().unwrap().redeemed_at = Some(record.authorization.created_at);
    record.authorization.refresh = Some(RefreshState {
        rotated_at: at,
        expires_at: at + fx::policy().lifetimes.refresh_idle,
        ..fx::refresh(current.generation, current.digest())
    });
    record
}

struct Attempt<'a> {
    client: Client,
    token: String,
    record: AuthorizationRecord,
    now: Timestamp,
    extra: Vec<(&'a str, &'a str)>,
}

impl Attempt<'_> {
    fn of(token: &Token, record: AuthorizationRecord) -> Self {
        Attempt {
            client: fx::client(),
            token: token.encode(&fx::keyring().keys),
            record,
            now: NOW,
            extra: Vec::new(),
        }
    }

    fn decide(&self) -> Outcome {
        self.decide_under(&fx::policy())
    }

    fn decide_under(&self, policy: &Policy) -> Outcome {
        let mut params = vec![("grant_type", "refresh_token"), ("refresh_token", self.token.as_str())];
        params.extend(&self.extra);
        let request = TokenRequest::read(&Form::from_pairs(params));
        let world = fx::World::of(self.record.clone());
        fx::decide_as(&self.client, &request, &world, &fx::context_at(policy, self.now))
    }

    fn refused(&self) -> (TokenRefusal, Vec<Write>) {
        let refused = self.decide().unwrap_err();
        let writes =
            refused.writes.into_iter().filter(|w| !matches!(w, Write::CountRefusal { .. })).collect();
        (refused.refusal, writes)
    }
}

fn answered(decided: &Outcome) -> Token {
    let token = decided.as_ref().unwrap().outcome.refresh_token.clone().unwrap();
    Token::read(&token, &fx::keyring().keys).unwrap()
}

fn revokes(writes: &[Write]) -> bool {
    matches!(writes, [Write::RevokeAuthorization { .. }, Write::Audit(event)] if event.kind == "refresh_token.reused")
}

#[test]
fn f_02_a_refresh_rotates_by_one_guarded_write() {
    let current = first();
    let decided = Attempt::of(&current, record(&current, NOW - Duration::from_hours(1))).decide();
    let next = answered(&decided);
    assert_eq!(next, after(&current));
    match decided.unwrap().writes.as_slice() {
        [Write::RotateRefresh { id, to }] => {
            assert_eq!(*id, current.authorization);
            assert_eq!((to.generation, to.digest, to.rotated_at), (2, next.digest(), NOW));
            assert_eq!(to.expires_at, NOW + fx::policy().lifetimes.refresh_idle);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn l_31_a_refresh_is_a_use_of_the_session_that_the_token_ends_with() {
    let writes = |offline: bool, seen_before: Duration| {
        let mut record = record(&first(), NOW);
        record.authorization.offline = offline;
        record.session.as_mut().unwrap().last_seen_at = NOW - seen_before;
        Attempt::of(&first(), record).decide().unwrap().writes
    };
    let minute = Duration::from_mins(1);
    let session = fx::record().session.unwrap().id;
    let noted = writes(false, minute);
    assert!(
        matches!(noted.as_slice(), [Write::TouchSession { id, at: NOW }, Write::RotateRefresh { .. }] if *id == session),
        "{noted:?}"
    );
    for other in [writes(false, Duration::from_secs(59)), writes(true, minute)] {
        assert!(matches!(other.as_slice(), [Write::RotateRefresh { .. }]), "{other:?}");
    }
}

#[test]
fn what_has_no_session_and_no_code_is_refreshed() {
    let living = first();
    let mut record = record(&living, NOW);
    (record.authorization.session_id, record.session, record.authorization.code) = (None, None, None);
    record.authorization.offline = false;
    assert_eq!(answered(&Attempt::of(&living, record).decide()), after(&living));
}

#[test]
fn q_07_a_refresh_is_audited_where_the_operator_wants_it() {
    let mut policy = fx::policy();
    policy.audit_every_token = true;
    let (old, current) = (first(), after(&first()));
    for (token, rotations) in [(&current, 1), (&old, 0)] {
        let decided = Attempt::of(token, record(&current, NOW)).decide_under(&policy);
        let writes = decided.unwrap().writes;
        assert_eq!(writes.len(), rotations + 1);
        let Some(Write::Audit(event)) = writes.last() else { panic!("{writes:?}") };
        assert_eq!(
            (event.kind.as_str(), &event.detail["grant_type"]),
            ("token.issued", &"refresh_token".into())
        );
    }
}

#[test]
fn f_02_the_predecessor_of_an_unused_token_gets_the_same_successor_and_nothing_is_written() {
    let (old, current) = (first(), after(&first()));
    let rotated = NOW - Duration::from_secs(29);
    let decided = Attempt::of(&old, record(&current, rotated)).decide();
    assert_eq!(answered(&decided), current);
    assert!(decided.unwrap().writes.is_empty());

    // A node whose clock is behind that of the one that rotated.
    let ahead = Attempt::of(&old, record(&current, NOW + Duration::from_secs(2)));
    assert_eq!(answered(&ahead.decide()), current);
}

#[test]
fn f_02_without_grace_there_is_no_second_answer() {
    let (old, current) = (first(), after(&first()));
    let mut policy = fx::policy();
    policy.lifetimes.refresh_grace = Duration::ZERO;
    let record = record(&current, NOW);
    let refused = Attempt::of(&old, record).decide_under(&policy).unwrap_err();
    assert_eq!(refused.refusal, TokenRefusal::RefreshReused);
}

#[test]
fn f_01_f_03_f_04_a_token_that_was_used_before_revokes_everything() {
    let r1 = first();
    let r2 = after(&r1);
    let r3 = after(&r2);
    for (name, token, current, rotated) in [
        ("late predecessor", &r1, &r2, NOW - Duration::from_secs(30)),
        ("predecessor of a used one, within the time", &r1, &r3, NOW),
        ("grandparent, late", &r1, &r3, NOW - Duration::from_hours(1)),
    ] {
        let (refusal, writes) = Attempt::of(token, record(current, rotated)).refused();
        assert_eq!(refusal, TokenRefusal::RefreshReused, "{name}");
        assert!(revokes(&writes), "{name}: {writes:?}");
    }
    // A predecessor of the right number that is not the parent of what lives: ours, old, and so stolen.
    let stranger = Token::first(r1.authorization, &fx::Seeded::new(8));
    let (refusal, writes) = Attempt::of(&stranger, record(&r2, NOW)).refused();
    assert_eq!(refusal, TokenRefusal::RefreshReused);
    assert!(revokes(&writes));
}

#[test]
fn f_06_f_07_another_client_or_a_token_that_is_not_ours_changes_nothing() {
    let current = first();
    let (old, next) = (first(), after(&first()));
    let foreign = Client { client_id: "foreign".into(), ..fx::client() };
    for (client, expected) in [
        (foreign, TokenRefusal::ForeignRefreshToken),
        (fx::public_client(), TokenRefusal::ForeignRefreshToken),
    ] {
        for record in [record(&current, NOW), record(&next, NOW - Duration::from_hours(1))] {
            let attempt = Attempt { client: client.clone(), ..Attempt::of(&old, record) };
            let (refusal, writes) = attempt.refused();
            assert_eq!(refusal, expected);
            assert!(writes.is_empty());
        }
    }
    let code = crate::token::code::Code::of(current.authorization, &fx::keyring().keys).encode();
    let other_realm = crate::realm_keys::RealmKeys::derive(&crate::secret::Secret::from_bytes([8; 32]));
    let same_number = Token::first(current.authorization, &fx::Seeded::new(8));
    let elsewhere = Token::first(AuthorizationId::from_bytes([9; 16]), &fx::Seeded::new(7));
    let keys = &fx::keyring().keys;
    for token in [
        "x".to_owned(),
        code,
        current.encode(&other_realm),
        same_number.encode(keys),
        elsewhere.encode(keys),
        next.encode(keys), // of a generation that does not exist yet
    ] {
        let attempt = Attempt { token, ..Attempt::of(&current, record(&current, NOW)) };
        let (refusal, writes) = attempt.refused();
        assert_eq!(refusal, TokenRefusal::UnknownRefreshToken);
        assert!(writes.is_empty());
    }
    let mut none = record(&current, NOW);
    none.authorization.refresh = None;
    assert_eq!(Attempt::of(&current, none).refused().0, TokenRefusal::UnknownRefreshToken);
}

#[test]
fn f_08_n_05_c_08_what_ended_above_ends_the_refresh() {
    let current = first();
    let cases: &[(Change, Dead)] = &[
        (|r| r.user.as_mut().unwrap().disabled = true, Dead::UserDisabled),
        (|r| r.user.as_mut().unwrap().tokens_not_before = NOW, Dead::UserTokensVoid),
        (|r| r.consent_withdrawn_at = Some(NOW), Dead::ConsentWithdrawn),
        (|r| r.authorization.revoked_at = Some(NOW), Dead::Revoked),
        (|r| r.epoch += 1, Dead::Epoch),
        (
            |r| {
                r.authorization.offline = false;
                r.session.as_mut().unwrap().ended_at = Some(NOW);
            },
            Dead::SessionEnded,
        ),
    ];
    for (change, dead) in cases {
        let mut record = record(&current, NOW);
        change(&mut record);
        let (refusal, writes) = Attempt::of(&current, record).refused();
        assert_eq!(refusal, TokenRefusal::Dead(*dead));
        assert!(writes.is_empty());
    }
    let mut record = record(&current, NOW);
    record.session.as_mut().unwrap().ended_at = Some(NOW);
    assert!(Attempt::of(&current, record).decide().is_ok(), "offline_access outlives the session");
}

#[test]
fn f_08_a_scope_that_was_taken_from_the_client_is_not_given_again() {
    let current = first();
    let mut attempt = Attempt::of(&current, record(&current, NOW));
    attempt.client.scope = fx::scopes("openid offline_access");
    assert_eq!(attempt.decide().unwrap().outcome.scope.to_string(), "offline_access openid");
}

#[test]
fn f_11_idle_and_absolute_lifetime_end_it_despite_rotation() {
    let current = first();
    let lifetimes = fx::policy().lifetimes;
    let fresh = record(&current, NOW);
    let idle_end = NOW + lifetimes.refresh_idle;
    let mut attempt = Attempt::of(&current, fresh.clone());
    attempt.now = idle_end - Duration::from_millis(1);
    assert!(attempt.decide().is_ok());
    attempt.now = idle_end;
    assert_eq!(attempt.refused().0, TokenRefusal::RefreshIdle);
    assert!(attempt.refused().1.is_empty());

    // Rotated a moment before the absolute end: the new one ends there too.
    let end = fresh.authorization.expires_at;
    let mut attempt = Attempt::of(&current, record(&current, end - Duration::from_mins(2)));
    attempt.now = end - Duration::from_mins(1);
    match attempt.decide().unwrap().writes.as_slice() {
        [Write::RotateRefresh { to, .. }] => assert_eq!(to.expires_at, end),
        other => panic!("{other:?}"),
    }
    attempt.now = end;
    assert_eq!(attempt.refused().0, TokenRefusal::Dead(Dead::Expired));
}

#[test]
fn f_05_scope_may_be_narrowed_for_once_and_never_widened() {
    let current = first();
    let mut record = record(&current, NOW);
    record.authorization.permissions =
        fx::permissions(&[("", "openid email offline_access"), (fx::API, "notes:read")]);
    for (asked, expected) in [
        (None, Ok((fx::API, "notes:read", true))),
        (Some(" "), Ok((fx::API, "notes:read", true))),
        (Some("openid"), Ok((fx::ISSUER, "openid", true))),
        (Some("email"), Ok((fx::ISSUER, "email", false))),
        (Some("openid email"), Ok((fx::ISSUER, "email openid", true))),
        (Some("openid notes:read"), Ok((fx::API, "notes:read", true))),
        (Some("notes:read email"), Ok((fx::API, "notes:read", false))),
        (Some("openid notes:write"), Err(TokenRefusal::Scope)),
        (Some("profile"), Err(TokenRefusal::Scope)),
        (Some("a\"b"), Err(TokenRefusal::ScopeSyntax)),
    ] {
        let mut attempt = Attempt::of(&current, record.clone());
        attempt.extra = asked.map(|asked| ("scope", asked)).into_iter().collect();
        match expected {
            Ok((aud, scope, has_id_token)) => {
                let response = attempt.decide().unwrap().outcome;
                assert_eq!(response.scope.to_string(), scope);
                assert_eq!(response.id_token.is_some(), has_id_token);
                let claims =
                    AccessTokens::read(&response.access_token, fx::keyring(), &fx::policy(), NOW).unwrap();
                assert_eq!((claims.aud.as_str(), claims.scope), (aud, response.scope), "{asked:?}");
            }
            Err(refusal) => {
                assert_eq!(attempt.refused().0, refusal, "{asked:?}");
                assert!(attempt.refused().1.is_empty(), "the token is not consumed");
            }
        }
    }
}

#[test]
fn the_scopes_of_a_refresh_say_which_of_several_apis_it_is_for() {
    let current = first();
    let (api, other) = (Some(fx::API), Some(fx::OTHER_API));
    for (default, asked, expected) in [
        (None, "notes:read", Ok(fx::API)),
        (None, "other openid", Ok(fx::OTHER_API)),
        (None, "openid", Ok(fx::ISSUER)),
        (None, "both", Err(TokenRefusal::TargetAmbiguous)),
        (None, "both other", Ok(fx::OTHER_API)),
        (None, "notes:read other", Err(TokenRefusal::TargetAmbiguous)),
        (None, "", Err(TokenRefusal::TargetAmbiguous)),
        (other, "notes:read", Ok(fx::API)),
        (other, "both", Ok(fx::OTHER_API)),
        (api, "notes:read other", Ok(fx::API)),
        (api, "openid", Ok(fx::ISSUER)),
        (other, "", Ok(fx::OTHER_API)),
        (Some("https://third.example/"), "notes:read other", Err(TokenRefusal::TargetAmbiguous)),
    ] {
        let mut record = record(&current, NOW);
        let mut attempt = Attempt::of(&current, record.clone());
        attempt.client.scope = fx::scopes("openid notes:read other both");
        attempt.client.default_resource = default.map(Into::into);
        record.authorization.permissions =
            fx::permissions(&[("", "openid"), (fx::API, "notes:read both"), (fx::OTHER_API, "other both")]);
        record.client = Some(attempt.client.clone().into());
        attempt.record = record;
        attempt.extra = vec![("scope", asked)];
        let aud = attempt.decide().map_err(|refused| refused.refusal).map(|decision| {
            AccessTokens::read(&decision.outcome.access_token, fx::keyring(), &fx::policy(), NOW).unwrap().aud
        });
        assert_eq!(aud.as_deref(), expected.as_deref(), "{default:?} {asked}");
    }
}

#[test]
fn f_09_another_granted_resource_or_the_issuer_may_be_asked_for_and_no_other() {
    let current = first();
    let mut record = record(&current, NOW);
    record.authorization.permissions = fx::permissions(&[("", "openid"), (fx::API, "notes:read")]);
    for (named, expected) in [
        (None, Ok(fx::API)),
        (Some(fx::API), Ok(fx::API)),
        (Some(fx::ISSUER), Ok(fx::ISSUER)),
        (Some(fx::OTHER_API), Err(TokenRefusal::TargetNotGranted)),
        (Some("https://API.example:443"), Ok(fx::API)),
        (Some("https://id.example/"), Ok(fx::ISSUER)),
        (Some("https://id.example/x"), Err(TokenRefusal::TargetNotGranted)),
    ] {
        let mut attempt = Attempt::of(&current, record.clone());
        attempt.extra = named.map(|named| ("resource", named)).into_iter().collect();
        let aud = attempt.decide().map_err(|refused| refused.refusal).map(|decision| {
            AccessTokens::read(&decision.outcome.access_token, fx::keyring(), &fx::policy(), NOW).unwrap().aud
        });
        assert_eq!(aud.as_deref(), expected.as_deref(), "{named:?}");
    }
}

#[test]
fn an_id_token_at_refresh_has_no_nonce_and_the_first_sign_in() {
    let current = first();
    let record = record(&current, NOW);
    let response = Attempt::of(&current, record.clone()).decide().unwrap().outcome;
    let expected = Expected { typ: &["JWT"], algorithms: Algorithm::ALL };
    let claims = verify(&response.id_token.unwrap(), fx::keyring().verifying(), &expected).unwrap().claims;
    assert!(!claims.contains_key("nonce"));
    assert_eq!(claims["auth_time"], record.authorization.authentication.at.seconds());
    assert_eq!(claims["sub"], record.authorization.user_id.to_string());
}

#[test]
fn the_last_generation_is_refused_and_nothing_wraps_around() {
    let mut current = first();
    current.generation = u32::MAX;
    let (refusal, writes) = Attempt::of(&current, record(&current, NOW)).refused();
    assert_eq!(refusal, TokenRefusal::RefreshExhausted);
    assert!(writes.is_empty());
}
