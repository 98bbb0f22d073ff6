//! Keeps the papers' dense vectors abreast of the archive, where a model is installed.

use super::find::Nearest;
use crate::embedding::{Embedder, QuantizedVector};
use crate::model::{ModelError, open_installed};
use crate::paper::Paper;
use crate::store::{Db, NewVector, PaperRow, StoreError, StoredPaper};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Papers read at a time.
const PAGE: u32 = 1024;

/// Papers whose vectors are kept together: what a sudden end costs. An encoder
/// needs some seconds for so many.
const TOGETHER: usize = 64;

/// Why the model whose vectors rank cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VectorError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its files.
    #[error("the active model {folder} cannot be used; `paperboy model use none` does without")]
    Model {
        /// Its name.
        folder: String,
        /// Why not.
        source: ModelError,
    },
    /// Other files than those that the vectors were made with.
    #[error(
        "the installed model {folder} is another one ({found}) than the papers' vectors are of ({expected}): \
         `paperboy model use {folder}` computes them anew"
    )]
    Another {
        /// Its name.
        folder: String,
        /// What it makes.
        found: String,
        /// What there is.
        expected: String,
    },
}

/// The model whose vectors rank, read once and kept as long as it is the active one.
pub struct ActiveEmbedder {
    /// The folder of the installed models.
    models: PathBuf,
    kept: Mutex<Option<Arc<dyn Embedder>>>,
    /// What was last said to be wrong with it.
    said: Mutex<Option<String>>,
}

impl std::fmt::Debug for ActiveEmbedder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ActiveEmbedder({})", self.models.display())
    }
}

impl ActiveEmbedder {
    /// Of the models in the folder `models`.
    pub fn new(models: impl Into<PathBuf>) -> Self {
        ActiveEmbedder {
            models: models.into(),
            kept: Mutex::default(),
            said: Mutex::default(),
        }
    }

    /// The maker of the vectors that rank; `None` if none was chosen, or if the
    /// chosen one cannot be used, which is said once.
    pub fn get_or_without(&self, db: &Db) -> Result<Option<Arc<dyn Embedder>>, StoreError> {
        let error = match self.get(db) {
            Ok(embedder) => {
                *self.said.lock().unwrap_or_else(PoisonError::into_inner) = None;
                return Ok(embedder);
            }
            Err(VectorError::Store(error)) => return Err(error),
            Err(error) => format!("{:#}", anyhow::Error::from(error)),
        };
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.as_ref() != Some(&error) {
            tracing::error!("ranking without the model: {error}");
            *said = Some(error);
        }
        Ok(None)
    }

    /// The maker of the vectors that rank; `None` if none was chosen.
    pub fn get(&self, db: &Db) -> Result<Option<Arc<dyn Embedder>>, VectorError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(active) = db.run_here(|store| store.active_model())? else {
            *kept = None;
            return Ok(None);
        };
        if let Some(kept) = kept.as_ref().filter(|kept| kept.name() == active.maker) {
            return Ok(Some(Arc::clone(kept)));
        }
        *kept = None;
        let opened = open_installed(&self.models, &active.folder);
        let embedder = opened.map_err(|source| VectorError::Model {
            folder: active.folder.clone(),
            source,
        })?;
        if embedder.name() != active.maker {
            let found = embedder.name().to_owned();
            return Err(VectorError::Another {
                folder: active.folder,
                found,
                expected: active.maker,
            });
        }
        *kept = Some(Arc::clone(&embedder));
        Ok(Some(embedder))
    }
}

/// The stored vectors of a maker, searched one after the other: exactly, since
/// 60,000 of them take less time than a person notices.
pub struct StoredVectors<'a> {
    db: &'a Db,
    maker: Arc<dyn Embedder>,
}

impl<'a> StoredVectors<'a> {
    /// Of `maker`, in `db`.
    pub fn new(db: &'a Db, maker: Arc<dyn Embedder>) -> Self {
        StoredVectors { db, maker }
    }
}

