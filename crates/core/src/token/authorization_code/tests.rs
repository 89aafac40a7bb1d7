use std::time::Duration;

use super::*;
use crate::{
    client::Client,
    client_auth::ClientStep as _,
    fixtures as fx,
    fixtures::{NOW, REDIRECT, VERIFIER},
    id::AuthorizationId,
    jose::{Algorithm, Expected, verify},
    resource::Resource,
    step::{Stop, Want},
    token::{
        TokenRequest, TokenResponse, access::AccessTokens, liveness::Dead, mint::at_hash,
        refresh::RefreshToken,
    },
};

type Change = fn(&mut AuthorizationRecord);
type Params<'a> = Vec<(&'a str, &'a str)>;

type Outcome = Result<Decision<TokenResponse>, Refused<TokenRefusal>>;

fn decide_with(client: &Client, params: &Params<'_>, world: &fx::World, context: &Context<'_>) -> Outcome {
    let request = TokenRequest::read(&Form::from_pairs(params.iter().copied()));
    fx::decide_as(client, &request, world, context)
}

fn code_of(record: &AuthorizationRecord) -> String {
    Code::of(record.authorization.id, &fx::keyring().keys).encode()
}

fn params<'a>(code: &'a str, changes: &[(&'a str, Option<&'a str>)]) -> Params<'a> {
    let mut all = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    for (name, value) in changes {
        all.retain(|(n, _)| n != name);
        all.extend(value.map(|value| (*name, value)));
    }
    all
}

/// A redemption of `record`'s code by `client`.
fn redeem(client: &Client, record: &AuthorizationRecord, changes: &[(&str, Option<&str>)]) -> Outcome {
    let world = fx::World::of(record.clone());
    decide_with(client, &params(&code_of(record), changes), &world, &fx::context(&fx::policy()))
}

fn refusal(decided: Outcome) -> TokenRefusal {
    decided.unwrap_err().refusal
}

/// The writes that concern the grant; counts and audit lines are left out.
fn grant_writes(writes: &[Write]) -> Vec<&Write> {
    writes.iter().filter(|write| !matches!(write, Write::CountRefusal { .. } | Write::Audit(_))).collect()
}

fn invalidates(decided: Outcome) -> bool {
    matches!(grant_writes(&decided.unwrap_err().writes).as_slice(), [Write::InvalidateCode { .. }])
}

#[test]
fn a_code_is_redeemed_once_for_the_tokens_of_its_grant() {
    let record = fx::record();
    let decision = redeem(&fx::client(), &record, &[]).unwrap();
    let TokenResponse { access_token, token_type, expires_in, refresh_token, id_token, scope } =
        decision.outcome;
    assert_eq!((token_type, expires_in), ("Bearer", 600));
    assert_eq!(scope.to_string(), "email offline_access openid");

    let keys = &fx::keyring().keys;
    let refresh = RefreshToken::read(&refresh_token.unwrap(), keys).unwrap();
    match decision.writes.as_slice() {
        [Write::RedeemCode { id, at, refresh: Some(state) }] => {
            assert_eq!((*id, *at), (record.authorization.id, NOW));
            assert_eq!((state.generation, state.digest), (1, refresh.digest()));
            assert_eq!(state.expires_at, NOW + fx::policy().lifetimes.refresh_idle);
        }
        other => panic!("{other:?}"),
    }

    let claims = AccessTokens::read(&access_token, fx::keyring(), &fx::policy(), NOW).unwrap();
    assert_eq!((claims.aud.as_str(), claims.client_id.as_str()), (fx::ISSUER, "web"));
    assert_eq!(claims.sub, fx::user().id.to_string());
    assert_eq!(claims.exp - claims.iat, 600);
    assert_eq!(claims.scope.to_string(), "email offline_access openid");
    assert_eq!(claims.amr, ["pwd"]);

    let expected = Expected { typ: &["JWT"], algorithms: Algorithm::ALL };
    let id_token = verify(&id_token.unwrap(), fx::keyring().verifying(), &expected).unwrap().claims;
    assert_eq!(id_token["iss"], fx::ISSUER);
    assert_eq!(id_token["sub"], fx::user().id.to_string());
    assert_eq!(id_token["aud"], "web");
    assert_eq!(id_token["nonce"], "n-0S6_WzA2Mj");
    assert_eq!(id_token["sid"], record.authorization.session_id.unwrap().to_string());
    assert_eq!(id_token["auth_time"], record.authorization.authentication.at.seconds());
    assert_eq!(id_token["acr"], crate::policy::ACR_PASSWORD);
    assert_eq!(id_token["at_hash"], at_hash(&access_token, Algorithm::ES256));
    assert_eq!(id_token["exp"], NOW.seconds() + 600);
    assert!(!id_token.contains_key("azp"));
}

