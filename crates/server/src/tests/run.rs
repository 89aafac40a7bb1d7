//! The runner: what it gives up on, what it says of a step, and how a browser and a client are told.

use axum::{
    Router,
    extract::FromRequestParts,
    http::{HeaderMap, Request},
    routing::get,
};
use grantwell_core::{
    authorize::AuthorizeRequest,
    error::{ErrorCode, NoRefusal, OAuthError, Refusal},
    fixtures as fx,
    form::Form,
    id::{TicketId, UserId},
    secret::Digest,
    step::{Context, Decided, Decision, Have, Step},
    store::{LoginName, Share, Ticket, TicketKind, TicketValue, Write},
};
use tower::ServiceExt as _;

use super::{Reply, World};
use crate::{
    http::{exchange::Exchange, renderer::Renderer, response},
    router,
    step_event::{StepEnd, StepEvent, Unavailable},
};

const NOBODY: UserId = UserId::from_bytes([9; 16]);

/// Deletes somebody who is not there: the guard of its write never holds.
struct NeverHolds;

impl Step for NeverHolds {
    const NAME: &'static str = "never_holds";
    const SHARE: Share = Share::Rest;
    type Outcome = ();
    type Refusal = NoRefusal;

    fn decide(&self, have: &Have, _: &Context<'_>) -> Decided<(), NoRefusal> {
        // Records are read anew after each conflict.
        assert_eq!(have.user(NOBODY)?, None);
        Ok(Decision { writes: vec![Write::DeleteUser(NOBODY)], outcome: () })
    }
}

/// Wants a user after the other, without end.
struct NeverContent;

impl Step for NeverContent {
    const NAME: &'static str = "never_content";
    const SHARE: Share = Share::Rest;
    type Outcome = ();
    type Refusal = NoRefusal;

    fn decide(&self, have: &Have, _: &Context<'_>) -> Decided<(), NoRefusal> {
        for n in 0..=u8::MAX {
            have.user(UserId::from_bytes([n; 16]))?;
        }
        Ok(Decision::read_only(()))
    }
}

const TICKET: TicketId = TicketId::from_bytes([7; 16]);
const SECOND: Digest = Digest([8; 32]);

/// Hands a ticket out, and takes it once it is there.
struct HandsOut;

impl Step for HandsOut {
    const NAME: &'static str = "hands_out";
    const SHARE: Share = Share::Rest;
    type Outcome = bool;
    type Refusal = NoRefusal;

    fn decide(&self, have: &Have, context: &Context<'_>) -> Decided<bool, NoRefusal> {
        let (kind, at) = (TicketKind::PushedRequest, context.now);
        let write = match have.ticket(kind, TICKET)? {
            Some(ticket) => Write::UseTicket { kind, id: ticket.id, version: Some(ticket.version), at },
            None => Write::InsertTicket {
                at,
                ticket: Box::new(Ticket {
                    id: TICKET,
                    second_digest: Some(SECOND),
                    ..fx::ticket(&TicketValue::new(kind, at, context.entropy))
                }),
            },
        };
        Ok(Decision { outcome: write.kind() == "use_ticket", writes: vec![write] })
    }
}

/// Refuses, and leaves a trace of it.
struct Refuses;

#[derive(Debug)]
struct No;

impl Refusal for No {
    fn public(&self) -> OAuthError {
        OAuthError::new(ErrorCode::AccessDenied, "no")
    }

    fn reason(&self) -> &'static str {
        "no"
    }
}

impl Step for Refuses {
    const NAME: &'static str = "refuses";
    const SHARE: Share = Share::Rest;
    type Outcome = ();
    type Refusal = No;

    fn decide(&self, have: &Have, context: &Context<'_>) -> Decided<(), No> {
        let user = have.user_by_login(&LoginName::new("alice"))?.map(|user| user.id);
        let event = context.audit("test.refused", user, None, serde_json::Value::Null);
        Err(grantwell_core::step::Refused { writes: vec![event], ..No.into() }.into())
    }
}

async fn exchange(world: &World) -> Exchange {
    let (mut parts, ()) = Request::get("/").body(()).unwrap().into_parts();
    let Ok(x) = Exchange::from_request_parts(&mut parts, &world.app).await;
    x
}

fn only_event(x: &Exchange) -> StepEvent {
    let mut steps = x.notes().steps;
    assert_eq!(steps.len(), 1);
    steps.remove(0)
}

#[tokio::test]
async fn four_conflicts_in_a_row_are_given_up_and_each_names_its_write() {
    let world = World::new().await;
    let x = exchange(&world).await;
    assert_eq!(x.run(&NeverHolds).await.err(), Some(Unavailable::Contended));
    let event = only_event(&x);
    assert_eq!(event.conflicts, ["delete_user"; 4]);
    assert_eq!(event.wants, ["user"; 4]);
    assert!(event.writes.is_empty(), "nothing was committed");
    assert!(matches!(event.end, StepEnd::Unavailable(Unavailable::Contended)));
}

