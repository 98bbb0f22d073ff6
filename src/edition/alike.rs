//! Keeps for every paper which others are most like it, so that its page need
//! not work that out.

use super::refresh_background;
use crate::paper::Paper;
use crate::profile::TermCounter;
use crate::profile::features::weigh;
use crate::ranking::neighbours::{Archive, Sums};
use crate::ranking::similar::is_same_work;
use crate::store::{Db, PaperRow, SimilarRound, SimilarTo, StoreError, StoredPaper};
use chrono::{DateTime, TimeDelta, Utc};

/// Others kept of a paper: more than a page shows, for some of them may be the
/// same work from elsewhere, or become so.
const KEPT: usize = 14;

/// Papers that are compared with each other; with more, those taken in last. Some
/// 0.7 KB of memory for each while a round lasts.
const COMPARED_MAX: u64 = 200_000;

/// Papers read, and lists kept, at a time.
const BATCH: usize = 2_000;

/// What was added or merged since shows this much later in the lists of others.
const FRESH: TimeDelta = TimeDelta::hours(1);

/// Whether all lists are to be worked out anew. Until then a newcomer has no
/// list, and its page works it out.
fn is_due(last: Option<SimilarRound>, papers: u64, newest: PaperRow, now: DateTime<Utc>) -> bool {
    let Some(last) = last else { return papers > 0 };
    let has_changed = (last.papers, last.newest) != (papers, newest);
    // A first import should not wait: its newcomers are most of the papers.
    let many_are_new = papers > last.papers + last.papers / 10 + 100;
    has_changed && (many_are_new || last.at > now || now - last.at >= FRESH)
}

/// Works out which papers are most like each other, if papers have come or gone
/// since it was done: 47 seconds for 60,000 papers on a machine busy with four
/// other things. Says how many lists are new; `None` if nothing was to be done.
/// `stop` is asked between two batches: what was worked out until then is kept.
pub fn refresh_similar(db: &Db, now: DateTime<Utc>, stop: &dyn Fn() -> bool) -> Result<Option<u64>, StoreError> {
    let (last, (papers, newest)) = db.read_here(|store| Ok((store.similar_round()?, store.extent()?)))?;
    if !is_due(last, papers, newest, now) {
        return Ok(None);
    }
    let background = refresh_background(db, |_| {})?;
    let (mut archive, mut counter, mut rows) = (Archive::default(), TermCounter::new(), Vec::new());
    // Rows are numbered without many gaps.
    let mut after = PaperRow(newest.0.saturating_sub(COMPARED_MAX as i64).max(0));
    loop {
        let batch = db.read_here(|store| store.papers_after(after, BATCH as u32))?;
        let Some(last) = batch.last() else { break };
        if stop() {
            return Ok(None);
        }
        after = last.row;
        for stored in &batch {
            archive.add(&weigh(&counter.paper(&stored.paper), &background), &background);
            rows.push(stored.row);
        }
    }
    drop((background, counter));
    let (neighbours, mut sums, mut changed) = (archive.settle(), Sums::default(), 0);
    // The newest first: they are looked at most.
    for start in (0..rows.len()).step_by(BATCH).rev() {
        if stop() {
            return Ok(None);
        }
        let batch = start..rows.len().min(start + BATCH);
        let lists: Vec<SimilarTo> = batch
            .map(|at| {
                let others = neighbours.of(at, KEPT, &mut sums).into_iter().map(|other| rows[other]).collect();
                SimilarTo { paper: rows[at], others }
            })
            .collect();
        changed += db.run_here(|store| store.save_similar(&lists))?;
    }
    db.run_here(|store| store.save_similar_round(&SimilarRound { papers, newest, at: now }))?;
    Ok(Some(changed))
}

/// The first `limit` of `others` that are works of their own: not `paper`, none twice.
pub fn works_of_their_own(
    paper: &Paper,
    others: impl IntoIterator<Item = StoredPaper>,
    limit: usize,
) -> Vec<StoredPaper> {
    let mut chosen: Vec<StoredPaper> = Vec::with_capacity(limit);
    for other in others {
        if chosen.len() == limit {
            break;
        }
        let is_new = |known: &Paper| !is_same_work(known, &other.paper);
        if is_new(paper) && chosen.iter().all(|known| is_new(&known.paper)) {
            chosen.push(other);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_made_anew_when_papers_came_an_hour_ago_or_many_at_once() {
        let at: DateTime<Utc> = "2026-08-04T12:00:00Z".parse().unwrap();
        let last = SimilarRound { papers: 60_000, newest: PaperRow(60_010), at };
        let due =
            |papers, newest, minutes| is_due(Some(last), papers, PaperRow(newest), at + TimeDelta::minutes(minutes));
        assert!(!due(60_000, 60_010, 600), "nothing has changed");
        assert!(!due(60_500, 60_510, 30), "it is too soon");
        assert!(due(60_500, 60_510, 60));
        assert!(due(59_999, 60_010, 60), "two became one");
        assert!(due(70_000, 70_010, 1), "many are new");
        assert!(due(60_500, 60_510, -5), "the clock was set back");
        assert!(is_due(None, 1, PaperRow(1), at) && !is_due(None, 0, PaperRow(0), at));
    }
}
