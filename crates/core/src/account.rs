//! What a person does on the account page: disconnect an application, sign out a session.

use crate::{
    decision::Decision,
    id::{ConsentId, EventId, SessionId},
    store::{Connection, Event, Session, SessionRecord, Write},
    time::{Entropy, Timestamp},
};

/// What an action came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// It is done.
    Yes,
    /// Not this person's, or gone already.
    NotFound,
}

/// Who acts, when, and the trace the event shares with log and page.
#[derive(Clone, Copy)]
pub struct Acting<'a> {
    /// The person's session.
    pub session: &'a SessionRecord,
    /// The present.
    pub now: Timestamp,
    /// For ids.
    pub entropy: &'a dyn Entropy,
    /// Of the request.
    pub trace_id: &'a str,
}

/// Disconnects an application: withdraws the consent, and with it every token.
pub fn disconnect(id: ConsentId, connections: &[Connection], by: &Acting<'_>) -> Decision<Done> {
    let Some(connection) = connections.iter().find(|connection| connection.consent.id == id) else {
        return Decision::read_only(Done::NotFound);
    };
    let user_id = by.session.user.id;
    let event =
        Event { client_id: Some(connection.consent.client_id.clone()), ..event("consent.withdrawn", by) };
    let writes = vec![Write::WithdrawConsent { id, user_id, at: by.now }, Write::Audit(Box::new(event))];
    Decision { writes, outcome: Done::Yes }
}

/// Which sessions a person signs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// This one.
    One(SessionId),
    /// All but the one that asks.
    Others,
}

/// Signs sessions of the person out. `sessions` are the person's own, the newest of them; another person's id is not found (catalogue
/// O-06). The others end whether or not they are among the newest.
pub fn sign_out(which: Which, sessions: &[Session], by: &Acting<'_>) -> Decision<Done> {
    let (user_id, keep) = (by.session.user.id, by.session.session.id);
    let ended = |session: &Session| {
        let detail = serde_json::json!({ "session": session.id });
        Write::Audit(Box::new(Event { detail, ..event("session.ended", by) }))
    };
    let writes = match which {
        Which::One(id) => {
            let Some(session) = sessions.iter().find(|session| session.id == id) else {
                return Decision::read_only(Done::NotFound);
            };
            vec![Write::EndSession { id, user_id, at: by.now }, ended(session)]
        }
        Which::Others => {
            let others = sessions.iter().filter(|session| session.id != keep).map(ended);
            std::iter::once(Write::EndOtherSessions { user_id, keep, at: by.now }).chain(others).collect()
        }
    };
    Decision { writes, outcome: Done::Yes }
}

fn event(kind: &str, by: &Acting<'_>) -> Event {
    Event {
        id: EventId::new(by.now, by.entropy),
        at: by.now,
        kind: kind.to_owned(),
        user_id: Some(by.session.user.id),
        client_id: None,
        address: None,
        trace_id: by.trace_id.to_owned(),
        detail: serde_json::Value::Null,
    }
}

#[cfg(test)]
mod tests;
