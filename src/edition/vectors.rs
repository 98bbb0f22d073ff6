//! Keeps the papers' dense vectors abreast of the archive, where a model is installed.

use crate::embedding::Embedder;
use crate::model::{ModelError, open_installed};
use crate::paper::Paper;
use crate::store::{Db, NewVector, StoreError, StoredPaper};
use std::path::Path;
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
#[derive(Default)]
pub struct ActiveEmbedder(Mutex<Option<Arc<dyn Embedder>>>);

impl std::fmt::Debug for ActiveEmbedder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ActiveEmbedder")
    }
}

impl ActiveEmbedder {
    /// The maker of the vectors that rank, among the models in the folder `models`;
    /// `None` if none was chosen.
    pub fn get(&self, db: &Db, models: &Path) -> Result<Option<Arc<dyn Embedder>>, VectorError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(active) = db.run_here(|store| store.active_model())? else {
            *kept = None;
            return Ok(None);
        };
        if let Some(kept) = kept.as_ref().filter(|kept| kept.name() == active.maker) {
            return Ok(Some(Arc::clone(kept)));
        }
        *kept = None;
        let opened = open_installed(models, &active.folder);
        let embedder = opened.map_err(|source| VectorError::Model { folder: active.folder.clone(), source })?;
        if embedder.name() != active.maker {
            let found = embedder.name().to_owned();
            return Err(VectorError::Another { folder: active.folder, found, expected: active.maker });
        }
        *kept = Some(Arc::clone(&embedder));
        Ok(Some(embedder))
    }
}

/// The maker of the vectors that rank, for commands: [`ActiveEmbedder::get`] without keeping it.
pub fn active_embedder(db: &Db, models: &Path) -> Result<Option<Arc<dyn Embedder>>, VectorError> {
    ActiveEmbedder::default().get(db, models)
}

/// Makes and keeps the vectors that papers lack, of those announced last first.
/// `step` is told how many are done, and says whether to go on. What is done is
/// kept, so that the next call goes on from there.
pub fn refresh_vectors(db: &Db, embedder: &dyn Embedder, mut step: impl FnMut(u64) -> bool) -> Result<u64, StoreError> {
    let mut done = 0;
    let mut last: Option<StoredPaper> = None;
    loop {
        let missing = db.run_here(|store| store.vectors_missing(embedder.name(), last.as_ref(), PAGE))?;
        for together in missing.chunks(TOGETHER) {
            let papers: Vec<&Paper> = together.iter().map(|stored| &stored.paper).collect();
            let vectors = embedder.embed(&papers);
            let new: Vec<NewVector<'_>> =
                together.iter().zip(&vectors).map(|(paper, vector)| NewVector { paper, vector }).collect();
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
