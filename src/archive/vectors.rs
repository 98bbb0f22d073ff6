//! The papers' dense vectors of an installed model, kept up to date.

use super::VectorSearch;
use crate::embedding::{Embedder, QuantizedVector};
use crate::model::{ModelError, open_installed};
use crate::paper::Paper;
use crate::store::{Db, NewVector, PaperRow, StoreError, StoredPaper};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Papers per query.
const PAGE: u32 = 1024;

/// Papers whose vectors are stored in one transaction, and so lost by a crash. An
/// encoder needs some seconds for them.
const TOGETHER: usize = 64;

/// Reasons that the active model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VectorError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its files cannot be read.
    #[error("the active model {folder} cannot be used; `paperboy model use none` does without")]
    Model {
        /// Name of the model.
        folder: String,
        /// Why it cannot be used.
        source: ModelError,
    },
    /// Its files are not those that made the stored vectors.
    #[error(
        "the installed model {folder} is {found}, and the stored vectors are of {expected}: \
         `paperboy model use {folder}` computes them again"
    )]
    Another {
        /// Name of the model.
        folder: String,
        /// Embedder that the files hold.
        found: String,
        /// Embedder of the stored vectors.
        expected: String,
    },
}

/// The active model, opened once and cached while it stays active.
pub struct ActiveEmbedder {
    /// The folder of the installed models.
    models: PathBuf,
    kept: Mutex<Option<Arc<dyn Embedder>>>,
    /// The problem logged last.
    said: Mutex<Option<String>>,
}

impl std::fmt::Debug for ActiveEmbedder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ActiveEmbedder({})", self.models.display())
    }
}

impl ActiveEmbedder {
    /// The active one of the models in the folder `models`.
    pub fn new(models: impl Into<PathBuf>) -> Self {
        ActiveEmbedder {
            models: models.into(),
            kept: Mutex::default(),
            said: Mutex::default(),
        }
    }

    /// The active embedder; `None` if there is none, or if it cannot be used, which is
    /// logged once.
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
            tracing::error!("ranking without the active model: {error}");
            *said = Some(error);
        }
        Ok(None)
    }

    /// The active embedder; `None` if there is none.
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

/// The stored vectors of an embedder, scanned exactly: 60,000 of them take less time
/// than a person notices.
pub struct StoredVectors<'a> {
    db: &'a Db,
    maker: Arc<dyn Embedder>,
}

impl<'a> StoredVectors<'a> {
    /// The vectors of `maker` in `db`.
    pub fn new(db: &'a Db, maker: Arc<dyn Embedder>) -> Self {
        StoredVectors { db, maker }
    }
}

impl VectorSearch for StoredVectors<'_> {
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
                // Search by words still works.
                tracing::error!(
                    "searching without the active model: {:#}",
                    anyhow::Error::from(error)
                );
                Vec::new()
            }
        }
    }
}

/// The best entries of a stream; of equal ones the first.
pub(super) struct BestOf {
    most: usize,
    kept: Vec<(f32, PaperRow)>,
    /// The score that a new entry must exceed.
    bar: f32,
}

impl BestOf {
    pub(super) fn new(most: usize) -> Self {
        // A cosine of zero or less is not near.
        BestOf {
            most,
            kept: Vec::with_capacity(2 * most),
            bar: 0.0,
        }
    }

    pub(super) fn add(&mut self, value: f32, row: PaperRow) {
        if value > self.bar && self.most > 0 {
            self.kept.push((value, row));
            // Sorting once per `most` entries keeps the cost of each low.
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

/// Computes and stores missing vectors, those of the newest papers first. `step`
/// receives the number done and returns whether to go on; a later call continues from
/// there.
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
    fn the_best_of_a_stream_are_the_first_of_the_sorted_whole() {
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