#[test]
fn an_id_token_without_a_session_has_no_sid() {
    let mut record = fx::record();
    (record.authorization.session_id, record.session) = (None, None);
    let id_token = redeem(&fx::client(), &record, &[]).unwrap().outcome.id_token.unwrap();
    let expected = Expected { typ: &["JWT"], algorithms: Algorithm::ALL };
    let claims = verify(&id_token, fx::keyring().verifying(), &expected).unwrap().claims;
    assert!(!claims.contains_key("sid"));
    assert_eq!(claims["sub"], fx::user().id.to_string());
}

#[test]
fn what_is_not_granted_is_not_given() {
    let without_refresh = Client { grant_types: [GrantType::AuthorizationCode].into(), ..fx::client() };
    let decision = redeem(&without_refresh, &fx::record(), &[]).unwrap();
    assert!(decision.outcome.refresh_token.is_none());
    assert!(matches!(decision.writes.as_slice(), [Write::RedeemCode { refresh: None, .. }]));

    let mut record = fx::record();
    record.authorization.permissions = fx::permissions(&[("", "email")]);
    assert!(redeem(&fx::client(), &record, &[]).unwrap().outcome.id_token.is_none(), "no openid");
}

#[test]
fn a_refresh_token_never_outlives_its_authorization() {
    let mut record = fx::record();
    record.authorization.expires_at = NOW + Duration::from_hours(1);
    let decision = redeem(&fx::client(), &record, &[]).unwrap();
    match decision.writes.as_slice() {
        [Write::RedeemCode { refresh: Some(state), .. }] => {
            assert_eq!(state.expires_at, record.authorization.expires_at);
        }
        other => panic!("{other:?}"),
    }
    record.authorization.expires_at = NOW + Duration::from_mins(1);
    assert_eq!(redeem(&fx::client(), &record, &[]).unwrap().outcome.expires_in, 60);
}

#[test]
fn p_04_p_05_p_07_a_wrong_verifier_is_refused_and_invalidates_the_code() {
    let other = VERIFIER.replace('d', "e");
    let padded = format!("{VERIFIER}=");
    for verifier in [Some(fx::CHALLENGE), Some(other.as_str()), Some(padded.as_str()), Some("short")] {
        let attempt = || redeem(&fx::client(), &fx::record(), &[("code_verifier", verifier)]);
        assert_eq!(refusal(attempt()), TokenRefusal::Verifier, "{verifier:?}");
        assert!(invalidates(attempt()), "{verifier:?}");
    }
    let mut record = fx::record();
    record.authorization.code.as_mut().unwrap().invalidated_at = Some(NOW);
    assert_eq!(
        refusal(redeem(&fx::client(), &record, &[])),
        TokenRefusal::CodeInvalidated,
        "the right one is too late"
    );
}

