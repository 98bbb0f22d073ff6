//! Sample values of everything a template can contain, to check templates. Pure.

use super::notices::Notice;
use super::paper_view::{RenderMode, SlotValues};
use super::summary::SentenceSet;
use super::{Accent, Branding, DayCovered, Issue, IssuePick, IssueSection, Note, Recipient};
use crate::links::Thumbs;
use crate::paper::Paper;
use crate::pick::{PaperNews, Reason, Section};
use crate::run_figures::RunFigures;
use crate::subscriber::{AbstractLength, Address, Preferences};
use chrono::{NaiveDate, TimeZone, Utc};
use std::sync::Arc;

pub(super) fn branding() -> Branding {
    Branding {
        name: "Papers at Example".to_owned(),
        base_url: "https://digest.example.org".to_owned(),
        contact: "librarian@example.org".to_owned(),
        accent: Accent::default(),
        logo: Some("https://digest.example.org/logo.png".to_owned()),
    }
}

pub(super) fn subscriber() -> (Address, Preferences) {
    (
        "reader@example.org"
            .parse()
            .expect("this is a mail address"),
        Preferences::default(),
    )
}

pub(super) fn recipient<'a>(address: &'a Address, preferences: &'a Preferences) -> Recipient<'a> {
    Recipient {
        address,
        name: "A Reader",
        preferences,
        unsubscribe_url: "https://digest.example.org/unsubscribe/sample".to_owned(),
        unsubscribe_mailto: Some("mailto:leave+sample@example.org".to_owned()),
        preferences_url: "https://digest.example.org/preferences?t=sample".to_owned(),
        view_url: "https://digest.example.org/issues/sample?d=2026-11-20".to_owned(),
        thumbs: Thumbs::below("https://digest.example.org/feedback?t=sample".to_owned()),
    }
}

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 20).expect("this is a date")
}

fn covers() -> Vec<DayCovered> {
    vec![DayCovered {
        date: today(),
        papers: 642,
        arrived: vec!["cs.CL".to_owned(), "cs.LG".to_owned()],
        awaited: vec!["q-bio.NC".to_owned()],
    }]
}

/// An issue of two sections with every kind of value.
pub(super) fn issue() -> Issue {
    let whole = Paper {
        version: Some(1),
        abstract_text: "Lamps are hard to clean because salt settles on every pane. We introduce a brush on rails.\n\n\
            On twelve towers it saves 83% of the keeper's time. Code: https://github.com/keepers/brush."
            .to_owned(),
        authors: (1..=12).map(|at| format!("Author {at}")).collect(),
        categories: vec!["cs.RO".to_owned(), "physics.ao-ph".to_owned()],
        announced: Some(today()),
        ..Paper::new(
            "2611.01234".parse().expect("this is an id"),
            "Cleaning Lighthouse Lamps with <Gull-Proof> Brushes & Clockwork".to_owned(),
        )
    };
    let bare = Paper {
        id: "sample.2".parse().expect("this is an id"),
        title: "A Paper of Which Little Is Known".to_owned(),
        abstract_text: String::new(),
        authors: Vec::new(),
        categories: Vec::new(),
        announced: None,
        ..whole.clone()
    };
    let pick = |paper: Paper, score, reasons: &[Reason]| IssuePick {
        paper: Arc::new(paper),
        score,
        reasons: reasons.to_vec(),
        followed: vec!["Author 11".to_owned()],
        row: Some(7),
        news: Some(PaperNews::Replaced(2)),
    };
    Issue {
        local_date: today(),
        covers: covers(),
        sections: vec![
            IssueSection {
                section: Section::Interest("Lighthouses".to_owned()),
                terms: vec!["lamp".to_owned()],
                picks: vec![pick(whole, 0.9, &[Reason::Keyword("lamp".to_owned())])],
            },
            IssueSection {
                section: Section::Exploring,
                terms: Vec::new(),
                picks: vec![IssuePick {
                    row: None,
                    news: None,
                    ..pick(bare, 0.3, &[])
                }],
            },
        ],
        no_room: 5,
        below_the_line: 17,
        considered: 642,
        note: None,
        is_first: true,
    }
}

/// The mode for the first pick of the sample.
pub(super) fn mode(pick: &IssuePick, has_reason: bool) -> RenderMode {
    RenderMode {
        abstracts: AbstractLength::Full,
        chosen: SentenceSet::ALL,
        followed: pick.followed.clone(),
        news: pick.news.clone(),
        is_dated: true,
        year: 2026,
        has_reason,
        has_thumbs: true,
    }
}

/// A reader's values with characters to escape and a reason longer than a line.
pub(super) fn own(has_reason: bool) -> SlotValues {
    let url = |word: &str| format!("https://digest.example.org/feedback?t=sample&p=7&v={word}");
    let reason = "matches “a < b & c”, 'and \"so on\"', at such a length that it takes more than one line of text";
    SlotValues {
        marker: "12. ".to_owned(),
        reason: if has_reason {
            reason.to_owned()
        } else {
            String::new()
        },
        thumbs: ["more", "less", "save"].map(url),
    }
}

/// One notice of every kind.
pub(super) fn notices() -> Vec<Notice> {
    let url = || "https://digest.example.org/confirm?t=sample".to_owned();
    let until = Utc
        .with_ymd_and_hms(2026, 11, 22, 7, 0, 0)
        .single()
        .expect("this is an instant");
    let other = || "other@example.org".parse().expect("this is a mail address");
    vec![
        Notice::Confirm { url: url(), until },
        Notice::Welcome {
            preferences_url: url(),
            unsubscribe_url: url(),
            preferences: Preferences::default(),
        },
        Notice::Preferences { url: url() },
        Notice::Goodbye { url: url() },
        Notice::Leave { url: url() },
        Notice::Export { url: url(), until },
        Notice::Erase { url: url(), until },
        Notice::NewAddress {
            old: other(),
            url: url(),
            until,
        },
        Notice::OldAddress {
            new: other(),
            url: url(),
            until,
        },
        Notice::Alarm {
            problem: "No paper has come from arXiv since Monday".to_owned(),
            details: vec!["cs.LG: HTTP 503".to_owned()],
            remedy: Some("`paperboy check` asks the source".to_owned()),
            since: until,
            url: Some(url()),
        },
        Notice::Run {
            date: today(),
            figures: RunFigures {
                papers: 642,
                accepted: 1_204,
                next: Some(until),
                ..RunFigures::default()
            },
            url: None,
        },
    ]
}

/// An issue without papers.
pub(super) fn empty_issue() -> Issue {
    Issue {
        sections: Vec::new(),
        note: Some(Note::BelowTheLine {
            best: 0.13,
            line: 0.2,
        }),
        ..issue()
    }
}
