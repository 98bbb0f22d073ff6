//! The loops that take in bounces, complaints and unsubscribe mail.

use super::driver::{Heartbeat, Step, StepError};
use super::tasks::{Shared, Tasks, Timing};
use super::{PATIENCE, SCHEDULE_IDLE};
use crate::edition::EditionError;
use crate::inbound::imap::{ImapError, Mailbox};
use crate::inbound::lmtp::{self, LmtpDelivery};
use crate::inbound::maildir::{MaildirScan, Waiting};
use crate::inbound::{Envelope, InboundSettings, MAIL_BYTES_MAX, Receipt, Reception};
use crate::store::{Store, StoreError};
use crate::token::Signer;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// How late a report in a Maildir may be noticed.
const MAILDIR_IDLE: Duration = Duration::from_secs(2);

/// Mails that wait for the database, each of [`MAIL_BYTES_MAX`] at most; others wait in their
/// connections.
const LMTP_QUEUE: usize = 2;

/// Starts the loops of Maildir, IMAP and LMTP.
pub(super) fn start(
    tasks: &mut Tasks,
    shared: &Shared,
    settings: &InboundSettings,
    lmtp: Option<TcpListener>,
) {
    let context = InboundContext {
        shared: shared.clone(),
    };
    let timing = Timing {
        idle: SCHEDULE_IDLE,
        patience: PATIENCE,
        wake: None,
    };
    let maildir_timing = Timing {
        idle: MAILDIR_IDLE,
        ..timing
    };
    // A reload may bring a Maildir or a mailbox.
    let maildir = MaildirTask {
        context: context.clone(),
        watch: Mutex::default(),
    };
    tasks.start(
        "inbound maildir",
        &maildir_timing,
        |_| maildir,
        MaildirTask::step,
    );
    let imap = |heartbeat| ImapTask {
        context: context.clone(),
        mailbox: tokio::sync::Mutex::new(None),
        heartbeat,
    };
    tasks.start("inbound imap", &timing, imap, ImapTask::step);
    let Some(listener) = lmtp else { return };
    let (hand_over, handed) = mpsc::channel(LMTP_QUEUE);
    let task = LmtpTask {
        context,
        handed: tokio::sync::Mutex::new(handed),
    };
    tasks.start("inbound lmtp", &timing, |_| task, LmtpTask::step);
    let addresses = [&settings.addresses.bounce, &settings.addresses.unsubscribe];
    let ours = addresses.into_iter().flatten().cloned().collect();
    let stop = shared.stop.clone();
    tasks.running.spawn(async move {
        lmtp::serve(listener, ours, hand_over, stop).await;
        Ok(())
    });
}

/// Takes in one mail, whichever way it came.
#[derive(Clone)]
struct InboundContext {
    shared: Shared,
}

impl InboundContext {
    fn reception(&self) -> Reception {
        let runtime = self.shared.current();
        Reception {
            settings: runtime.config.inbound.clone(),
            signer: Signer::new(&runtime.config.site.secret),
        }
    }

    async fn take(&self, mail: Vec<u8>, envelope: Envelope) -> Result<Receipt, StoreError> {
        let (reception, now) = (self.reception(), self.shared.clock.now());
        let composer = Arc::clone(&self.shared.current().composer);
        let take = move |store: &mut dyn Store| {
            let receipt = reception.take_mail(store, &mail, &envelope, false, now)?;
            if let Some(id) = receipt.asks {
                match composer.ask_to_leave(store, id, now) {
                    Ok(_) => {}
                    // The transaction fails, so the mail stays and is taken in again.
                    Err(EditionError::Store(error)) => return Err(error),
                    Err(error) => {
                        tracing::error!("cannot compose the unsubscribe question: {error}");
                    }
                }
            }
            Ok(receipt)
        };
        self.shared.db.run(take).await
    }
}

/// Reads a Maildir.
struct MaildirTask {
    context: InboundContext,
    watch: Mutex<MaildirScan>,
}

impl MaildirTask {
    /// Takes in the mails that wait.
    async fn step(self: Arc<Self>) -> Result<Step, StepError> {
        let Some(folder) = self.context.shared.current().config.inbound.maildir.clone() else {
            return Ok(Step::Idle);
        };
        let unusable = |error: std::io::Error| {
            StepError::Passing(
                anyhow::Error::from(error)
                    .context(format!("inbound.maildir: cannot use {}", folder.display())),
            )
        };
        let waiting = self.watch().look(&folder).map_err(unusable)?;
        let is_more = waiting.len() >= crate::inbound::maildir::STEP_MAILS;
        let mut trouble = None;
        for path in waiting {
            if self.context.shared.stop.is_cancelled() {
                return Ok(Step::Idle);
            }
            // An unreadable mail does not block the others; it is retried.
            if let Err(error) = self.take(&folder, path).await? {
                trouble = trouble.or(Some(error));
            }
        }
        match trouble {
            Some(error) => Err(unusable(error)),
            None if is_more => Ok(Step::Worked),
            None => Ok(Step::Idle),
        }
    }