#[test]
fn p_04_a_verifier_that_is_left_out_is_said_to_be_missing_and_the_code_stays_valid() {
    let missing = || redeem(&fx::client(), &fx::record(), &[("code_verifier", None)]);
    assert_eq!(refusal(missing()), TokenRefusal::VerifierMissing);
    assert!(grant_writes(&missing().unwrap_err().writes).is_empty());
    let public = crate::error::Refusal::public(&TokenRefusal::VerifierMissing);
    assert_eq!(public.code.as_str(), "invalid_grant");
    assert_eq!(public.sentence(), "code_verifier is missing: the authorization request had a code_challenge");
    // Left out beside a wrong redirect URI, it is no excuse.
    let both = [("code_verifier", None), ("redirect_uri", Some("https://evil/cb"))];
    assert!(invalidates(redeem(&fx::client(), &fx::record(), &both)));
    // A code that was used is not replayed without it.
    let mut used = fx::record();
    used.authorization.code.as_mut().unwrap().redeemed_at = Some(NOW);
    assert_eq!(refusal(redeem(&fx::client(), &used, &[("code_verifier", None)])), TokenRefusal::CodeUsed);
}

#[test]
fn p_06_a_verifier_without_a_challenge_is_refused() {
    let mut record = fx::record();
    record.authorization.code.as_mut().unwrap().challenge = None;
    let attempt = || redeem(&fx::client(), &record, &[]);
    assert_eq!(refusal(attempt()), TokenRefusal::UnexpectedVerifier);
    assert!(invalidates(attempt()));
    assert!(redeem(&fx::client(), &record, &[("code_verifier", None)]).is_ok());
}

#[test]
fn c_03_the_redirect_uri_that_was_sent_must_be_repeated() {
    for redirect in [Some("https://rp.example/cb/"), Some("https://RP.example/cb"), Some("https://evil/cb")] {
        let attempt = || redeem(&fx::client(), &fx::record(), &[("redirect_uri", redirect)]);
        assert_eq!(refusal(attempt()), TokenRefusal::RedirectUri, "{redirect:?}");
        assert!(invalidates(attempt()), "{redirect:?}");
    }
    let missing = || redeem(&fx::client(), &fx::record(), &[("redirect_uri", None)]);
    assert_eq!(refusal(missing()), TokenRefusal::RedirectUriMissing);
    assert!(invalidates(missing()));
    let mut record = fx::record();
    record.authorization.code.as_mut().unwrap().redirect_uri = None;
    assert!(redeem(&fx::client(), &record, &[("redirect_uri", None)]).is_ok(), "none was sent");
}

#[test]
fn c_01_a_valid_replay_revokes_what_the_code_gave() {
    let mut record = fx::record();
    record.authorization.code.as_mut().unwrap().redeemed_at = Some(NOW);
    for late in [Duration::ZERO, Duration::from_hours(5)] {
        let world = fx::World::of(record.clone());
        let policy = fx::policy();
        let context = fx::context_at(&policy, NOW + late);
        let refused =
            decide_with(&fx::client(), &params(&code_of(&record), &[]), &world, &context).unwrap_err();
        assert_eq!(refused.refusal, TokenRefusal::CodeReplayed);
        assert!(matches!(grant_writes(&refused.writes).as_slice(), [Write::RevokeAuthorization { .. }]));
        let audit = refused.writes.iter().find_map(|write| match write {
            Write::Audit(event) => Some((event.kind.as_str(), event.user_id, event.trace_id.as_str())),
            _ => None,
        });
        assert_eq!(audit, Some(("authorization_code.replayed", Some(fx::user().id), "trace")));
    }
    // Again: nothing is left to revoke.
    record.authorization.revoked_at = Some(NOW);
    let again = redeem(&fx::client(), &record, &[]).unwrap_err();
    assert_eq!(again.refusal, TokenRefusal::CodeReplayed);
    assert!(grant_writes(&again.writes).is_empty());
    assert!(!again.writes.iter().any(|write| matches!(write, Write::Audit(_))));
}

