//! The one place where async code meets the blocking store.

use super::{Store, StoreError};
use std::sync::{Arc, Mutex, PoisonError};

/// A store that async code may ask. Clones share it.
#[derive(Clone)]
pub struct Db(Arc<Mutex<Box<dyn Store>>>);

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Db")
    }
}

impl Db {
    /// A bridge to `store`.
    pub fn new(store: impl Store + 'static) -> Self {
        Db(Arc::new(Mutex::new(Box::new(store))))
    }

    /// Runs `job` on a blocking thread, alone with the store.
    pub async fn run<T, F>(&self, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut dyn Store) -> Result<T, StoreError> + Send + 'static,
    {
        let store = Arc::clone(&self.0);
        let joined = tokio::task::spawn_blocking(move || {
            // Every verb is a transaction, so a panic in another job left nothing half-done.
            let mut guard = store.lock().unwrap_or_else(PoisonError::into_inner);
            job(guard.as_mut())
        })
        .await;
        match joined {
            Ok(result) => result,
            Err(stopped) if stopped.is_panic() => std::panic::resume_unwind(stopped.into_panic()),
            Err(_) => Err(StoreError::Closed),
        }
    }

    /// Runs `job`, which may ask the store many times, on a blocking thread.
    pub async fn run_blocking<T, F>(&self, job: F) -> T
    where
        T: Send + 'static,
        F: FnOnce(&Db) -> T + Send + 'static,
    {
        let db = self.clone();
        match tokio::task::spawn_blocking(move || job(&db)).await {
            Ok(value) => value,
            Err(stopped) => std::panic::resume_unwind(stopped.into_panic()),
        }
    }

    /// Runs `job` here and now: for commands, which have nothing else to do.
    pub fn run_here<T>(&self, job: impl FnOnce(&mut dyn Store) -> Result<T, StoreError>) -> Result<T, StoreError> {
        job(self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut())
    }
}
