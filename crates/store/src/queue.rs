//! What waits for a writer, in shares, each with a bound of its own; the same for both engines.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use grantwell_core::store::{Outcome, Share, StoreError};
use tokio::sync::{Notify, oneshot};

use crate::OpenOptions;

/// What came of a task.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) outcome: Outcome,
    pub(crate) rows: usize,
}

pub(crate) type Answer = Result<Settled, StoreError>;

/// A task and who waits for it.
pub(crate) struct Work<T> {
    pub(crate) task: T,
    pub(crate) answer: oneshot::Sender<Answer>,
}

/// The queue. A writer is a thread that [`take`](Self::take)s or a task that waits for [`next`](Self::next).
pub(crate) struct Queue<T> {
    waiting: Mutex<Waiting<T>>,
    arrived: Condvar,
    notified: Notify,
    pub(crate) options: OpenOptions,
}

struct Waiting<T> {
    /// A thread sleeps in [`Queue::take`].
    thread_sleeps: bool,
    grants: VecDeque<Work<T>>,
    sign_ins: VecDeque<Work<T>>,
    rest: VecDeque<Work<T>>,
    closed: bool,
}

impl<T> Queue<T> {
    pub(crate) fn new(options: OpenOptions) -> Self {
        let waiting = Waiting {
            thread_sleeps: false,
            grants: VecDeque::new(),
            sign_ins: VecDeque::new(),
            rest: VecDeque::new(),
            closed: false,
        };
        Self { waiting: Mutex::new(waiting), arrived: Condvar::new(), notified: Notify::new(), options }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts `task` in its share, and returns where the answer will be. The writer learns of it by [`wake`](Self::wake).
    pub(crate) fn push(&self, share: Share, task: T) -> Result<oneshot::Receiver<Answer>, StoreError> {
        let (answer, settled) = oneshot::channel();
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(StoreError::Unavailable("the writer has stopped".to_owned()));
        }
        let (share, most) = match share {
            Share::Grants => (&mut waiting.grants, self.options.grants),
            Share::SignIns => (&mut waiting.sign_ins, self.options.sign_ins),
            Share::Rest => (&mut waiting.rest, self.options.rest),
        };
        if share.len() >= most {
            return Err(StoreError::Busy);
        }
        share.push_back(Work { task, answer });
        Ok(settled)
    }

    /// Wakes a writer that sleeps. One that works looks for more by itself.
    fn wake(&self) {
        if std::mem::take(&mut self.lock().thread_sleeps) {
            self.arrived.notify_one();
        }
        self.notified.notify_one();
    }

