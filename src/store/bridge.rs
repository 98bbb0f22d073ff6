//! The one place where async code meets the blocking store.

use super::{Store, StoreError};
use std::any::Any;
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
        self.run_boxed(boxed(job)).await.map(unboxed)
    }

    /// Runs `job`, which changes nothing, on a blocking thread, beside what is
    /// being written; each verb sees what was committed before it.
    pub async fn read<T, F>(&self, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut dyn Store) -> Result<T, StoreError> + Send + 'static,
    {
        self.read_boxed(boxed(job)).await.map(unboxed)
    }

    async fn run_boxed(&self, job: Job) -> Answer {
        let store = Arc::clone(&self.writer);
        blocking(Box::new(move || job(lock(&store).as_mut()))).await
    }

    async fn read_boxed(&self, job: Job) -> Answer {
        let Some(readers) = self.readers.clone() else {
            return self.run_boxed(job).await;
        };
        let Ok(_turn) = readers.free.acquire().await else {
            return Err(StoreError::Closed);
        };
        let pool = Arc::clone(&readers);
        blocking(Box::new(move || pool.lend(job))).await
    }

    /// Runs `job`, which may ask the store many times, on a blocking thread.
    pub async fn run_blocking<T, F>(&self, job: F) -> T
    where
        T: Send + 'static,
        F: FnOnce(&Db) -> T + Send + 'static,
    {
        let db = self.clone();
        let job: Box<dyn FnOnce() -> Answer + Send> = Box::new(move || Ok(Box::new(job(&db))));
        let value = blocking(job).await;
        unboxed(value.expect("the runtime outlives the callers that wait for it"))
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

/// The result of a job, its type erased.
type Answer = Result<Box<dyn Any + Send>, StoreError>;

/// A job for the store. Boxed, so that the machinery that runs jobs on other threads is compiled
/// once and not for each of the hundreds of jobs.
type Job = Box<dyn FnOnce(&mut dyn Store) -> Answer + Send>;

fn boxed<T, F>(job: F) -> Job
where
    T: Send + 'static,
    F: FnOnce(&mut dyn Store) -> Result<T, StoreError> + Send + 'static,
{
    Box::new(move |store| match job(store) {
        Ok(value) => Ok(Box::new(value)),
        Err(error) => Err(error),
    })
}

fn unboxed<T: 'static>(value: Box<dyn Any + Send>) -> T {
    *value.downcast().expect("`boxed` erased this very type")
}

/// Runs `job` on a blocking thread; fails if the program is stopping.
async fn blocking(job: Box<dyn FnOnce() -> Answer + Send>) -> Answer {
    match tokio::task::spawn_blocking(job).await {
        Ok(answer) => answer,
        Err(stopped) if stopped.is_panic() => std::panic::resume_unwind(stopped.into_panic()),
        Err(_) => Err(StoreError::Closed),
    }
}
