//! Shared parts of forms that mail a link: the origin of the request, checks of the
//! address, constant response time, and queueing the mail.

use crate::digest::notices::Notice;
use crate::edition::Addressee;
use crate::store::{ConsentContext, RequestId};
use crate::subscriber::{Address, MailboxKind};
use crate::token::Scope;
use crate::web::serving::visitor::Visitor;
use crate::web::{PageError, WebState};
use std::time::Duration;
use tokio::sync::MutexGuard;

/// Version of the wording that people agree to. It changes when the text of the form does.
pub(in crate::web) const WORDING: &str = "2026-11";

/// Hours for which the link in a confirmation mail is valid.
pub(in crate::web) const LINK_HOURS: i64 = 48;

/// Why a valid address is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::web) enum RefusedAddress {
    /// The operator refuses this kind of mailbox.
    UnwantedKind(MailboxKind),
    /// It is probably mistyped; holds the address that was probably meant.
    Mistyped(Address),
}

/// Response time of forms that must not reveal whether an address is known. Writing a mail
/// takes less.
const ANSWERED_AFTER: Duration = Duration::from_millis(100);

/// Does `work` and takes the same time whatever it finds.
pub(in crate::web) async fn in_constant_time<T>(work: impl Future<Output = T>) -> T {
    tokio::join!(work, tokio::time::sleep(ANSWERED_AFTER)).0
}

impl WebState {
    /// The origin of a request by the form at `path`, for the consent record.
    pub(in crate::web) fn asking(&self, visitor: Visitor, path: &str) -> ConsentContext {
        ConsentContext {
            wording: WORDING.to_owned(),
            page: self.url(path),
            network: visitor.address.to_string(),
        }
    }

    /// The link that confirms a request.
    pub(in crate::web) fn confirm_url(&self, request: RequestId) -> String {
        self.signed_url("/confirm", Scope::Confirm, request)
    }

    /// A link to `path` with a token for a request.
    pub(in crate::web) fn signed_url(
        &self,
        path: &str,
        scope: Scope,
        request: RequestId,
    ) -> String {
        let token = self.composer().signer.sign(scope, request.0);
        self.url(&format!("{path}?t={token}"))
    }

    /// Checks whether issues may go to `address`. `is_sure` skips the check for typing errors.
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

    /// Serializes the requests that may mail a link, so that two at the same moment send one.
    pub(in crate::web) async fn lock_mailing(&self) -> MutexGuard<'_, ()> {
        self.shared.mailing.lock().await
    }

    /// Queues a notice, and marks `request` as mailed.
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