#[tokio::test]
async fn a_step_that_wants_without_end_is_given_up() {
    let world = World::new().await;
    let x = exchange(&world).await;
    assert_eq!(x.run(&NeverContent).await.err(), Some(Unavailable::Endless("user")));
}

#[tokio::test]
async fn a_ticket_that_was_handed_out_is_what_a_step_wants() {
    let world = World::new().await;
    let x = exchange(&world).await;
    assert_eq!(x.run(&HandsOut).await.unwrap().result, Ok(false));
    assert_eq!(only_event(&x).wants, ["ticket"]);
    assert_eq!(x.run(&HandsOut).await.unwrap().result, Ok(true));
    assert_eq!(only_event(&x).wants, ["ticket"]);
}

#[tokio::test]
async fn a_live_ticket_is_found_by_its_second_value() {
    let world = World::new().await;
    let x = exchange(&world).await;
    let find = async |x: &Exchange, kind| x.run(&fx::FindsBySecond(kind, SECOND)).await.unwrap().result;
    assert_eq!(find(&x, TicketKind::PushedRequest).await, Ok(None));
    assert_eq!(only_event(&x).wants, ["ticket_by_second"]);
    x.run(&HandsOut).await.unwrap();
    assert_eq!(find(&x, TicketKind::PushedRequest).await, Ok(Some(TICKET)));
    assert_eq!(find(&x, TicketKind::DeviceCode).await, Ok(None), "it is of another kind");
    world.clock.advance(std::time::Duration::from_mins(1));
    assert_eq!(find(&exchange(&world).await, TicketKind::PushedRequest).await, Ok(None), "it has expired");
    x.run(&HandsOut).await.unwrap();
    assert_eq!(find(&x, TicketKind::PushedRequest).await, Ok(None), "it was used");
}

#[tokio::test]
async fn a_refusal_says_why_and_its_writes_are_durable() {
    let world = World::new().await;
    let x = exchange(&world).await;
    assert!(x.run(&Refuses).await.unwrap().result.is_err());
    let StepEvent { step, wants, writes, end, .. } = only_event(&x);
    assert_eq!((step, wants, writes), ("refuses", vec!["user_by_login"], vec!["audit"]));
    assert!(matches!(end, StepEnd::Refused { reason: "no", check: None, mismatch: None }));
    let events = grantwell_core::store::Store::events(&world.app.store, x.realm.id, 100).await.unwrap();
    let event = events.iter().find(|event| event.kind == "test.refused").unwrap();
    assert_eq!(event.trace_id, *x.origin.trace_id);
}

#[tokio::test]
async fn a_check_that_refuses_is_named_with_those_that_passed_before_it() {
    let world = World::new().await;
    let x = exchange(&world).await;
    let form = |changes: &[(&str, &str)]| Form::parse(super::query(changes).as_bytes()).unwrap();
    assert!(x.run(&AuthorizeRequest::read(form(&[("code_challenge", "")]))).await.unwrap().result.is_err());
    let event = only_event(&x);
    assert_eq!(event.passed(), ["parameters", "request_object", "response_type", "response_mode"]);
    assert!(matches!(event.end, StepEnd::Refused { check: Some("pkce"), .. }), "{event:?}");

    let changes = [("redirect_uri", "https://rp.example/none")];
    assert!(x.run(&AuthorizeRequest::read(form(&changes))).await.unwrap().result.is_err());
    let StepEnd::Refused { mismatch: Some(mismatch), .. } = only_event(&x).end else { panic!("no mismatch") };
    assert_eq!(mismatch.received, "https://rp.example/none");
    assert!(mismatch.expected.split(' ').any(|uri| uri == "https://rp.example/cb"), "{mismatch:?}");
}

/// As every handler of a page and every handler of a client tells it.
#[tokio::test]
async fn after_four_conflicts_a_browser_gets_a_page_and_a_client_json() {
    let world = World::new().await;
    let page = async |x: Exchange, headers: HeaderMap| match x.run(&NeverHolds).await {
        Ok(_) => panic!("it holds"),
        Err(why) => Renderer::new(&x, &headers, &[]).unavailable(&why),
    };
    let json = async |x: Exchange| match x.run(&NeverHolds).await {
        Ok(_) => panic!("it holds"),
        Err(why) => response::unavailable(&x, &why),
    };
    let routes = Router::new().route("/page", get(page)).route("/token", get(json));
    let routes = router::layered(routes, &world.app);
    for (path, kind) in [("/page", "text/html; charset=utf-8"), ("/token", "application/json")] {
        let request = Request::get(path).body(axum::body::Body::empty()).unwrap();
        let reply = Reply::read(routes.clone().oneshot(request).await.unwrap()).await;
        assert_eq!((reply.status, reply.header("content-type")), (503, Some(kind)), "{reply:#?}");
        assert!(reply.header("retry-after").is_some(), "{reply:#?}");
        let readers = (path == "/token").then_some("*");
        assert_eq!(reply.header("access-control-allow-origin"), readers, "{reply:#?}");
    }
}
