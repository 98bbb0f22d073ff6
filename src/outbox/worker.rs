//! Delivers over one connection until there are no more claims.
//!
//! This order is the guarantee: the server waits for the text (354), the
//! mark is on the disk, the text leaves, the reply comes, its record is on the
//! disk, the next text may leave.

use super::DeliverError;
use super::blame::{Blame, blame};
use super::context::{AttemptEnd, DeliveryContext, Route};
use super::ledger::{NotRecorded, Recording};
use super::maildir::Maildir;
use super::policy::Outcome;
use super::smtp::{Connection, Dialer, SmtpFailure};
use super::stage::SmtpStage;
use crate::store::Claimed;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{Mutex, Notify, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Fresh connections that may break under one delivery before it has to wait.
const BROKEN_UNDER_ONE_MAX: u32 = 3;

/// Claimed deliveries, for the next free connection.
pub(super) type Claims = Arc<Mutex<mpsc::Receiver<Claimed>>>;

/// Deliveries that are with a connection and not yet recorded.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    count: AtomicUsize,
    pub(super) fewer: Notify,
}

impl InFlight {
    pub(super) fn is_empty(&self) -> bool {
        self.count.load(Ordering::SeqCst) == 0
    }

    pub(super) fn add(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn remove(&self) {
        self.count.fetch_sub(1, Ordering::SeqCst);
        self.fewer.notify_one();
    }
}

pub(super) struct Worker {
    context: Arc<DeliveryContext>,
    claims: Claims,
    in_flight: Arc<InFlight>,
    /// Begin no further delivery.
    halt: CancellationToken,
    connection: Option<Connection>,
    /// The record of the last delivery, until it is known to be on the disk.
    recording: Option<Recording>,
}

impl Worker {
    pub(super) fn new(
        context: Arc<DeliveryContext>,
        claims: Claims,
        in_flight: Arc<InFlight>,
        halt: CancellationToken,
    ) -> Self {
        Worker {
            context,
            claims,
            in_flight,
            halt,
            connection: None,
            recording: None,
        }
    }

    /// Delivers until there are no more claims or `halt` is cancelled, which it does itself on an
    /// error.
    pub(super) async fn run(mut self) -> Result<(), DeliverError> {
        // The feeder must notice when a worker fails or panics.
        let failing = self.halt.clone().drop_guard();
        let result = self.work().await;
        if result.is_ok() {
            failing.disarm();
        }
        if let Some(connection) = self.connection.take() {
            connection.quit().await;
        }
        result
    }

    async fn work(&mut self) -> Result<(), DeliverError> {
        loop {
            let claimed = tokio::select! {
                biased;
                () = self.halt.cancelled() => None,
                claimed = next(&self.claims) => claimed,
                // Only with nothing else to do: the record may take its time while the next
                // delivery is offered.
                recorded = on_disk(&mut self.recording), if self.recording.is_some() => {
                    self.note_recorded(recorded)?;
                    continue;
                }
            };
            match claimed {
                Some(claimed) => self.deliver(&claimed).await?,
                None => return self.all_recorded().await,
            }
        }
    }

    async fn deliver(&mut self, claimed: &Claimed) -> Result<(), DeliverError> {
        let began = Instant::now();
        let route = Arc::clone(&self.context.route);
        let end = match &*route {
            Route::Smtp {
                dialer,
                messages_per_connection,
            } => {
                self.by_smtp(claimed, dialer, *messages_per_connection)
                    .await?
            }
            Route::Maildir(maildir) => self.by_maildir(claimed, maildir).await?,
        };
        self.all_recorded().await?;
        let Some(end) = end else {
            tracing::info!(
                issue = claimed.id.0,
                "delivery was taken out of the queue meanwhile: not sent"
            );
            self.in_flight.remove();
            return Ok(());
        };
        self.recording = self
            .context
            .record_end(claimed, end, began.elapsed(), &self.halt)
            .await?;
        if self.recording.is_none() {
            // It waits for what the relay says of the recipients after it.
            self.in_flight.remove();
        }
        Ok(())
    }

    /// The end of the attempt; `None` if the delivery left the queue before its text was sent.
    async fn by_smtp(
        &mut self,
        claimed: &Claimed,
        dialer: &Dialer,
        carries: u32,
    ) -> Result<Option<AttemptEnd>, DeliverError> {
        if let Some(full) = self
            .connection
            .take_if(|connection| connection.taken() >= carries)
        {
            full.quit().await;
        }
        let mut connection = match self.offered(claimed, dialer).await? {
            Ok(connection) => connection,
            Err(end) => return Ok(Some(end)),
        };
        // Without the mark the connection is dropped before the text: SMTP has no other way to end
        // a transaction after 354.
        if !self.mark(claimed).await? {
            return Ok(None);
        }
        // From here on nothing interrupts it: stopping would only make the end uncertain.
        match connection.hand_over(&claimed.message).await {
            Ok(reply) => {
                self.connection = Some(connection);
                Ok(Some(AttemptEnd::accepted(
                    SmtpStage::Dot,
                    Some(reply),
                    String::new(),
                )))
            }
            Err(failure) => {
                let outcome = match &failure.reply {
                    Some(reply) => Outcome::Refused {
                        stage: SmtpStage::Dot,
                        blame: blame(SmtpStage::Dot, reply, claimed.address.as_str()),
                        try_again_in: reply.try_again_in(),
                    },
                    None => Outcome::Uncertain,
                };
                if failure.in_step {
                    self.connection = Some(connection);
                } else if outcome == Outcome::Uncertain {
                    self.context.connection_broke(&failure, &self.halt).await?;
                }
                Ok(Some(AttemptEnd::failed(failure, outcome)))
            }
        }
    }