#[test]
fn c_02_c_03_an_invalid_attempt_changes_nothing() {
    let mut used = fx::record();
    used.authorization.code.as_mut().unwrap().redeemed_at = Some(NOW);
    let mut invalidated = fx::record();
    invalidated.authorization.code.as_mut().unwrap().invalidated_at = Some(NOW);
    let foreign = Client { client_id: "foreign".into(), ..fx::client() };
    let wrong: &[(&str, Option<&str>)] = &[("code_verifier", None)];
    for (name, client, record, changes, expected) in [
        ("used, wrong verifier", fx::client(), &used, wrong, TokenRefusal::CodeUsed),
        ("used, wrong redirect", fx::client(), &used, &[("redirect_uri", None)], TokenRefusal::CodeUsed),
        ("used, another client", foreign.clone(), &used, &[], TokenRefusal::ForeignCode),
        ("unused, another client", foreign.clone(), &fx::record(), &[], TokenRefusal::ForeignCode),
        ("unused, a public one", fx::public_client(), &fx::record(), wrong, TokenRefusal::ForeignCode),
        ("invalidated, right", fx::client(), &invalidated, &[], TokenRefusal::CodeInvalidated),
        ("invalidated, wrong", fx::client(), &invalidated, wrong, TokenRefusal::CodeInvalidated),
    ] {
        let refused = redeem(&client, record, changes).unwrap_err();
        assert_eq!(refused.refusal, expected, "{name}");
        assert!(grant_writes(&refused.writes).is_empty(), "{name}");
    }
}

#[test]
fn c_05_a_code_ends_after_its_minute() {
    let record = fx::record();
    let policy = fx::policy();
    let world = fx::World::of(record.clone());
    let at = |now| {
        decide_with(&fx::client(), &params(&code_of(&record), &[]), &world, &fx::context_at(&policy, now))
    };
    let end = record.authorization.code.as_ref().unwrap().expires_at;
    assert!(at(end - Duration::from_millis(1)).is_ok());
    let refused = at(end).unwrap_err();
    assert_eq!(refused.refusal, TokenRefusal::CodeExpired);
    assert!(grant_writes(&refused.writes).is_empty());
}

#[test]
fn c_06_c_07_what_is_not_the_code_is_not_known() {
    let record = fx::record();
    let keys = &fx::keyring().keys;
    let world = fx::World::of(record.clone());
    let other = Code::of(AuthorizationId::from_bytes([9; 16]), keys).encode();
    let refresh = RefreshToken::first(record.authorization.id, &fx::Seeded::new(1)).encode(keys);
    // The right id with a secret that is not its own.
    let secret = Code::of(AuthorizationId::from_bytes([9; 16]), keys).digest();
    let mut edited = record.clone();
    edited.authorization.code.as_mut().unwrap().digest = secret;
    let policy = fx::policy();
    let context = fx::context(&policy);
    for code in [other.as_str(), refresh.as_str(), "x", "gwc_", &code_of(&record)[..60]] {
        let refused = decide_with(&fx::client(), &params(code, &[]), &world, &context).unwrap_err();
        assert_eq!(refused.refusal, TokenRefusal::UnknownCode, "{code}");
        assert!(grant_writes(&refused.writes).is_empty());
    }
    let right = code_of(&record);
    for at in (0..right.len()).step_by(5) {
        let mut bytes = right.clone().into_bytes();
        bytes[at] = if bytes[at].is_ascii_alphabetic() { bytes[at] ^ 0x20 } else { b'x' };
        let changed = String::from_utf8(bytes).unwrap();
        let refused = decide_with(&fx::client(), &params(&changed, &[]), &world, &context).unwrap_err();
        assert_eq!(refused.refusal, TokenRefusal::UnknownCode, "{changed}");
    }
    assert_eq!(refusal(redeem(&fx::client(), &edited, &[])), TokenRefusal::UnknownCode);
    edited.authorization.code = None;
    let refused = redeem(&fx::client(), &edited, &[]).unwrap_err();
    assert_eq!(refused.refusal, TokenRefusal::UnknownCode, "an authorization that is not a code's");
    assert!(grant_writes(&refused.writes).is_empty());
    assert_eq!(
        refusal(decide_with(&fx::client(), &params(&code_of(&record), &[]), &fx::World::default(), &context)),
        TokenRefusal::UnknownCode
    );
    for missing in ["code", "grant_type"] {
        assert_eq!(
            refusal(redeem(&fx::client(), &record, &[(missing, None)])),
            TokenRefusal::Missing(missing)
        );
        assert_eq!(
            crate::error::Refusal::public(&TokenRefusal::Missing(missing)).sentence(),
            format!("{missing} is missing")
        );
    }
}

