//! The delivery service: set up once, then run.

use super::context::{EnvelopeSender, ProgressListener, Route};
use super::ledger::NotRecorded;
use super::lock::SendingLock;
use super::maildir::Maildir;
use super::run::DeliveryRun;
use super::settings::{RateLimits, RetrySettings, Transport};
use super::smtp::{Dialer, SmtpFailure, Timeouts};
use super::summary::Summary;
use crate::clock::Clock;
use crate::random::Random;
use crate::store::{Db, StoreError};
use chrono::{DateTime, TimeDelta, Utc};
use std::path::PathBuf;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The longest sleep while mail waits: a clock that was set, or mail that was queued meanwhile, is
/// noticed then.
const NAP_MAX: TimeDelta = TimeDelta::seconds(30);

/// Workers on a Maildir: their records share a commit.
const MAILDIR_WORKERS: usize = 4;

/// An error that stops sending.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// Another process holds the sending lease.
    #[error("another paperboy is sending already: {holder} (until {until} at least)")]
    Busy {
        /// The name of its holder.
        holder: String,
        /// The end of the lease, unless it is renewed.
        until: DateTime<Utc>,
    },
    /// Another process took the sending lease over.
    #[error("the right to send was taken over by {holder}")]
    TakenOver {
        /// The name of its holder.
        holder: String,
    },
    /// Nothing is sent that cannot be recorded.
    #[error("cannot record deliveries, so nothing more is sent")]
    NotRecorded(#[source] Arc<StoreError>),
    /// The envelope sender is no address.
    #[error("cannot send from {address:?}")]
    Sender {
        /// The text of the address.
        address: String,
        /// The error in it.
        source: lettre::address::AddressError,
    },
    /// TLS cannot be set up on this machine.
    #[error("cannot prepare TLS")]
    Tls(#[source] SmtpFailure),
    /// The Maildir cannot be made.
    #[error("cannot make the Maildir {path}")]
    Maildir {
        /// The path of the folder.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
}

impl From<NotRecorded> for DeliverError {
    fn from(error: NotRecorded) -> Self {
        DeliverError::NotRecorded(error)
    }
}

impl From<StoreError> for DeliverError {
    fn from(error: StoreError) -> Self {
        DeliverError::NotRecorded(Arc::new(error))
    }
}

/// Delivers what is queued, over one relay.
pub struct DeliveryService {
    pub(super) db: Db,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    pub(super) route: Arc<Route>,
    pub(super) relay_name: String,
    pub(super) retry: RetrySettings,
    pub(super) limits: RateLimits,
    pub(super) per_domain_per_minute: u32,
    pub(super) connections: usize,
    pub(super) sender: EnvelopeSender,
    pub(super) stop: CancellationToken,
    pub(super) holder: String,
    pub(super) lock: Option<SendingLock>,
    pub(super) listener: Option<ProgressListener>,
}

impl DeliveryService {
    /// Prepares a service for `transport`. Nothing is sent yet. Cancelling `stop` ends a
    /// run: hand-overs under way are finished, the rest goes back to the queue.
    pub fn new(
        db: Db,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        transport: &Transport,
        sender: EnvelopeSender,
        stop: CancellationToken,
    ) -> Result<Self, DeliverError> {
        Self::with_timeouts(
            db,
            clock,
            random,
            transport,
            sender,
            stop,
            Timeouts::default(),
        )
    }

    /// Prepares a service with other timeouts than the RFC's.
    pub fn with_timeouts(
        db: Db,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        transport: &Transport,
        sender: EnvelopeSender,
        stop: CancellationToken,
        timeouts: Timeouts,
    ) -> Result<Self, DeliverError> {
        let (route, relay_name, retry, limits, connections) = match transport {
            Transport::Smtp(smtp) => {
                let dialer = Dialer::new(smtp, timeouts).map_err(DeliverError::Tls)?;
                let messages_per_connection = smtp.messages_per_connection.max(1);
                let route = Route::Smtp {
                    dialer: Box::new(dialer),
                    messages_per_connection,
                };
                let name = format!("{}:{}", smtp.host, smtp.port);
                (
                    route,
                    name,
                    smtp.retry.clone(),
                    smtp.rate,
                    smtp.connections.max(1),
                )
            }
            Transport::Maildir(path) => {
                let maildir = Maildir::open(path).map_err(|source| DeliverError::Maildir {
                    path: path.clone(),
                    source,
                })?;
                let limits = RateLimits {
                    per_second: 0,
                    per_minute: 0,
                    per_hour: 0,
                };
                let name = "maildir".to_owned();
                (
                    Route::Maildir(maildir),
                    name,
                    RetrySettings::default(),
                    limits,
                    MAILDIR_WORKERS,
                )
            }
        };
        // Process numbers repeat, in containers above all; two senders must not have one name.
        let mut distinction = [0; 4];
        random.fill(&mut distinction);
        let holder = format!(
            "process {} ({:08x})",
            std::process::id(),
            u32::from_be_bytes(distinction)
        );
        Ok(DeliveryService {
            db,
            clock,
            random,
            route: Arc::new(route),
            relay_name,
            retry,
            limits,
            per_domain_per_minute: match transport {
                Transport::Smtp(smtp) => smtp.per_domain_per_minute,
                Transport::Maildir(_) => 0,
            },
            connections,
            sender,
            stop,
            holder,
            lock: None,
            listener: None,
        })
    }

    /// Names the lease holder, as others are told while it sends. No other sender may have the
    /// name.
    #[must_use]
    pub fn with_holder(self, holder: impl Into<String>) -> Self {
        DeliveryService {
            holder: holder.into(),
            ..self
        }
    }

    /// Sends as the holder of `lock`: a lease that still runs belongs to a dead process, and is
    /// taken over.
    #[must_use]
    pub fn with_lock(self, lock: SendingLock) -> Self {
        DeliveryService {
            lock: Some(lock),
            ..self
        }
    }

    /// Reports the progress to `listener` after each delivery, and before each wait.
    #[must_use]
    pub fn with_listener(self, listener: ProgressListener) -> Self {
        DeliveryService {
            listener: Some(listener),
            ..self
        }
    }

    /// Sends until nothing is due or in flight; with `wait`, until nothing
    /// waits for a later try either. While sending pauses nothing is due.
    pub async fn run_until_empty(&self, wait: bool) -> Result<Summary, DeliverError> {
        let run = self.begin().await?;
        let worked = self.work_until_empty(&run, wait).await;
        let ended = run.end().await;
        worked.and(ended)
    }

    async fn work_until_empty(
        &self,
        run: &DeliveryRun<'_>,
        wait: bool,
    ) -> Result<(), DeliverError> {
        loop {
            let step = run.step().await?;
            let Some(next_at) = step.next_at.filter(|_| !self.stop.is_cancelled()) else {
                return Ok(());
            };
            if next_at <= self.clock.now() && step.claimed > 0 {
                continue;
            }
            if !wait {
                return Ok(());
            }
            run.context.report_progress(Some(next_at));
            let left = next_at - self.clock.now();
            if left <= TimeDelta::zero() && step.claimed > 0 {
                continue;
            }
            // The ledger counts in whole seconds.
            let nap = left
                .clamp(TimeDelta::seconds(1), NAP_MAX)
                .to_std()
                .unwrap_or_default();
            tokio::select! {
                () = self.stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(nap) => {}
            }
        }
    }

    /// Takes the sending lease, and recovers the claims of a dead sender.
    pub async fn begin(&self) -> Result<DeliveryRun<'_>, DeliverError> {
        DeliveryRun::begin(self).await
    }
}
