//! An issue as a list on a page.

use super::paper_view::path_of;
use crate::digest::{Issue, IssuePick};
use crate::edition::Composed;
use crate::language::Locale;
use serde::Serialize;

/// An issue as a list.
#[derive(Serialize)]
pub(super) struct IssueView {
    date: String,
    subject: String,
    sections: Vec<SectionView>,
    would_be_sent: bool,
    considered: u32,
    no_room: u32,
    below_the_line: u32,
    /// The reason why it is empty, if it is.
    note: Option<String>,
    /// Counts of papers that are not in it, with the reasons.
    counts: Option<String>,
}

#[derive(Serialize)]
struct SectionView {
    heading: String,
    picks: Vec<PickView>,
}

#[derive(Serialize)]
struct PickView {
    title: String,
    path: String,
    lang: Option<&'static str>,
    score: String,
    reason: String,
}

impl IssueView {
    pub(super) fn new(composed: &Composed, locale: &Locale) -> Self {
        let mut sections: Vec<SectionView> = Vec::new();
        // Picks that did not fit into the mail are left out.
        let is_in_it = |pick: &&IssuePick| {
            composed
                .picks()
                .iter()
                .any(|stored| Some(stored.paper.0) == pick.row)
        };
        for section in &composed.issue.sections {
            let picks = section.picks.iter().filter(is_in_it).map(|pick| PickView {
                title: pick.paper.title.clone(),
                path: path_of(pick.paper.id.as_str()),
                lang: locale.lang_of(&pick.paper.title),
                score: locale.score(pick.score),
                reason: match &pick.news {
                    Some(news) if pick.reasons.is_empty() => locale.news(news),
                    _ => locale.reason(&pick.reasons),
                },
            });
            let picks: Vec<PickView> = picks.collect();
            if !picks.is_empty() {
                sections.push(SectionView {
                    heading: locale.section(&section.section),
                    picks,
                });
            }
        }
        let (issue, would_be_sent) = (&composed.issue, composed.wanted());
        IssueView {
            date: locale.day(issue.local_date),
            subject: composed.rendered.subject.clone(),
            note: sections
                .is_empty()
                .then(|| note(issue.considered, would_be_sent, locale)),
            counts: counts(issue, locale),
            sections,
            would_be_sent,
            considered: issue.considered,
            no_room: issue.no_room,
            below_the_line: issue.below_the_line,
        }
    }
}

/// The reason why an issue is empty, and whether a mail is sent nevertheless.
fn note(considered: u32, would_be_sent: bool, locale: &Locale) -> String {
    let words = &locale.pages().preview;
    let why = if considered == 0 {
        &words.no_papers
    } else {
        &words.nothing
    };
    if would_be_sent {
        why.as_str().to_owned()
    } else {
        format!("{} {}", why.as_str(), words.no_mail.as_str())
    }
}

/// Counts of the papers considered and left out; `None` if none was considered.
fn counts(issue: &Issue, locale: &Locale) -> Option<String> {
    let words = &locale.pages().preview;
    let all = [
        (&words.considered, issue.considered),
        (&words.no_room, issue.no_room),
        (&words.below, issue.below_the_line),
    ];
    let said: Vec<String> = all
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(text, count)| locale.count(text, u64::from(*count)))
        .collect();
    (issue.considered > 0).then(|| said.join(" "))
}
