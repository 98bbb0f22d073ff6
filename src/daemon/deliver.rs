//! The loop that delivers queued mail.

use super::driver::{Heartbeat, Step, StepError};
use super::tasks::{Shared, Tasks, Timing};
use super::{PATIENCE, SCHEDULE_IDLE};
use crate::config::Config;
use crate::outbox::{
    DeliverError, DeliveryRun, DeliveryService, LockError, Progress, SendingLock, Summary,
};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The wait when nothing is due: mail that other processes queue is noticed after it.
const IDLE: Duration = Duration::from_secs(2);

struct DeliveryTask {
    shared: Shared,
    heartbeat: Arc<Heartbeat>,
    lock_file: PathBuf,
}

/// Starts the delivery loop.
pub(super) fn start(tasks: &mut Tasks, shared: &Shared, config: &Config) -> anyhow::Result<()> {
    let lock_file = config.sending_lock()?;
    let timing = Timing {
        idle: SCHEDULE_IDLE,
        patience: PATIENCE,
        wake: None,
    };
    let make = |heartbeat| DeliveryTask {
        shared: shared.clone(),
        heartbeat,
        lock_file,
    };
    tasks.start("deliver", &timing, make, DeliveryTask::step);
    Ok(())
}

impl DeliveryTask {
    /// Takes the sending lock and delivers until the service stops, the settings
    /// change, or sending fails.
    async fn step(self: Arc<Self>) -> Result<Step, StepError> {
        let shared = &self.shared;
        let mut runtime = shared.runtime.clone();
        let current = Arc::clone(&runtime.borrow_and_update());
        let holder = format!("`paperboy run`, process {}", std::process::id());
        let lock = SendingLock::take(&self.lock_file, &holder).map_err(taken)?;
        let stop = shared.stop.child_token();
        let so_far = Arc::new(Mutex::new(Summary::default()));
        let (heartbeat, counts) = (Arc::clone(&self.heartbeat), Arc::clone(&so_far));
        let service = DeliveryService::new(
            shared.db.clone(),
            Arc::clone(&shared.clock),
            Arc::clone(&shared.random),
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
        let now = shared.clock.now();
        shared
            .db
            .run(move |store| store.note_work("deliver", None, now))
            .await?;
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
        let mut logged = Summary::default();
        while !stop.is_cancelled() {
            self.heartbeat.tick();
            let step = run.step().await?;
            if step.claimed > 0 {
                let counts = so_far
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clone();
                log(&logged, &counts);
                logged = counts;
            }
            let due_now = step
                .next_at
                .is_some_and(|next| next <= self.shared.clock.now());
            if due_now && step.claimed > 0 {
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.shared.mail_queued.notified() => {}
                () = tokio::time::sleep(IDLE) => {}
            }
        }
        Ok(())
    }
}

fn taken(error: LockError) -> StepError {
    match error {
        LockError::Taken { .. } => StepError::Standby(anyhow::anyhow!(
            "{error}; only one process delivers at a time, so this one stands by"
        )),
        error @ LockError::Io { .. } => error.into(),
    }
}

fn log(before: &Summary, now: &Summary) {
    tracing::info!(
        accepted = now.accepted.saturating_sub(before.accepted),
        deferred = now.deferred,
        rejected = now.rejected.saturating_sub(before.rejected),
        uncertain = now.uncertain,
        "mail delivered"
    );
}
