//! The loop that delivers what is queued.

use super::driver::{Heartbeat, Step, StepError};
use super::runtime_config::RuntimeConfig;
use crate::clock::Clock;
use crate::outbox::{
    DeliverError, DeliveryRun, DeliveryService, LockError, Progress, SendingLock, Summary,
};
use crate::random::Random;
use crate::store::Db;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// The pause when nothing is due: what other processes queue is noticed then.
const NAP: Duration = Duration::from_secs(2);

pub(super) struct DeliveryTask {
    pub(super) db: Db,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    pub(super) runtime: watch::Receiver<Arc<RuntimeConfig>>,
    pub(super) heartbeat: Arc<Heartbeat>,
    pub(super) stop: CancellationToken,
    /// Rings when mail was queued.
    pub(super) queued: Arc<Notify>,
    pub(super) lock_file: PathBuf,
}

impl DeliveryTask {
    /// Takes the right to send and delivers until the program stops, the
    /// settings change, or sending fails.
    pub(super) async fn step(self: Arc<Self>) -> Result<Step, StepError> {
        let mut runtime = self.runtime.clone();
        let current = Arc::clone(&runtime.borrow_and_update());
        let holder = format!("`paperboy run`, process {}", std::process::id());
        let lock = SendingLock::take(&self.lock_file, &holder).map_err(taken)?;
        let stop = self.stop.child_token();
        let so_far = Arc::new(Mutex::new(Summary::default()));
        let (heartbeat, counts) = (Arc::clone(&self.heartbeat), Arc::clone(&so_far));
        let service = DeliveryService::new(
            self.db.clone(),
            Arc::clone(&self.clock),
            Arc::clone(&self.random),
            &current.config.transport,
            current.envelope_sender(),
            stop.clone(),
        )?
        .with_holder(holder)
        .with_lock(lock)
        .with_listener(Arc::new(move |news: &Progress| {
            heartbeat.tick();
            *counts.lock().unwrap_or_else(PoisonError::into_inner) = news.so_far.clone();
        }));
        let run = service.begin().await?;
        // New settings end the run like a stop does: hand-overs under way are finished first.
        let until_changed = async {
            if runtime.changed().await.is_ok() {
                stop.cancel();
            }
            std::future::pending::<()>().await;
        };
        let worked = tokio::select! {
            worked = self.work(&run, &so_far, &stop) => worked,
            () = until_changed => Ok(()),
        };
        let ended = run.end().await;
        worked?;
        ended?;
        Ok(Step::Worked)
    }

    async fn work(
        &self,
        run: &DeliveryRun<'_>,
        so_far: &Mutex<Summary>,
        stop: &CancellationToken,
    ) -> Result<(), DeliverError> {
        let mut said = Summary::default();
        while !stop.is_cancelled() {
            self.heartbeat.tick();
            let step = run.step().await?;
            if step.claimed > 0 {
                let counts = so_far
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clone();
                say(&said, &counts);
                said = counts;
            }
            let due_now = step.next_at.is_some_and(|next| next <= self.clock.now());
            if due_now && step.claimed > 0 {
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.queued.notified() => {}
                () = tokio::time::sleep(NAP) => {}
            }
        }
        Ok(())
    }
}

fn taken(error: LockError) -> StepError {
    match error {
        LockError::Taken { .. } => StepError::Passing(anyhow::anyhow!(
            "{error}; only one process delivers at a time, so this one waits until it is gone"
        )),
        error @ LockError::Io { .. } => error.into(),
    }
}

fn say(before: &Summary, now: &Summary) {
    tracing::info!(
        accepted = now.accepted.saturating_sub(before.accepted),
        deferred = now.deferred,
        rejected = now.rejected.saturating_sub(before.rejected),
        uncertain = now.uncertain,
        "mail delivered"
    );
}
