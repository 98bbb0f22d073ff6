//! An invented issue, for checking templates without papers.

use super::{Accent, DayCovered, Dress, Issue, IssuePick, Note, Recipient, Section, SectionKind};
use crate::paper::Paper;
use crate::subscriber::{Address, Preferences};
use chrono::NaiveDate;
use std::sync::Arc;

pub(super) fn dress() -> Dress {
    Dress {
        name: "Papers at Example".to_owned(),
        base_url: "https://digest.example.org".to_owned(),
        contact: "librarian@example.org".to_owned(),
        accent: Accent::default(),
    }
}

pub(super) fn subscriber() -> (Address, Preferences) {
    ("reader@example.org".parse().expect("this is a mail address"), Preferences::default())
}

pub(super) fn recipient<'a>(address: &'a Address, preferences: &'a Preferences) -> Recipient<'a> {
    Recipient {
        address,
        name: "A Reader",
        preferences,
        unsubscribe_url: "https://digest.example.org/unsubscribe/sample".to_owned(),
        unsubscribe_mailto: Some("mailto:leave+sample@example.org".to_owned()),
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

/// Two sections with all that a template can meet.
pub(super) fn issue() -> Issue {
    let whole = Paper {
        version: Some(1),
        abstract_text: "Lamps are hard to clean because salt settles on every pane. We introduce a brush on rails.\n\n\
            On twelve towers it saves 83% of the keeper's time."
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
    let pick = |paper: Paper, score, reason: &str| IssuePick {
        news: None,
        paper: Arc::new(paper),
        score,
        reason: reason.to_owned(),
        followed: vec!["Author 11".to_owned()],
    };
    Issue {
        local_date: today(),
        covers: covers(),
        sections: vec![
            Section {
                heading: "Lighthouses".to_owned(),
                kind: SectionKind::Interest,
                terms: vec!["lamp".to_owned()],
                picks: vec![pick(whole, 0.9, "matches “lamp”")],
            },
            Section {
                heading: String::new(),
                kind: SectionKind::Exploring,
                terms: Vec::new(),
                picks: vec![pick(bare, 0.3, "")],
            },
        ],
        no_room: 5,
        below_the_line: 17,
        considered: 642,
        note: None,
    }
}

/// Nothing above the line.
pub(super) fn empty_issue() -> Issue {
    Issue { sections: Vec::new(), note: Some(Note::BelowTheLine { best: 0.13, line: 0.2 }), ..issue() }
}
