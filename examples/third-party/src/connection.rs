//! One person's connection: the tokens a back end holds for them, what it did with them, and what the page shows.
//! Shapes 2 and 3 share it; they differ in how they got here.

use grantwell_core::time::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    ThirdPartyApp, id_token,
    issuer::{ApiResponse, ClientRegistration, Log, ReceivedTokens, Trouble},
    post_logout_redirect_uri,
};

/// What happened last, in words.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Notice {
    /// For styles and tests: `signed-in`, `called`, `written`, `refreshed`, `expired`, `forbidden`, `disconnected`,
    /// `denied`, `signed-out`, `failed`.
    pub(crate) kind: &'static str,
    pub(crate) title: &'static str,
    pub(crate) text: String,
}

impl Notice {
    pub(crate) fn new(kind: &'static str, title: &'static str, text: impl Into<String>) -> Self {
        Self { kind, title, text: text.into() }
    }

    /// What a refusal at the authorization or token endpoint means to the person.
    pub(crate) fn of(trouble: &Trouble) -> Self {
        match trouble {
            Trouble::Refused { error, .. } if error == "access_denied" => Self::new(
                "denied",
                "You said no",
                "Nothing was shared with Fieldnotes. You can change your mind at any time.",
            ),
            Trouble::Refused { error, .. } if error == "invalid_grant" => Self::new(
                "disconnected",
                "The connection has ended",
                "Fieldnotes was disconnected, or the connection grew too old. Sign in to connect it again.",
            ),
            Trouble::Refused { error, description } => {
                Self::new("failed", "That did not work", format!("The response was {error}. {description}"))
            }
            Trouble::Unreachable(why) => {
                Self::new("failed", "No response", format!("Please try again in a moment ({why})."))
            }
            Trouble::Untrusted(why) => Self::new(
                "failed",
                "That response was not accepted",
                format!("Fieldnotes stopped, because {why}. Please sign in again."),
            ),
        }
    }

    /// What a response of the API means to the person.
    fn of_api(answer: &ApiResponse, good: Self) -> Self {
        match answer.status {
            200..=299 => good,
            401 => Self::new(
                "expired",
                "The API asks for a new token",
                "It responded with 401: the access token has expired, was revoked, or is damaged. Refresh it, or sign in again.",
            ),
            403 => Self::new(
                "forbidden",
                "The API said no",
                "It responded with 403: the token does not cover this.",
            ),
            status => {
                Self::new("failed", "The API responded with an error", format!("It responded with {status}."))
            }
        }
    }
}

/// What a page shows of a connection. No token leaves the back end.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ConnectionView {
    pub(crate) signed_in: bool,
    pub(crate) notice: Notice,
    pub(crate) id_token: Value,
    pub(crate) access_token: Value,
    pub(crate) scope: Option<String>,
    pub(crate) api: Value,
    pub(crate) notes: Value,
    pub(crate) log: Log,
}

impl ConnectionView {
    /// Nobody is connected.
    pub(crate) fn without_session(notice: Notice, log: Log) -> Self {
        Self {
            signed_in: false,
            notice,
            id_token: Value::Null,
            access_token: Value::Null,
            scope: None,
            api: Value::Null,
            notes: Value::Null,
            log,
        }
    }
}

/// What the issuer gave: the tokens, and what the ID token says.
pub(crate) struct IssuerConnection {
    client: ClientRegistration,
    tokens: ReceivedTokens,
    id_token: Value,
    me: Option<ApiResponse>,
    notes: Option<ApiResponse>,
    notice: Notice,
    log: Log,
}

impl IssuerConnection {
    /// Redeems a code: the token request, the checks of the ID token, and a first call to the API.
    pub(crate) async fn open(
        app: &ThirdPartyApp,
        client: &ClientRegistration,
        form: &[(&str, &str)],
        nonce: &str,
        log: &mut Log,
    ) -> Result<Self, Trouble> {
        let tokens = app.issuer.token(form, client, log).await?;
        let Some(token) = &tokens.id_token else {
            return Err(Trouble::Untrusted("there is no ID token in the response".to_owned()));
        };
        let expected = id_token::ExpectedIdToken {
            issuer: &app.config.issuer,
            client_id: &client.id,
            nonce: Some(nonce),
            subject: None,
            now: now(app),
        };
        let id_token = verified(app, token, &expected, log).await?;
        let mut connection = Self::with(client, tokens, id_token, std::mem::take(log));
        connection.call(app).await;
        if connection.me.as_ref().is_some_and(|answer| answer.status == 200) {
            connection.notice =
                Notice::new("signed-in", "Connected", "Fieldnotes has called the API for you.");
        }
        Ok(connection)
    }

    /// Shape 4: a machine has no ID token.
    pub(crate) async fn of_machine(app: &ThirdPartyApp, log: &mut Log) -> Result<Self, Trouble> {
        let form = [
            ("grant_type", "client_credentials"),
            ("scope", crate::MACHINE_SCOPE),
            ("resource", app.config.resource.as_str()),
        ];
        let tokens = app.issuer.token(&form, &app.machine, log).await?;
        Ok(Self::with(&app.machine, tokens, Value::Null, std::mem::take(log)))
    }

    fn with(client: &ClientRegistration, tokens: ReceivedTokens, id_token: Value, log: Log) -> Self {
        let notice = Notice::new("signed-in", "Connected", "");
        Self { client: client.clone(), tokens, id_token, me: None, notes: None, notice, log }
    }

