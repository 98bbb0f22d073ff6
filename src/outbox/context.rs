//! The state that the connections of one run share; it judges, records and counts the ends of
//! attempts.

use super::DeliverError;
use super::blame::Blame;
use super::ledger::{Ledger, Recording};
use super::maildir::Maildir;
use super::policy::{Circumstances, Outcome, RelaySignal, SOFT_AMONG, decide, later, soft_before};
use super::relay::{Refused, RelayHealth};
use super::reply::Reply;
use super::settings::RetrySettings;
use super::smtp::{Dialer, SmtpFailure};
use super::stage::SmtpStage;
use super::summary::{Progress, Summary, Tally};
use crate::clock::Clock;
use crate::random::Random;
use crate::refusal::wording;
use crate::store::{AttemptRecord, Claimed, Db, DeliveryId, Disposition, RelayPause, Settlement};
use chrono::{DateTime, Utc};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The envelope sender of a delivery.
pub type EnvelopeSender = Arc<dyn Fn(DeliveryId) -> String + Send + Sync>;

/// Receives the progress of a run.
pub type ProgressListener = Arc<dyn Fn(&Progress) + Send + Sync>;

/// The way out for mail, ready to be used.
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
    /// Refusals that may still turn out to be the relay's trouble.
    pub(super) undecided: Mutex<Vec<Judged>>,
}

/// An attempt that has ended, with what is to be recorded of it.
#[derive(Debug)]
pub(super) struct Judged {
    id: DeliveryId,
    queued_at: DateTime<Utc>,
    tries: u32,
    soft: bool,
    took: Duration,
    disposition: Disposition,
    /// The disposition if the refusal turns out to be the relay's trouble.
    otherwise: Disposition,
    end: AttemptEnd,
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

    /// The reply as it would be quoted, or our words.
    fn words(&self) -> String {
        let reply = self.reply.as_ref();
        reply.map_or_else(|| self.text.clone(), ToString::to_string)
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
    /// Decides what follows from `end`, and asks for it to be recorded; `None` if that waits.
    /// Trouble with the relay cancels `halt`.
    ///
    /// A refusal for good is recorded once the relay has accepted enough of the recipients after
    /// it. Where it refuses most of them instead, it refuses us: their mail waits, and no address
    /// is suppressed.
    pub(super) async fn record_end(
        &self,
        claimed: &Claimed,
        end: AttemptEnd,
        took: Duration,
        halt: &CancellationToken,
    ) -> Result<Option<Recording>, DeliverError> {
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
        let judged = Judged {
            id: claimed.id,
            queued_at: claimed.queued_at,
            tries: claimed.attempts + 1,
            soft,
            took,
            disposition: consequence.disposition,
            otherwise: later(None, &circumstances, &self.retry),
            end,
        };
        let is_new_refusal = matches!(consequence.relay, RelaySignal::Refuses { .. })
            && !self.relay().was_taken_back(claimed.id);
        let (stage, code) = (judged.end.stage, judged.end.code());
        let words = judged.end.words();
        if is_new_refusal {
            let wording = format!(
                "{stage} {} {}",
                code.unwrap_or_default(),
                wording(&words, claimed.address.as_str())
            );
            let is_policy = consequence.relay == RelaySignal::Refuses { is_policy: true };
            self.note_answer().await?;
            let is_trouble = {
                let mut relay = self.relay();
                self.undecided().push(judged);
                relay.refuses_us() || relay.refused(Refused { wording, is_policy })
            };
            if is_trouble {
                self.take_back_refusals().await?;
                self.alarm(stage, code);
                self.pause_relay(&format!("{stage}: {words}"), true, stage, code, now, halt)
                    .await?;
            }
            self.report_progress(None);
            return Ok(None);
        }
        let recording = self.settle(&judged, now).await;
        self.apply_signal(consequence.relay, &judged.end, now, halt)
            .await?;
        self.report_progress(None);
        Ok(Some(recording))
    }

    async fn settle(&self, judged: &Judged, now: DateTime<Utc>) -> Recording {
        judged.log(now);
        self.tally().count(judged.id, &judged.disposition);
        let settlement = Settlement {
            id: judged.id,
            attempt: judged.end.record(judged.took),
            disposition: judged.disposition.clone(),
            soft: judged.soft,
        };
        self.ledger.settle(settlement).await
    }

    /// Records the refusals that have waited: the relay accepts others, so the recipients are
    /// meant.
    pub(super) async fn confirm_refusals(&self) -> Result<(), DeliverError> {
        let undecided = std::mem::take(&mut *self.undecided());
        self.settle_all(undecided).await
    }

    /// Lets the refused mail wait instead: the relay refuses us.
    async fn take_back_refusals(&self) -> Result<(), DeliverError> {
        let mut undecided = std::mem::take(&mut *self.undecided());
        for judged in &mut undecided {
            judged.disposition = judged.otherwise.clone();
            judged.soft = false;
            self.relay().take_back(judged.id);
        }
        self.settle_all(undecided).await
    }

    async fn settle_all(&self, undecided: Vec<Judged>) -> Result<(), DeliverError> {
        let now = self.clock.now();
        let mut recordings = Vec::with_capacity(undecided.len());
        for judged in &undecided {
            recordings.push(self.settle(judged, now).await);
        }
        for mut recording in recordings {
            recording.on_disk().await?;
        }
        Ok(())
    }

    async fn soft_before(&self, id: DeliveryId) -> Result<u32, DeliverError> {
        let earlier = self
            .db
            .run(move |store| store.earlier_deliveries(id, SOFT_AMONG as u32))
            .await?;
        Ok(soft_before(&earlier))
    }

    /// Notes a connection that broke before a text left.
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
        self.pause_relay(
            &failure.to_string(),
            false,
            failure.stage,
            None,
            self.clock.now(),
            halt,
        )
        .await
    }

