//! The loop that keeps which papers are most like each other.

use super::keep::{Step, Trouble};
use crate::clock::Clock;
use crate::edition::refresh_similar;
use crate::store::Db;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

pub(super) struct Kin {
    pub(super) db: Db,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) stop: CancellationToken,
}

impl Kin {
    /// Works the lists out anew if it is time.
    pub(super) async fn step(self: Arc<Self>) -> Result<Step, Trouble> {
        let (now, stop) = (self.clock.now(), self.stop.clone());
        let refresh = move |db: &Db| refresh_similar(db, now, &|| stop.is_cancelled());
        if let Some(changed) = self.db.run_blocking(refresh).await? {
            tracing::info!(changed, "it is known which papers are most like each other");
        }
        Ok(Step::Idle)
    }
}
