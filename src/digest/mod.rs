//! Composes: picks -> issue -> text and HTML -> message bytes. Pure.
//!
//! ```text
//! Issue, Recipient, Branding ─ issue_view ─▶ values ─ templates ─▶ subject, text, HTML
//!                                │                      │                   │
//!             paper_view, summary, clean   fragments (papers, cached)   message ─▶ bytes
//! ```
//!
//! [`Templates::load`] reads templates and languages once; [`render`] fills them for one
//! subscriber and keeps every part under [`PART_BYTES_MAX`]; [`to_message`] adds the
//! headers. Equal input gives equal bytes: the date, the Message-ID and, derived from it,
//! the MIME boundary are arguments. [`notices`] are all other mails.
//!
//! `clean` cleans all values from papers, subscribers and sources on their way into the
//! views, so that no template has to: each is one line, without characters that change the
//! direction of the following text.

mod accent;
mod check;
mod clean;
mod dkim;
mod fragments;
mod issue_view;
mod message;
pub mod notices;
mod paper_view;
mod placeholders;
mod quoted_printable;
mod render;
mod resources;
mod sample;
mod settings;
mod summary;
mod templates;
mod wording;
mod wrap;

pub use accent::{Accent, BadAccent};
pub use check::{SampleError, sample_message};
pub use dkim::{DkimError, DkimSigner, DnsRecord};
pub use fragments::FragmentCache;
pub use message::{IssueHeaders, MessageError, message_id, to_message};
pub use render::{PART_BYTES_MAX, render};
pub use settings::{DigestSettings, DkimSettings};
pub use summary::short;
pub use templates::{SUBJECT_CHARS_MAX, TemplateError, Templates};

use crate::links::Thumbs;
use crate::paper::{Paper, PaperId};
use crate::pick::{PaperNews, Reason, Section};
use crate::site::Site;
use crate::subscriber::{Address, Preferences};
use chrono::NaiveDate;
use std::sync::Arc;

/// One digest for one subscriber on one local date.
#[derive(Debug, Clone)]
pub struct Issue {
    /// Its date in the subscriber's time zone.
    pub local_date: NaiveDate,
    /// The announcement days covered, oldest first.
    pub covers: Vec<DayCovered>,
    /// The sections in order; those without picks are not shown.
    pub sections: Vec<IssueSection>,
    /// Number of papers above the line beyond the maximum of the issue.
    pub no_room: u32,
    /// Number of papers considered that are below the line.
    pub below_the_line: u32,
    /// Number of papers considered.
    pub considered: u32,
    /// The reason for an empty issue; shown only if there are no picks.
    pub note: Option<Note>,
    /// Whether it is the subscriber's first issue, which begins with a welcome.
    pub is_first: bool,
}

/// One announcement day of an issue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DayCovered {
    /// The day.
    pub date: NaiveDate,
    /// Number of papers announced in what the subscriber follows.
    pub papers: u32,
    /// Categories or sources that had arrived: `cs.LG`, `Journal of Examples`.
    pub arrived: Vec<String>,
    /// Categories or sources that were missing; their papers come with a later issue.
    pub awaited: Vec<String>,
}

/// The picks of one section.
#[derive(Debug, Clone)]
pub struct IssueSection {
    /// The section; the heading of an interest is its name.
    pub section: Section,
    /// Terms of the interest, which select the sentences of short abstracts. May be empty.
    pub terms: Vec<String>,
    /// Best first.
    pub picks: Vec<IssuePick>,
}

/// One paper of an issue.
#[derive(Debug, Clone)]
pub struct IssuePick {
    /// The paper.
    pub paper: Arc<Paper>,
    /// From 0 to 1; if an issue is too large, the lowest are left out.
    pub score: f32,
    /// The reasons for it, strongest first; may be empty.
    pub reasons: Vec<Reason>,
    /// Followed authors, as spelt in the paper.
    pub followed: Vec<String>,
    /// The paper's row in the database, for feedback links.
    pub row: Option<i64>,
    /// A replacement, publication or withdrawal.
    pub news: Option<PaperNews>,
}

/// The reason for an empty issue.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Note {
    /// Nothing was announced in what the subscriber follows.
    NothingAnnounced,
    /// No announced paper is related to what the subscriber follows.
    NothingMatches,
    /// The best paper stayed below the line.
    BelowTheLine {
        /// Its score.
        best: f32,
        /// The line.
        line: f32,
    },
    /// All papers above the line were in an earlier issue.
    AllSentBefore,
}

/// The subscriber for whom an issue is rendered.
#[derive(Debug, Clone)]
pub struct Recipient<'a> {
    /// Mail address.
    pub address: &'a Address,
    /// Display name; may be empty.
    pub name: &'a str,
    /// Preferences of the subscriber.
    pub preferences: &'a Preferences,
    /// The link that unsubscribes with one click: `https://…`.
    pub unsubscribe_url: String,
    /// The address that unsubscribes by mail: `mailto:…`.
    pub unsubscribe_mailto: Option<String>,
    /// The page of preferences.
    pub preferences_url: String,
    /// The page of this issue.
    pub view_url: String,
    /// The feedback links.
    pub thumbs: Thumbs,
}

/// A rendered issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line of at most [`SUBJECT_CHARS_MAX`] characters.
    pub subject: String,
    /// The text part. Lines end in CRLF.
    pub text: String,
    /// The HTML part, if the subscriber wants one. Lines end in CRLF.
    pub html: Option<String>,
    /// Code of its language.
    pub language: String,
    /// Papers that did not fit, the lowest ranked of the issue; they were not sent.
    pub left_out: Vec<PaperId>,
}

/// Name, addresses and look of the site.
#[derive(Debug, Clone)]
pub struct Branding {
    /// Name of the site.
    pub name: String,
    /// Address of the web pages, without a slash at the end.
    pub base_url: String,
    /// The operator's mail address.
    pub contact: String,
    /// The accent colour.
    pub accent: Accent,
    /// Address of a logo above the date.
    pub logo: Option<String>,
}

impl Branding {
    /// The branding of `site`.
    pub fn new(site: &Site, settings: &DigestSettings) -> Self {
        Branding {
            name: site.name.clone(),
            base_url: site.base_url.clone(),
            contact: site.contact.to_string(),
            accent: settings.accent,
            logo: settings.logo.clone(),
        }
    }
}
