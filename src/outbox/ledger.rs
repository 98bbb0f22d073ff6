//! Group commit: what all connections have to record goes to the disk together.
//!
//! A commit costs the disk one synchronous write, whatever is in it. While one
//! is under way the requests of the other connections gather, and the next
//! commit takes them all.

use crate::clock::Clock;
use crate::store::{Db, DeliveryId, Settlement, StoreError};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Why something was not recorded. Shared by all whose requests were in the same commit.
pub(super) type NotRecorded = Arc<StoreError>;

/// The way to the ledger. Clones share it; the task behind it ends with the last one.
#[derive(Debug, Clone)]
pub(super) struct Ledger {
    requests: mpsc::Sender<Request>,
}

/// A request that is on its way to the disk.
#[derive(Debug)]
pub(super) struct Recording(oneshot::Receiver<Result<(), NotRecorded>>);

#[derive(Debug)]
struct Request {
    what: What,
    done: oneshot::Sender<Result<(), NotRecorded>>,
}

#[derive(Debug)]
enum What {
    Mark(DeliveryId),
    Settle(Box<Settlement>),
}

/// Requests in one commit at most; there are never more than a few for each connection.
const GATHERED_MAX: usize = 1024;

impl Ledger {
    /// Starts the task that writes to `db`.
    pub(super) fn open(db: Db, clock: Arc<dyn Clock>) -> Self {
        let (requests, gathered) = mpsc::channel(GATHERED_MAX);
        tokio::spawn(write_all(db, clock, gathered));
        Ledger { requests }
    }

    /// Asks for the mark that the text of `id` may leave.
    pub(super) async fn mark(&self, id: DeliveryId) -> Recording {
        self.ask(What::Mark(id)).await
    }

    /// Asks for the end of an attempt to be recorded.
    pub(super) async fn settle(&self, settlement: Settlement) -> Recording {
        self.ask(What::Settle(Box::new(settlement))).await
    }

    async fn ask(&self, what: What) -> Recording {
        let (done, recorded) = oneshot::channel();
        // If the task is gone, `done` is dropped with the request and the recording says so.
        let _ = self.requests.send(Request { what, done }).await;
        Recording(recorded)
    }
}

impl Recording {
    /// Waits until it is on the disk. Safe to drop and call again.
    pub(super) async fn on_disk(&mut self) -> Result<(), NotRecorded> {
        (&mut self.0).await.unwrap_or_else(|_| Err(Arc::new(StoreError::Closed)))
    }
}

async fn write_all(db: Db, clock: Arc<dyn Clock>, mut requests: mpsc::Receiver<Request>) {
    let mut failed: Option<NotRecorded> = None;
    let mut gathered = Vec::new();
    while requests.recv_many(&mut gathered, GATHERED_MAX).await > 0 {
        let (mut marks, mut settlements, mut marking, mut settling) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for Request { what, done } in gathered.drain(..) {
            match (what, &failed) {
                // Once something could not be recorded no text may leave. What has
                // left is still worth recording, if the disk has recovered.
                (What::Mark(_), Some(why)) => answer(vec![done], &Err(Arc::clone(why))),
                (What::Mark(id), None) => {
                    marks.push(id);
                    marking.push(done);
                }
                (What::Settle(settlement), _) => {
                    settlements.push(*settlement);
                    settling.push(done);
                }
            }
        }
        let now = clock.now();
        // Ends first: a mark must not be on the disk before the end of the
        // same connection's message before it.
        let written = db
            .run(move |store| {
                let settled = if settlements.is_empty() { Ok(()) } else { store.settle(&settlements, now) };
                let marked = match &settled {
                    Ok(()) if !marks.is_empty() => store.mark_handing_over(&marks, now),
                    _ => Ok(()),
                };
                Ok((settled, marked))
            })
            .await;
        let (settled, marked) = match written {
            Ok((Ok(()), marked)) => (Ok(()), marked.map_err(Arc::new)),
            Ok((Err(error), _)) | Err(error) => {
                let error = Arc::new(error);
                (Err(Arc::clone(&error)), Err(error))
            }
        };
        failed = failed.or_else(|| settled.as_ref().err().or(marked.as_ref().err()).cloned());
        answer(settling, &settled);
        answer(marking, &marked);
    }
}

fn answer(waiting: Vec<oneshot::Sender<Result<(), NotRecorded>>>, result: &Result<(), NotRecorded>) {
    for done in waiting {
        // Whoever asked may have gone; the ledger does not mind.
        let _ = done.send(result.clone());
    }
}