    /// Has `task` done. The writer is woken when all that can run here had a turn, not at the first task: those that are about to bring
    /// a commit too share its flush. It is woken as well when the caller goes away meanwhile.
    pub(crate) async fn done(&self, share: Share, task: T) -> Answer {
        struct Wake<'a, T>(&'a Queue<T>);
        impl<T> Drop for Wake<'_, T> {
            fn drop(&mut self) {
                self.0.wake();
            }
        }
        let settled = self.push(share, task)?;
        let wake = Wake(self);
        tokio::task::yield_now().await;
        drop(wake);
        settled.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the writer has stopped".to_owned())))
    }

    /// Takes no more; what waits is still done.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
        self.notified.notify_waiters();
    }

    /// Drops what waits, and with it each answer's sender, so that no caller is left waiting for a writer that ended.
    pub(crate) fn abandon(&self) {
        self.close();
        let mut waiting = self.lock();
        waiting.grants.clear();
        waiting.sign_ins.clear();
        waiting.rest.clear();
    }

    /// Waits for work on a thread that may; `None` once closed and empty.
    pub(crate) fn take(&self) -> Option<Vec<Work<T>>> {
        let mut waiting = self.lock();
        loop {
            let batch = waiting.batch(self.options.batch.max(1));
            if !batch.is_empty() {
                return Some(batch);
            }
            if waiting.closed {
                return None;
            }
            waiting.thread_sleeps = true;
            waiting = self.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits for work in a task; `None` once closed and empty. At most `most` at once.
    pub(crate) async fn next(&self, most: usize) -> Option<Vec<Work<T>>> {
        loop {
            // Armed before the look, so that what arrives between the two is not missed.
            let arrived = self.notified.notified();
            tokio::pin!(arrived);
            arrived.as_mut().enable();
            {
                let mut waiting = self.lock();
                let batch = waiting.batch(most.max(1));
                if !batch.is_empty() {
                    // A notification is one permit, whatever arrived: what is left belongs to the next writer.
                    if !waiting.is_empty() {
                        self.notified.notify_one();
                    }
                    return Some(batch);
                }
                if waiting.closed {
                    return None;
                }
            }
            arrived.await;
        }
    }
}

impl<T> Waiting<T> {
    fn is_empty(&self) -> bool {
        self.grants.is_empty() && self.sign_ins.is_empty() && self.rest.is_empty()
    }

    /// Half a batch belongs to grants and a quarter to each other share, so that no flood of one starves another; room that
    /// a share leaves goes to the others.
    fn batch(&mut self, most: usize) -> Vec<Work<T>> {
        let mut batch = Vec::new();
        for (share, part) in
            [(&mut self.grants, most / 2), (&mut self.sign_ins, most / 4), (&mut self.rest, most / 4)]
        {
            batch.extend(share.drain(..part.min(share.len())));
        }
        for share in [&mut self.grants, &mut self.sign_ins, &mut self.rest] {
            let room = most.saturating_sub(batch.len());
            batch.extend(share.drain(..room.min(share.len())));
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_share_is_busy_for_that_share_alone() {
        let queue = Queue::new(OpenOptions { grants: 2, sign_ins: 1, rest: 1, ..OpenOptions::default() });
        let _first = queue.push(Share::Grants, ()).unwrap();
        let _second = queue.push(Share::Grants, ()).unwrap();
        assert_eq!(queue.push(Share::Grants, ()).unwrap_err(), StoreError::Busy);
        let _third = queue.push(Share::SignIns, ()).unwrap();
        assert_eq!(queue.push(Share::SignIns, ()).unwrap_err(), StoreError::Busy);
        let _fourth = queue.push(Share::Rest, ()).unwrap();
        assert_eq!(queue.push(Share::Rest, ()).unwrap_err(), StoreError::Busy);
    }

    #[test]
    fn z_08_a_flood_in_one_share_leaves_room_in_every_batch_for_the_others() {
        let queue = Queue::new(OpenOptions { batch: 8, ..OpenOptions::default() });
        let mut waiting = Vec::new();
        for _ in 0..100 {
            waiting.push(queue.push(Share::Grants, ()).unwrap());
        }
        let mut sign_in = queue.push(Share::SignIns, ()).unwrap();
        let mut rest = queue.push(Share::Rest, ()).unwrap();
        let batch = queue.take().unwrap();
        assert_eq!(batch.len(), 8);
        drop(batch);
        assert!(matches!(sign_in.try_recv(), Err(oneshot::error::TryRecvError::Closed)));
        assert!(matches!(rest.try_recv(), Err(oneshot::error::TryRecvError::Closed)));
    }

    #[test]
    fn after_the_writer_stopped_nobody_waits() {
        let queue = Queue::new(OpenOptions::default());
        let mut waiting = queue.push(Share::Grants, ()).unwrap();
        queue.abandon();
        assert!(matches!(waiting.try_recv(), Err(oneshot::error::TryRecvError::Closed)));
        assert!(matches!(queue.push(Share::Grants, ()), Err(StoreError::Unavailable(_))));
    }

    #[tokio::test]
    async fn two_writers_share_what_arrived_at_once() {
        let queue = Queue::new(OpenOptions::default());
        for _ in 0..3 {
            queue.push(Share::Grants, ()).unwrap();
        }
        assert_eq!(queue.next(2).await.unwrap().len(), 2);
        assert_eq!(queue.next(2).await.unwrap().len(), 1);
        queue.close();
        assert!(queue.next(2).await.is_none());
    }
}
