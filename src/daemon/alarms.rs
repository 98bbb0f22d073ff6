//! The loops that tell the operator what is wrong, and what the day came to.

use super::keep::{Pulse, Step, Trouble};
use super::parts::Parts;
use crate::alarm::{House, PartTrouble, Poster, RunTeller, Watch};
use crate::outbox::Transport;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// A part that fails for less is trying again.
const PART_PATIENCE: Duration = Duration::from_mins(10);

/// Looks after the whole house.
pub(super) struct Watching {
    pub(super) watch: Watch,
    pub(super) teller: RunTeller,
    pub(super) parts: watch::Receiver<Arc<Parts>>,
    /// Of all loops of this process.
    pub(super) pulses: Vec<Arc<Pulse>>,
    /// Rings when mail was queued.
    pub(super) queued: Arc<Notify>,
}

impl Watching {
    /// Looks once, unless another process of the house delivers, and so looks.
    pub(super) async fn step(self: Arc<Self>) -> Result<Step, Trouble> {
        let parts = Arc::clone(&self.parts.borrow());
        let now = self.watch.clock.now();
        let ours = format!("process {}", std::process::id());
        let sender = self.watch.db.read(|store| store.sender()).await;
        if let Ok(Some(lease)) = sender
            && lease.until > now
            && !lease.holder.ends_with(&ours)
        {
            return Ok(Step::Idle);
        }
        let told = self.watch.step(self.house(&parts)?, &parts.desk).await?;
        let summed_up = self.teller.step(&parts.config.alarms, &parts.desk).await?;
        if told || summed_up {
            self.queued.notify_one();
        }
        Ok(Step::Idle)
    }

    fn house(&self, parts: &Parts) -> Result<House, Trouble> {
        let config = &parts.config;
        let failing = self.pulses.iter().filter_map(|pulse| {
            let (lasts, text) = pulse.failing()?;
            (lasts >= PART_PATIENCE).then_some(PartTrouble {
                name: pulse.name,
                text,
                lasts,
            })
        });
        let database = config
            .database_path()
            .map_err(|error| Trouble::Passing(error.into()))?;
        Ok(House {
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
pub(super) struct Posting {
    pub(super) poster: Poster,
    pub(super) parts: watch::Receiver<Arc<Parts>>,
}

impl Posting {
    /// Tells one thing, if there is a webhook and something to tell.
    pub(super) async fn step(self: Arc<Self>) -> Result<Step, Trouble> {
        let Some(settings) = self.parts.borrow().config.alarms.webhook.clone() else {
            return Ok(Step::Idle);
        };
        Ok(if self.poster.step(&settings).await? {
            Step::Worked
        } else {
            Step::Idle
        })
    }
}
