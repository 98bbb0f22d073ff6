//! What the connections of one sender share: what happened is judged, recorded
//! and counted here.

use super::DeliverError;
use super::blame::Blame;
use super::ledger::{Ledger, Recording};
use super::maildir::Maildir;
use super::policy::{Circumstances, Outcome, RelaySignal, SOFT_AMONG, decide, soft_before};
use super::relay::RelayHealth;
use super::reply::Reply;
use super::settings::RetrySettings;
use super::smtp::{Dialer, SmtpFailure};
use super::stage::SmtpStage;
use super::summary::{Progress, Summary, Tally};
use crate::clock::Clock;
use crate::random::Random;
use crate::store::{AttemptRecord, Claimed, Db, DeliveryId, Disposition, RelayPause, Settlement};
use chrono::{DateTime, Utc};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The envelope sender of a delivery.
pub type EnvelopeSender = Arc<dyn Fn(DeliveryId) -> String + Send + Sync>;

/// Is told how far a run has come.
pub type ProgressListener = Arc<dyn Fn(&Progress) + Send + Sync>;

/// Where mail goes, ready to be used.
pub(super) enum Route {
    Smtp {
        dialer: Box<Dialer>,
        messages_per_connection: u32,
    },
    Maildir(Maildir),
}

pub(super) struct DeliveryContext {
    pub(super) db: Db,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    pub(super) route: Arc<Route>,
    pub(super) relay_name: String,
    pub(super) retry: RetrySettings,
    pub(super) sender: EnvelopeSender,
    pub(super) listener: Option<ProgressListener>,
    pub(super) ledger: Ledger,
    /// Cut short what can be cut short, begin nothing.
    pub(super) stop: CancellationToken,
    pub(super) relay: Mutex<RelayHealth>,
    pub(super) tally: Mutex<Tally>,
}

/// The end of an attempt.
#[derive(Debug)]
pub(super) struct AttemptEnd {
    pub(super) stage: SmtpStage,
    pub(super) reply: Option<Reply>,
    /// Our words, if there was no reply.
    pub(super) text: String,
    pub(super) outcome: Outcome,
}

impl AttemptEnd {
    pub(super) fn accepted(stage: SmtpStage, reply: Option<Reply>, text: String) -> Self {
        AttemptEnd {
            stage,
            reply,
            text,
            outcome: Outcome::Accepted,
        }
    }

    pub(super) fn failed(failure: SmtpFailure, outcome: Outcome) -> Self {
        AttemptEnd {
            stage: failure.stage,
            reply: failure.reply,
            text: failure.text,
            outcome,
        }
    }

    pub(super) fn not_tried() -> Self {
        let text = "not tried: sending was interrupted".to_owned();
        AttemptEnd {
            stage: SmtpStage::Queue,
            reply: None,
            text,
            outcome: Outcome::NotTried,
        }
    }

    fn code(&self) -> Option<u16> {
        self.reply.as_ref().map(|reply| reply.code)
    }

    fn enhanced(&self) -> Option<String> {
        self.reply
            .as_ref()
            .and_then(|reply| reply.enhanced)
            .map(|enhanced| enhanced.to_string())
    }