#[test]
fn c_08_o_06_what_ended_in_between_ends_the_code() {
    let cases: &[(Change, Dead)] = &[
        (|r| r.user.as_mut().unwrap().disabled = true, Dead::UserDisabled),
        (|r| r.user = None, Dead::UserGone),
        (|r| r.consent_withdrawn_at = Some(NOW), Dead::ConsentWithdrawn),
        (|r| fx::client_of(r).disabled = true, Dead::ClientDisabled),
        (|r| r.session.as_mut().unwrap().ended_at = Some(NOW), Dead::SessionEnded),
        (|r| r.authorization.revoked_at = Some(NOW), Dead::Revoked),
    ];
    for (change, dead) in cases {
        let mut record = fx::record();
        change(&mut record);
        let refused = redeem(&fx::client(), &record, &[]).unwrap_err();
        assert_eq!(refused.refusal, TokenRefusal::Dead(*dead));
        assert!(grant_writes(&refused.writes).is_empty());
    }
}

#[test]
fn the_audience_is_the_one_named_or_the_one_that_goes_without_saying() {
    let one: &[(&str, &str)] = &[("", "openid"), (fx::API, "notes:read")];
    let two: &[(&str, &str)] = &[("", "openid"), (fx::API, "notes:read"), (fx::OTHER_API, "other")];
    let none: &[(&str, &str)] = &[("", "openid")];
    let with_default = Client { default_resource: Some(fx::OTHER_API.into()), ..fx::client() };
    let bad_default = Client { default_resource: Some("https://elsewhere/".into()), ..fx::client() };
    let plain = fx::client();
    for (granted, client, named, expected) in [
        (none, &plain, None, Ok((fx::ISSUER, "openid"))),
        (none, &with_default, None, Ok((fx::ISSUER, "openid"))),
        (one, &plain, None, Ok((fx::API, "notes:read"))),
        (one, &plain, Some(("resource", fx::ISSUER)), Ok((fx::ISSUER, "openid"))),
        (one, &plain, Some(("audience", fx::API)), Ok((fx::API, "notes:read"))),
        (one, &plain, Some(("resource", fx::OTHER_API)), Err(TokenRefusal::TargetNotGranted)),
        (one, &plain, Some(("resource", "https://api.example")), Ok((fx::API, "notes:read"))),
        (one, &plain, Some(("audience", "https://API.example:443")), Ok((fx::API, "notes:read"))),
        (one, &plain, Some(("resource", "https://ID.example/")), Ok((fx::ISSUER, "openid"))),
        (one, &plain, Some(("resource", "https://other.example")), Err(TokenRefusal::TargetNotGranted)),
        (one, &plain, Some(("resource", "https://api.example/x")), Err(TokenRefusal::TargetNotGranted)),
        (two, &plain, None, Err(TokenRefusal::TargetAmbiguous)),
        (two, &bad_default, None, Err(TokenRefusal::TargetAmbiguous)),
        (two, &with_default, None, Ok((fx::OTHER_API, "other"))),
        (two, &with_default, Some(("resource", fx::API)), Ok((fx::API, "notes:read"))),
    ] {
        let mut record = fx::record();
        record.authorization.permissions = fx::permissions(granted);
        let changes: Vec<_> = named.iter().map(|(name, value)| (*name, Some(*value))).collect();
        let outcome = redeem(client, &record, &changes);
        match expected {
            Ok((aud, scope)) => {
                let response = outcome.unwrap().outcome;
                let claims =
                    AccessTokens::read(&response.access_token, fx::keyring(), &fx::policy(), NOW).unwrap();
                assert_eq!((claims.aud.as_str(), claims.scope.to_string().as_str()), (aud, scope));
                assert_eq!(response.scope, claims.scope, "what the access token may do");
            }
            Err(expected) => {
                let refused = outcome.unwrap_err();
                assert_eq!(refused.refusal, expected, "{named:?}");
                assert!(grant_writes(&refused.writes).is_empty(), "the code can still be used");
            }
        }
    }
}

