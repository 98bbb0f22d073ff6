//! What everybody reads, our own readers included.

use super::votes::{REMEMBERED, votes};
use crate::store::{Db, StoreError, StoredPaper};
use chrono::{DateTime, NaiveDate, Utc};

/// Up to `limit` papers announced on `date`, those with most votes first. Our
/// readers' likes, saves and clicks are added to the votes that each paper came
/// with; they fade within weeks.
pub fn trending(db: &Db, date: NaiveDate, limit: u32, now: DateTime<Utc>) -> Result<Vec<StoredPaper>, StoreError> {
    let mut papers = db.run_here(|store| store.papers_announced(date, date))?;
    add_own_votes(db, &mut papers, now)?;
    papers.sort_by_key(|stored| (std::cmp::Reverse(stored.paper.upvotes.unwrap_or(0)), stored.row));
    papers.truncate(limit as usize);
    Ok(papers)
}

/// Adds what our readers said to the votes of `papers`.
pub(super) fn add_own_votes(db: &Db, papers: &mut [StoredPaper], now: DateTime<Utc>) -> Result<(), StoreError> {
    let since = now - REMEMBERED;
    let (likes, clicks) = db.run_here(|store| Ok((store.likes_by_paper(since)?, store.clicks_since(since)?)))?;
    let own = votes(&likes, &clicks, now);
    for stored in papers {
        // Whole votes are what is shown; half a vote is one, less is none.
        let own = own.get(&stored.row).map_or(0, |own| own.round() as u32);
        if own > 0 {
            stored.paper.upvotes = Some(stored.paper.upvotes.unwrap_or(0).saturating_add(own));
        }
    }
    Ok(())
}
