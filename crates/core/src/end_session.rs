//! Signing out, asked for by an application (OpenID Connect RP-Initiated Logout 1.0) or by the person.
//!
//! Without a genuine hint about a session of this browser the person is asked first, so that an image on some page signs
//! nobody out (§2, §6). The page names every account that is signed in in the browser, for nothing says which of them is meant,
//! and a yes ends the sessions it named and no other. A browser is sent on only to a registered `post_logout_redirect_uri` of a client that is known (§3).

use crate::{
    authorize::id_token_hint::{self, Hint},
    client::Client,
    form::Form,
    id::{ClientId, EventId, SessionId},
    jose::jwk::KeySet,
    policy::Policy,
    step::Decision,
    store::{Event, SessionRecord, Write},
    time::{Entropy, Timestamp},
};

const LONGEST: usize = 2048;

/// What a request says, before any record is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// A genuine hint; an ID token that is none of ours counts as none.
    pub hint: Option<Hint>,
    /// The client to load: the hint's, or the one named.
    pub client_id: Option<ClientId>,
    post_logout_redirect_uri: Option<String>,
    state: Option<String>,
}

/// Why a request is answered with an error page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndSessionRefusal {
    /// A parameter stands twice or is too long.
    Malformed,
    /// §2: `client_id` is not the audience of the hint.
    OtherClient,
    /// §3: not registered for the client, or no client is known.
    RedirectUriNotRegistered,
}

impl EndSessionRefusal {
    /// The machine-readable cause, `data-error` of the page.
    pub const fn cause(self) -> &'static str {
        match self {
            Self::Malformed => "malformed_request",
            Self::OtherClient => "client_mismatch",
            Self::RedirectUriNotRegistered => "post_logout_redirect_uri_mismatch",
        }
    }
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The person is asked; a yes comes back with the same parameters.
    Ask,
    /// These sessions end, and then the browser goes there, or to a page that says so.
    SignOut {
        /// Sessions to end.
        sessions: Vec<SessionId>,
        /// Where to go.
        then: Option<String>,
    },
}

/// Reads the parameters.
pub fn read(form: &Form, keys: &KeySet, policy: &Policy) -> Result<Request, EndSessionRefusal> {
    let value = |name| match form.one(name) {
        Ok(Some(value)) if value.len() > LONGEST => Err(EndSessionRefusal::Malformed),
        Ok(value) => Ok(value.map(str::to_owned)),
        Err(_) => Err(EndSessionRefusal::Malformed),
    };
    let token = form.one("id_token_hint").map_err(|_| EndSessionRefusal::Malformed)?;
    let hint = token.and_then(|token| id_token_hint::read(token, keys, &policy.issuer).ok());
    let named = value("client_id")?.map(ClientId);
    if let (Some(hint), Some(named)) = (&hint, &named)
        && hint.client_id != *named
    {
        return Err(EndSessionRefusal::OtherClient);
    }
    Ok(Request {
        client_id: hint.as_ref().map(|hint| hint.client_id.clone()).or(named),
        hint,
        post_logout_redirect_uri: value("post_logout_redirect_uri")?,
        state: value("state")?,
    })
}

/// Whether the person already said yes on our page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation<'a> {
    /// Not asked yet.
    None,
    /// Said yes, in a form with the right anti-forgery value, to the end of these sessions.
    Given(&'a [SessionId]),
}

/// Decides. `sessions` are the live ones of this browser.
pub fn decide(
    request: &Request,
    client: Option<&Client>,
    sessions: &[SessionRecord],
    confirmation: Confirmation<'_>,
) -> Result<Outcome, EndSessionRefusal> {
    let then = destination(request, client)?;
    if sessions.is_empty() {
        return Ok(Outcome::SignOut { sessions: Vec::new(), then });
    }
    if let Confirmation::Given(named) = confirmation {
        let ids = sessions.iter().map(|record| record.session.id);
        let sessions: Vec<_> = ids.filter(|id| named.contains(id)).collect();
        // Somebody else signed in meanwhile, or nobody was named.
        return Ok(if sessions.is_empty() { Outcome::Ask } else { Outcome::SignOut { sessions, then } });
    }
    let about = |hint: &Hint| {
        let of_user = sessions.iter().filter(|record| record.user.id == hint.user_id);
        let named = of_user.filter(|record| hint.session_id.is_none_or(|id| id == record.session.id));
        named.map(|record| record.session.id).collect::<Vec<_>>()
    };
    match request.hint.as_ref().map(about) {
        Some(sessions) if !sessions.is_empty() => Ok(Outcome::SignOut { sessions, then }),
        _ => Ok(Outcome::Ask),
    }
}

fn destination(request: &Request, client: Option<&Client>) -> Result<Option<String>, EndSessionRefusal> {
    let Some(uri) = &request.post_logout_redirect_uri else { return Ok(None) };
    let client =
        client.filter(|client| !client.disabled).ok_or(EndSessionRefusal::RedirectUriNotRegistered)?;
    if !client.post_logout_redirect_uris.contains(uri) {
        return Err(EndSessionRefusal::RedirectUriNotRegistered);
    }
    Ok(Some(match &request.state {
        None => uri.clone(),
        Some(state) => {
            let separator = if uri.contains('?') { '&' } else { '?' };
            let state = form_urlencoded::Serializer::new(String::new()).append_pair("state", state).finish();
            format!("{uri}{separator}{state}")
        }
    }))
}

/// The writes that end sessions of this browser.
pub fn end(
    ending: &[SessionId],
    sessions: &[SessionRecord],
    now: Timestamp,
    entropy: &dyn Entropy,
    trace_id: &str,
) -> Decision<()> {
    let records = sessions.iter().filter(|record| ending.contains(&record.session.id));
    let writes = records.flat_map(|record| {
        let (id, user_id) = (record.session.id, record.user.id);
        let event = Event {
            id: EventId::new(now, entropy),
            at: now,
            kind: "session.ended".to_owned(),
            user_id: Some(user_id),
            client_id: None,
            address: None,
            trace_id: trace_id.to_owned(),
            detail: serde_json::json!({ "session": id }),
        };
        [Write::EndSession { id, user_id, at: now }, Write::Audit(Box::new(event))]
    });
    Decision { writes: writes.collect(), outcome: () }
}

#[cfg(test)]
mod tests;