fn id_claims(response: &TokenResponse) -> serde_json::Map<String, serde_json::Value> {
    let expected = Expected { typ: &["JWT"], algorithms: Algorithm::ALL };
    verify(response.id_token.as_ref().unwrap(), fx::keyring().verifying(), &expected).unwrap().claims
}

#[test]
fn the_scope_of_a_response_is_there_even_when_the_access_token_has_none() {
    let default = Client { default_resource: Some(fx::API.into()), ..fx::client() };
    for (granted, expected) in [
        (&[("", "openid email"), (fx::API, "notes:read")][..], "notes:read"),
        (&[("", "openid email"), (fx::API, "")], ""),
        (&[("", "openid email")], "email openid"),
    ] {
        let mut record = fx::record();
        record.authorization.permissions = fx::permissions(granted);
        let response = redeem(&default, &record, &[]).unwrap().outcome;
        assert_eq!(serde_json::to_value(response).unwrap()["scope"], expected);
    }
}

#[test]
fn the_id_token_has_the_claims_of_the_granted_scopes_where_the_access_token_is_not_good_at_userinfo() {
    let always = Client { id_token_claims: true, ..fx::client() };
    let fewer = Client { scope: fx::scopes("openid email notes:read"), ..fx::client() };
    let (email, profile) = (["email", "email_verified"], ["name", "preferred_username"]);
    let both = [email, profile].concat();
    let all = [&both[..], &["groups"]].concat();
    for (client, granted, resource, expected) in [
        (fx::client(), "openid email profile", None, &both[..]),
        (fx::client(), "openid email", None, &email),
        (fx::client(), "openid", None, &[]),
        (fx::client(), "openid email profile", Some(fx::ISSUER), &[]),
        (fewer, "openid email profile", None, &email),
        (always.clone(), "openid email profile", Some(fx::ISSUER), &all),
        (always.clone(), "openid email profile", None, &all),
        (always, "openid", None, &["groups"]),
    ] {
        let mut record = fx::record();
        record.user.as_mut().unwrap().groups = vec!["staff".to_owned(), "admins".to_owned()];
        record.authorization.permissions = fx::permissions(&[("", granted), (fx::API, "notes:read")]);
        let claims = id_claims(&redeem(&client, &record, &[("resource", resource)]).unwrap().outcome);
        for name in &all {
            assert_eq!(claims.contains_key(*name), expected.contains(name), "{name}: {granted} {resource:?}");
        }
        assert_eq!(claims["sub"], fx::user().id.to_string());
        if let Some(groups) = claims.get("groups") {
            assert_eq!(*groups, json!(["staff", "admins"]));
        }
    }
    // Without a group the claim is an empty list.
    let always = Client { id_token_claims: true, ..fx::client() };
    assert_eq!(id_claims(&redeem(&always, &fx::record(), &[]).unwrap().outcome)["groups"], json!([]));
}

#[test]
fn t_14_an_account_cannot_change_a_claim_of_the_id_token() {
    let mut record = fx::record();
    record.authorization.permissions =
        fx::permissions(&[("", "openid email profile"), (fx::API, "notes:read")]);
    let always = Client { id_token_claims: true, ..fx::client() };
    let honest = id_claims(&redeem(&always, &record, &[]).unwrap().outcome);
    let user = record.user.as_mut().unwrap();
    for name in ["iss", "sub", "aud", "exp", "nonce", "acr", "amr", "sid", "at_hash", "auth_time", "groups"] {
        user.claims.insert(name.to_owned(), json!("x"));
    }
    let claims = id_claims(&redeem(&always, &record, &[]).unwrap().outcome);
    assert_eq!(claims.keys().collect::<Vec<_>>(), honest.keys().collect::<Vec<_>>());
    for (name, value) in &claims {
        assert_ne!(*value, json!("x"), "{name}");
    }
}

