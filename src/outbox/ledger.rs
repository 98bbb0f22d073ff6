//! Group commit: the records of all connections go to the disk together.
//!
//! A commit costs the disk one synchronous write, whatever is in it. While one
//! is under way the requests of the other connections gather, and the next
//! commit takes them all.

use crate::clock::Clock;
use crate::store::{Db, DeliveryId, LedgerTurn, RateState, Settlement, StoreError};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

/// The error for which something was not recorded. Shared by all whose requests were in the same
/// commit.
pub(super) type NotRecorded = Arc<StoreError>;

/// The way to the ledger. Clones share it; the task behind it ends with the last one.
#[derive(Debug, Clone)]
pub(super) struct Ledger {
    requests: mpsc::Sender<Request>,
    commits: Arc<Commits>,
}

/// A request that is on its way to the disk.
#[derive(Debug)]
pub(super) struct Recording<T = ()>(oneshot::Receiver<Result<T, NotRecorded>>);

/// Counts the commits and their time.
#[derive(Debug, Default)]
struct Commits {
    count: AtomicU64,
    micros: AtomicU64,
}

impl Commits {
    fn average(&self) -> Duration {
        let count = self.count.load(Ordering::Relaxed);
        Duration::from_micros(self.micros.load(Ordering::Relaxed) / count.max(1))
    }
}

#[derive(Debug)]
enum Request {
    Mark(DeliveryId, oneshot::Sender<Result<bool, NotRecorded>>),
    Settle(Box<Settlement>, oneshot::Sender<Result<(), NotRecorded>>),
    /// Committed with the next mark: no text leaves before the rate is recorded.
    RateState(RateState),
}

/// Requests in one commit at most; there are never more than a few for each connection.
const GATHERED_MAX: usize = 1024;

/// The longest that a settlement waits for other requests.
const SETTLE_WAIT: Duration = Duration::from_millis(2);

/// The longest that a mark waits for other requests, however slow the disk is.
const BATCH_WAIT_MAX: Duration = Duration::from_millis(10);

impl Ledger {
    /// Starts the task that writes to `db` for this number of workers.
    pub(super) fn open(db: Db, clock: Arc<dyn Clock>, workers: usize) -> Self {
        let (requests, gathered) = mpsc::channel(GATHERED_MAX);
        let commits = Arc::new(Commits::default());
        let writer = Writer {
            db,
            clock,
            workers,
            commits: Arc::clone(&commits),
            failed: None,
            pace: None,
        };
        // On a thread of its own, which talks to the store directly: a mark is then two wake-ups
        // away, not four.
        let runtime = Handle::current();
        tokio::task::spawn_blocking(move || runtime.block_on(writer.write_all(gathered)));
        Ledger { requests, commits }
    }

    /// Asks for the mark that the text of `id` may leave. It is denied if the delivery has left the
    /// queue meanwhile.
    pub(super) async fn mark(&self, id: DeliveryId) -> Recording<bool> {
        let (done, recorded) = oneshot::channel();
        self.ask(Request::Mark(id, done)).await;
        Recording(recorded)
    }

    /// Asks for the end of an attempt to be recorded.
    pub(super) async fn settle(&self, settlement: Settlement) -> Recording {
        let (done, recorded) = oneshot::channel();
        self.ask(Request::Settle(Box::new(settlement), done)).await;
        Recording(recorded)
    }

    /// Records the rate; on the disk before any mark that is asked for later.
    pub(super) async fn note_pace(&self, pace: RateState) {
        self.ask(Request::RateState(pace)).await;
    }

    /// Commits so far, and how long one took on average.
    pub(super) fn commits(&self) -> (u64, Duration) {
        (
            self.commits.count.load(Ordering::Relaxed),
            self.commits.average(),
        )
    }

    async fn ask(&self, request: Request) {
        // If the task is gone, the request's sender is dropped and its recording says so.
        let _ = self.requests.send(request).await;
    }
}

impl<T> Recording<T> {
    /// Waits until it is on the disk. Safe to drop and call again.
    pub(super) async fn on_disk(&mut self) -> Result<T, NotRecorded> {
        (&mut self.0)
            .await
            .unwrap_or_else(|_| Err(Arc::new(StoreError::Closed)))
    }
}