    async fn take(
        &self,
        folder: &Path,
        path: std::path::PathBuf,
    ) -> Result<std::io::Result<()>, StepError> {
        let waiting = match Waiting::read(path, MAIL_BYTES_MAX) {
            Ok(Some(waiting)) => waiting,
            Ok(None) => return Ok(Ok(())),
            Err(error) => return Ok(Err(error)),
        };
        let receipt = self
            .context
            .take(waiting.mail.clone(), Envelope::default())
            .await?;
        if receipt.is_ours {
            return Ok(waiting.settle(folder));
        }
        self.watch().leave(waiting);
        Ok(Ok(()))
    }

    fn watch(&self) -> std::sync::MutexGuard<'_, MaildirScan> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a mailbox on an IMAP server, and waits there for more.
struct ImapTask {
    context: InboundContext,
    /// The connection, while it works.
    mailbox: tokio::sync::Mutex<Option<Mailbox>>,
    /// Ticks before a long wait.
    heartbeat: Arc<Heartbeat>,
}

impl ImapTask {
    /// Takes in unseen mail, then waits for more.
    async fn step(self: Arc<Self>) -> Result<Step, StepError> {
        let Some(settings) = self.context.shared.current().config.inbound.imap.clone() else {
            return Ok(Step::Idle);
        };
        let mut place = self.mailbox.lock().await;
        let mut mailbox = match place.take() {
            Some(mailbox) => mailbox,
            None => Mailbox::open(&settings).await.map_err(passing)?,
        };
        let unseen = mailbox.unseen().await.map_err(passing)?;
        if unseen.is_empty() {
            self.heartbeat.tick();
            let mut runtime = self.context.shared.runtime.clone();
            runtime.mark_unchanged();
            tokio::select! {
                // The server notices the closed connection.
                () = self.context.shared.stop.cancelled() => return Ok(Step::Idle),
                // New settings need a new connection.
                _ = runtime.changed() => return Ok(Step::Worked),
                waited = mailbox.wait() => waited.map_err(passing)?,
            }
            *place = Some(mailbox);
            return Ok(Step::Worked);
        }
        let mut ours = Vec::new();
        let taken = self.take_all(&mut mailbox, &unseen, &mut ours).await;
        // Recorded mails are settled even if a later one failed. The others come again, and a
        // report counts once.
        mailbox.settle(&ours).await.map_err(passing)?;
        taken?;
        if self.context.shared.stop.is_cancelled() {
            mailbox.close().await;
            return Ok(Step::Idle);
        }
        *place = Some(mailbox);
        Ok(Step::Worked)
    }

    /// Takes in mails by number until the service stops; adds our reports to `ours`.
    async fn take_all(
        &self,
        mailbox: &mut Mailbox,
        unseen: &[u32],
        ours: &mut Vec<u32>,
    ) -> Result<(), StepError> {
        for &number in unseen {
            if self.context.shared.stop.is_cancelled() {
                break;
            }
            let Some(mail) = mailbox.fetch(number).await.map_err(passing)? else {
                mailbox.leave(number);
                continue;
            };
            if self.context.take(mail, Envelope::default()).await?.is_ours {
                ours.push(number);
            } else {
                mailbox.leave(number);
            }
        }
        Ok(())
    }
}

fn passing(error: ImapError) -> StepError {
    StepError::Passing(anyhow::Error::from(error).context("inbound.imap"))
}

/// Takes in mail that a mail server delivers by LMTP.
struct LmtpTask {
    context: InboundContext,
    handed: tokio::sync::Mutex<mpsc::Receiver<LmtpDelivery>>,
}

impl LmtpTask {
    /// Takes in one mail, or waits for one.
    async fn step(self: Arc<Self>) -> Result<Step, StepError> {
        let mut handed = self.handed.lock().await;
        let next = tokio::select! {
            () = self.context.shared.stop.cancelled() => return Ok(Step::Idle),
            next = tokio::time::timeout(SCHEDULE_IDLE, handed.recv()) => next,
        };
        let Ok(Some(handed)) = next else {
            return Ok(Step::Worked);
        };
        let taken = self.context.take(handed.mail, handed.envelope).await;
        // A client that hung up meanwhile delivers again.
        let _ = handed.done.send(taken.is_ok());
        taken?;
        Ok(Step::Worked)
    }
}
