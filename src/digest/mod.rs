//! Composes: picks -> issue -> text and HTML -> message bytes. Pure.
//!
//! ```text
//! Issue, Recipient, Branding ── views ──▶ plain values ── templates ──▶ subject, text, HTML ── message ──▶ bytes
//!                              │                          │
//!        language, paper_view, summary, clean         fragments (papers, rendered once for all readers)
//! ```
//!
//! [`Templates::load`] reads templates and languages once; [`render`] fills them
//! for one subscriber and keeps every part under [`PART_BYTES_MAX`];
//! [`to_message`] adds the headers. Equal input gives equal bytes: the date, the
//! Message-ID and, derived from it, the MIME boundary are all arguments.
//! [`notices`] are all the other mails, in the same branding.
//!
//! Everything that comes from a paper, a subscriber or a source is cleaned in
//! `clean` on its way into the views, so that templates need not care:
//! one line is one line, and no character changes the direction of what
//! follows it.

mod accent;
mod clean;
mod dkim;
mod fragments;
mod issue_view;
mod language;
mod locale;
mod message;
pub mod notices;
mod paper_view;
mod quoted_printable;
mod render;
mod resources;
mod sample;
mod settings;
mod summary;
mod templates;

pub use accent::{Accent, BadAccent};
pub use dkim::{DkimError, DkimSigner, DnsRecord};
pub use fragments::FragmentCache;
pub use language::{
    AccountWords, ChoicesWords, ConfirmWords, DayWords, FeedbackWords, FormWords, FrameWords,
    InterestWords, InvitationWords, LeaveWords, LibraryWords, LinkWords, MessagesWords, MineWords,
    OwnerWords, PageWords, PaperWords, PicksWords, PluralText, PreferencesWords, PreviewWords,
    SearchWords, SentWords, SharedWords, SignupWords, Text, WrongWords,
};
pub use locale::Locale;
pub use message::{IssueHeaders, MessageError, message_id, to_message};
pub use render::{PART_BYTES_MAX, Rendered, SUBJECT_CHARS_MAX, render};
pub use sample::{SampleError, sample_message};
pub use settings::{DigestSettings, DkimSettings};
pub use summary::short;
pub use templates::{TemplateError, Templates};

use crate::links::Thumbs;
use crate::paper::Paper;
use crate::pick::{PaperNews, Reason, Section};
use crate::site::Site;
use crate::subscriber::{Address, Preferences};
use chrono::NaiveDate;
use std::sync::Arc;

/// One digest for one subscriber on one local date.
#[derive(Debug, Clone)]
pub struct Issue {
    /// Its date where the subscriber lives.
    pub local_date: NaiveDate,
    /// The announcement days in it, oldest first.
    pub covers: Vec<DayCovered>,
    /// Its sections in order; those without picks are left out.
    pub sections: Vec<IssueSection>,
    /// Papers above the line for which there was no room.
    pub no_room: u32,
    /// Papers that were looked at and lie below the line.
    pub below_the_line: u32,
    /// Papers looked at.
    pub considered: u32,
    /// Why nothing is above the line; printed only if there are no picks.
    pub note: Option<Note>,
    /// Whether it is the subscriber's first: it begins with a welcome.
    pub is_first: bool,
}

/// One announcement day of an issue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DayCovered {
    /// The day.
    pub date: NaiveDate,
    /// Papers announced on it, in what the subscriber follows.
    pub papers: u32,
    /// Categories or sources that have arrived: `cs.LG`, `Journal of Examples`.
    pub arrived: Vec<String>,
    /// Those still missing when the issue was composed; their papers come with a later one.
    pub awaited: Vec<String>,
}

/// The picks of one section.
#[derive(Debug, Clone)]
pub struct IssueSection {
    /// Which section; an interest's name is its heading.
    pub section: Section,
    /// Words of the interest: they tell which sentences of an abstract matter. May be empty.
    pub terms: Vec<String>,
    /// Best first.
    pub picks: Vec<IssuePick>,
}

/// One paper of an issue.
#[derive(Debug, Clone)]
pub struct IssuePick {
    /// The paper.
    pub paper: Arc<Paper>,
    /// 0 to 1; where an issue has to be cut, the lowest goes first.
    pub score: f32,
    /// The reasons for it, strongest first; may be empty.
    pub reasons: Vec<Reason>,
    /// Authors to mark, as they are spelt in the paper.
    pub followed: Vec<String>,
    /// The row of the paper, for the links with which a reader says something of it.
    pub row: Option<i64>,
    /// What became of it since it was announced.
    pub news: Option<PaperNews>,
}

/// Why nothing is above the line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Note {
    /// Nothing new was announced in what they follow.
    NothingAnnounced,
    /// Nothing of what was announced has anything to do with what they follow.
    NothingMatches,
    /// The best paper stayed below the line.
    BelowTheLine {
        /// Its score.
        best: f32,
        /// The line.
        line: f32,
    },
    /// All that is above the line was in an earlier issue.
    AllSentBefore,
}

/// For whom an issue is rendered.
#[derive(Debug, Clone)]
pub struct Recipient<'a> {
    /// Where it goes.
    pub address: &'a Address,
    /// What to call them; may be empty.
    pub name: &'a str,
    /// What they chose.
    pub preferences: &'a Preferences,
    /// One click and they have left: `https://…`.
    pub unsubscribe_url: String,
    /// The same by mail: `mailto:…`.
    pub unsubscribe_mailto: Option<String>,
    /// Where they change what they get.
    pub preferences_url: String,
    /// This issue as a page.
    pub view_url: String,
    /// Where they say something of a pick.
    pub thumbs: Thumbs,
}

/// What is alike in every issue of this instance.
#[derive(Debug, Clone)]
pub struct Branding {
    /// Name of the site.
    pub name: String,
    /// Address of its web pages, without a slash at the end.
    pub base_url: String,
    /// The operator's address.
    pub contact: String,
    /// The one colour besides ink and paper.
    pub accent: Accent,
    /// Address of a picture to stand above the date; most mails need none.
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
