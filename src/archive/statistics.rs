//! Statistics of the archive, kept up to date.

use super::signatures::{UnsignedPapers, sign_changed};
use crate::embedding::svd::{LEARN_MAX, LEARN_MIN};
use crate::embedding::{Embedder, SvdEmbedder};
use crate::paper::{Paper, PaperId};
use crate::profile::{Background, DenseBackground, TermCounter, TermCounts};
use crate::store::{Db, PaperRow, StoreError, StoredEmbedder, StoredPaper};
use rayon::prelude::*;
use std::sync::Arc;

/// Papers per query.
const BATCH: u32 = 2_000;

/// Papers that suffice to learn the spread of a maker's vectors.
const SPREAD_SAMPLE: usize = 5_000;

/// Kind under which the embedder learned from this archive is stored.
const LEARNED_HERE: &str = "svd";

/// Kind under which the statistics of an installed embedder are stored.
const INSTALLED: &str = "installed";

/// Statistics over all papers; one instance serves every subscriber.
#[derive(Debug)]
pub struct ArchiveStats {
    /// How common each term is.
    pub background: Background,
    /// Dense vectors; `None` while the archive is too small to learn them from.
    pub vectors: Option<ArchiveVectors>,
}

/// An embedder and the spread of its vectors over the archive.
pub struct ArchiveVectors {
    maker: Arc<dyn Embedder>,
    /// Whether the papers' vectors are stored: only those of an installed model are.
    are_kept: bool,
    /// The spread.
    pub background: DenseBackground,
}

impl std::fmt::Debug for ArchiveVectors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ArchiveVectors({})", self.maker.name())
    }
}

impl ArchiveVectors {
    /// The vectors of papers, in order: stored ones, and computed ones where none is stored.
    pub fn of(&self, db: &Db, papers: &[StoredPaper]) -> Result<Vec<Vec<f32>>, StoreError> {
        if !self.are_kept {
            return Ok(self.maker.embed(
                &papers
                    .iter()
                    .map(|stored| &stored.paper)
                    .collect::<Vec<_>>(),
            ));
        }
        kept_or_made(db, &*self.maker, &papers.iter().collect::<Vec<_>>())
    }

    /// The vectors of papers that are not in the archive, in order.
    pub fn of_others(&self, papers: &[&Paper]) -> Vec<Vec<f32>> {
        self.maker.embed(papers)
    }

    /// The vectors of texts that are no papers, such as the words of an interest.
    pub fn of_words(&self, texts: &[String]) -> Vec<Vec<f32>> {
        let papers: Vec<Paper> = texts.iter().map(|text| words_as_paper(text)).collect();
        self.maker.embed(&papers.iter().collect::<Vec<_>>())
    }
}

fn kept_or_made(
    db: &Db,
    maker: &dyn Embedder,
    papers: &[&StoredPaper],
) -> Result<Vec<Vec<f32>>, StoreError> {
    let rows: Vec<PaperRow> = papers.iter().map(|stored| stored.row).collect();
    let kept = db.run_here(|store| store.vectors(maker.name(), &rows))?;
    let lacking = papers
        .iter()
        .zip(&kept)
        .filter(|(_, kept)| kept.is_none())
        .map(|(stored, _)| &stored.paper);
    let mut made = maker.embed(&lacking.collect::<Vec<_>>()).into_iter();
    Ok(kept
        .into_iter()
        .map(|kept| kept.or_else(|| made.next()).unwrap_or_default())
        .collect())
}

/// A text in the form that embedders take.
pub(crate) fn words_as_paper(text: &str) -> Paper {
    let id: PaperId = "words".parse().expect("a plain word is an id");
    Paper::new(id, text.to_owned())
}

/// The stored statistics, updated with newer papers and stored again. Dense vectors are
/// those of `embedder`, or without one of an embedder learned from the archive. `step`
/// receives the number of papers counted.
///
/// A paper is counted once, as it was first seen: later versions hardly change
/// statistics over the whole archive.
pub fn refresh_stats(
    db: &Db,
    embedder: Option<Arc<dyn Embedder>>,
    step: impl FnMut(u64),
) -> Result<Arc<ArchiveStats>, StoreError> {
    let background = refresh_background(db, step)?;
    let vectors = match embedder {
        Some(embedder) => vectors_by(db, embedder, background.papers())?,
        None => vectors_learned_here(db, background.papers())?,
    };
    Ok(Arc::new(ArchiveStats {
        background,
        vectors,
    }))
}

