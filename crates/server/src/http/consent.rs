//! `/consent`: the answer to "may this application …?".

use grantwell_core::{
    id::UserId,
    interaction::consent::{Answered, ConsentAnswer, ConsentChoice},
};

use crate::{
    http::{
        exchange::Exchange,
        form::{PageForm, handle},
        interaction_pages::Asking,
        proceed::{proceed, refused},
        renderer::Renderer,
        response::{Response, see_other},
    },
    pages::error::Cause,
};

/// POST.
pub(crate) async fn post(x: Exchange, page: PageForm) -> Response {
    let renderer = Renderer::new(&x, &page.headers, &[]);
    let form = page.interaction(&x);
    let pressed = match page.field("decision") {
        "allow" => Some(ConsentChoice::Allow),
        "deny" => Some(ConsentChoice::Deny),
        _ => None,
    };
    let (pressed, by) = match (pressed, UserId::parse(page.field("account"))) {
        (Some(pressed), Some(by)) => (pressed, by),
        (None, _) => return renderer.error(400, Cause::InvalidRequest, "decision"),
        (_, None) => return renderer.error(400, Cause::InvalidRequest, "account"),
    };
    let question = page.field("question").to_owned();
    let step = ConsentAnswer { form, by, pressed, question };
    let answered = match x.run(&step).await {
        Err(why) => return renderer.unavailable(&why),
        Ok(ran) => match ran.result {
            Err(refusal) => return refused(&x, &page.headers, &refusal).await,
            Ok(answered) => answered,
        },
    };
    let handle = handle(&x, page.field("interaction"));
    match answered {
        Answered::Noted => proceed(&x, &page.headers, handle, page.browser, Asking::Plainly).await,
        Answered::Changed => proceed(&x, &page.headers, handle, page.browser, Asking::Again).await,
        Answered::Stale => {
            let to = format!("/authorize/resume?interaction={}", page.field("interaction"));
            see_other(&x.realm.policy.url(&to))
        }
    }
}
