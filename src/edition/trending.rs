//! Trending papers: votes from outside, with our own readers' thumbs and clicks.

use super::votes::{REMEMBERED, votes};
use crate::store::{Db, PaperRow, StoreError, StoredPaper};
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::HashMap;

/// Papers of a day, in reading order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DayInOrder {
    /// The requested page of papers.
    pub papers: Vec<StoredPaper>,
    /// Number of all papers.
    pub total: u32,
}

/// Up to `limit` papers announced on `date`, those with most votes first. Our readers'
/// likes, saves and clicks are added to the votes of each paper and decay within weeks.
pub fn trending(
    db: &Db,
    date: NaiveDate,
    limit: u32,
    now: DateTime<Utc>,
) -> Result<Vec<StoredPaper>, StoreError> {
    Ok(day_in_order(db, date, None, 0, limit, now)?.papers)
}

/// `limit` of the papers [`trending`] on `date`, or of those in `category`, after the
/// first `offset`.
pub fn day_in_order(
    db: &Db,
    date: NaiveDate,
    category: Option<&str>,
    offset: u32,
    limit: u32,
    now: DateTime<Utc>,
) -> Result<DayInOrder, StoreError> {
    let since = now - REMEMBERED;
    let (mut all, likes, clicks) = db.read_here(|store| {
        Ok((
            store.votes_of_day(date, category)?,
            store.likes_by_paper(since)?,
            store.clicks_since(since)?,
        ))
    })?;
    let own = votes(&likes, &clicks, now);
    for (row, votes) in &mut all {
        *votes = votes.saturating_add(whole(own.get(row)));
    }
    all.sort_by_key(|(row, votes)| (std::cmp::Reverse(*votes), *row));
    let total = all.len() as u32;
    let rows: Vec<_> = all
        .into_iter()
        .skip(offset as usize)
        .take(limit as usize)
        .map(|(row, _)| row)
        .collect();
    // Read only this page: a day has hundreds of papers.
    let mut papers = db.read_here(|store| store.papers_in_rows(&rows))?;
    add(&own, &mut papers);
    Ok(DayInOrder { papers, total })
}

/// Adds our readers' votes to the votes of `papers`.
pub(super) fn add_own_votes(
    db: &Db,
    papers: &mut [StoredPaper],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let since = now - REMEMBERED;
    let (likes, clicks) =
        db.read_here(|store| Ok((store.likes_by_paper(since)?, store.clicks_since(since)?)))?;
    let own = votes(&likes, &clicks, now);
    add(&own, papers);
    Ok(())
}

fn add(own: &HashMap<PaperRow, f32>, papers: &mut [StoredPaper]) {
    for stored in papers {
        let own = whole(own.get(&stored.row));
        if own > 0 {
            stored.paper.upvotes = Some(stored.paper.upvotes.unwrap_or(0).saturating_add(own));
        }
    }
}

/// Votes rounded to whole ones, as they are shown.
fn whole(votes: Option<&f32>) -> u32 {
    votes.map_or(0, |votes| votes.round() as u32)
}
