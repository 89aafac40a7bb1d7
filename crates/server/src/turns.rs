//! A client that sends more than the server can do waits for itself, and nobody else waits for it (catalogue Z-08).
//!
//! At most [`AT_ONCE`] requests of one client from one address are worked on at once. The next wait in a line, where they cost a
//! connection and nothing else. A line is bounded in length and time; what is beyond is 503 with `Retry-After`.
//!
//! The address counts, because the client has not proved who it is yet: a stranger who sends another's `client_id` has a line of its own.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use grantwell_core::id::ClientId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::step_event::Unavailable;

/// More than a batch of commits has room for would only wait there.
pub(crate) const AT_ONCE: usize = 64;
/// The longest line of one client. A request that waits holds what its connection holds.
const MOST_WAITING: usize = 8192;
/// How long one waits: longer than any peak that is worth waiting out, shorter than clients wait.
const PATIENCE: Duration = Duration::from_secs(5);

/// A client as the request names it, and the address it is at.
type Caller = (ClientId, Option<IpAddr>);

/// The lines of those who have requests now.
#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<Caller, Line>>);

struct Line {
    free: Arc<Semaphore>,
    /// Worked on, or waiting.
    requests: usize,
}

/// A place among the requests that are worked on, until it is dropped.
pub(crate) struct Turn<'a> {
    _place: OwnedSemaphorePermit,
    _standing: Standing<'a>,
}

/// A place in a line; it goes, and an empty line with it, however the request ends.
struct Standing<'a> {
    turns: &'a Turns,
    caller: Caller,
}

impl Turns {
    /// Waits for a turn. A client that is not registered has a line too.
    pub(crate) async fn take(
        &self,
        client: &ClientId,
        address: Option<IpAddr>,
    ) -> Result<Turn<'_>, Unavailable> {
        let (free, standing) = self.stand((client.clone(), address)).ok_or(Unavailable::Line)?;
        match tokio::time::timeout(PATIENCE, free.acquire_owned()).await {
            Ok(Ok(place)) => Ok(Turn { _place: place, _standing: standing }),
            Ok(Err(_)) | Err(_) => Err(Unavailable::Line),
        }
    }

    fn stand(&self, caller: Caller) -> Option<(Arc<Semaphore>, Standing<'_>)> {
        let mut lines = self.lock();
        let line = lines
            .entry(caller.clone())
            .or_insert_with(|| Line { free: Arc::new(Semaphore::new(AT_ONCE)), requests: 0 });
        if line.requests >= AT_ONCE + MOST_WAITING {
            return None;
        }
        line.requests += 1;
        Some((Arc::clone(&line.free), Standing { turns: self, caller }))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Caller, Line>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Standing<'_> {
    fn drop(&mut self) {
        let mut lines = self.turns.lock();
        if let Some(line) = lines.get_mut(&self.caller) {
            line.requests -= 1;
            if line.requests == 0 {
                lines.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;

    use super::*;

    /// Whether it has its turn without waiting.
    async fn at_once<'a>(
        turn: &mut std::pin::Pin<Box<impl Future<Output = Result<Turn<'a>, Unavailable>>>>,
    ) -> Option<Result<Turn<'a>, Unavailable>> {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(match turn.as_mut().poll(context) {
                std::task::Poll::Ready(turn) => Some(turn),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }

    #[tokio::test(start_paused = true)]
    async fn z_08_a_client_that_asks_for_too_much_waits_for_itself_alone() {
        let (turns, here) = (Turns::default(), "192.0.2.1".parse().ok());
        let (greedy, modest) = (ClientId::from("greedy"), ClientId::from("modest"));
        let mut working = Vec::new();
        for _ in 0..AT_ONCE {
            working.push(at_once(&mut Box::pin(turns.take(&greedy, here))).await.unwrap().unwrap());
        }
        let mut next = Box::pin(turns.take(&greedy, here));
        assert!(at_once(&mut next).await.is_none());
        assert!(at_once(&mut Box::pin(turns.take(&modest, here))).await.unwrap().is_ok());
        let elsewhere = "192.0.2.2".parse().ok();
        assert!(at_once(&mut Box::pin(turns.take(&greedy, elsewhere))).await.unwrap().is_ok());

        working.pop();
        working.push(at_once(&mut next).await.unwrap().unwrap());
        assert!(matches!(turns.take(&greedy, here).await, Err(Unavailable::Line)), "after the longest wait");
        drop((working, next));
        assert!(turns.lock().is_empty(), "nothing is kept of those that have gone");
    }

    #[tokio::test(start_paused = true)]
    async fn z_08_a_line_is_bounded() {
        let (turns, greedy) = (Turns::default(), ClientId::from("greedy"));
        let mut waiting: Vec<_> =
            (0..AT_ONCE + MOST_WAITING).map(|_| Box::pin(turns.take(&greedy, None))).collect();
        let mut turn = Vec::new();
        for next in &mut waiting {
            turn.push(at_once(next).await);
        }
        assert_eq!(turn.iter().flatten().count(), AT_ONCE);
        let beyond = at_once(&mut Box::pin(turns.take(&greedy, None))).await;
        assert!(matches!(beyond, Some(Err(Unavailable::Line))));
    }
}