    /// Returns a connection on which the server waits for the text, or the end of the attempt.
    async fn offered(
        &mut self,
        claimed: &Claimed,
        dialer: &Dialer,
    ) -> Result<Result<Connection, AttemptEnd>, DeliverError> {
        let from = (self.context.sender)(claimed.id);
        let from = from.parse().map_err(|source| DeliverError::Sender {
            address: from,
            source,
        })?;
        let to = lettre::Address::from(&claimed.address);
        let stop = self.context.stop.clone();
        let mut broken = 0;
        loop {
            let kept = self.connection.take();
            let is_fresh = kept.is_none();
            let attempt = async {
                let mut connection = match kept {
                    Some(connection) => connection,
                    None => Box::pin(dialer.open())
                        .await
                        .map_err(|failure| (failure, None))?,
                };
                match connection.offer(&from, &to).await {
                    Ok(()) => Ok(connection),
                    Err(failure) => Err((failure, Some(connection))),
                }
            };
            let (failure, connection) = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(Err(AttemptEnd::not_tried())),
                offered = attempt => match offered {
                    Ok(connection) => return Ok(Ok(connection)),
                    Err(refused) => refused,
                },
            };
            let Some(mut connection) = connection else {
                return Ok(Err(AttemptEnd::failed(
                    failure.clone(),
                    not_opened(&failure),
                )));
            };
            let Some(reply) = &failure.reply else {
                // A kept connection may have been closed while it waited; that says nothing.
                if is_fresh {
                    broken += 1;
                    self.context.connection_broke(&failure, &self.halt).await?;
                }
                if broken >= BROKEN_UNDER_ONE_MAX {
                    return Ok(Err(AttemptEnd::failed(failure, Outcome::Broken)));
                }
                continue;
            };
            let blame = blame(failure.stage, reply, claimed.address.as_str());
            if blame == Blame::Relay && connection.taken() > 0 {
                // It has accepted messages and takes no more over this connection.
                continue;
            }
            let try_again_in = reply.try_again_in();
            if failure.in_step && connection.reset().await.is_ok() {
                self.connection = Some(connection);
            }
            let outcome = Outcome::Refused {
                stage: failure.stage,
                blame,
                try_again_in,
            };
            return Ok(Err(AttemptEnd::failed(failure, outcome)));
        }
    }

    async fn by_maildir(
        &mut self,
        claimed: &Claimed,
        maildir: &Maildir,
    ) -> Result<Option<AttemptEnd>, DeliverError> {
        if !self.mark(claimed).await? {
            return Ok(None);
        }
        let (maildir, id, message, again) = (
            maildir.clone(),
            claimed.id,
            claimed.message.clone(),
            claimed.resent,
        );
        let putting = tokio::task::spawn_blocking(move || {
            if again {
                maildir.put_again(id, &message)
            } else {
                maildir.put(id, &message)
            }
        });
        Ok(Some(match putting.await {
            Ok(Ok(name)) => AttemptEnd::accepted(SmtpStage::Maildir, None, name),
            Ok(Err(error)) => in_maildir(error.to_string()),
            Err(stopped) if stopped.is_panic() => std::panic::resume_unwind(stopped.into_panic()),
            Err(_) => in_maildir("the program is stopping".to_owned()),
        }))
    }

    /// Returns once the mark of this text and the record of the one before it are on the disk.
    /// Returns `false` if the delivery has left the queue.
    async fn mark(&mut self, claimed: &Claimed) -> Result<bool, DeliverError> {
        let mut mark = self.context.ledger.mark(claimed.id).await;
        self.all_recorded().await?;
        let is_marked = mark.on_disk().await?;
        if is_marked {
            tracing::debug!(target: "paperboy::journey", issue = claimed.id.0, "handing over");
        }
        Ok(is_marked)
    }

    async fn all_recorded(&mut self) -> Result<(), DeliverError> {
        if self.recording.is_some() {
            let recorded = on_disk(&mut self.recording).await;
            self.note_recorded(recorded)?;
        }
        Ok(())
    }

    fn note_recorded(&mut self, recorded: Result<(), NotRecorded>) -> Result<(), DeliverError> {
        self.recording = None;
        self.in_flight.remove();
        recorded.map_err(DeliverError::from)
    }
}

async fn next(claims: &Claims) -> Option<Claimed> {
    claims.lock().await.recv().await
}

async fn on_disk(recording: &mut Option<Recording>) -> Result<(), NotRecorded> {
    match recording {
        Some(recording) => recording.on_disk().await,
        None => std::future::pending().await,
    }
}

/// The outcome of a connection that could not be opened: no recipient was judged.
fn not_opened(failure: &SmtpFailure) -> Outcome {
    let blame = failure
        .reply
        .as_ref()
        .map_or(Blame::Relay, |reply| blame(failure.stage, reply, ""));
    Outcome::Refused {
        stage: failure.stage,
        blame,
        try_again_in: None,
    }
}

/// The end of an attempt whose file could not be written.
fn in_maildir(text: String) -> AttemptEnd {
    let outcome = Outcome::Refused {
        stage: SmtpStage::Maildir,
        blame: Blame::Relay,
        try_again_in: None,
    };
    AttemptEnd {
        stage: SmtpStage::Maildir,
        reply: None,
        text,
        outcome,
    }
}
