//! `/userinfo` (OpenID Connect Core 1.0 §5.3), GET and POST.

use grantwell_core::userinfo::UserInfoRequest;

use crate::http::{
    bearer::{BearerToken, challenge},
    exchange::Exchange,
    response::{Response, json, unavailable},
};

/// GET and POST.
pub(crate) async fn respond(x: Exchange, BearerToken(token): BearerToken) -> Response {
    match x.run(&UserInfoRequest::new(&token)).await {
        Err(why) => unavailable(&x, &why),
        Ok(ran) => match ran.result {
            Ok(claims) => json(200, &claims),
            Err(refusal) => challenge(&x, refusal),
        },
    }
}