    /// Reports the progress to the listener, if there is one.
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

    fn undecided(&self) -> MutexGuard<'_, Vec<Judged>> {
        self.undecided
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn apply_signal(
        &self,
        signal: RelaySignal,
        end: &AttemptEnd,
        now: DateTime<Utc>,
        halt: &CancellationToken,
    ) -> Result<(), DeliverError> {
        let refuses_us = match signal {
            RelaySignal::Silent => return Ok(()),
            // The refusal of a delivery whose first refusal was taken back says nothing new.
            RelaySignal::Answers | RelaySignal::Refuses { .. } => return self.note_answer().await,
            RelaySignal::Works => {
                let was_in_trouble = self.relay().accepted_message();
                if was_in_trouble {
                    tracing::info!(relay = %self.relay_name, "the relay accepts mail again");
                    self.store_pause(None).await?;
                }
                if !self.relay().may_refuse_us() {
                    self.confirm_refusals().await?;
                }
                return Ok(());
            }
            RelaySignal::Rests => false,
            RelaySignal::RefusesUs => true,
        };
        if refuses_us {
            self.alarm(end.stage, end.code());
        }
        let reason = format!("{}: {}", end.stage, end.words());
        self.pause_relay(&reason, refuses_us, end.stage, end.code(), now, halt)
            .await
    }

    /// The relay has answered, so trouble of its own is over.
    async fn note_answer(&self) -> Result<(), DeliverError> {
        if self.relay().answered() {
            tracing::info!(relay = %self.relay_name, "the relay answers again");
            self.store_pause(None).await?;
        }
        Ok(())
    }

    /// Tells the operator, once for each time of trouble.
    fn alarm(&self, stage: SmtpStage, code: Option<u16>) {
        if self.relay().take_alarm() {
            tracing::error!(
                relay = %self.relay_name, smtp.stage = %stage, smtp.code = code,
                "the relay refuses mail because of its sender, rate or content: sending pauses, no \
                 address is suppressed; check limits, login, SPF, DKIM, DMARC, PTR and blocklists; \
                 `paperboy outbox list` shows its words"
            );
        }
    }

    /// Pauses sending, unless it is paused already.
    async fn pause_relay(
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

impl Judged {
    /// Logs one line; the server's words stay in the ledger, for they may hold an address.
    fn log(&self, now: DateTime<Utc>) {
        let (stage, code, enhanced) = (self.end.stage, self.end.code(), self.end.enhanced());
        let id = self.id.0;
        match &self.disposition {
            Disposition::Accepted => {
                let waited = (now - self.queued_at).num_seconds();
                tracing::info!(
                    target: "paperboy::journey", issue = id, smtp.code = code,
                    smtp.enhanced = enhanced, tries = self.tries, waited_seconds = waited,
                    "delivery accepted"
                );
            }
            Disposition::Released => tracing::debug!(
                issue = id, smtp.stage = %stage, smtp.code = code, "delivery back in the queue"
            ),
            Disposition::Deferred(until) => tracing::info!(
                issue = id, smtp.stage = %stage, smtp.code = code, smtp.enhanced = enhanced,
                until = %until, "delivery deferred"
            ),
            Disposition::Rejected { suppress } => tracing::info!(
                issue = id, smtp.stage = %stage, smtp.code = code, smtp.enhanced = enhanced,
                suppress, "delivery rejected by the server"
            ),
            Disposition::Uncertain(until) => tracing::warn!(
                issue = id, smtp.stage = %stage, until = %until,
                "the connection was lost after the text: the server may have it, it is resent once"
            ),
            Disposition::Held => tracing::warn!(
                issue = id, smtp.stage = %stage,
                "the server may have the message: held for a person to decide"
            ),
            Disposition::Expired => tracing::info!(
                issue = id, smtp.stage = %stage, smtp.code = code, smtp.enhanced = enhanced,
                "delivery expired: too late for another try"
            ),
        }
    }
}
