use super::*;
use crate::fixtures as fx;

#[test]
fn t_13_exactly_one_token_and_never_in_the_url() {
    let none = Form::default();
    let token = Form::from_pairs([("access_token", "t")]);
    let twice = Form::from_pairs([("access_token", "t"), ("access_token", "t")]);
    for (headers, query, body, expected) in [
        (&["Bearer t"][..], &none, &none, Ok("t")),
        (&["bearer  t "], &none, &none, Ok("t")),
        (&[], &none, &token, Ok("t")),
        (&[], &none, &none, Err(BearerRefusal::NoToken)),
        (&[], &token, &none, Err(BearerRefusal::InUrl)),
        (&["Bearer t"], &token, &none, Err(BearerRefusal::InUrl)),
        (&["Bearer t"], &none, &token, Err(BearerRefusal::TwoTokens)),
        (&["Bearer t", "Bearer t"], &none, &none, Err(BearerRefusal::TwoTokens)),
        (&[], &none, &twice, Err(BearerRefusal::TwoTokens)),
        (&["Bearer"], &none, &none, Err(BearerRefusal::MalformedHeader)),
        (&["Bearer "], &none, &none, Err(BearerRefusal::MalformedHeader)),
        (&["Bearer a b"], &none, &none, Err(BearerRefusal::MalformedHeader)),
        (&["Basic t"], &none, &none, Err(BearerRefusal::MalformedHeader)),
        (&[""], &none, &none, Err(BearerRefusal::MalformedHeader)),
    ] {
        assert_eq!(find(headers, query, body), expected, "{headers:?}");
    }
    assert_eq!(BearerRefusal::InUrl.public().code.status(), 400);
    assert_eq!(BearerRefusal::TwoTokens.public().code.status(), 400);
    let policy = fx::policy();
    assert_eq!(BearerRefusal::NoToken.challenge(&policy), "Bearer");
    assert_eq!(
        BearerRefusal::Audience.challenge(&policy),
        "Bearer error=\"invalid_token\", error_description=\"the access token is for another API: ask for one with \
         resource=https://id.example\""
    );
    assert_eq!(
        BearerRefusal::Machine.challenge(&policy),
        "Bearer error=\"invalid_token\", error_description=\"the access token is a client's own: it speaks for no person\""
    );
    assert_eq!(
        BearerRefusal::Scope("openid").challenge(&policy),
        "Bearer error=\"insufficient_scope\", error_description=\"the access token lacks the scope openid\", scope=\"openid\""
    );
    assert_eq!(
        BearerRefusal::MalformedHeader.description(&policy),
        "the Authorization header is not Bearer and one access token"
    );
}
