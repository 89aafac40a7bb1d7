//! A pushed authorization request as a ticket (RFC 9126): a checked request waits for a minute under a `request_uri` that is good
//! once. Left out on purpose: the endpoint, and how many requests a client may leave.

use std::time::Duration;

use crate::{
    error::{ErrorCode, OAuthError, Refusal},
    id::ClientId,
    step::{Context, Decided, Decision, Have, Step},
    store::{AuthorizationRequest, Share, Ticket, TicketKind, TicketValue, Write},
};

/// How long a request waits.
const LIFETIME: Duration = Duration::from_mins(1);

/// Hands a ticket out: what the client sends the browser with, once the write is durable.
pub fn hand_out(
    request: &AuthorizationRequest,
    context: &Context<'_>,
) -> Result<Decision<String>, PushRefusal> {
    let body = serde_json::to_value(request).map_err(|_| PushRefusal::Body)?;
    let (now, entropy) = (context.now, context.entropy);
    let uri = TicketValue::new(TicketKind::PushedRequest, now, entropy);
    let ticket = Ticket {
        kind: uri.kind,
        id: uri.id,
        digest: uri.digest(),
        second_digest: None,
        version: 0,
        expires_at: now + LIFETIME,
        used_at: None,
        body,
    };
    let insert = Write::InsertTicket { ticket: Box::new(ticket), at: now };
    Ok(Decision { writes: vec![insert], outcome: uri.encode() })
}

/// Why there is no such request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushRefusal {
    /// None of that id and secret.
    Unknown,
    /// Of another client (catalogue A-16).
    Foreign,
    /// Used before, or its time is over.
    Over,
    /// It cannot be written or read.
    Body,
}

impl Refusal for PushRefusal {
    /// One sentence, whatever is wrong with it: the difference would help only who found it.
    fn public(&self) -> OAuthError {
        OAuthError::new(ErrorCode::InvalidRequest, "request_uri is not valid")
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown_request_uri",
            Self::Foreign => "request_uri_of_another_client",
            Self::Over => "request_uri_over",
            Self::Body => "request_uri_body",
        }
    }
}

/// The ticket comes back.
pub struct TakePushed<'a> {
    /// What the browser brought.
    pub uri: &'a TicketValue,
    /// Who says it asks.
    pub client_id: &'a ClientId,
}

impl Step for TakePushed<'_> {
    const NAME: &'static str = "take_pushed";
    const SHARE: Share = Share::Grants;
    type Outcome = AuthorizationRequest;
    type Refusal = PushRefusal;

    fn decide(&self, have: &Have, context: &Context<'_>) -> Decided<AuthorizationRequest, PushRefusal> {
        let (kind, id, at) = (TicketKind::PushedRequest, self.uri.id, context.now);
        let ticket = have.ticket(kind, id)?.filter(|ticket| self.uri.fits(ticket));
        let ticket = ticket.ok_or(PushRefusal::Unknown)?;
        let request: AuthorizationRequest =
            serde_json::from_value(ticket.body.clone()).map_err(|_| PushRefusal::Body)?;
        if request.client_id != *self.client_id {
            return Err(PushRefusal::Foreign.into());
        }
        if ticket.used_at.is_some() || at >= ticket.expires_at {
            return Err(PushRefusal::Over.into());
        }
        // The guard says the same in the statement: of two that come at once, one is a conflict, and sees a used ticket.
        let used = Write::UseTicket { kind, id, version: Some(ticket.version), at };
        Ok(Decision { writes: vec![used], outcome: request })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fixtures as fx, step::Refused};

    /// A request of the client `web` that was pushed now, and its URI.
    fn pushed() -> (Ticket, TicketValue) {
        let policy = fx::policy();
        let decision = hand_out(&fx::request(), &fx::context(&policy)).unwrap();
        let [Write::InsertTicket { ticket, at: fx::NOW }] = decision.writes.as_slice() else {
            panic!("{:?}", decision.writes)
        };
        let uri = TicketValue::read(ticket.kind, &decision.outcome).unwrap();
        (ticket.as_ref().clone(), uri)
    }

    fn take(
        (ticket, uri): &(Ticket, TicketValue),
        client_id: &str,
        after: Duration,
    ) -> Result<Decision<AuthorizationRequest>, Refused<PushRefusal>> {
        let world = fx::World { ticket: Some(ticket.clone()), ..fx::World::default() };
        let policy = fx::policy();
        let step = TakePushed { uri, client_id: &client_id.into() };
        fx::decide(&step, &world, &fx::context_at(&policy, fx::NOW + after))
    }

    #[test]
    fn a_pushed_request_comes_back_once() {
        let (mut ticket, uri) = pushed();
        let decision = take(&(ticket.clone(), uri.clone()), "web", Duration::ZERO).unwrap();
        assert_eq!(decision.outcome, fx::request());
        let used = Write::UseTicket { kind: ticket.kind, id: ticket.id, version: Some(0), at: fx::NOW };
        assert_eq!(decision.writes, [used]);
        // What a second one sees, after the conflict.
        ticket.used_at = Some(fx::NOW);
        let refused = take(&(ticket, uri), "web", Duration::ZERO).unwrap_err();
        assert!(refused.refusal == PushRefusal::Over && refused.writes.is_empty());
    }

    #[test]
    fn a_16_a_pushed_request_is_one_clients_for_a_minute() {
        let pushed = pushed();
        let refusal = |client, after| take(&pushed, client, after).err().map(|refused| refused.refusal);
        assert_eq!(refusal("web", Duration::from_secs(59)), None);
        assert_eq!(refusal("web", LIFETIME), Some(PushRefusal::Over));
        assert_eq!(refusal("spa", Duration::ZERO), Some(PushRefusal::Foreign));
    }

    #[test]
    fn a_18_a_request_uri_needs_its_secret() {
        let (ticket, uri) = pushed();
        let another = TicketValue::new(uri.kind, fx::NOW, &fx::Seeded::new(7));
        let (mut guessed, mut other) = (another.clone(), uri);
        (guessed.id, other.id) = (other.id, another.id);
        for uri in [guessed, other] {
            let refused = take(&(ticket.clone(), uri), "web", Duration::ZERO).unwrap_err();
            assert_eq!(refused.refusal, PushRefusal::Unknown);
        }
    }
}
