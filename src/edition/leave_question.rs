//! Asking back before a mail ends a subscription that only its sender address vouches for.

use super::{Composer, EditionError};
use crate::digest::notices::Notice;
use crate::links::Links;
use crate::store::Store;
use crate::subscriber::{Status, SubscriberId};
use chrono::{DateTime, TimeDelta, Utc};

/// Anybody can write such mails, so a person is asked at most once in this time.
const ASKED_EVERY: TimeDelta = TimeDelta::hours(24);

impl Composer {
    /// Queues the question for a subscriber who gets issues; `false` if they were asked in
    /// the last 24 hours or have nothing to leave.
    pub fn ask_to_leave(
        &self,
        store: &mut dyn Store,
        id: SubscriberId,
        now: DateTime<Utc>,
    ) -> Result<bool, EditionError> {
        let found = store.subscriber_by_id(id)?;
        let Some(subscriber) =
            found.filter(|one| matches!(one.status, Status::Active | Status::Paused))
        else {
            return Ok(false);
        };
        let url = Links {
            site: &self.site,
            signer: &self.signer,
        }
        .unsubscribe(id);
        let notice = self.notice(&Notice::Leave { url }, (&subscriber).into(), now)?;
        Ok(store.enqueue_notice_once(&notice, now - ASKED_EVERY, now)?)
    }
}
