//! While no server is found, one search at a time looks for one.
//!
//! The kernel accepts connections for a server that hangs. If every request meanwhile made one, the server would find hundreds
//! when it wakes up, and serve them first, although their requests have timed out. So as long as the last search has failed, there
//! is one search, and all requests wait for its result.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::watch;

use super::form::{Error, QueryResult};

/// What came of a search; nothing while it is under way.
type Outcome = watch::Receiver<Option<std::result::Result<(), Arc<Error>>>>;

/// Whether the server is away, and the search for it.
#[derive(Default)]
pub(super) struct Away {
    is_away: AtomicBool,
    search: Mutex<Option<Outcome>>,
}

impl Away {
    /// Whether the last search was in vain.
    pub(super) fn is_away(&self) -> bool {
        self.is_away.load(Ordering::Relaxed)
    }

    /// Notes what came of a search.
    pub(super) fn set(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::Relaxed);
    }

    /// Waits for the search that is under way, or starts one. A search goes on when its caller gives up.
    pub(super) async fn wait(
        &self,
        search: impl Future<Output = QueryResult<()>> + Send + 'static,
    ) -> QueryResult<()> {
        let mut outcome = self.outcome(search);
        match outcome.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(Err(error))) => Err(Error::Away(Arc::clone(error))),
            Ok(_) => Ok(()),
            Err(_) => Err(Error::Late),
        }
    }

    fn outcome(&self, search: impl Future<Output = QueryResult<()>> + Send + 'static) -> Outcome {
        let mut current = self.search.lock().unwrap_or_else(PoisonError::into_inner);
        // One whose task has ended without a word is over too.
        let is_under_way = |outcome: &&Outcome| outcome.borrow().is_none() && outcome.has_changed().is_ok();
        if let Some(outcome) = current.as_ref().filter(is_under_way) {
            return outcome.clone();
        }
        let (tell, outcome) = watch::channel(None);
        *current = Some(outcome.clone());
        drop(tokio::spawn(async move {
            tell.send_replace(Some(search.await.map_err(Arc::new)));
        }));
        outcome
    }
}
