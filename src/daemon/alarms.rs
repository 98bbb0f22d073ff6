//! The loops that raise alarms, post them to the webhook, and report each day.

use super::driver::{Step, StepError};
use super::runtime_config::RuntimeConfig;
use super::tasks::{Shared, Tasks, Timing};
use super::{PATIENCE, SCHEDULE_IDLE};
use crate::findings::{
    AlarmMonitor, FactSettings, MonitorContext, RunReporter, WebhookSender, relay_name,
};
use std::sync::Arc;
use std::time::Duration;

/// The interval of looks at what is wrong.
const MONITOR_IDLE: Duration = Duration::from_mins(1);

struct MonitorTask {
    shared: Shared,
    monitor: AlarmMonitor,
    reporter: RunReporter,
}

struct WebhookTask {
    shared: Shared,
    sender: WebhookSender,
}

/// Starts the monitor and the webhook loop.
pub(super) fn start(tasks: &mut Tasks, shared: &Shared) {
    let unstored = Arc::default();
    let timing = Timing {
        idle: SCHEDULE_IDLE,
        patience: PATIENCE,
        wake: None,
    };
    let webhook = WebhookTask {
        shared: shared.clone(),
        sender: WebhookSender {
            db: shared.db.clone(),
            clock: Arc::clone(&shared.clock),
            unstored: Arc::clone(&unstored),
        },
    };
    tasks.start("webhook", &timing, |_| webhook, WebhookTask::step);
    let monitor = MonitorTask {
        shared: shared.clone(),
        monitor: AlarmMonitor::new(shared.db.clone(), Arc::clone(&shared.clock), unstored),
        reporter: RunReporter {
            db: shared.db.clone(),
            clock: Arc::clone(&shared.clock),
        },
    };
    let timing = Timing {
        idle: MONITOR_IDLE,
        ..timing
    };
    tasks.start("alarms", &timing, |_| monitor, MonitorTask::step);
}

impl MonitorTask {
    /// Looks once, unless another process delivers: then that one raises the alarms.
    async fn step(self: Arc<Self>) -> Result<Step, StepError> {
        let shared = &self.shared;
        let runtime = shared.current();
        let now = shared.clock.now();
        let ours = format!("process {}", std::process::id());
        let sender = shared.db.read(|store| store.sender()).await;
        if let Ok(Some(lease)) = sender
            && lease.until > now
            && !lease.holder.ends_with(&ours)
        {
            return Ok(Step::Idle);
        }
        let context = monitor_context(&runtime)?;
        let is_mailed = self.monitor.step(context, &runtime.composer).await?;
        let alarms = &runtime.config.alarms;
        let is_reported = self.reporter.step(alarms, &runtime.composer).await?;
        if is_mailed || is_reported {
            shared.mail_queued.notify_one();
        }
        Ok(Step::Idle)
    }
}

fn monitor_context(runtime: &RuntimeConfig) -> Result<MonitorContext, StepError> {
    let config = &runtime.config;
    let database = config
        .database_path()
        .map_err(|error| StepError::Passing(error.into()))?;
    let sources = config.sources.iter();
    Ok(MonitorContext {
        settings: config.alarms.clone(),
        facts: FactSettings {
            relay: relay_name(&config.transport),
            latest_send: config.schedule.latest_send,
            sources: sources.map(|source| source.name.clone()).collect(),
        },
        database: database.to_owned(),
        certificate: config.web.tls.as_ref().map(|tls| tls.cert_file.clone()),
        witness: config.time_witness(),
    })
}

impl WebhookTask {
    /// Posts the next alarm, if there is a webhook.
    async fn step(self: Arc<Self>) -> Result<Step, StepError> {
        let Some(settings) = self.shared.current().config.alarms.webhook.clone() else {
            return Ok(Step::Idle);
        };
        let is_posted = self.sender.step(&settings).await?;
        Ok(if is_posted { Step::Worked } else { Step::Idle })
    }
}
