//! The pages: a shell for the single-page application, and shape 3 rendered here. Everything is embedded.

use std::{fmt::Write, sync::Arc};

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::{
    BACKEND_CLIENT, SCOPE, SPA_CLIENT, ThirdPartyApp, backend_redirect_uri, connection::ConnectionView,
    post_logout_redirect_uri, spa_redirect_uri,
};

const SHELL: &str = include_str!("../assets/shell.html");
const HOME: &str = include_str!("../assets/home.html");
const SIGNED_OUT: &str = include_str!("../assets/signed-out.html");

const ASSETS: [(&str, &str, &str); 8] = [
    ("style.css", "text/css; charset=utf-8", include_str!("../assets/style.css")),
    ("mark.svg", "image/svg+xml", include_str!("../assets/mark.svg")),
    ("main.js", JAVASCRIPT, include_str!("../assets/main.js")),
    ("oauth.js", JAVASCRIPT, include_str!("../assets/oauth.js")),
    ("spa.js", JAVASCRIPT, include_str!("../assets/spa.js")),
    ("backend.js", JAVASCRIPT, include_str!("../assets/backend.js")),
    ("machine.js", JAVASCRIPT, include_str!("../assets/machine.js")),
    ("view.js", JAVASCRIPT, include_str!("../assets/view.js")),
];
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

fn page(title: &str, name: &str, body: &str) -> Html<String> {
    Html(SHELL.replace("{{title}}", &escape(title)).replace("{{page}}", name).replace("{{body}}", body))
}

pub(crate) async fn home() -> Html<String> {
    let script = "<script type=\"module\" src=\"/assets/main.js\"></script>";
    page("Fieldnotes", "home", &format!("{HOME}{script}"))
}

pub(crate) async fn signed_out() -> Html<String> {
    page("Signed out · Fieldnotes", "signed-out", SIGNED_OUT)
}

pub(crate) async fn asset(Path(name): Path<String>) -> Response {
    match ASSETS.iter().find(|(known, ..)| *known == name) {
        Some((_, kind, text)) => ([(header::CONTENT_TYPE, *kind)], *text).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// What the SPA has to know. Nothing in it is secret: it is a public client.
pub(crate) async fn config(State(app): State<Arc<ThirdPartyApp>>) -> Json<Value> {
    let config = &app.config;
    Json(json!({
        "issuer": config.issuer,
        "api": config.api,
        "resource": config.resource,
        "scope": SCOPE,
        "post_logout_redirect_uri": post_logout_redirect_uri(&config.origin),
        "spa": { "client_id": SPA_CLIENT, "redirect_uri": spa_redirect_uri(&config.origin) },
        "backend": { "client_id": BACKEND_CLIENT, "redirect_uri": backend_redirect_uri(&config.origin) },
    }))
}

/// Shape 3, with or without a session.
pub(crate) fn web(view: &ConnectionView) -> Html<String> {
    let mut body = String::from(
        "<p class=\"crumb\"><a href=\"/\">All four shapes</a></p>\
         <section class=\"panel\" data-panel=\"web\"><header><h1>A server-side web application</h1>\
         <p class=\"soft\">The code is redeemed by a server with its secret in the body, without PKCE. No script runs on \
         this page.</p></header>",
    );
    let notice = &view.notice;
    let _ = write!(
        body,
        "<div class=\"notice\" role=\"status\" data-result=\"notice\" data-notice=\"{}\"><strong>{}</strong><p>{}</p></div>",
        escape(notice.kind),
        escape(notice.title),
        escape(&notice.text)
    );
    body.push_str("<div class=\"actions\">");
    if view.signed_in {
        for (action, label) in [
            ("call", "Call the API"),
            ("refresh", "Refresh"),
            ("spoil", "Call with a damaged token"),
            ("sign-out", "Sign out"),
        ] {
            body.push_str(&button(action, label, &format!("/web/{action}")));
        }
    }
    if !view.signed_in || matches!(notice.kind, "expired" | "disconnected") {
        body.push_str(&button("sign-in", "Sign in", "/web/start"));
    }
    body.push_str("</div>");
    if view.signed_in {
        body.push_str(
            "<form class=\"note\" method=\"post\" action=\"/web/note\"><label>A new note\
             <input name=\"text\" required maxlength=\"500\" autocomplete=\"off\"></label>\
             <button data-action=\"note\">Write it</button></form>",
        );
        for (name, label, value) in [
            ("api", "What the API says about you", &view.api),
            ("notes", "Notes", &view.notes),
            ("id-token", "Claims of the ID token", &view.id_token),
            ("access-token", "Claims of the access token", &view.access_token),
        ] {
            result(&mut body, name, label, value);
        }
    }
    log(&mut body, view);
    body.push_str("</section>");
    page("Web application · Fieldnotes", "web", &body)
}

fn button(action: &str, label: &str, target: &str) -> String {
    format!(
        "<form method=\"post\" action=\"{target}\"><button data-action=\"{action}\">{label}</button></form>"
    )
}

fn result(body: &mut String, name: &str, label: &str, value: &Value) {
    let _ = write!(
        body,
        "<section class=\"result\"><h2>{label}</h2><pre tabindex=\"0\" data-result=\"{name}\">{}</pre></section>",
        escape(&pretty(value))
    );
}

fn log(body: &mut String, view: &ConnectionView) {
    if view.log.is_empty() {
        return;
    }
    body.push_str("<section class=\"result\"><h2>Requests made</h2><ol class=\"log\">");
    for line in &view.log {
        let line = json!(line);
        let text = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default();
        let status = line
            .get("status")
            .and_then(Value::as_u64)
            .map_or_else(|| "by the browser".to_owned(), |s| s.to_string());
        let path = text("url").splitn(4, '/').last().unwrap_or_default();
        let _ = write!(
            body,
            "<li data-log=\"{method} /{path}\" data-status=\"{status}\"><details><summary><code>{method} {url}</code> \
             <span class=\"status\">{status}</span></summary><pre tabindex=\"0\">{}</pre><pre tabindex=\"0\">{}</pre></details></li>",
            escape(&pretty(line.get("sent").unwrap_or(&Value::Null))),
            escape(&pretty(line.get("received").unwrap_or(&Value::Null))),
            method = escape(text("method")),
            path = escape(path),
            url = escape(text("url")),
        );
    }
    body.push_str("</ol></section>");
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Notice;

    #[test]
    fn what_others_sent_is_text_on_the_page() {
        let evil = "<script>alert(1)</script>\"'&";
        let mut view = ConnectionView::without_session(Notice::new("failed", "No", evil), Vec::new());
        view.signed_in = true;
        view.api = json!({ "body": evil });
        let Html(html) = web(&view);
        assert!(!html.contains("<script>alert"), "{html}");
        assert_eq!(escape(evil), "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;");
    }
}
