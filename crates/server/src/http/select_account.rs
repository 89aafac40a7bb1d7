//! `/select-account`: "which account?", and "Not you?" of the other pages.

use grantwell_core::{
    id::SessionId,
    interaction::{
        proceed::{ShowPage, ShownPage},
        select::{SelectAccount, Selected},
    },
};

use crate::http::{
    exchange::Exchange,
    form::PageForm,
    interaction_pages::{self, Asking},
    proceed::refused,
    renderer::Renderer,
    response::{Response, see_other, with_cookies},
};

/// POST. Without a choice the page is shown; with `another` the sign-in page.
pub(crate) async fn post(x: Exchange, mut page: PageForm) -> Response {
    let account = if page.form.has("other_accounts") { "" } else { page.field("account") };
    let Some(chosen) = SessionId::parse(account) else {
        let shown = if account == "another" { ShownPage::SignIn } else { ShownPage::SelectAccount };
        return show(&x, &page, shown).await;
    };
    let form = page.interaction(&x);
    let step = SelectAccount { form, chosen };
    match x.run(&step).await {
        Err(why) => Renderer::new(&x, &page.headers, &[]).unavailable(&why),
        Ok(ran) => match ran.result {
            Err(refusal) => refused(&x, &page.headers, &refusal).await,
            Ok(Selected::Unknown) => show(&x, &page, ShownPage::SelectAccount).await,
            Ok(Selected::Session(id, interaction)) => {
                page.browser.prefer_session(&x, id);
                let to = format!("/authorize/resume?interaction={interaction}");
                with_cookies(see_other(&x.realm.policy.url(&to)), page.browser)
            }
        },
    }
}

async fn show(x: &Exchange, page: &PageForm, shown: ShownPage) -> Response {
    let form = page.interaction(x);
    match x.run(&ShowPage { form: &form, page: shown }).await {
        Err(why) => Renderer::new(x, &page.headers, &[]).unavailable(&why),
        Ok(ran) => match ran.result {
            Err(refusal) => refused(x, &page.headers, &refusal).await,
            Ok(next) => interaction_pages::show_ours(x, &page.headers, &next, Asking::Plainly),
        },
    }
}
