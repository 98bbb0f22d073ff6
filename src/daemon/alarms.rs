//! The loops that tell the operator what is wrong, and what the day came to.

use super::driver::{Heartbeat, Step, StepError};
use super::runtime_config::RuntimeConfig;
use crate::findings::{AlarmMonitor, LoopFailure, MonitorContext, RunReporter, WebhookSender};
use crate::outbox::Transport;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// A part that fails for less is trying again.
const PART_PATIENCE: Duration = Duration::from_mins(10);

/// Looks after the whole house.
pub(super) struct MonitorTask {
    pub(super) watch: AlarmMonitor,
    pub(super) teller: RunReporter,
    pub(super) runtime: watch::Receiver<Arc<RuntimeConfig>>,
    /// Of all loops of this process.
    pub(super) heartbeats: Vec<Arc<Heartbeat>>,
    /// Rings when mail was queued.
    pub(super) queued: Arc<Notify>,
}

impl MonitorTask {
    /// Looks once, unless another process of the house delivers, and so looks.
    pub(super) async fn step(self: Arc<Self>) -> Result<Step, StepError> {
        let runtime = Arc::clone(&self.runtime.borrow());
        let now = self.watch.clock.now();
        let ours = format!("process {}", std::process::id());
        let sender = self.watch.db.read(|store| store.sender()).await;
        if let Ok(Some(lease)) = sender
            && lease.until > now
            && !lease.holder.ends_with(&ours)
        {
            return Ok(Step::Idle);
        }
        let told = self
            .watch
            .step(self.house(&runtime)?, &runtime.composer)
            .await?;
        let summed_up = self
            .teller
            .step(&runtime.config.alarms, &runtime.composer)
            .await?;
        if told || summed_up {
            self.queued.notify_one();
        }
        Ok(Step::Idle)
    }

    fn house(&self, runtime: &RuntimeConfig) -> Result<MonitorContext, StepError> {
        let config = &runtime.config;
        let failing = self.heartbeats.iter().filter_map(|heartbeat| {
            let (lasts, text) = heartbeat.failing()?;
            (lasts >= PART_PATIENCE).then_some(LoopFailure {
                name: heartbeat.name,
                text,
                lasts,
            })
        });
        let database = config
            .database_path()
            .map_err(|error| StepError::Passing(error.into()))?;
        Ok(MonitorContext {
            settings: config.alarms.clone(),
            relay: match &config.transport {
                Transport::Smtp(smtp) => format!("{}:{}", smtp.host, smtp.port),
                Transport::Maildir(_) => "maildir".to_owned(),
            },
            latest_send: config.schedule.latest_send,
            database: database.to_owned(),
            certificate: config.web.tls.as_ref().map(|tls| tls.cert_file.clone()),
            witness: config.time_witness(),
            parts: failing.collect(),
        })
    }
}

/// Tells the webhook.
pub(super) struct WebhookTask {
    pub(super) poster: WebhookSender,
    pub(super) runtime: watch::Receiver<Arc<RuntimeConfig>>,
}

impl WebhookTask {
    /// Tells one thing, if there is a webhook and something to tell.
    pub(super) async fn step(self: Arc<Self>) -> Result<Step, StepError> {
        let Some(settings) = self.runtime.borrow().config.alarms.webhook.clone() else {
            return Ok(Step::Idle);
        };
        Ok(if self.poster.step(&settings).await? {
            Step::Worked
        } else {
            Step::Idle
        })
    }
}