    fn record(&self, took: Duration) -> AttemptRecord {
        AttemptRecord {
            stage: self.stage.word().to_owned(),
            code: self.code(),
            enhanced: self.enhanced(),
            text: self
                .reply
                .as_ref()
                .map_or_else(|| self.text.clone(), |reply| reply.text.clone()),
            duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

impl DeliveryContext {
    /// Decides what follows from `end`, and asks for it to be recorded.
    /// Trouble with the relay cancels `halt`.
    pub(super) async fn record_end(
        &self,
        claimed: &Claimed,
        end: &AttemptEnd,
        took: Duration,
        halt: &CancellationToken,
    ) -> Result<Recording, DeliverError> {
        let now = self.clock.now();
        let soft = matches!(
            end.outcome,
            Outcome::Refused {
                blame: Blame::RecipientSoft,
                ..
            }
        );
        let soft_before = if soft {
            self.soft_before(claimed.id).await?
        } else {
            0
        };
        let circumstances = Circumstances {
            attempts: claimed.attempts,
            soft_before,
            resent: claimed.resent,
            refuses_us: self.relay().refuses_us(),
            expires_at: claimed.expires_at,
            now,
            jitter: self.random.fraction(),
        };
        let consequence = decide(end.outcome, &circumstances, &self.retry);
        log(claimed, end, &consequence.disposition, now);
        self.tally().count(claimed.id, &consequence.disposition);
        let attempt = end.record(took);
        let settlement = Settlement {
            id: claimed.id,
            attempt,
            disposition: consequence.disposition,
            soft,
        };
        let recording = self.ledger.settle(settlement).await;
        self.apply_signal(consequence.relay, end, now, halt).await?;
        self.report_progress(None);
        Ok(recording)
    }

    async fn soft_before(&self, id: DeliveryId) -> Result<u32, DeliverError> {
        let earlier = self
            .db
            .run(move |store| store.earlier_deliveries(id, SOFT_AMONG as u32))
            .await?;
        Ok(soft_before(&earlier))
    }

    /// A connection broke before a text left.
    pub(super) async fn connection_broke(
        &self,
        failure: &SmtpFailure,
        halt: &CancellationToken,
    ) -> Result<(), DeliverError> {
        let is_trouble = self.relay().connection_broke();
        tracing::debug!(smtp.stage = %failure.stage, "a connection broke");
        if !is_trouble {
            return Ok(());
        }
        self.pause(
            &failure.to_string(),
            false,
            failure.stage,
            None,
            self.clock.now(),
            halt,
        )
        .await
    }

    /// Tells the listener, if there is one.
    pub(super) fn report_progress(&self, waits_until: Option<DateTime<Utc>>) {
        if let Some(listener) = &self.listener {
            listener(&Progress {
                so_far: self.tally().so_far(),
                waits_until,
            });
        }
    }

    pub(super) fn so_far(&self) -> Summary {
        self.tally().so_far()
    }

    pub(super) fn relay(&self) -> MutexGuard<'_, RelayHealth> {
        self.relay.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn apply_signal(
        &self,
        news: RelaySignal,
        end: &AttemptEnd,
        now: DateTime<Utc>,
        halt: &CancellationToken,
    ) -> Result<(), DeliverError> {
        let (is_trouble, needs_a_person) = match news {
            RelaySignal::Silent => (false, false),
            RelaySignal::Judged | RelaySignal::Dislikes => {
                if self.relay().answered() {
                    tracing::info!(relay = %self.relay_name, "the relay answers again");
                    self.store_pause(None).await?;
                }
                let dislikes_us = news == RelaySignal::Dislikes;
                (self.relay().judged(dislikes_us), dislikes_us)
            }
            RelaySignal::Rests => (true, false),
            RelaySignal::RefusesUs => (true, true),
            RelaySignal::Works => {
                let was_in_trouble = self.relay().accepted_message();
                if was_in_trouble {
                    tracing::info!(relay = %self.relay_name, "the relay takes mail again");
                    self.store_pause(None).await?;
                }
                (false, false)
            }
        };
        if !is_trouble {
            return Ok(());
        }
        let said = end
            .reply
            .as_ref()
            .map_or_else(|| end.text.clone(), ToString::to_string);
        let reason = format!("{}: {said}", end.stage);
        if needs_a_person && self.relay().take_alarm() {
            tracing::error!(
                relay = %self.relay_name, smtp.stage = %end.stage, smtp.code = end.code(), smtp.enhanced = end.enhanced(),
                "the relay refuses mail because of its sender or content: check login, SPF, DKIM, DMARC, PTR and blocklists; \
                 `paperboy outbox list` shows its words"
            );
        }
        self.pause(&reason, needs_a_person, end.stage, end.code(), now, halt)
            .await
    }

    /// Gives the relay rest, unless it rests already.
    async fn pause(
        &self,
        reason: &str,
        refuses_us: bool,
        stage: SmtpStage,
        code: Option<u16>,
        now: DateTime<Utc>,
        halt: &CancellationToken,
    ) -> Result<(), DeliverError> {
        halt.cancel();
        let pause = self
            .relay()
            .pause(reason, refuses_us, self.retry.breaker, now);
        let Some(pause) = pause else { return Ok(()) };
        tracing::warn!(
            relay = %self.relay_name, smtp.stage = %stage, smtp.code = code, failures = pause.failures,
            until = %pause.until, "the relay is in trouble, mail waits; `paperboy check` says why and what to do"
        );
        self.store_pause(Some(pause)).await
    }

    async fn store_pause(&self, pause: Option<RelayPause>) -> Result<(), DeliverError> {
        let name = self.relay_name.clone();
        self.db
            .run(move |store| store.pause_relay(&name, pause.as_ref()))
            .await
            .map_err(DeliverError::from)
    }
}

/// One line for each end; the server's words stay in the ledger, for they may hold an address.
fn log(claimed: &Claimed, end: &AttemptEnd, disposition: &Disposition, now: DateTime<Utc>) {
    let (stage, code, enhanced) = (end.stage, end.code(), end.enhanced());
    let id = claimed.id.0;
    match disposition {
        Disposition::Accepted => {
            let waited = (now - claimed.queued_at).num_seconds();
            tracing::info!(
                target: "paperboy::journey", issue = id, smtp.code = code, smtp.enhanced = enhanced,
                tries = claimed.attempts + 1, waited_seconds = waited, "delivery accepted"
            );
        }
        Disposition::Released => {
            tracing::debug!(issue = id, smtp.stage = %stage, smtp.code = code, "delivery back in the queue");
        }
        Disposition::Deferred(until) => tracing::info!(
            issue = id, smtp.stage = %stage, smtp.code = code, smtp.enhanced = enhanced, until = %until,
            "delivery deferred"
        ),
        Disposition::Rejected { suppress } => tracing::info!(
            issue = id, smtp.stage = %stage, smtp.code = code, smtp.enhanced = enhanced, suppress,
            "delivery rejected by the server"
        ),
        Disposition::Uncertain(until) => tracing::warn!(
            issue = id, smtp.stage = %stage, until = %until,
            "the connection was lost after the text: the server may have it, it is sent once more"
        ),
        Disposition::Held => tracing::warn!(
            issue = id, smtp.stage = %stage,
            "the server may have the message: held for a person to decide"
        ),
        Disposition::Expired => tracing::info!(
            issue = id, smtp.stage = %stage, smtp.code = code, smtp.enhanced = enhanced,
            "delivery given up: too late for another try"
        ),
    }
}