    /// Reads from the API.
    pub(crate) async fn call(&mut self, app: &ThirdPartyApp) {
        let token = self.tokens.access_token.clone();
        self.call_with(app, &token).await;
    }

    /// Reads from the API with a token that is no good, to show what a refusal looks like.
    pub(crate) async fn spoil(&mut self, app: &ThirdPartyApp) {
        let mut token = self.tokens.access_token.clone();
        let last = token.pop();
        // The last character but one carries six bits of the signature, whatever the length is.
        let before = token.pop();
        token.push(if before == Some('A') { 'B' } else { 'A' });
        token.extend(last);
        self.call_with(app, &token).await;
    }

    async fn call_with(&mut self, app: &ThirdPartyApp, token: &str) {
        let good = Notice::new("called", "The API responded", "It accepted the access token.");
        let me = app.issuer.api(&format!("{}/api/me", app.config.api), token, None, &mut self.log).await;
        self.notice = match me {
            Ok(answer) => {
                let notice = Notice::of_api(&answer, good);
                self.me = Some(answer);
                notice
            }
            Err(trouble) => Notice::of(&trouble),
        };
        let notes = app.issuer.api(&notes_url(app), token, None, &mut self.log).await;
        self.notes = notes.ok();
    }

    /// Writes a note, and reads them all again.
    pub(crate) async fn note(&mut self, text: &str, app: &ThirdPartyApp) {
        let token = self.tokens.access_token.clone();
        let url = notes_url(app);
        let body = json!({ "text": text });
        let written = app.issuer.api(&url, &token, Some(&body), &mut self.log).await;
        let good = Notice::new("written", "Note written", "The API accepted the access token for writing.");
        self.notice = match &written {
            Ok(answer) => Notice::of_api(answer, good),
            Err(trouble) => Notice::of(trouble),
        };
        if written.is_ok_and(|answer| answer.status < 300) {
            self.notes = app.issuer.api(&url, &token, None, &mut self.log).await.ok();
        }
    }

    /// Asks for a new access token (RFC 6749 §6). The old refresh token is forgotten as soon as there is another.
    pub(crate) async fn refresh(&mut self, app: &ThirdPartyApp) {
        let refreshed = self.try_refresh(app).await;
        self.notice = match refreshed {
            Ok(()) => {
                Notice::new("refreshed", "New access token", "The refresh token was used; nobody was asked.")
            }
            Err(trouble) => Notice::of(&trouble),
        };
    }

    async fn try_refresh(&mut self, app: &ThirdPartyApp) -> Result<(), Trouble> {
        let Some(refresh_token) = self.tokens.refresh_token.clone() else {
            return Err(Trouble::Untrusted("there is no refresh token".to_owned()));
        };
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token.as_str()),
            ("resource", app.config.resource.as_str()),
        ];
        let mut tokens = app.issuer.token(&form, &self.client, &mut self.log).await?;
        tokens.refresh_token = tokens.refresh_token.or(Some(refresh_token));
        if let Some(token) = &tokens.id_token {
            let expected = id_token::ExpectedIdToken {
                issuer: &app.config.issuer,
                client_id: &self.client.id,
                nonce: None,
                subject: self.id_token.get("sub").and_then(Value::as_str),
                now: now(app),
            };
            self.id_token = verified(app, token, &expected, &mut self.log).await?;
        }
        tokens.id_token = tokens.id_token.or_else(|| self.tokens.id_token.take());
        self.tokens = tokens;
        Ok(())
    }

    /// Gives the refresh token back, and says where to send the browser to sign out at the issuer too.
    pub(crate) async fn close(&mut self, app: &ThirdPartyApp) -> String {
        if let Some(token) = self.tokens.refresh_token.take() {
            app.issuer.revoke(&token, &self.client, &mut self.log).await;
        }
        let home = post_logout_redirect_uri(&app.config.origin);
        let parameters = [
            ("client_id", self.client.id.as_str()),
            ("id_token_hint", self.tokens.id_token.as_deref().unwrap_or_default()),
            ("post_logout_redirect_uri", home.as_str()),
        ];
        app.issuer.end_session(&parameters).await.ok().flatten().unwrap_or(home.clone())
    }

    /// What the page shows.
    pub(crate) fn view(&self) -> ConnectionView {
        let answer =
            |answer: &Option<ApiResponse>| answer.as_ref().map_or(Value::Null, |answer| json!(answer));
        ConnectionView {
            signed_in: true,
            notice: self.notice.clone(),
            id_token: self.id_token.clone(),
            // An access token is the API's to read; we show its claims so that the reader can learn from them.
            access_token: id_token::peek(&self.tokens.access_token).unwrap_or(Value::Null),
            scope: self.tokens.scope.clone(),
            api: answer(&self.me),
            notes: answer(&self.notes),
            log: self.log.clone(),
        }
    }
}

fn notes_url(app: &ThirdPartyApp) -> String {
    format!("{}/api/notes", app.config.api)
}

async fn verified(
    app: &ThirdPartyApp,
    token: &str,
    expected: &id_token::ExpectedIdToken<'_>,
    log: &mut Log,
) -> Result<Value, Trouble> {
    let keys = app.issuer.keys(log).await?;
    id_token::verify(token, &keys, expected)
        .map_err(|refusal| Trouble::Untrusted(format!("the ID token was refused: {}", refusal.text())))
}

fn now(app: &ThirdPartyApp) -> Timestamp {
    app.config.clock.now()
}
