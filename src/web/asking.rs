//! What all forms have in common that mail somebody a link: who asks, which
//! addresses will do, and how the mail goes out.

use super::signup::WORDING;
use super::visitor::Visitor;
use super::{PageError, Site};
use crate::digest::notices::Notice;
use crate::edition::Addressee;
use crate::store::{Asking, RequestId};
use crate::subscriber::{Address, MailboxKind};
use std::time::Duration;
use tokio::sync::MutexGuard;

/// Why an address will not do, though it is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unfit {
    /// The operator does not want its kind.
    Unwanted(MailboxKind),
    /// It is probably mistyped, and this one is meant.
    Mistyped(Address),
}

/// When a form is answered that must not tell whether an address is known: what it
/// takes to write a mail is less.
const ANSWERED_AFTER: Duration = Duration::from_millis(100);

/// Does `work`, and takes as long for it whatever there is to do.
pub(super) async fn without_haste<T>(work: impl Future<Output = T>) -> T {
    tokio::join!(work, tokio::time::sleep(ANSWERED_AFTER)).0
}

impl Site {
    /// Who asks, by the form at `path`.
    pub(super) fn asking(&self, visitor: Visitor, path: &str) -> Asking {
        Asking {
            wording: WORDING.to_owned(),
            page: self.desk().site.url(path),
            network: visitor.address.to_string(),
        }
    }

    /// Whether issues may go to `address`, of which its writer may be sure.
    pub(super) fn fit(&self, address: &Address, is_sure: bool) -> Result<(), Unfit> {
        let kind = address.kind(&self.settings.disposable_domains);
        if self.settings.refuse.contains(&kind) {
            return Err(Unfit::Unwanted(kind));
        }
        match address.probably_meant().filter(|_| !is_sure) {
            Some(meant) => Err(Unfit::Mistyped(meant)),
            None => Ok(()),
        }
    }

    /// Whoever may have to be mailed a link waits here until others have been: of two
    /// who ask at the same moment, one finds that it was done.
    pub(super) async fn turn_to_mail(&self) -> MutexGuard<'_, ()> {
        self.state.mailing.lock().await
    }

    /// Queues a notice, by which `request` counts as mailed if there is one.
    pub(super) async fn send(
        &self,
        notice: &Notice,
        to: Addressee<'_>,
        request: Option<RequestId>,
    ) -> Result<(), PageError> {
        let now = self.clock.now();
        let notice = self.desk().notice(notice, to, now)?;
        self.db
            .run(move |store| store.enqueue_notices(&[notice], request, now))
            .await?;
        self.queued.notify_one();
        Ok(())
    }
}
