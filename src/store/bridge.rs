//! The one place where async code meets the blocking store.

use super::{Store, StoreError};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// A store that async code may ask. Clones share it.
#[derive(Clone)]
pub struct Db {
    writer: Arc<Mutex<Box<dyn Store>>>,
    readers: Option<Arc<Readers>>,
}

/// Connections that only read, so that pages do not wait for what is being written.
struct Readers {
    idle: Mutex<Vec<Box<dyn Store>>>,
    free: Semaphore,
}

impl Readers {
    /// Runs `job` with one of the connections. The caller has a turn.
    fn lend<T>(
        &self,
        job: impl FnOnce(&mut dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut store = lock(&self.idle)
            .pop()
            .expect("there are as many turns as connections");
        // A job that panics must not take the connection with it.
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job(store.as_mut())));
        lock(&self.idle).push(store);
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Db")
    }
}

impl Db {
    /// A bridge to `store`.
    pub fn new(store: impl Store + 'static) -> Self {
        Db {
            writer: Arc::new(Mutex::new(Box::new(store))),
            readers: None,
        }
    }

    /// The same bridge, with connections of their own for [`Db::read`].
    #[must_use]
    pub fn with_readers(self, readers: Vec<Box<dyn Store>>) -> Self {
        let free = Semaphore::new(readers.len());
        let readers = (!readers.is_empty()).then(|| {
            Arc::new(Readers {
                idle: Mutex::new(readers),
                free,
            })
        });
        Db { readers, ..self }
    }

    /// Runs `job` on a blocking thread, alone with the store.
    pub async fn run<T, F>(&self, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut dyn Store) -> Result<T, StoreError> + Send + 'static,
    {
        let store = Arc::clone(&self.writer);
        blocking(move || job(lock(&store).as_mut()))
            .await
            .unwrap_or(Err(StoreError::Closed))
    }

    /// Runs `job`, which changes nothing, on a blocking thread, beside what is
    /// being written; each verb sees what was committed before it.
    pub async fn read<T, F>(&self, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut dyn Store) -> Result<T, StoreError> + Send + 'static,
    {
        let Some(readers) = self.readers.clone() else {
            return self.run(job).await;
        };
        let Ok(_turn) = readers.free.acquire().await else {
            return Err(StoreError::Closed);
        };
        let pool = Arc::clone(&readers);
        let joined = blocking(move || pool.lend(job));
        joined.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Runs `job`, which changes nothing and is done within a millisecond, on this very
    /// thread, beside what is being written: for threads that serve pages and do nothing
    /// else. Going to another one and back takes a good part of the time of such a job.
    pub async fn read_at_once<T, F>(&self, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut dyn Store) -> Result<T, StoreError> + Send + 'static,
    {
        let Some(readers) = &self.readers else {
            return self.run(job).await;
        };
        let Ok(_turn) = readers.free.acquire().await else {
            return Err(StoreError::Closed);
        };
        readers.lend(job)
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

    /// Runs `job`, which changes nothing, here and now, beside what is being
    /// written: for blocking threads. Commands, which have no readers, run it alone.
    pub fn read_here<T>(
        &self,
        job: impl FnOnce(&mut dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (Some(readers), Ok(runtime)) = (&self.readers, tokio::runtime::Handle::try_current())
        else {
            return self.run_here(job);
        };
        let Ok(_turn) = runtime.block_on(readers.free.acquire()) else {
            return Err(StoreError::Closed);
        };
        readers.lend(job)
    }

    /// Runs `job` here and now: for commands, which have nothing else to do.
    pub fn run_here<T>(
        &self,
        job: impl FnOnce(&mut dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        job(lock(&self.writer).as_mut())
    }
}

/// Every verb is a transaction, so a panic in another job left nothing half-done.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `job` on a blocking thread; `None` if the program is stopping.
async fn blocking<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    match tokio::task::spawn_blocking(job).await {
        Ok(value) => Some(value),
        Err(stopped) if stopped.is_panic() => std::panic::resume_unwind(stopped.into_panic()),
        Err(_) => None,
    }
}
