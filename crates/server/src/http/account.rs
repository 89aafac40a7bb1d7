//! `/account`: who am I, which applications are connected, where am I signed in; and the forms of that page.

use axum::{extract::RawQuery, http::HeaderMap};
use grantwell_core::{
    account::{AccountForm, AccountRefusal, AccountView, Disconnect, ShowAccount, SignOut, WhichSessions},
    error::Refusal as _,
    id::{ConsentId, SessionId},
    redirect_uri,
    resource::Resource,
    scope::Audience,
    store::Connection,
};

use crate::{
    http::{
        browser::Browser,
        exchange::Exchange,
        form::PageForm,
        principal::Person,
        renderer::Renderer,
        response::{Response, see_other, with_cookies},
        wire,
    },
    pages::{
        Application, HtmlForm, Novelty,
        account::{AccountNotice, AccountValues, Connected, SessionLine, WhichSession},
        error::Cause,
    },
};

/// GET.
pub(crate) async fn get(x: Exchange, _: Person, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let renderer = Renderer::new(&x, &headers, &[]);
    let mut browser = Browser::read(&x, &headers);
    let transaction = browser.transaction_digest(&x);
    let response = match x.run(&ShowAccount { browser: &browser.cookies, transaction }).await {
        Err(why) => renderer.unavailable(&why),
        Ok(ran) => match ran.result {
            Err(refusal) => refused(&x, &headers, refusal),
            Ok(view) => {
                let notice = notice(query.as_deref().unwrap_or_default());
                renderer.page(200, &page(&view, notice))
            }
        },
    };
    with_cookies(response, browser)
}

fn notice(query: &str) -> Option<AccountNotice<'static>> {
    match query {
        "done=disconnected" => Some(AccountNotice::Disconnected { name: "".into() }),
        "done=session-ended" => Some(AccountNotice::SessionEnded),
        "done=others-ended" => Some(AccountNotice::OthersEnded),
        _ => None,
    }
}

fn page<'p>(view: &'p AccountView, notice: Option<AccountNotice<'p>>) -> AccountValues<'p> {
    let AccountView { record, anti_forgery, connections, sessions, resources } = view;
    let form = |action: &'static str, field: &'static str, value: String| HtmlForm {
        action: action.into(),
        anti_forgery: anti_forgery.into(),
        interaction: None,
        fields: vec![(field.into(), value.into())],
    };
    let applications = connections.iter().map(|connection| {
        let disconnect = form("/account/disconnect", "consent", connection.consent.id.to_string());
        connected(connection, resources, disconnect)
    });
    let sessions = sessions.iter().map(|session| SessionLine {
        sign_out: form("/account/sign-out", "session", session.id.to_string()),
        which: if session.id == record.session.id { WhichSession::This } else { WhichSession::Other },
        user_agent: session.user_agent.as_str().into(),
        address: session.address.as_str().into(),
        signed_in: session.created_at,
        last_seen: session.last_seen_at,
    });
    AccountValues {
        person: wire::person(&record.user),
        username: record.user.username.as_str().into(),
        notice,
        applications: applications.collect(),
        sessions: sessions.collect(),
        sign_out_others: form("/account/sign-out", "session", "others".to_owned()),
        sign_out: form("/account/sign-out", "session", record.session.id.to_string()),
    }
}

fn connected<'f>(connection: &Connection, resources: &[Resource], disconnect: HtmlForm<'f>) -> Connected<'f> {
    let Connection { consent, client, last_used_at } = connection;
    let offline = consent.permissions.scopes().contains("offline_access");
    let home = client
        .as_ref()
        .and_then(|client| client.client_uri.clone().or_else(|| client.redirect_uris.first().cloned()));
    let name = client.as_ref().map_or(consent.client_id.as_str(), |client| client.display_name()).to_owned();
    Connected {
        application: Application {
            name: name.into(),
            host: home.map(|uri| redirect_uri::host_for_display(&uri).into()),
        },
        permissions: wire::permissions(&consent.permissions, resources, |_: &Audience, _| Novelty::First),
        offline_access: offline.then_some(Novelty::First),
        since: consent.created_at,
        last_used: *last_used_at,
        disconnect,
    }
}

/// POST `/account/disconnect`.
pub(crate) async fn disconnect(x: Exchange, _: Person, page: PageForm) -> Response {
    let consent = ConsentId::parse(page.field("consent"));
    match x.run(&Disconnect { form: form(&x, &page), consent }).await {
        Err(why) => Renderer::new(&x, &page.headers, &[]).unavailable(&why),
        Ok(ran) => match ran.result {
            Err(refusal) => refused(&x, &page.headers, refusal),
            Ok(()) => done(&x, "disconnected"),
        },
    }
}

/// POST `/account/sign-out`.
pub(crate) async fn sign_out(x: Exchange, _: Person, mut page: PageForm) -> Response {
    let which = match page.field("session") {
        "others" => Some(WhichSessions::Others),
        other => SessionId::parse(other).map(WhichSessions::One),
    };
    match x.run(&SignOut { form: form(&x, &page), which }).await {
        Err(why) => Renderer::new(&x, &page.headers, &[]).unavailable(&why),
        Ok(ran) => match ran.result {
            Err(refusal) => refused(&x, &page.headers, refusal),
            Ok(WhichSessions::Others) => done(&x, "others-ended"),
            Ok(WhichSessions::One(id)) => {
                page.browser.forget_sessions(&x, &[id]);
                with_cookies(done(&x, "session-ended"), page.browser)
            }
        },
    }
}

fn form(x: &Exchange, page: &PageForm) -> AccountForm {
    AccountForm { anti_forgery: page.anti_forgery(x), browser: page.browser.cookies.clone() }
}

fn refused(x: &Exchange, headers: &HeaderMap, refusal: AccountRefusal) -> Response {
    let renderer = Renderer::new(x, headers, &[]);
    match refusal {
        AccountRefusal::SignedOut => see_other(&x.realm.policy.url("/account")),
        AccountRefusal::Forged => renderer.error(403, Cause::CrossSite, refusal.reason()),
        AccountRefusal::NotFound => renderer.error(404, Cause::NotFound, refusal.reason()),
    }
}

fn done(x: &Exchange, what: &str) -> Response {
    see_other(&x.realm.policy.url(&format!("/account?done={what}")))
}
