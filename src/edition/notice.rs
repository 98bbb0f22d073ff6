//! Mails besides the issues, written here and queued like issues.

use super::{Composer, EditionError};
use crate::digest::notices::{self, Notice, NoticeContext};
use crate::store::NewNotice;
use crate::subscriber::{Address, Subscriber, SubscriberId};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

/// Time after which a queued notice expires: its links are no longer wanted by then.
const SHELF_LIFE: TimeDelta = TimeDelta::hours(24);

/// The addressee of a notice.
#[derive(Debug, Clone, Copy)]
pub struct Addressee<'a> {
    /// The subscriber, if it is one.
    pub subscriber: Option<SubscriberId>,
    /// The address.
    pub address: &'a Address,
    /// Code of their language.
    pub language: &'a str,
    /// Their time zone.
    pub zone: Tz,
}

impl<'a> From<&'a Subscriber> for Addressee<'a> {
    fn from(subscriber: &'a Subscriber) -> Self {
        Addressee {
            subscriber: Some(subscriber.id),
            address: &subscriber.address,
            language: &subscriber.preferences.language,
            zone: subscriber.preferences.timezone,
        }
    }
}

impl Composer {
    /// `notice`, written for `to` and ready to be queued. An address gets the same one at
    /// most once a second.
    pub fn notice(
        &self,
        notice: &Notice,
        to: Addressee<'_>,
        now: DateTime<Utc>,
    ) -> Result<NewNotice, EditionError> {
        let about = format!("{}\0{}\0{}", identity(notice), to.address, now.timestamp());
        let message_id =
            notices::message_id(&self.site.secret, self.site.mail_domain(), &about, now);
        let letter = NoticeContext {
            from: &self.site.from,
            to: to.address,
            language: to.language,
            branding: &self.branding,
            date: now,
            zone: to.zone,
            message_id: &message_id,
        };
        let mail = notices::render(&self.templates, notice, &letter).map_err(|cause| {
            EditionError::Notice {
                kind: notice.word(),
                cause,
            }
        })?;
        Ok(NewNotice {
            kind: notice.word(),
            subscriber: to.subscriber,
            address: to.address.clone(),
            subject: mail.subject,
            message: match &self.dkim {
                Some(dkim) => dkim.signed(&mail.message),
                None => mail.message,
            },
            message_id,
            expires_at: now + SHELF_LIFE,
        })
    }
}

/// Distinguishes a notice from others of its kind to the same address. It is part of the
/// Message-ID, so it must not depend on how a value is printed for debugging.
fn identity(notice: &Notice) -> String {
    let detail = match notice {
        Notice::Confirm { url, .. }
        | Notice::Preferences { url }
        | Notice::Goodbye { url }
        | Notice::Leave { url }
        | Notice::Export { url, .. }
        | Notice::Erase { url, .. }
        | Notice::NewAddress { url, .. }
        | Notice::OldAddress { url, .. }
        | Notice::Welcome {
            preferences_url: url,
            ..
        } => url.clone(),
        Notice::Alarm { problem, since, .. } => format!("{}\0{problem}", since.timestamp()),
        Notice::Run { date, .. } => date.to_string(),
    };
    format!("{}\0{detail}", notice.word())
}
