//! What all forms have in common that mail somebody a link: who asks, which
//! addresses will do, and how the mail goes out.

use crate::digest::notices::Notice;
use crate::edition::Addressee;
use crate::store::{ConsentContext, RequestId};
use crate::subscriber::{Address, MailboxKind};
use crate::web::serving::visitor::Visitor;
use crate::web::{PageError, WebState};
use std::time::Duration;
use tokio::sync::MutexGuard;

/// Version of the wording that people agree to. It changes when the text of the form does.
pub(in crate::web) const WORDING: &str = "2026-11";

/// Hours for which the link in a confirmation mail is valid.
pub(in crate::web) const LINK_HOURS: i64 = 48;

/// Why an address will not do, though it is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::web) enum RefusedAddress {
    /// The operator does not want its kind.
    UnwantedKind(MailboxKind),
    /// It is probably mistyped, and this one is meant.
    Mistyped(Address),
}

/// When a form is answered that must not tell whether an address is known: what it
/// takes to write a mail is less.
const ANSWERED_AFTER: Duration = Duration::from_millis(100);

/// Does `work`, and takes as long for it whatever there is to do.
pub(in crate::web) async fn in_constant_time<T>(work: impl Future<Output = T>) -> T {
    tokio::join!(work, tokio::time::sleep(ANSWERED_AFTER)).0
}

impl WebState {
    /// Who asks, by the form at `path`.
    pub(in crate::web) fn asking(&self, visitor: Visitor, path: &str) -> ConsentContext {
        ConsentContext {
            wording: WORDING.to_owned(),
            page: self.url(path),
            network: visitor.address.to_string(),
        }
    }

    /// Whether issues may go to `address`, of which its writer may be sure.
    pub(in crate::web) fn check_address(
        &self,
        address: &Address,
        is_sure: bool,
    ) -> Result<(), RefusedAddress> {
        let kind = address.kind(&self.settings.disposable_domains);
        if self.settings.refuse.contains(&kind) {
            return Err(RefusedAddress::UnwantedKind(kind));
        }
        match address.probably_meant().filter(|_| !is_sure) {
            Some(meant) => Err(RefusedAddress::Mistyped(meant)),
            None => Ok(()),
        }
    }

    /// Whoever may have to be mailed a link waits here until others have been: of two
    /// who ask at the same moment, one finds that it was done.
    pub(in crate::web) async fn lock_mailing(&self) -> MutexGuard<'_, ()> {
        self.shared.mailing.lock().await
    }

    /// Queues a notice, by which `request` counts as mailed if there is one.
    pub(in crate::web) async fn send(
        &self,
        notice: &Notice,
        to: Addressee<'_>,
        request: Option<RequestId>,
    ) -> Result<(), PageError> {
        let now = self.clock.now();
        let notice = self.composer().notice(notice, to, now)?;
        self.db
            .run(move |store| store.enqueue_notices(&[notice], request, now))
            .await?;
        self.queued.notify_one();
        Ok(())
    }
}