#[test]
fn f_09_only_one_resource_that_still_exists_can_be_named() {
    let mut record = fx::record();
    record.authorization.permissions = fx::permissions(&[(fx::API, "notes:read"), (fx::OTHER_API, "other")]);
    let code = code_of(&record);
    let policy = fx::policy();
    let attempt = |extra: &[(&str, &str)], resources: Vec<Resource>| {
        let world = fx::World { resources, ..fx::World::of(record.clone()) };
        let mut all = vec![
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        all.extend(extra);
        decide_with(&fx::client(), &all, &world, &fx::context(&policy))
    };
    let two = [("resource", fx::API), ("resource", fx::OTHER_API)];
    assert_eq!(refusal(attempt(&two, vec![fx::resource()])), TokenRefusal::TwoTargets);
    let mixed = [("resource", fx::API), ("audience", fx::OTHER_API)];
    assert_eq!(refusal(attempt(&mixed, vec![fx::resource()])), TokenRefusal::TwoTargets);
    let same = [("resource", fx::API), ("audience", fx::API)];
    assert!(attempt(&same, vec![fx::resource()]).is_ok());
    let spelled = [("resource", fx::API), ("audience", "https://api.example")];
    assert!(attempt(&spelled, vec![fx::resource()]).is_ok());
    assert_eq!(
        refusal(attempt(&same, vec![fx::other_resource()])),
        TokenRefusal::TargetNotGranted,
        "deleted"
    );
}

#[test]
fn what_to_load_is_what_the_decision_needs() {
    let mut record = fx::record();
    let code = code_of(&record);
    let request = TokenRequest::read(&Form::from_pairs(params(&code, &[])));
    let wants =
        |record: &AuthorizationRecord| fx::wants_as(&fx::client(), &request, &fx::World::of(record.clone()));
    assert_eq!(wants(&record), ["authorization"]);
    record.authorization.permissions = fx::permissions(&[("", "openid"), (fx::API, "notes:read")]);
    assert_eq!(wants(&record), ["authorization", "resources"]);
}

#[test]
fn a_key_that_is_still_being_made_is_waited_for_and_the_code_lives() {
    let client = Client { id_token_signed_response_alg: Algorithm::RS256, ..fx::client() };
    let (record, policy) = (fx::record(), fx::policy());
    let code = code_of(&record);
    let request = TokenRequest::read(&Form::from_pairs(params(&code, &[])));
    let mut have = Have::default();
    have.authorization.put(record.authorization.id, Some(record));
    let stop = request.decide(fx::authenticated(&client), &have, &fx::context(&policy));
    assert!(matches!(stop, Err(Stop::Want(Want::SigningKey(Algorithm::RS256)))));
}

#[test]
fn every_algorithm_of_a_client_signs_its_id_token() {
    for algorithm in [Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA] {
        let client = Client { id_token_signed_response_alg: algorithm, ..fx::client() };
        let id_token = redeem(&client, &fx::record(), &[]).unwrap().outcome.id_token.unwrap();
        let expected = Expected { typ: &["JWT"], algorithms: &[algorithm] };
        assert!(verify(&id_token, fx::keyring().verifying(), &expected).is_ok(), "{algorithm}");
    }
}

#[test]
fn q_07_every_issue_is_audited_where_the_operator_wants_it() {
    let mut policy = fx::policy();
    policy.audit_every_token = true;
    let record = fx::record();
    let world = fx::World::of(record.clone());
    let decision =
        decide_with(&fx::client(), &params(&code_of(&record), &[]), &world, &fx::context(&policy)).unwrap();
    assert!(matches!(decision.writes.as_slice(), [Write::RedeemCode { .. }, Write::Audit(event)]
        if event.kind == "token.issued" && event.client_id == Some("web".into())));
}