struct Writer {
    db: Db,
    clock: Arc<dyn Clock>,
    /// Workers, each of which waits for one mark at most.
    workers: usize,
    commits: Arc<Commits>,
    /// Once something could not be recorded no text may leave.
    failed: Option<NotRecorded>,
    pace: Option<RateState>,
}

impl Writer {
    async fn write_all(mut self, mut requests: mpsc::Receiver<Request>) {
        let mut gathered = Vec::new();
        while requests.recv_many(&mut gathered, GATHERED_MAX).await > 0 {
            self.wait_for_batch(&mut requests, &mut gathered).await;
            let mut turn = LedgerTurn::default();
            let (mut marking, mut settling) = (Vec::new(), Vec::new());
            for request in gathered.drain(..) {
                match (request, &self.failed) {
                    (Request::RateState(pace), _) => self.pace = Some(pace),
                    // A sent text is still worth recording, if the disk has recovered.
                    (Request::Mark(_, done), Some(why)) => answer(done, Err(Arc::clone(why))),
                    (Request::Mark(id, done), None) => {
                        turn.marks.push(id);
                        marking.push(done);
                    }
                    (Request::Settle(settlement, done), _) => {
                        turn.settlements.push(*settlement);
                        settling.push(done);
                    }
                }
            }
            if marking.is_empty() && settling.is_empty() {
                continue;
            }
            let settling_ids: Vec<DeliveryId> = turn
                .settlements
                .iter()
                .map(|settlement| settlement.id)
                .collect();
            turn.pace = self.pace.take();
            let (marks, has_settlements) = (turn.marks.clone(), !turn.settlements.is_empty());
            let written = self.write(&turn);
            // Where one mark fails, the ends of those that have left may still be recorded.
            let settled = match &written {
                Err(_) if has_settlements && !marks.is_empty() => self
                    .write(&LedgerTurn {
                        settlements: turn.settlements,
                        ..LedgerTurn::default()
                    })
                    .map(|_| ()),
                written => written.as_ref().map(|_| ()).map_err(Arc::clone),
            };
            if settled.is_ok() {
                for id in &settling_ids {
                    tracing::debug!(target: "paperboy::journey", issue = id.0, "recorded");
                }
            }
            if let Some(error) = written.as_ref().err().or(settled.as_ref().err()) {
                self.failed.get_or_insert_with(|| Arc::clone(error));
            }
            for done in settling {
                answer(done, settled.clone());
            }
            for (id, done) in marks.iter().zip(marking) {
                answer(
                    done,
                    written
                        .as_ref()
                        .map(|marked| marked.contains(id))
                        .map_err(Arc::clone),
                );
            }
        }
    }

    /// Waits for requests that are about to come, where sharing their commit saves more than the
    /// wait costs.
    async fn wait_for_batch(
        &self,
        requests: &mut mpsc::Receiver<Request>,
        gathered: &mut Vec<Request>,
    ) {
        let began = Instant::now();
        loop {
            let marks = gathered
                .iter()
                .filter(|request| matches!(request, Request::Mark(..)))
                .count();
            let wait = match marks {
                // A worker waits for a settlement only before its next text. Alone, every second
                // commit would be for settlements.
                0 => SETTLE_WAIT,
                // All workers wait.
                _ if marks >= self.workers => return,
                // On a slow disk: a commit takes longer than the others need to come round.
                _ => self.commits.average() / 2,
            };
            // The runtime counts in milliseconds.
            if wait < Duration::from_millis(1) {
                return;
            }
            let more = requests.recv_many(gathered, GATHERED_MAX);
            if !timeout_at(began + wait.min(BATCH_WAIT_MAX), more)
                .await
                .is_ok_and(|more| more > 0)
            {
                return;
            }
        }
    }

    fn write(&self, turn: &LedgerTurn) -> Result<HashSet<DeliveryId>, NotRecorded> {
        let (now, began) = (self.clock.now(), Instant::now());
        let written = self.db.run_here(|store| store.record_turn(turn, now));
        self.commits.count.fetch_add(1, Ordering::Relaxed);
        self.commits
            .micros
            .fetch_add(began.elapsed().as_micros() as u64, Ordering::Relaxed);
        written.map(HashSet::from_iter).map_err(Arc::new)
    }
}

fn answer<T>(done: oneshot::Sender<Result<T, NotRecorded>>, result: Result<T, NotRecorded>) {
    // The receiver may have been dropped; the commit stands all the same.
    let _ = done.send(result);
}
