use super::*;
use crate::{
    client_auth::ClientStep as _,
    fixtures as fx,
    step::{Refused, Stop, Want},
    store::Write,
    token::{TokenRequest, TokenResponse, access::AccessTokens, jti::TokenId},
};

use TokenRefusal as R;

type Outcome = Result<Decision<TokenResponse>, Refused<TokenRefusal>>;

fn decide(client: &Client, extra: &[(&str, &str)], resources: Vec<Resource>) -> Outcome {
    decide_under(&fx::policy(), client, extra, resources)
}

fn decide_under(
    policy: &Policy,
    client: &Client,
    extra: &[(&str, &str)],
    resources: Vec<Resource>,
) -> Outcome {
    let mut params = vec![("grant_type", "client_credentials")];
    params.extend(extra);
    let request = TokenRequest::read(&Form::from_pairs(params));
    let world = fx::World { resources, ..fx::World::default() };
    fx::decide_as(client, &request, &world, &fx::context(policy))
}

fn both() -> Vec<Resource> {
    vec![fx::resource(), fx::other_resource()]
}

#[test]
fn a_machine_gets_a_token_in_its_own_name_and_nothing_is_written() {
    let decision = decide(&fx::machine(), &[], both()).unwrap();
    assert!(decision.writes.is_empty());
    let TokenResponse { access_token, refresh_token, id_token, scope, .. } = decision.outcome;
    assert!(refresh_token.is_none() && id_token.is_none());
    assert_eq!(scope.to_string(), "notes:read notes:write");
    let claims = AccessTokens::read(&access_token, fx::keyring(), &fx::policy(), fx::NOW).unwrap();
    assert_eq!((claims.sub.as_str(), claims.client_id.as_str()), ("machine", "machine"));
    assert_eq!(claims.aud, fx::API);
    assert_eq!((claims.auth_time, claims.acr.as_deref()), (None, None));
    assert_eq!(claims.token_id(), Some(TokenId::Machine { issued_at: fx::NOW, epoch: fx::EPOCH }));
}

#[test]
fn x_09_a_public_client_is_no_machine() {
    let client = Client { grant_types: [GrantType::ClientCredentials].into(), ..fx::public_client() };
    assert_eq!(decide(&client, &[], both()).unwrap_err().refusal, TokenRefusal::PublicClient);
}

#[test]
fn scopes_and_audience_of_a_machine() {
    let machine = fx::machine();
    let many = Client { scope: fx::scopes("notes:read other"), ..fx::machine() };
    let chosen = Client { default_resource: Some(fx::OTHER_API.into()), ..many.clone() };
    let free = Client { scope: fx::scopes("openid free"), ..fx::machine() };
    let bare = Client { scope: fx::scopes("openid"), ..fx::machine() };
    let bare_default = Client { default_resource: Some(fx::API.into()), ..bare.clone() };
    for (at, (client, asked, named, expected)) in [
        (&machine, Some("notes:read"), None, Ok((fx::API, "notes:read"))),
        (&machine, Some("notes:read unknown openid"), None, Ok((fx::API, "notes:read"))),
        (&machine, Some("other"), None, Err(R::Scope)),
        (&machine, Some("openid email"), None, Err(R::Scope)),
        (&machine, Some("a\\b"), None, Err(R::ScopeSyntax)),
        (&machine, Some(" "), None, Ok((fx::API, "notes:read notes:write"))),
        (&machine, None, Some(fx::API), Ok((fx::API, "notes:read notes:write"))),
        (&machine, None, Some("https://API.example:443"), Ok((fx::API, "notes:read notes:write"))),
        (&machine, None, Some("https://id.example/"), Ok((fx::ISSUER, ""))),
        (&bare_default, None, Some("https://api.example"), Ok((fx::API, ""))),
        (&machine, None, Some("https://other.example"), Err(R::TargetNotGranted)),
        (&machine, None, Some(fx::OTHER_API), Err(R::TargetNotGranted)),
        (&machine, None, Some("https://nowhere/"), Err(R::TargetNotGranted)),
        (&machine, None, Some(fx::ISSUER), Ok((fx::ISSUER, ""))),
        (&machine, Some("notes:read"), Some(fx::ISSUER), Err(R::Scope)),
        (&many, None, None, Err(R::TargetAmbiguous)),
        (&many, Some("other"), None, Ok((fx::OTHER_API, "other"))),
        (&many, None, Some(fx::API), Ok((fx::API, "notes:read"))),
        (&many, Some("other"), Some(fx::API), Err(R::Scope)),
        (&chosen, None, None, Ok((fx::OTHER_API, "other"))),
        (&chosen, Some("notes:read"), None, Ok((fx::API, "notes:read"))),
        (&free, None, None, Ok((fx::ISSUER, "free"))),
        (&bare, None, None, Ok((fx::ISSUER, ""))),
        (&bare_default, None, None, Ok((fx::ISSUER, ""))),
        (&bare_default, None, Some(fx::API), Ok((fx::API, ""))),
    ]
    .into_iter()
    .enumerate()
    {
        let extra: Vec<_> = asked
            .map(|asked| ("scope", asked))
            .into_iter()
            .chain(named.map(|named| ("audience", named)))
            .collect();
        let outcome = decide(client, &extra, both()).map_err(|refused| refused.refusal).map(|decision| {
            let response = decision.outcome;
            let claims =
                AccessTokens::read(&response.access_token, fx::keyring(), &fx::policy(), fx::NOW).unwrap();
            assert_eq!(claims.scope, response.scope);
            assert_eq!(serde_json::to_value(&response).unwrap()["scope"], claims.scope.to_string());
            (claims.aud, claims.scope.to_string())
        });
        let expected = expected.map(|(aud, scope)| (aud.to_owned(), scope.to_owned()));
        assert_eq!(outcome, expected, "case {at}");
    }
}

#[test]
fn what_to_load_is_what_is_named_or_owns_a_scope() {
    let client = Client { default_resource: Some(fx::OTHER_API.into()), ..fx::machine() };
    let form = Form::from_pairs([("grant_type", "client_credentials"), ("resource", fx::API)]);
    let policy = fx::policy();
    let stop =
        TokenRequest::read(&form).decide(fx::authenticated(&client), &Have::default(), &fx::context(&policy));
    let Err(Stop::Want(Want::Resources(identifiers, scopes))) = stop else { panic!("{stop:?}") };
    assert_eq!(identifiers.first(), Some(&fx::OTHER_API.into()));
    assert_eq!(identifiers.get(1..), Some(&*crate::id::ResourceIdentifier::from(fx::API).spellings()));
    assert_eq!(scopes.to_string(), "notes:read notes:write");
}

#[test]
fn q_07_a_machine_token_is_audited_where_the_operator_wants_it() {
    let mut policy = fx::policy();
    policy.audit_every_token = true;
    let decision = decide_under(&policy, &fx::machine(), &[], both()).unwrap();
    assert!(matches!(decision.writes.as_slice(), [Write::Audit(event)] if event.kind == "token.issued"));
}
