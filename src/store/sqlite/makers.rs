//! What was learned from the archive to make dense vectors with.

use super::SqliteStore;
use crate::store::{MakerStore, StoreError, StoredMaker};
use rusqlite::{OptionalExtension, named_params};

impl MakerStore for SqliteStore {
    fn maker(&mut self, kind: &str) -> Result<Option<StoredMaker>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT name, papers, model, background
               FROM vector_makers
              WHERE kind = :kind",
        )?;
        let found = statement.query_row(named_params! { ":kind": kind }, |row| {
            Ok(StoredMaker {
                name: row.get("name")?,
                papers: row.get("papers")?,
                model: row.get("model")?,
                background: row.get("background")?,
            })
        });
        Ok(found.optional()?)
    }

    fn save_maker(&mut self, kind: &str, maker: &StoredMaker) -> Result<(), StoreError> {
        self.conn.execute(
            "INSERT OR REPLACE INTO vector_makers (kind, name, papers, model, background)
             VALUES (:kind, :name, :papers, :model, :background)",
            named_params! {
                ":kind": kind,
                ":name": maker.name,
                ":papers": maker.papers,
                ":model": maker.model,
                ":background": maker.background,
            },
        )?;
        Ok(())
    }
}
