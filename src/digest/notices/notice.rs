//! The kinds of notices and their values. Pure.

use crate::digest::Branding;
use crate::run_figures::RunFigures;
use crate::subscriber::{Address, Preferences};
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use lettre::message::Mailbox;

/// A mail that is not an issue. Links are absolute and contain their token.
#[derive(Debug, Clone)]
pub enum Notice {
    /// Asks an address to confirm the subscription. It contains nothing that was typed
    /// into the form, so that the form cannot be used to send text to others.
    Confirm {
        /// Confirms the subscription.
        url: String,
        /// Expiry of the link.
        until: DateTime<Utc>,
    },
    /// Follows the confirmation.
    Welcome {
        /// The page of preferences.
        preferences_url: String,
        /// Unsubscribes with one click (RFC 8058).
        unsubscribe_url: String,
        /// The subscriber's preferences.
        preferences: Preferences,
    },
    /// The link to the preferences, requested on the web.
    Preferences {
        /// The page of preferences.
        url: String,
    },
    /// The last mail after unsubscribing.
    Goodbye {
        /// The page to subscribe again.
        url: String,
    },
    /// Asks for a confirmation after an unsubscribe mail without a token: its sender's
    /// address could be forged.
    Leave {
        /// The page with the button to unsubscribe.
        url: String,
    },
    /// The link to export all stored data.
    Export {
        /// The page with the button to download the data.
        url: String,
        /// Expiry of the link.
        until: DateTime<Utc>,
    },
    /// The link to erase all stored data.
    Erase {
        /// The page with the button to erase the data.
        url: String,
        /// Expiry of the link.
        until: DateTime<Utc>,
    },
    /// Asks the new address to agree to a change of address.
    NewAddress {
        /// The current address.
        old: Address,
        /// Agrees to the change.
        url: String,
        /// Expiry of the link.
        until: DateTime<Utc>,
    },
    /// Asks the current address to agree to a change of address.
    OldAddress {
        /// The new address.
        new: Address,
        /// Agrees to the change.
        url: String,
        /// Expiry of the link.
        until: DateTime<Utc>,
    },
    /// Reports a problem to the operator.
    Alarm {
        /// The problem in one line.
        problem: String,
        /// Known details, one line each.
        details: Vec<String>,
        /// How to solve it, if known.
        remedy: Option<String>,
        /// Start of the problem.
        since: DateTime<Utc>,
        /// The operator's page about it.
        url: Option<String>,
    },
    /// Sums up one day for the operator.
    Run {
        /// The day.
        date: NaiveDate,
        /// Its figures.
        figures: RunFigures,
        /// The operator's page.
        url: Option<String>,
    },
}

/// The recipient, sender and headers of a notice.
#[derive(Debug, Clone, Copy)]
pub struct NoticeContext<'a> {
    /// Sender of the mail.
    pub from: &'a Mailbox,
    /// Recipient of the mail.
    pub to: &'a Address,
    /// Code of the recipient's language.
    pub language: &'a str,
    /// Name and look of the site.
    pub branding: &'a Branding,
    /// The `Date` header.
    pub date: DateTime<Utc>,
    /// IANA time zone of the times in the text.
    pub zone: Tz,
    /// Without angle brackets; unique, and the same if the same notice is rendered again.
    pub message_id: &'a str,
}

impl Notice {
    /// The kind as written in `Feedback-ID`.
    pub fn word(&self) -> &'static str {
        match self {
            Notice::Confirm { .. } => "confirm",
            Notice::Welcome { .. } => "welcome",
            Notice::Preferences { .. } => "preferences",
            Notice::Goodbye { .. } => "goodbye",
            Notice::Leave { .. } => "leave",
            Notice::Export { .. } => "export",
            Notice::Erase { .. } => "erase",
            Notice::NewAddress { .. } => "new-address",
            Notice::OldAddress { .. } => "old-address",
            Notice::Alarm { .. } => "alarm",
            Notice::Run { .. } => "run",
        }
    }

    /// The link of the `List-Unsubscribe` header, for recipients who are subscribed.
    pub(super) fn unsubscribe_url(&self) -> Option<&str> {
        match self {
            Notice::Welcome {
                unsubscribe_url: url,
                ..
            }
            | Notice::Leave { url } => Some(url),
            _ => None,
        }
    }

    /// The link in the text.
    pub(super) fn url(&self) -> Option<&String> {
        match self {
            Notice::Welcome {
                preferences_url: url,
                ..
            }
            | Notice::Confirm { url, .. }
            | Notice::Preferences { url }
            | Notice::Goodbye { url }
            | Notice::Leave { url }
            | Notice::Export { url, .. }
            | Notice::Erase { url, .. }
            | Notice::NewAddress { url, .. }
            | Notice::OldAddress { url, .. } => Some(url),
            Notice::Alarm { url, .. } | Notice::Run { url, .. } => url.as_ref(),
        }
    }

    /// Expiry of the link.
    pub(super) fn until(&self) -> Option<DateTime<Utc>> {
        match self {
            Notice::Confirm { until, .. }
            | Notice::Export { until, .. }
            | Notice::Erase { until, .. }
            | Notice::NewAddress { until, .. }
            | Notice::OldAddress { until, .. } => Some(*until),
            _ => None,
        }
    }
}
