//! Keeps the background statistics abreast of the archive.

use crate::profile::{Background, TermCounter};
use crate::store::{Db, PaperRow, StoreError, StoredPaper};
use rayon::prelude::*;
use std::sync::Arc;

/// Papers counted between two looks at the database.
const BATCH: u32 = 2_000;

/// The background of all papers taken in so far: the stored one, with newer
/// papers counted in and stored again. `step` is told the papers counted.
///
/// A paper is counted once, as it was first seen: what a later version changes
/// does not matter to statistics over the whole archive.
pub fn refresh_background(db: &Db, mut step: impl FnMut(u64)) -> Result<Arc<Background>, StoreError> {
    let stored = db.run_here(|store| store.background())?;
    let stored = stored.and_then(|(row, bytes)| Some((row, Background::from_bytes(&bytes)?)));
    let (mut counted_to, mut background) = stored.unwrap_or((PaperRow(0), Background::default()));
    let mut is_newer = false;
    loop {
        let papers: Vec<StoredPaper> = db.run_here(|store| store.papers_after(counted_to, BATCH))?;
        let Some(last) = papers.last() else { break };
        counted_to = last.row;
        let counted: Vec<_> =
            papers.par_iter().map_init(TermCounter::new, |counter, stored| counter.paper(&stored.paper)).collect();
        for terms in &counted {
            background.count(terms);
        }
        is_newer = true;
        step(u64::from(background.papers()));
    }
    if is_newer {
        background.settle();
        let bytes = background.to_bytes();
        db.run_here(|store| store.save_background(counted_to, &bytes))?;
    }
    Ok(Arc::new(background))
}
