//! The background tasks of the service, and what they share.

use super::driver::{Heartbeat, LoopConfig, StatusReporter, Step, StepError, drive};
use super::runtime_config::RuntimeConfig;
use crate::clock::Clock;
use crate::random::Random;
use crate::store::Db;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The values that every task takes.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) db: Db,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    pub(super) runtime: watch::Receiver<Arc<RuntimeConfig>>,
    pub(super) stop: CancellationToken,
    /// Wakes the publisher when papers may have arrived.
    pub(super) papers_arrived: Arc<Notify>,
    /// Wakes the sender when mail was queued.
    pub(super) mail_queued: Arc<Notify>,
}

impl Shared {
    /// The settings as they are now.
    pub(super) fn current(&self) -> Arc<RuntimeConfig> {
        Arc::clone(&self.runtime.borrow())
    }
}

/// How a loop is repeated.
pub(super) struct Timing<'a> {
    /// The wait when there is nothing to do.
    pub(super) idle: Duration,
    /// The longest time without a heartbeat that is still normal.
    pub(super) patience: Duration,
    /// Ends the wait early.
    pub(super) wake: Option<&'a Arc<Notify>>,
}

/// The tasks that have been started.
pub(super) struct Tasks {
    pub(super) running: JoinSet<anyhow::Result<()>>,
    pub(super) heartbeats: Vec<Arc<Heartbeat>>,
    reporter: StatusReporter,
    pub(super) stop: CancellationToken,
}

impl Tasks {
    pub(super) fn new(shared: &Shared) -> Self {
        Tasks {
            running: JoinSet::new(),
            heartbeats: Vec::new(),
            reporter: StatusReporter {
                db: shared.db.clone(),
                clock: Arc::clone(&shared.clock),
            },
            stop: shared.stop.clone(),
        }
    }

    /// Starts the loop `name`, which repeats `step` of the task that `make` builds.
    pub(super) fn start<T, S>(
        &mut self,
        name: &'static str,
        timing: &Timing<'_>,
        make: impl FnOnce(Arc<Heartbeat>) -> T,
        step: fn(Arc<T>) -> S,
    ) where
        T: Send + Sync + 'static,
        S: Future<Output = Result<Step, StepError>> + Send + 'static,
    {
        let heartbeat = Heartbeat::new(name, timing.patience);
        self.heartbeats.push(Arc::clone(&heartbeat));
        let task = Arc::new(make(Arc::clone(&heartbeat)));
        let config = LoopConfig {
            heartbeat,
            idle: timing.idle,
            wake: timing.wake.cloned().unwrap_or_default(),
            stop: self.stop.clone(),
            reporter: Some(self.reporter.clone()),
        };
        self.running
            .spawn(drive(config, move || step(Arc::clone(&task))));
    }

    /// Whether each loop gives a heartbeat.
    pub(super) fn liveness(heartbeats: &[Arc<Heartbeat>]) -> Vec<(&'static str, bool)> {
        heartbeats
            .iter()
            .map(|heartbeat| (heartbeat.name, heartbeat.is_alive()))
            .collect()
    }
}
