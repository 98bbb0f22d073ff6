//! Keeps what was learned from the archive abreast of it.

use super::signing::{Unsigned, sign_changed};
use crate::embedding::svd::{LEARN_MAX, LEARN_MIN};
use crate::embedding::{Embedder, SvdEmbedder};
use crate::paper::{Paper, PaperId};
use crate::profile::{Background, DenseBackground, TermCounter, TermCounts};
use crate::store::{Db, PaperRow, StoreError, StoredEmbedder, StoredPaper};
use rayon::prelude::*;
use std::sync::Arc;

/// Papers counted between two looks at the database.
const BATCH: u32 = 2_000;

/// Papers whose vectors are enough to tell how vectors are spread.
const SPREAD_SAMPLE: usize = 5_000;

/// The kind under which the maker that was learned here is stored.
const LEARNED_HERE: &str = "svd";

/// The kind under which statistics of any other maker's vectors are stored.
const INSTALLED: &str = "installed";

/// What is known of all papers together. One serves every subscriber.
#[derive(Debug)]
pub struct Archive {
    /// How common each term is.
    pub background: Background,
    /// Dense vectors, where the archive is large enough to learn them from.
    pub vectors: Option<Vectors>,
}

/// A maker of dense vectors and how its vectors are spread over the archive.
pub struct Vectors {
    maker: Arc<dyn Embedder>,
    /// Whether the papers' vectors are kept: those of an installed model are.
    are_kept: bool,
    /// The statistics.
    pub background: DenseBackground,
}

impl std::fmt::Debug for Vectors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vectors({})", self.maker.name())
    }
}

impl Vectors {
    /// The vectors of papers, in order: those that are kept, and of the others new ones.
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

    /// The vectors of papers that are not taken in, in order.
    pub fn of_others(&self, papers: &[&Paper]) -> Vec<Vec<f32>> {
        self.maker.embed(papers)
    }

    /// The vectors of texts that are no papers: an interest's words.
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

/// Words in the shape in which makers take texts.
pub(crate) fn words_as_paper(text: &str) -> Paper {
    let id: PaperId = "words".parse().expect("a plain word is an id");
    Paper::new(id, text.to_owned())
}

/// What is known of all papers taken in so far: the stored statistics, with newer
/// papers counted in and stored again. Dense vectors are `embedder`'s, or without
/// one those of a maker that is learned from the archive. `step` is told the
/// papers counted.
///
/// A paper is counted once, as it was first seen: what a later version changes
/// does not matter to statistics over the whole archive.
pub fn refresh_archive(
    db: &Db,
    embedder: Option<Arc<dyn Embedder>>,
    step: impl FnMut(u64),
) -> Result<Arc<Archive>, StoreError> {
    let background = refresh_background(db, step)?;
    let vectors = match embedder {
        Some(embedder) => vectors_by(db, embedder, background.papers())?,
        None => vectors_learned_here(db, background.papers())?,
    };
    Ok(Arc::new(Archive {
        background,
        vectors,
    }))
}

/// How common each term is, with newer papers counted in and stored again, and
/// signed, as are those whose text has changed.
/// `step` is told the papers counted.
pub fn refresh_background(db: &Db, mut step: impl FnMut(u64)) -> Result<Background, StoreError> {
    let stored = db.run_here(|store| store.background())?;
    let stored = stored.and_then(|(row, bytes)| Some((row, Background::from_bytes(&bytes)?)));
    let (mut counted_to, mut background) = stored.unwrap_or((PaperRow(0), Background::default()));
    let (mut is_newer, mut unsigned) = (false, Unsigned::default());
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
        // Should the program end before the statistics are stored, both are made again.
        unsigned.sign(db, &background)?;
        let bytes = background.to_bytes();
        db.run_here(|store| store.save_background(counted_to, &bytes))?;
    }
    sign_changed(db, &background)?;
    Ok(background)
}

/// Whether what was learned from an archive of `then` papers still holds: words
/// keep their company, so only an archive half as large again teaches more.
fn still_holds(then: u32, now: u32) -> bool {
    now >= then && now - then <= then / 2
}

fn vectors_learned_here(db: &Db, papers: u32) -> Result<Option<Vectors>, StoreError> {
    let stored = db
        .run_here(|store| store.embedder(LEARNED_HERE))?
        .filter(|stored| still_holds(stored.papers, papers));
    let stored = stored.and_then(|stored| {
        let maker = SvdEmbedder::from_bytes(&stored.model)?;
        let background = DenseBackground::from_bytes(maker.name(), &stored.background)?;
        Some(Vectors {
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
    Ok(Some(Vectors {
        maker: Arc::new(maker),
        are_kept: false,
        background,
    }))
}

fn vectors_by(
    db: &Db,
    maker: Arc<dyn Embedder>,
    papers: u32,
) -> Result<Option<Vectors>, StoreError> {
    let stored = db.run_here(|store| store.embedder(INSTALLED))?;
    let stored =
        stored.filter(|stored| stored.name == maker.name() && still_holds(stored.papers, papers));
    let stored =
        stored.and_then(|stored| DenseBackground::from_bytes(&stored.name, &stored.background));
    if let Some(background) = stored {
        return Ok(Some(Vectors {
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
    Ok(Some(Vectors {
        maker,
        are_kept: true,
        background,
    }))
}

/// What `each` makes of at most `most` papers, spread evenly over the archive.
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
