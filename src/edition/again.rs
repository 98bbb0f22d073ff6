//! Issues of earlier days, shown again from what is kept of them.
//!
//! The bytes of a mail are dropped once a server has answered for good; its
//! papers, their places and reasons stay. Filled into the same templates they
//! give the same issue, with the papers as they are known now. How many papers
//! lay below the line is not kept, and not said.
//!
//! Whoever holds the link to an issue may read it, and no more: what stands in
//! a mail with tokens of other scopes (thumbs, preferences, leaving) leads here
//! to where a fresh link is asked for.

use super::compose::{TOLD, heading, why, words_of};
use super::{Desk, EditionError, awaited, recent_coverage};
use crate::digest::{
    FragmentCache, Issue, IssuePick, Note, Rendered, Section, SectionKind, render,
};
use crate::paper::PaperNews;
use crate::ranking::{self, Days, because};
use crate::store::{Db, PastIssueContent, PastPick};
use crate::subscriber::{AbstractLength, MailFormat, Subscriber};
use crate::text::same_person;
use chrono::NaiveDate;
use std::sync::Arc;

/// The issue of a subscriber of that date, as it was; `None` if there was none.
/// It is always HTML, whatever they get by mail.
pub fn shown_again(
    db: &Db,
    desk: &Desk,
    subscriber: &Subscriber,
    date: NaiveDate,
) -> Result<Option<Rendered>, EditionError> {
    let id = subscriber.id;
    let Some(kept) = db.read_here(|store| store.past_issue(id, date))? else {
        return Ok(None);
    };
    let days: Days = kept.covers.map_or_else(Days::new, |(first, last)| {
        first
            .iter_days()
            .take_while(|day| *day <= last)
            .take(DAYS_MAX)
            .map(|day| (day, None))
            .collect()
    });
    let coverage = recent_coverage(db, kept.covers.map_or(date, |(_, last)| last))?;
    let mut covers = awaited::covered(&coverage, &days, subscriber, kept.composed_at);
    covers.retain(|day| day.papers > 0 || !day.awaited.is_empty() || !day.arrived.is_empty());
    let considered = covers.iter().map(|day| day.papers).sum();
    let issue = Issue {
        local_date: date,
        covers,
        sections: sections(&kept, subscriber),
        no_room: 0,
        below_the_line: 0,
        considered,
        note: kept.picks.is_empty().then_some(if considered == 0 {
            Note::NothingAnnounced
        } else {
            Note::NothingMatches
        }),
        is_first: kept.is_first,
    };
    let mut subscriber = subscriber.clone();
    subscriber.details.preferences.format = MailFormat::Html;
    let mut recipient = desk.recipient(&subscriber, date);
    recipient.preferences_url = desk.site.url("/preferences");
    recipient.unsubscribe_url = desk.site.url("/preferences");
    let template = |cause| EditionError::Template {
        subscriber: id.0,
        cause,
    };
    let mut rendered = render(
        &desk.templates,
        &FragmentCache::default(),
        &issue,
        &recipient,
        &desk.branding,
    )
    .map_err(template)?;
    if !rendered.left_out.is_empty() {
        // All of these were in the mail: what papers have grown by since must not push one out.
        let mut preferences = subscriber.preferences.clone();
        preferences.abstracts = AbstractLength::Short;
        recipient.preferences = &preferences;
        rendered = render(
            &desk.templates,
            &FragmentCache::default(),
            &issue,
            &recipient,
            &desk.branding,
        )
        .map_err(template)?;
    }
    Ok(Some(rendered))
}

/// No issue is about more days.
const DAYS_MAX: usize = 62;

fn sections(kept: &PastIssueContent, subscriber: &Subscriber) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut last = None;
    for pick in &kept.picks {
        if last != Some(&pick.section) {
            sections.push(empty_section(&pick.section, subscriber));
            last = Some(&pick.section);
        }
        let section = sections.last_mut().expect("one was pushed");
        section.picks.push(issue_pick(pick, subscriber));
    }
    sections
}

/// The section that was stored under `stored`. A reader's own heading goes
/// before ours, should they be the same.
fn empty_section(stored: &str, subscriber: &Subscriber) -> Section {
    let is_own = subscriber
        .interests
        .iter()
        .any(|interest| interest.name == stored);
    let ours = [
        (
            ranking::Section::FollowedAuthors,
            SectionKind::FollowedAuthors,
        ),
        (ranking::Section::Trending, SectionKind::Trending),
        (ranking::Section::New, SectionKind::New),
    ];
    let kind = ours
        .into_iter()
        .find(|(section, _)| !is_own && heading(section) == stored)
        .map(|(_, kind)| kind);
    let section = ranking::Section::Interest(stored.to_owned());
    Section {
        heading: if kind.is_some() {
            String::new()
        } else {
            stored.to_owned()
        },
        kind: kind.unwrap_or(SectionKind::Interest),
        terms: words_of(&subscriber.interests, &section),
        picks: Vec::new(),
    }
}

fn issue_pick(pick: &PastPick, subscriber: &Subscriber) -> IssuePick {
    let paper = &pick.paper.paper;
    let is_told = pick.section == TOLD;
    let is_followed = |name: &&String| {
        subscriber
            .interests
            .iter()
            .flat_map(|interest| &interest.authors)
            .any(|known| same_person(known, name))
    };
    IssuePick {
        score: pick.score,
        why: if is_told {
            Vec::new()
        } else {
            because::read(&pick.reason).into_iter().map(why).collect()
        },
        followed: paper.authors.iter().filter(is_followed).cloned().collect(),
        row: None,
        news: if is_told {
            news(&pick.reason)
        } else {
            paper.withdrawn.then_some(PaperNews::Withdrawn)
        },
        paper: Arc::new(paper.clone()),
    }
}

/// What was told, read back from the words in which it is stored.
fn news(reason: &str) -> Option<PaperNews> {
    let version = reason
        .strip_prefix("replaced: version ")
        .and_then(|version| version.parse().ok());
    let place = reason
        .strip_prefix("published in ")
        .map(|place| PaperNews::Published(place.to_owned()));
    version
        .map(PaperNews::Replaced)
        .or(place)
        .or((reason == "withdrawn").then_some(PaperNews::Withdrawn))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_read_back() {
        for told in [
            PaperNews::Replaced(3),
            PaperNews::Published("Sheep 4".to_owned()),
            PaperNews::Withdrawn,
        ] {
            assert_eq!(news(&told.to_string()), Some(told));
        }
        assert_eq!(news("about sheep"), None);
    }
}