/// The term statistics, updated with newer papers and stored again. New papers, and
/// those whose text has changed, get signatures. `step` receives the number of papers
/// counted.
pub fn refresh_background(db: &Db, mut step: impl FnMut(u64)) -> Result<Background, StoreError> {
    let stored = db.run_here(|store| store.background())?;
    let stored = stored.and_then(|(row, bytes)| Some((row, Background::from_bytes(&bytes)?)));
    let (mut counted_to, mut background) = stored.unwrap_or((PaperRow(0), Background::default()));
    let (mut is_newer, mut unsigned) = (false, UnsignedPapers::default());
    loop {
        let papers: Vec<StoredPaper> =
            db.run_here(|store| store.papers_after(counted_to, BATCH))?;
        let Some(last) = papers.last() else { break };
        counted_to = last.row;
        let counted: Vec<_> = papers
            .par_iter()
            .map_init(TermCounter::new, |counter, stored| {
                counter.paper(&stored.paper)
            })
            .collect();
        for (stored, terms) in papers.iter().zip(&counted) {
            background.count(terms);
            unsigned.add(stored, terms);
        }
        if unsigned.is_full() {
            unsigned.sign(db, &background)?;
        }
        is_newer = true;
        step(u64::from(background.papers()));
    }
    if is_newer {
        background.settle();
        // Signatures first: after a crash before the statistics are stored, both are redone.
        unsigned.sign(db, &background)?;
        let bytes = background.to_bytes();
        db.run_here(|store| store.save_background(counted_to, &bytes))?;
    }
    sign_changed(db, &background)?;
    Ok(background)
}

/// Whether an embedder learned from `then` papers is still good for `now` papers: only
/// an archive half as large again teaches more.
fn still_holds(then: u32, now: u32) -> bool {
    now >= then && now - then <= then / 2
}

fn vectors_learned_here(db: &Db, papers: u32) -> Result<Option<ArchiveVectors>, StoreError> {
    let stored = db
        .run_here(|store| store.embedder(LEARNED_HERE))?
        .filter(|stored| still_holds(stored.papers, papers));
    let stored = stored.and_then(|stored| {
        let maker = SvdEmbedder::from_bytes(&stored.model)?;
        let background = DenseBackground::from_bytes(maker.name(), &stored.background)?;
        Some(ArchiveVectors {
            maker: Arc::new(maker),
            are_kept: false,
            background,
        })
    });
    if stored.is_some() || (papers as usize) < LEARN_MIN {
        return Ok(stored);
    }
    let sample = sample(db, papers, LEARN_MAX, |papers| {
        Ok(papers
            .par_iter()
            .map_init(TermCounter::new, |counter, stored| {
                counter.paper(&stored.paper)
            })
            .collect())
    })?;
    let Some(maker) = SvdEmbedder::learn(&sample) else {
        return Ok(None);
    };
    let vectors: Vec<Vec<f32>> = sample
        .par_iter()
        .map(|terms: &TermCounts| maker.embed_terms(terms))
        .collect();
    let Some(background) = DenseBackground::learn(maker.name(), &vectors) else {
        return Ok(None);
    };
    let stored = StoredEmbedder {
        name: maker.name().to_owned(),
        papers,
        model: maker.to_bytes(),
        background: background.to_bytes(),
    };
    db.run_here(|store| store.save_embedder(LEARNED_HERE, &stored))?;
    Ok(Some(ArchiveVectors {
        maker: Arc::new(maker),
        are_kept: false,
        background,
    }))
}

fn vectors_by(
    db: &Db,
    maker: Arc<dyn Embedder>,
    papers: u32,
) -> Result<Option<ArchiveVectors>, StoreError> {
    let stored = db.run_here(|store| store.embedder(INSTALLED))?;
    let stored =
        stored.filter(|stored| stored.name == maker.name() && still_holds(stored.papers, papers));
    let stored =
        stored.and_then(|stored| DenseBackground::from_bytes(&stored.name, &stored.background));
    if let Some(background) = stored {
        return Ok(Some(ArchiveVectors {
            maker,
            are_kept: true,
            background,
        }));
    }
    let sample = sample(db, papers, SPREAD_SAMPLE, |papers| {
        kept_or_made(db, &*maker, &papers)
    })?;
    let Some(background) = DenseBackground::learn(maker.name(), &sample) else {
        return Ok(None);
    };
    let stored = StoredEmbedder {
        name: maker.name().to_owned(),
        papers,
        model: Vec::new(),
        background: background.to_bytes(),
    };
    db.run_here(|store| store.save_embedder(INSTALLED, &stored))?;
    Ok(Some(ArchiveVectors {
        maker,
        are_kept: true,
        background,
    }))
}

/// The results of `each` for at most `most` papers, spread evenly over the archive.
fn sample<T>(
    db: &Db,
    papers: u32,
    most: usize,
    mut each: impl FnMut(Vec<&StoredPaper>) -> Result<Vec<T>, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let every = (papers as usize).div_ceil(most).max(1);
    let (mut after, mut seen, mut made) = (PaperRow(0), 0, Vec::new());
    loop {
        let batch: Vec<StoredPaper> = db.run_here(|store| store.papers_after(after, BATCH))?;
        let Some(last) = batch.last() else {
            return Ok(made);
        };
        after = last.row;
        let chosen = batch
            .iter()
            .enumerate()
            .filter(|(at, _)| (seen + at).is_multiple_of(every));
        made.extend(each(chosen.map(|(_, stored)| stored).collect())?);
        seen += batch.len();
    }
}
