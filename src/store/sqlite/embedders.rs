//! Embedders learned from the archive.

use super::SqliteStore;
use crate::store::{EmbedderStore, StoreError, StoredEmbedder};
use rusqlite::{OptionalExtension, named_params};

impl EmbedderStore for SqliteStore {
    fn embedder(&mut self, kind: &str) -> Result<Option<StoredEmbedder>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT name, papers, model, background
               FROM vector_makers
              WHERE kind = :kind",
        )?;
        let found = statement.query_row(named_params! { ":kind": kind }, |row| {
            Ok(StoredEmbedder {
                name: row.get("name")?,
                papers: row.get("papers")?,
                model: row.get("model")?,
                background: row.get("background")?,
            })
        });
        Ok(found.optional()?)
    }

    fn save_embedder(&mut self, kind: &str, embedder: &StoredEmbedder) -> Result<(), StoreError> {
        self.conn.execute(
            "INSERT OR REPLACE INTO vector_makers (kind, name, papers, model, background)
             VALUES (:kind, :name, :papers, :model, :background)",
            named_params! {
                ":kind": kind,
                ":name": embedder.name,
                ":papers": embedder.papers,
                ":model": embedder.model,
                ":background": embedder.background,
            },
        )?;
        Ok(())
    }
}