impl Nearest for StoredVectors<'_> {
    fn nearest(&self, paper: &Paper, limit: usize) -> Vec<PaperRow> {
        let Some(asked) = self.maker.embed(&[paper]).pop() else {
            return Vec::new();
        };
        let asked = QuantizedVector::new(&asked);
        let mut best = BestOf::new(limit);
        let scanned = self.db.run_here(|store| {
            store.each_vector(self.maker.name(), &mut |row, bytes| {
                if let Some(cosine) = asked.dot(bytes) {
                    best.add(cosine, row);
                }
            })
        });
        match scanned {
            Ok(()) => best.sorted(),
            Err(error) => {
                // What words find is still found.
                tracing::error!(
                    "searching without the model: {:#}",
                    anyhow::Error::from(error)
                );
                Vec::new()
            }
        }
    }
}

/// The best so many of a stream; of equals those that came first.
pub(super) struct BestOf {
    most: usize,
    kept: Vec<(f32, PaperRow)>,
    /// The least that is of interest.
    bar: f32,
}

impl BestOf {
    pub(super) fn new(most: usize) -> Self {
        // Without any likeness nothing is near.
        BestOf {
            most,
            kept: Vec::with_capacity(2 * most),
            bar: 0.0,
        }
    }

    pub(super) fn add(&mut self, value: f32, row: PaperRow) {
        if value > self.bar && self.most > 0 {
            self.kept.push((value, row));
            // Sorted once in so many times, each costs next to nothing.
            if self.kept.len() == 2 * self.most {
                self.shrink();
                self.bar = self.kept.last().map_or(0.0, |(value, _)| *value);
            }
        }
    }

    fn shrink(&mut self) {
        self.kept
            .sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        self.kept.truncate(self.most);
    }

    pub(super) fn sorted(mut self) -> Vec<PaperRow> {
        self.shrink();
        self.kept.into_iter().map(|(_, row)| row).collect()
    }
}

/// Makes and keeps the vectors that papers lack, of those announced last first.
/// `step` is told how many are done, and says whether to go on. What is done is
/// kept, so that the next call goes on from there.
pub fn refresh_vectors(
    db: &Db,
    embedder: &dyn Embedder,
    mut step: impl FnMut(u64) -> bool,
) -> Result<u64, StoreError> {
    let mut done = 0;
    let mut last: Option<StoredPaper> = None;
    loop {
        let missing =
            db.run_here(|store| store.vectors_missing(embedder.name(), last.as_ref(), PAGE))?;
        for together in missing.chunks(TOGETHER) {
            let papers: Vec<&Paper> = together.iter().map(|stored| &stored.paper).collect();
            let vectors = embedder.embed(&papers);
            let new: Vec<NewVector<'_>> = together
                .iter()
                .zip(&vectors)
                .map(|(paper, vector)| NewVector { paper, vector })
                .collect();
            done += db.run_here(|store| store.save_vectors(embedder.name(), &new))?;
            if !step(done) {
                return Ok(done);
            }
        }
        match missing.into_iter().next_back() {
            Some(paper) => last = Some(paper),
            None => return Ok(done),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_of_a_stream_are_those_of_the_sorted_whole() {
        for most in [0, 1, 3, 50, 1_000] {
            let values: Vec<f32> = (0..500_u32)
                .map(|at| (at * 7919 % 101) as f32 / 101.0)
                .collect();
            let mut best = BestOf::new(most);
            for (at, value) in (0..).zip(&values) {
                best.add(*value, PaperRow(at));
            }
            let mut all: Vec<(f32, i64)> = values
                .into_iter()
                .zip(0..)
                .filter(|(value, _)| *value > 0.0)
                .collect();
            all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            let expected: Vec<PaperRow> = all
                .into_iter()
                .take(most)
                .map(|(_, row)| PaperRow(row))
                .collect();
            assert_eq!(best.sorted(), expected);
        }
    }
}
