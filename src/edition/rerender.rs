//! Issues of earlier days, rendered again from their stored picks.
//!
//! The bytes of a mail are dropped once a server has answered for good; its picks stay.
//! The same templates render them again, with the papers as they are known now. The
//! number of papers below the line is not stored, and not shown.
//!
//! The link to an issue lets its holder read it and no more: links whose tokens have
//! other scopes (thumbs, preferences, leaving) lead to the page that mails a fresh link.

use super::composer::words_of;
use super::publisher::recent_coverage;
use super::{Composer, EditionError, missing_papers};
use crate::digest::{FragmentCache, Issue, IssuePick, IssueSection, Note, Rendered, render};
use crate::pick::{PaperNews, Reason};
use crate::ranking::Days;
use crate::store::{Db, PastIssueContent, PastPick};
use crate::subscriber::{AbstractLength, MailFormat, Subscriber};
use crate::text::same_person;
use chrono::NaiveDate;
use std::sync::Arc;

/// The issue of a subscriber of that date, rendered again as HTML, whatever format
/// they get by mail; `None` if there was none.
pub fn rerender_issue(
    db: &Db,
    composer: &Composer,
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
    let mut covers = missing_papers::covered(&coverage, &days, subscriber, kept.composed_at);
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
    let mut recipient = composer.recipient(&subscriber, date);
    recipient.preferences_url = composer.site.url("/preferences");
    recipient.unsubscribe_url = composer.site.url("/preferences");
    let template = |cause| EditionError::Template {
        subscriber: id.0,
        cause,
    };
    let mut rendered = render(
        &composer.templates,
        &FragmentCache::default(),
        &issue,
        &recipient,
        &composer.branding,
    )
    .map_err(template)?;
    if !rendered.left_out.is_empty() {
        // All of these were in the mail: papers that have grown since must not push one out.
        let mut preferences = subscriber.preferences.clone();
        preferences.abstracts = AbstractLength::Short;
        recipient.preferences = &preferences;
        rendered = render(
            &composer.templates,
            &FragmentCache::default(),
            &issue,
            &recipient,
            &composer.branding,
        )
        .map_err(template)?;
    }
    Ok(Some(rendered))
}

/// Most days of an issue.
const DAYS_MAX: usize = 62;

fn sections(kept: &PastIssueContent, subscriber: &Subscriber) -> Vec<IssueSection> {
    kept.picks
        .chunk_by(|a, b| a.section == b.section)
        .map(|picks| IssueSection {
            section: picks[0].section.clone(),
            terms: words_of(&subscriber.interests, &picks[0].section),
            picks: picks
                .iter()
                .map(|pick| issue_pick(pick, subscriber))
                .collect(),
        })
        .collect()
}

fn issue_pick(pick: &PastPick, subscriber: &Subscriber) -> IssuePick {
    let paper = &pick.paper.paper;
    let is_followed = |name: &&String| {
        subscriber
            .interests
            .iter()
            .flat_map(|interest| &interest.authors)
            .any(|known| same_person(known, name))
    };
    let (news, reasons): (Vec<Reason>, Vec<Reason>) = pick
        .reasons
        .iter()
        .cloned()
        .partition(|reason| matches!(reason, Reason::News(_)));
    let news = news.into_iter().find_map(|reason| match reason {
        Reason::News(news) => Some(news),
        _ => None,
    });
    IssuePick {
        score: pick.score,
        reasons,
        followed: paper.authors.iter().filter(is_followed).cloned().collect(),
        row: None,
        news: news.or(paper.withdrawn.then_some(PaperNews::Withdrawn)),
        paper: Arc::new(paper.clone()),
    }
}
