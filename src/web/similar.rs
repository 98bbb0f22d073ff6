//! Which papers are like a given one, where no list of them is kept: the paper is
//! new, or a model is installed, which finds others.
//!
//! Working it out takes some milliseconds of a whole core and the statistics of
//! the archive, so it is done once an hour at most for each paper, for two
//! papers at a time, and the statistics are read now and then, not for a page.

use super::{PageError, Site, meaning};
use crate::edition::find::{self, Nearest};
use crate::edition::refresh_background;
use crate::profile::Background;
use crate::store::{PaperRow, StoredPaper};
use chrono::{DateTime, TimeDelta, Utc};
use quick_cache::sync::Cache;
use std::sync::Arc;
use tokio::sync::{Mutex, Semaphore};

/// Similar papers on a page.
pub(super) const SHOWN: usize = 8;

/// How long what was worked out holds: new papers come once a day.
const FRESH: TimeDelta = TimeDelta::hours(1);

/// Papers of which the answer is kept: some 150 bytes for each.
const KEPT: usize = 20_000;

/// Worked out at a time.
const AT_A_TIME: usize = 2;

#[derive(Clone)]
struct Known {
    at: DateTime<Utc>,
    rows: Arc<[PaperRow]>,
}

/// What is remembered.
pub(super) struct Similar {
    known: Cache<PaperRow, Known>,
    background: Mutex<Option<(DateTime<Utc>, Arc<Background>)>>,
    turns: Semaphore,
}

impl Default for Similar {
    fn default() -> Self {
        Similar { known: Cache::new(KEPT), background: Mutex::default(), turns: Semaphore::new(AT_A_TIME) }
    }
}

/// The papers most like `paper`, most alike first.
pub(super) async fn similar(site: &Site, paper: &StoredPaper) -> Result<Vec<StoredPaper>, PageError> {
    let (memory, now, row) = (&site.state.similar, site.clock.now(), paper.row);
    if let Some(known) = memory.known.get(&row).filter(|known| is_fresh(known.at, now)) {
        return Ok(site.db.read(move |store| store.papers_in_rows(&known.rows)).await?);
    }
    // The semaphore is never closed; were it, a page more at a time does no harm.
    let _turn = memory.turns.acquire().await;
    let background = background(site, now).await?;
    let paper = paper.clone();
    let vectors = meaning::vectors(site).await?;
    let work = move |db: &_| {
        let dense = vectors.as_deref().map(|vectors| vectors as &dyn Nearest);
        find::similar(db, &background, &paper, SHOWN, dense)
    };
    let found = site.db.run_blocking(work).await?;
    let rows = found.iter().map(|stored| stored.row).collect();
    memory.known.insert(row, Known { at: now, rows });
    Ok(found)
}

fn is_fresh(at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    at <= now && now - at < FRESH
}

/// The statistics of the archive; while they are read, others wait for them.
pub(super) async fn background(site: &Site, now: DateTime<Utc>) -> Result<Arc<Background>, PageError> {
    let mut held = site.state.similar.background.lock().await;
    if let Some((at, background)) = &*held
        && is_fresh(*at, now)
    {
        return Ok(Arc::clone(background));
    }
    let read = site.db.run_blocking(|db| refresh_background(db, |_| {})).await;
    let background = match (read, &*held) {
        (Ok(background), _) => Arc::new(background),
        // A full disk is no reason to show less than an hour ago.
        (Err(error), Some((_, old))) => {
            tracing::warn!("the statistics of the archive cannot be brought up to date: {error}");
            Arc::clone(old)
        }
        (Err(error), None) => return Err(error.into()),
    };
    *held = Some((now, Arc::clone(&background)));
    Ok(background)
}
